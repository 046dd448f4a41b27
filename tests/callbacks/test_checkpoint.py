"""Checkpoints: training that goes on equals, bit for bit, one that never stopped."""

import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tiny_run
from keras_gans.callbacks import Checkpoint
from keras_gans.networks import unet_generator

pytestmark = pytest.mark.usefixtures("without_curves")


class Trainee:
    """Trains one compiled model again and again, each time as if it were a new one.

    At the beginning of a run its state is that of a new model. Where a checkpoint is to
    be restored it is noise, so that all of it must come from the checkpoint.
    """

    def __init__(self, **options):
        self.model = tiny_run.make_model(**options)
        self.model.build_state(tiny_run.make_data().element_spec)
        self.start = {
            name: variable.numpy()
            for name, variable in tiny_run.variables(self.model).items()
        }

    def train(self, directory, stop=None, callbacks=(), **options):
        """Trains to the end, or until Ctrl-C after that number of iterations."""
        fresh = Checkpoint.latest_step(directory / "checkpoints") is None
        noise = np.random.default_rng(0)
        for name, variable in tiny_run.variables(self.model).items():
            value = self.start[name]
            # A learning rate that is not the compiled one would be kept.
            if not fresh and "learning_rate" not in variable.name:
                value = noise.integers(50, 100, value.shape)
            variable.assign(tf.cast(value, variable.dtype))
        # Callbacks that look too early must see those of a new model.
        self.model.generator_optimizer.iterations.assign(0)
        self.model.trained_batches = 0
        callbacks = list(callbacks)
        if stop is None:
            tiny_run.train(directory, self.model, callbacks=callbacks, **options)
        else:
            with pytest.raises(KeyboardInterrupt):
                callbacks.append(Interrupt(stop))
                tiny_run.train(directory, self.model, callbacks=callbacks, **options)
        return tiny_run.state(self.model)


class Interrupt(keras.callbacks.Callback):
    """Ends `fit` as Ctrl-C would, before that iteration can be saved."""

    def __init__(self, iteration):
        super().__init__()
        self.iteration = iteration

    def on_train_batch_end(self, batch, logs=None):
        if self.model.iterations >= self.iteration:
            raise KeyboardInterrupt


class Break(keras.callbacks.Callback):
    """Ends `fit` at the end of an epoch or of all, before the others see it."""

    def __init__(self, moment, iteration):
        super().__init__()
        self.iteration = iteration
        setattr(self, moment, self.stop)

    def stop(self, *args, **kwargs):
        if self.model.iterations == self.iteration:
            raise KeyboardInterrupt


def assert_same(expected, received):
    assert sorted(expected) == sorted(received)
    different = [name for name in expected if expected[name] != received[name]]
    assert not different


@pytest.fixture(scope="module")
def trainee():
    return Trainee()


@pytest.fixture(scope="module")
def uninterrupted(trainee, tmp_path_factory):
    """The state and the files that the interrupted runs must arrive at."""
    directory = tmp_path_factory.mktemp("uninterrupted")
    state = trainee.train(directory)
    assert trainee.model.iterations == 3 * tiny_run.STEPS_PER_EPOCH
    return state, tiny_run.files(directory)


# Exact resume ----------------------------------------------------------------------


def test_all_of_the_state_changes_in_the_run(trainee, uninterrupted):
    # A part that keeps its value, or that is not there, could not be missed below.
    assert "table.md" in uninterrupted[1] and "history.csv" in uninterrupted[1]
    assert "samples/iteration_000012.png" in uninterrupted[1]
    kept = [
        tiny_run.variables(trainee.model)[name].name
        for name, value in trainee.start.items()
        if value.tobytes().hex() == uninterrupted[0][name]
    ]
    assert all("learning_rate" in name for name in kept), kept
    names = {variable.name for variable in trainee.model.variables}
    assert {"images", "count", "seed_generator_state", "moving_mean"} <= names
    # Both pools, both dropouts, and whatever else draws numbers.
    seeds = [v for v in trainee.model.variables if v.name == "seed_generator_state"]
    assert len(seeds) == 4


def test_resumed_equals_uninterrupted(trainee, uninterrupted, tmp_path):
    # Before the first save, in the middle of an epoch and between two.
    for stop in (1, 3, 6, 8, 9, 14):
        trainee.train(tmp_path, stop)
    assert_same(uninterrupted[0], trainee.train(tmp_path))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


@pytest.mark.parametrize(
    "save_freq", [1, pytest.param(5, marks=pytest.mark.slow), "epoch"]
)
def test_any_save_freq(trainee, uninterrupted, tmp_path, save_freq):
    trainee.train(tmp_path, 7, save_freq=save_freq)
    step = Checkpoint.latest_step(tmp_path / "checkpoints")
    assert step == (6 if save_freq == 1 else 5)
    assert_same(uninterrupted[0], trainee.train(tmp_path, save_freq=save_freq))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


@pytest.mark.parametrize(
    "save_freq",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(5, marks=pytest.mark.slow),
        "epoch",
    ],
)
@pytest.mark.parametrize(
    "moment, iteration", [("on_epoch_end", 5), ("on_train_end", 15)]
)
def test_nothing_is_missing_that_is_written_at_an_end(
    trainee, uninterrupted, tmp_path, save_freq, moment, iteration
):
    # The row of the epoch, say: a run that goes on behind it would never write it.
    first = [Break(moment, iteration)]
    with pytest.raises(KeyboardInterrupt):
        trainee.train(tmp_path, first=first, save_freq=save_freq)
    assert_same(uninterrupted[0], trainee.train(tmp_path, save_freq=save_freq))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


def test_same_objects_go_on(trainee, uninterrupted, tmp_path):
    # A notebook cell that is run again after Ctrl-C.
    data = tiny_run.make_data()
    trainee.train(tmp_path, 8, data=data)
    tiny_run.train(tmp_path, trainee.model, data)
    assert_same(uninterrupted[0], tiny_run.state(trainee.model))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))
    # The last are kept, and the end is saved whatever `save_freq` says.
    kept = sorted(path.stem for path in tmp_path.glob("checkpoints/*.index"))
    assert kept == ["step-14", "step-15"]


@pytest.mark.slow
def test_folder_can_be_moved(trainee, uninterrupted, tmp_path):
    trainee.train(tmp_path / "a", 7)
    (tmp_path / "a").rename(tmp_path / "b")
    assert_same(uninterrupted[0], trainee.train(tmp_path / "b"))


@pytest.mark.slow
def test_longer_run_equals_one_of_that_length(trainee, uninterrupted, tmp_path):
    trainee.train(tmp_path, epochs=1)
    assert_same(uninterrupted[0], trainee.train(tmp_path, epochs=3))
    history = "history.csv"
    assert tiny_run.files(tmp_path)[history] == uninterrupted[1][history]


@pytest.mark.slow
def test_finished_run_stays_as_it_is(trainee, uninterrupted, tmp_path):
    trainee.train(tmp_path)
    assert_same(uninterrupted[0], trainee.train(tmp_path))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


@pytest.mark.slow
def test_unet_with_dropout(tmp_path):
    def make_unet(input_channels, output_channels, name):
        return unet_generator(
            input_channels, output_channels, width=2, depth=2, name=name
        )

    unets = Trainee(make_generator=make_unet)
    expected = unets.train(tmp_path / "a", epochs=2)
    unets.train(tmp_path / "b", 7)
    assert_same(expected, unets.train(tmp_path / "b", epochs=2))


@pytest.fixture(scope="module")
def two_steps_per_execution(tmp_path_factory):
    trainee = Trainee(steps_per_execution=2)
    directory = tmp_path_factory.mktemp("two_steps_per_execution")
    return trainee, trainee.train(directory), tiny_run.files(directory)


@pytest.mark.slow
@pytest.mark.parametrize("stop, saved", [(2, None), (4, 2), (5, 4), (7, 4), (9, 7)])
def test_steps_per_execution(two_steps_per_execution, tmp_path, stop, saved):
    # Five steps in executions of two: the last execution of an epoch is a single step.
    trainee, state, files = two_steps_per_execution
    trainee.train(tmp_path, stop)
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == saved
    assert_same(state, trainee.train(tmp_path))
    assert trainee.model.iterations == 15
    assert_same(files, tiny_run.files(tmp_path))


@pytest.mark.slow
def test_steps_per_execution_changes_nothing(uninterrupted, two_steps_per_execution):
    assert_same(uninterrupted[0], two_steps_per_execution[1])


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    try:
        trainee = Trainee()
    finally:
        keras.config.set_dtype_policy("float32")
    assert trainee.model.generator_xy.layers[2].compute_dtype == policy[6:]
    expected = trainee.train(tmp_path / "a")
    trainee.train(tmp_path / "b", 8)
    assert_same(expected, trainee.train(tmp_path / "b"))
    assert_same(tiny_run.files(tmp_path / "a"), tiny_run.files(tmp_path / "b"))


# What the user sees of it ----------------------------------------------------------


def test_progress_of_an_epoch_that_is_resumed(trainee, tmp_path, capsys):
    batches = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: batches.append(batch),
        on_train_batch_end=lambda batch, logs: batches.append(batch),
    )
    trainee.train(tmp_path, 9)  # Saved: 8 steps, that is 3 of the second epoch.
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Your input ran out of data", for example.
        trainee.train(tmp_path, callbacks=[record], verbose=1)
    assert batches == [3, 3, 4, 4, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    output = capsys.readouterr().out
    assert "Epoch 1/3" not in output
    second, third = output.split("Epoch 3/3")
    assert "Epoch 2/3" in second
    assert "4/5" in second and "5/5" in second and "1/5" not in second
    assert "1/5" in third


def test_other_callbacks_can_end_a_resumed_epoch(trainee, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.iterations == 5

    trainee.train(tmp_path, 3)
    trainee.train(tmp_path, callbacks=[Stop()])
    assert trainee.model.iterations == 5


def test_next_fit_begins_where_it_is_told_to(trainee, tmp_path):
    data = tiny_run.make_data()
    trainee.train(tmp_path, 7)
    trainee.train(tmp_path, data=data)
    assert trainee.model.fit(data, epochs=1, verbose=0).epoch == [0]
    assert trainee.model.iterations == 20


def test_latest_step_of_an_empty_folder(tmp_path):
    assert Checkpoint.latest_step(tmp_path) is None
    assert Checkpoint.latest_step(tmp_path / "none") is None


# Deaths ----------------------------------------------------------------------------


def die_and_resume(directory, deaths, **options):
    """Runs `tiny_run.die_and_resume` in a program of its own."""
    directory.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            tiny_run.__file__,
            str(directory),
            json.dumps({"deaths": deaths, **options}),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_deaths(trainee, tmp_path, plan, random_deaths, epochs, seed=0):
    """Compares a run that dies at planned and then at random moments with a whole one.

    Args:
        trainee: Trains the whole run, in this process.
        tmp_path: Folder of both runs.
        plan: List of pairs: death, as `tiny_run.die_and_resume` takes it, and latest
            checkpoint after it.
        random_deaths: Integer, further deaths after one to twelve steps each.
        epochs: Integer, length of the run.
        seed: Integer, of the random moments.
    """
    moments = random.Random(seed)
    deaths = [death for death, _ in plan]
    deaths += [("steps", moments.uniform(1, 12)) for _ in range(random_deaths)]
    signals, steps = die_and_resume(tmp_path / "broken", deaths, epochs=epochs)
    assert signals == [
        "SIGXFSZ" if moment == "writing" else "SIGKILL" for moment, _ in deaths
    ] + [None]
    assert steps[: len(plan)] == [step for _, step in plan]
    assert len(set(steps[len(plan) :])) > min(2, random_deaths - 1)
    assert steps[-1] == f"step-{5 * epochs}"

    expected = trainee.train(tmp_path / "whole", epochs=epochs)
    assert_same(expected, json.loads((tmp_path / "broken/state.json").read_text()))
    assert_same(tiny_run.files(tmp_path / "whole"), tiny_run.files(tmp_path / "broken"))


def test_stopped_within_a_save(trainee, uninterrupted, tmp_path, monkeypatch):
    # It is the latest, and old ones are not yet deleted. All other moments are slow.
    def stop(manager):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tf.train.CheckpointManager, "_sweep", stop)
        trainee.train(tmp_path)
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 2
    assert_same(uninterrupted[0], trainee.train(tmp_path))


@pytest.mark.slow
def test_killed_at_many_random_moments(trainee, tmp_path):
    check_deaths(trainee, tmp_path, [], random_deaths=40, epochs=100, seed=1)


@pytest.mark.slow
def test_killed_at_random_on_two_replicas_while_somebody_looks(tmp_path):
    options = {"epochs": 40, "replicas": 2, "looks": True}
    moments = random.Random(2)
    deaths = [("steps", moments.uniform(1, 12)) for _ in range(30)]
    die_and_resume(tmp_path / "whole", [], **options)
    signals, _ = die_and_resume(tmp_path / "broken", deaths, **options)
    assert signals == ["SIGKILL"] * 30 + [None]
    whole, broken = (
        json.loads((tmp_path / name / "state.json").read_text())
        for name in ("whole", "broken")
    )
    assert_same(whole, broken)
    assert_same(tiny_run.files(tmp_path / "whole"), tiny_run.files(tmp_path / "broken"))


@pytest.mark.slow
def test_killed_at_every_moment_of_a_save(trainee, tmp_path):
    plan = [
        # The first save of all.
        (("before", 1), None),
        (("writing", 1), None),
        (("written", 1), None),
        (("latest", 1), "step-2"),
        # Later ones.
        (("writing", 2), "step-4"),
        (("written", 3), "step-8"),
        (("latest", 3), "step-14"),
    ]
    check_deaths(trainee, tmp_path, plan, random_deaths=3, epochs=12)


# A full disk, a read-only folder, values that are not finite -----------------------


def test_full_disk_leaves_the_checkpoint_before(
    trainee, uninterrupted, tmp_path, monkeypatch
):
    # Past this limit writing fails, in the middle of the file as on a full disk.
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    save = tf.train.CheckpointManager.save

    def save_on_full_disk(manager, checkpoint_number):
        if checkpoint_number == 6:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, unlimited[1]))
        try:
            return save(manager, checkpoint_number)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    with monkeypatch.context() as context:
        context.setattr(tf.train.CheckpointManager, "save", save_on_full_disk)
        with pytest.raises(OSError, match="is the disk full.*step-4"):
            trainee.train(tmp_path)
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 4
    assert_same(uninterrupted[0], trainee.train(tmp_path))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


def test_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Checkpoint(tmp_path / "file" / "checkpoints", tiny_run.make_data())


def test_read_only_folder_is_refused_at_once(tmp_path, monkeypatch):
    # Permissions do not bind every user that runs this.
    def refuse(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "write_bytes", refuse)
    with pytest.raises(PermissionError):
        Checkpoint(tmp_path / "checkpoints", tiny_run.make_data())


class Spoil(keras.callbacks.Callback):
    """Puts values that are not finite into the state after six iterations."""

    def __init__(self, choose):
        super().__init__()
        self.choose = choose

    def on_train_batch_end(self, batch, logs=None):
        if self.model.iterations == 6:
            variable = self.choose(self.model)
            variable.assign(np.full(variable.shape, np.nan))


@pytest.mark.parametrize(
    "choose",
    [
        lambda model: model.generator_xy.trainable_variables[0],
        lambda model: model.generator_yx.non_trainable_variables[-1],
        lambda model: model.discriminator_optimizer.variables[-1],
        lambda model: model.pool_y.images,
    ],
    ids=["weight", "statistic", "optimizer", "pool"],
)
def test_state_that_is_not_finite_is_never_saved(trainee, tmp_path, choose):
    with pytest.raises(FloatingPointError, match="Not saved: .* step 6.*step-4"):
        trainee.train(tmp_path, callbacks=[Spoil(choose)])
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 4


# What does not fit -----------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(trainee, tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    trainee.train(directory, epochs=1)
    return directory


@pytest.mark.parametrize(
    "other",
    [{"pool_size": 0}, {"pool_size": 4}, {"width": 3}],
    ids=["fewer variables", "larger pool", "wider networks"],
)
def test_checkpoint_of_another_model_is_refused(finished, other):
    with pytest.raises(ValueError, match="is of another model.*new folder"):
        tiny_run.train(finished, tiny_run.make_model(**other))


def test_checkpoint_of_another_optimizer_is_refused(finished):
    model = tiny_run.make_model()
    model.compile(generator_optimizer="sgd")
    with pytest.raises(ValueError, match="or of other optimizers"):
        tiny_run.train(finished, model)


def test_checkpoint_of_data_of_another_seed_is_refused(trainee, finished):
    with pytest.raises(ValueError, match="other data: seed 0, and now 9"):
        trainee.train(finished, data=tiny_run.make_data(seed=9))


def test_damaged_checkpoint_is_an_error_that_names_it(trainee, tmp_path):
    trainee.train(tmp_path, epochs=1)
    for path in tmp_path.glob("checkpoints/step-5.data*"):
        path.write_bytes(b"")
    with pytest.raises(OSError, match="step-5 cannot be read. Train into a new"):
        trainee.train(tmp_path)


def test_fit_must_go_through_all_of_the_data(trainee, tmp_path):
    data = tiny_run.make_data()
    with pytest.raises(ValueError, match="5 steps per epoch where `fit` makes 2"):
        trainee.model.fit(
            data, steps_per_epoch=2, callbacks=[Checkpoint(tmp_path, data)], verbose=0
        )


def test_arguments_are_checked(tmp_path):
    data = tiny_run.make_data()
    mapped = data.map(lambda x, y: (x, y))
    with pytest.raises(TypeError, match="its position cannot be restored"):
        Checkpoint(tmp_path, mapped)
    for wrong in ({"save_freq": 0}, {"save_freq": "epochs"}, {"max_to_keep": True}):
        with pytest.raises(ValueError, match=f"`{[*wrong][0]}` must be a positive int"):
            Checkpoint(tmp_path, data, **wrong)
