"""Weight constraints."""

import contracts
import keras
import numpy as np
import pytest

from keras_gans.constraints import WeightClipping


def test_clips_to_the_limit():
    clipping = WeightClipping(0.5)
    np.testing.assert_array_equal(
        clipping(np.array([-3.0, -0.5, -0.2, 0.0, 0.3, 0.5, 9.0], "float32")),
        np.array([-0.5, -0.5, -0.2, 0.0, 0.3, 0.5, 0.5], "float32"),
    )
    assert WeightClipping().limit == 0.01
    assert contracts.round_trip(WeightClipping(0.25)).limit == 0.25


def test_optimizer_applies_it_and_a_file_keeps_it(tmp_path):
    dense = keras.layers.Dense(2, kernel_constraint=WeightClipping(0.1))
    model = keras.Sequential([keras.Input((3,)), dense])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    path = tmp_path / "model.keras"
    model.save(path)
    for trained in (model, keras.saving.load_model(path)):
        trained.fit(np.ones((4, 3)), np.full((4, 2), 5.0), verbose=0)
        layer = trained.layers[0]
        np.testing.assert_array_equal(layer.kernel, np.full((3, 2), np.float32(0.1)))
        assert np.abs(layer.bias).min() > 0.1


def test_wrong_limits():
    for wrong in (0, 0.0, -0.01, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="`limit` must be"):
            WeightClipping(wrong)
    for wrong in ("0.01", None, True):
        with pytest.raises(TypeError, match="`limit` must be a number"):
            WeightClipping(wrong)
