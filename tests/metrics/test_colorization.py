"""Scores of a colorizer, on colorizers whose scores are known."""

import numpy as np
import pytest

from keras_gans.data import draw_hints, extract_line_art
from keras_gans.metrics import (
    colorization_pairs,
    colorization_scores,
    colorize_batches,
    hint_error,
)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 24, 16, 3), "uint8")


def obedient(source):
    """Takes the colour of hints and is grey elsewhere."""
    _, colors, mask = source
    return np.asarray(mask * colors)


def grey(source):
    return np.zeros_like(source[1])


def test_pairs_are_those_of_the_data_and_all_have_hints(images):
    (line_art, colors, mask), target = colorization_pairs(images, seed=3)
    np.testing.assert_allclose(target, images / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(line_art, extract_line_art(target))
    expected = draw_hints(target, 3, probability=1.0)
    np.testing.assert_array_equal(colors, expected[0])
    np.testing.assert_array_equal(mask, expected[1])
    assert (mask.sum((1, 2, 3)) > 0).all()
    assert (mask != colorization_pairs(images, seed=4)[0][2]).any()


def test_scores_of_a_colorizer_that_does_nothing(images):
    scores = colorization_scores(grey, images)
    expected = np.abs(images / 127.5 - 1).mean((0, 1, 2))
    channels = [scores[f"l1_{channel}"] for channel in ("red", "green", "blue")]
    np.testing.assert_allclose(channels, expected, rtol=1e-5)
    for name in ("l1", "unaided_l1", "hinted_l1"):
        assert scores[name] == pytest.approx(expected.mean(), rel=1e-5)
    assert scores["hint_error"] == scores["unaided_hint_error"] > 0


def test_scores_of_a_colorizer_that_obeys(images):
    scores = colorization_scores(obedient, images, seed=1)
    (_, colors, mask), target = colorization_pairs(images, seed=1)
    assert scores["hint_error"] == 0
    dabs = [
        np.unique(part[place], axis=0)
        for part, place in zip(colors, mask[..., 0] > 0, strict=True)
    ]
    assert scores["unaided_hint_error"] == pytest.approx(
        np.abs(np.concatenate(dabs)).mean(), rel=1e-5
    )
    unaided, hinted = np.abs(target).mean(), np.abs(colors - target).mean()
    assert scores["unaided_l1"] == pytest.approx(unaided, rel=1e-5)
    assert scores["hinted_l1"] == pytest.approx(hinted, rel=1e-5)
    assert scores["l1"] == pytest.approx((unaided + hinted) / 2, rel=1e-5)


def test_batches_do_not_matter_and_hints_can_be_left_out(images):
    source, _ = colorization_pairs(images)
    sizes = []

    def model(batch):
        sizes.append(len(batch[0]))
        return obedient(batch)

    colored = colorize_batches(model, source, batch_size=2)
    assert sizes == [2, 2, 1]
    np.testing.assert_array_equal(colored, source[2] * source[1])
    assert not colorize_batches(model, source, hints=False).any()


def test_a_hint_is_compared_with_the_mean_under_it():
    colors, mask = np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4, 1))
    colors[0, :2, :2], mask[0, :2, :2] = 0.5, 1
    colors[0, 3, 3], mask[0, 3, 3] = -1, 1
    colored = np.full((1, 4, 4, 3), 9.0)
    # A line through the first dab, whose mean is right; the second is off by 0.3.
    colored[0, 0, :2], colored[0, 1, :2] = -0.5, 1.5
    colored[0, 3, 3] = -0.7
    assert hint_error(colored, colors, mask) == pytest.approx(0.15)
    assert hint_error(colors, colors, mask) == 0


def test_the_image_itself_obeys():
    images = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), "uint8")
    (_, colors, mask), target = colorization_pairs(images)
    # Not quite: a dab that another one overlaps shows the mean of the whole.
    assert hint_error(target, colors, mask) < 0.02 < hint_error(-target, colors, mask)
