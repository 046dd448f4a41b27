"""The pipeline of image generation: batches of images, with or without labels."""

import numpy as np
import tensorflow as tf

from keras_gans.data.batches import (
    augment,
    check_positive,
    check_seed,
    epochs,
    positions,
    streams,
)
from keras_gans.data.sources import height_and_width, is_digits, load_images


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

    The images are cached once, as uint8. Then each batch is a function of the seed and
    of its number alone, as in `keras_gans.data.unpaired`: the images are shuffled anew
    in every pass, the order does not depend on threads, and training resumes at any
    batch without replaying the others.

    Args:
        source: The images: the name of an embedded or `tensorflow_datasets` set, a
            folder, an `.npz` file, MNIST's idx files, an array or a `tf.data.Dataset`,
            as `keras_gans.data.load_images` describes it. Their training part is used.
        batch_size: Positive integer. Defaults to 64.
        size: Integer or (height, width) of the images in the batches. Needed for
            folders of images; other sources keep their size without it.
        flip: Boolean, mirror images left to right at random. Defaults to `True`, except
            for digit sets given by name or as idx files, which would no longer show
            digits. Give `False` for digits from other sources.
        channels: 1 or 3, to convert images. By default folders are read in colour and
            all others stay as they are.
        labels: Boolean, give the label of each image beside it, for conditional models.
            Defaults to `False`.
        steps_per_epoch: Positive integer, batches that one iteration gives. Defaults to
            one pass over the images, the remainder dropped (it comes first in the next
            epoch).
        seed: Integer, determines order and flips. Defaults to 0.
        strict: Boolean, raise at the first bad image file of a folder. By default bad
            files are skipped with a warning that names them.
        max_pixels: Integer, image files with more pixels count as bad files.

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
    check_positive("batch_size", batch_size)
    batch_size = int(batch_size)
    if steps_per_epoch is not None:
        check_positive("steps_per_epoch", steps_per_epoch)
    check_seed(seed)
    if not isinstance(labels, (bool, np.bool_)):
        raise TypeError(
            "Argument `labels` must be True or False; labels themselves are given as "
            f"`source=(images, labels)`. Received: labels of type {type(labels)}"
        )
    if channels not in (None, 1, 3):
        raise ValueError(
            f"Argument `channels` must be 1 or 3. Received: channels={channels!r}"
        )
    if size is not None:
        size = height_and_width(size)
    if flip is None:
        flip = not is_digits(source)

    images, classes = load_images(
        source, size=size, channels=channels, strict=strict, max_pixels=max_pixels
    )
    if len(images) < batch_size:
        raise ValueError(
            f"Argument `source` holds {len(images)} images, fewer than "
            f"batch_size={batch_size}. Use a smaller batch or more images."
        )
    if labels:
        _check_labels(source, classes)

    # Held as tensors that the pipeline captures, in main memory, where `tf.data` works.
    with tf.device("CPU:0"):
        cached = tf.constant(images)
        cached_labels = tf.constant(classes, tf.int32) if labels else None
    (stream,) = streams(seed, 1)

    def make_batch(index):
        places = positions(index, batch_size, len(images), stream)
        batch = augment(
            tf.gather(cached, places),
            images.shape[1:3],
            flip,
            seed=tf.stack([tf.cast(stream, tf.int64), index]),
        )
        return (batch, tf.gather(cached_labels, places)) if labels else batch

    dataset = epochs(make_batch, steps_per_epoch or len(images) // batch_size, seed)
    dataset.classes = int(classes.max()) + 1 if labels else None
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
            "Argument `source` must have labels from 0 on, the numbers of the classes. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
