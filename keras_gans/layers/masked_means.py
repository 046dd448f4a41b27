"""Means of features over the bright and over the dark places of an image."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_gans")
class MaskedMeans(keras.layers.Layer):
    """Averages features over the content of an image and over its ground.

    With a mask m in [0, 1], the mean over the channels of `(content + 1) / 2`, these
    are the means of the features weighted with m and with 1 - m. Where a digit is white
    on black, the first mean of an image's colours is the colour of the digit and the
    second that of the ground. Sums are taken in float32 under every dtype policy.

    Call arguments:
        inputs: List of two tensors of the same height and width: features `(batch,
            height, width, channels)`, and contents in [-1, 1], `(batch, height, width,
            1 or 3)`.

    Returns:
        Tensor of shape `(batch, 2 * channels)`: both means, one after the other.
    """

    def call(self, inputs):
        features, content = (ops.cast(one, "float32") for one in inputs)
        mask = ops.mean((content + 1) / 2, axis=-1, keepdims=True)
        # Without content, the mean is that of all places.
        mask = 1e-3 + (1 - 2e-3) * mask
        means = [
            ops.sum(features * weight, axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
            for weight in (mask, 1 - mask)
        ]
        return ops.cast(ops.concatenate(means, axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        features, _ = input_shape
        return (features[0], 2 * features[-1])
