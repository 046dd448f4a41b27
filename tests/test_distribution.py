"""Training on several replicas and in several processes."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile

import contracts
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import small_run
from keras_gans import distribution, layers
from keras_gans.callbacks import Checkpoint, trackers
from keras_gans.data import unpaired
from keras_gans.files import read_csv
from keras_gans.models.seeds import ReplicaSeedGenerator, let_replicas_differ
from keras_gans.presets import registry

TESTS = pathlib.Path(__file__).parent
PRESETS = TESTS / "replica_presets.py"
# A hang is a failure.
SECONDS = 1200


def environment(**further):
    found = {
        name: value
        for name, value in os.environ.items()
        if not re.match("TF_CONFIG|SLURM_|JOB_COMPLETION|KERAS_GANS_", name)
    }
    path = os.pathsep.join(map(str, (TESTS.parent, TESTS)))
    return {**found, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": path, **further}


def start(*arguments, program=("-m", "keras_gans.cli"), **further):
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        env=environment(**further),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def outputs(processes):
    """Returns what processes printed, and their statuses."""
    end = time.monotonic() + SECONDS
    try:
        texts = [
            process.communicate(timeout=max(1, end - time.monotonic()))[0]
            for process in processes
        ]
    finally:
        for process in processes:
            process.kill()
    return texts, [process.returncode for process in processes]


def start_workers(*arguments, further=((), ())):
    """Starts two workers as a user does in two shells; the chief is the first.

    `further` are arguments of each of them alone.
    """
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("", 0))
        ports = [probe.getsockname()[1] for probe in probes]
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    return [
        start(
            *("train", *arguments, *own, "--distribute", "multi-worker"),
            TF_CONFIG=json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": index}}
            ),
        )
        for index, own in enumerate(further)
    ]


def train_in_two(*arguments):
    texts, statuses = outputs(start_workers(*arguments))
    assert statuses == [0, 0], "\n".join(text[-3000:] for text in texts)
    return texts


def train_in_one(*arguments, devices=1):
    """Trains in one process, with several devices by `MirroredStrategy`."""
    program = (
        "import sys, tensorflow as tf; from keras_gans.cli import main; "
        "(cpu,) = tf.config.list_physical_devices('CPU'); "
        "tf.config.set_logical_device_configuration(cpu, "
        f"[tf.config.LogicalDeviceConfiguration()] * {devices}); "
        "sys.exit(main(sys.argv[1:]))"
    )
    kind = ["--distribute", "mirrored"] if devices > 1 else []
    process = start("train", *arguments, *kind, program=("-c", program))
    (text,), (status,) = outputs([process])
    assert status == 0, text[-3000:]
    return text


def state_of(run):
    """Returns a dict of all that `model.keras` holds: weights, optimizers, pools."""
    found = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item, "float64")

    with zipfile.ZipFile(run / "model.keras") as file:
        with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
            weights.visititems(add)
    assert len(found) > 20
    return found


def difference(one, other, leave_out="$^"):
    assert one.keys() == other.keys()
    return max(
        np.abs(one[name] - other[name]).max()
        for name in one
        if not re.search(leave_out, name)
    )


# Two replicas of one process ----------------------------------------------------------


def draws(strategy):
    """Returns the largest difference of random numbers on two replicas and on one."""
    inputs = tf.ones((4, 50))

    def make():
        noise, layer = keras.random.SeedGenerator(1), layers.Dropout(0.4, seed=2)
        layer.build(inputs.shape)
        own = ReplicaSeedGenerator(3)

        def step(x, numbers):
            results = {
                "noise": distribution.draw(keras.random.normal, (len(x), 5), noise),
                # What does not go through `draw` differs between replicas.
                "own": keras.random.uniform((len(x), 5), seed=own),
                "dropout": layer(x, training=True),
                "shuffled": distribution.over_whole_batch(
                    lambda x: keras.random.shuffle(x, axis=0, seed=own), numbers, own
                ),
            }
            return results | {"first": keras.random.uniform((1,), seed=own)}

        return step

    numbers = tf.range(4.0)
    expected = make()(inputs, numbers)
    with strategy.scope():
        step = make()
    halves = [
        strategy.experimental_distribute_values_from_function(
            lambda context, x=x: tf.split(x, 2)[context.replica_id_in_sync_group]
        )
        for x in (inputs, numbers)
    ]
    found = tf.function(lambda: strategy.run(step, args=halves))()
    found = {
        name: np.concatenate(strategy.experimental_local_results(parts))
        for name, parts in found.items()
    }
    assert not np.array_equal(found["own"][:2], found["own"][2:])
    assert sorted(found["shuffled"]) == [0, 1, 2, 3] != [*found["shuffled"]]
    # `own` counts on equally on all replicas.
    return max(
        float(np.abs(found[name] - expected[name]).max())
        for name in ("noise", "dropout", "shuffled")
    )


def keras_dropout_differs(strategy):
    with strategy.scope():
        layer = keras.layers.Dropout(0.5, seed=1)
        layer.build((1, 50))
        let_replicas_differ(layer)
    one, other = strategy.experimental_local_results(
        strategy.run(lambda: layer(tf.ones((1, 50)), training=True))
    )
    return not np.array_equal(one, other)


def scaled_update(strategy, gradients):
    """Returns weight, loss scale and updates after a step with a gradient of each."""
    with strategy.scope():
        weight = keras.Variable(5.0)
        sgd = keras.optimizers.SGD(1.0, clipnorm=3.0)
        optimizer = keras.optimizers.LossScaleOptimizer(sgd, initial_scale=8.0)
        optimizer.build([weight])
        distribution.take_summed_gradients(optimizer)

    def step(gradient):
        optimizer.apply(distribution.summed([gradient]), [weight])

    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(gradients[context.replica_id_in_sync_group])
    )
    tf.function(lambda: strategy.run(step, args=(values,)))()
    copies = [copy.numpy() for copy in distribution.copies_of(weight)]
    assert copies[0] == copies[1]
    scale, updates = optimizer.dynamic_scale.numpy(), optimizer.iterations.numpy()
    return float(copies[0]), float(scale), int(updates)


def resumed(strategy):
    """Stops in the middle of an epoch and goes on in another model.

    Returns:
        Dict of whether all copies of all variables, and the logs, are equal.
    """
    images = np.random.default_rng(0).integers(0, 256, (2, 24, 16, 16, 3), "uint8")

    def train(directory, stop=None):
        data = unpaired(*images, batch_size=4, seed=1)
        with strategy.scope():
            model = registry.find(f"{PRESETS}:cyclegan").build(3, 3, 16, 2, seed=0)
        end = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: setattr(
                model, "stop_training", model.trained_batches == stop
            )
        )
        checkpoint = Checkpoint(directory, data, save_freq=2)
        history = model.fit(data, epochs=2, verbose=0, callbacks=[end, checkpoint])
        copies = [
            copy.numpy()
            for variables in model.state_variables().values()
            for variable in variables
            for copy in distribution.copies_of(variable)
        ]
        return copies, history.history, model

    with tempfile.TemporaryDirectory() as folder:
        expected, logs, _ = train(f"{folder}/a")
        train(f"{folder}/b", stop=9)
        found, further, model = train(f"{folder}/b")
    pools = distribution.copies_of(model.pool_x.images)
    return {
        "state": all(map(np.array_equal, found, expected)),
        "logs": all(further[name] == logs[name][1:] for name in logs),
        "pools_differ": not np.array_equal(*pools),
        "copies": len(found),
    }


def main():
    strategy = contracts.two_replicas()
    plain = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization()])
    with strategy.scope():
        distribution.synchronize(plain)
        try:
            optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
            distribution.take_summed_gradients(optimizer)
        except ValueError as error:
            refusal = str(error)
    results = {
        "draws": draws(strategy),
        "finite": scaled_update(strategy, [1.0, 31.0]),
        "overflow": scaled_update(strategy, [1.0, float("inf")]),
        "resumed": resumed(strategy),
        "keras_dropout_differs": keras_dropout_differs(strategy),
        "synchronized": plain.layers[0].synchronized,
        "refusal": refusal,
    }
    print(json.dumps(results))


@pytest.fixture(scope="module")
def results():
    return contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')",
        timeout=SECONDS,
    )


@pytest.mark.slow
def test_random_numbers_belong_to_the_samples(results):
    assert results["draws"] == 0


@pytest.mark.slow
def test_clipping_and_loss_scaling_see_the_sum(results):
    # (1 + 31) / 8 is clipped from 4 to 3.
    assert results["finite"] == [2.0, 8.0, 1]
    # The second replica alone overflows.
    assert results["overflow"] == [5.0, 4.0, 0]


@pytest.mark.slow
def test_replicas_resume_each_from_its_own_state(results):
    resumed = results["resumed"]
    assert resumed["state"] and resumed["logs"] and resumed["pools_differ"]
    assert resumed["copies"] > 100


@pytest.mark.slow
def test_what_would_differ_between_replicas(results):
    assert results["synchronized"] is True and results["keras_dropout_differs"]
    assert "`gradient_accumulation_steps`" in results["refusal"]


# Two processes -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The arguments of each preset that name its data: three batches an epoch."""
    folder = tmp_path_factory.mktemp("data")
    images = np.random.default_rng(0).integers(0, 256, (2, 24, 16, 16, 3), "uint8")
    for name, part in zip("xy", images, strict=True):
        np.savez(folder / f"{name}.npz", x_train=part)
    pairs = np.concatenate(images, axis=2)
    small_run.write_images(folder / "pairs", pairs)
    faces, attributes = small_run.write_faces(folder, 30)
    return {
        "cyclegan": ["--data", folder / "x.npz", folder / "y.npz"],
        "wgan_gp": ["--data", folder / "x.npz"],
        "pix2pix": ["--data", folder / "pairs"],
        "stargan": [
            *("--data", faces, "--attributes", attributes),
            *("--select", "Smiling", "Blond_Hair", "Black_Hair"),
        ],
    }


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["cyclegan", "wgan_gp", "pix2pix", "stargan"])
def test_two_workers_equal_one_device(preset, sources, tmp_path):
    arguments = [f"{PRESETS}:{preset}", *sources[preset], "--output"]
    chief, other = train_in_two(*arguments, tmp_path / "two")
    train_in_one(*arguments, tmp_path / "one")
    two, one = state_of(tmp_path / "two"), state_of(tmp_path / "one")
    # Pools keep what their own replica has seen.
    assert difference(two, one, leave_out="pool") < 1e-5
    for name in ("history.csv", "table.csv"):
        rows = [read_csv(tmp_path / run / name) for run in ("one", "two")]
        for one_row, other_row in zip(*rows, strict=True):
            assert one_row == pytest.approx(other_row, rel=1e-4)
    # The chief alone speaks.
    assert "Done. Everything is in" in chief
    assert len(other.splitlines()) == 2 and "Waiting for all 2 workers" in other


@pytest.fixture(scope="module")
def uninterrupted(sources, tmp_path_factory):
    """A run of two workers whose pools are full and swap images."""
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    arguments = [f"{PRESETS}:cyclegan", *sources["cyclegan"], "--pool-size", "3"]
    arguments += ["--steps", "60", "--output"]
    train_in_two(*arguments, run)
    return arguments, state_of(run)


@pytest.mark.slow
def test_two_workers_equal_two_devices_of_one_process(uninterrupted, tmp_path):
    arguments, expected = uninterrupted
    text = train_in_one(*arguments, tmp_path / "run", devices=2)
    assert "Each batch is shared by 2 devices." in text
    assert difference(state_of(tmp_path / "run"), expected) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_killed_and_started_again(victim, uninterrupted, tmp_path):
    arguments, expected = uninterrupted
    run = tmp_path / "run"
    workers = start_workers(*arguments, run)
    end = time.monotonic() + SECONDS
    # Written last, when a checkpoint is whole.
    while not (run / "checkpoints" / "checkpoint").exists():
        assert time.monotonic() < end and workers[0].poll() is None
        time.sleep(0.02)
    workers[victim].send_signal(signal.SIGKILL)
    texts, statuses = outputs(workers)
    assert statuses[victim] == -signal.SIGKILL and statuses[1 - victim] == 1
    last = texts[1 - victim].strip().splitlines()[-1]
    assert last.startswith("keras-gans train: Another worker has ended or cannot be")
    assert "Traceback" not in texts[1 - victim]
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == ("training" if victim == 0 else "interrupted")

    texts = train_in_two("--resume", "--output", run)
    assert re.search(r"Going on from .*step-\d+: batch 1 of epoch", texts[0])
    state = state_of(run)
    assert all(np.array_equal(state[name], expected[name]) for name in expected)
    assert json.loads((run / "run.json").read_text())["state"] == "finished"


@pytest.mark.slow
def test_workers_with_different_commands_are_refused(sources, tmp_path):
    arguments = [f"{PRESETS}:wgan_gp", *sources["wgan_gp"], "--output", tmp_path / "a"]
    workers = start_workers(*arguments, further=((), ("--batch-size", "4")))
    texts, statuses = outputs(workers)
    assert statuses == [1, 1]
    for text in texts:
        assert "All workers must have the same configuration" in text
    assert not (tmp_path / "a" / "run.json").exists()


@pytest.mark.slow
# What MLflow does with its database is not ours to mend.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
def test_the_chief_alone_logs_to_trackers(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Where MLflow puts its artifacts.
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    names = [name for name in trackers.names() if importlib.util.find_spec(name)]
    run = tmp_path / "run"
    arguments = [f"{PRESETS}:wgan_gp", *sources["wgan_gp"], "--output", run]
    train_in_two(*arguments, "--log", *names)
    states = json.loads((run / "trackers.json").read_text())
    assert [*states] == names
    # Their names end in the number of the process and that of the file.
    files = [path.name.split(".") for path in run.glob("tensorboard/**/events.*")]
    assert len({parts[-3] for parts in files}) == 1
    if "wandb" in names:
        assert len([*run.glob("wandb/offline-run-*")]) == 1
    if "mlflow" in names:
        import mlflow

        client = mlflow.MlflowClient(states["mlflow"]["tracking_uri"])
        (experiment,) = client.search_experiments(filter_string="name = 'keras-gans'")
        assert len(client.search_runs([experiment.experiment_id])) == 1


if __name__ == "__main__":
    main()
