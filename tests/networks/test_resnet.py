"""The residual generator."""

import keras
import numpy as np
import pytest

from keras_gans.networks import resnet_generator, size_multiple


def small(**arguments):
    return resnet_generator(**{"width": 2, "residual_blocks": 1, **arguments})


def idle_biases(width, residual_blocks):
    """Biases of the original before a normalization that takes them off again."""
    encoder_and_decoder = width + 2 * width + 4 * width + 2 * width + width
    return encoder_and_decoder + residual_blocks * 2 * 4 * width


@pytest.mark.parametrize("residual_blocks, original", [(9, 11378179), (6, 7837699)])
def test_parameters_of_the_original(residual_blocks, original):
    network = resnet_generator(residual_blocks=residual_blocks)
    expected = original - idle_biases(64, residual_blocks)
    assert network.count_params() == expected
    if residual_blocks == 9:
        assert expected == 11372931  # the number of the docstring
    assert len(network.weights) == len(network.trainable_variables)


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("height, width", [(8, 8), (12, 20), (32, 8)])
def test_sizes(upsampling, height, width):
    network = small(upsampling=upsampling, input_channels=1, output_channels=2)
    outputs = network(np.zeros((1, height, width, 1)))
    assert outputs.shape == (1, height, width, 2)


@pytest.mark.parametrize(
    "downsamplings, multiple, minimum", [(0, 1, 4), (1, 2, 4), (2, 4, 8), (3, 8, 16)]
)
def test_smallest_size(downsamplings, multiple, minimum):
    network = small(downsamplings=downsamplings)
    assert size_multiple(network) == multiple
    shape = (1, minimum, minimum, 3)
    assert network(np.zeros(shape)).shape == shape
    smaller = minimum - multiple
    with pytest.raises(ValueError, match=f"must be at least {minimum} pixels"):
        network(np.zeros((1, smaller, smaller, 3)))


def test_names_the_multiple():
    message = "halves its input 2 times, so height and width must be multiples of 4"
    with pytest.raises(ValueError, match=message):
        small()(np.zeros((1, 30, 30, 3)))


def test_activations():
    def kinds(activation):
        layers = small(activation=activation).layers
        return [layer for layer in layers if layer.name.endswith("_activation")]

    assert len(kinds("relu")) == 6
    assert all(layer.activation is keras.activations.relu for layer in kinds("relu"))
    assert {layer.negative_slope for layer in kinds("leaky_relu")} == {0.01}
    silu = keras.activations.silu
    assert all(layer.activation is silu for layer in kinds("silu"))
    assert all(layer.activation is silu for layer in kinds(silu))


def test_residual_blocks_are_residual():
    network = small(residual_blocks=2)
    names = ("downsampling_2_activation", "residual_1_add", "residual_2_add")
    for index in (1, 2):
        layer = network.get_layer(f"residual_{index}_2")
        layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    inside = keras.Model(
        network.input, [network.get_layer(name).output for name in names]
    )
    x = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype("float32")
    encoded, first, second = inside(x)
    assert np.abs(encoded).max() > 0
    np.testing.assert_array_equal(first, encoded)
    np.testing.assert_array_equal(second, encoded)


def test_start():
    network = resnet_generator(residual_blocks=1, affine=True)
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            assert np.std(layer.kernel) == pytest.approx(0.02, rel=0.05)
            assert np.mean(layer.kernel) == pytest.approx(0.0, abs=1e-3)
    gamma = network.get_layer("residual_1_1_normalization").gamma
    assert np.mean(gamma) == pytest.approx(1.0, abs=0.01)
    assert np.std(gamma) == pytest.approx(0.02, rel=0.3)


def test_affine():
    assert len(small().weights) + 2 * 7 == len(small(affine=True).weights)


@pytest.mark.parametrize("arguments, message", [
    ({"residual_blocks": -1}, "`residual_blocks` must be zero or a positive"),
    ({"downsamplings": -1}, "`downsamplings` must be zero or a positive integer"),
    ({"upsampling": "nearest"}, "`upsampling` must be 'transposed' or 'resize'"),
])  # fmt: skip
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)
