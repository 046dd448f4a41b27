"""WGAN: a critic with clipped weights estimates the Wasserstein distance."""

import keras

from keras_gans.constraints import WeightClipping
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
        generator, discriminator: As for `GenerativeModel`, the latter being the critic.
        clip_limit: Positive float c, 0.01 by default.
        latent_distribution: `"normal"`, as in the authors' code, by default.
        **kwargs: As for `CriticModel` and `GenerativeModel`.

    Reference:
        Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, Algorithm 1,
        https://arxiv.org/abs/1701.07875
    """

    default_adversarial_loss = "wasserstein"

    def __init__(
        self,
        generator,
        discriminator,
        clip_limit=0.01,
        latent_distribution="normal",
        **kwargs,
    ):
        clipping = WeightClipping(clip_limit)
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            latent_distribution=latent_distribution,
            **kwargs,
        )
        self.clip_limit = clipping.limit
        for variable in discriminator.trainable_variables:
            # The optimizer applies it after each of its updates.
            variable.constraint = clipping
            variable.assign(clipping(variable))

    def default_optimizer(self, role):
        # The paper found momentum harmful.
        return keras.optimizers.RMSprop(5e-5)

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The critic learns to tell how far generated samples are from real ones,
        #    within its bounds: its optimizer clips the weights after the update.
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
