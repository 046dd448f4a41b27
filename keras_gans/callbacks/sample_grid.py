"""The callbacks that became `Pictures` of a drawing, under their old names."""

import warnings

from keras_gans.callbacks import grids
from keras_gans.callbacks.grids import translation_grid  # noqa: F401
from keras_gans.callbacks.pictures import Pictures


def _deprecated(name, draw):
    def callback(
        directory,
        *args,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
        **kwargs,
    ):
        warnings.warn(
            f"`keras_gans.callbacks.{name}` is deprecated and will be removed; use "
            "`keras_gans.callbacks.Pictures(directory, lambda model: "
            f"{draw.__name__}(model, ...))`.",
            DeprecationWarning,
            stacklevel=2,
        )

        def draw_model(model):
            return draw(model, *args, **kwargs)

        return Pictures(
            directory, draw_model, save_freq, iterations, tensorboard_directory
        )

    callback.__name__ = callback.__qualname__ = name
    callback.__doc__ = f"Deprecated: use `Pictures` with `{draw.__name__}`."
    return callback


SampleGrid = _deprecated("SampleGrid", grids.translation_grid)
GeneratedGrid = _deprecated("GeneratedGrid", grids.samples_grid)
ColorizationGrid = _deprecated("ColorizationGrid", grids.colorization_grid)
AttributeGrid = _deprecated("AttributeGrid", grids.attribute_grid)
