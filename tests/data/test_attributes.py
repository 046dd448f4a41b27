"""Tests of the pipeline of attribute editing: files, batches, splits and errors."""

import importlib
import pathlib
import socket
import tarfile
import urllib.request

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from small_images import noise
from tfds_helpers import write_metadata

from keras_gans.data import attributes, faces, load_attributes
from keras_gans.data.embedded import EMBEDDED, EmbeddedSet
from keras_gans.data.images import resize_image

# `keras_gans.data.attributes` is the function; this is the module around it.
pipeline = importlib.import_module("keras_gans.data.attributes")
CELEBA = pathlib.Path(__file__).parents[3].joinpath("shared", "data", "celeba.tar")
NAMES = ("Black_Hair", "Blond_Hair", "Eyeglasses", "Smiling")


def random_attributes(count, names=NAMES, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 2, (count, len(names)), dtype="uint8")


def numbered(count, size=4):
    """Images that are filled with their own number, their attributes and names."""
    numbers = np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)
    return np.tile(numbers, (1, size, size, 3)), random_attributes(count), NAMES


def numbers(batch):
    batch = np.asarray(batch)
    if batch.dtype != np.uint8:
        batch = np.round((batch + 1.0) * 127.5).astype("int64")
    return batch[:, 0, 0, 0]


def write_set(folder, images, labels, names=NAMES):
    """Writes images and their attribute file; returns the folder and the file."""
    (folder / "images").mkdir(parents=True)
    lines = [str(len(images)), " ".join(names)]
    for index, (image, row) in enumerate(zip(images, labels, strict=True)):
        name = f"{index:06}.png"
        keras.utils.save_img(folder / "images" / name, image, scale=False)
        # As in CelebA, numbers stand in columns.
        lines.append(name + "".join(f"{value:3}" for value in 2 * row.astype(int) - 1))
    file = folder / "list_attr_celeba.txt"
    file.write_text("\n".join(lines) + "\n")
    return folder / "images", file


# Batches ---------------------------------------------------------------------------


def test_the_middle_has_the_shape_of_the_size():
    image = np.arange(8 * 8 * 3, dtype="uint8").reshape(8, 8, 3)
    middle = pipeline.resize_middle(image, (4, 8))
    np.testing.assert_array_equal(middle, image[2:6])
    middle = pipeline.resize_middle(image, (8, 4))
    np.testing.assert_array_equal(middle, image[:, 2:6])


def test_shapes_and_names():
    source = noise(30, 8, 10, 3), random_attributes(30), NAMES
    data = attributes(source, batch_size=4)
    assert data.element_spec == (
        tf.TensorSpec([4, 8, 10, 3], tf.float32),
        tf.TensorSpec([4, 4], tf.float32),
    )
    assert data.attribute_names == NAMES
    assert data.exclusive_groups == (("Black_Hair", "Blond_Hair"),)
    assert len(data) == data.steps_per_epoch == 27 // 4  # A tenth is held out.
    data = attributes(source, batch_size=2, select=["Smiling"], size=(6, 5))
    assert [spec.shape for spec in data.element_spec] == [(2, 6, 5, 3), (2, 1)]
    assert data.attribute_names == ("Smiling",) and data.exclusive_groups == ()


def test_attributes_stay_with_their_images():
    source = numbered(40)
    data = attributes(source, batch_size=3, split=None)
    for images, labels in data.repeat(3):
        np.testing.assert_array_equal(labels, source[1][numbers(images)])


# Selection -------------------------------------------------------------------------


def test_selection_is_in_the_given_order():
    images, labels, names = numbered(12)
    chosen = load_attributes(
        (images, labels, names), select=["Smiling", "Black_Hair"], split=None
    )
    np.testing.assert_array_equal(chosen[0], images)
    np.testing.assert_array_equal(chosen[1], labels[:, [3, 0]])
    assert chosen[1].dtype == np.uint8
    assert chosen[2] == ("Smiling", "Black_Hair")


@pytest.mark.parametrize(
    "name, close",
    [("smiling", "Smiling"), ("Smile", "Smiling"), ("Glasses", "Eyeglasses")],
)
def test_unknown_attribute(name, close):
    message = (
        f"`select` must name.*'{name}', which is none of them. Did you mean '{close}'"
        "[?] They are Black_Hair, Blond_Hair, Eyeglasses, Smiling[.]"
    )
    with pytest.raises(ValueError, match=message):
        attributes(numbered(20), select=["Smiling", name])
    with pytest.raises(ValueError, match="'xyz', which is none of them. They are Bl"):
        attributes(numbered(20), select=["xyz"])


@pytest.mark.parametrize(
    "select, error, message",
    [
        ("Smiling", TypeError, "must be a list of names.*select='Smiling'"),
        (["Smiling", 3], TypeError, "must be a list of names"),
        ([], ValueError, "must name an attribute"),
        (["Smiling", "Smiling"], ValueError, "must name each.*Smiling comes twice"),
    ],
)
def test_selection_is_checked(select, error, message):
    with pytest.raises(error, match=f"`select` {message}"):
        attributes("no such set", select=select)


def test_exclusive_groups():
    groups = pipeline.exclusive_groups
    assert groups(("Male", "Gray_Hair", "Young", "Black_Hair")) == (
        ("Gray_Hair", "Black_Hair"),
    )
    assert groups(("Brown_Hair", "Young")) == ()


# Held-out images -------------------------------------------------------------------


def held_out(labels, select=None, names=NAMES):
    """The places of the training and the test images."""
    labels = np.asarray(labels, "uint8")
    places = np.arange(len(labels))
    images = np.zeros((len(labels), 1, 1, 3), "uint8")
    images[:, 0, 0, 0], images[:, 0, 0, 1] = places % 256, places // 256
    parts = []
    for split in ("train", "test"):
        source = images, labels, names
        part, own, _ = load_attributes(source, None, select, split=split)
        parts.append(part[:, 0, 0, 0] + 256 * part[:, 0, 0, 1].astype(int))
        columns = [names.index(name) for name in select or names]
        np.testing.assert_array_equal(own, labels[parts[-1]][:, columns])
    return parts


def test_splits_are_stratified():
    # Combinations of very different frequency.
    shares = np.random.default_rng(0).uniform(size=(1234, 4))
    labels = shares < (0.5, 0.3, 0.1, 0.02)
    train, test = held_out(labels)
    np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(1234))
    assert len(test) == 123
    keys = labels @ (1, 2, 4, 8)
    for key in np.unique(keys):
        assert abs(np.sum(keys[test] == key) - np.sum(keys == key) / 10) < 1
    assert np.all(np.diff(train) > 0) and np.all(np.diff(test) > 0)


def test_held_out_images_are_not_in_a_row():
    _, test = held_out(np.zeros((500, 4)))
    assert len(test) == 50
    assert len(np.unique(test % 10)) > 5
    assert np.histogram(test, 5, (0, 500))[0].min() > 3


def test_splits_do_not_depend_on_the_order_of_the_selection():
    labels = random_attributes(300)
    first = held_out(labels, select=["Smiling", "Eyeglasses", "Black_Hair"])
    second = held_out(labels, select=["Black_Hair", "Smiling", "Eyeglasses"])
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_splits_stay_the_same_over_versions():
    # These are held out for good: scores of models that are trained would be wrong.
    _, test = held_out(random_attributes(60))
    assert test.tolist() == [4, 12, 13, 45, 50, 54]


def test_splits_of_files_go_by_their_names(tmp_path):
    images, labels, _ = numbered(40)
    folder, file = write_set(tmp_path / "a", images, labels)
    options = {"file": file, "size": 4, "split": "test"}
    expected = numbers(load_attributes(folder, **options)[0])
    assert len(expected) == 4
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:2] + lines[:1:-1]))
    seen = numbers(load_attributes(folder, **options)[0])
    np.testing.assert_array_equal(seen, expected[::-1])
    train = numbers(attributes_of(folder, file, split="train"))
    np.testing.assert_array_equal(np.sort([*train, *seen]), np.arange(40))
    assert len(attributes_of(folder, file, split=None)) == 40


def attributes_of(folder, file, **options):
    return load_attributes(folder, file, size=4, **options)[0]


def test_split_is_checked():
    with pytest.raises(ValueError, match="`split` must be 'train', 'test' or None.*ev"):
        attributes("faces", split="eval")
    with pytest.raises(ValueError, match="Of 5 images none is in the split 'test'"):
        attributes(numbered(5), split="test")


# Crops -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, size, crop, rows, columns",
    [
        ((218, 178), 128, None, (20, 198), (0, 178)),  # CelebA's, as in StarGAN.
        ((218, 178), 64, 150, (34, 184), (14, 164)),
        ((40, 30), (20, 10), None, (0, 40), (5, 25)),
        ((40, 30), (20, 10), (10, 30), (15, 25), (0, 30)),
        ((12, 12), 24, None, (0, 12), (0, 12)),
        ((31, 20), None, 10, (10, 20), (5, 15)),
        ((31, 20), None, None, (0, 31), (0, 20)),
    ],
)
def test_crops_of_the_middle(shape, size, crop, rows, columns):
    images = noise(2, *shape, 3)
    source = images, random_attributes(2), NAMES
    found, _, _ = load_attributes(source, size=size, crop=crop, split=None)
    expected = images[:, slice(*rows), slice(*columns)]
    if size is not None:
        expected = np.stack([resize_image(image, size) for image in expected])
    np.testing.assert_array_equal(found, expected)


def test_resizing_is_antialiased():
    stripes = np.zeros((1, 64, 64, 3), "uint8")
    stripes[:, :, ::2] = 255
    found, _, _ = load_attributes((stripes, [[1]], ["A"]), size=16, split=None)
    # Without a filter they would be all black or all white.
    assert 110 < found.min() and found.max() < 145


@pytest.mark.filterwarnings("ignore:Skipped")
def test_crop_that_does_not_fit(tmp_path):
    source = noise(2, 20, 30, 3), random_attributes(2), NAMES
    with pytest.raises(ValueError, match="image 0: 30 x 20 pixels are too.*25 x 25"):
        load_attributes(source, crop=25, split=None)
    folder, file = write_set(tmp_path, *source[:2])
    with pytest.raises(ValueError, match="None of the 2.*000000.png: 30 x 20 pixels"):
        load_attributes(folder, file, crop=25, split=None)


# Folders ---------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    """Three images with their attributes, all of them in a folder with its file."""
    images, labels = noise(3, 22, 18, 3), random_attributes(3)
    return *write_set(tmp_path / "celeba", images, labels), images, labels


def edit_line(file, number, line):
    lines = file.read_text().split("\n")
    lines[number - 1 : number] = [] if line is None else [line]
    file.write_text("\n".join(lines))


def test_folder(photos):
    folder, file, images, labels = photos
    found, own, names = load_attributes(folder, file, size=18, split=None)
    np.testing.assert_array_equal(found, images[:, 2:20])
    np.testing.assert_array_equal(own, labels)
    assert names == NAMES and own.dtype == np.uint8
    found, own, _ = load_attributes(
        str(folder), str(file), ["Smiling", "Black_Hair"], split=None
    )
    assert found.shape == (3, 128, 128, 3)
    np.testing.assert_array_equal(own, labels[:, [3, 0]])
    data = attributes(folder, file, batch_size=3, size=18, split=None, flip=False)
    batch, own = next(iter(data))
    levels = np.round((batch.numpy() + 1.0) * 127.5)
    middles = images[:, 2:20].astype(int)
    order = [np.abs(middles - level).sum((1, 2, 3)).argmin() for level in levels]
    np.testing.assert_array_equal(levels, images[order, 2:20])
    np.testing.assert_array_equal(own, labels[order])


def test_file_variants(photos):
    folder, file, _, labels = photos
    text = file.read_text()
    # A mark at the start, ends of lines as on Windows, tabs, empty lines at the end.
    text = "\ufeff" + text.replace("  ", "\t").replace("\n", "\r\n") + "\r\n \r\n"
    file.write_bytes(text.encode())
    np.testing.assert_array_equal(
        load_attributes(folder, file, split=None, size=4)[1], labels
    )


def test_images_in_subfolders(photos):
    folder, file, images, _ = photos
    (folder / "more").mkdir()
    (folder / "000001.png").rename(folder / "more" / "000001.png")
    message = "line 4: there is no image '000001.png' in .*; there is 'more/000001.png'"
    with pytest.raises(ValueError, match=message):
        load_attributes(folder, file, split=None)
    file.write_text(file.read_text().replace("000001", "more/000001"))
    found, _, _ = load_attributes(folder, file, size=18, split=None)
    np.testing.assert_array_equal(found, images[:, 2:20])


@pytest.mark.parametrize(
    "number, line, message",
    [
        (1, "three", "line 1: expected the number of images alone.*'three'"),
        (1, "image_id,Smiling", "line 1: expected the number of images alone"),
        (1, "", "line 1: expected the number of images alone.*''"),
        (1, "4", "line 1: the number of images is 4, but lines of 3 images follow"),
        (1, "2", "line 1: the number of images is 2, but lines of 3 images follow"),
        (4, None, "line 1: the number of images is 3, but lines of 2 images follow"),
        (2, "", "line 2: expected the names of the attributes"),
        (2, "A B C B", "line 2: the names.* must differ. B comes twice"),
        (2, "A B C", "line 3: expected.* 3 values.*Received 4: '000000.png"),
        (4, "000001.png 1 1 1", "line 4: expected.* 4 values.*Received 3: "),
        (4, "000001.png 1 1 1 1 1", "line 4: expected.* 4 values.*Received 5: "),
        (4, "000001.png", "line 4: expected.* 4 values.*Received 0: "),
        (4, "000001.png 1 0 1 1", "line 4: the value of Blond_Hair must be -1 or 1.*0"),
        (5, "000002.png 1 1 1 x", "line 5: the value of Smiling must be -1 or 1.*'x'"),
        (5, "000000.png 1 1 1 1", "line 5: the image '000000.png' has.*, line 3"),
        (5, "000003.png 1 1 1 1", "line 5: there is no image '000003.png' in"),
    ],
)
def test_errors_name_the_line(photos, number, line, message):
    folder, file, *_ = photos
    edit_line(file, number, line)
    with pytest.raises(ValueError, match=f"list_attr_celeba.txt, {message}"):
        attributes(folder, file, batch_size=1)


def test_file_without_images(photos):
    folder, file, *_ = photos
    file.write_text("0\nA B\n")
    with pytest.raises(ValueError, match="there is no image in the file"):
        attributes(folder, file)
    file.write_text("")
    with pytest.raises(ValueError, match="line 1: expected the number of images"):
        attributes(folder, file)
    file.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ValueError, match="list_attr_celeba.txt: not a text file"):
        attributes(folder, file)


def test_several_missing_images(photos):
    folder, file, *_ = photos
    for name in ("000000.png", "000002.png"):
        (folder / name).unlink()
    with pytest.raises(ValueError, match="line 3: .*'000000.png'.* 2 lines are w"):
        attributes(folder, file)


def test_images_without_a_line_are_left_out(photos):
    folder, file, images, labels = photos
    edit_line(file, 4, None)
    edit_line(file, 1, "2")
    with pytest.warns(UserWarning, match="1 images in .* no line .*'000001.png'"):
        found, own, _ = load_attributes(folder, file, size=18, split=None)
    np.testing.assert_array_equal(found, images[::2, 2:20])
    np.testing.assert_array_equal(own, labels[::2])


@pytest.mark.filterwarnings("ignore:1 of 3 image files")
def test_bad_images_are_skipped_with_their_attributes(photos):
    folder, file, images, labels = photos
    (folder / "000001.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="Skipped .*000001.png: the file is empty"):
        found, own, _ = load_attributes(folder, file, size=18, split=None)
    np.testing.assert_array_equal(found, images[::2, 2:20])
    np.testing.assert_array_equal(own, labels[::2])
    with pytest.raises(ValueError, match="000001.png: the file is empty"):
        attributes(folder, file, strict=True, split=None)
    (folder / "000001.png").unlink()
    (folder / "000000.png").rename(folder / "000001.png")
    keras.utils.save_img(folder / "000000.png", images[0], scale=False)
    with pytest.raises(ValueError, match="max_pixels=395"):
        attributes(folder, file, strict=True, split=None, max_pixels=395)


def test_paths_are_checked(photos, tmp_path):
    folder, file, *_ = photos
    with pytest.raises(FileNotFoundError, match="no attribute file 'nowhere.txt'"):
        attributes(folder, "nowhere.txt")
    with pytest.raises(ValueError, match="Expected an attribute file, but .* a folder"):
        attributes(folder, folder)
    with pytest.raises(FileNotFoundError, match="There is no folder 'nowhere'"):
        attributes("nowhere", file)
    with pytest.raises(ValueError, match="`file` must be given for a folder of images"):
        attributes(folder)
    with pytest.raises(FileNotFoundError, match="`source`: there is no folder"):
        attributes(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="`source` must be a folder.*tuple"):
        attributes(numbered(4), file)


# Named sets ------------------------------------------------------------------------


def test_faces(monkeypatch):
    def draw(split="train", count=6):
        images, labels, names = numbered(count)
        return images + np.uint8(100 * (split == "test")), labels, names

    own = EmbeddedSet(draw, 4, has_attributes=True)
    monkeypatch.setitem(EMBEDDED, "faces", own)
    for split, expected in (
        ("train", range(6)),
        ("test", range(100, 106)),
        (None, [*range(6), *range(100, 106)]),
    ):
        images, labels, _ = load_attributes("faces", select=["Smiling"], split=split)
        assert numbers(images).tolist() == list(expected)
        assert labels.shape == (len(expected), 1)
    monkeypatch.undo()

    def drawn(split="train", count=None):
        assert count == 1, "Faces were drawn before the selection was checked."
        return numbered(1)

    own = EmbeddedSet(drawn, 4, has_attributes=True)
    monkeypatch.setitem(EMBEDDED, "faces", own)
    with pytest.raises(ValueError, match="'Smile', which is none of them"):
        attributes("faces", select=["Smile"])


def test_faces_are_the_embedded_ones():
    images, labels, names = load_attributes("faces", split="test")
    drawn = faces("test", count=20)
    np.testing.assert_array_equal(images[:20], drawn[0])
    np.testing.assert_array_equal(labels[:20], drawn[1])
    assert names == drawn[2] and len(images) == 512


COUNTS = {"train": 40, "test": 6}


def mock_examples(builder, split, **_):
    """Stands in for `DatasetBuilder._as_dataset`."""
    names = tuple(builder.info.features["attributes"])
    parts = [part.split("[")[0] for part in str(split).split("+")]

    def examples():
        for part in parts:
            for index in range(COUNTS[part]):
                value = index + 100 * (part == "test")
                yield {
                    "image": np.full((218, 178, 3), value, "uint8"),
                    # Of each number, the first attributes are the digits to base 2.
                    "attributes": {
                        name: bool(value >> place & 1) if place < 8 else False
                        for place, name in enumerate(names)
                    },
                }

    signature = {
        "image": tf.TensorSpec([218, 178, 3], tf.uint8),
        "attributes": {name: tf.TensorSpec([], tf.bool) for name in names},
    }
    return tf.data.Dataset.from_generator(examples, output_signature=signature)


@pytest.fixture(scope="module")
def tfds_directory(tmp_path_factory):
    """Holds what tensorflow_datasets keeps beside a set that it has downloaded."""
    directory = tmp_path_factory.mktemp("tensorflow_datasets")
    write_metadata("celeb_a", directory, COUNTS)
    return directory


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no network here")

    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_tfds(tfds_directory, no_network):
    with tfds.testing.mock_data(data_dir=tfds_directory, as_dataset_fn=mock_examples):
        parts = {
            split: load_attributes("celeb_a", size=4, split=split)
            for split in ("train", "test", None)
        }
        data = attributes("celeb_a", select=["Smiling", "Bald"], batch_size=5)
    expected = {"train": [*range(40)], "test": [*range(100, 106)]}
    expected[None] = expected["train"] + expected["test"]
    for split, (images, labels, names) in parts.items():
        assert numbers(images).tolist() == expected[split]
        assert labels.shape == (len(images), 40) and labels.dtype == np.uint8
        bits = labels[:, :8].astype(int) @ (1 << np.arange(8))
        np.testing.assert_array_equal(bits, numbers(images))
        assert names[0] == "5_o_Clock_Shadow" and "Smiling" in names
    assert [spec.shape for spec in data.element_spec] == [(5, 128, 128, 3), (5, 2)]


def test_tfds_parts_that_are_named(tfds_directory, no_network):
    with tfds.testing.mock_data(data_dir=tfds_directory, as_dataset_fn=mock_examples):
        train, test, both = (
            load_attributes("celeb_a:train[:50%]", None, ["Bald"], 4, split=split)
            for split in ("train", "test", None)
        )
        with pytest.raises(ValueError, match=r"no split 'dev'. It has \['test', 'tr"):
            attributes("celeb_a:dev")
    assert (len(train[0]), len(test[0]), len(both[0])) == (36, 4, 40)
    seen = np.concatenate([numbers(train[0]), numbers(test[0])])
    np.testing.assert_array_equal(np.sort(seen), np.arange(40))
    np.testing.assert_array_equal(train[1], both[1][numbers(train[0])])


def test_tfds_errors(no_network):
    with tfds.testing.mock_data(policy=tfds.testing.MockPolicy.USE_CODE):
        with pytest.raises(ConnectionError, match="'celeb_a' is not .*here.*'faces'"):
            attributes("celeb_a")
        with pytest.raises(ValueError, match="'Smile', which is none.*'Smiling'"):
            attributes("celeb_a", select=["Smile"])
        with pytest.raises(ValueError, match="set of images with attr.*source='mnist'"):
            attributes("mnist")
        for name, close in (("celeba", "celeb_a"), ("face", "faces")):
            with pytest.raises(ValueError, match=f"'{name}', which .*mean '{close}'"):
                attributes(name)


# Arrays ----------------------------------------------------------------------------


def test_arrays():
    grey = noise(5, 4, 4)
    images, labels, names = load_attributes(
        (grey, np.eye(5, dtype=bool), list("ABCDE")), split=None
    )
    np.testing.assert_array_equal(images, grey[..., None].repeat(3, -1))
    np.testing.assert_array_equal(labels, np.eye(5))
    assert names == tuple("ABCDE") and labels.dtype == np.uint8
    scaled = grey / np.float32(127.5) - 1
    again, _, _ = load_attributes((scaled, np.eye(5), np.array([*"ABCDE"])), split=None)
    np.testing.assert_array_equal(again, images)
    assert load_attributes((images, labels, names), split=None)[2] == names


IMAGES = noise(4, 8, 8, 3)


@pytest.mark.parametrize(
    "source, error, message",
    [
        (IMAGES, TypeError, r"triple \(images, attributes, names\)"),
        ((IMAGES, [1, 0, 1, 0]), TypeError, r"triple \(images, attributes, names\)"),
        ((IMAGES, [1, 0, 1, 0], ["A"]), ValueError, r"attributes of shape \(4,\)"),
        ((IMAGES, np.ones((3, 1)), ["A"]), ValueError, r"attributes of shape \(3, 1\)"),
        ((IMAGES, np.ones((4, 2)), ["A"]), ValueError, r"\(4, 2\) and 1 names"),
        ((IMAGES, np.ones((4, 2)), "AB"), TypeError, "names.* as strings.*'AB'"),
        ((IMAGES, np.ones((4, 2)), [1, 2]), TypeError, "names.* as strings"),
        ((IMAGES, np.ones((4, 2)), ["A", "A"]), ValueError, "A comes twice"),
        ((IMAGES, -np.ones((4, 1)), ["A"]), ValueError, r"of 0 and 1.*\[-1.\]"),
        ((IMAGES.astype(int), np.ones((4, 1)), ["A"]), TypeError, "uint8 images or"),
        ((IMAGES[..., :2], np.ones((4, 1)), ["A"]), ValueError, "1 or 3 channels"),
    ],
)
def test_arrays_are_checked(source, error, message):
    with pytest.raises(error, match=f"`source` must .*{message}"):
        attributes(source, split=None)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"crop": (3, -1)}, ValueError, "`crop` must be a positive integer.*-1"),
        ({"batch_size": 5}, ValueError, "4 images.*None, fewer than batch_size=5"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        attributes((IMAGES, np.ones((4, 1)), ["A"]), split=None, **options)


# CelebA ----------------------------------------------------------------------------


@pytest.mark.skipif(not CELEBA.exists(), reason=f"There is no {CELEBA.name} here.")
def test_celeba(tmp_path):
    # A few images alone are unpacked, and lines left for them.
    with tarfile.open(CELEBA) as archive:
        lines = archive.extractfile("celeba/list_attr_celeba.txt").read().decode()
        first, names, *rows = lines.splitlines()
        for row in rows[:40]:
            name = f"celeba/images/{row.split()[0]}"
            archive.extract(name, tmp_path, filter="data")
    assert int(first) == len(rows)
    file = tmp_path / "attributes.txt"
    file.write_text("\n".join(["40", names, *rows[:40]]))
    select = ["Black_Hair", "Blond_Hair", "Smiling"]
    images, labels, _ = load_attributes(
        tmp_path / "celeba" / "images", file, select, size=64
    )
    assert images.shape == (36, 64, 64, 3) and images.std() > 30
    assert 0.2 < labels[:, 2].mean() < 0.8
    blond, black = (labels[:, place] == 1 for place in (1, 0))
    # The hair at the top of the crop.
    assert images[blond, :8].mean() > images[black, :8].mean()
