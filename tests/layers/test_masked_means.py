"""Means over content and ground."""

import contracts
import keras
import numpy as np

from keras_gans.layers import MaskedMeans


def test_a_white_square_has_its_own_mean():
    colors = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    content = np.full((2, 6, 6, 1), -1, "float32")
    content[:, 1:3, 2:5] = 1
    means = np.array(MaskedMeans()([keras.ops.array(a) for a in (colors, content)]))
    inside = content[..., 0] == 1
    for image, mask, received in zip(colors, inside, means):
        expected = [*image[mask].mean(0), *image[~mask].mean(0)]
        np.testing.assert_allclose(received, expected, atol=0.02)


def test_without_content_it_is_the_mean_of_all_places():
    colors = np.random.default_rng(0).normal(size=(1, 6, 6, 3)).astype("float32")
    for content in (np.full((1, 6, 6, 3), value, "float32") for value in (-1, 1)):
        means = MaskedMeans()([keras.ops.array(a) for a in (colors, content)])
        expected = np.tile(colors.mean((1, 2)), 2)
        np.testing.assert_allclose(means, expected, atol=1e-5)


def test_configuration_and_sixteen_bits():
    layer = MaskedMeans(name="means", dtype="mixed_bfloat16")
    assert contracts.round_trip(layer).name == "means"
    x, content = keras.Input((4, 4, 2)), keras.Input((4, 4, 1))
    outputs = layer([x, content])
    assert outputs.shape == (None, 4) and outputs.dtype == "bfloat16"
