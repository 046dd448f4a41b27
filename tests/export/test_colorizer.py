"""Colorizers: pixels, hints, image files and sizes."""

import io
import os

import keras
import numpy as np
import pytest
import small_exports
import tensorflow as tf
from PIL import Image
from small_exports import assert_same_pixels, decode_png, image_file, scaled

from keras_gans.export import load, save


def sketches(batch=2, height=16, width=24, seed=0):
    """Line art and hints on a tenth of it; transparent pixels have colours, too."""
    random = np.random.default_rng(seed)
    line_art = random.integers(0, 256, (batch, height, width, 1), "uint8")
    hints = random.integers(0, 256, (batch, height, width, 4), "uint8")
    hinted = random.uniform(size=hints.shape[:3]) < 0.1
    hints[..., 3] = np.where(hinted, 128 + hints[..., 3] // 2, hints[..., 3] // 2)
    return line_art, hints


def without_hints(line_art):
    return np.zeros((*line_art.shape[:3], 4), "uint8")


def source_of(line_art, hints):
    mask = (hints[..., 3:] >= 128).astype("float32")
    return scaled(line_art), scaled(hints[..., :3]) * mask, mask


def grey_levels(generator, line_art, hints):
    """What comes out of the Keras network, on the scale of pixels but not rounded."""
    x = np.concatenate(source_of(line_art, hints), axis=-1)
    return (generator(x, training=False).numpy() + 1.0) * 127.5


@pytest.fixture(scope="module")
def model():
    return small_exports.colorizer()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return save(model, tmp_path_factory.mktemp("saved_models") / "sketches")


@pytest.fixture(scope="module")
def colorizer(folder):
    return load(folder)


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(os.fspath(folder))


def colorize(loaded, line_art, hints):
    function = loaded.signatures["serving_default"]
    outputs = function(line_art=tf.constant(line_art), hints=tf.constant(hints))
    return outputs["images"].numpy()


def colorize_files(loaded, line_art_files, hints_files):
    files = loaded.signatures["serving_bytes"](
        line_art_bytes=tf.constant(line_art_files, tf.string),
        hints_bytes=tf.constant(hints_files, tf.string),
    )["image_bytes"].numpy()
    return [decode_png(file) for file in files]


# The SavedModel ---------------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["instance", "batch"])
def test_pixels_are_those_of_the_model(normalization, tmp_path):
    generator = small_exports.unet(5, normalization=normalization)
    colorizer = load(save(small_exports.colorizer(generator), tmp_path))
    line_art, hints = sketches()
    expected = grey_levels(generator, line_art, hints)
    assert_same_pixels(colorizer(line_art, hints), expected)
    # At other sizes and without hints.
    for size in ((4, 8), (12, 12)):
        line_art, _ = sketches(1, *size)
        expected = grey_levels(generator, line_art, without_hints(line_art))
        assert_same_pixels(colorizer(line_art), expected)


def test_the_call_of_the_model_gives_the_same(model, colorizer):
    line_art, hints = sketches()
    y = model(source_of(line_art, hints))
    assert_same_pixels(colorizer(line_art, hints), (y.numpy() + 1.0) * 127.5)


def test_signatures(loaded):
    size = None, None, None
    line_art = tf.TensorSpec((*size, 1), tf.uint8, name="line_art")
    hints = tf.TensorSpec((*size, 4), tf.uint8, name="hints")
    function = loaded.signatures["serving_default"]
    inputs = {"line_art": line_art, "hints": hints}
    assert function.structured_input_signature == ((), inputs)
    (images,) = function.structured_outputs.values()
    assert images.dtype == tf.uint8 and images.shape.as_list() == [*size, 3]
    names = "line_art_bytes", "hints_bytes"
    inputs = {name: tf.TensorSpec((None,), tf.string, name=name) for name in names}
    function = loaded.signatures["serving_bytes"]
    assert function.structured_input_signature == ((), inputs)
    assert {*function.structured_outputs} == {"image_bytes"}


# Hints ------------------------------------------------------------------------------


def test_hints_change_the_image(colorizer):
    line_art, hints = sketches()
    unaided = colorizer(line_art)
    assert (colorizer(line_art, hints) != unaided).mean() > 0.2
    # And so does a single grey dab, whose colour is that of no dab.
    hints = without_hints(line_art)
    hints[:, 8, 8] = 127, 128, 127, 255
    assert (colorizer(line_art, hints) != unaided).any()


def test_threshold_of_alpha(colorizer):
    line_art, _ = sketches()
    images = []
    for alpha in (0, 127, 128, 255):
        hints = without_hints(line_art)
        hints[:, 4:8, 4:8] = 200, 30, 60, alpha
        images.append(colorizer(line_art, hints))
    np.testing.assert_array_equal(images[0], colorizer(line_art))
    np.testing.assert_array_equal(images[1], images[0])
    np.testing.assert_array_equal(images[2], images[3])
    assert (images[1] != images[2]).any()


# Image files ------------------------------------------------------------------------


def test_files_of_mixed_sizes_with_and_without_hints(colorizer, loaded):
    pairs = [sketches(1, 16, 24), sketches(1, 8, 4), sketches(1, 12, 12)]
    line_art = [image_file(pair[0][0]) for pair in pairs]
    hints = [image_file(pairs[0][1][0]), b"", image_file(pairs[2][1][0])]
    received = colorize_files(loaded, line_art, hints)
    np.testing.assert_array_equal(received[0], colorizer(*pairs[0])[0])
    np.testing.assert_array_equal(received[1], colorizer(pairs[1][0])[0])
    np.testing.assert_array_equal(received[2], colorizer(*pairs[2])[0])
    assert (received[1] != colorizer(*pairs[1])[0]).any()
    assert colorize_files(loaded, [], []) == []


def test_hints_in_a_palette(colorizer, loaded):
    line_art, _ = sketches(1, 8, 8)
    indices = np.zeros((8, 8), "uint8")
    indices[2:4, 2:4] = 1
    picture = Image.fromarray(indices, "P")
    picture.putpalette([0, 0, 0, 200, 30, 60])
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=0)
    hints = without_hints(line_art)
    hints[:, 2:4, 2:4] = 200, 30, 60, 255
    (received,) = colorize_files(loaded, [image_file(line_art[0])], [stream.getvalue()])
    np.testing.assert_array_equal(received, colorizer(line_art, hints)[0])


GOOD = sketches(1)


@pytest.mark.parametrize("line_art, hints, message", [
    (b"no image", b"", "Unknown image file format"),
    (image_file(GOOD[0][0], "BMP"), b"", "BMP files in `line_art_bytes` must have 24"),
    (image_file(GOOD[0][0]), b"no image", "`hints_bytes` must be PNG files"),
    (image_file(GOOD[0][0]), image_file(GOOD[1][0])[:-40], "PNG"),
    (
        image_file(GOOD[0][0]),
        image_file(GOOD[1][0, ..., :3], "JPEG"),
        "`hints_bytes` must be PNG files with a transparent background",
    ),
    (
        image_file(GOOD[0][0]),
        image_file(GOOD[1][0, ..., :3]),  # No alpha channel.
        "`hints_bytes` must have a transparent background",
    ),
    (
        image_file(GOOD[0][0]),
        image_file(GOOD[1][0, :8]),
        r"must be those of `line_art`; x .*\[1 8 24\].*\[1 16 24\]",
    ),
    (
        image_file(GOOD[0][0, :10]),
        b"",
        r"multiples of 4; x .*\[10 24\].*\[8 24\]",
    ),
])  # fmt: skip
def test_wrong_files(loaded, line_art, hints, message):
    good = image_file(GOOD[0][0])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        colorize_files(loaded, [good, line_art], [b"", hints])


@pytest.mark.parametrize("number", [1, 3])
def test_another_number_of_hints_files(loaded, number):
    message = rf"as many `hints_bytes` as `line_art_bytes`, .*\[{number}\].*\[2\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        colorize_files(loaded, [image_file(GOOD[0][0])] * 2, [b""] * number)


def test_wrong_size_in_the_graph(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be at least 1"):
        colorize(loaded, *sketches(1, 0, 32))
    line_art, hints = sketches(3)
    for wrong, shape in (
        (hints[:, :12], r"\[3 12 24\]"),
        (hints[:, :, :20], r"\[3 16 20\]"),
        (hints[:1], r"\[1 16 24\]"),
    ):
        message = rf"must be those of `line_art`; x .*{shape}.*\[3 16 24\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            colorize(loaded, line_art, wrong)


# Sizes ------------------------------------------------------------------------------


def test_empty_batch(colorizer):
    assert colorizer(*sketches(0)).shape == (0, 16, 24, 3)


def test_generator_of_one_size(tmp_path):
    inputs = keras.Input((6, 10, 5))
    generator = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    path = save(small_exports.colorizer(generator), tmp_path)
    colorizer = load(path)
    line_art, hints = sketches(1, 6, 10)
    expected = np.clip(grey_levels(generator, line_art, hints), 0, 255)
    assert np.abs(colorizer(line_art, hints) - expected).max() <= 1
    message = "must be 6 and 10, for which it was built. Received: height=8, width=10"
    with pytest.raises(ValueError, match=message):
        colorizer(*sketches(1, 8, 10))
    loaded = tf.saved_model.load(os.fspath(path))
    (received,) = colorize_files(loaded, [image_file(line_art[0])], [b""])
    np.testing.assert_array_equal(received, colorizer(line_art)[0])


# Wrong arguments --------------------------------------------------------------------


def test_wrong_line_art(colorizer):
    line_art, hints = sketches()
    with pytest.raises(TypeError, match="`line_art` must be a uint8 array.*float32"):
        colorizer(line_art.astype("float32"), hints)
    message = r"`line_art` must have the shape \(batch, height, width, 1\). Received"
    for wrong in (line_art[0], line_art[..., 0], hints):
        with pytest.raises(ValueError, match=message):
            colorizer(wrong)
    with pytest.raises(ValueError, match="`line_art` must be multiples of 4. Received"):
        colorizer(*sketches(1, 30, 32))


def test_wrong_hints(colorizer):
    line_art, hints = sketches()
    with pytest.raises(TypeError, match="`hints` must be a uint8 array.*float64"):
        colorizer(line_art, hints / 255)
    for wrong in (hints[..., :3], hints[:, :12], hints[:1], hints[0], line_art):
        with pytest.raises(ValueError) as error:
            colorizer(line_art, wrong)
        assert "shape (2, 16, 24, 4)" in str(error.value)
        assert f"hints.shape={wrong.shape}" in str(error.value)
