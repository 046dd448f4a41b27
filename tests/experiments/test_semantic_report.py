"""The table of the semantic CycleGAN study."""

import dataclasses

import keras
from study_helpers import RECORD, read_table

from keras_gans.experiments import semantic_loss
from keras_gans.experiments.semantic_loss import Setting

STUDY = semantic_loss.SemanticLoss()


def make_domains(network):
    scores = {
        f"{name}_{score}": value
        for name in semantic_loss.COMPARISONS
        for score, value in (("fid", 321.0), ("kid", 0.5))
    }
    return {
        "training photos": 90,
        "held-out photos": 30,
        "training paintings": 80,
        "held-out paintings": 20,
        "semantic_weight": 0.0625,
        "feature_network": network,
        "feature_dim": 512,
        "resize": "clean",
        "feature_size": [64, 64],
        "photos": scores,
        "paintings_fid": 111.0,
        "paintings_kid": 0.25,
    }


def make_results(variants=STUDY.variants):
    """Two seeds of every variant; FID of the first is 98 and 102, of the second 200."""
    results = []
    for index, name in enumerate(variants, 1):
        for seed, sign in enumerate((-1, 1)):
            row = {"variant": name, "seed": seed, "seconds_per_step": 0.25}
            for weights in semantic_loss.WEIGHTS:
                row[f"{weights}_unsteadiness"] = 7.5
                for number, comparison in enumerate(semantic_loss.COMPARISONS):
                    row[f"{weights}_{comparison}_fid"] = (
                        100 * index + 2 * sign + number + 10 * (weights == "averaged")
                    )
                    row[f"{weights}_{comparison}_kid"] = index / 8
            results.append(row)
    return results


def test_report_has_the_paper_beside_mean_and_deviation():
    setting = dataclasses.asdict(Setting())
    text = STUDY.report(make_results(), setting, make_domains("inception_v3"), RECORD)
    rows = read_table(text)
    assert list(rows["FID of the paper"].items()) == [
        ("origin", "199.29"),
        ("LeakyReLU", "201.94"),
        ("semantic", "192.47"),
        ("hybrid", "189.71"),
    ]
    for (photos, paintings), number in zip(
        semantic_loss.COMPARISONS.values(), range(3)
    ):
        for suffix, more in (("", 0), (", averaged weights", 10)):
            title = f"{photos} → {paintings}{suffix}"
            assert list(rows[f"FID, {title}"].values()) == [
                f"{100 * index + number + more}.00 ± 2.83" for index in (1, 2, 3, 4)
            ]
            if number < 2:
                assert rows[f"KID, {title}"]["semantic"] == "0.3750"
    assert rows["seconds per step"]["hybrid"] == "0.250"
    assert set(rows["mean change of the FID between scores, averaged weights"].values()
               ) == {"7.50"}  # fmt: skip
    for part in (
        "100000 steps",
        "256x256",
        "over seeds 0, 1.",
        "512 features of inception_v3,",
        "90 training photos",
        "20 held-out paintings",
        "FID 321.00",
        "FID 111.00",
        "vgg16",
        "0.0625",
        "decay 0.999",
        *keras.tree.flatten(RECORD),
    ):
        assert part in text, part


def test_report_says_in_which_unit_the_distances_are():
    setting = dataclasses.asdict(Setting(feature_extractor="networks/small.keras"))
    for network, has_unit in (("inception_v3", False), ("small", True)):
        text = STUDY.report(make_results(), setting, make_domains(network), RECORD)
        assert ("in units of" in text) == has_unit
        # No folder of the machine that it was made on.
        assert "small.keras" in text and "networks/" not in text


def test_report_of_a_part_has_no_empty_columns():
    results = make_results(["semantic"])
    text = STUDY.report(
        results, dataclasses.asdict(Setting()), make_domains("inception_v3"), RECORD
    )
    assert read_table(text)["FID of the paper"] == {"semantic": "192.47"}
    assert "–" not in text.split("\n\n")[0]
