"""Random inversion, contrast and brightness."""

import keras
import numpy as np
import pytest

from keras_gans.layers import RandomColors


def two_tone(count=400):
    images = np.full((count, 4, 4, 3), -0.4, "float32")
    images[:, :, 2:] = 0.2
    return images


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_passes_unchanged_at_inference():
    images = two_tone(3)
    layer = RandomColors(seed=0)
    np.testing.assert_array_equal(to_numpy(layer(images)), images)
    np.testing.assert_array_equal(to_numpy(layer(images, training=False)), images)


def test_inverts_with_the_given_probability():
    images = two_tone()
    only_inversion = {"contrast": 0.0, "brightness": 0.0, "seed": 0}
    seen = to_numpy(RandomColors(0.25, **only_inversion)(images, training=True))
    inverted = np.isclose(seen, -images, atol=1e-6).all((1, 2, 3))
    unchanged = np.isclose(seen, images, atol=1e-6).all((1, 2, 3))
    assert (inverted ^ unchanged).all()
    assert 0.18 < inverted.mean() < 0.32


def test_contrast_keeps_the_mean_and_scales_the_difference():
    images = two_tone()
    seen = to_numpy(RandomColors(0.0, 0.5, 0.0, seed=0)(images, training=True))
    np.testing.assert_allclose(seen.mean((1, 2, 3)), -0.1, atol=1e-5)
    factors = (seen[:, 0, 3, 0] - seen[:, 0, 0, 0]) / 0.6
    assert factors.min() >= 0.5 - 1e-5 and factors.max() <= 1.5 + 1e-5
    assert factors.min() < 0.55 and factors.max() > 1.45


def test_brightness_shifts_each_image_as_a_whole():
    images = two_tone()
    seen = to_numpy(RandomColors(0.0, 0.0, 0.3, seed=0)(images, training=True))
    shifts = seen - images
    assert np.ptp(shifts, axis=(1, 2, 3)).max() < 1e-5
    assert -0.3 <= shifts.min() < -0.27 and 0.27 < shifts.max() <= 0.3 + 1e-6


def test_stays_in_range():
    seen = to_numpy(RandomColors(0.5, 1.0, 2.0, seed=0)(two_tone(), training=True))
    assert seen.min() == -1 and seen.max() == 1


def test_config_round_trip_and_seed():
    layer = RandomColors(0.1, 0.2, 0.3, seed=4, name="colors")
    copy = RandomColors.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    images = two_tone(5)
    np.testing.assert_array_equal(
        to_numpy(layer(images, training=True)), to_numpy(copy(images, training=True))
    )


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(dtype):
    layer = RandomColors(seed=0, dtype=dtype)
    seen = layer(two_tone(5), training=True)
    assert keras.backend.standardize_dtype(seen.dtype) == layer.compute_dtype
    assert np.isfinite(to_numpy(keras.ops.cast(seen, "float32"))).all()


@pytest.mark.parametrize(
    "arguments", [{"invert": 1.5}, {"contrast": -0.1}, {"brightness": -1}]
)
def test_refuses_wrong_values(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must"):
        RandomColors(**arguments)
