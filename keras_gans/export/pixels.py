"""What the exports of models that take images share: sizes, pixels and files."""

import math

import numpy as np
import tensorflow as tf

from keras_gans.layers import SizeMultiple
from keras_gans.networks import size_multiple

# In the graph -----------------------------------------------------------------------


def size_rule(networks):
    """Returns what height and width must be multiples of, and their minimum."""
    multiple = math.lcm(*map(size_multiple, networks))
    return multiple, max(map(_minimum_size, networks))


def size_checks(images, multiple, minimum):
    """Returns the operations that refuse images of other sizes."""
    size = tf.shape(images)[1:3]
    return [
        tf.debugging.assert_greater_equal(
            size,
            minimum,
            message=f"Height and width of every image must be at least {minimum}; "
            "x is what was received.",
        ),
        tf.debugging.assert_equal(
            size,
            size // multiple * multiple,
            message="Height and width of every image must be multiples of "
            f"{multiple}; x is what was received, y the multiples below.",
        ),
    ]


def decode_file(image_bytes, channels, name="image_bytes"):
    """Decodes one file to the pixels that `keras_gans.data.decode_image` reads.

    Args:
        image_bytes: String tensor of shape `()`.
        channels: 1 or 3.
        name: What error messages call the file.

    Returns:
        uint8 tensor of shape `(height, width, channels)`.
    """
    # TensorFlow takes the palette indices of a BMP file for grey values.
    is_bmp = tf.strings.regex_full_match(image_bytes, r"BM\C*")
    is_true_colour = tf.strings.regex_full_match(
        image_bytes, r"BM\C{26}[\x18\x20]\x00\C*"
    )
    tf.debugging.assert_equal(
        is_bmp,
        is_true_colour,
        message=f"BMP files in `{name}` must have 24 or 32 bits per pixel. Save "
        "the image as PNG.",
    )

    # The channels are always stated: with 0, TensorFlow aborts the whole process on
    # some files; 1 it refuses for several formats, so grey is computed below.
    def decode(decoded_channels):
        image = tf.io.decode_image(
            image_bytes, channels=decoded_channels, expand_animations=False
        )
        return tf.cast(tf.ensure_shape(image, (None, None, decoded_channels)), tf.int32)

    def decode_png():
        image = decode(4)
        colour, opacity = image[..., :3], image[..., 3:]
        return (colour * opacity + 255 * (255 - opacity) + 127) // 255

    image = tf.cond(is_png(image_bytes), decode_png, lambda: decode(3))
    if channels == 1:
        # 0.299, 0.587 and 0.114 in units of 1 / 65536, with rounding.
        weighted = image * tf.constant([19595, 38470, 7471])
        image = (tf.reduce_sum(weighted, axis=-1, keepdims=True) + 32768) // 65536
    return tf.cast(image, tf.uint8)


def is_png(image_bytes):
    return tf.strings.regex_full_match(image_bytes, r"\CPNG\r\n\x1a\n\C*")


def _minimum_size(network):
    return max(
        (
            layer.minimum
            for layer in network._flatten_layers()
            if isinstance(layer, SizeMultiple)
        ),
        default=1,
    )


# Around it --------------------------------------------------------------------------


def check_pixels(name, images):
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise TypeError(
            f"Argument `{name}` must be a uint8 array, values in [0, 255]. "
            f"Received: {getattr(images, 'dtype', type(images).__name__)}"
        )


def check_size(name, shape, multiple, minimum, built_for):
    """Refuses images of sizes that the networks do not take.

    Args:
        name: Name of the argument.
        shape: Its shape, of four axes.
        multiple: What height and width must be multiples of.
        minimum: The smallest height and width.
        built_for: Shape that the signature takes, `None` where any length will do.
    """
    if any(length % multiple or length < minimum for length in shape[1:3]):
        least = f" from {minimum} on" if minimum > 1 else ""
        raise ValueError(
            f"Height and width of `{name}` must be multiples of {multiple}{least}. "
            f"Received: height={shape[1]}, width={shape[2]}. Crop, pad or resize the "
            "images first."
        )
    for length, expected in zip(shape[1:3], built_for[1:3]):
        if expected not in (None, length):
            raise ValueError(
                f"This model was built for images of shape {built_for[1:]}. "
                f"Received: {name}.shape={shape}. Crop, pad or resize the images first."
            )
