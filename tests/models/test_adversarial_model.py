"""The base model, on the smallest of GANs: networks of two layers, updated in turns."""

import functools

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_gans.losses import adversarial_loss_pair
from keras_gans.models import AdversarialModel


@keras.saving.register_keras_serializable(package="tests")
class TinyGAN(AdversarialModel):
    """Discriminator first, then the generator against the new discriminator."""

    def __init__(self, generator, discriminator, latent_dim=3, seed=None, **kwargs):
        super().__init__(
            networks={"generator": generator, "discriminator": discriminator}, **kwargs
        )
        self.latent_dim, self.seed = latent_dim, seed
        self.noise = keras.random.SeedGenerator(seed)

    def compile(
        self,
        generator_optimizer="adam",
        discriminator_optimizer="adam",
        adversarial_loss="non_saturating",
        **kwargs,
    ):
        self.compile_roles(
            optimizers={
                "generator": generator_optimizer,
                "discriminator": discriminator_optimizer,
            },
            losses={"adversarial_loss": adversarial_loss_pair(adversarial_loss)},
            **kwargs,
        )

    def call(self, z, training=False):
        return self.generator(z, training=training)

    def compute_losses(self, real, training):
        shape = (tf.shape(real)[0], self.latent_dim)
        z = keras.random.normal(shape, seed=self.noise) if training else tf.ones(shape)
        fake = self.discriminator(self.generator(z, training=training))
        names = "discriminator_loss", "generator_loss"
        return {
            name: loss(self.discriminator(real), fake)
            for name, loss in zip(names, self.adversarial_loss)
        }

    def train_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        logs = {}
        for role in ("discriminator", "generator"):
            losses = self.minimize((role,), lambda: self.compute_losses(real, True))
            logs[f"{role}_loss"] = losses[f"{role}_loss"]
        return self.log(logs)

    def test_step(self, real):
        return self.log(self.compute_losses(real, training=False))

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
        }


def dense(inputs, outputs, name, dropout=0.0):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            # All units are at work, so that every weight has a gradient.
            layers.Dense(8, activation="softplus"),
            layers.Dropout(dropout),
            layers.Dense(outputs, dtype="float32"),
        ],
        name=name,
    )


def make_networks():
    return {
        "generator": dense(3, 2, "generator", dropout=0.3),
        "discriminator": dense(2, 1, "discriminator"),
    }


def make_model(**kwargs):
    keras.utils.set_random_seed(0)
    model = TinyGAN(**make_networks(), seed=1)
    arguments = {
        "generator_optimizer": keras.optimizers.Adam(1e-2),
        "discriminator_optimizer": "sgd",
        **kwargs,
    }
    model.compile(**arguments)
    return model


def make_data(samples=12, batch_size=4):
    x = np.random.default_rng(0).normal(1.0, 1.0, (samples, 2)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(x).batch(batch_size, drop_remainder=True)


@pytest.mark.parametrize(
    "run_eagerly", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_contract(run_eagerly, tmp_path):
    contracts.check_model(
        lambda: make_model(run_eagerly=run_eagerly), make_data(), tmp_path
    )


@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_mixed_precision(policy, tmp_path):
    make = functools.partial(make_model, run_eagerly=True)
    contracts.check_mixed_precision(make, make_data(), policy, tmp_path)


def test_contract_sees_what_is_missing(tmp_path, monkeypatch):
    # A contract that cannot be broken proves nothing.
    complete = TinyGAN.training_state

    def without_noise(self):
        state = complete(self)
        noise = self.noise.state.value
        state["model"] = [each for each in state["model"] if each is not noise]
        return state

    monkeypatch.setattr(TinyGAN, "training_state", without_noise)
    with pytest.raises(AssertionError, match="seed_generator_state"):
        contracts.training_state_is_complete(
            make_model(run_eagerly=True), make_data(), make_model, tmp_path
        )


class Quadratic(TinyGAN):
    """Losses of the weights alone, so that gradients are known without data."""

    def quadratic_losses(self):
        g = tf.add_n([tf.reduce_sum(v**2) for v in self.generator.trainable_variables])
        d = tf.add_n(
            [tf.reduce_sum(v**2) for v in self.discriminator.trainable_variables]
        )
        return {
            "generator_loss": g * d,
            "discriminator_loss": d * g,
            "more": g,
            "discriminator": d,
        }


def quadratic_model():
    keras.utils.set_random_seed(0)
    model = Quadratic(**make_networks())
    model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.1))
    g, d = (
        [v.numpy().astype("float64") for v in network.trainable_variables]
        for network in (model.generator, model.discriminator)
    )
    return model, g, d


def total(values):
    return sum(np.sum(value**2) for value in values)


def test_minimize_together_takes_all_gradients_at_the_same_weights():
    model, g, d = quadratic_model()
    losses = model.minimize(("generator", "discriminator"), model.quadratic_losses)
    # What the closure returned comes back as it was, other entries included.
    np.testing.assert_allclose(losses["generator_loss"], total(g) * total(d), rtol=1e-5)
    np.testing.assert_allclose(losses["more"], total(g), rtol=1e-5)
    for values, other, rate, network in (
        (g, d, 0.01, model.generator),
        (d, g, 0.1, model.discriminator),
    ):
        for value, variable in zip(values, network.trainable_variables, strict=True):
            expected = value - rate * 2 * value * total(other)
            np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-7)


def test_minimize_in_turns_sees_the_first_update():
    model, g, d = quadratic_model()
    model.minimize("discriminator", model.quadratic_losses)
    new_d = [value - 0.1 * 2 * value * total(g) for value in d]
    for value, variable in zip(g, model.generator.trainable_variables, strict=True):
        np.testing.assert_array_equal(value.astype("float32"), variable)
    model.minimize(("generator",), model.quadratic_losses)
    for value, variable in zip(g, model.generator.trainable_variables, strict=True):
        expected = value - 0.01 * 2 * value * total(new_d)
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-7)


def test_a_recording_goes_on_after_the_update_between():
    model, g, d = quadratic_model()
    with model.recording("generator") as step:
        recorded = model.quadratic_losses()["more"]
    model.minimize("discriminator", model.quadratic_losses)
    new_d = [value - 0.1 * 2 * value * total(g) for value in d]
    losses = step.minimize(
        lambda: {"generator_loss": recorded * model.quadratic_losses()["discriminator"]}
    )
    np.testing.assert_allclose(
        losses["generator_loss"], total(g) * total(new_d), rtol=1e-4
    )
    for value, variable in zip(g, model.generator.trainable_variables, strict=True):
        expected = value - 0.01 * 2 * value * total(new_d)
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-7)


def test_iterations_count_generator_updates():
    model = make_model(run_eagerly=True)
    assert model.iterations == 0
    contracts.train(model, make_data())
    assert model.iterations == 3


def test_numpy_adam_is_keras_adam():
    # The reference of the hand-written updates in other tests.
    variable = keras.Variable([1.0, -2.0, 0.5])
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.5)
    reference, value = contracts.NumpyAdam(0.1, 0.5), variable.numpy()
    for step in range(5):
        gradient = np.array([0.3, -1.0, 1e-3 * step], "float32")
        optimizer.apply([tf.constant(gradient)], [variable])
        (value,) = reference.update([value], [gradient])
        np.testing.assert_allclose(variable, value, rtol=1e-4)


def normalized_network(normalization):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((None, None, 2)),
            layers.Conv2D(4, 3),
            normalization,
            layers.Conv2D(3, 3),
        ]
    )


@pytest.mark.parametrize("sizes", [(3,), (2, 2), (1, 4, 2)])
@pytest.mark.parametrize("training", [False, True])
def test_call_together_is_exact(sizes, training):
    model = make_model()
    generator = np.random.default_rng(0)
    inputs = [
        tf.constant(generator.normal(size=(size, 7, 6, 2)).astype("float32") * size)
        for size in sizes
    ]
    for normalization in (
        layers.GroupNormalization(groups=2),
        layers.BatchNormalization(momentum=0.5),
    ):
        network = normalized_network(normalization)
        again = keras.models.clone_model(network)
        again.set_weights(network.get_weights())
        outputs = model.call_together(network, inputs, training)
        expected = [again(x, training=training) for x in inputs]
        for output, one in zip(outputs, expected, strict=True):
            assert output.shape == one.shape
            np.testing.assert_allclose(output, one, rtol=1e-4, atol=1e-5)
        # The moving statistics saw the same batches in the same order.
        for variable, other in zip(network.weights, again.weights, strict=True):
            np.testing.assert_array_equal(variable, other)


def test_call_together_with_sizes_unknown_to_the_graph():
    model, network = make_model(), normalized_network(layers.GroupNormalization(2))
    x = tf.random.stateless_normal((5, 6, 6, 2), seed=(0, 1))
    traced = tf.function(
        lambda first, second: model.call_together(network, [first, second], True),
        input_signature=[tf.TensorSpec((None, None, None, 2))] * 2,
    )
    for output, one in zip(traced(x[:2], x[2:]), (x[:2], x[2:]), strict=True):
        np.testing.assert_allclose(output, network(one), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_call_together_makes_one_call_where_it_can(training):
    calls = []

    class Counter(layers.Layer):
        def call(self, inputs):
            calls.append(inputs.shape[0])
            return inputs

    model = make_model()
    for normalization, expected in (
        (layers.GroupNormalization(2), [5]),
        (layers.BatchNormalization(), [2, 3] if training else [5]),
    ):
        network = keras.Sequential([keras.Input((6, 6, 2)), Counter(), normalization])
        # Also when the batch statistics are inside a nested network.
        network = keras.Sequential([keras.Input((6, 6, 2)), network])
        calls.clear()
        model.call_together(network, [tf.ones((n, 6, 6, 2)) for n in (2, 3)], training)
        assert calls == expected


def test_compile_arguments_survive_saving(tmp_path):
    arguments = {
        "run_eagerly": False,
        "steps_per_execution": 3,
        "jit_compile": False,
        "auto_scale_loss": False,
    }
    optimizer = keras.optimizers.RMSprop(
        keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9), clipnorm=1.0
    )
    model = make_model(
        generator_optimizer=optimizer, adversarial_loss="least_squares", **arguments
    )
    contracts.train(model, make_data())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.compiled
    assert loaded.steps_per_execution == 3
    assert loaded.jit_compile is False and loaded.run_eagerly is False
    config = loaded.get_compile_config()
    assert config == model.get_compile_config()
    assert {name: config[name] for name in arguments} == arguments
    assert loaded.generator_optimizer.get_config() == optimizer.get_config()
    assert type(loaded.discriminator_optimizer) is keras.optimizers.SGD
    for loss, other in zip(model.adversarial_loss, loaded.adversarial_loss):
        assert loss.get_config() == other.get_config()


def test_uncompiled_model_is_saved(tmp_path):
    model = TinyGAN(**make_networks(), latent_dim=3, seed=4, name="tiny")
    assert model.get_compile_config() == {}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    assert (loaded.name, loaded.seed) == ("tiny", 4)
    np.testing.assert_array_equal(loaded(np.ones((2, 3))), model(np.ones((2, 3))))


def test_dtype_and_trainable_survive_saving(tmp_path):
    model = TinyGAN(**make_networks(), dtype="mixed_bfloat16")
    model.discriminator.trainable = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    assert not loaded.discriminator.trainable_variables
    assert loaded.generator.trainable_variables


def test_custom_loss_object_survives_saving(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Difference(keras.losses.Loss):
        def __init__(self, factor=1.0, name="difference", **kwargs):
            super().__init__(name=name, **kwargs)
            self.factor = factor

        def call(self, real_output, fake_output):
            return self.factor * tf.reduce_mean(fake_output - real_output, axis=1)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    model = make_model(
        adversarial_loss=(Difference(), Difference(-2.0)), run_eagerly=True
    )
    loaded = contracts.saving_changes_nothing(model, make_data(), tmp_path)
    assert [type(loss) for loss in loaded.adversarial_loss] == [Difference] * 2
    assert [loss.factor for loss in loaded.adversarial_loss] == [1.0, -2.0]


def test_a_loss_scale_of_the_user_stays(tmp_path):
    scaled = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), initial_scale=8.0
    )
    model = make_model(generator_optimizer=scaled, run_eagerly=True)
    assert model.generator_optimizer is scaled
    loaded = contracts.saving_changes_nothing(model, make_data(), tmp_path)
    assert isinstance(loaded.generator_optimizer.inner_optimizer, keras.optimizers.SGD)
    assert float(loaded.generator_optimizer.dynamic_scale) == 8.0


def test_loss_scaling_only_where_float16_is():
    keras.utils.set_random_seed(0)
    networks = make_networks()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        networks["discriminator"] = dense(2, 1, "discriminator")
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = keras.optimizers.LossScaleOptimizer
    for automatic in (True, False):
        model = TinyGAN(**networks)
        model.compile(auto_scale_loss=automatic)
        assert not isinstance(model.generator_optimizer, scaled)
        assert isinstance(model.discriminator_optimizer, scaled) == automatic


def test_compiling_again_begins_with_new_optimizers():
    model, data = make_model(run_eagerly=True), make_data()
    contracts.train(model, data)
    updates = model.iterations
    model.compile("sgd", keras.optimizers.SGD(0.0), "minimax", run_eagerly=True)
    assert int(model.generator_optimizer.iterations) == 0
    # The updates were made all the same.
    assert model.iterations == updates > 0
    before = [v.numpy() for v in model.discriminator.trainable_variables]
    logs = contracts.train(model, data)
    for value, variable in zip(before, model.discriminator.trainable_variables):
        np.testing.assert_array_equal(value, variable)
    assert logs["generator_loss"] < 0  # minimax, not non-saturating any more
    assert len(model.training_state()["generator_optimizer"]) == 2


def test_steps_per_execution_and_batches_one_at_a_time_change_nothing():
    expected, at_once, single = (
        make_model(),
        make_model(steps_per_execution=3),
        make_model(),
    )
    expected_logs = contracts.train(expected, make_data())
    logs = contracts.train(at_once, make_data())
    assert logs == pytest.approx(expected_logs, rel=1e-5)
    for batch in make_data().as_numpy_iterator():
        single.train_on_batch(batch)
    for model in (at_once, single):
        contracts.assert_close_weights(model, expected, 1e-6)


def test_networks_must_be_built_models_each_its_own():
    networks = make_networks()
    with pytest.raises(TypeError, match="`generator` must be a `keras.Model`.*Dense"):
        TinyGAN(layers.Dense(2), networks["discriminator"])
    with pytest.raises(ValueError, match="`discriminator` must be built.*an `Input`"):
        TinyGAN(networks["generator"], keras.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="network of its own"):
        TinyGAN(networks["generator"], networks["generator"])


def test_wrong_compile_arguments():
    with pytest.raises(TypeError, match=r"does not take: \['loss', 'metrics'\]"):
        make_model(loss="mse", metrics=[])
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="optimizer of its own"):
        make_model(generator_optimizer=optimizer, discriminator_optimizer=optimizer)
    with pytest.raises(ValueError, match="(?i)no_such_optimizer"):
        make_model(generator_optimizer="no_such_optimizer")
    with pytest.raises(ValueError, match="`adversarial_loss` must be one of"):
        make_model(adversarial_loss="no_such_loss")
