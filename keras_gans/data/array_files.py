"""Files of arrays: `.npz`, and the idx files of MNIST."""

import contextlib
import gzip
import math
import os
import pathlib
import re
import struct
import zipfile
import zlib

import numpy as np

from keras_gans.checks import require
from keras_gans.data.cache import goes_to_disk

# MNIST's files, with the dot, too, that some copies have for the second hyphen.
IDX_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")


def find_npz(source):
    path = pathlib.Path(source).expanduser()
    return path if path.suffix == ".npz" else None


def npz_has_test_split(path):
    with np.load(path) as file:
        return "x_test" in file


def load_npz(path, split, options):
    of = f"Argument `{options.argument}`: {str(path)!r}"
    require(path.exists(), f"{of}: there is no such file", FileNotFoundError)
    try:
        file = np.load(path)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ValueError(f"{of} is no .npz file, or is damaged ({error}).") from error
    with file:
        require(
            f"x_{split}" in file,
            f"{of} must hold the array 'x_{split}' (and 'y_{split}' for labels). It "
            f"holds {sorted(file)}",
        )
        labels = file[f"y_{split}"] if f"y_{split}" in file else None
        rows = Rows(path, f"x_{split}")
        # Of a large one, parts are read.
        if rows.is_readable and goes_to_disk(options.cache, rows.nbytes):
            return rows, labels
        return file[f"x_{split}"], labels


class Rows:
    """An array of uint8 images in an `.npz` file, of which parts are read in turn."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        with self._open() as (_, header):
            self.shape, is_fortran, dtype = header
        self.nbytes = math.prod(self.shape)
        self.is_readable = dtype == "uint8" and not is_fortran and self.nbytes > 0

    def parts(self, step):
        """Yields arrays of up to `step` images."""
        row = self.shape[1:]
        with self._open() as (file, _):
            for start in range(0, self.shape[0], step):
                length = min(step, self.shape[0] - start)
                content = file.read(length * math.prod(row))
                yield np.frombuffer(content, "uint8").reshape(length, *row)

    @contextlib.contextmanager
    def _open(self):
        with zipfile.ZipFile(self.path) as archive:
            with archive.open(f"{self.name}.npy") as file:
                version = np.lib.format.read_magic(file)
                if version == (1, 0):
                    header = np.lib.format.read_array_header_1_0(file)
                else:  # Of names and not of pixels, if it is not 2.0.
                    header = np.lib.format.read_array_header_2_0(file)
                yield file, header


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
    require(
        (part, "images") in files,
        f"Argument `{options.argument}`: there is no file '{part}-images-idx3-ubyte' "
        f"(or '.gz') beside {[str(file) for file in files.values()]}",
    )
    images = _read_idx(files[part, "images"], 3, options.argument)
    if (part, "labels") not in files:
        return images, None
    path = files[part, "labels"]
    labels = _read_idx(path, 1, options.argument)
    require(
        len(labels) == len(images),
        f"Argument `{options.argument}`: {str(path)!r} holds {len(labels)} labels for "
        f"the {len(images)} images beside it",
    )
    return images, labels


def _read_idx(path, axes, argument):
    """Reads an idx file of bytes: 0, 0, type 8, axes; their lengths; the values."""
    of, content = f"Argument `{argument}`: {str(path)!r}", path.read_bytes()
    # Told from the content: browsers unpack `.gz` files and keep the name.
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{of} is damaged ({error}).") from error
    magic, header = bytes([0, 0, 8, axes]), 4 + 4 * axes
    require(
        content[:4] == magic,
        f"{of} is not an idx file of bytes along {axes} axes: it begins with "
        f"'{content[:4].hex(' ')}', not with '{magic.hex(' ')}'",
    )
    shape = struct.unpack(f">{axes}I", content[4:header].ljust(4 * axes, b"\0"))
    length = header + math.prod(shape)
    require(
        len(content) == length,
        f"{of} is damaged: it has {len(content):,} bytes, its header says {length:,}",
    )
    return np.frombuffer(content, "uint8", offset=header).reshape(shape)
