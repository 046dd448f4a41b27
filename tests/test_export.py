"""Export of a translation model, and loading it with and without Keras."""

import io
import json
import os
import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.data.images import decode_image
from keras_gans.export import export_translator, load_translator
from keras_gans.models import CycleGAN
from keras_gans.networks import (
    digit_discriminator,
    digit_generator,
    resnet_generator,
)

SIGNATURES = {"serving_default", "serving_bytes", "reverse", "reverse_bytes"}


def digit_model(normalization="batch", compiled=True, **arguments):
    keras.utils.set_random_seed(0)
    model = CycleGAN(
        generator_xy=digit_generator(1, 3, width=8, normalization=normalization),
        generator_yx=digit_generator(3, 1, width=8, normalization=normalization),
        discriminator_x=digit_discriminator(1, width=4),
        discriminator_y=digit_discriminator(3, width=4),
        **arguments,
    )
    if compiled:
        model.compile()
    # Statistics and offsets as after training, so that it shows if they get lost.
    random = np.random.default_rng(0)
    for variable in model.generator_xy.weights + model.generator_yx.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif variable.name in ("beta", "moving_mean", "bias"):
            variable.assign(random.normal(0.0, 0.3, variable.shape))
    return model


def pictures(channels, batch=3, height=16, width=24, seed=0):
    shape = batch, height, width, channels
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def grey_levels(model, images, direction="xy"):
    """What comes out of the Keras model, on the scale of pixels but not rounded."""
    y = model(images.astype("float32") / 127.5 - 1.0, direction=direction)
    return (y.numpy() + 1.0) * 127.5


def assert_same_pixels(received, levels):
    """Equal, except where a last bit of float32 decides between two grey levels."""
    assert received.dtype == np.uint8 and received.shape == levels.shape
    assert levels.std() > 10  # A picture, and not one even grey.
    expected = np.clip(np.round(levels), 0, 255)
    difference = np.abs(received - expected)
    between_two = np.abs(levels % 1 - 0.5) < 1e-3
    assert difference.max() <= 1
    assert difference[~between_two].max() == 0
    assert between_two.sum() <= 2 + 0.02 * between_two.size


def image_file(image, image_format="PNG", **options):
    stream = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(stream, image_format, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def model():
    return digit_model()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The folder above version 1."""
    directory = tmp_path_factory.mktemp("saved_models") / "digits"
    export_translator(model, directory, metadata={"command": "keras-gans train"})
    return directory


@pytest.fixture(scope="module")
def translator(folder):
    return load_translator(folder)


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


def decode_png(file):
    assert file.startswith(b"\x89PNG")
    image = np.array(Image.open(io.BytesIO(file)))
    return image[..., np.newaxis] if image.ndim == 2 else image


FRESH_PROCESS = """
import sys

# Both are installed here; `None` makes every import of them fail.
sys.modules["keras"] = sys.modules["keras_gans"] = None
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
inputs = np.load(sys.argv[2])
signature = loaded.signatures
files = [tf.io.encode_png(image) for image in inputs["x"]]
np.savez(
    sys.argv[3],
    y=signature["serving_default"](images=tf.constant(inputs["x"]))["images"],
    x=signature["reverse"](images=tf.constant(inputs["y"]))["images"],
    y_files=[
        tf.io.decode_png(file)
        for file in signature["serving_bytes"](image_bytes=files)["image_bytes"]
    ],
    signatures=list(signature),
)
assert sys.modules["keras_gans"] is None and sys.modules["keras"] is None
"""


def test_fresh_process_with_tensorflow_alone(model, folder, tmp_path):
    x, y = pictures(1), pictures(3, batch=2, height=32, width=32)
    np.savez(tmp_path / "inputs.npz", x=x, y=y)
    files = tmp_path / "inputs.npz", tmp_path / "outputs.npz"
    arguments = map(os.fspath, (folder / "1", *files))
    subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *arguments], cwd=tmp_path, check=True
    )
    outputs = np.load(tmp_path / "outputs.npz")
    assert_same_pixels(outputs["y"], grey_levels(model, x))
    assert_same_pixels(outputs["x"], grey_levels(model, y, "yx"))
    assert_same_pixels(outputs["y_files"], grey_levels(model, x))
    assert set(outputs["signatures"]) == SIGNATURES


# Parity -----------------------------------------------------------------------------


@pytest.mark.parametrize("height, width", [(32, 32), (4, 4), (20, 44)])
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


@pytest.mark.parametrize("normalization", ["instance", None])
def test_other_normalizations(normalization, tmp_path):
    model = digit_model(normalization)
    translator = load_translator(export_translator(model, tmp_path))
    x, y = pictures(1), pictures(3)
    assert_same_pixels(translator(x), grey_levels(model, x))
    assert_same_pixels(translator(y, "yx"), grey_levels(model, y, "yx"))


def test_mixed_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = digit_model()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.generator_xy.get_layer("encoder_1").compute_dtype == "bfloat16"
    x = pictures(1)
    received = load_translator(export_translator(model, tmp_path))(x)
    levels = grey_levels(model, x)
    # Fused kernels round to bfloat16 at other places, at 8 bits each time.
    difference = np.abs(received - levels)
    assert levels.std() > 10 and difference.mean() < 0.4 and difference.max() < 4


def test_only_the_generators_are_stored(model, folder):
    generators = model.generator_xy, model.generator_yx
    weights = sum(generator.count_params() for generator in generators)
    stored = tf.train.list_variables(os.fspath(folder / "1" / "variables/variables"))
    numbers = sum(
        int(np.prod(shape)) for name, shape in stored if "OBJECT_GRAPH" not in name
    )
    assert numbers == weights
    assert (folder / "1" / "saved_model.pb").stat().st_size < 200_000


def test_averages_are_exported(tmp_path):
    model, expected = digit_model(ema_decay=0.9), digit_model()
    for direction in ("xy", "yx"):
        # As after training, averages differ from the weights of the last step.
        generator = getattr(expected, f"generator_{direction}")
        for variable in generator.trainable_variables:
            variable.assign(variable * 1.5)
        averaged = getattr(model, f"averaged_generator_{direction}")
        averaged.set_weights(generator.get_weights())
    path = export_translator(model, tmp_path / "averages")
    model.save(tmp_path / "model.keras")
    for source in (path, tmp_path / "model.keras"):
        translator = load_translator(source)
        x, y = pictures(1), pictures(3)
        assert_same_pixels(translator(x), grey_levels(expected, x))
        assert_same_pixels(translator(y, "yx"), grey_levels(expected, y, "yx"))
    # And nothing but them.
    data = pathlib.Path("variables", "variables.data-00000-of-00001")
    plain = export_translator(expected, tmp_path / "plain")
    assert (path / data).stat().st_size == (plain / data).stat().st_size


def test_float16_weights(model, folder, translator, tmp_path):
    path = export_translator(model, tmp_path, weights_dtype="float16")
    data = pathlib.Path("variables", "variables.data-00000-of-00001")
    size, full_size = (path / data).stat().st_size, (folder / "1" / data).stat().st_size
    assert size < 0.55 * full_size
    half = load_translator(path)
    for images, direction in ((pictures(1, 8), "xy"), (pictures(3, 8), "yx")):
        expected = translator(images, direction).astype("int32")
        difference = np.abs(half(images, direction) - expected)
        assert difference.any()  # Or it was not float16.
        assert (difference <= 1).mean() >= 0.999


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


# Versions and files -----------------------------------------------------------------


def test_versions(model, tmp_path):
    directory = tmp_path / "new" / "digits"
    assert export_translator(model, directory) == directory / "1"
    assert export_translator(model, os.fspath(directory)) == directory / "2"
    assert export_translator(model, directory, version=10) == directory / "10"
    assert export_translator(model, directory) == directory / "11"
    before = (directory / "2" / "saved_model.pb").read_bytes()
    with pytest.raises(FileExistsError, match="Version 2 exists already: .*digits/2"):
        export_translator(model, directory, version=2)
    assert (directory / "2" / "saved_model.pb").read_bytes() == before
    names = {entry.name for entry in directory.iterdir()}
    assert names == {"1", "2", "10", "11"}


def test_highest_version_is_loaded(model, tmp_path):
    x = pictures(1)
    bias = model.generator_xy.get_layer("decoder_2").bias
    value = bias.numpy()
    export_translator(model, tmp_path, version=9)
    try:
        bias.assign(value + 0.5)
        export_translator(model, tmp_path, version=10)
        levels = grey_levels(model, x)
    finally:
        bias.assign(value)
    assert_same_pixels(load_translator(tmp_path)(x), levels)
    assert_same_pixels(load_translator(tmp_path / "9")(x), grey_levels(model, x))


@pytest.mark.parametrize("failing", ["save", "metadata", "rename"])
def test_a_failed_export_leaves_nothing(model, tmp_path, monkeypatch, failing):
    save = tf.saved_model.save

    def fail(*args, **kwargs):
        if failing == "save":
            save(*args, **kwargs)
        assert list(tmp_path.iterdir())  # It was in the middle of it.
        raise OSError("No space left on device")

    place, name = {
        "save": (tf.saved_model, "save"),
        "metadata": (pathlib.Path, "write_text"),
        "rename": (pathlib.Path, "rename"),
    }[failing]
    monkeypatch.setattr(place, name, fail)
    with pytest.raises(OSError, match="No space left"):
        export_translator(model, tmp_path, metadata={})
    assert list(tmp_path.iterdir()) == []


def test_metadata(folder, model, tmp_path):
    file = folder / "1" / "assets.extra" / "metadata.json"
    assert json.loads(file.read_text("utf-8")) == {"command": "keras-gans train"}
    assert not (export_translator(model, tmp_path) / "assets.extra").exists()


def test_others_may_read_the_version(folder):
    usual = folder.parent / "usual"
    usual.mkdir()
    assert (folder / "1").stat().st_mode == usual.stat().st_mode


# Loading ----------------------------------------------------------------------------


def test_keras_file(model, translator, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = load_translator(tmp_path / "model.keras")
    assert loaded.channels == translator.channels == {"x": 1, "y": 3}
    assert loaded.size_multiple == translator.size_multiple == 4
    x, y = pictures(1), pictures(3)
    np.testing.assert_array_equal(loaded(x), translator(x))
    np.testing.assert_array_equal(loaded(y, "yx"), translator(y, "yx"))
    with pytest.raises(ValueError, match="multiples of 4"):
        loaded(pictures(1, 1, 30, 32))


def test_empty_batch(translator):
    assert translator(pictures(1, batch=0)).shape == (0, 16, 24, 3)


def test_generator_with_a_minimum_size(tmp_path):
    keras.utils.set_random_seed(0)
    generators = [resnet_generator(3, 3, width=2, residual_blocks=1) for _ in range(2)]
    model = types.SimpleNamespace(
        generator_xy=generators[0], generator_yx=generators[1]
    )
    translator = load_translator(export_translator(model, tmp_path))
    assert (translator.size_multiple, translator.minimum_size) == (4, 8)
    assert translator(pictures(3, 1, 8, 12)).shape == (1, 8, 12, 3)
    with pytest.raises(
        ValueError, match="multiples of 4 from 8 on. Received: height=4"
    ):
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
    translator = load_translator(export_translator(model, tmp_path))
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
    with pytest.raises(ValueError, match=r"built for images of shape \(3, 5, 3\)"):
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
    class HalfModel:
        generator_xy = model.generator_xy

    message = "type {} without `{}`"
    for wrong, missing in (
        (model.generator_xy, "generator_xy"),
        (HalfModel(), "generator_yx"),
        ("model.keras", "generator_xy"),
    ):
        expected = message.format(type(wrong).__name__, missing)
        with pytest.raises(TypeError, match=expected):
            export_translator(wrong, tmp_path / "new")
    generator = digit_generator(1, 2, width=2)
    wrong = types.SimpleNamespace(generator_xy=generator, generator_yx=generator)
    with pytest.raises(ValueError, match="1 channels to 2"):
        export_translator(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments, error, message", [
    ({"version": 0}, ValueError, "`version` must be a positive integer"),
    ({"version": "1"}, TypeError, "`version` must be a positive integer"),
    ({"version": True}, TypeError, "`version` must be a positive integer"),
    ({"weights_dtype": "int8"}, ValueError, "`weights_dtype` must be one of"),
    ({"metadata": ["a"]}, TypeError, "`metadata` must be a dict of JSON values"),
    ({"metadata": {"a": {1}}}, TypeError, "`metadata` must be a dict of JSON values"),
    ({"metadata": {"a": float("nan")}}, TypeError, "JSON values"),
])  # fmt: skip
def test_wrong_arguments(model, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        export_translator(model, tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("value, dtype", [(np.nan, "float32"), (1e5, "float16")])
def test_weights_that_cannot_be_stored(tmp_path, value, dtype):
    model = digit_model(compiled=False)
    bias = model.generator_yx.get_layer("decoder_2").bias
    bias.assign([value])
    message = f"bias` of `generator_yx` must hold finite numbers in {dtype}"
    with pytest.raises(ValueError, match=message):
        export_translator(model, tmp_path, weights_dtype=dtype)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", [(), ("digits",)])
def test_folder_that_cannot_be_written(model, tmp_path, monkeypatch, below):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setattr(tf.saved_model, "save", None)  # Not even reached.
    message = "`directory` must be a folder that can be written"
    with pytest.raises(OSError, match=message):
        export_translator(model, file.joinpath(*below))


def test_wrong_paths(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model at .*missing"):
        load_translator(tmp_path / "missing")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="no SavedModel in the folder"):
        load_translator(empty)
    (empty / "3").mkdir()
    with pytest.raises(ValueError, match="highest version .* holds no SavedModel"):
        load_translator(empty)
    (tmp_path / "weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="a SavedModel or a `.keras` file"):
        load_translator(tmp_path / "weights.h5")
    model.generator_xy.save(tmp_path / "generator.keras")
    with pytest.raises(ValueError, match="generator.keras' cannot translate"):
        load_translator(tmp_path / "generator.keras")


def test_saved_model_of_another_kind(tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2.0 * x}, input_signature=[tf.TensorSpec((None,), tf.float32)]
    )
    tf.saved_model.save(module, os.fspath(tmp_path), signatures=module.double)
    message = r"not one of `export_translator`.*Received the signatures \['serving_def"
    with pytest.raises(ValueError, match=message):
        load_translator(tmp_path)
