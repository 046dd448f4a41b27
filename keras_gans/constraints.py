"""Weight constraints that Keras lacks."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_gans")
class WeightClipping(keras.constraints.Constraint):
    """Clips every weight to [-limit, limit].

    It keeps the critic of a WGAN Lipschitz.

    Args:
        limit: Positive float, the largest magnitude. Defaults to the paper's 0.01.

    Example:
    >>> layer = keras.layers.Dense(1, kernel_constraint=WeightClipping(0.01))

    Reference:
        Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, Algorithm 1,
        https://arxiv.org/abs/1701.07875
    """

    def __init__(self, limit=0.01):
        if isinstance(limit, bool) or not isinstance(limit, (int, float)):
            raise TypeError(
                f"Argument `limit` must be a number. Received: limit={limit!r}"
            )
        if not 0 < limit < float("inf"):
            raise ValueError(
                f"Argument `limit` must be a positive number. Received: limit={limit}"
            )
        self.limit = float(limit)

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}
