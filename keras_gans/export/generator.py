"""Generators as SavedModels, from latent vectors to pixels."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.export import saved_model

_SIGNATURE = "serving_default"
_LATENT_DISTRIBUTIONS = ("uniform", "normal")
# Images that are generated at once.
_BATCH = 256


def export_generator(
    model, directory, version=None, weights_dtype="float32", metadata=None
):
    """Exports a generator as a SavedModel that needs TensorFlow alone.

    The folder is laid out for TensorFlow Serving: `<directory>/<version>/`. It holds
    the generator without optimizers and discriminator, and one signature:

        signature          input                       output
        serving_default    latent, float32,            images, uint8,
                             (batch, latent_dim)         (batch, h, w, c)
                           labels, int32, (batch,),
                             for a conditional model

    Pixels come out as `round((y + 1) * 127.5)`, clipped to [0, 255]. The generator runs
    in inference mode. Latent vectors of another size, labels outside [0, classes) and
    another number of labels than of latent vectors are refused inside the graph.

    The SavedModel is written beside its final place and moved there in one step: an
    export that fails leaves no version behind.

    Args:
        model: A model of images of 1 or 3 channels with the built network `generator`
            and the attributes `latent_dim`, `latent_distribution` and `classes` (`None`
            unless it is conditional), such as `keras_gans.models.GAN`.
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
        TypeError: If the model does not generate from latent vectors, or `metadata` is
            not a dict of JSON values.
        ValueError: If the model generates something else than images of 1 or 3
            channels, `version` or `weights_dtype` are not among those above, or a
            weight is not a finite number in `weights_dtype`.

    Example:

    ```python
    path = export_generator(model, "saved_models/digits_gan")
    loaded = tf.saved_model.load(path)  # To be kept while its signatures are used.
    latent = tf.random.uniform((64, model.latent_dim), -1.0, 1.0)
    images = loaded.signatures["serving_default"](latent=latent)["images"]
    ```
    """
    _check_model(model)
    return saved_model.export(
        _generation, model, directory, version, weights_dtype, metadata
    )


def load_generator(path):
    """Loads a generator for use without TensorFlow's vocabulary.

    Args:
        path: A folder that `export_generator` returned; or the folder above it, of
            which the highest version is taken; or the `.keras` file of a model such as
            `keras_gans.models.GAN`, which gives the same pixels as its export.

    Returns:
        A `Generator`.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it is something else than the three above.

    Example:

    ```python
    generator = load_generator("saved_models/digits_gan")
    images = generator.generate(64, seed=0)
    ```
    """
    module, functions = saved_model.load(
        path,
        saved_model.GENERATOR,
        signatures=(_SIGNATURE,),
        check_model=_check_model,
        build=_generation,
    )
    return Generator(module, functions[_SIGNATURE])


class Generator:
    """Generates images as pixels; `load_generator` makes it.

    Args:
        module: `tf.Module` or loaded SavedModel that owns the weights.
        function: Its signature.

    Attributes:
        latent_dim: Positive integer, the size of the latent vectors.
        latent_distribution: `"uniform"` in [-1, 1] or `"normal"`, what they are drawn
            from.
        classes: Number of classes of a conditional model, otherwise `None`.
    """

    def __init__(self, module, function):
        # TensorFlow does not promise that functions keep their weights alive.
        self._module = module
        self._function = function
        rule = module.latent_rule()
        self.latent_dim = int(rule["latent_dim"])
        self.latent_distribution = rule["latent_distribution"].numpy().decode()
        self.classes = int(rule["classes"]) if "classes" in rule else None

    def generate(self, n, labels=None, seed=None):
        """Generates images.

        Args:
            n: Positive integer, the number of images.
            labels: Integer or array of shape `(n,)` with the classes wanted, for
                conditional models. By default the classes in turn, 0, 1, 2, ...
            seed: Optional integer, gives the same images at every call; they are those
                of the model's own `generate`.

        Returns:
            uint8 array of shape `(n, height, width, channels)`, values in [0, 255].

        Raises:
            ValueError: If `n` is not a positive integer, or `labels` do not fit.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(
                f"Argument `n` must be a positive integer. Received: n={n!r}"
            )
        inputs = {"latent": self._sample_latent(int(n), seed)}
        if self.classes is not None:
            inputs["labels"] = tf.constant(self._labels(n, labels), tf.int32)
        elif labels is not None:
            raise ValueError(
                "This model is not conditional and generates without `labels`. "
                f"Received: labels={labels!r}"
            )
        parts = []
        for start in range(0, n, _BATCH):
            part = {name: x[start : start + _BATCH] for name, x in inputs.items()}
            parts.append(self._function(**part)["images"].numpy())
        return np.concatenate(parts)

    def _sample_latent(self, n, seed):
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        shape = (n, self.latent_dim)
        # Whatever precision Keras is set to, the signature takes float32.
        if self.latent_distribution == "uniform":
            return keras.random.uniform(shape, -1.0, 1.0, dtype="float32", seed=seed)
        return keras.random.normal(shape, dtype="float32", seed=seed)

    def _labels(self, n, labels):
        labels = np.arange(n) % self.classes if labels is None else np.asarray(labels)
        if labels.shape not in ((), (n,)) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"Argument `labels` must be an integer or {n} integers. Received an "
                f"array of shape {labels.shape} and dtype {labels.dtype}."
            )
        if labels.min() < 0 or labels.max() >= self.classes:
            raise ValueError(
                f"Argument `labels` must lie in [0, {self.classes}), as the model has "
                f"{self.classes} classes. Received labels from {labels.min()} to "
                f"{labels.max()}."
            )
        return np.broadcast_to(labels, (n,))


# The graph --------------------------------------------------------------------------


def _generation(model, weights_dtype):
    """Returns a `tf.Module` with the weights, and the functions of all signatures."""
    module = tf.Module()
    generator = saved_model.inference_network(model, "generator")
    # Only what hangs on the module is saved, and no Keras object does.
    module.weights = saved_model.stored_weights("generator", generator, weights_dtype)
    rule = {
        "latent_dim": model.latent_dim,
        "latent_distribution": model.latent_distribution,
    }
    if model.classes is not None:
        rule["classes"] = model.classes

    @tf.function(input_signature=[])
    def latent_rule():
        return {name: tf.constant(value) for name, value in rule.items()}

    module.latent_rule = latent_rule
    return module, {_SIGNATURE: _generate_function(model, generator, module.weights)}


def _generate_function(model, generator, weights):
    classes = model.classes
    latent_spec = tf.TensorSpec((None, model.latent_dim), tf.float32, name="latent")
    labels_spec = tf.TensorSpec((None,), tf.int32, name="labels")

    @tf.function(input_signature=[latent_spec])
    def generate(latent):
        # Or the network could fail first, on another thread, and less clearly.
        with tf.control_dependencies([_check_latent(latent, model.latent_dim)]):
            inputs = tf.identity(latent)
        return {"images": saved_model.call_to_pixels(generator, weights, inputs)}

    @tf.function(input_signature=[latent_spec, labels_spec])
    def generate_classes(latent, labels):
        checks = [
            _check_latent(latent, model.latent_dim),
            *_check_labels(labels, latent, classes),
        ]
        with tf.control_dependencies(checks):
            inputs = [tf.identity(latent), tf.identity(labels)]
        return {"images": saved_model.call_to_pixels(generator, weights, inputs)}

    return generate if classes is None else generate_classes


def _check_latent(latent, latent_dim):
    return tf.debugging.assert_equal(
        tf.shape(latent)[1],
        latent_dim,
        message=f"Vectors in `latent` must have {latent_dim} numbers each; x is what "
        "was received.",
    )


def _check_labels(labels, latent, classes):
    message = (
        f"Every number in `labels` must lie in [0, {classes}); x is what was received."
    )
    return (
        tf.debugging.assert_non_negative(labels, message=message),
        tf.debugging.assert_less(labels, classes, message=message),
        # One label would be taken for all latent vectors.
        tf.debugging.assert_equal(
            tf.shape(labels)[0],
            tf.shape(latent)[0],
            message="There must be as many `labels` as vectors in `latent`; x is the "
            "number of labels, y that of vectors.",
        ),
    )


# Validation -------------------------------------------------------------------------


def _check_model(model):
    is_complete = isinstance(getattr(model, "generator", None), keras.Model)
    for name in ("generator", "latent_dim", "latent_distribution", "classes"):
        if not is_complete or not hasattr(model, name):
            raise TypeError(
                "Argument `model` must generate from latent vectors, with the network "
                "`generator` and the attributes `latent_dim`, `latent_distribution` "
                "and `classes`, such as `keras_gans.models.GAN`. Received an object of "
                f"type {type(model).__name__} without `{name}`."
            )
    if model.latent_distribution not in _LATENT_DISTRIBUTIONS:
        raise ValueError(
            "Attribute `latent_distribution` of the model must be one of "
            f"{_LATENT_DISTRIBUTIONS}. "
            f"Received: latent_distribution={model.latent_distribution!r}"
        )
    shape = model.generator.output_shape
    if len(shape) != 4 or shape[-1] not in (1, 3):
        raise ValueError(
            "Argument `model` must generate images (batch, height, width, channels) of "
            "1 (grey) or 3 (RGB) channels, as image files have. Received: `generator` "
            f"makes outputs of shape {shape}."
        )
