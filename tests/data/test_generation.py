"""Tests of the pipeline of image generation: batches, labels, order and errors."""

import numpy as np
import pytest
import tensorflow as tf
from small_images import assert_equal_batches, levels, noise, numbered, numbers

from keras_gans.data import batches, generation, handwritten_digits

# Values ----------------------------------------------------------------------------


@pytest.mark.parametrize("channels, expected", [(None, 3), (3, 3), (1, 1)])
def test_shapes(channels, expected):
    photos = noise(6, 8, 10, 3), np.arange(6)
    data = generation(photos, batch_size=4, channels=channels)
    image_spec = tf.TensorSpec([4, 8, 10, expected], tf.float32)
    assert data.element_spec == image_spec
    data = generation(photos, batch_size=4, channels=channels, labels=True)
    assert data.element_spec == (image_spec, tf.TensorSpec([4], tf.int32))
    data = generation(photos, batch_size=4, channels=channels, size=(5, 6))
    assert data.element_spec.shape == (4, 5, 6, expected)


# Labels ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_stay_with_their_images(dtype):
    own = (np.arange(40) * 7 % 11).astype(dtype)
    data = generation((numbered(40), own), batch_size=3, labels=True, flip=False)
    for images, labels in data.repeat(3):
        assert labels.dtype == tf.int32
        np.testing.assert_array_equal(labels, own[numbers(images)])
    assert data.classes == 11


def test_classes():
    images = noise(3, 4, 4)
    for own, classes in (([0, 0, 0], 1), ([0, 4, 2], 5), ([0, 1, 1], 2)):
        data = generation((images, own), batch_size=1, labels=True)
        assert data.classes == classes and type(data.classes) is int
    assert generation((images, [0, 4, 2]), batch_size=1).classes is None


def test_labels_do_not_change_the_images():
    source = noise(10, 4, 4), np.arange(10)
    plain = generation(source, batch_size=3)
    labelled = generation(source, batch_size=3, labels=True)
    assert_equal_batches(plain, [images for images, _ in labelled])


def test_embedded_digits():
    images, own = handwritten_digits("train")
    data = generation("digits", labels=True)
    assert len(data) == 1497 // 64 and data.classes == 10
    batch, labels = next(iter(data))
    for image, label in zip(levels(batch), labels, strict=True):
        same = (image == images).all(axis=(1, 2, 3))  # Not mirrored, either.
        assert label in own[same]


@pytest.mark.parametrize(
    "source",
    [noise(4, 8, 8), tf.data.Dataset.from_tensor_slices(noise(4, 8, 8, 3))],
    ids=["array", "dataset"],
)
def test_source_without_labels(source):
    assert len(generation(source, batch_size=2)) == 2
    with pytest.raises(ValueError, match="`source` has no labels.*`labels=False`"):
        generation(source, batch_size=2, labels=True)


@pytest.mark.parametrize("own", [[0, -1, 1, 2], [-(2**40), 0, 0, 0], [2**31, 0, 0, 0]])
def test_labels_out_of_range(own):
    source = noise(4, 8, 8), own
    generation(source, batch_size=2)
    with pytest.raises(ValueError, match=rf"negative.*from {min(own)} to {max(own)}"):
        generation(source, batch_size=2, labels=True)


# Errors ----------------------------------------------------------------------------

IMAGES = noise(4, 8, 8, 1)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"channels": 2}, ValueError, "`channels` must be None, 1 or 3.*channels=2"),
        ({"channels": (1, 3)}, ValueError, "`channels` must be None, 1 or 3"),
        ({"labels": np.arange(4)}, TypeError, r"`labels`.*`source=\(images, labels\)`"),
        ({"labels": None}, TypeError, "`labels` must be True or False"),
    ],
)
def test_options_are_checked_before_images_are_read(
    monkeypatch, options, error, message
):
    def read(*_, **__):
        raise AssertionError("Images were read.")

    monkeypatch.setattr(batches, "load_images", read)
    with pytest.raises(error, match=message):
        generation("photos", **options)
