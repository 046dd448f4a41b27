"""Keeps the garbage collector out of the tests, as long as there is memory."""

import gc
import resource

import pytest

# First of all: the package switches oneDNN on before TensorFlow is imported, as it does
# in the programs that tests start; without it, last bits are others.
import keras_gans  # noqa: F401

# In the units of Linux, kilobytes.
MEMORY_LIMIT = 6_000_000


@pytest.fixture(scope="module", autouse=True)
def without_garbage_collection():
    """Leaves the graphs of finished tests where they are.

    To collect those of some hundred tests takes up to a minute, again and again. They
    are hidden from `gc.get_objects` as well, or the search for variables would take
    ever longer.
    """
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MEMORY_LIMIT:
        gc.disable()
        gc.freeze()
    else:
        gc.enable()
