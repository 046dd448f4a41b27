"""What callbacks that act at certain iterations have in common."""

import csv
import io
import os
import pathlib

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


class Records:
    """Rows of a CSV file whose first column is the iteration.

    Args:
        path: The file. It is rewritten as a whole, in one atomic step.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.rows = []

    def rewind(self, iteration):
        """Reads the rows of an earlier run, up to the iteration that goes on."""
        self.rows = []
        if iteration and self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    values = {name: _number(text) for name, text in row.items() if text}
                    if values["iteration"] <= iteration:
                        self.rows.append(values)

    def add(self, iteration, values):
        self.rows.append({"iteration": iteration, **values})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, file.getvalue().encode())


def write_atomically(path, content):
    """Writes a file such that a kill or a full disk leaves the old one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _number(text):
    # Written again as it was read: an epoch stays an integer.
    return int(text) if text.isdecimal() else float(text)
