"""The guard that ends training at the first value that is not finite."""

import keras
import numpy as np
import pytest

import tiny_run
from keras_gans.callbacks import Checkpoint, FiniteGuard


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["generator_loss", "discriminator_loss", "anything"])
def test_every_logged_value_is_watched(name, value):
    guard = FiniteGuard()
    logs = {"generator_loss": 1.0, "discriminator_loss": 2.0, "anything": -3.0}
    guard.on_epoch_begin(1)
    guard.on_train_batch_end(4, logs)
    guard.on_epoch_end(1, logs)
    message = f"`{name}` became .* step 5 of epoch 2"
    with pytest.raises(FloatingPointError, match=message):
        guard.on_train_batch_end(4, {**logs, name: np.float32(value)})
    # Those of validation come at the end of an epoch only.
    with pytest.raises(FloatingPointError, match=f"`val_{name}` .* the end of epoch 2"):
        guard.on_epoch_end(1, {**logs, f"val_{name}": value})


def test_no_logs_are_no_error():
    guard = FiniteGuard()
    guard.on_epoch_begin(0)
    guard.on_train_batch_end(0)
    guard.on_epoch_end(0)


class Spoil(keras.callbacks.Callback):
    """Makes one weight infinite before the eighth iteration."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.iterations == 7:
            bias = self.model.discriminator_y.trainable_variables[-1]
            bias.assign([np.inf])


def test_training_stops_at_once_and_keeps_the_checkpoint_before(tmp_path):
    steps = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: steps.append(batch)
    )
    message = "`[a-z]+_loss` became .* at step 3 of epoch 2. Lower the"
    with pytest.raises(FloatingPointError, match=message):
        tiny_run.train(tmp_path, callbacks=[Spoil(), count])
    assert len(steps) == 8
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 6
