"""Progress bars, for who looks on."""

import sys


def is_shown():
    """Whether somebody sees a bar move: on a terminal or in a notebook.

    In a file each of its states would be a line of its own.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return sys.stdout.isatty() or hasattr(shell, "kernel")


def progress_bar(total, unit="step"):
    """Returns a `keras.utils.Progbar` that is seen where somebody looks on."""
    import keras

    return keras.utils.Progbar(total, verbose=int(is_shown()), unit_name=unit)
