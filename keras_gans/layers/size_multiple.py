"""A check of the image size that speaks up before a shape error deep inside."""

import math

import keras

from keras_gans.arguments import arguments_of
from keras_gans.checks import positive_integer, require


@keras.saving.register_keras_serializable(package="keras_gans")
class SizeMultiple(keras.layers.Layer):
    """Passes images on unchanged if their height and width suit the network.

    A network that halves its input `n` times and doubles it again returns the size
    that came in only if that size is a multiple of `2**n`. Placed directly behind the
    input, this layer says so, instead of letting a concatenation fail further down. A
    size that is unknown while a graph is being traced passes unchecked.
    `size_multiple(network)` reads the multiple back.

    Args:
        multiple: Positive integer of which height and width must be multiples.
        minimum: Positive integer, the smallest height and width that leave at least
            one pixel everywhere in the network. `1` by default.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, any dtype and
            range of values.
    """

    def __init__(self, multiple, minimum=1, **kwargs):
        super().__init__(**kwargs)
        self.multiple = positive_integer("multiple", multiple, TypeError)
        self.minimum = positive_integer("minimum", minimum, TypeError)

    def call(self, inputs):
        self._check(inputs.shape)
        return inputs

    def compute_output_shape(self, input_shape):
        # Overridden so that backends which trace with a placeholder size in the
        # place of an unknown one do not run the check on that placeholder.
        self._check(input_shape)
        return input_shape

    def _check(self, shape):
        height, width = shape[1:3]
        known_sizes = [size for size in (height, width) if size is not None]
        received = (
            f"Received: height={height}, width={width}. "
            "Crop, pad or resize the images first"
        )
        reason = "Height and width of the input of this network"
        halvings = self.multiple.bit_length() - 1
        if self.multiple == 2**halvings:
            times = "once" if halvings == 1 else f"{halvings} times"
            reason = f"This network halves its input {times}, so height and width"
        require(
            not any(size % self.multiple for size in known_sizes),
            f"{reason} must be multiples of {self.multiple}. {received}",
        )
        require(
            min(known_sizes, default=self.minimum) >= self.minimum,
            "Height and width of the input of this network must be at least "
            f"{self.minimum} pixels. {received}",
        )

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


def size_multiple(network):
    """Returns the number of which a network's height and width must be multiples.

    Args:
        network: `keras.Model`; networks nested in it count too.

    Returns:
        Positive integer, `1` for a network that has no `SizeMultiple` layer.
    """
    multiples = [
        layer.multiple if isinstance(layer, SizeMultiple) else size_multiple(layer)
        for layer in getattr(network, "layers", ())
    ]
    return math.lcm(*multiples)
