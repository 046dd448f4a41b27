"""What `fit` and `evaluate` do beyond those of Keras."""

import itertools

import keras
import tensorflow as tf
from tensorflow.python import pywrap_tfe

from keras_gans.distribution import (
    check_length,
    copies_of,
    is_multi_worker,
    one_by_one,
    own_share,
    reducible_logs,
    workers_watched,
)
from keras_gans.models import inputs
from keras_gans.models.epochs import (
    EpochCallbacks,
    NextEpochs,
    element_spec,
    numbered_sources,
)
from keras_gans.models.graph_optimizer import computed_as_written


class Fitting(keras.Model):
    """Base class of `AdversarialModel`: data are checked, and only what was computed is
    logged.

    A subclass has `network_names`, and a metric for each loss in `_loss_trackers`.
    """

    _is_fitting = False
    # Whether a first batch is still to be checked.
    _is_unchecked = False
    # Whether `fit` goes through data of `keras_gans.data`.
    _is_numbered = False
    _computed_names = frozenset()

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        **kwargs,
    ):
        """Trains as `keras.Model.fit` does, after a check of the data's shapes and of
        the values of the first batch.

        Data of `keras_gans.data` go on with the epoch after the last one trained. A
        loss that was not computed in an epoch is not in its logs.
        """
        weights = (kwargs.pop(name, None) for name in ("sample_weight", "class_weight"))
        inputs.refuse_weights(self, getattr(x, "element_spec", None), *weights)
        validation = kwargs.get("validation_data")
        inputs.refuse_weights(self, validation)
        is_pair = isinstance(validation, tuple)
        self._check_spec_of(*(validation[:2] if is_pair else [validation]))
        spec = element_spec(x, y)
        if spec is not None:
            with self.distribute_strategy.scope():
                self.build_state(spec)
        strategy = self.distribute_strategy
        replicas = strategy.num_replicas_in_sync
        x = inputs.refuse_empty_replicas(x, y, batch_size, replicas)
        if isinstance(x, tf.data.Dataset):
            # A dataset is shuffled already; Keras's default would only warn.
            kwargs.setdefault("shuffle", False)
        self._is_numbered = is_numbered = hasattr(x, "position")
        sources = numbered_sources(x)
        positions = [source.position.numpy() for source in sources]
        # The images of `keras_gans.data` are right by construction.
        self._is_unchecked = not is_numbered and not self._check_arrays(x, y)
        self._is_fitting = True
        try:
            with workers_watched(strategy):
                if is_numbered:
                    steps = kwargs.get("steps_per_epoch") or x.steps_per_epoch
                    callbacks = EpochCallbacks(
                        x, callbacks, verbose, steps, self, epochs=epochs
                    )
                    x = own_share(strategy, x)
                elif sources:
                    callbacks = keras.tree.flatten(callbacks or [])
                    callbacks = [NextEpochs(sources), *callbacks]
                check_length(strategy, x, kwargs.get("steps_per_epoch"))
                kwargs |= {"epochs": epochs, "verbose": verbose, "callbacks": callbacks}
                return super().fit(x, y, batch_size=batch_size, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            raise inputs.replica_error(error, replicas)
        finally:
            # However it ends, the next `fit` begins where it is told to.
            self._initial_epoch = None
            self.skipped_batches = 0
            self.has_loaded_weights = False
            self._is_fitting = self._is_unchecked = self._is_numbered = False
            for source, position in zip(sources, positions, strict=True):
                source.position.assign(position)

    def evaluate(self, x=None, y=None, *args, sample_weight=None, **kwargs):
        """Evaluates as `keras.Model.evaluate` does, after a check of arrays."""
        inputs.refuse_weights(self, getattr(x, "element_spec", None), sample_weight)
        self._check_spec_of(x, y)
        self._check_arrays(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def train_on_batch(
        self, x, y=None, sample_weight=None, class_weight=None, **kwargs
    ):
        """Makes a step, as `keras.Model.train_on_batch` does. It takes no weights."""
        inputs.refuse_weights(self, None, sample_weight, class_weight)
        return super().train_on_batch(x, y, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Tests a batch, as `keras.Model.test_on_batch` does. It takes no weights."""
        inputs.refuse_weights(self, None, sample_weight)
        return super().test_on_batch(x, y, **kwargs)

    def check_batch(self, batch):
        """Raises an error if a model should not learn from the values of a batch.

        `fit` calls it with the first batch, or with some samples of arrays: with what
        `train_step` is given, in NumPy arrays. Here NaN is refused.
        """
        for part in keras.tree.flatten(batch):
            if part.dtype.kind == "f":
                inputs.check_finite("Data", part)

    def _check_spec_of(self, x, y=None):
        spec = element_spec(x, y)
        if spec is not None:
            self.check_spec(spec)

    def _check_arrays(self, x, y):
        """Checks arrays, and returns whether the data are such."""
        batch = inputs.given_arrays(x, y)
        if batch is not None:
            self.check_batch(batch)
        return batch is not None

    def make_train_function(self, force=False):
        if force or self.train_function is None:
            step = one_by_one(
                self.distribute_strategy,
                self.make_step_function(),
                self.steps_per_execution,
            )

            def train_function(iterator):
                if not self._is_numbered:
                    iterator = self._whole_batches(iterator)
                if self._is_unchecked:
                    iterator = inputs.checked_first_batch(self, iterator)
                    self._is_unchecked = False
                return self._computed(step(iterator))

            self.train_function = train_function

    def _whole_batches(self, iterator):
        """Returns an iterator that gives replicas no empty batches."""
        strategy = self.distribute_strategy
        is_shared = isinstance(iterator, tf.distribute.DistributedIterator)
        if not is_shared or is_multi_worker(strategy):
            return iterator
        batches = inputs.shared_batches(strategy, iterator)
        # Raises what ends the epoch here, and not in Keras's loop.
        return itertools.chain([next(batches)], batches)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: the networks are built.

        Keras would trace a step to build them, on a mean of the replicas' batches,
        which fails where there are several workers.
        """

    def _make_function(self, step_function):
        step = reducible_logs(self.distribute_strategy, step_function)
        return super()._make_function(step)

    def make_step_function(self):
        """Returns the function of an iterator that makes a step, or several."""
        super().make_train_function(force=True)
        return self.as_written(self.train_function)

    def as_written(self, function):
        """Wraps a training function, see `computed_as_written`."""
        networks = [getattr(self, name) for name in self.network_names]
        return computed_as_written(function, networks)

    def make_test_function(self, force=False):
        if force or self.test_function is None:
            super().make_test_function(force)
            step = self.as_written(self.test_function)
            self.test_function = lambda iterator: step(self._whole_batches(iterator))

    def reset_metrics(self):
        # At the start of every epoch.
        super().reset_metrics()
        _forget_numbers()
        self._computed_names = set()

    def get_metrics_result(self):
        return self._computed(super().get_metrics_result())

    def _computed(self, logs):
        """Leaves out the losses that were not computed in this epoch of `fit`."""
        if not self._is_fitting:
            return logs
        # A count is read until it is not 0, so as not to wait for every step.
        missing = self._loss_trackers.keys() - self._computed_names
        for name in missing:
            # Of one replica: all have counted the same.
            if copies_of(self._loss_trackers[name].count)[0].numpy():
                self._computed_names.add(name)
        missing -= self._computed_names
        return {name: value for name, value in logs.items() if name not in missing}


def _forget_numbers():
    """Frees what TensorFlow 2.21 keeps of every Python number it was ever given.

    It is 750 bytes each, and `keras.callbacks.TensorBoard` gives it all losses of every
    step, whether it writes them or not: 3 MB in 1,000 steps.
    """
    if clear := getattr(pywrap_tfe, "TFE_ClearScalarCache", None):
        clear()
