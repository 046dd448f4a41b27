"""Mixtures of Gaussians in the plane, which show at a glance whether modes are lost."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans import checks
from keras_gans.data.batches import epochs, numbered_seed, streams
from keras_gans.data.memory import as_tensor


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of equally likely round Gaussians in the plane.

    Args:
        centers: Array of shape `(modes, 2)`, the means of the components. Kept as a
            float64 array that cannot be written to.
        standard_deviation: Positive number, that of every component along both axes.
    """

    centers: np.ndarray
    standard_deviation: float

    def __post_init__(self):
        centers = np.array(self.centers, "float64")
        must = "Argument `centers` must be an array of shape (modes, 2)"
        fits = centers.ndim == 2 and centers.shape[1] == 2 and len(centers)
        checks.require(fits, must, shape=centers.shape)
        must = "Argument `centers` must be finite"
        checks.require(np.isfinite(centers).all(), must, centers=self.centers)
        deviation = checks.positive_float("standard_deviation", self.standard_deviation)
        centers.flags.writeable = False
        object.__setattr__(self, "centers", centers)
        object.__setattr__(self, "standard_deviation", deviation)

    def sample(self, n, seed=0):
        """Draws points, for measuring; the same ones from the same seed.

        Returns:
            A pair: points, float32 of shape `(n, 2)`, and the component that each was
            drawn from, int32 of shape `(n,)`.
        """
        checks.positive_integer("n", n)
        checks.integer("seed", seed)
        generator = np.random.default_rng(streams(seed, 1))
        labels = generator.integers(len(self.centers), size=n, dtype="int32")
        noise = generator.standard_normal((n, 2))
        points = self.centers[labels] + self.standard_deviation * noise
        return points.astype("float32"), labels

    def dataset(self, batch_size=256, steps_per_epoch=1000, labels=False, seed=0):
        """Makes a dataset of batches of fresh points, for training.

        No point comes twice.

        Args:
            batch_size: Positive integer. Defaults to 256.
            steps_per_epoch: Positive integer, batches that one iteration gives.
                Defaults to 1,000.
            labels, seed: As in `keras_gans.data.generation`; labels are components.

        Returns:
            A `tf.data.Dataset` of float32 points of shape `(batch_size, 2)`, or of
            pairs with int32 labels, as of `keras_gans.data.generation`.
        """
        batch_size = checks.positive_integer("batch_size", batch_size)
        steps_per_epoch = checks.positive_integer("steps_per_epoch", steps_per_epoch)
        checks.integer("seed", seed)
        checks.boolean("labels", labels)
        modes = len(self.centers)
        centers = as_tensor(self.centers.astype("float32"))
        label_stream, noise_stream = streams(seed, 2)

        def make_batch(index):
            components = tf.random.stateless_uniform(
                [batch_size], numbered_seed(label_stream, index), 0, modes, tf.int32
            )
            noise = tf.random.stateless_normal(
                [batch_size, 2], numbered_seed(noise_stream, index)
            )
            points = tf.gather(centers, components) + self.standard_deviation * noise
            return (points, components) if labels else points

        dataset = epochs(make_batch, steps_per_epoch, seed)
        dataset.classes = modes if labels else None
        return dataset


def gaussian_ring(modes=8, radius=2.0, standard_deviation=0.02):
    """Makes the ring of Gaussians, the usual first test for mode collapse.

    The defaults are those of Metz et al. VEEGAN and PacGAN use the same ring at half
    the size, radius 1 and standard deviation 0.01. Only the ratio of the two matters
    for what is measured: a point counts as good within three standard deviations of a
    center. Component 0 lies on the positive x axis, the others follow counterclockwise.

    Example:

    >>> data = gaussian_ring().dataset(batch_size=256)
    >>> next(iter(data)).shape
    TensorShape([256, 2])

    Reference:

    - [Unrolled Generative Adversarial Networks](https://arxiv.org/abs/1611.02163)
      (Metz et al., 2017)
    """
    checks.positive_integer("modes", modes)
    checks.positive_float("radius", radius)
    angles = 2 * np.pi * np.arange(modes) / modes
    centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return GaussianMixture(centers, standard_deviation)


def gaussian_grid(side=5, spacing=1.0, standard_deviation=0.025):
    """Makes the square grid of Gaussians, a harder test for mode collapse.

    VEEGAN and PacGAN use spacing 2 and standard deviation 0.05, so that the centers
    reach from -4 to 4. The defaults halve both, which is the same picture, so that the
    points lie in about [-2, 2], as those of `gaussian_ring` do, and networks and
    learning rates suit both. (Spacing 0.5 and standard deviation 0.0125 bring the
    centers into [-1, 1].)

    Args:
        side: Positive integer, components along each axis. They are numbered along x
            first, starting at the lower left. Defaults to 5, 25 components.
        spacing: Positive number, the distance between neighbours. Defaults to 1.
        standard_deviation: Positive number. Defaults to 0.025.

    Example:

    >>> points, labels = gaussian_grid().sample(2500)
    >>> points.shape, labels.max()
    ((2500, 2), 24)

    Reference:

    - [VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
      Learning](https://arxiv.org/abs/1705.07761) (Srivastava et al., 2017)
    - [PacGAN: The power of two samples in generative adversarial
      networks](https://arxiv.org/abs/1712.04086) (Lin et al., 2018)
    """
    checks.positive_integer("side", side)
    checks.positive_float("spacing", spacing)
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    centers = np.stack([x.ravel(), y.ravel()], axis=-1)
    return GaussianMixture(centers, standard_deviation)
