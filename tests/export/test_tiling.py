"""Pictures in tiles against the whole."""

import keras
import numpy as np
import pytest

from keras_gans.export import tiling
from keras_gans.export.tiling import SharedMoments, Tiles
from keras_gans.layers import InstanceNormalization


def picture(height=70, width=94):
    """A picture that is dark on the left and light on the right, with fine noise."""
    random = np.random.default_rng(0)
    noise = random.uniform(-0.3, 0.3, (height, width, 3))
    return (np.linspace(-0.7, 0.7, width)[:, None] + noise).astype("float32")


def make_network(normalized):
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((None, None, 3))
    for strides in (1, 2):
        x = keras.layers.Conv2D(6, 3, strides, "same", activation="relu")(x)
        x = InstanceNormalization()(x) if normalized else x
    x = keras.layers.Conv2DTranspose(2, 4, 2, "same", activation="tanh")(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("size", [(150, 194), (80, 81), (20, 20), (80, 400)])
def test_tiles_of_convolutions_are_the_whole(size):
    network, image = make_network(normalized=False), picture(*size)
    # A quarter of the overlap of 20 pixels is what this network sees beyond a pixel.
    tiles = Tiles(image, (80, 80), 2)
    # Whatever is mirrored there.
    even = np.pad(image, [(0, length % 2) for length in size] + [(0, 0)], "symmetric")
    whole = network(even[None]).numpy()[0][: size[0], : size[1]]
    result = tiles.map(lambda batch: network(batch).numpy())
    assert result.shape == whole.shape and result.dtype == "float32"
    # A picture that is smaller than a tile is mirrored to one, not padded with zeros.
    inside = slice(0, -6) if min(size) < 80 else slice(None)
    difference = np.abs(result - whole)[inside, inside]
    assert difference.max() < 1e-5


def test_weights_add_up_to_one_and_tiles_start_at_multiples(monkeypatch):
    for length in (32, 36, 40, 64, 100, 148):
        starts = tiling._starts(length, 32, 8, 4)
        assert starts[0] == 0 and starts[-1] == length - 32
        assert all(start % 4 == 0 for start in starts)
        assert all(b - a <= 24 for a, b in zip(starts, starts[1:]))
        total = np.zeros(length)
        for start, weight in zip(starts, tiling._weights(length, 32, starts)):
            total[start : start + 32] += weight
        np.testing.assert_allclose(total, 1, rtol=1e-6)
    calls = []
    monkeypatch.setattr(tiling, "PIXELS", 32 * 32 * 3)
    ones = Tiles(np.ones((100, 50, 1)), (32, 32), 4)
    result = ones.map(lambda batch: calls.append(len(batch)) or batch)
    np.testing.assert_allclose(result, 1, rtol=1e-6)
    assert max(calls) == 3 and sum(calls) == ones.count
    with pytest.raises(ValueError, match="multiples of 4"):
        Tiles(np.ones((100, 50, 1)), (30, 32), 4)


def test_shared_moments_are_nearer_to_the_whole():
    network, image = make_network(normalized=True), picture()
    whole = network(image[None]).numpy()[0]
    tiles = Tiles(image, (32, 32), 2)
    own = tiles.map(lambda batch: network(batch).numpy())
    with SharedMoments(network):
        network(tiles.sample())
        shared = tiles.map(lambda batch: network(batch).numpy())
    errors = [np.abs(result - whole).mean() for result in (own, shared)]
    assert errors[1] < errors[0] / 4
    # All as it was.
    np.testing.assert_array_equal(network(image[None]).numpy()[0], whole)
