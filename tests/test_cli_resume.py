"""`keras-gans train --resume`: what a longer training keeps, changes and says."""

import json
import pathlib
import re
import shutil

import keras
import pytest

import small_run
from commands import call, fail, succeed
from keras_gans import callbacks, cli, folder_lock, training
from lock_helpers import held
from test_cli import BATCH, rows, small_networks  # noqa: F401


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of three iterations, of four in an epoch; not to be changed."""
    folder = tmp_path_factory.mktemp("resume")
    x, _ = small_run.make_domains(folder / "data")
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        small_run.let_train_eagerly(monkeypatch, "gan")
        result = succeed(
            *("train", "gan", "--data", x, "--output", folder / "run", "--steps", "3"),
            *("--size", "8", "--width", "2", "--latent-dim", "3", *BATCH),
        )
    result.directory = folder / "run"
    return result


@pytest.fixture
def copied(finished, tmp_path):
    return pathlib.Path(shutil.copytree(finished.directory, tmp_path / "copied"))


def record(folder):
    return json.loads((folder / "run.json").read_text())


def interrupt(monkeypatch, iteration):
    class Interrupt(callbacks.FiniteGuard):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.model.iterations == iteration:
                raise KeyboardInterrupt

    monkeypatch.setattr(callbacks, "FiniteGuard", Interrupt)


def steps_shown(out):
    return re.findall(r"^(\d+/\d+) - ", out, re.MULTILINE)


def test_a_run_says_that_it_is_finished(finished):
    content = record(finished.directory)
    assert content["state"] == "finished" and "resumes" not in content
    assert (content["iterations"], content["batches"]) == (3, 3)
    assert not list(finished.directory.glob(".*"))
    # All steps that are made, and not those of a whole epoch.
    assert steps_shown(finished.out) == ["3/3"]
    for name in re.findall(r"^  (\S+)  ", finished.out.partition("Done.")[2], re.M):
        assert (finished.directory / name).exists(), name


@pytest.mark.slow
def test_a_training_that_goes_on_and_stops_shows_nothing_old(copied, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 8)
        command = ["train", "--resume", "--output", copied, "--steps", "9"]
        assert call(*command).status == 130
    content = record(copied)
    # Of iteration 8 there is no checkpoint.
    assert (content["state"], content["iterations"]) == ("interrupted", 7)
    (resume,) = content["resumes"]
    assert resume["command"].endswith(f"--resume --output {copied} --steps 9")
    assert resume["versions"]["keras"] == keras.__version__ and resume["started"]
    for name in ("model.keras", "export", "score.json", "export.tmp"):
        assert not (copied / name).exists(), name
    assert "not finished" in fail("generate", "out", "--model", copied)
    result = succeed("evaluate", copied)
    assert "this is its checkpoint of iteration 7" in result.out
    succeed("export", copied, "exported")

    result = succeed("train", "--resume", "--output", copied)
    assert steps_shown(result.out) == ["4/4", "1/1"]
    content = record(copied)
    assert (content["state"], content["iterations"]) == ("finished", 9)
    assert len(content["resumes"]) == 2
    assert (copied / "export" / "1").is_dir() and (copied / "model.keras").exists()
    history = [row["iteration"] for row in rows(copied / "history.csv")]
    assert history == ["4", "8", "9"]


def test_a_state_that_says_otherwise_is_believed(copied):
    """Killed while it removed what was old, say."""
    content = record(copied)
    (copied / "run.json").write_text(json.dumps(content | {"state": "training"}))
    run = training.Run.open(copied)
    assert not run.is_finished
    shutil.rmtree(copied / "export")
    assert "not finished" in fail("generate", "out", "--model", copied)
    # Files of earlier versions do not say it.
    del content["state"]
    (copied / "run.json").write_text(json.dumps(content))
    assert run.is_finished


@pytest.mark.slow
def test_a_model_of_another_kind_is_told_and_made_again(copied):
    small_run.build(1, 1, 8, 0).save(copied / "model.keras")
    message = fail("evaluate", copied)
    assert "is a model of translation, and" in message
    assert "a run of generation. Put its own there again: keras-gans" in message
    # A class that is not of ours.
    inputs = keras.Input((2,))
    keras.Model(inputs, inputs).save(copied / "model.keras")
    assert "must be a model of `keras_gans.models`" in fail("evaluate", copied)
    succeed("train", "--resume", "--output", copied)
    succeed("evaluate", copied)


def test_ctrl_c_while_it_is_scored(copied, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    for name in ("score", "export"):
        with monkeypatch.context() as patch:
            patch.setattr(training.Run, name, stop)
            result = call("train", "--resume", "--output", copied)
        assert result.status == 130
        assert f"Go on with: keras-gans train --resume --output {copied}" in result.err
    (copied / "score.json").unlink()
    # What is missing is made, and no step.
    result = succeed("train", "--resume", "--output", copied)
    assert (copied / "score.json").exists() and not steps_shown(result.out)


def test_a_run_does_not_lie_in_its_data(tmp_path):
    photos = tmp_path / "photos"
    small_run.write_images(photos, small_run.digits("train", 9)[0])
    (tmp_path / "link").symlink_to(photos)
    command = "train", "gan", "--data", photos, *BATCH, "--size", "8"
    for output in (photos / "runs" / "gan-1", tmp_path / "link" / "run"):
        message = fail(*command, "--output", output)
        assert "`output` must not lie in the data: the pictures that a run " in message
        assert f"x='{photos}'" in message and not output.exists()
    training.sources.check_apart(
        training.configure("gan", photos), tmp_path / "photos-run"
    )


def test_without_checkpoints_no_model_is_lost(copied):
    shutil.rmtree(copied / "checkpoints")
    before = (copied / "model.keras").read_bytes()
    message = fail("train", "--resume", "--output", copied, "--steps", "4")
    assert "holds no checkpoint to go on from" in message
    assert (copied / "model.keras").read_bytes() == before
    assert record(copied)["state"] == "finished"


def test_a_checkpoint_that_is_refused_leaves_the_results(copied):
    for path in (copied / "checkpoints").glob("step-3.data*"):
        path.write_bytes(b"")
    message = fail("train", "--resume", "--output", copied, "--steps", "4")
    assert "cannot be read" in message
    assert (copied / "model.keras").exists() and (copied / "export").exists()
    assert record(copied)["state"] == "finished"


def test_best_stays_while_its_iteration_is_not_trained_again(tmp_path):
    from keras_gans.training.record import remove_results

    (tmp_path / "evaluation.csv").write_text(
        "iteration,epoch,val_fid\n4,1,3.0\n8,2,2.0\n12,3,2.5\n"
    )
    for iteration, stays in ((8, True), (7, False)):
        (tmp_path / "best.keras").write_text("")
        remove_results(tmp_path, iteration)
        assert (tmp_path / "best.keras").exists() is stays


def test_what_a_killed_removal_left_is_removed(tmp_path):
    from keras_gans.training.record import remove_results

    for name in ("export", "export.tmp"):
        (tmp_path / name / "1").mkdir(parents=True)
    remove_results(tmp_path, 3)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_rates_change_at_a_resume(copied):
    resume = ["train", "--resume", "--output", copied]
    result = succeed(*resume, "--steps", "4", "--learning-rate", "1e-5")
    assert "--learning-rate: 1e-05, and before by default\n" in result.out
    for role in ("generator", "discriminator"):
        told = f"From here on the learning rate of the {role} is 1e-05, as it was set"
        assert told in result.out
    assert record(copied)["configuration"]["learning_rate"] == 1e-5
    assert rates(copied) == pytest.approx((1e-5, 1e-5))
    # One role alone stands above that of both.
    result = succeed(*resume, "--steps", "5", "--generator-learning-rate", "1e-6")
    assert "learning rate of the generator is 1e-06" in result.out
    assert "learning rate of the disc" not in result.out
    assert rates(copied) == pytest.approx((1e-6, 1e-5))
    # That of both replaces it; what is said once holds on.
    succeed(*resume, "--steps", "6", "--learning-rate", "1e-3")
    result = succeed(*resume, "--steps", "7")
    assert "learning rate of" not in result.out
    assert rates(copied) == pytest.approx((1e-3, 1e-3))
    assert "generator_learning_rate" not in record(copied)["configuration"]


def rates(folder):
    model = keras.saving.load_model(folder / "model.keras")
    roles = model.generator_optimizer, model.discriminator_optimizer
    return tuple(float(optimizer.learning_rate) for optimizer in roles)


def test_what_may_change_and_what_is_refused(tmp_path, monkeypatch):
    given = {"cycle_weight": (10.0, 5.0), "width": 4, "residual_blocks": 1}
    configuration = training.configure("cyclegan", "a", "b", **given)
    content = {"command": "", "versions": {}, "configuration": configuration.to_dict()}
    (tmp_path / "run.json").write_text(json.dumps(content))
    seen = []
    monkeypatch.setattr(
        training.Run, "train", lambda run, verbose, log: seen.append(run)
    )
    resume = ["train", "--resume", "--output", tmp_path]
    for option in ("--width", "--residual-blocks", "--pool-size"):
        message = fail(*resume, option, "8")
        assert f"{option} cannot be given when a run is resumed: its" in message
        assert "the learning rates and the weights of its losses may be" in message
    message = fail(*resume, "--steps", "8", "--dry-run")
    assert "--dry-run cannot be given when a run is resumed" in message
    # Its average is in no checkpoint of this run.
    message = fail(*resume, "--identity-weight", "2")
    assert "--identity-weight cannot become 0, or other than 0" in message
    assert not seen
    # It ends when nothing was trained, which is no matter here.
    monkeypatch.setattr(training.Run, "export", lambda *_: 1 / 0)
    weights = ["--cycle-weight", "2", "3", "--identity-weight", "0"]
    with pytest.raises(ZeroDivisionError):
        call(*resume, *weights)
    options = seen[-1].configuration.options
    assert options["cycle_weight"] == (2.0, 3.0) and options["identity_weight"] == 0
    run = training.Run.open(tmp_path)
    assert run.change(cycle_weight=(10.0, 5.0)) == []
    assert run.change(cycle_weight=1.0) == [("cycle_weight", (10.0, 5.0), 1.0)]


def test_the_generator_must_learn_once(tmp_path):
    x, _ = small_run.make_unlabelled(tmp_path / "data", count=9)
    message = fail(
        *("train", "wgan", "--data", x, "--epochs", "1", "--output", "run", *BATCH),
        *("--size", "8"),
    )
    assert "The generator would never be updated: it learns in one of 2 batc" in message
    assert (
        "the training has 1. Give --steps, more --epochs or a smaller --ba" in message
    )
    assert not list(pathlib.Path("run").iterdir())


def test_a_resumed_run_is_held_until_it_is_scored(copied, monkeypatch):
    held_by_us = []

    def note(*_, **__):
        held_by_us.append([path for _, path in folder_lock._held])

    for name in ("train", "export", "score"):
        monkeypatch.setattr(training.Run, name, note)
    monkeypatch.setattr(cli.train, "_print_summary", note)
    succeed("train", "--resume", "--output", copied, "--steps", "4")
    assert held_by_us == [[copied / ".lock"]] * 4 and not folder_lock._held


def test_two_at_once(copied):
    with held(copied) as process:
        for command in (["train", "--resume", "--output"], ["evaluate"]):
            message = fail(*command, copied)
            assert f"{copied} is in use: process {process.pid} on" in message
    with held(pathlib.Path("runs/gan-1")):
        interrupted = fail("train", "gan", "--data", "nothing.npz")
    assert "there is no such file" in interrupted
    assert pathlib.Path("runs/gan-2").is_dir()
