"""Edge losses: generated images should have their edges where the real ones do."""

import keras
from keras import ops

from keras_gans.losses.common import Loss, check_images

# Keeps the root of the magnitude differentiable on flat images.
_EPSILON = 1e-6


@keras.saving.register_keras_serializable(package="keras_gans")
class EdgeLoss(Loss):
    """Mean absolute difference of the Sobel edges of two images.

        mean |S(y_true) - S(y_pred)|,  S(x) = sqrt(g_x² + g_y² + 1e-6)

    g_x and g_y are the Sobel derivatives of each channel, with the kernels divided by 8
    (the outer products of [1, 2, 1] / 4 and [-1, 0, 1] / 2): on a ramp, S is the slope
    for one pixel, and at a step from -1 to 1 it is 1. Images are reflected at their
    borders, so that a border is not an edge.

    It is for an image and *its* generated one. `WeightedSum` adds it to the cycle,
    reconstruction or content loss of a model; for models that generate images from
    latent vectors, which belong to no real image, there is `MeanEdgeLoss`.

    Call arguments:
        y_true, y_pred: Images and generated ones in [-1, 1], of the same shape
            `(batch, height, width, channels)` of at least two pixels in height and
            width.

    Reference:
        - Lee, Park and Shon, "A Study on the Loss Functions of GAN Models" (in Korean),
          whose future work it is.
        - Sobel and Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing",
          1968.
    """

    def call(self, y_true, y_pred):
        check_images(y_true=y_true, y_pred=y_pred)
        difference = sobel_magnitude(y_true) - sobel_magnitude(y_pred)
        return ops.mean(ops.abs(difference), axis=(1, 2, 3))


@keras.saving.register_keras_serializable(package="keras_gans")
class MeanEdgeLoss(Loss):
    """Mean absolute difference of the mean edges of two batches of images.

        mean |E[S(y_true)] - E[S(y_pred)]|,  S as in `EdgeLoss`

    The expectation is the mean over the batch, place by place and channel by channel:
    feature matching, with edges as the features. Generated images need not belong to
    real ones one by one, so that every `GenerativeModel` can add this loss to that of
    its generator (`edge_weight`). It is zero where both show as many edges in every
    place, which says nothing of the single image: it adds to an adversarial loss, and
    cannot do its work.

    Under several replicas each compares its own part of the batch.

    Call arguments:
        y_true, y_pred: As for `EdgeLoss`.

    Returns:
        As other losses, with the same value for each sample.

    Reference:
        - Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.1,
          https://arxiv.org/abs/1606.03498, feature matching.
        - Lee, Park and Shon, see `EdgeLoss`.
    """

    def call(self, y_true, y_pred):
        check_images(y_true=y_true, y_pred=y_pred)
        means = [ops.mean(sobel_magnitude(images), 0) for images in (y_true, y_pred)]
        value = ops.mean(ops.abs(means[0] - means[1]))
        return ops.broadcast_to(value, (ops.shape(y_pred)[0],))


def sobel_magnitude(images):
    """Returns the strength of the edges of `(batch, h, w, c)`, in the same shape."""
    images = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    vertical = _difference(_smooth(images, axis=2), axis=1)
    horizontal = _difference(_smooth(images, axis=1), axis=2)
    return ops.sqrt(ops.square(vertical) + ops.square(horizontal) + _EPSILON)


def _smooth(images, axis):
    before, at, after = _neighbours(images, axis)
    return (before + 2 * at + after) / 4


def _difference(images, axis):
    before, _, after = _neighbours(images, axis)
    return (after - before) / 2


def _neighbours(images, axis):
    if axis == 1:
        return images[:, :-2], images[:, 1:-1], images[:, 2:]
    return images[:, :, :-2], images[:, :, 1:-1], images[:, :, 2:]
