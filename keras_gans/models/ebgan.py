"""EBGAN: the discriminator is an auto-encoder, its error an energy."""

import keras

from keras_gans.checks import non_negative_float, require
from keras_gans.losses.energy import (
    EnergyDiscriminatorLoss,
    EnergyGeneratorLoss,
    PullAwayTerm,
    ReconstructionEnergy,
)
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
        generator, discriminator: As for `EnergyModel`.
        margin: Positive float m, in the unit of the energy. 10 by default, the paper's
            for MNIST; 20 is its value for CelebA at 64 pixels.
        pull_away_weight: Non-negative float, 0.1 by default. 0 skips the term, and
            the auto-encoder need not give its code then.
        energy: `"euclidean"`, the paper's norm over all pixels, the default, or
            `"l1"` or `"l2"`, means over all pixels, which want a smaller margin.
        **kwargs: As for `GenerativeModel`.

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
        self.pull_away_weight = non_negative_float("pull_away_weight", pull_away_weight)
        self.energy = ReconstructionEnergy(energy)
        self.pull_away_term = PullAwayTerm()
        has_code = isinstance(discriminator.output, (list, tuple))
        require(
            has_code or not self.pull_away_weight,
            "Argument `discriminator` must give [reconstruction, code] for the "
            "pull-away term; give `pull_away_weight=0` to train without the term",
            outputs=discriminator.output_shape,
        )

    @property
    def default_adversarial_loss(self):
        return EnergyDiscriminatorLoss(self.margin), EnergyGeneratorLoss()

    def generator_losses(self, real, fake, labels=None, training=True):
        (energy,), (code,) = self.energies([fake], training)
        loss = self.adversarial_loss[1](energy, energy)
        if self.pull_away_weight:
            loss += self.pull_away_weight * self.pull_away_term(code)
        return self.with_edge_loss({"generator_loss": loss}, real, fake)

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The auto-encoder learns to reconstruct real samples, and generated ones
        #    badly, up to the margin.
        fake = self.make_samples(real)
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(real, fake)
        )
        # 2. The generator learns to make samples that it reconstructs well, and that
        #    differ from each other.
        losses |= self.minimize(
            "generator", lambda: self.generator_losses(real, self.make_samples(real))
        )
        return self.log(losses)

    def get_config(self):
        return {**super().get_config(), "energy": self.energy.norm}
