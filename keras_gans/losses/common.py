"""What the losses share: their base, checks of arguments, pairs, and a norm."""

import keras
from keras import ops

from keras_gans.checks import (  # noqa: F401
    finite_float,
    non_negative_float,
    positive_float,
)


class Loss(keras.losses.Loss):
    """Base of the losses here: a Keras loss whose configuration has its dtype.

    Args:
        reduction: Reduction over the batch, as in `keras.losses.Loss`.
            Defaults to `"sum_over_batch_size"`, the mean.
        name: String, the name of the loss.
        dtype: Dtype of the computation, `keras.config.floatx()` by default.
    """

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype}


def check_same_shape(**tensors):
    """Raises a `ValueError` unless two tensors, given by name, have one shape.

    Otherwise (8, 1) and (8,) would broadcast to (8, 8) without a word.
    """
    shapes = [tuple(tensor.shape) for tensor in tensors.values()]
    if len(shapes[0]) != len(shapes[1]) or any(
        one != other and None not in (one, other) for one, other in zip(*shapes)
    ):
        names = " and ".join(f"`{name}`" for name in tensors)
        raise ValueError(
            f"{names} must have the same shape. "
            f"Received: shapes {shapes[0]} and {shapes[1]}"
        )


def flatten_samples(x):
    """Reshapes `(batch, ...)` to `(batch, values of a sample)`."""
    return ops.reshape(x, (ops.shape(x)[0], -1))


def euclidean_norm(x):
    """Returns `(batch,)`, the norm of each row of `(batch, n)`.

    Its gradient at a row of zeros is zero, in place of the NaN of a plain root.
    """
    squares = ops.sum(ops.square(x), axis=1)
    is_zero = ops.equal(squares, 0)
    # The inner choice keeps the infinite slope out of the gradient: XLA makes NaN of
    # zero times infinity, where TensorFlow's own kernel does not.
    return ops.where(is_zero, 0.0, ops.sqrt(ops.where(is_zero, 1.0, squares)))


def loss_pair(argument, identifier, by_name):
    """Returns `(discriminator_loss, generator_loss)` for a name or a pair.

    Args:
        argument: Name of the argument, for errors.
        identifier: What was given for it.
        by_name: Dict from name to a function that makes the pair.
    """
    if isinstance(identifier, str):
        if identifier not in by_name:
            raise ValueError(
                f"Argument `{argument}` must be one of {sorted(by_name)} or a pair of "
                f"losses. Received: {argument}={identifier!r}"
            )
        return tuple(by_name[identifier]())
    is_pair = isinstance(identifier, (tuple, list)) and len(identifier) == 2
    if not is_pair or not all(isinstance(x, keras.losses.Loss) for x in identifier):
        raise TypeError(
            f"Argument `{argument}` must be one of {sorted(by_name)} or a pair "
            "(discriminator_loss, generator_loss) of `keras.losses.Loss` objects. "
            f"Received: {argument}={identifier!r}"
        )
    return tuple(identifier)
