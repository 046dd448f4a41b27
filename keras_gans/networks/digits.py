"""Generator and discriminator of the CycleGAN digit lab, for images of 32 pixels."""

import functools

import keras
from keras import layers

from keras_gans.checks import non_negative_float, require
from keras_gans.layers import RandomColors, SizeMultiple, normalize
from keras_gans.networks.common import activated, check_counts, doubling


def digit_generator(
    input_channels=1,
    output_channels=3,
    width=64,
    residual_blocks=2,
    normalization="batch",
    negative_slope=0.05,
    skip_connection=False,
    color_augmentation=False,
    upsampling="transposed",
    detail_width=0,
    grey_output=False,
    name="generator",
):
    """Builds the lab's generator: encoder, transformer of residual blocks, decoder.

    The layers:

        layer               output shape            followed by
        input               (B, H,   W,   input)
        c4s2-w              (B, H/2, W/2, w)        norm, LeakyReLU   encoder
        c4s2-2w             (B, H/4, W/4, 2w)       norm, LeakyReLU
        residual block,     (B, H/4, W/4, 2w)                         transformer
          as often as asked: x + norm(c3s1-2w(LeakyReLU(norm(c3s1-2w(x)))))
        ct4s2-w             (B, H/2, W/2, w)        norm, LeakyReLU   decoder
        (skip connection)   (B, H/2, W/2, 2w)       joined with the first c4s2-w
        ct4s2-output        (B, H,   W,   output)   tanh

    or, with a `detail_width` d, at the end

        ct4s2-d             (B, H,   W,   d)        LeakyReLU
        c3s1-output         (B, H,   W,   output)   tanh

    All weights start from Glorot's (Xavier's) uniform distribution.

    The public lab on the same data has two plain convolutions in the place of the
    residual blocks; the lab's text asks for residual ones.

    Args:
        residual_blocks: Non-negative integer, blocks of the transformer, `2` by
            default.
        normalization: `"batch"` (the default, as in the lab), `"instance"` (affine)
            or `None`.
        negative_slope: Float, slope of LeakyReLU below zero, `0.05` by default.
        skip_connection: Boolean, join the first feature map of the encoder to the
            decoder's, as a U-Net does, so that strokes keep their place. `False`, the
            lab's, by default.
        color_augmentation: Boolean, invert the input with probability ½ and vary its
            contrast and brightness, in training only (`RandomColors`). A generator
            that must give the same digit for all these reads shape, not colour: with
            it the cycle and identity losses teach that dark digits on light ground are
            digits, too. `False`, the lab's, by default.
        upsampling: `"transposed"`, the lab's ct4s2 (the default), or `"resize"`: pixels
            are repeated before a c3s1 (`ResizeConv2D`), which leaves no grid in the
            picture.
        detail_width: Non-negative integer, filters of one more layer at full size,
            which draws sharper edges and smoother grounds. `0`, none, by default.
        grey_output: Boolean, draw one channel, which all channels of the output repeat:
            for grey images that are stored as colour. `False` by default.

    Returns:
        Functional `keras.Model` from `(batch, height, width, input_channels)` to
        `(batch, height, width, output_channels)`. Height and width are any multiples
        of 4.

    Reference:
        Zhu et al., see `keras_gans.models.CycleGAN`.
    """
    check_counts(residual_blocks=residual_blocks, detail_width=detail_width)
    larger = doubling(upsampling)
    use_bias = normalization is None

    def block(x, kind, filters, layer_name, is_activated=True):
        x = kind(filters, use_bias=use_bias, name=layer_name)(x)
        x = normalize(x, normalization, name=f"{layer_name}_normalization")
        if not is_activated:
            return x
        return layers.LeakyReLU(negative_slope, name=f"{layer_name}_activation")(x)

    inputs = keras.Input((None, None, input_channels), name="images")
    x = SizeMultiple(4, name="size_multiple")(inputs)
    if color_augmentation:
        x = RandomColors(name="random_colors")(x)

    smaller, alike = (
        functools.partial(layers.Conv2D, kernel_size=k, strides=s, padding="same")
        for k, s in ((4, 2), (3, 1))
    )
    x = encoded = block(x, smaller, width, "encoder_1")
    x = block(x, smaller, 2 * width, "encoder_2")

    for index in range(1, residual_blocks + 1):
        residual, shortcut = f"residual_{index}", x
        x = block(x, alike, 2 * width, f"{residual}_1")
        x = block(x, alike, 2 * width, f"{residual}_2", False)
        x = layers.Add(name=f"{residual}_add")([shortcut, x])

    x = block(x, larger, width, "decoder_1")
    if skip_connection:
        x = layers.Concatenate(name="skip_connection")([x, encoded])
    last = larger
    if detail_width:
        x, last = larger(detail_width, name="detail")(x), alike
        x = layers.LeakyReLU(negative_slope, name="detail_activation")(x)
    x = last(1 if grey_output else output_channels, name="decoder_2")(x)
    if grey_output and output_channels > 1:
        x = layers.Concatenate(name="grey")([x] * output_channels)
    outputs = activated(x, "tanh", "translation")
    return keras.Model(inputs, outputs, name=name)


def digit_discriminator(
    channels=3,
    width=64,
    normalization="batch",
    negative_slope=0.05,
    size=32,
    input_noise=0.0,
    name="discriminator",
):
    """Builds the lab's discriminator: four convolutions to one logit per image.

    At the default size of 32:

        layer               output shape       followed by
        input               (B, 32, 32, channels)
        c4s2-w              (B, 16, 16, w)     LeakyReLU
        c4s2-2w             (B,  8,  8, 2w)    norm, LeakyReLU
        c4s2-4w             (B,  4,  4, 4w)    norm, LeakyReLU
        c4s1-1, no padding  (B,  1,  1, 1)     flattened to (B, 1)

    At another size the last kernel is `size / 8` pixels wide, so that it still sees
    the whole image. The lab ends with a sigmoid.

    All weights start from Glorot's (Xavier's) uniform distribution.

    Args:
        normalization: Of the two middle convolutions: `"batch"` (the default, as in
            the lab), `"instance"` (affine) or `None`.
        negative_slope: Float, slope of LeakyReLU below zero, `0.05` by default.
        size: Height and width of the images, a positive multiple of 8, `32` by
            default.
        input_noise: Non-negative float, the standard deviation of noise that is added
            to the images in training, real and fake alike (instance noise). Without it
            a discriminator tells drawn digits from translated ones by single pixels,
            and a generator learns to deceive it with such. `0`, none, by default.

    Returns:
        Functional `keras.Model` from images `(batch, size, size, channels)` to logits
        `(batch, 1)`.

    Reference:
        - Radford, Metz and Chintala, see `dcgan_discriminator`.
        - Sønderby et al., "Amortised MAP Inference for Image Super-resolution", 2017,
          https://arxiv.org/abs/1610.04490, section 3.2.1 for the noise.
    """
    input_noise = non_negative_float("input_noise", input_noise)
    must = "Argument `size` must be a positive multiple of 8"
    require(size >= 8 and size % 8 == 0, must, size=size)

    inputs = x = keras.Input((size, size, channels), name="images")
    if input_noise:
        x = layers.GaussianNoise(input_noise, name="input_noise")(x)
    for index in range(3):
        middle, layer_name = index > 0, f"convolution_{index + 1}"
        use_bias = not middle or normalization is None
        options = {"use_bias": use_bias, "name": layer_name}
        x = layers.Conv2D(width * 2**index, 4, 2, "same", **options)(x)
        if middle:
            x = normalize(x, normalization, name=f"normalization_{index + 1}")
        x = layers.LeakyReLU(negative_slope, name=f"activation_{index + 1}")(x)
    x = layers.Conv2D(1, size // 8, name="convolution_4")(x)
    outputs = layers.Flatten(dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
