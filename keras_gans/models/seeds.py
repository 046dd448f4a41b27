"""Random numbers that differ between replicas."""

import keras
import tensorflow as tf

from keras_gans.distribution import replicas


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that gives every replica of a strategy seeds of its own.

    Keras's gives all replicas the same, so that each would draw the same noise. The
    first replica, and a model without replicas, draw what Keras's generator gives. So
    do all replicas while `is_common` is set, as in `keras_gans.distribution.draw`.
    """

    is_common = False

    def next(self, ordered=True):
        state = super().next(ordered)
        replica = tf.distribute.get_replica_context()
        if self.is_common or replica is None or replica.num_replicas_in_sync == 1:
            return state
        # Far from the seeds that other generators of a model count up from.
        offset = tf.cast(replica.replica_id_in_sync_group, state.dtype) * 0x9E3779B
        return state + tf.stack([offset, tf.zeros_like(offset)])


def let_replicas_differ(model):
    """Lets layers, Keras's dropout say, draw other numbers on every replica."""
    if replicas() == 1:
        return
    for layer in model._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if type(generator) is keras.random.SeedGenerator:
            # It keeps its state, which the layer tracks.
            generator.__class__ = ReplicaSeedGenerator
