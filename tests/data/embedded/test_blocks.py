"""Tests of the arguments that all embedded sets share."""

import numpy as np
import pytest

from keras_gans.data import drawings, faces, handwritten_digits, street_digits

DRAWN = (drawings, faces, street_digits)


@pytest.mark.parametrize("load", [handwritten_digits, *DRAWN])
def test_split_is_validated(load):
    with pytest.raises(ValueError, match="`split` must be .*split='extra'"):
        load("extra")
    with pytest.raises(TypeError, match="`split` must be .*split=3"):
        load(3)


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
