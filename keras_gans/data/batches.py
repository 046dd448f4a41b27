"""What the pipelines share: numbered batches, shuffled passes, augmentation."""

import os

import numpy as np
import tensorflow as tf

from keras_gans.checks import (
    cache_place,
    height_and_width,
    integer,
    positive_integer,
    require,
)
from keras_gans.data.memory import digest, reader
from keras_gans.data.shares import own_part, reading, uniform
from keras_gans.data.sources import is_digits, load_images
from keras_gans.pixels import to_floats

# Batches of an endless repetition; their samples have numbers, too.
_ENDLESS = 2**40


class Pipeline:
    """The options that pipelines share, checked, and what is made of images by them.

    All are described in `keras_gans.data.unpaired`. A `flip` of `None` is decided by
    the sources that are loaded.
    """

    def __init__(
        self,
        batch_size,
        steps_per_epoch,
        seed,
        size=None,
        load_size=None,
        flip=False,
        reading=(False, 50_000_000, "auto"),
    ):
        # Wrong options are told before a file is read.
        cache_place(reading[-1])
        self.reading = reading  # `strict`, `max_pixels` and `cache`.
        self.batch_size = positive_integer("batch_size", batch_size)
        if steps_per_epoch is not None:
            steps_per_epoch = positive_integer("steps_per_epoch", steps_per_epoch)
        self.steps_per_epoch = steps_per_epoch
        self.seed = integer("seed", seed)
        self.flip, self._spares_digits = flip is None or flip, flip is None
        self._digests = []
        self.crop_size = None if size is None else height_and_width(size)
        self.stored_size = self.crop_size
        if load_size is not None:
            require(size is not None, "Argument `size` must be given with `load_size`")
            self.stored_size = height_and_width(load_size, "load_size")
            require(
                not any(np.less(self.stored_size, self.crop_size)),
                "Argument `load_size` must not be smaller than `size`",
                load_size=load_size,
                size=size,
            )

    def load(self, source, channels=None, argument="source"):
        """Returns the images and labels of a source, as `load_images`."""
        if self._spares_digits and is_digits(source):
            self.flip = False
        return load_images(
            source, self.stored_size, channels, "train", *self.reading, argument
        )

    def cache(self, images, stream, *labels, argument="source", what="images"):
        """Makes batches of uint8 images and arrays of what belongs to each of them.

        Returns:
            Function from the number of a batch to a list: the batch, shuffled and
            augmented by the `stream`, float32 in [-1, 1], and its labels.
        """
        length = len(images)
        require(
            length >= self.batch_size,
            f"Argument `{argument}` holds {length} {what}, fewer than batch_size="
            f"{self.batch_size}. Use a smaller batch or more images",
        )
        crop_size = self.crop_size or images.shape[1:3]
        self._digests += [digest(array) for array in (images, *labels)]
        readers = [reader(array) for array in (images, *labels)]

        def batch(index):
            places = own_part(positions(index, self.batch_size, length, stream))
            own = [tf.gather(read(), places) for read in readers]
            seed = numbered_seed(stream, index)
            return [augment(own[0], crop_size, self.flip, seed), *own[1:]]

        return batch

    def dataset(self, make_batch, length):
        """Makes the dataset, of which an epoch is by default a pass over `length`."""
        steps = self.steps_per_epoch or length // self.batch_size
        dataset = epochs(make_batch, steps, self.seed)
        dataset.identity |= {"batch_size": self.batch_size, "images": self._digests}
        return dataset


def channel_pair(channels, of):
    """Returns what `channels` asks for as a pair, of 1, 3 or `None` each."""
    pair = channels if isinstance(channels, (tuple, list)) else (channels, channels)
    require(
        len(pair) == 2 and all(wanted in (None, 1, 3) for wanted in pair),
        f"Argument `channels` must be 1, 3, or a pair of them for {of}",
        channels=channels,
    )
    return pair


def numbered_seed(stream, index):
    """Returns the seed that a stream gives to batch `index`, two int64."""
    return tf.stack([tf.cast(stream, tf.int64), index])


def epochs(make_batch, steps_per_epoch, seed):
    """Makes a dataset whose batch number i is `make_batch(i)`, one epoch an iteration.

    Args:
        make_batch: Function from an int64 scalar tensor, the number of the batch since
            the start of training, to a structure of tensors. It must be stateless.
        steps_per_epoch: Positive integer.
        seed: Integer, kept as an attribute for checks at resume.

    Returns:
        A `tf.data.Dataset` with more attributes: `steps_per_epoch`, `seed`, and
        `identity`, a dict of what tells these batches from those of other data.
        `position` is a `tf.Variable` with the number of the first batch of an
        iteration, which goes to the end of that epoch. `fit` sets it where an epoch
        begins; no iteration moves it, so a loop of your own goes through
        `dataset.repeat(epochs)`. `share(worker, workers)` is a dataset of the part of
        every batch that one of several workers reads.
    """
    with tf.device("CPU:0"):  # A pipeline cannot reach a variable on a GPU.
        position = tf.Variable(0, dtype=tf.int64, trainable=False)

    def batches(epochs):
        def numbers(_):
            start = position.read_value()
            end = (start // steps_per_epoch + epochs) * steps_per_epoch
            return tf.data.Dataset.range(start, end)

        # No autotuning: the end of its thread is not always noticed (TensorFlow 2.21),
        # and then the next epoch, of several workers above all, begins 10 or 20 seconds
        # late. The calls are cheap, and the batches that wait take memory.
        options = tf.data.Options()
        options.autotune.enabled = False
        calls = min(os.cpu_count(), 8)
        return (
            tf.data.Dataset.from_tensors(0)
            .with_options(options)
            .flat_map(numbers)
            .map(make_batch, num_parallel_calls=calls, deterministic=True)
            .prefetch(2)
        )

    dataset = batches(1)
    # Further epochs, and not the same one again.
    dataset.repeat = lambda count=None: batches(
        _ENDLESS // steps_per_epoch if count in (None, -1) else count
    )

    def share(worker, workers):
        """Returns this worker's part of each batch; all move with `position`."""
        with reading(worker, workers):
            return batches(1)

    dataset.share = share
    dataset.position = position
    dataset.steps_per_epoch = steps_per_epoch
    dataset.seed = int(seed)
    dataset.identity = {"steps_per_epoch": int(steps_per_epoch), "seed": int(seed)}
    # The length of a full epoch, for progress bars. TensorFlow would call it unknown,
    # and asserting it would fail in an epoch that is resumed in the middle.
    dataset.cardinality = lambda: tf.constant(steps_per_epoch, tf.int64)
    return dataset


def streams(seed, count):
    """Derives independent 31-bit seeds, so that domains do not share their order."""
    sequence = np.random.SeedSequence(abs(int(seed)), spawn_key=(int(seed < 0),))
    return [int(state) >> 1 for state in sequence.generate_state(count)]


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
            [2, 2], numbered_seed(stream, number), None, None, tf.int32
        )
        last = tf.constant(length - 1, tf.int64)
        for seed in tf.unstack(seeds):
            places = tf.random.experimental.index_shuffle(places, seed, last)
        return places

    # No domain is shorter than a batch, so a batch lies in one pass or in two.
    return tf.where(passes == passes[0], shuffled(passes[0]), shuffled(passes[-1]))


def augment(images, crop_size, flip, seed):
    """Crops and mirrors each uint8 image at random and scales it to [-1, 1]."""
    count, channels = images.shape[0], images.shape[3]
    for axis, crop in ((1, crop_size[0]), (2, crop_size[1])):
        room = images.shape[axis] - crop
        if room:
            offsets = uniform([count, 1], seed + axis, 0, room + 1, tf.int32)
            places = offsets + tf.range(crop)
            images = tf.gather(images, places, axis=axis, batch_dims=1)
    if flip:
        mirrored = uniform([count, 1, 1, 1], seed + 3) < 0.5
        images = tf.where(mirrored, tf.reverse(images, [2]), images)
    images = tf.ensure_shape(images, (count, *crop_size, channels))
    return to_floats(images)
