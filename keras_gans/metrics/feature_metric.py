"""What the scores of images in the features of a network have in common."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.metrics.feature_statistics import FeatureStatistics
from keras_gans.metrics.feature_statistics import check_feature_network
from keras_gans.metrics.feature_statistics import check_features_finite
from keras_gans.pixels import check_finite


class FeatureMetric(keras.metrics.Metric):
    """A score of images in the features of a network, which is part of its name.

    The configuration does not hold the network, so `from_config` cannot restore it.
    Features that are not finite are an error.

    Args:
        prefix: String, what the default name starts with.
        feature_network: `FeatureNetwork` that gives the features.
        name: Optional string.
    """

    def __init__(self, prefix, feature_network, name):
        check_feature_network(feature_network)
        super().__init__(name=name or f"{prefix}_{feature_network.name}")
        self.feature_network = feature_network
        self._warnings = set()

    def _features(self, images, side):
        try:
            features = self.feature_network(images)
        except ValueError as error:
            error.add_note(f"Those are the {side} images of `{self.name}`.")
            raise
        # In a graph it is left to `result`.
        if tf.executing_eagerly():
            check_features_finite(side, features)
        return features

    def _check_eager(self):
        require(
            tf.executing_eagerly(),
            f"The result of `{self.name}` cannot be part of a graph: update it there, "
            "and call `result()` outside",
            RuntimeError,
        )

    def _is_first(self, warning):
        is_first = warning not in self._warnings
        self._warnings.add(warning)
        return is_first


class FeatureDistance(FeatureMetric):
    """A distance of generated from real images.

    Args:
        reference: Optional `FeatureStatistics` of the real images, from the same
            network. With it, there are only generated images to add. `reset_state`
            keeps it.
        generated: Likewise those of the generated images.

    Call arguments:
        real: Images of shape `(batch, height, width, channels)`, float in [-1, 1] or
            uint8 in [0, 255]. Given alone to `update_real`.
        generated: The same; the two batches may differ in length. Given alone to
            `update_generated`.

    Returns:
        A float. It warns, once, if the images of the two sides differ in size. Fewer
        than 2 images of a side are an error.
    """

    def __init__(self, prefix, feature_network, name, reference, generated):
        super().__init__(prefix, feature_network, name)
        sides = {"reference": reference, "generated": generated}
        for argument, statistics in sides.items():
            if statistics is not None:
                check_reference(statistics, feature_network, argument)
        self.reference, self.generated = reference, generated
        self._image_sizes = {"real": set(), "generated": set()}

    def update_state(self, real, generated):
        """Adds a batch of real and a batch of generated images."""
        self.update_real(real)
        self.update_generated(generated)

    def update_real(self, images):
        """Adds a batch of real images."""
        require(
            self.reference is None,
            f"The real images of `{self.name}` are those of its `reference`, to which "
            "none can be added. Call `update_generated(images)`, or make the metric "
            "without `reference`",
        )
        self._update("real", images)

    def update_generated(self, images):
        """Adds a batch of generated images."""
        require(
            self.generated is None,
            f"The generated images of `{self.name}` are those of its `generated`, to "
            "which none can be added",
        )
        self._update("generated", images)

    def reset_state(self):
        """Forgets all images but those of the reference."""
        super().reset_state()
        for sizes in self._image_sizes.values():
            sizes.clear()

    def _update(self, side, images):
        features = self._features(images, side)
        shape = images.shape if hasattr(images, "shape") else np.shape(images)
        self._image_sizes[side].add(tuple(shape[1:3]))
        self._add(side, features)

    def _check_counts(self, real, generated):
        require(
            min(real, generated) >= 2,
            f"`{self.name}` is a distance of distributions, which less than 2 images "
            f"of one side do not have. Received: {real} real and {generated} "
            "generated images",
        )

    def _check_image_sizes(self):
        sizes = dict(self._image_sizes)
        for side, given in (("real", self.reference), ("generated", self.generated)):
            if given is not None:
                sizes[side] = set(given.image_sizes)
        # A graph may not know them.
        known = [{size for size in sizes[side] if None not in size} for side in sizes]
        if all(known) and known[0] != known[1] and self._is_first("sizes"):
            # Folders of paintings have hundreds of sizes, and to be compared they are
            # resized by intent: not an error.
            real, generated = (_list_sizes(sizes) for sizes in known)
            warnings.warn(
                # Without a name, so that several metrics of one comparison say it once.
                f"Real images of {real} are compared with generated images of "
                f"{generated} pixels. A part of the distance is that of the sizes, "
                "also if the network resizes both to its own: then one side is blurred "
                "or sharpened more than the other. Bring both to one size first, or "
                "compare with numbers at the same two sizes only.",
                stacklevel=3,
            )


def check_features(real_features, generated_features):
    matrices = []
    sides = {"real_features": real_features, "generated_features": generated_features}
    for name, features in sides.items():
        features = np.asarray(features, "float64")
        require(
            features.ndim == 2 and features.shape[0] >= 2 and features.shape[1],
            f"Argument `{name}` must be an array of shape (samples, features) with at "
            f"least 2 samples. Received: {name}.shape={features.shape}",
        )
        check_finite(name, features)
        matrices.append(features)
    real, generated = matrices
    require(
        real.shape[1] == generated.shape[1],
        "Arguments `real_features` and `generated_features` must have the same number "
        f"of features. Received: shapes {real.shape} and {generated.shape}",
    )
    return real, generated


def check_reference(reference, feature_network, argument="reference"):
    """Raises unless statistics are of a network; `None` for the network is any."""
    require(
        isinstance(reference, FeatureStatistics),
        f"Argument `{argument}` must be a `keras_gans.metrics.FeatureStatistics`. "
        f"Received: an object of {type(reference)}",
        TypeError,
    )
    if feature_network and reference.fingerprint != feature_network.fingerprint:
        raise ValueError(
            f"Argument `{argument}` must be from the same network as the metric: "
            "features of different networks cannot be compared. Received: statistics "
            f"of '{reference.network}' with resize mode '{reference.resize}' and the "
            f"network '{feature_network.name}' with resize mode "
            f"'{feature_network.resize}', of different fingerprints"
        )


def _list_sizes(sizes):
    listed = [f"{height}x{width}" for height, width in sorted(sizes)]
    return ", ".join(listed) if len(listed) < 4 else f"{len(listed)} sizes"
