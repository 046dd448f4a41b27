"""Adversarial losses: pairs that share one signature, (real output, fake output).

Discriminators return logits, so every sigmoid of a paper lives in its loss, where it
is stable. Outputs may be flat, `(batch, 1)`, or patch-shaped, `(batch, h, w, 1)`: the
patches of a sample are averaged, the batch axis stays, and `reduction` does the rest.
"""

import math

import keras
from keras import ops


class AdversarialLoss(keras.losses.Loss):
    """Base of the adversarial losses: `loss(real_output, fake_output)`.

    Subclasses implement `elementwise(real_output, fake_output)`.

    Args:
        scale: Positive float, a constant factor of the loss.
        reduction: Reduction over the batch, as in `keras.losses.Loss`.
            Defaults to `"sum_over_batch_size"`, the mean.
        name: String, the name of the loss.
        dtype: Dtype of the computation, `keras.config.floatx()` by default.

    Call arguments:
        real_output: Discriminator logits of real images, shape `(batch, ...)`.
        fake_output: Discriminator logits of generated images, shape `(batch, ...)`.

    Returns:
        A scalar, or a tensor of shape `(batch,)` with `reduction=None`.
    """

    def __init__(
        self, scale=1.0, reduction="sum_over_batch_size", name=None, dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.scale = _finite_float("scale", scale)
        if self.scale <= 0:
            raise ValueError(
                f"Argument `scale` must be greater than zero. Received: scale={scale}"
            )

    def elementwise(self, real_output, fake_output):
        """Loss of every output of the discriminator, before any averaging."""
        raise TypeError(
            f"{type(self).__name__} is abstract: implement `elementwise`, or use a "
            "subclass such as `LeastSquaresDiscriminatorLoss`."
        )

    def call(self, real_output, fake_output):
        real_shape, fake_shape = tuple(real_output.shape), tuple(fake_output.shape)
        if len(real_shape) != len(fake_shape) or any(
            real != fake and None not in (real, fake)
            for real, fake in zip(real_shape, fake_shape)
        ):
            # (8, 1) and (8,) would broadcast to (8, 8) without a word.
            raise ValueError(
                "`real_output` and `fake_output` must have the same shape. "
                f"Received: shapes {real_shape} and {fake_shape}"
            )
        values = self.elementwise(real_output, fake_output)
        return self.scale * ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), 1)

    def get_config(self):
        return {
            "scale": self.scale,
            "reduction": self.reduction,
            "name": self.name,
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="keras_gans")
class MinimaxDiscriminatorLoss(AdversarialLoss):
    """Cross entropy of the discriminator: `-log s(real) - log(1 - s(fake))`.

    It is the discriminator's side of the minimax game and of the non-saturating GAN
    alike; `s` is the sigmoid.

    Args:
        label_smoothing: Float in [0, 1). The target of real images is
            `1 - label_smoothing` (one-sided smoothing, Salimans et al., 2016);
            the target of fakes stays 0. Defaults to 0, no smoothing.
        **kwargs: `scale`, `reduction`, `name` and `dtype` of `AdversarialLoss`.

    Reference:
        Goodfellow et al., "Generative Adversarial Networks", 2014, eq. 1,
        https://arxiv.org/abs/1406.2661
    """

    def __init__(self, label_smoothing=0.0, **kwargs):
        super().__init__(**kwargs)
        self.label_smoothing = _finite_float("label_smoothing", label_smoothing)
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(
                "Argument `label_smoothing` must lie in [0, 1). "
                f"Received: label_smoothing={label_smoothing}"
            )

    def elementwise(self, real_output, fake_output):
        # -t log s(r) - (1 - t) log(1 - s(r)) = softplus(-r) + (1 - t) r
        real_loss = ops.softplus(-real_output) + self.label_smoothing * real_output
        return real_loss + ops.softplus(fake_output)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="keras_gans")
class MinimaxGeneratorLoss(AdversarialLoss):
    """Generator's side of the minimax game: `log(1 - s(fake))`.

    Its gradient vanishes where the discriminator is sure of a fake, which is why
    `NonSaturatingGeneratorLoss` is what is used in practice. The value is negative.

    Args:
        **kwargs: `scale`, `reduction`, `name` and `dtype` of `AdversarialLoss`.

    Reference:
        Goodfellow et al., "Generative Adversarial Networks", 2014, eq. 1,
        https://arxiv.org/abs/1406.2661
    """

    def elementwise(self, real_output, fake_output):
        return -ops.softplus(fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class NonSaturatingGeneratorLoss(AdversarialLoss):
    """Non-saturating loss of the generator: `-log s(fake)`.

    Args:
        **kwargs: `scale`, `reduction`, `name` and `dtype` of `AdversarialLoss`.

    Reference:
        Goodfellow et al., "Generative Adversarial Networks", 2014, section 3,
        https://arxiv.org/abs/1406.2661
    """

    def elementwise(self, real_output, fake_output):
        return ops.softplus(-fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class LeastSquaresDiscriminatorLoss(AdversarialLoss):
    """Least squares loss of the discriminator: `½(real - b)² + ½(fake - a)²`.

    Args:
        a: Float, the target of fakes. Defaults to 0.
        b: Float, the target of real images. Defaults to 1.
        scale: Positive float, the constant factor. Defaults to the paper's 0.5.
        **kwargs: `reduction`, `name` and `dtype` of `AdversarialLoss`.

    Reference:
        Mao et al., "Least Squares Generative Adversarial Networks", 2017, eq. 2,
        https://arxiv.org/abs/1611.04076
    """

    def __init__(self, a=0.0, b=1.0, scale=0.5, **kwargs):
        super().__init__(scale=scale, **kwargs)
        self.a, self.b = _finite_float("a", a), _finite_float("b", b)

    def elementwise(self, real_output, fake_output):
        return ops.square(real_output - self.b) + ops.square(fake_output - self.a)

    def get_config(self):
        return {**super().get_config(), "a": self.a, "b": self.b}


@keras.saving.register_keras_serializable(package="keras_gans")
class LeastSquaresGeneratorLoss(AdversarialLoss):
    """Least squares loss of the generator: `½(fake - c)²`.

    Args:
        c: Float, the value that the generator wants the discriminator to give to
            fakes. Defaults to 1.
        scale: Positive float, the constant factor. Defaults to the paper's 0.5;
            CycleGAN's generators use 1.
        **kwargs: `reduction`, `name` and `dtype` of `AdversarialLoss`.

    Reference:
        Mao et al., "Least Squares Generative Adversarial Networks", 2017, eq. 2,
        https://arxiv.org/abs/1611.04076
    """

    def __init__(self, c=1.0, scale=0.5, **kwargs):
        super().__init__(scale=scale, **kwargs)
        self.c = _finite_float("c", c)

    def elementwise(self, real_output, fake_output):
        return ops.square(fake_output - self.c)

    def get_config(self):
        return {**super().get_config(), "c": self.c}


_PAIRS = {
    "least_squares": (LeastSquaresDiscriminatorLoss, LeastSquaresGeneratorLoss),
    "minimax": (MinimaxDiscriminatorLoss, MinimaxGeneratorLoss),
    "non_saturating": (MinimaxDiscriminatorLoss, NonSaturatingGeneratorLoss),
}


def adversarial_loss_pair(identifier):
    """Returns `(discriminator_loss, generator_loss)` for a name or a pair.

    Args:
        identifier: One of `"least_squares"`, `"minimax"`, `"non_saturating"` (each
            with its paper's constants), or a pair `(discriminator_loss,
            generator_loss)` of `keras.losses.Loss` objects that are called as
            `loss(real_output, fake_output)`.

    Raises:
        ValueError: For a name that is not known.
        TypeError: For anything that is neither a name nor a pair of losses.
    """
    if isinstance(identifier, str):
        if identifier not in _PAIRS:
            raise ValueError(
                "Argument `adversarial_loss` must be one of "
                f"{sorted(_PAIRS)} or a pair of losses. "
                f"Received: adversarial_loss={identifier!r}"
            )
        return tuple(loss() for loss in _PAIRS[identifier])
    if (
        isinstance(identifier, (tuple, list))
        and len(identifier) == 2
        and all(isinstance(loss, keras.losses.Loss) for loss in identifier)
    ):
        return tuple(identifier)
    raise TypeError(
        f"Argument `adversarial_loss` must be one of {sorted(_PAIRS)} or a pair "
        "(discriminator_loss, generator_loss) of `keras.losses.Loss` objects. "
        f"Received: adversarial_loss={identifier!r}"
    )


def _finite_float(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"Argument `{name}` must be a number. Received: {name}={value}")
    if not math.isfinite(value):
        raise ValueError(f"Argument `{name}` must be finite. Received: {name}={value}")
    return float(value)
