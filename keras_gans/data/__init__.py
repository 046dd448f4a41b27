"""`tf.data` pipelines and the embedded digits, drawings and faces."""

import sys
import types
import warnings

from keras_gans.data.attributes import attributes, load_attributes
from keras_gans.data.colorization import colorization, draw_hints, extract_line_art
from keras_gans.data.embedded.digits import handwritten_digits, street_digits
from keras_gans.data.embedded.drawings import drawings
from keras_gans.data.embedded.faces import HAIR_COLORS, faces
from keras_gans.data.embedded.gaussians import (
    GaussianMixture,
    gaussian_grid,
    gaussian_ring,
)
from keras_gans.data.generation import generation
from keras_gans.data.paired import paired
from keras_gans.data.sources import load_images
from keras_gans.data.unpaired import unpaired


class _Moved(types.ModuleType):
    """The old place of a module, kept for a release."""

    def __getattr__(self, name):
        if name.startswith("__"):  # Asked for by whatever looks through modules.
            raise AttributeError(name)
        place = f"{__name__}.embedded.{self.__name__.rpartition('.')[2]}"
        value = getattr(sys.modules[place], name)
        warnings.warn(
            f"`{self.__name__}` has moved to `{place}`; its public names are in "
            f"`{__name__}`.",
            DeprecationWarning,
            stacklevel=2,
        )
        return value


for _name in ("digits", "drawings", "faces", "gaussians"):
    _module = sys.modules[f"{__name__}.{_name}"] = _Moved(f"{__name__}.{_name}")
    globals().setdefault(_name, _module)  # Two of these names are functions, too.
