"""Gradient penalties against closed forms, NumPy and TF-GAN."""

import types

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_gans import losses
from keras_gans.losses import (
    DRAGANPenalty,
    GradientPenalty,
    R1Penalty,
    get_penalty,
)

PENALTIES = [GradientPenalty, R1Penalty, DRAGANPenalty]
each_penalty = pytest.mark.parametrize("penalty_class", PENALTIES)
POINTS, IMAGES = (6, 2), (6, 3, 4, 2)


def make_batches(shape, seed=0):
    real, fake = np.random.default_rng(seed).normal(0.5, 2.0, (2, *shape))
    return tf.constant(real, tf.float32), tf.constant(fake, tf.float32)


def weights_of(shape):
    values = np.random.default_rng(7).normal(size=shape[1:])
    return tf.Variable(values, dtype=tf.float32)


def linear(w):
    """D(x) = w·x, whose gradient is w everywhere."""
    return lambda x: tf.reduce_sum(
        tf.reshape(x * w, (tf.shape(x)[0], -1)), 1, keepdims=True
    )


class Recorder:
    """A discriminator that keeps the points that it is called with."""

    def __call__(self, x):
        self.points = x.numpy()
        return tf.reduce_sum(tf.reshape(x, (len(x), -1)), 1, keepdims=True)


def curved_critic(shape):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input(shape[1:]), keras.layers.Flatten(), *layers])


@pytest.mark.parametrize("shape", [POINTS, IMAGES])
@pytest.mark.parametrize("target", [1.0, 0.25])
@pytest.mark.parametrize("penalty_class", [GradientPenalty, DRAGANPenalty])
def test_linear_critic(penalty_class, target, shape):
    w = weights_of(shape)
    with tf.GradientTape() as tape:
        value = penalty_class(3.0, target=target)(linear(w), *make_batches(shape))
    norm = np.linalg.norm(w)
    assert value.shape == () and value.dtype == "float32"
    np.testing.assert_allclose(value, 3.0 * (norm - target) ** 2, rtol=1e-5)
    np.testing.assert_allclose(
        tape.gradient(value, w), 6.0 * (norm - target) * w.numpy() / norm, rtol=1e-4
    )


@pytest.mark.parametrize("shape", [POINTS, IMAGES])
def test_r1_of_a_quadratic_critic(shape):
    # D(x) = a ‖x‖² / 2 + w·x has the gradient a x + w.
    w, a = weights_of(shape), tf.Variable(1.5)
    real, fake = make_batches(shape)

    def critic(x):
        squares = tf.reduce_sum(tf.reshape(x**2, (len(x), -1)), 1, keepdims=True)
        return a * squares / 2 + linear(w)(x)

    with tf.GradientTape() as tape:
        value = R1Penalty(4.0)(critic, real, fake)
    x, slope = real.numpy().astype("float64"), w.numpy().astype("float64")
    gradients = 1.5 * x + slope
    axes = tuple(range(1, len(shape)))
    np.testing.assert_allclose(
        value, 4.0 / 2 * (gradients**2).sum(axes).mean(), rtol=1e-5
    )
    by_a, by_w = tape.gradient(value, [a, w])
    np.testing.assert_allclose(by_a, 4.0 * (gradients * x).sum(axes).mean(), rtol=1e-4)
    np.testing.assert_allclose(by_w, 4.0 * gradients.mean(0), rtol=1e-4, atol=1e-5)


def test_r1_and_r2_of_a_part_of_the_batch():
    real, fake = make_batches(IMAGES)
    for name, images in (("r1", real), ("r2", fake)):
        penalty = get_penalty(name)
        expected = [penalty(cubic_critic, each, each) for each in (images, images[::2])]
        assert expected[0] != expected[1]
        penalty.every = 2
        np.testing.assert_allclose(penalty(cubic_critic, real, fake), expected[1])
        penalty.every = 100  # Of a smaller batch one is left.
        value = penalty(cubic_critic, real, fake)
        penalty.every = 1
        np.testing.assert_allclose(
            value, penalty(cubic_critic, images[:1], images[:1]), rtol=1e-5
        )
    for wrong in (0, -1, 1.5):
        with pytest.raises(ValueError, match="`every` must be a positive integer"):
            R1Penalty(every=wrong)


@pytest.mark.parametrize("shape", [POINTS, IMAGES])
@pytest.mark.parametrize("target", [1.0, 0.3])
def test_equals_tf_gan(target, shape):
    # With equal real and generated images the points between them are no longer random.
    images, _ = make_batches(shape)
    critic = curved_critic(shape)
    theirs = contracts.import_tf_gan().losses.wargs.wasserstein_gradient_penalty

    @tf.function
    def expected():
        return theirs(
            images, images, None, lambda x, _: critic(x), "critic", target=target
        )

    # They divide by the target, in the square.
    np.testing.assert_allclose(
        GradientPenalty(10.0, target)(critic, images, images),
        10.0 * target**2 * expected(),
        rtol=1e-4,
    )


@each_penalty
def test_second_gradient_equals_differences(penalty_class):
    real, fake = make_batches(POINTS)
    critic = curved_critic(POINTS)
    penalty = penalty_class(2.0)
    with tf.GradientTape() as tape:
        value = penalty(critic, real, fake, seed=3)
    kernel = critic.layers[1].kernel
    gradient = tape.gradient(value, kernel.value).numpy()
    assert np.abs(gradient).max() > 1e-2
    start = kernel.numpy()
    for index in np.ndindex(start.shape):
        values = []
        for step in (1e-2, -1e-2):
            moved = start.copy()
            moved[index] += step
            kernel.assign(moved)
            values.append(float(penalty(critic, real, fake, seed=3)))
        np.testing.assert_allclose(
            gradient[index], (values[0] - values[1]) / 2e-2, rtol=2e-2, atol=2e-3
        )


@each_penalty
def test_patches_are_averaged(penalty_class):
    real, fake = make_batches(IMAGES)
    w = weights_of(IMAGES)

    def patches(x):
        return tf.reduce_sum(x * w, 3, keepdims=True)

    def mean(x):
        return tf.reduce_mean(patches(x), (1, 2, 3))

    expected = penalty_class()(mean, real, fake)
    assert patches(real).shape == (6, 3, 4, 1)
    np.testing.assert_allclose(
        penalty_class()(patches, real, fake), expected, rtol=1e-5
    )
    flat = penalty_class()(lambda x: mean(x)[:, None], real, fake)
    np.testing.assert_allclose(flat, expected, rtol=1e-6)


@each_penalty
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_is_finite_at_any_norm(penalty_class, jit_compile):
    w = tf.Variable(tf.ones(2))

    @tf.function(jit_compile=jit_compile)
    def value_and_gradient(real, fake):
        with tf.GradientTape() as tape:
            value = penalty_class()(linear(w), real, fake, seed=0)
        return value, tape.gradient(value, w)

    for factor in (1e-30, 1e4, 0.0):
        w.assign(factor * tf.ones(2))
        value, gradient = value_and_gradient(*make_batches(POINTS))
        assert np.isfinite(value) and np.isfinite(gradient).all()
    np.testing.assert_allclose(value, 0.0 if penalty_class is R1Penalty else 10.0)


@each_penalty
def test_no_gradient_towards_images(penalty_class):
    real, fake = make_batches(POINTS)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = penalty_class()(curved_critic(POINTS), real, fake)
    assert tape.gradient(value, [real, fake]) == [None, None]


def test_points_lie_between_real_and_fake_images():
    real, fake = (batch.numpy() for batch in make_batches((2000, 3, 2, 1)))
    recorder = Recorder()
    GradientPenalty()(recorder, real, fake, seed=keras.random.SeedGenerator(0))
    alpha = (recorder.points - real) / (fake - real)
    alpha = alpha.reshape(len(real), -1)
    close = np.abs(fake - real).reshape(len(real), -1) > 0.1
    # One number for each sample ...
    alphas = np.median(alpha, 1)
    assert np.abs(np.where(close, alpha - alphas[:, None], 0)).max() < 1e-4
    # ... uniform in [0, 1], as the papers have it.
    assert alphas.min() >= -1e-5 and alphas.max() <= 1 + 1e-5
    assert stats.kstest(alphas, "uniform").pvalue > 0.01
    assert len(np.unique(alphas.round(6))) > 1900


def test_r1_looks_at_real_images_and_r2_at_generated_ones():
    real, fake = make_batches(IMAGES)
    recorder = Recorder()
    value = R1Penalty()(recorder, real, fake)
    np.testing.assert_array_equal(recorder.points, real)
    assert float(losses.R2Penalty()(recorder, real, fake)) == float(value)
    np.testing.assert_array_equal(recorder.points, fake)


def test_dragan_s_points_lie_around_real_images():
    real, fake = make_batches((4000, 2, 2, 1))
    recorder = Recorder()
    DRAGANPenalty(noise_scale=0.8)(recorder, real, fake, seed=5)
    offsets = (recorder.points - real.numpy()).reshape(4000, 4) / (0.8 * np.std(real))
    # A product of two uniform numbers, the one for the sample and the other for each
    # value: their moments, and the correlation that the former makes.
    assert -1e-5 <= offsets.min() and 0.9 < offsets.max() <= 1 + 1e-5
    np.testing.assert_allclose(offsets.mean(), 1 / 4, atol=0.01)
    np.testing.assert_allclose((offsets**2).mean(), 1 / 9, atol=0.01)
    products = (offsets[:, 0] * offsets[:, 1]).mean()
    np.testing.assert_allclose(products, 1 / 3 * 1 / 4, atol=0.01)
    # The distribution of such a product is x - x log x.
    test = stats.kstest(offsets[:, 0], lambda x: x - x * np.log(np.maximum(x, 1e-9)))
    assert test.pvalue > 0.01


@pytest.mark.parametrize("penalty_class", [GradientPenalty, DRAGANPenalty])
def test_seeds(penalty_class):
    batches = make_batches(POINTS)

    def points(seed):
        recorder = Recorder()
        penalty_class()(recorder, *batches, seed=seed)
        return recorder.points

    generator = keras.random.SeedGenerator(4)
    first, second = points(generator), points(generator)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(points(keras.random.SeedGenerator(4)), first)
    np.testing.assert_array_equal(points(4), points(4))
    assert not np.array_equal(points(4), points(5))
    assert not np.array_equal(points(None), points(None))


@pytest.mark.parametrize("penalty_class", [
    GradientPenalty,
    # The others take the same gradient, at other points.
    pytest.param(R1Penalty, marks=pytest.mark.slow),
    pytest.param(DRAGANPenalty, marks=pytest.mark.slow),
])  # fmt: skip
def test_graph_and_xla(penalty_class, shape=IMAGES):
    real, fake = make_batches(shape)
    critic = curved_critic(shape)
    # XLA draws other random numbers from a seed, so points must not depend on them.
    still = {"noise_scale": 0.0} if penalty_class is DRAGANPenalty else {}
    penalty = penalty_class(**still)

    def value_and_gradient(real, fake):
        with tf.GradientTape() as tape:
            value = penalty(critic, real, fake, seed=3)
        return value, tape.gradient(value, critic.trainable_variables[0].value)

    expected = value_and_gradient(real, real)
    spec = tf.TensorSpec((None, *shape[1:]))
    for jit_compile in (False, True):
        traced = tf.function(
            value_and_gradient, input_signature=[spec, spec], jit_compile=jit_compile
        )
        for received, value in zip(traced(real, real), expected, strict=True):
            np.testing.assert_allclose(received, value, rtol=1e-3, atol=1e-4)
    # The state of random numbers, given or Keras's own, moves on in a graph too.
    penalty = penalty_class()
    for seed in (keras.random.SeedGenerator(0), None):
        drawn = tf.function(lambda *x: penalty(critic, *x, seed=seed), jit_compile=True)
        values = [float(drawn(real, fake)) for _ in range(2)]
        assert (values[0] == values[1]) == (penalty_class is R1Penalty)


@each_penalty
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_sixteen_bits(penalty_class, policy):
    # 4096 slopes, each within float16; the sum of their squares, 147456, is not.
    shape = (4, 64, 64, 1)
    real, fake = make_batches(shape)
    dense = keras.layers.Dense(1, kernel_initializer="ones", dtype=policy)
    critic = keras.Sequential([keras.Input(shape[1:]), keras.layers.Flatten(), dense])
    dense.kernel.assign(tf.fill((4096, 1), 6.0))
    with tf.GradientTape() as tape:
        value = penalty_class()(critic, real, tf.cast(fake, critic.compute_dtype))
    assert critic(real).dtype == keras.DTypePolicy(policy).compute_dtype
    assert value.dtype == "float32"
    norm = 6.0 * 64
    expected = 5 * norm**2 if penalty_class is R1Penalty else 10 * (norm - 1) ** 2
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    assert np.isfinite(tape.gradient(value, dense.kernel.value)).all()


def cubic_critic(x):
    return tf.reduce_sum(x**3, 1, keepdims=True)


OF_A_BATCH = {
    "GradientPenalty": lambda x: GradientPenalty()(cubic_critic, x, x, seed=0),
    "R1Penalty": lambda x: R1Penalty()(cubic_critic, x, x),
    # The pull-away term is of each half, as a replica sees no more.
    "PullAwayTerm": losses.PullAwayTerm(),
}
SAMPLES = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


def means():
    """What the losses of two replicas, each with half of the samples, must sum to."""
    x, expected = tf.constant(SAMPLES), {}
    for name, loss in OF_A_BATCH.items():
        expected[name] = float(loss(x[:4]) + loss(x[4:])) / 2
        if name != "PullAwayTerm":
            np.testing.assert_allclose(expected[name], loss(x), rtol=1e-5)
    return expected


def on_two_replicas():
    """Run in a process of its own, which has two logical devices."""
    strategy, x = contracts.two_replicas(), tf.constant(SAMPLES)
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: x[4 * context.replica_id_in_sync_group :][:4]
    )
    totals = {}
    for name, loss in OF_A_BATCH.items():
        each = strategy.run(tf.function(loss), args=(parts,))
        totals[name] = float(strategy.reduce("SUM", each, axis=None))
    return totals


def assert_sums(totals, expected):
    assert totals.keys() == expected.keys()
    for name, total in totals.items():
        np.testing.assert_allclose(total, expected[name], rtol=1e-5, err_msg=name)


def test_losses_of_two_replicas_sum_to_the_mean(monkeypatch):
    x, expected = tf.constant(SAMPLES), means()
    strategy = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: strategy)
    totals = {
        name: float(loss(x[:4]) + loss(x[4:])) for name, loss in OF_A_BATCH.items()
    }
    monkeypatch.undo()
    assert_sums(totals, expected)


@pytest.mark.slow
def test_replicas_sum_to_the_mean():
    totals = contracts.run_python(
        f"import json, runpy; tests = runpy.run_path({__file__!r});"
        "print(json.dumps(tests['on_two_replicas']()))"
    )
    assert_sums(totals, means())


def test_configuration():
    for penalty, config in (
        (GradientPenalty(), {"weight": 10.0, "target": 1.0}),
        (GradientPenalty(5, target=0), {"weight": 5.0, "target": 0.0}),
        (R1Penalty(), {"weight": 10.0, "every": 1}),
        (R1Penalty(0, every=4), {"weight": 0.0, "every": 4}),
        (DRAGANPenalty(), {"weight": 10.0, "target": 1.0, "noise_scale": 0.5}),
        (DRAGANPenalty(noise_scale=2), {"weight": 10, "target": 1, "noise_scale": 2}),
    ):
        assert penalty.get_config() == config
        assert contracts.round_trip(penalty).get_config() == config


@each_penalty
def test_wrong_arguments(penalty_class):
    names = set(penalty_class().get_config()) - {"every"}
    for name in names:
        with pytest.raises(ValueError, match=f"`{name}` must be zero or a positive n"):
            penalty_class(**{name: -0.1})
        with pytest.raises(ValueError, match=f"`{name}` must be finite"):
            penalty_class(**{name: float("nan")})
        with pytest.raises(TypeError, match=f"`{name}` must be a number"):
            penalty_class(**{name: "10"})
    with pytest.raises(ValueError, match="`real_images` and `fake_images` must have"):
        penalty_class()(Recorder(), np.zeros((4, 2)), np.zeros((4, 1)))


def test_abstract_penalty():
    with pytest.raises(TypeError, match="implement `points`"):
        losses.DiscriminatorPenalty()(Recorder(), np.zeros((4, 2)), np.zeros((4, 2)))
