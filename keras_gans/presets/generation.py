"""Presets of generation, of images of one domain from latent vectors.

Each is the paper's loss and update order on the same DCGAN networks, so that the losses
can be compared; optimizers, too, but where digits in minutes need others.

Args:
    channels: 1 or 3, channels of the images.
    size: Height and width: 28, 32, 64, ...
    classes: Integer of at least 2, the number of classes.
    width: Positive integer, filters of the networks at full resolution; DCGAN has 64.
    latent_dim: Positive integer, size of the latent vectors.
    latent_distribution: What the latent vectors are drawn from, uniform in [-1, 1] or
        normal.
    discriminator_normalization: Of the discriminator.
    code_dim: Positive integer, size of the auto-encoder's codes.
    n_critic: Positive integer, critic steps for each update of the generator.
    authors_schedule: 100 critic steps for each of the first 25 updates of the generator
        and for every 500th, as in the code of WGAN's authors.
    edge_weight: Non-negative float, weight of `keras_gans.losses.MeanEdgeLoss` in the
        generator's loss. In none of the papers; none by default.
"""

import typing

from keras_gans.presets.registry import adam, preset, rmsprop, start

RECIPE = {
    "task": "generation",
    "batch_size": 64,
    "size": 32,
    "flip": False,
    "steps": 1500,
    "sample_freq": 250,
}
DCGAN = {**RECIPE, "optimizer": adam(), "learning_rates": (2e-4, 2e-4)}
CRITIC = {**RECIPE, "learning_rates": (5e-4, 5e-4), "adversarial_loss": "wasserstein"}
Distribution = typing.Literal["uniform", "normal"]
Normalization = typing.Literal["batch", "layer", "none"]
EnergyLoss = typing.Literal["energy", "boundary_equilibrium"]


@preset(**DCGAN, adversarial_loss="non_saturating")
def gan(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "uniform",
    discriminator_normalization: Normalization = "batch",
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """GAN: cross entropy, non-saturating.

    On DCGAN networks, Adam 2e-4 (β₁ 0.5).

    Returns:
        A compiled `keras_gans.models.GAN`.
    """
    return _dcgan_model("GAN", **locals())


@preset(**DCGAN, adversarial_loss="non_saturating", labels=True)
def conditional_gan(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    classes=10,
    latent_distribution: Distribution = "uniform",
    discriminator_normalization: Normalization = "batch",
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """Conditional GAN: both networks are told the class; else as `gan`.

    Returns:
        A compiled `keras_gans.models.ConditionalGAN`.
    """
    return _dcgan_model("ConditionalGAN", **locals())


@preset(**DCGAN, adversarial_loss="least_squares")
def lsgan(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "uniform",
    discriminator_normalization: Normalization = "batch",
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """LSGAN: least squares with a = 0, b = c = 1; else as `gan`.

    Returns:
        A compiled `keras_gans.models.LSGAN`.
    """
    return _dcgan_model("LSGAN", **locals())


@preset(**CRITIC, optimizer=rmsprop)
def wgan(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "normal",
    discriminator_normalization: Normalization = "batch",
    clip_limit: float = 0.01,
    n_critic: int = 5,
    authors_schedule: bool = False,
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """WGAN: Wasserstein distance, clipped weights, 5 critic steps.

    On DCGAN networks, RMSprop. The rate is ten times the paper's, which is made for a
    hundred thousand updates of the generator: after 800 of them it draws digits, at
    5e-5 noise.

    Args:
        clip_limit: Positive float, the bound of the critic's weights.

    Returns:
        A compiled `keras_gans.models.WGAN`.
    """
    return _dcgan_model("WGAN", **locals())


@preset(**CRITIC, optimizer=adam(beta_1=0.0, beta_2=0.9))
def wgan_gp(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "normal",
    discriminator_normalization: Normalization = "none",
    gradient_penalty_weight: float = 10.0,
    n_critic: int = 5,
    authors_schedule: bool = False,
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """WGAN-GP: Wasserstein distance, a gradient penalty, 5 critic steps.

    On DCGAN networks, the critic without normalization, Adam (β₁ 0, β₂ 0.9). The rate
    is five times the paper's, for digits in a thousand updates of the generator: at
    1e-4 strokes are still grey then.

    Args:
        gradient_penalty_weight: Non-negative float, λ.

    Returns:
        A compiled `keras_gans.models.WGANGP`.
    """
    return _dcgan_model("WGANGP", **locals())


@preset(**DCGAN, loss_names=EnergyLoss, has_penalty=False)
def ebgan(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "uniform",
    code_dim: int = 64,
    margin: float = 10.0,
    pull_away_weight: float = 0.1,
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """EBGAN: an auto-encoder's error as energy, with a margin.

    Args:
        margin: Positive float, energy up to which fakes are pushed.
        pull_away_weight: Non-negative float, weight of the pull-away term.

    Returns:
        A compiled `keras_gans.models.EBGAN`.
    """
    return _energy_model("EBGAN", "dcgan_generator", **locals())


@preset(
    **RECIPE,
    optimizer=adam(beta_1=0.9),  # Keras's own.
    learning_rates=(5e-4, 5e-4),
    adversarial_loss="boundary_equilibrium",
    loss_names=EnergyLoss,
    has_penalty=False,
)
def began(
    channels=1,
    size=32,
    width: int = 32,
    latent_dim: int = 64,
    latent_distribution: Distribution = "uniform",
    code_dim: int = 16,
    gamma: float = 0.9,
    k_rate: float = 0.05,
    eta: int = 1,
    edge_weight: float = 0.0,
    ema_decay: float | None = None,
    seed=None,
):
    """BEGAN: an auto-encoder in balance with its generator.

    Made for digits and minutes, with three departures from the paper (γ 0.5, λ_k 0.001,
    Adam 1e-4, codes of 64 numbers): λ_k and the rate are larger because k would hardly
    leave zero within some thousand updates, and the generator would draw what every
    auto-encoder reconstructs, blurs; codes of 16 numbers and a larger γ because digits
    are simple, and otherwise all become ones.

    Args:
        gamma: Float in (0, 1], γ: energy of fakes over that of real images.
        k_rate: Non-negative float, λ_k.
        eta: 1 or 2, the exponent of the reconstruction error.

    Returns:
        A compiled `keras_gans.models.BEGAN`.
    """
    return _energy_model("BEGAN", "decoder_generator", **locals())


def _dcgan_model(name, size, channels, width, discriminator_normalization, **arguments):
    """Builds DCGAN networks, and a model of them with the other arguments."""
    from keras_gans import models, networks

    start(arguments["seed"])
    shape = size, channels, width, arguments.get("classes")
    normalization = discriminator_normalization
    if normalization == "none":
        normalization = None
    return getattr(models, name)(
        generator=networks.dcgan_generator(arguments["latent_dim"], *shape),
        discriminator=networks.dcgan_discriminator(*shape, normalization=normalization),
        **arguments,
    )


def _energy_model(
    name, generator, size, channels, width, latent_dim, code_dim, seed, **arguments
):
    """Builds a generator, an auto-encoder, and a model of them."""
    from keras_gans import models, networks

    start(seed)
    generator = getattr(networks, generator)
    return getattr(models, name)(
        generator=generator(latent_dim, size, channels, width),
        discriminator=networks.autoencoder(size, channels, width, code_dim=code_dim),
        seed=seed,
        **arguments,
    )
