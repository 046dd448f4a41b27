"""The pipeline of image generation: batches of images, with or without labels."""

import numpy as np

from keras_gans.checks import boolean, one_of, require
from keras_gans.data.batches import Pipeline, streams


def generation(
    source,
    batch_size=64,
    size=None,
    flip=None,
    channels=None,
    labels=False,
    steps_per_epoch=None,
    seed=0,
    strict=False,
    max_pixels=50_000_000,
    cache="auto",
):
    """Makes a dataset of image batches, with or without labels.

    Args:
        source: The images, as `keras_gans.data.load_images` describes it. Their
            training part is used.
        batch_size: Positive integer. Defaults to 64.
        channels: 1 or 3, to convert images. By default folders are read in colour and
            all others stay as they are.
        labels: Boolean, give the label of each image beside it, for conditional models.
            Defaults to `False`.
        size, flip, steps_per_epoch, seed, strict, max_pixels, cache: As in
            `keras_gans.data.unpaired`.

    Returns:
        A `tf.data.Dataset` of float32 batches in [-1, 1], of shape `(batch_size,
        height, width, channels)`, drawn as in `keras_gans.data.unpaired`; with
        `labels=True`, of pairs of these and int32 labels of shape `(batch_size,)`. Its
        attribute `classes` is the number of classes, the largest label plus one, or
        `None` without labels.

    Example:

    >>> data = generation("digits", batch_size=64, labels=True)
    >>> images, labels = next(iter(data))
    """
    reading = strict, max_pixels, cache
    pipeline = Pipeline(batch_size, steps_per_epoch, seed, size, None, flip, reading)
    boolean("labels", labels, "; labels are given as `source=(images, labels)`")
    one_of("channels", channels, (None, 1, 3))
    images, own = pipeline.load(source, channels)
    if labels:
        _check_labels(source, own)
    (stream,) = streams(seed, 1)
    batch = pipeline.cache(images, stream, *([own.astype("int32")] if labels else []))

    def make_batch(index):
        return tuple(batch(index)) if labels else batch(index)[0]

    dataset = pipeline.dataset(make_batch, len(images))
    dataset.classes = int(own.max()) + 1 if labels else None
    return dataset


def _check_labels(source, labels):
    require(
        labels is not None,
        "Argument `source` has no labels, and `labels=True` asks for them. Use "
        "`labels=False`, a labelled set, or a pair (images, labels)",
        source=source if isinstance(source, str) else type(source),
    )
    low, high = labels.min(), labels.max()
    require(
        low >= 0 and high < np.iinfo("int32").max,
        "Argument `source` must have non-negative labels, numbers of classes. "
        f"Received: labels from {low} to {high}",
    )
