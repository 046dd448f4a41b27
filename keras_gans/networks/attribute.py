"""The networks of attribute translation: StarGAN's, and ACL-GAN's built on them."""

import keras
from keras import layers, ops

from keras_gans.checks import one_of, positive_integer, require
from keras_gans.layers import (
    ReflectionPadding2D,
    ResizeConv2D,
    SizeMultiple,
    normalize,
)
from keras_gans.networks.common import activated, check_counts

_SLOPE = 0.01


def stargan_generator(
    attributes,
    channels=3,
    width=64,
    residual_blocks=6,
    downsamplings=2,
    upsampling="transposed",
    name="generator",
):
    """Builds StarGAN's generator: an image and wanted attributes to an image.

    In CycleGAN's notation. Every attribute enters as a plane of its value behind the
    channels of the image:

        layer                output shape                       followed by
        image, attributes    (B, H,   W,   channels + attributes)
        c7s1-w               (B, H,   W,   w)                   norm, ReLU
        c4s2-2w              (B, H/2, W/2, 2w)                  norm, ReLU
        c4s2-4w              (B, H/4, W/4, 4w)                  norm, ReLU
        R4w, as often as     (B, H/4, W/4, 4w)
          asked:               x + norm(c3s1-4w(ReLU(norm(c3s1-4w(x)))))
        ct4s2-2w             (B, H/2, W/2, 2w)                  norm, ReLU
        ct4s2-w              (B, H,   W,   w)                   norm, ReLU
        c7s1-channels        (B, H,   W,   channels)            tanh

    The norm is instance normalization with a trained factor and offset. As in the
    authors' code no convolution has a bias, borders are padded with zeros, and weights
    start from PyTorch's default, a uniform distribution. With five attributes it has
    8,430,528 parameters.

    Args:
        attributes: Positive integer, the number of attributes.
        residual_blocks: Non-negative integer, `6` by default.
        downsamplings: Non-negative integer, how often the image is halved (and doubled
            again), `2` by default.
        upsampling: `"transposed"`, the paper's ct4s2 (the default), or `"resize"`:
            pixels are repeated before a c3s1, which leaves no grid in the picture.

    Returns:
        Functional `keras.Model` from `[images, attributes]`, of shapes
        `(batch, height, width, channels)`, in [-1, 1], and `(batch, attributes)`, 0 or
        1, to images of the same shape. Height and width are multiples of
        `2**downsamplings`.

    Reference:
        Choi et al., table 4, see `keras_gans.models.StarGAN`.
    """
    shared = attributes, channels, width, residual_blocks, downsamplings
    plain = {"mask": False, "frame": 0}
    return aclgan_generator(*shared, **plain, upsampling=upsampling, name=name)


def aclgan_generator(
    attributes,
    channels=3,
    width=64,
    residual_blocks=6,
    downsamplings=2,
    mask=True,
    frame=8,
    upsampling="transposed",
    name="generator",
):
    """Builds ACL-GAN's generator: StarGAN's, with a mask and within a frame.

    The mask m says where the image changes; everywhere else it stays as it is:

        translation = m · segment + (1 - m) · image

    The frame keeps what the zeros beyond the border do to convolutions away from the
    image: it is translated with `frame` more pixels on each side, in which it is
    mirrored, and cut out again. The paper names both and shows them in its figure 4,
    without their layers. Here the segment is what `stargan_generator` would give, and
    the mask is one more channel of its last convolution, through a sigmoid.

    Args:
        attributes: Positive integer, the number of attributes.
        channels: Positive integer, and so on to `downsamplings`, as for
            `stargan_generator`.
        mask: Boolean, whether there is a mask. `True` by default.
        frame: Non-negative integer, width of the frame in pixels, a multiple of
            `2**downsamplings`; `8` by default, `0` for none.
        upsampling: As for `stargan_generator`.

    Returns:
        Functional `keras.Model` from `[images, attributes]`, as `stargan_generator`
        takes them, to `[translation, mask, segment]`, or to the translation alone
        without a mask. Translation and segment have the shape of the images, the mask
        is `(batch, height, width, 1)` in [0, 1]. Height and width are multiples of
        `2**downsamplings`, and larger than the frame.

    Reference:
        Cho and Yoon, see `keras_gans.models.ACLGAN`.
    """
    counts = {"residual_blocks": residual_blocks, "downsamplings": downsamplings}
    check_counts(**counts, frame=frame)
    one_of("upsampling", upsampling, ("transposed", "resize"))
    require(
        frame % 2**downsamplings == 0,
        f"Argument `frame` must be 0 or a multiple of {2**downsamplings}, because the "
        f"image is halved {downsamplings} times",
        frame=frame,
    )
    attributes = positive_integer("attributes", attributes)
    inputs = [
        keras.Input((None, None, channels), name="images"),
        keras.Input((attributes,), name="attributes"),
    ]
    multiple = {"minimum": frame + 1, "name": "size_multiple"}
    x = images = SizeMultiple(2**downsamplings, **multiple)(inputs[0])
    if frame:
        x = ReflectionPadding2D(frame, name="frame")(x)
    # Behind the channels of the image a plane of its value for each attribute.
    planes = ops.expand_dims(inputs[1], (1, 2)) * ops.ones_like(x[..., :1])
    x = layers.Concatenate(name="images_and_attributes")([x, planes])
    x = _generator_body(x, width, residual_blocks, downsamplings, upsampling)
    x = _convolution(x, channels + bool(mask), 7, "last", use_bias=bool(mask))
    if frame:
        x = layers.Cropping2D(frame, name="without_frame")(x)
    if not mask:
        return keras.Model(inputs, activated(x, "tanh", "translation"), name=name)
    segment = activated(x[..., :channels], "tanh", "segment")
    mask = activated(x[..., channels:], "sigmoid", "mask")
    translation = images + mask * (segment - images)
    translation = layers.Identity(dtype="float32", name="translation")(translation)
    return keras.Model(inputs, [translation, mask, segment], name=name)


def stargan_discriminator(
    attributes, size=128, channels=3, width=64, layers=None, name="discriminator"
):
    """Builds StarGAN's discriminator: real or fake by patch, and which attributes.

        layer                    output shape                followed by
        input                    (B, size,   size,   channels)
        c4s2-w                   (B, size/2, size/2, w)      LeakyReLU
        c4s2-2w                  (B, size/4, size/4, 2w)     LeakyReLU
        ... down to              (B, 2,      2,      w size/4)
        c3s1-1                   (B, 2,      2,      1)      the patches
        c2s1-attributes, no pad  (B, attributes)             the logits

    At most six convolutions of stride 2: at 256 pixels and more than that, more than
    2x2 patches remain, as in the paper. There is no normalization, only the last two
    convolutions have no bias, and weights start from PyTorch's default. With five
    attributes and 128 pixels it has 44,762,048 parameters.

    Args:
        attributes: Positive integer, the number of attributes.
        size: Height and width of the images, a power of two of at least 8. Defaults to
            128.
        layers: Positive integer, how many convolutions of stride 2 there are. As many
            as leave 2x2 patches by default, but at most 6.

    Returns:
        Functional `keras.Model` from images `(batch, size, size, channels)` to
        `[patches, logits]`, of shapes `(batch, h, w, 1)` and `(batch, attributes)`.

    Reference:
        Choi et al., table 5, see `keras_gans.models.StarGAN`.
    """
    inputs, x = _discriminator_body(size, channels, width, layers)
    patches = _convolution(x, 1, 3, "patches", use_bias=False)
    attributes = positive_integer("attributes", attributes)
    logits = _one_for_each(x, attributes, "logits", use_bias=False)
    ends = ((patches, "patches_output"), (logits, "logits_output"))
    outputs = [activated(x, "linear", output) for x, output in ends]
    return keras.Model(inputs, outputs, name=name)


def aclgan_discriminator(
    attributes,
    size=128,
    channels=3,
    width=64,
    layers=None,
    with_complement=False,
    name="discriminator",
):
    """Builds ACL-GAN's discriminator: a GAN for each attribute, hidden layers shared.

    It is `stargan_discriminator` up to its last two convolutions; in their place there
    is a single one with a bias and an output for each attribute.

    Args:
        attributes: Positive integer, and so on to `layers`, as for
            `stargan_discriminator`.
        with_complement: Boolean, whether there is a second output for each attribute,
            about images without it; see `keras_gans.losses.AttributeLoss`. `False` by
            default.

    Returns:
        Functional `keras.Model` from images `(batch, size, size, channels)` to
        `(batch, attributes)`, or `(batch, 2 * attributes)` with the complement.

    Reference:
        Cho and Yoon, section 3, see `keras_gans.models.ACLGAN`.
    """
    inputs, x = _discriminator_body(size, channels, width, layers)
    outputs = positive_integer("attributes", attributes) * (1 + with_complement)
    x = _one_for_each(x, outputs, "last", use_bias=True)
    return keras.Model(inputs, activated(x, "linear", "attributes"), name=name)


def _generator_body(x, width, residual_blocks, downsamplings, upsampling):
    def block(x, filters, size, layer_name, activated=True, **options):
        x = _convolution(x, filters, size, layer_name, use_bias=False, **options)
        x = normalize(x, "instance", name=f"{layer_name}_normalization")
        if not activated:
            return x
        return layers.ReLU(name=f"{layer_name}_activation")(x)

    x = block(x, width, 7, "first")
    for index in range(1, downsamplings + 1):
        x = block(x, width * 2**index, 4, f"downsampling_{index}", strides=2)
    for index in range(1, residual_blocks + 1):
        residual, shortcut = f"residual_{index}", x
        x = block(x, x.shape[-1], 3, f"{residual}_1")
        x = block(x, x.shape[-1], 3, f"{residual}_2", activated=False)
        x = layers.Add(name=f"{residual}_add")([shortcut, x])
    size, options = 4, {"strides": 2, "kind": layers.Conv2DTranspose}
    if upsampling == "resize":
        size, options = 3, {"kind": ResizeConv2D}
    for index in range(downsamplings, 0, -1):
        filters = width * 2 ** (index - 1)
        x = block(x, filters, size, f"upsampling_{index}", **options)
    return x


def _discriminator_body(size, channels, width, layers):
    must = "Argument `size` must be a power of two of at least 8"
    require(size >= 8 and not size & (size - 1), must, size=size)
    halvings = size.bit_length() - 1
    if layers is None:
        layers = min(6, halvings - 1)
    require(
        1 <= layers <= halvings,
        f"Argument `layers` must be an integer between 1 and {halvings} for images of "
        f"{size} pixels",
        layers=layers,
    )
    inputs = x = keras.Input((size, size, channels), name="images")
    for index in range(layers):
        x = _convolution(x, width * 2**index, 4, f"convolution_{index + 1}", strides=2)
        x = keras.layers.LeakyReLU(_SLOPE, name=f"activation_{index + 1}")(x)
    return inputs, x


def _one_for_each(x, outputs, layer_name, use_bias):
    """A convolution over all patches at once: as many numbers as there are outputs."""
    options = {"use_bias": use_bias, "padding": "valid"}
    x = _convolution(x, outputs, x.shape[1], layer_name, **options)
    return keras.layers.Flatten(name=f"{layer_name}_flat")(x)


def _convolution(x, filters, size, layer_name, kind=layers.Conv2D, **options):
    return initialized(kind, x.shape[-1], filters, size, layer_name, **options)(x)


def initialized(
    kind, channels, filters, size, name, strides=1, use_bias=True, padding="same"
):
    """Returns a convolution of so many `channels` whose weights start as in PyTorch.

    `kind` is `keras.layers.Conv2D`, `keras.layers.Conv2DTranspose` or `ResizeConv2D`,
    which has no strides and no padding.
    """
    # Uniform within 1 / sqrt(inputs of a filter). For a transposed convolution PyTorch
    # counts the outputs in the place of the inputs.
    inputs = filters if kind is layers.Conv2DTranspose else channels
    bound = (inputs * size**2) ** -0.5

    def initializer():
        # A new object each time: one initializer would repeat its numbers.
        return keras.initializers.RandomUniform(-bound, bound)

    options = {"use_bias": use_bias, "kernel_initializer": initializer(), "name": name}
    options["bias_initializer"] = initializer() if use_bias else None
    if kind is not ResizeConv2D:
        options |= {"strides": strides, "padding": padding}
    return kind(filters, size, **options)
