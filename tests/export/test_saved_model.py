"""What holds for the exports of all kinds of models: files, versions, loading."""

import json
import os
import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import small_exports
import tensorflow as tf
from small_exports import FACE_SIZE, pictures

from keras_gans import export
from keras_gans.networks import unet_generator

FILES = {
    "model_card.json",
    "saved_model.pb",
    "fingerprint.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
}
DATA = pathlib.Path("variables", "variables.data-00000-of-00001")
ROOT = pathlib.Path(__file__).parents[2]

FACES = pictures(3, 2, FACE_SIZE, FACE_SIZE)
WANTED = np.float32([[1, 0, 1], [0, 1, 0]])
LATENT = np.random.default_rng(1).uniform(-1, 1, (4, 5)).astype("float32")
LINE_ART = {"line_art": pictures(1, 2), "hints": pictures(4, 2)}
# Of each model: how it is made, its kind, the networks that are stored, the inputs of
# its first signature, and how a loaded one is called.
MODELS = {
    "cyclegan": (
        small_exports.cyclegan,
        "translation",
        ("generator_xy", "generator_yx"),
        {"images": pictures(1)},
        lambda loaded, images: loaded(images),
    ),
    "pix2pix": (
        small_exports.pix2pix,
        "translation",
        ("generator",),
        {"images": pictures(1)},
        lambda loaded, images: loaded(images),
    ),
    "gan": (
        small_exports.gan,
        "generation",
        ("generator",),
        {"latent": LATENT},
        lambda loaded, latent: loaded._functions["serving_default"](latent=latent),
    ),
    "conditional_gan": (
        lambda: small_exports.gan(classes=4, latent_distribution="normal"),
        "generation",
        ("generator",),
        {"latent": LATENT, "labels": np.int32([3, 0, 0, 2])},
        lambda loaded, **inputs: loaded._functions["serving_default"](**inputs),
    ),
    "colorizer": (
        small_exports.colorizer,
        "colorization",
        ("generator",),
        LINE_ART,
        lambda loaded, **inputs: loaded(**inputs),
    ),
    "aclgan": (
        small_exports.editor,
        "editing",
        ("generator",),
        {"images": FACES, "attributes": WANTED},
        lambda loaded, **inputs: loaded._edit(**inputs),
    ),
    "stargan": (
        lambda: small_exports.editor("stargan"),
        "editing",
        ("generator", "discriminator"),
        {"images": FACES, "attributes": WANTED},
        lambda loaded, **inputs: loaded._edit(**inputs),
    ),
}
CLASSES = {
    "translation": export.Translator,
    "generation": export.Generator,
    "colorization": export.Colorizer,
    "editing": export.Editor,
}
each_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def models():
    made = {name: model[0]() for name, model in MODELS.items()}
    for model in made.values():
        model.compile()  # The optimizers now have variables.
    return made


@pytest.fixture(scope="module")
def folders(models, tmp_path_factory):
    """The folders above version 1."""
    parent = tmp_path_factory.mktemp("saved_models")
    for name, model in models.items():
        metadata = {"command": "keras-gans train"} if name == "cyclegan" else None
        path = export.save(model, os.fspath(parent / name), metadata=metadata)
        assert path == parent / name / "1"
    return {name: parent / name for name in models}


def call(loaded, name):
    """Calls a loaded model, and returns its images."""
    *_, inputs, function = MODELS[name]
    if MODELS[name][1] in ("generation", "editing"):
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
    outputs = function(loaded, **inputs)
    return outputs if isinstance(outputs, np.ndarray) else outputs["images"].numpy()


FRESH_PROCESS = """
import sys

# Both are installed here; `None` makes every import of them fail.
sys.modules["keras"] = sys.modules["keras_gans"] = None
import numpy as np
import tensorflow as tf

for folder in sys.argv[1:]:
    loaded = tf.saved_model.load(folder + "/1")
    inputs = dict(np.load(folder + ".inputs.npz"))
    outputs = {"images": loaded.signatures["serving_default"](**inputs)["images"]}
    files = {}
    for name, value in inputs.items():
        if value.dtype == np.uint8:
            name = "image_bytes" if name == "images" else name + "_bytes"
            value = tf.stack([tf.io.encode_png(image) for image in value])
        files[name] = value
    files = loaded.signatures["serving_bytes"](**files)["image_bytes"]
    outputs["files"] = tf.stack([tf.io.decode_png(file) for file in files])
    np.savez(folder + ".outputs.npz", **outputs)
assert sys.modules["keras_gans"] is None and sys.modules["keras"] is None
"""


def test_fresh_process_with_tensorflow_alone(folders, tmp_path):
    one_of_each_kind = ("cyclegan", "conditional_gan", "colorizer", "aclgan")
    folders = {name: folders[name] for name in one_of_each_kind}
    for name, folder in folders.items():
        np.savez(f"{folder}.inputs.npz", **MODELS[name][3])
    arguments = map(os.fspath, folders.values())
    subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *arguments], cwd=tmp_path, check=True
    )
    for name, folder in folders.items():
        outputs = np.load(f"{folder}.outputs.npz")
        expected = call(export.load(folder), name)
        assert expected.dtype == np.uint8 and expected.std() > 1
        for received in outputs.values():
            np.testing.assert_array_equal(received, expected)


@each_model
def test_loaded_from_all_forms(models, folders, name, tmp_path):
    kind = MODELS[name][1]
    models[name].save(tmp_path / "model.keras")
    paths = folders[name], os.fspath(folders[name] / "1"), tmp_path / "model.keras"
    images = []
    for path in paths:
        loaded = export.load(path, kind=kind)
        assert type(loaded) is CLASSES[kind] and loaded.kind == kind
        images.append(call(loaded, name))
    np.testing.assert_array_equal(images[0], images[1])
    difference = np.abs(images[0].astype("int32") - images[2])
    assert difference.max() <= (kind == "editing")


@each_model
def test_only_these_networks_are_stored(models, folders, name):
    networks = (getattr(models[name], network) for network in MODELS[name][2])
    # With the seed of the dropout, two integers.
    weights = sum(
        int(np.prod(weight.shape)) for network in networks for weight in network.weights
    )
    folder = folders[name] / "1"
    stored = tf.train.list_variables(os.fspath(folder / "variables/variables"))
    numbers = sum(
        int(np.prod(shape)) for path, shape in stored if "OBJECT_GRAPH" not in path
    )
    assert numbers == weights
    if name == "cyclegan":
        assert (folder / "saved_model.pb").stat().st_size < 200_000


def test_exact_files(folders):
    for name, extra in (("gan", set()), ("cyclegan", {"assets.extra/metadata.json"})):
        folder = folders[name] / "1"
        written = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert written == FILES | extra
    metadata = json.loads((folder / "assets.extra" / "metadata.json").read_text())
    assert metadata == {"command": "keras-gans train"}


def test_others_may_read_the_version(folders):
    usual = folders["gan"].parent / "usual"
    usual.mkdir()
    assert (folders["gan"] / "1").stat().st_mode == usual.stat().st_mode


# Kinds ------------------------------------------------------------------------------


@pytest.mark.parametrize("name, kind, verb", [
    ("cyclegan", "editing", "translate, or in Python `Translator.translate`"),
    ("gan", "translation", "generate, or in Python `Generator.generate`"),
    ("colorizer", "generation", "colorize, or in Python `Colorizer.colorize`"),
    ("stargan", "colorization", "edit, or in Python `Editor.edit`"),
])  # fmt: skip
def test_another_kind(models, folders, name, kind, verb, tmp_path):
    models[name].save(tmp_path / "model.keras")
    is_kind = f"is a model of {MODELS[name][1]}, not of {kind}: use keras-gans {verb}.$"
    for path in (folders[name], tmp_path / "model.keras"):
        with pytest.raises(ValueError, match=is_kind):
            export.load(path, kind=kind)
    with pytest.raises(ValueError, match="`kind` must be .* or None.* kind='trans"):
        export.load(folders[name], kind="translator")


@pytest.mark.parametrize("name", ["cyclegan", "gan", "colorizer", "stargan"])
def test_exports_that_do_not_tell_their_kind(folders, name, monkeypatch):
    # The module is loaded once for all tests.
    monkeypatch.delattr(export.load(folders[name])._module, "kind")
    loaded = export.load(folders[name])
    assert not hasattr(loaded._module, "kind")
    assert loaded.kind == MODELS[name][1]


def test_the_model_that_comes_along():
    translator = export.load(ROOT / "saved_models" / "digits")
    assert translator.directions == ("xy", "yx")
    assert translator.channels == {"x": 3, "y": 3}
    assert translator(pictures(3, 1, 32, 32)).shape == (1, 32, 32, 3)
    # The README shows it with a reference.
    images = pictures(3, 2, 32, 32)
    variants = translator(images, reference=images[1], variants=2)
    assert variants.shape == (2, 2, 32, 32, 3)
    earlier = export.load(ROOT / "saved_models" / "digits" / "1")
    assert earlier(images, direction="yx").shape == images.shape


def test_models_of_others(models, tmp_path):
    generator = models["gan"].generator
    plain = {
        "latent_dim": 5,
        "latent_distribution": "normal",
        "classes": None,
        "generator": generator,
    }
    path = export.save(types.SimpleNamespace(**plain), tmp_path)
    assert export.load(path).latent_distribution == "normal"
    for wrong, message in (
        (generator, "name its `export_kind`: translation, .* type Functional"),
        ("model.keras", "type str"),
        (types.SimpleNamespace(export_kind="music"), "export_kind='music'"),
        (types.SimpleNamespace(export_kind="editing"), "without `attribute_names`"),
        (types.SimpleNamespace(**plain | {"generator": 3}), "without `generator`"),
    ):
        with pytest.raises(TypeError, match=message):
            export.save(wrong, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# Weights ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("cyclegan", marks=pytest.mark.slow),
        pytest.param("colorizer", marks=pytest.mark.slow),
        "gan",
    ],
)
def test_averages_are_exported(name, tmp_path):
    make, _, names, inputs, _ = MODELS[name]
    model, expected = make(ema_decay=0.9), make()
    for network in names:
        # As after training, averages differ from the weights of the last step.
        network, average = getattr(expected, network), f"averaged_{network}"
        for variable in network.trainable_variables:
            variable.assign(variable * 1.5)
        getattr(model, average).set_weights(network.get_weights())
    model.save(tmp_path / "model.keras")
    path = export.save(model, tmp_path / "averages")
    plain = export.save(expected, tmp_path / "plain")
    paths = path, tmp_path / "model.keras", plain
    images = [call(export.load(each), name) for each in paths]
    for received in images[:2]:
        assert np.abs(received - images[2].astype("int32")).max() <= 1
    if name == "cyclegan":
        back = pictures(3)
        translators = map(export.load, (path, plain))
        np.testing.assert_array_equal(*(each(back, "yx") for each in translators))
    assert (images[2] != call(export.load(export.save(make(), tmp_path)), name)).any()
    # And nothing but them.
    assert (path / DATA).stat().st_size == (plain / DATA).stat().st_size


def test_float16_weights(models, folders, tmp_path):
    path = export.save(models["cyclegan"], tmp_path, weights_dtype="float16")
    full = folders["cyclegan"] / "1"
    assert (path / DATA).stat().st_size < 0.55 * (full / DATA).stat().st_size
    translators = map(export.load, (path, full))
    images = [each(pictures(1, 8)).astype("int32") for each in translators]
    difference = np.abs(images[0] - images[1])
    assert difference.any()  # Or it was not float16.
    assert (difference <= 1).mean() >= 0.999


@pytest.mark.parametrize("value, dtype", [(np.nan, "float32"), (1e5, "float16")])
def test_weights_that_cannot_be_stored(tmp_path, value, dtype):
    model = small_exports.cyclegan()
    model.generator_yx.get_layer("decoder_2").bias.assign([value])
    message = f"bias` of `generator_yx` must hold finite numbers in {dtype}"
    with pytest.raises(ValueError, match=message):
        export.save(model, tmp_path, weights_dtype=dtype)
    assert list(tmp_path.iterdir()) == []


# Versions and files -----------------------------------------------------------------


def test_versions(tmp_path):
    model, directory = small_exports.gan(), tmp_path / "new" / "images"
    assert export.save(model, directory) == directory / "1"
    assert export.save(model, os.fspath(directory)) == directory / "2"
    assert export.save(model, directory, version=9) == directory / "9"
    before = (directory / "2" / "saved_model.pb").read_bytes()
    with pytest.raises(FileExistsError, match="Version 2 exists already: .*images/2"):
        export.save(model, directory, version=2)
    assert (directory / "2" / "saved_model.pb").read_bytes() == before
    images = export.load(directory).generate(3, seed=0)
    bias = model.generator.get_layer("dense").bias
    bias.assign(bias + 0.2)
    assert export.save(model, directory) == directory / "10"
    assert {entry.name for entry in directory.iterdir()} == {"1", "2", "9", "10"}
    # The highest is loaded.
    assert export.load(directory).generate(3, seed=0).mean() > images.mean()
    received = export.load(directory / "9").generate(3, seed=0)
    np.testing.assert_array_equal(received, images)


@pytest.mark.parametrize("failing", ["save", "metadata", "rename"])
def test_a_failed_export_leaves_nothing(models, tmp_path, monkeypatch, failing):
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
        export.save(models["gan"], tmp_path, metadata={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", [(), ("digits",)])
def test_folder_that_cannot_be_written(models, tmp_path, monkeypatch, below):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setattr(tf.saved_model, "save", None)  # Not even reached.
    message = "`directory` must be a folder that can be written"
    with pytest.raises(OSError, match=message):
        export.save(models["gan"], file.joinpath(*below))


@pytest.mark.parametrize("arguments, error, message", [
    ({"version": 0}, ValueError, "`version` must be a positive integer"),
    ({"version": "1"}, TypeError, "`version` must be a positive integer"),
    ({"version": True}, TypeError, "`version` must be a positive integer"),
    ({"weights_dtype": "int8"}, ValueError, "`weights_dtype` must be 'float32' or"),
    ({"metadata": ["a"]}, TypeError, "`metadata` must be a dict of JSON values"),
    ({"metadata": {"a": {1}}}, TypeError, "`metadata` must be a dict of JSON values"),
    ({"metadata": {"a": float("nan")}}, TypeError, "JSON values"),
])  # fmt: skip
def test_wrong_arguments(models, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        export.save(models["gan"], tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model at .*missing"):
        export.load(tmp_path / "missing")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="no SavedModel .* .no version"):
        export.load(empty)
    (empty / "3").mkdir()
    with pytest.raises(ValueError, match="no SavedModel .* .the highest version is 3"):
        export.load(empty)
    (tmp_path / "weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="a SavedModel or a `.keras` file"):
        export.load(tmp_path / "weights.h5")
    unet_generator(width=2, depth=1).save(tmp_path / "network.keras")
    message = "network.keras' cannot be served. .* type Functional"
    with pytest.raises(ValueError, match=message):
        export.load(tmp_path / "network.keras")


def test_saved_model_of_others(tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2.0 * x}, input_signature=[tf.TensorSpec((None,), tf.float32)]
    )
    tf.saved_model.save(module, os.fspath(tmp_path), signatures=module.double)
    message = r"not one of `keras_gans.export.save`.*the signatures \['serving_def"
    with pytest.raises(ValueError, match=message):
        export.load(tmp_path)


def test_a_model_that_is_compiled_and_in_bfloat16(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_exports.cyclegan()
        model.compile()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.generator_xy.get_layer("encoder_1").compute_dtype == "bfloat16"
    x = pictures(1)
    received = export.load(export.save(model, tmp_path))(x)
    levels = (model(small_exports.scaled(x)).numpy() + 1.0) * 127.5
    # Fused kernels round to bfloat16 at other places, at 8 bits each time.
    difference = np.abs(received - levels)
    assert levels.std() > 10 and difference.mean() < 0.4 and difference.max() < 4
