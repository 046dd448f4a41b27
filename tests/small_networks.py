"""Networks of a few weights whose features tests know."""

import keras
import numpy as np
from PIL import Image

layers = keras.layers


def random_images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def seeing(height, width, channels=3):
    """A network whose features are the pixels that it sees, line by line."""
    return keras.Sequential(
        [keras.Input((height, width, channels)), layers.Flatten()], name="seeing"
    )


def small_network(seed=0, activation="relu", **first):
    """Takes images of any size from 3 on, to 5 features at each place."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3), **first),
            layers.Rescaling(1 / 255),
            layers.Conv2D(
                5,
                3,
                activation=activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed),
            ),
        ],
        name="SmallNetwork",
    )


def resize_with_pillow(images, height, width):
    return np.stack(
        [
            np.stack(
                [
                    Image.fromarray(channel.astype("float32")).resize(
                        (width, height), Image.Resampling.BICUBIC
                    )
                    for channel in np.moveaxis(image, -1, 0)
                ],
                axis=-1,
            )
            for image in images
        ]
    )
