"""Scores of a translation model on held-out images, while it trains."""

import pathlib

import keras

from keras_gans.checks import positive_integer
from keras_gans.files import Records
from keras_gans.metrics.translation import TranslationScores


class EvaluateTranslation(keras.callbacks.Callback):
    """Scores translations of held-out images while a model trains.

    It adds the scores to the logs of an epoch, where all callbacks that come after it
    in the list find them: `ModelCheckpoint`, `EarlyStopping`, `LossHistory`. `History`
    and the progress bar see them in any case. They have the names that
    `keras_gans.metrics.evaluate_translation` gives them, which also says what is
    compared, after `val_`: `val_fid`, `val_fid_inception_v3_xy`. Training does not
    depend on whether it is scored.

    The first epoch of a training is scored, every `every`-th and the last. The epochs
    between repeat the last scores: `ModelCheckpoint` would take an epoch without a
    score for the best one, and save it. So `patience` of `EarlyStopping` counts epochs,
    and must be several times `every`.

    With `directory`, a training that `keras_gans.callbacks.Checkpoint` resumes logs the
    same as one without a break. Without, its first epoch is scored again if there is
    nothing to repeat. `ModelCheckpoint` itself forgets over a break what the best was:
    give it the best score so far, as `initial_value_threshold`.

    Args:
        x: Held-out images of X; this and the arguments not listed here are those of
            `keras_gans.metrics.evaluate_translation`.
        every: Positive integer, epochs from one score to the next. Defaults to 1.
        directory: Optional folder of the run. The scores are then also written to
            `evaluation.csv` in it, with a row for each epoch that was scored.

    Example:

    ```python
    fid = FrechetDistance(FeatureNetwork("inception_v3"))
    scores = EvaluateTranslation("photos/test", "paintings/test", [fid], every=5)
    best = keras.callbacks.ModelCheckpoint(
        "run/best.keras", monitor="val_fid", mode="min", save_best_only=True
    )
    model.fit(data, epochs=200, callbacks=[scores, best])
    ```
    """

    def __init__(
        self,
        x,
        y,
        metrics,
        every=1,
        batch_size=16,
        directions=("xy", "yx"),
        size=None,
        channels=None,
        references=None,
        directory=None,
    ):
        super().__init__()
        self.every = positive_integer("every", every)
        self._evaluation = TranslationScores(
            x, y, metrics, batch_size, directions, size, channels, references
        )
        self._records = None
        if directory is not None:
            directory = pathlib.Path(directory)
            directory.mkdir(parents=True, exist_ok=True)
            self._records = Records(directory / "evaluation.csv")

    def set_model(self, model):
        super().set_model(model)
        self._evaluation.set_model(model)

    def on_train_begin(self, logs=None):
        # What does not fit shows here, and not after the first epoch.
        self._evaluation.check()
        self._last = None
        if self._records is not None:
            self._records.rewind(self.model.iterations)
            if self._records.rows:
                self._last = dict(self._records.rows[-1])
                del self._last["iteration"], self._last["epoch"]

    def on_epoch_end(self, epoch, logs=None):
        is_last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if self._last is None or (epoch + 1) % self.every == 0 or is_last:
            scores = self._evaluation.scores()
            self._last = {f"val_{name}": value for name, value in scores.items()}
            if self._records is not None:
                row = {"epoch": epoch + 1, **self._last}
                self._records.add(self.model.iterations, row)
        if logs is not None:
            logs.update(self._last)
