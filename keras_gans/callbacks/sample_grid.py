"""Pictures of what the model makes, while it trains."""

import pathlib

import keras
import numpy as np

from keras_gans.data.images import encode_png


class SampleGrid(keras.callbacks.Callback):
    """Saves a grid of translations of the same images every so many iterations.

    Each column is one image: x, its translation G(x) and its reconstruction F(G(x)),
    then y, F(y) and G(F(y)).

    Args:
        directory: Folder of the pictures `step_000100.png` and so on.
        x: Images of domain X, float in [-1, 1], shape `(n, height, width, channels)`.
        y: Images of domain Y, likewise.
        save_freq: Positive integer, iterations between pictures. Defaults to 500.
        steps: Further iterations at which to save a picture.
        tensorboard_directory: Optional folder; the grids are also written there as
            images for TensorBoard.

    The iteration is counted over the whole training, from the position of `data` when
    an epoch begins.
    """

    def __init__(
        self,
        directory,
        x,
        y,
        save_freq=500,
        steps=(),
        tensorboard_directory=None,
    ):
        super().__init__()
        if isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1:
            raise ValueError(
                "Argument `save_freq` must be a positive integer. "
                f"Received: save_freq={save_freq!r}"
            )
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.x, self.y = np.asarray(x), np.asarray(y)
        self.save_freq = save_freq
        self.steps = frozenset(steps)
        self.tensorboard_directory = tensorboard_directory
