"""Presets of editing attributes of images.

Args:
    attribute_names: Sequence of strings, the names of the attributes in the order of
        the data (`data.attribute_names`).
    exclusive_groups: Sequence of groups of names of which an image has at most one.
        Defaults to the hair colours among CelebA's names.
    size: Height and width, a power of two of at least 8.
    residual_blocks: Non-negative integer, of the generator.
    upsampling: "transposed", the paper's, or "resize", without its grid (growing
        networks always resize).
    n_critic: Positive integer, updates of the discriminator for each of the generator.
    gradient_penalty_weight: Non-negative float, weight of the gradient penalty.
"""

import typing

from keras_gans.presets.registry import adam, preset, start

Upsampling = typing.Literal["transposed", "resize"]
AttributeLoss = typing.Literal["least_squares", "wasserstein"]
RECIPE = {
    "task": "editing",
    "labels": True,
    "batch_size": 16,
    "size": 128,
    "epochs": 20,
    "sample_freq": 1000,
    "optimizer": adam(),
    "has_decay": True,
    # Minutes on two cores.
    "embedded": {
        "select": ["Black_Hair", "Blond_Hair", "Eyeglasses", "Smiling"],
        "size": 32,
        "steps": 2400,
        "width": 16,
        "residual_blocks": 2,
        "learning_rate": 4e-4,
        "ema_decay": 0.998,
    },
}
# The paper's discriminator is deceived by single pixels of wrong colours in minutes.
ACLGAN_EMBEDDED = {
    "upsampling": "resize",
    "discriminator_width": 32,
    "penalty": "r1",
    "penalty_weight": 30.0,
}


@preset(**RECIPE, learning_rates=(1e-4, 1e-4), adversarial_loss="wasserstein")
def stargan(
    attribute_names,
    exclusive_groups=None,
    size=128,
    width: int = 64,
    residual_blocks: int = 6,
    upsampling: Upsampling = "transposed",
    n_critic: int = 5,
    adversarial_weight: float = 1.0,
    classification_weight: float = 1.0,
    reconstruction_weight: float = 10.0,
    gradient_penalty_weight: float = 10.0,
    ema_decay: float | None = None,
    seed=None,
):
    """StarGAN: edits attributes, its discriminator classifies them.

    Wasserstein loss with a gradient penalty, Adam 1e-4 (β₁ 0.5); meant for batches of
    16. The paper keeps the learning rate for the first half of the training and lets it
    fall linearly to zero over the second: give the steps of the discriminator as
    `total_steps`. The generator, which makes one step in `n_critic`, has its rate fall
    at the same time.

    Args:
        adversarial_weight: Non-negative float, of the generator's adversarial loss.
        classification_weight: Non-negative float, λ_cls.
        reconstruction_weight: Non-negative float, λ_rec.

    Returns:
        A compiled `keras_gans.models.StarGAN`.

    Reference:
        Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain
        Image-to-Image Translation", 2018, https://arxiv.org/abs/1711.09020
    """
    from keras_gans import models, networks

    start(seed)
    count = len(attribute_names)
    return models.StarGAN(
        generator=networks.stargan_generator(
            count,
            width=width,
            residual_blocks=residual_blocks,
            upsampling=upsampling,
        ),
        discriminator=networks.stargan_discriminator(count, size, width=width),
        attribute_names=attribute_names,
        exclusive_groups=_groups(attribute_names, exclusive_groups),
        adversarial_weight=adversarial_weight,
        classification_weight=classification_weight,
        reconstruction_weight=reconstruction_weight,
        gradient_penalty_weight=gradient_penalty_weight,
        n_critic=n_critic,
        ema_decay=ema_decay,
        seed=seed,
    )


@preset(
    **{**RECIPE, "embedded": {**RECIPE["embedded"], **ACLGAN_EMBEDDED}},
    learning_rates=(1e-4, 2e-4),
    learning_rate_factor=2.0,
    loss_names=None,
)
def aclgan(
    attribute_names,
    exclusive_groups=None,
    size=128,
    width: int = 64,
    residual_blocks: int = 6,
    upsampling: Upsampling = "transposed",
    discriminator_width: int | None = None,
    mask: bool = True,
    frame: int = 8,
    growing: bool = False,
    with_complement: bool = True,
    attribute_weight: float = 1.0,
    content_weight: float = 0.01,
    flip_probability: float = 0.5,
    n_critic: int = 1,
    gradient_penalty_weight: float = 0.0,
    attribute_loss: AttributeLoss = "least_squares",
    ema_decay: float | None = None,
    seed=None,
):
    """ACL-GAN: edits attributes, a GAN for each, within a mask.

    Least squares, StarGAN's networks with a mask and within a frame (β₁ of Adam 0.5);
    meant for batches of 16. The complement of the attributes is learned as well, as in
    the author's later code: the paper's loss, `with_complement=False`, cannot teach how
    to take an attribute away.

    Args:
        discriminator_width: Positive integer, filters of the discriminator's first
            convolution. Defaults to `width`.
        mask: Whether the generator says where it changes the image, see
            `keras_gans.networks.aclgan_generator`.
        frame: Non-negative integer, pixels that the generator sees around the image.
        growing: Whether the networks grow from 16 pixels to `size`
            (`keras_gans.networks.GrowingGenerator`); `fit` then needs the callback
            `keras_gans.callbacks.Growth`.
        with_complement: Whether the absence of attributes is learned as well.
        attribute_weight: Non-negative float, λ_att.
        content_weight: Non-negative float, λ_con.
        flip_probability: Float in (0, 1], of an attribute to be changed in training.
            Without effect in the Wasserstein form.
        attribute_loss: Form of the loss; wasserstein needs a gradient penalty, and has
            the attributes of other images in the batch as its targets.
        learning_rate: Positive float, sets the generator's learning rate, and the
            discriminator's to twice as much, see `ACLGAN.compile`.

    Returns:
        A compiled `keras_gans.models.ACLGAN`.

    Reference:
        Cho and Yoon, "ACL-GAN: Image-to-Image translation GAN with enhanced learning
        and hyper-parameter searching speed using new loss function" (in Korean).
    """
    from keras_gans import models, networks

    start(seed)
    count = len(attribute_names)
    generator = {
        "width": width,
        "residual_blocks": residual_blocks,
        "mask": mask,
        "frame": frame,
    }
    discriminator = {
        "width": width if discriminator_width is None else discriminator_width,
        "with_complement": with_complement,
    }
    if growing:
        generator = networks.GrowingGenerator(count, size, **generator)
        discriminator = networks.GrowingDiscriminator(count, size, **discriminator)
    else:
        generator = networks.aclgan_generator(count, upsampling=upsampling, **generator)
        discriminator = networks.aclgan_discriminator(count, size, **discriminator)
    model = models.ACLGAN(
        generator=generator,
        discriminator=discriminator,
        attribute_names=attribute_names,
        exclusive_groups=_groups(attribute_names, exclusive_groups),
        attribute_weight=attribute_weight,
        content_weight=content_weight,
        flip_probability=flip_probability,
        gradient_penalty_weight=gradient_penalty_weight,
        n_critic=n_critic,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"attribute_loss": attribute_loss}


def _groups(names, groups):
    from keras_gans.data.attributes import exclusive_groups

    return exclusive_groups(names) if groups is None else groups
