"""The networks whose features the distances of distributions are taken of."""

import hashlib
import json
import os
import pathlib
import re
from typing import Callable, NamedTuple

import keras
import tensorflow as tf

from keras_gans.checks import height_and_width
from keras_gans.metrics.tf_gan import import_tensorflow_gan
from keras_gans.pixels import to_levels
from keras_gans.pretrained import close_networks, impatience, load_application

_NAMES = ("inception_v3", "tfgan_inception")
# What a generator may overshoot [-1, 1] by. Beyond, floats are of another range.
_LARGEST_FLOAT = 1.5


class FeatureNetwork:
    """A pretrained network with all that has to be the same for two scores to compare.

    FID, KID and Inception Score are numbers of a network, a resize filter and an input
    size as much as of the images. This class holds the three, does the same to real
    and generated images, and says which they were: `name` is part of the names of the
    metrics, `fingerprint` of saved statistics.

    Floats are first rounded to the pixels that they would be saved as. Everything is
    computed in float32 under every dtype policy.

    Args:
        network: One of:
            - `"inception_v3"`: `keras.applications.InceptionV3` with ImageNet weights,
              2,048 features or 1,000 logits. Downloaded once.
            - `"tfgan_inception"`: the network of published FIDs and Inception Scores,
              as the TensorFlow Hub module that TF-GAN names, 2,048 features or 1,008
              logits. Downloaded once into `$TFHUB_CACHE_DIR`, or else into the
              system's temporary folder.
            - The path of a `.keras` file, or of the folder of a SavedModel, of which
              the default signature or the loaded object itself is called. A copy of
              the module of `"tfgan_inception"` is known by its outputs, `pool_3` and
              `logits`.
            - A Functional or Sequential `keras.Model`, not to be trained any further.

            All but the first two take pixels in [0, 255], RGB or grey, and have their
            own preprocessing inside.
        name: Optional string in snake case. Defaults to the name of the network, of
            the model or of the file.
        resize: How images come to the size of the network. Defaults to `"clean"`.
            - `"clean"`: antialiased bicubic, Pillow's, on float pixels. As in
              clean-fid the result is clipped to [0, 255] and not rounded.
            - `"legacy"`: bilinear without antialiasing and without half-pixel centers,
              as in the TensorFlow code of the FID paper. Needed to compare with
              numbers that were computed so; it aliases when it makes images smaller.
            - `None`: not at all. The network must take the images as they are.
        size: Integer or pair (height, width) to resize to. Defaults to the network's
            own input size, 299 for the Inceptions. Without one there is no resizing,
            and `"legacy"` is refused.
        output: `"features"`, the default, or `"logits"`, for `InceptionScore`. Of
            other networks than the two Inceptions the output is what it is, and
            logits have to be a matrix.

    Attributes:
        name: String.
        resize: `"clean"`, `"legacy"`, or `None` if there is no resizing.
        size: `(height, width)` that images are resized to, or `None`.
        output: `"features"` or `"logits"`.
        feature_dim: Integer, number of features.
        fingerprint: String, the SHA-256 of the weights, the architecture, the resize
            mode, the size and the output. Copies of a network have the same one,
            whatever their name.

    Call arguments:
        images: Tensor or array of shape `(batch, height, width, channels)`, uint8 in
            [0, 255] or float in [-1, 1]; up to 1.5 it is clipped, and what lies
            further outside is an error (inside a `tf.function` it is clipped as well).
            1 channel is repeated for a network of 3.

    Returns:
        float32 tensor of shape `(batch, feature_dim)`. An output of shape
        `(batch, height, width, feature_dim)` is averaged over height and width.
        Inside a `tf.function`, where nothing can be raised, images that are not finite
        have features that are NaN.

    Raises:
        TypeError: If `network` is of another kind, or images are integers other than
            uint8.
        ValueError: If an argument is out of range, the network is none of one image
            tensor and one output of 2 or 4 dimensions, or the images do not fit it. If
            images or features are not finite (outside a `tf.function`).
        FileNotFoundError: If `network` is a path at which there is nothing.
        ConnectionError: If weights cannot be downloaded; the message says from where
            to get them and where to put them. Random weights never take their place.

    Example:

    ```python
    network = FeatureNetwork("inception_v3")
    frechet_distance(network(real_images), network(generated_images))
    ```

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
        Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500
        Parmar, Zhang and Zhu, "On Aliased Resizing and Surprising Subtleties in GAN
        Evaluation", 2022, https://arxiv.org/abs/2104.11222
    """

    def __init__(
        self, network, name=None, resize="clean", size=None, output="features"
    ):
        if resize not in ("clean", "legacy", None):
            raise ValueError(
                'Argument `resize` must be "clean", "legacy" or None. '
                f"Received: resize={resize!r}"
            )
        if output not in ("features", "logits"):
            raise ValueError(
                'Argument `output` must be "features" or "logits". '
                f"Received: output={output!r}"
            )
        if name is not None and not _is_name(name):
            raise ValueError(
                "Argument `name` must be in snake case, because it becomes part of "
                f"the names of metrics. Received: name={name!r}"
            )
        if size is not None:
            size = height_and_width(size)
        if size and resize is None:
            raise ValueError(
                "Argument `size` is the size to resize to and needs a `resize` other "
                f"than None. Received: size={size}"
            )
        loaded = _load(network, output)
        *input_size, self._channels = loaded.input_shape
        self._input_size = tuple(input_size)
        self.name = name or _to_name(loaded.name)
        if size is None:
            own_size = None if None in self._input_size else self._input_size
            size = loaded.default_size or own_size
        if size is None and resize == "legacy":
            raise ValueError(
                "Argument `resize` needs a size to resize to, and network "
                f"{self.name!r} has none of its own. Give `size`, option "
                "--feature-size. Received: resize='legacy', size=None"
            )
        self.size = size if resize else None
        self.resize = resize if size else None
        self.output = output
        self.feature_dim = loaded.feature_dim
        settings = f"{self.resize} {self.size} {output} {loaded.digest}"
        self.fingerprint = hashlib.sha256(settings.encode()).hexdigest()
        self._network = loaded
        if self.size:
            self._check_size(self.size)
        # One trace serves all batch and image sizes.
        pixels = tf.TensorSpec((None, None, None, self._channels), "float32")
        self._features = tf.function(
            self._compute, input_signature=[pixels], autograph=False
        )

    def __call__(self, images):
        pixels = self._to_pixels(images)
        if not tf.executing_eagerly():
            return self._features(pixels)
        expected = (pixels.shape[0], self.feature_dim)
        try:
            features = self._features(pixels)
        except tf.errors.OpError as error:
            raise ValueError(
                f"Network {self.name!r} does not take images of shape {pixels.shape}. "
                f"({error})"
            ) from error
        if features.shape != expected:
            raise ValueError(
                f"Network {self.name!r} must return features of shape {expected} for "
                f"images of shape {pixels.shape}. Received: shape={features.shape}"
            )
        finite = tf.reduce_all(tf.math.is_finite(features), axis=-1).numpy()
        if not finite.all():
            first = int(finite.argmin())
            cause = (
                "the network does not compute finite numbers of it"
                if tf.reduce_all(tf.math.is_finite(pixels[first]))
                else "its pixels are NaN or infinite"
            )
            raise ValueError(
                f"The features of {finite.size - finite.sum()} of {finite.size} images "
                f"are not finite, so that a score would mean nothing. Image {first} is "
                f"the first: {cause}."
            )
        return features

    def _to_pixels(self, images):
        """Checks shape and dtype; returns float32 pixels with the right channels."""
        images = tf.convert_to_tensor(images)
        if images.shape.rank != 4 or images.shape[-1] not in (1, 3):
            raise ValueError(
                "Argument `images` must have shape (batch, height, width, channels) "
                f"with 1 or 3 channels. Received: images.shape={images.shape}"
            )
        if images.shape[-1] > self._channels:
            raise ValueError(
                f"Network {self.name!r} sees grey images only, so that its features "
                "would say nothing of colours. Convert the images first, if that is "
                f"meant. Received: images.shape={images.shape}"
            )
        if self.size is None:
            self._check_size(images.shape[1:3])
        if images.dtype == "uint8":
            pixels = tf.cast(images, "float32")
        elif images.dtype.is_floating:
            images = tf.cast(images, "float32")
            if tf.executing_eagerly():
                _check_range(images)
            pixels = to_levels(images)
            # An infinite pixel must not turn into a white one.
            pixels = tf.where(tf.math.is_finite(images), pixels, float("nan"))
        else:
            raise TypeError(
                "Argument `images` must be floats in [-1, 1] or uint8 in [0, 255]. "
                f"Received: images.dtype={images.dtype.name}"
            )
        if images.shape[-1] < self._channels:
            pixels = tf.image.grayscale_to_rgb(pixels)
        return pixels

    def _check_size(self, size):
        compute_output_shape = self._network.compute_output_shape
        cause = f"It takes {_text(self._input_size)} pixels, and resize={self.resize!r}"
        fits = all(
            own is None or given in (own, None)
            for own, given in zip(self._input_size, size)
        )
        if fits and compute_output_shape is not None and None not in size:
            try:
                compute_output_shape((None, *size, self._channels))
            # TensorFlow itself may return wrong numbers for empty maps.
            except ValueError as error:
                fits, cause = False, str(error)
        if not fits:
            raise ValueError(
                f"Network {self.name!r} cannot take images of {_text(size)} pixels. "
                f"{cause}"
            )

    def _compute(self, pixels):
        finite = tf.reduce_all(tf.math.is_finite(pixels), axis=(1, 2, 3))
        if self.resize == "clean":
            pixels = tf.image.resize(pixels, self.size, "bicubic", antialias=True)
            # The filter overshoots at edges.
            pixels = tf.clip_by_value(pixels, 0, 255)
        elif self.resize == "legacy":
            pixels = tf.raw_ops.ResizeBilinear(
                images=pixels,
                size=self.size,
                align_corners=False,
                half_pixel_centers=False,
            )
        else:
            pixels = tf.ensure_shape(pixels, (None, *self._input_size, None))
        features = tf.cast(self._network.call(pixels), "float32")
        if features.shape.rank == 4:
            features = tf.reduce_mean(features, axis=(1, 2))
        # A rectified unit may turn NaN into 0.
        return tf.where(finite[:, None], features, float("nan"))


# Loading ---------------------------------------------------------------------------


class _LoadedNetwork(NamedTuple):
    name: str
    # What has to stay alive for `call`, from float32 pixels to 2 or 4 dimensions.
    model: object
    call: Callable
    # Of weights and architecture.
    digest: str
    # Height, width and channels. Height and width are None if they may be any.
    input_shape: tuple
    feature_dim: int
    default_size: tuple | None = None
    # Raises ValueError for an image that is too small.
    compute_output_shape: Callable | None = None


def _load(network, output):
    if isinstance(network, keras.Model):
        return _from_keras(network, network.name, output)
    if not isinstance(network, (str, os.PathLike)):
        raise TypeError(
            'Argument `network` must be "inception_v3", "tfgan_inception", a path or '
            f"a `keras.Model`. Received: network of type {type(network).__name__}"
        )
    # A `Path` is never a name.
    if network == "inception_v3":
        return _inception_v3(output)
    if network == "tfgan_inception":
        return _from_saved_model(_download_tfgan_inception(), output)
    path = pathlib.Path(network).expanduser()
    if path.joinpath("saved_model.pb").is_file():
        return _from_saved_model(path, output)
    if path.suffix == ".keras" and path.is_file():
        model = keras.saving.load_model(path, compile=False)
        return _from_keras(model, path.stem, output)
    error = ValueError if path.exists() else FileNotFoundError
    names = _NAMES if isinstance(network, str) else ()
    raise error(
        'Argument `network` must be "inception_v3", "tfgan_inception", the path of a '
        "`.keras` file or of a folder with a `saved_model.pb`, or a `keras.Model`. "
        f"Received: network={os.fspath(network)!r}, seen from {os.getcwd()!r}."
        f"{close_networks(network, names)}"
    )


def _inception_v3(output):
    if output == "logits":
        arguments = {"classifier_activation": None}
    else:
        arguments = {
            "include_top": False,
            "pooling": "avg",
            "input_shape": (None, None, 3),
        }
    model = load_application(keras.applications.InceptionV3, **arguments)
    preprocess = keras.applications.inception_v3.preprocess_input
    loaded = _from_keras(model, "inception_v3", output)
    return loaded._replace(
        call=lambda pixels: model(preprocess(pixels), training=False),
        # The bare model, which is fed with pixels, is another network.
        digest=f"preprocessed {loaded.digest}",
        default_size=(299, 299),
    )


def _download_tfgan_inception():
    """Returns the folder of the module, after downloading it if it is not there."""
    handle = import_tensorflow_gan().eval.INCEPTION_TFHUB
    # TF-GAN has imported it, and says so if it is missing.
    import tensorflow_hub

    try:
        with impatience():
            return pathlib.Path(tensorflow_hub.resolve(handle))
    # Errors of the address, of the connection, of the archive and of the disk.
    except Exception as error:
        raise ConnectionError(
            "The network of published FIDs is not on this machine and cannot be "
            f"downloaded. Get {handle}?tf-hub-format=compressed (a .tar.gz) on another "
            "machine, unpack it into an empty folder and give its path: "
            f'FeatureNetwork("FOLDER"). ({error!r})'
        ) from error


def _from_keras(model, name, output):
    if not getattr(model, "inputs", None):
        raise ValueError(
            "Argument `network` must be a Functional model, or a Sequential one with "
            f"an `Input`. Received: network={model!r}"
        )
    model = _in_float32(model)
    ends = _check_ends(name, model.inputs, model.outputs, output)

    def call(pixels):
        return model(pixels, training=False)

    return _LoadedNetwork(
        name,
        model,
        call,
        _digest_of_keras(model),
        *ends,
        compute_output_shape=model.compute_output_shape,
    )


def _serialize(model):
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return json.dumps(config, sort_keys=True)


def _in_float32(model):
    """Returns the model itself, or a copy of it if layers compute in sixteen bits."""
    found = _serialize(model)
    wanted = re.sub(r'"(mixed_)?b?float16"', '"float32"', found)
    if wanted == found:
        return model
    default_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        # The model is in memory already, so its functions are not a stranger's.
        copy = keras.saving.deserialize_keras_object(
            json.loads(wanted), safe_mode=False
        )
    finally:
        keras.config.set_dtype_policy(default_policy)
    copy.set_weights(model.get_weights())
    return copy


def _digest_of_keras(model):
    # What differs between copies: addresses, frozen layers, numbers in default names.
    variable = r'"shared_object_id": \d+|"trainable": \w+|_\d+(?=")'
    digest = hashlib.sha256(re.sub(variable, "", _serialize(model)).encode())
    for weight in model.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return digest.hexdigest()


def _from_saved_model(folder, output):
    # A module in the first format of TensorFlow Hub has no tags.
    tags = [] if folder.joinpath("tfhub_module.pb").exists() else None
    loaded = tf.saved_model.load(folder, tags)
    signatures = dict(loaded.signatures)
    if "serving_default" in signatures:
        function = signatures["serving_default"]
    elif callable(loaded):
        function = loaded.__call__.concrete_functions[0]
    elif len(signatures) == 1:
        (function,) = signatures.values()
    else:
        raise ValueError(
            f"The SavedModel in {str(folder)!r} must have the signature "
            '"serving_default", be callable, or have a single signature. '
            f"Received: signatures={sorted(signatures)}"
        )
    inputs = [
        argument
        for argument in tf.nest.flatten(function.structured_input_signature)
        if isinstance(argument, tf.TensorSpec)
    ]
    outputs = function.structured_outputs
    if isinstance(outputs, dict) and {"pool_3", "logits"} <= set(outputs):
        name = "tfgan_inception"
        chosen, width = ("logits", 1008) if output == "logits" else ("pool_3", 2048)
        # TF-GAN's shapes, also where the module leaves them open.
        inputs = [tf.TensorSpec((None, 299, 299, 3))]
        outputs = [tf.TensorSpec((None, width))]

        def call(pixels):
            # TF-GAN took this, the first step of the published network, out of it.
            return tf.reshape(function((pixels - 128) / 128)[chosen], (-1, width))

    else:
        name = folder.resolve().name

        def call(pixels):
            return tf.nest.flatten(function(pixels))[0]

    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *folder.glob("variables/*")]):
        digest.update(path.read_bytes())
    ends = _check_ends(name, inputs, tf.nest.flatten(outputs), output)
    return _LoadedNetwork(name, loaded, call, digest.hexdigest(), *ends)


# What is common -------------------------------------------------------------------


def _check_ends(name, inputs, outputs, output):
    """Returns (height, width, channels) of the input, and the number of features."""
    inputs = [(tf.TensorShape(tensor.shape), tensor.dtype) for tensor in inputs]
    outputs = [tf.TensorShape(tensor.shape) for tensor in outputs]
    input_shape = (None, None, None)
    fits = len(inputs) == len(outputs) == 1
    if fits and inputs[0][0].rank is not None:
        _, *input_shape = inputs[0][0].as_list()
        fits = len(input_shape) == 3 and input_shape[2] in (None, 1, 3)
    if (
        not fits
        or inputs[0][1] != "float32"
        or outputs[0].rank not in ((2,) if output == "logits" else (2, 4))
        or outputs[0][-1] is None
    ):
        wanted = "(batch, classes)"
        if output == "features":
            wanted = "(batch, features) or (batch, height, width, features)"
        raise ValueError(
            f"Network {name!r} must map one float32 tensor of shape (batch, height, "
            f"width, 1 or 3) to one of shape {wanted}, for output={output!r}. "
            f"Received: inputs={inputs}, outputs={outputs}"
        )
    return (*input_shape[:2], input_shape[2] or 3), outputs[0][-1]


def _check_range(images):
    # Pixels that are not finite have an error of their own.
    finite = tf.where(tf.math.is_finite(images), images, 0.0)
    low, high = float(tf.reduce_min(finite)), float(tf.reduce_max(finite))
    if low < -_LARGEST_FLOAT or high > _LARGEST_FLOAT:
        raise ValueError(
            "Argument `images` must be floats in [-1, 1], of which a small overshoot "
            f"is clipped, or uint8 in [0, 255]. Received floats from {low:.4g} to "
            f"{high:.4g}; images in 0..255 belong in dtype uint8."
        )


def _is_name(name):
    return isinstance(name, str) and re.fullmatch("[a-z][a-z0-9_]*", name) is not None


def _to_name(text):
    """Returns `text` in snake case."""
    name = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    name = re.sub("[^a-z0-9]+", "_", name).strip("_")
    return name if _is_name(name) else f"network_{name}"


def _text(size):
    return "x".join("any" if side is None else str(side) for side in size)
