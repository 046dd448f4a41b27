"""What a training is, is state of the model: looking at the data moves nothing."""

import json
import pathlib
import tempfile
import warnings

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

import tiny_run
from keras_gans import presets
from keras_gans.callbacks import Checkpoint, LossHistory, LossTable, Pictures
from keras_gans.data import generation, memory
from keras_gans.files import read_csv
from keras_gans.models import adversarial_model

STEPS = 4
pytestmark = pytest.mark.usefixtures("without_curves")


def make_data(seed=0, samples=8, batch_size=2, **options):
    pixels = np.random.default_rng(1).integers(0, 256, (samples, 8, 8, 1), "uint8")
    return generation(pixels, batch_size=batch_size, seed=seed, **options)


def make_model(run_eagerly=True, **options):
    model = presets.gan(width=2, size=8, latent_dim=2, seed=0, **options)
    # Its few steps take less time than a trace.
    model.run_eagerly = run_eagerly
    return model


class Stop(keras.callbacks.Callback):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        if self.model.trained_batches == self.batches:
            raise KeyboardInterrupt


def train(
    directory, model=None, data=None, epochs=2, stop=None, callbacks=(), **kwargs
):
    """Trains with a checkpoint after every batch; returns the model."""
    model, data = model or make_model(), data or make_data()
    checkpoint = Checkpoint(directory / "checkpoints", data, save_freq=1)
    callbacks = [*callbacks, LossHistory(directory), checkpoint]
    try:
        model.fit(
            data,
            epochs=epochs,
            verbose=0,
            callbacks=[Stop(stop), *callbacks] if stop else callbacks,
            **kwargs,
        )
    except KeyboardInterrupt:
        assert stop
    return model


def weights(model):
    return [variable.numpy() for variable in model.trainable_variables]


def assert_equal(first, second):
    for one, other in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The model that all others must equal, and its history."""
    directory = tmp_path_factory.mktemp("whole")
    model = train(directory)
    return model, (directory / "history.csv").read_text()


# Data --------------------------------------------------------------------------------


def test_looking_at_the_data_moves_nothing(whole, tmp_path):
    for stop in (3, 6, None):
        data = make_data()
        look = tiny_run.Look(data)
        model = train(tmp_path, data=data, stop=stop, callbacks=[look])
        assert model.trained_batches == (stop or 2 * STEPS)
        assert int(data.position) == 0 and look.seen > 10
    assert_equal(whole[0], model)
    assert (tmp_path / "history.csv").read_text() == whole[1]


@pytest.mark.slow
def test_validation_on_the_data_of_the_training(tmp_path):
    for name, stops in (("whole", [None]), ("broken", [2, 5, None])):
        for stop in stops:
            data = make_data()
            model = train(tmp_path / name, data=data, stop=stop, validation_data=data)
            model.evaluate(data, verbose=0)
    histories = [
        (tmp_path / name / "history.csv").read_text() for name in ("whole", "broken")
    ]
    assert "val_generator_loss" in histories[0] and histories[0] == histories[1]


def test_a_second_model_on_the_same_data_starts_at_its_own_batch(whole):
    data = make_data()
    for _ in range(2):
        model = make_model()
        for _ in range(2):  # Twice an epoch are two epochs.
            model.fit(data, verbose=0)
        assert_equal(whole[0], model)


def test_data_made_of_others_go_on_with_the_next_epoch():
    data, model, positions = make_data(), make_model(), []
    position = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: positions.append(int(data.position))
    )
    made = data.map(lambda images: images).take(3)
    for epochs in (2, 1):
        model.fit(made, epochs=epochs, verbose=0, callbacks=[position])
    assert positions == [0, STEPS, 2 * STEPS]
    assert model.trained_batches == 3 * STEPS and int(data.position) == 0


def test_an_epoch_that_broke_off_is_not_gone_on_with_by_itself(tmp_path):
    data, model = make_data(), make_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(data, epochs=2, verbose=0, callbacks=[Stop(STEPS + 1)])
    assert model.fit(data, epochs=2, verbose=0).epoch == [0, 1]
    assert model.trained_batches == 4 * STEPS


def test_the_count_is_saved_with_the_weights(whole, tmp_path):
    data, model = make_data(), make_model()
    model.fit(data, verbose=0)
    model.compile()  # Its updates were made all the same.
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded, other = keras.saving.load_model(tmp_path / "model.keras"), make_model()
    other.load_weights(tmp_path / "model.weights.h5")
    for found in (loaded, other):
        assert found.trained_batches == found.iterations == STEPS


def test_files_of_versions_that_did_not_count(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(adversarial_model, "_COUNTS", ())
        whole[0].save(tmp_path / "older.keras")
    loaded = keras.saving.load_model(tmp_path / "older.keras")
    assert loaded.trained_batches == 0 and loaded.iterations == 2 * STEPS
    assert_equal(whole[0], loaded)


def test_a_checkpoint_of_versions_without_a_record_is_resumed(whole, tmp_path):
    make_state, directory = Checkpoint._checkpoint, tmp_path / "checkpoints"
    with pytest.MonkeyPatch.context() as patch:
        # Beside the state there were the step and the seed alone.
        patch.setattr(Checkpoint, "_checkpoint", lambda self, **_: make_state(self))
        train(tmp_path, stop=6)
    assert not any(
        name.startswith("record")
        for name, _ in tf.train.list_variables(tf.train.latest_checkpoint(directory))
    )
    assert_equal(whole[0], train(tmp_path))
    with pytest.raises(ValueError, match="made with other data: seed 0, and now 1"):
        train(tmp_path, data=make_data(seed=1))


@pytest.fixture(scope="module")
def first_epoch(tmp_path_factory):
    directory = tmp_path_factory.mktemp("first_epoch")
    train(directory, epochs=1)
    return directory


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"batch_size": 4}, "batch size 2, and now 4"),
        ({"samples": 9}, "images .* and now"),
        ({"steps_per_epoch": 2}, "steps per epoch 4, and now 2"),
        ({"seed": 1}, "seed 0, and now 1"),
    ],
)
def test_a_checkpoint_knows_its_data(first_epoch, changed, said):
    rows = (first_epoch / "history.csv").read_text()
    with pytest.raises(ValueError, match=f"made with other data: {said}"):
        train(first_epoch, data=make_data(**changed))
    assert (first_epoch / "history.csv").read_text() == rows


def test_a_large_set_is_known_by_some_of_its_images():
    # Zeros that take no memory until they are written to.
    one, other = (np.zeros((4096, 160, 160, 1), "uint8") for _ in range(2))
    assert one.nbytes > 2**26
    other[::3] = 1
    assert memory.digest(one) != memory.digest(other)
    assert memory.digest(one) == memory.digest(one.copy())
    assert memory.digest(one) != memory.digest(one[:-1])


def test_one_image_in_many_is_noticed():
    one = np.zeros((8, 8, 8, 1), "uint8")
    other = one.copy()
    other[5, 3, 3] = 1
    first, second = (generation(images, batch_size=2) for images in (one, other))
    assert first.identity["images"] != second.identity["images"]


# What was changed on purpose ---------------------------------------------------------


def test_a_learning_rate_that_a_callback_lowered_is_resumed(tmp_path):
    class Lower(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.generator_optimizer.learning_rate = 1e-5

    train(tmp_path, epochs=1, callbacks=[Lower()])
    model = train(tmp_path, epochs=2)
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(1e-5)


def test_a_learning_rate_that_was_set_holds_and_is_told(tmp_path, capsys):
    model = train(tmp_path, epochs=1)
    model.generator_optimizer.learning_rate = 1e-6
    train(tmp_path, model, epochs=2)
    assert "learning rate of the generator is 1e-06" in capsys.readouterr().out
    # From the checkpoint, and compiled with another in a new process.
    rates = (({}, 1e-6), ({"learning_rate": 1e-7}, 1e-7), ({}, 2e-4))
    for stop, (compiled, expected) in enumerate(rates, start=10):
        model = train(tmp_path, make_model(**compiled), epochs=4, stop=stop)
        rate = float(model.generator_optimizer.learning_rate)
        assert rate == pytest.approx(expected)


@pytest.mark.slow
def test_weights_that_were_loaded_are_not_replaced_in_silence(tmp_path):
    model = train(tmp_path, epochs=1)
    model.save_weights(tmp_path / "other.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = train(tmp_path, epochs=2)
    model.load_weights(tmp_path / "other.weights.h5")
    with pytest.warns(UserWarning, match="replaced by those of the checkpoint"):
        train(tmp_path, model, epochs=3)
    data = make_data()
    checkpoint = Checkpoint(tmp_path / "checkpoints", data)
    model.fit(data, epochs=4, verbose=0, callbacks=[checkpoint])
    model.generator.set_weights([w + 1 for w in model.generator.get_weights()])
    with pytest.warns(UserWarning, match="give `Checkpoint` a new folder"):
        model.fit(data, epochs=5, verbose=0, callbacks=[checkpoint])


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, pytest.param(ValueError, marks=pytest.mark.slow)]
)
def test_fit_leaves_no_trace_of_a_resume(tmp_path, error):
    class Fail(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise error("of another callback")

    train(tmp_path, epochs=2, stop=6)
    data, model = make_data(), make_model()
    callbacks = [Fail(), Checkpoint(tmp_path / "checkpoints", data)]
    with pytest.raises(error):
        model.fit(data, epochs=2, verbose=0, callbacks=callbacks)
    assert int(data.position) == 0 and model.skipped_batches == 0
    assert model.fit(data, epochs=1, verbose=0).epoch == [0]


# Records -----------------------------------------------------------------------------


def test_records_of_several_fits_follow_each_other(tmp_path):
    data, model = make_data(), make_model()

    def draw(model):
        return np.zeros((4, 4, 3), "uint8")

    for part in range(3):
        if part == 1:
            model.compile(run_eagerly=True)
        model.fit(
            data,
            epochs=2,
            verbose=0,
            callbacks=[
                LossHistory(tmp_path),
                LossTable(tmp_path, iterations=(3, 9, 20)),
                Pictures(tmp_path / "samples", draw, save_freq=5),
            ],
        )
    rows = read_csv(tmp_path / "history.csv")
    assert [row["iteration"] for row in rows] == [4, 8, 12, 16, 20, 24]
    rows = read_csv(tmp_path / "table.csv")
    assert [row["iteration"] for row in rows] == [3, 8, 9, 16, 20, 24]
    pictures = sorted(path.stem[-2:] for path in (tmp_path / "samples").iterdir())
    assert pictures == ["00", "05", "08", "10", "15", "16", "20", "24"]


# Replicas ----------------------------------------------------------------------------


def main():
    """Interrupts and resumes a GAN on two replicas; prints what differs."""
    strategy = contracts.two_replicas()
    states, histories = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, stops in (("whole", [None]), ("broken", [6, None])):
            for stop in stops:
                data = make_data()
                with strategy.scope():
                    model = make_model(run_eagerly=False)
                directory = pathlib.Path(folder, name)
                train(directory, model, data, epochs=2, stop=stop)
            states.append(tiny_run.state(model))
            histories.append((directory / "history.csv").read_text())
        try:
            train(directory)
        except ValueError as error:
            refused = str(error)
    different = [name for name in states[0] if states[0][name] != states[1][name]]
    copies = [name for name in states[0] if "replica_1" in name]
    same_history = histories[0] == histories[1]
    result = {"different": different, "same_history": same_history}
    result |= {"copies": len(copies), "all": len(states[0]), "refused": refused}
    print(json.dumps(result))


@pytest.mark.slow
def test_two_replicas_resume_to_the_bit():
    result = contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    )
    assert result["different"] == [] and result["same_history"]
    assert result["copies"] == result["all"] / 2 > 10
    assert "of 2 device(s) that share a batch, and now there are 1" in result["refused"]


if __name__ == "__main__":
    main()
