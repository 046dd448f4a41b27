"""The study of the semantic loss in the digit lab: folder, loss, judges and table."""

import dataclasses
import functools
import inspect
import json

import keras
import numpy as np
import pytest
from study_helpers import read_rows, read_table, run_eagerly, start_alike

from keras_gans import metrics
from keras_gans.data import handwritten_digits
from keras_gans.experiments import semantic_digits
from keras_gans.experiments.semantic_digits import Setting

TRAIN, TEST = 24, 12
Domains = semantic_digits.Domains
STUDY = semantic_digits.SemanticDigits()


def train_small(*args, **kwargs):
    """In the place of `train_classifier`: a linear model of its own random weights."""
    given = inspect.signature(metrics.train_classifier).bind(*args, **kwargs).arguments
    images = keras.Input(given["images"].shape[1:])
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = keras.layers.Flatten()(x)
    initializer = keras.initializers.GlorotNormal(given["seed"])
    logits = keras.layers.Dense(10, kernel_initializer=initializer)(x)
    classifier = keras.Model(images, logits)
    classifier.given = given
    return classifier


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic_digits.metrics, "train_classifier", train_small)
        # Made once for all tests that only look at them.
        patch.setattr(semantic_digits, "Domains", functools.cache(Domains))
        run_eagerly(STUDY, patch)
        yield


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """White digits, and black ones on red; the last of them are without labels."""
    folder = tmp_path_factory.mktemp("domains")
    paths = []
    for name in ("white", "red"):
        arrays = {}
        for split, count in (("train", TRAIN), ("test", TEST)):
            images, labels = (part[:count] for part in handwritten_digits(split))
            if name == "red":
                images = np.concatenate([255 - images, images // 2, images // 4], -1)
            arrays |= {f"x_{split}": images, f"y_{split}": labels}
        paths.append(str(folder / f"{name}.npz"))
        np.savez(paths[-1], **arrays)
    return Setting(*paths, width=4, steps=4, batch_size=4, scores=2, classifier_steps=7)


@pytest.fixture(scope="module")
def domains(setting):
    return semantic_digits.Domains(setting)


@pytest.fixture(scope="module")
def study(setting, tmp_path_factory):
    """A folder with a finished study, and its results."""
    folder = tmp_path_factory.mktemp("study") / "semantic_digits"
    results = STUDY.reproduce(folder, setting, command="the command")
    return folder, results


# The study as a whole --------------------------------------------------------------


@pytest.mark.slow
def test_study_trains_all_variants_alike(study, setting):
    _, results = study
    assert [row["variant"] for row in results] == list(STUDY.variants)
    for row in results:
        assert (row["seed"], row["steps"]) == (0, setting.steps)
        for direction in ("xy", "yx"):
            for name in ("kept", "floor", "ceiling"):
                assert 0 <= row[f"{direction}_{name}"] <= 1
                assert 0 <= row[f"extractor_{direction}_{name}"] <= 1
            assert row[f"{direction}_cycle_l1"] > 0
        assert row["seconds_per_step"] > 0
    # What does not depend on the training is the same for all, what does is not.
    for name in ("xy_floor", "yx_ceiling", "extractor_xy_floor"):
        assert len({row[name] for row in results}) == 1
    assert len({row["xy_cycle_l1"] for row in results}) == 3


@pytest.mark.slow
def test_study_writes_its_files(study, setting):
    folder, results = study
    pictures = {f"translations_{name}.png" for name in STUDY.variants}
    assert {path.name for path in folder.glob("figures/*")} == {
        "label_kept.png",
        *pictures,
    }
    # Of three different models.
    assert len({(folder / "figures" / name).read_bytes() for name in pictures}) == 3
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert set(read_table(text)) == {
        "not translated",
        *STUDY.variants.values(),
        "real images of the target",
    }
    assert "`the command`" in text and f"{TEST} and {TEST} test" in text
    for name in STUDY.variants:
        path = folder / "runs" / f"{name}-0" / "scores.csv"
        assert [int(row["iteration"]) for row in read_rows(path)] == [2, 4]
        assert json.loads((path.parent / "result.json").read_text()) in results


def test_images_without_labels_are_refused_and_leave_no_study(setting, tmp_path):
    path = tmp_path / "unlabelled.npz"
    with np.load(setting.y) as file:
        np.savez(path, **{name: file[name] for name in ("x_train", "x_test")})
    unlabelled = dataclasses.replace(setting, y=str(path))
    with pytest.raises(ValueError, match="`y` must have labels.*unlabelled"):
        STUDY.reproduce(tmp_path / "study", unlabelled)
    assert not (tmp_path / "study").exists()


# The loss --------------------------------------------------------------------------


def test_variants_start_alike_and_differ_by_their_loss(domains, setting):
    built = {name: STUDY.build(name, 3, setting, domains) for name in STUDY.variants}
    plain = built["plain"]
    other = STUDY.build("plain", 4, setting, domains)
    for model in built.values():
        start_alike(plain, model)
    one, two = (model.generator_xy.variables[0].numpy() for model in (plain, other))
    assert (one != two).any()
    assert plain.semantic_loss is None
    for name in ("reconstruction", "translation"):
        loss = built[name].semantic_loss
        assert loss.feature_extractor is domains.extractor


@pytest.mark.slow
def test_weights_are_recorded(study, domains):
    folder, results = study
    weight = domains.semantic_weight
    assert [
        (row["semantic_weight"], row["semantic_translation_weight"]) for row in results
    ] == [(0, 0), (weight, 0), (0, weight)]
    record = json.loads((folder / "domains.json").read_text())
    assert record["semantic_weight"] == weight
    assert f"the loss: {weight}." in (folder / "table.md").read_text(encoding="utf-8")


def test_weight_balances_the_cycle_loss_on_pairs_of_a_domain(domains, setting):
    kernel = np.asarray(domains.extractor.layers[-1].kernel, "float64")
    differences = []
    for images, _ in domains.train.values():
        pixels = np.broadcast_to(images / 127.5 - 1, (TRAIN, 32, 32, 3))
        differences.append(pixels[: TRAIN // 2] - pixels[TRAIN // 2 :])
    differences = np.concatenate(differences)
    semantic = np.linalg.norm(
        differences.reshape(len(differences), -1) @ kernel, axis=1
    )
    expected = 10 * np.abs(differences).mean() / semantic.mean()
    # Two significant digits are kept.
    assert domains.semantic_weight == pytest.approx(expected, rel=0.05)

    given = dataclasses.replace(setting, semantic_weight=0.125)
    assert Domains(given).semantic_weight == 0.125


# The classifiers -------------------------------------------------------------------


def test_judges_are_others_than_the_extractor(domains, setting):
    judge_x, judge_y = (judge.given for judge in domains.judges)
    extractor = domains.extractor.given
    assert extractor["seed"] not in (judge_x["seed"], judge_y["seed"])
    train = [domains.train[name] for name in ("x", "y")]
    for judge, (images, labels) in zip((judge_x, judge_y), train, strict=True):
        np.testing.assert_array_equal(judge["images"], images)
        np.testing.assert_array_equal(judge["labels"], labels)
        assert judge["steps"] == setting.classifier_steps
    # The extractor knows both domains, in colour, and no test image.
    assert extractor["images"].shape == (2 * TRAIN, 32, 32, 3)
    np.testing.assert_array_equal(extractor["images"][:TRAIN, ..., 2:], train[0][0])
    np.testing.assert_array_equal(extractor["images"][TRAIN:], train[1][0])
    np.testing.assert_array_equal(
        extractor["labels"], np.concatenate([labels for _, labels in train])
    )
    for name in ("x", "y"):
        for image in domains.test[name][0]:
            assert not (image == domains.train[name][0]).all((1, 2, 3)).any()


def test_scores_say_who_judged(setting):
    domains = Domains(setting)
    # Each sees one label in all images.
    for label, classifier in zip((1, 2, 3), (*domains.judges, domains.extractor)):
        last = classifier.layers[-1]
        last.set_weights([np.zeros(last.kernel.shape), 1.0 * (np.arange(10) == label)])
    scores = domains.score(STUDY.build("plain", 0, setting, domains))
    share = {
        (domain, label): float((domains.test[domain][1] == label).mean())
        for domain in ("x", "y")
        for label in (1, 2, 3)
    }
    assert len(set(share.values())) > 1
    assert scores["xy_kept"] == share["x", 2] and scores["yx_kept"] == share["y", 1]
    assert scores["xy_ceiling"] == share["y", 2]
    for name in ("kept", "floor"):
        assert scores[f"extractor_xy_{name}"] == share["x", 3]
        assert scores[f"extractor_yx_{name}"] == share["y", 3]


def test_pictures_show_one_image_of_each_label(domains):
    shown = semantic_digits._one_of_each(domains.test)
    common = np.intersect1d(domains.test["x"][1], domains.test["y"][1])
    for images, (all_images, labels) in zip(shown, domains.test.values(), strict=True):
        assert images.dtype == np.float32 and len(images) == len(common) > 3
        pixels = np.round((images + 1) * 127.5)
        for image, label in zip(pixels, common, strict=True):
            assert (image == all_images[labels == label]).all((1, 2, 3)).any()
