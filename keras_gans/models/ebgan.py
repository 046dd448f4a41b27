"""EBGAN: the discriminator is an auto-encoder, its error an energy."""

import keras

from keras_gans.losses.energy import (
    EnergyDiscriminatorLoss,
    EnergyGeneratorLoss,
    PullAwayTerm,
    ReconstructionEnergy,
)
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.energy_model import EnergyModel


@keras.saving.register_keras_serializable(package="keras_gans")
class EBGAN(EnergyModel):
    """Learns samples of low energy, where energy is an auto-encoder's error.

    The objectives, with the energy D(x) = ‖Dec(Enc(x)) - x‖, margin m, and the mean
    squared cosine PT between the codes of different generated samples:

        L_D = D(x) + max(0, m - D(G(z)))
        L_G = D(G(z)) + 0.1 PT

    The auto-encoder learns to reconstruct real samples and not to reconstruct generated
    ones, but only up to the margin: fakes of higher energy do not concern it. The
    pull-away term keeps the generator from making one sample over and over.

    Args:
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: Auto-encoder, a built `keras.Model` from such images to
            `[reconstruction, code]`.
        margin: Positive float m, in the unit of the energy. 10 by default, the paper's
            for MNIST; 20 is its value for CelebA at 64 pixels.
        pull_away_weight: Non-negative float, 0.1 by default. 0 skips the term, and
            the auto-encoder need not give its code then.
        energy: `"euclidean"`, the paper's norm over all pixels, the default, or
            `"l1"` or `"l2"`, means over all pixels, which want a smaller margin.
        latent_distribution: `"uniform"` in [-1, 1], the default, or `"normal"`.
        latent_dim: Optional integer; if given, it must be what the generator takes.
        seed: Optional integer, the seed of the latent vectors.
        **kwargs: `name` and so on of `keras.Model`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If the discriminator is not an auto-encoder, gives no code for the
            pull-away term, or an argument is out of range.

    Example:

    ```python
    model = keras_gans.models.EBGAN(dcgan_generator(), autoencoder())
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=64), epochs=100)
    ```

    Reference:
        Zhao, Mathieu and LeCun, "Energy-based Generative Adversarial Network", 2016,
        https://arxiv.org/abs/1609.03126
    """

    def __init__(
        self,
        generator,
        discriminator,
        margin=10.0,
        pull_away_weight=0.1,
        energy="euclidean",
        **kwargs,
    ):
        super().__init__(generator=generator, discriminator=discriminator, **kwargs)
        self.margin = EnergyDiscriminatorLoss(margin).margin
        if not 0 <= pull_away_weight < float("inf"):
            raise ValueError(
                "Argument `pull_away_weight` must be zero or a positive number. "
                f"Received: pull_away_weight={pull_away_weight!r}"
            )
        self.pull_away_weight = float(pull_away_weight)
        self.energy = ReconstructionEnergy(energy)
        self.pull_away_term = PullAwayTerm()
        if self.pull_away_weight and not isinstance(
            discriminator.output, (list, tuple)
        ):
            raise ValueError(
                "Argument `discriminator` must give [reconstruction, code] for the "
                "pull-away term. Received a network of one output; give "
                "`pull_away_weight=0` to train without the term."
            )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss=None,
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `Adam(2e-4, beta_1=0.5)` by
                default.
            discriminator_optimizer: Likewise.
            adversarial_loss: Pair of losses on energies. Defaults to
                `(EnergyDiscriminatorLoss(margin), EnergyGeneratorLoss())`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` and
                `auto_scale_loss` of `keras.Model.compile`.
        """
        if adversarial_loss is None:
            adversarial_loss = (
                EnergyDiscriminatorLoss(self.margin),
                EnergyGeneratorLoss(),
            )
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer
                or keras.optimizers.Adam(2e-4, beta_1=0.5),
                "discriminator": discriminator_optimizer
                or keras.optimizers.Adam(2e-4, beta_1=0.5),
            },
            losses={
                "adversarial_loss": adversarial_loss_pair(
                    adversarial_loss, outputs="energies"
                ),
            },
            **kwargs,
        )

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The auto-encoder learns to reconstruct real samples, and generated ones
        #    badly, up to the margin.
        fake = self.make_samples(real)
        losses = self.minimize(
            ("discriminator",),
            lambda: {"discriminator_loss": self.discriminator_loss(real, fake)},
        )
        # 2. The generator learns to make samples that it reconstructs well, and that
        #    differ from each other.
        losses |= self.minimize(
            ("generator",),
            lambda: {
                "generator_loss": self.generator_loss(real, self.make_samples(real))
            },
        )
        return self.log(losses)

    def generator_loss(self, real, fake, labels=None, training=True):
        (energy,), (code,) = self.energies([fake], training)
        loss = self.adversarial_loss[1](energy, energy)
        if self.pull_away_weight:
            loss += self.pull_away_weight * self.pull_away_term(code)
        return loss

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "pull_away_weight": self.pull_away_weight,
            "energy": self.energy.norm,
        }
