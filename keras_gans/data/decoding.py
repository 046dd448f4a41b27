"""Decoding of image files: the one place where pixels come in.

Training folders and the commands both read through this module, so a file means the
same pixels to both. Images leave it as uint8 arrays of shape `(height, width,
channels)` with values in [0, 255].
"""

import contextlib
import io
import math
import os
import struct
import threading

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

from keras_gans.checks import one_of, positive_integer, require

# The readers are called directly instead of through `PIL.Image.open`: that would
# also try formats which are not supported here, and it has a pixel limit of its own.
_READERS = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
if features.modules.get("avif") and features.check("avif"):  # Pillow 11.3 and later.
    from PIL import AvifImagePlugin

    _READERS["AVIF"] = AvifImagePlugin.AvifImageFile

_STARTS = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": b"BM",
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
_EXIF_ORIENTATION = 0x0112
# From the orientation in an EXIF block, 2 to 8.
_UPRIGHT = (
    "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE "
    "ROTATE_90"
).split()
_UPRIGHT = {at: Image.Transpose[name] for at, name in enumerate(_UPRIGHT, 2)}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ImageError(ValueError):
    """An image file that cannot be used; the message names the file and says why."""


def decode_image(source, channels=3, max_pixels=50_000_000):
    """Decodes a PNG, JPEG, BMP, GIF, WebP, TIFF or AVIF image.

    The format is taken from the content, not from the name (AVIF needs Pillow 11.3 or
    later). Of an animation, and of several pages, the first is read. The EXIF
    orientation is applied. Transparency is laid over white. 16-bit grey is scaled to 8
    bits. Colour profiles are ignored.

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
    """
    one_of("channels", channels, (1, 3))
    return _decode(source, channels, max_pixels)


def decode_hints(source, max_pixels=50_000_000):
    """Decodes a picture of colour hints, which is transparent where there is none.

    As `decode_image`, but the transparency stays: the array is RGBA. An `ImageError` is
    also raised for a file without transparency.
    """
    return _decode(source, 4, max_pixels)


def header_size(path):
    """Returns `(height, width)` as in the header of an image file, before it is turned
    upright; `(0, 0)` where that does not tell."""
    try:
        with open(path, "rb") as stream:
            format_name = image_format(stream.read(16))
            stream.seek(0)
            if size := {"GIF": _gif_size, "WebP": _webp_size}.get(format_name):
                width, height = size(stream)
            else:
                width, height = _READERS[format_name](stream).size
            return height, width
    # On damaged files the readers raise almost anything; they are named when read.
    except Exception:
        return 0, 0


def image_size(content, formats, max_pixels):
    """Reads the size of an image file, and decodes nothing.

    Args:
        content: Bytes of the file.
        formats: Names of the formats that are allowed, such as `"PNG"`.
        max_pixels: Positive integer, the largest width times height. Of a GIF, all
            frames count: TensorFlow decodes all of them even if it returns one.

    Returns:
        Tuple of height, width and the number of pixels to be decoded.

    Raises:
        ImageError: As by `decode_image`.
    """
    format_name = image_format(content[:16])
    if format_name not in formats:
        raise ImageError(f"it must be an image in the format {' or '.join(formats)}")
    with reasons_given(""):
        stream = io.BytesIO(content)
        if format_name == "GIF":
            (width, height), *frames = _gif_sizes(stream)
            pixels = max(width * height, sum(map(math.prod, frames)))
        else:
            width, height = _READERS[format_name](stream).size
            pixels = width * height
        if pixels > max_pixels:
            raise ImageError(f"oversized: {pixels} pixels are more than {max_pixels}")
    return height, width, pixels


def is_turned(content):
    """Whether a JPEG file says that it is to be turned or mirrored to be upright."""
    if image_format(content[:16]) != "JPEG":
        return False
    with reasons_given(""):
        return _orientation(_READERS["JPEG"](io.BytesIO(content))) in _UPRIGHT


def _decode(source, channels, max_pixels):
    positive_integer("max_pixels", max_pixels)
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
        must = "Argument `source` must be the path or the bytes of an image"
        require(False, must, TypeError, source=type(source))
    with stream, reasons_given(f"{name}: "):
        image = _read(stream, channels, max_pixels)
    pixels = np.array(image)
    return pixels[..., np.newaxis] if channels == 1 else pixels


@contextlib.contextmanager
def reasons_given(name, what="cannot be decoded, probably truncated or corrupt"):
    """Turns whatever a reader of images raises into an `ImageError`."""
    try:
        yield
    except (MemoryError, ImportError):
        raise  # The machine's fault, not the file's.
    except ImageError as error:
        raise ImageError(f"{name}{error}") from error.__cause__
    # On damaged files the readers raise almost anything, `struct.error`, `IndexError`
    # and `SyntaxError` included.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name}{what} ({reason})") from error


def _read(stream, channels, max_pixels):
    """Returns the upright Pillow image in mode "L", "RGB" or "RGBA"."""
    start = stream.read(16)
    if not start:
        raise ImageError("the file is empty")
    format_name = image_format(start)
    if format_name is None:
        raise ImageError(
            f"its content is not an image of a supported format ({', '.join(_READERS)})"
        )

    # 1. The size. The GIF and WebP readers allocate or complain about large images
    #    by themselves when they are opened; the others only parse the header.
    stream.seek(0)
    if size := {"GIF": _gif_size, "WebP": _webp_size}.get(format_name):
        _check_pixels(size(stream), max_pixels)
    stream.seek(0)
    image = _READERS[format_name](stream)
    _check_pixels(image.size, max_pixels)

    # 2. The pixels, all of them.
    with _truncated_files_refused():
        image.load()
    orientation = _orientation(image)

    # 3. The modes: 16-bit grey, transparency, and the rest (palette, CMYK, 1 bit).
    if channels == 4:
        image = _with_transparency(image)
    elif image.mode == "F" or (format_name == "TIFF" and image.mode == "I"):
        raise ImageError(
            "its pixels are numbers of 32 bits, which have no agreed range. Save it "
            "with 8 or 16 bits"
        )
    elif image.mode.startswith("I"):
        image = _sixteen_to_eight_bits(image)
    elif image.has_transparency_data:
        image = _over_white(image)
    else:
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    return image.convert(_MODES[channels])


def image_format(start):
    """Tells the format of a file by its first 16 bytes; `None` if it is not read."""
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:12] in (b"ftypavif", b"ftypavis", b"ftypmif1", b"ftypmsf1"):
        return "AVIF" if "AVIF" in _READERS else None
    found = (name for name, marks in _STARTS.items() if start.startswith(marks))
    return next(found, None)


def _check_pixels(size, max_pixels):
    width, height = size
    must = f"oversized: {width} x {height} pixels are more than {max_pixels=}"
    if width * height > max_pixels:
        raise ImageError(must)


def _gif_size(stream):
    """Size of the canvas, which grows when the first frame reaches beyond it."""
    sizes = _gif_sizes(stream)
    canvas = next(sizes)
    return tuple(map(max, canvas, next(sizes, canvas)))


def _gif_sizes(stream):
    """Yields the size of the canvas, and of each frame with what is left and above."""
    width, height, flags = struct.unpack("<6xHHB2x", stream.read(13))
    yield width, height
    _skip_palette(stream, flags)
    while (block := stream.read(1)) not in (b"", b";"):
        if block == b"!":  # An extension: a label, then blocks.
            stream.seek(1, os.SEEK_CUR)
            _skip_blocks(stream)
        elif block == b",":
            left, top, width, height, flags = struct.unpack("<4HB", stream.read(9))
            yield left + width, top + height
            _skip_palette(stream, flags)
            stream.seek(1, os.SEEK_CUR)
            _skip_blocks(stream)


def _skip_palette(stream, flags):
    if flags & 0x80:
        stream.seek(3 << ((flags & 7) + 1), os.SEEK_CUR)


def _skip_blocks(stream):
    # Up to an empty one.
    while length := stream.read(1)[0]:
        stream.seek(length, os.SEEK_CUR)


def _webp_size(stream):
    start = stream.read(30)
    if start[12:16] == b"VP8X":
        sides = start[24:27], start[27:30]
        return tuple(int.from_bytes(side, "little") + 1 for side in sides)
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
