"""The study of channel-compensated L1: equal terms, comparison, table and folder."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
from PIL import Image
from study_helpers import read_rows, run_eagerly

from keras_gans.experiments import channel_loss, tables
from keras_gans.experiments.channel_loss import Setting, compare
from keras_gans.losses import ChannelCompensatedL1
from keras_gans.metrics import colorization_scores

Illustrations = channel_loss.Illustrations
STUDY = channel_loss.ChannelLoss()


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channel_loss, "Illustrations", functools.cache(Illustrations))
        run_eagerly(STUDY, patch)
        yield


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    folder = tmp_path_factory.mktemp("illustrations")
    colors = np.random.default_rng(0).integers(0, 256, (12, 3))
    for index, color in enumerate(colors):
        image = Image.new("RGB", (40, 30), tuple(map(int, color)))
        image.paste((0, 0, 0), (10, index, 20, 20 + index // 2))
        image.save(folder / f"{index:02d}.png")
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    network.save(folder.parent / "network.keras")
    return Setting(
        data=str(folder),
        size=24,
        width=2,
        steps=4,
        batch_size=2,
        scores=4,
        test_share=0.25,
        feature_network=str(folder.parent / "network.keras"),
    )


@pytest.fixture(scope="module")
def study(setting, tmp_path_factory):
    directory = tmp_path_factory.mktemp("study") / "study"
    results = STUDY.reproduce(directory, setting, seeds=2, command="THE COMMAND")
    return directory, results


@pytest.mark.slow
def test_both_losses_train_on_equal_terms(setting, study, tmp_path, monkeypatch):
    directory, results = study
    assert [(row["variant"], row["seed"]) for row in results] == [
        (name, seed) for name in STUDY.variants for seed in (0, 1)
    ]
    assert all(row["steps"] == 4 for row in results)
    seen = {}

    def record(model, data, setting, score, path):
        weights = [weight.numpy() for weight in model.trainable_variables]
        batches = [keras.tree.flatten(batch) for batch in data.take(3)]
        seen[type(model.reconstruction_loss)] = weights, batches
        for key, value in score(model).items():
            assert np.isfinite(value), key
        raise KeyboardInterrupt

    monkeypatch.setattr(channel_loss.runs, "fit", record)
    for name in STUDY.variants:
        with pytest.raises(KeyboardInterrupt):
            STUDY.run(name, 1, setting, Illustrations(setting), tmp_path)
    assert set(seen) == {ChannelCompensatedL1, keras.losses.MeanAbsoluteError}
    ours, plain = seen.values()
    for one, other in zip(ours[0], plain[0], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(sum(ours[1], []), sum(plain[1], []), strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_is_plain_l1_with_hints_for_every_second_image(setting):
    illustrations = Illustrations(setting)
    assert illustrations.train.shape == (9, 27, 27, 3)
    assert illustrations.held_out.shape == (3, 24, 24, 3)
    hinted = []

    def model(source):
        hinted.extend(np.asarray(source[2]).any((1, 2, 3)))
        return np.zeros_like(source[1])

    scores = illustrations.validate(model)
    assert hinted == [False, True, False]
    expected = np.abs(illustrations.held_out / 127.5 - 1).mean()
    assert scores["l1"] == pytest.approx(expected, rel=1e-5)
    assert scores["fid"] > 0


def test_fid_is_zero_for_the_illustrations_themselves(setting):
    illustrations = Illustrations(setting)
    target = illustrations.held_out / np.float32(127.5) - 1
    scores = illustrations.validate(lambda source: target)
    assert scores["l1"] == pytest.approx(0, abs=1e-6)
    assert scores["fid"] == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_the_results_are_those_of_the_models(setting, study):
    directory, results = study
    held_out = Illustrations(setting).held_out
    for row in results:
        path = directory / "runs" / f"{row['variant']}-{row['seed']}"
        model = keras.saving.load_model(path / "model.keras")
        is_compensated = isinstance(model.reconstruction_loss, ChannelCompensatedL1)
        assert is_compensated == (row["variant"] == "compensated")
        for name, value in colorization_scores(model, held_out).items():
            assert row[name] == pytest.approx(value, rel=1e-4)
        assert [point["iteration"] for point in row["validation"]] == [1, 2, 3, 4]
        assert json.loads((path / "result.json").read_text()) == row


@pytest.mark.slow
def test_files(study):
    directory, results = study
    rows = read_rows(directory / "table.csv")
    assert [float(row["l1"]) for row in rows] == [row["l1"] for row in results]
    assert "validation" not in rows[0]
    curves = read_rows(directory / "curves.csv")
    assert len(curves) == 4 * 4
    assert float(curves[-1]["fid"]) == results[-1]["validation"][-1]["fid"]
    for name in ("validation", "colored_compensated", "colored_plain"):
        assert np.array(Image.open(directory / "figures" / f"{name}.png")).std() > 1
    table = (directory / "table.md").read_text()
    for text in ("307.87", "351.02", "0.17352", "-1.3", "THE COMMAND", "network"):
        assert text in table


@pytest.mark.slow
def test_without_a_network_there_is_no_fid(setting, tmp_path):
    setting = dataclasses.replace(setting, feature_network=None, steps=2, scores=2)
    (row,) = STUDY.reproduce(tmp_path, setting, only=["plain"], seeds=1)
    assert set(row["validation"][0]) == {"iteration", "l1"}
    table = (tmp_path / "table.md").read_text()
    assert "| FID of these | – | – |" in table and "features of" not in table


# The comparison --------------------------------------------------------------------


def curve(*errors, fids=None):
    rows = [
        {"iteration": 10 * number, "l1": error}
        for number, error in enumerate(errors, 1)
    ]
    for row, fid in zip(rows, fids or ()):
        row["fid"] = fid
    return rows


def test_reduction_and_slopes():
    plain = curve(0.8, 0.7, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5)
    ours = curve(0.6, 0.45, 0.3, 0.25, 0.25, 0.25, 0.25, 0.25)
    result = compare(ours, plain, steps=80)
    errors = [0.6 / 0.8, 0.45 / 0.7, 0.5] + [0.5] * 5
    assert result["reduction"] == pytest.approx(100 * (1 - np.mean(errors)))
    # Of the first quarter, two points: -0.15 against -0.1.
    assert result["slope_plain"] == pytest.approx(-1)
    assert result["slope_compensated"] == pytest.approx(-1.5)


def test_matched_checkpoints_are_late_and_of_equal_l1():
    plain = curve(0.3, 0.9, 0.5, 0.4, fids=[1, 2, 30, 40])
    ours = curve(0.3, 0.9, 0.402, 0.2, fids=[3, 4, 10, 20])
    result = compare(ours, plain, steps=40)
    assert result["pairs"] == 1
    assert result["matched_l1_compensated"] == pytest.approx(0.402)
    assert result["matched_l1_plain"] == pytest.approx(0.4)
    assert result["matched_fid_compensated"] == 10
    assert result["matched_fid_plain"] == 40


def test_what_cannot_be_told_is_nan():
    result = compare(curve(0.5, 0.2), curve(0.5, 0.4), steps=20)
    assert result["pairs"] == 0
    for key in ("slope_plain", "slope_compensated", "matched_l1_plain"):
        assert np.isnan(result[key])
    result = compare(curve(0.5, 0.4), curve(0.5, 0.4), steps=20)
    assert result["pairs"] == 1 and np.isnan(result["matched_fid_plain"])


def test_what_the_networks_refuse_is_refused_before_anything_is_written(
    setting, tmp_path
):
    for changed, message in (
        ({"size": 30}, "multiple of 8"),
        ({"normalization": "layer"}, "layer"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong = dataclasses.replace(setting, **changed)
            STUDY.reproduce(tmp_path / "study", wrong, seeds=1)
        assert not (tmp_path / "study").exists()


def test_claims_of_the_paper_are_judged():
    comparisons = [
        {
            "reduction": 8.0 + seed,
            "matched_fid_compensated": 300.0 + seed,
            "matched_fid_plain": 350.0,
            "slope_compensated": -1.3,
            "slope_plain": -1.0,
        }
        for seed in range(3)
    ]
    table, _ = tables.claims_paragraphs(channel_loss._claims(comparisons))
    assert table.splitlines()[2:] == [
        "| less validation error, in % | 9.00 ± 1.00 against 0.00 | confirmed |",
        "| a lower FID at equal L1 | 301.00 ± 1.00 against 350.00 | confirmed |",
        "| a steeper slope | -1.30 against -1.00 | confirmed |",
    ]
    # Where no checkpoints are of equal L1 there is nothing to compare.
    comparisons[0]["matched_fid_compensated"] = np.nan
    table, _ = tables.claims_paragraphs(channel_loss._claims(comparisons))
    assert (
        "| a lower FID at equal L1 | 301.50 ± 0.71 against 350.00 | not seen |" in table
    )
