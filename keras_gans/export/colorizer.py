"""Colorizers of line art as SavedModels, with pre- and post-processing inside."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.export import pixels, saved_model

_SIGNATURE = "serving_default"
_BYTES_SIGNATURE = "serving_bytes"
# From this opacity on, a pixel of the hints is one.
_OPAQUE = 128


def export_colorizer(
    model, directory, version=None, weights_dtype="float32", metadata=None
):
    """Exports a colorizer as a SavedModel that needs TensorFlow alone.

    The folder is laid out for TensorFlow Serving: `<directory>/<version>/`. It holds
    the generator without optimizers and discriminator, and two signatures:

        signature          input                       output
        serving_default    line_art, uint8,            images, uint8,
                             (batch, h, w, 1)            (batch, h, w, 3)
                           hints, uint8, RGBA,
                             (batch, h, w, 4)
        serving_bytes      line_art_bytes, string,     image_bytes, string,
                             (batch,)                    (batch,), PNG files
                           hints_bytes, string,
                             (batch,)

    Line art is dark on white. Hints are dabs of colour on a transparent picture: a
    pixel counts where its alpha is 128 or more, and with that alone, not in part.
    Pixels go in as `x / 127.5 - 1` and come out as `round((y + 1) * 127.5)`, clipped
    to [0, 255]. The generator runs in inference mode, without dropout. Height and width
    are any that it allows; others, and hints of another size than the line art, are
    refused inside the graph.

    `line_art_bytes` are PNG, JPEG, BMP (24 or 32 bits per pixel) or GIF files (the
    first frame), which may differ in size within a batch. Transparency of PNG files is
    laid over white and colour becomes grey as 0.299 R + 0.587 G + 0.114 B.
    `hints_bytes` are PNG files with transparency, or empty for no hints. A file that is
    opaque all over is refused: more likely than hints everywhere it is a picture that
    was saved without its transparency. EXIF orientation is ignored and nothing limits
    the number of pixels, so a server that strangers can reach should take `line_art`.

    The SavedModel is written beside its final place and moved there in one step: an
    export that fails leaves no version behind.

    Args:
        model: A model with the built network `generator` and the attribute
            `source_channels`, such as `keras_gans.models.Pix2PixColorizer`.
        directory: Folder of all versions, `saved_models/<name>`; made if need be.
        version: Positive integer, or `None`, the default, for one more than the
            highest version in the folder.
        weights_dtype: `"float32"`, the default, stores the weights exactly.
            `"float16"` halves the file; the graph casts them back and computes as
            before, with weights rounded to 11 bits.
        metadata: Optional dict of JSON values, such as the command that made the
            model, saved as `assets.extra/metadata.json`.

    Returns:
        `pathlib.Path` of `<directory>/<version>/`.

    Raises:
        FileExistsError: If the version exists. Nothing is overwritten.
        OSError: At once, if the folder cannot be written.
        TypeError: If the model is not a colorizer, or `metadata` is not a dict of JSON
            values.
        ValueError: If `version` or `weights_dtype` are not among those above, or a
            weight is not a finite number in `weights_dtype`.

    Example:

    ```python
    path = export_colorizer(model, "saved_models/illustrations")
    loaded = tf.saved_model.load(path)  # To be kept while its signatures are used.
    colorize = loaded.signatures["serving_default"]
    images = colorize(line_art=line_art, hints=hints)["images"]
    ```
    """
    _check_model(model)
    return saved_model.export(
        _colorization, model, directory, version, weights_dtype, metadata
    )


def load_colorizer(path):
    """Loads a colorizer for use on pixels.

    Args:
        path: A folder that `export_colorizer` returned; or the folder above it, of
            which the highest version is taken; or the `.keras` file of a
            `keras_gans.models.Pix2PixColorizer`, which gives the same pixels as its
            export.

    Returns:
        A `Colorizer`.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it is something else than the three above.

    Example:

    ```python
    colorizer = load_colorizer("saved_models/illustrations")
    images = colorizer(line_art, hints)
    ```
    """
    module, functions = saved_model.load(
        path,
        saved_model.COLORIZER,
        signatures=(_SIGNATURE, _BYTES_SIGNATURE),
        check_model=_check_model,
        build=_colorization,
        used=(_SIGNATURE,),
    )
    return Colorizer(module, functions[_SIGNATURE])


class Colorizer:
    """Colours line art, unaided or after hints; `load_colorizer` makes it.

    Args:
        module: `tf.Module` or loaded SavedModel that owns the weights.
        function: Its signature.

    Attributes:
        size_multiple: Positive integer of which height and width must be multiples.
        minimum_size: Positive integer, the smallest height and width.

    Call arguments:
        line_art: uint8 array of shape `(batch, height, width, 1)`, 255 on paper and 0
            on black lines.
        hints: uint8 array of shape `(batch, height, width, 4)`, RGBA: a pixel with an
            alpha of 128 or more hints at the colour there. Defaults to `None`, none.

    Returns:
        uint8 array of the coloured images, shape `(batch, height, width, 3)`, values in
        [0, 255].

    Raises:
        TypeError: If `line_art` or `hints` is not a uint8 array.
        ValueError: If they do not have the shapes above, or a height and width that the
            network allows.
    """

    def __init__(self, module, function):
        # TensorFlow does not promise that functions keep their weights alive.
        self._module = module
        self._function = function
        specs = tf.nest.flatten(function.structured_input_signature)
        shapes = {spec.name: tuple(spec.shape) for spec in specs}
        self._built_for = shapes["line_art"]
        self.size_multiple, self.minimum_size = module.line_art_rule().numpy().tolist()

    def colorize(self, line_art, hints=None):
        """Colours a batch of line art; see the class."""
        pixels.check_pixels("line_art", line_art)
        shape = line_art.shape
        if len(shape) != 4 or shape[-1] != 1:
            raise ValueError(
                "Argument `line_art` must have the shape (batch, height, width, 1). "
                f"Received: line_art.shape={shape}"
            )
        pixels.check_size(
            "line_art", shape, self.size_multiple, self.minimum_size, self._built_for
        )
        hints_shape = (*shape[:3], 4)
        if hints is None:
            hints = np.zeros(hints_shape, "uint8")
        pixels.check_pixels("hints", hints)
        if hints.shape != hints_shape:
            raise ValueError(
                "Argument `hints` must be RGBA images of the batch, height and width "
                f"of `line_art`, shape {hints_shape}. "
                f"Received: hints.shape={hints.shape}"
            )
        if not len(line_art):  # Not every kernel takes an empty batch.
            return np.empty((*shape[:3], 3), "uint8")
        outputs = self._function(
            line_art=tf.constant(line_art), hints=tf.constant(hints)
        )
        return outputs["images"].numpy()

    __call__ = colorize


# The graph --------------------------------------------------------------------------


def _colorization(model, weights_dtype):
    """Returns a `tf.Module` with the weights, and the functions of all signatures."""
    module = tf.Module()
    generator = saved_model.inference_network(model, "generator")
    # Only what hangs on the module is saved, and no Keras object does.
    module.weights = saved_model.stored_weights("generator", generator, weights_dtype)
    rule = pixels.size_rule([generator])

    @tf.function(input_signature=[])
    def line_art_rule():
        return tf.constant(rule)

    module.line_art_rule = line_art_rule
    colorize = _colorize_function(model, generator, module.weights, rule)
    size = generator.input_shape[1:3]
    return module, {
        _SIGNATURE: colorize,
        _BYTES_SIGNATURE: _colorize_bytes_function(colorize, size),
    }


def _colorize_function(model, generator, weights, rule):
    size = generator.input_shape[1:3]

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *size, 1), tf.uint8, name="line_art"),
            tf.TensorSpec((None, *size, 4), tf.uint8, name="hints"),
        ]
    )
    def colorize(line_art, hints):
        checks = [
            *pixels.size_checks(line_art, *rule),
            tf.debugging.assert_equal(
                tf.shape(hints)[:3],
                tf.shape(line_art)[:3],
                message="Batch, height and width of `hints` must be those of "
                "`line_art`; x is what the hints have, y what the line art has.",
            ),
        ]
        # Or the network could fail first, on another thread, and less clearly.
        with tf.control_dependencies(checks):
            line_art, hints = tf.identity(line_art), tf.identity(hints)
        is_hint = hints[..., 3:] >= _OPAQUE
        source = (
            _from_pixels(line_art),
            tf.where(is_hint, _from_pixels(hints[..., :3]), 0.0),
            tf.cast(is_hint, tf.float32),
        )
        inputs = model.condition(source)
        return {"images": saved_model.call_to_pixels(generator, weights, inputs)}

    return colorize


def _colorize_bytes_function(colorize, size):
    def colorize_files(files):
        line_art = pixels.decode_file(files[0], channels=1, name="line_art_bytes")
        line_art = tf.ensure_shape(line_art, (*size, 1))
        hints = tf.cond(
            tf.strings.length(files[1]) > 0,
            lambda: _decode_hints(files[1]),
            lambda: tf.zeros([*tf.unstack(tf.shape(line_art)[:2]), 4], tf.uint8),
        )
        hints = tf.ensure_shape(hints, (*size, 4))
        images = colorize(line_art[tf.newaxis], hints[tf.newaxis])["images"]
        return tf.io.encode_png(images[0])

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, name="line_art_bytes"),
            tf.TensorSpec((None,), tf.string, name="hints_bytes"),
        ]
    )
    def colorize_bytes(line_art_bytes, hints_bytes):
        same_number = tf.debugging.assert_equal(
            tf.shape(hints_bytes),
            tf.shape(line_art_bytes),
            message="There must be as many `hints_bytes` as `line_art_bytes`, empty "
            "ones for no hints; x is the number of hints, y that of line art.",
        )
        with tf.control_dependencies([same_number]):  # Before `stack` says it worse.
            files = tf.stack([line_art_bytes, hints_bytes], axis=1)
        # One after the other, because the images may differ in size.
        files = tf.map_fn(
            colorize_files, files, fn_output_signature=tf.TensorSpec((), tf.string)
        )
        return {"image_bytes": files}

    return colorize_bytes


def _decode_hints(hints_bytes):
    is_png = tf.debugging.Assert(
        pixels.is_png(hints_bytes),
        [
            "Files in `hints_bytes` must be PNG files with a transparent background, "
            "or empty for no hints."
        ],
    )
    with tf.control_dependencies([is_png]):
        hints = tf.io.decode_png(hints_bytes, channels=4)
    background = tf.debugging.Assert(
        tf.reduce_any(hints[..., 3] < _OPAQUE),
        [
            "Files in `hints_bytes` must have a transparent background: every pixel "
            "that is opaque is a hint."
        ],
    )
    with tf.control_dependencies([background]):
        return tf.identity(hints)


def _from_pixels(x):
    return tf.cast(x, tf.float32) / 127.5 - 1.0


# Validation -------------------------------------------------------------------------


def _check_model(model):
    is_colorizer = isinstance(getattr(model, "generator", None), keras.Model)
    for name in ("generator", "source_channels"):
        if not is_colorizer or not hasattr(model, name):
            raise TypeError(
                "Argument `model` must be a colorizer of line art with the network "
                "`generator` and the attribute `source_channels`, such as "
                "`keras_gans.models.Pix2PixColorizer`. Received an object of type "
                f"{type(model).__name__} without `{name}`."
            )
