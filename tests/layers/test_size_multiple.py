"""The check of height and width, and reading the multiple back."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import SizeMultiple, size_multiple


def test_passes_the_input_on():
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")
    np.testing.assert_array_equal(SizeMultiple(4)(x), x)


@pytest.mark.parametrize("height, width", [(30, 32), (32, 30), (30, 30)])
def test_names_the_multiple(height, width):
    message = (
        "This network halves its input 2 times, so height and width must be multiples "
        f"of 4. Received: height={height}, width={width}"
    )
    with pytest.raises(ValueError, match=message):
        SizeMultiple(4)(np.zeros((1, height, width, 1), "float32"))
    with pytest.raises(ValueError, match=message):
        SizeMultiple(4)(keras.Input((height, width, 1)))


def test_wording_of_other_multiples():
    x = np.zeros((1, 7, 7, 1), "float32")
    with pytest.raises(ValueError, match="halves its input once, .* multiples of 2"):
        SizeMultiple(2)(x)
    with pytest.raises(
        ValueError, match="input of this network must be multiples of 6"
    ):
        SizeMultiple(6)(x)


def test_minimum():
    layer = SizeMultiple(4, minimum=8)
    assert layer(np.zeros((1, 8, 8, 1), "float32")).shape == (1, 8, 8, 1)
    with pytest.raises(ValueError, match="at least 8 pixels. Received: height=8, wid"):
        layer(np.zeros((1, 8, 4, 1), "float32"))


def test_unknown_sizes_pass():
    layer = SizeMultiple(4, minimum=8)
    assert layer(keras.Input((None, 8, 3))).shape == (None, None, 8, 3)
    with pytest.raises(ValueError, match="multiples of 4"):
        layer(keras.Input((None, 7, 3)))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])
    def call(x):
        return layer(x)

    assert call(tf.zeros((1, 6, 6, 3))).shape == (1, 6, 6, 3)


def test_contract(tmp_path):
    contracts.check_layer(
        SizeMultiple(4, 8), np.ones((1, 8, 12, 1), "float32"), tmp_path
    )


def test_size_multiple_of_networks():
    inner = keras.Sequential([keras.Input((None, None, 1)), SizeMultiple(4)])
    inputs = keras.Input((None, None, 1))
    assert size_multiple(keras.Model(inputs, inputs + 1)) == 1
    assert size_multiple(inner) == 4
    assert size_multiple(keras.Model(inputs, inner(inputs))) == 4
    assert size_multiple(keras.Model(inputs, inner(SizeMultiple(6)(inputs)))) == 12


@pytest.mark.parametrize("name", ["multiple", "minimum"])
def test_wrong_arguments(name):
    message = f"`{name}` must be a positive integer. Received: {name}="
    with pytest.raises(ValueError, match=message):
        SizeMultiple(**{"multiple": 4, name: 0})
    for value in (4.0, "4", True, None):
        with pytest.raises(TypeError, match=message):
            SizeMultiple(**{"multiple": 4, name: value})
