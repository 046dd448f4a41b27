"""Saving models as SavedModels, and loading them for use on pixels."""

import json
import os
import pathlib

import tensorflow as tf

from keras_gans.checks import one_of, require
from keras_gans.export.card import describe_signatures, write_card
from keras_gans.export.colorizer import Colorizer
from keras_gans.export.editor import Editor
from keras_gans.export.generator import Generator
from keras_gans.export.translator import Translator
from keras_gans.export.versions import versions_in, write_version
from keras_gans.files import load_keras_file

SERVABLES = (Translator, Generator, Colorizer, Editor)
_WEIGHTS_DTYPES = ("float32", "float16")


def save(model, directory, version=None, weights_dtype="float32", metadata=None):
    """Saves a model as a SavedModel, which needs TensorFlow alone.

    The folder is laid out for TensorFlow Serving: `<directory>/<version>/`. It holds
    the networks that are used outside of training, averages of their weights if there
    are any (`ema_decay`), and these signatures:

        kind          signature           input               output
        translation   serving_default     images, X           images, Y
                      serving_bytes       image_bytes         image_bytes
                      reverse             images, Y           images, X
                      reverse_bytes       image_bytes         image_bytes
         with style   style               images, X; style    images, Y
                      style_bytes         image_bytes, style  image_bytes
                      reference           images, X;          images, Y
                                          reference, Y
                      reference_bytes     image_bytes,        image_bytes
                                          reference_bytes
                      encode_style        images, Y           style
                      encode_style_bytes  reference_bytes     style
        generation    serving_default     latent, labels      images
                      serving_bytes       latent, labels      image_bytes
        colorization  serving_default     line_art, hints     images
                      serving_bytes       line_art_bytes,     image_bytes
                                          hints_bytes
        editing       serving_default     images, attributes  images, masks
                      serving_bytes       image_bytes,        image_bytes
                                          attributes
                      mask_bytes          image_bytes,        image_bytes,
                                          attributes          mask_bytes
                      attributes          images              attributes
                      attributes_bytes    image_bytes         attributes

    A one-way translation, such as that of `keras_gans.models.Pix2Pix`, is without
    `reverse` and `reverse_bytes`, a generator without classes without `labels`, and an
    editor whose generator has no mask without `masks` and `mask_bytes`.

    - `images`, `line_art` and `masks` are uint8, `(batch, height, width, channels)`,
      scaled as in `keras_gans.pixels`; a mask m comes out as `round(255 m)`. Height and
      width are any that the networks allow (of `StarGAN` those that it was trained on,
      because of its discriminator); others are refused inside the graph.
    - `style` is float32 `(batch, style_dim)`. `serving_default` of a translation with
      styles gives each image a random one that depends on its pixels alone.
    - `hints`, uint8 RGBA, are dabs of colour on a transparent picture: a pixel counts
      where its alpha is 128 or more.
    - `latent` is float32 `(batch, latent_dim)`, `labels` int32 `(batch,)`.
    - `attributes` are float32 `(batch, attributes)`, all that an image is to have, 0 or
      1 each; the signature `attributes` tells those that it has. Their order is that of
      `names` in the JSON of the function `attribute_info` of the SavedModel.
    - `..._bytes` are strings `(batch,)`, image files that may differ in size: PNG,
      JPEG, BMP (24 or 32 bits per pixel) or GIF (the first frame). As in training,
      transparency of PNG files is laid over white and colour becomes grey as 0.299 R +
      0.587 G + 0.114 B. Unlike there, EXIF orientation is ignored, but `keras-gans
      serve` turns JPEG files upright before. Images of one size are computed in one
      batch. Nothing in the graph limits the number of pixels: `keras-gans serve` does,
      before they are decoded.
      `hints_bytes` are PNG files with transparency, or empty for no hints; one that is
      opaque all over is refused, as more likely its transparency got lost. Out come PNG
      files.

    The SavedModel is written beside its final place and moved there in one step: a
    failure leaves no version behind. Its function `kind` returns the kind. Beside it is
    `model_card.json`, see `keras_gans.export.card.write_card`.

    Args:
        model: A model of `keras_gans.models`, or one with `export_kind`, one of the
            kinds above, and the networks and attributes of such a model. One-way
            translations also have `directions`, `{"xy": "generator"}`: the name of the
            network for each direction.
        directory: Folder of all versions, `saved_models/<name>`; made if need be.
        version: Positive integer, or `None`, the default, for one more than the
            highest version in the folder.
        weights_dtype: `"float32"`, the default, or `"float16"`, which halves the file:
            the graph computes as before, with weights rounded to 11 bits.
        metadata: Optional dict of JSON values, saved as `assets.extra/metadata.json`
            and in the model card.

    Returns:
        `pathlib.Path` of `<directory>/<version>/`.

    Raises:
        FileExistsError: If the version exists. Nothing is overwritten.
        OSError: At once, if the folder cannot be written.
        ValueError: If images have other channels than 1 or 3, as image files have, or a
            weight is not a finite number in `weights_dtype`.

    Example:

    ```python
    path = keras_gans.export.save(model, "saved_models/digits")
    loaded = tf.saved_model.load(path)  # To be kept while its signatures are used.
    y = loaded.signatures["serving_default"](images=x)["images"]
    ```
    """
    servable = servable_of_model(model)
    servable.check_model(model)
    one_of("weights_dtype", weights_dtype, _WEIGHTS_DTYPES)
    metadata_text = check_metadata(metadata)

    def write(folder):
        module, functions = servable.build(model, weights_dtype)
        tf.saved_model.save(module, os.fspath(folder), signatures=functions)
        if metadata is not None:
            extra = folder / "assets.extra"
            extra.mkdir()
            (extra / "metadata.json").write_text(metadata_text, encoding="utf-8")
        facts = {"format": "saved_model", "weights_dtype": weights_dtype}
        facts["signatures"] = describe_signatures(functions)
        write_card(folder, model, servable, metadata, **facts)

    return write_version(directory, version, write)


def load(path, kind=None):
    """Loads a model for use on pixels.

    Args:
        path: A folder that `keras_gans.export.save` returned; or the folder above it,
            of which the highest version is taken; or the `.keras` file of a model of
            `keras_gans.models`, which gives the same pixels as its export.
        kind: Optional kind that is wanted, `"translation"`, `"generation"`,
            `"colorization"` or `"editing"`.

    Returns:
        A `Translator`, `Generator`, `Colorizer` or `Editor`; see its attribute `kind`.

    Example:

    ```python
    translator = keras_gans.export.load("saved_models/digits")
    y = translator(x)
    ```
    """
    one_of("kind", kind, (*(servable.kind for servable in SERVABLES), None))
    path = pathlib.Path(path)
    require(
        path.exists(),
        f"There is no model at '{path}' (looked in {path.absolute().parent}). Give a "
        "folder that `keras_gans.export.save` made, or a `.keras` file",
        FileNotFoundError,
    )
    if path.is_file():
        must = "Argument `path` must be the folder of a SavedModel or a `.keras` file"
        require(path.suffix == ".keras", must, path=str(path))
        model = load_keras_file(path)
        try:
            servable = servable_of_model(model)
            servable.check_model(model)
        except TypeError as error:
            raise ValueError(f"'{path}' cannot be served. {error}") from error
        _check_kind(path, servable, kind)
        module, functions = servable.build(model, "float32")
        # Only what is used is traced.
        functions = {
            name: functions[name].get_concrete_function()
            for name in servable.used
            if name in functions
        }
    else:
        folder = _saved_model_folder(path)
        module = tf.saved_model.load(os.fspath(folder))
        servable = _servable_of_saved_model(module, folder)
        _check_kind(path, servable, kind)
        functions = module.signatures
    return servable(module, functions)


def servable_of_model(model):
    kind = getattr(model, "export_kind", None)
    for servable in SERVABLES:
        is_known = kind is None and hasattr(model, servable.known_by)
        if kind == servable.kind or is_known:
            return servable
    raise TypeError(
        "Argument `model` must be a model of `keras_gans.models`, or name its "
        f"`export_kind`: {', '.join(servable.kind for servable in SERVABLES)}. "
        f"Received an object of type {type(model).__name__}, export_kind={kind!r}."
    )


def _servable_of_saved_model(loaded, folder):
    # Exports of older versions do not say of which kind they are.
    told = getattr(loaded, "kind", None)
    kind = told().numpy().decode() if callable(told) else None
    for servable in SERVABLES:
        if kind == servable.kind or (kind is None and hasattr(loaded, servable.rule)):
            if set(servable.signatures) <= set(loaded.signatures):
                return servable
    raise ValueError(
        f"The SavedModel in '{folder}' is not one of `keras_gans.export.save`. "
        f"Received the signatures {sorted(loaded.signatures)}. Export the model again."
    )


def _check_kind(path, servable, kind):
    require(
        kind in (None, servable.kind),
        f"'{path}' is a model of {servable.kind}, not of {kind}: use keras-gans "
        f"{servable.verb}, or in Python `{servable.__name__}.{servable.verb}`",
    )


def _saved_model_folder(path):
    if (path / "saved_model.pb").is_file():
        return path
    versions = versions_in(path)
    if versions and (versions[max(versions)] / "saved_model.pb").is_file():
        return versions[max(versions)]
    found = f"the highest version is {max(versions)}" if versions else "no version"
    raise ValueError(
        f"There is no SavedModel in the folder '{path}' ({found}): neither there nor "
        "in that version is a file saved_model.pb. Give a folder of `save`."
    )


def check_metadata(metadata):
    """Returns metadata as the text of a JSON file."""
    must = "Argument `metadata` must be a dict of JSON values, or None"
    require(isinstance(metadata, dict | None), must, TypeError, metadata=metadata)
    try:
        return json.dumps(metadata, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise TypeError(f"{must}. Received: metadata={metadata!r} ({error})") from None
