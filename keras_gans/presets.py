"""Compiled models in one line, each with the settings of its source.

>>> model = keras_gans.presets.digit_lab()
>>> model.fit(keras_gans.data.unpaired("mnist", "svhn_cropped", batch_size=64, size=32))
"""

import keras

from keras_gans.data.attributes import exclusive_groups as groups_among
from keras_gans.losses import MinimaxDiscriminatorLoss, NonSaturatingGeneratorLoss
from keras_gans.models import (
    ACLGAN,
    BEGAN,
    EBGAN,
    GAN,
    LSGAN,
    WGAN,
    WGANGP,
    ConditionalGAN,
    CycleGAN,
    Pix2Pix,
    Pix2PixColorizer,
    StarGAN,
)
from keras_gans.networks import (
    GrowingDiscriminator,
    GrowingGenerator,
    aclgan_discriminator,
    aclgan_generator,
    autoencoder,
    dcgan_discriminator,
    dcgan_generator,
    decoder_generator,
    digit_discriminator,
    digit_generator,
    patch_discriminator,
    resnet_generator,
    stargan_discriminator,
    stargan_generator,
    unet_generator,
)
from keras_gans.schedules import ConstantThenLinear


def digits(x_channels=3, y_channels=3, size=32, seed=None, **compile_arguments):
    """Digit translation that keeps the digit; the default of `keras-gans train`.

    Unpaired training likes to swap digits: nothing in the lab's losses says which 3 of
    one domain is which of the other. Four departures from the lab keep them:

    - Patch discriminators of 16x16 pixels without normalization. They judge strokes and
      texture and cannot ask for another digit, as one that sees the whole image does;
      and without normalization they see that a fake is noisy or of wrong contrast,
      which their own batch statistics would hide.
    - Generators with a skip connection, so that strokes keep their place.
    - Y → X varies the colours of its input in training (see `digit_generator`), because
      half of the street digits are darker than their ground.
    - Weights: cycle 5 for x → y → x but 0.5 for y → x → y, because a black and white
      digit cannot tell the colours it came from and would hide them in odd shapes;
      identity 2, which needs both domains to have the same channels.

    Width 32, one residual block, batch norm in the generators, least squares, Adam 5e-4
    for the generators and 2e-4 for the discriminators (β₁ 0.5); for batches of 32.

    Args:
        x_channels: 1 or 3, channels of domain X.
        y_channels: 1 or 3, channels of domain Y; the identity loss is left out when it
            differs from `x_channels`.
        size: Height and width of the images, a multiple of 4 from 20 on.
        seed: Optional integer for `keras.utils.set_random_seed`.
        **compile_arguments: Passed on to `CycleGAN.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.
    """
    _set_seed(seed)
    generator = {"width": 32, "residual_blocks": 1, "skip_connection": True}
    discriminator = {"width": 32, "layers": 1, "normalization": None}
    model = CycleGAN(
        generator_xy=digit_generator(
            x_channels, y_channels, name="generator_xy", **generator
        ),
        generator_yx=digit_generator(
            y_channels,
            x_channels,
            color_augmentation=True,
            name="generator_yx",
            **generator,
        ),
        discriminator_x=patch_discriminator(
            x_channels, name="discriminator_x", **discriminator
        ),
        discriminator_y=patch_discriminator(
            y_channels, name="discriminator_y", **discriminator
        ),
        cycle_weight=(5.0, 0.5),
        identity_weight=2.0 if x_channels == y_channels else 0.0,
        pool_size=0,
        seed=seed,
    )
    arguments = {
        "generator_optimizer": keras.optimizers.Adam(5e-4, beta_1=0.5),
        "discriminator_optimizer": keras.optimizers.Adam(2e-4, beta_1=0.5),
        "adversarial_loss": "least_squares",
    }
    model.compile(**{**arguments, **compile_arguments})
    return model


def digit_lab(
    x_channels=1,
    y_channels=3,
    size=32,
    width=64,
    semantic_loss=None,
    semantic_weight=0.0,
    semantic_translation_weight=0.0,
    seed=None,
    **compile_arguments,
):
    """The CycleGAN lab on digits: batch norm, cross entropy, no image pool.

    Generators of width 64 with two residual blocks, discriminators of four
    convolutions with batch norm in the middle, Glorot initialisation, LeakyReLU 0.05,
    cross entropy from logits, Adam 2e-4 (β₁ 0.5, β₂ 0.999); meant for batches of 64.
    The lab does not state its cycle weight; it is CycleGAN's 10 here.

    Its digits may be swapped, 3 for 8 say. A semantic loss in the features of a digit
    classifier says which is which, see `keras_gans.experiments.semantic_digits`. The
    lab has none.

    Args:
        x_channels: 1 or 3, channels of domain X.
        y_channels: 1 or 3, channels of domain Y.
        size: Height and width of the images, a multiple of 8.
        width: Positive integer, filters of the first convolution of every network.
            Defaults to 64, the lab's; 32 needs about a quarter of the arithmetic.
        semantic_loss: Optional `keras_gans.losses.SemanticVGGLoss`.
        semantic_weight: Non-negative float, its weight between images and their
            reconstructions.
        semantic_translation_weight: Non-negative float, its weight between images and
            their translations. One of the two is needed with it.
        seed: Optional integer for `keras.utils.set_random_seed`, so that the weights
            start the same.
        **compile_arguments: Passed on to `CycleGAN.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.
    """
    _set_seed(seed)
    model = CycleGAN(
        generator_xy=digit_generator(
            x_channels, y_channels, width=width, name="generator_xy"
        ),
        generator_yx=digit_generator(
            y_channels, x_channels, width=width, name="generator_yx"
        ),
        discriminator_x=digit_discriminator(
            x_channels, width=width, size=size, name="discriminator_x"
        ),
        discriminator_y=digit_discriminator(
            y_channels, width=width, size=size, name="discriminator_y"
        ),
        semantic_weight=semantic_weight,
        semantic_translation_weight=semantic_translation_weight,
        pool_size=0,
        seed=seed,
    )
    arguments = {"adversarial_loss": "non_saturating", "semantic_loss": semantic_loss}
    model.compile(**{**arguments, **compile_arguments})
    return model


def tensorflow_tutorial(
    x_channels=3, y_channels=3, size=256, seed=None, **compile_arguments
):
    """The TensorFlow CycleGAN tutorial: U-Nets, cross entropy, identity loss.

    U-Net generators with affine instance norm, also at the bottleneck, 70x70 patch
    discriminators, LeakyReLU 0.3 (the default of the Keras of its time), cross entropy
    with the discriminator's loss halved, cycle weight 10, identity weight 5, no image
    pool, Adam 2e-4 (β₁ 0.5); meant for single images, resized to 286, cropped to 256
    and mirrored. The tutorial's four Adams equal the two of this model, because Adam
    treats each weight by itself.

    Args:
        x_channels: 1 or 3, channels of domain X.
        y_channels: 1 or 3, channels of domain Y; the identity loss is left out when it
            differs from `x_channels`.
        size: Height and width of the images, a power of two from 4 on; it sets the
            depth of the U-Nets.
        seed: Optional integer for `keras.utils.set_random_seed`.
        **compile_arguments: Passed on to `CycleGAN.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.

    Reference:
        https://www.tensorflow.org/tutorials/generative/cyclegan
    """
    if size < 4 or size & (size - 1):
        raise ValueError(
            "Argument `size` must be a power of two from 4 on, because the U-Net "
            f"halves its input down to one pixel. Received: size={size}"
        )
    _set_seed(seed)
    unet = {"depth": size.bit_length() - 1, "negative_slope": 0.3}
    patch = {"affine": True, "negative_slope": 0.3}
    model = CycleGAN(
        generator_xy=unet_generator(
            x_channels, y_channels, name="generator_xy", **unet
        ),
        generator_yx=unet_generator(
            y_channels, x_channels, name="generator_yx", **unet
        ),
        discriminator_x=patch_discriminator(
            x_channels, name="discriminator_x", **patch
        ),
        discriminator_y=patch_discriminator(
            y_channels, name="discriminator_y", **patch
        ),
        identity_weight=5.0 if x_channels == y_channels else 0.0,
        pool_size=0,
        seed=seed,
    )
    adversarial_loss = (
        MinimaxDiscriminatorLoss(scale=0.5),
        NonSaturatingGeneratorLoss(),
    )
    model.compile(**{"adversarial_loss": adversarial_loss, **compile_arguments})
    return model


def cyclegan(
    x_channels=3,
    y_channels=3,
    size=256,
    width=64,
    residual_blocks=None,
    activation="relu",
    upsampling="transposed",
    discriminator_layers=3,
    semantic_loss=None,
    semantic_weight=0.0,
    ema_decay=None,
    constant_steps=None,
    decay_steps=None,
    seed=None,
    **compile_arguments,
):
    """The original CycleGAN: ResNet generators, least squares, image pools of 50.

    ResNets with 9 residual blocks (6 below 256 pixels), non-affine instance norm,
    N(0, 0.02) initialisation, 70x70 patch discriminators, cycle weight 10, no identity
    loss, Adam 2e-4 (β₁ 0.5); meant for single images, resized to 286, cropped to 256
    and mirrored. The paper keeps the learning rate for 100 epochs and lets it fall
    linearly to zero over 100 more: give both lengths in steps.

    The variants of the semantic CycleGAN study are this preset, too:

        origin     presets.cyclegan()
        LeakyReLU  presets.cyclegan(activation="leaky_relu")
        semantic   presets.cyclegan(semantic_loss=loss, semantic_weight=weight)
        hybrid     presets.cyclegan(activation="leaky_relu", semantic_loss=loss,
                                    semantic_weight=weight)

    Args:
        x_channels: 1 or 3, channels of domain X.
        y_channels: 1 or 3, channels of domain Y.
        size: Height and width of the images; decides the number of residual blocks.
        width: Positive integer, filters of the first convolution of every network.
            Defaults to 64, the paper's.
        residual_blocks: Integer from 0 on, or `None` for the paper's 9 or 6.
        activation: Activation of the generators, `"relu"` or `"leaky_relu"` (slope
            0.01), see `keras_gans.networks.resnet_generator`.
        upsampling: `"transposed"`, the paper's, or `"resize"`, without its checkerboard
            patterns.
        discriminator_layers: Positive integer, convolutions of stride 2 in a
            discriminator, 3 for patches of 70 pixels, 2 for 34, 1 for 16. Defaults to
            3, the paper's for 256 pixels.
        semantic_loss: Optional `keras_gans.losses.SemanticVGGLoss`.
        semantic_weight: Non-negative float, its weight; needed with it.
        ema_decay: Optional float in [0, 1), see `keras_gans.models.CycleGAN`. The paper
            keeps no average.
        constant_steps: Optional integer, steps at the full learning rate.
        decay_steps: Optional integer, steps of its linear fall; needed with
            `constant_steps`. Without both the rate stays.
        seed: Optional integer for `keras.utils.set_random_seed`.
        **compile_arguments: Passed on to `CycleGAN.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.CycleGAN`.

    Reference:
        - Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent
          Adversarial Networks", 2017, https://arxiv.org/abs/1703.10593
        - The semantic CycleGAN study (in Korean) for the variants.
    """
    optimizers = _adams(2e-4, 2e-4, constant_steps, decay_steps)
    _set_seed(seed)
    generator = {
        "width": width,
        "residual_blocks": residual_blocks,
        "activation": activation,
        "upsampling": upsampling,
    }
    discriminator = {"width": width, "layers": discriminator_layers}
    if residual_blocks is None:
        generator["residual_blocks"] = 9 if size >= 256 else 6
    model = CycleGAN(
        generator_xy=resnet_generator(
            x_channels, y_channels, name="generator_xy", **generator
        ),
        generator_yx=resnet_generator(
            y_channels, x_channels, name="generator_yx", **generator
        ),
        discriminator_x=patch_discriminator(
            x_channels, name="discriminator_x", **discriminator
        ),
        discriminator_y=patch_discriminator(
            y_channels, name="discriminator_y", **discriminator
        ),
        semantic_weight=semantic_weight,
        ema_decay=ema_decay,
        seed=seed,
    )
    model.compile(semantic_loss=semantic_loss, **{**optimizers, **compile_arguments})
    return model


# Paired translation ----------------------------------------------------------------


def pix2pix(
    source_channels=3,
    target_channels=3,
    size=256,
    width=64,
    normalization="batch",
    dropout=0.5,
    reconstruction_weight=100.0,
    inference_dropout=False,
    ema_decay=None,
    seed=None,
    **compile_arguments,
):
    """pix2pix: a U-Net, a discriminator of patches of 70 pixels, cross entropy and L1.

    Adam 2e-4 (β₁ 0.5) for each network, λ 100; meant for single images, resized to 286,
    cropped to 256 and mirrored. The U-Net halves its input as often as it can be
    halved, at most 8 times; as in the authors' code, its innermost convolution is not
    normalized.

    Args:
        source_channels: Positive integer, channels of the source.
        target_channels: Positive integer, channels of the target.
        size: Height and width of the images, a multiple of 8 from 24 on.
        width: Positive integer, filters of the first convolution of both networks.
            Defaults to 64, the paper's.
        normalization: `"batch"`, the paper's, or `"instance"`, of both networks.
        dropout: Float in [0, 1), share of values that are dropped in the first three
            blocks of the decoder. Defaults to 0.5, the paper's.
        reconstruction_weight: Non-negative float, λ.
        inference_dropout: Boolean, see `keras_gans.models.Pix2Pix`.
        ema_decay: Optional float in [0, 1), see `keras_gans.models.Pix2Pix`.
        seed: Optional integer for `keras.utils.set_random_seed`.
        **compile_arguments: Passed on to `Pix2Pix.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.Pix2Pix`.

    Raises:
        ValueError: If the networks do not take images of `size`.

    Reference:
        Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional
        Adversarial Networks", 2016, https://arxiv.org/abs/1611.07004
    """
    _set_seed(seed)
    networks = _paired_networks(
        source_channels, target_channels, size, width, normalization, dropout
    )
    model = Pix2Pix(
        **networks,
        reconstruction_weight=reconstruction_weight,
        inference_dropout=inference_dropout,
        ema_decay=ema_decay,
        seed=seed,
    )
    return _compiled(model, compile_arguments)


def colorizer(
    size=256,
    width=64,
    normalization="batch",
    dropout=0.5,
    reconstruction_weight=100.0,
    inference_dropout=False,
    hint_pooling=True,
    ema_decay=None,
    seed=None,
    **compile_arguments,
):
    """Colours line art, unaided or after hints: pix2pix with channel-compensated L1.

    Adam 1e-4 (β₁ 0.9, β₂ 0.99) for each network, λ 100; meant for batches of 4. The
    networks are those of `pix2pix`, but that every level of the decoder sees the hints.
    The paper speaks of changes to the U-Net and does not describe them.

    Args:
        size: Height and width of the images, a multiple of 8 from 24 on.
        width: Positive integer, filters of the first convolution of both networks.
        normalization: `"batch"` or `"instance"`, of both networks.
        dropout: Float in [0, 1), as for `pix2pix`.
        reconstruction_weight: Non-negative float, λ.
        inference_dropout: Boolean, see `keras_gans.models.Pix2Pix`.
        hint_pooling: Boolean, whether the generator's decoder sees the hints at every
            resolution (`hint_channels` of `keras_gans.networks.unet_generator`).
        ema_decay: Optional float in [0, 1), see `keras_gans.models.Pix2Pix`.
        seed: Optional integer for `keras.utils.set_random_seed`.
        **compile_arguments: Passed on to `Pix2PixColorizer.compile`, in place of the
            defaults; `reconstruction_loss=keras.losses.MeanAbsoluteError()` for plain
            L1.

    Returns:
        A compiled `keras_gans.models.Pix2PixColorizer`.

    Raises:
        ValueError: If the networks do not take images of `size`.

    Reference:
        Kim and Lee, "Color Channel Compensating L1 Loss Algorithm" (in Korean).
    """
    _set_seed(seed)
    channels = sum(Pix2PixColorizer.source_channels.values())
    hint_channels = channels - Pix2PixColorizer.source_channels["line_art"]
    networks = _paired_networks(
        *(channels, 3, size, width, normalization, dropout),
        hint_channels=hint_channels if hint_pooling else 0,
    )
    model = Pix2PixColorizer(
        **networks,
        reconstruction_weight=reconstruction_weight,
        inference_dropout=inference_dropout,
        ema_decay=ema_decay,
        seed=seed,
    )
    return _compiled(model, compile_arguments)


def _paired_networks(
    source, target, size, width, normalization, dropout, hint_channels=0
):
    if size < 24 or size % 8:
        raise ValueError(
            "Argument `size` must be a multiple of 8 from 24 on, because the U-Net "
            f"halves its input at least three times. Received: size={size}"
        )
    halvings = (size & -size).bit_length() - 1
    return {
        "generator": unet_generator(
            source,
            target,
            width=width,
            depth=min(8, halvings),
            max_width=8 * width,
            normalization=normalization,
            dropout=dropout,
            normalize_bottleneck=False,
            hint_channels=hint_channels,
        ),
        "discriminator": patch_discriminator(
            source + target, width=width, normalization=normalization, affine=True
        ),
    }


# Attributes ------------------------------------------------------------------------


def stargan(
    attribute_names,
    exclusive_groups=None,
    size=128,
    width=64,
    residual_blocks=6,
    n_critic=5,
    adversarial_weight=1.0,
    classification_weight=1.0,
    reconstruction_weight=10.0,
    ema_decay=None,
    learning_rate=1e-4,
    constant_steps=None,
    decay_steps=None,
    seed=None,
    **compile_arguments,
):
    """StarGAN: edits attributes, judged by a classifier within the discriminator.

    Wasserstein loss with a gradient penalty of 10, 5 updates of the discriminator for
    each of the generator, Adam 1e-4 (β₁ 0.5); meant for batches of 16. The paper keeps
    the learning rate for the first half of the training and lets it fall linearly to
    zero over the second: give both lengths in steps of the discriminator.

    Args:
        attribute_names: Sequence of strings, the names of the attributes in the order
            of the data (`data.attribute_names`).
        exclusive_groups: Sequence of groups of names of which an image has at most one.
            Defaults to the hair colours among CelebA's names.
        size: Height and width of the images, a power of two from 8 on.
        width: Positive integer, filters of the first convolution of both networks.
            Defaults to 64, the paper's.
        residual_blocks: Integer from 0 on, of the generator. Defaults to 6, as in the
            paper.
        n_critic: Positive integer, updates of the discriminator for each of the
            generator.
        adversarial_weight: Non-negative float.
        classification_weight: Non-negative float, λ_cls.
        reconstruction_weight: Non-negative float, λ_rec.
        ema_decay: Optional float in [0, 1), see `keras_gans.models.StarGAN`.
        learning_rate: Positive float, of both networks. Defaults to 1e-4, the paper's.
        constant_steps: Optional integer, steps at the full learning rate.
        decay_steps: Optional integer, steps of its linear fall; needed with
            `constant_steps`. Without both the rate stays. The generator, which makes
            one step in `n_critic`, has its rate fall at the same time.
        seed: Optional integer for `keras.utils.set_random_seed` and the model.
        **compile_arguments: Passed on to `StarGAN.compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.StarGAN`.

    Reference:
        Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain
        Image-to-Image Translation", 2018, https://arxiv.org/abs/1711.09020
    """
    optimizers = _adams(
        learning_rate, learning_rate, constant_steps, decay_steps, n_critic
    )
    _set_seed(seed)
    count = len(attribute_names)
    model = StarGAN(
        generator=stargan_generator(
            count, width=width, residual_blocks=residual_blocks
        ),
        discriminator=stargan_discriminator(count, size, width=width),
        attribute_names=attribute_names,
        exclusive_groups=_groups(attribute_names, exclusive_groups),
        adversarial_weight=adversarial_weight,
        classification_weight=classification_weight,
        reconstruction_weight=reconstruction_weight,
        n_critic=n_critic,
        ema_decay=ema_decay,
        seed=seed,
    )
    return _compiled(model, {**optimizers, **compile_arguments})


def aclgan(
    attribute_names,
    exclusive_groups=None,
    size=128,
    width=64,
    residual_blocks=6,
    mask=True,
    frame=8,
    growing=False,
    with_complement=True,
    attribute_weight=1.0,
    content_weight=0.01,
    gradient_penalty_weight=0.0,
    n_critic=1,
    ema_decay=None,
    learning_rate=1e-4,
    constant_steps=None,
    decay_steps=None,
    seed=None,
    **compile_arguments,
):
    """ACL-GAN: edits attributes, judged by a GAN for each in one discriminator.

    Least squares, StarGAN's networks with a mask and within a frame, and Adam 1e-4 for
    the generator, 2e-4 for the discriminator (β₁ 0.5); meant for batches of 16. The
    complement of the attributes is learned as well (the paper's loss alone cannot teach
    how to take an attribute away).

    Args:
        attribute_names: Sequence of strings, the names of the attributes in the order
            of the data (`data.attribute_names`).
        exclusive_groups: Sequence of groups of names of which an image has at most one.
            Defaults to the hair colours among CelebA's names.
        size: Height and width of the images, a power of two from 8 on.
        width: Positive integer, filters of the first convolution of both networks.
        residual_blocks: Integer from 0 on, of the generator.
        mask: Boolean, see `keras_gans.networks.aclgan_generator`.
        frame: Integer from 0 on, likewise.
        growing: Boolean, whether the networks grow from 16 pixels to `size`
            (`keras_gans.networks.GrowingGenerator`); `fit` then needs the callback
            `keras_gans.callbacks.Growth`.
        with_complement: Boolean, see `keras_gans.models.ACLGAN`.
        attribute_weight: Non-negative float, λ_att.
        content_weight: Non-negative float, λ_con.
        gradient_penalty_weight: Non-negative float.
        n_critic: Positive integer, updates of the discriminator for each of the
            generator.
        ema_decay: Optional float in [0, 1), see `keras_gans.models.ACLGAN`.
        learning_rate: Positive float, of the generator; the discriminator's is
            twice as high, see `ACLGAN.compile`. Defaults to 1e-4.
        constant_steps: Optional integer, steps at the full learning rate.
        decay_steps: Optional integer, as for `stargan`.
        seed: Optional integer for `keras.utils.set_random_seed` and the model.
        **compile_arguments: Passed on to `ACLGAN.compile`, in place of the defaults;
            `attribute_loss="wasserstein"` for the other form of the loss.

    Returns:
        A compiled `keras_gans.models.ACLGAN`.

    Reference:
        Cho and Yoon, "ACL-GAN: Image-to-Image translation GAN with enhanced learning
        and hyper-parameter searching speed using new loss function" (in Korean).
    """
    optimizers = _adams(
        learning_rate, 2 * learning_rate, constant_steps, decay_steps, n_critic
    )
    _set_seed(seed)
    count = len(attribute_names)
    generator = {
        "width": width,
        "residual_blocks": residual_blocks,
        "mask": mask,
        "frame": frame,
    }
    discriminator = {"width": width, "with_complement": with_complement}
    if growing:
        networks = {
            "generator": GrowingGenerator(count, size, **generator),
            "discriminator": GrowingDiscriminator(count, size, **discriminator),
        }
    else:
        networks = {
            "generator": aclgan_generator(count, **generator),
            "discriminator": aclgan_discriminator(count, size, **discriminator),
        }
    model = ACLGAN(
        **networks,
        attribute_names=attribute_names,
        exclusive_groups=_groups(attribute_names, exclusive_groups),
        attribute_weight=attribute_weight,
        content_weight=content_weight,
        gradient_penalty_weight=gradient_penalty_weight,
        n_critic=n_critic,
        ema_decay=ema_decay,
        seed=seed,
    )
    return _compiled(model, {**optimizers, **compile_arguments})


def _groups(names, groups):
    return groups_among(names) if groups is None else groups


# Generation ------------------------------------------------------------------------
#
# Each is the paper's loss and update order on the same DCGAN networks, so that the
# losses can be compared; optimizers, too, but where digits in minutes need others.


def gan(channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments):
    """GAN on DCGAN networks: cross entropy, non-saturating, Adam 2e-4 (β₁ 0.5).

    Args:
        channels: 1 or 3, channels of the images.
        size: Height and width of the images: 28, 32, 64, ...
        width: Positive integer, filters of the networks at full resolution. Defaults to
            32, enough for digits; DCGAN's is 64.
        latent_dim: Positive integer, size of the latent vectors.
        seed: Optional integer for `keras.utils.set_random_seed` and the latent vectors.
        **compile_arguments: Passed on to `compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.GAN`.
    """
    _set_seed(seed)
    networks = _dcgan(channels, size, width, latent_dim)
    return _compiled(GAN(**networks, seed=seed), compile_arguments)


def conditional_gan(
    channels=1,
    size=32,
    width=32,
    latent_dim=64,
    classes=10,
    seed=None,
    **compile_arguments,
):
    """Conditional GAN on DCGAN networks; as `gan`, with labels in both networks.

    Args:
        channels: 1 or 3, channels of the images.
        size: Height and width of the images: 28, 32, 64, ...
        width: Positive integer, filters of the networks at full resolution.
        latent_dim: Positive integer, size of the latent vectors.
        classes: Integer from 2 on, the number of classes.
        seed: Optional integer for `keras.utils.set_random_seed` and the latent vectors.
        **compile_arguments: Passed on to `compile`, in place of the defaults.

    Returns:
        A compiled `keras_gans.models.ConditionalGAN`.
    """
    _set_seed(seed)
    networks = _dcgan(channels, size, width, latent_dim, classes=classes)
    model = ConditionalGAN(**networks, classes=classes, seed=seed)
    return _compiled(model, compile_arguments)


def lsgan(channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments):
    """LSGAN on DCGAN networks: least squares with a = 0, b = c = 1; else as `gan`."""
    _set_seed(seed)
    networks = _dcgan(channels, size, width, latent_dim)
    return _compiled(LSGAN(**networks, seed=seed), compile_arguments)


def wgan(channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments):
    """WGAN on DCGAN networks: weights clipped to ±0.01, 5 critic steps, RMSprop 5e-4.

    The rate is ten times the paper's, which is made for a hundred thousand updates of
    the generator: after 800 of them it draws digits, at 5e-5 noise. The arguments are
    those of `gan`.
    """
    _set_seed(seed)
    networks = _dcgan(channels, size, width, latent_dim)
    optimizers = {
        f"{role}_optimizer": keras.optimizers.RMSprop(5e-4)
        for role in ("generator", "discriminator")
    }
    return _compiled(WGAN(**networks, seed=seed), {**optimizers, **compile_arguments})


def wgan_gp(
    channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments
):
    """WGAN-GP on DCGAN networks, the critic without normalization: λ 10, 5 critic
    steps, Adam 5e-4 (β₁ 0, β₂ 0.9).

    The rate is five times the paper's, for digits in a thousand updates of the
    generator: at 1e-4 strokes are still grey then. The arguments are those of `gan`.
    """
    _set_seed(seed)
    networks = _dcgan(channels, size, width, latent_dim, critic_normalization=None)
    optimizers = {
        f"{role}_optimizer": keras.optimizers.Adam(5e-4, beta_1=0.0, beta_2=0.9)
        for role in ("generator", "discriminator")
    }
    return _compiled(WGANGP(**networks, seed=seed), {**optimizers, **compile_arguments})


def ebgan(channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments):
    """EBGAN with a convolutional auto-encoder: margin 10, pull-away weight 0.1.

    The arguments are those of `gan`.
    """
    _set_seed(seed)
    model = EBGAN(
        generator=dcgan_generator(latent_dim, size, channels, width),
        discriminator=autoencoder(size, channels, width),
        seed=seed,
    )
    return _compiled(model, compile_arguments)


def began(channels=1, size=32, width=32, latent_dim=64, seed=None, **compile_arguments):
    """BEGAN with a convolutional auto-encoder: γ 0.9, λ_k 0.05, Adam 5e-4.

    Made for digits and minutes, with three departures from the paper (γ 0.5, λ_k 0.001,
    Adam 1e-4, codes of 64 numbers): λ_k and the rate are larger because k would hardly
    leave zero within some thousand updates, and the generator would draw what every
    auto-encoder reconstructs, blurs; codes of 16 numbers and a larger γ because digits
    are simple, and otherwise all become ones. The arguments are those of `gan`.
    """
    _set_seed(seed)
    model = BEGAN(
        generator=decoder_generator(latent_dim, size, channels, width),
        discriminator=autoencoder(size, channels, width, code_dim=16),
        gamma=0.9,
        k_rate=0.05,
        seed=seed,
    )
    optimizers = {
        f"{role}_optimizer": keras.optimizers.Adam(5e-4)
        for role in ("generator", "discriminator")
    }
    return _compiled(model, {**optimizers, **compile_arguments})


def _dcgan(
    channels, size, width, latent_dim, classes=None, critic_normalization="batch"
):
    return {
        "generator": dcgan_generator(
            latent_dim, size, channels, width, classes=classes
        ),
        "discriminator": dcgan_discriminator(
            size, channels, width, classes=classes, normalization=critic_normalization
        ),
    }


def _adams(
    generator_rate, discriminator_rate, constant_steps, decay_steps, n_critic=1
):
    """Returns Adam of both roles, with rates that fall in the second part, if any."""
    if (constant_steps is None) != (decay_steps is None):
        raise ValueError(
            "Arguments `constant_steps` and `decay_steps` must be given together. "
            f"Received: constant_steps={constant_steps}, decay_steps={decay_steps}"
        )
    optimizers = {}
    for role, rate, every in (
        ("generator", generator_rate, n_critic),
        ("discriminator", discriminator_rate, 1),
    ):
        if constant_steps is not None:
            rate = ConstantThenLinear(
                rate, constant_steps // every, max(1, decay_steps // every)
            )
        optimizers[f"{role}_optimizer"] = keras.optimizers.Adam(rate, beta_1=0.5)
    return optimizers


def _compiled(model, compile_arguments):
    model.compile(**compile_arguments)
    return model


def _set_seed(seed):
    if seed is not None:
        keras.utils.set_random_seed(seed)
