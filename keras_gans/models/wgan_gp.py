"""WGAN-GP: a gradient penalty in the place of clipped weights."""

import keras

from keras_gans.losses.pairs import adversarial_loss_pair
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
        generator: Built `keras.Model` from latent vectors `(batch, latent_dim)` to
            images in [-1, 1] (or to points).
        discriminator: The critic, a built `keras.Model` from such images to outputs
            `(batch, 1)` without an activation at the end.
        gradient_penalty_weight: Non-negative float λ, 10 by default.
        n_critic: Positive integer, critic steps for each update of the generator, 5 by
            default.
        authors_schedule: Boolean, 100 critic steps for each of the first 25 updates of
            the generator and for every 500th, as in the code of WGAN's authors.
            `False`, the paper's Algorithm 1, by default.
        latent_distribution: `"uniform"` in [-1, 1] or `"normal"`, the default.
        latent_dim: Optional integer; if given, it must be what the generator takes.
        seed: Optional integer, the seed of the latent vectors and of the lines.
        **kwargs: `name` and so on of `keras.Model`.

    Call arguments:
        inputs: Latent vectors, float tensor of shape `(batch, latent_dim)`.

    Returns:
        Generated images in [-1, 1], shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If the critic uses batch normalization, an argument is out of range,
            or the networks do not fit each other.

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

    def __init__(
        self,
        generator,
        discriminator,
        gradient_penalty_weight=10.0,
        n_critic=5,
        authors_schedule=False,
        latent_distribution="normal",
        **kwargs,
    ):
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            n_critic=n_critic,
            authors_schedule=authors_schedule,
            latent_distribution=latent_distribution,
            **kwargs,
        )
        self.penalty = GradientPenalty(gradient_penalty_weight)
        self.gradient_penalty_weight = self.penalty.weight
        for layer in discriminator._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                raise ValueError(
                    "Argument `discriminator` must do without batch normalization, "
                    "which makes the gradient at one sample depend on the others. "
                    f"Received a critic with the layer {layer.name!r}; use "
                    '`normalization="layer"` or None.'
                )

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        adversarial_loss="wasserstein",
        **kwargs,
    ):
        """Configures training.

        Args:
            generator_optimizer: Optimizer or its name, `Adam(1e-4, beta_1=0.0,
                beta_2=0.9)` by default.
            discriminator_optimizer: Likewise.
            adversarial_loss: Name or pair of losses on logits; `"wasserstein"` by
                default.
            **kwargs: `run_eagerly`, `jit_compile` and `auto_scale_loss` of
                `keras.Model.compile`.
        """
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer
                or keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
                "discriminator": discriminator_optimizer
                or keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
            },
            losses={"adversarial_loss": adversarial_loss_pair(adversarial_loss)},
            **kwargs,
        )

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The critic learns to tell how far generated samples are from real ones,
        #    while its gradient between them is kept at one.
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
        return {
            **super().get_config(),
            "gradient_penalty_weight": self.gradient_penalty_weight,
        }
