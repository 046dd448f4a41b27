"""Where images come from: names, folders, files and arrays become uint8 arrays."""

import difflib
import gzip
import math
import numbers
import os
import pathlib
import re
import socket
import struct
import urllib.request
import zipfile
import zlib

import numpy as np
import tensorflow as tf

from keras_gans.data.digits import handwritten_digits, street_digits
from keras_gans.data.drawings import drawings
from keras_gans.data.images import load_folder, resize_image

EMBEDDED = {
    "handwritten_digits": handwritten_digits,
    "street_digits": street_digits,
    "digits": handwritten_digits,
    "drawings": drawings,
}
# Sources in which a mirrored image is no longer of the domain.
DIGIT_NAMES = (
    "handwritten_digits",
    "street_digits",
    "digits",
    "mnist",
    "svhn_cropped",
    "binarized_mnist",
    "emnist",
    "kmnist",
    "mnist_corrupted",
)
# MNIST's files, with the dot, too, that some copies have for the second hyphen.
IDX_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
TFDS_DOWNLOAD_HOST = ("www.tensorflow.org", 443)


def load_images(
    source,
    size=None,
    channels=None,
    split="train",
    strict=False,
    max_pixels=50_000_000,
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
            - a finite, unbatched `tf.data.Dataset` of images or (image, label).
        size: Integer or (height, width) to which images are resized, with an
            antialiased bicubic filter. Optional for arrays and names, whose images
            keep their size without it.
        channels: 1, 3 or `None`, which keeps the source's own (3 for folders).
        split: `"train"` or `"test"`.
        strict: Boolean, raise at the first bad file of a folder, not skip it.
        max_pixels: Integer, files with more pixels count as bad.
        argument: Name of the argument that error messages speak of.

    Returns:
        A pair: images, uint8 of shape `(n, height, width, channels)`, and labels,
        int64 of shape `(n,)` or `None`.
    """
    if isinstance(source, (str, os.PathLike)):
        images, labels = _load_named(
            source, size, channels, split, strict, max_pixels, argument
        )
    elif isinstance(source, tf.data.Dataset):
        images, labels = _collect(source, size, argument)
    elif isinstance(source, (tuple, list)) and len(source) == 2:
        images, labels = source
    else:
        images, labels = source, None
    images = _as_uint8(images, argument)
    if labels is not None:
        labels = np.asarray(labels).reshape(-1)
        if labels.dtype.kind not in "iub":
            raise TypeError(
                f"Argument `{argument}` must hold integer labels. "
                f"Received labels of dtype {labels.dtype}."
            )
        labels = labels.astype("int64")
        if len(labels) != len(images):
            raise ValueError(
                f"Argument `{argument}` must hold one label for each image. "
                f"Received: {len(images)} images and {len(labels)} labels."
            )
    if channels is not None:
        images = convert_channels(images, channels)
    if size is not None:
        images = resize_images(images, size)
    return images, labels


def is_digits(source):
    """Whether the source is a name or files of digits, which must not be mirrored."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    named = isinstance(source, str) and re.split("[/:]", source)[0] in DIGIT_NAMES
    return named or bool(_find_idx(source))


def has_test_split(source):
    """Whether the source has test images beside its training images."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    if source in EMBEDDED:  # They come before a folder of that name, as in loading.
        return True
    path = pathlib.Path(source).expanduser()
    if path.suffix == ".npz" and path.exists():
        with np.load(path) as file:
            return "x_test" in file
    if files := _find_idx(source):
        return ("t10k", "images") in files
    name = os.fspath(source)
    # A split that is named, "mnist:train[:10%]", is the only one that is meant.
    if path.exists() or ":" in name:
        return False
    import tensorflow_datasets as tfds

    splits = tfds.builder(name).info.splits
    # Known once the set is on this machine, as it is when its training part is loaded.
    return not splits or "test" in splits or "testA" in splits


def height_and_width(size):
    """Returns `(height, width)` for an integer or a pair."""
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or not all(
        isinstance(side, numbers.Integral) and not isinstance(side, bool) and side > 0
        for side in pair
    ):
        raise ValueError(
            "A size must be a positive integer or a pair (height, width) of them. "
            f"Received: {size!r}"
        )
    return int(pair[0]), int(pair[1])


def convert_channels(images, channels):
    """Converts uint8 images to 1 channel (ITU-R 601 luma) or 3 (replicated)."""
    if images.shape[-1] == channels:
        return images
    if (images.shape[-1], channels) == (1, 3):
        return np.repeat(images, 3, axis=-1)
    if (images.shape[-1], channels) == (3, 1):
        luma = images @ np.array([0.299, 0.587, 0.114], "float32")
        return np.round(luma[..., None]).astype("uint8")
    raise ValueError(
        "Images can have 1 or 3 channels. Received: images with "
        f"{images.shape[-1]} channels where {channels} are wanted."
    )


def resize_images(images, size):
    """Resizes a uint8 array `(n, height, width, channels)` with antialiasing."""
    size = height_and_width(size)
    if images.shape[1:3] == size:
        return images
    return np.stack([resize_image(image, size) for image in images])


def _load_named(source, size, channels, split, strict, max_pixels, argument):
    name = os.fspath(source)
    path = pathlib.Path(name).expanduser()
    if source in EMBEDDED:  # A `Path` is never a name.
        return EMBEDDED[name](split)
    if path.suffix == ".npz":
        return _load_npz(path, split, argument)
    if files := _find_idx(source):
        return _load_idx(files, split, argument)
    if name and path.is_dir():
        if size is None:
            raise ValueError(
                f"Argument `size` must be given for a folder of images, {name!r}: "
                "its images may differ in size."
            )
        return load_folder(path, size, channels or 3, strict, max_pixels), None
    if name and path.exists():
        raise ValueError(
            f"Argument `{argument}` must be a name, a folder or an .npz file. "
            f"Received the file {name!r}: give the folder that holds it."
        )
    if isinstance(source, os.PathLike):
        raise FileNotFoundError(
            f"Argument `{argument}`: there is no folder {name!r}."
            f"{_hint(_close_folders(name))}"
        )
    return _load_tfds(name, size, split, argument)


def _load_npz(path, split, argument):
    if not path.exists():
        raise FileNotFoundError(
            f"Argument `{argument}`: there is no file {str(path)!r}."
        )
    try:
        file = np.load(path)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            f"Argument `{argument}`: {str(path)!r} is not an .npz file, or is damaged "
            f"({error})."
        ) from error
    with file:
        if f"x_{split}" not in file:
            raise ValueError(
                f"Argument `{argument}`: {str(path)!r} must hold the array "
                f"'x_{split}' (and 'y_{split}' for labels). It holds {sorted(file)}."
            )
        labels = file[f"y_{split}"] if f"y_{split}" in file else None
        return file[f"x_{split}"], labels


def _find_idx(source):
    """Finds MNIST's idx files: a dictionary from ("train", "images") and so on."""
    path = pathlib.Path(source).expanduser()
    if IDX_NAME.fullmatch(path.name) and path.is_file():
        path = path.parent
    elif not os.fspath(source) or not path.is_dir():
        return {}
    files = {}
    for file in sorted(path.iterdir()):  # The unpacked file comes before its `.gz`.
        name = IDX_NAME.fullmatch(file.name)
        if name and file.is_file():
            files.setdefault((name[1], name[2]), file)
    return files


def _load_idx(files, split, argument):
    part = {"test": "t10k"}.get(split, split)
    path = files.get((part, "images"))
    if path is None:
        raise ValueError(
            f"Argument `{argument}`: there is no file '{part}-images-idx3-ubyte' (or "
            f"'.gz') in {str(next(iter(files.values())).parent)!r}. "
            f"It holds {[file.name for file in files.values()]}."
        )
    images = _read_idx(path, 3, argument)
    labels_path = files.get((part, "labels"))
    if labels_path is None:
        return images, None
    labels = _read_idx(labels_path, 1, argument)
    if len(labels) != len(images):
        raise ValueError(
            f"Argument `{argument}`: {str(labels_path)!r} holds {len(labels)} labels "
            f"for the {len(images)} images of {path.name!r}."
        )
    return images, labels


def _read_idx(path, axes, argument):
    """Reads an idx file of bytes: 0, 0, type 8, axes; their lengths; the values."""
    content = path.read_bytes()
    # Told from the content: browsers unpack `.gz` files and keep the name.
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"Argument `{argument}`: {str(path)!r} is damaged ({error})."
            ) from error
    magic, header = bytes([0, 0, 8, axes]), 4 + 4 * axes
    if content[:4] != magic:
        raise ValueError(
            f"Argument `{argument}`: {str(path)!r} is not an idx file of bytes along "
            f"{axes} axes: it begins with '{content[:4].hex(' ')}', not with "
            f"'{magic.hex(' ')}'."
        )
    shape = struct.unpack(f">{axes}I", content[4:header].ljust(4 * axes, b"\0"))
    if len(content) != header + math.prod(shape):
        raise ValueError(
            f"Argument `{argument}`: {str(path)!r} is damaged: it has {len(content):,} "
            f"bytes where its header says {header + math.prod(shape):,}."
        )
    return np.frombuffer(content, "uint8", offset=header).reshape(shape).copy()


def _load_tfds(name, size, split, argument):
    import tensorflow_datasets as tfds

    dataset, _, given_split = name.partition(":")
    known = tfds.list_builders(with_community_datasets=False)
    first = dataset.split("/")[0]
    if first not in known:
        is_path = first != dataset or "\\" in name or name.startswith(("~", "."))
        hint = _hint(
            _close_folders(name)
            or difflib.get_close_matches(
                first, [*EMBEDDED, *known], n=3, cutoff=0.8 if is_path else 0.5
            )
        )
        if is_path:
            raise FileNotFoundError(
                f"Argument `{argument}`: there is no folder {name!r}, seen from "
                f"{os.getcwd()!r}, and no tensorflow_datasets name begins so.{hint}"
            )
        raise ValueError(
            f"Argument `{argument}` must be an embedded domain "
            f"({', '.join(EMBEDDED)}), "
            "a tensorflow_datasets name, an existing folder of images, an .npz file, "
            f"an array or a dataset. Received: {argument}={name!r}, which is none of "
            f"them.{hint}"
        )
    try:
        builder = tfds.builder(dataset)
    except ValueError as error:
        raise ValueError(
            f"Argument `{argument}`: there is no folder {name!r}, and "
            f"tensorflow_datasets cannot find {dataset!r}: {error}"
        ) from error
    features = dict(builder.info.features)
    if "image" not in features:
        raise ValueError(
            f"Argument `{argument}` must be a dataset of images. "
            f"Received: {argument}={name!r}, which holds {sorted(features)}."
        )
    labelled = isinstance(features.get("label"), tfds.features.ClassLabel)
    if not os.path.isdir(builder.data_dir):
        check_network(dataset)
        builder.download_and_prepare()
    if given_split:
        split = given_split
    elif dataset.startswith("cycle_gan/"):
        split += "B" if argument == "y" else "A"
    if split.split("[")[0] not in builder.info.splits:
        raise ValueError(
            f"Argument `{argument}`: {dataset!r} has no split {split!r}. "
            f"It has {sorted(builder.info.splits)}."
        )
    data = builder.as_dataset(split=split).map(
        lambda example: (
            (example["image"], example["label"]) if labelled else example["image"]
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return _collect(data, size, argument)


def _close_folders(name):
    """Lists existing folders whose path differs from a missing one in a typo."""
    path = pathlib.Path(name).expanduser()
    missing = path
    while missing != missing.parent and not missing.parent.is_dir():
        missing = missing.parent
    try:
        beside = sorted(entry.name for entry in missing.parent.iterdir())
    except OSError:  # Not to be read by everyone.
        return []
    close = difflib.get_close_matches(missing.name, beside, n=3, cutoff=0.7)
    rest = path.relative_to(missing)
    folders = [missing.with_name(found) / rest for found in close]
    return [str(folder) for folder in folders if folder.is_dir()]


def _hint(close):
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def check_network(dataset):
    """Raises at once if a set cannot be downloaded."""
    # Without a network tensorflow_datasets retries for minutes before it gives up.
    if urllib.request.getproxies():
        return
    try:
        socket.create_connection(TFDS_DOWNLOAD_HOST, timeout=5).close()
    except OSError as error:
        raise ConnectionError(
            f"{dataset!r} is not on this machine yet and cannot be downloaded "
            f"({error}). Connect to the network, or use the embedded "
            f"{', '.join(map(repr, EMBEDDED))}, a folder or an .npz file."
        ) from error


def _collect(dataset, size, argument):
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"Argument `{argument}` must be a finite dataset, because its images are "
            "cached; repeating is done here. Leave out `.repeat()`."
        )
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image_spec = spec[0] if labelled else spec
    if not isinstance(image_spec, tf.TensorSpec) or image_spec.shape.rank not in (
        3,
        None,
    ):
        raise ValueError(
            f"Argument `{argument}` must be an unbatched dataset of images "
            "(height, width, channels) or of (image, label) pairs. "
            f"Received elements of {spec}; `.unbatch()` takes batches apart."
        )
    images, labels = [], []
    for element in dataset.as_numpy_iterator():
        image, label = element if labelled else (element, None)
        image = _as_uint8(image[None], argument)[0]
        images.append(
            image if size is None else resize_image(image, height_and_width(size))
        )
        labels.append(label)
    if not images:
        raise ValueError(f"Argument `{argument}` is a dataset without elements.")
    if len({image.shape for image in images}) > 1:
        raise ValueError(
            f"Argument `{argument}` holds images of several sizes: give `size`."
        )
    return np.stack(images), np.array(labels) if labelled else None


def _as_uint8(images, argument):
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ValueError(
            f"Argument `{argument}` must hold images of shape (n, height, width) or "
            "(n, height, width, channels) with 1 or 3 channels. "
            f"Received an array of shape {images.shape}."
        )
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise TypeError(
            f"Argument `{argument}` must hold uint8 images or float images in [-1, 1]. "
            f"Received dtype {images.dtype}."
        )
    low, high = float(images.min()), float(images.max())
    if not (-1 <= low and high <= 1):
        raise ValueError(
            f"Argument `{argument}`: float images must lie in [-1, 1]. Received values "
            f"from {low:.4g} to {high:.4g}; images in 0..255 belong in dtype uint8."
        )
    return np.round((images + 1) * 127.5).astype("uint8")
