"""Checks of arguments. Each returns the value, or says what is wrong with it."""

import math
import numbers


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
        came = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise kind(f"{must}. Received: {came}" if received else f"{must}.")


def integer(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(
            f"Argument `{name}` must be an integer. Received: {name}={value!r}"
        )
    return int(value)


def positive_integer(name, value, wrong_kind=ValueError):
    """Returns an `int`; `wrong_kind` is raised for what is no integer at all."""
    return _at_least(1, "a positive integer", name, value, wrong_kind)


def non_negative_integer(name, value, wrong_kind=ValueError):
    return _at_least(0, "zero or a positive integer", name, value, wrong_kind)


def _at_least(least, wanted, name, value, wrong_kind):
    message = f"Argument `{name}` must be {wanted}. Received: {name}={value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise wrong_kind(f"{message} of type {type(value).__name__}")
    if value < least:
        raise ValueError(message)
    return int(value)


def finite_float(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"Argument `{name}` must be a number. Received: {name}={value}")
    if not math.isfinite(value):
        raise ValueError(f"Argument `{name}` must be finite. Received: {name}={value}")
    return float(value)


def positive_float(name, value):
    if finite_float(name, value) <= 0:
        raise ValueError(
            f"Argument `{name}` must be greater than zero. Received: {name}={value}"
        )
    return float(value)


def non_negative_float(name, value):
    if finite_float(name, value) < 0:
        raise ValueError(
            f"Argument `{name}` must be zero or a positive number. "
            f"Received: {name}={value}"
        )
    return float(value)


def probability(name, value):
    if not 0 <= finite_float(name, value) <= 1:
        raise ValueError(
            f"Argument `{name}` must be in [0, 1]. Received: {name}={value}"
        )
    return float(value)


def boolean(name, value, hint=""):
    # NumPy's booleans are none of Python's, and NumPy need not be imported to tell.
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(
            f"Argument `{name}` must be True or False{hint}. "
            f"Received: {name}={value!r}"
        )
    return bool(value)


def one_of(name, value, allowed):
    """Returns `value` if it is one of the strings (or `None`) that are allowed."""
    if value not in allowed:
        *others, last = map(repr, allowed)
        raise ValueError(
            f"Argument `{name}` must be {', '.join(others)} or {last}. "
            f"Received: {name}={value!r}"
        )
    return value


def height_and_width(size, name="size"):
    """Returns `(height, width)` for a positive integer or a pair of them."""
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or not all(
        isinstance(side, numbers.Integral) and not isinstance(side, bool) and side > 0
        for side in pair
    ):
        raise ValueError(
            f"Argument `{name}` must be a positive integer or a pair (height, width) "
            f"of positive integers. Received: {name}={size!r}"
        )
    return int(pair[0]), int(pair[1])
