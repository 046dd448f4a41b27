"""Tests of the paired pipeline: what belongs together stays together, and errors."""

import importlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from small_images import assert_equal_batches, levels, noise

from keras_gans.data import paired

# `keras_gans.data.paired` is the function; this is the module around it.
pipeline = importlib.import_module("keras_gans.data.paired")


def save(folder, name, image):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.save_img(path, image, scale=False)


# Values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "channels, expected", [(None, (1, 3)), (1, (1, 1)), (3, (3, 3)), ((3, 1), (3, 1))]
)
def test_channels_of_arrays(channels, expected):
    data = paired(noise(4, 6, 5, 1), noise(4, 6, 5, 3), 2, channels=channels)
    assert data.element_spec == tuple(
        tf.TensorSpec([2, 6, 5, count], tf.float32) for count in expected
    )


def test_crop_and_flip_are_alike_and_pairs_stay_together():
    # The target is the negative of the source in every channel.
    source = noise(7, 12, 14, 1)
    target = 255 - np.repeat(source, 3, axis=-1)
    data = paired(source, target, 3, load_size=(12, 14), size=8, steps_per_epoch=40)
    seen = set()
    for x, y in data:
        np.testing.assert_array_equal(levels(y), np.repeat(255 - levels(x), 3, -1))
        for crop in levels(x)[..., 0]:
            (place,) = [
                (number, top, left, step)
                for number, image in enumerate(source[..., 0])
                for top in range(5)
                for left in range(7)
                for step in (1, -1)
                if np.array_equal(
                    image[top : top + 8, left : left + 8][:, ::step], crop
                )
            ]
            seen.add(place)
    numbers, tops, lefts, steps = map(set, zip(*seen, strict=True))
    assert (len(numbers), len(tops), len(lefts), len(steps)) == (7, 5, 7, 2)


# Layouts ---------------------------------------------------------------------------


def test_side_by_side_arrays():
    a, b = noise(4, 6, 5, 3), noise(4, 6, 5, 3, seed=1)
    pictures = np.concatenate([a, b], axis=2)
    options = {"batch_size": 2, "flip": False}
    expected = list(paired(a, b, **options))
    assert_equal_batches(paired(pictures, **options), expected)
    floats = pictures.astype("float32") / 127.5 - 1.0
    assert_equal_batches(paired(floats, **options), expected)
    dataset = tf.data.Dataset.from_tensor_slices(pictures)
    assert_equal_batches(paired(dataset, **options), expected)
    reverse = paired(pictures, direction="ba", **options)
    assert_equal_batches(reverse, [(y, x) for x, y in expected])
    grey = paired(pictures, channels=(1, 3), **options)
    assert [spec.shape[-1] for spec in grey.element_spec] == [1, 3]


def test_side_by_side_folder(tmp_path):
    a, b = noise(3, 8, 6, 3), noise(3, 8, 6, 3, seed=1)
    for index, picture in enumerate(np.concatenate([a, b], axis=2)):
        save(tmp_path, f"{index}.png", picture)
    options = {"batch_size": 3, "flip": False}
    expected = list(paired(a, b, **options))
    assert_equal_batches(paired(tmp_path, size=(8, 6), **options), expected)
    reverse = paired(str(tmp_path), size=(8, 6), direction="ba", **options)
    assert_equal_batches(reverse, [(y, x) for x, y in expected])
    # Luma as everywhere in the toolkit, of one half alone.
    mixed = list(paired(tmp_path, size=(8, 6), channels=(1, 3), **options))
    luma = (expected[0][0] + 1.0) * 127.5 @ np.array([[0.299], [0.587], [0.114]], "f")
    assert np.abs(levels(mixed[0][0]) - luma).max() <= 0.51
    np.testing.assert_array_equal(mixed[0][1], expected[0][1])


def test_halves_are_resized_apart(tmp_path):
    # A black and a white half: no filter may mix them at the seam.
    picture = np.zeros((32, 64, 3), "uint8")
    picture[:, 32:] = 255
    save(tmp_path, "picture.png", picture)
    for pictures in (tmp_path, picture[np.newaxis]):
        for size in (12, 50):
            source, target = next(iter(paired(pictures, size=size)))
            assert source.shape == target.shape == (1, size, size, 3)
            assert np.all(source == -1.0) and np.all(target == 1.0)


def test_two_folders(tmp_path):
    a, b = noise(3, 8, 6, 3), noise(3, 8, 6, 3, seed=1)
    names = ["1", "2", "more/2"]
    for name, source, target in zip(names, a, b, strict=True):
        save(tmp_path, f"edges/{name}.png", source)
        save(tmp_path, f"photos/{name}.bmp", target)
    folders = tmp_path / "edges", tmp_path / "photos"
    data = paired(*folders, batch_size=3, size=(8, 6), flip=False)
    assert_equal_batches(data, paired(a, b, batch_size=3, flip=False))
    data = paired(*folders, size=(5, 4), channels=(1, 3))
    assert data.element_spec == (
        tf.TensorSpec([1, 5, 4, 1], tf.float32),
        tf.TensorSpec([1, 5, 4, 3], tf.float32),
    )


def test_lists_of_files_are_paired_in_their_order(tmp_path):
    images = noise(3, 8, 6, 3)
    files = [tmp_path / f"{index}.png" for index in range(3)]
    for path, image in zip(files, images, strict=True):
        save(tmp_path, path.name, image)
    data = paired(files, list(map(str, files[::-1])), 3, size=(8, 6), flip=False)
    assert_equal_batches(data, paired(images, images[::-1], 3, flip=False))
    halves = paired(files, batch_size=3, size=(8, 3), flip=False)
    assert_equal_batches(halves, paired(images, batch_size=3, flip=False))
    with pytest.raises(ValueError, match="same number of files.*3, 2"):
        paired(files, files[:2], size=8)


@pytest.fixture
def domains(tmp_path):
    """CycleGAN's layout; the sorted order of the files would not pair them."""
    a, b = noise(3, 8, 6, 3), noise(3, 8, 6, 3, seed=1)
    for index, (source, target) in enumerate(zip(a, b, strict=True)):
        save(tmp_path, f"set/trainA/{index}_A.png", source)
        save(tmp_path, f"set/trainB/{index}_B.png", target)
        save(tmp_path, f"set/testA/{index}.png", target)
        save(tmp_path, f"set/testB/{index}.png", source)
    return tmp_path / "set", a, b


def test_folders_of_two_domains(domains):
    folder, a, b = domains
    options = {"batch_size": 3, "flip": False}
    for arguments, expected in (
        ({}, (a, b)),
        ({"direction": "ba"}, (b, a)),
        ({"split": "test"}, (b, a)),
    ):
        data = paired(folder, size=(8, 6), **arguments, **options)
        assert_equal_batches(data, paired(*expected, **options))
    (folder / "trainB" / "1_B.png").rename(folder / "trainB" / "7_B.png")
    with pytest.raises(ValueError, match="trainA/1_A.png' has none.*7_B.png' has none"):
        paired(folder, size=8)
    (folder / "trainB").rename(folder / "trainC")
    with pytest.raises(FileNotFoundError, match="has no partner.*trainB'"):
        paired(folder, size=8)
    with pytest.raises(ValueError, match="`split` must be 'train' or 'test'.*'valid'"):
        paired(folder, size=8, split="valid")


def test_a_set_by_its_name_is_read_from_its_files(domains, tmp_path, monkeypatch):
    folder, a, b = domains
    asked = []

    class Manager:
        def __init__(self, download_dir, url_infos, dataset_name):
            assert dataset_name == "cycle_gan"
            self.urls = url_infos

        def download_and_extract(self, url):
            assert url in self.urls
            asked.append(url)
            return folder.parent

    monkeypatch.setattr(tfds.download, "DownloadManager", Manager)
    monkeypatch.setattr(pipeline, "check_network", lambda name: None)
    data = paired("cycle_gan/facades", batch_size=3, size=(8, 6), flip=False)
    assert_equal_batches(data, paired(a, b, batch_size=3, flip=False))
    assert [url.rsplit("/", 1)[1] for url in asked] == ["facades.zip"]
    with pytest.raises(ValueError, match="no folder 'cycle_gan/facade', and tensorfl"):
        paired("cycle_gan/facade", size=8)


# Errors ----------------------------------------------------------------------------

IMAGES = noise(4, 8, 8, 1)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"batch_size": 5}, ValueError, "holds 4 pairs, fewer than batch_size=5"),
        ({"channels": 2}, ValueError, "`channels` must be 1, 3, or a pair.*channels=2"),
        ({"channels": (1,)}, ValueError, "`channels` must be 1, 3, or a pair"),
        ({"direction": "AB"}, ValueError, "`direction` must be 'ab' or 'ba'.*'AB'"),
        ({"direction": "ba"}, ValueError, "`direction`.*swap"),
        ({"target": IMAGES[:3]}, ValueError, r"same number.*\(4, 8.*\(3, 8"),
        ({"target": noise(4, 8, 9)}, ValueError, r"of one size.*8, 8.*8, 9"),
        ({"target": "photos"}, TypeError, "of one kind.*ndarray.*str"),
        ({"target": IMAGES.astype("int32")}, TypeError, "`target`.*int32"),
        ({"target": None, "source": noise(4, 8, 9)}, ValueError, r"even width.*8, 9"),
        (
            {"source": "no/folder", "target": "no/other", "size": 8},
            FileNotFoundError,
            "no folder 'no/folder'",
        ),
        ({"source": "no/folder", "target": None}, ValueError, "`size` must be given"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        paired(**{"source": IMAGES, "target": IMAGES} | options)


@pytest.fixture
def folders(tmp_path):
    for folder in ("a", "b"):
        for name in ("1.png", "2.png"):
            save(tmp_path / folder, name, noise(8, 8, 3))
    return tmp_path / "a", tmp_path / "b"


@pytest.mark.parametrize("side", [0, 1])
def test_a_name_without_its_partner_is_named(folders, side):
    save(folders[side], "more/alone.png", noise(8, 8, 3))
    message = rf"'{folders[side]}/more/alone.png' has none in '{folders[1 - side]}'"
    with pytest.raises(ValueError, match=message):
        paired(*folders, size=8)
    for index in range(10):
        save(folders[side], f"more/alone_{index}.png", noise(8, 8, 3))
    with pytest.raises(ValueError, match="alone.png.*; and 6 more"):
        paired(*folders, size=8)


def test_a_pair_of_different_sizes_is_named(folders):
    save(folders[1], "2.png", noise(8, 9, 3))
    message = rf"{folders[0]}/2.png' of \(8, 8\) and '{folders[1]}/2.png' of \(8, 9\)"
    for strict in (True, False):
        with pytest.raises(ValueError, match=message):
            paired(*folders, size=8, strict=strict)


def test_two_files_of_one_name_are_named(folders):
    save(folders[1], "2.bmp", noise(8, 8, 3))
    with pytest.raises(ValueError, match="2.bmp' and '.*2.png' differ in their ending"):
        paired(*folders, size=8)


def test_a_picture_of_odd_width_is_named(folders):
    save(folders[0], "odd.png", noise(8, 9, 3))
    with pytest.raises(ValueError, match="even width.*odd.png' of"):
        paired(folders[0], size=8)


def test_bad_files(folders):
    good = list(paired(*folders, size=8, flip=False))
    save(folders[0], "0.png", noise(8, 8, 3))
    (folders[1] / "0.png").write_bytes(b"")
    # The whole pair is left out; the others stay in their order.
    skipped = pytest.warns(match="Skipped the pair of .*b/0.png: .* empty")
    with skipped, pytest.warns(match="1 of 3 pairs in .* were skipped"):
        data = paired(*folders, size=8, flip=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal_batches(data, good)
    with pytest.raises(ValueError, match="b/0.png"):
        paired(*folders, size=8, strict=True)
    with pytest.raises(ValueError, match="None of the 3 pairs"), pytest.warns():
        paired(*folders, size=8, max_pixels=63)
