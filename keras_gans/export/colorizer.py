"""Colorizers of line art as SavedModels."""

import numpy as np
import tensorflow as tf

from keras_gans.checks import require, uint8_array
from keras_gans.export import graph
from keras_gans.export.servable import ImageServable, input_shapes

# The least alpha of a pixel of the hints that is one.
OPAQUE = 128


class Colorizer(ImageServable):
    """Colours line art, unaided or after hints; `keras_gans.export.load` makes it.

    Call arguments:
        line_art: uint8 array of shape `(batch, height, width, 1)`, 255 on paper and 0
            on black lines.
        hints: uint8 array of shape `(batch, height, width, 4)`, RGBA: a pixel with an
            alpha of 128 or more hints at the colour there. Defaults to `None`, none.

    Returns:
        uint8 array of the coloured images, shape `(batch, height, width, 3)`, values in
        [0, 255].
    """

    kind = "colorization"
    verb = "colorize"
    known_by = "source_channels"
    needs = ("source_channels", "condition")
    example = "Pix2PixColorizer"
    rule = "line_art_rule"

    def __init__(self, module, functions):
        super().__init__(module, functions)
        self._colorize = functions["serving_default"]
        self._built_for = input_shapes(self._colorize)["line_art"]

    def colorize(self, line_art, hints=None):
        """Colours a batch of line art; see the class."""
        self._check_images("line_art", line_art, self._built_for)
        shape = line_art.shape[:3]
        if hints is None:
            hints = np.zeros((*shape, 4), "uint8")
        uint8_array("hints", hints)
        require(
            hints.shape == (*shape, 4),
            "Argument `hints` must be RGBA images of the batch, height and width of "
            f"`line_art`, shape {(*shape, 4)}",
            **{"hints.shape": hints.shape},
        )
        if not len(line_art):  # Not every kernel takes an empty batch.
            return np.empty((*shape, 3), "uint8")
        inputs = {"line_art": tf.constant(line_art), "hints": tf.constant(hints)}
        return self._colorize(**inputs)["images"].numpy()

    __call__ = colorize

    @classmethod
    def functions(cls, model, networks, weights, rule):
        generator = networks["generator"]
        size = generator.input_shape[1:3]
        line_art_spec = tf.TensorSpec((None, *size, 1), tf.uint8, name="line_art")
        hints_spec = tf.TensorSpec((None, *size, 4), tf.uint8, name="hints")

        @tf.function(input_signature=[line_art_spec, hints_spec])
        def colorize(line_art, hints):
            same_size = tf.debugging.assert_equal(
                tf.shape(hints)[:3],
                tf.shape(line_art)[:3],
                message="Batch, height and width of `hints` must be those of "
                "`line_art`; x is what the hints have, y what the line art has.",
            )
            checks = [*graph.size_checks(line_art, rule), same_size]
            is_hint = hints[..., 3:] >= OPAQUE
            colors = graph.from_pixels(hints[..., :3], checks)
            source = (
                graph.from_pixels(line_art, checks),
                tf.where(is_hint, colors, 0.0),
                tf.cast(is_hint, tf.float32),
            )
            network = generator, weights["generator"]
            return {"images": graph.call_to_pixels(*network, model.condition(source))}

        def decode(files):
            line_art = graph.decode_file(files[0], (*size, 1), "line_art_bytes")
            hints = tf.cond(
                tf.strings.length(files[1]) > 0,
                lambda: _decode_hints(files[1]),
                lambda: tf.zeros([*tf.unstack(tf.shape(line_art)[:2]), 4], tf.uint8),
            )
            return line_art, tf.ensure_shape(hints, (*size, 4))

        def same_number(line_art_bytes, hints_bytes):
            return tf.debugging.assert_equal(
                tf.shape(hints_bytes),
                tf.shape(line_art_bytes),
                message="There must be as many `hints_bytes` as `line_art_bytes`, "
                "empty ones for no hints; x is the number of hints, y that of line "
                "art.",
            )

        shapes = {"line_art_bytes": (*size, 1), "hints_bytes": (*size, 4)}
        files = graph.files_function(colorize, shapes, decode=decode, check=same_number)
        return {"serving_default": colorize, "serving_bytes": files}


def _decode_hints(hints_bytes):
    must = "Files in `hints_bytes` must "
    png = f"{must}be PNG files with a transparent background, or empty for no hints."
    is_png = tf.debugging.Assert(graph.is_png(hints_bytes), [png])
    with tf.control_dependencies([is_png]):
        hints = tf.io.decode_png(hints_bytes, channels=4)
    background = f"{must}have a transparent background: every opaque pixel is a hint."
    has_background = tf.reduce_any(hints[..., 3] < OPAQUE)
    with tf.control_dependencies([tf.debugging.Assert(has_background, [background])]):
        return tf.identity(hints)
