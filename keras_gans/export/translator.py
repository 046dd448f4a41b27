"""Translation models as SavedModels, with their pre- and post-processing inside."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.export import pixels, saved_model

_SIGNATURES = {"xy": "serving_default", "yx": "reverse"}
_BYTES_SIGNATURES = {"xy": "serving_bytes", "yx": "reverse_bytes"}


def export_translator(
    model, directory, version=None, weights_dtype="float32", metadata=None
):
    """Exports a translation model as a SavedModel that needs TensorFlow alone.

    The folder is laid out for TensorFlow Serving: `<directory>/<version>/`. It holds
    the two generators without optimizers and discriminators, and four signatures:

        signature          input                       output
        serving_default    images, uint8,              images, uint8,
          (X → Y)            (batch, h, w, C_x)          (batch, h, w, C_y)
        serving_bytes      image_bytes, string,        image_bytes, string,
          (X → Y)            (batch,)                    (batch,), PNG files
        reverse            as `serving_default`, Y → X
        reverse_bytes      as `serving_bytes`, Y → X

    Pixels go in as `x / 127.5 - 1` and come out as `round((y + 1) * 127.5)`, clipped
    to [0, 255]. The generators run in inference mode. Height and width are any that
    the networks allow; others are refused inside the graph, with the multiple named.

    `image_bytes` are PNG, JPEG, BMP (24 or 32 bits per pixel) or GIF files (the first
    frame), which may differ in size within a batch. As in training, transparency of
    PNG files is laid over white and colour becomes grey as 0.299 R + 0.587 G +
    0.114 B. Unlike there, EXIF orientation is ignored and nothing limits the number
    of pixels, so a server that strangers can reach should take `images`.

    The SavedModel is written beside its final place and moved there in one step: an
    export that fails leaves no version behind.

    Args:
        model: A model with two built networks `generator_xy` and `generator_yx`
            between images of 1 or 3 channels, such as `keras_gans.models.CycleGAN`.
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
        TypeError: If the model is not a translation model, or `metadata` is not a
            dict of JSON values.
        ValueError: If `version`, `weights_dtype` or the channels of the model are not
            among those above, or a weight is not a finite number in `weights_dtype`.

    Example:

    ```python
    path = export_translator(model, "saved_models/digits")
    loaded = tf.saved_model.load(path)  # To be kept while its signatures are used.
    y = loaded.signatures["serving_default"](images=x)["images"]
    ```
    """
    _check_model(model)
    return saved_model.export(
        _translation, model, directory, version, weights_dtype, metadata
    )


def load_translator(path):
    """Loads a translation model for use on pixels.

    Args:
        path: A folder that `export_translator` returned; or the folder above it, of
            which the highest version is taken; or the `.keras` file of a
            `keras_gans.models.CycleGAN`, which gives the same pixels as its export.

    Returns:
        A `Translator`.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it is something else than the three above.

    Example:

    ```python
    translator = load_translator("saved_models/digits")
    y = translator(x)
    ```
    """
    module, functions = saved_model.load(
        path,
        saved_model.TRANSLATOR,
        signatures=(*_SIGNATURES.values(), *_BYTES_SIGNATURES.values()),
        check_model=_check_model,
        build=_translation,
        used=tuple(_SIGNATURES.values()),
    )
    return Translator(module, functions)


class Translator:
    """Translates pixels between two domains; `load_translator` makes it.

    Args:
        module: `tf.Module` or loaded SavedModel that owns the weights.
        functions: Dict of its signatures by name.

    Attributes:
        channels: Dict with the channels of the domains, `{"x": 1, "y": 3}` say.
        size_multiple: Positive integer of which height and width must be multiples.
        minimum_size: Positive integer, the smallest height and width.

    Call arguments:
        images: uint8 array of shape `(batch, height, width, channels)`, values in
            [0, 255].
        direction: `"xy"`, the default, or `"yx"`.

    Returns:
        uint8 array of the translated images, values in [0, 255].

    Raises:
        TypeError: If `images` is not a uint8 array.
        ValueError: If the direction is another one, or the images do not have four
            axes, the channels of the domain and a height and width that the networks
            allow.
    """

    def __init__(self, module, functions):
        # TensorFlow does not promise that functions keep their weights alive.
        self._module = module
        self._functions = {
            direction: functions[name] for direction, name in _SIGNATURES.items()
        }
        self._shapes = {
            direction: _input_shape(function)
            for direction, function in self._functions.items()
        }
        self.channels = {
            direction[0]: shape[-1] for direction, shape in self._shapes.items()
        }
        self.size_multiple, self.minimum_size = module.size_rule().numpy().tolist()

    def translate(self, images, direction="xy"):
        """Translates a batch of images; see the class."""
        if direction not in self._functions:
            raise ValueError(
                "Argument `direction` must be 'xy' or 'yx'. "
                f"Received: direction={direction!r}"
            )
        pixels.check_pixels("images", images)
        self._check_shape(images.shape, direction)
        if not len(images):  # Not every kernel takes an empty batch.
            target = self.channels[direction[1]]
            return np.empty((*images.shape[:3], target), "uint8")
        outputs = self._functions[direction](images=tf.constant(images))
        return outputs["images"].numpy()

    __call__ = translate

    def _check_shape(self, shape, direction):
        domain, channels = direction[0], self.channels[direction[0]]
        if len(shape) != 4 or shape[-1] != channels:
            raise ValueError(
                f"Argument `images` must have the shape (batch, height, width, "
                f"{channels}), as domain {domain} has {channels} channel"
                f"{'s' if channels > 1 else ''}. Received: images.shape={shape}"
            )
        pixels.check_size(
            "images",
            shape,
            self.size_multiple,
            self.minimum_size,
            self._shapes[direction],
        )


# The graph --------------------------------------------------------------------------


def _translation(model, weights_dtype):
    """Returns a `tf.Module` with the weights, and the functions of all signatures."""
    generators = {
        direction: saved_model.inference_network(model, f"generator_{direction}")
        for direction in _SIGNATURES
    }
    # One rule for both directions, so that what comes out can go back.
    multiple, minimum = pixels.size_rule(generators.values())

    module = tf.Module()
    functions = {}
    for direction, generator in generators.items():
        weights = saved_model.stored_weights(
            f"generator_{direction}", generator, weights_dtype
        )
        # Only what hangs on the module is saved, and no Keras object does.
        setattr(module, f"weights_{direction}", weights)
        translate = _translate_function(generator, weights, multiple, minimum)
        functions[_SIGNATURES[direction]] = translate
        functions[_BYTES_SIGNATURES[direction]] = _translate_bytes_function(
            translate, generator.input_shape[1:]
        )

    @tf.function(input_signature=[])
    def size_rule():
        return tf.constant([multiple, minimum])

    module.size_rule = size_rule
    return module, functions


def _translate_function(generator, weights, multiple, minimum):
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *generator.input_shape[1:]), tf.uint8, name="images")
        ]
    )
    def translate(images):
        checks = pixels.size_checks(images, multiple, minimum)
        # Or the network could fail first, on another thread, and less clearly.
        with tf.control_dependencies(checks):
            x = tf.cast(images, tf.float32) / 127.5 - 1.0
        return {"images": saved_model.call_to_pixels(generator, weights, x)}

    return translate


def _translate_bytes_function(translate, image_shape):
    def translate_file(image_bytes):
        image = pixels.decode_file(image_bytes, channels=image_shape[-1])
        image = tf.ensure_shape(image, image_shape)
        return tf.io.encode_png(translate(image[tf.newaxis])["images"][0])

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")]
    )
    def translate_bytes(image_bytes):
        # One after the other, because the images may differ in size.
        files = tf.map_fn(
            translate_file,
            image_bytes,
            fn_output_signature=tf.TensorSpec((), tf.string),
        )
        return {"image_bytes": files}

    return translate_bytes


def _input_shape(function):
    (spec,) = tf.nest.flatten(function.structured_input_signature)
    return tuple(spec.shape)


# Validation -------------------------------------------------------------------------


def _check_model(model):
    for direction in _SIGNATURES:
        name = f"generator_{direction}"
        generator = getattr(model, name, None)
        if not isinstance(generator, keras.Model):
            raise TypeError(
                "Argument `model` must be a translation model with the networks "
                "`generator_xy` and `generator_yx`, such as "
                "`keras_gans.models.CycleGAN`. Received an object of type "
                f"{type(model).__name__} without `{name}`."
            )
        channels = generator.input_shape[-1], generator.output_shape[-1]
        if not {1, 3}.issuperset(channels):
            raise ValueError(
                f"Argument `model` must translate images of 1 (grey) or 3 (RGB) "
                f"channels, as image files have. Received: `{name}` translates "
                f"{channels[0]} channels to {channels[1]}."
            )
