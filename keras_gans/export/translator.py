"""Translation models, two-way or one-way, as SavedModels."""

import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.export import graph
from keras_gans.export.servable import ImageServable, input_shapes
from keras_gans.models.structure import shapes_of
from keras_gans.models.styles import style_of_pixels, translate_in_styles

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
        input_sizes: Dict from direction to the height and width that its network was
            built for, `(None, None)` for any.
        style_dim: Length of a style, `None` for a model without styles.
        styles: Of a model with styles, those that random ones are drawn from.
        size_multiple, minimum_size: Of height and width; see `ImageServable`.

    Call arguments:
        images: uint8 array of shape `(batch, height, width, channels)`, values in
            [0, 255].
        direction: `"xy"`, the default, or `"yx"`.
        style, reference, seed, variants: Of a model with styles, as for
            `keras_gans.models.StyleCycleGAN.translate`; references are uint8. Without
            them each image gets a random style that depends on its pixels.

    Returns:
        uint8 array of the translated images, values in [0, 255].
    """

    kind = "translation"
    verb = "translate"
    known_by = "generator_xy"
    example = "CycleGAN"
    rule = "size_rule"
    used = ("serving_default", "reverse", "style", "encode_style")

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
        self.input_sizes = {d: shape[1:3] for d, shape in self._shapes.items()}
        outputs = self._translate["xy"].structured_outputs["images"]
        self.channels = {"x": self._shapes["xy"][-1], "y": outputs.shape[-1]}
        self.style_dim = None
        if "encode_style" in functions:
            self.styles = module.styles()
            self.style_dim = self.styles.shape[-1]

    def translate(
        self,
        images,
        direction="xy",
        style=None,
        reference=None,
        seed=None,
        variants=1,
    ):
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
        if style is None and reference is None and seed is None and variants == 1:
            if not len(images):  # Not every kernel takes an empty batch.
                return np.empty((*images.shape[:3], self.channels[target]), "uint8")
            outputs = self._translate[direction](images=tf.constant(images))
            return outputs["images"].numpy()
        require(
            self.style_dim is not None and direction == "xy",
            "Arguments `style`, `reference`, `seed` and `variants` go with direction "
            "'xy' of a model whose domain Y has a style, such as "
            "`keras_gans.models.StyleCycleGAN`",
            direction=direction,
        )
        return translate_in_styles(
            lambda *inputs: self._functions["style"](
                images=inputs[0], style=tf.cast(inputs[1], tf.float32)
            )["images"],
            self.encode_style,
            self.styles,
            *(images, style, reference, seed, variants),
        )

    __call__ = translate

    def encode_style(self, images):
        """Returns the styles of uint8 images of Y, shape `(batch, style_dim)`."""
        require(self.style_dim is not None, "This model knows no styles")
        images = np.asarray(images)
        hint = ", as domain y has"
        self._check_images("reference", images, self._shapes["yx"], hint)
        return self._functions["encode_style"](images=tf.constant(images))["style"]

    @classmethod
    def network_names(cls, model):
        encoder = ["style_encoder"] if _has_style(model) else []
        return [*directions_of(model).values(), *encoder]

    @classmethod
    def check_model(cls, model):
        directions = directions_of(model)
        require(
            "xy" in directions and set(directions) <= set(_SIGNATURES),
            "Attribute `directions` of the model must name a network for 'xy', and "
            "maybe one for 'yx'",
            directions=directions,
        )
        super().check_model(model)
        for name in directions.values():
            generator = getattr(model, name)
            inputs = shapes_of(generator.input_shape)[0]
            channels = inputs[-1], generator.output_shape[-1]
            require(
                {1, 3}.issuperset(channels),
                "Argument `model` must translate images of 1 (grey) or 3 (RGB) "
                f"channels, as image files have. Received: `{name}` translates "
                f"{channels[0]} channels to {channels[1]}",
            )

    @classmethod
    def rules(cls, model, networks):
        rules = super().rules(model, networks)
        if _has_style(model):
            rules["styles"] = model.style_pool.styles.numpy()
        return rules

    @classmethod
    def functions(cls, model, networks, weights, rule):
        functions = {}
        for direction, name in directions_of(model).items():
            inputs_of = _inputs_function(model, direction)
            pair = _direction_functions(networks[name], weights[name], inputs_of, rule)
            functions |= zip(_SIGNATURES[direction], pair)
        if _has_style(model):
            functions |= _style_functions(model, networks, weights, rule)
        return functions


def directions_of(model):
    """Returns a dict from direction to the name of its network."""
    default = {"xy": "generator_xy", "yx": "generator_yx"}
    return getattr(model, "directions", default)


def condition_of(model):
    """Returns what pix2pix does to its source before its network sees it."""
    return getattr(model, "condition", lambda images: images)


def _has_style(model):
    return hasattr(model, "style_encoder")


def _inputs_function(model, direction):
    """Returns the function from images in [-1, 1] to what the network gets."""
    if direction == "xy" and _has_style(model):
        pool = model.style_pool.styles.numpy()
        return lambda x: [x, style_of_pixels(x, pool)]
    return condition_of(model)


def _pixels_of(shape, name="images"):
    return tf.TensorSpec((None, *shape), tf.uint8, name)


def _direction_functions(network, weights, inputs_of, rule):
    """Returns the functions of pixels and of files, for one direction."""
    shape = shapes_of(network.input_shape)[0][1:]

    @tf.function(input_signature=[_pixels_of(shape)])
    def translate(images):
        x = graph.from_pixels(images, graph.size_checks(images, rule))
        return {"images": graph.call_to_pixels(network, weights, inputs_of(x))}

    return translate, graph.files_function(translate, {"image_bytes": shape})


def _style_functions(model, networks, weights, rule):
    """Returns the signatures that take a style, or images that have it."""
    directions = directions_of(model)
    there, back = directions["xy"], directions["yx"]
    shape = shapes_of(networks[there].input_shape)[0][1:]
    shape_y = shapes_of(networks[back].input_shape)[0][1:]

    def floats(images):
        return graph.from_pixels(images, graph.size_checks(images, rule))

    style_spec = tf.TensorSpec((None, model.style_dim), tf.float32, "style")

    @tf.function(input_signature=[_pixels_of(shape), style_spec])
    def in_style(images, style):
        inputs = [floats(images), style]
        translated = graph.call_to_pixels(networks[there], weights[there], inputs)
        return {"images": translated}

    @tf.function(input_signature=[_pixels_of(shape_y)])
    def encode_style(images):
        y = floats(images)
        with graph.stored(networks[back], weights[back]):
            content = networks[back](y, training=False)
        encoder = networks["style_encoder"]
        with graph.stored(encoder, weights["style_encoder"]):
            return {"style": encoder([y, content], training=False)}

    @tf.function(input_signature=[_pixels_of(shape), _pixels_of(shape_y, "reference")])
    def like_reference(images, reference):
        return in_style(images, encode_style(reference)["style"])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "reference_bytes")])
    def encode_style_bytes(reference_bytes):
        def encode(file):
            images = graph.decode_file(file, shape_y, "reference_bytes")[tf.newaxis]
            return encode_style(images)["style"][0]

        spec = tf.TensorSpec((model.style_dim,), tf.float32)
        styles = tf.map_fn(encode, reference_bytes, fn_output_signature=spec)
        return {"style": styles}

    of_image = {"image_bytes": shape}
    of_both = {**of_image, "reference_bytes": shape_y}
    return {
        "style": in_style,
        "style_bytes": graph.files_function(in_style, of_image, [style_spec]),
        "reference": like_reference,
        "reference_bytes": graph.files_function(like_reference, of_both),
        "encode_style": encode_style,
        "encode_style_bytes": encode_style_bytes,
    }
