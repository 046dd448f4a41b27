"""The names that `save` and `load` had, one for each kind of model."""

import warnings

from keras_gans.export.saved_model import load, save


def _deprecated(kind, noun):
    def export_model(
        model, directory, version=None, weights_dtype="float32", metadata=None
    ):
        _warn(export_model.__name__, "save")
        return save(model, directory, version, weights_dtype, metadata)

    def load_model(path):
        _warn(load_model.__name__, "load")
        return load(path, kind)

    for function, new in ((export_model, "save"), (load_model, "load")):
        verb = function.__name__.partition("_")[0]
        function.__name__ = function.__qualname__ = f"{verb}_{noun}"
        function.__doc__ = f"Deprecated: use `keras_gans.export.{new}`."
    return export_model, load_model


def _warn(old, new):
    warnings.warn(
        f"`keras_gans.export.{old}` is deprecated and will be removed; use "
        f"`keras_gans.export.{new}`.",
        DeprecationWarning,
        stacklevel=3,
    )


export_translator, load_translator = _deprecated("translation", "translator")
export_generator, load_generator = _deprecated("generation", "generator")
export_colorizer, load_colorizer = _deprecated("colorization", "colorizer")
export_editor, load_editor = _deprecated("editing", "editor")
