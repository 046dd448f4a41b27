"""The Fréchet distance of images in the features of a network (FID)."""

import warnings

import numpy as np

from keras_gans.metrics.feature_metric import FeatureDistance, check_features
from keras_gans.metrics.feature_statistics import Moments, check_features_finite
from keras_gans.metrics.registry import metric


@metric(
    "fid",
    network="features",
    has_reference=True,
    at_least=2,
    reason="a single image has no covariance, and an FID of it would be arbitrary",
)
class FrechetDistance(FeatureDistance):
    """Fréchet distance between the features of real and of generated images, the FID
    in those of `"tfgan_inception"`; see `frechet_distance` for the formula.

    Only count, mean and covariance of each side are kept, in float64 whatever the
    precision policy: memory does not grow with the images, and the result is
    `frechet_distance` of all features at once. It warns, once, if there are fewer
    images than features. `update_state` also works in a graph, on one replica; `result`
    is for outside. For the arguments see `FeatureDistance`; the name is by default
    `"fid_<name of the network>"`.

    Example:

    ```python
    network = FeatureNetwork("inception_v3")
    paintings = FeatureStatistics.of(images, network, cache="paintings.npz")
    metric = FrechetDistance(network, reference=paintings)
    for photos in dataset:
        metric.update_generated(generator(photos, training=False))
    print(metric.name, metric.result())
    ```
    """

    def __init__(self, feature_network, name=None, reference=None, generated=None):
        super().__init__("fid", feature_network, name, reference, generated)
        dimensions = feature_network.feature_dim
        self._generated = Moments(dimensions, name="generated")
        self._real = None if reference else Moments(dimensions, name="real")

    def _add(self, side, features):
        moments = self._real if side == "real" else self._generated
        moments.update_state(features)

    def result(self):
        self._check_eager()
        real = self.reference or self._real.result()
        generated = self.generated or self._generated.result()
        self._check_counts(real.count, generated.count)
        check_features_finite("real", real.mean)
        check_features_finite("generated", generated.mean)
        self._check_image_sizes()
        count, dimensions = min(real.count, generated.count), len(real.mean)
        if count < dimensions and self._is_first("count"):
            _warn_of_few_samples(count, dimensions)
        return _distance_of_gaussians(
            real.mean, real.covariance, generated.mean, generated.covariance
        )


def frechet_distance(real_features, generated_features):
    """Fréchet distance between Gaussians that are fitted to two sets of features:

        |μ_r - μ_g|² + tr(Σ_r + Σ_g - 2 (Σ_r Σ_g)^½)

    It compares with published FIDs if the features are those of
    `FeatureNetwork("tfgan_inception", resize="legacy")`; with other features, those of
    `"inception_v3"` too, name the network beside the number. The covariances are
    unbiased and everything is in float64.

    The estimate is too large, and the more so the fewer the samples. Compare models
    at the same number of samples only, and use several samples for each dimension.

    Args:
        real_features: Array of shape `(samples, features)`.
        generated_features: Array of shape `(other_samples, features)`.

    Returns:
        A non-negative float; 0 for equal means and covariances.

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
        Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500
    """
    real, generated = check_features(real_features, generated_features)
    _warn_of_few_samples(min(len(real), len(generated)), real.shape[1])
    return _distance_of_gaussians(
        real.mean(0),
        np.atleast_2d(np.cov(real, rowvar=False)),
        generated.mean(0),
        np.atleast_2d(np.cov(generated, rowvar=False)),
    )


def _distance_of_gaussians(mean, covariance, other_mean, other_covariance):
    # At 2,048 features it takes about 6 seconds on two cores.
    distance = (
        np.sum(np.square(mean - other_mean))
        + np.trace(covariance)
        + np.trace(other_covariance)
        - 2 * _trace_of_root(covariance, other_covariance)
    )
    # Rounding can leave equal sets a little below zero.
    return max(0.0, float(distance))


def _trace_of_root(covariance, other_covariance):
    # With Σ = R Rᵀ the trace is the sum of the singular values of R₁ᵀ R₂. TF-GAN takes
    # the roots of all singular values of a product instead, and drops those below
    # 1e-10: where the spectrum is steep they add up to a few 1e-5 of the distance.
    product = _root(covariance).T @ _root(other_covariance)
    return np.linalg.svd(product, compute_uv=False).sum()


def _root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    # What is rounding error, below zero or above, would count with its root.
    error = len(values) * np.finfo(values.dtype).eps * max(values[-1], 0)
    return vectors * np.sqrt(np.where(values > error, values, 0))


def _warn_of_few_samples(samples, features):
    """Warns the caller's caller if there are fewer samples than features."""
    if samples < features:
        warnings.warn(
            f"The Fréchet distance of {features} features is estimated from {samples} "
            "samples. A covariance of fewer samples than features is singular, and "
            "the distance comes out far too large: compare it with distances at the "
            "same number of samples only, or better take more samples or fewer "
            "features.",
            stacklevel=3,
        )
