"""Statistics of a reference set against NumPy, and their files."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from feature_helpers import MeanNetwork, reference_images

from keras_gans.metrics import FeatureStatistics, FrechetDistance, KernelDistance
from keras_gans.metrics import Split, feature_statistics


def test_statistics_are_those_of_numpy():
    images = reference_images()
    expected = images.astype("float64").mean((1, 2))
    floats = images.astype("float32") / 127.5 - 1
    datasets = {
        "array": images,
        "tensor": tf.constant(images),
        "dataset": tf.data.Dataset.from_tensor_slices(images).batch(7),
        "generator": (images[start : start + 3] for start in range(0, 20, 3)),
    }
    hashes = {FeatureStatistics.of(floats, MeanNetwork(3)).images_hash}
    for name, dataset in datasets.items():
        statistics = FeatureStatistics.of(dataset, MeanNetwork(3), batch_size=6)
        assert statistics.count == 20, name
        np.testing.assert_allclose(statistics.mean, expected.mean(0), rtol=1e-6)
        np.testing.assert_allclose(statistics.covariance, np.cov(expected.T), rtol=1e-5)
        np.testing.assert_allclose(statistics.sample, expected, rtol=1e-6)
        assert statistics.image_sizes == ((3, 3),)
        hashes.add(statistics.images_hash)
    # Of the pixels, whatever the batches and the dtype.
    assert len(hashes) == 1
    # But not of the pixels alone.
    wide = FeatureStatistics.of(images.reshape(20, 1, 9, 3), MeanNetwork(3))
    assert wide.images_hash not in hashes


def test_statistics_take_images_of_mixed_sizes_but_not_everything():
    batches = [reference_images(1, size, size) for size in (5, 2, 5, 3)]
    statistics = FeatureStatistics.of(batches, MeanNetwork(3))
    assert statistics.image_sizes == ((2, 2), (3, 3), (5, 5))
    assert statistics.count == 4
    images = reference_images()
    labelled = tf.data.Dataset.from_tensor_slices((images, np.arange(20))).batch(5)
    unbatched = tf.data.Dataset.from_tensor_slices(images)
    for wrong in (labelled, unbatched, images[0]):
        with pytest.raises(TypeError, match="batch, height, width, channels"):
            FeatureStatistics.of(wrong, MeanNetwork(3))
    with pytest.raises(ValueError, match="at least one image"):
        FeatureStatistics.of(images[:0], MeanNetwork(3))
    with pytest.raises(ValueError, match="batch_size=0"):
        FeatureStatistics.of(images, MeanNetwork(3), batch_size=0)
    with pytest.raises(TypeError, match="FeatureNetwork"):
        FeatureStatistics.of(images, None)


def parts_of(images, count, seed=None, **changes):
    """Statistics of parts, each in another order of its images."""
    random = np.random.default_rng(seed)
    parts = []
    for part in range(count):
        places = random.permutation(np.arange(part, len(images), count))
        split = Split(part + 1, count, "set", places.tolist())
        batches = np.array_split(images[places], 3)
        made = FeatureStatistics.of(batches, MeanNetwork(3), split=split)
        parts.append(dataclasses.replace(made, **changes))
    return parts


@pytest.mark.parametrize("count", [1, 3, 20])
def test_parts_are_merged_to_the_whole(monkeypatch, tmp_path, count):
    monkeypatch.setattr(feature_statistics, "MAX_SAMPLES", 8)
    images = reference_images()
    whole = FeatureStatistics.of(images, MeanNetwork(3))
    parts = parts_of(images, count, seed=1)
    for number, part in enumerate(parts):
        part.save(tmp_path / f"{number}.npz")
    loaded = [
        FeatureStatistics.load(tmp_path / f"{number}.npz", MeanNetwork(3))
        for number in reversed(range(count))
    ]
    merged = FeatureStatistics.merge(loaded)
    assert merged.count == 20 and merged.image_sizes == whole.image_sizes
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-12)
    np.testing.assert_array_equal(merged.sample, whole.sample)
    np.testing.assert_array_equal(merged.places, whole.places)
    assert len(merged.sample) == 8


def test_parts_that_are_not_the_whole_are_refused():
    images = reference_images()
    one, two, three = parts_of(images, 3)
    for parts, message in (
        ([one, three], "all 3 parts of a set, each once. Received: 1/3, 3/3"),
        ([one, one, three], "each once. Received: 1/3, 1/3, 3/3"),
        ([one, two, dataclasses.replace(three, whole="other")], "differ in `whole`"),
        ([one, two, dataclasses.replace(three, fingerprint="0")], "`fingerprint`"),
        ([one, FeatureStatistics.of(images, MeanNetwork(3))], "must be parts of a set"),
        ([], "must be parts of a set"),
    ):
        with pytest.raises(ValueError, match=message):
            FeatureStatistics.merge(parts)


def test_files_of_earlier_versions_are_read(tmp_path):
    statistics = FeatureStatistics.of(reference_images(), MeanNetwork(3))
    old = {**vars(statistics)}
    for name in ("numbers", "places", "part", "whole"):
        del old[name]
    np.savez(tmp_path / "old.npz", **old)
    found = FeatureStatistics.load(tmp_path / "old.npz", MeanNetwork(3))
    np.testing.assert_array_equal(found.sample, statistics.sample)
    assert found.part == "" and len(found.numbers) == 0


def test_distances_take_statistics_of_both_sides():
    images, others = reference_images(), reference_images()[:, ::-1] // 2
    network = MeanNetwork(3)
    for kind in (FrechetDistance, KernelDistance):
        fed = kind(network)
        fed.update_real(images)
        fed.update_generated(others)
        given = kind(
            network,
            reference=FeatureStatistics.of(images, network),
            generated=FeatureStatistics.of(others, network, stream=1),
        )
        assert given.result() == pytest.approx(fed.result(), rel=1e-12)
        with pytest.raises(ValueError, match="its `generated`"):
            given.update_generated(others)


def test_cache_is_loaded_when_it_matches(tmp_path):
    images = reference_images()
    path = tmp_path / "new" / "reference.npz"
    network = MeanNetwork(3)
    first = FeatureStatistics.of(images, network, cache=path)
    calls = network.calls
    # In other batches, from a stream that can be read once.
    for same in (images, iter([images[:7], images[7:]]), images / 127.5 - 1):
        second = FeatureStatistics.of(same, network, cache=str(path))
        for name, value in vars(first).items():
            found = getattr(second, name)
            assert type(found) is type(value)
            np.testing.assert_array_equal(found, value)
    assert network.calls == calls > 0
    assert [file.name for file in path.parent.iterdir()] == ["reference.npz"]
    with np.load(path, allow_pickle=False) as file:
        assert str(file["network"]) == "mean_network" and file["count"] == 20
    metric = FrechetDistance(network, reference=FeatureStatistics.load(path, network))
    metric.update_generated(images)
    assert metric.result() == pytest.approx(0, abs=1e-6)


def test_cache_of_something_else_is_refused(tmp_path):
    images = reference_images()
    path = tmp_path / "reference.npz"
    FeatureStatistics.of(images, MeanNetwork(3), cache=path)
    before = path.read_bytes()
    other_name = MeanNetwork(3)
    other_name.name = "other"
    other_weights = MeanNetwork(3)
    other_weights.fingerprint = "0" * 64
    other_resize = MeanNetwork(3)
    other_resize.resize = None
    other_pixel = images.copy()
    other_pixel[13, 1, 2, 0] ^= 1
    for network, data, message in (
        (other_name, images, "name of the network: 'mean_network' .* 'other' here.$"),
        (other_weights, images, "fingerprint: .*'0000"),
        (other_resize, images, "resize mode: 'clean' in the file, 'None' here.$"),
        (MeanNetwork(2), images, "number of features: 3 in the file, 2 here.$"),
        (MeanNetwork(3), images[:-1], "number of images: 20 in the file, 19 here"),
        (MeanNetwork(3), other_pixel, "one. SHA-256 of the images"),
        (MeanNetwork(3), images[::-1], "one. SHA-256 of the images"),
    ):
        with pytest.raises(ValueError, match=message):
            FeatureStatistics.of(data, network, cache=path)
        if data is images:
            with pytest.raises(ValueError, match=message):
                FeatureStatistics.load(path, network)
    assert path.read_bytes() == before


def test_damaged_cache_is_refused(tmp_path):
    images = reference_images()
    network = MeanNetwork(3)
    path = tmp_path / "reference.npz"
    whole = FeatureStatistics.of(images, network, cache=path)
    content = path.read_bytes()
    damaged = [b"", b"text", content[:100], content[:-30], content[30:]]
    random = np.random.default_rng(0)
    for place in random.integers(0, len(content), 200):
        flipped = bytearray(content)
        flipped[place] ^= 255
        damaged.append(bytes(flipped))
    refused = 0
    for bad in damaged:
        path.write_bytes(bad)
        try:
            statistics = FeatureStatistics.of(images, network, cache=path)
        except ValueError as error:
            refused += "damaged" in str(error) and str(path) in str(error)
        else:
            # Dates and the like hold nothing of the statistics.
            for name, value in vars(whole).items():
                np.testing.assert_array_equal(getattr(statistics, name), value)
    assert refused > 150
    # Whole files that do not hold what they should.
    np.savez(path, **{**vars(whole), "covariance": np.eye(2)})
    with pytest.raises(ValueError, match="damaged.*do not fit"):
        FeatureStatistics.load(path, network)
    np.savez(path, mean=whole.mean)
    with pytest.raises(ValueError, match="damaged"):
        FeatureStatistics.load(path, network)
    np.savez(path, **{**vars(whole), "sample": np.array([object()])})
    with pytest.raises(ValueError, match="damaged"):
        FeatureStatistics.load(path, network)
    with pytest.raises(FileNotFoundError):
        FeatureStatistics.load(tmp_path / "none.npz", network)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    network = MeanNetwork(3)
    path = tmp_path / "reference.npz"
    FeatureStatistics.of(reference_images(), network, cache=path)
    before = path.read_bytes()
    other = FeatureStatistics.of(reference_images(seed=1), network)

    def fill_the_disk(file, **_):
        file.write(b"some")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        other.save(path)
    assert path.read_bytes() == before
    new = tmp_path / "new" / "reference.npz"
    with pytest.raises(OSError, match="No space"):
        FeatureStatistics.of(reference_images(), network, cache=new)
    assert list(new.parent.iterdir()) == []
    # A place that cannot be written to is found before the work is done.
    (tmp_path / "file").write_text("")
    calls = network.calls
    with pytest.raises(OSError):
        FeatureStatistics.of(reference_images(), network, cache=tmp_path / "file" / "a")
    assert network.calls == calls
