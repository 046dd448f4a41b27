"""The version of the package, and of what it computes with."""

import platform

__version__ = "0.5.0"


def versions():
    """Returns a dict of the versions of what computes."""
    import keras
    import numpy as np
    import tensorflow as tf

    return {
        "keras_gans": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
