"""Networks and features that tests of metrics choose."""

import hashlib
import itertools

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf
import tiny_run

from keras_gans.metrics import FeatureNetwork


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


def reference_images(count=20, size=3, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, size, size, 3)).astype("uint8")


def identity_network():
    layers = [keras.Input((2, 2, 3)), keras.layers.Rescaling(1.0)]
    return FeatureNetwork(keras.Sequential(layers, name="same"))


def distance_by_scipy(real, generated):
    """The Fréchet distance, in float64."""
    real, generated = (np.asarray(side, "float64") for side in (real, generated))
    covariances = np.cov(real.T), np.cov(generated.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    return ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * root.real
    )


def direct_double_sum(real, generated):
    """The kernel distance, in float64."""
    real, generated = (np.asarray(side, "float64") for side in (real, generated))

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(side):
        return np.mean([kernel(x, y) for x, y in itertools.permutations(side, 2)])

    between = np.mean([kernel(x, y) for x in real for y in generated])
    return within(real) + within(generated) - 2 * between


# Scores of translation -------------------------------------------------------------

SIZE = 8
X = tiny_run.images(13, 5, size=SIZE)
Y = tiny_run.images(9, 6, size=SIZE, channels=3)


def make_network(name="tiny", features=3, seed=1):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    initializer = keras.initializers.GlorotUniform(seed)
    outputs = keras.layers.Conv2D(
        features, 3, strides=2, activation="relu", kernel_initializer=initializer
    )(x)
    return FeatureNetwork(keras.Model(inputs, outputs, name=name))
