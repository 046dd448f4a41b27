"""The Inception Score against TF-GAN and at its ends."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from feature_helpers import MeanNetwork, images_of

from keras_gans.metrics import InceptionScore, import_tensorflow_gan


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
