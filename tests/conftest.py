"""What keeps tests short: no garbage collection, nothing loaded twice, no curves."""

import gc
import pathlib
import resource

import pytest

# In the units of Linux, kilobytes.
MEMORY_LIMIT = 6_000_000


def pytest_collect_file():
    """Imports the package before all else, where tests are run.

    It switches oneDNN on before TensorFlow is imported, as it does in the programs that
    tests start; without it, last bits are others. The process that hands tests out to
    others does not need it, and they start five seconds earlier.
    """
    import keras_gans  # noqa: F401


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
    yield
    # Nor does pytest collect them at its end, where it may wait for ever: an iterator
    # of `tf.data` that goes waits for its generator, and that for Python.
    if not gc.isenabled():
        gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """Lets the tests of a file share what they load from the same files."""
    import tensorflow as tf

    load, loaded = tf.saved_model.load, {}

    def load_once(path, *arguments):
        files = sorted(pathlib.Path(path).resolve().rglob("*"))
        key = repr([arguments, *((file, file.stat().st_mtime_ns) for file in files)])
        if key not in loaded:
            loaded[key] = load(path, *arguments)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "load", load_once)
        yield


@pytest.fixture(scope="module")
def without_curves():
    """Lets runs write their losses as `small_run.no_curves` does."""
    import small_run

    with pytest.MonkeyPatch.context() as patch:
        small_run.no_curves(patch)
        yield
