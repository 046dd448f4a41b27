"""The networks whose features the distances of distributions are taken of."""

import hashlib
import re

import tensorflow as tf

from keras_gans.checks import height_and_width, one_of, require
from keras_gans.metrics.network_loading import load_network
from keras_gans.pixels import to_levels

# What a generator may overshoot [-1, 1] by. Beyond, floats are of another range.
_LARGEST_FLOAT = 1.5


class FeatureNetwork:
    """A pretrained network with all that has to be the same for two scores to compare.

    FID, KID and Inception Score are numbers of a network, a resize filter and an input
    size as much as of the images. This class holds the three and says which they were:
    `name` is part of the names of the metrics, `fingerprint` of saved statistics.

    Floats are first rounded to the pixels that they would be saved as. Everything is
    computed in float32 under every dtype policy.

    Args:
        network: One of:
            - `"inception_v3"`: `keras.applications.InceptionV3` with ImageNet weights,
              2,048 features or 1,000 logits. Downloaded once. The weights are others
              than those of published numbers, which its numbers do not compare with.
            - `"tfgan_inception"`: the network of published FIDs and Inception Scores
              (with `resize="legacy"`),
              as the TensorFlow Hub module that TF-GAN names, 2,048 features or 1,008
              logits. Downloaded once into `$TFHUB_CACHE_DIR`, or else into the
              system's temporary folder.
            - The path of a `.keras` file, or of the folder of a SavedModel, of which
              the default signature or the loaded object itself is called. A copy of
              the module of `"tfgan_inception"` is known by its outputs, `pool_3` and
              `logits`.
            - A Functional or Sequential `keras.Model`, not to be trained any further.

            All but the first two take pixels in [0, 255], RGB or grey, and have their
            own preprocessing inside.
        name: Optional string in snake case. Defaults to the name of the network, of
            the model or of the file.
        resize: How images come to the size of the network. Defaults to `"clean"`.
            - `"clean"`: antialiased bicubic, Pillow's, on float pixels. As in
              clean-fid the result is clipped to [0, 255] and not rounded.
            - `"legacy"`: bilinear without antialiasing and without half-pixel centers,
              as in the TensorFlow code of the FID paper. Needed to compare with
              numbers that were computed so; it aliases when it makes images smaller.
            - `None`: not at all. The network must take the images as they are.
        size: Integer or pair (height, width) to resize to. Defaults to the network's
            own input size, 299 for the Inceptions. Without one there is no resizing,
            and `"legacy"` is refused.
        output: `"features"`, the default, or `"logits"`, for `InceptionScore`. Of
            other networks than the two Inceptions the output is what it is, and
            logits have to be a matrix.

    Attributes:
        name: String.
        resize: `"clean"`, `"legacy"`, or `None` if there is no resizing.
        size: `(height, width)` that images are resized to, or `None`.
        output: `"features"` or `"logits"`.
        feature_dim: Integer, number of features.
        fingerprint: String, the SHA-256 of the weights, the architecture, the resize
            mode, the size and the output. Copies of a network have the same one,
            whatever their name.

    Call arguments:
        images: Tensor or array of shape `(batch, height, width, channels)`, uint8 in
            [0, 255] or float in [-1, 1]; up to 1.5 it is clipped, and what lies
            further outside is an error (inside a `tf.function` it is clipped as well).
            1 channel is repeated for a network of 3.

    Returns:
        float32 tensor of shape `(batch, feature_dim)`. An output of shape
        `(batch, height, width, feature_dim)` is averaged over height and width.
        Inside a `tf.function`, where nothing can be raised, images that are not finite
        have features that are NaN.

    Raises:
        ValueError: If the network is none of one image tensor and one output of 2 or 4
            dimensions, or the images do not fit it. If images or features are not
            finite (outside a `tf.function`).
        ConnectionError: If weights cannot be downloaded, with the address.

    Example:

    ```python
    network = FeatureNetwork("inception_v3")
    frechet_distance(network(real_images), network(generated_images))
    ```

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
        Local Nash Equilibrium", 2017, https://arxiv.org/abs/1706.08500
        Parmar, Zhang and Zhu, "On Aliased Resizing and Surprising Subtleties in GAN
        Evaluation", 2022, https://arxiv.org/abs/2104.11222
    """

    def __init__(
        self, network, name=None, resize="clean", size=None, output="features"
    ):
        one_of("resize", resize, ("clean", "legacy", None))
        one_of("output", output, ("features", "logits"))
        require(
            name is None or _is_name(name),
            "Argument `name` must be in snake case, because it becomes part of the "
            "names of metrics",
            name=name,
        )
        if size is not None:
            size = height_and_width(size)
        require(
            resize or not size,
            "Argument `size` is the size to resize to and needs a `resize` other than "
            "None",
            size=size,
        )
        loaded = load_network(network, output)
        *input_size, self._channels = loaded.input_shape
        self._input_size = tuple(input_size)
        self.name = name or _to_name(loaded.name)
        if size is None:
            own_size = None if None in self._input_size else self._input_size
            size = loaded.default_size or own_size
        require(
            size is not None or resize != "legacy",
            f"Argument `resize` needs a size to resize to, and network {self.name!r} "
            "has none of its own. Give `size`, option --feature-size",
            resize=resize,
            size=size,
        )
        self.size = size if resize else None
        self.resize = resize if size else None
        self.output = output
        self.feature_dim = loaded.feature_dim
        settings = f"{self.resize} {self.size} {output} {loaded.digest}"
        self.fingerprint = hashlib.sha256(settings.encode()).hexdigest()
        self._network = loaded
        if self.size:
            self._check_size(self.size)
        # One trace serves all batch and image sizes.
        pixels = tf.TensorSpec((None, None, None, self._channels), "float32")
        self._features = tf.function(
            self._compute, input_signature=[pixels], autograph=False
        )

    def __call__(self, images):
        pixels = self._to_pixels(images)
        if not tf.executing_eagerly():
            return self._features(pixels)
        expected = (pixels.shape[0], self.feature_dim)
        try:
            features = self._features(pixels)
        except tf.errors.OpError as error:
            raise ValueError(
                f"Network {self.name!r} does not take images of shape {pixels.shape}. "
                f"({error})"
            ) from error
        require(
            features.shape == expected,
            f"Network {self.name!r} must return features of shape {expected} for "
            f"images of shape {pixels.shape}",
            shape=features.shape,
        )
        finite = tf.reduce_all(tf.math.is_finite(features), axis=-1).numpy()
        if not finite.all():
            first = int(finite.argmin())
            cause = (
                "the network does not compute finite numbers of it"
                if tf.reduce_all(tf.math.is_finite(pixels[first]))
                else "its pixels are NaN or infinite"
            )
            raise ValueError(
                f"The features of {finite.size - finite.sum()} of {finite.size} images "
                f"are not finite, so that a score would mean nothing. Image {first} is "
                f"the first: {cause}."
            )
        return features

    def _to_pixels(self, images):
        """Checks shape and dtype; returns float32 pixels with the right channels."""
        images = tf.convert_to_tensor(images)
        came = f"Received: images.shape={images.shape}"
        require(
            images.shape.rank == 4 and images.shape[-1] in (1, 3),
            "Argument `images` must have shape (batch, height, width, channels) with 1 "
            f"or 3 channels. {came}",
        )
        require(
            images.shape[-1] <= self._channels,
            f"Network {self.name!r} sees grey images only, so that its features would "
            "say nothing of colours. Convert the images first, if that is meant. "
            f"{came}",
        )
        if self.size is None:
            self._check_size(images.shape[1:3])
        if images.dtype == "uint8":
            pixels = tf.cast(images, "float32")
        elif images.dtype.is_floating:
            images = tf.cast(images, "float32")
            if tf.executing_eagerly():
                _check_range(images)
            pixels = to_levels(images)
            # An infinite pixel must not turn into a white one.
            pixels = tf.where(tf.math.is_finite(images), pixels, float("nan"))
        else:
            raise TypeError(
                "Argument `images` must be floats in [-1, 1] or uint8 in [0, 255]. "
                f"Received: images.dtype={images.dtype.name}"
            )
        if images.shape[-1] < self._channels:
            pixels = tf.image.grayscale_to_rgb(pixels)
        return pixels

    def _check_size(self, size):
        compute_output_shape = self._network.compute_output_shape
        cause = f"It takes {_text(self._input_size)} pixels, and resize={self.resize!r}"
        fits = all(
            own is None or given in (own, None)
            for own, given in zip(self._input_size, size)
        )
        if fits and compute_output_shape is not None and None not in size:
            try:
                compute_output_shape((None, *size, self._channels))
            # TensorFlow itself may return wrong numbers for empty maps.
            except ValueError as error:
                fits, cause = False, str(error)
        message = f"Network {self.name!r} cannot take images of {_text(size)} pixels"
        require(fits, f"{message}. {cause}")

    def _compute(self, pixels):
        finite = tf.reduce_all(tf.math.is_finite(pixels), axis=(1, 2, 3))
        if self.resize == "clean":
            pixels = tf.image.resize(pixels, self.size, "bicubic", antialias=True)
            # The filter overshoots at edges.
            pixels = tf.clip_by_value(pixels, 0, 255)
        elif self.resize == "legacy":
            pixels = tf.raw_ops.ResizeBilinear(
                images=pixels, size=self.size, half_pixel_centers=False
            )
        else:
            pixels = tf.ensure_shape(pixels, (None, *self._input_size, None))
        features = tf.cast(self._network.call(pixels), "float32")
        if features.shape.rank == 4:
            features = tf.reduce_mean(features, axis=(1, 2))
        # A rectified unit may turn NaN into 0.
        return tf.where(finite[:, None], features, float("nan"))


class RememberingNetwork:
    """A `FeatureNetwork` that several metrics ask for the same batch, one by one."""

    def __init__(self, network):
        self._network = network
        self._images = self._features = None

    def __call__(self, images):
        if images is not self._images:
            self._features = self._network(images)
            self._images = images
        return self._features

    def __getattr__(self, name):
        return getattr(self._network, name)


def _check_range(images):
    # Pixels that are not finite have an error of their own.
    finite = tf.where(tf.math.is_finite(images), images, 0.0)
    low, high = float(tf.reduce_min(finite)), float(tf.reduce_max(finite))
    require(
        -_LARGEST_FLOAT <= low and high <= _LARGEST_FLOAT,
        "Argument `images` must be floats in [-1, 1], of which a small overshoot is "
        f"clipped, or uint8 in [0, 255]. Received floats from {low:.4g} to {high:.4g}; "
        "images in 0..255 belong in dtype uint8",
    )


def _is_name(name):
    return isinstance(name, str) and re.fullmatch("[a-z][a-z0-9_]*", name) is not None


def _to_name(text):
    """Returns `text` in snake case."""
    name = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    name = re.sub("[^a-z0-9]+", "_", name).strip("_")
    return name if _is_name(name) else f"network_{name}"


def _text(size):
    return "x".join("any" if side is None else str(side) for side in size)
