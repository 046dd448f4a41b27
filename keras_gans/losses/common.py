"""What the losses share: their base, checks of arguments, pairs, and a norm."""

import types

import keras
from keras import ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import require


class Loss(keras.losses.Loss):
    """Base of the losses here: a Keras loss whose configuration is its arguments.

    Each argument of a subclass is an attribute of the same name. What a loss returns is
    a scalar, or a tensor of shape `(batch,)` with `reduction=None`.

    Args:
        reduction: Reduction over the batch, as in `keras.losses.Loss`.
            Defaults to `"sum_over_batch_size"`, the mean.
        name: String, the name of the loss.
        dtype: Dtype of the computation, `keras.config.floatx()` by default.
    """

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


def abstract(instance, method, subclass):
    """Returns the error of a method that subclasses implement."""
    return TypeError(
        f"{type(instance).__name__} is abstract: implement `{method}`, or use a "
        f"subclass such as `{subclass}`."
    )


def compatible(one, other):
    """Whether two shapes are equal wherever both are known."""
    return len(one) == len(other) and all(
        size == size_of_other or None in (size, size_of_other)
        for size, size_of_other in zip(one, other, strict=True)
    )


def check_same_shape(**tensors):
    """Raises a `ValueError` unless two tensors, given by name, have one shape.

    Otherwise (8, 1) and (8,) would broadcast to (8, 8) without a word.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    names = " and ".join(f"`{name}`" for name in tensors)
    require(compatible(*shapes.values()), f"{names} must have the same shape", **shapes)


def check_images(**tensors):
    """Raises a `ValueError` unless two tensors, given by name, are images alike."""
    check_same_shape(**tensors)
    for name, tensor in tensors.items():
        require(
            len(tensor.shape) == 4 and tensor.shape[-1] != 0,
            f"`{name}` must be images of shape (batch, height, width, channels)",
            shape=tuple(tensor.shape),
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


def find_loss(argument, identifier):
    """Returns the loss that Keras knows by a name, a function or a configuration.

    A function, and so a name such as `"mae"`, stands for the class: its values are
    averaged. All else comes back as it is.

    Args:
        argument: Name of the argument, for errors.
        identifier: What was given for it.
    """
    if isinstance(identifier, (str, dict)):
        try:
            identifier = keras.losses.get(identifier)
        except ValueError:
            raise ValueError(
                f"Argument `{argument}` must be a `keras.losses.Loss` or the name of "
                f"one, 'mae' or 'mse' say. Received: {argument}={identifier!r}"
            ) from None
    if isinstance(identifier, types.FunctionType):
        name = identifier.__name__
        if getattr(keras.losses, name, None) is identifier:
            classes = {one.lower(): loss for one, loss in vars(keras.losses).items()}
            # `MeanAbsoluteError` is the class of `mean_absolute_error`.
            identifier = classes.get(name.replace("_", ""), identifier)
    return identifier() if isinstance(identifier, type) else identifier


def loss_pair(argument, identifier, by_name):
    """Returns `(discriminator_loss, generator_loss)` for a name or a pair.

    Args:
        argument: Name of the argument, for errors.
        identifier: What was given for it.
        by_name: Dict from name to the pair of functions or classes that make them.
    """
    must = f"Argument `{argument}` must be one of {sorted(by_name)} or a pair "
    if isinstance(identifier, str):
        require(identifier in by_name, f"{must}of losses", **{argument: identifier})
        return tuple(make() for make in by_name[identifier])
    is_pair = isinstance(identifier, (tuple, list)) and len(identifier) == 2
    require(
        is_pair and all(isinstance(x, keras.losses.Loss) for x in identifier),
        f"{must}(discriminator_loss, generator_loss) of `keras.losses.Loss` objects",
        TypeError,
        **{argument: identifier},
    )
    return tuple(identifier)
