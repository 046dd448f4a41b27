"""Moving averages of the generators' weights: their values, use and keeping."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

import small_gans
from keras_gans.callbacks import Pictures, generated_grid
from keras_gans.callbacks.grids import translation_grid
from keras_gans.models import GAN, CycleGAN
from keras_gans.networks import digit_discriminator, digit_generator

layers = keras.layers
DECAY = 0.6
EAGERLY = {"run_eagerly": True}


def make_model(name="gan", ema_decay=DECAY, compile_arguments=None, **arguments):
    return small_gans.make_model(
        name,
        ema_decay=ema_decay,
        compile_arguments=compile_arguments or EAGERLY,
        **arguments,
    )


def values(network):
    return [variable.numpy() for variable in network.weights]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def averages(networks, decay=DECAY):
    """The recursion in float64; `networks` are the weights after each update."""
    average = [value.astype("float64") for value in networks[0]]
    for updates, weights in enumerate(networks[1:], 1):
        # The average of all so far, as long as it looks further back.
        keep = min(decay, updates / (updates + 1))
        average = [
            keep * mean + (1 - keep) * value
            for mean, value in zip(average, weights, strict=True)
        ]
    return average


class Record(keras.callbacks.Callback):
    """Keeps the weights of the generator, and of its average, after each batch."""

    def __init__(self, model):
        super().__init__()
        self.networks, self.averages = [values(model.generator)], []

    def on_train_batch_end(self, batch, logs=None):
        self.networks.append(values(self.model.generator))
        self.averages.append(values(self.model.averaged_generator))


@pytest.mark.parametrize("decay", [
    pytest.param(0.0, marks=pytest.mark.slow),
    0.6,
    pytest.param(0.9, marks=pytest.mark.slow),
])  # fmt: skip
def test_equals_the_recursion(decay, name="conditional_gan"):
    model = make_model(name, decay)
    assert_same(values(model.generator), values(model.averaged_generator))
    record = Record(model)
    model.fit(small_gans.make_data(name, 5), callbacks=[record], verbose=0)
    for updates, received in enumerate(record.averages, 1):
        expected = averages(record.networks[: updates + 1], decay)
        for one, other in zip(received, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    apart = values(model.generator)[0] - values(model.averaged_generator)[0]
    assert (np.abs(apart).max() > 1e-3) == (decay > 0)


def test_moves_with_the_updates_of_the_generator_alone():
    model = make_model("wgan_gp", n_critic=2)
    record = Record(model)
    model.fit(small_gans.make_data("wgan_gp", 6), callbacks=[record], verbose=0)
    assert model.iterations == 3
    # Two batches to an update: nothing moves in the first of them.
    start = values(make_model("wgan_gp").generator)
    for batch, received in enumerate(record.averages):
        before = record.averages[batch - 1] if batch else start
        moved = any((one != other).any() for one, other in zip(received, before))
        assert moved == (batch % 2 == 1)
    expected = averages(record.networks[::2])
    for one, other in zip(record.averages[-1], expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@keras.saving.register_keras_serializable(package="tests")
class Calls(layers.Layer):
    """Counts its calls in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.count = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def call(self, x, training=False):
        if training:
            self.count.assign_add(1)
        return x


def normalized_model(**arguments):
    networks = small_gans.make_networks("gan")
    networks["generator"] = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(4, use_bias=False),
            layers.BatchNormalization(momentum=0.5),
            Calls(),
            layers.Dropout(0.2),
            layers.Dense(2),
        ]
    )
    model = GAN(**networks, seed=3, **arguments)
    model.compile("adam", "adam", **EAGERLY)
    return model


def test_statistics_are_averaged_and_what_is_no_number_of_the_network_is_copied():
    model = normalized_model(ema_decay=0.6)
    model.generator.layers[-1].trainable = False
    model.compile("adam", "adam", **EAGERLY)
    frozen_ids = {id(variable) for variable in model.generator.layers[-1].weights}
    record = Record(model)
    model.fit(small_gans.make_data("gan", 5), callbacks=[record], verbose=0)
    expected = averages(record.networks, 0.6)
    for variable, average, recursion in zip(
        model.generator.weights, model.averaged_generator.weights, expected, strict=True
    ):
        copied = variable.dtype == "int32"
        frozen = id(variable) in frozen_ids
        assert np.array_equal(variable, average) == (copied or frozen), variable.path
        if not copied:
            np.testing.assert_allclose(average, recursion, rtol=1e-5, atol=1e-6)
    assert int(model.generator.layers[2].count) > 0


def test_off_by_default():
    model, averaging = make_model(ema_decay=None), make_model()
    assert model.ema_decay is None
    count = len(model.generator.weights)
    assert len(averaging.variables) == len(model.variables) + count
    assert model.inference_network("generator") is model.generator
    assert averaging.inference_network("generator") is averaging.averaged_generator
    assert averaging.inference_network("discriminator") is averaging.discriminator
    assert len(averaging.trainable_variables) == len(model.trainable_variables)


@pytest.mark.parametrize(
    "name", ["gan", pytest.param("wgan_gp", marks=pytest.mark.slow)]
)
def test_training_is_the_same_with_and_without(name):
    plain, model = make_model(name, None), make_model(name)
    data = small_gans.make_data(name)
    for _ in range(2):
        assert contracts.train(plain, data) == contracts.train(model, data)
    for network in plain.network_names:
        assert_same(values(getattr(plain, network)), values(getattr(model, network)))
    for role in plain.roles:
        assert_same(
            [variable.numpy() for variable in plain.optimizers[role].variables],
            [variable.numpy() for variable in model.optimizers[role].variables],
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [{"jit_compile": True}, {"steps_per_execution": 2}], ids=str
)
def test_compiled_steps_are_those_of_eager_ones(arguments):
    # XLA has random numbers of its own.
    expected, model = (
        small_gans.fix_noise(make_model(compile_arguments=each))
        for each in (EAGERLY, {"run_eagerly": False, **arguments})
    )
    for each in (expected, model):
        contracts.train(each, small_gans.make_data("gan", 5))
    assert model.iterations == 5
    for name in ("generator", "averaged_generator"):
        pairs = zip(
            values(getattr(model, name)), values(getattr(expected, name)), strict=True
        )
        for one, other in pairs:
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", [
    pytest.param("mixed_float16", marks=pytest.mark.slow),
    "float16",
    pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
])  # fmt: skip
def test_sixteen_bits(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = make_model()
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = model.generator_optimizer
    if policy.endswith("float16") and "b" not in policy:
        optimizer.dynamic_scale.assign(2.0**4)
    assert {each.dtype for each in model.averaged_generator.weights} == {
        each.dtype for each in model.generator.weights
    }
    record = Record(model)
    model.fit(small_gans.make_data("gan", 5), callbacks=[record], verbose=0)
    assert model.iterations == 5
    tolerance = 1e-5 if policy.startswith("mixed") else 5e-3
    for one, other in zip(record.averages[-1], averages(record.networks), strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make_model, marks=pytest.mark.slow),
        # Has all that the plain one has, and more.
        lambda: normalized_model(ema_decay=0.9),
    ],
)
def test_saved_loaded_and_resumed(tmp_path, make):
    data, model = small_gans.make_data("gan", 1), make()
    # A checkpoint into a model with other weights goes on bit for bit ...
    contracts.training_state_is_complete(model, data, make, tmp_path)
    known = {id(value) for value in model.training_state()["model"]}
    averaged = model.averaged_generator.weights
    assert all(id(variable.value) in known for variable in averaged)
    # ... and so does a file.
    loaded = contracts.saving_changes_nothing(model, data, tmp_path)
    assert loaded.ema_decay == model.ema_decay is not None
    contracts.weights_alone_are_saved(model, make, data, tmp_path)
    contracts.evaluation_changes_nothing(make, data)


def test_configuration():
    for decay in (None, 0, 0.5, 0.9999):
        model = make_model(ema_decay=decay)
        config = model.get_config()
        assert config["ema_decay"] == decay
        assert type(model).from_config(config).ema_decay == decay


def set_apart(model):
    """Gives the averages weights of their own, as after long training."""
    random = np.random.default_rng(0)
    for name in model.roles["generator"]:
        for variable in getattr(model, f"averaged_{name}").weights:
            if variable.name != "moving_variance":
                variable.assign(random.normal(0.0, 0.5, variable.shape))
    return model


@pytest.mark.parametrize("name", ["gan", "conditional_gan"])
def test_generates_with_the_average(name):
    model = set_apart(make_model(name))
    latent = model.sample_latent(4, seed=1)
    labels = tf.range(4) % small_gans.CLASSES
    inputs = latent if name == "gan" else [latent, labels]
    for training, network in (
        (False, model.averaged_generator),
        (True, model.generator),
    ):
        assert_same(
            [model(inputs, training=training)], [network(inputs, training=training)]
        )
    expected = model.averaged_generator(inputs)
    assert_same([model.generate(4, seed=1)], [expected])
    assert np.abs(expected - model.generator(inputs)).max() > 0.1
    plain = make_model(name, None)
    plain.generator.set_weights(values(model.averaged_generator))
    samples = [each.generate(9, seed=2)[:, None, None, :1] for each in (model, plain)]
    assert_same(*(([generated_grid(each)]) for each in samples))


def translators():
    """A CycleGAN with averages, and one without that has them as its weights."""
    keras.utils.set_random_seed(0)
    small = {"width": 4, "residual_blocks": 0}
    models = []
    for decay in (0.9, None):
        model = CycleGAN(
            digit_generator(1, 3, **small),
            digit_generator(3, 1, **small),
            digit_discriminator(1, width=4, size=16),
            digit_discriminator(3, width=4, size=16),
            ema_decay=decay,
        )
        model.compile(**EAGERLY)
        models.append(model)
    set_apart(models[0])
    for name in ("generator_xy", "generator_yx"):
        averaged = getattr(models[0], f"averaged_{name}")
        getattr(models[1], name).set_weights(averaged.get_weights())
    return models


def test_translates_with_the_averages(tmp_path):
    model, plain = translators()
    random = np.random.default_rng(0)
    x, y = (
        random.uniform(-1, 1, (2, 16, 16, count)).astype("float32") for count in (1, 3)
    )
    for images, direction in ((x, "xy"), (y, "yx")):
        expected = plain(images, direction=direction)
        assert_same([model(images, direction=direction)], [expected])
        current = getattr(model, f"generator_{direction}")(images, training=False)
        assert np.abs(expected - current).max() > 0.1
        before = model(images, direction=direction, training=True)
        network = getattr(model, f"generator_{direction}")
        assert_same([before], [network(images, training=True)])
    assert_same([translation_grid(model, x, y)], [translation_grid(plain, x, y)])
    pictures = []
    for each, name in ((model, "averaged"), (plain, "plain")):
        grid = Pictures(
            tmp_path / name, lambda model: translation_grid(model, x, y), save_freq=1
        )
        grid.set_model(each)
        grid.on_train_begin()
        (path,) = (tmp_path / name).glob("*.png")
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("value, error", [
    (-0.1, ValueError),
    (1.0, ValueError),
    (1, ValueError),
    (np.nan, ValueError),
    (True, TypeError),
    ("0.9", TypeError),
])  # fmt: skip
def test_wrong_decay(value, error):
    with pytest.raises(error, match=r"`ema_decay` must be None or .* \[0, 1\)"):
        make_model(ema_decay=value)
