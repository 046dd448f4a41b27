"""Attribute files in the official format of CelebA."""

import pathlib

import numpy as np

from keras_gans.checks import require


def read_attribute_file(path):
    """Reads an attribute file in the official format of CelebA.

    Args:
        path: Path of the file, see `keras_gans.data.load_attributes`. Messages of
            errors begin with it and the number of the line.

    Returns:
        A triple `(rows, attributes, names)`: a dictionary from the name of each image
        to the number of its line, counted from 1; attributes, uint8 of 0 and 1 of shape
        `(rows, attributes)`; and a tuple of the names of the attributes.
    """
    path = pathlib.Path(path).expanduser()
    require(
        path.exists(),
        f"There is no attribute file '{path}' (looked in {path.absolute().parent})",
        FileNotFoundError,
    )
    require(
        not path.is_dir(),
        f"Expected an attribute file, but '{path}' is a folder. Give the file, in "
        "CelebA 'list_attr_celeba.txt'",
    )
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file ({error}).") from error

    # 1. The first two lines.
    first, second = (*lines[:2], "", "")[:2]
    require(
        first.strip().isdecimal(),
        f"{path}, line 1: expected the number of images alone, as in CelebA's "
        f"'list_attr_celeba.txt'. Received: {first[:60]!r}",
    )
    names = tuple(second.split())
    require(names, f"{path}, line 2: expected the names of the attributes. It is empty")
    check_names(names, f"{path}, line 2: the names of the attributes must differ")

    # 2. The images. Empty lines, as at the end, hold none.
    rows, values, meaning = {}, [], {"-1": 0, "1": 1}
    for number, line in enumerate(lines[2:], 3):
        name, *columns = line.split() or [None]
        if name is None:
            continue
        place = f"{path}, line {number}:"
        if len(columns) != len(names):
            raise ValueError(
                f"{place} expected the name of an image and {len(names)} values, one "
                f"for each name in line 2. Received {len(columns)}: {line[:60]!r}"
            )
        if name in rows:
            raise ValueError(
                f"{place} the image {name!r} has a line already, line {rows[name]}."
            )
        try:
            values.append([meaning[value] for value in columns])
        except KeyError as error:
            attribute, wrong = names[columns.index(error.args[0])], error.args[0]
            raise ValueError(
                f"{place} the value of {attribute} must be -1 or 1. Received: {wrong!r}"
            ) from None
        rows[name] = number
    require(
        int(first) == len(rows),
        f"{path}, line 1: the number of images is {int(first)}, but lines of "
        f"{len(rows)} images follow. The file may be cut off; if it was edited, "
        "correct the number",
    )
    require(rows, f"{path}: there is no image in the file")
    return rows, np.array(values, "uint8"), names


def check_names(names, must):
    """Raises an error, with the name, if a name comes twice."""
    for index, name in enumerate(names):
        require(name not in names[:index], f"{must}. {name} comes twice")
