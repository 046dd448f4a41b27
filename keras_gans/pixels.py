"""Pixels and the values that networks see: uint8 in [0, 255] and floats in [-1, 1].

Colour becomes grey by the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, which is
rounded differently in three places; none of them can be swapped for another without
changing pixels:

- Pillow, which decodes grey files (`keras_gans.data.decode_image`), and the graph of an
  export, which must decode as Pillow does: in integers,
  `(19595 R + 38470 G + 7471 B + 32768) >> 16`, rounded half up;
- `convert_channels`, for arrays: in float32, rounded half to even;
- `keras_gans.data.extract_line_art`, for tensors in [-1, 1]: not rounded at all.
"""

import numpy as np

from keras_gans.checks import require

LUMA = (0.299, 0.587, 0.114)
# Half the range of the levels: [0, 255] / HALF - 1 is [-1, 1].
HALF = 127.5


def to_floats(pixels):
    """Scales levels in [0, 255] to float32 in [-1, 1]: `pixels / 127.5 - 1`.

    Args:
        pixels: Array or tensor of any shape, uint8 or floats. The like of it is
            returned.
    """
    if isinstance(pixels, np.ndarray):
        return pixels.astype("float32") / HALF - 1
    import tensorflow as tf

    return tf.cast(pixels, tf.float32) / HALF - 1.0


def to_levels(images):
    """Rounds images in [-1, 1] to levels in [0, 255], which stay floats.

    Args:
        images: Float array or tensor of any shape. The like of it is returned,
            `round((images + 1) * 127.5)`, clipped.
    """
    if isinstance(images, np.ndarray):
        return np.clip(np.round((images + 1) * HALF), 0, 255)
    import tensorflow as tf

    return tf.clip_by_value(tf.round((images + 1) * HALF), 0, 255)


def to_uint8(images):
    """Rounds an array of images in [-1, 1] to uint8 pixels, see `to_levels`."""
    return to_levels(np.asarray(images)).astype("uint8")


def convert_channels(images, channels):
    """Converts uint8 images to 1 channel (luma) or 3 (grey repeated).

    Args:
        images: uint8 array of shape `(..., 1)` or `(..., 3)`, returned itself if it
            has the channels already.
        channels: 1, 3, or `None` for those that it has.
    """
    if channels in (None, images.shape[-1]):
        return images
    if (images.shape[-1], channels) == (1, 3):
        return np.repeat(images, 3, axis=-1)
    if (images.shape[-1], channels) == (3, 1):
        luma = images @ np.array(LUMA, "float32")
        return np.round(luma[..., None]).astype("uint8")
    raise ValueError(
        "Images can have 1 or 3 channels. Received: images with "
        f"{images.shape[-1]} channels where {channels} are wanted."
    )


def to_pixels(images):
    """Converts images to the uint8 pixels that they would be saved as.

    Args:
        images: Float array or tensor in [-1, 1], see `to_uint8`, without NaN or
            infinity. Of dtype uint8 it is returned as it is; other integers have no
            agreed range.
    """
    import keras

    images = keras.ops.convert_to_numpy(images)
    if images.dtype == "uint8":
        return images
    require(
        images.dtype.kind not in "biu",
        "Argument `images` must be floats in [-1, 1] or uint8 in [0, 255]. "
        f"Received: images.dtype={images.dtype}",
        TypeError,
    )
    check_finite("images", images)
    return to_uint8(images.astype("float32"))


def check_finite(name, array):
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"Argument `{name}` must be finite. Received: NaN or infinity in "
            f"{np.mean(~finite):.2%} of its values. If a model made them, its training "
            "has diverged."
        )
