"""Padding that continues an image with its mirror image."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads height and width by reflecting the image at its border pixels.

    The border pixel itself is not repeated: a row `a b c d` padded by 2 becomes
    `c b a b c d c b`. Zero padding would show a generator a dark frame around the
    image, and the frame shows in its output.

    Args:
        padding: Non-negative integer for all four sides, or
            `((top, bottom), (left, right))`.
        **kwargs: `name`, `dtype` and the other arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, any range of
            values.

    Returns:
        Tensor of shape `(batch, top + height + bottom, left + width + right,
        channels)` with the values of the input.

    Raises:
        TypeError: If `padding` is neither an integer nor two pairs of integers.
        ValueError: If a padding is negative, or not smaller than the height or width
            of the input as far as that is known.

    Example:

    ```python
    layer = ReflectionPadding2D(3)
    outputs = layer(keras.random.normal((2, 32, 32, 3)))  # (2, 38, 38, 3)
    ```

    Reference:
        Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer
        and Super-Resolution", supplementary material, 2016,
        [arXiv:1603.08155](https://arxiv.org/abs/1603.08155).
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        message = (
            "Argument `padding` must be zero or a positive integer, or "
            "((top, bottom), (left, right)) of such integers. "
            f"Received: padding={padding!r}"
        )
        pairs = ((padding, padding),) * 2 if isinstance(padding, int) else padding
        try:
            (top, bottom), (left, right) = pairs
        except (TypeError, ValueError):
            raise TypeError(message) from None
        sides = (top, bottom, left, right)
        if any(isinstance(side, bool) or not isinstance(side, int) for side in sides):
            raise TypeError(message)
        if min(sides) < 0:
            raise ValueError(message)
        self.padding = ((top, bottom), (left, right))

    def call(self, inputs):
        self._check(inputs.shape)
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        self._check(input_shape)
        batch, height, width, channels = input_shape
        (top, bottom), (left, right) = self.padding
        return (
            batch,
            None if height is None else top + height + bottom,
            None if width is None else left + width + right,
            channels,
        )

    def _check(self, shape):
        for size, sides in zip(shape[1:3], self.padding):
            if size is not None and max(sides) >= size:
                raise ValueError(
                    "Argument `padding` must be smaller than height and width, since "
                    "the border pixel itself is not repeated. Received: "
                    f"padding={self.padding} for an input of shape {tuple(shape)}. "
                    "Use larger images or a smaller padding."
                )

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
