"""Instance normalization in a style."""

import contracts
import keras
import numpy as np
import pytest

from keras_gans.layers import AdaptiveInstanceNormalization
from keras_gans.layers.instance_normalization import FEW_SAMPLES


def inputs(samples=2):
    random = np.random.default_rng(0)
    features = random.normal(3, 2, (samples, 4, 5, 3)).astype("float32")
    return features, random.normal(size=(samples, 6)).astype("float32")


# One by one in a fused kernel, and all at once.
@pytest.mark.parametrize("samples", [1, 2, FEW_SAMPLES + 1])
def test_equals_the_formula(samples):
    features, styles = inputs(samples)
    layer = AdaptiveInstanceNormalization(epsilon=1e-3)
    received = layer([keras.ops.array(features), keras.ops.array(styles)])
    layer.affine.bias.assign(np.arange(6))
    received = layer([keras.ops.array(features), keras.ops.array(styles)])
    mean = features.mean((1, 2), keepdims=True)
    normalized = (features - mean) / np.sqrt(features.var((1, 2), keepdims=True) + 1e-3)
    affine = styles @ layer.affine.kernel.numpy() + np.arange(6)
    factor, offset = affine[:, None, None, :3], affine[:, None, None, 3:]
    np.testing.assert_allclose(received, normalized * (1 + factor) + offset, atol=1e-5)


def test_is_saved_and_computes_in_sixteen_bits(tmp_path):
    features, styles = inputs()
    x, s = keras.Input((4, 5, 3)), keras.Input((6,))
    layer = AdaptiveInstanceNormalization(epsilon=1e-4, name="adain")
    model = keras.Model([x, s], layer([x, s]))
    config = layer.get_config()
    assert contracts.round_trip(layer).get_config() == config
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    expected = model([features, styles])
    np.testing.assert_array_equal(loaded([features, styles]), expected)
    half = AdaptiveInstanceNormalization(dtype="mixed_bfloat16")
    tensors = keras.ops.array(features), keras.ops.array(styles)
    half(list(tensors))
    half.affine.set_weights(layer.affine.get_weights())
    received = half(list(tensors))
    assert received.dtype == "bfloat16" and half.affine.kernel.dtype == "float32"
    np.testing.assert_allclose(np.array(received, "float32"), expected, atol=0.1)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match="`epsilon` must be positive"):
        AdaptiveInstanceNormalization(epsilon=0)
    with pytest.raises(ValueError, match="styles of shape"):
        AdaptiveInstanceNormalization()([keras.ops.ones((2, 4, 4, 3))] * 2)
