"""The pipeline of paired translation: batches of pictures that belong together."""

import os
import pathlib

import numpy as np

from keras_gans.checks import one_of, require
from keras_gans.data.batches import Pipeline, channel_pair, streams
from keras_gans.data.catalogue import check_network, find_builder
from keras_gans.data.images import (
    decode_image,
    list_images,
    read_files,
    resize_image,
    resize_images,
)
from keras_gans.data.sources import (
    are_files,
    keep_converted,
    load_images,
    require_size,
)
from keras_gans.pixels import convert_channels


def paired(
    source,
    target=None,
    batch_size=1,
    size=None,
    load_size=None,
    flip=True,
    channels=None,
    direction="ab",
    split="train",
    steps_per_epoch=None,
    seed=0,
    strict=False,
    max_pixels=50_000_000,
    cache="auto",
):
    """Makes a dataset of paired batches (source, target), as pix2pix learns from.

    Both images of a pair are cropped and mirrored alike.

    Args:
        source: The pairs, in one of these layouts:
            - side by side in one picture, as in pix2pix's data sets: a folder of such
              pictures, searched recursively, or an array of shape
              `(n, height, 2 * width, channels)`, uint8 or float in [-1, 1];
            - a folder with the folders `trainA` and `trainB` (and `testA`, `testB`), as
              in CycleGAN's data sets, where `trainA/1_A.jpg` or `trainA/1.jpg` belongs
              to `trainB/1_B.jpg` or `trainB/1.jpg`; or such a set by its
              `tensorflow_datasets` name, `"cycle_gan/facades"`. Its files are read and
              not its records, which are shuffled differently for A and B.

            With `target`, the source images alone: a folder, an array, or a finite,
            unbatched `tf.data.Dataset` of images.
        target: The target images, of the same kind as `source`. Arrays and datasets
            are paired in their order, and so are lists of files. Files of two folders
            are paired by their path within the folder, where the ending does not count:
            `cats/1.png` belongs to `cats/1.jpg`.
        batch_size: Positive integer. Defaults to 1, pix2pix's.
        flip: Boolean, mirror pairs left to right at random. Defaults to `True`.
        channels: 1, 3, or a pair for source and target, to convert images. By default
            folders are read in colour and all others stay as they are.
        direction: `"ab"` or `"ba"`, for pairs without `target`: whether A, which is the
            left half of a picture, is the source or the target. Defaults to `"ab"`.
        split: `"train"` or `"test"`, for folders `trainA`, `testA` and so on.
        size, load_size, steps_per_epoch, seed, strict, max_pixels, cache: As in
            `keras_gans.data.unpaired`. `size` is that of one image of a pair; of a bad
            file the whole pair is skipped.

    Returns:
        A `tf.data.Dataset` of pairs `(source, target)` of float32 batches in [-1, 1],
        of shape `(batch_size, height, width, channels)`, drawn as in
        `keras_gans.data.unpaired`.

    Example:

    >>> edges, photos = np.zeros((2, 10, 64, 64, 1), "uint8")
    >>> source, target = next(iter(paired(edges, photos, batch_size=4)))

    Reference:
        - Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional
          Adversarial Networks", 2017, arXiv:1611.07004.
    """
    reading = strict, max_pixels, cache
    pipeline = Pipeline(
        batch_size, steps_per_epoch, seed, size, load_size, flip, reading
    )
    pair = channel_pair(channels, "source and target")
    one_of("direction", direction, ("ab", "ba"))
    one_of("split", split, ("train", "test"))
    require(
        direction == "ab" or target is None,
        "Argument `direction` must be 'ab' where `target` is given: swap `source` and "
        "`target` instead",
        direction=direction,
    )
    if target is None and isinstance(source, (str, os.PathLike)):
        source, target = _find_domains(source, split, direction)
    kinds = [
        (isinstance(images, (str, os.PathLike)), are_files(images))
        for images in (source, target)
    ]
    require(
        target is None or kinds[0] == kinds[1],
        "Arguments `source` and `target` must be of one kind, two folders, two lists "
        "of files or two arrays",
        TypeError,
        source=type(source),
        target=type(target),
    )
    load = _load_folders if any(kinds[0]) else _load_arrays
    images, channels = load(
        source, target, pipeline.stored_size, pair, direction, pipeline.reading
    )
    # The images of a pair lie on each other along the channels: so nothing can take
    # them apart.
    (stream,) = streams(seed, 1)
    batch = pipeline.cache(images, stream, what="pairs")

    def make_batch(index):
        (pairs,) = batch(index)
        return pairs[..., :channels], pairs[..., channels:]

    return pipeline.dataset(make_batch, len(images))


def _load_arrays(source, target, size, channels, direction, reading):
    """Returns the pairs on each other along the channels, and the source's channels."""
    cache = reading[-1]
    arrays = [load_images(source, cache=cache)[0]]
    if target is not None:
        arrays.append(load_images(target, cache=cache, argument="target")[0])
        require(
            arrays[0].shape[:3] == arrays[1].shape[:3],
            "Arguments `source` and `target` must hold the same number of images of "
            "one size",
            source=arrays[0].shape,
            target=arrays[1].shape,
        )

    def pair_of(*parts):
        pair = _halves(parts[0], "source", direction) if target is None else parts
        pair = [*map(convert_channels, pair, channels)]
        return pair if size is None else [resize_images(part, size) for part in pair]

    def join(*parts):
        return np.concatenate(pair_of(*parts), axis=-1)

    first = pair_of(*(array[:1] for array in arrays))[0]
    return keep_converted(arrays, join, cache), first.shape[-1]


def _load_folders(source, target, size, channels, direction, reading):
    """Returns the pairs on each other along the channels, and the source's channels."""
    strict, max_pixels, cache = reading
    lists = are_files(source)
    require_size(size, source)
    channels = [wanted or 3 for wanted in channels]
    folder = pathlib.Path(source[0] if lists else source).expanduser()
    if target is None:
        files = [(path,) for path in (source if lists else list_images(folder))]
    elif lists:
        must = "Arguments `source` and `target` must hold the same number of files"
        numbers = len(source), len(target)
        require(numbers[0] == numbers[1], must, numbers=numbers)
        files = list(zip(source, target, strict=True))
    else:
        files = _find_partners(folder, pathlib.Path(target).expanduser())

    def read(paths):
        pair = _read_pair(paths, direction, channels, max_pixels)
        return np.concatenate([resize_image(image, size) for image in pair], axis=-1)

    # With two files each the order says which is the source.
    settings = {"channels": channels, "max_pixels": max_pixels, "direction": direction}
    shape = (*size, sum(channels))
    pairs, _ = read_files(files, read, shape, folder, settings, strict, cache, "pairs")
    return pairs, channels[0]


def _find_domains(source, split, direction):
    """Returns the folders of source and target, or the folder itself and `None`."""
    folder = pathlib.Path(source).expanduser()
    name = os.fspath(source)
    if isinstance(source, str) and name.startswith("cycle_gan/"):
        # As for all names, a folder of this name comes first.
        folder = folder if folder.is_dir() else _download_cycle_gan(name)
    domains = [folder / f"{split}{domain}" for domain in "AB"]
    missing = [str(domain) for domain in domains if not domain.is_dir()]
    if len(missing) == 2:
        return folder, None
    must = f"A folder has no partner: there is no {missing}"
    require(not missing, must, FileNotFoundError)
    return domains if direction == "ab" else domains[::-1]


def _download_cycle_gan(name):
    """Returns the folder of a CycleGAN set, after a download if it is not there."""
    import tensorflow_datasets as tfds

    builder, _ = find_builder(name, "source", "a folder or an array")
    file = f"/{builder.builder_config.name}.zip"
    (url,) = (url for url in builder.url_infos if url.endswith(file))
    downloads = pathlib.Path(builder.data_dir_root, "downloads")
    if not any(downloads.glob(f"*{builder.builder_config.name}*")):
        check_network(name)
    manager = tfds.download.DownloadManager(
        download_dir=downloads, url_infos=builder.url_infos, dataset_name=builder.name
    )
    (folder,) = pathlib.Path(manager.download_and_extract(url)).iterdir()
    return folder


def _find_partners(source, target):
    """Pairs the files of two folders by their path within it, without the ending."""
    named = []
    for folder in (source, target):
        files = {}
        paths = list_images(folder)
        # CycleGAN's sets may name the domain in the file, too: trainA/1_A.jpg.
        mark = f"_{folder.name[-1:]}"
        marked = folder.name[:-1] in ("train", "test") and all(
            path.stem.endswith(mark) for path in paths
        )
        for path in paths:
            name = path.relative_to(folder).with_suffix("").as_posix()
            if marked:
                name = name.removesuffix(mark)
            other = files.setdefault(name, path)
            require(
                other is path,
                f"Files of one name cannot be told apart: '{other}' and '{path}' "
                "differ in their ending alone. Remove one of them",
            )
        named.append(files)
    alone = [
        f"'{files[name]}' has none in '{folder}'"
        for files, others, folder in ((*named, target), (*named[::-1], source))
        for name in files
        if name not in others
    ]
    more = f"; and {len(alone) - 5} more" if len(alone) > 5 else ""
    require(
        not alone,
        "Each image must have a partner of the same name in the other folder. "
        + "; ".join(alone[:5])
        + more,
    )
    return [(path, named[1][name]) for name, path in named[0].items()]


def _read_pair(paths, direction, channels, max_pixels):
    """Reads a pair from two files, or from the halves of one."""
    if len(paths) == 2:
        limits = max_pixels, max_pixels
        pair = [*map(decode_image, paths, channels, limits)]
        sizes = [image.shape[:2] for image in pair]
        require(
            sizes[0] == sizes[1],
            "The images of a pair must be of one size (height, width). Received: "
            f"'{paths[0]}' of {sizes[0]} and '{paths[1]}' of {sizes[1]}",
        )
        return pair
    # Taken apart before they are resized: no filter reaches across the middle.
    picture = decode_image(paths[0], max(channels), max_pixels)
    pair = _halves(picture, f"'{paths[0]}'", direction)
    return [*map(convert_channels, pair, channels)]


def _halves(pictures, name, direction):
    """Takes apart pictures of two images side by side, with or without a batch."""
    require(
        pictures.shape[-2] % 2 == 0,
        f"Pictures must be of an even width, two images side by side. Received: {name} "
        f"of {pictures.shape[-3:-1]}; give `target` where it holds the source alone",
    )
    return np.split(pictures, 2, axis=-2)[:: 1 if direction == "ab" else -1]
