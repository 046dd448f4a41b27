"""Scores of what a model makes."""

from keras_gans.metrics.label_keeping import label_keeping, train_classifier
