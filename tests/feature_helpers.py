"""Networks and features that tests of metrics choose."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

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
