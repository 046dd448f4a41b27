"""The part of every batch that one of several workers reads."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data import colorization, generation, unpaired
from small_images import noise

OPTIONS = {"batch_size": 6, "size": 8, "load_size": 10, "flip": True, "seed": 3}


def make_colorization():
    return colorization(noise(20, 10, 10, 3), **OPTIONS)


def make_unpaired():
    x, y = noise(20, 10, 10, 3), noise(9, 10, 10, 1, seed=1)
    return unpaired(x, y, **OPTIONS)


def make_generation():
    source = noise(20, 10, 10, 3), np.arange(20)
    return generation(source, batch_size=6, size=8, flip=True, labels=True)


@pytest.mark.parametrize("make", [make_colorization, make_unpaired, make_generation])
def test_shares_are_the_parts_of_every_batch(make):
    data = make()
    # In the middle of an epoch.
    data.position.assign(1)
    shares = [data.share(worker, 3) for worker in range(3)]
    batches = list(data)
    assert len(batches) == 2
    for whole, *parts in zip(batches, *shares, strict=True):
        parts = [tf.nest.flatten(part) for part in parts]
        for one, *of_one in zip(tf.nest.flatten(whole), *parts, strict=True):
            assert [len(part) for part in of_one] == [2, 2, 2]
            np.testing.assert_array_equal(one, np.concatenate(of_one))
    specs = tf.nest.flatten(shares[0].element_spec)
    assert all(spec.shape[0] == 2 for spec in specs)
    # What is made afterwards reads all.
    assert tf.nest.flatten(make().element_spec)[0].shape[0] == 6
