"""The search of weights: trials, what they tell in any order, table, chief and workers.

keras-tuner is asked for its trials as it is; what they train is tiny and runs eagerly.
"""

import dataclasses
import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys

import keras_tuner
import numpy as np
import pytest
import small_run
from lock_helpers import held
from study_helpers import read_rows, run_eagerly

from keras_gans import cli
from keras_gans.experiments import attribute_loss, attribute_search
from keras_gans.experiments.attribute_loss import Setting, score_of
from keras_gans.experiments.attribute_search import (
    RANGE,
    WEIGHTS,
    mean_best_so_far,
    search,
    trials_to,
)
from keras_gans.folder_lock import FolderInUseError

Faces = attribute_loss.Faces
# What a chief and its workers run, each a process of its own.
SCRIPT = """
import sys
from keras_gans import cli
from keras_gans.experiments import attribute_loss, attribute_search
from keras_gans.experiments.attribute_loss import Setting, score_of

build = attribute_search.STUDY.build

def build_eager(*args, **weights):
    model = build(*args, **weights)
    model.run_eagerly = True
    return model

attribute_search.STUDY.build = build_eager
setting = eval(sys.argv[2])
attribute_search.search(sys.argv[1], setting, only=["aclgan"], trials=4)
"""


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    images, file = small_run.write_faces(tmp_path_factory.mktemp("faces"), 40)
    return Setting(
        data=images,
        attributes=file,
        select=("Smiling", "Black_Hair"),
        size=16,
        width=2,
        residual_blocks=0,
        steps=1,
        batch_size=2,
        test_images=4,
        classifier_steps=1,
    )


@pytest.fixture(scope="module", autouse=True)
def small(setting):
    """One set of images and one judge for all trials, which compute eagerly."""
    faces = Faces(setting)
    with pytest.MonkeyPatch.context() as patch:
        run_eagerly(attribute_search.STUDY, patch)
        patch.setattr(attribute_loss, "Faces", lambda setting: faces)
        yield


@pytest.fixture(scope="module")
def study(setting, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "study"
    return folder, search(folder, setting, trials=2, command="the command")


@pytest.mark.slow
def test_both_get_as_many_trials_in_the_same_range(study):
    folder, results = study
    assert [row["method"] for row in results] == ["stargan"] * 2 + ["aclgan"] * 2
    for row in results:
        weights = [row[name] for name in WEIGHTS[row["method"]]]
        assert all(RANGE[0] <= weight <= RANGE[1] for weight in weights)
        assert len(set(weights)) == len(weights)
        assert 0 <= row["target_accuracy"] <= 1
        assert row["score"] == pytest.approx(score_of(row))
        assert row["seconds"] > 0 and row["fid"] > 0
    assert results[0]["trial"] == 1 and results[1]["trial"] == 2
    rows = read_rows(folder / "table.csv")
    assert [float(row["score"]) for row in rows] == [row["score"] for row in results]
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert "| StarGAN | 3 | 2 |" in text and "| ACL-GAN | 2 | 2 |" in text
    assert "`the command`" in text
    assert (folder / "figures" / "search.png").stat().st_size > 1000
    assert len(list(folder.glob("trials/*/trial_*/edits.png"))) == 4


@pytest.mark.slow
def test_both_get_as_many_batches(setting, monkeypatch, tmp_path):
    models, score = [], Faces.score

    def watch(faces, model):
        models.append(model)
        return score(faces, model)

    monkeypatch.setattr(Faces, "score", watch)
    search(tmp_path, setting, trials=1)
    stargan, aclgan = models
    # Of one step: five critic steps, of which the last updates StarGAN's generator.
    assert (stargan.iterations, aclgan.iterations) == (1, 5)
    assert int(stargan.discriminator_optimizer.iterations) == 5
    assert int(aclgan.discriminator_optimizer.iterations) == 5


@pytest.mark.slow
def test_weights_of_a_trial_reach_the_model(setting, monkeypatch, tmp_path):
    built, build = [], attribute_search.STUDY.build

    def watch(*args, **weights):
        built.append(build(*args, **weights))
        return built[-1]

    monkeypatch.setattr(attribute_search.STUDY, "build", watch)
    for row in search(tmp_path, setting, trials=1):
        # The first ones are made before the search, to see whether they can be.
        model = built[2:][0 if row["method"] == "stargan" else 1]
        for name in WEIGHTS[row["method"]]:
            assert getattr(model, name) == pytest.approx(row[name])


@pytest.mark.slow
def test_trials_that_stopped_are_done_again_and_more_can_follow(
    study, setting, monkeypatch, tmp_path
):
    _, expected = study
    score = Faces.score
    calls = []

    def stop(faces, model):
        calls.append(model)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(faces, model)

    def run(trials):
        return search(tmp_path, setting, only=["aclgan"], trials=trials)

    with monkeypatch.context() as patch:
        patch.setattr(Faces, "score", stop)
        with pytest.raises(KeyboardInterrupt):
            run(2)
        results = run(2)
    assert len(calls) == 3
    for row, other in zip(results, expected[2:]):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    assert len(run(3)) == 3 and run(3)[:2] == results


@pytest.mark.slow
def test_weights_with_which_training_diverges_score_nothing(
    setting, monkeypatch, tmp_path
):
    def explode(*args, **kwargs):
        raise FloatingPointError("`generator_loss` became nan")

    monkeypatch.setattr(attribute_search.FiniteGuard, "on_train_batch_end", explode)
    (row,) = search(tmp_path, setting, only=["aclgan"], trials=1)
    assert row["score"] == 0 and row["diverged"] == 1 and "fid" not in row
    assert "| – | – |" in (tmp_path / "table.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_errors_end_the_search_and_are_told_as_they_are(setting, monkeypatch, tmp_path):
    def fail(faces, model):
        raise OSError("no room")

    monkeypatch.setattr(Faces, "score", fail)
    with pytest.raises(OSError, match="no room"):
        search(tmp_path, setting, only=["aclgan"], trials=1)


def test_a_worker_of_another_setting_is_turned_away(setting, tmp_path):
    faces = attribute_loss.Faces(setting)
    chief = attribute_search.Search("aclgan", setting, faces, 1, 0, tmp_path / "chief")
    other = dataclasses.replace(setting, steps=2)
    worker = attribute_search.Search("aclgan", other, faces, 1, 0, tmp_path / "worker")
    with pytest.raises(keras_tuner.errors.FatalError, match="another setting"):
        worker.run_trial(chief.oracle.create_trial("worker"))
    # Where its images are is a matter of its own.
    elsewhere = dataclasses.replace(setting, data="somewhere/else")
    assert attribute_search._text_of(elsewhere) == attribute_search._text_of(setting)


@pytest.mark.slow
def test_a_study_of_another_setting_is_refused(setting, study):
    folder, _ = study
    with pytest.raises(ValueError, match="another setting"):
        search(folder, dataclasses.replace(setting, steps=2))


def test_bad_arguments(setting, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="stargan, aclgan.*Received: acl"):
        search(tmp_path, setting, only=["acl"])
    # Sizes that networks do not take are refused before anything is written.
    with pytest.raises(ValueError, match="size"):
        search(tmp_path / "new", dataclasses.replace(setting, size=20))
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ValueError, match="must have KERASTUNER_ORACLE_PORT"):
        search(tmp_path, setting)
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    with pytest.raises(ValueError, match="--only stargan"):
        search(tmp_path, setting)


def test_the_chief_holds_the_folder(setting, monkeypatch, tmp_path):
    folder = tmp_path / "study"
    monkeypatch.setattr(attribute_search, "_search", lambda *_: "searched")
    with held(folder) as process:
        with pytest.raises(FolderInUseError, match=f"process {process.pid} on"):
            search(folder, setting)
        monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
        monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "the chief")
        with pytest.raises(FolderInUseError, match=f"process {process.pid} on"):
            search(folder, setting, only=["aclgan"])
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-1")
        assert search(folder, setting, only=["aclgan"]) == "searched"


def test_what_trials_tell_is_the_mean_over_all_orders():
    scores = [0.3, 0.9, 0.1, 0.9, 0.6]
    orders = list(itertools.permutations(scores))
    best = np.mean([np.maximum.accumulate(order) for order in orders], axis=0)
    np.testing.assert_allclose(mean_best_so_far(scores), best, rtol=1e-12)
    for level in (0.1, 0.5, 0.9):
        first = [1 + next(i for i, s in enumerate(o) if s >= level) for o in orders]
        assert trials_to(level, scores) == pytest.approx(np.mean(first))
    assert trials_to(0.95, scores) is None


@pytest.mark.slow
def test_two_workers_share_the_trials_of_a_chief(setting, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = pathlib.Path(attribute_search.__file__).parents[2]

    def start(name):
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "study"), repr(setting)],
            env={
                **os.environ,
                "PYTHONPATH": str(root),
                "KERASTUNER_ORACLE_IP": "127.0.0.1",
                "KERASTUNER_ORACLE_PORT": str(port),
                "KERASTUNER_TUNER_ID": name,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    processes = [start(name) for name in ("chief", "worker-1", "worker-2")]
    try:
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    assert "table.md, table.csv" in outputs[0]
    assert all("The chief writes the tables" in output for output in outputs[1:])
    rows = read_rows(tmp_path / "study" / "table.csv")
    assert [row["trial"] for row in rows] == ["1", "2", "3", "4"]
    assert len({row["content_weight"] for row in rows}) == 4
    # The search of one process has the same trials.
    alone = search(tmp_path / "alone", setting, only=["aclgan"], trials=4)
    for row, other in zip(rows, alone):
        assert float(row["content_weight"]) == pytest.approx(other["content_weight"])
    content = json.loads((tmp_path / "study" / "setting.json").read_text())
    assert content["search"] is True and content["steps"] == 1


def test_the_command_line_starts_the_search(monkeypatch, tmp_path, capsys):
    seen = []
    monkeypatch.setattr(
        attribute_search,
        "search",
        lambda directory, setting, only, trials, command: seen.append(
            (directory, setting, only, trials, command)
        ),
    )
    monkeypatch.chdir(tmp_path)
    command = ("reproduce", "attributes", "--search")

    def fail(*arguments):
        assert cli.main(arguments) == 1
        return capsys.readouterr().err

    assert cli.main(command) == 0
    assert cli.main([*command, "--quick", "--output", "out"]) == 0
    options = ("--trials", "3", "--steps", "7", "--only", "aclgan")
    assert cli.main([*command, *options]) == 0
    default, quick, given = seen
    folder = pathlib.Path("runs/attribute_search")
    text = "keras-gans reproduce attributes --search"
    assert default == (folder, attribute_search.SETTING, None, 12, text)
    assert quick[:4] == (pathlib.Path("out"), attribute_search.STUDY.quick, None, 2)
    assert given[1] == dataclasses.replace(attribute_search.SETTING, steps=7)
    assert given[2:4] == (["aclgan"], 3)
    assert "--search only" in fail("reproduce", "attributes", "--trials", "3")
    assert "is searched" in fail(*command, "--content-weight", "1")
    assert "--trials" in fail(*command, "--seeds", "2")
    # Without the extra: as if keras-tuner was not there.
    monkeypatch.delitem(sys.modules, "keras_gans.experiments.attribute_search")
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    assert "pip install 'keras_gans[tune]'" in fail(*command)
