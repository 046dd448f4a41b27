"""What the distances of features have in common: sides, references, refusals."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from feature_helpers import (
    MeanNetwork,
    features,
    feed,
    identity_network,
    images_of,
    reference_images,
)

from keras_gans.metrics import (
    FeatureStatistics,
    FrechetDistance,
    InceptionScore,
    KernelDistance,
    feature_statistics,
    frechet_distance,
    kernel_distance,
)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_distances_check_their_features(distance):
    good = np.eye(4, 3)
    for bad, message in (
        (np.ones(3), "shape=\\(3,\\)"),
        (np.ones((2, 2, 3)), "samples, features"),
        (np.ones((1, 3)), "at least 2 samples"),
        (np.ones((4, 0)), "samples, features"),
        (np.where(good == 1, np.nan, good), "must be finite"),
        (np.where(good == 1, np.inf, good), "must be finite"),
        (np.eye(4, 2), "same number of features"),
    ):
        with pytest.raises(ValueError, match=message):
            distance(good, bad)
        with pytest.raises(ValueError, match=message):
            distance(bad, good)


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


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_less_than_two_images_have_no_distribution(kind):
    metric = kind(MeanNetwork(1))
    metric.update_real(images_of([[1], [2], [4]]))
    metric.update_generated(images_of([[1]]))
    with pytest.raises(ValueError, match="3 real and 1 generated"):
        metric.result()
    metric.update_generated(images_of([[3]]))
    assert math.isfinite(metric.result())


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


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_a_reference_stands_for_its_images(kind, monkeypatch):
    monkeypatch.setattr(feature_statistics, "MAX_SAMPLES", 12)
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
