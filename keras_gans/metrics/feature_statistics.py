"""Statistics of the features of a set of images, added up batch by batch."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import os
import pathlib
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import positive_integer, require
from keras_gans.pixels import to_pixels

# Of each set of images, for kernel distances. At 2,048 features it is 40 MB.
MAX_SAMPLES = 5000
_no_numbers = functools.partial(np.empty, 0)
_no_places = functools.partial(np.empty, 0, "int64")


@dataclasses.dataclass
class Split:
    """Which part of a set of images statistics are of, see `FeatureStatistics.merge`.

    Args:
        part: Integer from 1 to `parts`.
        parts: Positive integer.
        whole: String that stands for the whole set.
        places: List of the place of each image in the whole set, a non-negative
            integer. It may grow while images are read.
    """

    part: int
    parts: int
    whole: str
    places: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """What the distances need to know of a set of images.

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
        numbers: Float64 array of shape `(samples,)`, the random numbers by which the
            sample was drawn: the smallest of all.
        places: Int64 array of shape `(samples,)`, their places in the whole set.
        part: String, `"2/8"` for the second of eight parts of a set; empty for a set.
        whole: String that stands for the set which this is a part of.
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
    # Of what an earlier version saved: it is no part of a set, and not merged.
    numbers: np.ndarray = dataclasses.field(default_factory=_no_numbers, repr=False)
    places: np.ndarray = dataclasses.field(default_factory=_no_places, repr=False)
    part: str = ""
    whole: str = ""

    @classmethod
    def of(
        cls, images, feature_network, batch_size=32, cache=None, stream=0, split=None
    ):
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
            stream: Non-negative integer, determines the sample. Defaults to 0, as for
                real images; generated ones have 1, so that a set that is compared with
                itself is not with the same sample.
            split: Optional `Split`, where the images are a part of a set.

        Raises:
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
        check_feature_network(feature_network)
        batches = _batches(images, batch_size)
        if cache is None:
            return cls._compute(batches, feature_network, stream, split)
        path = pathlib.Path(cache)
        if not path.exists():
            # Before the work, and not after it.
            with _temporary_file(path):
                statistics = cls._compute(batches, feature_network, stream, split)
                statistics.save(path)
            return statistics
        statistics = cls.load(path, feature_network)
        digest = ImageDigest()
        for batch in batches:
            digest.add(batch)
        statistics._check(
            path,
            ("number of images", statistics.count, digest.count),
            ("SHA-256 of the images", statistics.images_hash, digest.hexdigest()),
        )
        return statistics

    @classmethod
    def _compute(cls, batches, feature_network, stream, split):
        moments = Moments(feature_network.feature_dim, name="reference")
        # The sample that `KernelDistance` with its defaults would keep.
        sample = Reservoir(MAX_SAMPLES, seed=0, stream=stream)
        digest = ImageDigest()
        for batch in batches:
            features = feature_network(batch)
            check_features_finite("real", features)
            moments.update_state(features)
            here = slice(digest.count, digest.count + len(features))
            places = None if split is None else split.places[here]
            sample.add(keras.ops.convert_to_numpy(features), places)
            digest.add(batch)
        require(
            digest.count, "Argument `images` must have at least one image. It has none"
        )
        return cls(
            **moments.result()._asdict(),
            sample=sample.sample,
            numbers=sample.numbers,
            places=sample.places,
            part=f"{split.part}/{split.parts}" if split else "",
            whole=split.whole if split else "",
            network=feature_network.name,
            fingerprint=feature_network.fingerprint,
            resize=str(feature_network.resize),
            image_sizes=tuple(sorted(digest.sizes)),
            images_hash=digest.hexdigest(),
        )

    @classmethod
    def merge(cls, parts):
        """Merges the statistics of all parts of a set.

        Count, mean and covariance are those of the set, up to the rounding of float64,
        and the sample is the same as if there had been one part.

        Args:
            parts: List of `FeatureStatistics`, each of another `Split` of the same set,
                in any order.

        Raises:
            ValueError: If a part is missing or there twice, or parts are of different
                sets or networks.
        """
        require(
            parts and all(part.part for part in parts),
            "Statistics that are merged must be parts of a set",
        )
        parts = sorted(parts, key=lambda part: [*map(int, part.part.split("/"))])
        first = parts[0]
        count = int(first.part.partition("/")[2])
        there, wanted = [p.part for p in parts], [
            f"{i + 1}/{count}" for i in range(count)
        ]
        for name in ("whole", "fingerprint"):
            require(
                len({getattr(part, name) for part in parts}) == 1,
                "Statistics that are merged must be parts of one set, in the features "
                f"of one network. They differ in `{name}`",
            )
        require(
            there == wanted,
            f"Statistics that are merged must be all {count} parts of a set, each "
            f"once. Received: {', '.join(there)}",
        )
        moments = Moments(len(first.mean), name="merged")
        for part in parts:
            moments.add(part)
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("numbers", "places", "sample")
        }
        kept = _kept(columns["numbers"], columns["places"], MAX_SAMPLES)
        hashes = "".join(part.images_hash for part in parts)
        return cls(
            **moments.result()._asdict(),
            **{name: column[kept] for name, column in columns.items()},
            network=first.network,
            fingerprint=first.fingerprint,
            resize=first.resize,
            image_sizes=tuple(sorted({s for part in parts for s in part.image_sizes})),
            images_hash=hashlib.sha256(hashes.encode()).hexdigest(),
        )

    def save(self, path):
        """Writes an `.npz` file. A kill or a full disk leaves an old one as it was.

        Args:
            path: Path of the file; its folder is created.
        """
        with _temporary_file(pathlib.Path(path)) as temporary:
            with temporary.open("wb") as file:
                np.savez(file, **vars(self))
            os.replace(temporary, path)

    @classmethod
    def load(cls, path, feature_network):
        """Reads a file that `save` wrote.

        Args:
            path: Path of the file.
            feature_network: `FeatureNetwork` that the statistics have to be from.

        Raises:
            ValueError: If it is damaged, or of another network. The message names what
                differs.
        """
        check_feature_network(feature_network)
        content = pathlib.Path(path).read_bytes()
        try:
            statistics = cls._parse(content)
        # Of many kinds, after the byte that is broken.
        except Exception as error:
            raise ValueError(
                f"The file '{path}' is damaged, or does not hold feature statistics: "
                f"{error}. Delete it, and it is computed again."
            ) from error
        # What may differ, the value there and the one here.
        statistics._check(
            path,
            ("name of the network", statistics.network, feature_network.name),
            ("resize mode", statistics.resize, str(feature_network.resize)),
            ("number of features", len(statistics.mean), feature_network.feature_dim),
            # Of the network, its size and resize mode.
            ("fingerprint", statistics.fingerprint, feature_network.fingerprint),
        )
        return statistics

    @classmethod
    def _parse(cls, content):
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            # The last four are new; of the others none is left out without an error.
            names = [field.name for field in dataclasses.fields(cls)]
            arrays = {name: file[name] for name in names if name in file}
        sizes = tuple(tuple(size) for size in arrays.pop("image_sizes").tolist())
        # Numbers and strings come as arrays without dimensions.
        values = {key: own if own.ndim else own.item() for key, own in arrays.items()}
        statistics = cls(image_sizes=sizes, **values)
        (width,) = statistics.mean.shape
        require(
            statistics.covariance.shape == (width, width)
            and statistics.sample.shape == (len(statistics.sample), width)
            and len(statistics.numbers) in (0, len(statistics.sample))
            and statistics.places.shape == statistics.numbers.shape,
            "its arrays do not fit together",
        )
        return statistics

    def _check(self, path, *values):
        differences = [
            f"{name}: {value!r} in the file, {expected!r} here"
            for name, value, expected in values
            if value != expected
        ]
        require(
            not differences,
            f"The feature statistics in '{path}' are of something else, and a distance "
            "to them would mean nothing. Delete the file, or choose another one. "
            + "; ".join(differences),
        )


class Moments(keras.metrics.Metric):
    """Count, mean and sum of centred outer products of the rows of matrices."""

    def __init__(self, dimensions, name):
        super().__init__(name=name)
        zeros, square = ("zeros", "float64"), (dimensions, dimensions)
        self.count = self.add_variable((), *zeros, name="count")
        self.mean = self.add_variable((dimensions,), *zeros, name="mean")
        self.products = self.add_variable(square, *zeros, name="products")

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

    def add(self, other):
        """Adds what has a count, mean and unbiased covariance: that of a set."""
        total = self.count + other.count
        shift = other.mean - self.mean
        if other.count > 1:
            self.products.assign_add(other.covariance * (other.count - 1))
        weight = self.count * other.count / total
        self.products.assign_add(weight * tf.tensordot(shift, shift, axes=0))
        self.mean.assign_add(shift * (other.count / total))
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


class Reservoir:
    """A random sample of the rows of matrices, in their order.

    Each row gets the random number of its place, and the smallest are kept: which, does
    not depend on how the rows are split into matrices.

    Attributes:
        sample: Array of the rows that are kept, `None` before there are any.
        numbers, places: Arrays of their random numbers and places.
    """

    def __init__(self, size, seed, stream):
        self._size = size
        self._seed = [seed, stream]
        self.clear()

    def clear(self):
        self._random = np.random.default_rng(self._seed)
        # Those of all places so far.
        self._drawn = np.empty(0)
        self.numbers, self.places = _no_numbers(), _no_places()
        self.sample = None
        self.count = 0

    def add(self, rows, places=None):
        """Adds rows, whose places are by default the next ones."""
        if places is None:
            places = range(self.count, self.count + len(rows))
        places = np.asarray(places, "int64")
        self.count += len(rows)
        if len(rows) and (missing := places.max() + 1 - len(self._drawn)) > 0:
            more = self._random.random(max(missing, len(self._drawn)))
            self._drawn = np.append(self._drawn, more)
        numbers = np.append(self.numbers, self._drawn[places])
        places = np.append(self.places, places)
        if self.sample is not None:
            rows = np.concatenate([self.sample, rows])
        kept = _kept(numbers, places, self._size)
        self.numbers, self.places = numbers[kept], places[kept]
        self.sample = rows[kept]


def _kept(numbers, places, size):
    """Returns which rows have the smallest numbers, in the order of their places."""
    kept = np.arange(len(numbers))
    if len(numbers) > size:
        kept = np.argpartition(numbers, size)[:size]
    return kept[np.argsort(places[kept], kind="stable")]


class ImageDigest:
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
    positive_integer("batch_size", batch_size)
    if not hasattr(images, "shape"):
        return map(_check_batch, images)
    starts = range(0, len(images), batch_size)
    return (_check_batch(images[start : start + batch_size]) for start in starts)


def _check_batch(batch):
    kind = f"shape {batch.shape}" if hasattr(batch, "shape") else type(batch)
    require(
        len(getattr(batch, "shape", ())) == 4,
        "Argument `images` must be an array, or a dataset of batches, of images of "
        f"shape (batch, height, width, channels). Received: {kind}",
        TypeError,
    )
    return batch


def check_feature_network(feature_network):
    require(
        callable(feature_network) and hasattr(feature_network, "feature_dim"),
        "Argument `feature_network` must be a `keras_gans.metrics.FeatureNetwork`",
        TypeError,
        feature_network=feature_network,
    )


def check_features_finite(side, features):
    finite = np.isfinite(keras.ops.convert_to_numpy(features))
    if not finite.all():
        raise ValueError(
            f"The features of the {side} images are not finite, and a score of them "
            f"would mean nothing. Received: NaN or infinity in {np.mean(~finite):.2%} "
            "of the values. If a model made the images, its training may have diverged."
        )


@contextlib.contextmanager
def _temporary_file(path):
    """Makes a file beside another, which is gone or has taken its place after it."""
    # Of this process only: several may want the same statistics.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.touch()
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
