"""Tests of the pipeline of image generation: batches, labels, order and errors."""

import importlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data import generation, handwritten_digits

# `keras_gans.data.generation` is the function; this is the module around it.
pipeline = importlib.import_module("keras_gans.data.generation")


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
    return levels(batch)[:, 0, 0, 0]


def assert_equal_batches(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for part, other_part in zip(
            tf.nest.flatten(one), tf.nest.flatten(other), strict=True
        ):
            np.testing.assert_array_equal(part, other_part)


# Values ----------------------------------------------------------------------------


def test_scaling_is_exact():
    every_level = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    batch = next(iter(generation(every_level, batch_size=1, flip=False)))
    expected = every_level.astype("float32") / np.float32(127.5) - np.float32(1.0)
    assert batch.dtype == tf.float32
    np.testing.assert_array_equal(batch, expected)


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


def test_cache_is_uint8():
    images = noise(9, 16, 16, 3)
    data = generation((images, np.arange(9)), batch_size=2, labels=True)
    captured = data._input_dataset._map_func.function.captured_inputs
    kept = [tensor for tensor in captured if tensor.dtype != tf.resource]
    (cached,) = [tensor for tensor in kept if tensor.shape.rank == 4]
    assert cached.dtype == tf.uint8
    np.testing.assert_array_equal(cached, images)
    assert sum(np.asarray(tensor).nbytes for tensor in kept) < images.nbytes + 200


# Labels ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_stay_with_their_images(dtype):
    own = (np.arange(40) * 7 % 11).astype(dtype)
    data = generation((numbered(40), own), batch_size=3, labels=True, flip=False)
    for _ in range(3):
        for images, labels in data:
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
    with pytest.raises(ValueError, match=rf"from 0 on.*from {min(own)} to {max(own)}"):
        generation(source, batch_size=2, labels=True)


# Order -----------------------------------------------------------------------------


def test_a_pass_holds_every_image_once():
    # Three does not divide ten: batches lie across the passes' borders, and so do the
    # epochs, whose remainder comes first in the next one.
    data = generation(numbered(10), batch_size=3)
    assert len(data) == data.steps_per_epoch == int(data.cardinality()) == 3
    order = np.concatenate([numbers(batch) for _ in range(20) for batch in data])
    passes = order.reshape(18, 10)
    np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(10), (18, 1)))
    assert len(np.unique(passes, axis=0)) == 18


@pytest.mark.parametrize("steps_per_epoch, expected", [(None, 3), (8, 8), (1, 1)])
def test_steps_per_epoch(steps_per_epoch, expected):
    data = generation(numbered(10), batch_size=3, steps_per_epoch=steps_per_epoch)
    for _ in range(2):
        assert len(list(data)) == len(data) == data.steps_per_epoch == expected


def labelled(seed=0, **options):
    source = noise(10, 9, 9), np.arange(10)
    return generation(source, batch_size=3, labels=True, seed=seed, **options)


@pytest.mark.parametrize("seed", [0, -1, np.int32(5), 2**40])
def test_seed_alone_decides(seed):
    data = labelled(seed)
    expected = [batch for _ in range(2) for batch in data]
    assert data.seed == seed
    tf.random.set_seed(99)
    keras.utils.set_random_seed(98)
    data = labelled(int(seed))
    assert_equal_batches([batch for _ in range(2) for batch in data], expected)


@pytest.mark.parametrize("flip", [False, True])
def test_other_seed(flip):
    order = {}
    for seed in (0, 1, -1, 2**32):
        data = generation(numbered(100), batch_size=100, seed=seed, flip=flip)
        order[seed] = numbers(next(iter(data)))
    for seed in (1, -1, 2**32):
        assert (order[0] == order[seed]).mean() < 0.1


def test_threads_change_nothing():
    options = tf.data.Options()
    options.threading.private_threadpool_size = 8
    data = labelled(steps_per_epoch=40)
    make_batch = data._input_dataset._map_func.function
    expected = list(tf.data.Dataset.range(40).map(make_batch))
    assert_equal_batches(data.with_options(options), expected)


def test_every_position_continues_exactly():
    data = labelled(steps_per_epoch=4)
    whole = [batch for _ in range(4) for batch in data]
    assert len(whole) == 16 and int(data.position) == 16
    other = labelled(steps_per_epoch=4)  # As in another process.
    for position in np.random.default_rng(0).permutation(12):
        other.position.assign(position)
        end = (position // 4 + 1) * 4
        assert_equal_batches(other, whole[position:end])
        assert int(other.position) == end
        assert_equal_batches(other, whole[end : end + 4])


# Flips -----------------------------------------------------------------------------


def mirrored(batch):
    """Which images of a rising ramp fall."""
    return np.asarray(batch[:, 0, 0, 0] > batch[:, 0, -1, 0])


@pytest.mark.parametrize(
    "source, flip, expected",
    [
        ("array", None, True),
        ("photos", None, True),
        ("cycle_gan/maps:trainA", None, True),
        ("digits", None, False),
        ("mnist", None, False),
        ("svhn_cropped:extra", None, False),
        ("mnist", True, True),
        ("array", False, False),
    ],
)
def test_flip(monkeypatch, source, flip, expected):
    ramp = np.tile(np.arange(8, dtype="uint8"), (100, 8, 1))[..., np.newaxis]
    monkeypatch.setattr(pipeline, "load_images", lambda *_, **__: (ramp, None))
    source = ramp if source == "array" else source
    for batch in generation(source, batch_size=100, flip=flip, steps_per_epoch=3):
        count = mirrored(batch).sum()
        assert 30 <= count <= 70 if expected else count == 0


def test_flips_are_drawn_anew():
    ramp = np.tile(np.arange(8, dtype="uint8"), (40, 8, 1))
    data = generation(ramp, batch_size=40, steps_per_epoch=2)
    drawn = np.stack([mirrored(batch) for _ in range(4) for batch in data])
    assert len(np.unique(drawn, axis=0)) == 8


# Training --------------------------------------------------------------------------


def test_fit():
    data = generation((noise(10, 4, 4), np.arange(10)), batch_size=3, labels=True)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(data, epochs=2, verbose=0, shuffle=False)
    assert int(data.position) == 6


# Errors ----------------------------------------------------------------------------

IMAGES = noise(4, 8, 8, 1)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"batch_size": 0}, ValueError, "`batch_size` must be a pos.*batch_size=0"),
        ({"batch_size": 2.0}, ValueError, "`batch_size` must be a positive integer"),
        ({"batch_size": True}, ValueError, "`batch_size` must be a positive integer"),
        ({"steps_per_epoch": 0}, ValueError, "`steps_per_epoch` must be a positive"),
        ({"seed": None}, TypeError, "`seed` must be an integer.*seed=None"),
        ({"size": 0}, ValueError, "size must be a positive integer.*0"),
        ({"channels": 2}, ValueError, "`channels` must be 1 or 3.*channels=2"),
        ({"channels": (1, 3)}, ValueError, "`channels` must be 1 or 3"),
        ({"labels": np.arange(4)}, TypeError, r"`labels`.*`source=\(images, labels\)`"),
        ({"labels": None}, TypeError, "`labels` must be True or False"),
    ],
)
def test_options_are_checked_before_images_are_read(
    monkeypatch, options, error, message
):
    def read(*_, **__):
        raise AssertionError("Images were read.")

    monkeypatch.setattr(pipeline, "load_images", read)
    with pytest.raises(error, match=message):
        generation("photos", **options)


@pytest.mark.parametrize(
    "source, error, message",
    [
        (IMAGES[:3], ValueError, "`source` holds 3 images, fewer.*batch_size=4"),
        ("no/folder", FileNotFoundError, "`source`: there is no folder 'no/folder'"),
        ("mnits", ValueError, "`source`.*Did you mean 'mnist'"),
        (IMAGES.astype("int32"), TypeError, "`source`.*int32"),
        ((IMAGES, [1, 2]), ValueError, "`source`.*4 images and 2 labels"),
    ],
)
def test_source_errors(source, error, message):
    with pytest.raises(error, match=message):
        generation(source, batch_size=4)


def test_folder(tmp_path):
    for index in range(2):
        path = tmp_path / f"{index}.png"
        keras.utils.save_img(path, noise(8, 8, 3), scale=False)
    (tmp_path / "broken.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match="broken.jpg"):
        data = generation(tmp_path, batch_size=2, size=4, channels=1)
    assert data.element_spec.shape == (2, 4, 4, 1)
    with pytest.raises(ValueError, match="broken.jpg"):
        generation(tmp_path, batch_size=2, size=8, strict=True)
    (tmp_path / "broken.jpg").unlink()
    with pytest.raises(ValueError, match="max_pixels=63"):
        generation(tmp_path, batch_size=2, size=8, strict=True, max_pixels=63)
