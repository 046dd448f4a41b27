"""The history of generated images that steadies a discriminator."""

import functools

import keras
from keras import ops

from keras_gans.checks import non_negative_integer, require
from keras_gans.distribution import draw


@keras.saving.register_keras_serializable(package="keras_gans")
class ImagePool(keras.layers.Layer):
    """Replaces some of the generated images of a batch by earlier ones.

    While the pool is filling, every image is stored and passed on. Once it is full,
    each image is, with probability ½, swapped with a random image of the pool and
    otherwise passed on and not stored. The images of a batch are treated one after the
    other, as in the authors' code, so that an image may come back within its own batch,
    but without a loop: only indices are exchanged, then images are gathered once.

    The pool is state: it is inside the graph, in the weights and in every checkpoint.
    At inference (`training=False`) the images pass unchanged and the pool stays as it
    is. No gradient flows through it. Of several replicas each has a pool of its own,
    for its own part of the batches.

    Args:
        pool_size: Non-negative integer, the number of images kept. 0 turns the layer
            into the identity. Defaults to 50, as in CycleGAN.
        seed: Optional integer, the seed of the random choices.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`; height, width
            and channels must be known and the same in every call.

    Reference:
        Shrivastava et al., "Learning from Simulated and Unsupervised Images through
        Adversarial Training", 2017, section 2.3, https://arxiv.org/abs/1612.07828
    """

    differs_between_replicas = True

    def __init__(self, pool_size=50, seed=None, **kwargs):
        # `get_config` brings it back as an argument.
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.pool_size = non_negative_integer("pool_size", pool_size, TypeError)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if self.pool_size == 0:
            return
        require(
            None not in input_shape[1:],
            "An image pool needs images of one known size: give the data pipeline a "
            "fixed size, or set `pool_size=0`",
            shape=tuple(input_shape),
        )
        # Without an aggregation each replica has a pool of its own.
        weight = functools.partial(self.add_weight, trainable=False)
        self.images = weight((self.pool_size, *input_shape[1:]), "zeros", name="images")
        self.count = weight((), "zeros", "int32", name="count")

    def call(self, images, training=True):
        images = ops.stop_gradient(images)
        if self.pool_size == 0 or not training:
            return images
        batch = ops.shape(images)[0]
        order = ops.arange(batch, dtype="int32")

        # Where each image would go, and whether it goes there: the free places in turn
        # while there are any, then a random place with probability 1/2.
        filling = self.count + order < self.pool_size
        place = draw(
            keras.random.randint,
            (batch,),
            self.seed_generator,
            minval=0,
            maxval=self.pool_size,
            dtype="int32",
        )
        place = ops.where(filling, self.count + order, place)
        swap = draw(keras.random.uniform, (batch,), self.seed_generator) < 0.5
        stored = ops.logical_or(filling, swap)

        # Who lies in place p when image i arrives: the last earlier image of this
        # batch that was stored there, or else what the pool held before. Indices below
        # `pool_size` mean the old pool, the others this batch.
        hits = ops.logical_and(stored[None, :], place[:, None] == place[None, :])
        earlier = ops.logical_and(hits, order[None, :] < order[:, None])
        last_earlier = ops.max(ops.where(earlier, order[None, :], -1), axis=1)
        found = ops.where(last_earlier >= 0, self.pool_size + last_earlier, place)
        keep_own = ops.logical_or(filling, ops.logical_not(swap))
        returned = ops.where(keep_own, self.pool_size + order, found)

        places = ops.arange(self.pool_size, dtype="int32")
        writes = ops.logical_and(stored[None, :], places[:, None] == place[None, :])
        last_write = ops.max(ops.where(writes, order[None, :], -1), axis=1)
        kept = ops.where(last_write >= 0, self.pool_size + last_write, places)

        candidates = ops.concatenate(
            [self.images, ops.cast(images, self.images.dtype)], axis=0
        )
        self.images.assign(ops.take(candidates, kept, axis=0))
        self.count.assign(ops.minimum(self.count + batch, self.pool_size))
        return ops.cast(ops.take(candidates, returned, axis=0), images.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    # The first batch builds a pool. A model that is being loaded has not seen one, and
    # Keras would leave out the state of an unbuilt layer without a word.
    def load_own_variables(self, store):
        if not self.built and "0" in store.keys():
            self.build((None, *store["0"].shape[1:]))
        super().load_own_variables(store)

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size, "seed": self.seed}
