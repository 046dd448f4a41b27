"""The patch discriminator of pix2pix and CycleGAN."""

import keras

from keras_gans.layers import SizeMultiple
from keras_gans.networks.common import activated, check_positive
from keras_gans.networks.common import normal_kernel, normalized


def patch_discriminator(
    channels=3,
    width=64,
    layers=3,
    normalization="instance",
    affine=False,
    negative_slope=0.2,
    name="discriminator",
):
    """Builds a discriminator that judges overlapping patches instead of the image.

    The default, whose logits see patches of 70x70 pixels, on 256 pixels:

        layer                output shape            followed by
        input                (B, 256, 256, channels)
        c4s2-64              (B, 128, 128,  64)      LeakyReLU
        c4s2-128             (B,  64,  64, 128)      norm, LeakyReLU
        c4s2-256             (B,  32,  32, 256)      norm, LeakyReLU
        pad 1, c4s1-512      (B,  31,  31, 512)      norm, LeakyReLU
        pad 1, c4s1-1        (B,  30,  30,   1)

    Weights start from a normal distribution of standard deviation 0.02. There are
    2,763,841 trained parameters, or the 2,764,737 of the authors' code with the idle
    biases before normalizations.

    Args:
        width: Positive integer, filters of the first convolution, `64` by default.
            Every further one doubles it, up to `8 * width`.
        layers: Positive integer, how many convolutions of stride 2 there are, `3` by
            default. The patch is 16 pixels wide for 1, 34 for 2, 70 for 3, 142 for 4.
        normalization: `"instance"` (the default), `"batch"` or `None`. The first and
            the last convolution are never normalized. Instance normalization lets
            a logit depend on the image outside of its patch as well.
        affine: Boolean, whether the normalization has a trained factor and offset per
            channel. `False` by default, as in the original.
        negative_slope: Float, slope of LeakyReLU below zero, `0.2` by default.

    Returns:
        Functional `keras.Model` from images `(batch, height, width, channels)` to
        logits `(batch, patches_high, patches_wide, 1)`. Height and width are at least
        `2 * 2**layers + 1` (17 for three layers).

    Reference:
        Isola et al., see `keras_gans.models.Pix2Pix`.
    """
    check_positive(layers=layers)

    def convolution(x, filters, index, strides, is_normalized):
        if strides == 1:
            x = keras.layers.ZeroPadding2D(1, name=f"padding_{index}")(x)
        padding = "valid" if strides == 1 else "same"
        use_bias = normalization is None or not is_normalized
        options = {"kernel_initializer": normal_kernel(), "use_bias": use_bias}
        options["name"] = f"convolution_{index}"
        x = keras.layers.Conv2D(filters, 4, strides, padding, **options)(x)
        if not is_normalized:
            return x
        return normalized(x, normalization, f"normalization_{index}", affine)

    inputs = keras.Input((None, None, channels), name="images")
    # Each of the two convolutions of stride 1 takes one pixel off.
    x = SizeMultiple(1, minimum=2 * 2**layers + 1, name="size_multiple")(inputs)
    for index in range(layers + 1):
        filters, strides = width * min(2**index, 8), 2 if index < layers else 1
        x = convolution(x, filters, index + 1, strides, is_normalized=index > 0)
        x = keras.layers.LeakyReLU(negative_slope, name=f"activation_{index + 1}")(x)
    x = convolution(x, 1, layers + 2, strides=1, is_normalized=False)
    outputs = activated(x, "linear", "logits")
    return keras.Model(inputs, outputs, name=name)
