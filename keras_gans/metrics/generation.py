"""Scores of generated samples: distances of distributions, classes and modes."""

import math
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.metrics.tf_gan import import_tensorflow_gan
from keras_gans.pixels import to_uint8

# Distances of feature distributions ------------------------------------------------


def frechet_distance(real_features, generated_features):
    """Fréchet distance between Gaussians that are fitted to two sets of features:

        |μ_r - μ_g|² + tr(Σ_r + Σ_g - 2 (Σ_r Σ_g)^½)

    It is the FID if the features are Inception's; with another network's features,
    name the network beside the number. The covariances are unbiased and everything is
    in float64, by TF-GAN.

    The estimate is too large, and the more so the fewer the samples. Compare models
    at the same number of samples only, and use several samples for each dimension.

    Args:
        real_features: Array of shape `(samples, features)`.
        generated_features: Array of shape `(other_samples, features)`.

    Returns:
        A float, not negative; 0 for equal means and covariances.

    Raises:
        ValueError: If the features are not two finite matrices of the same width with
            at least 2 samples each.

    Example:

    ```python
    real = classifier_features(classifier, real_images)
    generated = classifier_features(classifier, model.generate(1000))
    frechet_distance(real, generated)
    ```

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
        Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500
    """
    real, generated = _check_features(real_features, generated_features)
    warn_of_few_samples(min(len(real), len(generated)), real.shape[1])
    return frechet_distance_of_gaussians(
        real.mean(0),
        np.atleast_2d(np.cov(real, rowvar=False)),
        generated.mean(0),
        np.atleast_2d(np.cov(generated, rowvar=False)),
    )


def frechet_distance_of_gaussians(mean, covariance, other_mean, other_covariance):
    """Fréchet distance of two Gaussians, given as float64 arrays.

        |m₁ - m₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁ Σ₂)^½

    At 2,048 features it takes about 6 seconds on two cores.
    """
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


def warn_of_few_samples(samples, features):
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


def kernel_distance(real_features, generated_features, max_block_size=4096):
    """Unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³.

    It is the KID if the features are Inception's. Unlike the Fréchet distance its
    mean does not depend on the number of samples, so that a few hundred are enough,
    and it can come out a little below zero for equal distributions. In float64, by
    TF-GAN.

    Args:
        real_features: Array of shape `(samples, features)`.
        generated_features: Array of shape `(other_samples, features)`.
        max_block_size: Integer of at least 2. Larger sets are split into blocks, in
            their order, and the distances of the blocks are averaged: more noise in
            return for less memory, which grows as the square. Defaults to 4096, about
            0.7 GB.

    Returns:
        A float.

    Raises:
        ValueError: If the features are not two finite matrices of the same width with
            at least 2 samples each, or a block would hold less than 2 of one set.

    Reference:
        Bińkowski et al., "Demystifying MMD GANs", 2018,
        https://arxiv.org/abs/1801.01401
    """
    real, generated = _check_features(real_features, generated_features)
    if max_block_size < 2:
        raise ValueError(
            "Argument `max_block_size` must be an integer of at least 2. "
            f"Received: max_block_size={max_block_size}"
        )
    blocks = math.ceil(max(len(real), len(generated)) / max_block_size)
    if min(len(real), len(generated)) < 2 * blocks:
        raise ValueError(
            "Argument `max_block_size` must leave at least 2 samples of each set in "
            f"every block. Received: max_block_size={max_block_size} for {len(real)} "
            f"real and {len(generated)} generated samples, which makes {blocks} "
            "blocks. Increase it."
        )
    distance = import_tensorflow_gan().eval.kernel_classifier_distance_from_activations
    return float(distance(tf.constant(real), tf.constant(generated), max_block_size))


def _check_features(real_features, generated_features):
    matrices = []
    for name, features in (
        ("real_features", real_features),
        ("generated_features", generated_features),
    ):
        features = np.asarray(features, "float64")
        if features.ndim != 2 or features.shape[0] < 2 or features.shape[1] < 1:
            raise ValueError(
                f"Argument `{name}` must be an array of shape (samples, features) "
                f"with at least 2 samples. Received: {name}.shape={features.shape}"
            )
        _check_finite(name, features)
        matrices.append(features)
    real, generated = matrices
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            "Arguments `real_features` and `generated_features` must have the same "
            f"number of features. Received: shapes {real.shape} and {generated.shape}"
        )
    return real, generated


# Classes ---------------------------------------------------------------------------


def to_pixels(images):
    """Converts images in [-1, 1] to the pixels that they would be saved as.

    Args:
        images: Float array or tensor in [-1, 1]; what lies outside is clipped. Images
            of dtype uint8 are returned as they are.

    Returns:
        A uint8 array of the same shape, `round((images + 1) * 127.5)`.

    Raises:
        TypeError: For integers other than uint8, which have no agreed range.
        ValueError: If a value is not finite.
    """
    images = keras.ops.convert_to_numpy(images)
    if images.dtype == "uint8":
        return images
    if images.dtype.kind in "biu":
        raise TypeError(
            "Argument `images` must be floats in [-1, 1] or uint8 in [0, 255]. "
            f"Received: images.dtype={images.dtype}"
        )
    images = images.astype("float32")
    _check_finite("images", images)
    return to_uint8(images)


def classifier_features(classifier, images, batch_size=256):
    """What the last dense layer of a classifier sees of each image.

    Args:
        classifier: Functional `keras.Model` from images in [0, 255], such as
            `train_classifier` returns; its argument `feature_dim` sets the number of
            features. The layer before its last `Dense` layer gives the features.
        images: Images of shape `(n, height, width, channels)`, uint8 in [0, 255] or
            float in [-1, 1].
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A float32 array of shape `(n, features)`.

    Raises:
        ValueError: If the classifier has no `Dense` layer, or there are no images.
    """
    images = _check_images(images)
    dense = [
        layer for layer in classifier.layers if isinstance(layer, keras.layers.Dense)
    ]
    if not dense:
        raise ValueError(
            "Argument `classifier` must have a `Dense` layer, whose input are the "
            f"features. Received: classifier={classifier}"
        )
    network = keras.Model(classifier.input, dense[-1].input)
    # Not `predict`, which would trace each new network anew.
    batches = [
        network(images[start : start + batch_size], training=False)
        for start in range(0, len(images), batch_size)
    ]
    return np.concatenate([keras.ops.convert_to_numpy(batch) for batch in batches])


def class_statistics(classifier, images, minimum_share=0.1, batch_size=256):
    """How many classes a generator produces, and how evenly.

    Each image counts for the class that the classifier gives the largest output.

    Args:
        classifier: Model from images in [0, 255] to an output for each class, from
            `train_classifier`.
        images: Generated images of shape `(n, height, width, channels)`, uint8 in
            [0, 255] or float in [-1, 1].
        minimum_share: Float in [0, 1]: a class is produced if it has at least one
            image and this part of its fair share, `n / classes`. Defaults to 0.1,
            which is 1 % of the images for 10 classes. It keeps the mistakes of the
            classifier from counting as classes.
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A dict:
        - `classes_produced`: integer, number of classes that are produced;
        - `entropy`: float, entropy of the distribution of classes, in nats;
        - `entropy_share`: float, `entropy / log(classes)`, from 0 for one class to 1
          for all of them equally often.

    Raises:
        ValueError: If `minimum_share` is out of range, or there are no images.
    """
    _check_minimum_share(minimum_share)
    classes, predicted = _classify(classifier, images, batch_size)
    counts = np.bincount(predicted, minlength=classes)
    shares = counts[counts > 0] / len(predicted)
    entropy = float(np.sum(shares * np.log(1 / shares)))
    return {
        "classes_produced": _count_filled(counts, len(predicted), minimum_share),
        "entropy": entropy,
        "entropy_share": entropy / math.log(classes),
    }


def label_share(classifier, images, labels, batch_size=256):
    """Share of the images that show the class asked for, as a classifier sees it.

    Args:
        classifier: Model from images in [0, 255] to an output for each class, from
            `train_classifier`.
        images: Generated images of shape `(n, height, width, channels)`, uint8 in
            [0, 255] or float in [-1, 1].
        labels: Integers of shape `(n,)`, the labels that the generator was given.
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: If there are no images, or not one label for each.
    """
    labels = keras.ops.convert_to_numpy(labels)
    if labels.shape != (len(images),):
        raise ValueError(
            "Argument `labels` must have one label for each image. Received: "
            f"labels.shape={labels.shape} for {len(images)} images"
        )
    _, predicted = _classify(classifier, images, batch_size)
    return float(np.mean(predicted == labels))


def _classify(classifier, images, batch_size):
    """Returns the number of classes and the class of each image."""
    images = _check_images(images)
    outputs = classifier.predict(images, batch_size=batch_size, verbose=0)
    return outputs.shape[-1], outputs.argmax(-1)


def _check_images(images):
    images = to_pixels(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            "Argument `images` must be images of shape (n, height, width, channels), "
            f"at least one. Received: images.shape={images.shape}"
        )
    return images


# Modes -----------------------------------------------------------------------------


def mode_statistics(
    points, centers, standard_deviation, deviations=3.0, minimum_share=0.0
):
    """How many modes of a Gaussian mixture a generator covers, and how well.

    A point is of high quality if it is within `deviations` standard deviations of the
    nearest mode. The mixture itself does not score 1: in two dimensions and for 3
    standard deviations, 1 - exp(-9 / 2) = 0.989 of its points are of high quality.

    Args:
        points: Generated points of shape `(n, dimensions)`.
        centers: Array of shape `(modes, dimensions)`, the means of the mixture.
        standard_deviation: Positive float, of every mode in each dimension.
        deviations: Positive float, the distance (Euclidean) that still counts.
            Defaults to 3.
        minimum_share: Float in [0, 1]: a mode is covered if it is nearest to at least
            one point of high quality and to this part of its fair share,
            `n / modes`. Defaults to 0, the convention of the reference, which draws
            2,500 points. There a single stray point covers a mode, and more points
            cover more; 0.1 does not depend on their number.

    Returns:
        A dict:
        - `modes_covered`: integer, number of modes that are covered;
        - `high_quality`: float, share of the points that are of high quality.

    Raises:
        ValueError: If points and centers are not finite and of the same dimensions,
            or another argument is out of range.

    Example:

    ```python
    angles = 2 * np.pi * np.arange(8) / 8
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    mode_statistics(model.generate(2500), ring, standard_deviation=0.02)
    ```

    Reference:
        Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit
        Variational Learning", 2017, section 5.1, https://arxiv.org/abs/1705.07761
    """
    points = keras.ops.convert_to_numpy(points).astype("float64")
    centers = np.asarray(centers, "float64")
    for name, array in (("points", points), ("centers", centers)):
        if array.ndim != 2 or not array.size:
            raise ValueError(
                f"Argument `{name}` must be an array of shape (n, dimensions). "
                f"Received: {name}.shape={array.shape}"
            )
        _check_finite(name, array)
    if points.shape[1] != centers.shape[1]:
        raise ValueError(
            "Arguments `points` and `centers` must have the same number of "
            f"dimensions. Received: shapes {points.shape} and {centers.shape}"
        )
    for name, value in (
        ("standard_deviation", standard_deviation),
        ("deviations", deviations),
    ):
        if not value > 0:
            raise ValueError(
                f"Argument `{name}` must be greater than zero. Received: {name}={value}"
            )
    _check_minimum_share(minimum_share)
    distances = np.linalg.norm(points[:, None] - centers, axis=-1)
    high_quality = distances.min(1) <= deviations * standard_deviation
    nearest = distances.argmin(1)[high_quality]
    counts = np.bincount(nearest, minlength=len(centers))
    return {
        "modes_covered": _count_filled(counts, len(points), minimum_share),
        "high_quality": float(high_quality.mean()),
    }


def _check_minimum_share(minimum_share):
    if not 0 <= minimum_share <= 1:
        raise ValueError(
            "Argument `minimum_share` must lie in [0, 1]. "
            f"Received: minimum_share={minimum_share}"
        )


def _count_filled(counts, samples, minimum_share):
    """Counts the places with a sample at least and a part of their fair share."""
    return int((counts >= max(1, minimum_share * samples / len(counts))).sum())


def _check_finite(name, array):
    if not np.isfinite(array).all():
        raise ValueError(
            f"Argument `{name}` must be finite. Received: NaN or infinity in "
            f"{np.mean(~np.isfinite(array)):.2%} of its values. If a model made them, "
            "its training has diverged."
        )
