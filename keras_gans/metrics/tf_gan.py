"""TF-GAN on a TensorFlow that no longer has `tf.estimator`."""

import contextlib
import importlib
import types
import warnings

import tensorflow as tf

# What TF-GAN 2.1.0 wants as base classes while it is imported. TensorFlow 2.16 dropped
# them, and the `tensorflow-estimator` package does not bring them back.
_ESTIMATOR_CLASSES = (
    "estimator.SessionRunHook",
    "estimator.Estimator",
    "compat.v1.estimator.tpu.TPUEstimator",
)

# Modules that may be missing, and the packages that bring them.
_PACKAGES = {
    "tensorflow_gan": "tensorflow-gan",
    "pkg_resources": "setuptools<82",
    "distutils": "setuptools<82",
}


def import_tensorflow_gan():
    """Imports `tensorflow_gan`, on TensorFlow 2.16 and later too.

    TF-GAN derives its estimators from classes that TensorFlow has lost. If it cannot
    be imported for that reason, empty classes take their places during the import and
    are taken away again, so that TensorFlow is left as it was. Classes that exist are
    not touched.

    With that, `tensorflow_gan.losses` and the `*_from_activations` functions of
    `tensorflow_gan.eval` work as ever; `tensorflow_gan.estimator` cannot. If a package
    is missing, the `ImportError` has the command to install it.
    """
    try:
        return _import_tensorflow_gan()
    except AttributeError as error:
        names = {name for path in _ESTIMATOR_CLASSES for name in path.split(".")}
        if not any(f"'{name}'" in str(error) for name in names):
            raise
    with _estimator_placeholders():
        return _import_tensorflow_gan()


def _import_tensorflow_gan():
    try:
        with warnings.catch_warnings():
            # Of what TensorFlow Hub imports: nothing that its user could do.
            warnings.filterwarnings("ignore", "pkg_resources is deprecated")
            return importlib.import_module("tensorflow_gan")
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name)
        if package is None:
            raise
        raise ImportError(
            f"This needs the module `{error.name}`, which is not installed. Run: "
            f'pip install "{package}"'
        ) from error


@contextlib.contextmanager
def _estimator_placeholders():
    # First, or the import of TF-GAN would load it and lose the placeholders inside.
    importlib.import_module("tensorflow.compat.v1")
    added = []
    for path in _ESTIMATOR_CLASSES:
        owner = tf
        *modules, name = path.split(".")
        for module in modules:
            if not hasattr(owner, module):
                setattr(owner, module, types.ModuleType(module))
                added.append((owner, module))
            owner = getattr(owner, module)
        if not hasattr(owner, name):
            setattr(owner, name, type(name, (), {}))
            added.append((owner, name))
    try:
        yield
    finally:
        for owner, name in reversed(added):
            delattr(owner, name)
