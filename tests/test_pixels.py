import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import pixels

LEVELS = np.arange(256, dtype="uint8")


@pytest.mark.parametrize("kind", [np.array, tf.constant])
def test_every_level_comes_back(kind):
    floats = pixels.to_floats(kind(LEVELS))
    expected = LEVELS.astype("float32") / np.float32(127.5) - np.float32(1.0)
    np.testing.assert_array_equal(floats, expected)
    assert isinstance(floats, np.ndarray) == (kind is np.array)
    assert floats.dtype == "float32"
    np.testing.assert_array_equal(pixels.to_levels(floats), LEVELS)
    back = pixels.to_uint8(floats)
    assert isinstance(back, np.ndarray) and back.dtype == np.uint8
    np.testing.assert_array_equal(back, LEVELS)


@pytest.mark.parametrize("kind", [np.array, tf.constant])
def test_levels_are_rounded_and_clipped(kind):
    images = kind(np.array([-1.2, -0.9999, 0.0, 0.001, 1.5], "float32"))
    np.testing.assert_array_equal(pixels.to_levels(images), [0, 0, 128, 128, 255])


def test_grey_of_arrays_and_of_pillow_is_a_level_apart_at_most():
    # They round in their own ways, which is why neither stands for the other.
    colors = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype="uint8")
    grey = pixels.convert_channels(colors, 1)[..., 0].astype(int)
    by_pillow = np.asarray(Image.fromarray(colors).convert("L"))
    assert np.abs(grey - by_pillow).max() == 1
    weighted = colors.astype(int) @ (19595, 38470, 7471)
    np.testing.assert_array_equal((weighted + 32768) >> 16, by_pillow)
