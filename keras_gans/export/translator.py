"""Translation models, two-way or one-way, as SavedModels."""

import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.export import graph
from keras_gans.export.servable import ImageServable, input_shapes

# Of each direction: its signature for pixels, and that for files.
_SIGNATURES = {
    "xy": ("serving_default", "serving_bytes"),
    "yx": ("reverse", "reverse_bytes"),
}


class Translator(ImageServable):
    """Translates pixels between two domains; `keras_gans.export.load` makes it.

    Attributes:
        directions: Tuple of the directions that there are, `("xy", "yx")` or `("xy",)`.
        channels: Dict with the channels of the domains, `{"x": 1, "y": 3}` say.
        size_multiple, minimum_size: Of height and width; see `ImageServable`.

    Call arguments:
        images: uint8 array of shape `(batch, height, width, channels)`, values in
            [0, 255].
        direction: `"xy"`, the default, or `"yx"`.

    Returns:
        uint8 array of the translated images, values in [0, 255].
    """

    kind = "translation"
    verb = "translate"
    known_by = "generator_xy"
    needs = ()
    example = "CycleGAN"
    rule = "size_rule"
    signatures = ("serving_default", "serving_bytes")
    used = ("serving_default", "reverse")

    def __init__(self, module, functions):
        super().__init__(module, functions)
        self._translate = {
            direction: functions[name]
            for direction, (name, _) in _SIGNATURES.items()
            if name in functions
        }
        self.directions = tuple(self._translate)
        self._shapes = {
            direction: input_shapes(function)["images"]
            for direction, function in self._translate.items()
        }
        outputs = self._translate["xy"].structured_outputs["images"]
        self.channels = {"x": self._shapes["xy"][-1], "y": outputs.shape[-1]}

    def translate(self, images, direction="xy"):
        """Translates a batch of images; see the class."""
        known = " or ".join(map(repr, self.directions))
        alone = "" if len(self.directions) > 1 else ", the only one of this model"
        must = f"Argument `direction` must be {known}{alone}"
        require(direction in self.directions, must, direction=direction)
        domain, target = direction
        channels = self.channels[domain]
        plural = "s" if channels > 1 else ""
        hint = f", as domain {domain} has {channels} channel{plural}"
        self._check_images("images", images, self._shapes[direction], hint)
        if not len(images):  # Not every kernel takes an empty batch.
            return np.empty((*images.shape[:3], self.channels[target]), "uint8")
        outputs = self._translate[direction](images=tf.constant(images))
        return outputs["images"].numpy()

    __call__ = translate

    @classmethod
    def network_names(cls, model):
        return list(_directions(model).values())

    @classmethod
    def check_model(cls, model):
        directions = _directions(model)
        require(
            "xy" in directions and set(directions) <= set(_SIGNATURES),
            "Attribute `directions` of the model must name a network for 'xy', and "
            "maybe one for 'yx'",
            directions=directions,
        )
        super().check_model(model)
        for name in directions.values():
            generator = getattr(model, name)
            channels = generator.input_shape[-1], generator.output_shape[-1]
            require(
                {1, 3}.issuperset(channels),
                "Argument `model` must translate images of 1 (grey) or 3 (RGB) "
                f"channels, as image files have. Received: `{name}` translates "
                f"{channels[0]} channels to {channels[1]}",
            )

    @classmethod
    def functions(cls, model, networks, weights, rule):
        functions = {}
        for direction, name in _directions(model).items():
            pair = _direction_functions(model, networks[name], weights[name], rule)
            functions |= zip(_SIGNATURES[direction], pair)
        return functions


def _directions(model):
    """Returns a dict from direction to the name of its network."""
    default = {"xy": "generator_xy", "yx": "generator_yx"}
    return getattr(model, "directions", default)


def _direction_functions(model, generator, weights, rule):
    """Returns the functions of pixels and of files, for one direction."""
    shape = generator.input_shape[1:]
    # What pix2pix does to its source before its network sees it.
    condition = getattr(model, "condition", lambda images: images)

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.uint8, "images")])
    def translate(images):
        x = condition(graph.from_pixels(images, graph.size_checks(images, rule)))
        return {"images": graph.call_to_pixels(generator, weights, x)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def translate_bytes(image_bytes):
        def translate_file(file):
            return translate(graph.decode_file(file, shape))["images"]

        return {"image_bytes": graph.png_files(translate_file, image_bytes)}

    return translate, translate_bytes
