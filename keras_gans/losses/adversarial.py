"""Adversarial losses: pairs that share one signature, (real output, fake output).

Discriminators return logits, so every sigmoid of a paper lives in its loss, where it
is stable. Outputs may be flat, `(batch, 1)`, or patch-shaped, `(batch, h, w, 1)`: the
patches of a sample are averaged, the batch axis stays, and `reduction` does the rest.
All take the arguments of `AdversarialLoss`.
"""

import keras
from keras import ops

from keras_gans.checks import finite_float, positive_float, require
from keras_gans.losses.common import Loss, abstract, check_same_shape, flatten_samples


class AdversarialLoss(Loss):
    """Base of the adversarial losses: `loss(real_output, fake_output)`.

    Subclasses implement `elementwise(real_output, fake_output)`.

    Args:
        scale: Positive float, a constant factor of the loss.

    Call arguments:
        real_output, fake_output: Discriminator logits of real and of generated images,
            shape `(batch, ...)`.

    Returns:
        A scalar, or a tensor of shape `(batch,)` with `reduction=None`.
    """

    # What it takes: the "logits" of a discriminator or the "energies" of an
    # auto-encoder.
    outputs = "logits"
    # Whether the value depends on the output for real samples.
    uses_real_output = True

    def __init__(self, scale=1.0, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.scale = positive_float("scale", scale)

    def elementwise(self, real_output, fake_output):
        """Loss of every output of the discriminator, before any averaging."""
        raise abstract(self, "elementwise", "LeastSquaresDiscriminatorLoss")

    def call(self, real_output, fake_output):
        check_same_shape(real_output=real_output, fake_output=fake_output)
        values = self.elementwise(real_output, fake_output)
        return self.scale * ops.mean(flatten_samples(values), axis=1)


@keras.saving.register_keras_serializable(package="keras_gans")
class MinimaxDiscriminatorLoss(AdversarialLoss):
    """Cross entropy of the discriminator: `-log s(real) - log(1 - s(fake))`.

    It is the discriminator's side of the minimax game and of the non-saturating GAN
    alike; `s` is the sigmoid.

    Args:
        label_smoothing: Float in [0, 1). The target of real images is
            `1 - label_smoothing` (one-sided smoothing, Salimans et al., 2016);
            the target of fakes stays 0. Defaults to 0, no smoothing.

    Reference:
        Goodfellow et al., eq. 1, see `keras_gans.models.GAN`.
    """

    def __init__(self, label_smoothing=0.0, **kwargs):
        super().__init__(**kwargs)
        self.label_smoothing = finite_float("label_smoothing", label_smoothing)
        require(
            0 <= self.label_smoothing < 1,
            "Argument `label_smoothing` must lie in [0, 1)",
            label_smoothing=label_smoothing,
        )

    def elementwise(self, real_output, fake_output):
        # -t log s(r) - (1 - t) log(1 - s(r)) = softplus(-r) + (1 - t) r
        real_loss = ops.softplus(-real_output) + self.label_smoothing * real_output
        return real_loss + ops.softplus(fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class MinimaxGeneratorLoss(AdversarialLoss):
    """Generator's side of the minimax game: `log(1 - s(fake))`.

    Its gradient vanishes where the discriminator is sure of a fake, which is why
    `NonSaturatingGeneratorLoss` is what is used in practice. The value is negative.
    """

    uses_real_output = False

    def elementwise(self, real_output, fake_output):
        return -ops.softplus(fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class NonSaturatingGeneratorLoss(AdversarialLoss):
    """Non-saturating loss of the generator: `-log s(fake)` (section 3 there)."""

    uses_real_output = False

    def elementwise(self, real_output, fake_output):
        return ops.softplus(-fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class LeastSquaresDiscriminatorLoss(AdversarialLoss):
    """Least squares loss of the discriminator: `½(real - b)² + ½(fake - a)²`.

    Args:
        a: Float, the target of fakes. Defaults to 0.
        b: Float, the target of real images. Defaults to 1.
        scale: Positive float, the constant factor. Defaults to the paper's 0.5.

    Reference:
        Mao et al., eq. 2, see `keras_gans.models.LSGAN`.
    """

    def __init__(self, a=0.0, b=1.0, scale=0.5, **kwargs):
        super().__init__(scale=scale, **kwargs)
        self.a, self.b = finite_float("a", a), finite_float("b", b)

    def elementwise(self, real_output, fake_output):
        return ops.square(real_output - self.b) + ops.square(fake_output - self.a)


@keras.saving.register_keras_serializable(package="keras_gans")
class LeastSquaresGeneratorLoss(AdversarialLoss):
    """Least squares loss of the generator: `½(fake - c)²`.

    Args:
        c: Float, the value that the generator wants the discriminator to give to
            fakes. Defaults to 1.
        scale: Positive float, the constant factor. Defaults to the paper's 0.5;
            CycleGAN's generators use 1.
    """

    uses_real_output = False

    def __init__(self, c=1.0, scale=0.5, **kwargs):
        super().__init__(scale=scale, **kwargs)
        self.c = finite_float("c", c)

    def elementwise(self, real_output, fake_output):
        return ops.square(fake_output - self.c)


@keras.saving.register_keras_serializable(package="keras_gans")
class WassersteinDiscriminatorLoss(AdversarialLoss):
    """Loss of WGAN's critic: `fake - real`.

    Without clipped weights or a gradient penalty it has no lower bound.

    Reference:
        Arjovsky, Chintala and Bottou, eq. 3, see `keras_gans.models.WGAN`.
    """

    def elementwise(self, real_output, fake_output):
        return fake_output - real_output


@keras.saving.register_keras_serializable(package="keras_gans")
class WassersteinGeneratorLoss(AdversarialLoss):
    """Loss of WGAN's generator: `-fake`."""

    uses_real_output = False

    def elementwise(self, real_output, fake_output):
        return -fake_output


@keras.saving.register_keras_serializable(package="keras_gans")
class HingeDiscriminatorLoss(AdversarialLoss):
    """Hinge loss of the discriminator: `max(0, 1 - real) + max(0, 1 + fake)`.

    Reference:
        Lim and Ye, "Geometric GAN", 2017, https://arxiv.org/abs/1705.02894
    """

    def elementwise(self, real_output, fake_output):
        return ops.relu(1.0 - real_output) + ops.relu(1.0 + fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class HingeGeneratorLoss(WassersteinGeneratorLoss):
    """Generator's side of the hinge loss: `-fake`."""


@keras.saving.register_keras_serializable(package="keras_gans")
class RelativisticAverageDiscriminatorLoss(AdversarialLoss):
    """Relativistic loss: `-log s(real - E[fake]) - log(1 - s(fake - E[real]))`.

    The discriminator tells how much more real a sample is than the average of the
    others; `s` is the sigmoid. The means are over the batch, patches included; with
    several replicas, over the part of the batch that a replica has.

    Reference:
        Jolicoeur-Martineau, "The relativistic discriminator: a key element missing
        from standard GAN", 2018, section 4.1, https://arxiv.org/abs/1807.00734
    """

    def elementwise(self, real_output, fake_output):
        return ops.softplus(ops.mean(fake_output) - real_output) + ops.softplus(
            fake_output - ops.mean(real_output)
        )


@keras.saving.register_keras_serializable(package="keras_gans")
class RelativisticAverageGeneratorLoss(AdversarialLoss):
    """Generator's side: `-log s(fake - E[real]) - log(1 - s(real - E[fake]))`.

    Unlike the other generator losses it looks at real samples, too.
    """

    def elementwise(self, real_output, fake_output):
        return ops.softplus(real_output - ops.mean(fake_output)) + ops.softplus(
            ops.mean(real_output) - fake_output
        )
