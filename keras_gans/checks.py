"""Checks of arguments. Each returns the value, or says what is wrong with it."""

import math
import numbers
import os
import pathlib
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def require(condition, must, kind=ValueError, **received):
    """Raises an error unless a condition holds: what must be, and what came.

    >>> require(0 < gamma <= 1, "Argument `gamma` must lie in (0, 1]", gamma=gamma)
    ValueError: Argument `gamma` must lie in (0, 1]. Received: gamma=2

    Args:
        condition: What is to hold.
        must: Sentence without its full stop.
        kind: Class of the error.
        **received: Values by name, shown after the sentence.
    """
    if not condition:
        came = ", ".join(f"{name}={_shown(x)!r}" for name, x in received.items())
        raise kind(f"{must}. Received: {came}" if received else f"{must}.")


def cache_place(cache):
    """Returns where images are to be kept, see `keras_gans.data.cache`.

    It is a word, or a folder as an absolute path.
    """
    if cache in ("auto", "memory", "disk"):
        return cache
    must = "Argument `cache` must be 'auto', 'memory', 'disk' or a folder"
    require(isinstance(cache, (str, os.PathLike)) and os.fspath(cache), must)
    path = pathlib.Path(cache).expanduser()
    # A slip in one of the words is no folder.
    is_word = isinstance(cache, str) and not {*cache} & {"/", "\\", "."}
    require(
        path.is_dir() or not (is_word or path.exists()),
        f"{must}, a new one as './NAME'",
        cache=cache,
    )
    return os.path.abspath(path)


def warn(message):
    """Warns, and names the line outside of the package that called."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _argument(holds, name, wanted, value, kind=ValueError):
    if not holds:
        raise kind(f"Argument `{name}` must be {wanted}. Received: {name}={value!r}")


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _shown(value):
    """Returns shapes and NumPy's numbers as a reader writes them."""
    if type(value).__name__ == "TensorShape":
        return tuple(value)
    is_number = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if is_number else value


def integer(name, value):
    _argument(_is_integer(value), name, "an integer", value, TypeError)
    return int(value)


def positive_integer(name, value, wrong_kind=ValueError):
    """Returns an `int`; `wrong_kind` is raised for what is no integer at all."""
    return _at_least(1, "a positive integer", name, value, wrong_kind)


def non_negative_integer(name, value, wrong_kind=ValueError):
    return _at_least(0, "zero or a positive integer", name, value, wrong_kind)


def _at_least(least, wanted, name, value, wrong_kind):
    _argument(_is_integer(value), name, wanted, value, wrong_kind)
    _argument(value >= least, name, wanted, value)
    return int(value)


def finite_float(name, value):
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    _argument(is_number, name, "a number", value, TypeError)
    _argument(math.isfinite(value), name, "finite", value)
    return float(value)


def positive_float(name, value):
    _argument(finite_float(name, value) > 0, name, "greater than zero", value)
    return float(value)


def non_negative_float(name, value):
    is_at_least_zero = finite_float(name, value) >= 0
    _argument(is_at_least_zero, name, "zero or a positive number", value)
    return float(value)


def probability(name, value):
    _argument(0 <= finite_float(name, value) <= 1, name, "in [0, 1]", value)
    return float(value)


def boolean(name, value, hint=""):
    # NumPy's booleans are none of Python's, and NumPy need not be imported to tell.
    is_boolean = type(value).__name__ in ("bool", "bool_")
    _argument(is_boolean, name, f"True or False{hint}", value, TypeError)
    return bool(value)


def uint8_array(name, value):
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        received = getattr(value, "dtype", type(value).__name__)
        wanted = f"Argument `{name}` must be a uint8 array, values in [0, 255]"
        raise TypeError(f"{wanted}. Received: {received}")


def one_of(name, value, allowed):
    """Returns `value` if it is one of the strings (or `None`) that are allowed."""
    *others, last = map(repr, allowed)
    _argument(value in allowed, name, f"{', '.join(others)} or {last}", value)
    return value


def height_and_width(size, name="size"):
    """Returns `(height, width)` for a positive integer or a pair of them."""
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    _argument(
        len(pair) == 2 and all(_is_integer(side) and side > 0 for side in pair),
        name,
        "a positive integer or a pair (height, width) of positive integers",
        size,
    )
    return int(pair[0]), int(pair[1])
