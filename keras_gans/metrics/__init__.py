"""Scores of what a model makes, and the classifiers that judge it."""

from keras_gans.metrics.attribute_editing import attribute_scores
from keras_gans.metrics.classifiers import class_statistics, classifier_features
from keras_gans.metrics.classifiers import label_share, train_classifier
from keras_gans.metrics.colorization import colorization_pairs, colorization_scores
from keras_gans.metrics.colorization import colorize_batches, hint_error
from keras_gans.metrics.feature_network import FeatureNetwork
from keras_gans.metrics.feature_statistics import FeatureStatistics, Split
from keras_gans.metrics.fid import FrechetDistance, frechet_distance
from keras_gans.metrics.generation import score_generation
from keras_gans.metrics.inception_score import InceptionScore
from keras_gans.metrics.kid import KernelDistance, kernel_distance
from keras_gans.metrics.label_keeping import label_keeping, train_reader
from keras_gans.metrics.modes import mode_statistics
from keras_gans.metrics.paired import ChannelMeanAbsoluteError, MeanAbsoluteError
from keras_gans.metrics.paired import PeakSignalToNoiseRatio, StructuralSimilarity
from keras_gans.metrics.registry import METRICS, load_feature_networks, make_metrics
from keras_gans.metrics.style_diversity import color_spread, image_distance
from keras_gans.metrics.style_diversity import style_diversity
from keras_gans.metrics.tf_gan import import_tensorflow_gan
from keras_gans.metrics.translation import evaluate_translation
from keras_gans.pixels import to_pixels
