"""Callbacks for `fit`."""

from keras_gans.callbacks.checkpoint import Checkpoint
from keras_gans.callbacks.evaluate_translation import EvaluateTranslation
from keras_gans.callbacks.finite_guard import FiniteGuard
from keras_gans.callbacks.growth import Growth
from keras_gans.callbacks.loss_history import LossHistory, plot_losses
from keras_gans.callbacks.loss_table import LossTable
from keras_gans.callbacks.sample_grid import (
    AttributeGrid,
    ColorizationGrid,
    GeneratedGrid,
    PictureCallback,
    SampleGrid,
    attribute_grid,
    colorization_grid,
    generated_grid,
    generated_scatter,
    translation_grid,
)

# Where it used to be.
from keras_gans.metrics import evaluate_translation
