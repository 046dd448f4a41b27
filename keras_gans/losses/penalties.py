"""Penalties on the gradient of a discriminator with respect to its images.

They are added to the loss of the discriminator, inside its gradient tape. A penalty is
about each sample by itself, so the discriminator should do without batch normalization.
"""

import keras
import tensorflow as tf
from keras import ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import non_negative_float, positive_integer, require
from keras_gans.distribution import draw
from keras_gans.losses.common import (
    abstract,
    check_same_shape,
    euclidean_norm,
    flatten_samples,
)


class DiscriminatorPenalty:
    """Base of the penalties: `penalty(discriminator, real_images, fake_images)`.

    Subclasses implement `points`, where the gradient is taken, and `of_gradients`.

    Args:
        weight: Non-negative float, the factor of the penalty.

    Call arguments:
        discriminator: Function or model from images to outputs, flat `(batch, 1)`,
            patch-shaped `(batch, h, w, 1)`, or one for each attribute,
            `(batch, attributes)`. The gradient is that of the mean over the outputs of
            a sample. Of a model that returns several tensors give the one that is
            meant: `lambda x: discriminator(x)[0]`.
        real_images: Tensor of shape `(batch, ...)`: images, or points `(batch, n)`.
        fake_images: Generated images, a tensor of the same shape. The penalty has no
            gradient towards images, and so none towards a generator.
        seed: Seed of random points: a `keras.random.SeedGenerator`, an integer, which
            gives the same points at every call, or None for Keras's own generator.
            Under a distribution strategy give a generator made outside of the graph.

    Returns:
        A scalar of float32, the mean over the batch divided by the number of replicas,
        as for a `keras.losses.Loss`. Norms are computed in float32 under mixed
        precision too.
    """

    def __init__(self, weight=10.0):
        self.weight = non_negative_float("weight", weight)

    def points(self, real_images, fake_images, seed):
        """Returns the images at which the gradient is taken."""
        raise abstract(self, "points", "GradientPenalty")

    def of_gradients(self, gradients):
        """Returns `(batch,)`, the penalty of gradients `(batch, values)`."""
        raise abstract(self, "of_gradients", "GradientPenalty")

    def __call__(self, discriminator, real_images, fake_images, seed=None):
        real_images = ops.convert_to_tensor(real_images, "float32")
        fake_images = ops.convert_to_tensor(fake_images, "float32")
        check_same_shape(real_images=real_images, fake_images=fake_images)
        points = ops.stop_gradient(self.points(real_images, fake_images, seed))
        with tf.GradientTape() as tape:
            tape.watch(points)
            # The samples do not depend on each other, so the gradient of their sum is
            # that of each. It is in float32, as the points are.
            outputs = ops.mean(flatten_samples(discriminator(points)), axis=1)
        gradients = flatten_samples(tape.gradient(outputs, points))
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self.weight * ops.mean(self.of_gradients(gradients)) / replicas

    def get_config(self):
        return arguments_of(self)

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_gans")
class GradientPenalty(DiscriminatorPenalty):
    """Keeps the norm of a critic's gradient at one (WGAN-GP).

        weight E[(‖∇D(x̂)‖₂ - target)²]

    x̂ lies between a real and a generated image: real + α (fake - real), with one α for
    each sample, uniform in [0, 1].

    Args:
        weight: Non-negative float, λ in the paper. Defaults to 10.
        target: Non-negative float, the norm aimed at. Defaults to 1.

    Reference:
        Gulrajani et al., eq. 3, see `keras_gans.models.WGANGP`.
    """

    def __init__(self, weight=10.0, target=1.0):
        super().__init__(weight)
        self.target = non_negative_float("target", target)

    def points(self, real_images, fake_images, seed):
        alpha = draw(keras.random.uniform, _one_for_each(real_images), seed)
        return real_images + alpha * (fake_images - real_images)

    def of_gradients(self, gradients):
        return ops.square(euclidean_norm(gradients) - self.target)


@keras.saving.register_keras_serializable(package="keras_gans")
class R1Penalty(DiscriminatorPenalty):
    """Keeps the discriminator flat at real images.

        weight / 2 E[‖∇D(x)‖²]

    It does not look at the generated images, and there is nothing random in it.

    Args:
        weight: Non-negative float, γ in the paper. Defaults to 10.
        every: Positive integer, look at every so many-th image of a batch alone: the
            same on average, and cheaper. Defaults to 1, all of them.

    Reference:
        Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually
        Converge?", 2018, eq. 9, https://arxiv.org/abs/1801.04406
    """

    def __init__(self, weight=10.0, every=1):
        super().__init__(weight)
        self.every = positive_integer("every", every)

    def points(self, real_images, fake_images, seed):
        return real_images[:: self.every]

    def of_gradients(self, gradients):
        return ops.sum(ops.square(gradients), axis=1) / 2


@keras.saving.register_keras_serializable(package="keras_gans")
class R2Penalty(R1Penalty):
    """Keeps the discriminator flat at generated images: `weight / 2 E[‖∇D(G(z))‖²]`.

    It does not look at the real images; the rest is as for `R1Penalty` (eq. 10 there).
    """

    def points(self, real_images, fake_images, seed):
        return fake_images[:: self.every]


@keras.saving.register_keras_serializable(package="keras_gans")
class DRAGANPenalty(GradientPenalty):
    """Keeps the norm of the gradient at one around real images.

        weight E[(‖∇D(x + α δ)‖₂ - target)²]

    The noise is that of the authors' code: δ is `noise_scale` times the standard
    deviation of the batch (over all its values) times uniform noise in [0, 1), drawn
    for each value, and α is uniform in [0, 1), drawn for each sample. The paper has
    Gaussian noise without α, of a scale that it leaves open. It does not look at the
    generated images. Under several replicas the standard deviation is that of the
    replica's part of the batch.

    Args:
        weight, target: As for `GradientPenalty`.
        noise_scale: Non-negative float, in standard deviations. Defaults to 0.5.

    Reference:
        Kodali et al., "On Convergence and Stability of GANs", 2017, section 2.3,
        https://arxiv.org/abs/1705.07215
    """

    def __init__(self, weight=10.0, target=1.0, noise_scale=0.5):
        super().__init__(weight, target)
        self.noise_scale = non_negative_float("noise_scale", noise_scale)

    def points(self, real_images, fake_images, seed):
        flat = flatten_samples(real_images)
        # One draw for α and the noise: with an integer as seed, two would be equal.
        shape = (ops.shape(flat)[0], ops.shape(flat)[1] + 1)
        uniform = draw(keras.random.uniform, shape, seed)
        alpha, noise = uniform[:, :1], self.noise_scale * uniform[:, 1:]
        points = flat + alpha * ops.std(flat) * noise
        return ops.reshape(points, ops.shape(real_images))


_PENALTIES = {
    "gradient_penalty": GradientPenalty,
    "r1": R1Penalty,
    "r2": R2Penalty,
    "dragan": DRAGANPenalty,
}


def get_penalty(identifier, weight=None):
    """Returns the penalty of a name; a penalty, or None, as it is.

    Args:
        identifier: `"gradient_penalty"`, `"r1"`, `"r2"` or `"dragan"`, an object that
            is called as a `DiscriminatorPenalty`, or None for no penalty.
        weight: Optional non-negative float, the factor of a penalty that is named.
            Defaults to 10, as in their papers.
    """
    if isinstance(identifier, str) and identifier in _PENALTIES:
        arguments = {} if weight is None else {"weight": weight}
        return _PENALTIES[identifier](**arguments)
    must = (
        f"Argument `penalty` must be one of {sorted(_PENALTIES)}, or a penalty such as "
        "`keras_gans.losses.R1Penalty()`"
    )
    require(not isinstance(identifier, str), must, penalty=identifier)
    is_penalty = callable(identifier) and not isinstance(identifier, type)
    require(identifier is None or is_penalty, must, TypeError, penalty=identifier)
    require(
        weight is None,
        "Argument `weight` goes with the name of a penalty",
        weight=weight,
        penalty=identifier,
    )
    return identifier


def _one_for_each(images):
    """Shape of one number for each sample, which broadcasts over the sample."""
    return (ops.shape(images)[0],) + (1,) * (len(images.shape) - 1)
