"""Instance normalization whose factor and offset come from a style."""

import keras
from keras import ops

from keras_gans.checks import require
from keras_gans.layers.instance_normalization import InstanceNormalization


@keras.saving.register_keras_serializable(package="keras_gans")
class AdaptiveInstanceNormalization(keras.layers.Layer):
    """Gives every channel of every sample the mean and spread that its style asks for.

    With the mean and variance of sample `b` and channel `c` over height and width, and
    two trained affine functions γ and β of the style s:

        y = (1 + γ_c(s_b)) * (x - mean_bc) / sqrt(variance_bc + epsilon) + β_c(s_b)

    Huang and Belongie take γ and β from another image's features; as in MUNIT and
    StyleGAN they are computed from a vector here. A style of zeros leaves the
    normalized input almost as it is at the start of training.

    Args:
        epsilon: Positive float added to the variance. Defaults to 1e-5.

    Call arguments:
        inputs: List of two tensors: features of shape `(batch, height, width,
            channels)`, any range, and styles of shape `(batch, style_dim)`.

    Reference:
        - Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive
          Instance Normalization", 2017, https://arxiv.org/abs/1703.06868
        - Huang et al., "Multimodal Unsupervised Image-to-Image Translation", 2018,
          https://arxiv.org/abs/1804.04732
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        require(epsilon > 0, "Argument `epsilon` must be positive", epsilon=epsilon)
        self.epsilon = float(epsilon)

    def build(self, input_shape):
        require(
            len(input_shape) == 2 and len(input_shape[1]) == 2,
            "AdaptiveInstanceNormalization expects features and styles of shape "
            "(batch, style_dim)",
            input_shape=input_shape,
        )
        features, styles = input_shape
        options = {"epsilon": self.epsilon, "center": False, "scale": False}
        self.normalization = InstanceNormalization(dtype=self.dtype_policy, **options)
        self.normalization.build(features)
        self.affine = keras.layers.Dense(2 * features[-1], dtype=self.dtype_policy)
        self.affine.build(styles)

    def call(self, inputs):
        features, styles = inputs
        shape = (-1, *[1] * (len(features.shape) - 2), 2 * features.shape[-1])
        factor, offset = ops.split(ops.reshape(self.affine(styles), shape), 2, axis=-1)
        return self.normalization.normalize(features, 1 + factor, offset)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
