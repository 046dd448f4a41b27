"""WGAN: a critic with clipped weights estimates the Wasserstein distance."""

import keras

from keras_gans.constraints import WeightClipping
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.critic_model import CriticModel
from keras_gans.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable(package="keras_gans")
class WGAN(CriticModel, GenerativeModel):
    """Learns to bring the Wasserstein distance between samples and data to zero.

    The objective, with a critic D whose weights are kept in [-c, c], so that it is
    Lipschitz:

        min_G max_D  E[D(x)] - E[D(G(z))]

    Each batch is one critic step; every `n_critic`-th also updates the generator.

    After every critic step all trainable weights of the critic are clipped, biases and
    the gammas and betas of batch normalization included, as in the authors' code. They
    are clipped first when the model is made: the paper's theory knows no critic outside
    the bounds. The critic is the `discriminator` that is passed in, and it keeps this
    constraint.

    Args:
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: The critic, a built `keras.Model` from such images to outputs
            `(batch, 1)` without an activation at the end.
        clip_limit: Positive float c, 0.01 by default.
        n_critic: Positive integer, critic steps for each update of the generator, 5 by
            default.
        authors_schedule: Boolean, 100 critic steps for each of the first 25 updates of
            the generator and for every 500th, as in the authors' code. `False`, the
            paper's Algorithm 1, by default.
        latent_distribution: `"uniform"` in [-1, 1] or `"normal"`, the default, as in
            the authors' code.
        latent_dim: Optional integer; if given, it must be what the generator takes.
        seed: Optional integer, the seed of the latent vectors.
        **kwargs: `name` and so on of `keras.Model`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If `clip_limit` or `n_critic` is out of range, or the networks do
            not fit each other.

    Example:

    ```python
    model = keras_gans.models.WGAN(dcgan_generator(), dcgan_discriminator())
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=64), epochs=500)
    ```

    Reference:
        Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, Algorithm 1,
        https://arxiv.org/abs/1701.07875
    """

    def __init__(
        self,
        generator,
        discriminator,
        clip_limit=0.01,
        n_critic=5,
        authors_schedule=False,
        latent_distribution="normal",
        **kwargs,
    ):
        clipping = WeightClipping(clip_limit)
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            n_critic=n_critic,
            authors_schedule=authors_schedule,
            latent_distribution=latent_distribution,
            **kwargs,
        )
        self.clip_limit = clipping.limit
        for variable in discriminator.trainable_variables:
            # The optimizer applies it after each of its updates.
            variable.constraint = clipping
            variable.assign(clipping(variable))

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="wasserstein",
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `RMSprop(5e-5)` by default; the
                paper found momentum harmful.
            discriminator_optimizer: Likewise.
            adversarial_loss: Name or pair of losses on logits; `"wasserstein"` by
                default.
            **kwargs: `run_eagerly`, `jit_compile` and `auto_scale_loss` of
                `keras.Model.compile`.
        """
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer or keras.optimizers.RMSprop(5e-5),
                "discriminator": discriminator_optimizer
                or keras.optimizers.RMSprop(5e-5),
            },
            losses={"adversarial_loss": adversarial_loss_pair(adversarial_loss)},
            **kwargs,
        )

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The critic learns to tell how far generated samples are from real ones,
        #    within its bounds.
        fake = self.make_samples(real)
        losses = self.minimize(
            ("discriminator",),
            lambda: {"discriminator_loss": self.discriminator_loss(real, fake)},
        )
        # 2. After `n_critic` such steps the generator learns to be closer.
        self.count_critic_step()
        if self.updates_generator:
            losses |= self.minimize(
                ("generator",),
                lambda: {
                    "generator_loss": self.generator_loss(real, self.make_samples(real))
                },
            )
        return self.log(losses)

    def get_config(self):
        return {**super().get_config(), "clip_limit": self.clip_limit}
