"""Folders of image files, and images as files: reading many, resizing, encoding."""

import collections
import concurrent.futures
import contextlib
import io
import itertools
import os
import pathlib

import numpy as np
from PIL import Image

from keras_gans import checks
from keras_gans.checks import warn
from keras_gans.data.cache import Stream, file_facts, keep
from keras_gans.data.decoding import (  # noqa: F401
    ImageError,
    decode_hints,
    decode_image,
    image_format,
)

# Files that are listed without a look at their content. What is no image after all is
# named when it is read.
EXTENSIONS = tuple(".png .jpg .jpeg .jfif .bmp .gif .webp .tif .tiff .avif".split())
_THREADS = min(8, os.cpu_count() or 1)


def encode_png(image):
    """Encodes a uint8 image, `(height, width, 1 or 3)`, as the bytes of a PNG file."""
    _check_image(image)
    stream = io.BytesIO()
    _to_pillow(image).save(stream, format="PNG")
    return stream.getvalue()


def resize_image(image, size):
    """Resizes an image with an antialiased bicubic filter.

    Args:
        image: uint8 array of shape `(height, width, 1)` or `(height, width, 3)`,
            returned itself if it has the size.
        size: Positive integer for a square, or `(height, width)`.
    """
    _check_image(image)
    height, width = checks.height_and_width(size)
    if image.shape[:2] == (height, width):
        return image
    resized = _to_pillow(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(resized).reshape(height, width, image.shape[-1])


def resize_images(images, size):
    """Resizes a uint8 array `(n, height, width, 1 or 3)`, as `resize_image`."""
    size = checks.height_and_width(size)
    if images.shape[1:3] == size:
        return images
    return np.stack([resize_image(image, size) for image in images])


def list_images(folder):
    """Lists the image files in a folder and its subfolders: sorted paths, at least one.

    Files are chosen by extension (`EXTENSIONS`, in upper or lower case), and those of
    other names by their content. Linked folders are followed, but not into a folder
    that holds them. Files and folders whose name starts with a dot are left out in
    silence; of all others that are not used, one warning gives the number, by kind and
    reason.
    """
    must = "Argument `folder` must be the path of a folder"
    checks.require(
        isinstance(folder, (str, os.PathLike)), must, TypeError, folder=folder
    )
    folder = pathlib.Path(folder)
    checks.require(
        folder.exists(),
        f"There is no folder '{folder}' (looked in {folder.absolute().parent}). Check "
        "the spelling, or give an absolute path",
        FileNotFoundError,
    )
    checks.require(
        folder.is_dir(),
        f"Expected a folder of images, but '{folder}' is a file. Give the folder that "
        "holds it",
    )
    images, unused = [], collections.Counter()
    for path in _files_below(folder):
        ending = path.suffix.lower()
        reason = None if ending in EXTENSIONS else _why_no_image(path)
        if reason is None:
            images.append(path)
        else:
            unused[ending or "no extension", reason] += 1
    kinds = sorted(unused.items(), key=lambda item: (-item[1], item[0]))
    found = ", ".join(f"{count} x {kind} ({why})" for (kind, why), count in kinds)
    checks.require(
        images,
        f"There is no image file in the folder '{folder}' or below it. Files that end "
        f"in {', '.join(EXTENSIONS)}, or hold such an image, are read. Found instead: "
        f"{found or 'no files'}. Give the folder of the images, or convert them",
    )
    if unused:
        total = sum(unused.values())
        files = "1 file is" if total == 1 else f"{total} files are"
        warn(f"{files} not used in '{folder}': {found}")
    return sorted(images)


def _files_below(folder, above=()):
    """Yields the files in a folder and below, each folder's links included."""
    above = {*above, os.path.realpath(folder)}
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            yield pathlib.Path(entry.path)
        elif os.path.realpath(entry.path) not in above:  # Else it is a loop.
            yield from _files_below(entry.path, above)


def _why_no_image(path):
    """Says why a file is no image, or returns `None` if its content is one."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return "cannot be opened"
    if not start:
        return "empty"
    return None if image_format(start) else "no image of a format that is read"


def load_folder(
    folder, size, channels=3, strict=False, max_pixels=50_000_000, cache="memory"
):
    """Reads all images of a folder and its subfolders into one array.

    Args:
        folder: Path of a folder, see `list_images`.
        size: Positive integer for a square, or `(height, width)`. Every image is
            resized to it; the aspect ratio is not kept.
        channels, max_pixels: As for `decode_image`.
        strict: Whether the first unusable file, in sorted order, raises an
            `ImageError`. By default unusable files are skipped, see `read_files`.
        cache: Where the images are kept, see `keras_gans.data.cache`.

    Returns:
        Read-only uint8 array `(images, height, width, channels)`, in the order of
        `list_images`.
    """
    checks.height_and_width(size)  # Before a folder of many files is looked through.
    files = list_images(folder)
    return load_files(files, size, channels, strict, max_pixels, cache, folder)


def first_images(folder, count, size, channels=3):
    """Reads the first images of a folder that can be used, as `load_folder` does."""
    images = []
    for path in list_images(folder):
        with contextlib.suppress(ImageError):  # It is named where all are read.
            images.append(resize_image(decode_image(path, channels), size))
        if len(images) == count:
            break
    return np.stack(images)


def load_files(files, size, channels, strict, max_pixels, cache="memory", folder=None):
    """Reads a list of image files into one array, as `load_folder` does."""
    folder = pathlib.Path(files[0]).parent if folder is None else folder
    size = checks.height_and_width(size)
    checks.one_of("channels", channels, (1, 3))
    checks.positive_integer("max_pixels", max_pixels)

    def read(path):
        return resize_image(decode_image(path, channels, max_pixels), size)

    settings = {"channels": channels, "max_pixels": max_pixels}
    shape = (*size, channels)
    return read_files(files, read, shape, folder, settings, strict, cache)[0]


def read_files(
    files,
    read,
    shape,
    folder,
    settings=None,
    strict=False,
    cache="memory",
    what="image files",
):
    """Reads files into one array, in threads and with a progress bar for many.

    A file that cannot be used is skipped with a warning that names it and the reason,
    and a last warning gives the number of skipped files.

    Args:
        files: List of what `read` takes, paths or pairs of paths.
        read: Function from one of them to a uint8 array. It raises an `ImageError` for
            what cannot be used.
        shape: Shape of each array.
        folder: Where the files are, for messages.
        settings: JSON value of all else that decides about the arrays.
        strict: Whether the first unusable file, in the order of `files`, raises.
        cache: Where the arrays are kept, see `keras_gans.data.cache`.
        what: What `files` are, in messages.

    Returns:
        A pair: the arrays in one, and the places of `files` that could be used.
    """

    def load(index):
        try:
            return read(files[index])
        except ImageError as error:
            return error

    def images():
        for index, image in enumerate(in_threads(load, range(len(files)))):
            if not isinstance(image, ImageError):
                yield image, index
            elif strict:
                raise image
            else:
                stream.skipped.append(str(image))

    def identity():
        paths = [one if isinstance(one, tuple) else (one,) for one in files]
        return [what, shape, settings, file_facts(itertools.chain(*paths))]

    stream = Stream(images, len(files), shape, identity)
    arrays, good = keep(stream, cache)
    if strict and stream.skipped:
        raise ImageError(stream.skipped[0])
    # Warned here and not while reading, so that the progress bar stays whole.
    one = "the pair of " if what == "pairs" else ""
    for error in stream.skipped:
        warn(f"Skipped {one}{error}")
    if not len(arrays):
        raise ValueError(
            f"None of the {len(files)} {what} in '{folder}' can be used; the first one "
            f"is {stream.skipped[0]}. Replace the files, or give another folder."
        )
    if stream.skipped:
        skipped = len(stream.skipped)
        warn(f"{skipped} of {len(files)} {what} in {folder} were skipped")
    return arrays, good


def in_threads(function, items, ahead=4 * _THREADS):
    """Yields the results in order; never further `ahead` of whoever takes them."""
    pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
    waiting = collections.deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # After an error or Ctrl-C the waiting files need not be read any more.
        pool.shutdown(cancel_futures=True)


def _to_pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _check_image(image):
    checks.uint8_array("image", image)
    checks.require(
        image.ndim == 3 and image.shape[-1] in (1, 3) and 0 not in image.shape,
        "Argument `image` must have the shape (height, width, 1) or (height, width, 3)",
        shape=image.shape,
    )
