"""Generator and encoder of a translation whose target domain has a style."""

import functools

import keras
from keras import layers

from keras_gans.layers import (
    AdaptiveInstanceNormalization,
    InstanceNormalization,
    MaskedMeans,
    ResizeConv2D,
    SizeMultiple,
)
from keras_gans.networks.common import activated, check_counts, check_positive


def style_generator(
    input_channels=3,
    output_channels=3,
    width=32,
    residual_blocks=1,
    style_dim=8,
    negative_slope=0.05,
    skip_connection=True,
    detail_width=0,
    name="generator",
):
    """Builds a generator that draws the content of an image in the style of a vector.

    Two dense layers make of the style what the normalizations of residual blocks and
    decoder read (`AdaptiveInstanceNormalization`, AdaIN below); the encoder knows
    nothing of it. Upsampling repeats pixels before a convolution (`ResizeConv2D`),
    since a transposed one leaves its grid in the picture. The layers:

        layer               output shape            followed by
        style               (B, style_dim)
        dense-64, twice     (B, 64)                 ReLU
        input               (B, H,   W,   input)
        c4s2-w              (B, H/2, W/2, w)        instance norm, LeakyReLU
        c4s2-2w             (B, H/4, W/4, 2w)       instance norm, LeakyReLU
        residual block,     (B, H/4, W/4, 2w)
          as often as asked: x + AdaIN(c3s1-2w(LeakyReLU(AdaIN(c3s1-2w(x)))))
        twice as large
        c3s1-w              (B, H/2, W/2, w)        AdaIN, LeakyReLU
        (skip connection)   (B, H/2, W/2, 2w)       joined with the first c4s2-w
        c3s1-w              (B, H/2, W/2, w)        AdaIN, LeakyReLU
        twice as large
        c3s1-output         (B, H,   W,   output)   tanh

    or, with a `detail_width` d, at the end

        twice as large
        c3s1-d              (B, H,   W,   d)        AdaIN, LeakyReLU
        c3s1-output         (B, H,   W,   output)   tanh

    All weights start from Glorot's (Xavier's) uniform distribution.

    Args:
        residual_blocks: Non-negative integer, `1` by default.
        style_dim: Positive integer, the length of a style. Defaults to 8.
        negative_slope: Float, slope of LeakyReLU below zero, `0.05` by default.
        skip_connection: Boolean, join the first feature map of the encoder to the
            decoder's, so that strokes keep their place. Defaults to `True`.
        detail_width: Non-negative integer, filters of one more layer at full size,
            which draws sharper edges and smoother grounds. `0`, none, by default.

    Returns:
        Functional `keras.Model` from a list of images `(batch, height, width,
        input_channels)` and styles `(batch, style_dim)` to images `(batch, height,
        width, output_channels)`. Height and width are any multiples of 4.

    Reference:
        Huang et al., see `keras_gans.models.StyleCycleGAN`.
    """
    check_counts(residual_blocks=residual_blocks, detail_width=detail_width)
    check_positive(style_dim=style_dim)
    images = keras.Input((None, None, input_channels), name="images")
    style = keras.Input((style_dim,), name="style")
    mapped = style
    for index in (1, 2):
        mapped = layers.Dense(64, "relu", name=f"mapping_{index}")(mapped)

    def block(x, kind, filters, layer_name, styled=True, active=True):
        x = kind(filters, use_bias=False, name=layer_name)(x)
        norm_name = f"{layer_name}_normalization"
        if styled:
            x = AdaptiveInstanceNormalization(name=norm_name)([x, mapped])
        else:
            x = InstanceNormalization(name=norm_name)(x)
        if not active:
            return x
        return layers.LeakyReLU(negative_slope, name=f"{layer_name}_activation")(x)

    x = SizeMultiple(4, name="size_multiple")(images)
    smaller, alike = (
        functools.partial(layers.Conv2D, kernel_size=k, strides=s, padding="same")
        for k, s in ((4, 2), (3, 1))
    )
    x = encoded = block(x, smaller, width, "encoder_1", styled=False)
    x = block(x, smaller, 2 * width, "encoder_2", styled=False)
    for index in range(1, residual_blocks + 1):
        residual, shortcut = f"residual_{index}", x
        x = block(x, alike, 2 * width, f"{residual}_1")
        x = block(x, alike, 2 * width, f"{residual}_2", active=False)
        x = layers.Add(name=f"{residual}_add")([shortcut, x])
    x = block(x, ResizeConv2D, width, "decoder_1")
    if skip_connection:
        x = layers.Concatenate(name="skip_connection")([x, encoded])
    x = block(x, alike, width, "decoder_2")
    last = ResizeConv2D
    if detail_width:
        x, last = block(x, ResizeConv2D, detail_width, "detail"), alike
    x = last(output_channels, name="decoder_3")(x)
    outputs = activated(x, "tanh", "translation")
    return keras.Model([images, style], outputs, name=name)


def style_encoder(
    channels=3, content_channels=3, width=16, style_dim=8, name="encoder"
):
    """Builds an encoder from an image and its content to its style.

    The content, the black and white digit that an image is translated to, tells where
    the digit is and where the ground: the encoder averages over each by itself
    (`MaskedMeans`), so that it knows the colours of both, and which is whose. There is
    no normalization, which would take colours off.

        layer                 output shape              followed by
        input                 (B, H,   W,   channels)
        c3s1-w, twice         (B, H,   W,   w)          LeakyReLU 0.2
        joined with the input,
          means of digit
          and ground          (B, 2 (w + channels))
        input, c4s2-w         (B, H/2, W/2, w)          LeakyReLU 0.2
        c4s2-2w               (B, H/4, W/4, 2w)         LeakyReLU 0.2
        mean over all places  (B, 2w)
        all means joined,
        dense-64              (B, 64)                   ReLU
        dense                 (B, style_dim)

    Args:
        content_channels: 1 or 3, channels of the content.
        style_dim: Positive integer, the length of a style. Defaults to 8.

    Returns:
        Functional `keras.Model` from a list of images `(batch, height, width,
        channels)` and contents `(batch, height, width, content_channels)` to styles
        `(batch, style_dim)`, any real numbers.

    Reference:
        Almahairi et al., see `keras_gans.models.StyleCycleGAN`.
    """
    check_positive(style_dim=style_dim)
    images = keras.Input((None, None, channels), name="images")
    content = keras.Input((None, None, content_channels), name="content")

    def convolution(x, filters, size, strides, layer_name):
        options = {"padding": "same", "name": layer_name}
        x = layers.Conv2D(filters, size, strides, **options)(x)
        return layers.LeakyReLU(0.2, name=f"{layer_name}_activation")(x)

    colors = images
    for index in (1, 2):
        colors = convolution(colors, width, 3, 1, f"colors_{index}")
    colors = layers.Concatenate(name="colors")([images, colors])
    means = MaskedMeans(name="means")([colors, content])
    texture = convolution(images, width, 4, 2, "texture_1")
    texture = convolution(texture, 2 * width, 4, 2, "texture_2")
    texture = layers.GlobalAveragePooling2D(name="texture")(texture)
    x = layers.Concatenate(name="all")([means, texture])
    x = layers.Dense(64, "relu", name="hidden")(x)
    outputs = layers.Dense(style_dim, dtype="float32", name="style")(x)
    return keras.Model([images, content], outputs, name=name)
