"""Presets of paired translation.

Args:
    source_channels: Positive integer, channels of the source.
    target_channels: Positive integer, channels of the target.
    size: Height and width, at least 24 and a multiple of 8. The U-Net halves its input
        as often as it can be halved, at most 8 times.
    normalization: Of both networks.
    dropout: Float in [0, 1), share of values that are dropped in the first three blocks
        of the decoder.
    reconstruction_weight: Non-negative float, λ.
    reconstruction_loss: Of target and translation; in Python also any
        `keras.losses.Loss`. Defaults to the paper's.
"""

import typing

from keras_gans.presets.registry import Place, adam, preset, semantic_loss_of, start

Normalization = typing.Literal["batch", "instance"]
ReconstructionLoss = typing.Literal["l1", "compensated_l1", "edge", "l1_and_edge"]
# The drawings in their own size, learned in minutes on two cores.
EMBEDDED = {
    "size": 64,
    "load_size": 64,
    "batch_size": 16,
    "width": 16,
    "learning_rate": 1e-3,
    "ema_decay": 0.99,
}
RECIPE = {
    "task": "paired",
    "batch_size": 1,
    "size": 256,
    "load_size": 286,
    "epochs": 200,
    "sample_freq": 1000,
    "optimizer": adam(),
    "learning_rates": (2e-4, 2e-4),
}


@preset(**RECIPE, embedded={**EMBEDDED, "steps": 2000})
def pix2pix(
    source_channels=3,
    target_channels=3,
    size=256,
    width: int = 64,
    normalization: Normalization = "batch",
    dropout: float = 0.5,
    reconstruction_weight: float = 100.0,
    reconstruction_loss: ReconstructionLoss | None = None,
    ema_decay: float | None = None,
    seed=None,
):
    """pix2pix: a U-Net, 70-pixel patches, cross entropy and L1.

    Adam 2e-4 (β₁ 0.5) for each network, λ 100; meant for single images, resized to 286,
    cropped to 256 and mirrored. As in the authors' code, the innermost convolution of
    the U-Net is not normalized.

    Returns:
        A compiled `keras_gans.models.Pix2Pix`.

    Raises:
        ValueError: If the networks do not take images of `size`.

    Reference:
        Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional
        Adversarial Networks", 2016, https://arxiv.org/abs/1611.07004
    """
    from keras_gans import models

    start(seed)
    model = models.Pix2Pix(
        **paired_networks(
            source_channels, target_channels, size, width, normalization, dropout
        ),
        reconstruction_weight=reconstruction_weight,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"reconstruction_loss": reconstruction_loss_of(reconstruction_loss)}


@preset(**RECIPE)
def semantic_pix2pix(
    source_channels=3,
    target_channels=3,
    size=256,
    width: int = 64,
    normalization: Normalization = "batch",
    dropout: float = 0.5,
    reconstruction_weight: float = 100.0,
    feature_extractor: Place = "vgg16",
    feature_layers: list[str] | None = None,
    semantic_weight: float | None = None,
    ema_decay: float | None = None,
    example_images=None,
    seed=None,
):
    """pix2pix with a semantic loss: features as of the targets.

    Args:
        feature_extractor: `"vgg16"` or the `.keras` file of a network of pixels in
            [0, 255].
        semantic_weight: Non-negative float. By default the weight with which different
            images differ as much by this loss as by L1.

    Returns:
        A compiled `keras_gans.models.SemanticPix2Pix`.
    """
    from keras_gans import models

    semantic_loss, semantic_weight = semantic_loss_of(
        *(feature_extractor, feature_layers, semantic_weight, example_images, None)
    )
    start(seed)
    model = models.SemanticPix2Pix(
        **paired_networks(
            source_channels, target_channels, size, width, normalization, dropout
        ),
        reconstruction_weight=reconstruction_weight,
        semantic_weight=semantic_weight,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"semantic_loss": semantic_loss}


def paired_networks(
    source, target, size, width, normalization, dropout, hint_channels=0
):
    """Returns a U-Net and a patch discriminator, as arguments of a model."""
    from keras_gans import networks

    sides = (size, size) if isinstance(size, int) else tuple(size)
    if any(side < 24 or side % 8 for side in sides):
        raise ValueError(
            "Argument `size` must be at least 24 and a multiple of 8, because the "
            f"U-Net halves its input at least three times. Received: size={size}"
        )
    halvings = min((side & -side).bit_length() - 1 for side in sides)
    return {
        "generator": networks.unet_generator(
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
        "discriminator": networks.patch_discriminator(
            source + target, width=width, normalization=normalization, affine=True
        ),
    }


def reconstruction_loss_of(loss):
    """Returns a loss by its name here; a loss, or `None`, as it is."""
    import keras

    from keras_gans import losses

    by_name = {
        "l1": keras.losses.MeanAbsoluteError,
        "compensated_l1": losses.ChannelCompensatedL1,
        "edge": losses.EdgeLoss,
        "l1_and_edge": lambda: losses.WeightedSum(
            [keras.losses.MeanAbsoluteError(), losses.EdgeLoss()]
        ),
    }
    return by_name[loss]() if isinstance(loss, str) else loss
