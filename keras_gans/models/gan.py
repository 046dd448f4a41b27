"""GAN: the original game between a generator and a discriminator."""

import keras

from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable(package="keras_gans")
class GAN(GenerativeModel):
    """Learns to generate samples that a classifier takes for real ones.

    The objective, with the probability D that a sample is real:

        min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))]

    In practice, and by default here, the generator maximizes E[log D(G(z))] in the
    place of minimizing E[log(1 - D(G(z)))], which has the same fixed point and a
    gradient that does not vanish where the discriminator wins (section 3 of the paper);
    `adversarial_loss="minimax"` is the game to the letter.

    The discriminator returns logits; its sigmoid lives in the loss. `compile()` without
    arguments takes DCGAN's optimizer, Adam (2e-4, β₁ 0.5): the paper's own, gradient
    descent with momentum, was tuned for its maxout networks.

    Args:
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: Built `keras.Model` from such images to logits, `(batch, 1)`, or
            by patch, `(batch, h, w, 1)`.
        latent_distribution: `"uniform"` in [-1, 1], the default, or `"normal"`.
        latent_dim: Optional integer; if given, it must be what the generator takes.
        seed: Optional integer, the seed of the latent vectors.
        **kwargs: `name` and so on of `keras.Model`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If the networks do not fit each other, `latent_dim` is not the
            generator's, or the discriminator is an auto-encoder.

    Example:

    ```python
    model = keras_gans.models.GAN(
        generator=dcgan_generator(latent_dim=100, size=32),
        discriminator=dcgan_discriminator(size=32),
    )
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=64), epochs=100)
    images = model.generate(64, seed=0)
    ```

    Reference:
        Goodfellow et al., "Generative Adversarial Networks", 2014, Algorithm 1,
        https://arxiv.org/abs/1406.2661
    """

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="non_saturating",
        penalty=None,
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `Adam(2e-4, beta_1=0.5)` by
                default.
            discriminator_optimizer: Likewise.
            adversarial_loss: Name or pair of losses on logits, see
                `keras_gans.losses.adversarial_loss_pair`. `"non_saturating"` by
                default.
            penalty: Optional penalty of `keras_gans.losses`, such as `R1Penalty()` or
                `DRAGANPenalty()`, added to the discriminator's loss.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` and
                `auto_scale_loss` of `keras.Model.compile`.
        """
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer
                or keras.optimizers.Adam(2e-4, beta_1=0.5),
                "discriminator": discriminator_optimizer
                or keras.optimizers.Adam(2e-4, beta_1=0.5),
            },
            losses={
                "adversarial_loss": adversarial_loss_pair(adversarial_loss),
                "penalty": penalty,
            },
            **kwargs,
        )

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The discriminator learns to tell real samples from generated ones.
        fake = self.make_samples(real)
        losses = self.minimize(
            ("discriminator",),
            lambda: {"discriminator_loss": self.discriminator_loss(real, fake)},
        )
        # 2. The generator learns to deceive it, from new latent vectors.
        losses |= self.minimize(
            ("generator",),
            lambda: {
                "generator_loss": self.generator_loss(real, self.make_samples(real))
            },
        )
        return self.log(losses)
