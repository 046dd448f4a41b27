"""Batch normalization in one fused kernel where TensorFlow has one."""

import keras

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
    replicas share their statistics (`synchronized=True` in the scope of a strategy),
    and wherever the kernel does not fit: inputs that are not `(batch, height, width,
    channels)`, masks, renormalization, float64, other backends, inference.

    Arguments, inputs and outputs are those of Keras's layer.

    Reference:
        Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
        Reducing Internal Covariate Shift", 2015, https://arxiv.org/abs/1502.03167
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable and mask is None and self._fits(inputs)):
            return super().call(inputs, training=training, mask=mask)

        zeros = tf.zeros(inputs.shape[-1])
        nothing = tf.constant([], tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.cast(self.gamma, tf.float32) if self.scale else zeros + 1.0,
            offset=tf.cast(self.beta, tf.float32) if self.center else zeros,
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel gives the unbiased variance; Keras keeps that of the batch itself.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        variance = variance * (count - 1.0) / count
        moving_values = (self.moving_mean, mean), (self.moving_variance, variance)
        for moving, value in moving_values:
            moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        return outputs

    def _fits(self, inputs):
        return (
            tf is not None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.compute_dtype in ("float32", "float16", "bfloat16")
            and self.variable_dtype == "float32"
            and not self.renorm
            and not (
                self.synchronized
                and tf.distribute.get_strategy().num_replicas_in_sync > 1
            )
        )
