"""Reflection padding against a hand-written row and NumPy."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import ReflectionPadding2D


def test_golden_values():
    row = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 1, 4, 1)
    outputs = ReflectionPadding2D(((0, 0), (2, 1)))(row)
    np.testing.assert_array_equal(np.ravel(outputs), [3, 2, 1, 2, 3, 4, 3])


@pytest.mark.parametrize("padding, pairs", [
    (0, ((0, 0), (0, 0))),
    (3, ((3, 3), (3, 3))),
    (((1, 2), (3, 0)), ((1, 2), (3, 0))),
    ([[1, 2], [3, 0]], ((1, 2), (3, 0))),
])  # fmt: skip
def test_equals_numpy(padding, pairs):
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    layer = ReflectionPadding2D(padding)
    outputs = layer(x)
    np.testing.assert_array_equal(
        outputs, np.pad(x, ((0, 0), *pairs, (0, 0)), mode="reflect")
    )
    assert layer.compute_output_shape(x.shape) == outputs.shape


def test_unknown_sizes():
    layer = ReflectionPadding2D(2)
    assert layer(keras.Input((None, 5, 3))).shape == (None, None, 9, 3)


def test_contract(tmp_path):
    layer = ReflectionPadding2D(((1, 2), (3, 0)), name="padding")
    images = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    contracts.check_layer(layer, images, tmp_path)
    assert contracts.round_trip(layer).padding == ((1, 2), (3, 0))


def test_gradient_compiles_with_xla():
    layer = ReflectionPadding2D(((0, 0), (2, 1)))

    @tf.function(jit_compile=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(layer(x))
        return tape.gradient(value, x)

    # How often each pixel of the row of the first test appears in its output.
    counts = gradient(tf.ones((1, 1, 4, 1)))
    np.testing.assert_array_equal(np.ravel(counts), [1, 2, 3, 1])


def test_padding_larger_than_the_image():
    layer = ReflectionPadding2D(3)
    assert layer(np.zeros((1, 4, 4, 1), "float32")).shape == (1, 10, 10, 1)
    for size in (3, 2):
        with pytest.raises(ValueError, match="must be smaller than height and width"):
            layer(np.zeros((1, size, 8, 1), "float32"))
    with pytest.raises(ValueError, match="must be smaller than height and width"):
        layer(keras.Input((8, 3, 1)))


@pytest.mark.parametrize("padding", [-1, ((0, 0), (-1, 0))])
def test_wrong_value(padding):
    with pytest.raises(ValueError, match="`padding` must be zero or a positive"):
        ReflectionPadding2D(padding)


@pytest.mark.parametrize("padding", [1.5, "same", (1, 2), ((1, 2), (1.0, 2)), None])
def test_wrong_kind(padding):
    with pytest.raises(TypeError, match="`padding` must be zero or a positive"):
        ReflectionPadding2D(padding)
