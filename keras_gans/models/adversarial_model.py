"""The base of every model: networks and optimizers by role, and one update helper."""

import functools
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import require
from keras_gans.distribution import copies_of, synchronize
from keras_gans.losses.common import find_loss
from keras_gans.losses.penalties import get_penalty
from keras_gans.models.averages import average_of, check_ema_decay
from keras_gans.models.fitting import Fitting
from keras_gans.models.optimizers import (
    RoleOptimizers,
    constant_rates,
    make_optimizers,
)
from keras_gans.models.recording import Recording
from keras_gans.models.seeds import ReplicaSeedGenerator, let_replicas_differ
from keras_gans.models.structure import batch_normalization_of

# What a model counts, beside its optimizers.
_COUNTS = ("trained_batches", "earlier_iterations")
_TRAINER_ARGUMENTS = {
    "run_eagerly": False,
    "steps_per_execution": 1,
    "jit_compile": "auto",
    "auto_scale_loss": True,
}


class AdversarialModel(Fitting):
    """Base class of models in which networks with opposed losses train in turns.

    It owns what every such model needs and `keras.Model` lacks: networks and optimizers
    by role with their full `.keras` round trip, loss scaling for each optimizer,
    penalties of the discriminator, epoch averages of every logged loss, and `minimize`,
    the one place where gradients are taken. It does not own the order of the updates:
    each subclass writes its own `train_step`, so that the file reads like the paper.

    A subclass sets three class attributes and implements `compile`, `train_step`,
    `test_step` and `call`. Its named arguments are attributes of the same name, and so
    in the configuration; a class outside of this package implements `get_config` for
    them. Where its paper has them it also overrides `default_optimizer` and
    `default_penalty`. Its losses are methods that return dicts of named scalars,
    `discriminator_losses` and `generator_losses`, each with the entry `"<role>_loss"`
    that is minimized.

    In every model `compile` takes the arguments below, and the losses of the paper. All
    have the paper's default, so that `compile()` alone trains its setting.

    - `generator_optimizer`, `discriminator_optimizer`: Optimizer or its name. Default
      to `default_optimizer(role)`: DCGAN's `Adam(2e-4, beta_1=0.5)`, if the model says
      nothing else.
    - `adversarial_loss`: Name or pair of losses, see
      `keras_gans.losses.adversarial_loss_pair`.
    - `penalty`: Penalty on the discriminator's gradient or its name, see
      `keras_gans.losses.get_penalty`. Defaults to `default_penalty()`.
    - `**kwargs`: `run_eagerly`, `steps_per_execution`, `jit_compile` and
      `auto_scale_loss` of `keras.Model.compile`.

    Class attributes:
        network_names: Tuple of strings, the keyword arguments that hold networks.
        roles: Dict from role to the names of the networks that the role's optimizer
            updates. The optimizer is the attribute `<role>_optimizer`.
        loss_names: Tuple of strings, the values that are logged.

    Attributes:
        optimizer: What Keras's callbacks find: the optimizers of all roles, see
            `keras_gans.models.optimizers.RoleOptimizers`.
        trained_batches: Integer, batches of data of `keras_gans.data` trained so far:
            the number of the next one. It is saved with the weights.
        skipped_batches: Integer, in `fit` those of this epoch before it was resumed.

    Args:
        networks: Dict from name to built `keras.Model`.
        ema_decay: Optional float in [0, 1), 0.999 say. With it the model keeps an
            exponential moving average of the weights of its generators, in networks
            `averaged_<name>` that are saved, resumed and used for calls outside of
            training, pictures, scores and export; losses are always those of the
            weights that are trained. `None`, the default, keeps none.
        **kwargs: `name` and so on of `keras.Model`.
    """

    network_names = ("generator", "discriminator")
    roles = {"generator": ("generator",), "discriminator": ("discriminator",)}
    loss_names = ("generator_loss", "discriminator_loss")
    # Arguments that are in no configuration, because others say the same.
    unsaved_arguments = ("networks",)
    trained_batches = 0
    skipped_batches = 0
    # Generator updates before the optimizers of the last `compile` were made.
    earlier_iterations = 0
    # Whether `load_weights` was called since the last `fit`.
    has_loaded_weights = False

    def __init__(self, networks, ema_decay=None, **kwargs):
        super().__init__(**kwargs)
        for name in self.network_names:
            network = networks[name]
            require(
                isinstance(network, keras.Model),
                f"Argument `{name}` must be a `keras.Model`",
                TypeError,
                **{name: network},
            )
            require(
                network.built,
                f"Argument `{name}` must be built, so that its weights can be saved "
                f"and restored: give it an `Input`, or call its `build(shape)` first",
                **{name: network},
            )
            setattr(self, name, network)
        require(
            len(set(map(id, networks.values()))) == len(networks),
            "Each role needs a network of its own, or shared weights would be updated "
            f"twice in a step. Received one for several of {list(networks)}",
        )
        self.ema_decay = ema_decay
        if ema_decay is not None:
            check_ema_decay(ema_decay)
            for name in self.roles["generator"]:
                setattr(self, f"averaged_{name}", average_of(networks[name]))
        self._loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in self.loss_names
        }
        self.penalty = None
        self._compile_config = None
        self._is_restored = False
        self.built = True

    def check_shapes_are_known(self):
        """Raises a `ValueError` if a network cannot tell the shape of its input."""
        for name in self.network_names:
            require(
                hasattr(getattr(self, name), "input_shape"),
                f"Argument `{name}` must be a model that knows its input shape. One "
                "whose class has a `call` of its own gets there by `inputs = "
                "keras.Input((None, None, 3))` and `keras.Model(inputs, "
                "network(inputs))`",
                **{name: type(getattr(self, name)).__name__},
            )

    # Compilation -------------------------------------------------------------------

    def compile_roles(self, optimizers, losses, **kwargs):
        """Compiles with one optimizer for each role; to be called from `compile`.

        Args:
            optimizers: One for each of `roles`, in their order, or a dict of them: a
                Keras optimizer, its name, or None for `default_optimizer(role)`.
            losses: Dict from attribute name to a `keras.losses.Loss`, or to a pair of
                them. Each becomes an attribute of the model. The entry `"penalty"` of a
                model that takes one is a penalty, the name of one for
                `keras_gans.losses.get_penalty`, or None for `default_penalty()`.
            **kwargs: As for `compile`; also a subclass's further losses (`loss_names`).
        """
        further = {name: kwargs.pop(name) for name in self.loss_names if name in kwargs}
        losses = {
            name: loss if name == "penalty" else find_loss(name, loss)
            for name, loss in {**losses, **further}.items()
        }
        unknown = sorted(set(kwargs) - set(_TRAINER_ARGUMENTS))
        require(
            not unknown,
            f"`{type(self).__name__}.compile` got arguments that it does not take: "
            f"{unknown}. Beside its optimizers and losses it takes "
            f"{sorted(_TRAINER_ARGUMENTS)}",
            TypeError,
        )
        trainer_arguments = {**_TRAINER_ARGUMENTS, **kwargs}
        require(
            self.distribute_strategy is tf.distribute.get_strategy(),
            "`compile` must be called, and the optimizers be made, inside the scope of "
            "the strategy that the model was made in (`with strategy.scope():`), or "
            "the replicas would write over each other's optimizer state",
        )
        if self._compile_config is not None:
            self.earlier_iterations = self.iterations
        super().compile(optimizer=None, **trainer_arguments)

        optimizers, configs = make_optimizers(
            self, optimizers, trainer_arguments["auto_scale_loss"]
        )
        config = dict(trainer_arguments)
        for role, optimizer in optimizers.items():
            config[f"{role}_optimizer"] = configs[role]
            setattr(self, f"{role}_optimizer", optimizer)
        # For callbacks. Keras's `fit` makes no use of it.
        self.optimizer = RoleOptimizers(optimizers)
        self.compiled_rates = constant_rates(self.optimizers)
        if "penalty" in losses:
            losses = {**losses, "penalty": self.find_penalty(losses["penalty"])}
        for name, loss in losses.items():
            config[name] = keras.saving.serialize_keras_object(loss)
            setattr(self, name, loss)
        for name in self.network_names:
            synchronize(getattr(self, name))
        let_replicas_differ(self)
        if self.penalty is not None and not hasattr(self, "seed_generator"):
            self.seed_generator = ReplicaSeedGenerator(getattr(self, "seed", None))
        self._compile_config = config

    def default_optimizer(self, role):
        """Returns the optimizer of a role for which `compile` is given none."""
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def default_penalty(self):
        """Returns the paper's penalty, if it has one, for `compile(penalty=None)`."""
        return None

    def find_penalty(self, penalty):
        """Returns the penalty that an argument of `compile` stands for, if any."""
        penalty = self.default_penalty() if penalty is None else get_penalty(penalty)
        if penalty is not None:
            self.check_no_batch_statistics()
        return penalty

    def check_no_batch_statistics(self):
        """Raises a `ValueError` if a discriminator has batch normalization."""
        for name in self.roles["discriminator"]:
            layer = batch_normalization_of(getattr(self, name))
            if layer is None:
                continue
            message = (
                f"Argument `{name}` must do without batch normalization where there is "
                "a penalty, because the gradient at one sample depends on the others "
                f"then. Received a network with the layer {layer.name!r}; use "
                '`normalization="layer"`, "instance" or None.'
            )
            if not self._is_restored:
                raise ValueError(message)
            # What an earlier version saved is still loaded.
            warnings.warn(message)

    def get_compile_config(self):
        return dict(self._compile_config) if self._compile_config else {}

    def compile_from_config(self, config):
        self._is_restored = True
        try:
            self.compile(**keras.saving.deserialize_keras_object(config))
        finally:
            self._is_restored = False

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
            roles: A role, or a tuple of roles in the order of their updates.
            closure: Function without arguments, recorded for differentiation, that
                returns a dict with at least a scalar `"<role>_loss"` for each role.

        Returns:
            The dict that the closure returned.
        """
        roles = (roles,) if isinstance(roles, str) else roles
        return self.recording(*roles).minimize(closure)

    def recording(self, *roles):
        """Records a computation now for an update later.

        What lies between, another update say, is not recorded:

        ```python
        with self.recording("generator") as step:
            fake = self.generator(x, training=True)
        losses = self.minimize("discriminator", lambda: self.discriminator_losses(fake))
        losses |= step.minimize(lambda: self.generator_losses(fake))
        ```

        The context has the method `minimize(closure)` of the model.
        """
        return Recording(self, roles)

    def inference_network(self, name):
        """Returns a network as it is used outside of training.

        That is its average (`ema_decay`) if there is one, else the network itself.
        """
        return getattr(self, f"averaged_{name}", None) or getattr(self, name)

    def penalty_of(self, discriminator, real, fake, training):
        """Returns the penalty of the discriminator, 0 where the model has none.

        `discriminator` is a network of one output, or a function that is called as one.
        Without `training`, random points are the same at every call.
        """
        if self.penalty is None:
            return 0.0
        judge = functools.partial(discriminator, training=training)
        seed = self.seed_generator if training else 0
        return self.penalty(judge, real, fake, seed=seed)

    def deception_loss(self, discriminate, real, fake):
        """Returns the adversarial loss of the generator.

        `discriminate` is a function from a list of batches to the list of outputs.
        """
        loss = self.adversarial_loss[1]
        if getattr(loss, "uses_real_output", True):
            return loss(*discriminate([real, fake]))
        # A loss that does not look at the real output needs no pass for it.
        (output,) = discriminate([fake])
        return loss(output, output)

    def gradient_norm(self, role, closure):
        """Returns the norm of the gradient towards all weights of a role together.

        `closure` returns the loss, a scalar.
        """
        with tf.GradientTape() as tape:
            loss = closure()
        gradients = tape.gradient(loss, self.trainable_variables_of(role))
        return tf.linalg.global_norm(gradients)

    @property
    def iterations(self):
        """Generator updates since training began, whatever was resumed or compiled."""
        updates = int(self.generator_optimizer.iterations.numpy())
        return self.earlier_iterations + updates

    def batches(self, iterations):
        """Returns the batches that so many generator updates take, one each."""
        return iterations

    @property
    def optimizers(self):
        """Dict from role to optimizer."""
        return {role: getattr(self, f"{role}_optimizer") for role in self.roles}

    def call_together(self, network, inputs, training):
        """Calls a network on several independent batches, at once where that is exact.

        A network without batch statistics gives every sample the same result whatever
        else is in the batch, so one call on the joined batch is as exact as several
        calls, and faster.

        `inputs` is a list with an input for each call: a tensor, or a list of them for
        a network with several inputs. What is returned is the list of outputs.
        """
        if len(inputs) == 1 or (training and batch_normalization_of(network)):
            return [network(x, training=training) for x in inputs]
        joined = keras.tree.map_structure(lambda *x: ops.concatenate(x, 0), *inputs)
        outputs = network(joined, training=training)
        # `ops.split` needs a batch size that is known while tracing.
        sizes = [ops.shape(keras.tree.flatten(x)[0])[0] for x in inputs]
        parts = [tf.split(output, sizes) for output in keras.tree.flatten(outputs)]
        parts = zip(*parts)
        return [keras.tree.pack_sequence_as(outputs, list(part)) for part in parts]

    # Logs --------------------------------------------------------------------------

    @property
    def metrics(self):
        return list(self._loss_trackers.values())

    def log(self, losses, values=None):
        """Adds losses to their epoch averages and returns all averages.

        Args:
            losses: Dict from names in `loss_names` to scalars as Keras `Loss` objects
                give them (divided by the number of replicas).
            values: Optional dict of scalars that are logged as they are.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name, loss in losses.items():
            require(
                name in self._loss_trackers,
                f"{type(self).__name__} logs the loss {name!r} and must have it in its "
                f'class attribute: `loss_names = (..., "{name}")`',
                loss_names=[*self._loss_trackers],
            )
            self._loss_trackers[name].update_state(loss * replicas)
        for name, value in (values or {}).items():
            self._loss_trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self._loss_trackers.items()}

    # Configuration and state -------------------------------------------------------

    def get_config(self):
        config = super().get_config()
        for name, value in arguments_of(self, self.unsaved_arguments).items():
            config[name] = _as_lists(value)
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

    def check_spec(self, element_spec):
        """Raises an error if the batches of a dataset cannot be those of this model.

        `fit` and `evaluate` call it with the `element_spec` before anything is traced.
        """

    def build_state(self, element_spec):
        """Checks a dataset and creates the variables whose shapes depend on it.

        `fit` calls it in place of `check_spec`, and a checkpoint is restored after it,
        into variables that exist.
        """
        self.check_spec(element_spec)

    def training_state(self):
        """Returns every variable that the next step depends on, in named lists.

        It holds the networks, the image pools, the epoch averages and the state of all
        random generators (`"model"`), and each optimizer with its schedule position.
        `keras_gans.callbacks.Checkpoint` saves it; the values are `tf.Variable`s, of
        several replicas those of the first.
        """
        return {
            name: [copies_of(variable)[0] for variable in variables]
            for name, variables in self.state_variables().items()
        }

    def state_variables(self):
        """Returns the Keras variables of `training_state`."""
        state = {"model": self.variables + self.metrics_variables}
        for role in self.roles:
            state[f"{role}_optimizer"] = self.optimizers[role].variables
        return state

    def replica_variables(self):
        """Returns those variables of the state that differ between replicas."""
        pools = [
            layer
            for layer in self._flatten_layers()
            if getattr(layer, "differs_between_replicas", False)
        ]
        return self.metrics_variables + [
            variable for pool in pools for variable in pool.weights
        ]

    def _seed_variables(self):
        known = {id(variable) for variable in self.weights + self.metrics_variables}
        return [variable for variable in self.variables if id(variable) not in known]

    def load_weights(self, *args, **kwargs):
        super().load_weights(*args, **kwargs)
        self.has_loaded_weights = True

    # Keras leaves the state of random generators out of a `.keras` file.
    def save_own_variables(self, store):
        super().save_own_variables(store)
        for index, variable in enumerate(self._seed_variables()):
            store[f"seed_{index}"] = variable.numpy()
        for name in _COUNTS:
            store[name] = np.int64(getattr(self, name))

    def load_own_variables(self, store):
        names = list(store.keys())
        own = [name for name in names if not name.startswith(("seed_", *_COUNTS))]
        super().load_own_variables({name: store[name] for name in own})
        for index, variable in enumerate(self._seed_variables()):
            if f"seed_{index}" in names:
                variable.assign(store[f"seed_{index}"])
        for name in _COUNTS:
            if name in names:
                setattr(self, name, int(np.asarray(store[name])))


def _as_lists(value):
    return [*map(_as_lists, value)] if isinstance(value, tuple) else value
