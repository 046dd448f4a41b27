"""What is asked of the optimizers of all roles together, and how they are made."""

import functools

import keras
import tensorflow as tf

from keras_gans.checks import finite_float, require
from keras_gans.distribution import take_summed_gradients


class RoleOptimizers:
    """What `model.optimizer` is: the optimizers of all roles, for who asks for one.

    Keras's callbacks (`ReduceLROnPlateau`, `LearningRateScheduler`, `TensorBoard`) and
    those of trackers know models with one optimizer. They find here the learning rate,
    the count of updates and the configuration. Updates are made by the optimizers of
    the roles, the attributes `<role>_optimizer` of the model.

    Args:
        optimizers: Dict from role to built optimizer, the generator's among them.

    Attributes:
        learning_rate: Reading gives that of the generator, a scalar tensor. A number
            that is assigned becomes the generator's, and all others change by the same
            factor: what a model was compiled with as a ratio of the rates stays. Raises
            a `TypeError` where a role has a schedule.
        iterations: Variable, the updates of the generator.
    """

    built = True

    def __init__(self, optimizers):
        self._optimizers = dict(optimizers)
        self._rates = constant_rates(self._optimizers)
        self.name = "_and_".join(one.name for one in self._optimizers.values())

    @property
    def learning_rate(self):
        # No variable, because `assign` on it would change one role alone.
        return tf.convert_to_tensor(self._optimizers["generator"].learning_rate)

    @learning_rate.setter
    def learning_rate(self, value):
        rates = constant_rates(self._optimizers)
        for role in self._optimizers:
            require(
                role in rates,
                f"The learning rate of the {role}'s optimizer is a schedule and cannot "
                f"be set. Compile with a number, `{role}_optimizer=keras.optimizers."
                "Adam(2e-4)` say, or leave out the callback that sets it",
                TypeError,
            )
        value = finite_float("learning_rate", _number(value))
        if rates["generator"] > 0:
            # Where a rate of 0 is left again, in a warm-up, the ratio is the last one.
            self._rates = rates
        ratio_to = self._rates["generator"]
        for role, optimizer in self._optimizers.items():
            ratio = self._rates[role] / ratio_to if ratio_to else 1.0
            optimizer.learning_rate = value * ratio

    @property
    def iterations(self):
        return self._optimizers["generator"].iterations

    @property
    def variables(self):
        return [each for one in self._optimizers.values() for each in one.variables]

    def get_config(self):
        """Returns the learning rate of the generator, and every optimizer's config."""
        serialize = keras.saving.serialize_keras_object
        generator = _inner(self._optimizers["generator"])
        return {
            "name": self.name,
            "learning_rate": generator.get_config()["learning_rate"],
            **{f"{role}_optimizer": serialize(one) for role, one in self.items()},
        }

    def items(self):
        return self._optimizers.items()

    def __getattr__(self, name):
        raise AttributeError(
            f"`model.optimizer` stands for the optimizers of all roles and has no "
            f"{name!r}. Each is an attribute of the model: `model.generator_optimizer`."
            " (Averages of weights are kept by the model's argument `ema_decay`.)"
        )


def make_optimizers(model, optimizers, auto_scale_loss):
    """Makes what `compile` is given into a dict of built optimizers.

    Args:
        model: `AdversarialModel`.
        optimizers, auto_scale_loss: As for `AdversarialModel.compile_roles`.

    Returns:
        Tuple of the dict from role to optimizer, and of that of their configurations.
    """
    if not isinstance(optimizers, dict):
        optimizers = dict(zip(model.roles, optimizers, strict=True))
    optimizers = {
        role: keras.optimizers.get(optimizer or model.default_optimizer(role))
        for role, optimizer in optimizers.items()
    }
    require(
        len(set(map(id, optimizers.values()))) == len(optimizers),
        "Each role needs an optimizer of its own, because an optimizer keeps state "
        f"for each weight. Received the same object for {list(optimizers)}",
    )
    configs = {}
    for role, optimizer in optimizers.items():
        configs[role] = keras.saving.serialize_keras_object(optimizer)
        is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if auto_scale_loss and not is_scaled and _computes_in_float16(model, role):
            optimizers[role] = keras.optimizers.LossScaleOptimizer(optimizer)
        # Built here and not at the first step: state is restored only into optimizers
        # that already have their variables.
        optimizers[role].build(model.trainable_variables_of(role))
        take_summed_gradients(optimizers[role])
        update_in_one_kernel(optimizers[role])
    return optimizers, configs


def update_in_one_kernel(optimizer):
    """Lets `keras.optimizers.Adam` update each weight in one pass over it.

    Keras composes an update of eleven operations, each of which reads and writes
    tensors of the size of the weight: a quarter of a step of pix2pix, whose U-Net has
    54 million weights. TensorFlow has a kernel that computes the same, in the same
    order. (It takes 1 - β₂ in float32, where Keras takes it in Python: 1.3e-5 apart.)

    Optimizers of other classes, and Adam with `amsgrad`, stay as they are.
    """
    adam = _inner(optimizer)
    if type(adam) is not keras.optimizers.Adam or adam.amsgrad:
        return

    def update_all(distribution, grads_and_vars, learning_rate):
        shared = {}  # By all weights of a type, so that a graph has it once.

        def update(variable, gradient, learning_rate):
            if isinstance(gradient, tf.IndexedSlices):
                adam.update_step(gradient, variable, learning_rate)
                return
            cast = functools.partial(tf.cast, dtype=variable.dtype)
            if variable.dtype not in shared:
                step = cast(adam.iterations + 1)
                shared[variable.dtype] = {
                    "beta1_power": cast(adam.beta_1) ** step,
                    "beta2_power": cast(adam.beta_2) ** step,
                    "lr": cast(learning_rate),
                    "beta1": cast(adam.beta_1),
                    "beta2": cast(adam.beta_2),
                    "epsilon": cast(adam.epsilon),
                }
            index = adam._get_variable_index(variable)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=adam._momentums[index].value.handle,
                v=adam._velocities[index].value.handle,
                grad=cast(gradient),
                **shared[variable.dtype],
            )

        for gradient, variable in grads_and_vars:
            # Of several replicas each has a learning rate, which this picks from.
            distribution.extended.update(
                variable, update, args=(gradient, learning_rate), group=False
            )

    adam._distributed_tf_update_step = update_all


def constant_rates(optimizers):
    """Returns a dict of the learning rates that are numbers and not schedules.

    `optimizers` is a dict of optimizers; the keys are kept.
    """
    rates = {}
    for role, optimizer in optimizers.items():
        rate = _inner(optimizer).get_config()["learning_rate"]
        if not isinstance(rate, dict):
            rates[role] = float(rate)
    return rates


def _inner(optimizer):
    return getattr(optimizer, "inner_optimizer", optimizer)  # Of loss scaling.


def _number(value):
    """Returns a number, of a scalar array or tensor too."""
    is_scalar = getattr(value, "shape", None) == ()
    return float(keras.ops.convert_to_numpy(value)) if is_scalar else value


def _computes_in_float16(model, role):
    return any(
        layer.compute_dtype == "float16"
        for name in model.roles[role]
        for layer in getattr(model, name)._flatten_layers()
    )
