"""Dropout that is the same on any number of replicas."""

import keras
from keras import ops

from keras_gans.distribution import draw, replicas


@keras.saving.register_keras_serializable(package="keras_gans")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` whose values belong to the samples of the whole batch.

    Where several replicas share a batch, Keras drops the same on all of them. Here each
    drops what a single device would drop of its part of the batch.

    Arguments, inputs and outputs are those of Keras's layer.
    """

    def call(self, inputs, training=False):
        is_shared = replicas() > 1 and self.noise_shape is None
        if not (training and self.rate > 0 and is_shared):
            return super().call(inputs, training=training)
        shape = ops.shape(inputs)
        random = draw(
            keras.random.uniform, shape, self.seed_generator, dtype=inputs.dtype
        )
        kept = inputs * ops.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        return ops.where(random >= self.rate, kept, ops.zeros_like(inputs))
