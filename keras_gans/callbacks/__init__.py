"""Callbacks for `fit`."""

from keras_gans.callbacks.checkpoint import Checkpoint
from keras_gans.callbacks.evaluate_translation import EvaluateTranslation
from keras_gans.callbacks.finite_guard import FiniteGuard
from keras_gans.callbacks.grids import (
    attribute_grid,
    colorization_grid,
    generated_grid,
    generated_scatter,
    paired_grid,
    samples_grid,
    style_grid,
    style_sheet,
    translation_grid,
)
from keras_gans.callbacks.growth import Growth
from keras_gans.callbacks.loss_history import LossHistory, plot_losses
from keras_gans.callbacks.loss_table import LossTable
from keras_gans.callbacks.pictures import Pictures
from keras_gans.callbacks.trackers import Trackers
