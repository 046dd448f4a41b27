"""Compiled models in one line, each with the settings of its source.

>>> model = keras_gans.presets.digit_lab()
>>> model.fit(keras_gans.data.unpaired("mnist", "svhn_cropped", batch_size=64, size=32))

A file holds the presets of one task. A preset is a function with the decorator
`preset`; every file of this folder is read, and `keras-gans presets` lists what is
found.
"""

import importlib
import pkgutil

from keras_gans.presets.registry import Recipe, find, preset, recipes

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
globals().update({name: recipe.build for name, recipe in recipes().items()})
