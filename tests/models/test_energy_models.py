"""EBGAN's margin and pull-away term, BEGAN's balance."""

import functools

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import make_data, make_model

from keras_gans import models
from keras_gans.networks import mlp_autoencoder, mlp_generator


def sgd(rate):
    return functools.partial(keras.optimizers.SGD, rate)


def test_ebgan_s_discriminator_ignores_fakes_beyond_the_margin():
    model = make_model("ebgan", margin=0.5)
    real = tf.constant(np.random.default_rng(0).normal(size=(8, 2)), tf.float32)
    near, far = 0.1 * real, 50.0 + real

    def energy(points):
        return model.energies([points])[0][0]

    def gradient(fake):
        variables = model.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            loss = model.discriminator_losses(real, fake)["discriminator_loss"]
        return loss, tape.gradient(loss, variables)

    assert float(tf.reduce_min(energy(far))) > 0.5 > float(tf.reduce_min(energy(near)))
    loss, gradients = gradient(far)
    np.testing.assert_allclose(loss, tf.reduce_mean(energy(real)), rtol=1e-6)
    with tf.GradientTape() as tape:
        real_alone = tf.reduce_mean(energy(real))
    alone = tape.gradient(real_alone, model.discriminator.trainable_variables)
    for received, expected in zip(gradients, alone, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-6)
    _, near_gradients = gradient(near)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(near_gradients, alone))


def test_ebgan_without_pull_away_needs_no_code():
    keras.utils.set_random_seed(0)
    full = mlp_autoencoder(width=6)
    plain = keras.Model(full.input, full.output[0])
    with pytest.raises(ValueError, match="must give .reconstruction, code."):
        models.EBGAN(mlp_generator(width=6), plain)
    model = models.EBGAN(mlp_generator(width=6), plain, pull_away_weight=0, seed=0)
    model.compile()
    logs = contracts.train(model, make_data("ebgan"))
    assert all(np.isfinite(value) for value in logs.values())


def test_pull_away_keeps_samples_apart():
    """With a strong term alone the codes of generated points turn apart."""

    def similarity(weight):
        model = make_model("ebgan", sgd(0.01), pull_away_weight=weight)
        model.discriminator_optimizer.learning_rate = 0.0
        model.fit(make_data("ebgan", 30), epochs=3, verbose=0)
        latent = model.sample_latent(64, seed=0)
        _, (codes,) = model.energies([model.generator(latent)])
        return float(model.pull_away_term(codes))

    assert similarity(5.0) < similarity(0.0) - 0.1


@pytest.mark.parametrize("gamma", [pytest.param(0.2, marks=pytest.mark.slow), 1.0])
def test_began_s_k_follows_its_update_and_stays_in_bounds(gamma):
    model = make_model("began", sgd(0.02), gamma=gamma, k_rate=0.4)
    copy = make_model("began", gamma=gamma)
    seen = []
    for batch in make_data("began", 25):
        k = float(model.k)
        copy.generator.set_weights(model.generator.get_weights())
        copy.discriminator.set_weights(model.discriminator.get_weights())
        copy.seed_generator.state.assign(model.seed_generator.state)
        (real, fake), _ = copy.energies([batch, copy.make_samples(batch)])
        real, fake = float(tf.reduce_mean(real)), float(tf.reduce_mean(fake))
        logs = contracts.train(model, tf.data.Dataset.from_tensors(batch))
        expected = np.clip(k + 0.4 * (gamma * real - fake), 0, 1)
        np.testing.assert_allclose(float(model.k), expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(logs["k"], expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(
            logs["convergence"], real + abs(gamma * real - fake), rtol=1e-3
        )
        np.testing.assert_allclose(
            logs["discriminator_loss"], real - k * fake, rtol=1e-3, atol=1e-5
        )
        assert 0 <= expected <= 1
        seen.append(expected)
    if gamma == 1.0:
        assert max(seen) > 0.05


@pytest.mark.parametrize("eta", [1, 2])
def test_began_s_error_is_a_mean_over_the_coordinates(eta):
    model = make_model("began", eta=eta)
    points = tf.constant([[0.5, -1.0], [2.0, 0.0]])
    reconstruction, _ = model.discriminator(points)
    (energy,), _ = model.energies([points])
    expected = np.mean(np.abs(points - reconstruction) ** eta, axis=1)
    np.testing.assert_allclose(energy, expected, rtol=1e-5)


def test_began_s_k_is_saved(tmp_path):
    model = make_model("began")
    model.k.assign(0.37)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.k, 0.37, rtol=1e-6)
    # It is this variable that the loss reads.
    assert loaded.adversarial_loss[0].k is loaded.k
