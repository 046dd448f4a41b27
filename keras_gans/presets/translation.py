"""Presets of translation between two domains without pairs.

Args:
    x_channels: 1 or 3, channels of domain X.
    y_channels: 1 or 3, channels of domain Y.
    cycle_weight: Non-negative float, weight of the cycle loss, or a pair of them for
        x → y → x and y → x → y.
    identity_weight: Non-negative float, weight of the identity loss.
    residual_blocks: Non-negative integer, of each generator.
    pool_size: Zero or a positive integer, fakes of earlier steps that a discriminator
        is shown again.
    feature_extractor: Adds a semantic loss in the features of `"vgg16"` or of the
        `.keras` file of a network of pixels in [0, 255].
    semantic_weight: Non-negative float, weight of the semantic loss between images and
        their reconstructions. By default, with a feature extractor, the weight with
        which different images differ as much by it as by the cycle loss.
    semantic_translation_weight: Non-negative float, its weight between images and their
        translations.
    semantic_loss: Optional `keras_gans.losses.SemanticVGGLoss`, in place of
        `feature_extractor`.
"""

import functools
import typing

from keras_gans.presets.registry import Place, adam, preset, semantic_loss_of, start

Weights = float | tuple[float, float]
Upsampling = typing.Literal["transposed", "resize"]
# Digits in some minutes.
DIGITS = {
    "task": "translation",
    "batch_size": 32,
    "size": 32,
    "flip": False,
    "channels": 3,
    "sample_freq": 250,
    "optimizer": adam(),
    "learning_rates": (5e-4, 2e-4),
}
# Of the papers on photos: single ones, cropped at random.
PHOTOS = {
    "task": "translation",
    "batch_size": 1,
    "size": 256,
    "load_size": 286,
    "sample_freq": 1000,
    "optimizer": adam(),
    "learning_rates": (2e-4, 2e-4),
}


@preset(**DIGITS, steps=1150, mixed_precision="auto")
def digits(
    x_channels=3,
    y_channels=3,
    size=32,
    width: int = 32,
    residual_blocks: int = 1,
    style_dim: int = 8,
    skip_connection: bool = False,
    detail_width: int = 16,
    grey_x: bool | None = None,
    discriminator_layers: int | tuple[int, int] = (1, 2),
    cycle_weight: Weights = 5.0,
    cycle_margin: float = 0.19,
    identity_weight: Weights = 2.0,
    style_weight: float = 1.0,
    pool_size: int = 0,
    feature_extractor: Place | None = None,
    feature_layers: list[str] | None = None,
    semantic_weight: float | None = None,
    semantic_translation_weight: float = 0.0,
    ema_decay: float | None = 0.99,
    semantic_loss=None,
    example_images=None,
    seed=None,
):
    """Digits with style: a CycleGAN whose second domain keeps its colours.

    The default of `keras-gans train`, some minutes. Handwriting is drawn in any number
    of styles, or in that of a street number you choose; and street numbers become
    handwriting. See `keras_gans.models.StyleCycleGAN`.

    Discriminators judge patches, of 16 pixels in X and of 34 in Y, without
    normalization: they cannot ask for another digit, and see that a fake is noisy or of
    wrong contrast, which their own batch statistics would hide. Y → X draws in grey,
    because it would hide neighbours in red, and drops them, because the sides of a
    street digit need not come back. It varies the colours of its input in training (see
    `digit_generator`), because half of the street digits are darker than their ground.
    Upsampling repeats pixels, since transposed convolutions leave their grid; and R1
    keeps the ground smooth. Its weight is large because the gradient is that of a mean
    over patches. Instance norm in the generators, least squares, Adam (β₁ 0.5),
    averaged weights; for batches of 32.

    Args:
        style_dim: Positive integer, the length of a style.
        skip_connection: Whether the generators have a skip connection.
        detail_width: Non-negative integer, filters of the generators' layer at full
            size; 0 for none.
        grey_x: Whether images of X are grey, in one channel or in three that are equal.
            By default they are, unless `example_images` have colours.
        discriminator_layers: Positive integer, convolutions of stride 2 in a
            discriminator, or a pair of them for X and Y: 1 for patches of 16 pixels, 2
            for 34, 3 for 70.
        cycle_margin: Float in [0, 0.5), the share of the width on the left and on the
            right of a street digit, where neighbours stand, that need not come back.
        style_weight: Non-negative float, weight of the style that a translation is
            read in.
        ema_decay: Float in [0, 1): the generators' weights are averaged for pictures,
            scores and export.
        size: Height and width, at least 20 and a multiple of 4.

    Returns:
        A compiled `keras_gans.models.StyleCycleGAN`.
    """
    import numpy as np

    from keras_gans import losses, models, networks

    semantic_loss, semantic_weight = semantic_loss_of(
        *(feature_extractor, feature_layers, semantic_weight),
        *(example_images, semantic_loss),
    )
    if grey_x is None:
        grey_x = example_images is None or np.ptp(example_images, -1).max() < 0.1
    start(seed)
    generator = {
        "width": width,
        "residual_blocks": residual_blocks,
        "skip_connection": skip_connection,
        "detail_width": detail_width,
    }
    discriminator = {"width": width, "normalization": None}
    if isinstance(discriminator_layers, int):
        discriminator_layers = discriminator_layers, discriminator_layers
    layers_x, layers_y = discriminator_layers
    model = models.StyleCycleGAN(
        networks.style_generator(
            *(x_channels, y_channels),
            style_dim=style_dim,
            name="generator_xy",
            **generator,
        ),
        networks.digit_generator(
            *(y_channels, x_channels),
            normalization="instance",
            color_augmentation=True,
            upsampling="resize",
            grey_output=grey_x,
            name="generator_yx",
            **generator,
        ),
        networks.style_encoder(
            *(y_channels, x_channels),
            width=max(1, width // 2),
            style_dim=style_dim,
            name="style_encoder",
        ),
        networks.patch_discriminator(
            x_channels, layers=layers_x, name="discriminator_x", **discriminator
        ),
        networks.patch_discriminator(
            y_channels, layers=layers_y, name="discriminator_y", **discriminator
        ),
        cycle_weight=cycle_weight,
        cycle_margin=cycle_margin,
        identity_weight=identity_weight,
        style_weight=style_weight,
        semantic_weight=semantic_weight,
        semantic_translation_weight=semantic_translation_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {
        "penalty": losses.R1Penalty(300.0, every=4),
        "semantic_loss": semantic_loss,
    }


@preset(**DIGITS, steps=1000, adversarial_loss="least_squares")
def digits_cyclegan(
    x_channels=3,
    y_channels=3,
    size=32,
    width: int = 32,
    residual_blocks: int = 1,
    cycle_weight: Weights = (5.0, 0.5),
    identity_weight: Weights = 2.0,
    pool_size: int = 0,
    ema_decay: float | None = None,
    seed=None,
):
    """CycleGAN that keeps the digit: small networks, some minutes.

    What `digits` was before version 0.3: all translations of a run share one colour
    scheme. Unpaired training likes to swap digits: nothing in the lab's losses says
    which 3 of one domain is which of the other. Four departures from the lab keep them:

    - Patch discriminators of 16x16 pixels without normalization. They judge strokes and
      texture and cannot ask for another digit, as one that sees the whole image does;
      and without normalization they see that a fake is noisy or of wrong contrast,
      which their own batch statistics would hide.
    - Generators with a skip connection, so that strokes keep their place.
    - Y → X varies the colours of its input in training (see `digit_generator`), because
      half of the street digits are darker than their ground.
    - Weights: cycle 5 for x → y → x but 0.5 for y → x → y, because a black and white
      digit cannot tell the colours it came from and would hide them in odd shapes;
      identity 2.

    Batch norm in the generators, least squares, Adam (β₁ 0.5); for batches of 32.

    Args:
        size: Height and width, at least 20 and a multiple of 4.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.
    """
    from keras_gans import networks

    generator = functools.partial(
        networks.digit_generator,
        width=width,
        residual_blocks=residual_blocks,
        skip_connection=True,
    )
    discriminator = functools.partial(
        networks.patch_discriminator, width=width, layers=1, normalization=None
    )
    return _cyclegan(
        *(x_channels, y_channels, generator, discriminator),
        back={"color_augmentation": True},
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )


@preset(
    task="translation",
    batch_size=64,
    size=32,
    flip=False,
    steps=4685,
    sample_freq=1000,
    optimizer=adam(),
    learning_rates=(2e-4, 2e-4),
    adversarial_loss="non_saturating",
)
def digit_lab(
    x_channels=1,
    y_channels=3,
    size=32,
    width: int = 64,
    residual_blocks: int = 2,
    upsampling: Upsampling = "transposed",
    input_noise: float = 0.3,
    cycle_weight: Weights = 5.0,
    identity_weight: Weights = 0.0,
    pool_size: int = 0,
    feature_extractor: Place | None = None,
    feature_layers: list[str] | None = None,
    semantic_weight: float | None = None,
    semantic_translation_weight: float = 0.0,
    ema_decay: float | None = None,
    semantic_loss=None,
    example_images=None,
    seed=None,
):
    """CycleGAN lab on digits: batch norm, cross entropy, no image pool.

    Generators with two residual blocks, discriminators of four convolutions with batch
    norm in the middle, Glorot initialisation, LeakyReLU 0.05, cross entropy from
    logits, Adam 2e-4 (β₁ 0.5, β₂ 0.999); meant for batches of 64.

    What the lab's text does not state is chosen so that its table of losses comes out.
    Its Loss_G of 1.8542 and Loss_C of 0.2694 after 100 iterations allow a cycle weight
    of at most 6.88, if the one contains the other: here it is 5. And its Loss_D stays
    between 1.6 and 2.4, where a discriminator that sees clean drawn digits falls to 0.8
    and less, and the generators hide digits in single pixels: noise on all that the
    discriminators see (`input_noise`) keeps it there.

    Its digits may be swapped, 3 for 8 say. A semantic loss in the features of a digit
    classifier says which is which, see `keras_gans.experiments.semantic_digits`. The
    lab has none.

    Args:
        width: Positive integer, filters of the first convolution of every network.
            Defaults to 64, the lab's; 32 needs about a quarter of the arithmetic.
        upsampling: "transposed", the lab's, or "resize", without its grid.
        input_noise: Non-negative float, see `networks.digit_discriminator`.
        size: Height and width, a multiple of 8.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.
    """
    from keras_gans import networks

    semantic_loss, semantic_weight = semantic_loss_of(
        *(feature_extractor, feature_layers, semantic_weight),
        *(example_images, semantic_loss),
    )
    generator = functools.partial(
        networks.digit_generator,
        width=width,
        residual_blocks=residual_blocks,
        upsampling=upsampling,
    )
    discriminator = functools.partial(
        networks.digit_discriminator, width=width, size=size, input_noise=input_noise
    )
    model = _cyclegan(
        *(x_channels, y_channels, generator, discriminator),
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        semantic_weight=semantic_weight,
        semantic_translation_weight=semantic_translation_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"semantic_loss": semantic_loss}


@preset(**PHOTOS, epochs=40)
def tensorflow_tutorial(
    x_channels=3,
    y_channels=3,
    size=256,
    width: int = 64,
    cycle_weight: Weights = 10.0,
    identity_weight: Weights = 5.0,
    pool_size: int = 0,
    ema_decay: float | None = None,
    seed=None,
):
    """TensorFlow's CycleGAN tutorial: U-Nets, identity loss.

    U-Net generators with affine instance norm, also at the bottleneck, 70x70 patch
    discriminators, LeakyReLU 0.3 (the default of the Keras of its time), cross entropy
    with the discriminator's loss halved, no image pool, Adam 2e-4 (β₁ 0.5); meant for
    single images, resized to 286, cropped to 256 and mirrored. The tutorial's four
    Adams equal the two of this model, because Adam treats each weight by itself.

    Args:
        size: Height and width, powers of two of at least 4; the shorter side sets the
            depth of the U-Nets.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.

    Reference:
        https://www.tensorflow.org/tutorials/generative/cyclegan
    """
    from keras_gans import losses, networks

    sides = (size, size) if isinstance(size, int) else size
    if any(side < 4 or side & (side - 1) for side in sides):
        raise ValueError(
            "Argument `size` must be a power of two of at least 4, because the U-Net "
            f"halves its input down to one pixel. Received: size={size}"
        )
    generator = functools.partial(
        networks.unet_generator,
        width=width,
        max_width=8 * width,
        depth=min(sides).bit_length() - 1,
        negative_slope=0.3,
    )
    discriminator = functools.partial(
        networks.patch_discriminator, width=width, affine=True, negative_slope=0.3
    )
    model = _cyclegan(
        *(x_channels, y_channels, generator, discriminator),
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )
    loss = losses.MinimaxDiscriminatorLoss(scale=0.5)
    return model, {"adversarial_loss": (loss, losses.NonSaturatingGeneratorLoss())}


@preset(**PHOTOS, epochs=200, has_decay=True)
def cyclegan(
    x_channels=3,
    y_channels=3,
    size=256,
    width: int = 64,
    residual_blocks: int | None = None,
    activation: typing.Literal["relu", "leaky_relu"] = "relu",
    upsampling: Upsampling = "transposed",
    discriminator_layers: int = 3,
    cycle_weight: Weights = 10.0,
    identity_weight: Weights = 0.0,
    pool_size: int = 50,
    feature_extractor: Place | None = None,
    feature_layers: list[str] | None = None,
    semantic_weight: float | None = None,
    semantic_translation_weight: float = 0.0,
    ema_decay: float | None = None,
    semantic_loss=None,
    example_images=None,
    seed=None,
):
    """CycleGAN, the original: ResNets, least squares, image pools of 50.

    ResNets with 9 residual blocks (6 below 256 pixels), non-affine instance norm,
    N(0, 0.02) initialisation, 70x70 patch discriminators, no identity loss, Adam 2e-4
    (β₁ 0.5); meant for single images, resized to 286, cropped to 256 and mirrored. The
    paper keeps the learning rate for 100 epochs and lets it fall linearly to zero over
    100 more: give the length of both together as `total_steps`.

    The variants of the semantic CycleGAN study are this preset, too:

        origin     presets.cyclegan()
        LeakyReLU  presets.cyclegan(activation="leaky_relu")
        semantic   presets.cyclegan(feature_extractor="vgg16", semantic_weight=weight)
        hybrid     presets.cyclegan(activation="leaky_relu", feature_extractor="vgg16",
                                    semantic_weight=weight)

    Args:
        size: Height and width of the images; the shorter side decides the number of
            residual blocks.
        residual_blocks: Non-negative integer, of each generator. Defaults to the
            paper's 9, or 6 below 256 pixels.
        activation: Of the generators; leaky_relu has a slope of 0.01.
        upsampling: "transposed", the paper's, or "resize", without its checkerboard
            patterns.
        discriminator_layers: Positive integer, convolutions of stride 2 in a
            discriminator: 3 for patches of 70 pixels, 2 for 34, 1 for 16.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.

    Reference:
        - Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent
          Adversarial Networks", 2017, https://arxiv.org/abs/1703.10593
        - The semantic CycleGAN study (in Korean) for the variants.
    """
    from keras_gans import networks

    semantic_loss, semantic_weight = semantic_loss_of(
        *(feature_extractor, feature_layers, semantic_weight),
        *(example_images, semantic_loss),
    )
    shorter = size if isinstance(size, int) else min(size)
    if residual_blocks is None:
        residual_blocks = 9 if shorter >= 256 else 6
    generator = functools.partial(
        networks.resnet_generator,
        width=width,
        residual_blocks=residual_blocks,
        activation=activation,
        upsampling=upsampling,
    )
    discriminator = functools.partial(
        networks.patch_discriminator, width=width, layers=discriminator_layers
    )
    model = _cyclegan(
        *(x_channels, y_channels, generator, discriminator),
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        semantic_weight=semantic_weight,
        semantic_translation_weight=semantic_translation_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"semantic_loss": semantic_loss}


def _cyclegan(
    x_channels, y_channels, generator, discriminator, seed, back=None, **arguments
):
    """Builds a CycleGAN of two generators and two discriminators of one kind each.

    A generator is made by a function of input channels, output channels and a name, a
    discriminator by one of channels and a name. `back` are further arguments of the
    generator from Y to X; all others are those of the model.
    """
    from keras_gans import models

    start(seed)
    return models.CycleGAN(
        generator_xy=generator(x_channels, y_channels, name="generator_xy"),
        generator_yx=generator(
            y_channels, x_channels, name="generator_yx", **(back or {})
        ),
        discriminator_x=discriminator(x_channels, name="discriminator_x"),
        discriminator_y=discriminator(y_channels, name="discriminator_y"),
        seed=seed,
        **arguments,
    )
