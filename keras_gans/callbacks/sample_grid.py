"""Pictures of what a translation model makes, while it trains."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_gans.callbacks.iteration_callback import (
    IterationCallback,
    write_atomically,
)
from keras_gans.data.images import encode_png

GAP = 4


class SampleGrid(IterationCallback):
    """Saves translations of the same images every so many iterations.

    Each column is one image. From above: x, G(x), F(G(x)), and below the line y, F(y),
    G(F(y)).

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        x: Images of domain X, float in [-1, 1], shape `(n, height, width, channels)`.
        y: As many images of domain Y, likewise.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
    """

    def __init__(
        self,
        directory,
        x,
        y,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
    ):
        super().__init__()
        if (
            isinstance(save_freq, bool)
            or not isinstance(save_freq, int)
            or save_freq < 1
        ):
            raise ValueError(
                "Argument `save_freq` must be a positive integer. "
                f"Received: save_freq={save_freq!r}"
            )
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.x, self.y = np.asarray(x, "float32"), np.asarray(y, "float32")
        if len(self.x) != len(self.y):
            raise ValueError(
                "Arguments `x` and `y` must hold as many images as each other. "
                f"Received: {len(self.x)} and {len(self.y)} images."
            )
        self.save_freq = save_freq
        self.iterations = frozenset(iterations)
        self._writer = None
        if tensorboard_directory is not None:
            self._writer = tf.summary.create_file_writer(
                os.fspath(tensorboard_directory)
            )

    def is_due(self, iteration):
        return iteration % self.save_freq == 0 or iteration in self.iterations

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._seen == 0:
            self.at_iteration(0, {})

    def on_train_end(self, logs=None):
        if not self._path(self._seen).exists():
            self.at_iteration(self._seen, {})
        if self._writer:
            self._writer.flush()

    def at_iteration(self, iteration, logs):
        picture = translation_grid(self.model, self.x, self.y)
        write_atomically(self._path(iteration), encode_png(picture))
        if self._writer:
            with self._writer.as_default(step=iteration):
                tf.summary.image("samples", picture[None])

    def _path(self, iteration):
        return self.directory / f"iteration_{iteration:06d}.png"


def translation_grid(model, x, y):
    """Draws x, G(x), F(G(x)) above y, F(y), G(F(y)).

    Args:
        model: A `keras_gans.models.CycleGAN`.
        x: Images of X, float in [-1, 1], shape `(n, height, width, channels)`.
        y: Images of Y, likewise.

    Returns:
        A uint8 array `(height, width, 3)`; small images are shown enlarged.
    """
    fake_y, fake_x = model(x), model(y, direction="yx")
    rows = (x, fake_y, model(fake_y, direction="yx"), y, fake_x, model(fake_x))
    bands = [np.concatenate([_as_picture(image) for image in row], 1) for row in rows]
    line = np.full((GAP, *bands[0].shape[1:]), 255, "uint8")
    picture = np.concatenate([*bands[:3], line, *bands[3:]])
    zoom = max(1, 64 // x.shape[1])
    return picture.repeat(zoom, 0).repeat(zoom, 1)


def _as_picture(image):
    pixels = keras.ops.convert_to_numpy(image)
    pixels = np.clip(np.round((pixels + 1) * 127.5), 0, 255).astype("uint8")
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
