"""Weight constraints that Keras lacks."""

import keras
from keras import ops

from keras_gans.checks import positive_float


@keras.saving.register_keras_serializable(package="keras_gans")
class WeightClipping(keras.constraints.Constraint):
    """Clips every weight to [-limit, limit].

    It keeps the critic of a WGAN Lipschitz.

    Args:
        limit: Positive float, the largest magnitude. Defaults to the paper's 0.01.

    Example:
    >>> layer = keras.layers.Dense(1, kernel_constraint=WeightClipping(0.01))

    Reference:
        Arjovsky, Chintala and Bottou, Algorithm 1, see `keras_gans.models.WGAN`.
    """

    def __init__(self, limit=0.01):
        self.limit = positive_float("limit", limit)

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}
