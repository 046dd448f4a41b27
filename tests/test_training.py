"""`keras_gans.training`: the run folder, its length, its resume and its settings."""

import csv
import functools
import json
import os
import re
import time

import keras
import numpy as np
import pytest

import small_run
from keras_gans import folder_lock, losses, models, presets, training
from keras_gans.data import unpaired
from keras_gans.folder_lock import FolderInUseError
from keras_gans.presets import registry
from keras_gans.training import Run, configure, next_free
from keras_gans.training import lengths
from keras_gans.training import run as run_module
from keras_gans.training.task import SAMPLES
from lock_helpers import held, start


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    small_run.patch(monkeypatch)


@pytest.fixture
def unlabelled(tmp_path):
    return small_run.make_unlabelled(tmp_path / "data")


def new_run(directory, data, preset="digits", **given):
    configuration = configure(preset, *data, **{"batch_size": small_run.BATCH, **given})
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


@pytest.mark.parametrize("preset", registry.recipes())
def test_a_recipe_has_one_length_and_fills_in_the_rest(preset):
    recipe = registry.find(preset)
    assert (recipe.steps is None) != (recipe.epochs is None)
    translates = recipe.task == "translation"
    sources = ("a", "b") if translates else ("a",)
    configuration = configure(preset, *sources)
    for name in ("batch_size", "size", "load_size", "flip", "steps", "epochs"):
        assert getattr(configuration, name) == getattr(recipe, name)
    assert (configuration.x, configuration.seed) == ("a", 0)
    assert configuration.y == ("b" if translates else None)
    assert configuration.jit_compile == "auto"
    assert configuration.mixed_precision is None


def test_generation_has_one_source_and_translation_two():
    with pytest.raises(ValueError, match="`y` must be None for preset 'gan'.*y='b'"):
        configure("gan", "a", "b")
    with pytest.raises(ValueError, match="the other domain for preset 'digits'.*None"):
        configure("digits", "a")


def test_a_given_length_replaces_the_recipe_s():
    lab = configure("digit_lab", "a", "b", epochs=3, steps=None)
    assert (lab.steps, lab.epochs) == (None, 3)
    tutorial = configure("tensorflow_tutorial", "a", "b", steps=7, batch_size=2)
    assert (tutorial.steps, tutorial.epochs, tutorial.batch_size) == (7, None, 2)
    with pytest.raises(ValueError, match="--steps or --epochs, not both"):
        configure("digits", "a", "b", steps=1, epochs=1)


def test_the_crop_keeps_its_share_of_another_size():
    assert configure("cyclegan", "a", "b", size=128).load_size == 143
    assert configure("digits", "a", "b", size=64).load_size is None


def test_the_place_of_decoded_images_is_checked_and_absolute():
    assert configure("digits", "a", "b").cache == "auto"
    there = configure("digits", "a", "b", cache="./there")
    assert there.to_dict()["cache"] == os.path.abspath("there")
    with pytest.raises(ValueError, match="`cache` must be 'auto', 'memory', 'disk'"):
        configure("digits", "a", "b", cache="memroy")


@pytest.fixture
def built_with(tmp_path, unlabelled, monkeypatch):
    """Returns what the preset `cyclegan` is called with, for options of the run."""

    @functools.wraps(presets.cyclegan)
    def build(**arguments):
        received.update(arguments)
        raise ValueError("seen")

    received = {}
    small_run.replace_build(monkeypatch, "cyclegan", build)

    def call(**given):
        received.clear()
        configuration = configure("cyclegan", *unlabelled, size=32, **given)
        with pytest.raises(ValueError, match="seen"):
            Run.create(tmp_path / "run", configuration, "").train(verbose=0)
        return dict(received)

    return call


def test_the_paper_s_rate_falls_in_the_second_half(built_with):
    assert built_with(steps=7, jit_compile=False, seed=5) == {
        **{"x_channels": 1, "y_channels": 1, "size": 32, "seed": 5},
        **{"jit_compile": False, "total_steps": 7},
    }


def test_options_reach_the_preset(built_with):
    received = built_with(steps=7, activation="leaky_relu", cycle_weight=(1.0, 2.0))
    assert received["activation"] == "leaky_relu"
    assert received["cycle_weight"] == (1.0, 2.0)
    assert not {"semantic_loss", "example_images"} & {*received}
    extractor = {"feature_extractor": "a.keras", "feature_layers": ["first"]}
    received = built_with(steps=7, **extractor)
    assert extractor.items() <= received.items()
    # Photos, on which the weight of the loss is found.
    images = small_run.digits("train", SAMPLES)[0] / np.float32(127.5) - 1
    np.testing.assert_array_equal(received["example_images"], images)
    received = built_with(steps=7, semantic_weight=0.5, **extractor)
    assert "example_images" not in received and received["semantic_weight"] == 0.5


@pytest.fixture
def semantic(tmp_path):
    """Options of a small semantic CycleGAN."""
    pixels = keras.Input((None, None, 3))
    extractor = keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels))
    extractor.save(tmp_path / "extractor.keras")
    return {
        "preset": "cyclegan",
        "width": 2,
        "residual_blocks": 1,
        "feature_extractor": str(tmp_path / "extractor.keras"),
        "size": 24,
        "steps": 1,
        "jit_compile": False,
    }


@pytest.mark.slow
def test_the_balanced_weight_is_told_kept_and_not_computed_again(
    tmp_path, unlabelled, semantic, capsys, monkeypatch
):
    run = new_run(tmp_path / "run", unlabelled, **semantic)
    model = run.train(verbose=2)
    weight = model.semantic_weight
    assert f"Semantic weight: {weight:g}\n" in capsys.readouterr().out
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    assert content["configuration"]["semantic_weight"] == weight
    assert run.configuration.options["semantic_weight"] == weight

    monkeypatch.setattr(losses, "balanced_weight", lambda *_: pytest.fail("again"))
    resumed = Run.open(tmp_path / "run")
    resumed.change_length(steps=2)
    assert resumed.train(verbose=2).semantic_weight == weight
    given = new_run(tmp_path / "given", unlabelled, semantic_weight=0.5, **semantic)
    assert given.train(verbose=2).semantic_weight == 0.5
    assert "Semantic weight" not in capsys.readouterr().out


def test_a_single_image_has_no_balanced_weight(tmp_path, unlabelled, semantic):
    one = tmp_path / "one.npz"
    np.savez(one, x_train=small_run.digits("train", 1)[0])
    data = one, unlabelled[1]
    run = new_run(tmp_path / "run", data, **{**semantic, "batch_size": 1})
    with pytest.raises(ValueError, match="at least 2 images.*--semantic-weight"):
        run.train(verbose=0)
    assert not list((tmp_path / "run").iterdir())


def test_options_go_with_their_presets_alone():
    for preset, option, message in (
        (
            "gan",
            {"cycle_weight": 3.0},
            "gan takes no --cycle-weight. Presets that do: ",
        ),
        ("gan", {"latent_dims": 3}, "no --latent-dims. Did you mean --latent-dim?"),
        ("gan", {"feature_network": "inception_v3"}, "Presets that do: digits, "),
        ("gan", {"load_size": 40}, "Presets of generation take no --load-size"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            configure(preset, "a", **option)
    with pytest.raises(ValueError, match="no preset 'cyclegam'. Did you mean cyclegan"):
        configure("cyclegam", "a", "b")
    for option in ({"feature_size": 64}, {"evaluate_every": 2}):
        configuration = configure("cyclegan", "a", "b", **option)
        with pytest.raises(ValueError, match="go with --feature-network"):
            training.task_of(configuration)


def test_a_configuration_is_one_flat_file(tmp_path):
    configuration = configure(
        "cyclegan",
        "a",
        "b",
        size=(32, 48),
        cycle_weight=(1.0, 2.0),
        feature_network="n",
    )
    assert configuration.load_size == (36, 54)
    content = json.loads(json.dumps(configuration.to_dict()))
    assert content["feature_network"] == "n" and content["size"] == [32, 48]
    assert training.Configuration.from_dict(content).to_dict() == {
        **configuration.to_dict(),
        "cycle_weight": [1.0, 2.0],
    }


def test_a_run_of_the_version_before_opens(tmp_path):
    """Its file has every option of every preset, most of them without a value."""
    configuration = {
        **{"preset": "cyclegan", "x": "a", "y": "b", "batch_size": 1, "size": 64},
        **{"load_size": 72, "flip": None, "channels": None, "steps": 5},
        **{"epochs": None, "seed": 3, "jit_compile": "auto", "mixed_precision": None},
        **{"width": 8, "ema_decay": None, "activation": "leaky_relu"},
        **{"feature_extractor": None, "feature_layers": None, "select": None},
        **{"semantic_weight": None, "feature_network": None, "feature_size": None},
        **{"evaluate_every": None, "attributes": None, "residual_blocks": None},
        "learning_rate": None,
    }
    record = {"command": "", "versions": {}, "configuration": configuration}
    (tmp_path / "run.json").write_text(json.dumps(record))
    opened = Run.open(tmp_path).configuration
    assert opened.options == {"width": 8, "activation": "leaky_relu"}
    assert (opened.size, opened.load_size, opened.seed) == (64, 72, 3)


OWN_PRESET = """
import keras_gans


@keras_gans.presets.preset(task="generation", batch_size=8, size=8, steps=1)
def tiny(channels=1, size=8, width: int = 2, seed=None):
    \"\"\"A tiny GAN.

    Args:
        width: Positive integer.
    \"\"\"
    return keras_gans.presets.gan(channels, size, width, latent_dim=3, seed=seed)
"""


def test_a_preset_of_one_s_own_trains_from_its_file(tmp_path):
    (tmp_path / "mine.py").write_text(OWN_PRESET)
    x, _ = small_run.make_domains(tmp_path / "data")
    name = f"{tmp_path / 'mine.py'}:tiny"
    run = Run.create(tmp_path / "run", configure(name, x, width=3), "")
    assert run.train(verbose=0).iterations == 1
    assert Run.open(tmp_path / "run").load_model().generator.count_params() > 0
    assert "tiny" not in registry.recipes()
    for wrong, message in (
        (f"{tmp_path / 'mine.py'}:tyni", "has no preset 'tyni'.*It has: tiny"),
        (f"{tmp_path / 'ours.py'}:tiny", "There is no file"),
    ):
        with pytest.raises(ValueError, match=message):
            configure(wrong, x)


@pytest.mark.slow
def test_a_dry_run_writes_nothing(tmp_path, unlabelled):
    run = Run(tmp_path / "run", configure("digits", *unlabelled, steps=3))
    found = run.dry_run(steps=1)
    assert found["batches"] == 3 and found["seconds"] > 0
    assert set(found["parameters"]) == set(models.CycleGAN.network_names)
    assert found["disk_bytes"] > 1000 and found["memory_bytes"] > 2**20
    assert not (tmp_path / "run").exists()


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


def test_next_free_is_given_to_nobody_else(tmp_path):
    path = next_free(tmp_path / "digits")
    assert path == tmp_path / "digits-1" and (path / ".lock").exists()
    # Neither to this process nor to another one.
    assert next_free(tmp_path / "digits") == tmp_path / "digits-2"
    with held(tmp_path / "digits-3"):
        assert next_free(tmp_path / "digits") == tmp_path / "digits-4"
    # The run that is made in it has it then, and it is free when the run is gone.
    run = Run.create(path, configure("digits", "a", "b"), "")
    assert next_free(tmp_path / "digits") == tmp_path / "digits-3"
    del run
    assert next_free(tmp_path / "digits") == tmp_path / "digits-1"
    run_module._claims.clear()
    assert not folder_lock._held


def test_four_processes_get_four_names(tmp_path):
    program = """
        from keras_gans.folder_lock import claim_next
        time.sleep(float(sys.stdin.readline()) - time.time())
        lock = claim_next(folder)
        print(lock.directory.name, flush=True)
        sys.stdin.readline()
    """
    processes = [start(tmp_path / "run", program) for _ in range(4)]
    moment = time.time() + 1.5
    for process in processes:
        process.stdin.write(f"{moment}\n")
        process.stdin.flush()
    names = [process.stdout.readline() for process in processes]
    for process in processes:
        process.communicate("\n")
    assert sorted(names) == [f"run-{number}\n" for number in range(1, 5)]


def test_a_run_that_another_process_trains_is_left_alone(tmp_path, unlabelled):
    folder = tmp_path / "run"
    run = new_run(folder, unlabelled, steps=1)
    del run
    with held(folder) as process:
        message = rf"run is in use: process {process.pid} on .* has had it since 2"
        with pytest.raises(FolderInUseError, match=message):
            new_run(folder, unlabelled)
        (folder / "run.json").write_text("{}")
        with pytest.raises(FolderInUseError, match=message):
            new_run(folder, unlabelled)
        run = Run(folder, configure("digits", *unlabelled, steps=1))
        for use in (run.train, lambda: run.score(None)):
            with pytest.raises(FolderInUseError, match=message):
                use()
        assert (folder / "run.json").read_text() == "{}"
    # What is there is looked at first: a folder of something else is not written to.
    (tmp_path / "data" / "a").mkdir()
    before = (tmp_path / "data").stat().st_mtime_ns
    with pytest.raises(FileExistsError, match="not empty"):
        new_run(tmp_path / "data", unlabelled)
    assert (tmp_path / "data").stat().st_mtime_ns == before


def test_a_run_holds_its_folder_until_it_is_trained(tmp_path, unlabelled):
    folder = tmp_path / "run"
    run = new_run(folder, unlabelled, batch_size=1000)
    assert (folder / ".lock").exists()
    with run:
        with pytest.raises(ValueError, match="1000"):
            run.train(verbose=0)
        # All of the block.
        assert (folder / ".lock").exists()
    assert not list(folder.iterdir())


def test_open_needs_the_folder_of_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no run.json"):
        Run.open(tmp_path)
    for content in ("{", "[]", "{}", '{"configuration": {"preset": "digits"}}'):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(ValueError, match="does not describe a run"):
            Run.open(tmp_path)


@pytest.mark.parametrize("versions", [{"keras_gans": "0.2.0"}, {"keras_gans": "0.1"}])
def test_a_digits_run_of_an_earlier_version_is_that_of_its_time(
    tmp_path, monkeypatch, versions
):
    monkeypatch.undo()  # The options are those of the true presets.
    content = {"configuration": configure("digits_cyclegan", "a", "b").to_dict()}
    content["configuration"]["preset"] = "digits"
    content["versions"] = versions
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert Run.open(tmp_path).configuration.preset == "digits_cyclegan"
    content["versions"] = {"keras_gans": "0.3.0"}
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert Run.open(tmp_path).configuration.preset == "digits"


@pytest.mark.parametrize("preset, version, since, earlier", [
    ("digit_lab", "0.3.0", "0.4.0", {"cycle_weight": 10.0, "input_noise": 0.0}),
    ("digits", "0.4.0", "0.5.0",
     {"detail_width": 0, "grey_x": False, "cycle_margin": 0.0}),
])  # fmt: skip
def test_a_run_of_an_earlier_version_keeps_its_defaults(
    tmp_path, monkeypatch, preset, version, since, earlier
):
    monkeypatch.undo()
    content = {"configuration": configure(preset, "a", "b").to_dict()}
    for version, given, expected in (
        (version, {}, earlier),
        (version, {"cycle_weight": 2.0}, earlier | {"cycle_weight": 2.0}),
        (since, {}, {}),
    ):
        whole = {"configuration": content["configuration"] | given}
        whole["versions"] = {"keras_gans": version}
        (tmp_path / "run.json").write_text(json.dumps(whole))
        assert Run.open(tmp_path).configuration.options == expected


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


def test_a_generation_run_that_cannot_start_leaves_an_empty_folder(
    tmp_path, unlabelled
):
    x = unlabelled[:1]
    for preset, given, message in (
        ("conditional_gan", {}, "no labels"),
        ("wgan", {"batch_size": 1000}, "fewer than batch_size=1000"),
        ("wgan", {"size": 30}, r"4 \* 2\*\*n.*size=30"),
    ):
        with pytest.raises(ValueError, match=message):
            new_run(tmp_path / "run", x, preset, **given).train(verbose=0)
        assert not list((tmp_path / "run").iterdir())


@pytest.mark.slow
def test_sample_pictures_of_domains_of_different_length(tmp_path):
    x, y = tmp_path / "x.npz", tmp_path / "y.npz"
    images, _ = small_run.digits("train", 20)
    np.savez(x, x_train=images, x_test=images[:2])
    np.savez(y, x_train=images, x_test=images)
    run = new_run(tmp_path / "run", (x, y), steps=1)
    run.train(verbose=0)
    picture = tmp_path / "run" / "samples" / "iteration_000001.png"
    # Two columns, enlarged twice; six rows and a line.
    height, width = keras.utils.img_to_array(keras.utils.load_img(picture)).shape[:2]
    assert (height, width) == (2 * (6 * 32 + 4), 2 * 2 * 32)


# Training --------------------------------------------------------------------------


def test_resume_is_exact_and_a_finished_run_trains_no_step(tmp_path, unlabelled):
    straight = new_run(tmp_path / "straight", unlabelled, steps=5)
    expected = straight.train(verbose=0)
    assert expected.iterations == 5
    history = rows(tmp_path / "straight" / "history.csv")
    assert [row["iteration"] for row in history] == ["4", "5"]

    # In two parts; 3 and 5 are in the middle of an epoch.
    new_run(tmp_path / "parts", unlabelled, steps=3).train(verbose=0)
    opened = Run.open(tmp_path / "parts")
    opened.change_length(steps=5)
    # The images may be kept elsewhere: they are the same.
    opened.change_cache(tmp_path / "cache")
    model = opened.train(verbose=0)
    record = tmp_path / "parts" / "run.json"
    cache = json.loads(record.read_text())["configuration"]["cache"]
    assert cache == str(tmp_path / "cache") and any((tmp_path / "cache").iterdir())
    assert model.iterations == 5
    assert rows(tmp_path / "parts" / "history.csv") == history
    for received, variable in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(received, variable)

    # Once more: restored, with no further step and nothing written but the model.
    (tmp_path / "parts" / "model.keras").unlink()
    before = files(tmp_path / "parts")
    again = Run.open(tmp_path / "parts").train(verbose=0)
    assert again.iterations == 5
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
    assert opened.configuration.steps == 5
    opened.change_length(epochs=1)
    with pytest.raises(ValueError, match="trained 5 iterations already.*: 4 iter"):
        opened.train(verbose=0)
    assert Run.open(tmp_path / "parts").configuration.steps == 5


def state(model):
    variables = [variable.numpy() for variable in model.variables]
    for role in model.roles:
        optimizer = getattr(model, f"{role}_optimizer")
        variables += [variable.numpy() for variable in optimizer.variables]
    return variables


@pytest.mark.slow
def test_resume_between_two_updates_of_a_critic_model_is_exact(tmp_path):
    # Three batches in an epoch, two in an iteration.
    data = small_run.make_unlabelled(tmp_path / "data", count=26)[:1]
    straight = new_run(tmp_path / "straight", data, "wgan", steps=4, size=8)
    expected = straight.train(verbose=0)
    assert expected.iterations == 4
    history = rows(tmp_path / "straight" / "history.csv")
    assert [row["iteration"] for row in history] == ["1", "3", "4"]
    table = rows(tmp_path / "straight" / "table.csv")
    assert [row["iteration"] for row in table] == ["4"]

    parts = tmp_path / "parts"
    first = new_run(parts, data, "wgan", epochs=1, size=8).train(verbose=0)
    assert first.iterations == 1 and int(first.critic_step) == 1
    opened = Run.open(parts)
    opened.change_length(steps=4)
    model = opened.train(verbose=0)
    for received, wanted in zip(state(model), state(expected), strict=True):
        np.testing.assert_array_equal(received, wanted)
    assert rows(parts / "history.csv") == history
    assert rows(parts / "table.csv")[1:] == table
    # And what is read from the folder.
    loaded = keras.saving.load_model(Run.open(parts).model_path())
    for received, wanted in zip(state(loaded), state(expected), strict=True):
        np.testing.assert_array_equal(received, wanted)
    np.testing.assert_array_equal(
        loaded.generate(3, seed=1), expected.generate(3, seed=1)
    )

    # Said in iterations, which --steps counts, and in batches, which are more.
    for length, received in (
        ({"steps": 3}, r"3 iterations \(6 batches\)"),
        ({"epochs": 2}, r"3 iterations \(6 batches\)"),
        ({"epochs": 1}, r"1 iteration \(3 batches\)"),
    ):
        opened = Run.open(parts)
        opened.change_length(**length)
        message = rf"trained 4 iterations \(8 batches\) already.*: {received}\."
        with pytest.raises(ValueError, match=message):
            opened.train(verbose=0)


def test_classes_come_from_the_data(tmp_path):
    images, labels = small_run.digits("train", 16)
    np.savez(tmp_path / "three.npz", x_train=images, y_train=labels % 3)
    run = new_run(
        tmp_path / "run", [tmp_path / "three.npz"], "conditional_gan", steps=1, size=8
    )
    model = run.train(verbose=0)
    assert model.classes == 3 and run.load_model().classes == 3
    assert run.score(model) is None  # No test images.
    (picture,) = (tmp_path / "run" / "samples").glob("*_000001.png")
    # A column for each class; 64 images are 21 rows, enlarged eight times.
    height, width = keras.utils.img_to_array(keras.utils.load_img(picture)).shape[:2]
    assert (height, width) == (8 * 8 * 21, 8 * 8 * 3)


@pytest.mark.slow
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
        model = run._build(data, training.task_of(configuration))
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

    stop = lengths.stop_at(total=6, steps_per_epoch=4)
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
    known = {"x_train": images, "y_train": labels}
    np.savez(tmp_path / "no_test.npz", **known)
    # One image says nothing of how colours spread, and is not told from others.
    np.savez(tmp_path / "one.npz", **known, x_test=images[:1], y_test=labels[:1])
    for name in ("no_labels.npz", "no_test.npz", "one.npz"):
        for data in ((tmp_path / name, labelled[1]), (labelled[0], tmp_path / name)):
            run = new_run(tmp_path / "run", data)
            assert run.score(model) is None
    run = new_run(tmp_path / "run", (tmp_path / "one.npz",), preset="conditional_gan")
    assert run.score(small_run.build_conditional_gan(1, 32, 10, seed=0)) is None
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
