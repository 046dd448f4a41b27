"""Distances of generated from real images in the features of a network, in batches."""

import dataclasses
import hashlib
import io
import os
import pathlib
import typing
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.metrics.generation import (
    frechet_distance_of_gaussians,
    kernel_distance,
    to_pixels,
    warn_of_few_samples,
)

# Of each set of images, for kernel distances. At 2,048 features it is 40 MB.
_MAX_SAMPLES = 5000

# Metrics ---------------------------------------------------------------------------


class _FeatureMetric(keras.metrics.Metric):
    """A score of images in the features of a network.

    The configuration does not hold the network, so `from_config` cannot restore it.
    """

    def __init__(self, prefix, feature_network, name):
        _check_network(feature_network)
        super().__init__(name=name or f"{prefix}_{feature_network.name}")
        self.feature_network = feature_network

    def _features(self, images, side):
        try:
            features = self.feature_network(images)
        except ValueError as error:
            error.add_note(f"Those are the {side} images of `{self.name}`.")
            raise
        # In a graph it is left to `result`.
        if tf.executing_eagerly():
            _check_finite(side, features)
        return features

    def _check_eager(self):
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"The result of `{self.name}` cannot be part of a graph: update it "
                "there, and call `result()` outside."
            )


class _FeatureDistance(_FeatureMetric):
    """A distance of generated from real images."""

    def __init__(self, prefix, feature_network, name, reference):
        super().__init__(prefix, feature_network, name)
        if reference is not None:
            _check_reference(reference, feature_network)
        self.reference = reference
        self._image_sizes = {"real": set(), "generated": set()}
        self._warnings = set()

    def update_state(self, real, generated):
        """Adds a batch of real and a batch of generated images.

        Args:
            real: Images of shape `(batch, height, width, channels)`, float in [-1, 1]
                or uint8 in [0, 255].
            generated: The same; the two batches may differ in length.
        """
        self.update_real(real)
        self.update_generated(generated)

    def update_real(self, images):
        """Adds a batch of real images."""
        if self.reference is not None:
            raise ValueError(
                f"The real images of `{self.name}` are those of its `reference`, to "
                "which none can be added. Call `update_generated(images)`, or make the "
                "metric without `reference`."
            )
        self._update("real", images)

    def update_generated(self, images):
        """Adds a batch of generated images."""
        self._update("generated", images)

    def reset_state(self):
        """Forgets all images but those of the reference."""
        super().reset_state()
        for sizes in self._image_sizes.values():
            sizes.clear()

    def _update(self, side, images):
        features = self._features(images, side)
        self._image_sizes[side].add(_size_of(images))
        self._add(side, features)

    def _check_counts(self, real, generated):
        if min(real, generated) < 2:
            raise ValueError(
                f"`{self.name}` is a distance of distributions, which less than 2 "
                f"images of one side do not have. Received: {real} real and "
                f"{generated} generated images"
            )

    def _check_image_sizes(self):
        sizes = dict(self._image_sizes)
        if self.reference is not None:
            sizes["real"] = set(self.reference.image_sizes)
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

    def _is_first(self, warning):
        is_first = warning not in self._warnings
        self._warnings.add(warning)
        return is_first


class FrechetDistance(_FeatureDistance):
    """Fréchet distance between the features of real and of generated images:

        |μ_r - μ_g|² + tr(Σ_r + Σ_g - 2 (Σ_r Σ_g)^½)

    It is the FID if the network is Inception; with another one it is another number,
    and so the network is part of the metric's name. Only count, mean and covariance of
    each side are kept, in float64 whatever the precision policy: memory does not grow
    with the images, and the result is `frechet_distance` of all features at once. The
    trace of the root is TF-GAN's.

    The estimate is too large, and the more so the fewer the images. Compare models at
    the same number of images only.

    `update_state` also works in a graph, on one replica; `result` is for outside. The
    metric cannot be restored from a configuration.

    Args:
        feature_network: `FeatureNetwork` that gives the features.
        name: Optional string. Defaults to `"fid_<name of the network>"`.
        reference: Optional `FeatureStatistics` of the real images, from the same
            network. With it, there are only generated images to add. `reset_state`
            keeps it.

    Call arguments:
        real: Images of shape `(batch, height, width, channels)`, float in [-1, 1] or
            uint8 in [0, 255]. Given alone to `update_real`.
        generated: The same; the two batches may differ in length. Given alone to
            `update_generated`.

    Returns:
        A float, not negative; 0 for equal means and covariances. It warns, once, if
        there are fewer images than features, or if the images of the two sides differ
        in size.

    Raises:
        TypeError: If `feature_network` or `reference` is something else.
        ValueError: If `reference` is from another network, features are not finite, or
            a side has less than 2 images.

    Example:

    ```python
    network = FeatureNetwork("inception_v3")
    paintings = FeatureStatistics.of(images, network, cache="paintings.npz")
    metric = FrechetDistance(network, reference=paintings)
    for photos in dataset:
        metric.update_generated(generator(photos, training=False))
    print(metric.name, metric.result())
    ```

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
        Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500
    """

    def __init__(self, feature_network, name=None, reference=None):
        super().__init__("fid", feature_network, name, reference)
        dimensions = feature_network.feature_dim
        self._generated = _Moments(dimensions, name="generated")
        self._real = None if reference else _Moments(dimensions, name="real")

    def _add(self, side, features):
        moments = self._real if side == "real" else self._generated
        moments.update_state(features)

    def result(self):
        self._check_eager()
        real, generated = (
            self.reference or self._real.result(),
            self._generated.result(),
        )
        self._check_counts(real.count, generated.count)
        _check_finite("real", real.mean)
        _check_finite("generated", generated.mean)
        self._check_image_sizes()
        count, dimensions = min(real.count, generated.count), len(real.mean)
        if count < dimensions and self._is_first("count"):
            warn_of_few_samples(count, dimensions)
        return frechet_distance_of_gaussians(
            real.mean, real.covariance, generated.mean, generated.covariance
        )


class KernelDistance(_FeatureDistance):
    """Unbiased squared maximum mean discrepancy between the features of real and of
    generated images, with the kernel (x·y / d + 1)³.

    It is the KID if the network is Inception; with another one it is another number,
    and so the network is part of the metric's name. Its mean does not depend on the
    number of images, so that a few hundred are enough, and it can come out a little
    below zero for equal distributions. The arithmetic is TF-GAN's, in float64.

    Of each side at most `max_samples` images are kept, drawn at random such that each
    has the same chance. The same images in the same order give the same sample,
    whatever the size of the batches.

    If the samples of both sides have at most `subset_size` images, the result is the
    distance of all of them. Otherwise it is the mean over `subsets` subsets. Each of
    them has `subset_size` images of the sample of either side, or all if it has fewer,
    drawn without replacement; the subsets are drawn independently of each other, from
    `seed`, so they may overlap.

    Updates are for eager execution only. The metric cannot be restored from a
    configuration.

    Args:
        feature_network: `FeatureNetwork` that gives the features.
        name: Optional string. Defaults to `"kid_<name of the network>"`.
        reference: Optional `FeatureStatistics` of the real images, from the same
            network. With it, there are only generated images to add; its sample, of
            at most 5,000 images, is taken as it is. `reset_state` keeps it.
        max_samples: Integer of at least 2, images of each side that are kept. Defaults
            to 5000.
        subsets: Integer of at least 2. Defaults to 10.
        subset_size: Integer of at least 2. Defaults to 1000.
        seed: Non-negative integer, determines samples and subsets. Defaults to 0.

    Call arguments:
        real: Images of shape `(batch, height, width, channels)`, float in [-1, 1] or
            uint8 in [0, 255]. Given alone to `update_real`.
        generated: The same; the two batches may differ in length. Given alone to
            `update_generated`.

    Returns:
        A float. It warns, once, if the images of the two sides differ in size.

    Raises:
        TypeError: If `feature_network` or `reference` is something else.
        ValueError: If another argument is out of range, `reference` is from another
            network, features are not finite, or a side has less than 2 images.

    Example:

    ```python
    metric = KernelDistance(FeatureNetwork("inception_v3"))
    for photos, paintings in dataset:
        metric.update_state(paintings, generator(photos, training=False))
    print(f"{metric.name}: {metric.result():.4f} ± {metric.spread():.4f}")
    ```

    Reference:
        Bińkowski et al., "Demystifying MMD GANs", 2018,
        https://arxiv.org/abs/1801.01401
    """

    def __init__(
        self,
        feature_network,
        name=None,
        reference=None,
        max_samples=_MAX_SAMPLES,
        subsets=10,
        subset_size=1000,
        seed=0,
    ):
        for argument, value, minimum in (
            ("max_samples", max_samples, 2),
            ("subsets", subsets, 2),
            ("subset_size", subset_size, 2),
            ("seed", seed, 0),
        ):
            if not isinstance(value, int) or value < minimum:
                raise ValueError(
                    f"Argument `{argument}` must be an integer of at least {minimum}. "
                    f"Received: {argument}={value}"
                )
        super().__init__("kid", feature_network, name, reference)
        self.max_samples = max_samples
        self.subsets = subsets
        self.subset_size = subset_size
        self.seed = seed
        self._generated = _Reservoir(max_samples, seed, stream=1)
        self._real = None if reference else _Reservoir(max_samples, seed, stream=0)

    def _update(self, side, images):
        if not tf.executing_eagerly():
            raise RuntimeError(
                f"`{self.name}` keeps a sample of the images, which a graph cannot: "
                "update it outside, eagerly."
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

        Returns:
            A float, with Bessel's correction; `nan` if a side has less than 4 images.

            If both sides are larger than `subset_size`, the subsets are those of the
            result: it is how much the distance of that many images scatters, and the
            result, their mean, scatters less.

            If neither is, it is about the standard error of the result: a random half
            deviates from the whole about as much as the whole from infinitely many
            images.

            It is what other draws of images would change, and not what another
            training run would.

        Raises:
            ValueError: As for the result.
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
        real, generated = self.reference or self._real, self._generated
        self._check_counts(real.count, generated.count)
        return real.sample, generated.sample

    def _subset_distances(self, sides, sizes):
        random = np.random.default_rng([self.seed, 2])
        return [
            _kernel_distance(
                *(
                    side[random.choice(len(side), size, replace=False)]
                    for side, size in zip(sides, sizes, strict=True)
                )
            )
            for _ in range(self.subsets)
        ]


class InceptionScore(_FeatureMetric):
    """Inception score: how sure a classifier is of each generated image, and how evenly
    the images spread over its classes:

        exp(E[Σ p log p] - Σ p̄ log p̄)    for class probabilities p with mean p̄

    From 1, if all images look the same to the classifier, to the number of classes, or
    of images if that is less. It says nothing of how near the images are to real ones,
    or of their variety within a class. Only sums are kept, in float64.

    `update_state` also works in a graph, on one replica; `result` is for outside. The
    metric cannot be restored from a configuration.

    Args:
        feature_network: `FeatureNetwork` whose features are the logits of a
            classifier.
        name: Optional string. Defaults to `"inception_score_<name of the network>"`.

    Call arguments:
        generated: Images of shape `(batch, height, width, channels)`, float in [-1, 1]
            or uint8 in [0, 255].

    Returns:
        A float. It warns, once, if there are fewer images than classes.

    Raises:
        TypeError: If `feature_network` is something else.
        ValueError: If logits are not finite, or there are less than 2 images.

    Example:

    ```python
    metric = InceptionScore(FeatureNetwork("inception_v3", output="logits"))
    metric.update_state(model.generate(1000))
    metric.result()
    ```

    Reference:
        Salimans et al., "Improved Techniques for Training GANs", 2016,
        https://arxiv.org/abs/1606.03498
    """

    def __init__(self, feature_network, name=None):
        super().__init__("inception_score", feature_network, name)
        classes = feature_network.feature_dim
        self.count = self.add_variable((), "zeros", "float64", name="count")
        self._sum = self.add_variable((classes,), "zeros", "float64", name="sum")
        self._negative_entropy = self.add_variable(
            (), "zeros", "float64", name="negative_entropy"
        )
        self._has_warned = False

    def update_state(self, generated):
        logits = tf.cast(self._features(generated, "generated"), tf.float64)
        log_probabilities = tf.nn.log_softmax(logits)
        probabilities = tf.exp(log_probabilities)
        self.count.assign_add(tf.cast(tf.shape(logits)[0], tf.float64))
        self._sum.assign_add(tf.reduce_sum(probabilities, axis=0))
        self._negative_entropy.assign_add(
            tf.reduce_sum(probabilities * log_probabilities)
        )

    def update_generated(self, images):
        """Adds a batch of generated images, as `update_state` does."""
        self.update_state(images)

    def result(self):
        self._check_eager()
        count, classes = int(self.count), self._sum.shape[0]
        if count < 2:
            raise ValueError(
                f"`{self.name}` needs at least 2 images: that of a single one is 1, "
                f"whatever it shows. Received: {count} images"
            )
        mean = self._sum.numpy() / count
        _check_finite("generated", mean)
        if count < classes and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"`{self.name}` spreads {count} images over {classes} classes. It "
                "cannot be larger than the number of images, and comes out far too "
                "small: compare it with scores of the same number of images only.",
                stacklevel=2,
            )
        # A probability of 0 adds nothing.
        logarithms = np.log(mean, where=mean > 0, out=np.zeros_like(mean))
        negative_entropy = float(self._negative_entropy) / count
        return float(np.exp(negative_entropy - np.sum(mean * logarithms)))


# Statistics of a reference set -----------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """What the distances need to know of a set of real images.

    Args:
        count: Integer, number of images.
        mean: Float64 array of shape `(features,)`.
        covariance: Float64 array of shape `(features, features)`, unbiased; all NaN
            for a single image.
        sample: Float32 array of shape `(samples, features)`, of at most 5,000 images,
            drawn at random such that each has the same chance.
        network: String, name of the network that gave the features.
        fingerprint: String, stands for the network's weights, its size and how it
            resizes.
        resize: String, how the network resizes images.
        image_sizes: Tuple of pairs (height, width), all sizes that occur.
        images_hash: String, SHA-256 of the pixels of all images, in their order.
    """

    count: int
    mean: np.ndarray = dataclasses.field(repr=False)
    covariance: np.ndarray = dataclasses.field(repr=False)
    sample: np.ndarray = dataclasses.field(repr=False)
    network: str
    fingerprint: str
    resize: str
    image_sizes: tuple
    images_hash: str

    @classmethod
    def of(cls, images, feature_network, batch_size=32, cache=None):
        """Computes the statistics of a set of images, or loads them.

        Args:
            images: Images of shape `(n, height, width, channels)`, float in [-1, 1] or
                uint8 in [0, 255], or a `tf.data.Dataset` or other iterable of batches
                of images, each batch of one size. The order counts, for the sample and
                the hash.
            feature_network: `FeatureNetwork` that gives the features.
            batch_size: Positive integer, for an array of images. Defaults to 32.
            cache: Optional path of an `.npz` file. If it does not exist, the statistics
                are saved to it. If it does, they are loaded, and checked to be those of
                this network and of these images, which still have to be read.

        Returns:
            A `FeatureStatistics`.

        Raises:
            TypeError: If `feature_network` or a batch is something else.
            ValueError: If there are no images, features are not finite, or the file is
                damaged, or of another network or other images. The message names what
                differs.

        Example:

        ```python
        network = FeatureNetwork("inception_v3")
        images = keras.utils.image_dataset_from_directory("paintings", labels=None)
        images = images.map(lambda image: image / 127.5 - 1)
        statistics = FeatureStatistics.of(images, network, cache="paintings.npz")
        ```
        """
        _check_network(feature_network)
        batches = _batches(images, batch_size)
        if cache is None:
            return cls._compute(batches, feature_network)
        path = pathlib.Path(cache)
        if not path.exists():
            # Before the work, and not after it.
            path.parent.mkdir(parents=True, exist_ok=True)
            _temporary(path).touch()
            try:
                statistics = cls._compute(batches, feature_network)
                statistics.save(path)
            finally:
                _temporary(path).unlink(missing_ok=True)
            return statistics
        statistics = cls.load(path, feature_network)
        digest = _ImageDigest()
        for batch in batches:
            digest.add(batch)
        statistics._check(
            path,
            ("number of images", statistics.count, digest.count),
            ("SHA-256 of the images", statistics.images_hash, digest.hexdigest()),
        )
        return statistics

    @classmethod
    def _compute(cls, batches, feature_network):
        moments = _Moments(feature_network.feature_dim, name="reference")
        # The sample that `KernelDistance` with its defaults would keep.
        sample = _Reservoir(_MAX_SAMPLES, seed=0, stream=0)
        digest = _ImageDigest()
        for batch in batches:
            features = feature_network(batch)
            _check_finite("real", features)
            moments.update_state(features)
            sample.add(keras.ops.convert_to_numpy(features))
            digest.add(batch)
        if not digest.count:
            raise ValueError(
                "Argument `images` must have at least one image. Received: none"
            )
        return cls(
            **moments.result()._asdict(),
            sample=sample.sample,
            network=feature_network.name,
            fingerprint=feature_network.fingerprint,
            resize=str(feature_network.resize),
            image_sizes=tuple(sorted(digest.sizes)),
            images_hash=digest.hexdigest(),
        )

    def save(self, path):
        """Writes an `.npz` file. A kill or a full disk leaves an old one as it was.

        Args:
            path: Path of the file; its folder is created.
        """
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(_temporary(path), "wb") as file:
            np.savez(file, **vars(self))
        os.replace(_temporary(path), path)

    @classmethod
    def load(cls, path, feature_network):
        """Reads a file that `save` wrote.

        Args:
            path: Path of the file.
            feature_network: `FeatureNetwork` that the statistics have to be from.

        Returns:
            A `FeatureStatistics`.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is damaged, or of another network. The message names what
                differs.
        """
        _check_network(feature_network)
        content = pathlib.Path(path).read_bytes()
        try:
            statistics = cls._parse(content)
        # Of many kinds, after the byte that is broken.
        except Exception as error:
            raise ValueError(
                f"The file '{path}' is damaged, or does not hold feature statistics: "
                f"{error}. Delete it, and it is computed again."
            ) from error
        statistics._check(path, *statistics._network_values(feature_network))
        return statistics

    @classmethod
    def _parse(cls, content):
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {field.name: file[field.name] for field in dataclasses.fields(cls)}
        sizes = arrays.pop("image_sizes").tolist()
        statistics = cls(
            image_sizes=tuple(tuple(size) for size in sizes),
            # Numbers and strings come as arrays without dimensions.
            **{
                name: array if array.ndim else array.item()
                for name, array in arrays.items()
            },
        )
        (width,) = statistics.mean.shape
        expected = [(width,), (width, width), (len(statistics.sample), width)]
        found = [statistics.mean, statistics.covariance, statistics.sample]
        if [array.shape for array in found] != expected:
            raise ValueError("its arrays do not fit together")
        return statistics

    def _network_values(self, feature_network):
        """Returns triples of what may differ, the value here and the one there."""
        return (
            ("name of the network", self.network, feature_network.name),
            ("resize mode", self.resize, str(feature_network.resize)),
            ("number of features", len(self.mean), feature_network.feature_dim),
            (
                "fingerprint of the network, its size and resize mode",
                self.fingerprint,
                feature_network.fingerprint,
            ),
        )

    def _check(self, path, *values):
        differences = [
            f"{name}: {value!r} in the file, {expected!r} here"
            for name, value, expected in values
            if value != expected
        ]
        if differences:
            raise ValueError(
                f"The feature statistics in '{path}' are of something else, and a "
                "distance to them would mean nothing. Delete the file, or choose "
                "another one. " + "; ".join(differences)
            )


# Helpers ---------------------------------------------------------------------------


class _Moments(keras.metrics.Metric):
    """Count, mean and sum of centred outer products of the rows of matrices."""

    def __init__(self, dimensions, name):
        super().__init__(name=name)
        self.count = self.add_variable((), "zeros", "float64", name="count")
        self.mean = self.add_variable((dimensions,), "zeros", "float64", name="mean")
        self.products = self.add_variable(
            (dimensions, dimensions), "zeros", "float64", name="products"
        )

    def update_state(self, features):
        # Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983:
        # centred first, a mean far from zero does not swallow the deviations.
        features = tf.cast(features, tf.float64)
        count = tf.cast(tf.shape(features)[0], tf.float64)
        total = self.count + count
        mean = tf.math.divide_no_nan(tf.reduce_sum(features, axis=0), count)
        shift = mean - self.mean
        weight = tf.math.divide_no_nan(self.count * count, total)
        # The outer product of the shift comes in as one more row.
        rows = tf.concat([features - mean, tf.sqrt(weight) * shift[None]], axis=0)
        self.products.assign_add(tf.matmul(rows, rows, transpose_a=True))
        self.mean.assign_add(shift * tf.math.divide_no_nan(count, total))
        self.count.assign(total)

    def result(self):
        count, products = int(self.count), self.products.numpy()
        covariance = products / (count - 1) if count > 1 else products * np.nan
        return _Gaussian(count, self.mean.numpy(), covariance)


class _Gaussian(typing.NamedTuple):
    """The part of `FeatureStatistics` that Fréchet distances need."""

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class _Reservoir:
    """A random sample of the rows of matrices, in their order.

    Each row gets a random number, and the smallest are kept: which, does not depend on
    how the rows are split into matrices.
    """

    def __init__(self, size, seed, stream):
        self._size = size
        self._seed = [seed, stream]
        self.clear()

    def clear(self):
        self._random = np.random.default_rng(self._seed)
        self._numbers = np.empty(0)
        self.sample = None
        self.count = 0

    def add(self, rows):
        numbers = np.append(self._numbers, self._random.random(len(rows)))
        if self.sample is not None:
            rows = np.concatenate([self.sample, rows])
        self.count += len(numbers) - len(self._numbers)
        if len(numbers) > self._size:
            kept = np.sort(np.argpartition(numbers, self._size)[: self._size])
            numbers, rows = numbers[kept], rows[kept]
        self._numbers, self.sample = numbers, rows


class _ImageDigest:
    """Count, sizes and hash of images as the pixels that they would be saved as."""

    def __init__(self):
        self.count = 0
        self.sizes = set()
        self._hash = hashlib.sha256()

    def add(self, images):
        for pixels in to_pixels(images):
            self.count += 1
            self.sizes.add(pixels.shape[:2])
            self._hash.update(f"{pixels.shape}".encode())
            self._hash.update(np.ascontiguousarray(pixels))

    def hexdigest(self):
        return self._hash.hexdigest()


def _batches(images, batch_size):
    """Returns an iterator of batches of images."""
    if batch_size < 1:
        raise ValueError(
            "Argument `batch_size` must be a positive integer. "
            f"Received: batch_size={batch_size}"
        )
    if not hasattr(images, "shape"):
        return map(_check_batch, images)
    starts = range(0, len(images), batch_size)
    return (_check_batch(images[start : start + batch_size]) for start in starts)


def _check_batch(batch):
    if len(getattr(batch, "shape", ())) != 4:
        kind = f"shape {batch.shape}" if hasattr(batch, "shape") else type(batch)
        raise TypeError(
            "Argument `images` must be an array, or a dataset of batches, of images of "
            f"shape (batch, height, width, channels). Received: {kind}"
        )
    return batch


def _check_network(feature_network):
    if not callable(feature_network) or not hasattr(feature_network, "feature_dim"):
        raise TypeError(
            "Argument `feature_network` must be a `keras_gans.metrics.FeatureNetwork`. "
            f"Received: feature_network={feature_network!r}"
        )


def _check_reference(reference, feature_network):
    if not isinstance(reference, FeatureStatistics):
        raise TypeError(
            "Argument `reference` must be a `keras_gans.metrics.FeatureStatistics`. "
            f"Received: an object of {type(reference)}"
        )
    if reference.fingerprint != feature_network.fingerprint:
        raise ValueError(
            "Argument `reference` must be from the same network as "
            "`feature_network`: features of different networks cannot be compared. "
            f"Received: statistics of '{reference.network}' with resize mode "
            f"'{reference.resize}' and the network '{feature_network.name}' with "
            f"resize mode '{feature_network.resize}', of different fingerprints"
        )


def _check_finite(side, features):
    finite = np.isfinite(keras.ops.convert_to_numpy(features))
    if not finite.all():
        raise ValueError(
            f"The features of the {side} images are not finite, and a score of them "
            f"would mean nothing. Received: NaN or infinity in {np.mean(~finite):.2%} "
            "of the values. If a model made the images, its training may have diverged."
        )


def _kernel_distance(real, generated):
    block = max(len(real), len(generated))
    return kernel_distance(real, generated, max_block_size=block)


def _size_of(images):
    shape = images.shape if hasattr(images, "shape") else np.shape(images)
    return tuple(shape[1:3])


def _list_sizes(sizes):
    listed = [f"{height}x{width}" for height, width in sorted(sizes)]
    return ", ".join(listed) if len(listed) < 4 else f"{len(listed)} sizes"


def _temporary(path):
    # Of this process only: several may want the same statistics.
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")
