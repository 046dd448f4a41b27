"""Generators: pixels, latent vectors, labels and seeds."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_exports import LATENT_DIM, assert_same_pixels, gan, image_generator

from keras_gans.export import load, save


class Model(keras.Model):
    """Has what an export needs and no more."""

    def __init__(self, generator, classes=None, latent_distribution="uniform"):
        super().__init__()
        self.generator = generator
        self.latent_dim = keras.tree.flatten(generator.inputs)[0].shape[-1]
        self.classes = classes
        self.latent_distribution = latent_distribution


def levels(generator, latent, labels=None):
    """What comes out of `image_generator` on the scale of pixels, in float64."""
    x = latent.astype("float64")
    if labels is not None:
        (table,) = generator.get_layer("embedding").get_weights()
        x = np.concatenate([x, table.astype("float64")[labels]], axis=1)
    kernel, bias = generator.get_layer("dense").get_weights()
    y = x @ kernel.astype("float64") + bias
    return (y.reshape(-1, *generator.output_shape[1:]) + 1.0) * 127.5


def latents(count=7, seed=1):
    shape = count, LATENT_DIM
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


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
    save(model, directory)
    return directory


@pytest.fixture(scope="module")
def conditional_folder(conditional, tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved_models") / "classes"
    save(conditional, directory)
    return directory


def call(folder, **inputs):
    # A signature need not keep the object alive that owns its weights.
    loaded = tf.saved_model.load(os.fspath(folder / "1"))
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    return loaded.signatures["serving_default"](**inputs)["images"].numpy()


# The SavedModel ---------------------------------------------------------------------


def test_pixels_are_those_of_the_generator(
    model, folder, conditional, conditional_folder
):
    latent, labels = latents(4), np.array([3, 0, 0, 2], "int32")
    for received, expected in (
        (call(folder, latent=latent), levels(model.generator, latent)),
        (
            call(conditional_folder, latent=latent, labels=labels),
            levels(conditional.generator, latent, labels),
        ),
    ):
        # Its darkest and brightest parts are clipped.
        assert expected.min() < 0 and expected.max() > 255
        assert_same_pixels(received, expected)


def test_signature(folder, conditional_folder):
    latent = tf.TensorSpec((None, LATENT_DIM), tf.float32, name="latent")
    labels = tf.TensorSpec((None,), tf.int32, name="labels")
    for directory, expected in (
        (folder, {"latent": latent}),
        (conditional_folder, {"latent": latent, "labels": labels}),
    ):
        loaded = tf.saved_model.load(os.fspath(directory / "1"))
        assert set(loaded.signatures) == {"serving_default", "serving_bytes"}
        function = loaded.signatures["serving_default"]
        assert function.structured_input_signature == ((), expected)
        (images,) = function.structured_outputs.values()
        assert images.dtype == tf.uint8 and images.shape.as_list() == [None, 4, 6, 3]


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


# Loading ----------------------------------------------------------------------------


def test_attributes(folder, conditional_folder):
    generator = load(folder)
    assert (generator.latent_dim, generator.classes) == (LATENT_DIM, None)
    assert generator.latent_distribution == "uniform"
    generator = load(os.fspath(conditional_folder / "1"))
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
    loaded = load(save(model, tmp_path))
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
    generator = load(folder)
    images = generator.generate(300, seed=5)  # More than are computed at once.
    assert images.shape == (300, 4, 6, 3) and images.dtype == np.uint8
    assert len(np.unique(images.reshape(300, -1), axis=0)) == 300
    np.testing.assert_array_equal(generator.generate(300, seed=5), images)
    assert (generator.generate(300, seed=6) != images).mean() > 0.5
    assert (generator.generate(9) != generator.generate(9)).mean() > 0.5


def test_labels(conditional_folder):
    generator = load(conditional_folder)
    in_turn = generator.generate(6, seed=0)
    given = generator.generate(6, labels=[0, 1, 2, 3, 0, 1], seed=0)
    np.testing.assert_array_equal(in_turn, given)
    threes = generator.generate(6, labels=3, seed=0)
    assert (threes == in_turn).reshape(6, -1).all(axis=1).tolist() == [
        label == 3 for label in (0, 1, 2, 3, 0, 1)
    ]


@pytest.mark.parametrize("classes", [None, 4])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_same_images_as_the_model(classes, distribution, tmp_path):
    model = gan(classes, latent_distribution=distribution)
    labels = None if classes is None else np.array([3, 1, 1, 0, 2])
    expected = (model.generate(5, labels=labels, seed=3) + 1.0) * 127.5
    model.save(tmp_path / "model.keras")
    path = save(model, tmp_path / "saved_model")
    for source in (path, tmp_path / "model.keras"):
        loaded = load(source)
        assert (loaded.latent_dim, loaded.classes) == (LATENT_DIM, classes)
        assert loaded.latent_distribution == distribution
        assert_same_pixels(loaded.generate(5, labels=labels, seed=3), expected)


# Wrong arguments --------------------------------------------------------------------


@pytest.mark.parametrize("labels, message", [
    (4, r"Labels must lie in \[0, 4\), .* labels from 4 to 4"),
    ([0, -1], r"labels from -1 to 0"),
    ([0, 1, 2], r"an integer or 2 integers. .* shape \(3,\)"),
    ([0.0, 1.0], "an integer or 2 integers. .* dtype float64"),
])  # fmt: skip
def test_wrong_labels(conditional_folder, labels, message):
    with pytest.raises(ValueError, match=message):
        load(conditional_folder).generate(2, labels=labels)


def test_wrong_arguments(folder):
    generator = load(folder)
    with pytest.raises(ValueError, match="not conditional .* labels=3"):
        generator.generate(2, labels=3)
    with pytest.raises(ValueError, match="`n` must be a positive integer. Received"):
        generator.generate(0)


@pytest.mark.parametrize("arguments, message", [
    ({"latent_distribution": "beta"}, "latent_distribution='beta'"),
    ({"generator": image_generator(image_shape=(4, 4, 2))}, r"\(None, 4, 4, 2\)"),
    (
        {"generator": image_generator(image_shape=(3,))},
        r"must generate images .* makes outputs of shape \(None, 3\)",
    ),
])  # fmt: skip
def test_wrong_model(model, tmp_path, arguments, message):
    wrong = Model(**{"generator": model.generator, **arguments})
    with pytest.raises(ValueError, match=message):
        save(wrong, tmp_path / "new")
    del wrong.latent_distribution
    with pytest.raises(TypeError, match="type Model without `latent_distribution`"):
        save(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()
