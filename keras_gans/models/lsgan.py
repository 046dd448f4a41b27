"""LSGAN: least squares in the place of cross entropy."""

import keras

from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable(package="keras_gans")
class LSGAN(GenerativeModel):
    """Learns with least squares, whose gradient does not saturate.

    The objectives, with targets a for generated samples, b for real ones, and c for
    what the generator wants its samples to be taken for:

        L_D = ½ E[(D(x) - b)²] + ½ E[(D(G(z)) - a)²]
        L_G = ½ E[(D(G(z)) - c)²]

    with a = 0 and b = c = 1 (eq. 9 of the paper). Samples that lie far on the right
    side of the decision are still pulled towards the data, where cross entropy has
    nothing left to say. For other targets give a pair of losses; a = -1, b = 1, c = 0
    minimizes the Pearson χ² divergence (eq. 8).

    Args:
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: Built `keras.Model` from such images to outputs `(batch, 1)`, or
            by patch, `(batch, h, w, 1)`, without an activation at the end.
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
    model = keras_gans.models.LSGAN(dcgan_generator(), dcgan_discriminator())
    model.compile()
    model.fit(keras_gans.data.generation("digits", batch_size=64), epochs=100)
    ```

    Reference:
        Mao et al., "Least Squares Generative Adversarial Networks", 2017,
        https://arxiv.org/abs/1611.04076
    """

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="least_squares",
        penalty=None,
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `Adam(2e-4, beta_1=0.5)` by
                default. The paper takes β₁ 0.5 and 1e-3 for scenes at batch 64.
            discriminator_optimizer: Likewise.
            adversarial_loss: Name or pair of losses on logits; `"least_squares"` by
                default.
            penalty: Optional penalty of `keras_gans.losses`.
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
        # 1. The discriminator learns to give b to real samples and a to generated ones.
        fake = self.make_samples(real)
        losses = self.minimize(
            ("discriminator",),
            lambda: {"discriminator_loss": self.discriminator_loss(real, fake)},
        )
        # 2. The generator learns to be given c, from new latent vectors.
        losses |= self.minimize(
            ("generator",),
            lambda: {
                "generator_loss": self.generator_loss(real, self.make_samples(real))
            },
        )
        return self.log(losses)
