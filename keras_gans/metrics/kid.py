"""The kernel distance of images in the features of a network (KID)."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.metrics.feature_metric import FeatureDistance, check_features
from keras_gans.metrics.feature_statistics import MAX_SAMPLES, Reservoir
from keras_gans.metrics.registry import metric
from keras_gans.metrics.tf_gan import import_tensorflow_gan


@metric(
    "kid",
    network="features",
    has_reference=True,
    at_least=2,
    reason="a KID is a mean over pairs of images, which a single image has none of",
)
class KernelDistance(FeatureDistance):
    """Kernel distance between the features of real and of generated images, the KID
    in those of `"tfgan_inception"`; see `kernel_distance`.

    Of each side at most `max_samples` images are kept, drawn at random such that each
    has the same chance. The same images in the same order give the same sample,
    whatever the size of the batches.

    If the samples of both sides have at most `subset_size` images, the result is the
    distance of all of them. Otherwise it is the mean over `subsets` subsets. Each of
    them has `subset_size` images of the sample of either side, or all if it has fewer,
    drawn without replacement; the subsets may overlap.

    Updates are for eager execution only. See `FeatureDistance` for the rest. Of
    statistics the sample, of at most 5,000 images, is taken as it is.

    Args:
        feature_network: `FeatureNetwork` that gives the features.
        name: Optional string. Defaults to `"kid_<name of the network>"`.
        reference, generated: Optional `FeatureStatistics` of the images of a side.
        max_samples: Integer of at least 2, images of each side that are kept. Defaults
            to 5000.
        subsets: Integer of at least 2. Defaults to 10.
        subset_size: Integer of at least 2. Defaults to 1000.
        seed: Non-negative integer, determines samples and subsets. Defaults to 0.

    Example:

    ```python
    metric = KernelDistance(FeatureNetwork("inception_v3"))
    for photos, paintings in dataset:
        metric.update_state(paintings, generator(photos, training=False))
    print(f"{metric.name}: {metric.result():.4f} ± {metric.spread():.4f}")
    ```
    """

    def __init__(
        self,
        feature_network,
        name=None,
        reference=None,
        max_samples=MAX_SAMPLES,
        subsets=10,
        subset_size=1000,
        seed=0,
        generated=None,
    ):
        counts = {"max_samples": max_samples, "subsets": subsets}
        counts |= {"subset_size": subset_size, "seed": seed}
        for argument, value in counts.items():
            minimum = 0 if argument == "seed" else 2
            must = f"Argument `{argument}` must be an integer of at least {minimum}"
            fits = isinstance(value, int) and value >= minimum
            require(fits, must, **{argument: value})
        super().__init__("kid", feature_network, name, reference, generated)
        self.max_samples, self.subsets = max_samples, subsets
        self.subset_size, self.seed = subset_size, seed
        self._generated = Reservoir(max_samples, seed, stream=1)
        self._real = None if reference else Reservoir(max_samples, seed, stream=0)

    def _update(self, side, images):
        require(
            tf.executing_eagerly(),
            f"`{self.name}` keeps a sample of the images, which a graph cannot: update "
            "it outside, eagerly",
            RuntimeError,
        )
        super()._update(side, images)

    def _add(self, side, features):
        sample = self._real if side == "real" else self._generated
        sample.add(keras.ops.convert_to_numpy(features))

    def reset_state(self):
        super().reset_state()
        self._generated.clear()
        if self._real is not None:
            self._real.clear()

    def result(self):
        self._check_eager()
        real, generated = self._samples()
        self._check_image_sizes()
        sizes = [min(self.subset_size, len(side)) for side in (real, generated)]
        if sizes == [len(real), len(generated)]:
            return _kernel_distance(real, generated)
        return float(np.mean(self._subset_distances((real, generated), sizes)))

    def spread(self):
        """Standard deviation of the distance over random subsets.

        Each of the `subsets` subsets has `subset_size` images of the sample of either
        side, and a random half of a side that has no more than that, so that no two
        subsets are the same. They are drawn as those of the result.

        If both sides are larger than `subset_size`, the subsets are those of the
        result: it is how much the distance of that many images scatters, and the
        result, their mean, scatters less. If neither is, it is about the standard error
        of the result: a random half deviates from the whole about as much as the whole
        from infinitely many images. It is what other draws of images would change, and
        not what another training run would.

        Returns:
            A float, with Bessel's correction; `nan` if a side has less than 4 images.
        """
        real, generated = self._samples()
        if min(len(real), len(generated)) < 4:
            return float("nan")
        sizes = [
            self.subset_size if len(side) > self.subset_size else len(side) // 2
            for side in (real, generated)
        ]
        distances = self._subset_distances((real, generated), sizes)
        return float(np.std(distances, ddof=1))

    def _samples(self):
        real = self.reference or self._real
        generated = self.generated or self._generated
        self._check_counts(real.count, generated.count)
        return real.sample, generated.sample

    def _subset_distances(self, sides, sizes):
        random, distances = np.random.default_rng([self.seed, 2]), []
        for _ in range(self.subsets):
            real, generated = (
                side[random.choice(len(side), size, replace=False)]
                for side, size in zip(sides, sizes, strict=True)
            )
            distances.append(_kernel_distance(real, generated))
        return distances


def kernel_distance(real_features, generated_features, max_block_size=4096):
    """Unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³.

    Which features make it the published KID says `frechet_distance`. Unlike that
    distance its mean does not depend on the number of samples, so that a few hundred
    are enough, and it can come out a little below zero for equal distributions. In
    float64, by TF-GAN.

    Args:
        real_features: Array of shape `(samples, features)`.
        generated_features: Array of shape `(other_samples, features)`.
        max_block_size: Integer of at least 2. Larger sets are split into blocks, in
            their order, and the distances of the blocks are averaged: more noise in
            return for less memory, which grows as the square. Defaults to 4096, about
            0.7 GB.

    Returns:
        A float.

    Reference:
        Bińkowski et al., "Demystifying MMD GANs", 2018,
        https://arxiv.org/abs/1801.01401
    """
    real, generated = check_features(real_features, generated_features)
    must = "Argument `max_block_size` must be an integer of at least 2"
    require(max_block_size >= 2, must, max_block_size=max_block_size)
    blocks = math.ceil(max(len(real), len(generated)) / max_block_size)
    require(
        min(len(real), len(generated)) >= 2 * blocks,
        "Argument `max_block_size` must leave at least 2 samples of each set in every "
        f"block. Received: max_block_size={max_block_size} for {len(real)} real and "
        f"{len(generated)} generated samples, which makes {blocks} blocks. Increase it",
    )
    distance = import_tensorflow_gan().eval.kernel_classifier_distance_from_activations
    return float(distance(tf.constant(real), tf.constant(generated), max_block_size))


def _kernel_distance(real, generated):
    block = max(len(real), len(generated))
    return kernel_distance(real, generated, max_block_size=block)
