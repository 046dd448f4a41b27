"""Training functions without passes of TensorFlow's graph optimizer that do harm."""

import functools

import keras
import tensorflow as tf


def computed_as_written(function, networks):
    """Wraps a training function so that two passes of the graph optimizer are left out.

    The *arithmetic* pass joins the additions of several losses into one operation that
    begins with the addend whose buffer is free just then: two equal runs differ in the
    last bit of what is logged. Without it, steps of `digits_cyclegan` (32 pixels) and
    of CycleGAN's ResNets (64 pixels) take 0.98 to 1.00 of the time.

    The *remapper*, with oneDNN, replaces a convolution, its bias and the `LeakyRelu`
    behind it by one operation, and does not look who else reads what goes into the
    activation (`FindContractionWithActivation` in remapper.cc). Its gradient does. Then
    the pass gives up on the whole graph, with the error "remapper failed …
    LeakyReluGrad". It is left out where that happens, for elsewhere it moves last bits.
    A graph in which it succeeds is no faster: with the gradient taken from the output
    of the activation, a step of the lab took 1 % more processor time.

    The options are those of the process, so they hold for the call alone; what the user
    has set stays.

    `function` is what `keras.Model.make_train_function` makes for the networks.
    """
    off = {"arithmetic_optimization": False}
    if any(map(_makes_the_remapper_fail, networks)):
        off["remapping"] = False

    @functools.wraps(function)
    def call(iterator):
        options = tf.config.optimizer
        changed = off.keys() - options.get_experimental_options().keys()
        options.set_experimental_options({name: off[name] for name in changed})
        try:
            return function(iterator)
        finally:
            # None: as it was, TensorFlow's default.
            options.set_experimental_options(dict.fromkeys(changed))

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
