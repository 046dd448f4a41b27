"""Export of a colorizer, and loading it with and without Keras."""

import io
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.data.images import decode_image
from keras_gans.export import (
    export_colorizer,
    export_generator,
    export_translator,
    load_colorizer,
    load_generator,
    load_translator,
)
from keras_gans.models import GAN, CycleGAN, Pix2Pix, Pix2PixColorizer
from keras_gans.networks import patch_discriminator, unet_generator

FILES = {
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
}


def small_generator(seed=0, **arguments):
    generator = unet_generator(input_channels=5, width=4, depth=2, **arguments)
    # Statistics and offsets as after training, so that it shows if they get lost.
    random = np.random.default_rng(seed)
    for variable in generator.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        else:
            variable.assign(random.normal(0.0, 0.2, variable.shape))
    return generator


def small_model(generator=None, **arguments):
    return Pix2PixColorizer(
        generator=generator or small_generator(normalization="batch"),
        discriminator=patch_discriminator(channels=8, width=4, layers=1),
        **arguments,
    )


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


def grey_levels(generator, line_art, hints):
    """What comes out of the Keras network, on the scale of pixels but not rounded."""
    mask = (hints[..., 3:] >= 128).astype("float32")
    colors = (hints[..., :3].astype("float32") / 127.5 - 1.0) * mask
    x = np.concatenate([line_art.astype("float32") / 127.5 - 1.0, colors, mask], -1)
    return (generator(x, training=False).numpy() + 1.0) * 127.5


def assert_same_pixels(received, levels):
    """Equal, except where a last bit of float32 decides between two grey levels."""
    assert received.dtype == np.uint8 and received.shape == levels.shape
    assert levels.std() > 10  # A picture, and not one even grey.
    difference = np.abs(received - np.clip(np.round(levels), 0, 255))
    between_two = np.abs(levels % 1 - 0.5) < 1e-3
    assert difference.max() <= 1 and difference[~between_two].max() == 0
    assert between_two.sum() <= 2 + 0.02 * between_two.size


def image_file(image, image_format="PNG", **options):
    stream = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(stream, image_format, **options)
    return stream.getvalue()


def decode_png(file):
    assert file.startswith(b"\x89PNG")
    return np.array(Image.open(io.BytesIO(file)))


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """The folder above version 1."""
    directory = tmp_path_factory.mktemp("saved_models") / "sketches"
    metadata = {"command": "keras-gans train"}
    assert export_colorizer(model, directory, metadata=metadata) == directory / "1"
    return directory


@pytest.fixture(scope="module")
def colorizer(folder):
    return load_colorizer(folder)


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(os.fspath(folder / "1"))


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


FRESH_PROCESS = """
import sys

# Both are installed here; `None` makes every import of them fail.
sys.modules["keras"] = sys.modules["keras_gans"] = None
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
assert set(loaded.signatures) == {"serving_default", "serving_bytes"}
inputs = dict(np.load(sys.argv[2]))
images = loaded.signatures["serving_default"](**inputs)["images"]
files = loaded.signatures["serving_bytes"](
    line_art_bytes=tf.stack([tf.io.encode_png(image) for image in inputs["line_art"]]),
    hints_bytes=tf.stack([tf.io.encode_png(image) for image in inputs["hints"]]),
)["image_bytes"]
decoded = [tf.io.decode_png(file) for file in files]
np.savez(sys.argv[3], images=images, decoded=decoded)
assert sys.modules["keras_gans"] is None and sys.modules["keras"] is None
"""


def test_fresh_process_with_tensorflow_alone(model, folder, tmp_path):
    line_art, hints = sketches()
    np.savez(tmp_path / "inputs.npz", line_art=line_art, hints=hints)
    names = folder / "1", tmp_path / "inputs.npz", tmp_path / "images.npz"
    subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *map(os.fspath, names)],
        cwd=tmp_path,
        check=True,
    )
    received = np.load(tmp_path / "images.npz")
    assert_same_pixels(
        received["images"], grey_levels(model.generator, line_art, hints)
    )
    np.testing.assert_array_equal(received["decoded"], received["images"])


@pytest.mark.parametrize("normalization", ["instance", "batch"])
def test_pixels_are_those_of_the_model(normalization, tmp_path):
    generator = small_generator(normalization=normalization)
    model = small_model(generator)
    colorizer = load_colorizer(export_colorizer(model, tmp_path))
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
    mask = (hints[..., 3:] >= 128).astype("float32")
    colors = (hints[..., :3].astype("float32") / 127.5 - 1.0) * mask
    y = model((line_art.astype("float32") / 127.5 - 1.0, colors, mask))
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


def test_exact_files(folder):
    written = {
        path.relative_to(folder / "1").as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert written == FILES | {"assets.extra/metadata.json"}
    file = folder / "1" / "assets.extra" / "metadata.json"
    assert json.loads(file.read_text("utf-8")) == {"command": "keras-gans train"}


def test_only_the_generator_is_stored(tmp_path):
    model = small_model()
    model.compile()  # The optimizers now have variables.
    path = export_colorizer(model, tmp_path)
    stored = tf.train.list_variables(os.fspath(path / "variables/variables"))
    numbers = sum(
        int(np.prod(shape)) for name, shape in stored if "OBJECT_GRAPH" not in name
    )
    # With the seed of the dropout, two integers.
    weights = sum(int(np.prod(weight.shape)) for weight in model.generator.weights)
    assert numbers == weights


def test_float16_weights(model, folder, colorizer, tmp_path):
    path = export_colorizer(model, tmp_path, weights_dtype="float16")
    data = pathlib.Path("variables", "variables.data-00000-of-00001")
    weights = model.generator.count_params()
    saved = (folder / "1" / data).stat().st_size - (path / data).stat().st_size
    assert saved == pytest.approx(2 * weights, abs=100)
    line_art, hints = sketches(8)
    expected = colorizer(line_art, hints).astype("int32")
    difference = np.abs(load_colorizer(path)(line_art, hints) - expected)
    assert difference.any()  # Or it was not float16.
    assert (difference <= 1).mean() >= 0.99


def test_the_average_is_exported(tmp_path):
    model = small_model(ema_decay=0.9)
    average = small_generator(seed=1, normalization="batch")
    model.averaged_generator.set_weights(average.get_weights())
    model.save(tmp_path / "model.keras")
    path = export_colorizer(model, tmp_path / "saved_model")
    line_art, hints = sketches()
    expected = grey_levels(average, line_art, hints)
    for source in (path, tmp_path / "model.keras"):
        assert_same_pixels(load_colorizer(source)(line_art, hints), expected)


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


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "BMP", "GIF"])
def test_line_art_files_of_every_kind(colorizer, loaded, kind):
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (8, 12, 4 if kind == "RGBA" else 3), "uint8")
    file = image_file(image, kind if kind in ("BMP", "GIF") else "PNG")
    expected = colorizer(decode_image(file, channels=1)[np.newaxis])[0]
    (received,) = colorize_files(loaded, [file], [b""])
    np.testing.assert_array_equal(received, expected)


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
    (b"", b"", "Input is empty"),
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
    message = r"every image must be multiples of 4; x .*\[30 32\].*\[28 32\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        colorize(loaded, *sketches(1, 30, 32))
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


# Versions and loading ---------------------------------------------------------------


def test_versions(tmp_path):
    model = small_model()
    assert export_colorizer(model, tmp_path, version=9) == tmp_path / "9"
    line_art, hints = sketches()
    before = load_colorizer(tmp_path)(line_art, hints)
    with pytest.raises(FileExistsError, match="Version 9 exists already"):
        export_colorizer(model, tmp_path, version=9)
    bias = model.generator.get_layer("last").bias
    bias.assign(bias + 0.5)
    assert export_colorizer(model, os.fspath(tmp_path)) == tmp_path / "10"
    # The highest is loaded.
    assert load_colorizer(tmp_path)(line_art, hints).mean() > before.mean()
    received = load_colorizer(tmp_path / "9")(line_art, hints)
    np.testing.assert_array_equal(received, before)


def test_keras_file(model, colorizer, tmp_path):
    model.save(tmp_path / "model.keras")
    from_file = load_colorizer(os.fspath(tmp_path / "model.keras"))
    assert from_file.size_multiple == colorizer.size_multiple == 4
    assert from_file.minimum_size == colorizer.minimum_size == 1
    line_art, hints = sketches()
    expected = colorizer(line_art, hints)
    np.testing.assert_array_equal(from_file.colorize(line_art, hints), expected)
    np.testing.assert_array_equal(from_file(line_art), colorizer(line_art))


def test_empty_batch(colorizer):
    assert colorizer(*sketches(0)).shape == (0, 16, 24, 3)


def test_generator_of_one_size(tmp_path):
    inputs = keras.Input((6, 10, 5))
    generator = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    colorizer = load_colorizer(export_colorizer(small_model(generator), tmp_path))
    line_art, hints = sketches(1, 6, 10)
    expected = np.clip(grey_levels(generator, line_art, hints), 0, 255)
    assert np.abs(colorizer(line_art, hints) - expected).max() <= 1
    with pytest.raises(ValueError, match=r"images of shape \(6, 10, 1\). .*8, 10, 1"):
        colorizer(*sketches(1, 8, 10))
    loaded = tf.saved_model.load(os.fspath(tmp_path / "1"))
    (received,) = colorize_files(loaded, [image_file(line_art[0])], [b""])
    np.testing.assert_array_equal(received, colorizer(line_art)[0])


# Wrong arguments --------------------------------------------------------------------


def test_wrong_line_art(colorizer):
    line_art, hints = sketches()
    with pytest.raises(TypeError, match="`line_art` must be a uint8 array.*float32"):
        colorizer(line_art.astype("float32"), hints)
    with pytest.raises(TypeError, match="`line_art` must be a uint8 array.*list"):
        colorizer(line_art.tolist())
    message = r"`line_art` must have the shape \(batch, height, width, 1\). Received"
    for wrong in (line_art[0], line_art[..., 0], hints):
        with pytest.raises(ValueError, match=message):
            colorizer(wrong)
    message = "`line_art` must be multiples of 4. Received: height=30, width=32. Crop"
    with pytest.raises(ValueError, match=message):
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


def test_wrong_model(model, tmp_path):
    pix2pix = Pix2Pix(
        unet_generator(width=4, depth=2), patch_discriminator(6, width=4, layers=1)
    )
    for wrong, missing in (
        (model.generator, "generator"),
        (pix2pix, "source_channels"),
        ("model.keras", "generator"),
    ):
        expected = f"type {type(wrong).__name__} without `{missing}`"
        with pytest.raises(TypeError, match=expected):
            export_colorizer(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments, error, message", [
    ({"version": 0}, ValueError, "`version` must be a positive integer"),
    ({"weights_dtype": "int8"}, ValueError, "`weights_dtype` must be one of"),
    ({"metadata": ["a"]}, TypeError, "`metadata` must be a dict of JSON values"),
])  # fmt: skip
def test_wrong_arguments(model, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        export_colorizer(model, tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_weights_that_cannot_be_stored(tmp_path):
    model = small_model()
    model.generator.get_layer("last").bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(ValueError, match="bias` of `generator` must hold finite"):
        export_colorizer(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_wrong_paths(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="`export_colorizer` made"):
        load_colorizer(tmp_path / "missing")
    with pytest.raises(ValueError, match="folder that `export_colorizer` made"):
        load_colorizer(tmp_path)
    model.generator.save(tmp_path / "generator.keras")
    message = "generator.keras' cannot colour line art. .* without `generator`.$"
    with pytest.raises(ValueError, match=message):
        load_colorizer(tmp_path / "generator.keras")


def translation():
    image = keras.Input((4, 4, 3))
    return CycleGAN(
        *(keras.Model(image, keras.layers.Conv2D(3, 1)(image)) for _ in range(2)),
        *(keras.Model(image, keras.layers.Conv2D(1, 1)(image)) for _ in range(2)),
    )


def generation():
    latent, image = keras.Input((48,)), keras.Input((4, 4, 3))
    x = keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48)(latent))
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(image))
    return GAN(keras.Model(latent, x), keras.Model(image, logit))


@pytest.mark.parametrize("build, export, verb, loader", [
    (translation, export_translator, "translate", load_translator),
    (generation, export_generator, "generate", load_generator),
])  # fmt: skip
def test_the_other_kinds(model, folder, tmp_path, build, export, verb, loader):
    other = build()
    other.save(tmp_path / "other.keras")
    export(other, tmp_path / "other")
    for name in ("other.keras", "other"):
        with pytest.raises(ValueError, match=f"It can {verb}: .*`{loader.__name__}`"):
            load_colorizer(tmp_path / name)
    model.save(tmp_path / "model.keras")
    message = "It can colour line art: load it with `load_colorizer`"
    for path in (folder, tmp_path / "model.keras"):
        with pytest.raises(ValueError, match=message):
            loader(path)


def test_a_translation_from_pairs_is_of_no_kind(tmp_path):
    networks = unet_generator(width=4, depth=1), patch_discriminator(6, 4, layers=1)
    Pix2Pix(*networks).save(tmp_path / "pix2pix.keras")
    for load in (load_colorizer, load_generator, load_translator):
        with pytest.raises(ValueError, match="cannot [^.]*. .* without `[a-z_]*`.$"):
            load(tmp_path / "pix2pix.keras")
