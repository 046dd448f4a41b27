"""Epoch averages of all logged values, as a CSV file and as curves."""

import pathlib

import keras
from matplotlib.figure import Figure

from keras_gans.files import Records


class LossHistory(keras.callbacks.Callback):
    """Writes `history.csv` and `figures/losses.png` after every epoch.

    Rows belong to iterations: those of several calls of `fit` follow each other, and
    unlike `keras.callbacks.CSVLogger` it agrees with a resumed run: rows that lie after
    the checkpoint from which training goes on are dropped.

    Args:
        directory: Folder of the run.
    """

    def __init__(self, directory):
        super().__init__()
        directory = pathlib.Path(directory)
        self._figure_path = directory / "figures" / "losses.png"
        self._figure_path.parent.mkdir(parents=True, exist_ok=True)
        self._records = Records(directory / "history.csv")

    def on_train_begin(self, logs=None):
        self._records.rewind(self.model.iterations)

    def on_epoch_begin(self, epoch, logs=None):
        # An epoch that a run ended in, and that a longer run goes on with, is one row.
        rows = self._records.rows
        if self.model.skipped_batches and rows and rows[-1]["epoch"] == epoch + 1:
            del rows[-1]

    def on_epoch_end(self, epoch, logs=None):
        values = {name: float(value) for name, value in (logs or {}).items()}
        self._records.add(self.model.iterations, {"epoch": epoch + 1, **values})

    def on_train_end(self, logs=None):
        if self._records.rows:
            plot_losses(self._records.rows).savefig(self._figure_path, dpi=100)


def plot_losses(rows):
    """Draws every logged value over the iterations, one panel for each.

    `rows` are dicts with the entry `iteration`, as in `history.csv`.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in names if name not in ("iteration", "epoch")]
    figure = Figure(figsize=(4 * len(names), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        points = [(row["iteration"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else None)
        axes.set(title=name.replace("_", " "), xlabel="iteration")
        axes.grid(alpha=0.3)
    return figure
