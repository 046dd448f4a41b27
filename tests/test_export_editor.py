"""Exported editors of attributes: the pixels of the model, in TensorFlow alone."""

import io
import json
import os
import shutil

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import networks
from keras_gans.export import export_editor, load_colorizer, load_editor
from keras_gans.models import ACLGAN, StarGAN

NAMES = ("Smiling", "Black_Hair", "Blond_Hair")
HAIR = NAMES[1:]
SIZE = 16


def make_model(kind="aclgan", size=SIZE, frame=4, **arguments):
    keras.utils.set_random_seed(0)
    small = {"width": 4, "residual_blocks": 1}
    if kind == "stargan":
        generator = networks.stargan_generator(3, **small)
        discriminator = networks.stargan_discriminator(3, size, width=4)
        return StarGAN(generator, discriminator, NAMES, [HAIR], **arguments)
    generator = networks.aclgan_generator(3, frame=frame, **small)
    discriminator = networks.aclgan_discriminator(3, size, width=4)
    return ACLGAN(generator, discriminator, NAMES, [HAIR], **arguments)


@pytest.fixture(scope="module", params=["aclgan", "stargan"])
def exported(request, tmp_path_factory):
    """Returns a model and the folder of its export."""
    model = make_model(request.param)
    folder = tmp_path_factory.mktemp(request.param) / "faces"
    return model, export_editor(model, folder, metadata={"command": "keras-gans"})


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), "uint8")


def scaled(images):
    return images.astype("float32") / 127.5 - 1


def as_pixels(values):
    return np.clip(np.round((values + 1) * 127.5), 0, 255).astype(int)


def test_the_export_edits_as_the_model_does(exported, images):
    model, path = exported
    editor = load_editor(path)
    assert editor.attribute_names == NAMES
    assert editor.exclusive_groups == (HAIR,)
    assert (editor.size_multiple, editor.channels) == (4, 3)
    assert editor.minimum_size == (5 if model.has_mask else 1)
    expected = model.predict_attributes(scaled(images))
    np.testing.assert_array_equal(editor.predict_attributes(images), expected)
    for edit in (
        {"add": "Blond_Hair"},
        {"remove": ["Smiling"], "attributes": [1, 0, 1]},
        {"add": ["Smiling", "Black_Hair"], "attributes": np.eye(3)},
    ):
        edited = editor.edit(images, **edit)
        assert edited.dtype == np.uint8
        expected = as_pixels(model.edit(scaled(images), **edit))
        assert np.abs(edited - expected).max() <= 1


def test_masks(exported, images):
    model, path = exported
    editor = load_editor(path)
    assert editor.has_mask == model.has_mask == isinstance(model, ACLGAN)
    if not model.has_mask:
        with pytest.raises(ValueError, match="has no mask"):
            editor.edit(images, add="Smiling", return_mask=True)
        return
    edited, masks = editor.edit(images, add="Smiling", return_mask=True)
    _, expected, _ = model.edit(scaled(images), add="Smiling", return_mask=True)
    np.testing.assert_array_equal(edited, editor.edit(images, add="Smiling"))
    assert masks.shape == (3, SIZE, SIZE, 1) and masks.dtype == np.uint8
    assert np.abs(masks - 255 * expected).max() <= 1


def test_the_keras_file_edits_alike(exported, images, tmp_path):
    model, path = exported
    model.save(tmp_path / "model.keras")
    edits = [
        load_editor(source).edit(images, add="Smiling")
        for source in (path, path.parent, tmp_path / "model.keras")
    ]
    np.testing.assert_array_equal(edits[0], edits[1])
    assert np.abs(edits[0].astype(int) - edits[2]).max() <= 1


def test_other_sizes(exported):
    model, path = exported
    editor = load_editor(path)
    images = np.full((1, 24, 20, 3), 99, "uint8")
    if isinstance(model, ACLGAN):
        assert editor.edit(images, add="Smiling").shape == images.shape
        with pytest.raises(ValueError, match="multiples of 4 from 5 on.*height=18"):
            editor.edit(images[:, :18])
    else:
        # The discriminator that tells the attributes has one size.
        with pytest.raises(ValueError, match=r"built for images of shape \(16, 16, 3"):
            editor.edit(images)


def test_files_of_images(exported, images):
    model, path = exported
    loaded = tf.saved_model.load(os.fspath(path))
    files = []
    for image in images[:2]:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        files.append(buffer.getvalue())
    attributes = np.float32([[1, 0, 1], [0, 1, 0]])
    outputs = loaded.signatures["serving_bytes"](
        image_bytes=tf.constant(files), attributes=tf.constant(attributes)
    )
    received = [
        np.asarray(Image.open(io.BytesIO(file)))
        for file in outputs["image_bytes"].numpy()
    ]
    (expected, *_) = model.translate(scaled(images[:2]), attributes)
    assert np.abs(received - as_pixels(expected)).max() <= 1


def test_tensorflow_alone_is_enough(exported, images, tmp_path):
    _, path = exported
    shutil.copytree(path, tmp_path / "1")
    np.save(tmp_path / "images.npy", images)
    result = contracts.run_python(
        f"""
import sys
for name in ("keras_gans", "keras"):
    sys.modules[name] = None
import json
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load({os.fspath(tmp_path / "1")!r})
images = tf.constant(np.load({os.fspath(tmp_path / "images.npy")!r}))
info = json.loads(loaded.attribute_info().numpy())
edit = loaded.signatures["serving_default"]
outputs = edit(images=images, attributes=tf.ones((3, 3)))
print(json.dumps([info, outputs["images"].numpy().tolist()]))
"""
    )
    info, edited = result
    assert info == {"names": list(NAMES), "exclusive_groups": [list(HAIR)]}
    editor = load_editor(path)
    np.testing.assert_array_equal(
        edited,
        editor._edit(images=tf.constant(images), attributes=tf.ones((3, 3)))["images"],
    )
    metadata = json.loads((path / "assets.extra" / "metadata.json").read_text())
    assert metadata == {"command": "keras-gans"}


def test_averages_are_exported(images, tmp_path):
    model = make_model(ema_decay=0.9)
    weights = [value + 0.1 for value in model.averaged_generator.get_weights()]
    model.averaged_generator.set_weights(weights)
    editor = load_editor(export_editor(model, tmp_path / "faces"))
    outputs = model.averaged_generator([scaled(images), np.ones((3, 3), "float32")])
    edited = editor.edit(images, add=["Smiling"], attributes=[1, 0, 1])
    expected = model.averaged_generator([scaled(images), np.float32([[1, 0, 1]] * 3)])
    assert np.abs(edited - as_pixels(expected[0].numpy())).max() <= 1
    assert np.abs(edited - as_pixels(outputs[0].numpy())).max() > 1


def test_half_the_file(exported, images, tmp_path):
    model, path = exported
    half = export_editor(model, tmp_path / "faces", weights_dtype="float16")
    sizes = [
        sum(file.stat().st_size for file in (folder / "variables").iterdir())
        for folder in (path, half)
    ]
    assert sizes[1] < 0.6 * sizes[0]
    edits = [
        load_editor(folder).edit(images, add="Smiling", attributes=[0, 0, 0])
        for folder in (path, half)
    ]
    assert np.abs(edits[0].astype(int) - edits[1]).max() <= 2


def test_wrong_input(exported, images):
    _, path = exported
    editor = load_editor(path)
    with pytest.raises(ValueError, match="'Smilling'. Did you mean 'Smiling'"):
        editor.edit(images, add="Smilling")
    with pytest.raises(ValueError, match="one row or 3"):
        editor.edit(images, attributes=np.eye(3)[:2])
    with pytest.raises(TypeError, match="uint8 array"):
        editor.edit(scaled(images))
    with pytest.raises(ValueError, match=r"\(n, height, width, 3\)"):
        editor.edit(images[0])


def test_models_of_another_kind(exported, tmp_path):
    with pytest.raises(TypeError, match="must edit attributes"):
        export_editor(make_model().generator, tmp_path / "faces")
    _, path = exported
    with pytest.raises(ValueError, match="It can edit attributes.*load_editor"):
        load_colorizer(path)
