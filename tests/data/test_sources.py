"""Tests of the sources. Nothing is downloaded; tensorflow_datasets is mocked."""

import gzip
import pathlib
import socket
import time
import urllib.request
import warnings

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from small_images import noise
from tfds_helpers import write_metadata

from keras_gans.data import (
    catalogue,
    handwritten_digits,
    load_images,
    sources,
    street_digits,
    unpaired,
)
from keras_gans.data.embedded import EMBEDDED, EmbeddedSet
from keras_gans.data.images import resize_image

COUNT = 6
SPLITS = ("trainA", "trainB", "testA", "testB")
# Images of the mocked sets are filled with this value plus their number.
SPLIT_VALUES = {"train": 10, "test": 20, "trainA": 30, "trainB": 40, "testA": 50}
SPLIT_VALUES["testB"] = 60


def filled(values, *shape):
    return np.stack([np.full(shape, value, "uint8") for value in values])


def write_folder(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        image = image[..., 0] if image.shape[-1] == 1 else image
        Image.fromarray(image).save(folder / f"{index:03}.png")
    return folder


def mock_examples(builder, split, **_):
    """Stands in for `DatasetBuilder._as_dataset`: six images of the asked split."""
    split = str(split)
    *shape, channels = builder.info.features["image"].shape

    def examples():
        for index in range(COUNT):
            # Sets without a fixed size, such as cycle_gan, get several sizes.
            sides = [side or 20 + index for side in shape]
            value = SPLIT_VALUES[split.split("[")[0]] + index
            example = {"image": np.full([*sides, channels], value, "uint8")}
            if "label" in builder.info.features:
                example["label"] = index % 2
            yield example

    signature = {"image": tf.TensorSpec([*shape, channels], tf.uint8)}
    if "label" in builder.info.features:
        signature["label"] = tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(examples, output_signature=signature)


@pytest.fixture(scope="module")
def tfds_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tensorflow_datasets")
    for name in ("mnist", "svhn_cropped", "celeb_a", "imdb_reviews"):
        write_metadata(name, directory, dict.fromkeys(("train", "test"), COUNT))
    for name in ("cycle_gan/vangogh2photo", "cycle_gan/apple2orange"):
        write_metadata(name, directory, dict.fromkeys(SPLITS, COUNT))
    return directory


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("The network was asked.")

    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def downloaded(tfds_directory, no_network):
    with tfds.testing.mock_data(data_dir=tfds_directory, as_dataset_fn=mock_examples):
        yield


def first_values(images):
    return images[:, 0, 0, 0].tolist()


# Embedded names --------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "test"])
def test_embedded_names(split, no_network):
    images, labels = load_images("handwritten_digits", split=split)
    expected_images, expected_labels = handwritten_digits(split)
    np.testing.assert_array_equal(images, expected_images)
    np.testing.assert_array_equal(labels, expected_labels)
    assert images.dtype == np.uint8 and labels.dtype == np.int64


def test_embedded_street_digits():
    images, labels = load_images("street_digits", size=16, channels=1, split="test")
    assert images.shape == (1000, 16, 16, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(labels[:250], street_digits("test", count=250)[1])


def test_digits_for_short(tmp_path, monkeypatch, no_network):
    # A folder of that name in the working directory does not come before it.
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "digits", noise(2, 8, 8, 3))
    for split in ("train", "test"):
        images, labels = load_images("digits", split=split)
        expected_images, expected_labels = handwritten_digits(split)
        np.testing.assert_array_equal(images, expected_images)
        np.testing.assert_array_equal(labels, expected_labels)
    assert sources.is_digits("digits") and sources.has_test_split("digits")
    assert load_images("./digits", size=8)[0].shape == (2, 8, 8, 3)
    assert not sources.is_digits("./digits")
    assert not sources.has_test_split("./digits")


# tensorflow_datasets ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name, shape", [("mnist", (28, 28, 1)), ("svhn_cropped", (32, 32, 3))]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_tfds_labelled(downloaded, name, shape, split):
    images, labels = load_images(name, split=split)
    start = SPLIT_VALUES[split]
    np.testing.assert_array_equal(images, filled(range(start, start + COUNT), *shape))
    np.testing.assert_array_equal(labels, np.arange(COUNT) % 2)
    assert images.dtype == np.uint8 and labels.dtype == np.int64


@pytest.mark.parametrize(
    "name, argument, split, chosen",
    [
        ("cycle_gan/vangogh2photo", "x", "train", "trainA"),
        ("cycle_gan/vangogh2photo", "y", "train", "trainB"),
        ("cycle_gan/vangogh2photo", "y", "test", "testB"),
        ("cycle_gan/apple2orange", "source", "test", "testA"),
        ("cycle_gan/vangogh2photo:trainB", "x", "train", "trainB"),
        ("cycle_gan/vangogh2photo:trainA", "y", "train", "trainA"),
        ("cycle_gan/vangogh2photo:trainA[:50%]", "x", "train", "trainA"),
        ("mnist:test", "x", "train", "test"),
    ],
)
def test_tfds_splits(downloaded, name, argument, split, chosen):
    images, _ = load_images(name, size=16, split=split, argument=argument)
    start = SPLIT_VALUES[chosen]
    assert first_values(images) == list(range(start, start + COUNT))


def test_tfds_without_labels(downloaded):
    images, labels = load_images("celeb_a", size=8)
    assert images.shape == (COUNT, 8, 8, 3)
    assert labels is None


def test_tfds_errors(downloaded):
    with pytest.raises(ValueError, match="no split 'trainA'.*'test', 'train'"):
        load_images("mnist:trainA")
    with pytest.raises(ValueError, match="dataset of images.*'text'"):
        load_images("imdb_reviews")
    with pytest.raises(ValueError, match="several sizes: give `size`"):
        load_images("cycle_gan/vangogh2photo")
    with pytest.raises(ValueError, match="no folder.*vangogh2foto.*vangogh2photo"):
        load_images("cycle_gan/vangogh2foto", size=8)


@pytest.mark.parametrize(
    "name, suggestion",
    [
        ("mnits", "'mnist'"),
        ("svhn", "'svhn_cropped'"),
        ("street_digit", "'street_digits'"),
        ("handwriten_digits", "'handwritten_digits'"),
        ("cyclegan/vangogh2photo", "'cycle_gan'"),
    ],
)
def test_misspelt_name(no_network, name, suggestion):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        load_images(name, argument="x")
    assert "Argument `x`" in str(error.value)
    assert f"Did you mean {suggestion}" in str(error.value)


def test_name_without_anything_like_it(no_network):
    with pytest.raises(ValueError, match="none of them.$"):
        load_images("")


@pytest.fixture
def not_downloaded(monkeypatch):
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    with tfds.testing.mock_data(policy=tfds.testing.MockPolicy.USE_CODE):
        yield


def test_no_network_fails_fast(not_downloaded, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(catalogue, "TFDS_DOWNLOAD_HOST", closed.getsockname())
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="'mnist' is not on.*'street_digits'"):
        load_images("mnist")
    assert time.monotonic() - start < 10


def test_silent_network_fails_fast(not_downloaded, monkeypatch):
    timeouts = []

    def connect(address, timeout=600):
        timeouts.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionError, match=r"'svhn_cropped'.*\(timed out\)"):
        load_images("svhn_cropped")
    assert len(timeouts) == 1 and timeouts[0] <= 5


@pytest.mark.parametrize("proxy", [False, True])
def test_download(tfds_directory, tmp_path, monkeypatch, proxy):
    asked = []

    class Connection:
        def close(self):
            asked.append("closed")

    def connect(*arguments, **options):
        asked.append("connected")
        return Connection()

    def download(builder):
        asked.append("downloaded")
        write_metadata("mnist", tmp_path, {"train": COUNT})
        builder.info.read_from_directory(builder.data_dir)

    proxies = {"https": "http://127.0.0.1:1"} if proxy else {}
    monkeypatch.setattr(urllib.request, "getproxies", lambda: proxies)
    monkeypatch.setattr(socket, "create_connection", connect)
    with tfds.testing.mock_data(data_dir=tmp_path, as_dataset_fn=mock_examples):
        builder_class = tfds.core.DatasetBuilder
        monkeypatch.setattr(builder_class, "download_and_prepare", download)
        assert load_images("mnist")[0].shape == (COUNT, 28, 28, 1)
        load_images("mnist")
        # Before the mock ends, or its own function would be put back.
        monkeypatch.undo()
    # The second call finds the set. Behind a proxy a direct connection proves nothing.
    connection = [] if proxy else ["connected", "closed"]
    assert asked == [*connection, "downloaded"]


# Folders ---------------------------------------------------------------------------


def test_folder(tmp_path, monkeypatch):
    images = noise(5, 12, 10, 3)
    folder = write_folder(tmp_path / "photos", images[:3])
    write_folder(folder / "more", images[3:])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (folder, str(folder), "photos", "./photos", "~/photos"):
        loaded, labels = load_images(source, size=(12, 10))
        np.testing.assert_array_equal(loaded, images)
        assert loaded.dtype == np.uint8 and labels is None


def test_folder_options(tmp_path):
    folder = write_folder(tmp_path / "photos", noise(3, 12, 10, 3))
    assert load_images(folder, size=8, channels=1)[0].shape == (3, 8, 8, 1)
    (folder / "bad.png").write_bytes(b"not an image")
    with pytest.warns(UserWarning) as caught:
        assert load_images(folder, size=8)[0].shape == (3, 8, 8, 3)
    assert "bad.png" in str(caught[0].message)
    assert {warning.filename for warning in caught} == {__file__}
    with pytest.raises(ValueError, match="bad.png"):
        load_images(folder, size=8, strict=True)
    (folder / "bad.png").unlink()
    with pytest.raises(ValueError, match="max_pixels=119"):
        load_images(folder, size=8, strict=True, max_pixels=119)
    with pytest.raises(ValueError, match="Argument `size` must be given for a folder"):
        load_images(folder)


def test_grey_folder_is_read_in_colour(tmp_path):
    folder = write_folder(tmp_path / "drawings", noise(2, 8, 8, 1))
    images, _ = load_images(folder, size=8)
    np.testing.assert_array_equal(images, np.repeat(noise(2, 8, 8, 1), 3, axis=-1))


def test_folder_comes_before_a_name(tmp_path, monkeypatch, no_network):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "mnist", noise(2, 8, 8, 3))
    write_folder(tmp_path / "cycle_gan" / "maps", noise(3, 8, 8, 3))
    assert load_images("mnist", size=8)[0].shape == (2, 8, 8, 3)
    assert load_images("cycle_gan/maps", size=8)[0].shape == (3, 8, 8, 3)
    # The folder holds one domain, though its name is one that holds both.
    with pytest.raises(ValueError, match="Argument `y` must be given"):
        unpaired("cycle_gan/maps", size=8)


@pytest.mark.parametrize(
    "source",
    [
        "./photos",
        "../photos",
        "data/photos",
        "photos/",
        "/no/such/photos",
        "~/no_such_photos",
        ".\\photos",
        "mnist/photos",
        pathlib.Path("photos"),
        pathlib.Path("mnist"),
        pathlib.Path("street_digits"),
    ],
    ids=repr,
)
def test_missing_folder(tmp_path, monkeypatch, no_network, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError)) as error:
        load_images(source, size=8, argument="y")
    message = f"Argument `y`: there is no folder {str(source)!r}"
    assert str(error.value).startswith(message)
    assert "Did you mean" not in str(error.value)


@pytest.mark.parametrize(
    "source, close",
    [
        ("phtos", "photos"),
        ("phtos/", "photos"),
        ("./phtos", "photos"),
        (pathlib.Path("phtos"), "photos"),
        ("phtos/test", "photos/test"),
        ("photos/tset", "photos/test"),
    ],
    ids=repr,
)
def test_misspelt_folder(tmp_path, monkeypatch, no_network, source, close):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "test").mkdir(parents=True)
    (tmp_path / "phtos.txt").write_text("no folder")
    with pytest.raises((FileNotFoundError, ValueError)) as error:
        load_images(source, size=8)
    assert str(error.value).endswith(f" Did you mean {str(pathlib.Path(close))!r}?")


def test_a_name_is_suggested_where_no_folder_is_close(
    tmp_path, monkeypatch, no_network
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        load_images("mnits")


def test_image_file_is_no_source(tmp_path):
    folder = write_folder(tmp_path / "photos", noise(1, 8, 8, 3))
    for source in (folder / "000.png", str(folder / "000.png")):
        with pytest.raises(ValueError, match="000.png.*give the folder"):
            load_images(source, size=8)


# MNIST's idx files -----------------------------------------------------------------


def idx_bytes(array):
    """The file format as MNIST's authors describe it, for bytes."""
    header = b"\x00\x00\x08" + bytes([array.ndim])
    for length in array.shape:
        header += length.to_bytes(4, "big")
    return header + array.tobytes()


def write_idx(folder, packed=True, parts=("train", "t10k"), separator="-"):
    """Writes 7 training images and 3 test images; returns (images, labels) of each."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {}
    for seed, (part, count) in enumerate((("train", 7), ("t10k", 3))):
        images, labels = noise(count, 6, 5, seed=seed), noise(count, seed=seed) % 10
        content[part] = images[..., np.newaxis], labels
        for array, kind in ((images, "images"), (labels, "labels")):
            data = idx_bytes(array)
            name = f"{part}-{kind}{separator}idx{array.ndim}-ubyte"
            if part in parts:
                path = folder / (name + ".gz" if packed else name)
                path.write_bytes(gzip.compress(data) if packed else data)
    return content


@pytest.mark.parametrize("separator", "-.")
@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path, packed, separator):
    content = write_idx(tmp_path / "mnist", packed, separator=separator)
    files = sorted((tmp_path / "mnist").iterdir())
    assert len(files) == 4
    for source in (tmp_path / "mnist", str(tmp_path / "mnist"), *files):
        for split, part in (("train", "train"), ("test", "t10k")):
            images, labels = load_images(source, split=split)
            np.testing.assert_array_equal(images, content[part][0])
            np.testing.assert_array_equal(labels, content[part][1])
            assert images.dtype == np.uint8 and labels.dtype == np.int64
        assert sources.has_test_split(source) and sources.is_digits(source)
    images, _ = load_images(tmp_path / "mnist", size=8, channels=3)
    assert images.shape == (7, 8, 8, 3)


def test_idx_in_the_working_directory_and_at_home(tmp_path, monkeypatch, no_network):
    write_idx(tmp_path / "mnist")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in ("mnist", "./mnist", "~/mnist"):
        assert load_images(source)[0].shape == (7, 6, 5, 1)
        assert sources.has_test_split(source) and sources.is_digits(source)
    # An empty name is not the working directory.
    monkeypatch.chdir(tmp_path / "mnist")
    assert not sources.is_digits("")
    with pytest.raises(ValueError, match="none of them"):
        load_images("")


def test_idx_of_one_split(tmp_path):
    for part, split, other in (("train", "train", "test"), ("t10k", "test", "train")):
        folder = tmp_path / part
        content = write_idx(folder, parts=(part,))
        np.testing.assert_array_equal(
            load_images(folder, split=split)[0], content[part][0]
        )
        assert sources.has_test_split(folder) is (split == "test")
        missing = {"train": "train", "test": "t10k"}[other]
        with pytest.raises(ValueError, match=f"'{missing}-images.*beside.*{part}-im"):
            load_images(folder, split=other)


def test_idx_without_labels(tmp_path):
    content = write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    images, labels = load_images(tmp_path)
    np.testing.assert_array_equal(images, content["train"][0])
    assert labels is None


def test_idx_content_decides_what_is_packed(tmp_path):
    content = write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    np.testing.assert_array_equal(load_images(tmp_path)[0], content["train"][0])


def test_folder_with_other_files_is_no_idx_folder(tmp_path):
    folder = write_folder(tmp_path / "photos", noise(2, 8, 8, 3))
    (folder / "train-images-idx3-ubyte.txt").write_text("notes")
    (folder / "train-images-idx3-ubyte").mkdir()
    with pytest.warns(UserWarning, match="1 file is not used"):
        assert load_images(folder, size=8)[0].shape == (2, 8, 8, 3)
    assert not sources.is_digits(folder) and not sources.has_test_split(folder)


IDX_IMAGES = idx_bytes(noise(7, 6, 5))
IDX_LABELS = idx_bytes(noise(7))


@pytest.mark.parametrize(
    "kind, data, message",
    [
        ("images", b"", "not an idx file.*begins with ''"),
        ("images", b"\0\0\x08", "not an idx file"),
        (
            "images",
            b"GIF89a" + IDX_IMAGES,
            "begins with '47 49 46 38', not with '00 00",
        ),
        ("images", IDX_LABELS, "along 3 axes.*'00 00 08 01'"),
        ("images", b"\0\0\x0d\3" + IDX_IMAGES[4:], "not an idx file of bytes"),
        ("images", IDX_IMAGES[:10], "damaged: it has 10 bytes"),
        ("images", IDX_IMAGES[:16], "damaged: it has 16 bytes, .*226"),
        ("images", IDX_IMAGES[:-1], "damaged: it has 225 bytes, .*226"),
        ("images", IDX_IMAGES + b"\0", "damaged: it has 227 bytes, .*226"),
        ("images", IDX_IMAGES[:4] + b"\xff" * 12, "damaged: it has 16 bytes"),
        ("labels", IDX_IMAGES, "along 1 axes.*'00 00 08 03'"),
        ("labels", IDX_LABELS[:-2], "damaged: it has 13 bytes, .*15"),
        ("labels", idx_bytes(noise(6)), "holds 6 labels for the 7 images"),
        ("labels", idx_bytes(noise(0)), "holds 0 labels for the 7 images"),
    ],
)
def test_damaged_idx(tmp_path, kind, data, message):
    write_idx(tmp_path)
    (path,) = tmp_path.glob(f"train-{kind}-*")
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as raised:
            load_images(tmp_path, argument="x")
        assert str(raised.value).startswith(f"Argument `x`: {str(path)!r}")
    assert load_images(tmp_path, split="test")[0].shape == (3, 6, 5, 1)


def test_damaged_gzip(tmp_path):
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    for content in (
        *(whole[:end] for end in (2, 9, 15, len(whole) // 2, len(whole) - 1)),
        bytes(broken),
        whole[:10] + b"\xff" * 30,
        whole + b"more",
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged") as raised:
            load_images(tmp_path, argument="x")
        assert str(raised.value).startswith(f"Argument `x`: {str(path)!r}")


def test_mnist_itself():
    folder = pathlib.Path(__file__).parents[2] / "../shared/data"
    if not (folder / "train-images-idx3-ubyte.gz").exists():
        pytest.skip("MNIST's files are not on this machine.")
    images, labels = load_images(folder)
    assert images.shape == (60_000, 28, 28, 1)
    assert labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    # The published mean and standard deviation.
    assert round(images.mean() / 255, 4) == 0.1307
    assert round(images.std() / 255, 4) == 0.3081
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(labels).tolist() == counts
    images, labels = load_images(folder, split="test")
    assert images.shape == (10_000, 28, 28, 1)
    assert labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]


# Files of arrays -------------------------------------------------------------------


def test_npz(tmp_path):
    train, test = noise(5, 8, 8), noise(3, 8, 8, 1, seed=1)
    path = tmp_path / "digits.npz"
    np.savez(path, x_train=train, y_train=np.arange(5, dtype="uint8"), x_test=test)
    for source in (path, str(path)):
        images, labels = load_images(source)
        np.testing.assert_array_equal(images, train[..., np.newaxis])
        np.testing.assert_array_equal(labels, np.arange(5))
        assert labels.dtype == np.int64
    images, labels = load_images(path, split="test")
    np.testing.assert_array_equal(images, test)
    assert labels is None


def test_npz_errors(tmp_path):
    path = tmp_path / "digits.npz"
    with pytest.raises(FileNotFoundError, match="Argument `x`.*there is no such file"):
        load_images(str(path), argument="x")
    np.savez(path, images=noise(2, 8, 8))
    with pytest.raises(ValueError, match=r"'x_train'.*It holds \['images'\]"):
        load_images(path)
    np.savez(path, x_train=noise(2, 8, 8).astype("float32"))
    with pytest.raises(ValueError, match="images in 0..255 belong in dtype uint8"):
        load_images(path)


# Arrays ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 6, 5), (4, 6, 5, 1), (4, 6, 5, 3)])
def test_array(shape):
    array = noise(*shape)
    images, labels = load_images(array)
    np.testing.assert_array_equal(images, array.reshape(4, 6, 5, -1))
    assert images.dtype == np.uint8 and labels is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_float_array(dtype):
    # Every grey level comes back from its float.
    grey = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    images, _ = load_images((grey / 127.5 - 1.0).astype(dtype))
    np.testing.assert_array_equal(images, grey)
    assert images.dtype == np.uint8


def test_tensor():
    array = noise(2, 4, 4, 3)
    np.testing.assert_array_equal(load_images(tf.constant(array))[0], array)


@pytest.mark.parametrize(
    "labels",
    [np.arange(4), np.arange(4, dtype="uint8")[:, np.newaxis], [0, 1, 2, 3]],
    ids=["array", "column", "list"],
)
@pytest.mark.parametrize("pair", [tuple, list])
def test_array_with_labels(labels, pair):
    images, loaded = load_images(pair((noise(4, 6, 6), labels)))
    assert images.shape == (4, 6, 6, 1)
    np.testing.assert_array_equal(loaded, np.arange(4))
    assert loaded.dtype == np.int64


def test_two_images_are_no_labels():
    assert load_images((noise(4, 6, 6), None))[1] is None
    for channels in ((), (3,)):
        pair = [noise(6, 6, *channels), noise(6, 6, *channels, seed=1)]
        for kind in (list, tuple):
            images, labels = load_images(kind(pair))
            np.testing.assert_array_equal(images, np.reshape(pair, (2, 6, 6, -1)))
            assert labels is None


def test_list_of_images_of_several_sizes():
    images = [noise(6, 8, 3), noise(9, 9, 3), noise(5, 7, 3)]
    loaded, labels = load_images(images, size=5)
    expected = [resize_image(image, 5) for image in images]
    np.testing.assert_array_equal(loaded, expected)
    assert labels is None
    with pytest.raises(ValueError, match="`x` holds images of several sizes: give"):
        load_images(images, argument="x")


def test_a_list_of_two_images_has_no_labels():
    grey, colour = np.zeros((6, 6), "uint8"), np.ones((6, 6, 3), "uint8")
    for pair in ([grey, grey], [colour, colour]):
        images, labels = sources.load_images(pair, 6, channels=3)
        assert images.shape == (2, 6, 6, 3) and labels is None
    # Nor one in grey beside one in colour.
    with pytest.raises(ValueError, match=r"grey images beside .* channels=\[1, 3\]"):
        sources.load_images([colour, grey], 6)
    images, labels = sources.load_images((np.stack([grey] * 3), [0, 1, 2]))
    assert labels.tolist() == [0, 1, 2]


def test_list_of_files(tmp_path):
    images = noise(4, 8, 8, 3)
    folder = write_folder(tmp_path / "photos", images)
    files = [str(folder / "002.png"), folder / "000.png"]
    for count in (1, 2):
        loaded, labels = load_images(files[:count], size=8)
        np.testing.assert_array_equal(loaded, images[[2, 0][:count]])
        assert labels is None
    assert load_images(files, size=(4, 6), channels=1)[0].shape == (2, 4, 6, 1)
    with pytest.raises(ValueError, match="`size` must be given for a folder"):
        load_images(files)
    with pytest.raises(ValueError, match="photos: cannot be opened"):
        load_images([folder], size=8, strict=True)
    data = unpaired(files, files[::-1], size=8)
    assert len(data) == 2


def test_floats_in_0_to_1_are_not_read_in_silence():
    ramp = np.linspace(0, 1, 36, dtype="float32").reshape(1, 6, 6)
    with pytest.warns(UserWarning, match=r"`y`: all values are in \[0, 1\].*2 \* im"):
        images, _ = load_images(ramp, argument="y")
    assert images.min() == 128 and images.max() == 255  # Read as they always were.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for legal in (2 * ramp - 1, np.zeros_like(ramp), np.ones_like(ramp)):
            load_images(legal)


@pytest.mark.parametrize(
    "source, error, message",
    [
        (noise(4, 6), ValueError, r"shape \(n, height, width\).*\(4, 6\)"),
        (noise(4, 6, 6, 2), ValueError, r"1 or 3 channels.*\(4, 6, 6, 2\)"),
        (noise(4, 6, 6, 4), ValueError, r"1 or 3 channels.*\(4, 6, 6, 4\)"),
        (noise(0, 6, 6, 3), ValueError, r"must hold images.*\(0, 6, 6, 3\)"),
        (noise(4, 6, 6).astype("int32"), TypeError, "uint8 images.*int32"),
        (noise(4, 6, 6) > 9, TypeError, "uint8 images.*bool"),
        (
            noise(4, 6, 6).astype("float32"),
            ValueError,
            r"\[-1, 1\].*0 to 249; images in 0..255",
        ),
        (np.full((1, 2, 2), np.nan), ValueError, r"\[-1, 1\].*nan"),
        (None, ValueError, "must hold images"),
        (5, ValueError, "must hold images"),
        ((noise(4, 6, 6), np.arange(3)), ValueError, "4 images and 3 labels"),
        ((noise(4, 6, 6), np.arange(4) + 0.5), TypeError, "integer labels.*float64"),
        ((noise(4, 6, 6), list("abcd")), TypeError, "integer labels"),
    ],
)
def test_array_errors(source, error, message):
    with pytest.raises(error, match=message) as raised:
        load_images(source, argument="y")
    assert "Argument `y`" in str(raised.value)


# Datasets --------------------------------------------------------------------------


def slices(*arrays):
    return tf.data.Dataset.from_tensor_slices(*arrays)


@pytest.mark.parametrize("channels", [1, 3])
def test_dataset(channels):
    array = noise(5, 8, 6, channels)
    images, labels = load_images(slices(array))
    np.testing.assert_array_equal(images, array)
    assert images.dtype == np.uint8 and labels is None


def test_dataset_with_labels():
    array = noise(5, 8, 6, 3)
    images, labels = load_images(slices((array, np.arange(5, dtype="int32"))))
    np.testing.assert_array_equal(images, array)
    np.testing.assert_array_equal(labels, np.arange(5))
    assert labels.dtype == np.int64


def several_sizes():
    return tf.data.Dataset.from_generator(
        lambda: (np.full((4 + index, 9, 3), index, "uint8") for index in range(3)),
        output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
    )


def test_dataset_of_several_sizes():
    images, _ = load_images(several_sizes(), size=(6, 5))
    np.testing.assert_array_equal(images, filled(range(3), 6, 5, 3))


@pytest.mark.parametrize(
    "dataset, message",
    [
        (lambda: slices(noise(5, 8, 8, 3)).repeat(), r"finite.*`\.repeat\(\)`"),
        (lambda: slices(noise(5, 8, 8, 3)).batch(2), r"unbatched.*`\.unbatch\(\)`"),
        (lambda: slices((noise(5, 8, 8, 3), np.arange(5))).batch(2), "unbatched"),
        (lambda: slices({"image": noise(5, 8, 8, 3)}), "unbatched"),
        (lambda: slices((noise(5, 8, 8, 3),)), "unbatched"),
        (lambda: slices((noise(5, 8, 8, 3), [1] * 5, [1] * 5)), "unbatched"),
        (lambda: slices(noise(5, 8, 8, 3)).take(0), "without elements"),
        (several_sizes, "several sizes: give `size`"),
        (lambda: slices(noise(5, 8, 8, 4)), "1 or 3 channels"),
        (lambda: slices(np.full((5, 8, 8, 3), 200.0)), r"\[-1, 1\].*200"),
    ],
)
def test_dataset_errors(dataset, message):
    with pytest.raises(ValueError, match=message) as raised:
        load_images(dataset(), argument="x")
    assert "Argument `x`" in str(raised.value)


# Sizes and channels ----------------------------------------------------------------


def test_channels_to_grey():
    colours = np.array(
        [[[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]]], "uint8"
    )
    images, _ = load_images(colours, channels=1)
    np.testing.assert_array_equal(images[0, ..., 0], [[76, 150], [29, 255]])
    photos = noise(3, 16, 16, 3)
    pillow = np.stack([np.asarray(Image.fromarray(p).convert("L")) for p in photos])
    grey = load_images(photos, channels=1)[0][..., 0]
    assert np.abs(grey.astype(int) - pillow).max() <= 1


def test_channels_to_colour():
    grey = noise(3, 8, 8)
    images, _ = load_images(grey, channels=3)
    np.testing.assert_array_equal(images, np.stack([grey] * 3, axis=-1))
    with pytest.raises(ValueError, match="1 or 3 channels"):
        load_images(grey, channels=2)


def test_resize_is_antialiased(tmp_path):
    # A fine checkerboard shrinks to grey; without antialiasing it would stay black
    # and white, or become one of the two.
    board = np.indices((64, 64)).sum(0) % 2 * 255
    board = np.repeat(board.astype("uint8")[np.newaxis, ..., np.newaxis], 3, axis=-1)
    folder = write_folder(tmp_path / "boards", board)
    for source in (board, slices(board), folder):
        images, _ = load_images(source, size=16)
        # The outermost pixels see the edge.
        assert images.shape == (1, 16, 16, 3)
        assert np.abs(images[:, 1:-1, 1:-1].astype(int) - 127.5).max() <= 4
    np.testing.assert_array_equal(
        load_images(board, size=16)[0], load_images(folder, size=16)[0]
    )


def test_resize_to_a_pair():
    ramp = np.tile(np.arange(0, 256, 8, dtype="uint8"), (2, 8, 1))
    images, _ = load_images(ramp, size=(4, 64))
    assert images.shape == (2, 4, 64, 1)
    assert (np.diff(images[0, 0, :, 0].astype(int)) >= 0).all()
    np.testing.assert_array_equal(load_images(ramp, size=(8, 32))[0][..., 0], ramp)


def test_is_digits():
    for source in (
        *("handwritten_digits", "street_digits", "digits", "mnist", "mnist:train"),
        *("svhn_cropped:extra[:10]", "mnist_corrupted/shear:train", "emnist/digits"),
    ):
        assert sources.is_digits(source) is True, source
    names = "drawings", "fashion_mnist", "cycle_gan/vangogh2photo", "photos"
    for source in (*names, pathlib.Path("mnist"), noise(2, 8, 8)):
        assert sources.is_digits(source) is False, source


# Mixtures --------------------------------------------------------------------------


def test_every_kind_and_mixture(downloaded, tmp_path):
    np.savez(tmp_path / "plain.npz", x_train=noise(7, 8, 8))
    np.savez(tmp_path / "labelled.npz", x_train=noise(7, 9, 9, 3), y_train=range(7))
    kinds = {
        "embedded": "handwritten_digits",
        "mnist": "mnist",
        "folder": write_folder(tmp_path / "photos", noise(5, 9, 8, 3)),
        "svhn": "svhn_cropped",
        "npz": tmp_path / "plain.npz",
        "photos": "cycle_gan/vangogh2photo:trainB",
        "labelled npz": str(tmp_path / "labelled.npz"),
        "uint8": noise(7, 8, 8),
        "dataset": slices(noise(7, 8, 8, 3)),
        "floats": noise(7, 9, 9, 3) / 127.5 - 1.0,
        "labelled": (noise(7, 8, 8, 1), np.arange(7)),
        "labelled dataset": slices((noise(7, 8, 8, 1), np.arange(7))),
    }
    names = list(kinds)
    for x, y in zip(names[::2], names[1::2], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = unpaired(kinds[x], kinds[y], batch_size=4, size=8, flip=False)
        for name, batch in zip((x, y), next(iter(data)), strict=True):
            images, _ = load_images(kinds[name], size=8)
            known = {image.tobytes() for image in images}
            batch = np.round((batch.numpy() + 1.0) * 127.5).astype("uint8")
            assert batch.shape == (4, *images.shape[1:]), (x, y)
            assert all(image.tobytes() in known for image in batch), (x, y)


def test_cycle_gan_name_holds_both_domains(downloaded):
    data = unpaired("cycle_gan/vangogh2photo", batch_size=COUNT, size=8)
    x, y = (np.round((batch.numpy() + 1.0) * 127.5) for batch in next(iter(data)))
    assert sorted(first_values(x)) == list(range(30, 30 + COUNT))
    assert sorted(first_values(y)) == list(range(40, 40 + COUNT))


@pytest.mark.parametrize(
    "x", ["mnist", "cycle_gan", "cycle_gan/vangogh2photo:trainA", noise(2, 8, 8)]
)
def test_second_domain_must_be_given(no_network, x):
    with pytest.raises(ValueError, match="Argument `y` must be given"):
        unpaired(x, size=8)


@pytest.mark.parametrize("content", [b"", b"not a zip file"])
def test_damaged_npz(tmp_path, content):
    path = tmp_path / "damaged.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no .npz file, or is damaged"):
        load_images(path)


def test_an_embedded_set_is_one_entry(monkeypatch, no_network):
    def load(split):
        return noise(2 if split == "test" else 5, 8, 8), None

    own = EmbeddedSet(load, size=8, mirrors=False)
    monkeypatch.setitem(EMBEDDED, "letters", own)
    assert len(load_images("letters", split="test")[0]) == 2
    assert sources.has_test_split("letters") and sources.is_digits("letters")
    assert unpaired("letters", "letters", size=(4, 6)).element_spec[0].shape[1] == 4
    with pytest.raises(ValueError, match="drawings, letters.*mean 'letters'"):
        load_images("leters")


def test_has_test_split(tmp_path):
    images = np.zeros((4, 8, 8), "uint8")
    np.savez(tmp_path / "train.npz", x_train=images)
    np.savez(tmp_path / "both.npz", x_train=images, x_test=images)
    assert not sources.has_test_split(tmp_path / "train.npz")
    assert sources.has_test_split(tmp_path / "both.npz")
    assert sources.has_test_split("handwritten_digits")
    assert sources.has_test_split("digits")
    assert sources.has_test_split("drawings")
    assert not sources.has_test_split(tmp_path)
    assert not sources.has_test_split(images)
    with tfds.testing.mock_data(num_examples=3):
        assert sources.has_test_split("mnist")
        assert sources.has_test_split("cycle_gan/vangogh2photo")
        assert not sources.has_test_split("mnist:train")


def test_has_test_split_of_a_set_without_one(monkeypatch):
    class Builder:
        class info:
            splits = {"train": None}

    monkeypatch.setattr(tfds, "builder", lambda name: Builder)
    assert not sources.has_test_split("omniglot")
