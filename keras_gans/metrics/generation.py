"""Scores of a generative model, in the features of a classifier of real images."""

import numpy as np

from keras_gans.metrics.classifiers import class_statistics, classifier_features
from keras_gans.metrics.classifiers import label_share
from keras_gans.metrics.fid import frechet_distance
from keras_gans.metrics.kid import kernel_distance
from keras_gans.pixels import to_pixels

SCORED_IMAGES = 2000
# So few that a Fréchet distance needs some thousand images only.
FEATURE_DIM = 64


def score_generation(model, classifier, reference, real, count=SCORED_IMAGES, seed=0):
    """Scores generated images in the features of a classifier of real ones.

    Args:
        model: A `keras_gans.models` model with `generate`.
        classifier: From `train_classifier(..., feature_dim=...)`.
        reference: uint8 images with which the generated ones are compared.
        real: uint8 images, others than `reference`, which show what the distances
            between two sets of real images are.
        count: Positive integer, generated images.
        seed: Integer, of the latent vectors.

    Returns:
        A dict of numbers, distances in units of the root mean square of the features
        of `reference`: `fid` and `kid` of the generated images, `real_fid` and
        `real_kid` of the real ones; those of `class_statistics`; for a conditional
        model `label_share`.
    """
    images = to_pixels(model.generate(count, seed=seed))
    features = [
        classifier_features(classifier, pictures)
        for pictures in (reference, images, real[:count])
    ]
    # Features have no unit of their own: theirs is their size on real images.
    unit = np.sqrt(np.mean(np.square(features[0])))
    reference, made, real = (part / unit for part in features)
    scores = {
        "fid": frechet_distance(reference, made),
        "kid": kernel_distance(reference, made),
        "real_fid": frechet_distance(reference, real),
        "real_kid": kernel_distance(reference, real),
        **class_statistics(classifier, images),
    }
    if model.classes is not None:
        labels = np.arange(count) % model.classes  # What `generate` makes by default.
        scores["label_share"] = label_share(classifier, images, labels)
    return scores
