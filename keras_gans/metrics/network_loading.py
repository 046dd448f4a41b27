"""How the networks behind feature distances are loaded and told apart."""

import hashlib
import json
import os
import pathlib
import re
from typing import Callable, NamedTuple

import keras
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.files import load_keras_file
from keras_gans.metrics.tf_gan import import_tensorflow_gan
from keras_gans.pretrained import close_networks, impatience, load_application

_NAMES = ("inception_v3", "tfgan_inception")


class LoadedNetwork(NamedTuple):
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


def load_network(network, output):
    if isinstance(network, keras.Model):
        return _from_keras(network, network.name, output)
    require(
        isinstance(network, (str, os.PathLike)),
        'Argument `network` must be "inception_v3", "tfgan_inception", a path or a '
        f"`keras.Model`. Received: network of type {type(network).__name__}",
        TypeError,
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
        model = load_keras_file(path)
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
    arguments = {"classifier_activation": None}
    if output == "features":
        shape = (None, None, 3)
        arguments = {"include_top": False, "pooling": "avg", "input_shape": shape}
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
    require(
        getattr(model, "inputs", None),
        "Argument `network` must be a Functional model, or a Sequential one with an "
        "`Input`",
        network=model,
    )
    model = in_float32(model)
    ends = _check_ends(name, model.inputs, model.outputs, output)

    def call(pixels):
        return model(pixels, training=False)

    loaded = LoadedNetwork(name, model, call, _digest_of_keras(model), *ends)
    return loaded._replace(compute_output_shape=model.compute_output_shape)


def _serialize(model):
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return json.dumps(config, sort_keys=True)


def in_float32(model):
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
    else:
        require(
            len(signatures) == 1,
            f"The SavedModel in {str(folder)!r} must have the signature "
            '"serving_default", be callable, or have a single signature',
            signatures=sorted(signatures),
        )
        (function,) = signatures.values()
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
    return LoadedNetwork(name, loaded, call, digest.hexdigest(), *ends)


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
