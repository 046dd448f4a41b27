"""Epochs that may go on in their middle, and the structure of their batches."""

import keras
import tensorflow as tf


class EpochCallbacks(keras.callbacks.CallbackList):
    """Callbacks of an epoch that may go on in its middle.

    Keras takes such an epoch for a whole one: it would count its batches from zero, so
    that a progress bar ends early, and would warn at its end that the data ran out.
    """

    def __init__(self, data, callbacks, verbose, **kwargs):
        super().__init__(
            getattr(callbacks, "callbacks", callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            **kwargs,
        )
        self._data = data
        self._ends_here = False

    def on_epoch_begin(self, epoch, logs=None):
        self._skipped = int(self._data.position.numpy()) % self._data.steps_per_epoch
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self._skipped + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        batch += self._skipped
        super().on_train_batch_end(batch, logs)
        is_last = batch + 1 >= self._data.steps_per_epoch
        if self._skipped and is_last and not self.model.stop_training:
            # The public way out of the loop over the batches; taken back at once.
            self._ends_here = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ends_here:
            self._ends_here = self.model.stop_training = False
        super().on_epoch_end(epoch, logs)


def element_spec(x, y):
    """Returns the structure of a batch, or None where only iterating would tell."""
    if isinstance(x, tf.data.Dataset):
        return x.element_spec
    arrays = [array for array in (x, y) if array is not None]
    if not arrays or not all(hasattr(array, "dtype") for array in arrays):
        return None
    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays]
    return specs[0] if len(specs) == 1 else tuple(specs)
