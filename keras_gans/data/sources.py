"""Where images come from: names, folders, files and arrays become uint8 arrays."""

import dataclasses
import itertools
import os
import pathlib
import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_gans.checks import height_and_width, require, warn
from keras_gans.data import array_files, catalogue
from keras_gans.data.cache import Stream, file_facts, goes_to_disk, keep
from keras_gans.data.embedded import EMBEDDED, embedded
from keras_gans.data.images import in_threads, load_files, load_folder, resize_image
from keras_gans.data.images import resize_images
from keras_gans.data.memory import is_shared
from keras_gans.pixels import convert_channels, to_uint8

# Bytes of images that are converted at a time.
_PART = 2**22
# Sets of `tensorflow_datasets` in which a mirrored image is no longer of the set.
DIGIT_NAMES = "mnist svhn_cropped binarized_mnist emnist kmnist mnist_corrupted".split()


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of source that is given by its name or path. All are listed in `KINDS`."""

    find: Callable  # (source) -> what the others take, or nothing for other kinds
    load: Callable  # (found, split, options) -> (images, labels or `None`)
    has_test_split: Callable  # (found) -> boolean
    is_digits: bool = False  # Digits must not be mirrored.


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of `load_images` that not every kind of source looks at."""

    size: object
    channels: int | None
    strict: bool
    max_pixels: int
    cache: object
    argument: str


def load_images(
    source,
    size=None,
    channels=None,
    split="train",
    strict=False,
    max_pixels=50_000_000,
    cache="memory",
    argument="source",
):
    """Loads all images of one domain as a uint8 array.

    Args:
        source: One of
            - the name of an embedded domain, `"handwritten_digits"` (or `"digits"` for
              short), `"street_digits"` or `"drawings"`;
            - a `tensorflow_datasets` name such as `"mnist"`, `"svhn_cropped"` or
              `"cycle_gan/vangogh2photo:trainA"`, where the part behind the colon, if
              given, is the split; a folder of that name comes first;
            - a folder of images (see `keras_gans.data.images`), searched recursively;
            - a folder that holds MNIST's idx files (`train-images-idx3-ubyte`,
              `train-labels-idx1-ubyte`, and `t10k-...` for the test split, with or
              without `.gz`), or one of these files, which stands for all of them;
            - an `.npz` file with `x_train` and, for labels, `y_train` (and `x_test`,
              `y_test`), the layout of Keras's `mnist.npz`;
            - a NumPy array of shape `(n, height, width)` or `(n, height, width,
              channels)`, uint8 or float in [-1, 1], or a pair (images, labels);
            - a list of such images `(height, width)` or `(height, width, channels)`;
            - a list of image files;
            - a finite, unbatched `tf.data.Dataset` of images or (image, label).
        size: Integer or (height, width) to which images are resized, with an
            antialiased bicubic filter. Optional for arrays and names, whose images
            keep their size without it.
        channels: 1, 3 or `None`, which keeps the source's own (3 for folders).
        split: `"train"` or `"test"`.
        strict, max_pixels: As in `keras_gans.data.unpaired`.
        cache: Where the images are kept, see `keras_gans.data.cache`. Defaults to
            `"memory"`.
        argument: Name of the argument that error messages speak of.

    Returns:
        A pair: images, uint8 of shape `(n, height, width, channels)`, and labels,
        int64 of shape `(n,)` or `None`. Images that had to be decoded or converted are
        read-only.
    """
    size = None if size is None else height_and_width(size)
    options = Options(size, channels, strict, max_pixels, cache, argument)
    if isinstance(source, (str, os.PathLike)):
        kind, found = _find_kind(source)
        images, labels = kind.load(found, split, options)
    elif isinstance(source, tf.data.Dataset):
        images, labels = _read_dataset(source, options)
    elif are_files(source):
        require_size(size, source[0])
        images = load_files(source, size, channels or 3, strict, max_pixels, cache)
        labels = None
    elif isinstance(source, (tuple, list)) and _are_images_and_labels(source):
        images, labels = source
    elif isinstance(source, (tuple, list)) and len({*map(np.shape, source)}) > 1:
        stream = _stream(lambda: zip(source, itertools.repeat(None)), options)
        images, labels = keep(stream, cache)[0], None
    else:
        images, labels = source, None
    images = _finish(images, options)
    if labels is not None:
        labels = np.asarray(labels).reshape(-1)
        must = (
            f"Argument `{argument}` must hold integer labels; `numpy.unique(labels, "
            "return_inverse=True)[1]` makes them of names"
        )
        require(labels.dtype.kind in "iub", must, TypeError, dtype=labels.dtype)
        labels = labels.astype("int64")
        require(
            len(labels) == len(images),
            f"Argument `{argument}` must hold one label for each image. Received: "
            f"{len(images)} images and {len(labels)} labels",
        )
    return images, labels


def _finish(images, options):
    """Returns uint8 images as they are wanted, kept where they are wanted."""
    size, channels, cache = options.size, options.channels, options.cache
    argument = options.argument

    def convert(images):
        images = convert_channels(to_pixels(images), channels)
        return images if size is None else resize_images(images, size)

    if isinstance(rows := images, array_files.Rows):  # A file that is read in parts.
        return _keep_parts(
            lambda step: (
                convert(check_images(part, argument)) for part in rows.parts(step)
            ),
            *(rows.shape[0], cache),
            lambda: [rows.name, file_facts([rows.path]), size, channels],
        )
    images = check_images(images, argument)
    fits = (
        images.dtype == np.uint8
        and channels in (None, images.shape[-1])
        and size in (None, images.shape[1:3])
    )
    # What is mapped already, by us or by others, is left where it is.
    is_mapped = isinstance(images, np.memmap) and is_shared(images)
    if fits and (is_mapped or not goes_to_disk(cache, images.nbytes)):
        return images
    return keep_converted([images], convert, cache)


def keep_converted(arrays, convert, cache, places=None):
    """Keeps uint8 images that are made of arrays, without a copy of all in between.

    Args:
        arrays: List of arrays of one length.
        convert: Function from a slice of each to uint8 images.
        cache: Where they are kept, see `keras_gans.data.cache`.
        places: Array of those to take. Defaults to all.
    """
    places = np.arange(len(arrays[0])) if places is None else places

    def parts(step):
        for start in range(0, len(places), step):
            yield convert(*(array[places[start : start + step]] for array in arrays))

    return _keep_parts(parts, len(places), cache)


def _keep_parts(parts, count, cache, identity=None):
    """Keeps uint8 images of which `parts(step)` yields arrays of up to `step`."""
    example = next(parts(1))
    step = max(1, _PART // example.nbytes)

    def images():
        return ((image, None) for part in parts(step) for image in part)

    return keep(Stream(images, count, example.shape[1:], identity), cache)[0]


def is_digits(source):
    """Whether the source is a name or files of digits, which must not be mirrored."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    if isinstance(source, str):
        name = re.split("[/:]", source)[0]
        if name in DIGIT_NAMES or name in EMBEDDED and not EMBEDDED[name].mirrors:
            return True
    return any(kind.is_digits and kind.find(source) for kind in KINDS)


def has_test_split(source):
    """Whether the source has test images beside its training images."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    kind, found = _find_kind(source)
    return kind.has_test_split(found)


def is_image_folder(source):
    """Whether the source is a folder of image files."""
    is_path = isinstance(source, (str, os.PathLike))
    return is_path and _find_kind(source)[0].load is _load_path


def _find_kind(source):
    for kind in KINDS:
        if found := kind.find(source):
            return kind, found
    return KINDS[-1], os.fspath(source)


def _find_path(source):
    path = pathlib.Path(source).expanduser()
    exists = os.fspath(source) and path.exists()
    return source if exists or isinstance(source, os.PathLike) else None


def _load_path(source, split, options):
    name, path = os.fspath(source), pathlib.Path(source).expanduser()
    if not path.exists():
        hint = catalogue.did_you_mean(catalogue.close_folders(name))
        raise FileNotFoundError(
            f"Argument `{options.argument}`: there is no folder {name!r}.{hint}"
        )
    require(
        path.is_dir(),
        f"Argument `{options.argument}` must be a name, a folder or an .npz file. "
        f"Received the file {name!r}: give the folder that holds it",
    )
    require_size(options.size, name)
    reading = options.strict, options.max_pixels, options.cache
    return load_folder(path, options.size, options.channels or 3, *reading), None


def require_size(size, place):
    must = f"Argument `size` must be given for a folder or files, {str(place)[:60]!r}"
    require(size is not None, f"{must}: the images may differ in size")


def _load_tfds(name, split, options):
    import tensorflow_datasets as tfds

    argument = options.argument
    others = "an existing folder of images, an .npz file, an array or a dataset"
    builder, part = catalogue.find_builder(name, argument, others)
    features = dict(builder.info.features)
    require(
        "image" in features,
        f"Argument `{argument}` must be a dataset of images. Received: {name!r}, which "
        f"holds {sorted(features)}",
    )
    if not part and name.startswith("cycle_gan/"):
        split += "B" if argument == "y" else "A"
    catalogue.prepare(builder, name, part or split, argument)
    labelled = isinstance(features.get("label"), tfds.features.ClassLabel)
    keys = ("image", "label") if labelled else ("image",)

    def pick(example):
        parts = tuple(example[key] for key in keys)
        return parts if labelled else parts[0]

    data = builder.as_dataset(split=part or split).map(pick, tf.data.AUTOTUNE)
    facts = tfds_facts(builder, part or split)
    return _read_dataset(data, options, lambda: [facts, options.size, options.channels])


def tfds_facts(builder, part):
    """Returns what a part of a set is known by."""
    files = sorted(pathlib.Path(builder.data_dir).iterdir())
    return [part, tf.__version__, file_facts(files)]


# In the order in which they are tried; the last one takes what is left.
KINDS = (
    Kind(embedded, lambda own, split, _: own.load(split), lambda own: True),
    Kind(array_files.find_npz, array_files.load_npz, array_files.npz_has_test_split),
    Kind(
        array_files.find_idx,
        array_files.load_idx,
        has_test_split=lambda files: ("t10k", "images") in files,
        is_digits=True,
    ),
    Kind(_find_path, _load_path, lambda path: False),
    Kind(os.fspath, _load_tfds, catalogue.has_test_split),
)


def _read_dataset(dataset, options, identity=None):
    """Returns the images of a dataset and their labels or `None`."""
    argument = options.argument
    count = int(dataset.cardinality())
    require(
        count != tf.data.INFINITE_CARDINALITY,
        f"Argument `{argument}` must be a finite dataset, because its images are "
        "cached; repeating is done here. Leave out `.repeat()`",
    )
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image_spec = spec[0] if labelled else spec
    require(
        isinstance(image_spec, tf.TensorSpec) and image_spec.shape.rank in (3, None),
        f"Argument `{argument}` must be an unbatched dataset of images (height, width, "
        f"channels) or of (image, label) pairs. Received elements of {spec}; "
        "`.unbatch()` takes batches apart",
    )

    def elements():
        for element in dataset.as_numpy_iterator():
            yield element if labelled else (element, None)

    stream = _stream(elements, options)
    stream.count = count if count >= 0 else None
    *size, channels = image_spec.shape if image_spec.shape.rank else [None] * 3
    shape = *(options.size or size), options.channels or channels
    stream.shape = None if None in shape else shape
    stream.identity = identity
    images, labels = keep(stream, options.cache)
    require(len(images), f"Argument `{argument}` is a dataset without elements")
    return images, labels


def _stream(elements, options):
    """Makes a stream of images of any kind and size, `elements()` with their labels."""
    size, channels, argument = options.size, options.channels, options.argument

    def pixels():
        for image, label in elements():
            image = np.asarray(image)[None]
            yield to_pixels(check_images(image, argument))[0], label

    def finish(element):
        image, label = element
        return image if size is None else resize_image(image, size), label

    def images():
        first = None
        finished = (
            map(finish, pixels()) if size is None else in_threads(finish, pixels())
        )
        for image, label in finished:
            first = image.shape if first is None else first
            require(
                image.shape[-1] == first[-1],
                f"Argument `{argument}` holds grey images beside images in colour: "
                "give all the same number of channels",
                channels=sorted({image.shape[-1], first[-1]}),
            )
            require(
                image.shape == first,
                f"Argument `{argument}` holds images of several sizes: give `size`",
            )
            yield convert_channels(image, channels), label

    return Stream(images)


def are_files(source):
    """Whether the source is a list of paths."""
    if not isinstance(source, (tuple, list)) or not source:
        return False
    return all(isinstance(one, (str, os.PathLike)) for one in source)


def _are_images_and_labels(source):
    """Whether a pair is of images and their labels, and not of two images."""
    if len(source) != 2 or source[1] is None:
        return len(source) == 2
    shape = np.shape(source[1])
    # In a list a further array of two dimensions is a grey image, beside one in colour.
    is_image = isinstance(source, list) and len(shape) > 1 and shape[1] > 1
    return np.ndim(source[0]) != len(shape) and not is_image


def check_images(images, argument):
    """Returns images that can be used as an array `(n, height, width, channels)`."""
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    require(
        images.ndim == 4 and images.shape[-1] in (1, 3) and len(images),
        f"Argument `{argument}` must hold images of shape (n, height, width) or (n, "
        "height, width, channels) with 1 or 3 channels",
        shape=images.shape,
    )
    if images.dtype == np.uint8:
        return images
    must = f"Argument `{argument}` must hold uint8 images or float images in [-1, 1]"
    is_float = np.issubdtype(images.dtype, np.floating)
    require(is_float, must, TypeError, dtype=images.dtype)
    low, high = float(images.min()), float(images.max())
    require(
        -1 <= low and high <= 1,
        f"{must}. Received values from {low:.4g} to {high:.4g}; images in 0..255 "
        "belong in dtype uint8",
    )
    if low >= 0 and low < high:
        warn(
            f"Argument `{argument}`: all values are in [0, 1]. Float images are read "
            "as [-1, 1], so these are pale; if they are meant to reach from black to "
            "white, give `2 * images - 1`, or uint8."
        )
    return images


def to_pixels(images):
    return images if images.dtype == np.uint8 else to_uint8(images)
