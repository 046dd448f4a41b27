"""WGAN-GP: a gradient penalty in the place of clipped weights."""

import keras

from keras_gans.losses.penalties import GradientPenalty
from keras_gans.models.critic_model import CriticModel
from keras_gans.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable(package="keras_gans")
class WGANGP(CriticModel, GenerativeModel):
    """Learns the Wasserstein distance with a critic whose gradient has norm one.

    The objective of the critic, with x̂ uniform on the lines between real and generated
    samples (eq. 3), and of the generator:

        L_D = E[D(G(z))] - E[D(x)] + λ E[(‖∇D(x̂)‖₂ - 1)²]
        L_G = -E[D(G(z))]

    Each batch is one critic step; every `n_critic`-th also updates the generator. The
    critic must not use batch normalization: the penalty is about each sample by itself.

    A converged critic overestimates a Wasserstein distance W, because its slope g gains
    W g and costs λ (g - 1)² only: it reads W (1 + W / (2 λ)).

    Args:
        generator, discriminator: As for `GenerativeModel`, the latter being the critic.
        gradient_penalty_weight: Non-negative float λ, 10 by default. Another penalty
            can be given to `compile`.
        latent_distribution: `"normal"` by default.
        **kwargs: As for `CriticModel` and `GenerativeModel`; `seed` is that of the
            lines, too.

    Example:

    ```python
    model = keras_gans.models.WGANGP(
        dcgan_generator(), dcgan_discriminator(normalization="layer")
    )
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=64), epochs=500)
    ```

    Reference:
        Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, Algorithm 1,
        https://arxiv.org/abs/1704.00028
    """

    default_adversarial_loss = "wasserstein"

    def __init__(
        self,
        generator,
        discriminator,
        gradient_penalty_weight=10.0,
        latent_distribution="normal",
        **kwargs,
    ):
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            latent_distribution=latent_distribution,
            **kwargs,
        )
        self.gradient_penalty_weight = GradientPenalty(gradient_penalty_weight).weight
        self.check_no_batch_statistics()

    def default_optimizer(self, role):
        return keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)

    def default_penalty(self):
        return GradientPenalty(self.gradient_penalty_weight)

    def discriminator_losses(self, real, fake, labels=None, training=True):
        real_output, fake_output = self.discriminate([real, fake], training=training)
        # It holds the norm of the gradient at one, at points between real and fake.
        penalty = self.penalty_of(self.discriminator, real, fake, training)
        distance_loss = self.adversarial_loss[0](real_output, fake_output)
        return {"discriminator_loss": distance_loss + penalty}

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The critic learns to tell how far generated samples are from real ones,
        #    while the penalty keeps its gradient between them at one.
        fake = self.make_samples(real)
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(real, fake)
        )
        # 2. After `n_critic` such steps, each on a batch of its own, the generator
        #    learns to be closer.
        self.count_critic_step()
        if self.updates_generator:
            losses |= self.minimize(
                "generator",
                lambda: self.generator_losses(real, self.make_samples(real)),
            )
        return self.log(losses)
