"""Scores of edited attributes, with editors and classifiers that are known."""

import types

import numpy as np
import pytest

from keras_gans.metrics import attribute_scores, train_classifier
from keras_gans.models.attribute_choices import AttributeChoices

NAMES = ("Smiling", "Black_Hair", "Blond_Hair")
SIZE = 20
LOW, HIGH = 0, 255


class Editor:
    """In the place of a model: paints attributes into rows of the middle.

    Row k of the middle four columns shows attribute k, as far as it is obeyed.
    """

    attribute_names = NAMES
    choices = AttributeChoices(NAMES, [NAMES[1:]])

    def __init__(self, obeys=(1, 1, 1), spoils=0.0, mask=True):
        self.obeys, self.spoils, self.mask = np.bool_(obeys), spoils, mask

    def translate(self, images, attributes):
        assert images.dtype == attributes.dtype == np.float32
        assert len(images) == len(attributes)
        before = images[:, 8:11, 8, 0] > 0
        painted = np.where(self.obeys, attributes, before)
        edited = images + np.float32(self.spoils)
        edited[:, 8:11, 8:12] = 2 * painted[:, :, None, None] - 1
        mask = np.zeros((*images.shape[:3], 1), "float32")
        mask[:, 8:11, 8:12] = 1
        return (edited, mask, edited) if self.mask else (edited,)


class Reader:
    """In the place of a classifier: reads what `Editor` paints."""

    def predict(self, images, batch_size, verbose):
        assert images.dtype == np.uint8
        return images[:, 8:11, 8, 0].astype("float32") - 127.5


def images_of(attributes):
    images = np.full((len(attributes), SIZE, SIZE, 3), 100, "uint8")
    images[:, 8:11, 8:12] = 255 * np.array(attributes, "uint8")[:, :, None, None]
    return images


#             Smiling, Black, Blond
ATTRIBUTES = [[0, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]]
IMAGES = images_of(ATTRIBUTES)


def score(editor=None, attributes=ATTRIBUTES, **options):
    return attribute_scores(editor or Editor(), IMAGES, attributes, Reader(), **options)


def test_a_perfect_editor():
    scores = score()
    assert all(type(value) is float for value in scores.values())
    assert scores["target_accuracy"] == scores["preservation_accuracy"] == 1
    assert scores["classifier_accuracy"] == 1
    assert scores["background_l1"] == scores["border_l1"] == 0
    assert scores["mask_share"] == pytest.approx(12 / 400)
    assert {name for name in scores if "/" in name} == {
        f"target_accuracy/{name}" for name in NAMES
    }


def test_what_is_not_obeyed():
    # Smiling: 4 edits. Black: given to 3, blond to 3; neither is taken away alone.
    scores = score(Editor(obeys=(0, 1, 1)))
    assert scores["target_accuracy/Smiling"] == 0
    assert scores["target_accuracy/Black_Hair"] == 1
    assert scores["target_accuracy"] == pytest.approx(6 / 10)
    # Two are to smile, two to stop smiling, and six are given a colour.
    assert scores["given_accuracy"] == pytest.approx(6 / 8)
    assert scores["removed_accuracy"] == 0
    # Where all lack the attributes there is nothing to take away.
    none = score(attributes=[[0, 0, 0]] * 4)
    assert "given_accuracy" in none and "removed_accuracy" not in none
    assert scores["preservation_accuracy"] == 1
    scores = score(Editor(obeys=(1, 0, 1)))
    assert scores["target_accuracy/Black_Hair"] == 0
    assert scores["target_accuracy"] == pytest.approx(7 / 10)


def test_what_is_not_kept():
    class Careless(Editor):
        """Makes everyone smile."""

        def translate(self, images, attributes):
            smiling = np.maximum(attributes, np.float32([[1, 0, 0]]))
            return super().translate(images, smiling)

    scores = score(Careless())
    # Two of the four edits of Smiling take it away, and of the 14 others kept, those
    # of hair must keep Smiling (6 times, of which 3 had it) and those of Smiling hair.
    assert scores["target_accuracy/Smiling"] == 1 / 2
    smiling_kept = np.mean([attributes[0] for attributes in edited_hair()])
    expected = (smiling_kept * 6 + 8) / 14
    assert scores["preservation_accuracy"] == pytest.approx(expected)


def edited_hair():
    return [row for place in (1, 2) for row in ATTRIBUTES if row[place] == 0]


def test_other_pixels_are_compared():
    scores = score(Editor(spoils=0.1))
    assert scores["background_l1"] == pytest.approx(0.05, abs=1e-4)
    assert scores["border_l1"] == pytest.approx(0.05, abs=1e-4)
    assert scores["change_l1"] > 0.05
    border = score(Editor(), border=9)["border_l1"]
    assert border > 0  # reaches into the edited part
    # As far as two images are from each other there is nothing left.
    floats = IMAGES / 127.5 - 1
    apart = np.abs(floats - floats[[-1, 0, 1, 2]]).mean() / 2
    assert scores["change_l1"] > apart and scores["likeness"] == 0
    spotless = score()
    expected = 1 - spotless["change_l1"] / apart
    assert spotless["likeness"] == pytest.approx(expected, abs=1e-5) and expected > 0.1
    unmasked = score(Editor(mask=False))
    assert "background_l1" not in unmasked and "mask_share" not in unmasked


def test_the_classifier_is_judged_by_the_real_images():
    wrong = [[1 - row[0], *row[1:]] for row in ATTRIBUTES]
    assert score(attributes=wrong)["classifier_accuracy"] == pytest.approx(2 / 3)


def test_a_single_attribute_has_nothing_to_preserve():
    editor = types.SimpleNamespace(
        attribute_names=NAMES[:1],
        choices=AttributeChoices(NAMES[:1]),
        translate=lambda images, attributes: (images,),
    )
    reader = types.SimpleNamespace(
        predict=lambda images, batch_size, verbose: np.ones((len(images), 1))
    )
    scores = attribute_scores(editor, IMAGES, [[0]] * 4, reader)
    assert scores["target_accuracy"] == scores["preservation_accuracy"] == 1


def test_attributes_of_another_shape():
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 2\)"):
        score(attributes=[[0, 1]] * 4)


def test_a_classifier_of_several_attributes():
    random = np.random.default_rng(0)
    attributes = random.integers(0, 2, (64, 2)).astype("uint8")
    images = np.zeros((64, 8, 8, 3), "uint8")
    images[..., :2] = 255 * attributes[:, None, None]
    classifier = train_classifier(images, attributes, steps=12, batch_size=32)
    logits = classifier.predict(images, verbose=0)
    np.testing.assert_array_equal(logits > 0, attributes)
