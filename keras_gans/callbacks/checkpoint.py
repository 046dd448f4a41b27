"""Checkpoints from which training goes on as if it had never stopped."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import positive_integer, require


class Checkpoint(keras.callbacks.Callback):
    """Saves all state of a training run and resumes it, bit for bit.

    Saved are the networks, every optimizer with its schedule position, the image pools,
    the state of all random generators, the running epoch averages, and the position in
    the data, so also in the middle of an epoch. When `fit` starts and the folder holds
    a checkpoint, training goes on from it. On the same machine with the same versions
    the weights are equal to those of a run that was never interrupted.

    Each checkpoint is written beside the others and becomes the latest in one atomic
    step, so that a kill or a full disk at any moment leaves the previous one. A state
    that holds a value that is not finite is never saved.

    Give it as the last of the callbacks: what the others write about a step (a row of a
    table, say) is then there before the step is saved. Restoring comes before all of
    them wherever it stands.

    Args:
        directory: Folder of the checkpoints; made if need be.
        data: The dataset given to `fit`, from `keras_gans.data`.
        save_freq: Positive integer, batches between checkpoints, or `"epoch"`, the
            default. The end of training is saved in any case.
        max_to_keep: Positive integer, checkpoints kept. Defaults to 2.

    Raises:
        ValueError: From `fit`, if the checkpoint is of another model or of data of
            another seed.
        OSError: At once, if the folder cannot be written. From `fit`, if the disk is
            full; the checkpoint before is whole.
        FloatingPointError: From `fit`, instead of saving a value that is not finite.
    """

    def __init__(self, directory, data, save_freq="epoch", max_to_keep=2):
        super().__init__()
        require(
            hasattr(data, "position"),
            "Argument `data` must be the dataset given to `fit`, as a pipeline of "
            "`keras_gans.data` returns it: after `.map` or `.take` its position cannot "
            "be restored",
            TypeError,
            data=data,
        )
        if save_freq != "epoch":
            positive_integer("save_freq", save_freq)
        self.save_freq = save_freq
        self.max_to_keep = positive_integer("max_to_keep", max_to_keep)
        self.directory = pathlib.Path(directory)
        self.data = data
        self.restored_step = None
        self.directory.mkdir(parents=True, exist_ok=True)
        probe = self.directory / ".write_test"
        probe.write_bytes(b"")
        probe.unlink()

    @staticmethod
    def latest_step(directory):
        """Returns the step of the latest checkpoint in a folder, or `None`."""
        path = tf.train.latest_checkpoint(os.fspath(directory))
        return None if path is None else int(path.rpartition("-")[2])

    def set_model(self, model):
        # `fit` calls this for all callbacks before the first `on_train_begin`, so that
        # the others begin at the step that is restored.
        super().set_model(model)
        # `step` and `data_seed` are saved beside the model: the first says where in the
        # data training goes on, the second that it is the same data.
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._data_seed = tf.Variable(self.data.seed, dtype=tf.int64, trainable=False)
        self.model.build_state(self.data.element_spec)
        state = tf.train.Checkpoint(
            step=self._step, data_seed=self._data_seed, **self.model.training_state()
        )
        self._manager = tf.train.CheckpointManager(
            state, os.fspath(self.directory), self.max_to_keep, checkpoint_name="step"
        )
        self.restored_step = None
        self._restored_averages = None
        model._initial_epoch = None
        if self._manager.latest_checkpoint:
            self._restore(state)
        self.data.position.assign(self._step)
        self._saved_step = int(self._step.numpy())

    def _restore(self, state):
        path = self._manager.latest_checkpoint
        try:
            state.restore(path).assert_consumed()
        # Variables that are missing or too many, of another shape or another dtype.
        except (AssertionError, ValueError, tf.errors.InvalidArgumentError) as error:
            raise ValueError(
                f"The checkpoint {path} is of another model or of other optimizers: "
                "its variables do not match. Train into a new folder, or build and "
                f"compile the model as before. ({error})"
            ) from error
        # A file that ends too early is an `IndexError` to TensorFlow's reader.
        except (tf.errors.OpError, IndexError) as error:
            raise OSError(
                f"The checkpoint {path} cannot be read. Train into a new folder. "
                f"({error})"
            ) from error
        seed = int(self._data_seed.numpy())
        require(
            seed == self.data.seed,
            f"The checkpoint {path} was made with data of seed {seed}. Received data "
            f"of seed {self.data.seed}: use the same seed, or train into a new folder",
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

    def on_train_begin(self, logs=None):
        steps_per_epoch = self.data.steps_per_epoch
        require(
            self.params.get("steps") == steps_per_epoch,
            "Argument `data` of `Checkpoint` must be the dataset given to `fit`, and "
            "`fit` must go through the whole of it in each epoch, or its position "
            f"would be wrong. Received: data with {steps_per_epoch} steps per epoch "
            f"where `fit` makes {self.params.get('steps')}; leave out "
            "`steps_per_epoch` there and give it to `keras_gans.data.unpaired`",
        )

    def on_epoch_begin(self, epoch, logs=None):
        first_step = int(self.data.position.numpy())
        self._epoch_start = first_step - first_step % self.data.steps_per_epoch
        if self._restored_averages is not None:
            variables = self.model.metrics_variables
            for variable, value in zip(variables, self._restored_averages, strict=True):
                variable.assign(value)
            self._restored_averages = None

    def on_train_batch_end(self, batch, logs=None):
        # The last execution of an epoch may be shorter than `steps_per_execution`.
        step = self._epoch_start + min(batch + 1, self.data.steps_per_epoch)
        self._step.assign(step)
        # The last step of an epoch, and of the training, is saved when the others have
        # written what they write at that end: a resume would not come by it again.
        if step % self.data.steps_per_epoch and not self.model.stop_training:
            self._save_if_due()

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._save_if_due(is_epoch_end=True)

    def on_train_end(self, logs=None):
        self._save()
        # Another `fit`, without this callback, begins where it is told to.
        self.model._initial_epoch = None

    def _save_if_due(self, is_epoch_end=False):
        unsaved = int(self._step.numpy()) - self._saved_step
        if is_epoch_end if self.save_freq == "epoch" else unsaved >= self.save_freq:
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
        try:
            self._manager.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            raise OSError(
                f"The checkpoint of step {step} could not be written to "
                f"{self.directory}; is the disk full? The last good checkpoint is "
                f"{self._manager.latest_checkpoint}. ({error.message})"
            ) from error
        self._saved_step = step
