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
    the pass gives up, with the error "remapper failed … LeakyReluGrad". It is left out
    where that happens: where a convolution with a bias that is not the first one of its
    network has a LeakyReLU behind it. There it gains nothing (with the gradient taken
    from the output of the activation, a step took 1 % more processor time). Elsewhere
    it does: CycleGAN's ResNets are 6 to 9 % slower without it.

    `function` is what `keras.Model.make_train_function` makes for the networks.
    """
    fails = any(map(_makes_the_remapper_fail, networks))
    return without_passes(function, ["arithmetic_optimization"] + ["remapping"] * fails)


def without_passes(function, names):
    """Wraps a `tf.function` so that passes of the graph optimizer are left out.

    The options are those of the process, so they hold for the call alone; what the user
    has set stays. `names` are those of `tf.config.optimizer.set_experimental_options`.
    """

    @functools.wraps(function)
    def call(*arguments):
        options = tf.config.optimizer
        changed = set(names) - options.get_experimental_options().keys()
        options.set_experimental_options(dict.fromkeys(changed, False))
        try:
            return function(*arguments)
        finally:
            # None: as it was, TensorFlow's default.
            options.set_experimental_options(dict.fromkeys(changed))

    return call


def _makes_the_remapper_fail(network):
    layers = list(network._flatten_layers())
    convolutions = [one for one in layers if isinstance(one, keras.layers.Conv2D)]
    if not convolutions:
        return False
    if not type(network).__module__.startswith("keras."):
        return True  # What a network of another class computes cannot be seen.
    activated = [
        layer.input._keras_history.operation
        for layer in layers
        if isinstance(layer, keras.layers.LeakyReLU)
    ]
    activated += [
        layer
        for layer in convolutions
        if layer.activation is keras.activations.leaky_relu
    ]
    # Of the first convolution it knows that somebody else reads.
    return any(layer in activated and layer.use_bias for layer in convolutions[1:])
