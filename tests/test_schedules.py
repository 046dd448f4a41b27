"""The constant-then-linear learning rate: values, configuration, inside Adam."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.schedules import ConstantThenLinear


@pytest.mark.parametrize(
    "step, expected",
    [
        (0, 2e-4),
        (99, 2e-4),
        (100, 2e-4),
        (101, 2e-4 * 0.995),
        (200, 1e-4),
        (299, 1e-6),
        (300, 0.0),
        (10_000, 0.0),
    ],
)
def test_values(step, expected):
    schedule = ConstantThenLinear(2e-4, constant_steps=100, decay_steps=200)
    np.testing.assert_allclose(schedule(step), expected, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(
        tf.function(schedule)(tf.constant(step)), expected, rtol=1e-4, atol=1e-12
    )


def test_it_may_fall_from_the_start():
    schedule = ConstantThenLinear(1.0, constant_steps=0, decay_steps=4)
    rates = [float(schedule(step)) for step in range(6)]
    assert rates == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_round_trip():
    schedule = ConstantThenLinear(2e-4, 100, 200, name="paper")
    again = contracts.round_trip(schedule)
    assert again.name == "paper"
    assert float(again(200)) == float(schedule(200)) > 0


def test_it_moves_the_optimizer():
    # Plain gradient descent on a gradient of 1 adds up the learning rates.
    variable = keras.Variable(0.0)
    optimizer = keras.optimizers.SGD(ConstantThenLinear(1.0, 2, 4))
    positions = []
    for _ in range(8):
        optimizer.apply([tf.constant(1.0)], [variable])
        positions.append(float(variable))
    assert positions == [-1, -2, -3, -3.75, -4.25, -4.5, -4.5, -4.5]


def test_in_adam_of_a_saved_model(tmp_path):
    x = np.ones((12, 2), "float32")

    def fit(model):
        model.fit(x, x[:, :1], batch_size=4, verbose=0)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(ConstantThenLinear(0.1, 2, 4)), "mse")
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 3
    np.testing.assert_allclose(loaded.optimizer.learning_rate, 0.075)
    fit(model)
    fit(loaded)
    np.testing.assert_array_equal(model.get_weights()[0], loaded.get_weights()[0])
    # Six steps are over: the rate is zero and nothing moves any more.
    before = model.get_weights()[0]
    fit(model)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_wrong_arguments():
    for rate in (0.0, -1e-4, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`initial_learning_rate` must be"):
            ConstantThenLinear(rate, 1, 1)
    for steps in (-1, 1.5):
        with pytest.raises(ValueError, match="`constant_steps` must be zero or a pos"):
            ConstantThenLinear(1e-4, steps, 1)
    for steps in (0, -1, 1.5):
        with pytest.raises(ValueError, match="`decay_steps` must be a positive integ"):
            ConstantThenLinear(1e-4, 1, steps)
