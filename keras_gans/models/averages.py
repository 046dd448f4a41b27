"""Exponential moving averages of the weights of generators."""

import keras
from keras import ops

from keras_gans.checks import require


def check_ema_decay(ema_decay):
    """Raises an error unless the decay is in [0, 1)."""
    must = "Argument `ema_decay` must be None or a number in [0, 1)"
    is_number = isinstance(ema_decay, (int, float)) and not isinstance(ema_decay, bool)
    require(is_number, must, TypeError, ema_decay=ema_decay)
    require(0 <= ema_decay < 1, must, ema_decay=ema_decay)


def average_of(network):
    """Returns a copy of a network that is not trained, where its average starts."""
    average = type(network).from_config(network.get_config())
    average.set_weights(network.get_weights())
    average.trainable = False
    return average


def move_average(average, network, decay, updates):
    """Moves each averaged weight by 1 - `decay` of the way to the current one.

    In the first updates, 1 / (updates + 1) is more and taken in its place: until there
    are 1 / (1 - `decay`) updates, all weights so far count the same. The moving
    statistics of a batch normalization are averaged as well. Those of the moment would
    not fit the weights, which lie behind. Other values that are not trained, such as
    counters, are copied.

    `average` is what `average_of(network)` returned, `updates` an integer tensor, the
    updates of the network so far.
    """
    share = ops.maximum(1.0 - decay, 1.0 / (ops.cast(updates, "float32") + 1.0))
    for source, target in zip(network.weights, average.weights, strict=True):
        if keras.backend.is_float_dtype(target.dtype):
            step = ops.cast(share, target.dtype) * (source - target)
            target.assign(target + step)
        else:
            target.assign(source)
