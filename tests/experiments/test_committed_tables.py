"""The committed tables are, to the letter, what reports make of committed results."""

import dataclasses
import pathlib
import re

import pytest

from keras_gans.experiments import attribute_loss, attribute_search, semantic_loss
from keras_gans.experiments import tables
from keras_gans.experiments.study import find_studies
from keras_gans.files import read_csv

NOTEBOOKS = pathlib.Path(attribute_loss.__file__).parents[2] / "notebooks"

FACES = {
    "training_images": 4096,
    "test_images": 256,
    "attribute_names": ["Black_Hair", "Blond_Hair", "Eyeglasses", "Smiling"],
    "feature_network": "judge",
    "feature_dim": 128,
    "resize": "clean",
    "feature_size": [32, 32],
}
PAINTINGS = {
    "training photos": 248,
    "held-out photos": 62,
    "training paintings": 167,
    "held-out paintings": 42,
    "semantic_weight": 0.00041,
    "feature_network": "squeezenet",
    "feature_dim": 512,
    "resize": "clean",
    "feature_size": [227, 227],
    "photos": {
        **{"test_fid": 163.49, "test_kid": 0.7343},
        **{"reference_fid": 156.66, "reference_kid": 0.8451},
        **{"train_fid": 133.42, "train_kid": 0.9227},
    },
    "paintings_fid": 96.38,
    "paintings_kid": 0.2294,
}
SMALL = semantic_loss.Setting(
    size=64,
    width=32,
    upsampling="resize",
    discriminator_layers=2,
    steps=2000,
    # No folder of the machine that it was made on.
    feature_extractor="networks/squeezenet.keras",
    feature_layers=("fire8",),
    feature_network="networks/squeezenet.keras",
)
DIGITS = {"test_images": {"x": 300, "y": 1000}, "semantic_weight": 0.18}


def committed(folder, table="table"):
    """Returns the results, the text, and the record that its last lines tell."""
    text = (NOTEBOOKS / folder / f"{table}.md").read_text(encoding="utf-8")
    last = text.strip().rpartition("\n")[2]
    record = {"commands": re.findall("`(.*?)`", last)}
    for name in ("Keras", "TensorFlow", "Python"):
        record[name.lower()] = re.search(rf"{name} ([\d.]*\d)", last)[1]
    results = read_csv(NOTEBOOKS / folder / f"{table}.csv")
    for row in results:
        row |= {name: True for name, value in row.items() if value == "True"}
    return results, text, record


@pytest.mark.parametrize(
    "name, folder, setting, domains",
    [
        ("losses", "gan_losses", None, {}),
        ("attributes", "attribute_loss", None, FACES),
        ("semantic", "semantic_cyclegan", SMALL, PAINTINGS),
        ("semantic_digits", "semantic_digits", None, DIGITS),
    ],
)
def test_reports(name, folder, setting, domains, tmp_path):
    study = find_studies()[name]
    results, text, record = committed(folder)
    setting = dataclasses.asdict(setting or study.setting())
    paragraphs = study.report(results, setting, domains)
    tables.write(tmp_path / "table.md", paragraphs, record)
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == text

    # Of one variant there are no rows or columns of the others, and no empty tables.
    identity = study.identity(next(iter(study.variants)))
    part = [row for row in results if identity.items() <= row.items()]
    first, *others = dict.fromkeys(study.variants.values())
    table, *rest = study.report(part, setting, domains)
    if name == "losses":
        assert table == "### ring"
        assert not any("###" in text for text in rest)
        table = rest[1]
    assert f"| {first} |" in table
    assert not any(f"| {title} |" in table for title in others)


@pytest.mark.parametrize(
    "name, resize, has_unit, is_published",
    [
        ("small", "clean", True, False),
        ("inception_v3", "clean", False, False),
        # Other weights than those of the network of published FIDs.
        ("inception_v3", "legacy", False, False),
        ("tfgan_inception", "clean", False, False),
        ("tfgan_inception", "legacy", False, True),
    ],
)
def test_what_compares_with_published_numbers(name, resize, has_unit, is_published):
    record = {**FACES, "feature_network": name, "resize": resize}
    text = tables.network_text(record, " on faces")
    assert (f"features of {name} in units of" in text) == has_unit
    is_warned = has_unit or "not to be compared with published numbers" in text
    assert is_warned != is_published


def test_report_of_the_search(tmp_path):
    results, text, record = committed("attribute_loss", "search_table")
    setting = {"seed": 0, **dataclasses.asdict(attribute_search.SETTING)}
    paragraphs = attribute_search.report(results, setting)
    tables.write(tmp_path / "table.md", paragraphs, record)
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == text
