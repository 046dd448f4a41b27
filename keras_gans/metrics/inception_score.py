"""The Inception Score of generated images."""

import warnings

import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.metrics.feature_metric import FeatureMetric
from keras_gans.metrics.feature_statistics import check_features_finite
from keras_gans.metrics.registry import metric


@metric(
    "is",
    network="logits",
    at_least=2,
    reason="an Inception Score of a single image is 1, whatever it shows",
    is_default=False,
)
class InceptionScore(FeatureMetric):
    """Inception score: how sure a classifier is of each generated image, and how evenly
    the images spread over its classes:

        exp(E[Σ p log p] - Σ p̄ log p̄)    for class probabilities p with mean p̄

    From 1, if all images look the same to the classifier, to the number of classes, or
    of images if that is less. Published scores are those of `"tfgan_inception"` with
    `resize="legacy"`, and the mean over ten splits of 50,000 images; this is the score
    of all images as one split, which comes out a little higher. It says
    nothing of how near the images are to real ones, or of their variety within a class.
    Only sums are kept, in float64.

    `update_state` also works in a graph, on one replica; `result` is for outside.

    Args:
        feature_network: `FeatureNetwork` whose features are the logits of a
            classifier.
        name: Optional string. Defaults to `"inception_score_<name of the network>"`.

    Call arguments:
        generated: Images, as for `FeatureNetwork`.

    Returns:
        A float. It warns, once, if there are fewer images than classes. Fewer than 2
        images are an error.

    Example:

    ```python
    metric = InceptionScore(FeatureNetwork("inception_v3", output="logits"))
    metric.update_state(model.generate(1000))
    metric.result()
    ```

    Reference:
        Salimans et al., "Improved Techniques for Training GANs", 2016,
        https://arxiv.org/abs/1606.03498
    """

    def __init__(self, feature_network, name=None):
        super().__init__("inception_score", feature_network, name)
        classes = feature_network.feature_dim
        zeros = "zeros", "float64"
        self.count = self.add_variable((), *zeros, name="count")
        self._sum = self.add_variable((classes,), *zeros, name="sum")
        self._negative_entropy = self.add_variable((), *zeros, name="negative_entropy")

    def update_state(self, generated):
        logits = tf.cast(self._features(generated, "generated"), tf.float64)
        log_probabilities = tf.nn.log_softmax(logits)
        probabilities = tf.exp(log_probabilities)
        self.count.assign_add(tf.cast(tf.shape(logits)[0], tf.float64))
        self._sum.assign_add(tf.reduce_sum(probabilities, axis=0))
        products = probabilities * log_probabilities
        self._negative_entropy.assign_add(tf.reduce_sum(products))

    def update_generated(self, images):
        """Adds a batch of generated images, as `update_state` does."""
        self.update_state(images)

    def result(self):
        self._check_eager()
        count, classes = int(self.count), self._sum.shape[0]
        require(
            count >= 2,
            f"`{self.name}` needs at least 2 images: that of a single one is 1, "
            f"whatever it shows. Received: {count} images",
        )
        mean = self._sum.numpy() / count
        check_features_finite("generated", mean)
        if count < classes and self._is_first("count"):
            warnings.warn(
                f"`{self.name}` spreads {count} images over {classes} classes. It "
                "cannot be larger than the number of images, and comes out far too "
                "small: compare it with scores of the same number of images only.",
                stacklevel=2,
            )
        # A probability of 0 adds nothing.
        logarithms = np.log(mean, where=mean > 0, out=np.zeros_like(mean))
        negative_entropy = float(self._negative_entropy) / count
        return float(np.exp(negative_entropy - np.sum(mean * logarithms)))
