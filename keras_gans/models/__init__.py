"""Models that train with `fit`; one file for each paper, which is found by itself.

All raise a `TypeError` for an argument of another kind than its documentation names,
and a `ValueError` for one out of its range and for networks, names, losses or data that
do not fit each other.
"""

import importlib
import inspect
import pkgutil

import keras

from keras_gans.models.adversarial_model import AdversarialModel

for _file in pkgutil.iter_modules(__path__):
    _module = importlib.import_module(f"{__name__}.{_file.name}")
    for _name, _class in inspect.getmembers(_module, inspect.isclass):
        # What is registered can be saved and loaded: a model, and no base of others.
        if keras.saving.get_registered_name(_class) == f"keras_gans>{_name}":
            if issubclass(_class, AdversarialModel):
                globals()[_name] = _class
