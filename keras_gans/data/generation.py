"""The pipeline of image generation: batches of images, with or without labels."""

import numpy as np

from keras_gans.checks import boolean, one_of
from keras_gans.data.batches import Pipeline, streams
from keras_gans.data.sources import is_digits, load_images


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
):
    """Makes a dataset of image batches, with or without labels.

    Each batch is a function of the seed and of its number alone, as in
    `keras_gans.data.unpaired`.

    Args:
        source: The images: the name of an embedded or `tensorflow_datasets` set, a
            folder, an `.npz` file, MNIST's idx files, an array or a `tf.data.Dataset`,
            as `keras_gans.data.load_images` describes it. Their training part is used.
        batch_size: Positive integer. Defaults to 64.
        channels: 1 or 3, to convert images. By default folders are read in colour and
            all others stay as they are.
        labels: Boolean, give the label of each image beside it, for conditional models.
            Defaults to `False`.
        size, flip, steps_per_epoch, seed, strict, max_pixels: As in
            `keras_gans.data.unpaired`.

    Returns:
        A `tf.data.Dataset` of float32 batches in [-1, 1], of shape `(batch_size,
        height, width, channels)`; with `labels=True`, of pairs of these and int32
        labels of shape `(batch_size,)`. Each iteration over it is the next epoch, and
        `keras_gans.callbacks.Checkpoint` resumes it within an epoch. Its attribute
        `classes` is the number of classes, the largest label plus one, or `None`
        without labels.

    Raises:
        ValueError: If the source cannot be used, holds fewer images than a batch, or
            has no labels, or negative ones, where labels are wanted.

    Example:

    >>> data = generation("digits", batch_size=64, labels=True)
    >>> images, labels = next(iter(data))
    >>> images.shape, labels.shape, data.classes
    (TensorShape([64, 32, 32, 1]), TensorShape([64]), 10)
    """
    if flip is None:
        flip = not is_digits(source)
    pipeline = Pipeline(batch_size, steps_per_epoch, seed, size, flip=flip)
    boolean("labels", labels, "; labels are given as `source=(images, labels)`")
    one_of("channels", channels, (None, 1, 3))

    images, own = load_images(
        source,
        size=pipeline.stored_size,
        channels=channels,
        strict=strict,
        max_pixels=max_pixels,
    )
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
    if labels is None:
        raise ValueError(
            "Argument `source` has no labels, and `labels=True` asks for them. Use "
            "`labels=False`, a labelled set, or a pair (images, labels). "
            f"Received: source={source if isinstance(source, str) else type(source)}"
        )
    if labels.min() < 0 or labels.max() >= np.iinfo("int32").max:
        raise ValueError(
            "Argument `source` must have non-negative labels, numbers of classes. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
