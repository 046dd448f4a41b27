"""Files of arrays: `.npz`, and the idx files of MNIST."""

import gzip
import math
import os
import pathlib
import re
import struct
import zipfile
import zlib

import numpy as np

# MNIST's files, with the dot, too, that some copies have for the second hyphen.
IDX_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")


def find_npz(source):
    path = pathlib.Path(source).expanduser()
    return path if path.suffix == ".npz" else None


def npz_has_test_split(path):
    with np.load(path) as file:
        return "x_test" in file


def load_npz(path, split, options):
    if not path.exists():
        raise FileNotFoundError(
            f"Argument `{options.argument}`: there is no file {str(path)!r}."
        )
    try:
        file = np.load(path)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            f"Argument `{options.argument}`: {str(path)!r} is not an .npz file, or is "
            f"damaged ({error})."
        ) from error
    with file:
        if f"x_{split}" not in file:
            raise ValueError(
                f"Argument `{options.argument}`: {str(path)!r} must hold the array "
                f"'x_{split}' (and 'y_{split}' for labels). It holds {sorted(file)}."
            )
        labels = file[f"y_{split}"] if f"y_{split}" in file else None
        return file[f"x_{split}"], labels


def find_idx(source):
    """Finds MNIST's idx files: a dictionary from ("train", "images") and so on."""
    path = pathlib.Path(source).expanduser()
    if IDX_NAME.fullmatch(path.name) and path.is_file():
        path = path.parent
    elif not os.fspath(source) or not path.is_dir():
        return {}
    files = {}
    for file in sorted(path.iterdir()):  # The unpacked file comes before its `.gz`.
        name = IDX_NAME.fullmatch(file.name)
        if name and file.is_file():
            files.setdefault((name[1], name[2]), file)
    return files


def load_idx(files, split, options):
    part = {"test": "t10k"}.get(split, split)
    path = files.get((part, "images"))
    if path is None:
        raise ValueError(
            f"Argument `{options.argument}`: there is no file "
            f"'{part}-images-idx3-ubyte' (or '.gz') in "
            f"{str(next(iter(files.values())).parent)!r}. "
            f"It holds {[file.name for file in files.values()]}."
        )
    images = _read_idx(path, 3, options.argument)
    labels_path = files.get((part, "labels"))
    if labels_path is None:
        return images, None
    labels = _read_idx(labels_path, 1, options.argument)
    if len(labels) != len(images):
        raise ValueError(
            f"Argument `{options.argument}`: {str(labels_path)!r} holds {len(labels)} "
            f"labels for the {len(images)} images of {path.name!r}."
        )
    return images, labels


def _read_idx(path, axes, argument):
    """Reads an idx file of bytes: 0, 0, type 8, axes; their lengths; the values."""
    content = path.read_bytes()
    # Told from the content: browsers unpack `.gz` files and keep the name.
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"Argument `{argument}`: {str(path)!r} is damaged ({error})."
            ) from error
    magic, header = bytes([0, 0, 8, axes]), 4 + 4 * axes
    if content[:4] != magic:
        raise ValueError(
            f"Argument `{argument}`: {str(path)!r} is not an idx file of bytes along "
            f"{axes} axes: it begins with '{content[:4].hex(' ')}', not with "
            f"'{magic.hex(' ')}'."
        )
    shape = struct.unpack(f">{axes}I", content[4:header].ljust(4 * axes, b"\0"))
    if len(content) != header + math.prod(shape):
        raise ValueError(
            f"Argument `{argument}`: {str(path)!r} is damaged: it has {len(content):,} "
            f"bytes where its header says {header + math.prod(shape):,}."
        )
    return np.frombuffer(content, "uint8", offset=header).reshape(shape).copy()
