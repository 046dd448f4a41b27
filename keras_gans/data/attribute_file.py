"""Attribute files in the official format of CelebA."""

import pathlib

import numpy as np


def read_attribute_file(path):
    """Reads an attribute file in the official format of CelebA.

    Args:
        path: Path of the file: the number of images in the first line, the names of the
            attributes in the second, then a line for each image with its name and -1
            or 1 for each attribute.

    Returns:
        A triple `(rows, attributes, names)`: a dictionary from the name of each image
        to the number of its line, counted from 1; attributes, uint8 of 0 and 1 of shape
        `(rows, attributes)`; and a tuple of the names of the attributes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of this format; the message begins with the path and
            the number of the line.
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"There is no attribute file '{path}' (looked in {path.absolute().parent})."
        )
    if path.is_dir():
        raise ValueError(
            f"Expected an attribute file, but '{path}' is a folder. Give the file, in "
            "CelebA 'list_attr_celeba.txt'."
        )
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file ({error}).") from error

    # 1. The first two lines.
    first, second = (*lines[:2], "", "")[:2]
    if not first.strip().isdecimal():
        raise ValueError(
            f"{path}, line 1: expected the number of images alone, as in CelebA's "
            f"'list_attr_celeba.txt'. Received: {first[:60]!r}"
        )
    names = tuple(second.split())
    if not names:
        raise ValueError(
            f"{path}, line 2: expected the names of the attributes. It is empty."
        )
    if len(set(names)) < len(names):
        raise ValueError(
            f"{path}, line 2: the names of the attributes must differ. {twice(names)} "
            "comes twice."
        )

    # 2. The images. Empty lines, as at the end, hold none.
    rows, values, meaning = {}, [], {"-1": 0, "1": 1}
    for number, line in enumerate(lines[2:], 3):
        name, *columns = line.split() or [None]
        if name is None:
            continue
        if len(columns) != len(names):
            raise ValueError(
                f"{path}, line {number}: expected the name of an image and "
                f"{len(names)} values, one for each name in line 2. Received "
                f"{len(columns)} values: {line[:60]!r}"
            )
        if name in rows:
            raise ValueError(
                f"{path}, line {number}: the image {name!r} has a line already, line "
                f"{rows[name]}. Remove one of them."
            )
        try:
            values.append([meaning[value] for value in columns])
        except KeyError as error:
            attribute = names[columns.index(error.args[0])]
            raise ValueError(
                f"{path}, line {number}: the value of {attribute} must be -1 or 1. "
                f"Received: {error.args[0]!r}"
            ) from None
        rows[name] = number
    if int(first) != len(rows):
        raise ValueError(
            f"{path}, line 1: the number of images is {int(first)}, but lines of "
            f"{len(rows)} images follow. The file may be cut off; if it was edited, "
            "correct the number."
        )
    if not rows:
        raise ValueError(f"{path}: there is no image in the file.")
    return rows, np.array(values, "uint8"), names


def twice(names):
    """Returns the first name that comes a second time."""
    return next(name for index, name in enumerate(names) if name in names[:index])
