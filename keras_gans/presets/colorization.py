"""Presets of colorization, the colouring of line art that is made of illustrations."""

from keras_gans.presets.paired import EMBEDDED, Normalization, ReconstructionLoss
from keras_gans.presets.paired import paired_networks, reconstruction_loss_of
from keras_gans.presets.registry import adam, preset, start


@preset(
    task="colorization",
    batch_size=4,
    size=256,
    load_size=286,
    epochs=20,
    embedded={**EMBEDDED, "steps": 4000},
    optimizer=adam(beta_1=0.9, beta_2=0.99),
    learning_rates=(1e-4, 1e-4),
)
def colorizer(
    size=256,
    width: int = 64,
    normalization: Normalization = "batch",
    dropout: float = 0.5,
    reconstruction_weight: float = 100.0,
    reconstruction_loss: ReconstructionLoss | None = None,
    hint_pooling: bool = True,
    ema_decay: float | None = None,
    seed=None,
):
    """Colours line art, with or without hints: pix2pix, compensated L1.

    Adam 1e-4 (β₁ 0.9, β₂ 0.99) for each network, λ 100; meant for batches of 4. The
    networks are those of `pix2pix`, but that every level of the decoder sees the hints.
    The paper speaks of changes to the U-Net and does not describe them.

    Args:
        size: Height and width, as for `pix2pix`.
        normalization: Of both networks.
        dropout: Float in [0, 1), as for `pix2pix`.
        reconstruction_weight: Non-negative float, λ.
        reconstruction_loss: As for `pix2pix`. Defaults to the paper's compensated_l1.
        hint_pooling: Whether the generator's decoder sees the hints at every resolution
            (`hint_channels` of `keras_gans.networks.unet_generator`).

    Returns:
        A compiled `keras_gans.models.Pix2PixColorizer`.

    Raises:
        ValueError: If the networks do not take images of `size`.

    Reference:
        Kim and Lee, "Color Channel Compensating L1 Loss Algorithm" (in Korean).
    """
    from keras_gans import models

    start(seed)
    source_channels = models.Pix2PixColorizer.source_channels
    channels = sum(source_channels.values())
    networks = paired_networks(
        *(channels, 3, size, width, normalization, dropout),
        hint_channels=channels - source_channels["line_art"] if hint_pooling else 0,
    )
    model = models.Pix2PixColorizer(
        **networks,
        reconstruction_weight=reconstruction_weight,
        ema_decay=ema_decay,
        seed=seed,
    )
    return model, {"reconstruction_loss": reconstruction_loss_of(reconstruction_loss)}
