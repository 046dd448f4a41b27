"""Editors of attributes: pixels, masks, attributes and sizes."""

import json
import os

import numpy as np
import pytest
import small_exports
import tensorflow as tf
from small_exports import ATTRIBUTES, HAIR, decode_png, image_file, scaled

from keras_gans.export import load, save
from keras_gans.models import ACLGAN

SIZE = small_exports.FACE_SIZE


@pytest.fixture(scope="module", params=["aclgan", "stargan"])
def exported(request, tmp_path_factory):
    """Returns a model, the folder of its export, and what that loads."""
    model = small_exports.editor(request.param)
    path = save(model, tmp_path_factory.mktemp(request.param) / "faces")
    return model, path, load(path)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), "uint8")


def as_pixels(values):
    return np.clip(np.round((values + 1) * 127.5), 0, 255).astype(int)


def test_the_export_edits_as_the_model_does(exported, images):
    model, _, editor = exported
    assert editor.attribute_names == ATTRIBUTES
    assert editor.exclusive_groups == (HAIR,)
    assert (editor.size_multiple, editor.channels) == (4, 3)
    assert editor.minimum_size == (5 if model.has_mask else 1)
    info = json.loads(editor._module.attribute_info().numpy())
    assert info == {"names": list(ATTRIBUTES), "exclusive_groups": [list(HAIR)]}
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
    model, _, editor = exported
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


def test_other_sizes(exported):
    model, _, editor = exported
    images = np.full((1, 24, 20, 3), 99, "uint8")
    if isinstance(model, ACLGAN):
        assert editor.edit(images, add="Smiling").shape == images.shape
        message = "multiples of 4 and at least 5.*height=18"
        with pytest.raises(ValueError, match=message):
            editor.edit(images[:, :18])
    else:
        # The discriminator that tells the attributes has one size.
        message = "must be 16 and 16, for which it was built"
        with pytest.raises(ValueError, match=message):
            editor.edit(images)


def test_files_of_images(exported, images):
    model, path, _ = exported
    loaded = tf.saved_model.load(os.fspath(path))
    files = [image_file(image) for image in images[:2]]
    attributes = np.float32([[1, 0, 1], [0, 1, 0]])
    outputs = loaded.signatures["serving_bytes"](
        image_bytes=tf.constant(files), attributes=tf.constant(attributes)
    )
    received = [decode_png(file) for file in outputs["image_bytes"].numpy()]
    expected, *_ = model.translate(scaled(images[:2]), attributes)
    assert np.abs(received - as_pixels(expected)).max() <= 1


def test_wrong_input(exported, images):
    *_, editor = exported
    with pytest.raises(ValueError, match="'Smilling'. Did you mean 'Smiling'"):
        editor.edit(images, add="Smilling")
    with pytest.raises(ValueError, match="one row or 3"):
        editor.edit(images, attributes=np.eye(3)[:2])
    with pytest.raises(TypeError, match="uint8 array"):
        editor.edit(scaled(images))
    with pytest.raises(ValueError, match=r"\(batch, height, width, 3\)"):
        editor.edit(images[0])
    with pytest.raises(ValueError, match="at least one image"):
        editor.edit(images[:0])
