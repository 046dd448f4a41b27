"""Hints at a lower resolution."""

import keras
import numpy as np
import pytest

import contracts
from keras_gans.layers import HintPooling


def hints(height=8, width=12, count=3):
    """Colours and mask of dabs of single pixels."""
    random = np.random.default_rng(0)
    mask = random.uniform(size=(count, height, width, 1)) < 0.1
    colors = mask * random.uniform(-1, 1, (count, height, width, 3))
    return np.concatenate([colors, mask], axis=-1).astype("float32")


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_cells_have_the_mean_of_their_hints(factor):
    full = hints()
    pooled = np.asarray(HintPooling(factor)(full))
    assert pooled.shape == (3, 8 // factor, 12 // factor, 4)
    for (image, row, column), hinted in np.ndenumerate(pooled[..., 3]):
        cell = full[image, row * factor :, column * factor :][:factor, :factor]
        inside = cell[cell[..., 3] > 0]
        assert hinted == bool(len(inside))
        expected = inside[:, :3].mean(0) if len(inside) else np.zeros(3)
        np.testing.assert_allclose(
            pooled[image, row, column, :3], expected, rtol=1e-5, atol=1e-6
        )


def test_a_single_pixel_does_not_fade():
    full = np.zeros((1, 256, 256, 4), "float32")
    full[0, 77, 200] = [0.5, -1.0, 0.25, 1.0]
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        pooled = HintPooling(256, dtype=policy)(full)
        assert pooled.dtype == keras.dtype_policies.get(policy).compute_dtype
        found = np.asarray(keras.ops.cast(pooled, "float32"))[0, 0, 0]
        np.testing.assert_allclose(found, full[0, 77, 200], rtol=1e-6)


def test_sizes_may_be_unknown():
    inputs = keras.Input((None, None, 4))
    outputs = HintPooling(2)(inputs)
    assert outputs.shape == (None, None, None, 4)
    full = hints()
    network = keras.Model(inputs, outputs)
    np.testing.assert_array_equal(network(full), HintPooling(2)(full))
    assert HintPooling(2)(keras.Input((8, 12, 4))).shape == (None, 4, 6, 4)


def test_contract(tmp_path):
    contracts.check_layer(HintPooling(2), hints(), tmp_path)


@pytest.mark.parametrize("factor", [0, 1.5, True, None])
def test_wrong_factor(factor):
    with pytest.raises(ValueError, match=f"positive integer.*factor={factor}"):
        HintPooling(factor)
