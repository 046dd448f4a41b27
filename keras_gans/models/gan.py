"""GAN: the original game between a generator and a discriminator."""

import keras

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
        generator: Built `keras.Model`, latent vectors to images (or points).
        discriminator: Built `keras.Model`, images to logits.
        **kwargs: As for `GenerativeModel`.

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

    default_adversarial_loss = "non_saturating"

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The discriminator learns to tell real samples from generated ones.
        fake = self.make_samples(real)
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(real, fake)
        )
        # 2. The generator learns to deceive it, from new latent vectors.
        losses |= self.minimize(
            "generator", lambda: self.generator_losses(real, self.make_samples(real))
        )
        return self.log(losses)
