"""Images of 16 bits: PNG and TIFF files that become floats, and back.

They have 65,536 levels where `decode_image` leaves 256. Pillow reads and writes 16 bits
of grey alone; TensorFlow has PNG, and the package tifffile TIFF.
"""

import io
import os
import struct

import numpy as np
from PIL import Image, PngImagePlugin

from keras_gans.checks import height_and_width
from keras_gans.data import decoding
from keras_gans.data.decoding import ImageError, decode_image, image_format
from keras_gans.pixels import LUMA, to_floats

_HALF = 65535 / 2
_MAX_PIXELS = 50_000_000


def decode_deep_image(path, channels=3):
    """Reads an image without loss of bits; other files as `decode_image` does.

    Args:
        path: Path of a file.
        channels: 3 for RGB or 1 for grey.

    Returns:
        Float32 array of shape `(height, width, channels)`, values in [-1, 1].
    """
    try:
        with open(path, "rb") as stream:
            start = stream.read(26)
    except OSError as error:
        raise ImageError(
            f"{path}: cannot be opened: {error.strerror or error}"
        ) from error
    kind, deep = image_format(start[:16]), None
    with decoding.reasons_given(f"{path}: ", "cannot be decoded"):
        if kind == "PNG" and start[24:25] == b"\x10":  # The bits of each channel.
            deep = _decode_png(path, start)
        elif kind == "TIFF":
            deep = _decode_tiff(path)
    if deep is None:
        return to_floats(decode_image(path, channels))
    image = deep.astype("float32") / _HALF - 1
    if image.shape[-1] in (2, 4):  # Over white, as everywhere.
        opacity = (image[..., -1:] + 1) / 2
        image = image[..., :-1] * opacity + (1 - opacity)
    if (image.shape[-1], channels) == (3, 1):
        image = (image @ np.array(LUMA, "float32"))[..., None]
    return image if image.shape[-1] == channels else image.repeat(channels, -1)


def encode_deep_image(image, kind="png"):
    """Returns the bytes of a file of 16 bits.

    Args:
        image: Float array of shape `(height, width, 1 or 3)` in [-1, 1].
        kind: `"png"` or `"tiff"`.
    """
    levels = np.clip(np.round((image + 1) * _HALF), 0, 65535).astype("uint16")
    if kind == "png":
        import tensorflow as tf

        return tf.io.encode_png(levels).numpy()
    file, is_grey = io.BytesIO(), levels.shape[-1] == 1
    _tifffile().imwrite(
        file,
        levels[..., 0] if is_grey else levels,
        photometric="minisblack" if is_grey else "rgb",
        compression="zlib",
    )
    return file.getvalue()


def encode_tiff(image):
    """Returns the bytes of a TIFF file of a uint8 image, `(height, width, 1 or 3)`."""
    file = io.BytesIO()
    image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    image.save(file, "TIFF", compression="tiff_adobe_deflate")
    return file.getvalue()


def resize_floats(image, size):
    """Resizes a float image as `keras_gans.data.images.resize_image` does uint8."""
    height, width = height_and_width(size)
    if image.shape[:2] == (height, width):
        return image
    channels = [
        Image.fromarray(channel).resize((width, height), Image.Resampling.BICUBIC)
        for channel in np.moveaxis(image, -1, 0)
    ]
    # Bicubic filters reach beyond the range that they are given.
    return np.clip(np.stack(channels, axis=-1), -1, 1)


def _decode_png(path, start):
    import tensorflow as tf

    decoding._check_pixels(struct.unpack(">2I", start[16:24]), _MAX_PIXELS)
    with open(path, "rb") as stream:
        orientation = decoding._orientation(PngImagePlugin.PngImageFile(stream))
    # With transparency in any case, and so all files alike.
    pixels = tf.io.decode_png(tf.io.read_file(os.fspath(path)), 4, tf.uint16)
    return _upright(pixels.numpy(), orientation)


def _decode_tiff(path):
    """Returns uint16 pixels, or `None` of a file that has fewer bits."""
    with _tifffile().TiffFile(path) as file:
        page = file.pages[0]
        if page.dtype != np.uint16:
            return None
        decoding._check_pixels((page.imagewidth, page.imagelength), _MAX_PIXELS)
        tag = page.tags.get("Orientation")
        orientation = tag.value if tag else 1
        pixels = page.asarray()
        if page.planarconfig == 2 and pixels.ndim == 3:  # A plane for each channel.
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == 0:  # White is zero.
            pixels = 65535 - pixels
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or not 1 <= pixels.shape[-1] <= 4:
        raise ImageError(f"an array of {pixels.shape} is no picture of 1 to 4 channels")
    return _upright(pixels, orientation)


def _upright(pixels, orientation):
    """Turns pixels as the EXIF orientation says, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _tifffile():
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            'TIFF files of 16 bits need tifffile: pip install "keras_gans[tiff]", or '
            "pip install tifffile"
        ) from error
    return tifffile
