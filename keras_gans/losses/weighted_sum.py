"""A sum of losses in the place of one, such as L1 with an edge loss."""

import keras
from keras import ops

from keras_gans.checks import positive_float, require
from keras_gans.losses.common import Loss, flatten_samples


@keras.saving.register_keras_serializable(package="keras_gans")
class WeightedSum(Loss):
    """Adds losses of the same two images, each with a weight of its own.

        Σ_i w_i l_i(y_true, y_pred)

    So a loss can be *added* to one of a model's in the place of replacing it: to the
    cycle loss of `CycleGAN`, the reconstruction loss of `Pix2Pix` and `StarGAN`, the
    content loss of `ACLGAN`. The model's own weight of that loss multiplies the sum.

    Args:
        losses: List of `keras.losses.Loss` objects. Their `reduction` is not used.
        weights: Optional list of positive floats, one for each. Defaults to 1 each.

    Call arguments:
        y_true, y_pred: As for the losses; a loss of pixels counts with its mean.

    Example:

    ```python
    model.compile(
        reconstruction_loss=keras_gans.losses.WeightedSum(
            [keras.losses.MeanAbsoluteError(), keras_gans.losses.EdgeLoss()], [1, 2]
        )
    )
    ```
    """

    def __init__(self, losses, weights=None, *args, **kwargs):
        super().__init__(*args, **kwargs)
        must = "Argument `losses` must be a list of `keras.losses.Loss` objects"
        require(isinstance(losses, (list, tuple)), must, TypeError, losses=losses)
        # Of a saved model they come as their configurations.
        losses = [keras.losses.get(loss) for loss in losses]
        is_loss = all(isinstance(loss, keras.losses.Loss) for loss in losses)
        require(losses and is_loss, must, TypeError, losses=losses)
        weights = [1.0] * len(losses) if weights is None else weights
        require(
            isinstance(weights, (list, tuple)) and len(weights) == len(losses),
            f"Argument `weights` must be a list of {len(losses)} numbers, one for each "
            "loss",
            weights=weights,
        )
        self.losses = losses
        self.weights = [positive_float("weights", weight) for weight in weights]

    def call(self, y_true, y_pred):
        total = 0.0
        for loss, weight in zip(self.losses, self.weights, strict=True):
            values = loss.call(y_true, y_pred)
            total += weight * ops.mean(flatten_samples(values), axis=1)
        return total

    def get_config(self):
        losses = [keras.saving.serialize_keras_object(loss) for loss in self.losses]
        return {**super().get_config(), "losses": losses}
