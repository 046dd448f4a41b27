"""The pool of styles."""

import contracts
import numpy as np
import pytest

from keras_gans.layers import StylePool


def rows(*numbers):
    return np.repeat(np.array(numbers, "float32")[:, None], 2, axis=1)


def test_keeps_the_last_ones():
    pool = StylePool(2, size=5, seed=0)
    start = pool.styles.numpy()
    np.testing.assert_array_equal(pool(rows(1, 2, 3), training=True), rows(1, 2, 3))
    np.testing.assert_array_equal(pool.styles[:3], rows(1, 2, 3))
    np.testing.assert_array_equal(pool.styles[3:], start[3:])
    pool(rows(4, 5, 6), training=True)
    np.testing.assert_array_equal(pool.styles, rows(6, 2, 3, 4, 5))
    pool(rows(7), training=False)
    np.testing.assert_array_equal(pool.styles, rows(6, 2, 3, 4, 5))
    # More than it holds.
    pool(rows(*range(10, 17)), training=True)
    assert sorted(pool.styles.numpy()[:, 0]) == [12, 13, 14, 15, 16]


def test_starts_from_random_styles_of_the_seed():
    first, again = (StylePool(4, size=400, seed=3).styles.numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert abs(first.mean()) < 0.1 and abs(first.std() - 1) < 0.1


def test_configuration_and_state_are_saved(tmp_path):
    pool = StylePool(2, size=5, seed=1)
    contracts.check_layer(StylePool(2, size=5, seed=1), rows(1, 2, 3), tmp_path)
    assert not pool.trainable_weights
    for name, value in (("style_dim", 0), ("size", 2.5)):
        with pytest.raises((ValueError, TypeError), match=f"`{name}` must be"):
            StylePool(**{"style_dim": 2, name: value})
