"""Checkpoints from which training goes on as if it had never stopped."""

import json
import os
import pathlib
import warnings
import zlib

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import positive_integer, require
from keras_gans.distribution import (
    ReplicaState,
    check_agreement,
    copies_of,
    is_chief,
)
from keras_gans.folder_lock import is_chief as is_chief_process
from keras_gans.models.optimizers import constant_rates

# What `identity` of data holds, and how a message calls it.
_DATA = {
    "seed": "seed",
    "batch_size": "batch size",
    "images": "images (number, size and checksum)",
    "steps_per_epoch": "steps per epoch",
    "replicas": "replicas that share a batch",
}


class Checkpoint(keras.callbacks.Callback):
    """Saves all state of a training run and resumes it, bit for bit.

    Saved are the networks, every optimizer with its schedule position, the image pools,
    the state of all random generators, the running epoch averages, and the number of
    batches trained, so also in the middle of an epoch. When `fit` starts and the folder
    holds a checkpoint, training goes on from it, and a line says so. On the same
    machine with the same versions the weights are equal to those of a run that was
    never interrupted.

    What was changed on purpose stays: a learning rate that is assigned, or that the
    model is compiled with anew, holds from there on.

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
        ValueError: From `fit`, if the checkpoint is of another model or of other data:
            another seed, batch size, number of steps per epoch, or other images.
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
        self._saved_weights = None, None
        if is_chief_process():
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
        self.model.build_state(self.data.element_spec)
        # These are saved beside the model's state: the number of the next batch, and a
        # JSON text of the data, the learning rates and the counts that belong to it.
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._data_seed = tf.Variable(self.data.seed, dtype=tf.int64, trainable=False)
        self._record = tf.Variable("", dtype=tf.string, trainable=False)
        strategy = model.distribute_strategy
        self._writes = is_chief(strategy)
        self._replicas = ReplicaState(strategy, model.replica_variables())
        self._state = self._checkpoint(record=self._record)
        self._manager = tf.train.CheckpointManager(
            self._state,
            os.fspath(self.directory),
            self.max_to_keep,
            checkpoint_name="step",
        )
        self.restored_step = None
        self._restored_averages = []
        self._first_batch = None
        model._initial_epoch = None
        latest = self.latest_step(self.directory)
        check_agreement(strategy, f"latest checkpoint in {self.directory}", latest)
        if self._manager.latest_checkpoint:
            self._restore(self._manager.latest_checkpoint)
        self._saved_step = self.restored_step or 0

    def _restore(self, path):
        model = self.model
        given = constant_rates(model.optimizers)
        replaced = model.has_loaded_weights or self._weights_were_changed()
        try:
            record = self._read_record(path)
            self._check_data(path, record)
            state = self._state if "data" in record else self._checkpoint()
            self._load(state, path)
            self._give_to_replicas()
        # A file that ends too early is an `IndexError` to TensorFlow's reader.
        except (tf.errors.OpError, IndexError, RuntimeError) as error:
            raise OSError(
                f"The checkpoint {path} cannot be read. Train into a new folder. "
                f"({error})"
            ) from error
        self.restored_step = model.trained_batches = int(self._step.numpy())
        model.earlier_iterations = record.get("earlier_iterations", 0)
        # Old checkpoints begin with the first batch of the data.
        self._first_batch = record.get("first_batch", 0)
        steps = self.restored_step - self._first_batch
        epoch, batch = divmod(steps, self.data.steps_per_epoch)
        # `fit` reads this attribute as BackupAndRestore uses it.
        model._initial_epoch = epoch
        if batch:
            # `fit` resets the averages when an epoch begins; this epoch has begun.
            self._restored_averages = [
                (copy, copy.numpy())
                for variable in model.metrics_variables
                for copy in copies_of(variable)
            ]
        if self._writes:
            print(f"Going on from {path}: batch {batch + 1} of epoch {epoch + 1}.")
        self._keep_rates(given, record.get("learning_rates", given))
        if replaced:
            warnings.warn(
                "The weights that the model had before `fit` are replaced by those of "
                f"the checkpoint {path}. To train the model as it was, give "
                "`Checkpoint` a new folder."
            )

    def _load(self, state, path):
        try:
            state.restore(path).assert_consumed()
        # Variables that are missing or too many, of another shape or another dtype.
        except (AssertionError, ValueError, tf.errors.InvalidArgumentError) as error:
            raise ValueError(
                f"The checkpoint {path} is of another model or of other optimizers: "
                "its variables do not match. Train into a new folder, or build and "
                f"compile the model as before. ({error})"
            ) from error

    def _read_record(self, path):
        """Reads what is saved beside the state; little, of older checkpoints."""
        reader = tf.train.load_checkpoint(path)
        suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
        if reader.has_tensor(f"record{suffix}"):
            return json.loads(reader.get_tensor(f"record{suffix}"))
        return {"older": {"seed": int(reader.get_tensor(f"data_seed{suffix}"))}}

    def _checkpoint(self, **further):
        """Returns the state as TensorFlow saves and restores it."""
        state = self.model.training_state()
        state |= self._replicas.of_replicas
        return tf.train.Checkpoint(
            step=self._step, data_seed=self._data_seed, **further, **state
        )

    def _give_to_replicas(self):
        """Copies what is restored into the first replica's variables to the others."""
        for variables in self.model.state_variables().values():
            for variable in variables:
                first, *others = copies_of(variable)
                for other in others:
                    other.assign(first)
        self._replicas.spread()

    def _identity(self):
        replicas = self.model.distribute_strategy.num_replicas_in_sync
        return {**self.data.identity, "replicas": replicas}

    def _check_data(self, path, record):
        """Raises a `ValueError` if the checkpoint was made with other data."""
        saved = record.get("data", record.get("older"))
        identity = self._identity()
        for name, what in _DATA.items():
            before, now = saved.get(name), identity.get(name)
            require(
                name != "replicas" or before in (now, None),
                f"The checkpoint {path} is of {before} device(s) that share a batch, "
                f"and now there are {now}. Go on with as many (on the command line by "
                "--distribute), or train into a new folder",
            )
            require(
                before == now or name not in saved,
                f"The checkpoint {path} was made with other data: {what} {before}, and "
                f"now {now}. Go on with the same data, or train into a new folder, "
                "from trained weights too (`load_weights`)",
            )

    def _keep_rates(self, given, compiled):
        """Keeps a learning rate that is not what training was compiled with.

        Args:
            given: Dict from role to the learning rate before the restoring.
            compiled: That of `compile`, when the checkpoint was saved.
        """
        for role, restored in constant_rates(self.model.optimizers).items():
            rate = given[role]
            if rate != compiled.get(role, rate) and rate != restored:
                self.model.optimizers[role].learning_rate = rate
                if self._writes:
                    print(
                        f"From here on the learning rate of the {role} is {rate:g}, as "
                        f"it was set, and no longer {restored:g}.",
                        flush=True,
                    )

    def _weights_were_changed(self):
        """Whether weights were set since this callback saved them."""
        saved_step, saved = self._saved_weights
        is_later = self.model.trained_batches != saved_step
        return saved is not None and not is_later and saved != _digest(self.model)

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

        if self._first_batch is None:
            self._first_batch = self._saved_step = self.model.trained_batches

    def on_epoch_begin(self, epoch, logs=None):
        for copy, value in self._restored_averages:
            copy.assign(value)
        self._restored_averages = []

    def on_train_batch_end(self, batch, logs=None):
        # The last step of an epoch, and of the training, is saved when the others have
        # written what they write at that end: a resume would not come by it again.
        is_last = self.model.trained_batches % self.data.steps_per_epoch == 0
        if not is_last and not self.model.stop_training:
            self._save_if_due()

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 < self.params["epochs"] and not self.model.stop_training:
            self._save_if_due(is_epoch_end=True)

    def on_train_end(self, logs=None):
        self._save()

    def _save_if_due(self, is_epoch_end=False):
        unsaved = self.model.trained_batches - self._saved_step
        if is_epoch_end if self.save_freq == "epoch" else unsaved >= self.save_freq:
            self._save()

    def _save(self):
        step = self.model.trained_batches
        if step == self._saved_step:
            return
        for name, variables in self.model.training_state().items():
            for variable in variables:
                if (
                    variable.dtype.is_floating
                    and not np.isfinite(variable.numpy()).all()
                ):
                    raise FloatingPointError(
                        f"Not saved: {variable.name} of {name} is not finite at step "
                        f"{step}. The last good checkpoint is "
                        f"{self._manager.latest_checkpoint}."
                    )
        self._replicas.collect()
        if not self._writes:
            self._saved_step = step
            return
        record = {
            "data": self._identity(),
            "first_batch": self._first_batch,
            "learning_rates": self.model.compiled_rates,
            "earlier_iterations": self.model.earlier_iterations,
        }
        self._step.assign(step)
        self._record.assign(json.dumps(record))
        try:
            self._manager.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            raise OSError(
                f"The checkpoint of step {step} could not be written to "
                f"{self.directory}; is the disk full? The last good checkpoint is "
                f"{self._manager.latest_checkpoint}. ({error.message})"
            ) from error
        self._saved_step = step
        self._saved_weights = step, _digest(self.model)


def _digest(model):
    """Returns a checksum of the weights that a role trains."""
    checksum = 0
    for variable in model.trainable_variables:
        checksum = zlib.crc32(np.ascontiguousarray(variable.numpy()), checksum)
    return checksum
