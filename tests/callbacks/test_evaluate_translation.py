"""Scores inside `fit`: for monitors, and over a resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from feature_helpers import X, Y, make_network
from study_helpers import read_rows

from keras_gans import callbacks, metrics
from keras_gans.callbacks import EvaluateTranslation
from keras_gans.metrics import evaluate_translation
from keras_gans.models import CycleGAN

# Values of all variables of the model.
START = {}


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def model():
    model = tiny_run.make_model()
    model.build_state(tiny_run.make_data().element_spec)
    variables = tiny_run.variables(model)
    START.update({name: variable.numpy() for name, variable in variables.items()})
    return model


@pytest.fixture
def fresh(model):
    """The model as it was made, whatever it was trained since."""
    reset(model)
    return model


def reset(model):
    for name, variable in tiny_run.variables(model).items():
        variable.assign(START[name])
    model.trained_batches = model.earlier_iterations = 0


@keras.saving.register_keras_serializable("test_evaluate_translation")
class Scripted(keras.metrics.Metric):
    """A score that depends on the iteration alone, for the monitors."""

    def __init__(self, model, scores, name="scripted"):
        super().__init__(name=name)
        self.trained = [model]
        self.scores = scores
        self.results = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        pass

    def result(self):
        self.results += 1
        return self.scores.get(self.trained[0].iterations, 0.0)


def fit(model, *others, epochs=3, data=None, **options):
    data = data or tiny_run.make_data()
    return model.fit(data, epochs=epochs, verbose=0, callbacks=[*others], **options)


def make_callback(network, **options):
    both = [metrics.FrechetDistance(network), metrics.MeanAbsoluteError()]
    return EvaluateTranslation(X, Y, both, batch_size=4, **options)


def test_training_does_not_depend_on_it(fresh, network, monkeypatch):
    start = tiny_run.state(fresh)
    plain = fit(fresh).history
    expected = tiny_run.state(fresh)
    reset(fresh)
    assert tiny_run.state(fresh) == start

    traced, computed, images = [], [], []
    call, of, features = (
        CycleGAN.call,
        metrics.FeatureStatistics.of,
        metrics.FeatureNetwork.__call__,
    )

    def counted_call(self, inputs, direction="xy", training=False):
        traced.append(direction)
        return call(self, inputs, direction=direction, training=training)

    def counted_of(*arguments):
        computed.append(arguments)
        return of(*arguments)

    def counted_features(self, batch):
        images.append(len(batch))
        return features(self, batch)

    monkeypatch.setattr(CycleGAN, "call", counted_call)
    monkeypatch.setattr(metrics.FeatureStatistics, "of", counted_of)
    monkeypatch.setattr(metrics.FeatureNetwork, "__call__", counted_features)
    callback = EvaluateTranslation(
        X,
        Y,
        [
            metrics.FrechetDistance(network),
            metrics.KernelDistance(network),
            metrics.MeanAbsoluteError(),
        ],
        batch_size=4,
    )
    history = fit(fresh, callback).history
    assert tiny_run.state(fresh) == expected
    assert {name: history[name] for name in plain} == plain
    # Each direction is traced once, the real side computed once, and features of a
    # translation once for both distances: of the check, a batch, and of each epoch.
    assert sorted(traced) == ["xy", "yx"]
    assert len(computed) == 2
    assert sum(images) == (13 + 9) + (4 + 4) + 3 * (13 + 9)
    # Nor again by another `fit`.
    fit(fresh, callback, epochs=1)
    assert sorted(traced) == ["xy", "yx"] and len(computed) == 2

    # They are the scores of the function.
    final = evaluate_translation(fresh, X, Y, [metrics.FrechetDistance(network)])
    assert callback._last["val_fid"] == pytest.approx(final["fid"], rel=1e-5)


def test_epochs_between_repeat_the_scores(fresh, network, tmp_path):
    callback = make_callback(network, every=3, directory=tmp_path)
    history = fit(fresh, callback, callbacks.FiniteGuard(), epochs=5).history
    values = history["val_fid"]
    assert len(values) == 5
    assert values[0] == values[1] and values[2] == values[3]
    assert len(set(values)) == 3
    assert set(history) > {"val_fid_tiny_xy", "val_fid_tiny_yx", "val_mae_x", "val_mae"}
    rows = read_rows(tmp_path / "evaluation.csv")
    assert [(row["epoch"], row["iteration"]) for row in rows] == [
        ("1", "5"),
        ("3", "15"),
        ("5", "25"),
    ]
    assert [float(row["val_fid"]) for row in rows] == [values[0], values[2], values[4]]


def test_the_epoch_that_training_stops_in_is_scored(fresh):
    scripted = Scripted(fresh, {5: 5.0, 10: 4.0, 15: 3.0})
    callback = EvaluateTranslation(X, Y, [scripted], every=10)

    def stop(batch, logs):
        fresh.stop_training = fresh.iterations >= 15

    stopper = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    history = fit(fresh, callback, stopper, epochs=9).history
    assert history["val_scripted"] == [5.0, 5.0, 3.0]


@pytest.mark.slow
def test_the_best_model_is_kept(fresh, tmp_path):
    # Epochs 1, 2, 4 and 6 are scored; the best are the weights after the fourth.
    scores = {5: 5.0, 10: 4.0, 15: 0.5, 20: 2.0, 25: 0.5, 30: 3.0}
    weights = {}

    def remember(epoch, logs):
        weights[epoch + 1] = fresh.generator_xy.get_weights()

    path = tmp_path / "best.keras"
    fit(
        fresh,
        EvaluateTranslation(X, Y, [Scripted(fresh, scores)], every=2),
        keras.callbacks.ModelCheckpoint(
            path, monitor="val_scripted", mode="min", save_best_only=True
        ),
        keras.callbacks.LambdaCallback(on_epoch_end=remember),
        epochs=6,
    )
    best = keras.saving.load_model(path).generator_xy.get_weights()
    for received, expected, others in zip(best, weights[4], weights[5], strict=True):
        np.testing.assert_array_equal(received, expected)
        assert np.any(received != others)


@pytest.mark.slow
def test_early_stopping_counts_epochs(fresh):
    scores = {5: 5.0, 10: 4.0, 20: 4.5, 30: 4.2}
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_scripted", mode="min", patience=4
    )
    callback = EvaluateTranslation(X, Y, [Scripted(fresh, scores)], every=2)
    history = fit(fresh, callback, stopping, epochs=9).history
    assert history["val_scripted"] == [5.0, 4.0, 4.0, 4.5, 4.5, 4.2]


class Interrupt(keras.callbacks.Callback):
    def __init__(self, iteration):
        super().__init__()
        self.iteration = iteration

    def on_train_batch_end(self, batch, logs=None):
        if self.model.iterations == self.iteration:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_a_resumed_training_logs_the_same(fresh, tmp_path):
    def train(directory, *others):
        data = tiny_run.make_data()
        error = [metrics.MeanAbsoluteError()]
        fit(
            fresh,
            EvaluateTranslation(X, Y, error, every=2, directory=directory),
            callbacks.LossHistory(directory),
            *others,
            callbacks.Checkpoint(directory / "checkpoints", data, save_freq=4),
            epochs=5,
            data=data,
        )
        names = "history.csv", "evaluation.csv"
        return [(directory / name).read_bytes() for name in names]

    expected = train(tmp_path / "whole")
    assert len(read_rows(tmp_path / "whole" / "evaluation.csv")) == 4
    reset(fresh)
    # First to step 8, before a score that is there already; then to step 12, in an
    # epoch that repeats a score.
    for stop, saved in ((11, 8), (13, 12)):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "broken", Interrupt(stop))
        folder = tmp_path / "broken" / "checkpoints"
        assert callbacks.Checkpoint.latest_step(folder) == saved
        for variable in tiny_run.variables(fresh).values():
            # A rate that is not the compiled one would be kept.
            if "learning_rate" not in variable.name:
                variable.assign(tf.ones_like(variable))
    assert train(tmp_path / "broken") == expected


def test_what_does_not_fit_is_refused_before_the_first_epoch(fresh):
    small = tiny_run.images(4, 5, size=10), tiny_run.images(4, 5, size=10, channels=3)
    callback = EvaluateTranslation(*small, [metrics.StructuralSimilarity()])
    with pytest.raises(ValueError, match="at least 11 pixels"):
        fit(fresh, callback)
    assert fresh.iterations == 0
