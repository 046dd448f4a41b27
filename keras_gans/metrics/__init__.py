"""Scores of what a model makes."""

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
from keras_gans.metrics.tf_gan import import_tensorflow_gan
