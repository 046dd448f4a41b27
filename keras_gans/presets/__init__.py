"""Compiled models in one line, each with the settings of its source.

>>> model = keras_gans.presets.digit_lab()
>>> model.fit(keras_gans.data.unpaired("mnist", "svhn_cropped", batch_size=64, size=32))

A file holds the presets of one task. A preset is a function with the decorator
`preset`; `keras-gans presets` lists them.
"""

from keras_gans.presets import registry
from keras_gans.presets.colorization import *  # noqa: F403
from keras_gans.presets.editing import *  # noqa: F403
from keras_gans.presets.generation import *  # noqa: F403
from keras_gans.presets.paired import *  # noqa: F403
from keras_gans.presets.registry import Recipe, find, preset, recipes
from keras_gans.presets.translation import *  # noqa: F403
