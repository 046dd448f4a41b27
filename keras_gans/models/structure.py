"""What the models ask about the structure of networks and batches."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require


def shapes_of(shape):
    """Returns a list of shapes, whether a network has one input or several."""
    is_single = all(part is None or isinstance(part, int) for part in shape)
    return [tuple(part) for part in ([shape] if is_single else shape)]


def unpack_pair(data, what):
    """Returns the two parts of a batch; `what` tells in an error what they are."""
    if isinstance(data, (tuple, list)) and len(data) == 3 and data[2] is None:
        data = data[:2]  # `train_on_batch(x, y)` appends its sample weight.
    require(
        isinstance(data, (tuple, list)) and len(data) == 2,
        f"{what}. Received data of structure {keras.tree.map_structure(type, data)}",
    )
    return data


def batch_normalization_of(network):
    """Returns the first layer with batch statistics in a network, None without."""
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            return layer
    return None


def computed_variables(network):
    """The weights to update; of a network that grows not those of later stages."""
    return getattr(network, "computed_variables", network.trainable_variables)


def in_batches(function, size, *arrays):
    """Calls a function with `size` rows of arrays at a time, as tensors.

    Returns:
        Tuple of NumPy arrays, the joined outputs: one, or those of a list.
    """
    parts = []
    for start in range(0, len(arrays[0]), size):
        batch = [tf.constant(array[start : start + size]) for array in arrays]
        outputs = keras.tree.flatten(function(*batch))
        parts.append([*map(keras.ops.convert_to_numpy, outputs)])
    return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
