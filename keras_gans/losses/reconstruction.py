"""Reconstruction losses: a generated image should be the one that it stands for."""

import keras
from keras import ops

from keras_gans.checks import boolean
from keras_gans.losses.common import Loss, check_images


@keras.saving.register_keras_serializable(package="keras_gans")
class ChannelCompensatedL1(Loss):
    """L1 in which the channels with the larger error count more.

        l_c = mean |y_true_c - y_pred_c|,  w_c = l_c / Σ l_k,  l_comp = Σ w_c l_c

    The sums run over the channels of an image, and the mean over its pixels: each image
    has weights of its own. l_comp is never less than the plain mean of the l_c, and
    equals it where all channels have the same error; for one channel it is plain L1.
    The order of the channels does not matter.

    The paper leaves open whether the weights carry a gradient. By default they do not:
    with constant weights the derivative by l_c is w_c. These add up to one, as those of
    the plain mean do, and a model's weight λ of the loss keeps its meaning. With the
    gradient of the weights the derivative is 2 w_c - Σ w_k². That is negative for a
    channel whose weight is less than half of the sum: the loss falls when the best
    channel gets worse. Where the images are equal, both value and gradient are zero.

    Args:
        stop_weight_gradient: Boolean, whether the weights w_c are constants for the
            gradient. Defaults to `True`.

    Call arguments:
        y_true, y_pred: Images and generated ones in [-1, 1], of the same shape
            `(batch, height, width, channels)`.

    Reference:
        Kim and Lee, "Color Channel Compensating L1 Loss Algorithm" (in Korean),
        eqs. 3 to 5.
    """

    def __init__(self, stop_weight_gradient=True, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stop_weight_gradient = boolean(
            "stop_weight_gradient", stop_weight_gradient
        )

    def call(self, y_true, y_pred):
        check_images(y_true=y_true, y_pred=y_pred)
        errors = ops.mean(ops.abs(y_true - y_pred), axis=(1, 2))
        total = ops.sum(errors, axis=1, keepdims=True)
        # Images without an error are divided by one: no weights, rather than NaN.
        weights = errors / ops.where(ops.equal(total, 0), 1.0, total)
        slopes = weights
        if not self.stop_weight_gradient:
            # The derivative as a constant. A function that doubles with its arguments
            # is the sum of argument times derivative (Euler), so the value is the same;
            # the derivative of the division would overflow at tiny errors.
            slopes = 2 * weights - ops.sum(ops.square(weights), axis=1, keepdims=True)
        return ops.sum(ops.stop_gradient(slopes) * errors, axis=1)
