"""The base of every model: networks and optimizers by role, and one update helper."""

import keras
import tensorflow as tf
from keras import ops

from keras_gans.models.remapping import without_remapping

_TRAINER_ARGUMENTS = {
    "run_eagerly": False,
    "steps_per_execution": 1,
    "jit_compile": "auto",
    "auto_scale_loss": True,
}


class AdversarialModel(keras.Model):
    """Base class of models in which networks with opposed losses train in turns.

    It owns what every such model needs and `keras.Model` lacks: networks and optimizers
    by role with their full `.keras` round trip, loss scaling for each optimizer, epoch
    averages of every logged loss, and `minimize`, the one place where gradients are
    taken. It does not own the order of the updates: each subclass writes its own
    `train_step`, so that the file reads like the paper.

    A subclass sets three class attributes and implements `compile`, `train_step`,
    `test_step`, `call` and, for its numeric arguments, `get_config`.

    Class attributes:
        network_names: Tuple of strings, the keyword arguments that hold networks.
        roles: Dict from role to the names of the networks that the role's optimizer
            updates. The optimizer is the attribute `<role>_optimizer`.
        loss_names: Tuple of strings, the values that are logged.

    Args:
        networks: Dict from name to built `keras.Model`.
        ema_decay: Optional float in [0, 1), 0.999 say. With it the model keeps an
            exponential moving average of the weights of its generators, in networks
            `averaged_<name>` that are saved, resumed and used for calls outside of
            training, pictures, scores and export; losses are always those of the
            weights that are trained. `None`, the default, keeps none.
        **kwargs: `name` and so on of `keras.Model`.

    Raises:
        TypeError: If a network is not a `keras.Model`.
        ValueError: If a network is not built, or `ema_decay` is out of range.
    """

    network_names = ()
    roles = {}
    loss_names = ()

    def __init__(self, networks, ema_decay=None, **kwargs):
        super().__init__(**kwargs)
        for name in self.network_names:
            network = networks[name]
            if not isinstance(network, keras.Model):
                raise TypeError(
                    f"Argument `{name}` must be a `keras.Model`. "
                    f"Received: {name}={network!r}"
                )
            if not network.built:
                raise ValueError(
                    f"Argument `{name}` must be built, so that its weights can be "
                    "saved and restored: give it an `Input`, or call "
                    f"`{name}.build(input_shape)` first. Received: {name}={network!r}"
                )
            setattr(self, name, network)
        if len({id(networks[name]) for name in self.network_names}) < len(
            self.network_names
        ):
            raise ValueError(
                "Each role needs a network of its own, or shared weights would be "
                "updated twice in a step. Received one for several of "
                f"{list(networks)}."
            )
        self.ema_decay = ema_decay
        if ema_decay is not None:
            self._check_ema_decay()
            for name in self.roles["generator"]:
                average = type(networks[name]).from_config(networks[name].get_config())
                average.set_weights(networks[name].get_weights())
                average.trainable = False
                setattr(self, f"averaged_{name}", average)
        self._loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in self.loss_names
        }
        self._compile_config = None
        self.built = True

    # Compilation -------------------------------------------------------------------

    def compile_roles(self, optimizers, losses, **kwargs):
        """Compiles with one optimizer for each role; to be called from `compile`.

        Args:
            optimizers: Dict from role to a Keras optimizer or its name.
            losses: Dict from attribute name to a `keras.losses.Loss`, or to a pair of
                them. Each becomes an attribute of the model.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` and
                `auto_scale_loss` of `keras.Model.compile`.
        """
        unknown = sorted(set(kwargs) - set(_TRAINER_ARGUMENTS))
        if unknown:
            raise TypeError(
                f"`{type(self).__name__}.compile` got arguments that it does not take: "
                f"{unknown}. Beside its optimizers and losses it takes "
                f"{sorted(_TRAINER_ARGUMENTS)}."
            )
        trainer_arguments = {**_TRAINER_ARGUMENTS, **kwargs}
        if self.distribute_strategy is not tf.distribute.get_strategy():
            raise ValueError(
                "`compile` must be called, and the optimizers be made, inside the "
                "scope of the strategy that the model was made in "
                "(`with strategy.scope():`), or the replicas would write over each "
                "other's optimizer state."
            )
        super().compile(optimizer=None, **trainer_arguments)

        serialize = keras.saving.serialize_keras_object
        config = dict(trainer_arguments)
        optimizers = {
            role: keras.optimizers.get(optimizer)
            for role, optimizer in optimizers.items()
        }
        if len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers):
            raise ValueError(
                "Each role needs an optimizer of its own, because an optimizer keeps "
                "state for each weight. Received the same object for "
                f"{list(optimizers)}."
            )
        for role, optimizer in optimizers.items():
            config[f"{role}_optimizer"] = serialize(optimizer)
            if self._needs_loss_scaling(role, optimizer, trainer_arguments):
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            # Built here and not at the first step: state is restored only into
            # optimizers that already have their variables.
            optimizer.build(self.trainable_variables_of(role))
            setattr(self, f"{role}_optimizer", optimizer)
        for name, loss in losses.items():
            config[name] = serialize(loss)
            setattr(self, name, loss)
        self._compile_config = config

    def _needs_loss_scaling(self, role, optimizer, trainer_arguments):
        if not trainer_arguments["auto_scale_loss"]:
            return False
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            return False
        layers = [
            layer
            for name in self.roles[role]
            for layer in getattr(self, name)._flatten_layers()
        ]
        return any(layer.compute_dtype == "float16" for layer in layers)

    def get_compile_config(self):
        return dict(self._compile_config) if self._compile_config else {}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

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
        """Trains as `keras.Model.fit` does, after a check of the data's shapes.

        A dataset of `keras_gans.data` may also go on in the middle of an epoch.
        """
        spec = _element_spec(x, y)
        if spec is not None:
            with self.distribute_strategy.scope():
                self.build_state(spec)
        if isinstance(x, tf.data.Dataset):
            # A dataset is shuffled already; Keras's default would only warn.
            kwargs.setdefault("shuffle", False)
        if hasattr(x, "position"):
            callbacks = _EpochCallbacks(
                x,
                getattr(callbacks, "callbacks", callbacks),
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=kwargs.get("steps_per_epoch") or x.steps_per_epoch,
                model=self,
            )
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            **kwargs,
        )

    def make_train_function(self, force=False):
        if force or self.train_function is None:
            super().make_train_function(force)
            networks = [getattr(self, name) for name in self.network_names]
            self.train_function = without_remapping(self.train_function, networks)

    # Update ------------------------------------------------------------------------

    def trainable_variables_of(self, role):
        """Returns the trainable variables that the optimizer of `role` updates."""
        return [
            variable
            for name in self.roles[role]
            for variable in getattr(self, name).trainable_variables
        ]

    def minimize(self, roles, closure):
        """Makes one update for each role from one forward computation.

        All gradients are taken at the weights that the closure saw; then they are
        applied. Where losses share a part of the computation (a discriminator's pass
        over the fakes, say) that part runs once.

        Args:
            roles: Tuple of roles, in the order of their updates.
            closure: Function without arguments that returns a dict with at least the
                entry `"<role>_loss"`, a scalar, for each role. It is recorded for
                differentiation.

        Returns:
            The dict that the closure returned, values as they were.
        """
        with tf.GradientTape(persistent=len(roles) > 1) as tape:
            losses = closure()
            scaled_losses = [
                self._optimizer_of(role).scale_loss(losses[f"{role}_loss"])
                for role in roles
            ]
        variables = [
            [
                variable
                for name in self.roles[role]
                for variable in _computed_variables(getattr(self, name))
            ]
            for role in roles
        ]
        gradients = [
            tape.gradient(loss, sources)
            for loss, sources in zip(scaled_losses, variables, strict=True)
        ]
        for role, gradient, sources in zip(roles, gradients, variables, strict=True):
            self._optimizer_of(role).apply(gradient, sources)
        if "generator" in roles:
            self._update_averages()
        return losses

    def inference_network(self, name):
        """Returns a network as it is used outside of training.

        Args:
            name: One of `network_names`.

        Returns:
            The average of a generator's weights over training if there is one
            (`ema_decay`), else the network itself.
        """
        return getattr(self, f"averaged_{name}", None) or getattr(self, name)

    def _update_averages(self):
        """Moves each averaged weight by 1 - `ema_decay` of the way to the current one.

        In the first updates, 1 / (updates + 1) is more and taken in its place: until
        there are 1 / (1 - `ema_decay`) updates, all weights so far count the same. The
        moving statistics of a batch normalization are averaged as well. Those of the
        moment would not fit the weights, which lie behind. Other values that are not
        trained, such as counters, are copied.
        """
        if self.ema_decay is None:
            return
        updates = ops.cast(self.generator_optimizer.iterations, "float32")
        share = ops.maximum(1.0 - self.ema_decay, 1.0 / (updates + 1.0))
        for name in self.roles["generator"]:
            network, average = getattr(self, name), getattr(self, f"averaged_{name}")
            for source, target in zip(network.weights, average.weights, strict=True):
                if keras.backend.is_float_dtype(target.dtype):
                    step = ops.cast(share, target.dtype) * (source - target)
                    target.assign(target + step)
                else:
                    target.assign(source)

    def _check_ema_decay(self):
        message = (
            "Argument `ema_decay` must be None or a number in [0, 1). "
            f"Received: ema_decay={self.ema_decay!r}"
        )
        if isinstance(self.ema_decay, bool) or not isinstance(
            self.ema_decay, (int, float)
        ):
            raise TypeError(message)
        if not 0 <= self.ema_decay < 1:
            raise ValueError(message)

    def gradient_norm(self, role, closure):
        """Returns the norm of a loss's gradient, of all weights of a role together.

        Args:
            role: One of `roles`.
            closure: Function without arguments that returns the loss, a scalar.
        """
        with tf.GradientTape() as tape:
            loss = closure()
        return tf.linalg.global_norm(
            tape.gradient(loss, self.trainable_variables_of(role))
        )

    @property
    def iterations(self):
        """Generator updates since training began, resumed training included."""
        return int(self.generator_optimizer.iterations.numpy())

    def batches(self, iterations):
        """Returns the batches that so many generator updates take, one each."""
        return iterations

    def _optimizer_of(self, role):
        return getattr(self, f"{role}_optimizer")

    def call_together(self, network, inputs, training):
        """Calls a network on several independent batches, at once where that is exact.

        A network without batch statistics gives every sample the same result whatever
        else is in the batch, so one call on the joined batch is as exact as several
        calls, and faster.

        Args:
            network: A `keras.Model`.
            inputs: List of inputs, one for each call: a tensor, or a list of them for a
                network with several inputs.
            training: Boolean.

        Returns:
            The list of outputs, one for each input.
        """
        if len(inputs) == 1 or (training and _has_batch_statistics(network)):
            return [network(x, training=training) for x in inputs]
        joined = keras.tree.map_structure(lambda *x: ops.concatenate(x, 0), *inputs)
        outputs = network(joined, training=training)
        # `ops.split` needs a batch size that is known while tracing.
        sizes = [ops.shape(keras.tree.flatten(x)[0])[0] for x in inputs]
        parts = [tf.split(output, sizes) for output in keras.tree.flatten(outputs)]
        return [
            keras.tree.pack_sequence_as(outputs, list(part)) for part in zip(*parts)
        ]

    # Logs --------------------------------------------------------------------------

    @property
    def metrics(self):
        return list(self._loss_trackers.values())

    def log(self, losses, values=None):
        """Adds losses to their epoch averages and returns all averages.

        Args:
            losses: Dict from names in `loss_names` to scalars as Keras `Loss` objects
                give them (divided by the number of replicas).
            values: Optional dict from further names in `loss_names` to scalars that
                are logged as they are.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name, loss in losses.items():
            # TensorFlow would merge the tracker's addition with those inside the loss,
            # in an order that depends on which buffer is free at that moment, and two
            # equal runs would differ in the last bit. This identity keeps them apart.
            loss = tf.raw_ops.Snapshot(input=loss * replicas)
            self._loss_trackers[name].update_state(loss)
        for name, value in (values or {}).items():
            self._loss_trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self._loss_trackers.items()}

    # Configuration and state -------------------------------------------------------

    def get_config(self):
        config = {**super().get_config(), "ema_decay": self.ema_decay}
        for name in self.network_names:
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for name in cls.network_names:
            config[name] = keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
        return cls(**config)

    def build_state(self, element_spec):
        """Checks a dataset and creates the variables whose shapes depend on it.

        `fit` calls it before anything is traced, and a checkpoint is restored after it,
        into variables that exist. By default there is nothing to check or to create.

        Args:
            element_spec: The `element_spec` of the `tf.data.Dataset` to train on.
        """

    def training_state(self):
        """Returns every variable that the next step depends on, in named lists.

        It holds the networks, the image pools, the epoch averages and the state of all
        random generators (`"model"`), and each optimizer with its schedule position.
        `keras_gans.callbacks.Checkpoint` saves it; the values are `tf.Variable`s.
        """
        state = {"model": self.variables + self.metrics_variables}
        for role in self.roles:
            state[f"{role}_optimizer"] = self._optimizer_of(role).variables
        return {
            name: [variable.value for variable in variables]
            for name, variables in state.items()
        }

    def _seed_variables(self):
        known = {id(variable) for variable in self.weights + self.metrics_variables}
        return [variable for variable in self.variables if id(variable) not in known]

    # Keras leaves the state of random generators out of a `.keras` file.
    def save_own_variables(self, store):
        super().save_own_variables(store)
        for index, variable in enumerate(self._seed_variables()):
            store[f"seed_{index}"] = variable.numpy()

    def load_own_variables(self, store):
        seeds = self._seed_variables()
        super().load_own_variables(
            {key: store[key] for key in store.keys() if not key.startswith("seed_")}
        )
        for index, variable in enumerate(seeds):
            if f"seed_{index}" in store.keys():
                variable.assign(store[f"seed_{index}"])


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that gives every replica of a strategy seeds of its own.

    Keras's gives all replicas the same, so that each would draw the same noise. The
    first replica, and a model without replicas, draw what Keras's generator gives.
    """

    def next(self, ordered=True):
        state = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return state
        # Far from the seeds that other generators of a model count up from.
        offset = tf.cast(replica.replica_id_in_sync_group, state.dtype) * 0x9E3779B
        return state + tf.stack([offset, tf.zeros_like(offset)])


class _EpochCallbacks(keras.callbacks.CallbackList):
    """Callbacks of an epoch that may go on in its middle.

    Keras takes such an epoch for a whole one: it would count its batches from zero, so
    that a progress bar ends early, and would warn at its end that the data ran out.
    """

    def __init__(self, data, callbacks, **kwargs):
        super().__init__(callbacks, **kwargs)
        self._data = data
        self._ends_here = False

    def on_epoch_begin(self, epoch, logs=None):
        self._skipped = int(self._data.position.numpy()) % self._data.steps_per_epoch
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self._skipped + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        batch += self._skipped
        super().on_train_batch_end(batch, logs)
        is_last = batch + 1 >= self._data.steps_per_epoch
        if self._skipped and is_last and not self.model.stop_training:
            # The public way out of the loop over the batches; taken back at once.
            self._ends_here = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ends_here:
            self._ends_here = self.model.stop_training = False
        super().on_epoch_end(epoch, logs)


def _computed_variables(network):
    """The weights to update; of a network that grows not those of later stages."""
    return getattr(network, "computed_variables", network.trainable_variables)


def _element_spec(x, y):
    """Returns the structure of a batch, or None where only iterating would tell."""
    if isinstance(x, tf.data.Dataset):
        return x.element_spec
    arrays = [array for array in (x, y) if array is not None]
    if not arrays or not all(hasattr(array, "dtype") for array in arrays):
        return None
    specs = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays]
    return specs[0] if len(specs) == 1 else tuple(specs)


def _has_batch_statistics(network):
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in network._flatten_layers()
    )
