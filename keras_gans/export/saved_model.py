"""What the exports of all models have in common: files, versions and weights."""

import json
import math
import os
import pathlib
import tempfile
import typing

import keras
import numpy as np
import tensorflow as tf

# Also because `load` needs the classes registered that a `.keras` file names.
import keras_gans.models

_WEIGHTS_DTYPES = ("float32", "float16")


class Kind(typing.NamedTuple):
    """What tells the exports of one kind of model from those of another.

    Args:
        verb: What such a model does.
        attribute: Attribute that Keras models of this kind alone have.
        rule: Function by which a SavedModel of this kind is known.
        exporter: Function that makes such SavedModels.
        loader: Function that loads them.
    """

    verb: str
    attribute: str
    rule: str
    exporter: str
    loader: str


TRANSLATOR = Kind(
    verb="translate",
    attribute="generator_xy",
    rule="size_rule",
    exporter="export_translator",
    loader="load_translator",
)
GENERATOR = Kind(
    verb="generate",
    attribute="latent_dim",
    rule="latent_rule",
    exporter="export_generator",
    loader="load_generator",
)
COLORIZER = Kind(
    verb="colour line art",
    attribute="source_channels",
    rule="line_art_rule",
    exporter="export_colorizer",
    loader="load_colorizer",
)
EDITOR = Kind(
    verb="edit attributes",
    attribute="attribute_names",
    rule="attribute_rule",
    exporter="export_editor",
    loader="load_editor",
)


def export(build, model, directory, version, weights_dtype, metadata):
    """Writes one version, after a check of all arguments but the model.

    Args:
        build: Function of the model and `weights_dtype` that returns a `tf.Module` with
            the weights, and a dict with the functions of all signatures.
        model: The model.
        directory: Folder of all versions.
        version: Positive integer or `None`.
        weights_dtype: `"float32"` or `"float16"`.
        metadata: Dict of JSON values or `None`.

    Returns:
        `pathlib.Path` of `<directory>/<version>/`.
    """
    _check_version(version)
    if weights_dtype not in _WEIGHTS_DTYPES:
        raise ValueError(
            f"Argument `weights_dtype` must be one of {_WEIGHTS_DTYPES}. "
            f"Received: weights_dtype={weights_dtype!r}"
        )
    metadata_text = _metadata_text(metadata)
    directory = pathlib.Path(directory)
    with _temporary_folder(directory) as temporary:
        _version_path(directory, version)  # Refuses a version that exists.
        # Not the temporary folder itself is moved but one inside it, which has the
        # usual permissions; TensorFlow Serving may run as another user.
        written = pathlib.Path(temporary, "saved_model")
        module, functions = build(model, weights_dtype)
        tf.saved_model.save(module, os.fspath(written), signatures=functions)
        if metadata is not None:
            extra = written / "assets.extra"
            extra.mkdir()
            (extra / "metadata.json").write_text(metadata_text, encoding="utf-8")
        # Asked again: another export may have taken the number in the meantime.
        path = _version_path(directory, version)
        written.rename(path)
    return path


def load(path, kind, signatures, check_model, build, used=None):
    """Loads a SavedModel, or builds from a `.keras` file what its export would hold.

    Args:
        path: Folder of a version, folder of all versions or `.keras` file.
        kind: The `Kind` that is wanted.
        signatures: Names of the signatures of its SavedModels.
        check_model: Function that raises a `TypeError` for models of another kind.
        build: As for `export`.
        used: Names of the signatures that are used, all by default. Of a `.keras` file
            only these are traced.

    Returns:
        The module that owns the weights, to be kept while the functions are used, and a
        dict with the functions of the signatures used.
    """
    used = used or signatures
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no model at '{path}' (looked in {path.absolute().parent}). "
            f"Give a folder that `{kind.exporter}` made, or a `.keras` file."
        )
    if path.is_file():
        if path.suffix != ".keras":
            raise ValueError(
                "Argument `path` must be the folder of a SavedModel or a `.keras` "
                f"file. Received: path='{path}'"
            )
        model = keras.saving.load_model(path, compile=False)
        try:
            check_model(model)
        except TypeError as error:
            hint = _hint(kind, lambda other: hasattr(model, other.attribute))
            raise ValueError(f"'{path}' cannot {kind.verb}. {error}{hint}") from error
        module, functions = build(model, "float32")
        return module, {name: functions[name].get_concrete_function() for name in used}

    folder = _saved_model_folder(path, kind)
    loaded = tf.saved_model.load(os.fspath(folder))
    if not set(signatures) <= set(loaded.signatures) or not hasattr(loaded, kind.rule):
        hint = _hint(kind, lambda other: hasattr(loaded, other.rule))
        raise ValueError(
            f"The SavedModel in '{folder}' is not one of `{kind.exporter}`, which "
            f"have the signatures {sorted(signatures)}. Received the signatures "
            f"{sorted(loaded.signatures)}.{hint or ' Export the model again.'}"
        )
    return loaded, {name: loaded.signatures[name] for name in used}


def _hint(kind, fits):
    """Returns a sentence that names the loader of another kind that fits."""
    for other in (TRANSLATOR, GENERATOR, COLORIZER, EDITOR):
        if other is not kind and fits(other):
            return f" It can {other.verb}: load it with `{other.loader}`."
    return ""


def _saved_model_folder(path, kind):
    if (path / "saved_model.pb").is_file():
        return path
    versions = _versions(path)
    if not versions:
        raise ValueError(
            f"There is no SavedModel in the folder '{path}': neither a file "
            "saved_model.pb nor a version, a folder named by an integer. Give a "
            f"folder that `{kind.exporter}` made."
        )
    folder = versions[max(versions)]
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(
            f"The highest version in '{path}' holds no SavedModel: there is no "
            f"file saved_model.pb in '{folder}'. Remove it, or give the folder "
            "of another version."
        )
    return folder


# The graph --------------------------------------------------------------------------


def inference_network(model, name):
    """Returns the network that a model uses outside of training; a plain one."""
    if isinstance(model, keras_gans.models.AdversarialModel):
        network = model.inference_network(name)
    else:
        network = getattr(model, name)
    return network.plain() if hasattr(network, "plain") else network


def stored_weights(name, network, weights_dtype):
    """Returns all weights of a network as one vector.

    A SavedModel spends two kilobytes on every variable, beside its numbers, more than
    a small network has weights.

    Args:
        name: Name of the network, for an error message.
        network: A built `keras.Model`.
        weights_dtype: `"float32"` or `"float16"`.

    Returns:
        A `tf.Variable`.
    """
    values = []
    for variable in network.weights:
        value = variable.value.numpy()
        with np.errstate(over="ignore"):  # Infinity is reported below.
            value = value.astype(weights_dtype)
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"Weight `{variable.path}` of `{name}` must hold finite "
                f"numbers in {weights_dtype}, the format in which it is stored. Export "
                'an earlier checkpoint, or with `weights_dtype="float32"`.'
            )
        values.append(value.ravel())
    # Not trainable: the graph then carries nothing for gradients.
    return tf.Variable(np.concatenate(values), trainable=False, name="weights")


def stored(network, weights):
    """Lets a network compute, in this scope, with stored weights in place of its own.

    Args:
        network: A built `keras.Model`.
        weights: What `stored_weights` returned for it.

    Returns:
        A context manager.
    """
    variables = network.weights
    sizes = [math.prod(variable.shape) for variable in variables]
    parts = tf.split(tf.cast(weights, tf.float32), sizes)
    mapping = []
    for variable, part in zip(variables, parts, strict=True):
        if len(variable.shape) != 1:  # Most are vectors already.
            part = tf.reshape(part, variable.shape)
        mapping.append((variable, tf.cast(part, variable.dtype)))
    return keras.StatelessScope(state_mapping=mapping)


def as_pixels(images):
    """Returns images in [-1, 1] as uint8 in [0, 255]."""
    pixels = tf.round((tf.cast(images, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(pixels, 0.0, 255.0), tf.uint8)


def call_to_pixels(network, weights, inputs):
    """Calls a network with stored weights in the place of its own.

    Args:
        network: A built `keras.Model` that returns images in [-1, 1].
        weights: What `stored_weights` returned for it.
        inputs: Its inputs, a tensor or a list of them.

    Returns:
        uint8 tensor, values in [0, 255].
    """
    with stored(network, weights):
        images = network(inputs, training=False)
    return as_pixels(images)


# Arguments and folders --------------------------------------------------------------


def _check_version(version):
    if version is None:
        return
    message = (
        "Argument `version` must be a positive integer, or None for the next free "
        f"one. Received: version={version!r}"
    )
    if isinstance(version, bool) or not isinstance(version, int):
        raise TypeError(message)
    if version < 1:
        raise ValueError(message)


def _metadata_text(metadata):
    message = "Argument `metadata` must be a dict of JSON values, or None. "
    if metadata is not None and not isinstance(metadata, dict):
        raise TypeError(f"{message}Received: metadata={metadata!r}")
    try:
        return json.dumps(metadata, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TypeError(f"{message}Received: metadata={metadata!r} ({error})") from None


def _temporary_folder(directory):
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # The leading dot and the letters hide it from TensorFlow Serving.
        return tempfile.TemporaryDirectory(prefix=".export_", dir=directory)
    except OSError as error:
        raise OSError(
            error.errno,
            "Argument `directory` must be a folder that can be written "
            f"({error.strerror}). Received",
            os.fspath(directory),
        ) from error


def _versions(directory):
    """Returns a dict from version to path."""
    return {
        int(entry.name): entry
        for entry in directory.iterdir()
        if entry.name.isascii() and entry.name.isdecimal()
    }


def _version_path(directory, version):
    versions = _versions(directory)
    if version is None:
        version = max(versions, default=0) + 1
    if version in versions:
        raise FileExistsError(
            f"Version {version} exists already: '{versions[version]}'. Give another "
            "`version`, leave it out to take the next free one, or remove that folder."
        )
    return directory / str(version)
