"""Pictures of what a model makes, while it trains."""

import os
import pathlib

import tensorflow as tf

from keras_gans.callbacks.iteration_callback import IterationCallback
from keras_gans.checks import positive_integer, require
from keras_gans.data.images import encode_png
from keras_gans.files import write_atomically


class Pictures(IterationCallback):
    """Saves a picture every so many iterations, at the start and at the end.

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        draw: Function of the model that returns a uint8 array `(height, width, 3)`.
            `keras_gans.callbacks.translation_grid` and its neighbours are called in it.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            start and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
        log: Optional function that is also given each iteration and picture, such as
            `keras_gans.callbacks.Trackers`.

    Example:

    ```python
    pictures = Pictures("samples", lambda model: translation_grid(model, x, y))
    model.fit(data, callbacks=[pictures])
    ```
    """

    def __init__(
        self,
        directory,
        draw,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
        log=None,
    ):
        super().__init__()
        must = "Argument `draw` must be a function of the model"
        require(callable(draw), must, TypeError, draw=draw)
        self.draw = draw
        self.save_freq = positive_integer("save_freq", save_freq)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.iterations = frozenset(iterations)
        self._logs = [] if log is None else [log]
        if tensorboard_directory is not None:
            self._logs.append(tensorboard_pictures(tensorboard_directory))

    def is_due(self, iteration):
        return iteration % self.save_freq == 0 or iteration in self.iterations

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._seen == 0:
            self.at_iteration(0, {})

    def on_train_end(self, logs=None):
        if not self._path(self._seen).exists():
            self.at_iteration(self._seen, {})

    def at_iteration(self, iteration, logs):
        picture = self.draw(self.model)
        write_atomically(self._path(iteration), encode_png(picture))
        for log in self._logs:
            log(iteration, picture)

    def _path(self, iteration):
        return self.directory / f"iteration_{iteration:06d}.png"


def tensorboard_pictures(directory):
    """Returns a function of iteration and picture that writes it for TensorBoard."""
    writer = tf.summary.create_file_writer(os.fspath(directory))

    def log(iteration, picture):
        with writer.as_default(step=iteration):
            tf.summary.image("samples", picture[None])
        writer.flush()

    return log
