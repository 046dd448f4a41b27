"""Padding that continues an image with its mirror image."""

import keras
from keras import ops

from keras_gans.checks import require


@keras.saving.register_keras_serializable(package="keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads height and width by reflecting the image at its border pixels.

    The border pixel itself is not repeated: a row `a b c d` padded by 2 becomes
    `c b a b c d c b`. Zero padding would show a generator a dark frame around the
    image, and the frame shows in its output.

    Args:
        padding: Non-negative integer for all four sides, or
            `((top, bottom), (left, right))`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, any range of
            values.

    Reference:
        Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer
        and Super-Resolution", supplementary material, 2016,
        [arXiv:1603.08155](https://arxiv.org/abs/1603.08155).
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        must = (
            "Argument `padding` must be zero or a positive integer, or "
            "((top, bottom), (left, right)) of such integers"
        )
        pairs = ((padding, padding),) * 2 if isinstance(padding, int) else padding
        try:
            (top, bottom), (left, right) = pairs
        except (TypeError, ValueError):
            require(False, must, TypeError, padding=padding)
        sides = (top, bottom, left, right)
        integers = all(type(side) is int for side in sides)
        require(integers, must, TypeError, padding=padding)
        require(min(sides) >= 0, must, padding=padding)
        self.padding = ((top, bottom), (left, right))

    def call(self, inputs):
        self._check(inputs.shape)
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        self._check(input_shape)
        batch, *sizes, channels = input_shape
        padded = [
            None if size is None else size + sum(sides)
            for size, sides in zip(sizes, self.padding, strict=True)
        ]
        return (batch, *padded, channels)

    def _check(self, shape):
        for size, sides in zip(shape[1:3], self.padding):
            require(
                size is None or max(sides) < size,
                "Argument `padding` must be smaller than height and width, since the "
                "border pixel itself is not repeated. Use larger images or a smaller "
                "padding",
                padding=self.padding,
                shape=tuple(shape),
            )

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
