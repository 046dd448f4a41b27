"""Checkpoints from which training goes on as if it had never stopped."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf


class Checkpoint(keras.callbacks.Callback):
    """Saves all state of a training run and resumes it, bit for bit.

    Saved are the networks, every optimizer with its schedule position, the image pools,
    the state of all random generators, the running epoch averages, and the position in
    the data, so also in the middle of an epoch. When `fit` starts and the folder holds a
    checkpoint, training goes on from it; a notebook cell that is run again after a crash
    simply continues. On the same machine with the same versions the weights are equal
    to those of a run that was never interrupted.

    Each checkpoint is written beside the others and becomes the latest in one atomic
    step, so that a kill or a full disk at any moment leaves the previous one. A state
    that holds a value that is not finite is never saved.

    Args:
        directory: Folder of the checkpoints; made if need be.
        data: The dataset given to `fit`, from `keras_gans.data`.
        save_freq: Positive integer, batches between checkpoints, or `"epoch"`, the
            default. The end of training is saved in any case.
        max_to_keep: Positive integer, checkpoints kept. Defaults to 2.

    Raises:
        TypeError: If `data` has no position that could be restored.
        OSError: At once, if the folder cannot be written.

    Example:

    ```python
    data = keras_gans.data.unpaired(x, y, batch_size=64)
    checkpoint = keras_gans.callbacks.Checkpoint("run/checkpoints", data)
    model.fit(data, epochs=50, callbacks=[checkpoint])
    ```
    """

    def __init__(self, directory, data, save_freq="epoch", max_to_keep=2):
        super().__init__()
        if not hasattr(data, "position"):
            raise TypeError(
                "Argument `data` must be the dataset given to `fit`, as a pipeline of "
                "`keras_gans.data` returns it: after `.map` or `.take` its position "
                f"cannot be restored. Received: data={data!r}"
            )
        if save_freq != "epoch" and (
            isinstance(save_freq, bool)
            or not isinstance(save_freq, int)
            or save_freq < 1
        ):
            raise ValueError(
                "Argument `save_freq` must be a positive integer or 'epoch'. "
                f"Received: save_freq={save_freq!r}"
            )
        self.directory = pathlib.Path(directory)
        self.data = data
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.restored_step = None
        self._ensure_writable()

    def _ensure_writable(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        probe = self.directory / ".write_test"
        probe.write_bytes(b"")
        probe.unlink()

    @staticmethod
    def latest_step(directory):
        """Returns the step of the latest checkpoint in a folder, or `None`."""
        path = tf.train.latest_checkpoint(os.fspath(directory))
        return None if path is None else int(path.rpartition("-")[2])

    def on_train_begin(self, logs=None):
        # `step` and `data_seed` are saved beside the model: the first says where in the
        # data training goes on, the second that it is the same data.
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._data_seed = tf.Variable(self.data.seed, dtype=tf.int64, trainable=False)
        self.model.build_state(self.data.element_spec)
        state = tf.train.Checkpoint(
            step=self._step, data_seed=self._data_seed, **self.model.training_state()
        )
        self._manager = tf.train.CheckpointManager(
            state,
            os.fspath(self.directory),
            max_to_keep=self.max_to_keep,
            checkpoint_name="step",
        )
        self.restored_step = None
        self._restored_averages = None
        if self._manager.latest_checkpoint:
            self._restore(state)
        self.data.position.assign(self._step)
        self._saved_step = int(self._step.numpy())

    def _restore(self, state):
        path = self._manager.latest_checkpoint
        status = state.restore(path)
        try:
            status.assert_consumed()
        except AssertionError as error:
            raise ValueError(
                f"The checkpoint {path} is of another model or of other optimizers: "
                "its variables do not match. Train into a new folder, or build and "
                f"compile the model as before. ({error})"
            ) from error
        if int(self._data_seed.numpy()) != self.data.seed:
            raise ValueError(
                f"The checkpoint {path} was made with data of seed "
                f"{int(self._data_seed.numpy())}. Received data of seed "
                f"{self.data.seed}: use the same seed, or train into a new folder."
            )
        self.restored_step = int(self._step.numpy())
        steps_per_epoch = self.data.steps_per_epoch
        # `fit` reads this attribute as BackupAndRestore uses it.
        self.model._initial_epoch = self.restored_step // steps_per_epoch
        if self.restored_step % steps_per_epoch:
            # `fit` resets the averages when an epoch begins; this epoch has begun.
            self._restored_averages = [
                variable.numpy() for variable in self.model.metrics_variables
            ]

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = int(self.data.position.numpy())
        if self._restored_averages is not None:
            for variable, value in zip(
                self.model.metrics_variables, self._restored_averages, strict=True
            ):
                variable.assign(value)
            self._restored_averages = None

    def on_train_batch_end(self, batch, logs=None):
        step = self._first_step + batch + 1
        self._step.assign(step)
        if self.save_freq != "epoch" and step - self._saved_step >= self.save_freq:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs=None):
        self._save()

    def _save(self):
        step = int(self._step.numpy())
        if step == self._saved_step:
            return
        for name, variables in self.model.training_state().items():
            for variable in variables:
                if variable.dtype.is_floating and not np.isfinite(variable).all():
                    raise FloatingPointError(
                        f"Not saved: {variable.name} of {name} is not finite at step "
                        f"{step}. The last good checkpoint is "
                        f"{self._manager.latest_checkpoint}."
                    )
        self._manager.save(checkpoint_number=step)
        self._saved_step = step
