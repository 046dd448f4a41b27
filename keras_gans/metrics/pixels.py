"""Pixels that images in [-1, 1] would be saved as."""

import keras
import numpy as np


def to_pixels(images):
    """Converts images in [-1, 1] to the pixels that they would be saved as.

    Args:
        images: Float array or tensor in [-1, 1]; what lies outside is clipped. Images
            of dtype uint8 are returned as they are.

    Returns:
        A uint8 array of the same shape, `round((images + 1) * 127.5)`.

    Raises:
        TypeError: For integers other than uint8, which have no agreed range.
        ValueError: If a value is not finite.
    """
    images = keras.ops.convert_to_numpy(images)
    if images.dtype == "uint8":
        return images
    if images.dtype.kind in "biu":
        raise TypeError(
            "Argument `images` must be floats in [-1, 1] or uint8 in [0, 255]. "
            f"Received: images.dtype={images.dtype}"
        )
    images = images.astype("float32")
    check_finite("images", images)
    return np.clip(np.round((images + 1) * 127.5), 0, 255).astype("uint8")


def check_finite(name, array):
    if not np.isfinite(array).all():
        raise ValueError(
            f"Argument `{name}` must be finite. Received: NaN or infinity in "
            f"{np.mean(~np.isfinite(array)):.2%} of its values. If a model made them, "
            "its training has diverged."
        )
