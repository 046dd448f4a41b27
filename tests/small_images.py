"""Small images for tests of data, and what is found in their batches."""

import numpy as np
import tensorflow as tf


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype="uint8")


def numbered(count, size=2, channels=1):
    """Images that are filled with their own number."""
    numbers = np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)
    return np.tile(numbers, (1, size, size, channels))


def levels(batch):
    """The grey levels 0..255 of a batch."""
    return np.round((np.asarray(batch) + 1.0) * 127.5).astype("int64")


def numbers(batch):
    """The numbers of the images in a batch of `numbered`."""
    return levels(batch)[:, 0, 0, 0]


def assert_equal_batches(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for part, other_part in zip(
            tf.nest.flatten(one), tf.nest.flatten(other), strict=True
        ):
            np.testing.assert_array_equal(part, other_part)
