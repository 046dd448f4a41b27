"""Translators: pixels, signatures, image files and sizes."""

import io
import os
import types

import keras
import numpy as np
import pytest
import small_exports
import tensorflow as tf
from PIL import Image
from small_exports import assert_same_pixels, decode_png, image_file, pictures, scaled

from keras_gans.data.images import decode_image
from keras_gans.export import load, save
from keras_gans.networks import digit_generator, resnet_generator

SIGNATURES = {"serving_default", "serving_bytes", "reverse", "reverse_bytes"}


def grey_levels(model, images, direction=None):
    """What comes out of the Keras model, on the scale of pixels but not rounded."""
    arguments = {"direction": direction} if direction else {}
    return (model(scaled(images), **arguments).numpy() + 1.0) * 127.5


@pytest.fixture(scope="module")
def model():
    return small_exports.cyclegan()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The folder above version 1."""
    directory = tmp_path_factory.mktemp("saved_models") / "digits"
    save(model, directory)
    return directory


@pytest.fixture(scope="module")
def translator(folder):
    return load(folder)


@pytest.fixture(scope="module")
def signatures(folder):
    loaded = tf.saved_model.load(os.fspath(folder / "1"))
    # A signature need not keep the object alive that owns its weights.
    return types.SimpleNamespace(
        loaded=loaded,
        translate_files=lambda files, name="serving_bytes": [
            decode_png(file)
            for file in loaded.signatures[name](image_bytes=tf.constant(files))[
                "image_bytes"
            ].numpy()
        ],
        translate=lambda images, name="serving_default": loaded.signatures[name](
            images=tf.constant(images)
        )["images"].numpy(),
    )


# Parity -----------------------------------------------------------------------------


@pytest.mark.parametrize("height, width", [(16, 24), (4, 4), (20, 44)])
def test_any_size_that_the_network_allows(model, translator, height, width):
    x, y = (pictures(channels, 2, height, width) for channels in (1, 3))
    assert_same_pixels(translator.translate(x), grey_levels(model, x))
    assert_same_pixels(translator(y, direction="yx"), grey_levels(model, y, "yx"))


def test_signatures(folder, signatures):
    assert set(signatures.loaded.signatures) == SIGNATURES
    expected = {
        "serving_default": ("images", (None, None, None, 1), (None, None, None, 3)),
        "reverse": ("images", (None, None, None, 3), (None, None, None, 1)),
        "serving_bytes": ("image_bytes", (None,), (None,)),
        "reverse_bytes": ("image_bytes", (None,), (None,)),
    }
    for name, (argument, input_shape, output_shape) in expected.items():
        function = signatures.loaded.signatures[name]
        dtype = tf.uint8 if argument == "images" else tf.string
        _, inputs = function.structured_input_signature
        outputs = function.structured_outputs
        assert list(inputs) == list(outputs) == [argument]
        assert inputs[argument].dtype == outputs[argument].dtype == dtype
        assert tuple(inputs[argument].shape) == input_shape
        assert tuple(outputs[argument].shape) == output_shape


@pytest.mark.parametrize(
    "normalization", ["instance", pytest.param(None, marks=pytest.mark.slow)]
)
def test_other_normalizations(normalization, tmp_path):
    model = small_exports.cyclegan(normalization)
    translator = load(save(model, tmp_path))
    x, y = pictures(1), pictures(3)
    assert_same_pixels(translator(x), grey_levels(model, x))
    assert_same_pixels(translator(y, "yx"), grey_levels(model, y, "yx"))


# Image files ------------------------------------------------------------------------


def test_files_of_mixed_sizes_and_formats(translator, signatures):
    images = [pictures(1, 1, 16, 24)[0], pictures(1, 1, 8, 4)[0]]
    images.append(pictures(3, 1, 12, 12)[0])
    formats = ["PNG", "BMP", "PNG"]
    # A grey BMP has a palette; saved in colour it has 24 bits per pixel.
    images[1] = np.repeat(images[1], 3, axis=-1)
    files = [image_file(*pair) for pair in zip(images, formats, strict=True)]
    received = signatures.translate_files(files)
    for file, image in zip(files, received, strict=True):
        expected = translator(decode_image(file, channels=1)[np.newaxis])[0]
        np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("name, direction, source", [
    ("serving_bytes", "xy", "x"),
    ("reverse_bytes", "yx", "y"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "GIF", "transparent PNG", "palette PNG"])
def test_files_of_every_kind(translator, signatures, name, direction, source, kind):
    # Smooth, as decoders of JPEG differ by some grey levels at edges of colours.
    ramp = np.linspace(20, 230, 16)
    image = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], 90.0), axis=-1)
    image = image.round().astype("uint8")
    if kind == "transparent PNG":
        opacity = np.linspace(0, 255, 256).reshape(16, 16, 1)
        file = image_file(np.dstack([image, opacity.astype("uint8")]))
    elif kind == "palette PNG":
        stream = io.BytesIO()
        Image.fromarray(image).convert("P").save(stream, "PNG")
        file = stream.getvalue()
    elif kind == "JPEG":
        file = image_file(image, "JPEG", quality=95, subsampling=0)
    else:
        file = image_file(image, kind)
    pixels = decode_image(file, channels=translator.channels[source])
    expected = translator(pixels[np.newaxis], direction)[0]
    (received,) = signatures.translate_files([file], name)
    difference = np.abs(received.astype("int32") - expected)
    if kind == "JPEG":
        assert difference.mean() < 2
    else:
        assert difference.max() == 0


def test_no_files(signatures):
    assert signatures.translate_files(tf.zeros((0,), tf.string)) == []


@pytest.mark.parametrize("file, message", [
    (b"no image", "Unknown image file format"),
    (b"", "Input is empty"),
    (image_file(pictures(1)[0])[:-40], "Invalid PNG"),
    (image_file(pictures(1)[0], "BMP"), "BMP files .* 24 or 32 bits per pixel"),
    (image_file(pictures(1, 1, 10, 16)[0]), r"multiples of 4; x .*\[10 16\].*\[8 16\]"),
])  # fmt: skip
def test_wrong_files(signatures, file, message):
    good = image_file(pictures(1)[0])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures.translate_files([good, file])


def test_wrong_size_in_the_graph(signatures):
    message = r"every image must be multiples of 4; x .*\[30 32\].*\[28 32\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures.translate(pictures(1, 1, 30, 32))
    message = "every image must be at least 1"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures.translate(pictures(1, 1, 0, 32))


# Loading ----------------------------------------------------------------------------


def test_attributes(model, translator, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras")
    for each in (loaded, translator):
        assert each.channels == {"x": 1, "y": 3} and each.directions == ("xy", "yx")
        assert (each.size_multiple, each.minimum_size) == (4, 1)
    y = pictures(3)
    np.testing.assert_array_equal(loaded(y, "yx"), translator(y, "yx"))
    with pytest.raises(ValueError, match="multiples of 4"):
        loaded(pictures(1, 1, 30, 32))


def test_empty_batch(translator):
    assert translator(pictures(1, batch=0)).shape == (0, 16, 24, 3)


@pytest.mark.slow
def test_generator_with_a_minimum_size(tmp_path):
    keras.utils.set_random_seed(0)
    generators = [resnet_generator(3, 3, width=2, residual_blocks=1) for _ in range(2)]
    model = types.SimpleNamespace(
        generator_xy=generators[0], generator_yx=generators[1]
    )
    translator = load(save(model, tmp_path))
    assert (translator.size_multiple, translator.minimum_size) == (4, 8)
    assert translator(pictures(3, 1, 8, 12)).shape == (1, 8, 12, 3)
    message = "multiples of 4 and at least 8. Received: height=4"
    with pytest.raises(ValueError, match=message):
        translator(pictures(3, 1, 4, 8))
    loaded = tf.saved_model.load(os.fspath(tmp_path / "1"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 8"):
        loaded.signatures["serving_default"](images=pictures(3, 1, 4, 8))


def test_generator_of_one_size(tmp_path):
    inputs = keras.Input((3, 5, 3))
    triple = keras.layers.Dense(
        3, kernel_initializer=keras.initializers.Identity(gain=3.0), use_bias=False
    )
    generator = keras.Model(inputs, triple(inputs))
    model = types.SimpleNamespace(generator_xy=generator, generator_yx=generator)
    translator = load(save(model, tmp_path))
    # The contrast is tripled, which must not wrap around at black and white. (Without
    # care TensorFlow does that to what is left over from a multiple of 16 numbers.)
    x = pictures(3, 1, 3, 5)
    expected = np.clip(3 * x.astype("int32") - 255, 0, 255)
    assert np.abs(translator(x) - expected).max() <= 1
    loaded = tf.saved_model.load(os.fspath(tmp_path / "1"))
    files = [image_file(image) for image in x]
    received = loaded.signatures["serving_bytes"](image_bytes=tf.constant(files))
    images = [decode_png(file) for file in received["image_bytes"].numpy()]
    np.testing.assert_array_equal(images, translator(x))
    message = "must be 3 and 5, for which it was built. Received: height=5, width=5"
    with pytest.raises(ValueError, match=message):
        translator(pictures(3, 1, 5, 5))


# Wrong arguments --------------------------------------------------------------------


def test_wrong_images(translator):
    x = pictures(1)
    with pytest.raises(TypeError, match="`images` must be a uint8 array.*float32"):
        translator(x.astype("float32"))
    with pytest.raises(TypeError, match="`images` must be a uint8 array.*list"):
        translator(x.tolist())
    message = r"shape \(batch, height, width, 1\), as domain x has 1 channel. Received"
    with pytest.raises(ValueError, match=message):
        translator(pictures(3))
    with pytest.raises(ValueError, match="domain y has 3 channels"):
        translator(x, "yx")
    with pytest.raises(ValueError, match="shape"):
        translator(x[0])
    message = "must be multiples of 4. Received: height=30, width=32. Crop, pad or"
    with pytest.raises(ValueError, match=message):
        translator(pictures(1, 1, 30, 32))
    with pytest.raises(ValueError, match="`direction` must be 'xy' or 'yx'"):
        translator(x, direction="yy")


def test_wrong_model(model, tmp_path):
    half = types.SimpleNamespace(generator_xy=model.generator_xy)
    generator = digit_generator(1, 2, width=2)
    two = types.SimpleNamespace(generator_xy=generator, generator_yx=generator)
    back = types.SimpleNamespace(generator_xy=generator, directions={"yx": "generator"})
    for wrong, error, message in (
        (half, TypeError, "type SimpleNamespace without `generator_yx`"),
        (two, ValueError, "1 channels to 2"),
        (back, ValueError, "`directions` .* network for 'xy'.*{'yx': 'generator'}"),
    ):
        with pytest.raises(error, match=message):
            save(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# One way ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pix2pix():
    return small_exports.pix2pix(ema_decay=0.9)


@pytest.fixture(scope="module")
def one_way(pix2pix, tmp_path_factory):
    """The folder of version 1."""
    # As after training, the average differs from the weights of the last step.
    average = small_exports.unet(1, seed=1)
    pix2pix.averaged_generator.set_weights(average.get_weights())
    return save(pix2pix, tmp_path_factory.mktemp("saved_models") / "maps")


def test_one_way(pix2pix, one_way):
    loaded = tf.saved_model.load(os.fspath(one_way))
    assert set(loaded.signatures) == {"serving_default", "serving_bytes"}
    translator = load(one_way)
    assert translator.directions == ("xy",)
    assert translator.channels == {"x": 1, "y": 3}
    # On rectangles, twice alike: its dropout is off, as outside of training.
    for height, width in ((16, 24), (8, 4)):
        x = pictures(1, 2, height, width)
        assert_same_pixels(translator(x), grey_levels(pix2pix, x))
        np.testing.assert_array_equal(translator(x), translator(x))
    files = [image_file(image) for image in (x[0], pictures(1, 1, 12, 12)[0])]
    outputs = loaded.signatures["serving_bytes"](image_bytes=tf.constant(files))
    received, _ = map(decode_png, outputs["image_bytes"].numpy())
    np.testing.assert_array_equal(received, translator(x)[0])


def test_one_way_alone(one_way):
    translator = load(one_way)
    message = "`direction` must be 'xy', the only one of this model. Received.*'yx'"
    with pytest.raises(ValueError, match=message):
        translator(pictures(3), "yx")
    with pytest.raises(ValueError, match="multiples of 4. Received: height=30"):
        translator(pictures(1, 1, 30, 32))
    loaded = tf.saved_model.load(os.fspath(one_way))
    with pytest.raises(tf.errors.InvalidArgumentError, match="multiples of 4; x .*30"):
        loaded.signatures["serving_default"](images=pictures(1, 1, 30, 32))


def test_the_source_is_conditioned(tmp_path):
    inputs = keras.Input((None, None, 1))
    same = keras.layers.Dense(1, kernel_initializer="ones")
    model = types.SimpleNamespace(
        export_kind="translation",
        directions={"xy": "network"},
        network=keras.Model(inputs, same(inputs)),
        condition=lambda images: -images,
    )
    x = pictures(1)
    np.testing.assert_array_equal(load(save(model, tmp_path))(x), 255 - x)
