"""Classifiers that judge: what they learn, and what is counted with them."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data.embedded.digits import handwritten_digits
from keras_gans.metrics import classifiers
from keras_gans.metrics import (
    class_statistics,
    classifier_features,
    frechet_distance,
    label_share,
    train_classifier,
)


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


@pytest.fixture
def eagerly():
    """A few steps are computed sooner than traced."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


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


def test_a_trained_classifier_has_as_many_features_as_asked_for(eagerly):
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


def test_without_a_feature_layer_the_classifier_is_what_it_was(eagerly):
    images, labels = handwritten_digits("test")
    classifier = train_classifier(images[:8], labels[:8], steps=1)
    kinds = [type(layer).__name__ for layer in classifier.layers[-3:]]
    assert kinds == ["ReLU", "Flatten", "Dense"]
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


@pytest.mark.slow
def test_classifier_reads_digits_and_is_the_same_for_a_seed():
    images, labels = handwritten_digits("train")
    test_images, test_labels = handwritten_digits("test")
    classifier = train_classifier(images, labels, steps=60, seed=1)
    logits = classifier.predict(test_images, verbose=0)
    assert logits.shape == (300, 10)
    assert np.mean(logits.argmax(-1) == test_labels) > 0.9
    # Neither augmented nor normalized by its batch when it judges.
    np.testing.assert_allclose(
        classifier.predict_on_batch(test_images[:3].astype("float32")),
        logits[:3],
        atol=1e-3,
    )


def test_the_classifier_depends_on_its_seed_alone(eagerly):
    images, labels = handwritten_digits("test")

    def weights(seed):
        classifier = train_classifier(
            images[:24], labels[:24], steps=2, batch_size=16, seed=seed
        )
        # Adam's first steps have the length of the rate, whatever the gradient; the
        # average statistics tell order and augmentation.
        return classifier.get_weights()

    np.random.seed(0)
    first = weights(3)
    np.random.seed(1)
    for value, expected in zip(weights(3), first, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-4)
    different = [
        np.abs(value - expected).max() > 1e-2
        for value, expected in zip(weights(4), first, strict=True)
    ]
    assert sum(different) >= 4


def test_a_classifier_whose_features_died_is_trained_anew(monkeypatch, eagerly):
    """The first steps may kill a narrow layer of ReLUs; of street digits they did."""
    train, seeds = classifiers._train, []

    def train_with_accidents(*arguments):
        classifier = train(*arguments)
        seeds.append(arguments[4])
        if seeds[-1] < dead_until:
            dense = [layer for layer in classifier.layers if "dense" in layer.name][0]
            kernel, bias = dense.get_weights()
            dense.set_weights([np.zeros_like(kernel), np.full_like(bias, -1)])
        return classifier

    monkeypatch.setattr(classifiers, "_train", train_with_accidents)
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    arguments = {"steps": 1, "batch_size": 8, "seed": 5, "feature_dim": 3}
    dead_until = 6
    classifier = train_classifier(images, np.arange(8) % 2, **arguments)
    assert seeds == [5, 6] and classifier_features(classifier, images).any()
    dead_until = 9
    with pytest.raises(ValueError, match="learned nothing with the seeds 5 to 7"):
        train_classifier(images, np.arange(8) % 2, **arguments)
