"""Distances against SciPy and NumPy; classes and modes of known constructions."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import sqrtm

from keras_gans.data import handwritten_digits
from keras_gans.metrics import (
    class_statistics,
    classifier_features,
    frechet_distance,
    kernel_distance,
    label_share,
    mode_statistics,
    to_pixels,
    train_classifier,
)

# Distances -------------------------------------------------------------------------


def features(real_samples=60, generated_samples=40, dimensions=8):
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(dimensions, dimensions))
    real = generator.normal(size=(real_samples, dimensions)) @ mixing
    generated = generator.normal(0.3, 1.2, size=(generated_samples, dimensions))
    return real, generated


def test_frechet_distance_equals_the_formula():
    real, generated = features()
    real_covariance, generated_covariance = np.cov(real.T), np.cov(generated.T)
    root = sqrtm(real_covariance @ generated_covariance).real
    expected = ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(
        real_covariance + generated_covariance - 2 * root
    )
    assert expected > 1
    value = frechet_distance(real, generated)
    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(generated, real) == pytest.approx(expected, rel=1e-10)
    # Sixteen and thirty-two bits come in, but the arithmetic is in float64.
    for dtype in ("float32", "float16"):
        narrow = real.astype(dtype), generated.astype(dtype)
        wide = [array.astype("float64") for array in narrow]
        assert frechet_distance(*narrow) == frechet_distance(*wide)


@pytest.mark.parametrize("samples", [500, 100], ids=["regular", "singular"])
@pytest.mark.parametrize("decay", [0.03, 0.1, 0.3])
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


def unbiased_discrepancy(real, generated):
    """The squared maximum mean discrepancy, one pair of samples after the other."""

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y)) / len(x) + 1) ** 3

    def within(samples):
        pairs = [
            kernel(x, y)
            for i, x in enumerate(samples)
            for j, y in enumerate(samples)
            if i != j
        ]
        return np.mean(pairs)

    between = np.mean([kernel(x, y) for x in real for y in generated])
    return within(real) + within(generated) - 2 * between


def test_kernel_distance_equals_the_formula():
    real, generated = features(15, 11, 4)
    expected = unbiased_discrepancy(real, generated)
    value = kernel_distance(real, generated)
    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-10)
    # Two blocks, in order.
    blocks = [
        unbiased_discrepancy(real[:7], generated[:5]),
        unbiased_discrepancy(real[7:], generated[5:]),
    ]
    value = kernel_distance(real, generated, max_block_size=8)
    assert value == pytest.approx(np.mean(blocks), rel=1e-10)
    # All in one block, also beyond the default of TF-GAN.
    real, generated = features(1100, 1100, 2)
    whole = kernel_distance(real, generated, max_block_size=1100)
    assert kernel_distance(real, generated) == whole
    assert kernel_distance(real, generated, max_block_size=1099) != whole


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


def test_kernel_distance_checks_its_blocks():
    real, generated = features(40, 10, 3)
    for size, message in ((1, "of at least 2"), (6, "makes 7 blocks")):
        with pytest.raises(ValueError, match=message):
            kernel_distance(real, generated, max_block_size=size)
    assert math.isfinite(kernel_distance(real, generated, max_block_size=8))


def test_too_few_samples_for_a_covariance_are_told():
    real, generated = features(20, 7, 8)
    with pytest.warns(UserWarning, match="of 8 features .* from 7 samples") as caught:
        assert math.isfinite(frechet_distance(real, generated))
    # It points to the line above.
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        kernel_distance(real, generated)
        frechet_distance(*features(20, 8, 8))


# Classes ---------------------------------------------------------------------------


def test_pixels_are_those_of_a_saved_picture():
    every = np.arange(256, dtype="uint8")
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(
            to_pixels((every / 127.5 - 1).astype(dtype)), every
        )
    # The largest errors of a sixteen-bit float are less than half a step.
    narrow = tf.cast(every / 127.5 - 1, "float16")
    np.testing.assert_array_equal(to_pixels(narrow), every)
    assert to_pixels(tf.constant([0.0], "bfloat16")).tolist() == [128]
    assert to_pixels(np.array([-7.0, -1.003, 1.003, 9.0])).tolist() == [0, 0, 255, 255]
    for same in (every, tf.constant(every)):
        np.testing.assert_array_equal(to_pixels(same), every)


def test_pixels_of_unknown_range_are_refused():
    for integers in (np.zeros(3, "int64"), np.zeros(3, "int8"), np.zeros(3, "bool")):
        with pytest.raises(TypeError, match="images.dtype"):
            to_pixels(integers)
    with pytest.raises(ValueError, match="25.00% of its values"):
        to_pixels(np.array([0.0, np.nan, 1.0, 1.0]))


def brightness_classifier(classes=10):
    """Knows ten steps of brightness: 0 to 9, 10 to 19 and so on."""
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(1, use_bias=False, name="mean")(x)
    outputs = keras.layers.Dense(classes)(x)
    # Not dense, and so not the layer that is looked for.
    outputs = keras.layers.Activation("linear")(outputs)
    classifier = keras.Model(inputs, outputs)
    # Line k overtakes line k - 1 at a brightness of 10 k - 0.5.
    slopes = np.arange(classes)
    offsets = -np.cumsum(10 * slopes - 0.5 * (slopes > 0))
    classifier.set_weights([np.full((4, 1), 0.25), slopes[None], offsets])
    return classifier


def images_of(classes):
    """Images in the middle of their class."""
    pixels = 10 * np.array(classes) + 5
    return np.tile(pixels.astype("uint8").reshape(-1, 1, 1, 1), (1, 2, 2, 1))


CLASSIFIER = brightness_classifier()


def test_the_classifier_of_these_tests_knows_its_classes():
    every = np.arange(100, dtype="uint8")
    images = np.tile(every.reshape(-1, 1, 1, 1), (1, 2, 2, 1))
    assert label_share(CLASSIFIER, images, every // 10) == 1


def test_features_are_the_input_of_the_last_dense_layer():
    images = images_of([3, 0, 7, 9, 1])
    for batch_size in (2, 256):
        found = classifier_features(CLASSIFIER, images, batch_size=batch_size)
        np.testing.assert_allclose(found, [[35], [5], [75], [95], [15]], rtol=1e-6)
        assert found.dtype == "float32"
    # Floats count as the pictures they are saved as.
    floats = images / 127.5 - 1 + 0.4 / 127.5
    np.testing.assert_array_equal(classifier_features(CLASSIFIER, floats), found)


def test_a_trained_classifier_has_as_many_features_as_asked_for():
    images, labels = handwritten_digits("test")
    images, labels = images[:64], labels[:64]
    classifier = train_classifier(images, labels, steps=2, feature_dim=6)
    found = classifier_features(classifier, images)
    assert found.shape == (64, 6)
    # Rectified, and the logits are linear in them.
    assert found.min() == 0 < found.max()
    kernel, bias = classifier.layers[-1].get_weights()
    logits = classifier.predict(images, verbose=0)
    np.testing.assert_allclose(found @ kernel + bias, logits, atol=1e-4)
    value = frechet_distance(found[:32], found[32:])
    assert math.isfinite(value) and value > 0
    with pytest.raises(ValueError, match="feature_dim=0"):
        train_classifier(images, labels, steps=2, feature_dim=0)


def test_without_a_feature_layer_the_classifier_is_what_it_was():
    images, labels = handwritten_digits("test")
    classifier = train_classifier(images[:8], labels[:8], steps=1)
    kinds = [type(layer).__name__ for layer in classifier.layers[-3:]]
    assert kinds == ["MaxPooling2D", "Flatten", "Dense"]
    assert classifier_features(classifier, images[:3]).shape == (3, 4 * 4 * 128)


def test_class_statistics_of_even_and_collapsed_images():
    even = class_statistics(CLASSIFIER, images_of(list(range(10)) * 3))
    assert even == {
        "classes_produced": 10,
        "entropy": pytest.approx(math.log(10)),
        "entropy_share": pytest.approx(1.0),
    }
    collapsed = class_statistics(CLASSIFIER, images_of([4] * 30))
    assert collapsed == {"classes_produced": 1, "entropy": 0.0, "entropy_share": 0.0}
    uneven = class_statistics(CLASSIFIER, images_of([0, 0, 0, 9]), batch_size=3)
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert uneven["classes_produced"] == 2
    assert uneven["entropy"] == pytest.approx(entropy)
    assert uneven["entropy_share"] == pytest.approx(entropy / math.log(10))
    for scores in (even, collapsed, uneven):
        assert [type(value) for value in scores.values()] == [int, float, float]


def test_a_class_needs_its_part_of_the_images():
    # Of 400 images for 10 classes a tenth of the fair share is 4.
    images = images_of([0] * 390 + [1] * 4 + [2] * 3 + [3] * 3)

    def produced(**options):
        return class_statistics(CLASSIFIER, images, **options)["classes_produced"]

    assert produced() == 2
    assert produced(minimum_share=0.11) == 1
    assert produced(minimum_share=0.075) == 4
    # An image at least, so that not every class is there.
    assert produced(minimum_share=0.0) == 4


def test_label_share_counts_the_labels_asked_for():
    images = images_of([1, 2, 3, 4])
    assert label_share(CLASSIFIER, images, np.array([1, 2, 3, 4])) == 1.0
    share = label_share(CLASSIFIER, images, tf.constant([1, 2, 4, 3]), batch_size=3)
    assert type(share) is float
    assert share == 0.5
    assert label_share(CLASSIFIER, images / 127.5 - 1, [1, 0, 0, 0]) == 0.25
    # They would broadcast.
    for labels in (np.array([[1], [2], [3], [4]]), np.array([1]), np.array(1)):
        with pytest.raises(ValueError, match="one label for each image"):
            label_share(CLASSIFIER, images, labels)


def test_class_scores_check_their_arguments():
    for images in (np.zeros((0, 2, 2, 1)), np.zeros((2, 2, 1))):
        with pytest.raises(ValueError, match="shape \\(n, height"):
            class_statistics(CLASSIFIER, images)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="minimum_share"):
            class_statistics(CLASSIFIER, images_of([1]), minimum_share=share)
    inputs = keras.Input((2, 2, 1))
    with pytest.raises(ValueError, match="`Dense` layer"):
        network = keras.Model(inputs, keras.layers.Flatten()(inputs))
        classifier_features(network, images_of([1]))


# Modes -----------------------------------------------------------------------------

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def test_points_are_of_high_quality_by_their_euclidean_distance():
    # Within 0.3 of one mode, in each coordinate but not in all, and beyond.
    points = [[0.29, 0.0], [0.2, 0.2], [0.25, 0.25], [1.0, 0.69]]
    scores = mode_statistics(np.array(points, "float32"), SQUARE, 0.1)
    assert scores == {"modes_covered": 1, "high_quality": 0.5}
    assert [type(value) for value in scores.values()] == [int, float]
    # A wider circle takes them all, and the last one covers its mode.
    scores = mode_statistics(points, SQUARE, 0.1, deviations=3.6)
    assert scores == {"modes_covered": 2, "high_quality": 1.0}
    assert mode_statistics(points, SQUARE, 0.12) == scores


def test_a_stray_point_covers_a_mode_unless_a_share_is_asked_for():
    points = np.repeat(SQUARE, [345, 50, 4, 1], axis=0)
    expected = {0.0: 4, 0.01: 4, 0.02: 3, 0.04: 3, 0.1: 2, 0.5: 2, 0.51: 1, 1.0: 1}
    for share, modes in expected.items():
        scores = mode_statistics(points, SQUARE, 0.1, minimum_share=share)
        assert scores == {"modes_covered": modes, "high_quality": 1.0}
    # Points between the modes count for the fair share, but for no mode.
    between = np.full((100, 2), 0.5)
    points = np.concatenate([np.repeat(SQUARE, 25, axis=0), between])
    for share, modes in ((0.5, 4), (0.51, 0)):
        scores = mode_statistics(points, SQUARE, 0.1, minimum_share=share)
        assert scores == {"modes_covered": modes, "high_quality": 0.5}


def test_the_mixture_itself_scores_what_theory_says():
    generator = np.random.default_rng(0)
    centers = np.stack(np.meshgrid(range(5), range(5)), -1).reshape(25, 2)
    modes = generator.integers(0, 25, 20000)
    points = centers[modes] + generator.normal(0, 0.05, (20000, 2))
    scores = mode_statistics(tf.constant(points), centers, 0.05, minimum_share=0.1)
    assert scores["modes_covered"] == 25
    # Four standard errors of a share of 20,000 points.
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    scores = mode_statistics(points, centers, 0.05, deviations=1.0)
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-0.5), abs=0.014)
    # Nothing is near.
    far = {"modes_covered": 0, "high_quality": 0.0}
    assert mode_statistics(points + 100, centers, 0.05) == far


def test_mode_statistics_check_their_arguments():
    for change, message in (
        ({"points": np.zeros(2)}, "points.shape=\\(2,\\)"),
        ({"points": np.zeros((0, 2))}, "points.shape=\\(0, 2\\)"),
        ({"points": np.array([[0.0, np.nan]])}, "`points` must be finite"),
        ({"points": np.zeros((3, 1))}, "same number of dimensions"),
        ({"centers": np.zeros((2, 2, 2))}, "centers.shape=\\(2, 2, 2\\)"),
        ({"standard_deviation": 0.0}, "standard_deviation=0.0"),
        ({"deviations": -1}, "deviations=-1"),
        ({"minimum_share": 2}, "minimum_share=2"),
    ):
        arguments = {"points": SQUARE, "centers": SQUARE, "standard_deviation": 0.1}
        with pytest.raises(ValueError, match=message):
            mode_statistics(**{**arguments, **change})
