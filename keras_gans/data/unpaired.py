"""The pipeline of unpaired translation: batches of two domains, shuffled apart."""

import os

from keras_gans.checks import require
from keras_gans.data.batches import Pipeline, channel_pair, streams


def unpaired(
    x,
    y=None,
    batch_size=1,
    size=None,
    load_size=None,
    flip=None,
    channels=None,
    steps_per_epoch=None,
    seed=0,
    strict=False,
    max_pixels=50_000_000,
    cache="auto",
):
    """Makes a dataset of unpaired batches (x, y) from two image domains.

    The images are decoded once, as uint8, before augmentation. Then each batch is a
    function of the seed and of its number alone: each domain is shuffled anew in every
    pass over it, a domain that is shorter than the other simply goes through more
    passes, and augmentation draws from the batch's own seed. So the order does not
    depend on threads, and training resumes at any batch without replaying the others.

    Args:
        x: First domain, any source of `keras_gans.data.load_images`.
        y: Second domain, likewise. It may be left out for `"cycle_gan/..."` names,
            which hold both domains.
        batch_size: Positive integer, images of each domain in a batch. Defaults to 1,
            CycleGAN's.
        size: Integer or (height, width) of the images in the batches. Needed for
            folders; the images of other sources keep their size without it.
        load_size: Integer or (height, width) to which images are resized before a
            random crop of `size`, for example 286 for 256. Defaults to `size`, no crop.
        flip: Boolean, mirror images left to right at random. Defaults to `True`,
            except where a domain is a digit set given by name or as idx files, which
            would no longer show digits. Give `False` for digits from other sources.
        channels: 1, 3, or a pair for x and y, to convert images. By default folders are
            read in colour and all others stay as they are.
        steps_per_epoch: Positive integer, batches that one iteration gives. Defaults to
            one pass over the longer domain, the remainder dropped.
        seed: Integer, determines order and augmentation. Defaults to 0.
        strict: Boolean, raise at the first bad image file of a folder. By default bad
            files are skipped with a warning that names them.
        max_pixels: Integer, image files with more pixels count as bad files.
        cache: Where the decoded images are kept: `"memory"`, `"disk"`, a folder, or
            `"auto"`, the default: up to 256 MiB of pixels of a source in memory, more
            on the disk, in `~/.cache/keras_gans`. The batches are the same. See
            `keras_gans.data.cache`.

    Returns:
        A `tf.data.Dataset` of pairs `(x, y)` of float32 batches in [-1, 1], of shape
        `(batch_size, height, width, channels)`. Each iteration over it is the next
        epoch. `keras_gans.callbacks.Checkpoint` resumes it within an epoch.

    Example:
    >>> data = unpaired("handwritten_digits", "street_digits", batch_size=64)
    >>> x, y = next(iter(data))
    """
    if y is None:
        both = isinstance(x, str) and x.startswith("cycle_gan/") and ":" not in x
        require(
            both and not os.path.isdir(x),
            "Argument `y` must be given: only the 'cycle_gan/...' names of "
            "tensorflow_datasets hold both domains, a folder holds one",
            x=x if isinstance(x, str) else type(x),
        )
        y = x
    reading = strict, max_pixels, cache
    pipeline = Pipeline(
        batch_size, steps_per_epoch, seed, size, load_size, flip, reading
    )
    of_x, of_y = channel_pair(channels, "x and y")
    domains = pipeline.load(x, of_x, "x")[0], pipeline.load(y, of_y, "y")[0]
    sizes = [images.shape[1:3] for images in domains]
    require(
        sizes[0] == sizes[1],
        "The two domains must have images of one size. Received x of "
        f"{sizes[0]} and y of {sizes[1]}: give `size`",
    )
    batches = [
        pipeline.cache(images, stream, argument=argument)
        for argument, images, stream in zip("xy", domains, streams(seed, 2))
    ]

    def make_batch(index):
        return tuple(batch(index)[0] for batch in batches)

    return pipeline.dataset(make_batch, max(map(len, domains)))
