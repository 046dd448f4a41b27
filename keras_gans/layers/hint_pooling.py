"""Colour hints at a lower resolution, as clear as at the full one."""

import keras
from keras import ops

from keras_gans.checks import positive_integer


@keras.saving.register_keras_serializable(package="keras_gans")
class HintPooling(keras.layers.Layer):
    """Brings sparse hints to a lower resolution without fading them.

    Each cell of `factor` x `factor` pixels gets the mean of the hints in it, and tells
    whether there are any. A plain average over the cell would mix a hint of one pixel
    with the pixels that have no hint, until nothing is left of it.

    Args:
        factor: Positive integer, the side of a cell in pixels.
        **kwargs: `name`, `dtype` and so on of `keras.layers.Layer`. It computes in
            float32 under every dtype policy.

    Call arguments:
        hints: Tensor of shape `(batch, height, width, channels)`. The last channel is
            the mask, 1 where there is a hint and else 0; the others are 0 where there
            is none. Height and width are multiples of `factor`.

    Returns:
        Tensor of shape `(batch, height / factor, width / factor, channels)`, likewise.

    Example:

    >>> hints = np.zeros((1, 4, 4, 2), "float32")
    >>> hints[0, 1, 1] = [-0.5, 1]
    >>> ops.convert_to_numpy(HintPooling(4)(hints))[0, 0, 0].tolist()
    [-0.5, 1.0]
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = positive_integer("factor", factor)

    def call(self, hints):
        means = ops.average_pool(
            ops.cast(hints, "float32"), self.factor, data_format="channels_last"
        )
        values, share = means[..., :-1], means[..., -1:]
        hinted = ops.cast(share > 0, "float32")
        values = values / ops.where(share > 0, share, 1.0)
        return ops.cast(ops.concatenate([values, hinted], axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side // self.factor for side in sides]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
