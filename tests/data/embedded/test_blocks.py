"""Tests of the arguments that all embedded sets share."""

import numpy as np
import pytest

from keras_gans.data import drawings, faces, handwritten_digits, street_digits
from keras_gans.data.embedded.blocks import drawn_once

DRAWN = (drawings, faces, street_digits)


@pytest.mark.parametrize("load", [handwritten_digits, *DRAWN])
def test_split_is_validated(load):
    with pytest.raises(ValueError, match="`split` must be .*split='extra'"):
        load("extra")
    with pytest.raises(TypeError, match="`split` must be .*split=3"):
        load(3)


@pytest.mark.parametrize("load", DRAWN)
def test_same_seed_same_images_other_seed_others(load):
    first, again, other = (load(count=30, seed=seed) for seed in (5, 5, 6))
    for part, same in zip(first[:2], again[:2], strict=True):
        np.testing.assert_array_equal(part, same)
    images = np.concatenate([first[0], other[0]])
    assert len(np.unique(images.reshape(60, -1), axis=0)) == 60
    assert load is drawings or np.any(first[1] != other[1])


@pytest.mark.parametrize(
    "load",
    [
        # The others take longer, and go through the same blocks.
        pytest.param(load, marks=() if load is street_digits else pytest.mark.slow)
        for load in DRAWN
    ],
)
def test_smaller_count_is_the_start_and_train_the_default(load):
    whole = load("train", count=257)
    for count in (1, 33, 64, 107, 250):
        for part, fewer in zip(whole[:2], load(count=count)[:2], strict=True):
            np.testing.assert_array_equal(fewer, None if part is None else part[:count])


@pytest.mark.parametrize("load", DRAWN)
def test_count_and_seed_are_validated(load):
    for count in (0, -5):
        with pytest.raises(ValueError, match=f"`count` must be a pos.*count={count}"):
            load(count=count)
    with pytest.raises(ValueError, match="`seed` must be zero or a pos.*seed=-1"):
        load(seed=-1)
    for wrong in (2.0, "2", True):
        with pytest.raises(TypeError, match="`count` must be a positive integer"):
            load(count=wrong)
        with pytest.raises(TypeError, match="`seed` must be zero or a positive"):
            load(seed=wrong)
    with pytest.raises(TypeError, match="`seed` must be"):
        load(seed=None)
    assert len(load(count=np.int64(2), seed=np.int32(1))[0]) == 2


def test_the_usual_set_is_drawn_once():
    calls = []

    @drawn_once
    def squares(split="train", count=None, seed=0):
        calls.append((split, count, seed))
        return np.zeros((2, 2), "uint8"), None

    first, _ = squares()
    first += 1  # Whoever changes what was returned changes a copy.
    images, labels = squares("train")
    assert not images.any() and labels is None
    squares("test")
    squares("test", seed=0)
    squares("test", 1)
    assert calls == [
        ("train", None, 0),
        ("test", None, 0),
        ("test", None, 0),
        ("test", 1, 0),
    ]
    with pytest.raises(ValueError, match="`split` must be"):
        squares("validation")
    with pytest.raises(TypeError, match="`split` must be the string"):
        squares(["train"])
