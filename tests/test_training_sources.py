"""The data and files that a run names, used later, from elsewhere, or moved."""

import contextlib
import json
import pathlib
import shutil

import keras
import pytest

import small_run
from keras_gans import metrics
from keras_gans.training import Run, configure

MINE = """
import keras_gans


@keras_gans.presets.preset(task="generation", batch_size=8, size=8, steps=1)
def tiny(channels=1, size=8, width: int = 2, seed=None):
    return keras_gans.presets.gan(channels, size, width, latent_dim=3, seed=seed)
"""


def build_eager(x_channels, y_channels, size, seed, jit_compile=False):
    """The small networks; what is trained here are single steps."""
    model = small_run.build(x_channels, y_channels, size, seed)
    model.run_eagerly = True
    return model


def untrained(images, labels, **_):
    """In the place of `train_classifier`: any score will do."""
    classifier = keras.Sequential(
        [keras.Input(images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    classifier.run_eagerly = True
    return classifier


@contextlib.contextmanager
def working_in(folder):
    """Lets the small networks be built, from the working directory `folder`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        small_run.replace_build(monkeypatch, "digits", build_eager)
        monkeypatch.setattr(metrics, "train_classifier", untrained)
        monkeypatch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with a run of one iteration on relative sources; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "project"
    small_run.make_domains(folder / "data")
    (folder / "mine.py").write_text(MINE)
    with working_in(folder):
        data = "data/white.npz", "data/black.npz"
        configuration = configure("digits", *data, batch_size=small_run.BATCH, steps=1)
        Run.create("runs/digits-1", configuration, "").train(verbose=0)
    return folder


@pytest.fixture(autouse=True)
def project(trained, tmp_path):
    """The working directory, with data that are named by relative paths."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("runs"))
    with working_in(folder):
        yield folder


@pytest.fixture
def run(trained, project):
    """The run as if it had been trained in this project; returns its folder."""
    shutil.copytree(trained / "runs", project / "runs")
    record = project / "runs" / "digits-1" / "run.json"
    text = record.read_text()
    assert str(trained) in text
    record.write_text(text.replace(str(trained), str(project)))
    return record.parent


def content(run):
    return json.loads((run / "run.json").read_text())


def rewrite(run, **changes):
    record = content(run)
    record["configuration"] |= changes
    del record["directory"]
    (run / "run.json").write_text(json.dumps(record))


def test_paths_are_absolute_and_names_stay(project):
    pathlib.Path("digits").mkdir()
    pathlib.Path("mnist").mkdir()
    pathlib.Path("faces").mkdir()
    pathlib.Path("net.keras").touch()
    pathlib.Path("vgg16").touch()
    here = str(project)
    found = configure("cyclegan", "digits", "data/white.npz", feature_network="vgg16")
    assert (found.x, found.y) == ("digits", f"{here}/data/white.npz")
    assert found.options["feature_network"] == "vgg16"
    # As everywhere, a folder comes before a name of tensorflow_datasets.
    options = {"feature_network": "net.keras", "feature_extractor": "net.keras"}
    found = configure("cyclegan", "mnist", "svhn_cropped", **options)
    assert (found.x, found.y) == (f"{here}/mnist", "svhn_cropped")
    assert found.options == dict.fromkeys(options, f"{here}/net.keras")
    # An embedded set of another kind is none.
    assert configure("cyclegan", "faces", "dta/").x == f"{here}/faces"
    found = configure("stargan", "faces", attributes="data")
    assert (found.x, found.options["attributes"]) == ("faces", f"{here}/data")
    assert configure("gan", pathlib.Path("digits")).x == f"{here}/digits"
    found = configure("mine.py:tiny", "data/white.npz")
    assert found.preset == f"{here}/mine.py:tiny"


def test_a_run_works_from_every_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = Run.open("project/runs/digits-1")
    assert opened.score(opened.load_model())["xy"]["floor"] >= 0
    opened.change_length(steps=2)
    assert opened.train(verbose=0).iterations == 2


@pytest.mark.parametrize("alone", [True, False])
def test_a_run_moves_alone_and_with_its_data(run, project, tmp_path, alone):
    if alone:
        moved = run.rename(tmp_path / "moved")
        data = project / "data"
    else:
        project.rename(tmp_path / "another")
        moved, data = tmp_path / "another/runs/digits-1", tmp_path / "another/data"
    opened = Run.open(moved)
    assert opened.configuration.x == str(data / "white.npz")
    opened.change_length(steps=2)
    assert opened.train(verbose=0).iterations == 2
    assert content(moved)["directory"] == str(moved)
    assert content(moved)["configuration"]["x"] == str(data / "white.npz")


def test_what_is_gone_is_named_as_the_run_s(run, tmp_path, monkeypatch):
    (run.parents[1] / "data" / "black.npz").unlink()
    monkeypatch.chdir(tmp_path)
    opened = Run.open(run)
    model = opened.load_model()
    path = run.parents[1] / "data" / "black.npz"
    for use in (opened.train, lambda: opened.score(model)):
        with pytest.raises(FileNotFoundError) as caught:
            use()
        message = str(caught.value)
        assert message.startswith(f"{run}/run.json: `y` must be where it was when ")
        assert f"at '{path}', and there is nothing; put it there" in message


def test_an_option_that_is_gone_is_named_as_the_run_s(run):
    rewrite(run, feature_network="/nowhere/net.keras")
    opened = Run.open(run)
    with pytest.raises(FileNotFoundError, match="json: `feature_network` must be whe"):
        opened.train()
    # It is not needed for a score.
    assert opened.score(opened.load_model())


def test_a_preset_file_that_is_gone_is_named_as_the_run_s(project, tmp_path):
    configuration = configure("mine.py:tiny", "data/white.npz")
    Run.create("run", configuration, "").train(verbose=0)
    (project / "mine.py").rename(tmp_path / "mine.py")
    with pytest.raises(FileNotFoundError, match=r"run.json: `preset` must .*mine.py'"):
        Run.open("run")


def test_a_run_of_an_earlier_version_says_what_it_does_not_know(
    run, tmp_path, monkeypatch
):
    rewrite(run, x="data/white.npz", y="mnist")
    monkeypatch.chdir(tmp_path)
    message = r"run.json: `x` .* at 'data/white.npz', a path from the folder in which "
    with pytest.raises(FileNotFoundError, match=message) as caught:
        Run.open(run).train()
    assert "an earlier version did not write down which" in str(caught.value)
    # From that folder it goes on, and is written down.
    monkeypatch.chdir(run.parents[1])
    assert Run.open(run).configuration.x == str(run.parents[1] / "data" / "white.npz")
