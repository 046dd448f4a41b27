"""The Fréchet distance, of sets and of streams, against SciPy and TF-GAN."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from feature_helpers import MeanNetwork, distance_by_scipy, features, feed, images_of

from keras_gans.metrics import (
    FrechetDistance,
    KernelDistance,
    frechet_distance,
    import_tensorflow_gan,
    kernel_distance,
)


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


@pytest.mark.parametrize("samples", [500, 100], ids=["regular", "singular"])
@pytest.mark.parametrize("decay", [0.03, 0.3])
@pytest.mark.filterwarnings("ignore:The Fréchet distance of")
def test_frechet_distance_of_steep_spectra(samples, decay):
    # As of deep networks: most of the features' directions have hardly any variance.
    generator = np.random.default_rng(0)
    deviations = np.exp(-decay * np.arange(128))
    real, generated = (
        generator.normal(size=(samples, 128)) * deviations * scale @ rotation
        for scale, rotation in (
            (1.0, np.eye(128)),
            (1.3, np.linalg.qr(generator.normal(size=(128, 128)))[0]),
        )
    )
    # The trace of the root is the nuclear norm of the product of the centred sets.
    centred = [side - side.mean(0) for side in (real, generated)]
    product = centred[0] @ centred[1].T / (samples - 1)
    expected = (
        ((real.mean(0) - generated.mean(0)) ** 2).sum()
        + sum((side**2).sum() for side in centred) / (samples - 1)
        - 2 * np.linalg.norm(product, "nuc")
    )
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(real, real) < 1e-9 * centred[0].var(0).sum()


def test_frechet_distance_of_shifted_and_equal_sets():
    real, _ = features()
    shift = np.arange(8.0)
    assert frechet_distance(real, real + shift) == pytest.approx((shift**2).sum())
    assert 0 <= frechet_distance(real, real) < 1e-9
    # Standard deviations 1 and 3 in one dimension: (3 - 1)².
    line = np.array([[-1.0], [1.0]]) / math.sqrt(2)
    assert frechet_distance(line, 3 * line) == pytest.approx(4.0)


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


def test_few_images_for_the_features_are_told_once():
    metric = FrechetDistance(MeanNetwork(8))
    feed(metric, *features(20, 7, 8), 1)
    for tell in (metric.result, lambda: frechet_distance(*features(20, 7, 8))):
        with pytest.warns(UserWarning, match="8 features .* from 7 samples") as caught:
            assert math.isfinite(tell())
        # It points to the caller.
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
        kernel_distance(*features(20, 7, 8))
        frechet_distance(*features(20, 8, 8))


def test_frechet_distance_is_symmetric_and_in_float64():
    real, generated = features()
    value = frechet_distance(real, generated)
    assert frechet_distance(generated, real) == pytest.approx(value, rel=1e-10)
    # Sixteen and thirty-two bits come in.
    for dtype in ("float32", "float16"):
        narrow = real.astype(dtype), generated.astype(dtype)
        wide = [array.astype("float64") for array in narrow]
        assert frechet_distance(*narrow) == frechet_distance(*wide)
