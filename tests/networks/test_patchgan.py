"""The patch discriminator."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import patch_discriminator, size_multiple


def test_parameters_of_the_original():
    # Kernels of 16 pixels and a bias each, as in the authors' code...
    widths = [3, 64, 128, 256, 512, 1]
    original = sum(16 * i * o + o for i, o in zip(widths[:-1], widths[1:]))
    assert original == 2764737
    # ...less the biases that the three normalizations take off again.
    network = patch_discriminator()
    assert network.count_params() == original - (128 + 256 + 512) == 2763841
    affine = patch_discriminator(affine=True)
    assert affine.count_params() == network.count_params() + 2 * (128 + 256 + 512)


@pytest.mark.parametrize(
    "height, width, patches",
    [(256, 256, (30, 30)), (128, 64, (14, 6)), (17, 24, (1, 1)), (70, 33, (7, 3))],
)
def test_sizes(height, width, patches):
    network = patch_discriminator(width=2)
    assert size_multiple(network) == 1
    assert network(np.zeros((1, height, width, 3))).shape == (1, *patches, 1)


@pytest.mark.parametrize("layers, minimum", [(1, 5), (2, 9), (3, 17)])
def test_smallest_size(layers, minimum):
    network = patch_discriminator(1, width=2, layers=layers)
    assert network(np.zeros((1, minimum, minimum, 1))).shape == (1, 1, 1, 1)
    smaller = minimum - 1
    with pytest.raises(ValueError, match=f"must be at least {minimum} pixels"):
        network(np.zeros((1, smaller, smaller, 1)))


@pytest.mark.parametrize("layers, patch", [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_receptive_field(layers, patch):
    network = patch_discriminator(1, width=2, layers=layers, normalization=None)
    size = 2 * patch - patch % 2**layers
    x = np.random.default_rng(0).normal(size=(1, size, size, 1)).astype("float32")
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x)
        centre = logits.shape[1] // 2
        logit = logits[0, centre, centre, 0]
    seen = np.array(tape.gradient(logit, x))[0, :, :, 0] != 0
    for axis in (0, 1):
        (positions,) = np.nonzero(seen.any(axis))
        assert positions[-1] - positions[0] + 1 == patch
        assert 0 < positions[0] and positions[-1] < size - 1


def test_widths_slope_and_no_sigmoid():
    network = patch_discriminator(width=2, layers=5, negative_slope=0.1)
    filters = [
        layer.filters
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert filters == [2, 4, 8, 16, 16, 16, 1]
    assert network.get_layer("activation_1").negative_slope == 0.1
    kernel, bias = network.layers[-2].get_weights()
    network.layers[-2].set_weights([kernel, bias - 3.0])
    x = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype("float32")
    assert np.min(network(x)) < -2.0


def test_start():
    network = patch_discriminator()
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert np.std(layer.kernel) == pytest.approx(0.02, rel=0.05)


def test_wrong_layers():
    with pytest.raises(ValueError, match="`layers` must be a positive integer"):
        patch_discriminator(layers=0)
