"""Generators as SavedModels, from latent vectors to pixels."""

import numpy as np
import tensorflow as tf

from keras_gans.checks import one_of, require
from keras_gans.export import graph
from keras_gans.export.servable import Servable
from keras_gans.models.generative_model import (
    LATENT_DISTRIBUTIONS,
    draw_latent,
    generate_in_batches,
)


class Generator(Servable):
    """Generates images as pixels; `keras_gans.export.load` makes it.

    Attributes:
        latent_dim: Positive integer, the size of the latent vectors.
        latent_distribution: `"uniform"` in [-1, 1] or `"normal"`, what they are drawn
            from.
        classes: Number of classes of a conditional model, otherwise `None`.
    """

    kind = "generation"
    verb = "generate"
    known_by = "latent_dim"
    needs = ("latent_dim", "latent_distribution", "classes")
    example = "GAN"
    rule = "latent_rule"
    signatures = ("serving_default",)

    def __init__(self, module, functions):
        super().__init__(module, functions)
        rule = module.latent_rule()
        self.latent_dim = int(rule["latent_dim"])
        self.latent_distribution = rule["latent_distribution"].numpy().decode()
        self.classes = int(rule["classes"]) if "classes" in rule else None

    def generate(self, n, labels=None, seed=None):
        """Generates images.

        Args:
            n: Positive integer, the number of images.
            labels: As for `keras_gans.models.GAN.generate`.
            seed: Optional integer, gives the same images at every call; they are those
                of the model's own `generate`.

        Returns:
            uint8 array of shape `(n, height, width, channels)`, values in [0, 255].
        """
        return np.concatenate([*self.generate_in_batches(n, labels, seed)])

    def generate_in_batches(self, n, labels=None, seed=None, places=None):
        """Yields what `generate` returns, in arrays of a few hundred images.

        With `places`, an array of numbers below `n`, only those images: the same, for
        the same `n` and `seed`, as they are among all.
        """
        return generate_in_batches(self, self.generate_from, n, labels, seed, places)

    def generate_from(self, latent, labels=None):
        """Generates images from latent vectors, all in one batch.

        Args:
            latent: Float32 array of shape `(batch, latent_dim)`, see `sample_latent`.
            labels: Of a conditional model, int32 array of shape `(batch,)`.

        Returns:
            uint8 array of shape `(batch, height, width, channels)`.
        """
        inputs = {"latent": tf.constant(latent)}
        if labels is not None:
            inputs["labels"] = tf.constant(labels, tf.int32)
        return self._functions["serving_default"](**inputs)["images"].numpy()

    def sample_latent(self, count, seed):
        """Draws latent vectors, as the model would."""
        # Whatever precision Keras is set to, the signature takes float32.
        shape = count, self.latent_dim
        return draw_latent(self.latent_distribution, shape, seed, "float32")

    @classmethod
    def check_model(cls, model):
        super().check_model(model)
        one_of("latent_distribution", model.latent_distribution, LATENT_DISTRIBUTIONS)
        shape = model.generator.output_shape
        require(
            len(shape) == 4 and shape[-1] in (1, 3),
            "Argument `model` must generate images (batch, height, width, channels) of "
            "1 (grey) or 3 (RGB) channels, as image files have. Received: `generator` "
            f"makes outputs of shape {shape}",
        )

    @classmethod
    def rules(cls, model, networks):
        names = cls.needs if model.classes is not None else cls.needs[:2]
        return {cls.rule: {name: getattr(model, name) for name in names}}

    @classmethod
    def functions(cls, model, networks, weights, rule):
        specs = [tf.TensorSpec((None, model.latent_dim), tf.float32, name="latent")]
        if model.classes is not None:
            specs.append(tf.TensorSpec((None,), tf.int32, name="labels"))

        @tf.function(input_signature=specs)
        def generate(*inputs):
            # Or the network could fail first, on another thread, and less clearly.
            with tf.control_dependencies(_checks(model, *inputs)):
                inputs = [*map(tf.identity, inputs)]
            inputs = inputs if len(inputs) > 1 else inputs[0]
            network = networks["generator"], weights["generator"]
            return {"images": graph.call_to_pixels(*network, inputs)}

        @tf.function(input_signature=specs)
        def generate_bytes(*inputs):
            images, spec = generate(*inputs)["images"], tf.TensorSpec((), tf.string)
            files = tf.map_fn(tf.io.encode_png, images, fn_output_signature=spec)
            return {"image_bytes": files}

        return {"serving_default": generate, "serving_bytes": generate_bytes}


def _checks(model, latent, labels=None):
    """Returns the operations that refuse other inputs than those of the model."""
    dim, classes = model.latent_dim, model.classes
    message = f"Vectors in `latent` must have {dim} numbers each; x is received."
    checks = [tf.debugging.assert_equal(tf.shape(latent)[1], dim, message)]
    if labels is None:
        return checks
    message = f"Every number in `labels` must lie in [0, {classes}); x was received."
    numbers = (
        "There must be as many `labels` as vectors in `latent`; x is the number of "
        "labels, y that of vectors."
    )
    return checks + [
        tf.debugging.assert_non_negative(labels, message),
        tf.debugging.assert_less(labels, classes, message),
        # One label would be taken for all latent vectors.
        tf.debugging.assert_equal(tf.shape(labels)[0], tf.shape(latent)[0], numbers),
    ]
