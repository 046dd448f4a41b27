"""The styles that were seen last, to draw random ones from."""

import functools

import keras
from keras import ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import positive_integer


@keras.saving.register_keras_serializable(package="keras_gans")
class StylePool(keras.layers.Layer):
    """Keeps the styles of the batches that were trained last.

    What is drawn from it is distributed as the styles of real images are, whatever that
    distribution looks like: a domain of light and of dark digits has a gap between the
    two, in which no digit could be read, and numbers of N(0, I) know no gaps.

    The pool is state: it is inside the graph, in the weights and in every checkpoint.
    Until it is full, the rest of it are numbers of N(0, 1). Of several replicas each
    has a pool of its own, for its own part of the batches.

    Args:
        style_dim: Positive integer, the length of a style.
        size: Positive integer, the number of styles kept. Defaults to 512.
        seed: Optional integer, the seed of the numbers at the start.

    Call arguments:
        styles: Float tensor of shape `(batch, style_dim)`, returned as it is. In
            training it is kept, in the place of the oldest.
    """

    differs_between_replicas = True

    def __init__(self, style_dim, size=512, seed=None, **kwargs):
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.style_dim = positive_integer("style_dim", style_dim)
        self.size = positive_integer("size", size)
        self.seed = seed
        # Without an aggregation each replica has a pool of its own.
        weight = functools.partial(self.add_weight, trainable=False, autocast=False)
        self.styles = weight(
            (self.size, self.style_dim),
            keras.initializers.RandomNormal(stddev=1.0, seed=seed),
            "float32",
            name="styles",
        )
        self.count = weight((), "zeros", "int32", name="count")
        self.built = True

    def call(self, styles, training=False):
        if training:
            # Of a batch larger than the pool, only as many as it holds.
            kept = ops.cast(ops.stop_gradient(styles), "float32")[-self.size :]
            count = ops.shape(kept)[0]
            places = (self.count + ops.arange(count, dtype="int32")) % self.size
            kept = ops.scatter_update(self.styles, places[:, None], kept)
            self.styles.assign(kept)
            # It does not count further than it must.
            self.count.assign((self.count + count) % self.size)
        return styles

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}
