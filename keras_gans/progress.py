"""Progress bars, for who looks on."""

import sys

import keras


def is_shown():
    """Whether somebody sees a bar move: on a terminal or in a notebook.

    In a file each of its states would be a line of its own.
    """
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def progress_bar(total, unit="step"):
    """Returns a `keras.utils.Progbar` that is seen where somebody looks on."""
    return keras.utils.Progbar(total, verbose=int(is_shown()), unit_name=unit)
