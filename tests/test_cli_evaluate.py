"""`keras-gans evaluate` of models and of folders: scores, table, files, mistakes."""

import json
import re
import shutil
import warnings

import keras
import numpy as np
import pytest

import small_run
from keras_gans import cli, metrics, training
from keras_gans.data import load_images
from keras_gans.data.images import load_folder
from keras_gans.export import save as export_model

SIZE = 16
NETWORK = "--feature-network tiny.keras"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of both domains, a network, and one model as run, export and file."""
    folder = tmp_path_factory.mktemp("evaluate")
    small_run.write_images(folder / "x", small_run.digits("test", 7)[0])
    small_run.write_images(folder / "y", small_run.digits("test", 9, True)[0][:, :24])
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    initializer = keras.initializers.GlorotUniform(1)
    x = keras.layers.Conv2D(4, 3, 2, kernel_initializer=initializer)(x)
    outputs = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(inputs, outputs).save(folder / "tiny.keras")
    model = small_run.build(3, 3, SIZE, 0)
    model.save(folder / "model.keras")
    export_model(model, folder / "exported")
    configuration = training.configure(
        "digits", str(folder / "x"), str(folder / "y"), size=SIZE, steps=1
    )
    run = training.Run.create(folder / "run", configuration, "keras-gans train")
    (folder / "run").mkdir(exist_ok=True)
    run._write_record("finished", model, 1)
    model.save(folder / "run" / "model.keras")
    return folder


@pytest.fixture
def evaluate(folder, monkeypatch, capsys):
    """Calls `keras-gans evaluate` in the folder; returns what it prints."""
    monkeypatch.chdir(folder)

    def call(text, status=0):
        try:
            received = cli.main(["evaluate", *text.split()])
        except SystemExit as stop:  # argparse
            received = stop.code
        output = capsys.readouterr()
        assert received == status, output.err
        assert "Traceback" not in output.err
        if status == 1:
            assert output.err.count("\n") == 1, output.err
        return output.err if status else output.out

    return call


def scores_of(path):
    content = json.loads(path.read_text())
    path.unlink()
    return content["scores"], content


def network(**arguments):
    return metrics.FeatureNetwork("tiny.keras", **arguments)


@pytest.mark.parametrize(
    "form",
    [
        "run",
        pytest.param("exported", marks=pytest.mark.slow),
        pytest.param("model.keras", marks=pytest.mark.slow),
    ],
)
def test_one_model_in_three_forms(evaluate, folder, form):
    size = "" if form == "run" else f"--size {SIZE}"
    out = evaluate(
        f"{form} --x x --y y --feature-network tiny.keras {size} "
        "--batch-size 4 --output new/scores.json"
    )
    scores, content = scores_of(folder / "new" / "scores.json")
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    expected = metrics.evaluate_translation(
        model,
        "x",
        "y",
        [
            metrics.FrechetDistance(network()),
            metrics.KernelDistance(network()),
            metrics.PeakSignalToNoiseRatio(),
            metrics.StructuralSimilarity(),
            metrics.MeanAbsoluteError(),
        ],
        size=SIZE,
    )
    # Another graph may round a pixel to the grey level beside.
    assert scores == pytest.approx(expected, rel=1e-3, abs=1e-5)
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:5]]
        for cells in (line.split("|") for line in out.splitlines())
        if len(cells) == 6
    }
    assert [*rows] == [
        *("score", ":--"),
        *("fid_tiny", "kid_tiny", "psnr", "ssim", "mae"),
    ]
    assert rows["score"] == ["X → Y", "Y → X", "mean"]
    names = ("fid_tiny_xy", "fid_tiny_yx", "fid")
    assert rows["fid_tiny"] == [f"{scores[name]:.4g}" for name in names]
    spread = f"{scores['kid_tiny_yx']:.4g} ± {scores['kid_tiny_yx_spread']:.2g}"
    assert rows["kid_tiny"][1] == spread
    assert rows["psnr"][0] == f"{scores['psnr_x']:.4g}"
    assert f"X: 7 images of {SIZE}x{SIZE}\nY: 9 images" in out
    assert "tiny: 4 features of images not resized" in out
    assert "Note:" not in out
    assert content["images"] == {"x": 7, "y": 9} and content["size"] == SIZE
    assert content["networks"]["features"]["fingerprint"] == network().fingerprint
    assert content["command"].startswith(f"keras-gans evaluate {form} --x")


def test_options_reach_the_network(evaluate, folder):
    out = evaluate(
        "model.keras --x x --y y --size 16 --metrics fid --feature-network tiny.keras "
        "--feature-size 9 --resize legacy --output scores.json"
    )
    scores, content = scores_of(folder / "scores.json")
    assert [*scores] == ["fid_tiny_xy", "fid_tiny_yx", "fid"]
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    resized = network(resize="legacy", size=9)
    fid = metrics.FrechetDistance(resized)
    expected = metrics.evaluate_translation(model, "x", "y", [fid], size=SIZE)
    assert scores == pytest.approx(expected, rel=1e-3)
    assert content["networks"]["features"]["fingerprint"] == resized.fingerprint
    assert "resized to 9x9 (legacy)" in out


def test_two_folders(evaluate, folder):
    out = evaluate(
        "--images x --reference y --feature-network tiny.keras --batch-size 4 "
        "--metrics fid kid is --output scores.json --cache cache/y.npz"
    )
    scores, content = scores_of(folder / "scores.json")
    images, real = load_folder("x", (32, 32)), load_folder("y", (24, 32))
    fid, kid = metrics.FrechetDistance(network()), metrics.KernelDistance(network())
    classes = metrics.InceptionScore(network(output="logits"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in (fid, kid):
            metric.update_state(real, images)
        classes.update_state(images)
        expected = {
            "fid_tiny": fid.result(),
            "kid_tiny": kid.result(),
            "kid_tiny_spread": kid.spread(),
            "inception_score_tiny": classes.result(),
        }
    assert scores == pytest.approx(expected, rel=1e-4)
    assert f"| fid_tiny | {scores['fid_tiny']:.4g} |" in out
    assert "x: 7 images\n" in out and "y: 9 images\n" in out
    assert content["images"] == {"reference": 9, "images": 7}
    # The folders differ in size.
    # Which is said once, not for each metric.
    assert len(re.findall(r"^Note: Real images of 24x32 are", out, flags=re.M)) == 1

    # From the cache, with other batches; one of another network is refused.
    command = "--images x --reference y --feature-network tiny.keras --cache"
    out = evaluate(f"{command} cache/y.npz")
    assert f"| fid_tiny | {scores['fid_tiny']:.4g} |" in out
    message = evaluate(f"{command} cache/y.npz --feature-size 9", status=1)
    assert "fingerprint" in message
    # In one size there is nothing to say.
    assert "Note:" not in evaluate(f"{command} cache/small.npz --size 16")


def test_a_folder_of_two_sizes_and_a_bad_file_against_itself(evaluate, tmp_path):
    small_run.write_images(tmp_path / "z", small_run.digits("test", 2)[0])
    small_run.write_images(tmp_path / "z" / "1", small_run.digits("test", 1)[0][:, 8:])
    (tmp_path / "z" / "bad.png").write_bytes(b"no image")
    out = evaluate(
        f"--images {tmp_path}/z --reference {tmp_path}/z --metrics fid "
        "--feature-network tiny.keras"
    )
    assert "z: 3 images" in out
    (value,) = re.findall(r"\| fid_tiny \| (\S+) \|", out)
    assert float(value) < 1e-6
    # Three images for four features.
    assert "Note: The Fréchet distance of 4 features is estimated from 3" in out


def test_statistics_of_shards_are_merged(evaluate, tmp_path):
    for side, count in (("z", 7), ("r", 5)):
        images = small_run.digits("test", count, side == "r")[0]
        small_run.write_images(tmp_path / side, images)
        small_run.write_images(tmp_path / side / "sub", images[:2, 4:])
    (tmp_path / "z" / "bad.png").write_bytes(b"no image")
    whole = f"--images {tmp_path}/z --reference {tmp_path}/r"
    evaluate(f"{whole} {NETWORK} --output {tmp_path}/whole.json")
    for part in "123":
        statistics = f"--statistics {tmp_path}/z-{part}.npz"
        evaluate(f"--images {tmp_path}/z {NETWORK} {statistics} --shard {part}/3")
    real = f"--reference {tmp_path}/r {NETWORK} --statistics {tmp_path}/real.npz"
    assert "of 7 image(s)" in evaluate(real)
    assert "real.npz is done already" in evaluate(real)
    parts = " ".join(f"{tmp_path}/z-{part}.npz" for part in "312")
    sides = f"--images {parts} --reference {tmp_path}/real.npz {NETWORK}"
    out = evaluate(f"{sides} --output {tmp_path}/merged.json")
    assert "z-3.npz and 2 more: 9 images" in out
    expected, _ = scores_of(tmp_path / "whole.json")
    scores, content = scores_of(tmp_path / "merged.json")
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert content["images"] == {"reference": 7, "images": 9}

    one = f"--images {tmp_path}/z-1.npz"
    real = f"--reference {tmp_path}/real.npz"
    for arguments, message in (
        (f"{one} {real}", "all 3 parts of a set, each once. Received: 1/3"),
        (f"{one} {tmp_path}/z {real}", "must be one folder, or .npz files"),
        (f"{one} {real} --metrics is", "of statistics can be fid, kid"),
        (f"{one} {real} --size 8", "--size: of no use"),
        (f"{one} {real} --cache c.npz", "--cache: of no use"),
        (f"{one} --statistics {tmp_path}/new.npz", "are made of a folder"),
        (f"--images x --statistics {tmp_path}/z-1.npz", "is of other images"),
        ("--images x --statistics new", "the name of an .npz file"),
        ("--images x --statistics n.npz --metrics fid", "--metrics: of no use"),
        ("--images x --reference y --statistics n.npz", "one of --images"),
        ("--images x --reference y --shard 1/2", "--shard goes with --statistics"),
        ("--images x --statistics n.npz --shard 99/99", "no image in part 99"),
    ):
        assert message in evaluate(f"{arguments} {NETWORK}", status=1)


def test_few_images_have_no_spread(evaluate, folder):
    small_run.write_images(folder / "three", small_run.digits("test", 3)[0])
    out = evaluate(f"--images three --reference x {NETWORK} --output scores.json")
    text = (folder / "scores.json").read_text()
    assert "NaN" not in text and "nan" not in out and "±" not in out
    scores, _ = scores_of(folder / "scores.json")
    assert [*scores] == ["fid_tiny", "kid_tiny"]


@pytest.mark.parametrize(
    "arguments, scores",
    [
        ("--images one --reference y", "fid, kid"),
        ("--images y --reference one", "fid, kid"),
        ("--images one --reference y --metrics is kid", "is, kid"),
        ("run --x one --y y", "fid, kid"),
        ("run --x x --y one --metrics mae fid", "fid"),
    ],
)
def test_too_few_images_are_refused_before_the_work(
    evaluate, folder, monkeypatch, arguments, scores
):
    small_run.write_images(folder / "one", small_run.digits("test", 1)[0])
    monkeypatch.setattr(
        metrics.feature_network, "FeatureNetwork", lambda *args, **kwargs: 1 / 0
    )
    message = evaluate(f"{arguments} {NETWORK}", status=1)
    assert f"{scores}: at least 2 images are needed" in message
    assert " one with 1 image" in message
    assert ("no covariance" in message) == ("fid" in scores)


def test_one_real_image_is_enough_where_it_is_not_looked_at(evaluate, folder):
    small_run.write_images(folder / "one", small_run.digits("test", 1)[0])
    out = evaluate(f"--images x --reference one --metrics is {NETWORK}")
    assert "inception_score_tiny" in out


def test_the_run_of_a_study_has_only_an_export(evaluate, folder):
    shutil.copytree(folder / "exported", folder / "study" / "run" / "export")
    command = "--x x --y y --metrics mae --size 16"
    table = evaluate(f"model.keras {command}").splitlines()[4:]
    assert evaluate(f"study/run {command}").splitlines()[4:] == table
    assert "`size` must be given" in evaluate("study/run --x x --y y --metrics mae", 1)


@pytest.mark.parametrize("resize", ["clean", "legacy"])
def test_resizing_to_no_size_is_refused(evaluate, resize):
    command = f"--images x --reference y --resize {resize} {NETWORK}"
    assert "--feature-size" in evaluate(command, status=1)
    assert f"8x8 ({resize})" in evaluate(f"{command} --feature-size 8")


@pytest.mark.slow
def test_cached_references_of_a_model(evaluate, folder):
    command = (
        "run --x x --y y --metrics kid --feature-network tiny.keras --cache c/s.npz"
    )
    first = evaluate(command)
    assert sorted(path.name for path in (folder / "c").iterdir()) == [
        "s_x.npz",
        "s_y.npz",
    ]
    assert evaluate(command) == first
    # The images that it is made of are not those.
    assert "SHA-256" in evaluate(command.replace("--y y", "--y x"), status=1)


def test_test_images_are_taken(evaluate, folder):
    np.savez(
        folder / "split.npz",
        x_train=small_run.digits("train", 5)[0],
        x_test=small_run.digits("test", 4)[0],
    )
    out = evaluate("run --x split.npz --y y --metrics mae")
    assert "X: 4 images of 16x16" in out and "features" not in out
    test, _ = load_images("split.npz", SIZE, channels=3, split="test")
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    error = [metrics.MeanAbsoluteError()]
    scores = metrics.evaluate_translation(
        model, test, "y", error, directions=("xy",), size=SIZE
    )
    (value,) = re.findall(r"\| mae \| (\S+) \|", out)
    assert float(value) == pytest.approx(scores["mae_x"], rel=2e-3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("", "Name the folder of a run, or a model with --x and --y"),
        ("run --metrics mae", "--metrics: the score of a run itself has no options"),
        ("run --size 8 --output o", "--size, --output: the score of a run"),
        ("run --x x", "MODEL, --x and --y go together"),
        ("--x x --y y", "MODEL, --x and --y go together"),
        (f"run --images x --reference y {NETWORK}", "not both"),
        (f"--images x --x x {NETWORK}", "not both"),
        (f"--images x {NETWORK}", "--images and --reference go together"),
        ("run --x x --y y", "Name a network for fid, kid: --feature-network"),
        ("--images x --reference y", "Name a network for fid, kid"),
        (f"run --x x --y y --metrics mae {NETWORK}", "no feature network in mae"),
        (
            "run --x x --y y --metrics mae --cache c",
            "--cache: there is no feature network in mae",
        ),
        (f"--images x --reference y --metrics is {NETWORK} --cache c", "--cache: is"),
        (f"--images x --reference y --metrics psnr {NETWORK}", "can be fid, kid, is"),
        (f"--images x --reference y {NETWORK} --output tiny.keras", "exists"),
        (f"--images x --reference none {NETWORK}", "There is no folder 'none'"),
        (f"model.keras --x x --y y {NETWORK}", "`size` must be given for a folder"),
        ("none --x x --y y --size 16 --metrics mae", "There is no model at 'none'"),
        (f"tiny.keras --x x --y y {NETWORK}", "'tiny.keras' cannot be served"),
        ("--images x --reference y --feature-network none", "Received: network='none'"),
        (
            "--images x --reference y --feature-network tinny.keras",
            "Did you mean 'tiny.keras'?",
        ),
    ],
)
def test_mistakes_are_one_sentence(evaluate, arguments, message):
    assert message in evaluate(arguments, status=1)


def test_a_typo_in_a_metric(evaluate):
    message = evaluate("--images x --reference y --metrics fdi", status=2)
    assert "invalid choice: 'fdi' (choose from 'fid', 'is', 'kid'" in message
