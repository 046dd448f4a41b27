"""A whole training run in one folder: data, `fit`, pictures, score and export."""

from keras_gans.training.configuration import (
    TASKS,
    Configuration,
    configure,
    options_of,
    task_of,
)
from keras_gans.training.run import Run, next_free
from keras_gans.training.score_table import score_table
