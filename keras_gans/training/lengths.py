"""How long a training is, in batches and in iterations, and where it stops."""

import bisect


def iterations_of(model, batches):
    """Returns the most iterations that so many batches are enough for."""
    return bisect.bisect(range(batches + 1), batches, key=model.batches) - 1


def length(model, batches):
    """Says how many iterations, and batches if they are more, a training has."""
    iterations = iterations_of(model, batches)
    text = f"{iterations} iteration{'' if iterations == 1 else 's'}"
    return text if iterations == batches else f"{text} ({batches} batches)"


def stop_at(total, steps_per_epoch):
    """Returns a callback that ends `fit` at a batch that need not end an epoch."""
    import keras

    class StopAt(keras.callbacks.Callback):
        """It counts batches, as the checkpoint does: in float16 a step may be left
        out, and the optimizer's iterations would stay behind."""

        # The progress bar of `fit` reads it.
        last_batch = total

        def on_epoch_begin(self, epoch, logs=None):
            self._left = total - epoch * steps_per_epoch

        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 >= self._left:
                self.model.stop_training = True

    return StopAt()
