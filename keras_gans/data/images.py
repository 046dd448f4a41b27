"""Reading of image files: the one place where pixels come in.

Training folders and the `translate` command both read through this module, so a
file means the same pixels to both. Images leave it as uint8 arrays of shape
`(height, width, channels)` with values in [0, 255].
"""

import collections
import concurrent.futures
import contextlib
import io
import operator
import os
import pathlib
import struct
import threading
import warnings

import keras
import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")

# The readers are called directly instead of through `PIL.Image.open`: that would
# also try formats which are not supported here, and it has a pixel limit of its own.
_READERS = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}

_PROGRESS_BAR_FROM = 501


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file and says why."""


def decode_image(source, channels=3, max_pixels=50_000_000):
    """Decodes a PNG, JPEG, BMP, GIF or WebP image.

    The format is taken from the content, not from the name. Of an animation the
    first frame is read. The EXIF orientation is applied. Transparency is laid over
    white. 16-bit grey is scaled to 8 bits. Colour profiles are ignored.

    Args:
        source: Path of an image file, or the bytes of one.
        channels: 3 for RGB (grey is repeated) or 1 for grey (the luma
            0.299 R + 0.587 G + 0.114 B). Defaults to 3.
        max_pixels: Positive integer, the largest width times height. A larger image
            is refused by its header, before any pixel is decoded. Defaults to
            50,000,000.

    Returns:
        uint8 array of shape `(height, width, channels)`, values in [0, 255].

    Raises:
        ImageError: When the file cannot be read, is empty, truncated or corrupt, is
            no image of a supported format, or has more than `max_pixels` pixels.

    Example:

    >>> image = decode_image(encode_png(np.zeros((2, 3, 1), "uint8")))
    >>> image.shape
    (2, 3, 3)
    """
    _check_channels(channels)
    return _decode(source, channels, max_pixels)


def decode_hints(source, max_pixels=50_000_000):
    """Decodes a picture of colour hints, which is transparent where there is none.

    As `decode_image`, but the transparency stays.

    Args:
        source: Path of a PNG, GIF or WebP file, or the bytes of one.
        max_pixels: Positive integer, the largest width times height. Defaults to
            50,000,000.

    Returns:
        uint8 array of shape `(height, width, 4)`, RGBA, values in [0, 255].

    Raises:
        ImageError: When the file has no transparency, or for the reasons of
            `decode_image`.
    """
    return _decode(source, 4, max_pixels)


def encode_png(image):
    """Encodes an image as PNG.

    Args:
        image: uint8 array of shape `(height, width, 1)` or `(height, width, 3)`,
            values in [0, 255].

    Returns:
        The bytes of the PNG file.
    """
    _check_image(image)
    stream = io.BytesIO()
    _to_pillow(image).save(stream, format="PNG")
    return stream.getvalue()


def resize_image(image, size):
    """Resizes an image with an antialiased bicubic filter.

    Args:
        image: uint8 array of shape `(height, width, 1)` or `(height, width, 3)`,
            values in [0, 255].
        size: Positive integer for a square, or `(height, width)`.

    Returns:
        uint8 array of that size; `image` itself when it already has it.
    """
    _check_image(image)
    height, width = _check_size(size)
    if image.shape[:2] == (height, width):
        return image
    resized = _to_pillow(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(resized).reshape(height, width, image.shape[-1])


def list_images(folder):
    """Lists the image files in a folder and its subfolders.

    Files are chosen by extension (.png, .jpg, .jpeg, .bmp, .gif, .webp, in upper or
    lower case). Files and folders whose name starts with a dot are left out.

    Args:
        folder: Path of a folder.

    Returns:
        Sorted list of `pathlib.Path`, never empty.

    Raises:
        FileNotFoundError: When the folder does not exist.
        ValueError: When the path is not a folder or holds no image file.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(
            "Argument `folder` must be the path of a folder. "
            f"Received: folder of type {type(folder).__name__}"
        )
    folder = pathlib.Path(folder)
    if not folder.exists():
        raise FileNotFoundError(
            f"There is no folder '{folder}' (looked in {folder.absolute().parent}). "
            "Check the spelling, or give an absolute path."
        )
    if not folder.is_dir():
        raise ValueError(
            f"Expected a folder of images, but '{folder}' is a file. "
            "Give the folder that holds it."
        )

    def fail(error):
        raise error  # `os.walk` would silently leave out what it cannot read.

    files = []
    for root, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [pathlib.Path(root, name) for name in names if name[0] != "."]
    images = sorted(path for path in files if path.suffix.lower() in EXTENSIONS)
    if not images:
        kinds = collections.Counter(path.suffix or "no extension" for path in files)
        found = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(5))
        raise ValueError(
            f"There is no image file in the folder '{folder}' or below it. "
            f"Files that end in {', '.join(EXTENSIONS)} are read. "
            f"Found instead: {found or 'no files'}. "
            "Give the folder of the images, or convert them to one of these formats."
        )
    return images


def load_folder(folder, size, channels=3, strict=False, max_pixels=50_000_000):
    """Reads all images of a folder and its subfolders into one array.

    A file that cannot be used is skipped with a warning that names it and the
    reason, and a last warning gives the number of skipped files.

    Args:
        folder: Path of a folder, see `list_images`.
        size: Positive integer for a square, or `(height, width)`. Every image is
            resized to it; the aspect ratio is not kept.
        channels: 3 for RGB or 1 for grey, see `decode_image`. Defaults to 3.
        strict: Whether the first unusable file, in sorted order, raises instead of
            being skipped. Defaults to `False`.
        max_pixels: Positive integer, the largest width times height of an image
            before resizing. Defaults to 50,000,000.

    Returns:
        uint8 array of shape `(images, height, width, channels)` in sorted order of
        the paths, values in [0, 255].

    Raises:
        FileNotFoundError: When the folder does not exist.
        ImageError: When a file cannot be used and `strict` is true.
        ValueError: When the folder holds no usable image.
    """
    height, width = _check_size(size)
    _check_channels(channels)
    _check_positive_integer("max_pixels", max_pixels)
    paths = list_images(folder)
    images = np.empty((len(paths), height, width, channels), "uint8")

    def load(index):
        try:
            image = decode_image(paths[index], channels, max_pixels)
        except ImageError as error:
            return error
        images[index] = resize_image(image, (height, width))
        return None

    progress = None
    if len(paths) >= _PROGRESS_BAR_FROM:
        progress = keras.utils.Progbar(len(paths), unit_name="image")
    errors, good = [], []
    pool = concurrent.futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        for index, error in enumerate(pool.map(load, range(len(paths)))):
            if error is None:
                good.append(index)
            elif strict:
                raise error
            else:
                errors.append(error)
            if progress is not None:
                progress.update(index + 1)
    finally:
        # After an error or Ctrl-C the waiting files need not be read any more.
        pool.shutdown(cancel_futures=True)

    # Warned here and not while reading, so that the progress bar stays whole.
    for error in errors:
        warnings.warn(f"Skipped {error}", stacklevel=2)
    if not good:
        raise ValueError(
            f"None of the {len(paths)} image files in '{folder}' can be used; the "
            f"first one is {errors[0]}. Replace the files, or give another folder."
        )
    if errors:
        warnings.warn(
            f"{len(errors)} of {len(paths)} files in {folder} were skipped",
            stacklevel=2,
        )
        # In place: a copy would double the memory of a large folder.
        for target, index in enumerate(good):
            images[target] = images[index]
    return images[: len(good)]


def _decode(source, channels, max_pixels):
    _check_positive_integer("max_pixels", max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        name, stream = "image bytes", io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        try:
            stream = open(source, "rb")
        except OSError as error:
            reason = error.strerror or error
            raise ImageError(f"{name}: cannot be opened: {reason}") from error
    else:
        raise TypeError(
            "Argument `source` must be the path or the bytes of an image. "
            f"Received: source of type {type(source).__name__}"
        )

    with stream:
        try:
            image = _read(stream, channels, max_pixels)
        except MemoryError:
            raise  # The machine's fault, not the file's.
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error.__cause__
        # On damaged files the readers raise almost anything, `struct.error`,
        # `IndexError` and `SyntaxError` included.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ImageError(
                f"{name}: cannot be decoded, probably truncated or corrupt ({reason})"
            ) from error
    pixels = np.array(image)
    return pixels[..., np.newaxis] if channels == 1 else pixels


def _read(stream, channels, max_pixels):
    """Returns the upright Pillow image in mode "L", "RGB" or "RGBA"."""
    start = stream.read(16)
    if not start:
        raise ImageError("the file is empty")
    image_format = _image_format(start)
    if image_format is None:
        raise ImageError(
            f"its content is not an image of a supported format ({', '.join(_READERS)})"
        )

    # 1. The size. The GIF and WebP readers allocate or complain about large images
    #    by themselves when they are opened; the others only parse the header.
    stream.seek(0)
    if image_format == "GIF":
        _check_pixels(_gif_size(stream), max_pixels)
    elif image_format == "WebP":
        _check_pixels(_webp_size(stream), max_pixels)
    stream.seek(0)
    image = _READERS[image_format](stream)
    _check_pixels(image.size, max_pixels)

    # 2. The pixels, all of them.
    with _truncated_files_refused():
        image.load()
    orientation = _orientation(image)

    # 3. The modes: 16-bit grey, transparency, and the rest (palette, CMYK, 1 bit).
    if channels == 4:
        image = _with_transparency(image)
    elif image.mode.startswith("I"):
        image = _sixteen_to_eight_bits(image)
    elif image.has_transparency_data:
        image = _over_white(image)
    elif image.mode in ("1", "L"):
        image = image.convert("L")
    else:
        image = image.convert("RGB")
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    return image.convert(_MODES[channels])


def _image_format(start):
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WebP"
    if start.startswith(b"BM"):
        return "BMP"
    return None


def _check_pixels(size, max_pixels):
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"oversized: {width} x {height} pixels are more than "
            f"max_pixels={max_pixels}"
        )


def _gif_size(stream):
    """Size of the canvas, which grows when the first frame reaches beyond it."""
    width, height, flags = struct.unpack("<6xHHB2x", stream.read(13))
    if flags & 0x80:  # A global palette follows.
        stream.seek(3 << ((flags & 7) + 1), os.SEEK_CUR)
    while (block := stream.read(1)) not in (b"", b";"):
        if block == b"!":  # An extension: a label, then blocks up to an empty one.
            stream.seek(1, os.SEEK_CUR)
            while length := stream.read(1)[0]:
                stream.seek(length, os.SEEK_CUR)
        elif block == b",":
            left, top, *frame = struct.unpack("<4H", stream.read(8))
            return max(width, left + frame[0]), max(height, top + frame[1])
    return width, height


def _webp_size(stream):
    start = stream.read(30)
    if start[12:16] == b"VP8X":
        return tuple(
            int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27)
        )
    if start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    width, height = struct.unpack("<26xHH", start)
    return width & 0x3FFF, height & 0x3FFF


_truncated_lock = threading.Lock()
_truncated_state = {"decoding": 0, "allowed": False}


@contextlib.contextmanager
def _truncated_files_refused():
    """Holds Pillow's switch for half-read images off while any thread decodes.

    Other libraries turn it on for the whole process, and truncated files would then
    come in as pictures that are partly grey.
    """
    state = _truncated_state
    with _truncated_lock:
        if state["decoding"] == 0:
            state["allowed"] = ImageFile.LOAD_TRUNCATED_IMAGES
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        state["decoding"] += 1
    try:
        yield
    finally:
        with _truncated_lock:
            state["decoding"] -= 1
            if state["decoding"] == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES = state["allowed"]


def _orientation(image):
    # `PIL.ImageOps.exif_transpose` also rewrites the EXIF block, which fails on
    # odd tags of good pictures; only the one number is needed.
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return 1  # A damaged EXIF block says nothing about the pixels.


def _sixteen_to_eight_bits(image):
    values = np.array(image).astype("uint32")
    transparent = image.info.get("transparency")
    if transparent is not None:
        values[values == transparent] = 65535
    # Rounded division by 65535 / 255. Pillow's own conversion clips at 255.
    return Image.fromarray(((values + 128) // 257).astype("uint8"))


def _over_white(image):
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _with_transparency(image):
    # Pillow cannot convert grey of 16 bits, whose transparency is one grey level.
    if image.mode.startswith("I") or not image.has_transparency_data:
        raise ImageError(
            "it has no transparency, so every pixel of it would be a hint. Save the "
            "hints as PNG with a transparent background"
        )
    return image.convert("RGBA")


def _to_pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _check_image(image):
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"Argument `image` must be a uint8 array. Received: {kind}")
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            "Argument `image` must have the shape (height, width, 1) or "
            f"(height, width, 3). Received: image.shape={image.shape}"
        )


def _check_channels(channels):
    if channels not in (1, 3):
        raise ValueError(
            "Argument `channels` must be 1 (grey) or 3 (RGB). "
            f"Received: channels={channels}"
        )


def _check_size(size):
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    try:
        height, width = (operator.index(length) for length in pair)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            "Argument `size` must be a positive integer or a pair (height, width) "
            f"of positive integers. Received: size={size}"
        )
    return height, width


def _check_positive_integer(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(
            f"Argument `{name}` must be a positive integer. Received: {name}={value}"
        )
