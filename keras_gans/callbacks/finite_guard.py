"""Stops training as soon as any logged value is not finite."""

import math

import keras


class FiniteGuard(keras.callbacks.Callback):
    """Ends `fit` with an error that names the value at the first NaN or infinity.

    `keras.callbacks.TerminateOnNaN` looks at `loss` alone, which adversarial models do
    not log; this callback looks at every logged value after every batch. The weights
    are then no longer of use. `keras_gans.callbacks.Checkpoint` does not save them, so
    training goes on from its last good checkpoint, for example with a lower learning
    rate.

    Raises:
        FloatingPointError: From `fit`, at the first value that is not finite.
    """

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"`{name}` became {float(value)} at batch {batch} of epoch "
                    f"{self._epoch}. Lower the learning rate or the weight of that "
                    "loss, and go on from the last checkpoint."
                )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
