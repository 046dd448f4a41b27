"""Pixels that images are saved as."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.metrics import to_pixels


def test_pixels_are_those_of_a_saved_picture():
    every = np.arange(256, dtype="uint8")
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(
            to_pixels((every / 127.5 - 1).astype(dtype)), every
        )
    # The largest errors of a sixteen-bit float are less than half a step.
    narrow = tf.cast(every / 127.5 - 1, "float16")
    np.testing.assert_array_equal(to_pixels(narrow), every)
    assert to_pixels(tf.constant([0.0], "bfloat16")).tolist() == [128]
    assert to_pixels(np.array([-7.0, -1.003, 1.003, 9.0])).tolist() == [0, 0, 255, 255]
    for same in (every, tf.constant(every)):
        np.testing.assert_array_equal(to_pixels(same), every)


def test_pixels_of_unknown_range_are_refused():
    for integers in (np.zeros(3, "int64"), np.zeros(3, "int8"), np.zeros(3, "bool")):
        with pytest.raises(TypeError, match="images.dtype"):
            to_pixels(integers)
    with pytest.raises(ValueError, match="25.00% of its values"):
        to_pixels(np.array([0.0, np.nan, 1.0, 1.0]))
