"""Distances of images from the images that they should be, pair by pair."""

import keras
import tensorflow as tf

from keras_gans.checks import positive_integer, require
from keras_gans.metrics.registry import metric
from keras_gans.pixels import to_floats

# Of the Gaussian window of structural similarity, in pixels.
_WINDOW = 11

_MAX_DECIBELS = 100.0


class _PairedMean(keras.metrics.Mean):
    """Mean over images of a score of each pair.

    A subclass has `_scores(y_true, y_pred)`, of float32 images in [-1, 1].

    Args:
        name: String. Defaults to `default_name`.
        dtype: Of the sums. Defaults to float32.

    Call arguments:
        y_true: Images of shape `(batch, height, width, channels)`, float in [-1, 1] or
            uint8 in [0, 255] (other integers have no agreed range). Floats are not
            rounded to pixels.
        y_pred: The same for the images to be scored.
        sample_weight: Optional weights of shape `(batch,)`, one for each image.
    """

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name or self.default_name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of pairs."""
        y_true, y_pred = _to_floats(y_true, y_pred)
        super().update_state(self._scores(y_true, y_pred), sample_weight)


@metric("psnr", paired=True)
@keras.saving.register_keras_serializable("keras_gans")
class PeakSignalToNoiseRatio(_PairedMean):
    """Peak signal-to-noise ratio (PSNR) of pairs of images, mean over images:

        10 log₁₀(peak² / mean (y_true - y_pred)²)

    in decibels, where the peak is the whole range, from black to white. Higher is
    better; 20 dB is a root mean square error of a tenth of the range.

    The PSNR of equal images is infinite, and one such pair would make the mean
    infinite. So each image counts with at most 100 dB, which is an error of a 400th
    of a grey level.

    Example:

    ```python
    metric = PeakSignalToNoiseRatio()
    for x, y in pairs:
        metric.update_state(y, generator(x, training=False))
    float(metric.result())
    ```
    """

    default_name = "psnr"

    def _scores(self, y_true, y_pred):
        decibels = tf.image.psnr(y_true, y_pred, max_val=2.0)
        return tf.minimum(decibels, _MAX_DECIBELS)


@metric("ssim", paired=True)
@keras.saving.register_keras_serializable("keras_gans")
class StructuralSimilarity(_PairedMean):
    """Structural similarity (SSIM) of pairs of images, mean over images.

    It compares brightness, contrast and structure in Gaussian windows of 11 pixels
    with a standard deviation of 1.5, as the paper does, and averages over all windows
    inside the image and over the channels. 1 for equal images, about 0 for unrelated
    ones, and down to -1.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural
        Similarity", 2004, https://doi.org/10.1109/TIP.2003.819861
    """

    default_name = "ssim"

    def _scores(self, y_true, y_pred):
        require(
            all(size is None or size >= _WINDOW for size in y_true.shape[1:3]),
            f"Structural similarity needs images of at least {_WINDOW} pixels a side, "
            f"the size of its window. Received: shape {y_true.shape}",
        )
        # Unlike a difference it depends on where zero is: at black.
        return tf.image.ssim((y_true + 1) / 2, (y_pred + 1) / 2, max_val=1.0)


@metric("mae", paired=True)
@keras.saving.register_keras_serializable("keras_gans")
class MeanAbsoluteError(_PairedMean):
    """Mean absolute error of pairs of images, mean over pixels, channels and images:

        mean |y_true - y_pred|

    on the scale [-1, 1], also for uint8 images: 0 for equal images, 2 for black
    against white, and 1 / 127.5 for one grey level. Unlike `keras.metrics` the result
    is the same for floats and for the same images in uint8.
    """

    default_name = "mae"

    def _scores(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred), axis=(1, 2, 3))


@keras.saving.register_keras_serializable("keras_gans")
class ChannelMeanAbsoluteError(keras.metrics.Metric):
    """Mean absolute error of pairs of images in each channel:

        l_c = mean |y_true_c - y_pred_c|    for each channel c

    over pixels and images, on the scale of `MeanAbsoluteError`, which is the mean of
    these.

    The result is a dict with an entry for each channel and not a vector, so that
    `fit` and `evaluate` log a number for each: `mae_red`, `mae_green` and `mae_blue`,
    or `mae_0`, `mae_1`, ... if there are not three channels. Of a vector, the progress
    bar would show the mean.

    Args:
        channels: Positive integer, number of channels. Defaults to 3.
        name: String, what the names in the result begin with. Defaults to `"mae"`.
        dtype: Of the sums. Defaults to float32.

    Returns:
        A dict of scalar tensors, in [0, 2].
    """

    def __init__(self, channels=3, name="mae", dtype=None):
        positive_integer("channels", channels)
        super().__init__(name=name, dtype=dtype)
        self.channels = channels
        self.total = self.add_variable((channels,), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of pairs; see the arguments of the class."""
        y_true, y_pred = _to_floats(y_true, y_pred)
        require(
            y_true.shape[-1] == self.channels,
            f"The images must have {self.channels} channels, as the argument "
            f"`channels` says. Received: shape {y_true.shape}",
        )
        errors = tf.reduce_mean(tf.abs(y_true - y_pred), axis=(1, 2))
        errors = tf.cast(errors, self.dtype)
        weights = tf.ones_like(errors[:, 0])
        if sample_weight is not None:
            weights = tf.cast(tf.reshape(sample_weight, [-1]), self.dtype)
        self.total.assign_add(tf.linalg.matvec(errors, weights, transpose_a=True))
        self.count.assign_add(tf.reduce_sum(weights))

    def result(self):
        means = tf.math.divide_no_nan(self.total.value, self.count.value)
        channels = range(self.channels)
        if self.channels == 3:
            channels = ("red", "green", "blue")
        names = [f"{self.name}_{channel}" for channel in channels]
        return dict(zip(names, tf.unstack(means)))

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


def _to_floats(y_true, y_pred):
    """Returns both as float32 in [-1, 1]."""
    images = []
    for name, values in (("y_true", y_true), ("y_pred", y_pred)):
        values = tf.convert_to_tensor(values)
        is_uint8 = values.dtype == tf.uint8
        require(
            is_uint8 or values.dtype.is_floating,
            f"Argument `{name}` must be floats in [-1, 1] or uint8 in [0, 255]. "
            f"Received: {name}.dtype={values.dtype.name}",
            TypeError,
        )
        images.append(to_floats(values) if is_uint8 else tf.cast(values, tf.float32))
    y_true, y_pred = images
    # An image would be broadcast to all images of a batch without a word.
    require(
        y_true.shape.rank == 4 and y_true.shape.is_compatible_with(y_pred.shape),
        "Arguments `y_true` and `y_pred` must be images of the same shape (batch, "
        f"height, width, channels). Received: shapes {y_true.shape} and {y_pred.shape}",
    )
    return y_true, y_pred
