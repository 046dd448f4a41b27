"""Convolution of an image that is made twice as large by repeating its pixels."""

import keras
import numpy as np
from keras import ops

from keras_gans.checks import require

# Arguments of `Conv2D` that this layer decides by itself.
_FIXED = {
    "strides": 1,
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": 1,
    "groups": 1,
}


@keras.saving.register_keras_serializable(package="keras_gans")
class ResizeConv2D(keras.layers.Conv2D):
    """Repeats each pixel twice in height and width, and convolves.

    It computes what `UpSampling2D()` and `Conv2D(filters, kernel_size,
    padding="same")` do, with the same weights, but not on the large image: each pixel
    of the output sees a pixel of the input several times, and the weights that fall on
    it are added first. They make a transposed convolution, whose kernel of 4×4 has 16
    products for a pixel of the input where 3×3 has 36 on its four repetitions. Unlike
    one that is trained as such it leaves no grid, because neighbours share weights.

    Args:
        filters: Positive integer, channels of the output.
        kernel_size: Odd positive integer. Defaults to 3.
        **kwargs: As for `keras.layers.Conv2D`, without strides, padding, dilation,
            groups and data format.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`, any range of values.

    Returns:
        Tensor of shape `(batch, 2 * height, 2 * width, filters)`.

    Reference:
        Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", 2016,
        https://doi.org/10.23915/distill.00003
    """

    def __init__(self, filters, kernel_size=3, **kwargs):
        given = [name for name in _FIXED if name in kwargs]
        require(not given, f"ResizeConv2D has no {given}", TypeError, **kwargs)
        super().__init__(filters, kernel_size, **_FIXED, **kwargs)
        height, width = self.kernel_size
        require(
            height == width and height % 2 == 1,
            "Argument `kernel_size` must be odd, since an even kernel has no middle",
            kernel_size=kernel_size,
        )

    def call(self, inputs):
        size, channels = self.kernel_size[0], self.kernel.shape[2]
        # Of one axis: what weight a falls on, in the order of a transposed convolution.
        sums = np.eye(size + 1, size)[:, ::-1] + np.eye(size + 1, size, -1)[:, ::-1]
        sums = ops.cast(np.kron(sums, sums), self.kernel.dtype)
        weights = ops.matmul(sums, ops.reshape(self.kernel, (size**2, -1)))
        shape = (size + 1, size + 1, channels, self.filters)
        kernel = ops.transpose(ops.reshape(weights, shape), (0, 1, 3, 2))
        outputs = ops.conv_transpose(inputs, kernel, strides=2, padding="same")
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        batch, *sizes, _ = input_shape
        doubled = [None if size is None else 2 * size for size in sizes]
        return (batch, *doubled, self.filters)

    def get_config(self):
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in _FIXED}
