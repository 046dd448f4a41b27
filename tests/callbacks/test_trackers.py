"""Runs in TensorBoard, Weights & Biases and MLflow, all without a network."""

import importlib.util
import json
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import small_run
from keras_gans import callbacks, cli
from keras_gans.callbacks import trackers
from keras_gans.training import Run, configure

# An epoch has four steps: the second training ends the epoch that the first began.
FIRST, THEN = 6, 8

# Plain files: MLflow takes longer to set up the tables of a database than all else.
FILE_STORE = "MLFLOW_ALLOW_FILE_STORE", "true"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*FILE_STORE)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run in two parts that was logged to all that are installed."""
    folder = tmp_path_factory.mktemp("trackers")
    names = [name for name in trackers.names() if importlib.util.find_spec(name)]
    x, _ = small_run.make_domains(folder / "data")
    sizes = {"size": 8, "batch_size": small_run.BATCH}
    configuration = configure("conditional_gan", str(x), steps=FIRST, **sizes)
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WANDB_MODE", "offline")
        monkeypatch.setenv("WANDB_SILENT", "true")
        monkeypatch.setenv(*FILE_STORE)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", (folder / "mlruns").as_uri())
        with Run.create(folder / "run", configuration, "") as first:
            first.train(verbose=0, log=names)
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        with Run.open(folder / "run") as second:  # Nothing is named again.
            second.change_length(steps=THEN)
            second.train(verbose=0)
    return folder / "run"


def state_of(run, name):
    states = json.loads((run / "trackers.json").read_text())
    if name not in states:
        pytest.skip(f"the extra {name} is not installed")
    return states[name]


def tensorboard_values(folder):
    """Returns a dict from tag to the steps at which there are values."""
    found = {}
    for path in sorted(folder.rglob("events.*")):
        for record in tf.data.TFRecordDataset([str(path)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return {tag: sorted(steps) for tag, steps in found.items()}


def test_tensorboard_steps_go_on(run):
    assert state_of(run, "tensorboard") == {}
    values = tensorboard_values(run / "tensorboard")
    # The epoch that the first part ended in is logged twice: begun, and whole.
    assert values["epoch_generator_loss"] == [0, 1, 1]
    assert values["samples"] == [0, FIRST, THEN]
    assert values["configuration"] == [0, 0]


def test_wandb_goes_on_in_the_same_run(run):
    state = state_of(run, "wandb")
    assert state["project"] == "keras-gans"
    parts = sorted((run / "wandb").glob(f"offline-run-*-{state['id']}"))
    assert len(parts) == 2 and all(list(part.glob("*.wandb")) for part in parts)
    assert [len(list(part.rglob("samples*.png"))) for part in parts] == [2, 1]


def test_mlflow_goes_on_in_the_same_run(run):
    state = state_of(run, "mlflow")
    import mlflow

    assert mlflow.active_run() is None
    client = mlflow.MlflowClient(state["tracking_uri"])
    (experiment,) = client.search_experiments(filter_string="name = 'keras-gans'")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.run_id == state["run_id"] and logged.info.status == "FINISHED"
    # Parameters never change there.
    assert logged.data.params["preset"] == "conditional_gan"
    assert logged.data.params["steps"] == str(FIRST)
    history = client.get_metric_history(state["run_id"], "generator_loss")
    assert sorted(point.step for point in history) == [0, 1, 1]
    names = [file.path for file in client.list_artifacts(state["run_id"], "images")]
    steps = {int(re.search(r"step.(\d+)", name)[1]) for name in names}
    assert steps == {0, FIRST, THEN}


def test_a_worker_that_is_not_the_chief_logs_nothing(tmp_path):
    (tmp_path / "trackers.json").write_text('{"tensorboard": {}}')
    log = callbacks.Trackers(tmp_path, {}, None)
    log.set_model(keras.Sequential([keras.layers.Dense(1)]))
    log.on_train_begin()
    log(0, np.zeros((8, 8, 3), "uint8"))
    log.on_epoch_end(0, {"generator_loss": 1.0})
    log.end(finished=True)
    assert [path.name for path in tmp_path.iterdir()] == ["trackers.json"]


@pytest.mark.parametrize("name, extra", [("wandb", "wandb"), ("mlflow", "mlflow")])
def test_a_missing_package_is_named_before_there_is_a_folder(
    tmp_path, monkeypatch, capsys, name, extra
):
    find_spec = trackers.importlib.util.find_spec
    monkeypatch.setattr(
        trackers.importlib.util,
        "find_spec",
        lambda wanted: None if wanted == name else find_spec(wanted),
    )
    assert cli.main(["train", "--log", name, "--output", str(tmp_path / "run")]) == 1
    assert f'pip install "keras_gans[{extra}]"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_unknown_trackers_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--log", "wandbb"])
    assert "Did you mean wandb?" in capsys.readouterr().err
    with pytest.raises(ValueError, match="can hold mlflow, tensorboard, wandb"):
        callbacks.Trackers(tmp_path, {}, ["comet"])


class Failing:
    """A tracker whose server is out of reach, from the start or later."""

    package = extra = "tensorboard"
    at_once, ended = False, None

    def __init__(self, directory, name, configuration, state):
        if self.at_once:
            raise RuntimeError("no key")
        self.callbacks = []

    def picture(self, iteration, picture):
        raise ConnectionError("out of reach")

    def end(self, finished):
        type(self).ended = finished


def test_a_tracker_that_fails_later_does_not_end_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers, "find", lambda name: Failing)
    callback = callbacks.Trackers(tmp_path, {}, ["failing"])
    callback.set_model(None)
    with pytest.warns(UserWarning, match="did not log: out of reach"):
        callback(3, None)
    with pytest.raises(KeyboardInterrupt), warnings.catch_warnings(action="error"):
        monkeypatch.setattr(Failing, "picture", interrupt)
        callback(3, None)
    callback.end(finished=False)
    assert Failing.ended is False


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_tracker_that_cannot_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers, "find", lambda name: Failing)
    monkeypatch.setattr(Failing, "at_once", True)
    callback = callbacks.Trackers(tmp_path, {}, ["failing"])
    with pytest.raises(OSError, match="--log failing cannot start: no key"):
        callback.set_model(None)
    assert not (tmp_path / "trackers.json").exists()
