"""SqueezeNet v1.0 with its ImageNet weights, as a Keras model.

The weights are those of `shared/data/squeezenet_v1.0_imagenet.npz`, which lies beside
the checkout on some machines and may not be redistributed. They stand in where the
weights of VGG16 and Inception cannot be downloaded:

    python tests/squeezenet.py WEIGHTS.npz squeezenet.keras
"""

import pathlib
import sys

import keras
import numpy as np
from keras import layers

WEIGHTS = (
    pathlib.Path(__file__)
    .parents[2]
    .joinpath("shared", "data", "squeezenet_v1.0_imagenet.npz")
)
# Caffe's, in the order blue, green, red.
MEAN = np.array([104.0, 117.0, 123.0], "float32")


def squeezenet(path=WEIGHTS, top=False):
    """Builds SqueezeNet from pixels to the features of `fire9`, or to logits.

    Args:
        path: The `.npz` file, with `<layer>/w` of shape (out, in, height, width).
        top: Boolean, whether the average of `conv_final`, 1000 logits, is the output.

    Returns:
        Functional `keras.Model` from RGB pixels in [0, 255], at least 35 a side, to
        `(batch, h, w, 512)` or `(batch, 1000)`.
    """
    weights = dict(np.load(path))
    kernels = {}

    def convolution(x, name, strides=1, padding="valid"):
        kernels[name] = weights[f"{name}/w"].transpose(2, 3, 1, 0), weights[f"{name}/b"]
        height, width, _, filters = kernels[name][0].shape
        name = name.replace("/", "_")
        x = layers.Conv2D(filters, (height, width), strides, padding, name=name)(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def pool(x, name):
        # Caffe lets the last window reach over the border. Nothing here is below zero,
        # so that zeros do not change a maximum.
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_padding")(x)
        return layers.MaxPooling2D(3, 2, name=name)(x)

    def fire(x, name):
        x = convolution(x, f"{name}/conv1x1_1")
        branches = [
            convolution(x, f"{name}/conv1x1_2"),
            convolution(x, f"{name}/conv3x3_2", padding="same"),
        ]
        return layers.Concatenate(name=name)(branches)

    pixels = keras.Input((None, None, 3), name="pixels")
    x = layers.Conv2D(3, 1, name="blue_green_red")(pixels)
    kernels["blue_green_red"] = np.eye(3, dtype="float32")[::-1][None, None], -MEAN
    x = convolution(x, "conv1", strides=2)
    x = pool(x, "pool1")
    for index in (2, 3, 4):
        x = fire(x, f"fire{index}")
    x = pool(x, "pool4")
    for index in (5, 6, 7, 8):
        x = fire(x, f"fire{index}")
    x = pool(x, "pool8")
    x = fire(x, "fire9")
    if top:
        # The padding of 1 around a 1x1 convolution belongs to the average, too.
        x = layers.ZeroPadding2D(1, name="conv_final_padding")(x)
        x = convolution(x, "conv_final")
        x = layers.GlobalAveragePooling2D(name="logits")(x)
    model = keras.Model(pixels, x, name="squeezenet")
    for name, kernel_and_bias in kernels.items():
        model.get_layer(name.replace("/", "_")).set_weights(kernel_and_bias)
    return model


if __name__ == "__main__":
    squeezenet(sys.argv[1]).save(sys.argv[2])
