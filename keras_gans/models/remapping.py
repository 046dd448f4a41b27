"""Training functions without a pass of TensorFlow's graph optimizer that fails."""

import functools

import keras
import tensorflow as tf


def without_remapping(function, networks):
    """Wraps a training function so that the remapper is left out where it fails.

    With oneDNN, that pass replaces a convolution, its bias and the `LeakyRelu` behind
    it by one operation, and does not look who else reads what goes into the activation
    (`FindContractionWithActivation` in remapper.cc). Its gradient does. Then the pass
    gives up on the whole graph, with the error "remapper failed … LeakyReluGrad".

    So little changes without it: the optimizer makes two rounds, and what the pass did
    in the first, where it may succeed, moves last bits of some networks. Nor is a graph
    in which it succeeds any faster: with the gradient taken from the output of the
    activation, which is exact and lets the pass do all of it, a step of the lab took
    1 % more processor time than with the pass failing or off.

    The options are those of the process, so they hold for the call alone; what the user
    has set stays.

    `function` is what `keras.Model.make_train_function` makes for the networks.
    """
    if not any(map(_makes_the_remapper_fail, networks)):
        return function

    @functools.wraps(function)
    def call(iterator):
        options = tf.config.optimizer
        if "remapping" in options.get_experimental_options():
            return function(iterator)
        options.set_experimental_options({"remapping": False})
        try:
            return function(iterator)
        finally:
            # None: as it was, TensorFlow's default.
            options.set_experimental_options({"remapping": None})

    return call


def _makes_the_remapper_fail(network):
    layers = list(network._flatten_layers())
    if not any(isinstance(layer, keras.layers.Conv2D) for layer in layers):
        return False
    # What a network of another class computes cannot be seen.
    is_graph = type(network).__module__.startswith("keras.")
    return not is_graph or any(
        isinstance(layer, keras.layers.LeakyReLU)
        or getattr(layer, "activation", None) is keras.activations.leaky_relu
        for layer in layers
    )
