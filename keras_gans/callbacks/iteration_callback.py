"""What callbacks that act at certain iterations have in common."""

import keras


class IterationCallback(keras.callbacks.Callback):
    """Calls `at_iteration` at certain iterations of the whole training.

    An iteration is one update of the generators. The count goes on over epochs, over
    calls of `fit` and over a resume, as `AdversarialModel.iterations` does.

    A subclass implements `is_due(iteration)` and `at_iteration(iteration, logs)`.
    """

    def on_train_begin(self, logs=None):
        self._seen = self.model.iterations

    def on_train_batch_end(self, batch, logs=None):
        # Several iterations may lie between two calls (`steps_per_execution`).
        iteration = self.model.iterations
        due = any(map(self.is_due, range(self._seen + 1, iteration + 1)))
        self._seen = iteration
        if due:
            self.at_iteration(iteration, logs or {})
