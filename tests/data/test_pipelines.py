"""Tests of the rules that every pipeline keeps, whatever it makes of the images."""

import argparse

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_images import assert_equal_batches, levels, noise

import keras_gans
from keras_gans import data
from keras_gans.cli.common import files_of
from keras_gans.cli.evaluate_folder import _Side
from keras_gans.data import batches
from keras_gans.data.images import decode_image, load_folder

NAMES = ("unpaired", "generation", "paired", "colorization", "attributes")
CROPPING = ("unpaired", "paired", "colorization")


def numbered(count, size=2):
    """Images that are filled with their own number."""
    numbers = np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)
    return np.tile(numbers, (1, size, size, 3))


def ramps(count):
    return np.tile(np.arange(8, dtype="uint8")[:, np.newaxis], (count, 8, 1, 3))


def make(name, images=None, **options):
    """Makes a pipeline of colour images, or of small noise, alone or in pairs."""
    if images is None:
        images = noise(10, 9, 9, 3)
        if name in CROPPING:
            options = {"size": 6, "load_size": 9} | options
    if not isinstance(images, np.ndarray):
        source = (images,) if name != "unpaired" else (images, images)
    elif name in ("unpaired", "paired"):
        source = images, images[::-1]
    elif name == "colorization":
        source = (images,)
    elif name == "generation":
        source = ((images, np.arange(len(images))),)
        options = {"labels": True} | options
    else:
        labels = np.arange(len(images))[:, np.newaxis] >> np.arange(7) & 1
        source = ((images, labels, list("ABCDEFG")),)
        options = {"split": None} | options
    return getattr(keras_gans.data, name)(*source, **{"batch_size": 3} | options)


def pictures(name, batch):
    """The images of a batch."""
    if name in ("unpaired", "paired"):
        return list(batch)
    return [batch[1] if name == "colorization" else batch[0]]


def numbers(name, batch):
    return levels(pictures(name, batch)[0])[:, 0, 0, 0]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


# What all have from their base class, on that of domains and the one that draws most.
by_rule = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=() if name in ("unpaired", "colorization") else pytest.mark.slow
        )
        for name in NAMES
    ],
)


# Values ----------------------------------------------------------------------------


def test_scaling_is_exact(name):
    every_level = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1).repeat(3, -1)
    data = make(name, every_level, batch_size=1, flip=False)
    expected = every_level.astype("float32") / np.float32(127.5) - np.float32(1.0)
    assert expected.min() == -1.0 and expected.max() == 1.0
    for batch in pictures(name, next(iter(data))):
        assert batch.dtype == tf.float32
        np.testing.assert_array_equal(batch, expected)


def test_cache_is_uint8(name):
    images = noise(9, 16, 16, 3)
    sizes = {"size": 8, "load_size": 16} if name in CROPPING else {}
    data = make(name, images, batch_size=2, **sizes)
    function = data._input_dataset._map_func.function
    # Of tensors that are captured themselves, `tf.data` would make a copy.
    captured = function.captured_inputs
    assert all(one.dtype == tf.resource or one.shape.rank == 0 for one in captured)
    kept = [variable.value() for variable in function.graph.variables]
    cached = [tensor for tensor in kept if tensor.shape.rank == 4]
    assert {tensor.dtype for tensor in cached} == {tf.uint8}
    np.testing.assert_array_equal(cached[0][..., :3], images)
    size = sum(np.asarray(tensor).nbytes for tensor in kept)
    images_of_a_sample = 2 if name in ("unpaired", "paired") else 1
    assert size < images_of_a_sample * images.nbytes + 200


@by_rule
def test_rectangles(name):
    images = noise(6, 12, 20, 3)
    for batch in pictures(name, next(iter(make(name, images, size=(10, 14))))):
        assert batch.shape == (3, 10, 14, 3)
    if name in CROPPING:
        # Crops of the stored size, here the images' own.
        data = make(name, images, size=(10, 14), load_size=(12, 20), flip=False)
        crops = np.lib.stride_tricks.sliding_window_view(images, (10, 14), (1, 2))
        crops = np.moveaxis(crops, 3, -1).reshape(-1, 10, 14, 3)
        for image in levels(pictures(name, next(iter(data)))[0]):
            assert (image == crops).all(axis=(1, 2, 3)).sum() == 1


# Order -----------------------------------------------------------------------------


@by_rule
def test_a_pass_holds_every_image_once(name):
    # Three does not divide ten: batches lie across the passes' borders, and so do the
    # epochs, whose remainder comes first in the next one.
    data = make(name, numbered(10))
    assert len(data) == data.steps_per_epoch == int(data.cardinality()) == 3
    order = np.concatenate([numbers(name, batch) for batch in data.repeat(10)])
    passes = order.reshape(9, 10)
    np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(10), (9, 1)))
    assert len(np.unique(passes, axis=0)) == 9


@by_rule
@pytest.mark.parametrize("steps_per_epoch", [1, np.int64(8)])
def test_steps_per_epoch(name, steps_per_epoch):
    data = make(name, numbered(10), steps_per_epoch=steps_per_epoch)
    for _ in range(2):
        assert len(list(data)) == len(data) == data.steps_per_epoch == steps_per_epoch


@by_rule
def test_seed_alone_decides(name):
    seed = -(2**40)
    data = make(name, seed=seed)
    expected = list(data.repeat(2))
    keras.utils.set_random_seed(98)
    data = make(name, seed=np.int64(seed))
    assert data.seed == seed
    assert_equal_batches(data.repeat(2), expected)
    other = pictures(name, next(iter(make(name, seed=seed + 1))))
    for part, other_part in zip(pictures(name, expected[0]), other, strict=True):
        assert not np.array_equal(part, other_part)


@by_rule
def test_threads_change_nothing(name):
    # The same batches made one after another, without parallel calls.
    data = make(name, steps_per_epoch=20)
    make_batch = data._input_dataset._map_func.function
    expected = list(tf.data.Dataset.range(20).map(make_batch))
    for threads in (1, 8):
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        options.threading.max_intra_op_parallelism = threads
        data.position.assign(0)
        assert_equal_batches(data.with_options(options), expected)


@pytest.mark.parametrize("name", [
    # The position is that of the base class, whatever is made there.
    pytest.param(name, marks=() if name == "unpaired" else pytest.mark.slow)
    for name in NAMES
])  # fmt: skip
def test_every_position_continues_exactly(name):
    data = make(name, steps_per_epoch=4)
    whole = list(data.repeat(4))
    # Whoever looks sees the same epoch.
    assert_equal_batches(data, whole[:4])
    assert len(whole) == 16 and int(data.position) == 0
    other = make(name, steps_per_epoch=4)  # As in another process.
    for position in (5, 0, 11, 7):
        other.position.assign(position)
        end = (position // 4 + 1) * 4
        assert_equal_batches(other, whole[position:end])
        assert int(other.position) == position
        assert_equal_batches(
            other.repeat().take(end + 4 - position), whole[position : end + 4]
        )


# Flips -----------------------------------------------------------------------------


@by_rule
@pytest.mark.parametrize("flip, expected", [({}, True), ({"flip": False}, False)])
def test_flip(name, flip, expected):
    data = make(name, ramps(60), batch_size=60, steps_per_epoch=4, **flip)
    parts = [part for batch in data for part in pictures(name, batch)]
    drawn = [levels(part)[:, 0, 0, 0] == 7 for part in parts]
    share = np.mean(drawn)
    assert 0.3 < share < 0.7 if expected else share == 0
    if expected and name != "paired":  # They are drawn anew in every batch.
        assert len(np.unique(drawn, axis=0)) == len(drawn)


@pytest.mark.parametrize("name", [
    "unpaired",
    pytest.param("generation", marks=pytest.mark.slow),
    pytest.param("colorization", marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize(
    "source, flip, expected",
    [
        ("photos", None, True),
        ("cycle_gan/maps:trainA", None, True),
        ("digits", None, False),
        ("street_digits", None, False),
        ("mnist", None, False),
        ("svhn_cropped:extra", None, False),
        ("mnist", True, True),
    ],
)
def test_digits_are_not_flipped(monkeypatch, name, source, flip, expected):
    monkeypatch.setattr(batches, "load_images", lambda *_: (ramps(60), None))
    (batch,) = make(name, source, batch_size=60, flip=flip)
    images = batch if name == "generation" else pictures(name, batch)[0]
    mirrored = levels(images)[:, 0, 0, 0] == 7
    assert 15 <= mirrored.sum() <= 45 if expected else not mirrored.any()


# Errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"batch_size": 0}, ValueError, "`batch_size` must be a pos.*batch_size=0"),
        ({"batch_size": -2}, ValueError, "`batch_size` must be a positive integer"),
        ({"batch_size": 2.0}, ValueError, "`batch_size` must be a positive integer"),
        ({"batch_size": True}, ValueError, "`batch_size` must be a positive integer"),
        ({"steps_per_epoch": 0}, ValueError, "`steps_per_epoch` must be a positive"),
        ({"steps_per_epoch": 1.5}, ValueError, "`steps_per_epoch` must be a positive"),
        ({"seed": 1.0}, TypeError, "`seed` must be an integer.*seed=1.0"),
        ({"seed": None}, TypeError, "`seed` must be an integer.*seed=None"),
        ({"seed": True}, TypeError, "`seed` must be an integer.*seed=True"),
        ({"size": 0}, ValueError, "`size` must be a positive integer.*size=0"),
        ({"size": (8, 0)}, ValueError, r"`size` must be.*size=\(8, 0\)"),
    ],
)
def test_options_are_checked_before_images_are_read(name, options, error, message):
    with pytest.raises(error, match=message):
        make(name, "no/folder", **options)


@pytest.mark.parametrize("name", CROPPING)
@pytest.mark.parametrize(
    "options, message",
    [
        ({"load_size": 9}, "`size` must be given with `load_size`"),
        ({"size": 8, "load_size": "9"}, "`load_size` must be a positive integer.*'9'"),
        ({"size": 8, "load_size": 7}, "not be smaller.*load_size=7, size=8"),
        ({"size": (4, 8), "load_size": 7}, "must not be smaller"),
        ({"size": (8, 4), "load_size": 7}, "must not be smaller"),
    ],
)
def test_load_size_is_checked(name, options, message):
    with pytest.raises(ValueError, match=message):
        make(name, "no/folder", **options)


@pytest.mark.parametrize("name", ["unpaired", "generation", "colorization"])
def test_strict_and_max_pixels_reach_the_folders(name, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        folder.mkdir()
        for index in range(3):
            path = folder / f"{index}.png"
            keras.utils.save_img(path, noise(8, 8, 3), scale=False)
    (bad / "broken.jpg").write_bytes(b"")
    with pytest.warns(match="broken.jpg"), pytest.warns(match="1 of 4 image files"):
        assert len(make(name, bad, size=8)) == 1
    with pytest.raises(ValueError, match="broken.jpg"):
        make(name, bad, size=8, strict=True)
    with pytest.raises(ValueError, match="max_pixels=63"):
        make(name, good, size=8, strict=True, max_pixels=63)


def test_fewer_images_than_a_batch(name):
    with pytest.raises(ValueError, match="holds 4 .*, fewer than batch_size=5"):
        make(name, noise(4, 8, 8, 3), batch_size=5)


def test_every_reader_finds_the_same_files(tmp_path):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    images = noise(3, 8, 8, 3)
    for path, image, kind in zip(
        (elsewhere / "a.jfif", folder / "phone", folder / "scan.tif"),
        images,
        ("PNG", "WebP", "TIFF"),
        strict=True,
    ):
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path, kind, lossless=True)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "notes.txt").write_text("no image")
    names = "linked/a.jfif", "phone", "scan.tif"
    attributes = tmp_path / "attributes.txt"
    lines = [f"{name} {(-1) ** number}" for number, name in enumerate(names)]
    attributes.write_text("\n".join(["3", "Smiling", *lines]) + "\n")
    verb = argparse.Namespace(input=folder, output=tmp_path / "out")
    side = argparse.Namespace(images=[folder], shard=None, size=None)

    def read(files):
        return [decode_image(path) for path in files]

    for reader in (
        lambda: load_folder(folder, 8),
        lambda: levels(
            next(iter(data.paired(folder, folder, 3, size=8, flip=False)))[0]
        ),
        lambda: data.load_attributes(folder, attributes, size=8, split=None)[0],
        lambda: read(files_of(verb)[0]),
        lambda: read(_Side("images", side).files),
    ):
        with pytest.warns(UserWarning, match=r"1 file is not used.*1 x \.txt"):
            found = np.asarray(reader())
        order = np.lexsort(found.reshape(3, -1).T[::-1])
        expected = images[np.lexsort(images.reshape(3, -1).T[::-1])]
        np.testing.assert_array_equal(found[order], expected)
