"""Stops training as soon as any logged value is not finite."""

import math

import keras


class FiniteGuard(keras.callbacks.Callback):
    """Ends `fit` by a `FloatingPointError` that names the first value not finite.

    `keras.callbacks.TerminateOnNaN` looks at `loss` alone, which adversarial models do
    not log; this callback looks at every logged value, after every batch and, for those
    of validation, after every epoch. The weights are then no longer of use.
    `keras_gans.callbacks.Checkpoint` does not save them, so training goes on from its
    last good checkpoint, for example with a lower learning rate.
    """

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs, f"step {batch + 1} of epoch {self._epoch + 1}")

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs, f"the end of epoch {epoch + 1}")

    def _check(self, logs, place):
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"`{name}` became {float(value)} at {place}. Lower the learning "
                    "rate or the weight of that loss, and go on from the last "
                    "checkpoint."
                )
