"""What is given to `fit`, looked at before a model learns from it."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require

# Of arrays, about as many samples are looked at.
_SAMPLES = 64
# A resize overshoots a little.
_OVERSHOOT = 1.1


def refuse_weights(model, data=None, sample_weight=None, class_weight=None):
    """Raises a `ValueError` if samples are weighted, by arguments or by the data.

    `data` is a batch, its structure, or a `tf.data.Dataset`.
    """
    name = type(model).__name__
    advice = (
        "losses of adversarial models are means over whole batches. To make samples "
        "count more, repeat them in the data"
    )
    for argument, value in (
        ("sample_weight", sample_weight),
        ("class_weight", class_weight),
    ):
        require(value is None, f"{name} takes no `{argument}`: {advice}")
    spec = getattr(data, "element_spec", data)
    require(
        not (isinstance(spec, tuple) and len(spec) == 3 and spec[2] is not None),
        f"{name} takes no `sample_weight`, to Keras the third part of a batch: "
        f"{advice}",
    )


def refuse_empty_replicas(x, y, batch_size, replicas):
    """Raises a `ValueError` if a batch is too small for the replicas that share it.

    Returns:
        `x`; a dataset whose batches may be of any size with a check of each of them.
    """
    if replicas == 1 or x is None:
        return x
    if isinstance(x, tf.data.Dataset):
        spec = keras.tree.flatten(x.element_spec)[0]
        size = spec.shape[0] if spec.shape.rank else None
        if size is None:
            return x.map(lambda *parts: _with_checked_size(parts, replicas))
        sizes = [size]
    else:
        arrays = keras.tree.flatten((x, y))
        if not all(hasattr(array, "shape") for array in arrays if array is not None):
            return x
        length, size = len(arrays[0]), batch_size or 32
        sizes = {min(length, size), length % size or size}
    for size in sizes:
        require(not _leaves_one_empty(size, replicas), _too_small(replicas, size))
    return x


def _leaves_one_empty(size, replicas):
    # TensorFlow gives each replica as many as the first, as long as there are any.
    return -(-size // replicas) * (replicas - 1) >= size


def _too_small(replicas, size=None):
    which = "a smaller one" if size is None else f"one of {size}"
    return (
        f"A batch needs samples for each of the {replicas} replicas of the strategy, "
        f"and {which} leaves a replica without. Give a batch size that is a multiple "
        f"of {replicas}, and leave out a smaller last batch: `dataset.batch(size, "
        "drop_remainder=True)`"
    )


def _with_checked_size(parts, replicas):
    size = tf.shape(keras.tree.flatten(parts)[0])[0]
    check = tf.debugging.assert_equal(
        _leaves_one_empty(size, replicas), False, _too_small(replicas)
    )
    with tf.control_dependencies([check]):
        parts = keras.tree.map_structure(tf.identity, parts)
    return parts if len(parts) > 1 else parts[0]


def replica_error(error, replicas):
    """Returns the `ValueError` for an error of `_with_checked_size`, else the error."""
    message = _too_small(replicas)
    return ValueError(f"{message}.") if message in error.message else error


def shared_batches(strategy, iterator):
    """Yields the batches of a `tf.distribute.DistributedIterator`.

    Keras also makes a step on what TensorFlow gives at the end of data of an unknown
    length, a generator say: on empty batches, which count in every average. A batch
    that leaves a replica without samples raises a `ValueError`.
    """
    replicas = strategy.num_replicas_in_sync
    while (optional := iterator.get_next_as_optional()).has_value():
        batch = optional.get_value()
        parts = strategy.experimental_local_results(keras.tree.flatten(batch)[0])
        sizes = [part.shape[0] for part in parts]
        require(all(sizes), _too_small(replicas, sum(sizes)))
        yield batch


# Values -----------------------------------------------------------------------------


def given_arrays(x, y):
    """Returns some samples of arrays as a batch `x` or `(x, y)`, None of other data."""
    arrays = x if y is None else (x, y)
    if x is None or not all(
        hasattr(array, "shape") and hasattr(array, "dtype") and array.shape
        for array in keras.tree.flatten(arrays)
    ):
        return None
    return keras.tree.map_structure(_some, arrays)


def _some(array):
    return to_numpy(array[:: max(1, len(array) // _SAMPLES)])


def to_numpy(tensor):
    if isinstance(tensor, tf.Tensor) and tensor.dtype.is_floating:
        tensor = tf.cast(tensor, "float32")  # NumPy has no bfloat16.
    return np.asarray(tensor)


def check_finite(what, values):
    """Raises a `TypeError` unless values are floats, a `ValueError` for NaN."""
    is_image = values.ndim == 4
    must = f"{what} must be floats" + " in [-1, 1]" * is_image
    if values.dtype.kind in "iub" and values.size:
        low, high = values.min(), values.max()
        raise TypeError(
            f"{must}. Received: {values.dtype} from {low} to {high}; "
            "`images / 127.5 - 1.0` converts uint8 images, and the pipelines of "
            "`keras_gans.data` do so"
        )
    require(values.dtype.kind == "f", must, TypeError, dtype=str(values.dtype))
    require(
        np.isfinite(values).all(),
        f"{what} must be finite: there are NaN or infinite values among the first ones",
    )


def check_images(what, images, is_pale_legal=False):
    """Checks float images in [-1, 1], and warns where all values are in [0, 1].

    Args:
        what: How a message calls the images.
        images: NumPy array; if not of rank 4, they are points of any size.
        is_pale_legal: Whether images in [0, 1] are not worth a warning.
    """
    check_finite(what, images)
    if images.ndim != 4 or not images.size:
        return
    low, high = float(images.min()), float(images.max())
    message = (
        f"{what} must be images in [-1, 1]. Received values from {low:.4g} to "
        f"{high:.4g}"
    )
    require(
        max(-low, high) <= _OVERSHOOT,
        f"{message}; those in [0, 255] are converted by `images / 127.5 - 1.0`",
    )
    if max(-low, high) > 1.001:
        warnings.warn(f"{message}; `numpy.clip(images, -1, 1)` keeps them inside.")
    elif 0 <= low < high and not is_pale_legal:
        warnings.warn(
            f"{what}: all values are in [0, 1], and models learn images in [-1, 1], so "
            "these are pale. If 0 is meant to be black, give `2 * images - 1`."
        )


def check_attributes(attributes):
    """Raises a `ValueError` unless an array consists of 0 and 1."""
    values = np.unique(attributes)
    hint = "; `(attributes + 1) / 2` converts -1 and 1" if -1 in values else ""
    require(
        attributes.dtype.kind in "fiub" and np.isin(values, (0, 1)).all(),
        f"Data `attributes` must consist of 0 and 1{hint}",
        values=[value.item() for value in values[:5]],
    )


def check_integer_labels(labels, classes):
    """Raises an error unless labels are the numbers of classes."""
    must = f"Data `labels` must be integers in [0, {classes}), one for each sample"
    require(
        labels.ndim == 1 or labels.shape[1:] == (1,),
        f"{must}; `labels.argmax(axis=-1)` makes them of one-hot rows",
        shape=labels.shape,
    )
    require(
        labels.dtype.kind in "iu",
        f"{must}; `numpy.unique(labels, return_inverse=True)[1]` makes them of names",
        TypeError,
        dtype=str(labels.dtype),
    )
    if labels.size:
        low, high = labels.min(), labels.max()
        require(
            low >= 0 and high < classes,
            f"Labels must lie in [0, {classes}), as the model has classes={classes}. "
            f"Received labels from {low} to {high}",
        )


def check_is_batch(name, spec):
    """Raises a `ValueError` unless a part of the data is one tensor of known rank."""
    name = f" `{name}`" * bool(name)
    require(
        not isinstance(spec, (tuple, list)),
        f"Data{name} must be one batch. Received a tuple, of images and labels say: "
        "leave the labels out, `dataset.map(lambda images, labels: images)`",
    )
    require(
        getattr(spec, "shape", None) is not None and spec.shape.rank is not None,
        f"Data{name} must tell its shape (batch, ...): give `tf.data.Dataset."
        "from_generator` an `output_signature` of `tf.TensorSpec((None, height, width, "
        "channels))`, or use `dataset.map` and `tf.ensure_shape`",
    )


# The first batch --------------------------------------------------------------------


def checked_first_batch(model, iterator):
    """Lets a model check the next batch of an iterator; nothing of it is lost.

    Returns:
        An iterator for one execution of the training function: the same batches, and,
        if it is one of `tf.data`, of the same kind, so that nothing is traced anew.
    """
    batch = next(iterator)
    is_optional = [
        isinstance(part, tf.experimental.Optional) for part in keras.tree.flatten(batch)
    ]
    local = model.distribute_strategy.experimental_local_results

    def of_first_replica(part):
        part = None if part is None else local(part)[0]
        # What is not there, weights say, is None or an `Optional` of a generator.
        return None if isinstance(part, tf.experimental.Optional) else part

    parts = keras.tree.map_structure(of_first_replica, batch)
    if isinstance(parts, tuple) and len(parts) == 3 and parts[2] is None:
        parts = parts[:2]
    refuse_weights(model, parts)
    if isinstance(parts, tuple) and (len(parts) == 1 or parts[1:] == (None,)):
        parts = parts[0]
    model.check_batch(keras.tree.map_structure(to_numpy, parts))

    def batches():
        yield batch
        for _ in range(model.steps_per_execution - 1):
            try:
                yield next(iterator)
            except StopIteration:
                return

    if any(is_optional) or not isinstance(iterator, tf.data.Iterator):
        return batches()
    return iter(
        tf.data.Dataset.from_generator(batches, output_signature=iterator.element_spec)
    )
