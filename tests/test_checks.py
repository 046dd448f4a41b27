import numpy as np
import pytest

from keras_gans import checks


@pytest.mark.parametrize(
    "check, good, wrong_kinds, wrong_values",
    [
        (checks.integer, [-3, 0, np.int64(5)], [1.0, "1", None, True], []),
        (checks.finite_float, [-1, 0.5, np.float32(2)], ["1", None, True], [np.inf]),
        (checks.positive_float, [1, 0.5], ["1", True], [0, -1.0, np.nan]),
        (checks.non_negative_float, [0, 0.5], ["1", True], [-1e-9, np.inf]),
        (checks.probability, [0, 0.5, 1], ["1", True], [-0.1, 1.5, np.nan]),
        (checks.boolean, [True, False, np.bool_(True)], [0, 1, None, "yes"], []),
    ],
)
def test_values_are_returned_or_named(check, good, wrong_kinds, wrong_values):
    for value in good:
        returned = check("width", value)
        assert returned == value and type(returned) in (int, float, bool)
    for error, values in ((TypeError, wrong_kinds), (ValueError, wrong_values)):
        for value in values:
            with pytest.raises(error, match="Argument `width` must .*width="):
                check("width", value)


@pytest.mark.parametrize(
    "check, least, wanted",
    [
        (checks.positive_integer, 1, "a positive integer"),
        (checks.non_negative_integer, 0, "zero or a positive integer"),
    ],
)
def test_integers(check, least, wanted):
    for value in (least, np.int32(7)):
        assert check("n", value) == value and type(check("n", value)) is int
    for value in (least - 1, 2.0, True, "3", None):
        with pytest.raises(ValueError, match=f"`n` must be {wanted}. .*n={value!r}"):
            check("n", value)
    with pytest.raises(TypeError, match="`n` must be .*n=2.0"):
        check("n", 2.0, TypeError)


def test_one_of():
    assert checks.one_of("split", None, ("train", None)) is None
    with pytest.raises(ValueError, match="`split` must be 'a', 'b' or None.*split='c'"):
        checks.one_of("split", "c", ("a", "b", None))


def test_height_and_width():
    for size, pair in ((8, (8, 8)), ((4, np.int64(6)), (4, 6)), ([5, 5], (5, 5))):
        assert checks.height_and_width(size) == pair
        assert all(type(side) is int for side in checks.height_and_width(size))
    for size in (0, -4, 2.5, "8", None, True, (8,), (8, 0), (8, 8, 3), (8, 2.5)):
        with pytest.raises(ValueError, match="`crop` must be a positive integer or a"):
            checks.height_and_width(size, "crop")
