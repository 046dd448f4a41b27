"""The command line, in process: what it writes, says, refuses and survives."""

import csv
import json
import os
import pathlib
import re
import shlex
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gans
import small_run
from commands import call, fail, succeed
from keras_gans import callbacks, cli, export, losses, presets, training
from keras_gans.cli import common, jobs
from keras_gans.data.sources import resize_images
from keras_gans.presets import registry

BATCH = ["--batch-size", str(small_run.BATCH)]


@pytest.fixture(autouse=True)
def small_networks(monkeypatch, tmp_path):
    small_run.patch(monkeypatch)
    # Nothing is read from, or written to, the folder that pytest was started in.
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of six iterations between labelled domains; not to be changed."""
    folder = tmp_path_factory.mktemp("cli")
    x, y = small_run.make_domains(folder / "data")
    directory = folder / "my run"
    arguments = ["train", "--data", x, y, "--output", directory, "--steps", "6", *BATCH]
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        result = succeed(*arguments)
    result.directory = directory
    result.command = shlex.join(["keras-gans", *map(str, arguments)])
    return result


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    """A finished run of a conditional model, five iterations; not to be changed."""
    folder = tmp_path_factory.mktemp("generation")
    x, _ = small_run.make_domains(folder / "data")
    directory = folder / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        result = succeed(
            *("train", "conditional_gan", "--data", x, "--output", directory),
            *("--steps", "5", "--size", "8", *BATCH),
        )
    result.directory = directory
    result.source = x
    return result


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    """A finished run of a colorizer, three iterations; not to be changed."""
    folder = tmp_path_factory.mktemp("colorizer")
    images = keras_gans.data.drawings(count=12)[0]
    np.savez(folder / "drawings.npz", x_train=images[:8], x_test=images[8:])
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        small_run.let_train_eagerly(monkeypatch, "colorizer")
        result = succeed(
            *("train", "colorizer", "--data", folder / "drawings.npz"),
            *("--output", folder / "run", "--steps", "3", "--size", "24"),
            *("--width", "2", "--ema-decay", "0.5"),
        )
    result.directory = folder / "run"
    result.test_images = images[8:]
    return result


@pytest.fixture
def copied(finished, tmp_path):
    return pathlib.Path(shutil.copytree(finished.directory, tmp_path / "copied"))


@pytest.fixture
def unlabelled(tmp_path):
    return small_run.make_unlabelled(tmp_path / "data")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# train -----------------------------------------------------------------------------


def test_train_writes_the_run_folder(finished):
    directory = finished.directory
    assert {path.name for path in directory.iterdir()} == {
        *("checkpoints", "export", "figures", "history.csv", "model.keras"),
        *("run.json", "samples", "score.json", "table.csv", "table.md"),
    }
    content = json.loads((directory / "run.json").read_text())
    assert content["command"] == finished.command
    assert content["configuration"] == {
        **{"preset": "digits", "x": str(directory.parent / "data" / "white.npz")},
        **{"y": str(directory.parent / "data" / "black.npz"), "channels": 3},
        **{"batch_size": small_run.BATCH, "size": 32, "load_size": None, "seed": 0},
        **{"flip": False, "steps": 6, "epochs": None, "jit_compile": "auto"},
        **{"mixed_precision": None, "cache": "auto"},
    }
    assert content["versions"]["keras_gans"] == keras_gans.__version__
    assert content["versions"]["tensorflow"] == tf.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}[+-].*", content["started"])

    history = rows(directory / "history.csv")
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert [row["iteration"] for row in history] == ["4", "6"]
    (row,) = rows(directory / "table.csv")
    assert row["iteration"] == "6"
    assert "| 6 |" in (directory / "table.md").read_text()
    names = sorted(path.name for path in (directory / "samples").iterdir())
    assert names == ["iteration_000000.png", "iteration_000006.png"]
    for path in [*directory.glob("samples/*"), directory / "figures" / "losses.png"]:
        assert np.ptp(np.array(Image.open(path))) > 100
    assert keras_gans.callbacks.Checkpoint.latest_step(directory / "checkpoints") == 6
    assert keras.saving.load_model(directory / "model.keras").iterations == 6
    assert (directory / "export" / "1" / "saved_model.pb").is_file()
    metadata = directory / "export" / "1" / "assets.extra" / "metadata.json"
    kept = {name: content[name] for name in ("command", "configuration", "versions")}
    assert kept.items() <= json.loads(metadata.read_text()).items()
    scores = json.loads((directory / "score.json").read_text())
    card = json.loads((directory / "export" / "1" / "model_card.json").read_text())
    assert kept.items() <= card.items()
    assert card["scores"] == scores and card["iterations"] == 6
    assert set(scores) == {"xy", "yx"}
    assert set(scores["xy"]) == {
        *("kept", "floor", "ceiling", "cycle_l1", "read", "read_ceiling", "reader_fid"),
        *("color_spread", "real_color_spread"),
    }


def test_train_writes_the_run_folder_of_a_generation(generation):
    directory = generation.directory
    written = {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file()
    }
    assert {name for name in written if not name.startswith("export/1/")} == {
        *("checkpoints/checkpoint", "checkpoints/step-4.data-00000-of-00001"),
        *("checkpoints/step-4.index", "checkpoints/step-5.data-00000-of-00001"),
        *("checkpoints/step-5.index", "figures/losses.png", "history.csv"),
        *("model.keras", "run.json", "samples/iteration_000000.png", "score.json"),
        *("samples/iteration_000005.png", "table.csv", "table.md"),
    }
    assert "export/1/saved_model.pb" in written
    content = json.loads((directory / "run.json").read_text())
    assert content["configuration"] == {
        **{"preset": "conditional_gan", "x": str(generation.source), "y": None},
        **{"batch_size": small_run.BATCH, "size": 8, "load_size": None},
        **{"flip": False, "channels": None, "steps": 5, "epochs": None, "seed": 0},
        **{"jit_compile": "auto", "mixed_precision": None, "cache": "auto"},
    }
    history = rows(directory / "history.csv")
    assert [row["iteration"] for row in history] == ["4", "5"]
    assert {*history[0]} == {
        *("iteration", "epoch", "discriminator_loss", "generator_loss")
    }
    assert "| Iteration | Loss_D | Loss_G |" in (directory / "table.md").read_text()
    # Six rows of ten classes, enlarged eight times.
    assert pixels(directory / "samples/iteration_000005.png").shape == (384, 640, 3)
    scores = json.loads((directory / "score.json").read_text())
    assert {*scores} == {
        *("fid", "kid", "real_fid", "real_kid"),
        *("classes_produced", "entropy", "entropy_share", "label_share"),
    }
    assert all(np.isfinite(value) for value in scores.values())

    before, _, after = generation.out.partition("\nDone.")
    assert "preset conditional_gan for 5 iterations of batch 8 at 8x8" in before
    assert f"  data  {generation.source}\n" in before
    assert training.score_table(scores) in after
    assert f"keras-gans generate OUT.png --model {directory}\n" in after
    assert "latent vectors in" in after and "translat" not in generation.out


def test_train_a_colorizer(colorizer):
    directory = colorizer.directory
    content = json.loads((directory / "run.json").read_text())["configuration"]
    assert (content["size"], content["load_size"]) == (24, 27)
    assert content["batch_size"] == 4
    assert (content["width"], content["ema_decay"]) == (2, 0.5)
    model = keras.saving.load_model(directory / "model.keras")
    assert isinstance(model.reconstruction_loss, losses.ChannelCompensatedL1)
    assert model.generator.layers[2].filters == 2 and model.ema_decay == 0.5
    # Four test images in a row; line art, unaided, hints, after hints and originals.
    assert pixels(directory / "samples/iteration_000003.png").shape == (240, 192, 3)
    scores = json.loads((directory / "score.json").read_text())
    images = resize_images(colorizer.test_images, 24)
    expected = keras_gans.metrics.colorization_scores(model, images)
    assert scores == pytest.approx(expected, rel=1e-4)
    assert training.score_table(scores) in colorizer.out
    use = f"colorize SKETCH OUT.png --hints HINTS.png --model {directory}\n"
    assert use in colorizer.out


def test_colorize_evaluate_and_export_a_run(colorizer, tmp_path):
    copied = pathlib.Path(shutil.copytree(colorizer.directory, tmp_path / "copied"))
    (copied / "score.json").unlink()
    assert "under dabs" in succeed("evaluate", copied).out
    assert (copied / "score.json").exists()
    assert "to models/1\n" in succeed("export", copied, "models").out
    art = np.full((24, 32), 255, "uint8")
    art[4:20, 8] = 0
    Image.fromarray(art).save("sketch.png")
    succeed("colorize", "sketch.png", "one.png", "--model", copied)
    succeed("colorize", "sketch.png", "two.png", "--model", "models")
    np.testing.assert_array_equal(pixels("one.png"), pixels("two.png"))
    assert pixels("one.png").shape == (24, 32, 3)
    for verb in ("translate", "generate"):
        target = ["sketch.png"] * (verb == "translate") + ["out.png"]
        assert "use keras-gans colorize" in fail(verb, *target, "--model", copied)


def test_the_drawings_are_trained_on_in_their_own_size():
    configuration = training.configure("colorizer", "drawings")
    assert (configuration.size, configuration.load_size) == (64, 64)
    assert training.configure("colorizer", "drawings", size=128).size == 128
    assert training.configure("colorizer", "folder").size == 256


def test_train_says_what_it_does_and_where_the_results_are(finished):
    before, _, after = finished.out.partition("\nDone.")
    assert "preset digits for 6 iterations of batch 8 at 32x32" in before
    assert f"in {finished.directory}" in before
    for name in (
        *("samples/", "figures/losses.png", "history.csv", "table.md", "score.json"),
        *("checkpoints/", "model.keras", "export/1"),
    ):
        assert f"  {name} " in after
        assert (finished.directory / name).exists()
    assert "| X → Y |" in after
    # A folder with a space in its name can be pasted.
    assert f"--model '{finished.directory}'" in after


def test_train_refuses_a_folder_that_holds_something(finished):
    message = fail("train", "--output", finished.directory)
    assert "exists and is not empty" in message and "--resume" in message


@pytest.mark.slow
def test_a_finished_run_is_resumed_without_a_further_step(copied):
    before = {
        name: (copied / name).read_bytes()
        for name in ("history.csv", "table.csv", "run.json", "score.json")
    }
    result = succeed("train", "--resume", "--output", copied)
    assert keras.saving.load_model(copied / "model.keras").iterations == 6
    for name, content in before.items():
        assert (copied / name).read_bytes() == content, name
    # Scored anew, with a classifier of the same seed, and exported as a new version.
    assert "for 6 iterations" in result.out and "export/2" in result.out


def test_interrupt_and_resume(tmp_path, unlabelled, monkeypatch):
    class Interrupt(callbacks.FiniteGuard):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            if self.model.iterations == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(callbacks, "FiniteGuard", Interrupt)
    # Two batches in an epoch.
    size = "--batch-size", "16"
    result = call("train", "--data", *unlabelled, *size, "--epochs", "2")
    assert result.status == 130
    assert result.err.endswith(
        "Interrupted. Go on with: keras-gans train --resume --output runs/digits-1\n"
        "\nStopped.\n"
    )
    assert "Traceback" not in result.err
    message = fail("translate", unlabelled[0], "a.png", "--model", "runs/digits-1")
    assert "not finished" in message and "train --resume --output runs/dig" in message
    # Its checkpoint can be exported and scored all the same (but for want of labels).
    succeed("export", "runs/digits-1", "exported")
    assert (pathlib.Path("exported") / "1" / "saved_model.pb").exists()
    assert not pathlib.Path("runs/digits-1/model.keras").exists()
    result = call("evaluate", "runs/digits-1")
    assert "Not finished: this is its checkpoint of iteration 2." in result.out
    assert "needs at least two test images with labels" in result.err
    domains = ("--x", unlabelled[0], "--y", unlabelled[1], "--metrics", "psnr", "mae")
    result = succeed("evaluate", "runs/digits-1", *domains, "--output", "run.json")
    assert "checkpoint of iteration 2" in result.out
    succeed("evaluate", "exported", *domains, "--size", 32, "--output", "export.json")
    scores, exported = (
        json.loads(pathlib.Path(name).read_text())["scores"]
        for name in ("run.json", "export.json")
    )
    assert scores == exported and scores["mae"] > 0

    monkeypatch.undo()
    small_run.patch(monkeypatch)
    monkeypatch.chdir(tmp_path)
    # The latest run is the default. A longer one this time, in another unit.
    result = succeed("train", "--resume", "--steps", "5")
    assert "for 5 iterations" in result.out and "in runs/digits-1" in result.out
    # No labels: all but the score.
    assert "No score: it needs at least two test images with labels" in result.out
    folder = pathlib.Path("runs/digits-1")
    assert "score.json" not in result.out and not (folder / "score.json").exists()
    assert (folder / "export" / "1" / "saved_model.pb").is_file()
    history = rows(folder / "history.csv")
    assert [row["iteration"] for row in history] == ["2", "4", "5"]
    configuration = json.loads((folder / "run.json").read_text())["configuration"]
    assert (configuration["steps"], configuration["epochs"]) == (5, None)
    message = fail("train", "--resume", "--steps", "4")
    assert "has trained 5 iterations already" in message
    message = fail("evaluate", folder)
    assert "needs at least two test images with labels of all data" in message
    assert all(str(path) in message for path in unlabelled)


def test_resume_takes_the_latest_run(finished, monkeypatch):
    assert "no run to resume in the folder runs/" in fail("train", "--resume")
    for name, seconds in (("older", 1000), ("newest", 3000), ("middle", 2000)):
        path = pathlib.Path("runs", name, "run.json")
        (path.parent / "checkpoints").mkdir(parents=True)
        shutil.copy(finished.directory / "run.json", path)
        os.utime(path, (seconds, seconds))
    # A study, which cannot be resumed so, is passed over.
    pathlib.Path("runs/losses").mkdir()
    pathlib.Path("runs/losses/run.json").write_text('{"command": ""}')
    trained = []

    def train(self, verbose, log=()):
        trained.append(self.directory)
        raise ValueError("seen")

    monkeypatch.setattr(training.Run, "train", train)
    fail("train", "--resume")
    fail("train", "--resume", "--output", "runs/older")
    assert trained == [pathlib.Path("runs/newest"), pathlib.Path("runs/older")]


@pytest.mark.parametrize(
    "given",
    [
        ["digits"],
        ["--data", "a", "b"],
        ["--batch-size", "4"],
        ["--size", "32"],
        ["--seed", "0"],
        ["--mixed-precision", "bfloat16"],
        ["--no-jit-compile"],
        ["--x", "photos"],
        ["--flip"],
        ["--feature-size", "3"],
        ["--feature-network", "inception_v3"],
    ],
)
def test_resume_refuses_what_would_change_the_run(finished, given):
    message = fail("train", *given, "--resume", "--output", finished.directory)
    name = "PRESET" if given == ["digits"] else given[0].replace("no-", "")
    assert f": {name} cannot be given when a run is resumed" in message


def test_options_reach_the_configuration(unlabelled, monkeypatch):
    seen = []

    def train(self, verbose, log=()):
        seen.append(self)
        raise ValueError("seen")

    monkeypatch.setattr(training.Run, "train", train)
    fail("train")
    fail(
        *("train", "digit_lab", "--data", *unlabelled, "--output", "out"),
        *("--epochs", "3", "--batch-size", "2", "--size", "16", "--seed", "4"),
        *("--mixed-precision", "float16", "--jit-compile"),
    )
    fail("train", "began", "--steps", "2")
    fail("train", "--data", "handwritten_digits", "digits")  # Two sources.
    default, given, began, digits = seen
    assert began.directory == pathlib.Path("runs/began-1")
    assert began.configuration == training.configure(
        "began", "handwritten_digits", steps=2
    )
    assert digits.configuration.y == "digits"
    assert default.directory == pathlib.Path("runs/digits-1")
    assert default.configuration == training.configure(
        "digits", "handwritten_digits", "street_digits"
    )
    assert given.directory == pathlib.Path("out")
    sizes = {"epochs": 3, "batch_size": 2, "size": 16, "seed": 4}
    assert given.configuration == training.configure(
        *("digit_lab", *unlabelled),
        **sizes,
        mixed_precision="float16",
        jit_compile=True,
    )


def test_mistakes_in_data_and_options(tmp_path, unlabelled):
    x, y = unlabelled
    output = ["--output", tmp_path / "run"]
    message = fail("train", "--data", "handwriten_digits", y, *output)
    assert "Did you mean 'handwritten_digits'" in message
    message = fail("train", "--data", x, tmp_path / "nothing.npz", *output)
    assert "there is no such file" in message
    message = fail("train", "--data", x, y, *output, "--size", "30", *BATCH)
    assert "multiples of 4" in message
    message = fail("train", "cyclegan", "--x", "dta/", "--y", y, *output)
    assert "Did you mean 'data'?" in message
    # Nothing of these blocks the folder.
    assert not list((tmp_path / "run").iterdir())
    message = fail("train", "conditional_gan", "--data", x, *output, *BATCH)
    assert "no labels" in message
    message = fail("train", "gan", "--data", x, *output, *BATCH, "--size", "30")
    assert "size=30" in message
    assert not list((tmp_path / "run").iterdir())
    # Here there is not even a folder.
    output = ["--output", tmp_path / "other"]
    message = fail("train", "wgan", "--data", x, y, *output)
    assert f"preset wgan must name one source, DATA. Received: {x} {y}" in message
    for preset in ([], ["digit_lab"]):
        message = fail("train", *preset, "--data", x, *output)
        assert f"must name two domains, X and Y. Received: {x}" in message
    assert "must name two domains" in fail("train", "--data", x, y, x, *output)
    message = fail("train", *output, "--data", x, "began")
    assert "PRESET comes first: keras-gans train began --data" in message
    assert not (tmp_path / "other").exists()
    assert "no run.json" in fail("train", "--resume", *output)
    assert "no run.json" in fail("evaluate", tmp_path)
    assert "no run.json" in fail("export", tmp_path, tmp_path / "model")
    # argparse's own status.
    for wrong in (["--steps", "0"], ["--size", "1.5"], ["--batch-size", "-1"]):
        assert "is not a positive integer" in fail("train", *wrong, status=2)
    assert "not allowed with" in fail(
        "train", "--steps", "1", "--epochs", "1", status=2
    )
    assert "Did you mean digits?" in fail("train", "digit", status=2)
    assert "Did you mean --cycle-weight?" in fail(
        *("train", "cyclegan", "--cycel-weight", "5"), status=2
    )
    message = fail("train", "gan", "--penalty", "r3", status=2)
    assert "invalid choice: 'r3'" in message
    message = fail("train", "cyclegan", "--cycle-weight", "1", "2", "3", status=2)
    assert "expected one number or two, got 3" in message
    assert "Did you mean train?" in fail("trian", status=2)
    assert "VERB" in fail(status=2)


@pytest.mark.parametrize(
    "error, expected",
    [
        (OSError(28, "No space left on device", "x.keras"), "No space left on device"),
        (MemoryError("Unable to allocate 9 GiB"), "The memory or the disk is full"),
        (
            tf.errors.ResourceExhaustedError(None, None, "disk: No space left\nmore"),
            "The memory or the disk is full. Free some of it, or use a smaller "
            "--batch-size or --size. (disk: No space left)",
        ),
        (
            tf.errors.UnknownError(
                None,
                None,
                "Graph execution error:\n\nDetected at node x\n<stack traces "
                "unavailable>\nno such kernel\n\t [[{{node x}}]]",
            ),
            "TensorFlow stopped with UnknownError: no such kernel (--traceback",
        ),
        (FloatingPointError("`cycle_loss` became nan"), "`cycle_loss` became nan"),
    ],
)
def test_errors_of_the_machine_are_one_sentence(monkeypatch, error, expected):
    def train(self, verbose, log=()):
        raise error

    monkeypatch.setattr(training.Run, "train", train)
    assert expected in fail("train")
    with pytest.raises(type(error)):
        call("train", "--traceback")


def test_a_bug_shows_its_traceback(monkeypatch):
    def train(self, verbose, log=()):
        raise ZeroDivisionError

    monkeypatch.setattr(training.Run, "train", train)
    with pytest.raises(ZeroDivisionError):
        call("train")


@pytest.mark.slow
def test_folders_in_bfloat16(tmp_path, monkeypatch):
    """Images without labels, in 16 bits; the policy stays in the run."""
    images, _ = small_run.digits("train", 10)
    small_run.write_images(tmp_path / "white", images)
    small_run.write_images(tmp_path / "black", 255 - images)
    policy = keras.config.dtype_policy()
    succeed(
        *("train", "--data", "white", "black", "--output", "run", "--steps", "1"),
        *("--batch-size", "4", "--mixed-precision", "bfloat16", "--size", "20"),
    )
    assert keras.config.dtype_policy() is policy
    model = training.Run.open("run").load_model()
    convolution = next(
        layer
        for layer in model.generator_xy._flatten_layers()
        if isinstance(layer, keras.layers.Conv2D)
    )
    assert convolution.compute_dtype == "bfloat16"
    succeed("translate", "white", "out", "--size", "20", "--model", "run")
    assert len(list(pathlib.Path("out").iterdir())) == 10


@pytest.mark.slow
def test_a_semantic_cyclegan_of_folders(tmp_path):
    images, _ = small_run.digits("train", 12)
    small_run.write_images(tmp_path / "photos", images)
    small_run.write_images(tmp_path / "paintings", 255 - images)
    pixels = keras.Input((None, None, 3))
    keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels)).save("extractor.keras")
    run = ["--output", "run"]
    result = succeed(
        *("train", "cyclegan", "--x", "photos", "--y", "paintings", "--size", "24"),
        *("--steps", "2", "--activation", "leaky_relu", "--ema-decay", "0.5", *run),
        *("--width", "2", "--residual-blocks", "1", "--cycle-weight", "5", "2"),
        *("--feature-extractor", "extractor.keras", "--no-jit-compile"),
        *("--feature-network", "extractor.keras", "--feature-size", "12"),
    )
    with open("run/history.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["semantic_loss"]) > 0
    assert float(row["val_fid"]) > 0 and float(row["val_kid_extractor_xy"])
    model = training.Run.open("run").load_model()
    assert model.ema_decay == 0.5 and model.semantic_weight > 0
    assert model.cycle_weight == (5, 2)
    assert f"Semantic weight: {model.semantic_weight:g}\n" in result.out
    message = fail(
        "translate", "photos/0.png", "a.png", "--size", "4", "--model", "run"
    )
    assert "photos/0.png: Height and width" in message and "at least 8" in message
    # A model that is only used does not need the network of its loss.
    pathlib.Path("extractor.keras").rename("moved.keras")
    succeed("translate", "photos", "out", "--size", "24", "--model", "run")
    assert len(list(pathlib.Path("out").iterdir())) == 12
    succeed(
        *("translate", "photos", "best", "--size", "24", "--model", "run/best.keras")
    )
    message = fail("train", "--resume", "--steps", "3", *run)
    assert "`feature_extractor` must be" in message and "extractor.keras" in message
    pathlib.Path("moved.keras").rename("extractor.keras")
    pathlib.Path("run/best.keras").unlink()
    # What was best before counts after a resume as well.
    path = pathlib.Path("run/evaluation.csv")
    first, values = path.read_text().splitlines()
    values = values.split(",")
    values[first.split(",").index("val_fid")] = "1e-9"
    path.write_text(f"{first}\n{','.join(values)}\n")
    succeed("train", "--resume", "--steps", "3", *run)
    assert len(path.read_text().splitlines()) == 3
    assert not pathlib.Path("run/best.keras").exists()


def test_options_reach_the_run_by_the_command_line_and_as_a_file(monkeypatch):
    """Every kind of option: a number, a pair, a name, a list, yes or no."""
    seen = []

    def train(self, verbose, log=()):
        seen.append(self.configuration)
        raise ValueError("seen")

    monkeypatch.setattr(training.Run, "train", train)
    options = [
        *("cyclegan", "--cycle-weight", "5", "--identity-weight", "0.5"),
        *("--adversarial-loss", "hinge", "--pool-size", "0", "--learning-rate", "1e-4"),
        *("--size", "256x512", "--flip", "--load-size", "300"),
        *("--feature-layers", "a", "b", "--penalty", "gradient_penalty"),
    ]
    fail("train", *options)
    succeed("train", *options, "--save-config", "mine.json")
    fail("train", "--config", "mine.json")
    fail("train", "--config", "mine.json", "--cycle-weight", "1", "2", "--steps", "7")
    first, same, other = seen
    assert first == same
    assert first.options == {
        **{"cycle_weight": 5.0, "identity_weight": 0.5, "adversarial_loss": "hinge"},
        **{"pool_size": 0, "learning_rate": 1e-4, "feature_layers": ["a", "b"]},
        "penalty": "gradient_penalty",
    }
    assert (first.size, first.load_size, first.flip) == ((256, 512), 300, True)
    assert other.options == first.options | {"cycle_weight": (1.0, 2.0)}
    assert (other.steps, other.epochs) == (7, None)
    assert "mine.json exists" in fail("train", "--save-config", "mine.json")
    # The file of a run is one, too.
    record = {"configuration": first.to_dict(), "command": ""}
    pathlib.Path("run.json").write_text(json.dumps(record))
    fail("train", "--config", "run.json")
    assert seen[-1] == first


def test_pairs_are_trained_drawn_scored_translated_and_exported(tmp_path):
    images, _ = small_run.digits("train", 12)
    images = images[:, ::2, ::2].repeat(2, 1).repeat(2, 2)[:, :24, :24]
    pairs = np.concatenate([255 - images, images], 2)
    for part, count in (("train", 8), ("test", 4)):
        small_run.write_images(tmp_path / "pairs" / part, pairs[:count])
    result = succeed(
        *("train", "pix2pix", "--data", "pairs", "--size", "24", "--load-size", "26"),
        *("--steps", "2", "--width", "2", "--output", "run", "--no-jit-compile"),
    )
    assert "| psnr |" in result.out and "keras-gans translate" in result.out
    # Source, translation and target of four test pairs.
    assert pixels("run/samples/iteration_000002.png").shape == (144, 192, 3)
    scores = json.loads(pathlib.Path("run/score.json").read_text())
    assert set(scores) == {"psnr", "ssim", "mae"}
    pathlib.Path("run/score.json").unlink()
    succeed("evaluate", "run")
    assert json.loads(pathlib.Path("run/score.json").read_text()) == scores
    picture = tmp_path / "pairs" / "test" / "0.png"
    for number, model in enumerate(("run", "run/export", "run/model.keras")):
        target = f"{number}.png"
        succeed("translate", picture, target, "--size", "24", "--model", model)
        np.testing.assert_array_equal(pixels(target), pixels("0.png"))
    message = fail(
        *("translate", picture, "a.png", "--direction", "yx", "--model", "run/export")
    )
    assert "run/export translates in the direction xy alone" in message


def test_presets_are_listed_with_their_options():
    listed = succeed("presets").out
    table = succeed("presets", "--options").out
    for name, recipe in registry.recipes().items():
        assert f"  {name:20} {recipe.summary}\n" in listed
        assert 0 < len(recipe.summary) <= 65
        for option in training.options_of(recipe).values():
            assert option.help, option.name
            assert f"| --{option.name.replace('_', '-')} |" in table
    assert re.search(
        r"\| --cycle-weight \| number or two of them \| .*cyclegan \(10", table
    )


def test_a_dry_run_says_what_a_run_will_take():
    small = "--width", "2", "--size", "8", "--no-jit-compile"
    result = succeed("train", "gan", *small, "--dry-run")
    assert "for 1500 batches" in result.out and "on the disk" in result.out
    assert result.out.endswith("No run was written.\n")
    assert not pathlib.Path("runs").exists()
    # What it decodes onto the disk stays, and it says so, once.
    small_run.write_images(pathlib.Path("photos"), np.zeros((9, 8, 8), "uint8"))
    command = "train", "gan", "--data", "photos", "--cache", "./kept", *BATCH
    command = *command, *small, "--dry-run"
    (folder,) = re.findall("^What stays.* images in (.*)$", succeed(*command).out, re.M)
    assert (pathlib.Path(folder) / "images.npy").exists()
    assert "What stays" not in succeed(*command).out


def test_x_and_y_stand_for_data(unlabelled):
    x, y = unlabelled
    for given in (["--x", x], ["--y", y], ["--x", x, "--y", y, "--data", x, y]):
        message = fail("train", *given)
        assert "Give --x and --y, or both as --data X Y." in message


# translate -------------------------------------------------------------------------


def pixels(path):
    return np.array(Image.open(path))


def test_translate_a_file_in_both_directions(finished):
    images, _ = small_run.digits("test", 1)
    Image.fromarray(images[0, ..., 0]).save("grey.png")
    model = keras.saving.load_model(finished.directory / "model.keras")
    # Grey files become the three channels of the model.
    x = np.repeat(images, 3, -1).astype("float32") / 127.5 - 1
    sources = {
        "run": finished.directory,
        "saved_model": finished.directory / "export",
        "version": finished.directory / "export" / "1",
        "keras": finished.directory / "model.keras",
    }
    # How a model is found does not depend on the direction.
    for direction, names in (("xy", [*sources]), ("yx", ["run", "keras"])):
        expected = np.round((np.array(model(x, direction=direction))[0] + 1) * 127.5)
        for name in names:
            path = sources[name]
            target = pathlib.Path(f"{name}_{direction}.png")
            result = succeed(
                *("translate", "grey.png", target, "--model", path),
                *("--direction", direction),
            )
            assert f"direction {direction}, with {path}" in result.out
            assert result.out.endswith(f"Wrote 1 image(s) to {target}.\n")
            np.testing.assert_allclose(pixels(target), expected, atol=1)
    assert np.ptp(pixels("run_xy.png").astype(int) - pixels("run_yx.png")) > 0
    # X to Y is the default.
    pathlib.Path("folder").mkdir()
    succeed("translate", "grey.png", "folder", "--model", finished.directory)
    np.testing.assert_array_equal(pixels("folder/grey.png"), pixels("run_xy.png"))


def test_translate_a_folder(finished):
    images, _ = small_run.digits("test", 3)
    small_run.write_images(pathlib.Path("in"), images)
    small_run.write_images(pathlib.Path("in/below"), images, ending=".jpg")
    small_run.write_images(pathlib.Path("in/below"), images[:1], ending=".bmp")
    small_run.write_images(pathlib.Path("odd"), images[:1, :30])
    pathlib.Path("odd/0.png").rename("in/odd.png")
    pathlib.Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    model = ["--model", finished.directory]
    result = succeed("translate", "in", "out", *model)
    # It is named with the reason, and the others are translated.
    assert "Skipped: in/broken.png: " in result.err
    assert "Skipped 1 file(s), named above." in result.err
    assert "Wrote 8 image(s) to out." in result.out
    assert {str(path) for path in pathlib.Path("out").rglob("*.png")} == {
        *("out/0.png", "out/1.png", "out/2.png", "out/odd.png", "out/below/0.bmp.png"),
        *(f"out/below/{number}.jpg.png" for number in range(3)),
    }
    assert pixels("out/0.png").shape == (32, 32, 3)
    # 30 pixels are mirrored at the bottom to a multiple of 4, and cut again.
    odd = images[0, :30]
    mirrored = np.concatenate([odd, odd[:-3:-1]]).repeat(3, axis=-1)
    translated = export.load(finished.directory / "export")(mirrored[None])
    np.testing.assert_array_equal(pixels("out/odd.png"), translated[0, :30])

    result = succeed("translate", "in", "resized", "--size", "24", *model)
    assert pixels("resized/odd.png").shape == (24, 24, 3)
    assert "Wrote 8 image(s)" in result.out

    message = fail("translate", "in", "styles", "--seed", "1", *model)
    assert "--seed needs a model that knows styles" in message

    # What is missing is made; of other settings, nothing.
    shutil.rmtree("out/below")
    pathlib.Path("out/0.png").unlink()
    there = pathlib.Path("out/1.png").stat().st_mtime_ns
    message = fail("translate", "in", "out", "--direction", "yx", *model)
    assert "made otherwise (direction xy there and yx here)" in message
    assert not pathlib.Path("out/0.png").exists()
    result = succeed("translate", "in", "out", *model)
    assert "3 of 9 are done already." in result.out
    assert "Wrote 5 image(s) to out." in result.out
    assert pathlib.Path("out/1.png").stat().st_mtime_ns == there
    pathlib.Path("in/broken.png").unlink()
    assert "Nothing is left to do." in succeed("translate", "in", "out", *model).out
    # Images that are there without a word of how they were made.
    pathlib.Path("out/.keras-gans.json").unlink()
    assert "out/0.png exists" in fail("translate", "in", "out", *model)


def test_shards_of_a_folder_make_the_whole(finished, monkeypatch):
    images, _ = small_run.digits("test", 7)
    small_run.write_images(pathlib.Path("in"), images)
    small_run.write_images(pathlib.Path("in/small"), images[:3, :24, :24])
    model = ["--model", finished.directory]
    sizes = []
    translate = export.translator.Translator.translate

    def translate_and_count(self, images, direction, **options):
        sizes.append(images.shape[:2])
        return translate(self, images, direction, **options)

    monkeypatch.setattr(export.translator.Translator, "translate", translate_and_count)
    succeed("translate", "in", "whole", *model)
    # Large images and small ones go through the model together, each kind.
    assert sorted(sizes) == [(3, 24), (7, 32)]
    succeed("translate", "in", "twos", "--batch-size", 2, *model)
    assert sizes[2:] == [(2, 24), (1, 24), (2, 32), (2, 32), (2, 32), (1, 32)]
    for part in ("3/3", "1/3", "2/3"):
        result = succeed("translate", "in", "parts", "--shard", part, *model)
        assert f"Translating {4 if part == '1/3' else 3} image(s)" in result.out
    for path in pathlib.Path("whole").rglob("*.png"):
        for other in ("twos", "parts"):
            same = pathlib.Path(other) / path.relative_to("whole")
            np.testing.assert_allclose(pixels(path), pixels(same), atol=1)
    assert len([*pathlib.Path("parts").rglob("*.png")]) == 10
    assert "is not a part of a whole" in fail(
        "translate", "in", "new", "--shard", "4/3", *model, status=2
    )
    one = ["translate", "in/0.png", "one.png", "--shard", "1/3"]
    assert "--shard goes with a folder" in fail(*one, *model)


def test_results_inside_of_the_folder_are_left_out(finished):
    images, _ = small_run.digits("test", 2)
    small_run.write_images(pathlib.Path("in"), images)
    command = ["translate", "in", "in/out", "--model", finished.directory]
    succeed(*command)
    assert "2 of 2 are done already." in succeed(*command).out
    assert len([*pathlib.Path("in").rglob("*.png")]) == 4


def test_a_job_that_was_stopped_goes_on(finished, monkeypatch):
    images, _ = small_run.digits("test", 6)
    small_run.write_images(pathlib.Path("in"), images)
    command = ["translate", "in", "out", "--batch-size", 2]
    command += ["--model", finished.directory]
    translate, calls = export.translator.Translator.translate, []

    def stop_at_the_third(self, images, direction, **options):
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return translate(self, images, direction, **options)

    monkeypatch.setattr(export.translator.Translator, "translate", stop_at_the_third)
    assert call(*command).status == cli.EXIT_INTERRUPTED
    assert len([*pathlib.Path("out").glob("*.png")]) <= 4
    assert not [*pathlib.Path("out").glob("*.tmp")]
    succeed(*command)
    assert len([*pathlib.Path("out").glob("*.png")]) == 6
    # A full disk, which threads find, is not lost.
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(
        jobs, "write_atomically", lambda *_: (_ for _ in ()).throw(full)
    )
    shutil.rmtree("out")
    assert "No space left" in fail(*command)


def test_a_configuration_is_taken_as_it_was_meant():
    def configuration(*arguments):
        pathlib.Path("again.json").unlink(missing_ok=True)
        succeed("train", *arguments, "--save-config", "again.json")
        return json.loads(pathlib.Path("again.json").read_text())["configuration"]

    # Of a version whose `digits` was another preset.
    old = {"preset": "digits", "x": "a", "y": "b", "cycle_weight": [5.0, 0.5]}
    whole = {"versions": {"keras_gans": "0.2.0"}, "configuration": old}
    pathlib.Path("old.json").write_text(json.dumps(whole))
    assert configuration("--config", "old.json")["preset"] == "digits_cyclegan"
    # float32 that was said, and not left to the recipe.
    single = configuration("digits", "--mixed-precision", "float32")
    pathlib.Path("single.json").write_text(json.dumps(single))
    assert configuration("--config", "single.json")["mixed_precision"] is None
    # What follows from a size or a rate.
    given = configuration("cyclegan", "--generator-learning-rate", "1e-3")
    assert given["load_size"] == 286
    pathlib.Path("photos.json").write_text(json.dumps(given))
    smaller = configuration(
        *("--config", "photos.json", "--size", 64, "--learning-rate", 1e-5)
    )
    assert smaller["load_size"] == 72
    assert "generator_learning_rate" not in smaller

    for content in ("[]", '{"configuration": null}', "{}"):
        pathlib.Path("none.json").write_text(content)
        assert "holds no configuration" in fail("train", "--config", "none.json")


def test_translate_in_styles(monkeypatch):
    presets.digits(x_channels=1, width=4, seed=0).save("styled.keras")
    model = ["--model", "styled.keras"]
    images, _ = small_run.digits("test", 3)
    small_run.write_images(pathlib.Path("in"), images[:2])
    # Of a size that is no multiple of 4, and mirrored to one.
    Image.fromarray(images[2, :30].repeat(3, -1)).save("like.png")
    translator = export.load("styled.keras")
    # Once is enough for all commands: its functions take a second to trace.
    paths = set()

    def load(path, kind):
        paths.add(str(path))
        return translator

    monkeypatch.setattr(export, "load", load)
    result = succeed("translate", "in", "out", "--variants", 3, "--seed", 5, *model)
    assert "Wrote 6 image(s) to out." in result.out
    names = sorted(path.name for path in pathlib.Path("out").glob("*.png"))
    assert names == [f"{i}-{k}.png" for i in (0, 1) for k in (1, 2, 3)]
    expected = translator(images[:2], seed=5, variants=3)
    np.testing.assert_allclose(pixels("out/1-3.png"), expected[1, 2], atol=1)
    message = fail("translate", "in", "out", "--variants", 2, *model)
    assert "seed 5 there and None here, variants 3 there and 2 here" in message

    like = np.concatenate([images[2:, :30], images[2:, 29:27:-1]], axis=1).repeat(3, -1)
    succeed("translate", "in/0.png", "one.png", "--reference", "like.png", *model)
    expected = translator(images[:1], reference=like)[0]
    np.testing.assert_allclose(pixels("one.png"), expected, atol=1)
    # Without options, a style that depends on the pixels.
    succeed("translate", "in/0.png", "plain.png", *model)
    np.testing.assert_allclose(pixels("plain.png"), translator(images[:1])[0], atol=1)

    message = fail("translate", "in", "many", "--seed", -1, *model)
    assert "--seed must be zero or a positive integer" in message
    back = ["like.png", "b.png", "--direction", "yx", "--size", 32]
    assert "has them in Y alone" in fail("translate", *back, "--variants", 2, *model)
    several = "--reference", "like.png", "--variants", 2
    assert "one style" in fail("translate", "in", "many", *several, *model)
    several = "--reference", "like.png", "--seed", 2
    message = fail("translate", "in", "many", *several, *model, status=2)
    assert "not allowed with" in message
    assert not pathlib.Path("many").exists() and paths == {"styled.keras"}


def test_translate_refuses_before_it_loads_a_model(monkeypatch):
    images, _ = small_run.digits("test", 1)
    small_run.write_images(pathlib.Path("in"), images)
    small_run.write_images(pathlib.Path("in"), images, ending=".jpg")
    small_run.write_images(pathlib.Path("in"), images, ending=".jpg.png")
    pathlib.Path("empty").mkdir()
    pathlib.Path("there.png").write_text("kept")
    monkeypatch.setattr(export, "load", None)
    assert "no file or folder nothing.png" in fail("translate", "nothing.png", "a.png")
    assert "name that ends in .png" in fail("translate", "in/0.png", "a.jpg")
    assert "there.png exists" in fail("translate", "in/0.png", "there.png")
    assert "in/0.png exists" in fail("translate", "in/0.jpg", "in")
    assert "no image file in the folder" in fail("translate", "empty", "out")
    assert "there.png is a file" in fail("translate", "in", "there.png")
    assert "would be saved as out/0.jpg.png" in fail("translate", "in", "out")
    assert pathlib.Path("there.png").read_text() == "kept"
    assert not pathlib.Path("out").exists()


def test_translate_errors(finished):
    images, _ = small_run.digits("test", 1)
    small_run.write_images(pathlib.Path("in"), images)
    pathlib.Path("in/0.png").write_bytes(b"no image")
    pathlib.Path("text.png").write_text("no image")
    model = ["--model", finished.directory]
    assert "text.png" in fail("translate", "text.png", "a.png", *model)
    message = fail("translate", "in/0.png", "a.png", "--model", "nothing")
    assert "There is no model at 'nothing'" in message
    result = call("translate", "in", "out", *model)
    assert result.status == 1
    assert "No image in in could be translated." in result.err
    assert not pathlib.Path("a.png").exists() and not pathlib.Path("out").exists()


def test_a_run_whose_export_failed_translates_with_its_model(copied):
    shutil.rmtree(copied / "export")
    (copied / "export").mkdir()
    images, _ = small_run.digits("test", 1)
    small_run.write_images(pathlib.Path("in"), images)
    succeed("translate", "in/0.png", "a.png", "--model", copied)
    assert pixels("a.png").shape == (32, 32, 3)


def test_the_default_model_is_that_of_the_package(finished, monkeypatch):
    shutil.copytree(
        finished.directory / "export", "share/keras_gans/saved_models/digits"
    )
    path = pathlib.Path("nowhere/keras_gans/cli/common.py")
    monkeypatch.setattr(common, "__file__", str(path))
    monkeypatch.setattr(common.sys, "prefix", str(pathlib.Path.cwd()))
    images, _ = small_run.digits("test", 1)
    small_run.write_images(pathlib.Path("in"), images)
    assert "share/keras_gans/saved_models/digits" in (
        succeed("translate", "in/0.png", "a.png").out
    )
    shutil.rmtree("share")
    message = fail("translate", "in/0.png", "b.png")
    assert "is not installed here" in message and "--model DIR" in message


# generate --------------------------------------------------------------------------


def folder_pixels(folder):
    return np.stack(
        [pixels(path) for path in sorted(pathlib.Path(folder).glob("*.png"))]
    )


def test_generate_a_folder(generation):
    run = generation.directory
    result = succeed("generate", "new/out", "-n", "12", "--seed", "3", "--model", run)
    assert f"Generating 12 image(s) with {run}\n" in result.out
    assert result.out.endswith("Wrote 12 image(s) to new/out.\n")
    names = sorted(path.name for path in pathlib.Path("new/out").glob("*.png"))
    assert names == [f"{number:06d}.png" for number in range(12)]
    # The classes in turn, of the model itself; the same again for the same seed.
    model = keras.saving.load_model(run / "model.keras")

    def expected(labels):
        return np.round((model.generate(12, labels, seed=3)[..., 0] + 1) * 127.5)

    in_turn = folder_pixels("new/out")
    np.testing.assert_allclose(in_turn, expected(np.arange(12) % 10), atol=1)
    sources = {"again": run, "exported": run / "export", "keras": run / "model.keras"}
    for name, path in sources.items():
        succeed("generate", name, "-n", "12", "--seed", "3", "--model", path)
        np.testing.assert_allclose(folder_pixels(name), in_turn, atol=1)
    np.testing.assert_array_equal(folder_pixels("again"), in_turn)
    # Stopped, and in shards, all images are the same.
    pathlib.Path("again/000005.png").unlink()
    arguments = ["-n", "12", "--seed", "3", "--model", run]
    assert "Wrote 1 image(s)" in succeed("generate", "again", *arguments).out
    np.testing.assert_allclose(folder_pixels("again"), in_turn, atol=1)
    for part in ("2/2", "1/2"):
        succeed("generate", "parts", "--shard", part, *arguments)
    np.testing.assert_allclose(folder_pixels("parts"), in_turn, atol=1)
    message = fail("generate", "parts", "-n", "13", "--seed", "3", "--model", run)
    assert "n 12 there and 13 here" in message

    succeed(
        *("generate", "label", "-n", "12", "--seed", "3"), "--label=7", "--model", run
    )
    np.testing.assert_allclose(folder_pixels("label"), expected(7), atol=1)
    assert (folder_pixels("label")[:7] != in_turn[:7]).any()
    # An empty folder is as good as a new one. Without a seed all is new.
    pathlib.Path("random").mkdir()
    succeed("generate", "random", "-n", "12", "--model", run)
    assert (folder_pixels("random") != in_turn).any()


def test_generate_a_picture(generation):
    arguments = ["--seed", "3", "--model", generation.directory]
    succeed("generate", "new/all.png", "-n", "6", *arguments)
    succeed("generate", "single", "-n", "6", *arguments)
    # Two rows of three, enlarged eight times.
    picture = pixels("new/all.png")
    assert picture.shape == (8 * 16, 8 * 24, 3)
    single = folder_pixels("single").reshape(2, 3, 8, 8)
    expected = single.transpose(0, 2, 1, 3).reshape(16, 24)
    np.testing.assert_array_equal(picture[::8, ::8, 0], expected)
    succeed("generate", "default.png", *arguments)
    assert pixels("default.png").shape == (8 * 64, 8 * 64, 3)


def test_generate_refuses_before_it_loads_a_model(monkeypatch):
    monkeypatch.setattr(export, "load", None)
    pathlib.Path("there").mkdir()
    for name in ("there.png", "file", "there/000000.png"):
        pathlib.Path(name).write_text("kept")
    for output, message in (
        ("there.png", "there.png exists. Nothing is overwritten"),
        ("file", "file exists. Nothing is overwritten"),
        ("there", "there/000000.png exists. Nothing is overwritten"),
        ("out.jpg", "saved as PNG. Received: OUT out.jpg"),
    ):
        assert message in fail("generate", output, "--model", "model")
    for name in ("there.png", "file", "there/000000.png"):
        assert pathlib.Path(name).read_text() == "kept"
    assert len(list(pathlib.Path().iterdir())) == 3
    assert "--model" in fail("generate", "a.png", status=2)
    assert "not a positive integer" in fail("generate", "a.png", "-n", "0", status=2)


def test_generate_errors(generation, finished, tmp_path):
    run = generation.directory
    for label in (-1, 10):
        message = fail("generate", "a.png", f"--label={label}", "--model", run)
        assert "must lie in [0, 10)" in message and str(label) in message
    assert "There is no model at 'no'" in fail("generate", "a.png", "--model", "no")
    # A model of the other kind, by its run or by itself.
    message = fail("generate", "a.png", "--model", finished.directory)
    assert "is a run of translation: use keras-gans tran" in message
    message = fail("generate", "a.png", "--model", finished.directory / "export")
    assert "not of generation: use keras-gans translate" in message
    images, _ = small_run.digits("test", 1)
    small_run.write_images(pathlib.Path("in"), images)
    message = fail("translate", "in/0.png", "a.png", "--model", run)
    assert "is a run of generation: use keras-gans gen" in message
    message = fail("translate", "in/0.png", "a.png", "--model", run / "model.keras")
    assert "not of translation: use keras-gans generate" in message
    assert not pathlib.Path("a.png").exists()


# evaluate and export ---------------------------------------------------------------


def test_evaluate_and_export_a_generation(generation, tmp_path):
    copied = pathlib.Path(shutil.copytree(generation.directory, tmp_path / "copied"))
    before = json.loads((copied / "score.json").read_text())
    (copied / "score.json").write_text("old")
    result = succeed("evaluate", copied)
    scores = json.loads((copied / "score.json").read_text())
    # Latent vectors and classifier are those of the seed.
    assert scores == pytest.approx(before, rel=1e-4)
    assert training.score_table(scores) in result.out

    assert "to models/1\n" in succeed("export", copied, "models").out
    assert "to models/2\n" in succeed("export", copied, "models").out
    generate = tf.saved_model.load("models/2").signatures["serving_default"]
    outputs = generate(latent=tf.zeros((2, 4)), labels=tf.constant([0, 9]))["images"]
    assert outputs.shape == (2, 8, 8, 1) and outputs.dtype == tf.uint8


@pytest.mark.slow
def test_evaluate(copied):
    (copied / "score.json").unlink()
    result = succeed("evaluate", copied)
    scores = json.loads((copied / "score.json").read_text())
    assert training.score_table(scores) in result.out
    assert f"Saved as {copied / 'score.json'}" in result.out


def test_a_single_test_image_is_no_score(copied, tmp_path):
    images, labels = small_run.digits("train", 9)
    one = tmp_path / "one.npz"
    few = {"x_test": images[:1], "y_test": labels[:1]}
    np.savez(one, x_train=images, y_train=labels, **few)
    path = copied / "run.json"
    record = json.loads(path.read_text())
    record["configuration"]["y"] = str(one)
    path.write_text(json.dumps(record))
    (copied / "score.json").unlink()
    message = fail("evaluate", copied)
    assert "The score needs at least two test images with labels of all " in message
    assert str(one) in message and not (copied / "score.json").exists()


def test_export_makes_versions(finished):
    assert "to models/1\n" in succeed("export", finished.directory, "models").out
    result = succeed("export", finished.directory, "models", "--weights", "float16")
    assert result.out == f"Exported {finished.directory} to models/2\n"
    sizes = [
        path.stat().st_size
        for version in ("1", "2")
        for path in pathlib.Path("models", version, "variables").glob("*.data*")
    ]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = tf.saved_model.load("models/2")
    image = tf.zeros((1, 32, 32, 3), tf.uint8)
    output = loaded.signatures["serving_default"](images=image)["images"]
    assert output.shape == image.shape and output.dtype == tf.uint8


def test_export_to_other_formats(finished):
    licence = "--data-licence", "CC BY 4.0"
    formats = "models", "--format", "keras"
    result = succeed("export", finished.directory, *formats, *licence)
    assert "generator_xy.keras: inputs (any, any, any, 3); largest diff" in result.out
    assert result.out.endswith(f"Exported {finished.directory} to models/keras/1\n")
    card = json.loads(pathlib.Path("models/keras/1/model_card.json").read_text())
    assert card["data_licence"] == "CC BY 4.0" and card["scores"]
    for flag, value in (("--weights", "float16"), ("--size", "32")):
        wanted = formats if flag == "--weights" else formats[:1]
        message = fail("export", finished.directory, *wanted, flag, value)
        assert f"{flag} has no effect with --format" in message


# Help ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        *("train", "presets", "translate", "colorize", "generate", "edit"),
        *("evaluate", "export", "demo", "serve", "reproduce"),
    ],
)
def test_help(verb):
    overview = succeed("--help").out
    assert re.search(rf"^    {verb}\s", overview, flags=re.M)
    text = succeed(verb, "--help").out
    assert f"usage: keras-gans {verb}" in text and "--traceback" in text
    assert max(map(len, text.splitlines())) <= 88


def test_help_shows_the_options_of_one_preset_alone():
    text = succeed("train", "--help").out
    for name in registry.recipes():
        assert re.search(rf"^  {name}\s", text, flags=re.M)
    assert "--cycle-weight" not in text
    for preset, shown, hidden in (
        ("cyclegan", "--cycle-weight", "--gradient-penalty-weight"),
        ("wgan_gp", "--gradient-penalty-weight", "--cycle-weight"),
    ):
        text = succeed("train", preset, "--help").out
        assert shown in text and hidden not in text
        recipe = registry.find(preset)
        names = {f"--{name.replace('_', '-')}" for name in training.options_of(recipe)}
        assert names <= set(re.findall(r"--[a-z-]+", text))


def test_version():
    assert succeed("--version").out == f"keras-gans {keras_gans.__version__}\n"
