"""The score of a generative model, by hand."""

import keras
import numpy as np
import pytest
from feature_helpers import distance_by_scipy

from keras_gans.metrics import score_generation


class Copies:
    """Stands for a model that generates certain images."""

    def __init__(self, images, classes):
        self.images, self.classes = images, classes

    def generate(self, n, seed):
        return self.images[np.arange(n) % len(self.images)] / 127.5 - 1


@pytest.mark.parametrize("classes", [None, 3])
def test_score_of_generation(classes):
    random = np.random.default_rng(0)
    reference, real, made = (
        random.integers(low, 256, (30, 4, 4, 1), "uint8") for low in (0, 20, 60)
    )
    keras.utils.set_random_seed(0)
    features = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Rescaling(1 / 255)]
    )
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Dense(3, "relu")(features(inputs))
    classifier = keras.Model(inputs, keras.layers.Dense(3)(x))
    scores = score_generation(
        Copies(made, classes), classifier, reference, real, count=30
    )

    *_, dense, last = classifier.layers
    weights, offset = dense.get_weights()
    seen = [
        np.maximum(images.reshape(30, -1) / 255 @ weights + offset, 0)
        for images in (reference, made, real)
    ]
    # In units of the features' size on the reference: distances are squares.
    unit = np.sqrt(np.mean(seen[0] ** 2))
    seen = [part / unit for part in seen]
    assert scores["fid"] == pytest.approx(distance_by_scipy(seen[0], seen[1]), rel=1e-3)
    assert scores["real_fid"] == pytest.approx(
        distance_by_scipy(seen[0], seen[2]), rel=1e-3
    )
    assert scores["fid"] != pytest.approx(scores["real_fid"], rel=0.1)
    weights, offset = last.get_weights()
    found = (unit * seen[1] @ weights + offset).argmax(1)
    shares = np.bincount(found) / 30
    shares = shares[shares > 0]
    assert scores["classes_produced"] == len(shares)
    assert scores["entropy"] == pytest.approx(-np.sum(shares * np.log(shares)))
    # Of a model without classes there is nothing to ask for.
    if classes is None:
        assert "label_share" not in scores
    else:
        expected = np.mean(found == np.arange(30) % 3)
        assert scores["label_share"] == pytest.approx(expected)
