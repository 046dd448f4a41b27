"""Scores of what a model makes."""

from keras_gans.metrics.attribute_editing import attribute_scores
from keras_gans.metrics.colorization import (
    colorization_pairs,
    colorization_scores,
    colorize_batches,
    hint_error,
)
from keras_gans.metrics.feature_distances import (
    FeatureStatistics,
    FrechetDistance,
    InceptionScore,
    KernelDistance,
)
from keras_gans.metrics.feature_network import FeatureNetwork
from keras_gans.metrics.generation import (
    class_statistics,
    classifier_features,
    frechet_distance,
    kernel_distance,
    label_share,
    mode_statistics,
    to_pixels,
)
from keras_gans.metrics.label_keeping import label_keeping, train_classifier
from keras_gans.metrics.paired import (
    ChannelMeanAbsoluteError,
    MeanAbsoluteError,
    PeakSignalToNoiseRatio,
    StructuralSimilarity,
)
from keras_gans.metrics.tf_gan import import_tensorflow_gan
