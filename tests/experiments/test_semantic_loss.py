"""The semantic CycleGAN study: variants, scores, its folder, and the table."""

import dataclasses
import functools
import inspect
import math

import keras
import numpy as np
import pytest
import small_run
from feature_helpers import distance_by_scipy
from study_helpers import read_rows, run_eagerly, start_alike

from keras_gans import export, metrics
from keras_gans.data.embedded.digits import street_digits
from keras_gans.data.sources import resize_images
from keras_gans.experiments import semantic_loss
from keras_gans.experiments.semantic_loss import Setting, unsteadiness
from keras_gans.models import CycleGAN

PHOTOS, PAINTINGS = 12, 16
# Those that differ most; the others are built by a test.
TRAINED = ["origin", "hybrid"]
Domains = semantic_loss.Domains
STUDY = semantic_loss.SemanticLoss()


def export_nothing(model, directory):
    """In the place of `export.save`."""
    assert isinstance(model, CycleGAN)
    (directory / "1").mkdir(parents=True)


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        # Made once for all tests that only look at them.
        patch.setattr(semantic_loss, "Domains", functools.cache(Domains))
        run_eagerly(STUDY, patch)
        patch.setattr(export, "save", export_nothing)
        yield


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Two folders of pictures, and a file with a network of three features."""
    folder = tmp_path_factory.mktemp("domains")
    images, _ = street_digits("train", PHOTOS + PAINTINGS)
    small_run.write_images(folder / "photos", images[:PHOTOS])
    small_run.write_images(folder / "paintings", images[PHOTOS:])
    keras.utils.set_random_seed(0)
    pixels = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = keras.layers.Conv2D(3, 4, strides=4, activation="tanh", name="maps")(x)
    keras.Model(pixels, x).save(folder / "small_network.keras")
    return Setting(
        x=str(folder / "photos"),
        y=str(folder / "paintings"),
        size=32,
        width=4,
        residual_blocks=1,
        steps=4,
        scores=4,
        test_share=0.25,
        ema_decay=0.5,
        feature_extractor=str(folder / "small_network.keras"),
        feature_layers=("maps",),
        feature_network=str(folder / "small_network.keras"),
    )


@pytest.fixture(scope="module")
def domains(setting):
    return semantic_loss.Domains(setting)


@pytest.fixture(scope="module")
def study(setting, tmp_path_factory):
    """A folder with a finished study, and its results."""
    folder = tmp_path_factory.mktemp("study") / "semantic"
    return folder, STUDY.reproduce(folder, setting, TRAINED, command="the command")


def without_times(result):
    return {name: result[name] for name in result if name != "seconds_per_step"}


# The study as a whole --------------------------------------------------------------


@pytest.mark.slow
def test_study_trains_all_variants_alike(study, setting):
    _, results = study
    assert [row["variant"] for row in results] == TRAINED
    for row in results:
        assert (row["seed"], row["steps"]) == (0, setting.steps)
        for weights in semantic_loss.WEIGHTS:
            for name in semantic_loss.COMPARISONS:
                for score in ("fid", "kid"):
                    assert math.isfinite(row[f"{weights}_{name}_{score}"])
        assert row["seconds_per_step"] > 0
        assert row["trained_test_fid"] != row["averaged_test_fid"]
    for name in ("trained_test_fid", "averaged_reference_kid"):
        assert len({row[name] for row in results}) == len(TRAINED)


@pytest.mark.slow
def test_study_writes_its_files(study, setting):
    folder, results = study
    assert {path.name for path in folder.glob("figures/*")} == {
        "comparison.png",
        "losses.png",
        "scores.png",
    }
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert "`the command`" in text and "small_network" in text


@pytest.mark.slow
def test_study_keeps_scores_and_pictures_of_every_run(study, setting):
    folder, results = study
    samples = {}
    for result in results:
        path = folder / "runs" / f"{result['variant']}-0"
        assert (path / "export" / "1").is_dir()
        scores = read_rows(path / "scores.csv")
        assert [int(row["iteration"]) for row in scores] == [1, 2, 3, 4]
        for weights in semantic_loss.WEIGHTS:
            fids = [float(row[f"{weights}_reference_fid"]) for row in scores]
            # What is scored last is the model that training leaves.
            assert fids[-1] == pytest.approx(result[f"{weights}_reference_fid"])
            assert result[f"{weights}_unsteadiness"] == pytest.approx(
                abs(fids[3] - fids[2])
            )
        history = read_rows(path / "history.csv")
        assert len(history) == setting.steps
        assert ("semantic_loss" in history[0]) == (
            result["variant"] in ("semantic", "hybrid")
        )
        with np.load(path / "samples.npz") as file:
            samples[result["variant"]] = dict(file)
    first, *others = samples.values()
    assert first["photos"].dtype == first["trained"].dtype == np.uint8
    for other in others:
        np.testing.assert_array_equal(other["photos"], first["photos"])
        assert (other["trained"] != first["trained"]).any()


@pytest.mark.slow
def test_a_run_that_stopped_goes_on(study, setting, tmp_path, monkeypatch):
    _, results = study
    steps = []
    train_step, score = CycleGAN.train_step, Domains.score

    def count(model, data):
        steps.append(model.iterations)
        return train_step(model, data)

    def stop(*args):
        raise KeyboardInterrupt

    def reproduce():
        return STUDY.reproduce(tmp_path, setting, only=["hybrid"])

    monkeypatch.setattr(CycleGAN, "train_step", count)
    # In its last step, which is then not saved.
    with monkeypatch.context() as patch:
        patch.setattr(
            Domains,
            "score",
            lambda domains, model, *rest: (
                stop() if model.iterations > 3 else score(domains, model, *rest)
            ),
        )
        with pytest.raises(KeyboardInterrupt):
            reproduce()
    assert steps == [0, 1, 2, 3]
    # After its last step.
    with monkeypatch.context() as patch:
        patch.setattr(export, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            reproduce()
    assert steps == [0, 1, 2, 3, 3]
    (result,) = reproduce()
    assert steps == [0, 1, 2, 3, 3]
    assert result["seconds_per_step"] > 0
    assert without_times(result) == without_times(results[-1])


# The data --------------------------------------------------------------------------


def keys(images):
    return {image.tobytes() for image in images}


def test_held_out_images_are_in_no_training(domains, setting):
    for domain, what, count, held_out in (
        ("x", "photos", PHOTOS, 3),
        ("y", "paintings", PAINTINGS, 4),
    ):
        train = keys(domains.images[f"training {what}"])
        test = keys(domains.images[f"held-out {what}"])
        assert not train & test
        assert (len(train), len(test)) == (count - held_out, held_out)
        # What is trained on is the training part, with room for a crop.
        trained = domains.train[domain]
        assert trained.shape == (count - held_out, 36, 36, 3)
        resized = resize_images(trained, setting.size)
        assert keys(resized) == train
    again = Domains(setting)
    for name, images in domains.images.items():
        np.testing.assert_array_equal(again.images[name], images)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_both_parts_need_images(setting, share):
    with pytest.raises(ValueError, match="`x` must have at least 2 images to hold out"):
        Domains(dataclasses.replace(setting, test_share=share))


def test_only_the_scored_images_are_limited(setting):
    domains = Domains(dataclasses.replace(setting, scored_images=3))
    assert {len(images) for images in domains.images.values()} == {3}
    assert len(domains.train["x"]) == PHOTOS - 3
    assert len(domains.train["y"]) == PAINTINGS - 4


def test_the_classifier_sees_no_held_out_image(setting, tmp_path, monkeypatch):
    seen = []

    def train_small(*args, **kwargs):
        """In the place of `train_classifier`: a linear network without training."""
        given = inspect.signature(metrics.train_classifier).bind(*args, **kwargs)
        seen.append(given.arguments)
        images = keras.Input(given.arguments["images"].shape[1:])
        x = keras.layers.GlobalAveragePooling2D()(images)
        features = keras.layers.Dense(3, name="features")(x)
        return keras.Model(images, keras.layers.Dense(10)(features))

    monkeypatch.setattr(semantic_loss.metrics, "train_classifier", train_small)
    images, labels = street_digits("train", 32)
    paths = [str(tmp_path / "one.npz"), str(tmp_path / "other.npz")]
    for path, part in zip(paths, (slice(16), slice(16, 32)), strict=True):
        np.savez(path, x_train=images[part], y_train=labels[part])
    arguments = {
        "x": paths[0],
        "y": paths[1],
        "feature_extractor": "classifier",
        "feature_layers": None,
        "feature_network": "classifier",
    }
    domains = Domains(dataclasses.replace(setting, **arguments))
    (given,) = seen
    train, test = (
        keys(domains.images[f"{part} photos"])
        | keys(domains.images[f"{part} paintings"])
        for part in ("training", "held-out")
    )
    assert keys(given["images"]) == train and not train & test
    # Each with its own label; images may have lost a little where they were resized.
    for image, label in zip(given["images"], given["labels"], strict=True):
        distances = np.abs(images.astype("float32") - image).mean((1, 2, 3))
        assert labels[distances.argmin()] == label
    # One network for both, of its features and not of its logits.
    assert domains.record["feature_dim"] == 3
    (features,) = domains.make_semantic_loss().features(np.zeros((1, 32, 32, 3)))
    assert features.shape == (1, 3)


def test_a_classifier_needs_labels(setting):
    arguments = {"feature_network": "classifier"}
    with pytest.raises(ValueError, match="needs labels in both domains.*path"):
        Domains(dataclasses.replace(setting, **arguments))


# The scores ------------------------------------------------------------------------


def test_distances_are_between_the_images_that_they_name(domains, setting):
    network = keras.saving.load_model(setting.feature_network)

    def features(name):
        maps = network.predict(domains.images[name].astype("float32"), verbose=0)
        return maps.mean((1, 2))

    paintings = features("training paintings")
    unit = np.sqrt(np.square(paintings.astype("float64")).mean())
    assert domains.record["feature_unit"] == pytest.approx(unit, rel=1e-4)
    for name, (photos, paintings) in semantic_loss.COMPARISONS.items():
        expected = distance_by_scipy(
            features(paintings) / unit, features(photos) / unit
        )
        # Three photos span a plane, of which the root is exact to some digits only.
        assert domains.record["photos"][f"{name}_fid"] == pytest.approx(
            expected, rel=1e-2
        )
    expected = distance_by_scipy(
        features("training paintings") / unit, features("held-out paintings") / unit
    )
    assert domains.record["paintings_fid"] == pytest.approx(expected, rel=1e-2)


def test_both_kinds_of_weights_translate(domains, setting):
    model = STUDY.build("origin", 0, setting, domains)
    photos = domains.images["training photos"]
    one, other = (
        semantic_loss.translate(model, name, photos) for name in semantic_loss.WEIGHTS
    )
    np.testing.assert_array_equal(one, other)  # They start alike.
    assert one.shape == photos.shape and one.dtype == np.uint8
    for variable in model.generator_xy.trainable_variables:
        variable.assign(1.5 * variable)
    assert (semantic_loss.translate(model, "trained", photos) != one).any()
    np.testing.assert_array_equal(
        semantic_loss.translate(model, "averaged", photos), other
    )
    expected = np.asarray(model.generator_xy(photos.astype("float32") / 127.5 - 1))
    np.testing.assert_allclose(
        semantic_loss.translate(model, "trained", photos),
        (expected + 1) * 127.5,
        atol=0.51,
    )


def test_unsteadiness_is_the_mean_change_in_the_later_half():
    assert unsteadiness([100.0, 0.0, 4.0, 2.0, 6.0]) == 3.0
    assert unsteadiness([100.0, 0.0, 4.0, 2.0]) == 2.0
    assert unsteadiness([9.0, 4.0, 5.0]) == 1.0
    assert math.isnan(unsteadiness([1.0, 2.0])) and math.isnan(unsteadiness([]))


# The variants ----------------------------------------------------------------------


def test_variants_start_alike(domains, setting):
    built = {name: STUDY.build(name, 3, setting, domains) for name in STUDY.variants}
    origin = built["origin"]
    for name, model in built.items():
        start_alike(origin, model)
        # Slopes of the generators; the discriminators' is always 0.2.
        slopes = {
            layer.negative_slope
            for layer in model.generator_xy.layers
            if isinstance(layer, keras.layers.LeakyReLU)
        }
        assert slopes == ({0.01} if name in ("leaky_relu", "hybrid") else set())
        weight = domains.semantic_weight if name in ("semantic", "hybrid") else 0
        assert model.semantic_weight == weight
        assert model.semantic_translation_weight == 0
        # The full rate for half of the steps, and then down to zero.
        optimizer = model.generator_optimizer
        for step, rate in ((0, 2e-4), (2, 2e-4), (3, 1e-4), (4, 0)):
            optimizer.iterations.assign(step)
            assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-10)
    other = STUDY.build("origin", 4, setting, domains)
    one, two = (model.generator_xy.variables[0].numpy() for model in (origin, other))
    assert (one != two).any()


def test_the_networks_and_the_loss_are_those_of_the_setting(
    domains, setting, monkeypatch
):
    received = {}
    monkeypatch.setattr(
        semantic_loss.presets, "cyclegan", lambda **given: received.update(given)
    )
    changes = {"upsampling": "resize", "discriminator_layers": 2, "residual_blocks": 3}
    changes |= {"ema_decay": 0.25, "width": 8, "size": 64}
    given = dataclasses.replace(setting, **changes, steps=7)
    # Not eagerly: what is built here is no model.
    semantic_loss.SemanticLoss().build("hybrid", 5, given, domains)
    loss = received.pop("semantic_loss")
    assert received == {
        **changes,
        "total_steps": 7,
        "seed": 5,
        "activation": "leaky_relu",
        "semantic_weight": domains.semantic_weight,
    }
    images = domains.images["training photos"][:2].astype("float32")
    maps = keras.saving.load_model(setting.feature_extractor)(images)
    (found,) = loss.features(images / 127.5 - 1)
    np.testing.assert_allclose(np.ravel(found), np.ravel(maps), atol=1e-5)
