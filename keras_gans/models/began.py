"""BEGAN: an auto-encoder kept in balance with its generator."""

import keras
from keras import ops

from keras_gans.losses.energy import ReconstructionEnergy
from keras_gans.losses.pairs import adversarial_loss_pair
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
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: Auto-encoder, a built `keras.Model` from such images to their
            reconstruction (or to `[reconstruction, code]`).
        gamma: Float in (0, 1], the diversity ratio γ, 0.5 by default.
        k_rate: Non-negative float λ_k, 0.001 by default.
        eta: 1, the default, or 2, the exponent of the pixel error.
        latent_distribution: `"uniform"` in [-1, 1], the default, or `"normal"`.
        latent_dim: Optional integer; if given, it must be what the generator takes.
        seed: Optional integer, the seed of the latent vectors.
        **kwargs: `name` and so on of `keras.Model`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If the discriminator is not an auto-encoder, or an argument is out
            of range.

    Example:

    ```python
    model = keras_gans.models.BEGAN(decoder_generator(latent_dim=64), autoencoder())
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=16), epochs=100)
    ```

    Reference:
        Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial
        Networks", 2017, https://arxiv.org/abs/1703.10717
    """

    loss_names = ("discriminator_loss", "generator_loss", "k", "convergence")

    def __init__(
        self, generator, discriminator, gamma=0.5, k_rate=0.001, eta=1, **kwargs
    ):
        super().__init__(generator=generator, discriminator=discriminator, **kwargs)
        if not 0 < gamma <= 1:
            raise ValueError(
                f"Argument `gamma` must lie in (0, 1]. Received: gamma={gamma!r}"
            )
        if not 0 <= k_rate < float("inf"):
            raise ValueError(
                "Argument `k_rate` must be zero or a positive number. "
                f"Received: k_rate={k_rate!r}"
            )
        if eta not in (1, 2):
            raise ValueError(f"Argument `eta` must be 1 or 2. Received: eta={eta!r}")
        self.gamma = float(gamma)
        self.k_rate = float(k_rate)
        self.eta = int(eta)
        self.energy = ReconstructionEnergy(f"l{self.eta}")
        self.k = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            aggregation="mean",
            name="k",
        )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="boundary_equilibrium",
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `Adam(1e-4)` by default. The
                paper lets the rate fall when `convergence` stalls; give a schedule.
            discriminator_optimizer: Likewise.
            adversarial_loss: Pair of losses on energies; `"boundary_equilibrium"` by
                default. The discriminator's loss gets the model's `k`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` and
                `auto_scale_loss` of `keras.Model.compile`.
        """
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer or keras.optimizers.Adam(1e-4),
                "discriminator": discriminator_optimizer or keras.optimizers.Adam(1e-4),
            },
            losses={
                "adversarial_loss": adversarial_loss_pair(
                    adversarial_loss, outputs="energies"
                ),
            },
            **kwargs,
        )
        self.adversarial_loss[0].k = self.k

    def compute_losses(self, real, fake, training):
        """Returns both losses, and the mean errors L(x) and L(G(z))."""
        energies, _ = self.energies([real, fake], training)
        losses = {
            "discriminator_loss": self.adversarial_loss[0](*energies),
            "generator_loss": self.adversarial_loss[1](*energies),
        }
        return losses, [ops.mean(energy) for energy in energies]

    def train_step(self, data):
        real, _ = self.unpack(data)
        errors = []

        # 1. The auto-encoder learns to reconstruct real samples, and generated ones
        #    badly in the measure of k; the generator, to be reconstructed well.
        def closure():
            losses, errors[:] = self.compute_losses(
                real, self.make_samples(real), training=True
            )
            return losses

        losses = self.minimize(("discriminator", "generator"), closure)
        # 2. k moves towards the balance γ L(x) = L(G(z)).
        balance = self.gamma * errors[0] - errors[1]
        self.k.assign(ops.clip(self.k + self.k_rate * balance, 0.0, 1.0))
        return self._log(losses, errors)

    def test_step(self, data):
        real, _ = self.unpack(data)
        fake = self.make_samples(real, training=False, seed=0)
        return self._log(*self.compute_losses(real, fake, training=False))

    def _log(self, losses, errors):
        convergence = errors[0] + ops.abs(self.gamma * errors[0] - errors[1])
        return self.log(losses, {"k": self.k, "convergence": convergence})

    def get_config(self):
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "k_rate": self.k_rate,
            "eta": self.eta,
        }
