"""What every loss, layer and model must satisfy; each test file calls these functions.

They take ready objects or a function that makes them, and raise `AssertionError`. A
`make_model()` returns a compiled model and gives the same weights at every call.
"""

import gc
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf

# The discriminator outputs of the golden numbers of TF-GAN's own tests.
REAL = np.array([-5.0, 1.4, 12.5, 2.7], "float32")
FAKE = np.array([10.0, 4.4, -5.5, 3.6], "float32")


def round_trip(thing):
    """Returns `thing` after a way through JSON, with an unchanged configuration."""
    serialize = keras.saving.serialize_keras_object
    written = json.dumps(serialize(thing))
    again = keras.saving.deserialize_keras_object(json.loads(written))
    assert type(again) is type(thing)
    assert json.dumps(serialize(again)) == written
    return again


def check_adversarial_loss(loss, formula, golden=None):
    """Everything that a loss of (real output, fake output) must satisfy.

    Args:
        loss: Function of keyword arguments (`reduction`, `dtype`) that makes the loss.
        formula: Function of two float64 arrays that returns the loss of each element.
        golden: Optional float, the published value on `REAL` and `FAKE`.
    """
    loss_equals_formula(loss, formula, golden)
    loss_gradient_equals_differences(loss, formula)
    loss_takes_sixteen_bits(loss, formula)
    loss_is_finite_for_extreme_outputs(loss)
    loss_refuses_to_broadcast(loss)
    loss_survives_serialization(loss)


def loss_equals_formula(loss, formula, golden=None):
    expected = formula(REAL.astype("float64"), FAKE.astype("float64"))
    np.testing.assert_allclose(loss()(REAL, FAKE), expected.mean(), rtol=1e-5)
    if golden is not None:
        np.testing.assert_allclose(loss()(REAL, FAKE), golden, rtol=1e-5)

    # Patches are averaged within a sample, and samples stay apart until `reduction`.
    generator = np.random.default_rng(0)
    for shape in ((5, 1), (5, 3, 4, 1)):
        real, fake = generator.normal(0.0, 3.0, (2, *shape))
        each = formula(real, fake).reshape(5, -1).mean(1)
        loss_of_samples_is(loss, each, real, fake)

    # Sizes that are unknown until the graph runs.
    unknown = tf.TensorSpec((None, None, None, 1))
    traced = tf.function(loss(), input_signature=[unknown, unknown])
    np.testing.assert_allclose(traced(real, fake), each.mean(), rtol=1e-5)


def loss_of_samples_is(loss, each, *arguments, rtol=1e-5):
    """Each sample's loss, their mean and their sum, all in float32."""
    for reduction, expected in (
        (None, each),
        ("sum_over_batch_size", each.mean()),
        ("sum", each.sum()),
    ):
        value = loss(reduction=reduction)(*arguments)
        assert value.shape == expected.shape and value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=1e-6)


def loss_gradient_equals_differences(loss, formula, step=1e-5):
    real, fake = REAL.astype("float64"), FAKE.astype("float64")
    for gradient, argument in zip(_gradients(loss(), REAL, FAKE), (real, fake)):
        for index in range(len(argument)):
            kept = argument[index]
            argument[index] = kept + step
            above = formula(real, fake).mean()
            argument[index] = kept - step
            below = formula(real, fake).mean()
            argument[index] = kept
            expected = (above - below) / (2 * step)
            np.testing.assert_allclose(gradient[index], expected, rtol=1e-4, atol=1e-6)


def _gradients(loss, *arguments):
    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = loss(*arguments)
    return tape.gradient(value, arguments, unconnected_gradients="zero")


def loss_takes_sixteen_bits(loss, formula):
    for dtype, tolerance in (("float16", 2e-3), ("bfloat16", 2e-2)):
        real, fake = tf.cast(REAL, dtype), tf.cast(FAKE, dtype)
        expected = formula(
            tf.cast(real, "float64").numpy(), tf.cast(fake, "float64").numpy()
        ).mean()
        # Sixteen bits come in, but the arithmetic is in float32 ...
        value = loss()(real, fake)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        # ... unless sixteen are asked for.
        value = loss(dtype=dtype)(real, fake)
        assert value.dtype == dtype
        # Terms of size ten may cancel, so their rounding counts absolutely as well.
        np.testing.assert_allclose(
            tf.cast(value, "float64"), expected, rtol=tolerance, atol=tolerance
        )


def loss_is_finite_for_extreme_outputs(loss):
    extremes = np.array([-1e4, -1e4, 1e4, 1e4, 0.0], "float32")
    real, fake = extremes, extremes[[0, 2, 0, 2, 4]]
    assert np.isfinite(loss(reduction=None)(real, fake)).all()
    for gradient in _gradients(loss(), real, fake):
        assert np.isfinite(gradient).all()


def loss_refuses_to_broadcast(loss):
    for shape in ((4,), (1, 1), (8, 1)):
        try:
            loss()(np.zeros((4, 1), "float32"), np.zeros(shape, "float32"))
        except ValueError as error:
            assert "same shape" in str(error)
        else:
            raise AssertionError(f"(4, 1) and {shape} were taken together")


def loss_survives_serialization(loss):
    original = loss(reduction=None, dtype="bfloat16")
    again = round_trip(original)
    assert again.reduction is None
    assert again.dtype == "bfloat16"
    expected = loss(reduction=None)(REAL, FAKE)
    np.testing.assert_array_equal(
        round_trip(loss(reduction=None))(REAL, FAKE), expected
    )


def import_tf_gan():
    """Returns `tensorflow_gan`, which wants parts that TensorFlow has lost since."""
    from keras_gans.metrics import import_tensorflow_gan

    return import_tensorflow_gan()


def check_layer(layer, inputs, directory):
    """Configuration, state in a `.keras` file, dtypes and XLA of a built-in block.

    Args:
        layer: A layer that has not been built.
        inputs: NumPy array of float32, a batch of inputs.
        directory: Folder for the saved file.
    """
    before = layer.get_config()
    assert round_trip(layer).get_config() == before
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    model(inputs, training=True)  # whatever state there is, is no longer at its start
    expected = model(inputs, training=False)
    assert layer.get_config() == before

    path = pathlib.Path(directory) / "layer.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    for kept, variable in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(kept, variable)
    np.testing.assert_array_equal(loaded(inputs, training=False), expected)

    compiled = tf.function(lambda x: model(x, training=False), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(inputs)), expected, atol=1e-5)

    for policy in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64"):
        config = {**before, "dtype": policy}
        outputs = type(layer).from_config(config)(inputs)
        assert outputs.dtype == keras.DTypePolicy(policy).compute_dtype


def check_model(make_model, data, directory, still=None):
    """Everything that a compiled model must satisfy that is not of its own paper.

    Args:
        make_model: Function that returns the model, always with the same weights.
        data: Dataset of several batches.
        directory: Folder for saved files.
        still: Dict from network to the number of its weights that have no gradient.
    """
    model = make_model()
    training_state_is_complete(model, data, make_model, directory)
    saving_changes_nothing(model, data, directory)
    weights_alone_are_saved(model, make_model, data, directory)
    roles_are_separate(make_model, data, still or {})
    logs_are_epoch_averages(make_model, data)
    evaluation_changes_nothing(make_model, data)


def values_of(state):
    """Copies a dict of lists of variables."""
    return {
        name: [variable.numpy() for variable in variables]
        for name, variables in state.items()
    }


def assert_same_values(first, second):
    assert first.keys() == second.keys()
    for name in first:
        for one, other in zip(first[name], second[name], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)


def train(model, data):
    """One `fit` through `data`; returns the epoch's logs."""
    history = model.fit(data, verbose=0).history
    return {name: values[0] for name, values in history.items()}


def saving_changes_nothing(model, data, directory):
    """A saved and loaded model is the same, and takes the same next steps."""
    train(model, data)
    path = pathlib.Path(directory) / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    assert _comparable_config(loaded) == _comparable_config(model)
    assert loaded.get_compile_config() == model.get_compile_config()
    # The averages of an epoch belong to `fit`, which starts anew.
    model.reset_metrics()
    assert_same_values(
        values_of(model.training_state()), values_of(loaded.training_state())
    )
    assert train(model, data) == train(loaded, data)
    assert_same_values(
        values_of(model.training_state()), values_of(loaded.training_state())
    )
    return loaded


def _comparable_config(model):
    # Keras gives some shapes as tuples and some as lists; JSON has lists alone.
    config = json.loads(json.dumps(model.get_config()))
    for name in model.network_names:
        # Keras forgets a network's own policy; its layers keep theirs, which count.
        config[name]["config"].pop("dtype", None)
    return config


def weights_alone_are_saved(model, make_model, data, directory):
    """`save_weights` carries networks, optimizers and pools into a new model."""
    train(model, data)
    path = pathlib.Path(directory) / "model.weights.h5"
    model.save_weights(path)
    loaded = make_model()
    loaded.load_weights(path)
    model.reset_metrics()
    assert_same_values(
        values_of(model.training_state()), values_of(loaded.training_state())
    )


def training_state_is_complete(model, data, make_model, directory):
    """Whatever a step changes is in `training_state`, and restoring it is exact."""
    train(model, data)
    # Exports of other tests leave variables of their graphs behind, without a value.
    everything = [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, tf.Variable)
        and tf.is_tensor(thing.handle)
        and hasattr(thing.handle, "numpy")
    ]
    before = [variable.numpy() for variable in everything]
    checkpoint = tf.train.Checkpoint(**model.training_state())
    path = checkpoint.write(os.fspath(pathlib.Path(directory) / "state"))
    train(model, data)

    state = model.training_state()
    assert all(
        isinstance(variable, tf.Variable)
        for variables in state.values()
        for variable in variables
    )
    known = {id(variable) for variables in state.values() for variable in variables}
    changed = [
        variable
        for variable, value in zip(everything, before, strict=True)
        if not np.array_equal(variable.numpy(), value, equal_nan=True)
    ]
    assert changed
    lost = [variable.name for variable in changed if id(variable) not in known]
    assert not lost, f"changed by a step and not in `training_state`: {lost}"

    # A new process would have other weights and empty pools.
    restored = make_model()
    restored.build_state(data.element_spec)
    for variable in restored.trainable_variables:
        variable.assign(variable + 1.0)
    status = tf.train.Checkpoint(**restored.training_state()).read(path)
    status.assert_consumed()
    train(restored, data)
    assert_same_values(values_of(state), values_of(restored.training_state()))


def roles_are_separate(make_model, data, still):
    """The optimizer of a role moves all networks of the role and no others."""
    one_step = data.take(1)
    for role, names in make_model().roles.items():
        model = make_model()
        for other in model.roles:
            if other != role:
                model.optimizers[other].apply = lambda *_, **__: None
        before = {
            name: [v.numpy() for v in getattr(model, name).trainable_variables]
            for name in model.network_names
        }
        train(model, one_step)
        for name, values in before.items():
            same = [
                np.array_equal(value, variable)
                for value, variable in zip(
                    values, getattr(model, name).trainable_variables, strict=True
                )
            ]
            expected = still.get(name, 0) if name in names else len(same)
            assert sum(same) == expected, (role, name, same)


def logs_are_epoch_averages(make_model, data):
    model = make_model()
    steps = [
        train(model, tf.data.Dataset.from_tensors(batch))
        for batch in data.as_numpy_iterator()
    ]
    assert len(steps) > 1
    shown = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: shown.append(dict(logs))
    )
    history = make_model().fit(data, verbose=0, callbacks=[callback]).history
    logs = {name: values[0] for name, values in history.items()}
    # The progress bar shows the average so far, which ends as that of the epoch.
    assert shown[0] == steps[0] and shown[-1] == logs
    # No `loss` of zero, no last batch, no name without a value.
    assert (
        set(logs) == {metric.name for metric in model.metrics} <= set(model.loss_names)
    )
    for name, value in logs.items():
        values = [step[name] for step in steps]
        np.testing.assert_allclose(value, np.mean(values), rtol=1e-5)
        assert np.ptp(values) > 0


def evaluation_changes_nothing(make_model, data):
    model = make_model()
    train(model, data)
    model.reset_metrics()
    before = values_of(model.training_state())
    logs = model.evaluate(data, return_dict=True, verbose=0)
    assert set(logs) == {metric.name for metric in model.metrics}
    assert all(np.isfinite(value) for value in logs.values())
    model.reset_metrics()
    assert_same_values(values_of(model.training_state()), before)


def assert_close_weights(model, expected, tolerance):
    for variable, other in zip(
        model.trainable_variables, expected.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(
            variable, other, atol=tolerance, err_msg=variable.path
        )


def check_mixed_precision(make_model, data, policy, directory):
    """Trains in sixteen bits, close to float32, and saves the state of the scaling."""
    expected = train(make_model(), data)

    def make_in_sixteen_bits():
        kept_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return make_model()
        finally:
            keras.config.set_dtype_policy(kept_policy)

    model = make_in_sixteen_bits()
    optimizers = [model.optimizers[role] for role in model.roles]
    for optimizer in optimizers:
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")
        if scaled:
            # The default of 2**15 may overflow and be halved for the first few steps.
            optimizer.dynamic_scale.assign(2.0**6)

    before = trained_weights(model)
    logs = train(model, data)
    for name, value in logs.items():
        np.testing.assert_allclose(value, expected[name], rtol=0.1)
    assert _moved(model, before) and _is_finite(model)
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}

    if scaled:
        # Beyond float16: such a step is left out, and the next scale is the half.
        for optimizer in optimizers:
            optimizer.dynamic_scale.assign(2.0**60)
        before = trained_weights(model)
        train(model, data)
        assert not _moved(model, before)
        for optimizer in optimizers:
            assert 1.0 < float(optimizer.dynamic_scale) < 2.0**60
            optimizer.dynamic_scale.assign(2.0**6)
    training_state_is_complete(model, data, make_in_sixteen_bits, directory)
    loaded = saving_changes_nothing(model, data, directory)
    assert _moved(model, before) and _is_finite(model)
    for role, optimizer in zip(model.roles, optimizers, strict=True):
        assert type(loaded.optimizers[role]) is type(optimizer)


def trained_weights(model):
    return [variable.numpy() for variable in model.trainable_variables]


def _moved(model, before):
    return not all(
        np.array_equal(value, variable)
        for value, variable in zip(before, model.trainable_variables, strict=True)
    )


def _is_finite(model):
    return all(np.isfinite(variable).all() for variable in model.trainable_variables)


class SequentialPool:
    """The history of images of the authors' code: one image after the other."""

    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, batch, places, coins):
        """Returns the batch after the pool, for given random places and coins."""
        returned = []
        for image, place, coin in zip(np.array(batch), places, coins, strict=True):
            if len(self.images) < self.size:
                self.images.append(image)
                returned.append(image)
            elif coin < 0.5:
                returned.append(self.images[place])
                self.images[place] = image
            else:
                returned.append(image)
        return np.stack(returned)


class NumpyAdam:
    """Adam for one list of arrays, written out."""

    def __init__(self, learning_rate, beta_1, beta_2=0.999, epsilon=1e-7):
        self.constants = learning_rate, beta_1, beta_2, epsilon
        self.step, self.first, self.second = 0, None, None

    def update(self, values, gradients):
        rate, beta_1, beta_2, epsilon = self.constants
        gradients = [np.array(gradient, "float64") for gradient in gradients]
        if self.first is None:
            self.first = [np.zeros_like(gradient) for gradient in gradients]
            self.second = [np.zeros_like(gradient) for gradient in gradients]
        self.step += 1
        new_values = []
        for index, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            first = beta_1 * self.first[index] + (1 - beta_1) * gradient
            second = beta_2 * self.second[index] + (1 - beta_2) * gradient**2
            self.first[index], self.second[index] = first, second
            # Keras adds epsilon to the root of the uncorrected second moment.
            factor = rate * np.sqrt(1 - beta_2**self.step) / (1 - beta_1**self.step)
            new_values.append(value - factor * first / (np.sqrt(second) + epsilon))
        return new_values


def in_channels(images, like):
    """Grey or coloured images in the channels of others."""
    if images.shape[-1] == like.shape[-1]:
        return images
    if images.shape[-1] == 1:
        return tf.concat([images] * 3, -1)
    red, green, blue = tf.unstack(images, axis=-1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[..., None]


class ByHand:
    """Copies of a model's networks, to be updated by steps that are written out.

    Attributes:
        networks: List of them in the order of `model.network_names`.
    """

    def __init__(self, model, rate=1e-2):
        self.names, self.networks = model.network_names, []
        for name in self.names:
            network = getattr(model, name)
            clone = keras.models.clone_model(network)
            clone.set_weights(network.get_weights())
            for layer, copy in zip(network.layers, clone.layers, strict=True):
                if isinstance(layer, keras.layers.Dropout):
                    copy.seed_generator.state.assign(layer.seed_generator.state)
            self.networks.append(clone)
        self.adams = [NumpyAdam(rate, 0.5, epsilon=1e-3) for _ in self.networks]

    def apply(self, index, gradients):
        variables = self.networks[index].trainable_variables
        gradients = [
            np.zeros(variable.shape) if gradient is None else gradient
            for variable, gradient in zip(variables, gradients, strict=True)
        ]
        values = [variable.numpy() for variable in variables]
        for variable, value in zip(
            variables, self.adams[index].update(values, gradients), strict=True
        ):
            variable.assign(value)

    def assert_close(self, model, tolerance):
        """Compares the weights, moving averages included."""
        for name, network in zip(self.names, self.networks, strict=True):
            for variable, value in zip(
                getattr(model, name).weights, network.weights, strict=True
            ):
                np.testing.assert_allclose(
                    variable, value, atol=tolerance, err_msg=variable.path
                )


def adams(rate=1e-2):
    """Optimizers of both roles, of which `ByHand` has copies.

    Adam's first step is the sign of the gradient, however small that is, unless epsilon
    is larger than rounding errors are.
    """
    return {
        f"{role}_optimizer": keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-3)
        for role in ("generator", "discriminator")
    }


def run_python(source, timeout=300):
    """Runs a program in a fresh process; returns what it printed last, as JSON."""
    root = pathlib.Path(__file__).parents[1]
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join([os.fspath(root), os.fspath(root / "tests")]),
    }
    finished = subprocess.run(
        [sys.executable, "-c", source],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    return json.loads(finished.stdout.strip().splitlines()[-1])


def two_replicas():
    """Returns a strategy over two CPU devices; only in a process that is fresh."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def replicas_minus_one(strategy, make_model, data):
    """Trains on several replicas and on one; returns the largest differences."""
    with strategy.scope():
        model = make_model()
    expected = make_model()
    before = trained_weights(expected)
    logs, expected_logs = train(model, data), train(expected, data)
    assert _moved(expected, before)
    pairs = zip(model.get_weights(), expected.get_weights(), strict=True)
    return {
        "weights": max(float(np.abs(one - other).max()) for one, other in pairs),
        "logs": max(
            abs(logs[name] - value) / max(abs(value), 1e-3)
            for name, value in expected_logs.items()
        ),
    }
