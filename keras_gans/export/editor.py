"""Editors of attributes as SavedModels, with pre- and post-processing inside."""

import json

import numpy as np
import tensorflow as tf

from keras_gans.export import pixels, saved_model
from keras_gans.models.attribute_choices import AttributeChoices

_SIGNATURE = "serving_default"
_BYTES_SIGNATURE = "serving_bytes"
_ATTRIBUTES_SIGNATURE = "attributes"


def export_editor(
    model, directory, version=None, weights_dtype="float32", metadata=None
):
    """Exports a model that edits attributes as a SavedModel; it needs TensorFlow alone.

    The folder is laid out for TensorFlow Serving: `<directory>/<version>/`. It holds
    the generator (and the discriminator, where that tells which attributes an image
    has) without optimizers, the names of the attributes, and three signatures:

        signature          input                       output
        serving_default    images, uint8,              images, uint8, of that shape
                             (batch, h, w, channels)   masks, uint8,
                           attributes, float32,          (batch, h, w, 1), where the
                             (batch, attributes)         generator has a mask
        serving_bytes      image_bytes, string,        image_bytes, string,
                             (batch,)                    (batch,), PNG files
                           attributes, as above
        attributes         images, as above            attributes, as above

    The attributes that go in are all that an image is to have, 0 or 1 each, and not
    only what is to change; the third signature tells those that it has. Their order is
    that of `attribute_names` in the JSON of the function `attribute_info`.

    Pixels go in as `x / 127.5 - 1` and come out as `round((y + 1) * 127.5)`, clipped
    to [0, 255]; masks as `round(255 m)`. The networks run in inference mode. Height and
    width are any that they allow (of `StarGAN` those that it was trained on, because of
    its discriminator); others are refused inside the graph. Image files are
    those of `keras_gans.export.export_translator`.

    Args:
        model: A `keras_gans.models.ACLGAN` or `StarGAN`.
        directory: Folder of all versions, `saved_models/<name>`; made if need be.
        version: Positive integer, or `None`, the default, for one more than the
            highest version in the folder.
        weights_dtype: `"float32"`, the default, or `"float16"`, half the file.
        metadata: Optional dict of JSON values, saved as `assets.extra/metadata.json`.

    Returns:
        `pathlib.Path` of `<directory>/<version>/`.

    Raises:
        FileExistsError: If the version exists. Nothing is overwritten.
        OSError: At once, if the folder cannot be written.
        TypeError: If the model does not edit attributes, or `metadata` is not a dict of
            JSON values.
        ValueError: If `version` or `weights_dtype` are not among those above, or a
            weight is not a finite number in `weights_dtype`.

    Example:

    ```python
    path = export_editor(model, "saved_models/faces")
    editor = load_editor(path)
    images = editor.edit(images, add="Smiling")
    ```
    """
    _check_model(model)
    return saved_model.export(
        _edition, model, directory, version, weights_dtype, metadata
    )


def load_editor(path):
    """Loads a model that edits attributes, for use on pixels.

    Args:
        path: A folder that `export_editor` returned; or the folder above it, of which
            the highest version is taken; or the `.keras` file of a
            `keras_gans.models.ACLGAN` or `StarGAN`, which gives the same pixels as its
            export.

    Returns:
        An `Editor`.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it is something else than the three above.
    """
    module, functions = saved_model.load(
        path,
        saved_model.EDITOR,
        signatures=(_SIGNATURE, _BYTES_SIGNATURE, _ATTRIBUTES_SIGNATURE),
        check_model=_check_model,
        build=_edition,
        used=(_SIGNATURE, _ATTRIBUTES_SIGNATURE),
    )
    return Editor(module, functions[_SIGNATURE], functions[_ATTRIBUTES_SIGNATURE])


class Editor:
    """Edits attributes of images; `load_editor` makes it.

    Args:
        module: `tf.Module` or loaded SavedModel that owns the weights.
        edit_function: Its signature that edits.
        attribute_function: Its signature that tells attributes.

    Attributes:
        attribute_names: Tuple of strings, the attributes.
        exclusive_groups: Tuple of groups of names of which an image has at most one.
        has_mask: Boolean, whether it tells where it changes an image.
        channels: Number of channels of the images.
        size_multiple: Positive integer of which height and width must be multiples.
        minimum_size: Positive integer, the smallest height and width.
    """

    def __init__(self, module, edit_function, attribute_function):
        # TensorFlow does not promise that functions keep their weights alive.
        self._module = module
        self._edit = edit_function
        self._tell = attribute_function
        info = json.loads(module.attribute_info().numpy())
        self.choices = AttributeChoices(**info)
        self.attribute_names = self.choices.names
        self.exclusive_groups = self.choices.exclusive_groups
        self.has_mask = "masks" in edit_function.structured_outputs
        specs = tf.nest.flatten(attribute_function.structured_input_signature)
        (self._built_for,) = (tuple(spec.shape) for spec in specs)
        self.channels = self._built_for[-1]
        self.size_multiple, self.minimum_size = module.attribute_rule().numpy().tolist()

    def edit(self, images, add=(), remove=(), attributes=None, return_mask=False):
        """Gives images attributes, or takes them away.

        Args:
            images: uint8 array of shape `(n, height, width, channels)`.
            add: Name of an attribute or a sequence of names.
            remove: Likewise.
            attributes: Optional array of 0 and 1, the attributes that the images have,
                of shape `(n, attributes)`, or `(attributes,)` for all alike. By default
                what `predict_attributes` says.
            return_mask: Boolean, whether to return the masks as well.

        Returns:
            uint8 array of the shape of `images`; with `return_mask` a pair of it and
            the masks, uint8 of shape `(n, height, width, 1)`, 255 where all is new.

        Raises:
            TypeError: If `images` is not a uint8 array.
            ValueError: If an attribute is unknown or both wanted and not, if the shapes
                are others, or there is no mask.
        """
        if return_mask and not self.has_mask:
            raise ValueError(
                "Argument `return_mask` must be False, because this model has no mask. "
                "Received: return_mask=True"
            )
        self._check(images)
        self.choices.target(np.zeros(len(self.attribute_names)), add, remove)
        if attributes is None:
            attributes = self.predict_attributes(images)
        target = self.choices.target(attributes, add, remove)
        if len(target) not in (1, len(images)):
            raise ValueError(
                f"Argument `attributes` must have one row or {len(images)}, as many as "
                f"there are images. Received: {len(target)} rows"
            )
        target = np.broadcast_to(target, (len(images), target.shape[1]))
        outputs = self._edit(images=tf.constant(images), attributes=tf.constant(target))
        edited = outputs["images"].numpy()
        return (edited, outputs["masks"].numpy()) if return_mask else edited

    def predict_attributes(self, images):
        """Tells which attributes images have, as the model sees them.

        Args:
            images: uint8 array of shape `(n, height, width, channels)`.

        Returns:
            Float32 array of 0 and 1, of shape `(n, attributes)`.
        """
        self._check(images)
        return self._tell(images=tf.constant(images))["attributes"].numpy()

    def _check(self, images):
        pixels.check_pixels("images", images)
        if images.ndim != 4 or images.shape[-1] != self.channels or not len(images):
            raise ValueError(
                "Argument `images` must have the shape (n, height, width, "
                f"{self.channels}). Received: images.shape={images.shape}"
            )
        pixels.check_size(
            "images",
            images.shape,
            self.size_multiple,
            self.minimum_size,
            self._built_for,
        )


# The graph --------------------------------------------------------------------------


def _edition(model, weights_dtype):
    """Returns a `tf.Module` with the weights, and the functions of all signatures."""
    module = tf.Module()
    generator = saved_model.inference_network(model, "generator")
    networks = {"generator": generator}
    # Where a discriminator classifies, its size is that of all images.
    shape = generator.inputs[0].shape
    if model.discriminator_classifies:
        networks["discriminator"] = model.discriminator
        shape = model.discriminator.inputs[0].shape
    # Only what hangs on the module is saved, and no Keras object does.
    module.weights = {
        name: saved_model.stored_weights(name, network, weights_dtype)
        for name, network in networks.items()
    }
    rule = pixels.size_rule([generator])
    info = json.dumps(
        {"names": model.attribute_names, "exclusive_groups": model.exclusive_groups}
    )

    @tf.function(input_signature=[])
    def attribute_rule():
        return tf.constant(rule)

    @tf.function(input_signature=[])
    def attribute_info():
        return tf.constant(info)

    module.attribute_rule, module.attribute_info = attribute_rule, attribute_info
    images_spec = tf.TensorSpec(shape, tf.uint8, name="images")
    attributes_spec = tf.TensorSpec(
        (None, len(model.attribute_names)), tf.float32, name="attributes"
    )

    def scaled(images):
        # Or the network could fail first, on another thread, and less clearly.
        with tf.control_dependencies(pixels.size_checks(images, *rule)):
            return tf.cast(images, tf.float32) / 127.5 - 1.0

    @tf.function(input_signature=[images_spec, attributes_spec])
    def edit(images, attributes):
        inputs = [scaled(images), attributes]
        with saved_model.stored(generator, module.weights["generator"]):
            outputs = generator(inputs, training=False)
        if not model.has_mask:
            return {"images": saved_model.as_pixels(outputs)}
        translation, mask, _ = outputs
        return {
            "images": saved_model.as_pixels(translation),
            "masks": saved_model.as_pixels(2.0 * mask - 1.0),
        }

    @tf.function(input_signature=[images_spec])
    def attributes_of(images):
        images = scaled(images)
        name = "discriminator" if "discriminator" in networks else "generator"
        with saved_model.stored(networks[name], module.weights[name]):
            return {"attributes": model.attributes_of(images, networks[name])}

    def edit_file(inputs):
        file, attributes = inputs
        image = pixels.decode_file(file, channels=images_spec.shape[-1])
        image = tf.ensure_shape(image, images_spec.shape[1:])
        images = edit(image[tf.newaxis], attributes[tf.newaxis])["images"]
        return tf.io.encode_png(images[0])

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, name="image_bytes"),
            attributes_spec,
        ]
    )
    def edit_bytes(image_bytes, attributes):
        # One after the other, because the images may differ in size.
        files = tf.map_fn(
            edit_file,
            (image_bytes, attributes),
            fn_output_signature=tf.TensorSpec((), tf.string),
        )
        return {"image_bytes": files}

    return module, {
        _SIGNATURE: edit,
        _BYTES_SIGNATURE: edit_bytes,
        _ATTRIBUTES_SIGNATURE: attributes_of,
    }


def _check_model(model):
    for name in ("generator", "attribute_names", "attributes_of"):
        if not hasattr(model, name):
            raise TypeError(
                "Argument `model` must edit attributes, such as "
                "`keras_gans.models.ACLGAN`. Received an object of type "
                f"{type(model).__name__} without `{name}`."
            )
