"""`keras-gans train aclgan` and `keras-gans edit`: what they write, say and refuse."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from commands import fail, succeed
from PIL import Image
from test_cli_colorize import pixels, save

import small_run
from keras_gans import training
from keras_gans.data import faces
from keras_gans.presets import registry
from keras_gans.training.editing import CELEBA_ATTRIBUTES

NAMES = ["Smiling", "Black_Hair", "Blond_Hair"]
SIZE = 16
TRAIN = (
    *("--steps", "3", "--batch-size", "4", "--size", str(SIZE), "--width", "2"),
    *("--residual-blocks", "0", "--no-jit-compile"),
)


@pytest.fixture(scope="module")
def celeba(tmp_path_factory):
    """A folder of faces and their attribute file."""
    folder = tmp_path_factory.mktemp("celeba")
    images, attributes, names = faces("train", count=64)
    small_run.write_images(folder / "faces", images, ".jpg")
    lines = [str(len(images)), " ".join(names)]
    for index, row in enumerate(attributes):
        lines.append(" ".join([f"{index}.jpg", *(str(2 * int(a) - 1) for a in row)]))
    (folder / "list_attr.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def finished(celeba):
    """A finished run of three iterations; not to be changed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_run.patch(monkeypatch)
        small_run.let_train_eagerly(monkeypatch, "aclgan")
        result = succeed(
            *("train", "aclgan", "--images", celeba / "faces"),
            *("--attributes", celeba / "list_attr.txt", "--select", *NAMES),
            *("--output", celeba / "run", "--ema-decay", "0.5", *TRAIN),
        )
    result.directory = celeba / "run"
    return result


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photo():
    """Two faces side by side: the middle of a photo is between them."""
    images, _, _ = faces("test", count=2)
    return save("photo.png", np.concatenate([*images], axis=1))


# Training --------------------------------------------------------------------------


def test_train_writes_the_run_folder(finished):
    folder = finished.directory
    assert {path.name for path in folder.iterdir()} == {
        *("checkpoints", "export", "figures", "history.csv", "model.keras"),
        *("run.json", "samples", "score.json", "table.csv", "table.md"),
    }
    configuration = json.loads((folder / "run.json").read_text())["configuration"]
    assert configuration["select"] == NAMES
    assert configuration["attributes"].endswith("list_attr.txt")
    scores = json.loads((folder / "score.json").read_text())
    assert {"target_accuracy", "target_accuracy/Smiling", "mask_share"} <= set(scores)
    assert "| target_accuracy/Smiling |" in finished.out
    assert "edit PHOTO OUT.png --add NAME" in finished.out
    # One image in ten is held out: a row of images, and two for each attribute.
    names = sorted(path.name for path in (folder / "samples").iterdir())
    assert names == ["iteration_000000.png", "iteration_000003.png"]
    shown = pixels(folder / "samples" / names[0])
    assert shown.shape[0] == 4 * SIZE * (1 + 2 * 3)


def test_the_model_has_the_attributes_and_falling_rates(finished):
    run = training.Run.open(finished.directory)
    model = run.load_model()
    assert model.attribute_names == tuple(NAMES)
    assert model.exclusive_groups == (("Black_Hair", "Blond_Hair"),)
    assert model.ema_decay == 0.5
    # The schedule of a compiled model ends where the training does.
    _, compiled, _ = run._prepare(verbose=0)
    schedule = compiled.discriminator_optimizer._learning_rate
    assert (schedule.constant_steps, schedule.decay_steps) == (1, 2)


def configure(preset, celeba, **given):
    small = {"size": SIZE, "width": 2, "residual_blocks": 0, "jit_compile": False}
    file = str(celeba / "list_attr.txt")
    given |= small | {"attributes": file, "steps": 2, "batch_size": 4}
    return training.configure(preset, celeba / "faces", **given)


@pytest.mark.slow
def test_resume_goes_on(finished, celeba, tmp_path, monkeypatch):
    small_run.patch(monkeypatch)
    small_run.let_train_eagerly(monkeypatch, "aclgan")
    configuration = configure("aclgan", celeba, select=NAMES, ema_decay=0.5)
    # The rates follow from the length: both parts are told that of the whole.
    run = training.Run.create(tmp_path / "parts", configuration, "")
    preset_arguments = training.TASKS["editing"].preset_arguments
    monkeypatch.setattr(
        training.TASKS["editing"],
        "preset_arguments",
        lambda task, data: preset_arguments(task, data) | {"learning_rate": 1e-4},
    )
    run.train(verbose=0)
    run = training.Run.open(tmp_path / "parts")
    run.change_length(steps=3)
    model = run.train(verbose=0)
    expected = training.Run.open(finished.directory).load_model()
    for one, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_stargan_counts_its_critic_steps(celeba, tmp_path):
    configuration = configure("stargan", celeba, select=["Smiling"], n_critic=2)
    run = training.Run.create(tmp_path / "run", configuration, "")
    model = run.train(verbose=0)
    assert (model.iterations, int(model.critic_step)) == (2, 0)
    # The rates have come to an end together.
    for role in model.roles:
        assert float(model.optimizers[role].learning_rate) == 0


def test_what_is_selected_by_default():
    def selected(source, **given):
        configuration = training.configure("stargan", source, **given)
        return training.task_of(configuration).arguments["select"]

    assert selected("faces") == registry.find("stargan").embedded["select"]
    assert selected("celeb_a") == CELEBA_ATTRIBUTES
    assert selected("celeb_a", select=["Bald"]) == ["Bald"]
    assert training.configure("aclgan", "faces").size == 32
    assert training.configure("aclgan", "celeb_a").size == 128


def test_embedded_faces_get_what_two_cores_can_carry():
    configuration = training.configure("aclgan", "faces", width=8, epochs=2)
    found = {name: configuration.options[name] for name in ("width", "residual_blocks")}
    assert found == {"width": 8, "residual_blocks": 2}
    assert configuration.options["learning_rate"] == 4e-4
    assert configuration.options["ema_decay"] == 0.998
    assert (configuration.steps, configuration.epochs) == (None, 2)
    assert configuration.options["penalty_weight"] == 30
    # Of another penalty the weight is its own.
    other = training.configure("aclgan", "faces", penalty="dragan").options
    assert other["penalty"] == "dragan" and "penalty_weight" not in other
    stargan = training.configure("stargan", "faces")
    assert stargan.steps == 2400 and "penalty" not in stargan.options
    other = training.configure("aclgan", "celeb_a")
    assert (other.options, other.steps) == ({}, None)


def test_wrong_training(celeba):
    images = ("train", "aclgan", "--images", celeba / "faces")
    assert "not both" in fail(*images, "--data", "faces")
    file = ("--attributes", celeba / "list_attr.txt")
    message = fail(*images, *file, "--select", "Smilling", *TRAIN)
    assert "Smilling" in message and "Smiling" in message
    message = fail("train", "gan", "--select", "Smiling", status=2)
    assert "unrecognized arguments: --select" in message
    assert "one source" in fail("train", "stargan", "--data", "a", "b")
    message = fail(*images, *file, "--select", "Smiling", "--size", "40")
    assert "power of two" in message


# Editing ---------------------------------------------------------------------------


def test_edit_a_photo(finished, photo):
    result = succeed(
        *("edit", photo, "new.png", "--model", finished.directory),
        *("--add", "Blond_Hair", "--remove", "Smiling", "--mask", "mask.png"),
    )
    assert "Editing 1 photo(s), +Blond_Hair -Smiling" in result.out
    # The middle, at the size of the training.
    assert pixels("new.png").shape == (SIZE, SIZE, 3)
    assert pixels("mask.png").shape == (SIZE, SIZE)
    assert "exists" in fail(
        *("edit", photo, "new.png", "--model", finished.directory, "--add", "Smiling")
    )


def test_edit_does_what_the_model_does(finished, photo):
    model = training.Run.open(finished.directory).load_model()
    image = np.asarray(Image.open(photo).crop((32, 0, 96, 64)))
    for size in (64, 24):
        succeed(
            *("edit", photo, f"{size}.png", "--model", finished.directory),
            *("--size", size, "--add", "Smiling", "--has", "Black_Hair"),
        )
        if size == 64:
            expected = model.edit(
                image[None].astype("float32") / 127.5 - 1,
                add="Smiling",
                attributes=[0, 1, 0],
            )
            expected = np.round((expected[0] + 1) * 127.5)
            assert np.abs(pixels("64.png") - expected).max() <= 1
    assert pixels("24.png").shape == (24, 24, 3)


def test_edit_a_folder(finished):
    images, _, _ = faces("test", count=3)
    small_run.write_images(finished.directory.parent / "photos", images)
    (finished.directory.parent / "photos" / "broken.png").write_bytes(b"no image")
    result = succeed(
        *("edit", finished.directory.parent / "photos", "out"),
        *("--model", finished.directory / "export", "--add", "Smiling"),
    )
    assert "Wrote 3 image(s) to out." in result.out
    assert "Skipped" in result.err and "broken.png" in result.err
    # The model card tells the size of the training.
    assert pixels("out/0.png").shape == (SIZE, SIZE, 3)


def test_photos_keep_their_size_where_none_is_told(finished, photo):
    shutil.copytree(finished.directory / "export", "without_a_card")
    (card,) = pathlib.Path("without_a_card").glob("*/model_card.json")
    card.unlink()
    for model in ("without_a_card", finished.directory / "model.keras"):
        out = f"{pathlib.Path(model).stem}.png"
        succeed("edit", photo, out, "--model", model, "--add", "Smiling")
        assert pixels(out).shape == (64, 128, 3)


def test_edit_with_the_model_of_the_package(photo):
    result = succeed("edit", photo, "new.png", "--add", "Eyeglasses")
    assert "saved_models/editor" in result.out
    assert pixels("new.png").shape == (32, 32, 3)


def test_wrong_edits(finished, photo):
    edit = ("edit", photo, "new.png", "--model", finished.directory)
    assert "Nothing to edit" in fail(*edit)
    message = fail(*edit, "--add", "Smilling")
    assert "Did you mean 'Smiling'? Known are Smiling, Black_Hair" in message
    assert "must not share" in fail(*edit, "--add", "Smiling", "--remove", "Smiling")
    assert "at most one of" in fail(*edit, "--add", "Black_Hair", "Blond_Hair")
    message = fail(*edit, "--add", "Smiling", "--size", "18")
    assert "multiples of 4" in message and "--size N" in message
    assert "no file or folder" in fail("edit", "no.png", *edit[2:], "--add", "Smiling")
    save("photos/one.png", pixels(photo))
    message = fail("edit", "photos", *edit[2:], "--add", "Smiling", "--mask", "m.png")
    assert "single photo" in message


def test_a_run_of_another_kind(finished, photo):
    message = fail("colorize", photo, "new.png", "--model", finished.directory)
    assert "use keras-gans edit" in message
