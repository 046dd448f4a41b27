"""What the pipelines share: numbered batches, shuffled passes, augmentation."""

import numbers

import numpy as np
import tensorflow as tf


def epochs(make_batch, steps_per_epoch, seed):
    """Makes a dataset whose batch number i is `make_batch(i)`, one epoch an iteration.

    Args:
        make_batch: Function from an int64 scalar tensor, the number of the batch since
            the start of training, to a structure of tensors. It must be stateless.
        steps_per_epoch: Positive integer.
        seed: Integer, kept as an attribute for checks at resume.

    Returns:
        A `tf.data.Dataset` with three more attributes: `position`, a `tf.Variable` with
        the number of the first batch of the next iteration (at the end of an iteration
        it is the start of the next epoch, and it may be set), `steps_per_epoch` and
        `seed`.
    """
    steps_per_epoch = int(steps_per_epoch)
    with tf.device("CPU:0"):  # A pipeline cannot reach a variable on a GPU.
        position = tf.Variable(0, dtype=tf.int64, trainable=False)

    def batch_numbers(_):
        start = position.read_value()
        end = (start // steps_per_epoch + 1) * steps_per_epoch
        position.assign(end)
        return tf.data.Dataset.range(start, end)

    dataset = (
        tf.data.Dataset.from_tensors(0)
        .flat_map(batch_numbers)
        .map(make_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )
    dataset.position = position
    dataset.steps_per_epoch = steps_per_epoch
    dataset.seed = int(seed)
    # The length of a full epoch, for progress bars. TensorFlow would call it unknown,
    # and asserting it would fail in an epoch that is resumed in the middle.
    dataset.cardinality = lambda: tf.constant(steps_per_epoch, tf.int64)
    return dataset


def streams(seed, count):
    """Derives independent 31-bit seeds, so that domains do not share their order."""
    return [
        int(state) >> 1
        for state in np.random.SeedSequence(
            abs(int(seed)), spawn_key=(int(seed < 0),)
        ).generate_state(count)
    ]


def positions(index, batch_size, length, stream):
    """Places of batch `index` in an endless sequence of shuffled passes."""
    sample = index * batch_size + tf.range(batch_size, dtype=tf.int64)
    passes = sample // length

    def shuffled(number):
        # For domains of up to 65,536 images `index_shuffle` looks at the low eight bits
        # of each of its two seeds alone. Hashed seeds and two shuffles in a row give
        # orders that neither come again nor coincide in the two domains.
        places = sample % length
        seeds = tf.random.stateless_uniform(
            [2, 2],
            seed=tf.stack([tf.cast(stream, tf.int64), number]),
            minval=None,
            maxval=None,
            dtype=tf.int32,
        )
        for seed in tf.unstack(seeds):
            places = tf.random.experimental.index_shuffle(
                places, seed=seed, max_index=tf.constant(length - 1, tf.int64)
            )
        return places

    # No domain is shorter than a batch, so a batch lies in one pass or in two.
    return tf.where(passes == passes[0], shuffled(passes[0]), shuffled(passes[-1]))


def augment(images, crop_size, flip, seed):
    """Crops and mirrors each uint8 image at random and scales it to [-1, 1]."""
    count, channels = images.shape[0], images.shape[3]
    for axis, crop in ((1, crop_size[0]), (2, crop_size[1])):
        room = images.shape[axis] - crop
        if room:
            offsets = tf.random.stateless_uniform(
                [count, 1], seed + axis, minval=0, maxval=room + 1, dtype=tf.int32
            )
            images = tf.gather(
                images, offsets + tf.range(crop), axis=axis, batch_dims=1
            )
    if flip:
        mirrored = tf.random.stateless_uniform([count, 1, 1, 1], seed + 3) < 0.5
        images = tf.where(mirrored, tf.reverse(images, [2]), images)
    images = tf.ensure_shape(images, (count, *crop_size, channels))
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def check_positive(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(
            f"Argument `{name}` must be a positive integer. Received: {name}={value!r}"
        )


def check_seed(seed):
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(f"Argument `seed` must be an integer. Received: seed={seed!r}")
