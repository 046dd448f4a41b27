"""TF-GAN's import, in a process in which nothing has imported it before."""

import contracts
import pytest

from keras_gans.metrics import import_tensorflow_gan

PROGRAM = """
import json, sys, types
import tensorflow as tf
# The first import of these, whoever makes it, puts new modules in their places.
import tensorflow.compat.v1.logging, tensorflow.compat.v2
from keras_gans.metrics import import_tensorflow_gan, tf_gan

def contents():
    return [dict(vars(module)) for module in (tf, tf.compat, tf.compat.v1)]

def use_tensorflow():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        three = tf.compat.v1.placeholder(tf.float32)
        six = float(session.run(2 * three, {three: 3.0}))
    return tf.keras.layers.Dense(2)(tf.ones((1, 3))).shape.as_list(), six

use_tensorflow()
before = contents()
found = {"alone": None}
try:
    import tensorflow_gan
except AttributeError as error:
    found["alone"] = str(error)
tfgan = import_tensorflow_gan()
found["changed"] = [
    sorted(key for key in old.keys() | new.keys() if old.get(key) is not new.get(key))
    for old, new in zip(before, contents())
]
found["estimator"] = hasattr(tf, "estimator") or hasattr(tf.compat.v1, "estimator")
found["used"] = use_tensorflow()
found["version"] = tfgan.__version__
found["same"] = import_tensorflow_gan() is tfgan is sys.modules["tensorflow_gan"]
output = tf.constant([1.0, 2.0])
found["loss"] = float(tfgan.losses.wargs.wasserstein_generator_loss(output))
found["distance"] = float(
    tfgan.eval.frechet_classifier_distance_from_activations(
        tf.constant([[0.0], [2.0]]), tf.constant([[3.0], [5.0]])
    )
)

def import_again():
    for name in [name for name in sys.modules if name.startswith("tensorflow_gan")]:
        del sys.modules[name]
    return import_tensorflow_gan().estimator

class Hook: pass
class Estimator: pass
class TPUEstimator: pass

# One class is missing, and it alone gets a placeholder.
tf.estimator = types.SimpleNamespace(Estimator=Estimator)
tpu = types.SimpleNamespace(TPUEstimator=TPUEstimator)
tf.compat.v1.estimator = types.SimpleNamespace(tpu=tpu)
kept = tf.estimator, tf.compat.v1.estimator
estimator = import_again()
found["bases"] = (
    estimator.GANEstimator.__bases__ == (Estimator,)
    and estimator.TPUGANEstimator.__bases__ == (TPUEstimator,)
)
found["partly"] = list(vars(tf.estimator)) == ["Estimator"]

# Nothing is missing, and nothing is patched.
tf.estimator.SessionRunHook = Hook
del tf_gan._estimator_placeholders
estimator = import_again()
found["steps aside"] = estimator.GANEstimator.__bases__ == (Estimator,)
found["stays"] = (
    kept == (tf.estimator, tf.compat.v1.estimator)
    and vars(tf.estimator) == {"Estimator": Estimator, "SessionRunHook": Hook}
    and vars(tf.compat.v1.estimator) == {"tpu": tpu}
    and vars(tpu) == {"TPUEstimator": TPUEstimator}
)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    return contracts.run_python(PROGRAM)


@pytest.mark.slow
def test_tf_gan_works(found):
    assert found["version"] == "2.1.0"
    assert found["same"]
    assert found["loss"] == -1.5
    assert found["distance"] == pytest.approx(9.0)


@pytest.mark.slow
def test_tensorflow_is_left_as_it_was(found):
    # Without help the import fails, so there was something to put right.
    assert "estimator" in found["alone"]
    assert found["changed"] == [[], [], []]
    assert not found["estimator"]
    assert found["used"] == [[1, 2], 6.0]


@pytest.mark.slow
def test_classes_that_exist_stay(found):
    assert found["bases"]
    assert found["partly"]
    assert found["steps aside"]
    assert found["stays"]


@pytest.mark.parametrize(
    "missing, command",
    [
        ("tensorflow_gan", 'pip install "tensorflow-gan"'),
        ("pkg_resources", 'pip install "setuptools<82"'),
    ],
)
def test_a_missing_package_names_its_command(monkeypatch, missing, command):
    def fail(name):
        raise ModuleNotFoundError(f"No module named '{missing}'", name=missing)

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(ImportError, match="not installed") as caught:
        import_tensorflow_gan()
    assert command in str(caught.value)


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("no", name="another"), AttributeError("another")]
)
def test_other_errors_are_not_hidden(monkeypatch, error):
    def fail(name):
        raise error

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(type(error)) as caught:
        import_tensorflow_gan()
    assert caught.value is error
