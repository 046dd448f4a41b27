"""CycleGAN against a step written out by hand, and as a Keras model."""

import functools

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import smallest_translators

from keras_gans import losses
from keras_gans.losses import EdgeLoss
from keras_gans.models import CycleGAN
from keras_gans.networks import digit_discriminator, digit_generator, unet_generator
from keras_gans.schedules import ConstantThenLinear


def make_networks(normalization="instance", channels=(1, 3), residual_blocks=0):
    x, y = channels
    keras.utils.set_random_seed(0)
    generator = {"residual_blocks": residual_blocks, "normalization": normalization}
    discriminator = {"size": 16, "normalization": normalization}
    return {
        "generator_xy": digit_generator(x, y, 4, name="xy", **generator),
        "generator_yx": digit_generator(y, x, 4, name="yx", **generator),
        "discriminator_x": digit_discriminator(x, 4, name="x", **discriminator),
        "discriminator_y": digit_discriminator(y, 4, name="y", **discriminator),
    }


def make_data(samples=8, batch_size=2, channels=(1, 3), size=16):
    generator = np.random.default_rng(0)
    x, y = (
        generator.uniform(-1, 1, (samples, size, size, count)).astype("float32")
        for count in channels
    )
    data = tf.data.Dataset.from_tensor_slices((x, y))
    return data.batch(batch_size, drop_remainder=True)


def make_model(networks=None, compile_arguments=(), **kwargs):
    model = CycleGAN(**(networks or make_networks()), seed=1, **kwargs)
    model.compile(**dict(compile_arguments))
    return model


EAGERLY = {"run_eagerly": True}
slow_param = functools.partial(pytest.param, marks=pytest.mark.slow)


def test_defaults_are_the_papers():
    model = CycleGAN(**make_networks())
    model.compile()
    assert model.cycle_weight == (10.0, 10.0)
    assert model.identity_weight == (0.0, 0.0)
    assert model.pool_size == model.pool_x.pool_size == model.pool_y.pool_size == 50
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is keras.optimizers.Adam
        np.testing.assert_allclose(optimizer.learning_rate, 2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
    assert model.generator_optimizer is not model.discriminator_optimizer
    # The discriminator's loss is halved, the generator's is not.
    discriminator_loss, generator_loss = model.adversarial_loss
    real, fake = np.array([[2.0]]), np.array([[3.0]])
    assert float(discriminator_loss(real, fake)) == 0.5 * (1 + 9)
    assert float(generator_loss(real, fake)) == 4.0
    for loss in (model.cycle_loss, model.identity_loss):
        assert type(loss) is keras.losses.MeanAbsoluteError
    # One optimizer for both networks of a kind.
    count = len(model.generator_xy.trainable_variables)
    assert len(model.trainable_variables_of("generator")) == 2 * count
    # A pool of its own, with choices of its own, for each domain.
    assert model.pool_x is not model.pool_y
    seeds = [
        pool.seed_generator.state.numpy().tolist()
        for pool in (make_model().pool_x, make_model().pool_y)
    ]
    assert seeds[0] != seeds[1]


class ByHand(contracts.ByHand):
    """CycleGAN as the tutorials write it: four losses, four gradients, four Adams."""

    def __init__(self, model, cycle_weight, identity_weight, pool_size):
        super().__init__(model, rate=1e-3)
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.pools = {}
        for domain in "xy":
            # The same random choices: the seed goes on from the same state.
            seed = keras.random.SeedGenerator(0)
            pool = getattr(model, f"pool_{domain}")
            seed.state.assign(pool.seed_generator.state)
            self.pools[domain] = contracts.SequentialPool(pool_size), seed

    def show(self, domain, fake):
        pool, seed = self.pools[domain]
        count = fake.shape[0]
        places = keras.random.randint((count,), 0, pool.size, "int32", seed)
        coins = keras.random.uniform((count,), seed=seed)
        return pool.query(fake, places.numpy(), coins.numpy())

    def judge(self, network, domain, real, fake):
        on_fake = network(fake, training=True)
        on_real = network(real, training=True)
        # Without a pool, the same fakes need no second pass.
        shown = on_fake
        if self.pools[domain][0].size:
            shown = network(self.show(domain, fake), training=True)
        discriminator_loss = tf.reduce_mean((on_real - 1) ** 2) / 2
        discriminator_loss += tf.reduce_mean(shown**2) / 2
        return discriminator_loss, tf.reduce_mean((on_fake - 1) ** 2)

    def step(self, x, y):
        """Makes a step and returns its losses."""
        g, f, d_x, d_y = self.networks
        identity_x, identity_y = self.identity_weight

        def l1(first, second):
            return tf.reduce_mean(tf.abs(first - second))

        with tf.GradientTape(persistent=True) as tape:
            # F(y), F(x), G(x), G(F(y)), G(y), F(G(x)): batch normalization keeps
            # moving averages, so their order counts.
            fake_x = f(y, training=True)
            same_x = (
                l1(x, f(contracts.in_channels(x, y), training=True))
                if identity_x
                else 0.0
            )
            fake_y = g(x, training=True)
            cycle_y = l1(y, g(fake_x, training=True))
            same_y = (
                l1(y, g(contracts.in_channels(y, x), training=True))
                if identity_y
                else 0.0
            )
            cycle_x = l1(x, f(fake_y, training=True))
            d_x_loss, fools_d_x = self.judge(d_x, "x", x, fake_x)
            d_y_loss, fools_d_y = self.judge(d_y, "y", y, fake_y)
            # Each generator sees both halves of the cycle loss.
            cycle = self.cycle_weight[0] * cycle_x + self.cycle_weight[1] * cycle_y
            g_loss = fools_d_y + cycle + identity_y * same_y
            f_loss = fools_d_x + cycle + identity_x * same_x

        losses = g_loss, f_loss, d_x_loss, d_y_loss
        gradients = [
            tape.gradient(loss, network.trainable_variables)
            for loss, network in zip(losses, self.networks, strict=True)
        ]
        for index, gradient in enumerate(gradients):
            self.apply(index, gradient)
        logs = {
            "generator_loss": g_loss + f_loss - cycle,
            "discriminator_loss": d_x_loss + d_y_loss,
            "cycle_loss": cycle_x + cycle_y,
        }
        if identity_x or identity_y:
            logs["identity_loss"] = same_x + same_y
        return logs


@pytest.mark.parametrize("normalization, pool_size, identity_weight, cycle_weight", [
    # Those that are not slow have all of it: both ways to normalize, a pool that is
    # full, weights of one side and none.
    slow_param("instance", 0, 0.0, 10.0),
    slow_param("instance", 0, (2.0, 5.0), (3.0, 7.0)),
    slow_param("instance", 50, (0.0, 5.0), 10.0),  # a pool that is filling
    ("instance", 3, (5.0, 0.0), (10.0, 0.0)),  # full in the second step
    slow_param("batch", 0, 5.0, 10.0),
    ("batch", 1, 0.0, (0.0, 10.0)),
])  # fmt: skip
def test_steps_equal_hand_written_ones(
    normalization, pool_size, identity_weight, cycle_weight
):
    # The same channels on both sides, or grey and colours.
    channels = (3, 3) if identity_weight == (0.0, 5.0) else (1, 3)
    model = make_model(
        make_networks(normalization, channels),
        {**contracts.adams(1e-3), **EAGERLY},
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        pool_size=pool_size,
    )

    def pair(weight):
        return weight if isinstance(weight, tuple) else (weight, weight)

    by_hand = ByHand(model, pair(cycle_weight), pair(identity_weight), pool_size)
    for x, y in make_data(6, channels=channels):
        logs = contracts.train(model, tf.data.Dataset.from_tensors((x, y)))
        expected = by_hand.step(x, y)
        assert logs.keys() == expected.keys()
        for name, value in logs.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-4, err_msg=name)
    # 3 steps of 1e-3 have been made.
    by_hand.assert_close(model, 2e-6)
    for domain, (pool, _) in by_hand.pools.items():
        if pool_size:
            ours = getattr(model, f"pool_{domain}")
            assert int(ours.count) == len(pool.images)
            np.testing.assert_allclose(
                ours.images.numpy()[: len(pool.images)], pool.images, atol=2e-6
            )


@pytest.mark.slow
def test_pool_changes_what_the_discriminator_sees():
    # The same step without its history ends elsewhere.
    weights = []
    for pool_size in (0, 3):
        model = make_model(smallest_translators(), EAGERLY, pool_size=pool_size)
        contracts.train(model, make_data())
        weights.append(model.discriminator_y.get_weights()[0])
    assert np.abs(weights[0] - weights[1]).max() > 1e-5


class Counter(keras.layers.Layer):
    """Counts the images that pass."""

    def __init__(self):
        super().__init__()
        self.images = 0

    def call(self, inputs):
        self.images += inputs.shape[0] or 0
        return inputs


@pytest.mark.parametrize(
    "identity_weight, expected",
    [
        (0.0, (2, 2)),
        slow_param(5.0, (3, 3)),
        ((0.0, 5.0), (3, 2)),
        slow_param((5.0, 0.0), (2, 3)),
    ],
)
def test_identity_weight_of_zero_skips_the_computation(identity_weight, expected):
    networks, counters = make_networks(channels=(3, 3)), []
    for name in ("generator_xy", "generator_yx"):
        counter = Counter()
        inputs = keras.Input((None, None, 3))
        networks[name] = keras.Model(inputs, networks[name](counter(inputs)))
        counters.append(counter)
    model = make_model(networks, EAGERLY, identity_weight=identity_weight, pool_size=0)
    x, y = next(make_data(channels=(3, 3)).as_numpy_iterator())
    for counter in counters:
        counter.images = 0
    logs = model.train_on_batch(x, y, return_dict=True)
    assert tuple(counter.images / 2 for counter in counters) == expected
    assert ("identity_loss" in logs) == bool(identity_weight)
    assert {metric.name for metric in model.metrics} == set(logs)


def test_identity_loss_needs_images_that_both_generators_can_take():
    for identity_weight in (0.5, (0.0, 1.0)):
        with pytest.raises(ValueError, match="`identity_weight` must be 0.*(2, 3)"):
            make_model(make_networks(channels=(2, 3)), identity_weight=identity_weight)


def adams(rate=1e-3):
    schedule = ConstantThenLinear(rate, constant_steps=2, decay_steps=20)
    return {
        "generator_optimizer": keras.optimizers.Adam(schedule, beta_1=0.5),
        "discriminator_optimizer": keras.optimizers.Adam(schedule, beta_1=0.5),
    }


def dropout_model(**compile_arguments):
    """All that has a state at once: dropout, pools, schedules, batch statistics."""
    networks = make_networks("batch", channels=(3, 3))
    for name in ("generator_xy", "generator_yx"):
        networks[name] = unet_generator(width=4, depth=2, dropout=0.5, name=name)
    return make_model(
        networks, {**adams(), **compile_arguments}, identity_weight=1.0, pool_size=3
    )


@pytest.mark.slow
def test_contract(tmp_path):
    contracts.check_model(
        lambda: make_model(
            smallest_translators((3, 3), batch_and_dropout=True),
            {**adams(), **EAGERLY},
            identity_weight=1.0,
            pool_size=3,
        ),
        make_data(4, channels=(3, 3)),
        tmp_path,
    )


@pytest.mark.slow
def test_next_step_after_loading_is_bit_equal_in_a_graph(tmp_path):
    model = dropout_model(
        jit_compile=False,
        adversarial_loss=(
            losses.MinimaxDiscriminatorLoss(label_smoothing=0.1),
            losses.NonSaturatingGeneratorLoss(scale=2.0),
        ),
        cycle_loss=keras.losses.MeanSquaredError(),
    )
    data = make_data(4, channels=(3, 3))
    loaded = contracts.saving_changes_nothing(model, data, tmp_path)
    assert loaded.jit_compile is False
    assert int(loaded.pool_x.count) == 3
    assert type(loaded.cycle_loss) is keras.losses.MeanSquaredError
    assert loaded.adversarial_loss[0].label_smoothing == 0.1
    assert loaded.adversarial_loss[1].scale == 2.0
    schedule = loaded.generator_optimizer._learning_rate
    assert type(schedule) is ConstantThenLinear
    assert int(loaded.generator_optimizer.iterations) == 4


@pytest.mark.slow
def test_mixed_precision(tmp_path):
    contracts.check_mixed_precision(
        lambda: make_model(smallest_translators(), EAGERLY, pool_size=3),
        make_data(4),
        "mixed_float16",
        tmp_path,
    )


@pytest.mark.slow
def test_eager_graph_and_xla_take_the_same_steps():
    # XLA draws other random numbers; this pool is never full and needs none.
    models = [
        make_model(
            smallest_translators(),
            {
                "generator_optimizer": keras.optimizers.SGD(1e-3),
                "discriminator_optimizer": keras.optimizers.SGD(1e-3),
                **arguments,
            },
            pool_size=50,
        )
        for arguments in (EAGERLY, {"jit_compile": False}, {"jit_compile": True})
    ]
    expected_logs, *all_logs = (contracts.train(model, make_data()) for model in models)
    for logs, model in zip(all_logs, models[1:], strict=True):
        assert logs == pytest.approx(expected_logs, rel=1e-4)
        contracts.assert_close_weights(model, models[0], 1e-5)
        np.testing.assert_allclose(
            model.pool_y.images.numpy(), models[0].pool_y.images.numpy(), atol=1e-5
        )


@pytest.mark.slow
def test_steps_per_execution_survive_saving(tmp_path):
    model = make_model(smallest_translators(), {"steps_per_execution": 2})
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.steps_per_execution == 2
    # Batches of one size, and of two: the pool fills up within an execution.
    logs = contracts.train(loaded, make_data())
    model.compile(**EAGERLY)
    assert logs == pytest.approx(contracts.train(model, make_data()), rel=1e-4)
    contracts.assert_close_weights(loaded, model, 1e-5)


@pytest.mark.slow
def test_batches_of_a_size_unknown_to_the_graph():
    # Without `drop_remainder` the last batch is smaller.
    data = make_data(5).unbatch().batch(2)
    assert data.element_spec[0].shape[0] is None
    models = [
        make_model(smallest_translators(), arguments, pool_size=2)
        for arguments in (EAGERLY, {"jit_compile": False})
    ]
    expected, logs = (contracts.train(model, data) for model in models)
    assert logs == pytest.approx(expected, rel=1e-4)


def test_fit_does_not_warn_about_shuffling(recwarn):
    model = make_model(smallest_translators(), EAGERLY, pool_size=0)
    contracts.train(model, make_data(2))
    assert not [
        str(warning.message) for warning in recwarn if "shuffle" in str(warning)
    ]


def test_evaluate_measures_the_networks_at_inference():
    # Before any training, with an empty pool and without batch statistics.
    model = make_model(
        make_networks("batch", channels=(3, 3)), identity_weight=(2.0, 3.0)
    )
    data = make_data(channels=(3, 3))
    logs = model.evaluate(data, return_dict=True, verbose=0)
    x, y = (np.concatenate(images) for images in zip(*data.as_numpy_iterator()))
    g, f, d_x, d_y = (getattr(model, name) for name in model.network_names)
    fake_x, fake_y = f(y).numpy(), g(x).numpy()
    cycle_x, cycle_y = np.abs(x - f(fake_y)).mean(), np.abs(y - g(fake_x)).mean()
    same_x, same_y = np.abs(x - f(x)).mean(), np.abs(y - g(y)).mean()
    fooled = ((d_x(fake_x) - 1) ** 2).numpy().mean()
    fooled += ((d_y(fake_y) - 1) ** 2).numpy().mean()
    discriminator_loss = sum(
        0.5 * ((network(real) - 1) ** 2 + network(fake) ** 2).numpy().mean()
        for network, real, fake in ((d_x, x, fake_x), (d_y, y, fake_y))
    )
    expected = {
        "generator_loss": fooled + 10 * (cycle_x + cycle_y) + 2 * same_x + 3 * same_y,
        "discriminator_loss": discriminator_loss,
        "cycle_loss": cycle_x + cycle_y,
        "identity_loss": same_x + same_y,
    }
    assert logs == pytest.approx(expected, rel=1e-4)


def test_call_translates_in_both_directions():
    model = make_model()
    x, y = next(make_data().as_numpy_iterator())
    np.testing.assert_array_equal(model(x), model.generator_xy(x))
    np.testing.assert_array_equal(model(x, direction="xy"), model.generator_xy(x))
    np.testing.assert_array_equal(model(y, direction="yx"), model.generator_yx(y))
    np.testing.assert_allclose(
        model.predict(x, verbose=0), model.generator_xy(x), atol=1e-5
    )
    # `training` reaches the network: batch statistics are others than moving ones.
    model = make_model(make_networks("batch"))
    assert np.abs(model(x, training=True) - model(x)).max() > 1e-3
    with pytest.raises(ValueError, match="`direction` must be 'xy' or 'yx'.*'yz'"):
        model(x, direction="yz")


def test_images_of_any_size_are_translated():
    model = make_model()
    assert model(np.zeros((1, 20, 24, 1), "float32")).shape == (1, 20, 24, 3)


def test_wrong_networks():
    networks = make_networks()
    swapped = {
        **networks,
        "generator_xy": networks["generator_yx"],
        "generator_yx": networks["generator_xy"],
    }
    with pytest.raises(
        ValueError, match="`generator_xy` must translate 1 channels to 3.*(3, 1)"
    ):
        CycleGAN(**swapped)
    with pytest.raises(ValueError, match="`generator_yx` must translate 1 channels"):
        CycleGAN(
            **{**networks, "discriminator_y": digit_discriminator(1, 4, size=16)}
            | {"generator_xy": digit_generator(1, 1, 4)}
        )


def test_wrong_numbers():
    networks = make_networks()
    for name in ("cycle_weight", "identity_weight"):
        for wrong in (-1.0, float("nan"), float("inf"), (1.0,), (1, 2, 3), (1, -2)):
            with pytest.raises(ValueError, match=f"`{name}` must be"):
                CycleGAN(**networks, **{name: wrong})
        for wrong in ("10", True, None):
            with pytest.raises(TypeError, match=f"`{name}` must be"):
                CycleGAN(**networks, **{name: wrong})
    with pytest.raises(ValueError, match="zero or a positive integer.*pool_size=-3"):
        CycleGAN(**networks, pool_size=-3)


@pytest.mark.parametrize(
    ("name", "pool_size"), [slow_param("wasserstein", 0), ("relativistic_average", 3)]
)
def test_every_loss_on_logits_plugs_in_by_name(name, pool_size):
    model = CycleGAN(**smallest_translators(), pool_size=pool_size, seed=0)
    model.compile(adversarial_loss=name, **EAGERLY)
    before = contracts.trained_weights(model)
    logs = contracts.train(model, make_data().take(1))
    assert all(np.isfinite(value) for value in logs.values())
    assert any(
        np.abs(value - variable).max() > 0
        for value, variable in zip(before, model.trainable_variables, strict=True)
    )


def test_an_edge_loss_closes_the_cycle():
    model = CycleGAN(**smallest_translators(), pool_size=0, seed=0)
    model.compile(cycle_loss=EdgeLoss(), **EAGERLY)
    logs = contracts.train(model, make_data().take(1))
    fresh = CycleGAN(**smallest_translators(), pool_size=0, seed=0)
    for x, y in make_data().take(1):
        cycled = fresh.generator_yx(fresh.generator_xy(x, training=True), training=True)
        back = fresh.generator_xy(fresh.generator_yx(y, training=True), training=True)
        expected = EdgeLoss()(x, cycled) + EdgeLoss()(y, back)
    np.testing.assert_allclose(logs["cycle_loss"], expected, rtol=1e-4)


def test_wrong_compile_arguments():
    model = CycleGAN(**make_networks())
    with pytest.raises(TypeError, match=r"CycleGAN.compile.*take: \['optimizer'\]"):
        model.compile(optimizer="adam")
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="optimizer of its own"):
        model.compile(generator_optimizer=adam, discriminator_optimizer=adam)
    with pytest.raises(ValueError, match="compile"):
        CycleGAN(**make_networks()).fit(make_data(), verbose=0)


def test_wrong_data():
    model = make_model()
    data = make_data()
    only_x = data.map(lambda x, y: x)
    by_name = data.map(lambda x, y: {"x": x, "y": y})
    for wrong in (only_x, by_name):
        with pytest.raises(ValueError, match="pairs of batches .x, y."):
            model.fit(wrong, verbose=0)
    with pytest.raises(ValueError, match="Data `x` must be batches .* width, 1.*16, 3"):
        model.fit(data.map(lambda x, y: (y, x)), verbose=0)
    with pytest.raises(ValueError, match="Data `y` must be batches of images"):
        model.fit(data.map(lambda x, y: (x, y[0])), verbose=0)
    spec = (tf.TensorSpec((2, None, None, 1)), tf.TensorSpec((2, None, None, 3)))
    unknown = tf.data.Dataset.from_generator(lambda: data, output_signature=spec)
    with pytest.raises(ValueError, match="images of one known size.*`pool_size=0`"):
        model.fit(unknown, verbose=0)


def test_another_size_does_not_fit_the_pool():
    model = make_model(smallest_translators(), EAGERLY, pool_size=3)
    contracts.train(model, make_data(2))
    with pytest.raises(ValueError, match="size of the images in the pool, .16, 16, 1."):
        model.fit(make_data(2, size=24), verbose=0)
