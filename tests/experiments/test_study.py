"""What all studies have in common: folder, jobs, records, refusals, options, help."""

import dataclasses
import json
import pathlib
import types
from typing import Literal

import contracts
import pytest
from lock_helpers import held
from study_helpers import read_rows

from keras_gans import cli
from keras_gans.experiments import study as study_module
from keras_gans.experiments.runs import epochs_of
from keras_gans.experiments.study import Study, find_studies
from keras_gans.folder_lock import FolderInUseError

VARIANTS = {"plain": "plain", "better": "better than plain"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs have in common.

    Args:
        data: Where the
            numbers come from.
        steps: Steps, in 5 % of which something happens.
        rate: Of `steps`, or `None`.
        parts: Names.
        kind: One of two.
    """

    data: str = "numbers"
    steps: int = 4
    rate: float | None = None
    parts: tuple = ("one", "two")
    kind: Literal["round", "square"] = "round"


class Toy(Study):
    """Numbers that are better than others.

    More of it.
    """

    name = "toy"
    variants = VARIANTS
    setting = Setting
    quick = Setting(steps=2)
    seeds = 2

    def __init__(self):
        self.ran, self.made = [], []

    def make_domains(self, setting):
        self.made.append(setting)
        return types.SimpleNamespace(record={"found": 7})

    def build(self, variant, seed, setting, domains):
        if setting.steps == 13:
            raise ValueError("13 is refused")
        return types.SimpleNamespace(network_names=())

    def run(self, variant, seed, setting, domains, path):
        self.ran.append((variant, seed))
        (path / "picture.png").write_bytes(b"drawn")
        return {"score": seed + len(variant) / 10, "curve": [1, 2]}

    def describe(self, result):
        return f"score {result['score']}"

    def report(self, results, setting, domains):
        return [f"{len(results)} {setting['steps']}", f"{domains}"]

    def draw_figures(self, directory, results):
        (directory / "figures" / "all.png").write_bytes(b"")


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def finished(tmp_path, toy):
    folder = tmp_path / "study"
    return folder, toy.reproduce(folder, seeds=1, command="the command")


def contents(folder):
    """Bytes and times of the files of all runs."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.glob("runs/**/*"))
        if path.is_file()
    }


def test_a_study_writes_its_files(toy, tmp_path, capsys):
    folder = tmp_path / "study"
    results = toy.reproduce(folder, seeds=1, command="the command")
    assert results == [
        {"variant": name, "seed": 0, "score": len(name) / 10, "curve": [1, 2]}
        for name in VARIANTS
    ]
    names = {path.relative_to(folder).as_posix() for path in folder.glob("*")}
    files = {"domains.json", "run.json", "setting.json", "table.csv", "table.md"}
    assert names == {"figures", "runs", *files}
    for row in results:
        path = folder / "runs" / f"{row['variant']}-0" / "result.json"
        assert json.loads(path.read_text()) == row
    # Without the curves.
    assert read_rows(folder / "table.csv") == [
        {"variant": "plain", "seed": "0", "score": "0.5"},
        {"variant": "better", "seed": "0", "score": "0.6"},
    ]
    report = "2 4\n\n{'found': 7}\n\n`the command`, Keras "
    assert (folder / "table.md").read_text().startswith(report)
    assert (folder / "figures" / "all.png").exists()
    setting = json.loads((folder / "setting.json").read_text())
    assert setting == {**dataclasses.asdict(Setting()), "parts": ["one", "two"]}
    printed = capsys.readouterr().out
    assert "2 runs: plain, better; 1 seed(s)\n  data numbers, steps 4" in printed
    assert "[2/2] better, seed 0 ...\n  score 0.6" in printed


def test_a_second_call_trains_nothing(finished, toy):
    folder, results = finished
    before, toy.ran, toy.made = contents(folder), [], []
    again = toy.reproduce(folder, only=["plain"], seeds=1, command="another")
    assert again == results and not toy.ran and not toy.made
    assert contents(folder) == before
    # Nor is a command recorded that trained nothing.
    assert "`the command`, Keras" in (folder / "table.md").read_text()


def test_a_second_call_adds_what_is_missing(finished, toy):
    folder, results = finished
    before, toy.ran = contents(folder), []
    more = toy.reproduce(folder, only=["plain"], seeds=2, command="another")
    assert toy.ran == [("plain", 1)]
    assert [row for row in more if row in results] == results
    assert [(row["variant"], row["seed"]) for row in more] == [
        *(("plain", 0), ("plain", 1), ("better", 0))
    ]
    after = contents(folder)
    assert {path: after[path] for path in before} == before
    assert "`the command`, `another`, Keras" in (folder / "table.md").read_text()


def test_a_run_that_stopped_is_not_finished(tmp_path, toy, monkeypatch):
    run = toy.run

    def stop(variant, *rest):
        if variant == "better":
            raise KeyboardInterrupt
        return run(variant, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(toy, "run", stop)
        with pytest.raises(KeyboardInterrupt):
            toy.reproduce(tmp_path, seeds=1)
    assert [row["variant"] for row in toy.collect(tmp_path)] == ["plain"]
    toy.reproduce(tmp_path, seeds=1)
    assert toy.ran == [("plain", 0), ("better", 0)]


def test_refusals_leave_everything_as_it_was(finished, toy, tmp_path):
    folder, _ = finished
    before = contents(folder)
    with pytest.raises(ValueError, match="another setting"):
        toy.reproduce(folder, Setting(steps=5))
    assert contents(folder) == before
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("Dear reader")
    with pytest.raises(FileExistsError, match="no study"):
        toy.reproduce(tmp_path / "foreign")
    assert len(list((tmp_path / "foreign").iterdir())) == 1
    new = tmp_path / "new"
    with pytest.raises(ValueError, match="--only.*plain, better. Received: bet, plan"):
        toy.reproduce(new, only=["plan", "plain", "bet"])
    with pytest.raises(ValueError, match="13 is refused"):
        toy.reproduce(new, Setting(steps=13))
    assert not new.exists()


def test_a_study_that_another_process_runs_is_left_alone(tmp_path, toy, capsys):
    folder = tmp_path / "study"
    with held(folder) as process:
        with pytest.raises(FolderInUseError, match=f"process {process.pid} on"):
            toy.reproduce(folder, seeds=1)
    assert not toy.ran and not toy.made and not capsys.readouterr().out
    # It held nothing else, and is dead.
    seen = []
    toy.describe = lambda result: seen.append((folder / ".lock").exists())
    toy.reproduce(folder, seeds=1)
    assert seen == [True, True] and not (folder / ".lock").exists()


@pytest.mark.parametrize("steps", [1, 97, 101, 150, 2400, 4685])
def test_epochs_make_up_all_steps(steps):
    epochs = epochs_of(steps)
    assert steps % epochs == 0 and 1 <= epochs <= 100


# The command line ------------------------------------------------------------------


def test_every_study_of_the_folder_is_found():
    folder = pathlib.Path(study_module.__file__).parent
    names = {study.name: type(study).__module__ for study in find_studies().values()}
    assert names == {
        "attributes": "keras_gans.experiments.attribute_loss",
        "channels": "keras_gans.experiments.channel_loss",
        "losses": "keras_gans.experiments.gan_losses",
        "semantic": "keras_gans.experiments.semantic_loss",
        "semantic_digits": "keras_gans.experiments.semantic_digits",
    }
    assert all(
        (folder / f"{name.split('.')[-1]}.py").exists() for name in names.values()
    )


@pytest.fixture
def reproduce(toy, monkeypatch, tmp_path, capsys):
    """Calls `keras-gans reproduce` with the toy among the studies."""
    find_studies()
    monkeypatch.setitem(study_module.STUDIES, "toy", toy)
    monkeypatch.chdir(tmp_path)

    def call(*arguments, status=0):
        try:
            received = cli.main(["reproduce", *arguments])
        except SystemExit as stop:  # argparse
            received = stop.code
        output = capsys.readouterr()
        assert received == status, output.err
        return output.err if status else output.out

    return call


def test_the_fields_of_a_setting_are_options(reproduce, toy):
    reproduce("toy")
    reproduce("toy", "--quick", "--output", "out", "--only", "better")
    reproduce(
        *("toy", "--data", "letters", "--steps", "7", "--rate", "0.5", "--seeds", "3"),
        *("--parts", "a", "b", "--kind", "square", "--output", "given"),
    )
    given = Setting("letters", 7, 0.5, ("a", "b"), "square")
    assert toy.made == [Setting(), Setting(steps=2), given]
    assert toy.ran == [
        *((name, seed) for seed in (0, 1) for name in VARIANTS),
        ("better", 0),
        *((name, seed) for seed in (0, 1, 2) for name in VARIANTS),
    ]
    record = json.loads(pathlib.Path("runs/toy/run.json").read_text())
    assert record["commands"] == ["keras-gans reproduce toy"]
    for arguments, message in (
        (("--steps", "0"), "not a positive integer"),
        (("--kind", "oval"), "choose from 'round', 'square'"),
        (("--steps", "x"), "not a positive integer"),
        (("--x", "photos"), "unrecognized"),
    ):
        assert message in reproduce("toy", *arguments, status=2)
    assert "STUDY" in reproduce(status=2)


def test_help_is_that_of_the_docstrings(reproduce):
    assert "toy" in reproduce("--help") and "Numbers that are" in reproduce("--help")
    text = " ".join(reproduce("toy", "--help").split())
    for part in (
        "Numbers that are better than others.",
        "Where the numbers come from (default: numbers)",
        "in 5 % of which something happens (default: 4)",
        "--rate NUMBER Of steps, or None --parts",
        "Names (default: one two)",
        "--kind {round,square}",
        "a short form, in a few minutes",
    ):
        assert part in text
    assert "More of it" not in text


LIGHT = """
import argparse, json, sys, types

for name in ("keras_gans", "keras_gans.cli"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [f"{sys.argv[1]}/{name.replace('.', '/')}"]
from keras_gans.cli import evaluate, reproduce

verbs = argparse.ArgumentParser().add_subparsers()
for verb in (reproduce, evaluate):
    verb.add_to(verbs)
for parser in verbs.choices.values():
    parser.format_help()
heavy = {"keras", "tensorflow", "numpy", "matplotlib", "PIL"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""


def test_help_needs_neither_keras_nor_numpy():
    root = str(pathlib.Path(study_module.__file__).parents[2])
    program = f"import sys; sys.argv = ['', {root!r}]\n{LIGHT}"
    assert contracts.run_python(program) == []


def test_settings_of_the_studies_reach_them(monkeypatch, tmp_path):
    seen = []
    for study in find_studies().values():
        monkeypatch.setattr(
            type(study),
            "reproduce",
            lambda self, folder, setting, only, seeds, command: seen.append(
                (self.name, str(folder), setting, only, seeds)
            ),
        )
    monkeypatch.chdir(tmp_path)
    for text in (
        "semantic --quick --feature-layers one two --upsampling resize --only origin",
        "channels --feature-network b.keras --feature-size 9 --seeds 5",
        "channels --quick",
        "losses --data mnist",
        "attributes --select Smiling Male --learning-rate 1e-4 --output out",
        "semantic_digits --semantic-weight 0.5",
    ):
        assert cli.main(["reproduce", *text.split()]) == 0

    def call(name, only, seeds, folder=None, quick=False, **fields):
        study = find_studies()[name]
        setting = study.quick if quick else study.setting()
        setting = dataclasses.replace(setting, **fields)
        return name, folder or f"runs/{name}", setting, only, seeds

    layers, faces = ("one", "two"), ("Smiling", "Male")
    given = {"feature_layers": layers, "upsampling": "resize"}
    assert seen == [
        call("semantic", ["origin"], 1, quick=True, **given),
        call("channels", None, 5, feature_network="b.keras", feature_size=9),
        call("channels", None, 1, quick=True),
        call("losses", None, 3, data="mnist"),
        call("attributes", None, 1, "out", select=faces, learning_rate=1e-4),
        call("semantic_digits", None, 1, semantic_weight=0.5),
    ]
