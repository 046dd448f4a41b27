"""The critic steps of WGAN and WGAN-GP, clipping, and a known Wasserstein distance."""

import functools
import warnings

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import make_data, make_model

from keras_gans import models
from keras_gans.callbacks import LossHistory, LossTable
from keras_gans.files import read_csv
from keras_gans.networks import dcgan_discriminator, dcgan_generator, mlp_discriminator
from keras_gans.networks import mlp_generator


class Recorder(keras.callbacks.Callback):
    """Writes down after each batch whether critic and generator have moved."""

    def on_train_begin(self, logs=None):
        self.moves = ""
        self._weights = self._values()

    def _values(self):
        return [
            [variable.numpy() for variable in network.trainable_variables]
            for network in (self.model.discriminator, self.model.generator)
        ]

    def on_train_batch_end(self, batch, logs=None):
        values = self._values()
        critic, generator = (
            any((new != old).any() for new, old in zip(after, before))
            for after, before in zip(values, self._weights)
        )
        assert critic
        self.moves += "G" if generator else "c"
        self._weights = values


@pytest.mark.parametrize(("name", "run_eagerly"), [("wgan", True), ("wgan_gp", False)])
def test_the_generator_moves_in_every_nth_batch(name, run_eagerly):
    model = make_model(name, n_critic=3, compile_arguments={"run_eagerly": run_eagerly})
    recorder = Recorder()
    model.fit(make_data(name, 8), verbose=0, callbacks=[recorder])
    assert recorder.moves == "ccGccGcc"
    # The count goes on over calls of `fit`.
    model.fit(make_data(name, 2), verbose=0, callbacks=[recorder])
    assert recorder.moves == "Gc"
    assert model.iterations == 3


def test_the_authors_schedule():
    model = make_model("wgan", n_critic=5, authors_schedule=True)
    steps = [model.critic_steps(iteration) for iteration in range(1002)]
    assert [n for n, count in enumerate(steps) if count == 100] == [
        *range(25),
        500,
        1000,
    ]
    assert set(steps) == {5, 100}
    assert model.batches(26) == 2505 and model.batches(0) == 0
    assert make_model("wgan", n_critic=5).batches(26) == 130
    recorder = Recorder()
    model.fit(make_data("wgan", 205), verbose=0, callbacks=[recorder])
    assert recorder.moves == ("c" * 99 + "G") * 2 + "c" * 5


def test_state_between_two_updates_is_saved(tmp_path):
    make = functools.partial(
        make_model, "wgan", n_critic=2, compile_arguments={"run_eagerly": True}
    )
    data = make_data("wgan", 3)
    contracts.training_state_is_complete(make(), data, make, tmp_path)
    contracts.saving_changes_nothing(make(), data, tmp_path)
    model = make()
    contracts.train(model, data)
    assert int(model.critic_step) == 1


@pytest.mark.slow
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_several_steps_in_one_execution_equal_single_ones(run_eagerly):
    models = [
        make_model(
            "wgan_gp",
            n_critic=2,
            compile_arguments={
                "steps_per_execution": steps,
                "run_eagerly": run_eagerly,
                "jit_compile": False,
            },
        )
        for steps in (1, 4)
    ]
    # Of 7 batches the last execution has 3; the next epoch starts between updates.
    data = make_data("wgan_gp", 7)
    logs = [model.fit(data, epochs=2, verbose=0).history for model in models]
    assert logs[0] == logs[1]
    states = [contracts.values_of(model.training_state()) for model in models]
    contracts.assert_same_values(*states)
    assert [model.iterations for model in models] == [7, 7]


def test_other_numbers_of_steps_in_one_execution_are_refused():
    for steps, arguments in ((3, {"n_critic": 2}), (5, {"authors_schedule": True})):
        with pytest.raises(ValueError, match="must be 1, or a multiple of `n_critic`"):
            make_model(
                "wgan", compile_arguments={"steps_per_execution": steps}, **arguments
            )


class Bounds(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        for variable in self.model.discriminator.trainable_variables:
            assert np.abs(variable).max() <= np.float32(self.model.clip_limit)


def test_clipping_reaches_all_weights_after_every_step():
    generator = dcgan_generator(4, 16, width=4)
    critic = dcgan_discriminator(16, width=4)
    names = {variable.name for variable in critic.trainable_variables}
    assert {"gamma", "beta", "kernel"} <= names
    model = models.WGAN(generator, critic, n_critic=2, seed=0)
    # A rate that would leave the bounds at once.
    model.compile(
        discriminator_optimizer=keras.optimizers.RMSprop(0.1), run_eagerly=True
    )
    images = np.random.default_rng(0).uniform(-1, 1, (16, 16, 16, 1)).astype("float32")
    bounds = Bounds()
    bounds.set_model(model)
    bounds.on_train_batch_end(0)  # Before the first step as well.
    model.fit(images, batch_size=4, verbose=0, callbacks=[bounds])
    # The rate drives weights against the bounds, so the bounds did hold them.
    assert any(
        (np.abs(variable) == np.float32(0.01)).any()
        for variable in critic.trainable_variables
    )
    assert max(np.abs(v).max() for v in generator.trainable_variables) > 0.01


def test_clipping_holds_after_loading(tmp_path):
    model = make_model("wgan", compile_arguments={"run_eagerly": True})
    contracts.train(model, make_data("wgan"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.discriminator_optimizer.learning_rate = 1.0
    loaded.fit(make_data("wgan"), verbose=0, callbacks=[Bounds()])


@pytest.mark.slow
@pytest.mark.parametrize(("deviation", "distance"), [(0.2, 0.5), (1.0, 5.0)])
def test_critic_estimates_the_wasserstein_distance_of_two_gaussians(
    deviation, distance
):
    # Of Gaussians of one covariance the Wasserstein-1 distance is that of the means.
    keras.utils.set_random_seed(0)
    shift = distance * np.array([0.6, 0.8], "float32")
    model = models.WGANGP(
        mlp_generator(width=4, layers=1),
        mlp_discriminator(width=64, layers=2),
        n_critic=1,
        seed=0,
    )
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, 1500)
    model.compile(
        discriminator_optimizer=keras.optimizers.Adam(schedule, beta_1=0.0, beta_2=0.9)
    )
    random = tf.random.Generator.from_seed(0)

    def draw(count):
        fake = deviation * random.normal((count, 2))
        return deviation * random.normal((count, 2)) + shift, fake

    @tf.function
    def step():
        real, fake = draw(256)
        model.minimize("discriminator", lambda: model.discriminator_losses(real, fake))

    for _ in range(1500):
        step()
    real, fake = map(model.discriminator, draw(20000))
    estimate = float(tf.reduce_mean(real) - tf.reduce_mean(fake))
    # The penalty lets the slope g exceed 1: W g - λ (g - 1)² is greatest at
    # g = 1 + W / (2 λ).
    np.testing.assert_allclose(estimate, distance * (1 + distance / 20), rtol=0.02)
    if distance < 1:
        np.testing.assert_allclose(estimate, distance, rtol=0.05)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_loss_that_was_not_computed_is_not_logged(run_eagerly, tmp_path, capsys):
    model = make_model(
        "wgan", n_critic=3, compile_arguments={"run_eagerly": run_eagerly}
    )
    of_batches = []

    class Names(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            of_batches.append(sorted(logs))

    recorders = [LossHistory(tmp_path), LossTable(tmp_path), Names()]
    logs = model.fit(make_data("wgan", 2), epochs=3, callbacks=recorders).history
    # Batches 3 and 6, in the second and the third epoch, update the generator.
    both = ["discriminator_loss", "generator_loss"]
    assert of_batches == [both[:1], both[:1], both, both, both[:1], both]
    assert len(logs["discriminator_loss"]) == 3 and len(logs["generator_loss"]) == 2
    rows = read_csv(tmp_path / "history.csv")
    assert ["generator_loss" in row for row in rows] == [False, True, True]
    assert "generator_loss: 0.0000e+00" not in capsys.readouterr().out
    assert sorted(model.evaluate(make_data("wgan", 1), return_dict=True)) == both


def test_a_generator_that_never_learned_is_told():
    for name, n_critic in (("wgan", 4), ("wgan_gp", 5)):
        compile_arguments = {"run_eagerly": True}
        model = make_model(name, None, compile_arguments, n_critic=n_critic)
        with pytest.warns(UserWarning, match=f"3 critic steps, and {n_critic} lead"):
            model.fit(make_data(name, 3), verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.fit(make_data(name, 3), verbose=0)  # The count goes on.
