"""Export of a generator, and loading it with and without Keras."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.export import (
    export_generator,
    export_translator,
    load_generator,
    load_translator,
)
from keras_gans.models import GAN, ConditionalGAN, CycleGAN

LATENT_DIM = 5
FILES = {
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
}


class Model(keras.Model):
    """Has what an export needs and no more."""

    def __init__(self, generator, classes=None, latent_distribution="uniform"):
        super().__init__()
        self.generator = generator
        self.latent_dim = keras.tree.flatten(generator.inputs)[0].shape[-1]
        self.classes = classes
        self.latent_distribution = latent_distribution


def image_generator(classes=None, image_shape=(4, 6, 3), seed=0):
    """A dense layer, so that NumPy can compute it; see `levels`."""
    random = np.random.default_rng(seed)
    latent = keras.Input((LATENT_DIM,), name="latent")
    inputs, x = latent, latent
    if classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        embedding = keras.layers.Embedding(classes, 2, name="embedding")(labels)
        inputs, x = [latent, labels], keras.layers.Concatenate()([latent, embedding])
    x = keras.layers.Dropout(0.9)(x)  # Nothing is dropped in inference mode.
    x = keras.layers.Dense(int(np.prod(image_shape)), name="dense")(x)
    generator = keras.Model(inputs, keras.layers.Reshape(image_shape)(x))
    for variable in generator.weights:
        variable.assign(random.normal(0.0, 0.6, variable.shape))
    return generator


def levels(generator, latent, labels=None):
    """What comes out of `image_generator` on the scale of pixels, in float64."""
    x = latent.astype("float64")
    if labels is not None:
        (table,) = generator.get_layer("embedding").get_weights()
        x = np.concatenate([x, table.astype("float64")[labels]], axis=1)
    kernel, bias = generator.get_layer("dense").get_weights()
    y = x @ kernel.astype("float64") + bias
    return (y.reshape(-1, *generator.output_shape[1:]) + 1.0) * 127.5


def assert_same_pixels(received, expected):
    """Equal, except where a last bit of float32 decides between two grey levels."""
    assert received.dtype == np.uint8 and received.shape == expected.shape
    # What is tested is a picture, and its darkest and brightest parts are clipped.
    assert expected.min() < 0 and expected.max() > 255 and expected.std() > 10
    difference = np.abs(received - np.clip(np.round(expected), 0, 255))
    between_two = np.abs(expected % 1 - 0.5) < 1e-3
    assert difference.max() <= 1 and difference[~between_two].max() == 0
    assert between_two.sum() <= 2 + 0.02 * between_two.size


def latents(count=7, seed=1):
    shape = count, LATENT_DIM
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def files(directory):
    return {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def model():
    return Model(image_generator())


@pytest.fixture(scope="module")
def conditional():
    return Model(image_generator(classes=4), classes=4, latent_distribution="normal")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The folder above version 1."""
    directory = tmp_path_factory.mktemp("saved_models") / "images"
    assert export_generator(model, directory) == directory / "1"
    return directory


@pytest.fixture(scope="module")
def conditional_folder(conditional, tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved_models") / "classes"
    metadata = {"command": "keras-gans train"}
    export_generator(conditional, os.fspath(directory), metadata=metadata)
    return directory


def call(folder, **inputs):
    # A signature need not keep the object alive that owns its weights.
    loaded = tf.saved_model.load(os.fspath(folder / "1"))
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    return loaded.signatures["serving_default"](**inputs)["images"].numpy()


# The SavedModel ---------------------------------------------------------------------


FRESH_PROCESS = """
import sys

# Both are installed here; `None` makes every import of them fail.
sys.modules["keras"] = sys.modules["keras_gans"] = None
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
inputs = dict(np.load(sys.argv[2]))
(name,) = loaded.signatures
np.save(sys.argv[3], loaded.signatures[name](**inputs)["images"])
assert name == "serving_default"
assert sys.modules["keras_gans"] is None and sys.modules["keras"] is None
"""


def test_fresh_process_with_tensorflow_alone(conditional, conditional_folder, tmp_path):
    latent, labels = latents(4), np.array([3, 0, 0, 2], "int32")
    np.savez(tmp_path / "inputs.npz", latent=latent, labels=labels)
    names = conditional_folder / "1", tmp_path / "inputs.npz", tmp_path / "images.npy"
    subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *map(os.fspath, names)],
        cwd=tmp_path,
        check=True,
    )
    expected = levels(conditional.generator, latent, labels)
    assert_same_pixels(np.load(tmp_path / "images.npy"), expected)


def test_pixels_are_those_of_the_generator(model, folder):
    latent = latents()
    assert_same_pixels(call(folder, latent=latent), levels(model.generator, latent))


def test_signature(folder, conditional_folder):
    latent = tf.TensorSpec((None, LATENT_DIM), tf.float32, name="latent")
    labels = tf.TensorSpec((None,), tf.int32, name="labels")
    for directory, expected in (
        (folder, {"latent": latent}),
        (conditional_folder, {"latent": latent, "labels": labels}),
    ):
        loaded = tf.saved_model.load(os.fspath(directory / "1"))
        assert set(loaded.signatures) == {"serving_default"}
        function = loaded.signatures["serving_default"]
        assert function.structured_input_signature == ((), expected)
        (images,) = function.structured_outputs.values()
        assert images.dtype == tf.uint8 and images.shape.as_list() == [None, 4, 6, 3]


def test_exact_files(folder, conditional_folder):
    assert files(folder) == {f"1/{name}" for name in FILES}
    assert files(conditional_folder / "1") == FILES | {"assets.extra/metadata.json"}
    file = conditional_folder / "1" / "assets.extra" / "metadata.json"
    assert json.loads(file.read_text("utf-8")) == {"command": "keras-gans train"}


def test_only_the_generator_is_stored(tmp_path):
    model = gan()
    model.compile()  # The optimizers now have variables.
    path = export_generator(model, tmp_path)
    stored = tf.train.list_variables(os.fspath(path / "variables/variables"))
    numbers = sum(
        int(np.prod(shape)) for name, shape in stored if "OBJECT_GRAPH" not in name
    )
    assert numbers == model.generator.count_params()


def test_float16_weights(model, folder, tmp_path):
    path = export_generator(model, tmp_path, weights_dtype="float16")
    data = pathlib.Path("variables", "variables.data-00000-of-00001")
    weights = model.generator.count_params()
    saved = (folder / "1" / data).stat().st_size - (path / data).stat().st_size
    assert saved == pytest.approx(2 * weights, abs=100)
    received = load_generator(path).generate(32, seed=0).astype("int32")
    difference = np.abs(received - load_generator(folder).generate(32, seed=0))
    assert 0 < difference.max() <= 1


def test_wrong_latent_in_the_graph(folder, conditional_folder):
    message = r"`latent` must have 5 numbers each; x .*\[6\]"
    wrong = np.zeros((2, LATENT_DIM + 1), "float32")
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(folder, latent=wrong)
    labels = np.zeros(2, "int32")
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(conditional_folder, latent=wrong, labels=labels)


@pytest.mark.parametrize("labels, message", [
    ([0, 4], r"`labels` must lie in \[0, 4\); x .*\[0 4\]"),
    ([-1, 0], r"`labels` must lie in \[0, 4\); x .*\[-1 0\]"),
    ([0], r"as many `labels` as vectors in `latent`.*\[1\].*\[2\]"),
])  # fmt: skip
def test_wrong_labels_in_the_graph(conditional_folder, labels, message):
    labels = np.array(labels, "int32")
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(conditional_folder, latent=latents(2), labels=labels)


# Versions and files -----------------------------------------------------------------


def test_versions(tmp_path):
    model = Model(image_generator(seed=1))
    assert export_generator(model, tmp_path, version=9) == tmp_path / "9"
    before = load_generator(tmp_path).generate(3, seed=0)
    with pytest.raises(FileExistsError, match="Version 9 exists already"):
        export_generator(model, tmp_path, version=9)
    bias = model.generator.get_layer("dense").bias
    bias.assign(bias + 0.2)
    assert export_generator(model, tmp_path) == tmp_path / "10"
    assert {entry.name for entry in tmp_path.iterdir()} == {"9", "10"}
    # The highest is loaded.
    assert load_generator(tmp_path).generate(3, seed=0).mean() > before.mean()
    np.testing.assert_array_equal(
        load_generator(tmp_path / "9").generate(3, seed=0), before
    )


def test_a_failed_export_leaves_nothing(model, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        assert list(tmp_path.iterdir())  # It was in the middle of it.
        raise OSError("No space left on device")

    monkeypatch.setattr(pathlib.Path, "rename", fail)
    with pytest.raises(OSError, match="No space left"):
        export_generator(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


# Loading ----------------------------------------------------------------------------


def test_attributes(folder, conditional_folder):
    generator = load_generator(folder)
    assert (generator.latent_dim, generator.classes) == (LATENT_DIM, None)
    assert generator.latent_distribution == "uniform"
    generator = load_generator(os.fspath(conditional_folder / "1"))
    assert (generator.latent_dim, generator.classes) == (LATENT_DIM, 4)
    assert generator.latent_distribution == "normal"


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_latent_vectors_come_from_the_distribution(distribution, tmp_path):
    # The image is the latent vector itself, a quarter as large.
    latent = keras.Input((192,))
    generator = keras.Model(
        latent, keras.layers.Rescaling(0.25)(keras.layers.Reshape((8, 8, 3))(latent))
    )
    dense = keras.layers.Dense(3, kernel_initializer="identity", use_bias=False)
    generator = keras.Model(latent, dense(generator(latent)))
    model = Model(generator, latent_distribution=distribution)
    loaded = load_generator(export_generator(model, tmp_path))
    values = loaded.generate(300, seed=0).ravel() / 127.5 - 1.0
    sorted_values = np.sort(4.0 * values)
    grid = np.linspace(-2.5, 2.5, 41)
    share = np.searchsorted(sorted_values, grid) / len(sorted_values)
    if distribution == "uniform":
        expected = np.clip((grid + 1) / 2, 0, 1)
    else:
        expected = [0.5 * (1 + tf.math.erf(x / np.sqrt(2)).numpy()) for x in grid]
    # A grey level is 1 / 32 wide; beside it, chance makes less than one per cent.
    np.testing.assert_allclose(share, expected, atol=0.02)


def test_seed(folder):
    generator = load_generator(folder)
    images = generator.generate(300, seed=5)  # More than are computed at once.
    assert images.shape == (300, 4, 6, 3) and images.dtype == np.uint8
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300
    np.testing.assert_array_equal(generator.generate(300, seed=5), images)
    assert (generator.generate(300, seed=6) != images).mean() > 0.5
    assert (generator.generate(9) != generator.generate(9)).mean() > 0.5


def test_labels(conditional_folder):
    generator = load_generator(conditional_folder)
    in_turn = generator.generate(6, seed=0)
    given = generator.generate(6, labels=[0, 1, 2, 3, 0, 1], seed=0)
    np.testing.assert_array_equal(in_turn, given)
    threes = generator.generate(6, labels=3, seed=0)
    assert (threes == in_turn).reshape(6, -1).all(axis=1).tolist() == [
        label == 3 for label in (0, 1, 2, 3, 0, 1)
    ]


def gan(classes=None, **kwargs):
    sample = keras.Input((4, 6, 3))
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(sample))
    if classes is None:
        discriminator = keras.Model(sample, logit)
        return GAN(image_generator(), discriminator, **kwargs)
    label = keras.Input((), dtype="int32")
    logit = logit + keras.layers.Embedding(classes, 1)(label)
    return ConditionalGAN(
        image_generator(classes),
        keras.Model([sample, label], logit),
        classes=classes,
        **kwargs,
    )


@pytest.mark.parametrize("classes", [None, 4])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_same_images_as_the_model(classes, distribution, tmp_path):
    model = gan(classes, latent_distribution=distribution)
    labels = None if classes is None else np.array([3, 1, 1, 0, 2])
    expected = (model.generate(5, labels=labels, seed=3) + 1.0) * 127.5
    model.save(tmp_path / "model.keras")
    path = export_generator(model, tmp_path / "saved_model")
    for source in (path, tmp_path / "model.keras"):
        loaded = load_generator(source)
        assert (loaded.latent_dim, loaded.classes) == (LATENT_DIM, classes)
        assert loaded.latent_distribution == distribution
        assert_same_pixels(loaded.generate(5, labels=labels, seed=3), expected)


def test_the_average_is_exported(tmp_path):
    model, expected = gan(ema_decay=0.9), gan()
    expected.generator.set_weights(image_generator(seed=1).get_weights())
    model.averaged_generator.set_weights(expected.generator.get_weights())
    pixels = (expected.generate(5, seed=3) + 1.0) * 127.5
    model.save(tmp_path / "model.keras")
    path = export_generator(model, tmp_path / "saved_model")
    for source in (path, tmp_path / "model.keras"):
        assert_same_pixels(load_generator(source).generate(5, seed=3), pixels)


# Wrong arguments --------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, 2.0, True, None])
def test_wrong_number(folder, n):
    with pytest.raises(ValueError, match="`n` must be a positive integer. Received"):
        load_generator(folder).generate(n)


@pytest.mark.parametrize("labels, message", [
    (4, r"`labels` must lie in \[0, 4\), .* labels from 4 to 4"),
    ([0, -1], r"labels from -1 to 0"),
    ([0, 1, 2], r"an integer or 2 integers. .* shape \(3,\)"),
    ([0.0, 1.0], "an integer or 2 integers. .* dtype float64"),
    ([[0], [1]], r"shape \(2, 1\)"),
])  # fmt: skip
def test_wrong_labels(conditional_folder, labels, message):
    with pytest.raises(ValueError, match=message):
        load_generator(conditional_folder).generate(2, labels=labels)


def test_labels_for_a_model_without_classes(folder):
    with pytest.raises(ValueError, match="not conditional .* labels=3"):
        load_generator(folder).generate(2, labels=3)


def test_wrong_model(model, tmp_path):
    with pytest.raises(TypeError, match="type Functional without `generator`"):
        export_generator(model.generator, tmp_path / "new")
    incomplete = Model(model.generator)
    del incomplete.latent_distribution
    with pytest.raises(TypeError, match="Model without `latent_distribution`"):
        export_generator(incomplete, tmp_path / "new")
    unknown = Model(model.generator, latent_distribution="beta")
    with pytest.raises(ValueError, match="latent_distribution='beta'"):
        export_generator(unknown, tmp_path / "new")
    two_channels = Model(image_generator(image_shape=(4, 4, 2)))
    with pytest.raises(ValueError, match=r"shape \(None, 4, 4, 2\)"):
        export_generator(two_channels, tmp_path / "new")
    latent = keras.Input((2,))
    points = Model(keras.Model(latent, keras.layers.Dense(3)(latent)))
    message = r"must generate images .* makes outputs of shape \(None, 3\)"
    with pytest.raises(ValueError, match=message):
        export_generator(points, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments, error, message", [
    ({"version": 0}, ValueError, "`version` must be a positive integer"),
    ({"weights_dtype": "int8"}, ValueError, "`weights_dtype` must be one of"),
    ({"metadata": ["a"]}, TypeError, "`metadata` must be a dict of JSON values"),
])  # fmt: skip
def test_wrong_arguments(model, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        export_generator(model, tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_weights_that_cannot_be_stored(tmp_path):
    model = Model(image_generator())
    model.generator.get_layer("dense").bias.assign(np.full(72, np.nan))
    with pytest.raises(ValueError, match="bias` of `generator` must hold finite"):
        export_generator(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_paths(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="`export_generator` made"):
        load_generator(tmp_path / "missing")
    with pytest.raises(ValueError, match="folder that `export_generator` made"):
        load_generator(tmp_path)
    model.generator.save(tmp_path / "generator.keras")
    message = "generator.keras' cannot generate. .* without `generator`.$"
    with pytest.raises(ValueError, match=message):
        load_generator(tmp_path / "generator.keras")


def test_the_other_kind(folder, tmp_path):
    image = keras.Input((4, 4, 3))
    translation = CycleGAN(
        *(keras.Model(image, keras.layers.Conv2D(3, 1)(image)) for _ in range(2)),
        *(keras.Model(image, keras.layers.Conv2D(1, 1)(image)) for _ in range(2)),
    )
    translation.save(tmp_path / "cyclegan.keras")
    export_translator(translation, tmp_path / "translator")
    gan().save(tmp_path / "gan.keras")

    message = "cannot generate. .* It can translate: load it with `load_translator`"
    with pytest.raises(ValueError, match=message):
        load_generator(tmp_path / "cyclegan.keras")
    message = "not one of `export_generator`, .* load it with `load_translator`"
    with pytest.raises(ValueError, match=message):
        load_generator(tmp_path / "translator")
    message = "cannot translate. .* It can generate: load it with `load_generator`"
    with pytest.raises(ValueError, match=message):
        load_translator(tmp_path / "gan.keras")
    message = "not one of `export_translator`, .* load it with `load_generator`"
    with pytest.raises(ValueError, match=message):
        load_translator(folder)
