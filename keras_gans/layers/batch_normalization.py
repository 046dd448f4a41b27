"""Batch normalization in one fused kernel where TensorFlow has one."""

import math

import keras
import numpy as np

from keras_gans.distribution import replicas, summed

# `keras.ops` has no fused kernel. On other backends the layer is Keras's own.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
else:
    tf = None


@keras.saving.register_keras_serializable(package="keras_gans")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose training step is one fused kernel.

    Weights, arguments, values and moving statistics are those of Keras. Keras composes
    the normalization of a batch from a dozen passes over the feature map, and as many
    for its gradient; TensorFlow's fused kernel needs two or three, in 16 bits without
    a copy in float32. That is a tenth of a whole step of the digit lab in float32 and a
    fifth in bfloat16 (`tests/benchmarks/train_step.py`).

    The kernel sees one replica. So Keras's own computation is used where several
    replicas share their statistics (`synchronized=True` in the scope of a strategy), in
    one exchange where Keras's takes three, and wherever the kernel does not fit: inputs
    that are not `(batch, height, width, channels)`, masks, renormalization, float64,
    other backends, inference.

    Arguments, inputs and outputs are those of Keras's layer.

    Reference:
        Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
        Reducing Internal Covariate Shift", 2015, https://arxiv.org/abs/1502.03167
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable and mask is None and self._fits(inputs)):
            return super().call(inputs, training=training, mask=mask)

        outputs, mean, variance = fused_normalization(
            inputs,
            self.gamma if self.scale else None,
            self.beta if self.center else None,
            self.epsilon,
        )
        # The kernel gives the unbiased variance; Keras keeps that of the batch itself.
        count = inputs.shape.num_elements() or tf.size(inputs)
        count = tf.cast(count // inputs.shape[-1], tf.float32)
        variance = variance * (count - 1.0) / count
        old, new = tf.constant(self.momentum), tf.constant(1.0 - self.momentum)
        moving_values = (self.moving_mean, mean), (self.moving_variance, variance)
        for moving, value in moving_values:
            moving.assign(moving * old + value * new)
        return outputs

    def _fits(self, inputs):
        return (
            can_be_fused(inputs, self.compute_dtype)
            and self.axis in (-1, 3)
            and self.variable_dtype == "float32"
            and not self.renorm
            and not (self.synchronized and replicas() > 1)
        )

    def _moments(self, inputs, mask):
        if mask is not None or not self.synchronized or replicas() == 1:
            return super()._moments(inputs, mask)
        axes = self._reduction_axes
        sums = [tf.reduce_sum(each, axes) for each in (inputs, tf.square(inputs))]
        count = tf.cast(tf.size(inputs) // math.prod(sums[0].shape), inputs.dtype)
        total, squared_total, count = summed([*sums, count])
        mean, squared_mean = total / count, squared_total / count
        return mean, tf.maximum(squared_mean - tf.square(mean), 0.0)


def can_be_fused(inputs, compute_dtype):
    """Tells whether `fused_normalization` takes such inputs."""
    is_known = compute_dtype in ("float32", "float16", "bfloat16")
    return tf is not None and is_known and len(inputs.shape) == 4


def fused_normalization(inputs, gamma, beta, epsilon):
    """Normalizes every channel over batch, height and width.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        gamma, beta: Factor and offset, tensors of shape `(channels,)`, or None.
        epsilon: Positive float added to the variance.

    Returns:
        Tuple of the outputs and of the means and unbiased variances of the channels, in
        float32.
    """
    channels = inputs.shape[-1]
    nothing = np.zeros(0, "f")
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=np.ones(channels, "f") if gamma is None else tf.cast(gamma, tf.float32),
        offset=np.zeros(channels, "f") if beta is None else tf.cast(beta, tf.float32),
        mean=nothing,
        variance=nothing,
        epsilon=epsilon,
        is_training=True,
    )
    return outputs, mean, variance
