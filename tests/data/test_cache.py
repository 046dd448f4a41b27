"""Tests of images on the disk: the same batches, and nothing broken is ever read."""

import collections
import errno
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tracemalloc
import types
import warnings

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from small_images import assert_equal_batches, noise
from tfds_helpers import write_metadata

import keras_gans
from keras_gans.checks import cache_place
from keras_gans.data import cache as caches
from keras_gans.data import images as image_files
from keras_gans.data import load_images
from keras_gans.data.cache import Stream, keep
from keras_gans.data.images import (
    ImageError,
    encode_png,
    first_images,
    load_folder,
    read_files,
)
from keras_gans.data.memory import as_tensor, digest, reader

COUNT = 11


def write_folder(folder, count=COUNT, size=(9, 9), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(noise(count, *size, 3, seed=seed)):
        (folder / f"{index:03}.png").write_bytes(encode_png(image))
    return folder


def unpaired_folders(place):
    x = write_folder(place / "x")
    return "unpaired", (x, write_folder(place / "y", 7, seed=1)), {"load_size": 8}


def files(place):
    listed = sorted(write_folder(place / "x").iterdir())
    return "unpaired", (listed, listed[::-1]), {}


def side_by_side(place):
    return "paired", (write_folder(place / "pairs", size=(9, 18)),), {"load_size": 8}


def two_folders(place):
    folders = write_folder(place / "a"), write_folder(place / "b", seed=1)
    return "paired", folders, {"channels": (1, 3)}


def pairs_of_arrays(place):
    return "paired", (noise(9, 9, 9, 1), noise(9, 9, 9, 3, seed=1)), {}


def attributes(place):
    folder, file = write_folder(place / "faces"), place / "attributes.txt"
    lines = [f"{index:03}.png {(-1) ** index} 1" for index in range(COUNT)]
    file.write_text("\n".join([str(COUNT), "Smiling Young", *lines]))
    return "attributes", (folder, file), {"crop": 8}


def attribute_arrays(place):
    labels = np.arange(22).reshape(11, 2) % 2
    source = noise(11, 9, 9, 3), labels, ["Smiling", "Young"]
    return "attributes", (source,), {}


def illustrations(place):
    options = {"line_art": "sobel", "hints": False}
    return "colorization", (write_folder(place / "drawings"),), options


def npz(place):
    np.savez(place / "set.npz", x_train=noise(9, 9, 9), y_train=np.arange(9))
    return "generation", (place / "set.npz",), {"labels": True, "channels": 3}


def idx(place):
    header = b"\0\0\x08\x03" + np.array([9, 9, 9], ">u4").tobytes()
    (place / "train-images-idx3-ubyte").write_bytes(header + noise(9, 9, 9).tobytes())
    return "generation", (place,), {}


def floats(place):
    return "generation", (np.linspace(-1, 1, 9 * 81).reshape(9, 9, 9),), {}


def records(place):
    """TFRecords, whose number is not known before they are read."""
    path = place / "images.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in noise(9, 9, 9, 3):
            writer.write(encode_png(image))
    decode = tf.io.decode_png
    data = tf.data.TFRecordDataset(str(path)).map(lambda text: (decode(text, 3), 4))
    return "generation", (data,), {"labels": True}


KINDS = (
    *(unpaired_folders, files, side_by_side, two_folders, pairs_of_arrays),
    *(attributes, attribute_arrays, illustrations, npz, idx, floats, records),
)
# They have no files by which they could be known again.
PRIVATE = {pairs_of_arrays, attribute_arrays, idx, floats, records}


def make(made, cache):
    name, sources, options = made
    options = {"batch_size": 2, "size": 6, "cache": cache} | options
    return getattr(keras_gans.data, name)(*sources, **options)


def entries(folder):
    return sorted(folder.glob("*/cache.json"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_batches_from_memory_and_from_disk(kind, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    source = kind(tmp_path)
    memory = make(source, "memory")
    assert not folder.exists()
    expected = list(memory.repeat(2))
    first = make(source, folder)
    assert bool(entries(folder)) == (kind not in PRIVATE)
    if kind not in PRIVATE:
        # A warm cache is not decoded again.
        monkeypatch.setattr(caches, "_write", None)
    again = make(source, folder)
    # A checkpoint takes one for the other.
    assert first.identity == again.identity == memory.identity
    assert_equal_batches(again.repeat(2), expected)
    # In the middle of the second epoch.
    first.position.assign(memory.steps_per_epoch + 1)
    assert_equal_batches(first, expected[memory.steps_per_epoch + 1 :])


def test_records_that_turn_out_to_be_many_move_to_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    source = records(tmp_path)
    expected = list(make(source, "memory"))
    assert_equal_batches(make(source, "auto"), expected)
    assert not (tmp_path / "home").exists()
    monkeypatch.setattr(caches, "IN_MEMORY", 4 * 108)
    monkeypatch.setattr(caches, "_BLOCK", 3 * 108)
    data = make(source, "auto")
    assert_equal_batches(data, expected)
    # The file has no name, and goes with the process that made it.
    assert [*(tmp_path / "home" / "keras_gans" / "images").iterdir()] == []


def test_auto_keeps_small_sets_in_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    folder = write_folder(tmp_path / "x")
    nbytes = COUNT * 4 * 4 * 3
    monkeypatch.setattr(caches, "IN_MEMORY", nbytes)
    assert not isinstance(load_folder(folder, 4, cache="auto"), np.memmap)
    monkeypatch.setattr(caches, "IN_MEMORY", nbytes - 1)
    assert isinstance(load_folder(folder, 4, cache="auto"), np.memmap)
    assert len(entries(tmp_path / "home" / "keras_gans" / "images")) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert caches.default_folder().parts[-3:] == (".cache", "keras_gans", "images")


def mock_examples(builder, split, **_):
    def examples():
        for index, image in enumerate(noise(9, 28, 28, 1)):
            yield {"image": image, "label": index}

    specs = tf.TensorSpec([28, 28, 1], tf.uint8), tf.TensorSpec([], tf.int64)
    signature = dict(zip(("image", "label"), specs, strict=True))
    data = tf.data.Dataset.from_generator(examples, output_signature=signature)
    return data.apply(tf.data.experimental.assert_cardinality(9))


def test_a_set_of_tensorflow_datasets_is_read_once(tmp_path, monkeypatch):
    write_metadata("mnist", tmp_path, {"train": 9})
    options = {"size": 8, "channels": 3}
    with tfds.testing.mock_data(data_dir=tmp_path, as_dataset_fn=mock_examples):
        expected = load_images("mnist", **options)
        for _ in range(2):
            images, labels = load_images("mnist", cache=tmp_path / "cache", **options)
            assert isinstance(images, np.memmap)
            np.testing.assert_array_equal(images, expected[0])
            np.testing.assert_array_equal(labels, expected[1])
            monkeypatch.setattr(caches, "_write", None)
        monkeypatch.undo()
    assert len(entries(tmp_path / "cache")) == 1


class TestKey:
    @pytest.fixture
    def folder(self, tmp_path):
        return write_folder(tmp_path / "x")

    def load(self, folder, size=4, **options):
        return load_folder(folder, size, cache=folder.parent / "cache", **options)

    def count(self, folder):
        return len(entries(folder.parent / "cache"))

    def test_it_changes_when_a_file_does(self, folder):
        before = self.load(folder)
        self.load(folder)
        assert self.count(folder) == 1
        path = folder / "004.png"
        content = path.read_bytes()
        path.write_bytes(encode_png(noise(9, 9, 3, seed=5)))
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
        after = self.load(folder)
        assert self.count(folder) == 2
        changed = (before != after).any(axis=(1, 2, 3))
        assert np.flatnonzero(changed).tolist() == [4]
        # A new time alone is enough, a new file and another name as well.
        path.write_bytes(content)
        os.utime(path, ns=(0, 1))
        assert (self.load(folder) == before).all() and self.count(folder) == 3
        path.rename(folder / "004b.png")
        assert (self.load(folder) == before).all() and self.count(folder) == 4
        path.write_bytes(content)
        assert len(self.load(folder)) == COUNT + 1 and self.count(folder) == 5

    def test_it_changes_with_every_setting(self, folder):
        for number, options in enumerate(
            ({}, {"size": 5}, {"channels": 1}, {"max_pixels": 100}), 1
        ):
            self.load(folder, **options)
            assert self.count(folder) == number

    def test_pairs_and_their_other_direction(self, tmp_path):
        folder = write_folder(tmp_path / "x", size=(4, 8))
        options = {"size": 4, "cache": tmp_path / "cache", "flip": False}
        ab, ba = (
            keras_gans.data.paired(folder, direction=direction, **options)
            for direction in ("ab", "ba")
        )
        assert_equal_batches(ab, [pair[::-1] for pair in ba])

    def test_other_versions_of_the_decoder(self, folder, monkeypatch):
        self.load(folder)
        monkeypatch.setattr(caches.PIL, "__version__", "0")
        self.load(folder)
        assert self.count(folder) == 2


def truncate(entry):
    os.truncate(entry / "images.npy", 500)


def change_pixel(entry):
    with (entry / "images.npy").open("r+b") as file:
        file.seek(200)
        byte = file.read(1)[0]
        file.seek(200)
        file.write(bytes([byte ^ 1]))


def swap(entry):
    """Another set of as many images of the same size."""
    array = np.load(entry / "images.npy")
    np.save(entry / "images.npy", array[::-1])


def another_type(entry):
    array = np.load(entry / "images.npy")
    np.save(entry / "images.npy", array.view("int8"))


def remove(entry):
    (entry / "images.npy").unlink()


def empty_record(entry):
    (entry / "cache.json").write_text("")


def foreign_record(entry):
    (entry / "cache.json").write_text('{"what": "is this?"}')


def other_key(entry):
    about = json.loads((entry / "cache.json").read_text())
    (entry / "cache.json").write_text(json.dumps(about | {"key": "0"}))


def fewer_values(entry):
    np.save(entry / "values.npy", np.arange(3))


DAMAGES = (truncate, change_pixel, swap, another_type, remove, empty_record)
DAMAGES += (foreign_record, other_key, fewer_values)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_or_foreign_is_made_anew(damage, tmp_path):
    folder, cache = write_folder(tmp_path / "x"), tmp_path / "cache"
    expected = np.array(load_folder(folder, 4, cache=cache))
    (record,) = entries(cache)
    damage(record.parent)
    text = f"{record.parent.name} .*made anew"
    with pytest.warns(UserWarning, match=text) as caught:
        again = load_folder(folder, 4, cache=cache)
    assert len(caught) == 1
    np.testing.assert_array_equal(again, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_folder(folder, 4, cache=cache)


def test_skipped_files_are_named_from_the_cache_too(tmp_path):
    folder, cache = write_folder(tmp_path / "x"), tmp_path / "cache"
    (folder / "002.png").write_bytes(b"")
    texts = []
    for where in ("memory", cache, cache):
        with pytest.warns(UserWarning) as caught:
            images = load_folder(folder, 4, cache=where)
        assert len(images) == COUNT - 1
        texts.append([str(warning.message) for warning in caught])
    assert texts[0] == texts[1] == texts[2] and len(texts[0]) == 2
    with pytest.raises(ImageError, match="002.png: the file is empty"):
        load_folder(folder, 4, strict=True, cache=cache)


@pytest.mark.filterwarnings("ignore:Skipped")
def test_nothing_is_left_of_a_set_without_a_usable_image(tmp_path):
    folder, cache = tmp_path / "x", tmp_path / "cache"
    folder.mkdir()
    (folder / "a.png").touch()
    with pytest.raises(ValueError, match="None of the 1 image files"):
        load_folder(folder, 4, cache=cache)
    assert not [*cache.glob("*/*.npy"), *cache.glob("*/*.tmp"), *entries(cache)]


def test_a_build_that_was_stopped_counts_for_nothing(tmp_path):
    files, cache = [tmp_path / str(index) for index in range(40)], tmp_path / "cache"

    def read(path):
        if path.name == "30" and stops:
            raise KeyboardInterrupt
        return np.full((2, 2, 3), int(path.name), "uint8")

    stops = True
    with pytest.raises(KeyboardInterrupt):
        read_files(files, read, (2, 2, 3), tmp_path, [], cache=cache)
    assert not [*cache.glob("*/*.npy"), *cache.glob("*/*.tmp"), *entries(cache)]
    stops = False
    images, places = read_files(files, read, (2, 2, 3), tmp_path, [], cache=cache)
    assert images[:, 0, 0, 0].tolist() == places.tolist() == [*range(40)]


class TestDisk:
    def refuse(self, monkeypatch, free):
        usage = types.SimpleNamespace(free=free)
        monkeypatch.setattr(caches.shutil, "disk_usage", lambda path: usage)

    def test_too_small(self, tmp_path, monkeypatch):
        folder, cache = write_folder(tmp_path / "x"), tmp_path / "new" / "cache"
        self.refuse(monkeypatch, free=100)
        with pytest.raises(OSError, match="too small .* 0.0 MB free.*cache='memory'"):
            load_folder(folder, 400, cache=cache)
        assert not [*cache.glob("*/*.tmp"), *entries(cache)]
        assert len(load_folder(folder, 400)) == COUNT

    def test_arrays_too(self, tmp_path, monkeypatch):
        self.refuse(monkeypatch, free=100)
        with pytest.raises(OSError, match="too small"):
            load_images(noise(9, 9, 9, 3), cache=tmp_path)

    def test_a_warm_cache_needs_no_room(self, tmp_path, monkeypatch):
        folder, cache = write_folder(tmp_path / "x"), tmp_path / "cache"
        load_folder(folder, 4, cache=cache)
        self.refuse(monkeypatch, free=0)
        assert len(load_folder(folder, 4, cache=cache)) == COUNT

    @pytest.mark.parametrize(
        "number, kind, match",
        [
            (errno.ENOSPC, OSError, "became full.*larger disk"),
            (errno.EROFS, PermissionError, "cannot be written into .*cache=FOLDER"),
        ],
    )
    def test_full_or_read_only(self, number, kind, match, tmp_path, monkeypatch):
        def write(file, images):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(caches, "_write", write)
        folder, cache = write_folder(tmp_path / "x"), tmp_path / "cache"
        with pytest.raises(kind, match=match):
            load_folder(folder, 4, cache=cache)
        assert not [*cache.glob("*/*.tmp"), *entries(cache)]

    def test_what_it_takes_is_said_before(self, tmp_path, capsys):
        folder = write_folder(tmp_path / "x")
        load_folder(folder, 300, cache=tmp_path / "cache")
        out = capsys.readouterr().out
        assert re.search(r"Decoding 11 images once: 3.0 MB, of [\d.,]+ GB", out)
        load_folder(folder, 300, cache=tmp_path / "cache")
        assert capsys.readouterr().out == ""


class TestPlace:
    def test_words_and_folders(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "here").mkdir()
        for word in ("auto", "memory", "disk"):
            assert cache_place(word) == word
        here = str(tmp_path / "here")
        for place in ("here", pathlib.Path("here"), "./here", here):
            assert cache_place(place) == here
        assert cache_place("./new") == str(tmp_path / "new")
        assert cache_place("~/new") == os.path.expanduser("~/new")

    @pytest.mark.parametrize("wrong", ["memroy", "", None, 3, "file"])
    def test_others_are_refused_before_anything_is_read(self, wrong, tmp_path):
        wrong = tmp_path / "file" if wrong == "file" else wrong
        (tmp_path / "file").touch()
        with pytest.raises(ValueError, match="`cache` must be 'auto', 'memory', 'di"):
            keras_gans.data.generation(tmp_path / "missing", size=4, cache=wrong)


# Several processes -------------------------------------------------------------------

# There the packages are bare names, which import neither TensorFlow nor Keras.
BUILD = f"""
import os, pathlib, sys, time, types
for name, place in (("keras_gans", "."), ("keras_gans.data", "data")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [os.path.join({os.path.dirname(keras_gans.__file__)!r}, place)]
from keras_gans.data.images import read_files
import numpy as np
folder = pathlib.Path(sys.argv[1])
files = [folder / str(number) for number in range(60)]
def read(path):
    with (folder / "decoded.txt").open("a") as log:
        print(path.name, file=log)
    while not (folder / "go").exists():
        time.sleep(0.01)
    return np.full((2, 2, 3), int(path.name), "uint8")
images, _ = read_files(files, read, (2, 2, 3), folder, [], cache=folder / "cache")
print("sum", images.sum(dtype=int))
"""


def build(folder):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder)], stdout=subprocess.PIPE, text=True
    )


def wait_for_decoding(folder):
    end = time.monotonic() + 30
    while not (folder / "decoded.txt").exists() and time.monotonic() < end:
        time.sleep(0.02)


def test_of_two_processes_one_decodes_and_the_other_waits(tmp_path):
    first = build(tmp_path)
    wait_for_decoding(tmp_path)
    second = build(tmp_path)
    assert second.stdout.readline().startswith("Waiting for another process, which")
    (tmp_path / "go").touch()
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    total = f"sum {12 * sum(range(60))}"
    assert all(output.endswith(f"{total}\n") for output in outputs), outputs
    assert outputs[0].startswith("Decoding 60 images once")
    assert outputs[1] == f"{total}\n"
    decoded = (tmp_path / "decoded.txt").read_text().split()
    assert collections.Counter(decoded) == {str(number): 1 for number in range(60)}


def test_a_killed_process_leaves_no_half_of_it(tmp_path):
    process = build(tmp_path)
    wait_for_decoding(tmp_path)
    process.kill()
    process.communicate()
    assert not entries(tmp_path / "cache")
    (half,) = (tmp_path / "cache").glob("*/*.tmp")
    (tmp_path / "go").touch()
    with build(tmp_path) as process:
        output = process.communicate(timeout=60)[0]
    assert "Waiting" not in output and f"sum {12 * sum(range(60))}" in output
    assert not half.exists() and len(entries(tmp_path / "cache")) == 1


# Memory ------------------------------------------------------------------------------


def address(tensor):
    return np.frombuffer(memoryview(tensor), "uint8").ctypes.data


def test_a_tensor_shares_what_was_decoded(tmp_path):
    folder = write_folder(tmp_path / "x")
    for cache in ("memory", tmp_path / "cache"):
        images = load_folder(folder, 5, cache=cache)
        assert not images.flags.writeable
        tensor = as_tensor(images)
        assert address(tensor) == images.ctypes.data
        assert address(reader(images)()) == images.ctypes.data
        expected = images.tobytes()
        del images  # The tensor keeps what it needs.
        assert tensor.numpy().tobytes() == expected
    # An array of somebody else may change.
    own = noise(64, 8)
    tensor = as_tensor(own)
    before = own.copy()
    own[:] = 0
    np.testing.assert_array_equal(tensor, before)


def test_mapped_files_of_the_user_are_left_where_they_are(tmp_path):
    np.save(tmp_path / "images.npy", noise(9, 9, 9, 3))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    images, _ = load_images(mapped, cache="disk")
    assert images.ctypes.data == mapped.ctypes.data
    assert address(as_tensor(images)) == mapped.ctypes.data


def test_a_folder_is_never_in_memory_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "_THREADS", 2)
    folder, nbytes = write_folder(tmp_path / "x", 60), 60 * 256 * 256 * 3
    peaks = []
    for cache in ("memory", tmp_path / "cache"):
        tracemalloc.start()
        load_folder(folder, 256, cache=cache)
        peaks.append(tracemalloc.get_traced_memory()[1] / nbytes)
        tracemalloc.stop()
    # Beside it there are the few images that threads have decoded ahead.
    assert 1 <= peaks[0] < 1.4 and peaks[1] < 0.4


def test_blocks_are_joined_in_order(monkeypatch):
    monkeypatch.setattr(caches, "_BLOCK", 4 * 12)
    expected = noise(10, 2, 2, 3)
    stream = Stream(lambda: ((image, 3) for image in expected))
    images, values = keep(stream)
    np.testing.assert_array_equal(images, expected)
    assert values.tolist() == [3] * 10 and images.ctypes.data % 64 == 0


@pytest.mark.skipif(
    not os.path.exists("/proc/self/smaps"), reason="Linux alone says so"
)
def test_pages_that_were_read_are_given_back(tmp_path):
    images = load_images(noise(40, 128, 128, 3), cache=tmp_path)[0]
    tensor = as_tensor(images)
    expected = int(np.sum(images, dtype=int))

    def resident():
        pages = 0
        for part in pathlib.Path("/proc/self/smaps").read_text().split("\nVmFlags"):
            if str(tmp_path) in part:
                pages += int(re.search(r"\nRss: +(\d+) kB", part)[1])
        return pages

    end = time.monotonic() + 10
    while resident() and time.monotonic() < end:
        time.sleep(0.05)
    assert not resident()
    assert int(tf.reduce_sum(tf.cast(tensor, tf.int64))) == expected


@pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="Linux alone says so"
)
def test_tf_data_makes_no_copy_of_all(tmp_path):
    """It has one of what its functions capture, unless that is a handle."""

    def own_memory():
        text = pathlib.Path("/proc/self/status").read_text()
        return int(re.search(r"\nRssAnon:\s+(\d+) kB", text)[1]) / 1024

    images = load_images(
        np.tile(noise(1, 160, 160, 3), (1400, 1, 1, 1)), cache=tmp_path
    )
    nbytes = images[0].nbytes / 2**20
    assert nbytes > 100
    before = own_memory()
    data = keras_gans.data.generation(images[0], batch_size=2, steps_per_epoch=20)
    assert len(list(data)[0]) == 2
    assert own_memory() - before < 0.6 * nbytes


def test_digest_of_a_large_array_looks_at_a_part():
    large = np.zeros((2048, 2**15 + 1), "uint8")
    before = digest(large)
    large[1] = 1
    assert digest(large) == before
    large[2] = 1
    assert digest(large) != before
    assert digest(large[:5]) != digest(large[:6])


def test_first_images_are_those_of_the_folder(tmp_path):
    folder = write_folder(tmp_path / "x")
    (folder / "001.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped|Skipped"):
        expected = load_folder(folder, 4, channels=1)
    np.testing.assert_array_equal(first_images(folder, 3, 4, 1), expected[:3])
