"""What the four kinds of served models have in common."""

import keras
import tensorflow as tf

from keras_gans.checks import require, uint8_array
from keras_gans.export import graph


class Servable:
    """A loaded model; `keras_gans.export.load` makes it.

    A subclass is all that there is to a kind of model: what makes its SavedModel, and
    the methods that use it.

    Args:
        module: `tf.Module` or loaded SavedModel that owns the weights.
        functions: Mapping from names to the functions of its signatures.

    Attributes:
        kind: String, what the model does; stored in the SavedModel.
        verb: The command for it.
        known_by: Attribute by which a Keras model without `export_kind` is known.
        needs: Attributes that a Keras model must have beside its networks.
        example: Name of such a model.
        rule: Function that tells what a SavedModel takes. By it one is known that does
            not tell its kind.
        signatures: Names of the signatures that all its SavedModels have.
        used: Names of those that are called here.
    """

    needs = ()
    signatures = ("serving_default", "serving_bytes")
    used = ("serving_default",)

    def __init__(self, module, functions):
        # TensorFlow does not promise that functions keep their weights alive.
        self._module = module
        self._functions = functions

    @classmethod
    def network_names(cls, model):
        """Returns the names of the networks that are stored."""
        return ["generator"]

    @classmethod
    def check_model(cls, model):
        """Raises a `TypeError` or `ValueError` for a model that cannot be saved."""
        missing = [name for name in cls.needs if not hasattr(model, name)]
        for name in cls.network_names(model):
            if not isinstance(getattr(model, name, None), keras.Model):
                missing.append(name)
        if missing:
            raise TypeError(
                f"Argument `model` must have what {cls.kind} needs, as "
                f"`keras_gans.models.{cls.example}` has it. Received an object of type "
                f"{type(model).__name__} without `{missing[0]}`."
            )

    @classmethod
    def build(cls, model, weights_dtype):
        """Returns a `tf.Module` with the weights, and a dict of all signatures."""
        networks = {
            name: graph.inference_network(model, name)
            for name in cls.network_names(model)
        }
        rules = cls.rules(model, networks)
        module = graph.make_module(networks, weights_dtype, kind=cls.kind, **rules)
        return module, cls.functions(model, networks, module.weights, rules[cls.rule])


class ImageServable(Servable):
    """A loaded model that takes images.

    Attributes:
        size_multiple: Positive integer of which height and width must be multiples.
        minimum_size: Positive integer, the smallest height and width.
    """

    def __init__(self, module, functions):
        super().__init__(module, functions)
        rule = getattr(module, self.rule)()
        self.size_multiple, self.minimum_size = rule.numpy().tolist()

    @classmethod
    def rules(cls, model, networks):
        return {cls.rule: graph.size_rule(networks.values())}

    def _check_images(self, name, images, built_for, hint=""):
        """Refuses what is no batch of uint8 images of a size that the networks take.

        `built_for` is the shape in the signature, `None` where any length will do, and
        `hint` says why the images have so many channels.
        """
        uint8_array(name, images)
        shape = images.shape
        require(
            len(shape) == 4 and shape[-1] == built_for[-1],
            f"Argument `{name}` must have the shape (batch, height, width, "
            f"{built_for[-1]}){hint}",
            **{f"{name}.shape": shape},
        )
        multiple, minimum = self.size_multiple, self.minimum_size
        allowed = ""
        if any(length % multiple or length < minimum for length in shape[1:3]):
            allowed = f"multiples of {multiple}"
            allowed += f" and at least {minimum}" if minimum > 1 else ""
        elif any(
            expected not in (None, length)
            for length, expected in zip(shape[1:3], built_for[1:3])
        ):
            allowed = f"{built_for[1]} and {built_for[2]}, for which it was built"
        if allowed:
            raise ValueError(
                f"Height and width of `{name}` must be {allowed}. Received: "
                f"height={shape[1]}, width={shape[2]}. Crop, pad or resize the images "
                "first."
            )


def input_shapes(function):
    """Returns a dict of the shapes that a signature takes, by name."""
    specs = tf.nest.flatten(function.structured_input_signature)
    return {spec.name: tuple(spec.shape) for spec in specs}
