"""Losses on energies, for discriminators that are auto-encoders (EBGAN, BEGAN).

The energy of an image is the error of its reconstruction, never below zero: low for
images like the real ones. Losses have the signature of `adversarial.py`,
(real output, fake output), with energies `(batch,)` as outputs.
"""

import keras
from keras import ops

from keras_gans.checks import one_of, positive_float, probability
from keras_gans.losses.adversarial import AdversarialLoss
from keras_gans.losses.common import (
    Loss,
    check_same_shape,
    euclidean_norm,
    flatten_samples,
)

NORMS = ("euclidean", "l1", "l2")


@keras.saving.register_keras_serializable(package="keras_gans")
class EnergyDiscriminatorLoss(AdversarialLoss):
    """Margin loss of EBGAN's discriminator: `real + max(0, margin - fake)`.

    Args:
        margin: Positive float, in the unit of the energy. Fakes of a higher energy do
            not count. Defaults to 10, the paper's value for MNIST.

    Reference:
        Zhao, Mathieu and LeCun, eq. 1, see `keras_gans.models.EBGAN`.
    """

    outputs = "energies"

    def __init__(self, margin=10.0, **kwargs):
        super().__init__(**kwargs)
        self.margin = positive_float("margin", margin)

    def elementwise(self, real_output, fake_output):
        return real_output + ops.relu(self.margin - fake_output)


@keras.saving.register_keras_serializable(package="keras_gans")
class EnergyGeneratorLoss(AdversarialLoss):
    """Loss of EBGAN's generator: `fake`, the energy of what it made."""

    outputs = "energies"
    uses_real_output = False

    def elementwise(self, real_output, fake_output):
        return fake_output


@keras.saving.register_keras_serializable(package="keras_gans")
class BoundaryEquilibriumDiscriminatorLoss(AdversarialLoss):
    """Loss of BEGAN's discriminator: `real - k * fake`.

    Args:
        k: Float in [0, 1], where the attribute `k` starts. A model that controls the
            balance sets the attribute to a variable, which each call reads; the
            configuration keeps the float. Defaults to the paper's 0.

    Reference:
        Berthelot, Schumm and Metz, section 3.4, see `keras_gans.models.BEGAN`.
    """

    outputs = "energies"

    def __init__(self, k=0.0, **kwargs):
        super().__init__(**kwargs)
        self._initial_k = self.k = probability("k", k)

    def elementwise(self, real_output, fake_output):
        return real_output - ops.cast(self.k, fake_output.dtype) * fake_output

    def get_config(self):
        return {**super().get_config(), "k": self._initial_k}


@keras.saving.register_keras_serializable(package="keras_gans")
class BoundaryEquilibriumGeneratorLoss(EnergyGeneratorLoss):
    """Loss of BEGAN's generator: `fake`, the energy of what it made."""


@keras.saving.register_keras_serializable(package="keras_gans")
class ReconstructionEnergy(Loss):
    """Energy of each image: the error of its reconstruction.

    Args:
        norm: `"euclidean"`, the norm of the difference over all values of an image
            (EBGAN); `"l1"`, the mean of absolute differences (BEGAN with exponent 1);
            or `"l2"`, the mean of squared differences (BEGAN with exponent 2).
        reduction: Reduction over the batch; None by default: one energy for each image.
        name, dtype: As for any Keras loss.

    Call arguments:
        images, reconstructions: Tensors of the same shape `(batch, ...)`.

    Returns:
        Energies, shape `(batch,)`, or a scalar with a `reduction`. Where image and
        reconstruction are equal, the gradient is zero.

    Reference:
        Eq. 3 of EBGAN's paper and section 3.1 of BEGAN's, see `keras_gans.models`.
    """

    def __init__(self, norm="euclidean", reduction=None, name=None, dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.norm = one_of("norm", norm, NORMS)

    def call(self, images, reconstructions):
        check_same_shape(images=images, reconstructions=reconstructions)
        errors = flatten_samples(reconstructions - images)
        if self.norm == "euclidean":
            return euclidean_norm(errors)
        errors = ops.abs(errors) if self.norm == "l1" else ops.square(errors)
        return ops.mean(errors, axis=1)


@keras.saving.register_keras_serializable(package="keras_gans")
class PullAwayTerm(keras.losses.Loss):
    """Mean squared cosine similarity of the codes of different samples.

    It keeps the generator of an EBGAN from making one sample over and over. For codes
    c_1, ..., c_n:

        1 / (n (n - 1)) Σ_{i≠j} (c_i·c_j / (‖c_i‖ ‖c_j‖))²

    A code of zeros has the similarity zero to all others and no gradient; a batch of
    one has the value zero. Under several replicas each compares the codes of its own
    part of the batch.

    Args:
        name, dtype: As for any Keras loss.

    Call arguments:
        codes: Tensor of shape `(batch, ...)`, what the encoder gives for generated
            samples.

    Returns:
        A scalar in [0, 1], divided by the number of replicas as the mean of any Keras
        loss is.

    Reference:
        Zhao, Mathieu and LeCun, eq. 4, see `keras_gans.models.EBGAN`.
    """

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)

    def __call__(self, codes):
        # The mean over i is the reduction of a Keras loss, which knows about replicas.
        return super().__call__(codes, codes)

    def call(self, codes, _):
        codes = flatten_samples(codes)
        norms = euclidean_norm(codes)
        directions = codes / ops.expand_dims(ops.where(norms > 0, norms, 1.0), 1)
        squares = ops.square(ops.matmul(directions, ops.transpose(directions)))
        others = ops.sum(squares, axis=1) - ops.diagonal(squares)
        return others / ops.cast(ops.maximum(ops.shape(codes)[0] - 1, 1), others.dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
