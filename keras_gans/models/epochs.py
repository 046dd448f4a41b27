"""Where epochs begin and end in numbered data, and the structure of their batches."""

import keras
import tensorflow as tf


class EpochCallbacks(keras.callbacks.CallbackList):
    """Callbacks of `fit` on data of `keras_gans.data`, whose batches have numbers.

    They tell the data where each epoch starts, and count in `model.trained_batches`
    what is trained. An epoch may go on in its middle: Keras would take it for a whole
    one, so that a progress bar ends early, and would warn that the data ran out.
    """

    def __init__(self, data, callbacks, verbose, steps, model, **kwargs):
        self._data = data
        self._steps = steps
        self._ends_here = False
        super().__init__(
            getattr(callbacks, "callbacks", callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            steps=steps,
            model=model,
            **kwargs,
        )

    def on_train_begin(self, logs=None):
        if self.model._initial_epoch is None:
            # Only a checkpoint goes on in the middle of an epoch.
            epochs = -(-self.model.trained_batches // self._data.steps_per_epoch)
            self.model.trained_batches = epochs * self._data.steps_per_epoch
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        first = self.model.trained_batches
        is_whole = self._steps == self._data.steps_per_epoch
        self.model.skipped_batches = first % self._steps if is_whole else 0
        self._start = first - self.model.skipped_batches
        self._set_target()
        # Whoever looks at the data sees the epoch from its start.
        self._data.position.assign(self._start)
        super().on_epoch_begin(epoch, logs)
        self._data.position.assign(first)

    def _set_target(self):
        """Tells the progress bar how many batches there will be."""
        ends = [getattr(callback, "last_batch", None) for callback in self.callbacks]
        ends = [end - self._start for end in ends if end is not None]
        for callback in self.callbacks:
            if isinstance(callback, keras.callbacks.ProgbarLogger):
                steps = min([self._steps, *ends])
                callback.set_params({**self.params, "steps": steps})

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self.model.skipped_batches + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        batch += self.model.skipped_batches
        # The last execution of an epoch may be shorter than `steps_per_execution`.
        self.model.trained_batches = self._start + min(batch + 1, self._steps)
        self._data.position.assign(self._start)
        super().on_train_batch_end(batch, logs)
        is_last = batch + 1 >= self._steps
        if self.model.skipped_batches and is_last and not self.model.stop_training:
            # The public way out of the loop over the batches; taken back at once.
            self._ends_here = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ends_here:
            self._ends_here = self.model.stop_training = False
        super().on_epoch_end(epoch, logs)


class NextEpochs(keras.callbacks.Callback):
    """Begins each epoch with the next one of the data that others were made of.

    What was made of data of `keras_gans.data` by `map` or `take` may end anywhere: a
    begun epoch counts as a whole one.
    """

    def __init__(self, sources):
        super().__init__()
        self._sources = sources

    def on_epoch_begin(self, epoch, logs=None):
        for source in self._sources:
            steps = source.steps_per_epoch
            trained = -(-self.model.trained_batches // steps)
            source.position.assign(trained * steps)

    def on_epoch_end(self, epoch, logs=None):
        steps = max(source.steps_per_epoch for source in self._sources)
        self.model.trained_batches += steps


def numbered_sources(data):
    """Returns the datasets of `keras_gans.data` that data are made of."""
    if hasattr(data, "position"):
        return [data]
    if not isinstance(data, tf.data.Dataset):
        return []
    # TensorFlow has no public name for the datasets that a dataset was made of.
    return [source for part in data._inputs() for source in numbered_sources(part)]


def element_spec(x, y):
    """Returns the structure of a batch, or None where only iterating would tell."""
    if isinstance(x, tf.data.Dataset):
        return x.element_spec
    arrays = [array for array in (x, y) if array is not None]
    if not arrays or not all(hasattr(array, "dtype") for array in arrays):
        return None
    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays]
    return specs[0] if len(specs) == 1 else tuple(specs)
