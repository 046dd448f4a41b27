"""LSGAN: least squares in the place of cross entropy."""

import keras

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
        **kwargs: As for `GenerativeModel`.

    Reference:
        Mao et al., "Least Squares Generative Adversarial Networks", 2017,
        https://arxiv.org/abs/1611.04076
    """

    default_adversarial_loss = "least_squares"

    def train_step(self, data):
        real, _ = self.unpack(data)
        # 1. The discriminator learns to give b to real samples and a to generated ones.
        fake = self.make_samples(real)
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(real, fake)
        )
        # 2. The generator learns to be given c, from new latent vectors.
        losses |= self.minimize(
            "generator", lambda: self.generator_losses(real, self.make_samples(real))
        )
        return self.log(losses)
