"""Editors of attributes as SavedModels."""

import json

import tensorflow as tf

from keras_gans.checks import require
from keras_gans.export import graph
from keras_gans.export.servable import ImageServable, input_shapes
from keras_gans.models.attribute_choices import AttributeChoices


class Editor(ImageServable):
    """Edits attributes of images; `keras_gans.export.load` makes it.

    Attributes:
        attribute_names: Tuple of strings, the attributes.
        exclusive_groups: Tuple of groups of names of which an image has at most one.
        has_mask: Boolean, whether it tells where it changes an image.
        channels: Number of channels of the images.
        size_multiple, minimum_size: Of height and width; see `ImageServable`.
    """

    kind = "editing"
    verb = "edit"
    known_by = "attribute_names"
    needs = ("attribute_names", "attributes_of")
    example = "ACLGAN"
    rule = "attribute_rule"
    signatures = ("serving_default", "serving_bytes", "attributes")
    used = ("serving_default", "attributes")

    def __init__(self, module, functions):
        super().__init__(module, functions)
        self._edit, self._attributes_of = (functions[name] for name in self.used)
        self.choices = AttributeChoices(**json.loads(module.attribute_info().numpy()))
        self.attribute_names = self.choices.names
        self.exclusive_groups = self.choices.exclusive_groups
        self.has_mask = "masks" in self._edit.structured_outputs
        self._built_for = input_shapes(self._attributes_of)["images"]
        self.channels = self._built_for[-1]

    def edit(self, images, add=(), remove=(), attributes=None, return_mask=False):
        """Gives images attributes, or takes them away.

        Args:
            images: uint8 array of shape `(batch, height, width, channels)`.
            add, remove, attributes: As for `keras_gans.models.StarGAN.edit`.
            return_mask: Boolean, whether to return the masks as well.

        Returns:
            uint8 array of the shape of `images`; with `return_mask` a pair of it and
            the masks, uint8 of shape `(batch, height, width, 1)`, 255 where all is new.
        """
        must = "Argument `return_mask` must be False, because this model has no mask"
        require(self.has_mask or not return_mask, must, return_mask=return_mask)
        self._check(images)
        target = self.choices.target_of(
            images, add, remove, attributes, self.predict_attributes
        )
        outputs = self._edit(images=tf.constant(images), attributes=tf.constant(target))
        edited = outputs["images"].numpy()
        return (edited, outputs["masks"].numpy()) if return_mask else edited

    def predict_attributes(self, images):
        """Tells which attributes images have, as the model sees them.

        Args:
            images: uint8 array of shape `(batch, height, width, channels)`.

        Returns:
            Float32 array of 0 and 1, of shape `(batch, attributes)`.
        """
        self._check(images)
        return self._attributes_of(images=tf.constant(images))["attributes"].numpy()

    def _check(self, images):
        self._check_images("images", images, self._built_for)
        must = "Argument `images` must hold at least one image"
        require(len(images), must, shape=images.shape)

    @classmethod
    def network_names(cls, model):
        # The second is the name that it had before.
        names = "discriminator_classifies", "tells_attributes_by_discriminator"
        classifies = any(getattr(model, name, False) for name in names)
        return ["generator", "discriminator"] if classifies else ["generator"]

    @classmethod
    def rules(cls, model, networks):
        groups = model.exclusive_groups
        info = {"names": model.attribute_names, "exclusive_groups": groups}
        rule = graph.size_rule([networks["generator"]])
        return {cls.rule: rule, "attribute_info": json.dumps(info)}

    @classmethod
    def functions(cls, model, networks, weights, rule):
        # The discriminator, where that classifies. Its size is then that of all images.
        *_, teller = networks
        shape = networks[teller].inputs[0].shape
        images_spec = tf.TensorSpec(shape, tf.uint8, name="images")
        attributes_spec = tf.TensorSpec(
            (None, len(model.attribute_names)), tf.float32, name="attributes"
        )

        def scaled(images):
            return graph.from_pixels(images, graph.size_checks(images, rule))

        @tf.function(input_signature=[images_spec, attributes_spec])
        def edit(images, attributes):
            inputs = [scaled(images), attributes]
            with graph.stored(networks["generator"], weights["generator"]):
                outputs = networks["generator"](inputs, training=False)
            if not model.has_mask:
                return {"images": graph.as_pixels(outputs)}
            translation, mask, _ = outputs
            masks = graph.as_pixels(2.0 * mask - 1.0)
            return {"images": graph.as_pixels(translation), "masks": masks}

        @tf.function(input_signature=[images_spec])
        def attributes_of(images):
            images = scaled(images)
            with graph.stored(networks[teller], weights[teller]):
                return {"attributes": model.attributes_of(images, networks[teller])}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
        def attributes_bytes(image_bytes):
            def attributes_of_file(file):
                images = graph.decode_file(file, shape[1:])[tf.newaxis]
                return attributes_of(images)["attributes"][0]

            spec = tf.TensorSpec(attributes_spec.shape[1:], tf.float32)
            told = tf.map_fn(attributes_of_file, image_bytes, fn_output_signature=spec)
            return {"attributes": told}

        arguments = edit, {"image_bytes": shape[1:]}, [attributes_spec]
        functions = {
            "serving_default": edit,
            "serving_bytes": graph.files_function(*arguments),
            "attributes": attributes_of,
            "attributes_bytes": attributes_bytes,
        }
        if model.has_mask:
            made = "image", "mask"
            functions["mask_bytes"] = graph.files_function(*arguments, made=made)
        return functions
