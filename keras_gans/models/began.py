"""BEGAN: an auto-encoder kept in balance with its generator."""

import keras
from keras import ops

from keras_gans.checks import non_negative_float, one_of, require
from keras_gans.losses.energy import ReconstructionEnergy
from keras_gans.models.energy_model import EnergyModel


@keras.saving.register_keras_serializable(package="keras_gans")
class BEGAN(EnergyModel):
    """Learns with an auto-encoder whose interest in fakes is controlled.

    The objectives, with the reconstruction error L(v) = mean |v - D(v)|^η, and the
    control of k, which starts at zero:

        L_D = L(x) - k L(G(z))
        L_G = L(G(z))
        k ← clip(k + λ_k (γ L(x) - L(G(z))), 0, 1)

    γ is the ratio of E[L(G(z))] to E[L(x)] that is aimed at: small values give clean
    images, larger ones more variety. The convergence measure
    M = L(x) + |γ L(x) - L(G(z))| is logged as `convergence`: lower is better, and it
    can be compared between the steps of one run. As in the authors' code one batch of
    latent vectors serves both losses, so that one pass does for both updates.

    Args:
        generator, discriminator: As for `EnergyModel`.
        gamma: Float in (0, 1], the diversity ratio γ, 0.5 by default.
        k_rate: Non-negative float λ_k, 0.001 by default.
        eta: 1, the default, or 2, the exponent of the pixel error.
        **kwargs: As for `GenerativeModel`.

    Reference:
        Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial
        Networks", 2017, https://arxiv.org/abs/1703.10717
    """

    default_adversarial_loss = "boundary_equilibrium"
    loss_names = ("discriminator_loss", "generator_loss", "k", "convergence")

    def __init__(
        self, generator, discriminator, gamma=0.5, k_rate=0.001, eta=1, **kwargs
    ):
        super().__init__(generator=generator, discriminator=discriminator, **kwargs)
        require(0 < gamma <= 1, "Argument `gamma` must lie in (0, 1]", gamma=gamma)
        self.gamma = float(gamma)
        self.k_rate = non_negative_float("k_rate", k_rate)
        self.eta = int(one_of("eta", eta, (1, 2)))
        self.energy = ReconstructionEnergy(f"l{self.eta}")
        self.k = self.add_weight(
            (), "zeros", "float32", trainable=False, aggregation="mean", name="k"
        )

    def default_optimizer(self, role):
        # The paper lets the rate fall when `convergence` stalls; give a schedule.
        return keras.optimizers.Adam(1e-4)

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.adversarial_loss[0].k = self.k

    def both_losses(self, energies, real, fake):
        """Returns the dict of both losses, for energies (L(x), L(G(z)))."""
        losses = {
            "discriminator_loss": self.adversarial_loss[0](*energies),
            "generator_loss": self.adversarial_loss[1](*energies),
        }
        return self.with_edge_loss(losses, real, fake)

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. One pass serves both updates.
        with self.recording("discriminator", "generator") as step:
            fake = self.make_samples(real)
            energies, _ = self.energies([real, fake])
        # 2. The auto-encoder learns to reconstruct real samples, and generated ones
        #    badly in the measure of k; the generator, to be reconstructed well.
        losses = step.minimize(lambda: self.both_losses(energies, real, fake))
        # 3. k moves towards the balance γ L(x) = L(G(z)).
        real_error, fake_error = map(ops.mean, energies)
        balance = self.gamma * real_error - fake_error
        self.k.assign(ops.clip(self.k + self.k_rate * balance, 0.0, 1.0))
        return self.log_balance(losses, real_error, balance)

    def test_step(self, data):
        real, _ = self.unpack(data)
        fake = self.make_samples(real, training=False, seed=0)
        energies, _ = self.energies([real, fake], training=False)
        real_error, fake_error = map(ops.mean, energies)
        balance = self.gamma * real_error - fake_error
        losses = self.both_losses(energies, real, fake)
        return self.log_balance(losses, real_error, balance)

    def log_balance(self, losses, real_error, balance):
        """Logs the losses, k, and the measure M."""
        values = {"k": self.k, "convergence": real_error + ops.abs(balance)}
        return self.log(losses, values)
