"""Modes of a Gaussian mixture that generated points cover."""

import keras
import numpy as np

from keras_gans.checks import positive_float, probability, require
from keras_gans.pixels import check_finite


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
        require(
            array.ndim == 2 and array.size,
            f"Argument `{name}` must be an array of shape (n, dimensions). "
            f"Received: {name}.shape={array.shape}",
        )
        check_finite(name, array)
    require(
        points.shape[1] == centers.shape[1],
        "Arguments `points` and `centers` must have the same number of dimensions. "
        f"Received: shapes {points.shape} and {centers.shape}",
    )
    positive_float("standard_deviation", standard_deviation)
    positive_float("deviations", deviations)
    probability("minimum_share", minimum_share)
    distances = np.linalg.norm(points[:, None] - centers, axis=-1)
    high_quality = distances.min(1) <= deviations * standard_deviation
    nearest = distances.argmin(1)[high_quality]
    counts = np.bincount(nearest, minlength=len(centers))
    return {
        "modes_covered": count_filled(counts, len(points), minimum_share),
        "high_quality": float(high_quality.mean()),
    }


def count_filled(counts, samples, minimum_share):
    """Counts the places with a sample at least and a part of their fair share."""
    return int((counts >= max(1, minimum_share * samples / len(counts))).sum())
