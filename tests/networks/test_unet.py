"""The U-Net generator."""

import keras
import numpy as np
import pytest

from keras_gans.layers import HintPooling
from keras_gans.networks import size_multiple, unet_generator


def noise(size, batch=2):
    x = np.random.default_rng(0).uniform(-1, 1, (batch, size, size, 3))
    return x.astype("float32")


def tutorial_parameters():
    """Trained parameters of the generator in the TensorFlow tutorial."""
    down = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    kernels = sum(16 * i * o for i, o in zip(down[:-1], down[1:]))
    normalized = sum(down[2:])
    # Each up but the first reads the one before and a skip of the same width.
    up_inputs = [512, 1024, 1024, 1024, 1024, 512, 256]
    up_outputs = [512, 512, 512, 512, 256, 128, 64]
    kernels += sum(16 * i * o for i, o in zip(up_inputs, up_outputs))
    normalized += sum(up_outputs)
    last = 16 * 128 * 3 + 3
    return kernels + 2 * normalized + last


@pytest.mark.slow
def test_parameters_of_the_tutorial():
    assert tutorial_parameters() == 54414979
    # The tutorial's first convolution has neither a normalization nor a bias.
    first_bias = 64
    network = unet_generator()
    assert network.count_params() == tutorial_parameters() + first_bias
    assert size_multiple(network) == 256


@pytest.mark.parametrize("depth", [1, 2, 4, 5])
def test_sizes(depth):
    network = unet_generator(width=2, depth=depth, max_width=4)
    multiple = 2**depth
    assert size_multiple(network) == multiple
    for height, width in ((multiple, multiple), (2 * multiple, 3 * multiple)):
        shape = (1, height, width, 3)
        assert network(np.zeros(shape)).shape == shape


def test_widths():
    network = unet_generator(width=2, depth=4, max_width=8)
    filters = [network.get_layer(f"down_{level}").filters for level in (1, 2, 3, 4)]
    assert filters == [2, 4, 8, 8]
    filters = [network.get_layer(f"up_{level}").filters for level in (3, 2, 1)]
    assert filters == [8, 4, 2]


@pytest.mark.parametrize("normalize_bottleneck", [True, False])
def test_bottleneck_of_one_pixel(normalize_bottleneck):
    network = unet_generator(
        width=2, depth=3, normalize_bottleneck=normalize_bottleneck
    )
    bottleneck = network.get_layer("down_3_activation").output
    first, second = keras.Model(network.input, bottleneck)(noise(8))
    assert first.shape == (1, 1, 8)
    # The docstring's warning: normalized, the innermost pixel forgets the image.
    assert np.array_equal(first, second) == normalize_bottleneck


def test_every_level_reaches_the_output():
    network = unet_generator(width=4, depth=3, normalization=None, dropout=0.0)
    x = noise(8)
    outputs = network(x)
    for level in (1, 2, 3):
        layer = network.get_layer(f"down_{level}")
        weights = layer.get_weights()
        # A larger bias only: the levels below and the skip see it.
        layer.set_weights([weights[0], weights[1] + 1.0])
        assert np.abs(network(x) - outputs).max() > 0
        layer.set_weights(weights)
    skip = network.get_layer("up_1_skip").output
    inside = keras.Model(
        network.input, [skip, network.get_layer("down_1_activation").output]
    )
    concatenated, encoded = inside(x)
    np.testing.assert_array_equal(concatenated[..., 4:], encoded)


def test_dropout_is_noise_in_training_only():
    x = noise(8)
    network = unet_generator(width=4, depth=3)
    assert np.abs(network(x, training=True) - network(x, training=True)).max() > 0
    np.testing.assert_array_equal(network(x), network(x))


@pytest.mark.parametrize("arguments, levels", [
    ({}, [4, 3, 2]),
    ({"dropout_blocks": 1}, [4]),
    ({"dropout_blocks": 0}, []),
    ({"dropout": 0.0}, []),
    ({"dropout_blocks": 9}, [4, 3, 2, 1]),
])  # fmt: skip
def test_dropout_blocks(arguments, levels):
    network = unet_generator(width=2, depth=5, **arguments)
    names = [layer.name for layer in network.layers if "dropout" in layer.name]
    assert names == [f"up_{level}_dropout" for level in levels]


def test_slope_and_start():
    network = unet_generator(depth=3, negative_slope=0.3)
    for level in (1, 2, 3):
        assert network.get_layer(f"down_{level}_activation").negative_slope == 0.3
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            assert np.std(layer.kernel) == pytest.approx(0.02, rel=0.05)
    gamma = network.get_layer("down_3_normalization").gamma
    assert np.mean(gamma) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("arguments, message", [
    ({"depth": 0}, "`depth` must be a positive integer. Received: depth=0"),
    ({"dropout": 1.0}, "`dropout` must lie in"),
    ({"dropout": -0.1}, "`dropout` must lie in"),
])  # fmt: skip
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        unet_generator(width=2, **arguments)


def test_the_way_up_sees_hints_at_every_resolution():
    arguments = {"input_channels": 5, "width": 2, "depth": 3, "dropout": 0.0}
    network = unet_generator(hint_channels=4, **arguments)
    plain = unet_generator(**arguments)
    filters = {
        name: [net.get_layer(name).input.shape[-1] for net in (network, plain)]
        for name in ("up_2", "up_1", "last", "down_1", "down_3")
    }
    # Four more channels in every level of the way up, none on the way down.
    assert filters == {
        "up_2": [8 + 4, 8],
        "up_1": [8 + 4, 8],
        "last": [4 + 4, 4],
        "down_1": [5, 5],
        "down_3": [4, 4],
    }
    images = np.random.default_rng(0).uniform(-1, 1, (1, 16, 24, 5)).astype("float32")
    images[..., 4] = images[..., 4] > 0.8
    images[..., 1:4] *= images[..., 4:]
    for level in (1, 2, 3):
        layer = network.get_layer(f"hints_{level}")
        pooled = keras.Model(network.input, layer.output)(images)
        np.testing.assert_array_equal(pooled, HintPooling(2**level)(images[..., 1:]))
    assert network(images).shape == (1, 16, 24, 3)


@pytest.mark.parametrize("hint_channels", [-1, 1, 6])
def test_wrong_hint_channels(hint_channels):
    with pytest.raises(ValueError, match=f"and .*hint_channels={hint_channels}"):
        unet_generator(input_channels=5, hint_channels=hint_channels)
