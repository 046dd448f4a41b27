"""What the losses share: a check of their arguments, and a norm."""

from keras import ops

from keras_gans.checks import (  # noqa: F401
    finite_float,
    non_negative_float,
    positive_float,
)


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
