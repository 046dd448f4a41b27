"""What the networks share: how weights start, outputs, and checks of counts."""

import functools

import keras

from keras_gans import checks
from keras_gans.layers import ResizeConv2D, normalize


def normal_kernel():
    """Returns DCGAN's start of a kernel, which its successors took over.

    It is a new object each time: one initializer would repeat its numbers.
    """
    return keras.initializers.RandomNormal(stddev=0.02)


def normal_gamma():
    """Returns DCGAN's start of the factors of a normalization."""
    return keras.initializers.RandomNormal(mean=1.0, stddev=0.02)


def normalized(x, normalization, name, affine=True):
    """Applies a normalization whose factors start as DCGAN's."""
    return normalize(x, normalization, affine, normal_gamma(), name)


def doubling(upsampling):
    """Returns what makes the layer that doubles height and width, c4s2 or c3s1."""
    checks.one_of("upsampling", upsampling, ("transposed", "resize"))
    if upsampling == "resize":
        return ResizeConv2D
    options = {"kernel_size": 4, "strides": 2, "padding": "same"}
    return functools.partial(keras.layers.Conv2DTranspose, **options)


def activated(x, activation, name):
    """Applies the last activation of a network.

    What leaves a network is in float32, also when the layers before compute in 16 bits.
    """
    return keras.layers.Activation(activation, dtype="float32", name=name)(x)


def check_positive(**arguments):
    """Raises an error that names the first argument that is no positive integer."""
    for name, value in arguments.items():
        checks.positive_integer(name, value, TypeError)


def check_counts(**arguments):
    """Raises an error that names the first argument that is no count."""
    for name, value in arguments.items():
        checks.non_negative_integer(name, value, TypeError)
