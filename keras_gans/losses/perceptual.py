"""Semantic loss: an image and its reconstruction should mean the same to a network."""

import base64
import difflib
import math
import os

import keras
import numpy as np
from keras import ops

from keras_gans.checks import one_of, positive_float, require
from keras_gans.files import load_keras_file
from keras_gans.losses.common import (
    Loss,
    check_same_shape,
    euclidean_norm,
    flatten_samples,
)
from keras_gans.pretrained import close_networks, load_application

# VGG16 halves its input before each of its blocks 2 to 5.
_MINIMUM_SIZE = 32
_VGG_LAYERS = ("block4_conv3",)
_DISTANCES = ("l2", "mean_squared")
_WAY_OUT = (
    "Give the weight itself in place of one that is found: `semantic_weight`, option "
    "--semantic-weight"
)


@keras.saving.register_keras_serializable(package="keras_gans")
class SemanticVGGLoss(Loss):
    """Distance of two images in the features of a pretrained network V.

        ‖V(y_true) - V(y_pred)‖₂

    In the semantic CycleGAN `y_true` is an image and `y_pred` its reconstruction. V is
    VGG16 with ImageNet weights, or any other Keras model; it is frozen, runs in
    inference mode and in float32, and its own preprocessing is inside. Features of
    `y_true` are constants: no gradient flows into them.

    The norm runs over all features of an image, so that it grows with the root of
    their number, and its unit is the network's: see what `compile`d models log as
    `semantic_loss`, or call `balanced_weight`, to weigh it.

    Args:
        layers: Names of the layers whose outputs are the features, or one name. The
            paper does not say which. Defaults to `"block4_conv3"` of VGG16: deep enough
            to see shapes and objects more than colours and strokes, and early enough
            that every eighth pixel still has features of its own. Of a
            `feature_extractor` the outputs are the default.
        layer_weights: Positive floats, one for each layer, by which their distances are
            multiplied before they are added. Defaults to 1 each.
        weights: `"imagenet"` (downloaded once by Keras, 59 MB) or the path of a file
            with weights of VGG16 without its classifier. Not used if there is a
            `feature_extractor`.
        feature_extractor: Optional `keras.Model`, Functional or Sequential, or the path
            of its `.keras` file, in place of VGG16. It takes RGB (or grey) pixels in
            [0, 255] and has its preprocessing inside. The loss works on a copy.
        distance: `"l2"`, the norm above, by default, or `"mean_squared"`,
            mean (V(y_true) - V(y_pred))².

    Call arguments:
        y_true: Images in [-1, 1], shape `(batch, height, width, channels)`, with 1 or 3
            channels, for VGG16 of 32 pixels or more; or the list of their features, as
            `features(images)` returns it, when several images are compared with one.
        y_pred: Images of the same shape.

    Example:

    ```python
    model = keras_gans.models.CycleGAN(..., semantic_weight=1e-3)
    model.compile(semantic_loss=keras_gans.losses.SemanticVGGLoss())
    ```

    Reference:
        - The semantic CycleGAN study (in Korean), its L_semantic.
        - Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale
          Image Recognition", 2014, https://arxiv.org/abs/1409.1556
    """

    def __init__(
        self,
        layers=None,
        layer_weights=None,
        weights="imagenet",
        feature_extractor=None,
        distance="l2",
        *args,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.distance = one_of("distance", distance, _DISTANCES)
        is_path = isinstance(weights, os.PathLike)
        self.weights = os.fspath(weights) if is_path else weights
        self.feature_extractor = feature_extractor
        self.layers = _layer_names(layers)
        require(
            layer_weights is None or _is_list(layer_weights),
            "Argument `layer_weights` must be a list of numbers, one for each layer",
            TypeError,
            layer_weights=layer_weights,
        )
        if feature_extractor is None:
            self.layers = self.layers or _VGG_LAYERS
            self._network = _cut(_vgg16(weights), self.layers)
        else:
            self._network = _cut(_copy(feature_extractor), self.layers)
        count = len(self._network.outputs)
        if layer_weights is None:
            layer_weights = (1.0,) * count
        require(
            len(layer_weights) == count,
            f"Argument `layer_weights` must have one weight for each of {count} layers",
            layer_weights=layer_weights,
        )
        self.layer_weights = tuple(
            positive_float("layer_weights", weight) for weight in layer_weights
        )

    def features(self, images):
        """Returns the list of features of images in [-1, 1], one tensor a layer."""
        channels, shape = self._network.input_shape[-1], tuple(images.shape)
        require(
            len(shape) == 4 and shape[-1] in (1, 3),
            "Images must have the shape (batch, height, width, 1 or 3)",
            shape=shape,
        )
        sides = [side for side in shape[1:3] if side is not None]
        require(
            self.feature_extractor is not None
            or min(sides, default=_MINIMUM_SIZE) >= _MINIMUM_SIZE,
            f"VGG16 needs images of at least {_MINIMUM_SIZE} pixels height and width",
            shape=shape,
        )
        pixels = (ops.convert_to_tensor(images, dtype=self.dtype) + 1.0) * 127.5
        if (shape[-1], channels) == (1, 3):
            pixels = ops.repeat(pixels, 3, axis=-1)
        require(
            pixels.shape[-1] == channels,
            f"The feature extractor takes images of {channels} channels",
            shape=shape,
        )
        return keras.tree.flatten(self._network(pixels, training=False))

    def call(self, y_true, y_pred):
        if isinstance(y_true, (list, tuple)):
            expected = y_true
        else:
            check_same_shape(y_true=y_true, y_pred=y_pred)
            expected = self.features(y_true)
        loss = 0.0
        for weight, true, predicted in zip(
            self.layer_weights, expected, self.features(y_pred), strict=True
        ):
            check_same_shape(y_true=true, y_pred=predicted)
            difference = flatten_samples(ops.stop_gradient(true) - predicted)
            if self.distance == "l2":
                loss += weight * euclidean_norm(difference)
            else:
                loss += weight * ops.mean(ops.square(difference), axis=1)
        return loss

    def __dir__(self):
        # A model saves whatever it finds here, so also in `.weights.h5` files: frozen
        # weights, which the configuration names or holds already.
        networks = {"_network", "feature_extractor"}
        return sorted(set(super().__dir__()) - networks)

    def get_config(self):
        extractor = self.feature_extractor
        if isinstance(extractor, keras.Model):
            extractor = {
                "network": keras.saving.serialize_keras_object(self._network),
                "weights": _encode_weights(self._network),
            }
        elif extractor is not None:
            extractor = os.fspath(extractor)
        return {
            **super().get_config(),
            # The copy above was cut at the layers.
            "layers": None if isinstance(extractor, dict) else self.layers,
            "feature_extractor": extractor,
        }

    @classmethod
    def from_config(cls, config):
        extractor = config.get("feature_extractor")
        if isinstance(extractor, dict):
            network = keras.saving.deserialize_keras_object(extractor["network"])
            _decode_weights(network, extractor["weights"])
            config = {**config, "feature_extractor": network}
        return cls(**config)


def balanced_weight(loss, images, weight=10.0):
    """Returns the weight that makes a loss count as much as another weight's L1.

    The distance of features has no agreed unit. On pairs of different images the loss,
    multiplied by what is returned, equals `weight` times their mean absolute
    difference, so that a semantic loss and a cycle loss of that weight begin alike.

    Args:
        loss: A `SemanticVGGLoss`.
        images: Two images or more in [-1, 1], `(n, height, width, channels)`, n even.
            Each of the first half is compared with one of the second.
        weight: Positive float, the weight of the L1, CycleGAN's 10 by default.
    """
    weight = positive_float("weight", weight)
    images = np.asarray(images, "float32")
    require(
        len(images) >= 2 and len(images) % 2 == 0,
        "Argument `images` must be an even number of at least 2 images: a semantic loss"
        f" is balanced with another one on pairs of different images. {_WAY_OUT}. "
        f"Received: {len(images)} {'image' if len(images) == 1 else 'images'}",
    )
    one, other = np.split(images, 2)
    pixels, features = float(np.mean(np.abs(one - other))), float(loss(one, other))
    require(
        all(0 < distance < math.inf for distance in (pixels, features)),
        "Argument `images` must be pairs that differ, each image of the first half from"
        " one of the second, by a positive and finite distance of pixels and of "
        f"features. {_WAY_OUT}. Received: pairs with the distances {pixels:.4g} and "
        f"{features:.4g}",
    )
    return float(f"{weight * pixels / features:.2g}")


def _is_list(value):
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, dict))


def _layer_names(layers):
    """Returns a tuple of names, or `None` for the default."""
    if layers is None:
        return None
    names = (layers,) if isinstance(layers, str) else layers
    require(
        _is_list(names) and all(isinstance(name, str) for name in names),
        "Argument `layers` must be the name of a layer or a list of names",
        TypeError,
        layers=layers,
    )
    require(
        len(names) > 0,
        "Argument `layers` must name at least one layer; None is the default",
        layers=layers,
    )
    return tuple(names)


def _vgg16(weights):
    pixels = keras.Input((None, None, 3), name="pixels")
    return load_application(
        keras.applications.VGG16,
        weights=weights,
        include_top=False,
        input_tensor=keras.applications.vgg16.preprocess_input(pixels),
    )


def _copy(feature_extractor):
    """Returns a copy in float32, so that the given model is left as it is."""
    if isinstance(feature_extractor, (str, os.PathLike)):
        if not os.path.isfile(feature_extractor):
            raise FileNotFoundError(
                "Argument `feature_extractor` must be a `keras.Model` or the path of a "
                f".keras file. Received: {os.fspath(feature_extractor)!r}, where there "
                f"is no file, seen from {os.getcwd()!r}."
                f"{close_networks(feature_extractor)}"
            )
        feature_extractor = load_keras_file(feature_extractor)
    inputs = getattr(feature_extractor, "inputs", None)
    require(
        isinstance(feature_extractor, keras.Model) and inputs,
        "Argument `feature_extractor` must be a Functional or Sequential `keras.Model` "
        "with an `Input`, or the path of a .keras file",
        TypeError,
        feature_extractor=feature_extractor,
    )
    shapes = [tuple(each.shape) for each in inputs]
    require(
        len(shapes) == 1 and len(shapes[0]) == 4,
        "Argument `feature_extractor` must take images alone, (batch, height, width, "
        "channels)",
        inputs=shapes,
    )
    # Nested models included, so that a layer that is shared among them stays shared.
    copy = keras.models.clone_model(
        feature_extractor, clone_function=_copy_operation, recursive=True
    )
    copy.set_weights(feature_extractor.get_weights())
    return copy


def _copy_operation(operation):
    config = operation.get_config()
    # Bare operations, such as those of `pixels / 255`, are computed in the dtype that
    # they are given.
    if isinstance(operation, keras.Layer):
        config["dtype"] = "float32"
    return type(operation).from_config(config)


def _cut(network, layers):
    """Returns the frozen part of a network up to the outputs of some layers."""
    outputs = network.outputs
    if layers is not None:
        known = [layer.name for layer in network.layers]
        for name in layers:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
                raise ValueError(
                    f"Argument `layers` must name layers of {network.name!r}. "
                    f"Received: {name!r}. Did you mean {close[0]!r}?"
                )
        outputs = [network.get_layer(name).output for name in layers]
    # Not `network.input`, which a Sequential has only after its first call.
    cut = keras.Model(network.inputs[0], outputs, name=network.name)
    cut.trainable = False
    return cut


def _encode_weights(network):
    values = [np.ravel(weight).astype("float32") for weight in network.get_weights()]
    # A network without weights has none to put together.
    content = b"".join(value.tobytes() for value in values)
    return base64.b64encode(content).decode("ascii")


def _decode_weights(network, text):
    values = np.frombuffer(base64.b64decode(text), "float32")
    ends = np.cumsum([math.prod(variable.shape) for variable in network.weights])
    parts = np.split(values, ends)[:-1]  # Nothing is left behind the last end.
    network.set_weights(
        [
            part.reshape(variable.shape)
            for part, variable in zip(parts, network.weights, strict=True)
        ]
    )
