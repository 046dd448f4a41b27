"""Scores of a translation model on images of both domains."""

import contextlib
import math

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import positive_integer, require
from keras_gans.data.batches import channel_pair
from keras_gans.data.sources import has_test_split, load_images
from keras_gans.metrics.feature_metric import check_reference
from keras_gans.metrics.feature_network import RememberingNetwork
from keras_gans.metrics.feature_statistics import FeatureStatistics
from keras_gans.pixels import to_floats, to_levels, to_pixels

_DIRECTIONS = ("xy", "yx")


def evaluate_translation(
    model,
    x,
    y,
    metrics,
    batch_size=16,
    directions=_DIRECTIONS,
    size=None,
    channels=None,
    references=None,
    verbose=0,
):
    """Scores a translation model on images of both domains.

    Metrics of distributions, such as `FrechetDistance`, compare translations of X with
    Y and the reverse; metrics of pairs, such as `PeakSignalToNoiseRatio`, compare
    images of X with their reconstructions X → Y → X, and the same of Y, in their own
    styles if the model knows styles. Images are scored as the pixels that they would be
    saved as, and reconstructions made from such pixels, so that an export has the
    scores of its model. The model runs in inference mode, with averaged weights if it
    has them (`ema_decay`).

    Args:
        model: A `keras_gans.models.CycleGAN`, another model with the call
            `model(images, direction=direction)` for images in [-1, 1], or a
            `keras_gans.export.Translator`.
        x: Held-out images of X: an array, uint8 in [0, 255] or float in [-1, 1], of
            shape `(n, height, width, channels)`, or another source that
            `keras_gans.data.load_images` takes, of which the test images are read if
            it has some, and else all.
        y: Held-out images of Y, likewise. They need not be as many.
        metrics: List of metrics of `keras_gans.metrics`, without `reference`, or other
            Keras metrics that compare pairs of images in [-1, 1]. They are empty
            afterwards.
        batch_size: Positive integer. Defaults to 16.
        directions: Tuple with `"xy"`, `"yx"` or both, the default.
        size: Integer or (height, width) to which images are resized. Needed for
            folders.
        channels: 1, 3, or a pair for x and y, to convert images. By default folders
            are read in colour and all others stay as they are.
        references: Optional dict with `FeatureStatistics` of other images that the
            translations are compared with: `{"y": statistics}` in place of the images
            `y`. By default those of `x` and `y` are computed, once.
        verbose: 0, or 1 for a progress bar.

    Returns:
        A dict of floats. Of metrics of distributions for example `fid_inception_v3_xy`,
        `fid_inception_v3_yx` and their mean `fid`, of KID also
        `kid_inception_v3_xy_spread`; of metrics of pairs `psnr_x`, `psnr_y` and their
        mean `psnr`.

    Raises:
        ValueError: If two scores would have the same name, there are fewer than 2
            images for a metric of distributions, or model, images and metrics do not
            fit each other.

    Example:

    ```python
    metrics = [FrechetDistance(FeatureNetwork("inception_v3")), StructuralSimilarity()]
    scores = evaluate_translation(model, photos, paintings, metrics)
    scores["fid"], scores["fid_inception_v3_xy"], scores["ssim_x"]
    ```
    """
    evaluation = TranslationScores(
        x, y, metrics, batch_size, directions, size, channels, references
    )
    evaluation.set_model(model)
    return evaluation.scores(verbose)


def load_held_out(source, size=None, channels=None, argument="source"):
    """Loads the test images of a source if it has some, and else all, as uint8."""
    try:
        split = "test" if has_test_split(source) else "train"
    except ValueError:  # A name that nothing has: `load_images` knows what is close.
        split = "train"
    images, _ = load_images(source, size, channels, split, argument=argument)
    return images


class TranslationScores:
    """Images, metrics and references, and the model that they score.

    Args: those of `evaluate_translation`.
    """

    def __init__(
        self, x, y, metrics, batch_size, directions, size, channels, references
    ):
        positive_integer("batch_size", batch_size)
        self._batch_size = batch_size
        require(
            isinstance(directions, (tuple, list))
            and tuple(directions) in (("xy",), ("yx",), ("xy", "yx"), ("yx", "xy")),
            "Argument `directions` must be a tuple with 'xy', 'yx' or both",
            directions=directions,
        )
        self._directions = tuple(directions)
        # Only a metric of distributions takes generated images alone.
        self._distributions, self._paired = [], []
        for metric in _check_metrics(metrics):
            is_paired = not hasattr(metric, "update_generated")
            (self._paired if is_paired else self._distributions).append(metric)
        self._check_names()
        self._given = dict(references or {})
        self._check_references()
        pair = channel_pair(channels, "x and y")
        self._images = {
            domain: load_held_out(source, size, wanted, argument=domain)
            for domain, source, wanted in zip("xy", (x, y), pair, strict=True)
        }
        self._check_counts()
        self._computed = {}
        self._model = None

    # Model and scores --------------------------------------------------------------

    def set_model(self, model):
        if model is self._model:
            return
        self._model = model
        self._is_checked = False
        (*size, _), (*other_size, _) = (self._images[d].shape[1:] for d in "xy")
        if size != other_size:
            size = None, None
        self._translate = {}
        for direction in _DIRECTIONS:
            shape = (*size, self._images[direction[0]].shape[-1])
            self._translate[direction] = _translate_function(model, direction, shape)
        self._restore_in_style = _restore_function(model)

    def check(self):
        """Scores a batch, but for the results, and computes the references."""
        if not self._is_checked:
            for direction in self._directions:
                images = self._images[direction[0]][: self._batch_size]
                with self._metrics_of(direction):
                    self._update(direction, images)
            self._is_checked = True

    def scores(self, verbose=0):
        """Returns the scores of all images, by name."""
        starts = {
            direction: range(0, len(self._images[direction[0]]), self._batch_size)
            for direction in self._directions
        }
        progress = keras.utils.Progbar(sum(map(len, starts.values())), verbose=verbose)
        scores, parts = {}, {}
        for direction in self._directions:
            images = self._images[direction[0]]
            with self._metrics_of(direction):
                for start in starts[direction]:
                    self._update(direction, images[start : start + self._batch_size])
                    progress.add(1)
                for metric in self._distributions + self._paired:
                    for short, name, value in _results(metric, direction):
                        scores[name] = value
                        if short is not None:
                            parts.setdefault(short, []).append(value)
        return scores | {short: float(np.mean(part)) for short, part in parts.items()}

    def _update(self, direction, images):
        images = tf.constant(to_floats(images))
        translated = self._translate[direction](images)
        for metric in self._distributions:
            metric.update_generated(translated)
        if self._paired:
            restored = self._restore(direction, translated, images)
            for metric in self._paired:
                metric.update_state(images, restored)

    def _restore(self, direction, translated, images):
        if direction == "yx" and getattr(self._model, "style_dim", None):
            # In the style that the images had.
            return self._restore_in_style(translated, images)
        return self._translate[direction[::-1]](translated)

    @contextlib.contextmanager
    def _metrics_of(self, direction):
        """Lends the metrics what they need for a direction, and empties them after."""
        networks = [metric.feature_network for metric in self._distributions]
        remembering = {}
        try:
            for metric, network in zip(self._distributions, networks, strict=True):
                if hasattr(metric, "reference"):
                    metric.reference = self._reference(direction[1], network)
                # Features of a batch are computed once for all metrics of a network.
                metric.feature_network = remembering.setdefault(
                    network.fingerprint, RememberingNetwork(network)
                )
            yield
        finally:
            for metric, network in zip(self._distributions, networks, strict=True):
                metric.feature_network = network
                if hasattr(metric, "reference"):
                    metric.reference = None
            for metric in self._distributions + self._paired:
                metric.reset_state()

    def _reference(self, domain, network):
        if domain in self._given:
            return self._given[domain]
        key = domain, network.fingerprint
        if key not in self._computed:
            self._computed[key] = FeatureStatistics.of(
                self._images[domain], network, self._batch_size
            )
        return self._computed[key]

    # Validation --------------------------------------------------------------------

    def _check_names(self):
        metrics = self._distributions + self._paired
        names, shorts = [], []
        for direction in self._directions:
            pairs = sum((_names(metric, direction) for metric in metrics), [])
            names += [name for _, name in pairs]
            shorts = [short for short, _ in pairs if short is not None]
        names = shorts + names
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        require(
            not twice,
            "Argument `metrics` must have metrics whose scores have different names. "
            f"Received several scores {twice[:1]}, of the metrics "
            f"{[metric.name for metric in metrics]}: give one of them another `name`",
        )

    def _check_references(self):
        require(
            set(self._given) <= {"x", "y"},
            "Argument `references` must be a dict with the keys 'x', 'y' or both. "
            f"Received: references with the keys {list(self._given)}",
        )
        for domain, statistics in self._given.items():
            argument = f"references[{domain!r}]"
            check_reference(statistics, None, argument)
            for metric in self._distributions:
                if hasattr(metric, "reference"):
                    check_reference(statistics, metric.feature_network, argument)

    def _check_counts(self):
        if not self._distributions:
            return
        for direction in self._directions:
            source, target = direction
            counts = [len(self._images[source]), len(self._images[target])]
            if target in self._given:
                counts[1] = self._given[target].count
            require(
                min(counts) >= 2,
                f"`{self._distributions[0].name}` is a score of distributions, which "
                f"less than 2 images do not have. Received: {counts[0]} of {source} to "
                f"translate and {counts[1]} of {target} to compare with",
            )


def _names(metric, direction):
    """Returns the pairs (short name or `None`, name) of the scores of a metric."""
    if not hasattr(metric, "update_generated"):
        result = metric.result()
        names = result if isinstance(result, dict) else [metric.name]
        return [(name, f"{name}_{direction[0]}") for name in names]
    name = f"{metric.name}_{direction}"
    names = [(metric.name.removesuffix(f"_{metric.feature_network.name}"), name)]
    if hasattr(metric, "spread"):
        names.append((None, f"{name}_spread"))
    return names


def _results(metric, direction):
    """Returns the triples (short name or `None`, name, value) of a metric."""
    result = metric.result()
    values = [*result.values()] if isinstance(result, dict) else [result]
    if hasattr(metric, "spread"):
        values.append(metric.spread())
    return [
        (short, name, float(value))
        for (short, name), value in zip(_names(metric, direction), values, strict=True)
        # A few images have no spread, and NaN in the logs would end a training.
        if short is not None or math.isfinite(value)
    ]


def _translate_function(model, direction, shape):
    """Returns a function between images in [-1, 1] with the values of pixels."""
    if isinstance(getattr(model, "channels", None), dict):  # An export.

        def translate(images):
            return to_floats(tf.constant(model(to_pixels(images), direction=direction)))

        return translate

    @tf.function(
        input_signature=[tf.TensorSpec((None, *shape), tf.float32)], autograph=False
    )
    def translate(images):
        images = tf.cast(model(images, direction=direction), tf.float32)
        # Not as uint8, which has no NaN.
        return to_floats(to_levels(images))

    return translate


def _restore_function(model):
    """Returns a function of translations Y → X and the images that they are of."""
    if isinstance(getattr(model, "channels", None), dict):  # An export.

        def restore(translated, images):
            style = model.encode_style(to_pixels(images)).numpy()
            return to_floats(tf.constant(model(to_pixels(translated), style=style)))

        return restore

    @tf.function(reduce_retracing=True, autograph=False)
    def restore(translated, images):
        restored = model(translated, style=model.encode_style(images))
        return to_floats(to_levels(tf.cast(restored, tf.float32)))

    return restore


def _check_metrics(metrics):
    must = "Argument `metrics` must be a list with at least one metric"
    require(isinstance(metrics, (tuple, list)) and metrics, must, metrics=metrics)
    for metric in metrics:
        require(
            isinstance(metric, keras.metrics.Metric),
            "Argument `metrics` must hold Keras metrics, such as "
            f"`PeakSignalToNoiseRatio()`. Received: {metric!r}",
            TypeError,
        )
        require(
            getattr(metric, "reference", None) is None,
            "Argument `metrics` must hold metrics without `reference`, because each "
            "direction has another one: give `references={'y': statistics}` here. "
            f"Received: `{metric.name}` with a reference",
        )
    return metrics
