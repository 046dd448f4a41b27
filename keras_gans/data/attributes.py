"""The pipeline of attribute editing: images and which attributes they have."""

import difflib
import hashlib
import os
import pathlib

import numpy as np
import tensorflow as tf

from keras_gans.checks import height_and_width, one_of, require, warn
from keras_gans.data.attribute_file import check_names, read_attribute_file
from keras_gans.data.batches import Pipeline, streams
from keras_gans.data.cache import Stream, keep
from keras_gans.data.catalogue import did_you_mean, find_builder, prepare
from keras_gans.data.embedded import embedded
from keras_gans.data.embedded.faces import EXCLUSIVE_GROUPS
from keras_gans.data.images import (
    ImageError,
    decode_image,
    in_threads,
    list_images,
    read_files,
    resize_image,
)
from keras_gans.data.sources import (
    check_images,
    keep_converted,
    tfds_facts,
    to_pixels,
)
from keras_gans.pixels import convert_channels

# StarGAN's, of images that have no size of their own here.
DEFAULT_SIZE = 128
# One in so many images is held out of sources that have no test part of their own.
HELD_OUT = 10


def attributes(
    source,
    file=None,
    batch_size=16,
    select=None,
    size=None,
    crop=None,
    flip=True,
    split="train",
    steps_per_epoch=None,
    seed=0,
    strict=False,
    max_pixels=50_000_000,
    cache="auto",
):
    """Makes a dataset of batches of images and their attributes.

    As in StarGAN, images are cropped to their middle and resized, here with an
    antialiased bicubic filter, and mirrored at random. StarGAN mirrors first, which
    comes to the same.

    Args:
        source, file, select, size, crop, split: The images and their attributes, as in
            `keras_gans.data.load_attributes`.
        batch_size: Positive integer. Defaults to 16.
        flip: Boolean, mirror images left to right at random. Defaults to `True`.
        steps_per_epoch, seed, strict, max_pixels, cache: As in
            `keras_gans.data.unpaired`. The seed has no influence on the split.

    Returns:
        A `tf.data.Dataset` of pairs `(images, attributes)`: float32 images in [-1, 1]
        of shape `(batch_size, height, width, 3)`, and float32 attributes, 0 or 1, of
        shape `(batch_size, attributes)`, drawn as in `keras_gans.data.unpaired`. Its
        attribute `attribute_names` is a tuple of the names, and `exclusive_groups` a
        tuple of tuples of those of which an image should have at most one: hair
        colours.

    Example:

    >>> data = attributes("faces", select=["Blond_Hair", "Black_Hair", "Smiling"])
    >>> images, wanted = next(iter(data))
    >>> data.attribute_names, data.exclusive_groups
    (('Blond_Hair', 'Black_Hair', 'Smiling'), (('Blond_Hair', 'Black_Hair'),))

    Reference:
        - Choi et al., "StarGAN: Unified Generative Adversarial Networks for
          Multi-Domain Image-to-Image Translation", 2018, arXiv:1711.09020.
    """
    reading = strict, max_pixels, cache
    pipeline = Pipeline(batch_size, steps_per_epoch, seed, flip=flip, reading=reading)
    images, labels, names = load_attributes(
        source, file, select, size, crop, split, *reading
    )
    (stream,) = streams(seed, 1)
    what = f"images in its split {split!r}"
    batch = pipeline.cache(images, stream, labels, what=what)

    def make_batch(index):
        pictures, own = batch(index)
        return pictures, tf.cast(own, tf.float32)

    dataset = pipeline.dataset(make_batch, len(images))
    dataset.attribute_names = names
    dataset.exclusive_groups = exclusive_groups(names)
    return dataset


def load_attributes(
    source,
    file=None,
    select=None,
    size=None,
    crop=None,
    split="train",
    strict=False,
    max_pixels=50_000_000,
    cache="memory",
):
    """Loads images and their attributes as arrays, for scores or other pipelines.

    Where a source has no test part of its own, one image in ten is held out for
    `split="test"`: of each combination of the selected attributes, those that a hash of
    the names of the files (of the places, for arrays) decides. So the test part holds
    every attribute as often as the training part does, up to one image, and the same
    images are held out in every run, in whatever order the attributes are selected,
    but not with other attributes.

    Args:
        source: One of
            - a folder of images, with their attributes in `file`;
            - the name of an embedded set, `"faces"`;
            - the `tensorflow_datasets` name of a set that has attributes, `"celeb_a"`.
              Of its parts, `"train"` and `"test"` are used, with no image of one
              person in both; of a part that is named, `"celeb_a:train[:10%]"`, one
              image in ten is held out;
            - a triple `(images, attributes, names)`, as this function gives it: uint8
              images or float images in [-1, 1], attributes of 0 and 1, and strings.
        file: Path of an attribute file in the official format of CelebA: the number of
            images in the first line; the names of the attributes in the second; then a
            line for each image with its path within the folder and -1 or 1 for each
            attribute. Images without a line are left out with a warning.
        select: List of the names of the wanted attributes, in the wanted order.
            Defaults to all attributes of the source.
        size: Integer or (height, width) to which images are resized, with an
            antialiased bicubic filter. Defaults to 128 for folders and
            `tensorflow_datasets` sets, and to their own size for others.
        crop: Integer or (height, width) of the part in the middle that is resized.
            Defaults to the largest that has the proportions of `size`.
        split: `"train"`, `"test"` or `None` for both. Defaults to `"train"`.
        strict, max_pixels: As in `keras_gans.data.unpaired`.
        cache: Where the images are kept, see `keras_gans.data.cache`. Defaults to
            `"memory"`.

    Returns:
        A triple `(images, attributes, names)`: images, uint8 of shape
        `(n, height, width, 3)`; attributes, uint8 of 0 and 1 of shape
        `(n, attributes)`; and a tuple of the names of the attributes.

    """
    one_of("split", split, ("train", "test", None))
    size = None if size is None else height_and_width(size)
    crop = None if crop is None else height_and_width(crop, "crop")
    _check_select(select)
    reading = strict, max_pixels, cache

    if file is not None:
        return _load_folder(source, file, select, size, crop, split, reading)
    if own := embedded(source, attributes=True):
        _choose(*own.load(count=1)[1:], select)  # Before thousands are drawn.
        parts = [own.load(part) for part in _parts(split)]
        pixels, labels, (names, *_) = zip(*parts, strict=True)
        labels, names = _choose(np.concatenate(labels), names, select)
        return _resize_all(np.concatenate(pixels), size, crop, cache), labels, names
    if isinstance(source, (str, os.PathLike)):
        return _load_named(source, select, size, crop, split, cache)
    pixels, labels, names = _check_arrays(source)
    labels, names = _choose(labels, names, select)
    chosen = _choose_split(labels, names, map(str, range(len(labels))), split)
    pixels = _resize_all(pixels, size, crop, cache, chosen)
    return pixels, labels[chosen], names


def exclusive_groups(names):
    """Returns the groups among these attributes of which a face has at most one."""
    groups = (
        tuple(name for name in names if name in group) for group in EXCLUSIVE_GROUPS
    )
    return tuple(group for group in groups if len(group) > 1)


def _load_folder(source, file, select, size, crop, split, reading):
    strict, max_pixels, cache = reading
    must = "Argument `source` must be a folder of images where `file` is given"
    is_path = isinstance(source, (str, os.PathLike))
    require(is_path, must, TypeError, source=type(source))
    # What can be wrong in the lines is looked for before a folder of many files is.
    rows, labels, names = read_attribute_file(file)
    labels, names = _choose(labels, names, select)
    folder = pathlib.Path(source).expanduser()
    paths = {path.relative_to(folder).as_posix(): path for path in list_images(folder)}
    missing = [name for name in rows if name not in paths]
    if missing:
        raise ValueError(
            f"{file}, line {rows[missing[0]]}: there is no image {missing[0]!r} in "
            f"'{folder}'{_whereabouts(missing[0], paths)}."
            + (f" {len(missing)} lines are without an image." if missing[1:] else "")
            + " Give the folder of all images, or leave their lines out of the file."
        )
    if len(paths) > len(rows):
        spare = [name for name in paths if name not in rows]
        warn(
            f"{len(spare)} images in '{folder}' have no line in '{file}' and are left "
            f"out, the first one is {spare[0]!r}"
        )
    chosen = _choose_split(labels, names, rows, split)
    labels, files = labels[chosen], [paths[name] for name in np.array([*rows])[chosen]]
    size = size or (DEFAULT_SIZE, DEFAULT_SIZE)

    def read(path):
        image = decode_image(path, 3, max_pixels)
        return resize_middle(image, size, crop, path)

    settings = {"crop": crop, "max_pixels": max_pixels}
    shape = (*size, 3)
    images, good = read_files(files, read, shape, folder, settings, strict, cache)
    return images, labels[good], names


def _whereabouts(name, paths):
    # An archive that is unpacked into a folder of its name lies one folder deeper.
    found = [path for path in paths if pathlib.PurePosixPath(path).name == name]
    return f"; there is '{found[0]}'" if found else ""


def _load_named(source, select, size, crop, split, cache):
    name = os.fspath(source)
    require(
        not name or not pathlib.Path(name).expanduser().is_dir(),
        f"Argument `file` must be given for a folder of images, {name!r}: the path of "
        "the attribute file, in CelebA 'list_attr_celeba.txt'",
    )
    if isinstance(source, os.PathLike):
        raise FileNotFoundError(f"Argument `source`: there is no folder {name!r}.")
    import tensorflow_datasets as tfds

    others = "an existing folder with `file`, or a triple (images, attributes, names)"
    builder, part = find_builder(name, "source", others, attributes=True)
    features = dict(builder.info.features)
    described = features.get("attributes")
    require(
        "image" in features and isinstance(described, tfds.features.FeaturesDict),
        "Argument `source` must be a set of images with attributes, such as 'celeb_a'",
        source=name,
        features=sorted(features),
    )
    names = tuple(described)
    _choose(np.zeros((1, len(names)), "uint8"), names, select)  # Before a download.
    read = part or "+".join(_parts(split))
    prepare(builder, name, read, "source", attributes=True)

    # 1. The attributes, by which images are held out. No image is decoded for them.
    examples = builder.as_dataset(
        split=read, decoders={"image": tfds.decode.SkipDecoding()}
    ).map(lambda example: tf.stack([example["attributes"][name] for name in names]))
    labels = np.stack([*examples.as_numpy_iterator()]).astype("uint8")
    labels, names = _choose(labels, names, select)
    places = map(str, range(len(labels)))
    chosen = _choose_split(labels, names, places, split if part else None)

    # 2. The images, in the same order.
    size = size or (DEFAULT_SIZE, DEFAULT_SIZE)
    wanted = {*chosen.tolist()}
    examples = builder.as_dataset(split=read).map(
        lambda example: example["image"], num_parallel_calls=tf.data.AUTOTUNE
    )

    def crop_and_resize(numbered):
        index, image = numbered
        return resize_middle(image, size, crop, f"{name}, image {index}"), None

    def images():
        numbered = enumerate(examples.as_numpy_iterator())
        chosen_ones = (pair for pair in numbered if pair[0] in wanted)
        return in_threads(crop_and_resize, chosen_ones)

    def identity():
        places = hashlib.sha256(chosen.tobytes()).hexdigest()
        return [tfds_facts(builder, read), places, size, crop]

    stream = Stream(images, len(chosen), (*size, 3), identity)
    return keep(stream, cache)[0], labels[chosen], names


def _check_arrays(source):
    require(
        isinstance(source, (tuple, list)) and len(source) == 3,
        "Argument `source` must be a name, a folder with `file`, or a triple (images, "
        "attributes, names)",
        TypeError,
        source=type(source),
    )
    pixels, labels, names = source
    pixels, labels = np.asarray(pixels), np.asarray(labels)
    must = "Argument `source` must hold the names of the attributes as strings"
    require(_are_strings(names), must, TypeError, names=names)
    names = tuple(map(str, names))
    check_names(names, "Argument `source` must hold names of attributes that differ")
    require(
        pixels.ndim >= 3 and labels.shape == (len(pixels), len(names)),
        "Argument `source` must hold attributes of shape (images, names). Received "
        f"images of shape {pixels.shape}, attributes of shape {labels.shape} and "
        f"{len(names)} names",
    )
    require(
        np.isin(labels, (0, 1)).all(),
        "Argument `source` must hold attributes of 0 and 1; those of -1 and 1 become "
        "so by `attributes > 0`",
        values=np.unique(labels)[:5],
    )
    return pixels, labels.astype("uint8"), names


def _parts(split):
    return ("train", "test") if split is None else (split,)


def _resize_all(images, size, crop, cache, chosen=None):
    """Crops and resizes images of one size, or those of them that are chosen."""
    images = check_images(images, "source")
    is_whole = size is None and crop is None
    size = size or crop

    def convert(part):
        part = convert_channels(to_pixels(part), 3)
        if is_whole:
            return part
        # All are of one size: if it is too small, it is so for the first.
        return np.stack([resize_middle(one, size, crop, "image 0") for one in part])

    return keep_converted([images], convert, cache, chosen)


def resize_middle(image, size, crop=None, name="image"):
    """Cuts the middle out of an image, by default all that has the shape of `size`."""
    height, width = image.shape[:2]
    if crop is None:
        # The side that is shorter, by the proportions of `size`, is kept whole.
        scale = min(height / size[0], width / size[1])
        crop = round(scale * size[0]), round(scale * size[1])
        crop = max(1, crop[0]), max(1, crop[1])
    if crop[0] > height or crop[1] > width:
        raise ImageError(
            f"{name}: {width} x {height} pixels are too few for a crop of "
            f"{crop[1]} x {crop[0]}; give a smaller `crop`, or none"
        )
    top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
    return resize_image(image[top : top + crop[0], left : left + crop[1]], size)


def _check_select(select):
    if select is None:
        return
    must = "Argument `select` must be a list of names of attributes"
    require(_are_strings(select), must, TypeError, select=select)
    require(select, "Argument `select` must name an attribute. Received none")
    check_names(select, "Argument `select` must name each attribute once")


def _are_strings(names):
    is_list = isinstance(names, (tuple, list, np.ndarray))
    return is_list and all(isinstance(name, str) for name in names)


def _choose(labels, names, select):
    """Returns the columns and the names of the selected attributes, in their order."""
    for name in select or ():
        if name not in names:
            folded = {known.casefold(): known for known in names}
            close = difflib.get_close_matches(name.casefold(), folded, 1, 0.5)
            hint = did_you_mean([folded[name] for name in close])
            raise ValueError(
                f"Argument `select` must name attributes of the source. Received "
                f"{name!r}, which is none of them.{hint} They are {', '.join(names)}."
            )
    chosen = tuple(select or names)
    return labels[:, [names.index(name) for name in chosen]], chosen


def _choose_split(labels, names, keys, split):
    """Returns the places of the images of the split, in their order.

    Sorted by combination of attributes, and within each by hash, every tenth image is
    held out: of each combination a tenth, up to one image.
    """
    if split is None:
        return np.arange(len(labels))
    digests = [hashlib.sha256(key.encode()).digest()[:8] for key in keys]
    digests = np.frombuffer(b"".join(digests), ">u8")
    # By name, so that the order in which attributes are selected does not matter.
    columns = labels.T[np.argsort(names)]
    order = np.lexsort((digests, *columns[::-1]))
    test = np.zeros(len(labels), bool)
    test[order[HELD_OUT // 2 :: HELD_OUT]] = True
    chosen = np.flatnonzero(test if split == "test" else ~test)
    require(
        len(chosen),
        f"Of {len(labels)} images none is in the split {split!r}: one in {HELD_OUT} is "
        "held out. Use more images, or split=None",
    )
    return chosen
