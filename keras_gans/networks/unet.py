"""The U-Net generator of pix2pix and of the TensorFlow CycleGAN tutorial."""

import keras
from keras import layers

from keras_gans.checks import require
from keras_gans.layers import Dropout, HintPooling, SizeMultiple
from keras_gans.networks.common import activated, check_positive
from keras_gans.networks.common import normal_kernel, normalized


def unet_generator(
    input_channels=3,
    output_channels=3,
    width=64,
    depth=8,
    normalization="instance",
    dropout=0.5,
    dropout_blocks=3,
    max_width=512,
    normalize_bottleneck=True,
    hint_channels=0,
    negative_slope=0.2,
    name="generator",
):
    """Builds a U-Net: halve `depth` times, double as often, with skip connections.

    The default, for 256 pixels:

        layer              output shape           followed by
        input              (B, 256, 256, input)
        c4s2-64            (B, 128, 128,   64)    LeakyReLU
        c4s2-128           (B,  64,  64,  128)    norm, LeakyReLU
        c4s2-256           (B,  32,  32,  256)    norm, LeakyReLU
        c4s2-512           (B,  16,  16,  512)    norm, LeakyReLU
        c4s2-512, 4 times  (B,   1,   1,  512)    norm, LeakyReLU
        ct4s2-512, 3 times (B,   8,   8, 1024)    norm, dropout, ReLU, skip
        ct4s2-512          (B,  16,  16, 1024)    norm, ReLU, skip
        ct4s2-256          (B,  32,  32,  512)    norm, ReLU, skip
        ct4s2-128          (B,  64,  64,  256)    norm, ReLU, skip
        ct4s2-64           (B, 128, 128,  128)    norm, ReLU, skip
        ct4s2-output       (B, 256, 256, output)  tanh

    "Skip" appends the output of the encoder at the same resolution. Weights start
    from a normal distribution of standard deviation 0.02.

    Dropout works as the noise of this generator while training. pix2pix leaves it on
    when it translates too: call the network with `training=True` for that.

    An image of exactly `2**depth` pixels is a single pixel in the middle. The mean of
    one pixel is that pixel, so instance normalization there replaces whatever the
    encoder found by its own constant offset, and only the skip connections carry the
    image. (Batch normalization does the same when the batch is a single image.) The
    TensorFlow tutorial has it so, and so has the default here; the authors of
    pix2pix leave that normalization out, which is `normalize_bottleneck=False`.

    Args:
        width: Positive integer, filters of the first convolution, `64` by default.
            Every further one doubles it, up to `max_width`.
        depth: Positive integer, how often the image is halved, `8` by default.
        normalization: `"instance"` (the default) or `"batch"` (both with a trained
            factor and offset per channel), or `None`.
        dropout: Float in [0, 1), share of values dropped, `0.5` by default.
        dropout_blocks: Non-negative integer, how many of the innermost ups have
            dropout, `3` by default.
        max_width: Positive integer, upper limit of the filters, `512` by default.
        normalize_bottleneck: Boolean, whether the innermost convolution is normalized
            as well, `True` by default; see above.
        hint_channels: Non-negative integer, how many of the last input channels are
            sparse hints, the very last of them their mask. The way up then sees them at
            every resolution, see `keras_gans.layers.HintPooling`. Through the encoder
            alone a few hinted pixels take very long to be noticed. `0`, none, by
            default.
        negative_slope: Float, slope of LeakyReLU below zero, `0.2` by default, as in
            pix2pix. (The TensorFlow tutorial leaves it at the default of its Keras
            version: 0.3 for Keras 2 and 3.)

    Returns:
        Functional `keras.Model` from `(batch, height, width, input_channels)` to
        `(batch, height, width, output_channels)`. Height and width are any multiples of
        `2**depth`.

    Reference:
        Isola et al., see `keras_gans.models.Pix2Pix`.
    """
    check_positive(depth=depth)
    require(0 <= dropout < 1, "Argument `dropout` must lie in [0, 1)", dropout=dropout)
    require(
        hint_channels == 0 or 2 <= hint_channels <= input_channels,
        "Argument `hint_channels` must be 0, or between 2 and `input_channels`",
        hint_channels=hint_channels,
        input_channels=input_channels,
    )

    def block(x, kind, filters, layer_name, is_normalized=True):
        use_bias = normalization is None or not is_normalized
        options = {"kernel_initializer": normal_kernel(), "name": layer_name}
        x = kind(filters, 4, 2, "same", use_bias=use_bias, **options)(x)
        if not is_normalized:
            return x
        return normalized(x, normalization, f"{layer_name}_normalization")

    inputs = keras.Input((None, None, input_channels), name="images")
    x = SizeMultiple(2**depth, name="size_multiple")(inputs)
    widths = [min(width * 2**index, max_width) for index in range(depth)]

    def hints_at(level):
        if not hint_channels:
            return []
        hints = inputs[..., input_channels - hint_channels :]
        return [HintPooling(2**level, name=f"hints_{level}")(hints)]

    # 1. Down: the outputs of all but the innermost level are kept for the way up.
    skips = []
    for level, filters in enumerate(widths, start=1):
        innermost = level == depth
        is_normalized = level > 1 and (normalize_bottleneck or not innermost)
        x = block(x, layers.Conv2D, filters, f"down_{level}", is_normalized)
        x = layers.LeakyReLU(negative_slope, name=f"down_{level}_activation")(x)
        if not innermost:
            skips.append(x)

    # 2. Up: from the innermost level outwards.
    if hint_channels:
        x = layers.Concatenate(name="bottleneck_hints")([x, *hints_at(depth)])
    for level in range(depth - 1, 0, -1):
        x = block(x, layers.Conv2DTranspose, widths[level - 1], f"up_{level}")
        if dropout and depth - level <= dropout_blocks:
            x = Dropout(dropout, name=f"up_{level}_dropout")(x)
        x = layers.ReLU(name=f"up_{level}_activation")(x)
        parts = [x, skips.pop(), *hints_at(level)]
        x = layers.Concatenate(name=f"up_{level}_skip")(parts)

    x = block(x, layers.Conv2DTranspose, output_channels, "last", is_normalized=False)
    outputs = activated(x, "tanh", "translation")
    return keras.Model(inputs, outputs, name=name)
