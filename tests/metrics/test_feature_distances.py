"""Distances of streams against SciPy, direct sums and TF-GAN, and their caches."""

import hashlib
import itertools
import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import sqrtm

from keras_gans.metrics import (
    FeatureNetwork,
    FeatureStatistics,
    FrechetDistance,
    InceptionScore,
    KernelDistance,
    feature_distances,
    frechet_distance,
    import_tensorflow_gan,
    kernel_distance,
)


class MeanNetwork:
    """Takes the mean over height and width, so that tests can choose the features."""

    resize = "clean"

    def __init__(self, feature_dim, name="mean_network"):
        self.name = name
        self.feature_dim = feature_dim
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        return tf.reduce_mean(tf.cast(images, tf.float32), axis=(1, 2))


def images_of(features):
    """Images whose features are given."""
    return np.asarray(features, "float32")[:, None, None]


def features(real_samples=60, generated_samples=40, dimensions=8, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dimensions, dimensions))
    real = random.normal(size=(real_samples, dimensions)) @ mixing
    generated = random.normal(0.3, 1.2, size=(generated_samples, dimensions))
    return real.astype("float32"), generated.astype("float32")


def feed(metric, real, generated, batches):
    """Splits both sides into so many batches, the last of them shorter or empty."""
    sizes = [-(-len(side) // batches) for side in (real, generated)]
    for index in range(batches):
        metric.update_state(
            *(
                images_of(side[index * size : (index + 1) * size])
                for side, size in zip((real, generated), sizes, strict=True)
            )
        )


def distance_by_scipy(real, generated):
    real, generated = real.astype("float64"), generated.astype("float64")
    covariances = np.cov(real.T), np.cov(generated.T)
    root = sqrtm(covariances[0] @ covariances[1])
    return ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * root.real
    )


# Fréchet distance ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The Fréchet distance of")
@pytest.mark.parametrize(
    "samples", [(60, 40), (7, 40), (6, 5)], ids=["regular", "one_singular", "singular"]
)
def test_frechet_distance_of_any_batches_is_scipys(samples):
    real, generated = features(*samples)
    expected = distance_by_scipy(real, generated)
    assert expected > 1
    whole = frechet_distance(real, generated)
    assert whole == pytest.approx(expected, rel=1e-6)
    for batches in (1, 2, min(samples), max(samples)):
        metric = FrechetDistance(MeanNetwork(8))
        assert metric.name == "fid_mean_network"
        feed(metric, real, generated, batches)
        value = metric.result()
        assert type(value) is float
        assert value == pytest.approx(expected, rel=1e-6)
        assert value == pytest.approx(whole, rel=1e-11)


def test_frechet_distance_of_features_far_from_zero():
    random = np.random.default_rng(0)
    real = (1e6 + random.normal(size=(300, 4))).astype("float32")
    generated = (1e6 + random.normal(1, 2, size=(200, 4))).astype("float32")
    # Both shifted exactly, so that no difference is lost in the reference.
    expected = distance_by_scipy(real - np.float32(1e6), generated - np.float32(1e6))
    metric = FrechetDistance(MeanNetwork(4))
    feed(metric, real, generated, 20)
    assert metric.result() == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("scales", [(1e-5, 1e-5), (1e-6, 1.0), (1e5, 1e5)])
def test_frechet_distance_does_not_depend_on_the_scale(scales):
    real, generated = (
        side.astype("float64") * scale
        for side, scale in zip(features(), scales, strict=True)
    )
    expected = distance_by_scipy(real, generated)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)
    # All images of one side the same: there is no root to take.
    same = np.ones((10, 8))
    expected = ((real.mean(0) - 1) ** 2).sum() + np.trace(np.cov(real.T))
    assert frechet_distance(real, same) == pytest.approx(expected)


def test_frechet_distance_is_that_of_tf_gan():
    real, generated = features()
    distance = import_tensorflow_gan().eval.frechet_classifier_distance_from_activations
    expected = distance(tf.constant(real, "float64"), tf.constant(generated, "float64"))
    metric = FrechetDistance(MeanNetwork(8))
    feed(metric, real, generated, 3)
    assert metric.result() == pytest.approx(float(expected), rel=1e-9)


def test_frechet_distance_updates_in_a_graph_and_in_float64():
    real, generated = features()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        metric = FrechetDistance(MeanNetwork(8))
        update = tf.function(metric.update_state, reduce_retracing=True)
        for index in range(4):
            update(
                tf.constant(images_of(real[15 * index : 15 * index + 15])),
                tf.constant(images_of(generated[10 * index : 10 * index + 10])),
            )
        with pytest.raises(RuntimeError, match="outside"):
            tf.function(metric.result)()
    finally:
        keras.config.set_dtype_policy(policy)
    assert metric.variables
    assert {variable.dtype for variable in metric.variables} == {"float64"}
    expected = frechet_distance(real, generated)
    assert metric.result() == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_sides_can_be_fed_alone_and_reset(kind):
    real, generated = features()
    expected = kind(MeanNetwork(8))
    feed(expected, real, generated, 1)
    metric = kind(MeanNetwork(8), name="val_distance")
    assert metric.name == "val_distance"
    feed(metric, generated, real + 1, 2)
    metric.reset_state()
    with pytest.raises(ValueError, match="0 real and 0 generated"):
        metric.result()
    metric.update_generated(images_of(generated[:3]))
    metric.update_real(images_of(real))
    metric.update_generated(images_of(generated[3:]))
    assert metric.result() == pytest.approx(expected.result(), rel=1e-11)


# Kernel distance -------------------------------------------------------------------


def direct_double_sum(real, generated):
    real, generated = real.astype("float64"), generated.astype("float64")

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(side):
        return np.mean([kernel(x, y) for x, y in itertools.permutations(side, 2)])

    between = np.mean([kernel(x, y) for x in real for y in generated])
    return within(real) + within(generated) - 2 * between


def test_kernel_distance_of_any_batches_is_the_double_sum():
    real, generated = features(15, 11, 4)
    expected = direct_double_sum(real, generated)
    for batches in (1, 2, 11):
        metric = KernelDistance(MeanNetwork(4))
        assert metric.name == "kid_mean_network"
        feed(metric, real, generated, batches)
        value = metric.result()
        assert type(value) is float
        assert value == pytest.approx(expected, rel=1e-10)


def test_kernel_distance_of_subsets(monkeypatch):
    calls = []

    def record(real, generated):
        value = kernel_distance(real, generated)
        calls.append((real, generated, value))
        return value

    monkeypatch.setattr(feature_distances, "_kernel_distance", record)
    real, generated = features(30, 12, 4)
    for size, result_sizes, spread_sizes in (
        (10, (10, 10), (10, 10)),
        # A side that fits into a subset is taken whole, but not for the spread.
        (20, (20, 12), (20, 6)),
        (29, (29, 12), (29, 6)),
    ):
        metric = KernelDistance(MeanNetwork(4), subsets=5, subset_size=size)
        feed(metric, real, generated, 3)
        for compute, statistic, sizes in (
            (metric.result, np.mean, result_sizes),
            (metric.spread, lambda values: np.std(values, ddof=1), spread_sizes),
        ):
            calls.clear()
            assert compute() == pytest.approx(statistic([call[2] for call in calls]))
            assert len(calls) == 5
            for *sides, _ in calls:
                for subset, side, expected in zip(
                    sides, (real, generated), sizes, strict=True
                ):
                    rows = {tuple(row) for row in subset}
                    assert len(subset) == len(rows) == expected
                    assert rows <= {tuple(row) for row in side}
            assert len({call[2] for call in calls}) == 5
        # The same every time it is asked.
        assert metric.spread() == metric.spread() > 0
    # Just fits: all in one.
    metric = KernelDistance(MeanNetwork(4), subset_size=30)
    feed(metric, real, generated, 3)
    calls.clear()
    assert metric.result() == kernel_distance(real, generated)
    assert [(len(call[0]), len(call[1])) for call in calls] == [(30, 12)]


def test_spread_of_few_images_is_about_the_standard_error():
    results, spreads = [], []
    for seed in range(30):
        metric = KernelDistance(MeanNetwork(2), subsets=8)
        random = np.random.default_rng(seed)
        feed(metric, random.normal(size=(80, 2)), random.normal(1, 1, (80, 2)), 1)
        results.append(metric.result())
        if seed % 3 == 0:
            spreads.append(metric.spread())
    # An independent estimate, over sets that have nothing in common.
    assert np.mean(spreads) == pytest.approx(np.std(results, ddof=1), rel=0.35)
    metric = KernelDistance(MeanNetwork(2))
    feed(metric, *features(3, 80, 2), 1)
    assert math.isfinite(metric.result()) and math.isnan(metric.spread())


def test_sample_does_not_depend_on_the_batches():
    real, generated = features(50, 45, 4)
    samples = []
    for batches in (1, 2, 7, 50):
        metric = KernelDistance(MeanNetwork(4), max_samples=20)
        feed(metric, real, generated, batches)
        samples.append((metric._real.sample, metric._generated.sample))
        assert metric._real.count == 50 and metric._generated.count == 45
        for sample, side in zip(samples[-1], (real, generated), strict=True):
            # Twenty different rows, in their order.
            places = [int(np.where((side == row).all(1))[0][0]) for row in sample]
            assert len(places) == 20 and places == sorted(set(places))
            assert places != list(range(20))
        for sample, other in zip(samples[0], samples[-1], strict=True):
            np.testing.assert_array_equal(sample, other)
    expected = kernel_distance(*samples[0])
    assert metric.result() == pytest.approx(expected, rel=1e-12)
    metric.reset_state()
    feed(metric, real, generated, 3)
    assert metric.result() == pytest.approx(expected, rel=1e-12)
    other = KernelDistance(MeanNetwork(4), max_samples=20, seed=1)
    feed(other, real, generated, 1)
    assert not np.array_equal(other._real.sample, samples[0][0])


def test_every_image_has_the_same_chance():
    rows = np.arange(12.0)[:, None]
    counts = np.zeros(12)
    for seed in range(2000):
        reservoir = feature_distances._Reservoir(3, seed, 0)
        for start in range(0, 12, 5):
            reservoir.add(rows[start : start + 5])
        np.add.at(counts, reservoir.sample[:, 0].astype(int), 1)
    # 500 each, with a standard deviation of 19.4.
    assert counts.sum() == 6000
    assert np.abs(counts - 500).max() < 80


def test_kernel_distance_checks_its_arguments():
    for argument, value in (
        ("max_samples", 1),
        ("subsets", 1),
        ("subset_size", 1),
        ("subset_size", 10.0),
        ("seed", -1),
    ):
        with pytest.raises(ValueError, match=f"{argument}={value}"):
            KernelDistance(MeanNetwork(4), **{argument: value})
    metric = KernelDistance(MeanNetwork(4))
    with pytest.raises(RuntimeError, match="eagerly"):
        tf.function(metric.update_generated)(tf.ones((2, 1, 1, 4)))


# Inception score -------------------------------------------------------------------


def test_inception_score_is_that_of_tf_gan():
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, size=(40, 6)).astype("float32")
    score = import_tensorflow_gan().eval.classifier_score_from_logits
    expected = float(score(tf.constant(logits, "float64")))
    assert 1.5 < expected < 5
    for sizes in ([40], [20, 20], [7] * 6, [1] * 40):
        metric = InceptionScore(MeanNetwork(6))
        assert metric.name == "inception_score_mean_network"
        update = tf.function(metric.update_generated) if len(sizes) == 2 else metric
        for start in np.cumsum([0, *sizes[:-1]]):
            if update is metric:
                metric.update_state(images_of(logits[start : start + sizes[0]]))
            else:
                update(tf.constant(images_of(logits[start : start + sizes[0]])))
        assert metric.result() == pytest.approx(expected, rel=1e-10)
        assert type(metric.result()) is float
    metric.reset_state()
    metric.update_state(images_of(logits[:20]))
    expected = float(score(tf.constant(logits[:20], "float64")))
    assert metric.result() == pytest.approx(expected, rel=1e-10)


def test_inception_score_at_its_ends():
    # Sure of each: probabilities of exactly 0 and 1.
    metric = InceptionScore(MeanNetwork(5))
    metric.update_state(images_of(2000 * np.tile(np.eye(5), (4, 1))))
    assert metric.result() == pytest.approx(5)
    metric = InceptionScore(MeanNetwork(5))
    metric.update_state(images_of(2000 * np.tile(np.eye(5)[:1], (6, 1))))
    assert metric.result() == pytest.approx(1)
    metric = InceptionScore(MeanNetwork(5))
    with pytest.raises(ValueError, match="Received: 0 images"):
        metric.result()
    metric.update_state(images_of(np.eye(5)[:1]))
    with pytest.raises(ValueError, match="Received: 1 images"):
        metric.result()
    metric.update_state(images_of(np.eye(5)[:1]))
    with pytest.warns(UserWarning, match="2 images over 5 classes") as caught:
        metric.result()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.result()
    with pytest.raises(ValueError, match="generated images are not finite"):
        metric.update_state(images_of([[np.nan, 0, 0, 0, 0]]))


# What the numbers would mean -------------------------------------------------------


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_less_than_two_images_have_no_distribution(kind):
    metric = kind(MeanNetwork(1))
    metric.update_real(images_of([[1], [2], [4]]))
    metric.update_generated(images_of([[1]]))
    with pytest.raises(ValueError, match="3 real and 1 generated"):
        metric.result()
    metric.update_generated(images_of([[3]]))
    assert math.isfinite(metric.result())


def test_few_images_for_the_features_are_told_once():
    metric = FrechetDistance(MeanNetwork(8))
    feed(metric, *features(20, 7, 8), 1)
    with pytest.warns(UserWarning, match="of 8 features .* from 7 samples") as caught:
        metric.result()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.result()
        metric.reset_state()
        feed(metric, *features(20, 7, 8), 1)
        metric.result()
        other = FrechetDistance(MeanNetwork(8))
        feed(other, *features(20, 8, 8), 1)
        other.result()
        kernel = KernelDistance(MeanNetwork(8))
        feed(kernel, *features(20, 7, 8), 1)
        kernel.result()


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_sizes_that_differ_are_told_once(kind):
    def images(count, size, seed):
        return np.random.default_rng(seed).normal(size=(count, size, size, 2))

    metric = kind(MeanNetwork(2))
    metric.update_state(images(5, 4, 0), images(5, 4, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.result()
    metric.update_state(images(5, 4, 2), images(5, 3, 3))
    with pytest.warns(UserWarning, match="of 4x4 are .* of 3x3, 4x4 pixels") as caught:
        metric.result()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.result()
        # Of all images that were forgotten, also the sizes.
        metric = kind(MeanNetwork(2))
        metric.update_state(images(5, 4, 2), images(5, 3, 3))
        metric.reset_state()
        metric.update_state(images(5, 3, 2), images(5, 3, 3))
        metric.result()
    reference = FeatureStatistics.of(images(5, 4, 0), MeanNetwork(2))
    metric = kind(MeanNetwork(2), reference=reference)
    metric.update_generated(images(5, 6, 1))
    with pytest.warns(UserWarning, match="of 4x4 are .* of 6x6 pixels"):
        metric.result()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["real", "generated"])
def test_features_that_are_not_finite_are_refused(side, value):
    good, bad = np.eye(4, 3), np.eye(4, 3)
    bad[1, 2] = value
    sides = (bad, good) if side == "real" else (good, bad)
    for kind in (FrechetDistance, KernelDistance):
        with pytest.raises(ValueError, match=f"{side} images are not .* 8.33%"):
            kind(MeanNetwork(3)).update_state(*map(images_of, sides))
    metric = FrechetDistance(MeanNetwork(3))
    tf.function(metric.update_state)(*(tf.constant(images_of(s)) for s in sides))
    with pytest.raises(ValueError, match=f"{side} images are not finite"):
        metric.result()


def identity_network():
    layers = [keras.Input((2, 2, 3)), keras.layers.Rescaling(1.0)]
    return FeatureNetwork(keras.Sequential(layers, name="same"))


def test_errors_of_the_network_name_the_side():
    network = identity_network()
    metric = FrechetDistance(network)
    for side, update in (
        ("real", metric.update_real),
        ("generated", metric.update_generated),
    ):
        with pytest.raises(ValueError) as caught:
            update(np.full((2, 2, 2, 3), np.nan, "float32"))
        assert caught.value.__notes__ == [f"Those are the {side} images of `fid_same`."]


def test_metrics_of_a_feature_network():
    network = identity_network()
    real = reference_images(size=2)
    generated = reference_images(12, size=2, seed=1)
    expected = [side.astype("float64").mean((1, 2)) for side in (real, generated)]
    reference = FeatureStatistics.of(real / 127.5 - 1, network)
    for kind, distance in (
        (FrechetDistance, frechet_distance),
        (KernelDistance, kernel_distance),
    ):
        metric = kind(network, reference=reference)
        metric.update_generated(generated)
        assert metric.result() == pytest.approx(distance(*expected), rel=1e-5)


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance, InceptionScore])
def test_only_feature_networks_are_taken(kind):
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten()])
    for wrong in (model, "inception_v3", None):
        with pytest.raises(TypeError, match="FeatureNetwork"):
            kind(wrong)


# Statistics of a reference set -----------------------------------------------------


def reference_images(count=20, size=3, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, size, size, 3)).astype("uint8")


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


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_a_reference_stands_for_its_images(kind, monkeypatch):
    monkeypatch.setattr(feature_distances, "_MAX_SAMPLES", 12)
    options = {"max_samples": 12} if kind is KernelDistance else {}
    real, generated = reference_images(), reference_images(15, seed=1)
    reference = FeatureStatistics.of(real, MeanNetwork(3), batch_size=8)
    assert len(reference.sample) == 12 and reference.count == 20
    expected = kind(MeanNetwork(3), **options)
    expected.update_state(real, generated)
    metric = kind(MeanNetwork(3), reference=reference, **options)
    for _ in range(2):
        metric.update_generated(generated)
        assert metric.result() == pytest.approx(expected.result(), rel=1e-12)
        metric.reset_state()
    for update in (metric.update_real, lambda x: metric.update_state(x, x)):
        with pytest.raises(ValueError, match="update_generated"):
            update(real)
    with pytest.raises(ValueError, match="0 generated"):
        metric.result()
    with pytest.raises(ValueError, match="'mean_network' .* 'other'"):
        kind(MeanNetwork(3, name="other"), reference=reference)
    with pytest.raises(TypeError, match="FeatureStatistics"):
        kind(MeanNetwork(3), reference=real)


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
        (other_name, images, "name of the network: 'mean_network' .* 'other' here$"),
        (other_weights, images, "fingerprint .*'0000"),
        (other_resize, images, "resize mode: 'clean' in the file, 'None' here$"),
        (MeanNetwork(2), images, "number of features: 3 in the file, 2 here$"),
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
