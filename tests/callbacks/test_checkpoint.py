"""Checkpoints: training that goes on is equal, bit for bit, to one that never stopped."""

import os
import pathlib
import resource
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tiny_run
from keras_gans.callbacks import Checkpoint
from keras_gans.data import unpaired

SAVE = tf.train.CheckpointManager.save


def interrupt(directory, iteration, **options):
    with pytest.raises(KeyboardInterrupt):
        tiny_run.train(
            directory, callbacks=[tiny_run.Interrupt(iteration)], **options
        )


def assert_same(first, second, message=""):
    different = [name for name in first if first[name] != second.get(name)]
    assert not different and len(first) == len(second), f"{message} {different}"


@pytest.fixture
def dtype_policy():
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run that the interrupted ones must equal: its state and its files."""
    directory = tmp_path_factory.mktemp("uninterrupted")
    model = tiny_run.train(directory)
    assert model.iterations == 3 * tiny_run.STEPS_PER_EPOCH
    return tiny_run.state(model), tiny_run.files(directory)


# Exact resume ----------------------------------------------------------------------


def test_the_run_has_everything_that_must_come_back(uninterrupted, tmp_path):
    # Were the pool, the dropout or the averages not part of this run, the tests below
    # could not fail for them.
    state, _ = uninterrupted
    fresh = tiny_run.state(tiny_run.make_model())
    kinds = {name.rpartition("/")[2].split(":")[0] for name in state}
    assert {"images", "count", "seed_generator_state", "total", "iteration"} <= kinds
    assert {"moving_mean", "kernel"} <= kinds
    same = [
        name
        for name, value in state.items()
        if fresh.get(name) == value and not name.endswith("learning_rate")
    ]
    # Not one of them keeps the value that it starts with.
    assert same == [], same


@pytest.mark.parametrize(
    "stops",
    [(3,), (5,), (1, 7, 8, 11)],
    ids=["in the middle of an epoch", "between epochs", "many times"],
)
def test_resumed_equals_uninterrupted(uninterrupted, tmp_path, stops):
    for stop in stops:
        interrupt(tmp_path, stop)
    model = tiny_run.train(tmp_path)
    assert_same(uninterrupted[0], tiny_run.state(model))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


def test_resumes_within_the_process(uninterrupted, tmp_path):
    # A notebook cell that is run again: same model and same data, which have moved on.
    model, data = tiny_run.make_model(), tiny_run.make_data()
    interrupt(tmp_path, 8, model=model, data=data)
    tiny_run.train(tmp_path, model, data)
    assert_same(uninterrupted[0], tiny_run.state(model))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


@pytest.mark.parametrize("save_freq", [1, 5, "epoch"])
def test_how_often_it_is_saved_changes_nothing(uninterrupted, tmp_path, save_freq):
    interrupt(tmp_path, 7, save_freq=save_freq)
    step = Checkpoint.latest_step(tmp_path / "checkpoints")
    # The seventh step is interrupted before it is saved.
    assert step == (6 if save_freq == 1 else 5)
    model = tiny_run.train(tmp_path, save_freq=save_freq)
    assert_same(uninterrupted[0], tiny_run.state(model))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


@pytest.mark.parametrize("stop", [2, 4, 6])
def test_steps_per_execution(tmp_path, stop):
    # Five steps in executions of two: the last execution of an epoch is a single step.
    make_model = tiny_run.make_model
    whole = tiny_run.train(tmp_path / "a", make_model(steps_per_execution=2))
    interrupt(tmp_path / "b", stop, model=make_model(steps_per_execution=2))
    latest = Checkpoint.latest_step(tmp_path / "b" / "checkpoints")
    assert latest == {2: None, 4: 2, 6: 4}[stop]
    model = tiny_run.train(tmp_path / "b", make_model(steps_per_execution=2))
    assert model.iterations == 15
    assert_same(tiny_run.state(whole), tiny_run.state(model))
    # The executions of a resumed epoch may lie elsewhere, so only the averages of
    # whole epochs are the same.
    history = "history.csv"
    assert_same(
        {history: tiny_run.files(tmp_path / "a")[history]},
        {history: tiny_run.files(tmp_path / "b")[history]},
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(tmp_path, dtype_policy, policy):
    dtype_policy(policy)
    whole = tiny_run.train(tmp_path / "a")
    interrupt(tmp_path / "b", 8)
    model = tiny_run.train(tmp_path / "b")
    assert_same(tiny_run.state(whole), tiny_run.state(model))
    assert_same(tiny_run.files(tmp_path / "a"), tiny_run.files(tmp_path / "b"))


def test_longer_run_equals_a_run_of_that_length(uninterrupted, tmp_path):
    tiny_run.train(tmp_path, epochs=2)
    model = tiny_run.train(tmp_path, epochs=3)
    assert_same(uninterrupted[0], tiny_run.state(model))


def test_finished_run_stays_as_it_is(tmp_path):
    tiny_run.train(tmp_path, epochs=1)
    before = tiny_run.files(tmp_path)
    model = tiny_run.make_model()
    tiny_run.train(tmp_path, model, epochs=1)
    assert model.iterations == 5
    assert_same(before, tiny_run.files(tmp_path))


def test_next_fit_begins_where_it_is_told_to(tmp_path):
    model, data = tiny_run.make_model(), tiny_run.make_data()
    interrupt(tmp_path, 7, model=model, data=data)
    tiny_run.train(tmp_path, model, data)
    history = model.fit(data, epochs=1, verbose=0)
    assert history.epoch == [0]
    assert model.iterations == 20


def test_progress_of_an_epoch_that_is_resumed(tmp_path, capsys):
    batches = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: batches.append(batch),
        on_train_batch_end=lambda batch, logs: batches.append(batch),
    )
    interrupt(tmp_path, 9)  # Saved: 8 steps, that is 3 of the second epoch.
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Your input ran out of data", say.
        tiny_run.train(tmp_path, callbacks=[record], verbose=1)
    assert batches == [3, 3, 4, 4] + [batch for batch in range(5) for _ in range(2)]
    output = capsys.readouterr().out
    assert "Epoch 2/3" in output and "Epoch 3/3" in output
    assert "Epoch 1/3" not in output
    second, third = output.split("Epoch 3/3")
    assert "4/5" in second and "5/5" in second and "1/5" not in second
    assert "1/5" in third


def test_other_callbacks_can_stop_at_the_end_of_a_resumed_epoch(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.iterations == 5

    interrupt(tmp_path, 3)
    model = tiny_run.train(tmp_path, callbacks=[Stop()])
    assert model.iterations == 5


# Kills -----------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process; nothing catches it."""


def run_until_finished(directory, kill_life, epochs=3, save_freq=2, most=40):
    """Runs training in processes of their own until one of them ends by itself.

    The processes are forked before TensorFlow computes anything in this one, so that
    each costs no start-up.
    """


# A full disk, a read-only folder ---------------------------------------------------


def test_full_disk_leaves_the_checkpoint_before(uninterrupted, tmp_path, monkeypatch):
    # Past this limit every write fails, in the middle of the file.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def save_on_full_disk(manager, checkpoint_number):
        if checkpoint_number < 6:
            return SAVE(manager, checkpoint_number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
        try:
            return SAVE(manager, checkpoint_number)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with monkeypatch.context() as context:
        context.setattr(tf.train.CheckpointManager, "save", save_on_full_disk)
        with pytest.raises(OSError, match="is the disk full.*step-4"):
            tiny_run.train(tmp_path)
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 4
    model = tiny_run.train(tmp_path)
    assert_same(uninterrupted[0], tiny_run.state(model))
    assert_same(uninterrupted[1], tiny_run.files(tmp_path))


def test_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Checkpoint(tmp_path / "file" / "checkpoints", tiny_run.make_data())


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_read_only_folder_is_refused_at_once(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError):
        Checkpoint(tmp_path, tiny_run.make_data())


# What does not fit -----------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished")
    tiny_run.train(directory, epochs=1)
    return directory


@pytest.mark.parametrize(
    "other",
    [{"pool_size": 0}, {"pool_size": 4}, {"width": 4}],
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


def test_checkpoint_of_data_of_another_seed_is_refused(finished):
    with pytest.raises(ValueError, match="data of seed 0. Received data of seed 9"):
        tiny_run.train(finished, data=tiny_run.make_data(seed=9))


def test_fit_must_go_through_all_of_the_data(tmp_path):
    data = tiny_run.make_data()
    checkpoint = Checkpoint(tmp_path, data)
    with pytest.raises(ValueError, match="5 steps per epoch where `fit` makes 2"):
        tiny_run.make_model().fit(
            data, steps_per_epoch=2, callbacks=[checkpoint], verbose=0
        )


def test_data_must_have_a_position(tmp_path):
    data = tiny_run.make_data().map(lambda x, y: (x, y))
    with pytest.raises(TypeError, match="its position cannot be restored"):
        Checkpoint(tmp_path, data)


@pytest.mark.parametrize("save_freq", [0, -1, 1.5, True, "epochs", None])
def test_save_freq(tmp_path, save_freq):
    with pytest.raises(ValueError, match="`save_freq` must be a positive integer or"):
        Checkpoint(tmp_path, tiny_run.make_data(), save_freq=save_freq)


@pytest.mark.parametrize("max_to_keep", [0, -1, 1.5, True, None])
def test_max_to_keep(tmp_path, max_to_keep):
    with pytest.raises(ValueError, match="`max_to_keep` must be a positive integer"):
        Checkpoint(tmp_path, tiny_run.make_data(), max_to_keep=max_to_keep)


# What is saved ---------------------------------------------------------------------


def test_latest_step_of_an_empty_folder(tmp_path):
    assert Checkpoint.latest_step(tmp_path) is None
    assert Checkpoint.latest_step(tmp_path / "none") is None


def test_last_checkpoints_are_kept(tmp_path):
    data = tiny_run.make_data()
    checkpoint = Checkpoint(tmp_path, data, save_freq=2, max_to_keep=3)
    tiny_run.make_model().fit(data, epochs=2, callbacks=[checkpoint], verbose=0)
    kept = sorted(path.stem for path in tmp_path.glob("*.index"))
    # The end of training is saved whatever `save_freq` says.
    assert kept == ["step-10", "step-6", "step-8"]
    assert Checkpoint.latest_step(tmp_path) == 10


def test_folder_can_be_moved(uninterrupted, tmp_path):
    interrupt(tmp_path / "a", 7)
    (tmp_path / "a").rename(tmp_path / "b")
    model = tiny_run.train(tmp_path / "b")
    assert_same(uninterrupted[0], tiny_run.state(model))


class Spoil(keras.callbacks.Callback):
    """Puts a value that is not finite into the state, not into the logs."""

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
        lambda model: model.discriminator_x.non_trainable_variables[0],
        lambda model: model.discriminator_optimizer.variables[-1],
        lambda model: model.pool_y.images,
    ],
    ids=["weight", "statistic", "optimizer", "pool"],
)
def test_state_that_is_not_finite_is_never_saved(tmp_path, choose):
    with pytest.raises(FloatingPointError, match="Not saved: .* step 6.*step-4"):
        tiny_run.train(tmp_path, callbacks=[Spoil(choose)])
    assert Checkpoint.latest_step(tmp_path / "checkpoints") == 4
