"""What all seven generative models share, and one step of each by hand."""

import functools
import json

import contracts
import small_gans
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import BATCH, CLASSES, NAMES, make_arrays, make_data, make_model

from keras_gans import models
from keras_gans.networks import (
    dcgan_discriminator,
    dcgan_generator,
    mlp_autoencoder,
    mlp_discriminator,
    mlp_generator,
)

each_model = pytest.mark.parametrize("name", NAMES)
RATE = 0.05


def in_graphs(name, compiled):
    """Makes a model of those named compiled, any other eager: tracing takes longer."""
    arguments = None if name in compiled else {"run_eagerly": True}
    return functools.partial(make_model, name, compile_arguments=arguments)


@pytest.mark.parametrize("name", [
    # A GAN's is tested with its base class, that of a critic with its steps; a
    # conditional GAN and an EBGAN have the state of a GAN.
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("gan", "conditional_gan", "wgan_gp", "ebgan")
    ),
    "began",
])  # fmt: skip
def test_model_contract(name, tmp_path):
    contracts.check_model(
        in_graphs(name, ("wgan_gp",)),
        make_data(name, 2),
        tmp_path,
        # A constant that a critic adds to all its outputs has no gradient.
        still={"discriminator": 1 if name == "wgan_gp" else 0},
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "policy"), [
    ("conditional_gan", "mixed_float16"),
    ("wgan_gp", "mixed_float16"),
    ("began", "mixed_bfloat16"),
])  # fmt: skip
def test_mixed_precision(name, policy, tmp_path):
    contracts.check_mixed_precision(
        in_graphs(name, ("wgan_gp",)), make_data(name), policy, tmp_path
    )


@pytest.mark.parametrize("name", [
    pytest.param("conditional_gan", marks=pytest.mark.slow),
    "wgan_gp",
    pytest.param("began", marks=pytest.mark.slow),
])  # fmt: skip
def test_xla(name):
    # XLA draws other numbers from the same seed: here nothing is drawn.
    arguments = {"gradient_penalty_weight": 0.0} if name == "wgan_gp" else {}
    logs = [
        contracts.train(
            small_gans.fix_noise(
                make_model(name, compile_arguments={way: True}, **arguments)
            ),
            make_data(name),
        )
        for way in ("jit_compile", "run_eagerly")
    ]
    for key, value in logs[1].items():
        np.testing.assert_allclose(logs[0][key], value, rtol=1e-3, atol=1e-5)


def softplus(x):
    return tf.math.log1p(tf.exp(-tf.abs(x))) + tf.maximum(x, 0.0)


def error(points, reconstruction):
    return tf.reduce_mean(tf.abs(points - reconstruction), 1)


def pull_away(codes):
    unit = codes / tf.norm(codes, axis=1, keepdims=True)
    cosines = tf.matmul(unit, unit, transpose_b=True)
    n = codes.shape[0]
    return (tf.reduce_sum(cosines**2) - n) / (n * (n - 1))


def hand_written_step(model, name, batch):
    """One step of the paper by gradient descent; returns the losses as logged."""
    real, labels = batch if name == "conditional_gan" else (batch, None)
    generator, discriminator = model.generator, model.discriminator

    def generate():
        latent = model.sample_latent(BATCH)
        return generator(latent if labels is None else [latent, labels])

    def discriminate(points):
        return discriminator(points if labels is None else [points, labels])

    def descend(network, tape, loss):
        variables = network.trainable_variables
        for variable, gradient in zip(
            variables, tape.gradient(loss, variables), strict=True
        ):
            # The gradient of an embedding comes as slices.
            variable.assign(variable - RATE * tf.convert_to_tensor(gradient))

    if name == "began":
        with tf.GradientTape(persistent=True) as tape:
            fake = generate()
            real_error = tf.reduce_mean(error(real, discriminate(real)[0]))
            fake_error = tf.reduce_mean(error(fake, discriminate(fake)[0]))
            k = model.k.numpy()
            loss_d, loss_g = real_error - k * fake_error, 1.0 * fake_error
        descend(discriminator, tape, loss_d)
        descend(generator, tape, loss_g)
        balance = float(model.gamma * real_error - fake_error)
        model.k.assign(np.clip(k + model.k_rate * balance, 0, 1))
        return {
            "discriminator_loss": loss_d,
            "generator_loss": loss_g,
            "k": model.k.numpy(),
            "convergence": real_error + abs(balance),
        }

    fake = generate()
    with tf.GradientTape() as tape:
        real_output, fake_output = discriminate(real), discriminate(fake)
        if name in ("gan", "conditional_gan"):
            loss_d = tf.reduce_mean(softplus(-real_output) + softplus(fake_output))
        elif name == "lsgan":
            loss_d = tf.reduce_mean((real_output - 1) ** 2 + fake_output**2) / 2
        elif name == "wgan":
            loss_d = tf.reduce_mean(fake_output) - tf.reduce_mean(real_output)
        elif name == "wgan_gp":
            alpha = keras.random.uniform((BATCH, 1), seed=model.seed_generator)
            between = real + alpha * (fake - real)
            with tf.GradientTape() as inner:
                inner.watch(between)
                output = discriminate(between)
            norm = tf.norm(inner.gradient(output, between), axis=1)
            loss_d = tf.reduce_mean(fake_output) - tf.reduce_mean(real_output)
            loss_d += 10 * tf.reduce_mean((norm - 1) ** 2)
        elif name == "ebgan":
            real_energy = tf.norm(real - real_output[0], axis=1)
            fake_energy = tf.norm(fake - fake_output[0], axis=1)
            loss_d = tf.reduce_mean(real_energy + tf.maximum(0.0, 2 - fake_energy))
    descend(discriminator, tape, loss_d)
    if name == "wgan":
        for variable in discriminator.trainable_variables:
            variable.assign(np.clip(variable, -0.2, 0.2))

    with tf.GradientTape() as tape:
        fake = generate()
        output = discriminate(fake)
        if name in ("gan", "conditional_gan"):
            loss_g = tf.reduce_mean(softplus(-output))
        elif name == "lsgan":
            loss_g = tf.reduce_mean((output - 1) ** 2) / 2
        elif name in ("wgan", "wgan_gp"):
            loss_g = -tf.reduce_mean(output)
        elif name == "ebgan":
            energy = tf.norm(fake - output[0], axis=1)
            loss_g = tf.reduce_mean(energy) + 0.1 * pull_away(output[1])
    descend(generator, tape, loss_g)
    return {"discriminator_loss": loss_d, "generator_loss": loss_g}


@each_model
def test_steps_equal_the_paper_s(name):
    optimizers = functools.partial(keras.optimizers.SGD, RATE)
    # In a graph where there is more than two losses: labels, a penalty, a balance.
    model = in_graphs(name, ("conditional_gan", "wgan_gp", "began"))(optimizers)
    expected = make_model(name, optimizers)
    for batch in make_data(name):
        logs = contracts.train(model, tf.data.Dataset.from_tensors(batch))
        expected_logs = hand_written_step(expected, name, batch)
        assert set(logs) == set(expected_logs)
        for key, value in expected_logs.items():
            np.testing.assert_allclose(logs[key], value, rtol=1e-4, atol=1e-6)
        contracts.assert_close_weights(model, expected, 1e-5)


def test_a_loss_that_looks_at_real_samples_gets_them():
    arguments = {"compile_arguments": {"adversarial_loss": "relativistic_average"}}
    data = make_data("gan", 1)
    logs = contracts.train(make_model("gan", **arguments), data)
    model = make_model("gan", functools.partial(keras.optimizers.SGD, 0.0), **arguments)
    still = contracts.train(model, data)
    fresh = make_model("gan")
    for real in data:
        fresh.sample_latent(BATCH)
        fake = fresh.generator(fresh.sample_latent(BATCH))
        r, f = fresh.discriminator(real), fresh.discriminator(fake)
    expected = softplus(r - tf.reduce_mean(f)) + softplus(tf.reduce_mean(r) - f)
    np.testing.assert_allclose(
        still["generator_loss"], tf.reduce_mean(expected), rtol=1e-5
    )
    assert logs["generator_loss"] != still["generator_loss"]


@pytest.mark.parametrize(("name", "kind", "rate", "beta_1"), [
    ("gan", keras.optimizers.Adam, 2e-4, 0.5),
    ("conditional_gan", keras.optimizers.Adam, 2e-4, 0.5),
    ("lsgan", keras.optimizers.Adam, 2e-4, 0.5),
    ("wgan", keras.optimizers.RMSprop, 5e-5, None),
    ("wgan_gp", keras.optimizers.Adam, 1e-4, 0.0),
    ("ebgan", keras.optimizers.Adam, 2e-4, 0.5),
    ("began", keras.optimizers.Adam, 1e-4, 0.9),
])  # fmt: skip
def test_compile_without_arguments_is_the_paper_s(name, kind, rate, beta_1):
    model_class, _ = small_gans.ARGUMENTS[name]
    classes = {"classes": CLASSES} if name == "conditional_gan" else {}
    model = model_class(**small_gans.make_networks(name), **classes)
    model.compile()
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is kind
        np.testing.assert_allclose(optimizer.learning_rate, rate)
        assert getattr(optimizer, "beta_1", None) == beta_1
    expected = {
        "wgan": {"n_critic": 5, "clip_limit": 0.01, "authors_schedule": False},
        "wgan_gp": {"n_critic": 5, "gradient_penalty_weight": 10.0},
        "ebgan": {"margin": 10.0, "pull_away_weight": 0.1, "energy": "euclidean"},
        "began": {"gamma": 0.5, "k_rate": 0.001, "eta": 1},
    }.get(name, {})
    config = model.get_config()
    assert {key: config[key] for key in expected} == expected


@pytest.mark.parametrize("name", [
    # All the others generate as a GAN does.
    pytest.param(
        name, marks=() if name in ("gan", "conditional_gan") else pytest.mark.slow
    )
    for name in NAMES
])  # fmt: skip
def test_generate(name):
    model = make_model(name)
    contracts.train(model, make_data(name))
    before = contracts.values_of(model.training_state())
    samples = model.generate(300, seed=5)
    assert samples.shape == (300, 2) and samples.dtype == np.float32
    np.testing.assert_array_equal(model.generate(300, seed=5), samples)
    assert np.abs(model.generate(300, seed=6) - samples).max() > 0
    assert np.abs(model.generate(300) - model.generate(300)).max() > 0
    contracts.assert_same_values(contracts.values_of(model.training_state()), before)
    latent = model.sample_latent(300, seed=5)
    labels = np.arange(300) % CLASSES
    inputs = [latent, labels] if name == "conditional_gan" else latent
    np.testing.assert_allclose(model(inputs), samples, atol=1e-6)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_latent_distribution(distribution):
    model = make_model("gan", latent_distribution=distribution)
    latent = np.asarray(model.sample_latent(20000))
    assert latent.shape == (20000, 2)
    np.testing.assert_allclose(latent.mean(), 0, atol=0.02)
    deviation = {"uniform": 1 / np.sqrt(3), "normal": 1.0}[distribution]
    np.testing.assert_allclose(latent.std(), deviation, rtol=0.02)
    assert (np.abs(latent).max() <= 1) == (distribution == "uniform")
    assert np.abs(np.asarray(model.sample_latent(20000)) - latent).max() > 0.1


def test_labels_of_a_conditional_model():
    model = make_model("conditional_gan")
    latent = model.sample_latent(4, seed=1)
    for labels in (2, [2, 2, 2, 2], np.full(4, 2)):
        np.testing.assert_allclose(
            model.generate(4, labels=labels, seed=1),
            model([latent, np.full(4, 2)]),
            atol=1e-6,
        )
    assert (
        np.abs(
            model.generate(4, labels=1, seed=1) - model.generate(4, labels=2, seed=1)
        ).min()
        > 0
    )


@pytest.mark.slow
def test_images_with_batch_statistics(tmp_path):
    def make():
        keras.utils.set_random_seed(0)
        model = models.ConditionalGAN(
            dcgan_generator(4, 8, width=4, classes=3),
            dcgan_discriminator(8, width=4, classes=3),
            classes=3,
            seed=0,
        )
        model.compile(run_eagerly=True)
        return model

    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
    arrays = images, random.integers(0, 3, 8)
    contracts.check_model(
        make, tf.data.Dataset.from_tensor_slices(arrays).batch(4), tmp_path
    )
    images = make().generate(3, seed=0)
    assert images.shape == (3, 8, 8, 1) and np.abs(images).max() <= 1


# Replicas ---------------------------------------------------------------------------

REPLICAS = """
import json
import contracts, small_gans
import numpy as np
strategy = contracts.two_replicas()
import tensorflow as tf
from keras_gans.models.adversarial_model import ReplicaSeedGenerator
import keras

results = {}
with strategy.scope():
    seeds = ReplicaSeedGenerator(7)
drawn = strategy.run(tf.function(lambda: keras.random.normal((4,), seed=seeds)))
first, second = (value.numpy() for value in drawn.values)
alone = keras.random.normal((4,), seed=ReplicaSeedGenerator(7)).numpy()
plain = keras.random.normal((4,), seed=keras.random.SeedGenerator(7)).numpy()
results["first_is_alone"] = bool((first == alone).all() and (alone == plain).all())
results["replicas_differ"] = bool((first != second).all())

for name in ("conditional_gan", "wgan_gp", "ebgan", "began"):
    arguments = {"gradient_penalty_weight": 0.0} if name == "wgan_gp" else {}
    eagerly = {"run_eagerly": name != "wgan_gp"}  # Tracing takes longer.
    if name == "ebgan":
        arguments["pull_away_weight"] = 0.0  # It compares the samples of a replica.
    make = lambda: small_gans.fix_noise(
        small_gans.make_model(name, compile_arguments=eagerly, **arguments)
    )
    data = small_gans.make_data(name)
    results[name] = contracts.replicas_minus_one(strategy, make, data)
weights = []
for steps in (1, 4):
    with strategy.scope():
        model = small_gans.make_model(
            "wgan_gp", n_critic=2, compile_arguments={"steps_per_execution": steps}
        )
    contracts.train(model, small_gans.make_data("wgan_gp", 4))
    weights.append(model.get_weights())
results["updates"] = model.iterations
results["unrolled"] = all((a == b).all() for a, b in zip(*weights, strict=True))
print(json.dumps(results))
"""


@pytest.mark.slow
def test_two_replicas_equal_one():
    results = contracts.run_python(REPLICAS)
    assert results.pop("first_is_alone") and results.pop("replicas_differ")
    assert results.pop("updates") == 2 and results.pop("unrolled")
    for name, differences in results.items():
        assert differences["weights"] < 1e-4, (name, json.dumps(results))
        assert differences["logs"] < 1e-3, (name, json.dumps(results))


def raises(match):
    return pytest.raises(ValueError, match=match)


def test_networks_that_do_not_fit():
    generator, discriminator = mlp_generator(width=4), mlp_discriminator(width=4)
    with raises(r"`latent_dim` must be .* 2\. Received: latent_dim=3"):
        models.GAN(generator, discriminator, latent_dim=3)
    with raises("`latent_distribution` must be 'uniform' or"):
        models.GAN(generator, discriminator, latent_distribution="gaussian")
    with raises("see what the generator makes"):
        models.GAN(mlp_generator(output_dim=3, width=4), discriminator)
    with raises("must take latent vectors"):
        models.GAN(dcgan_discriminator(8, width=2), dcgan_discriminator(8, width=2))
    for name in ("gan", "lsgan", "wgan", "wgan_gp"):
        with raises("must give logits.*auto-encoders are for `EBGAN` and `BEGAN`"):
            small_gans.ARGUMENTS[name][0](generator, mlp_autoencoder(width=4))
    one_output = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.ReLU()])
    with raises("auto-encoder, as `EBGAN` and `BEGAN` want it"):
        models.GAN(dcgan_generator(4, 8, width=2), one_output)
    for model_class in (models.EBGAN, models.BEGAN):
        with raises("must be an auto-encoder.*Received: outputs"):
            model_class(generator, discriminator)
    with raises("must be a network of latent vectors alone"):
        models.GAN(mlp_generator(width=4, classes=3), discriminator)
    with raises(r"must be a network of \[latent vectors, labels\]"):
        models.ConditionalGAN(generator, discriminator, classes=3)
    conditional = small_gans.make_networks("conditional_gan")
    with raises("must embed as many classes as `classes` says, 4"):
        models.ConditionalGAN(**conditional, classes=4)
    with raises("`classes` must be at least 2"):
        models.ConditionalGAN(**conditional, classes=1)
    with raises("must do without batch normalization"):
        models.WGANGP(dcgan_generator(4, 16, width=2), dcgan_discriminator(16, width=2))


@pytest.mark.parametrize(("name", "arguments", "match"), [
    ("wgan", {"n_critic": 0}, "`n_critic` must be a positive integer.*n_critic=0"),
    ("wgan_gp", {"n_critic": 2.5}, "`n_critic` must be a positive integer"),
    ("wgan", {"clip_limit": 0.0}, "`limit` must be"),
    ("wgan_gp", {"gradient_penalty_weight": -1.0}, "`weight` must be"),
    ("ebgan", {"margin": 0.0}, "`margin` must be"),
    ("ebgan", {"pull_away_weight": -0.1}, "`pull_away_weight` must be"),
    ("ebgan", {"energy": "l3"}, "`norm` must be"),
    ("began", {"gamma": 0.0}, "`gamma` must lie in"),
    ("began", {"k_rate": -1.0}, "`k_rate` must be"),
    ("began", {"eta": 3}, "`eta` must be 1 or 2"),
])  # fmt: skip
def test_arguments_out_of_range(name, arguments, match):
    with raises(match):
        make_model(name, **arguments)


def test_losses_that_do_not_fit():
    for name in ("gan", "lsgan", "wgan", "wgan_gp", "conditional_gan"):
        for loss in ("energy", "boundary_equilibrium"):
            with raises("auto-encoder"):
                make_model(name, compile_arguments={"adversarial_loss": loss})
    for name in ("ebgan", "began"):
        with raises("energ"):
            make_model(name, compile_arguments={"adversarial_loss": "least_squares"})


def test_data_that_does_not_fit():
    model = make_model("gan")
    with raises(r"samples of shape \('batch', 2\).*Received: shape"):
        model.fit(np.zeros((8, 3), "float32"), verbose=0)
    with raises("as the discriminator sees them"):
        model.fit(tf.data.Dataset.from_tensors(np.zeros((8, 3), "float32")), verbose=0)
    model = make_model("conditional_gan")
    points, labels = make_arrays("conditional_gan")
    for data in ((points,), (tf.data.Dataset.from_tensors(points),)):
        with raises("trains on batches .samples, integer labels."):
            model.fit(*data, verbose=0)
    with pytest.raises(TypeError, match="`labels` must be integers"):
        model.fit(points, labels.astype("float32"), verbose=0)
    for wrong in (labels + 1, labels - 1):
        dataset = tf.data.Dataset.from_tensor_slices((points, wrong)).batch(24)
        for data in ((points, wrong), (dataset,)):
            with raises(r"Labels must lie in \[0, 3\)"):
                model.fit(*data, verbose=0)
    assert model.iterations == 0
    model.fit(points, labels, verbose=0)
    assert model.iterations == 1


def test_generate_checks_its_arguments():
    model = make_model("gan")
    for n in (0, -1, 2.0, True):
        with raises("`n` must be a positive integer"):
            model.generate(n)
    with raises("GAN is not conditional"):
        model.generate(2, labels=1)
    model = make_model("conditional_gan")
    for labels in (3, [0, -1]):
        with raises(r"Labels must lie in \[0, 3\)"):
            model.generate(2, labels=labels)
    for labels in ([1, 2, 0], [0.5, 1.0]):
        with raises("`labels` must be an integer or 2 integers"):
            model.generate(2, labels=labels)
