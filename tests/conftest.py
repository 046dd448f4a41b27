"""Keeps the garbage collector out of the tests."""

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def without_garbage_collection():
    """Leaves the graphs of finished tests where they are.

    To collect those of some hundred tests takes up to a minute, again and again. They
    are hidden from `gc.get_objects` as well, or the search for variables would take
    ever longer. In return a process grows to eight gigabytes.
    """
    gc.disable()
    gc.freeze()
