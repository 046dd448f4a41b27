"""`keras_gans.training`: the run folder, its length, its resume and its settings."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest

import small_run
from keras_gans import training
from keras_gans.data import unpaired
from keras_gans.training import Run, configure, next_free


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small_run.patch(monkeypatch)


@pytest.fixture
def unlabelled(tmp_path):
    return small_run.make_unlabelled(tmp_path / "data")


def new_run(directory, data, **given):
    configuration = configure(
        "digits", *data, **{"batch_size": small_run.BATCH, **given}
    )
    return Run.create(directory, configuration, "keras-gans train")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def files(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


# Configuration ---------------------------------------------------------------------


@pytest.mark.parametrize("preset", training.RECIPES)
def test_a_recipe_has_one_length_and_fills_in_the_rest(preset):
    recipe = training.RECIPES[preset]
    assert (recipe.steps is None) != (recipe.epochs is None)
    configuration = configure(preset, "a", "b")
    for name in ("batch_size", "size", "load_size", "flip", "steps", "epochs"):
        assert getattr(configuration, name) == getattr(recipe, name)
    assert (configuration.x, configuration.y, configuration.seed) == ("a", "b", 0)
    assert configuration.jit_compile == "auto"
    assert configuration.mixed_precision is None


def test_a_given_length_replaces_the_recipe_s():
    lab = configure("digit_lab", "a", "b", epochs=3, steps=None)
    assert (lab.steps, lab.epochs) == (None, 3)
    tutorial = configure("tensorflow_tutorial", "a", "b", steps=7, batch_size=2)
    assert (tutorial.steps, tutorial.epochs, tutorial.batch_size) == (7, None, 2)
    with pytest.raises(ValueError, match="--steps or --epochs, not both"):
        configure("digits", "a", "b", steps=1, epochs=1)


def test_the_crop_keeps_its_share_of_another_size():
    assert configure("cyclegan_paper", "a", "b", size=128).load_size == 143
    assert configure("digits", "a", "b", size=64).load_size is None


def test_the_paper_s_rate_falls_in_the_second_half(tmp_path, unlabelled, monkeypatch):
    received = {}

    def build(**arguments):
        received.update(arguments)
        raise ValueError("seen")

    recipe = dataclasses.replace(training.RECIPES["cyclegan_paper"], build=build)
    monkeypatch.setitem(training.RECIPES, "cyclegan_paper", recipe)
    configuration = configure(
        "cyclegan_paper", *unlabelled, size=32, steps=7, jit_compile=False, seed=5
    )
    with pytest.raises(ValueError, match="seen"):
        Run.create(tmp_path / "run", configuration, "").train(verbose=0)
    assert received == {
        "x_channels": 1,
        "y_channels": 1,
        "size": 32,
        "seed": 5,
        "jit_compile": False,
        "constant_steps": 3,
        "decay_steps": 4,
    }


# The folder ------------------------------------------------------------------------


def test_next_free_folder(tmp_path):
    (tmp_path / "digits-1").mkdir()
    # Empty: a run that could not start.
    assert next_free(tmp_path / "digits") == tmp_path / "digits-1"
    (tmp_path / "digits-1" / "run.json").write_text("{}")
    (tmp_path / "digits-2").write_text("a file")
    assert next_free(tmp_path / "digits") == tmp_path / "digits-3"


def test_a_new_run_needs_an_empty_folder(tmp_path):
    configuration = configure("digits", "a", "b")
    (tmp_path / "file").write_text("")
    for directory in (tmp_path, tmp_path / "file"):
        with pytest.raises(FileExistsError, match="another --output, or go on"):
            Run.create(directory, configuration, "")
    Run.create(tmp_path / "new" / "run", configuration, "")
    Run.create(tmp_path / "new" / "run", configuration, "")


def test_open_needs_the_folder_of_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no run.json"):
        Run.open(tmp_path)
    for content in ("{", "[]", "{}", '{"configuration": {"preset": "digits"}}'):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(ValueError, match="does not describe a run"):
            Run.open(tmp_path)


def test_a_run_that_cannot_start_leaves_an_empty_folder(tmp_path, unlabelled):
    x, y = unlabelled
    for data, given in (
        (("handwriten_digits", y), {}),
        ((x, y), {"batch_size": 1000}),
        ((x, y), {"size": 30}),
    ):
        with pytest.raises(ValueError):
            new_run(tmp_path / "run", data, **given).train(verbose=0)
        assert not list((tmp_path / "run").iterdir())


def test_sample_pictures_of_domains_of_different_length(tmp_path):
    x, y = tmp_path / "x.npz", tmp_path / "y.npz"
    images, _ = small_run.digits("train", 20)
    np.savez(x, x_train=images, x_test=images[:2])
    np.savez(y, x_train=images, x_test=images)
    run = new_run(tmp_path / "run", (x, y), steps=1)
    run.train(verbose=0)
    picture = tmp_path / "run" / "samples" / "iteration_000001.png"
    # Two columns, enlarged twice; six rows and a line.
    height, width = training.keras.utils.img_to_array(
        training.keras.utils.load_img(picture)
    ).shape[:2]
    assert (height, width) == (2 * (6 * 32 + 4), 2 * 2 * 32)


# Training --------------------------------------------------------------------------


def test_resume_is_exact_and_a_finished_run_trains_no_step(tmp_path, unlabelled):
    straight = new_run(tmp_path / "straight", unlabelled, steps=7)
    expected = straight.train(verbose=0)
    assert expected.iterations == 7
    history = rows(tmp_path / "straight" / "history.csv")
    assert [row["iteration"] for row in history] == ["4", "7"]

    # In two parts; 3 and 7 are in the middle of an epoch.
    new_run(tmp_path / "parts", unlabelled, steps=3).train(verbose=0)
    opened = Run.open(tmp_path / "parts")
    opened.change_length(steps=7)
    model = opened.train(verbose=0)
    assert model.iterations == 7
    assert rows(tmp_path / "parts" / "history.csv") == history
    for received, variable in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(received, variable)

    # Once more: restored, with no further step and nothing written but the model.
    (tmp_path / "parts" / "model.keras").unlink()
    before = files(tmp_path / "parts")
    again = Run.open(tmp_path / "parts").train(verbose=0)
    assert again.iterations == 7
    for received, variable in zip(again.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(received, variable)
    after = files(tmp_path / "parts")
    loaded = Run.open(tmp_path / "parts").load_model()
    for received, variable in zip(loaded.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(received, variable)
    (new,) = set(after) - set(before)
    assert new.name == "model.keras"
    assert {name: after[name] for name in before} == before

    # Its length is as the second command said, and cannot shrink.
    opened = Run.open(tmp_path / "parts")
    assert opened.configuration.steps == 7
    opened.change_length(epochs=1)
    with pytest.raises(ValueError, match="trained 7 iterations already.*: 4 iter"):
        opened.train(verbose=0)
    assert Run.open(tmp_path / "parts").configuration.steps == 7


def test_epochs_are_passes_over_the_longer_domain(tmp_path, unlabelled):
    x, _ = unlabelled
    shorter = small_run.make_unlabelled(tmp_path / "short", count=9)[1]
    run = new_run(tmp_path / "run", (x, shorter), epochs=2)
    assert run.train(verbose=0).iterations == 2 * small_run.STEPS_PER_EPOCH
    configuration = json.loads((tmp_path / "run" / "run.json").read_text())[
        "configuration"
    ]
    assert (configuration["steps"], configuration["epochs"]) == (None, 2)
    # The next length may be one in steps.
    run = Run.open(tmp_path / "run")
    run.change_length(steps=8)
    assert run.train(verbose=0).iterations == 8


@pytest.mark.parametrize("precision", [None, "float16", "bfloat16"])
def test_mixed_precision_stays_in_the_networks(tmp_path, precision):
    before = keras.config.dtype_policy()
    configuration = configure("digits", "a", "b", mixed_precision=precision)
    data = unpaired(
        small_run.digits("train", 4)[0], small_run.digits("train", 4)[0], batch_size=2
    )
    run = Run.create(tmp_path, configuration, "")
    keras.config.set_dtype_policy("float64")
    try:
        model = run._build(data, total=1)
        assert keras.config.dtype_policy().name == "float64"
    finally:
        keras.config.set_dtype_policy(before)
    layers = model.generator_xy._flatten_layers()
    computed = {
        layer.compute_dtype
        for layer in layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
    }
    assert computed == {precision or "float32"}
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


def test_the_policy_is_put_back_after_an_error(tmp_path, unlabelled):
    before = keras.config.dtype_policy()
    x, y = unlabelled
    run = new_run(tmp_path / "run", (x, y), mixed_precision="bfloat16", seed=-1)
    with pytest.raises(ValueError, match="(?i)seed"):
        run.train(verbose=0)
    assert keras.config.dtype_policy() is before


def test_a_run_stops_at_its_last_batch():
    class Model:
        stop_training = False

    stop = training._StopAt(total=6, steps_per_epoch=4)
    stop.set_model(Model())
    for epoch, batch, expected in ((0, 3, False), (1, 0, False), (1, 1, True)):
        stop.on_epoch_begin(epoch)
        stop.on_train_batch_end(batch)
        assert stop.model.stop_training is expected


# Score -----------------------------------------------------------------------------


def test_no_score_without_labels_or_test_images(tmp_path, unlabelled):
    model = small_run.build(1, 1, size=32, seed=0)
    labelled = small_run.make_domains(tmp_path / "data")
    images, labels = small_run.digits("train", 20)
    np.savez(tmp_path / "no_labels.npz", x_train=images, x_test=images)
    np.savez(tmp_path / "no_test.npz", x_train=images, y_train=labels)
    for name in ("no_labels.npz", "no_test.npz"):
        for data in ((tmp_path / name, labelled[1]), (labelled[0], tmp_path / name)):
            run = new_run(tmp_path / "run", data)
            assert run.score(model) is None
    assert not list((tmp_path / "run").iterdir())


def test_score_table():
    score = {"kept": 0.7, "floor": 0.25, "ceiling": 0.987, "cycle_l1": 0.05}
    lines = training.score_table({"xy": score, "yx": {**score, "kept": 1.0}})
    assert lines.splitlines() == [
        "| direction | label kept | untranslated (floor) | real (ceiling) | cycle L1 |",
        "|:--|--:|--:|--:|--:|",
        "| X → Y | 70.0% | 25.0% | 98.7% | 0.0500 |",
        "| Y → X | 100.0% | 25.0% | 98.7% | 0.0500 |",
    ]
