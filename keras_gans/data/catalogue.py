"""The sets of `tensorflow_datasets`: found by name, downloaded once."""

import difflib
import os
import pathlib
import socket
import urllib.request

from keras_gans.checks import require
from keras_gans.data.embedded import embedded_names
from keras_gans.progress import is_shown

TFDS_DOWNLOAD_HOST = ("www.tensorflow.org", 443)


def find_builder(name, argument, wanted, attributes=False):
    """Finds a set by its name, `"mnist:train[:10%]"`, and downloads nothing.

    `argument` and `wanted`, what it may be beside a name, are for messages, which
    suggest embedded sets with or without `attributes`.

    Returns:
        The builder, and the part that is named or an empty string.
    """
    import tensorflow_datasets as tfds

    dataset, _, part = name.partition(":")
    known = tfds.list_builders(with_community_datasets=False)
    first = dataset.split("/")[0]
    if first not in known:
        is_path = first != dataset or "\\" in name or name.startswith(("~", "."))
        names = [*embedded_names(attributes), *(["celeb_a"] if attributes else known)]
        close = close_folders(name) or difflib.get_close_matches(
            first, names, n=3, cutoff=0.8 if is_path else 0.5
        )
        hint = did_you_mean(close)
        if is_path:
            raise FileNotFoundError(
                f"Argument `{argument}`: there is no folder {name!r}, seen from "
                f"{os.getcwd()!r}, and no tensorflow_datasets name begins so.{hint}"
            )
        own = ", ".join(embedded_names(attributes))
        raise ValueError(
            f"Argument `{argument}` must be an embedded set ({own}), a "
            f"tensorflow_datasets name, {wanted}. Received: {argument}={name!r}, "
            f"which is none of them.{hint}"
        )
    try:
        return tfds.builder(dataset), part
    except (ValueError, tfds.core.DatasetNotFoundError) as error:
        raise ValueError(
            f"Argument `{argument}`: there is no folder {name!r}, and "
            f"tensorflow_datasets cannot find {dataset!r}: {error}"
        ) from error


def prepare(builder, name, parts, argument, attributes=False):
    """Downloads a set if need be, and checks its parts, `"train+test[:10%]"`."""
    if not os.path.isdir(builder.data_dir):
        check_network(name, attributes)
        if not is_shown():
            import tensorflow_datasets as tfds

            tfds.disable_progress_bar()
        builder.download_and_prepare()
    for part in parts.split("+"):
        require(
            part.split("[")[0] in builder.info.splits,
            f"Argument `{argument}`: {name!r} has no split {part!r}. It has "
            f"{sorted(builder.info.splits)}",
        )


def check_network(name, attributes=False):
    """Raises at once if a set cannot be downloaded."""
    # Without a network tensorflow_datasets retries for minutes before it gives up.
    if urllib.request.getproxies():
        return
    try:
        socket.create_connection(TFDS_DOWNLOAD_HOST, timeout=5).close()
    except OSError as error:
        raise ConnectionError(
            f"{name!r} is not on this machine yet and cannot be downloaded ({error}). "
            "Connect to the network, or use the embedded "
            f"{', '.join(map(repr, embedded_names(attributes)))} or a folder."
        ) from error


def has_test_split(name):
    # A split that is named, "mnist:train[:10%]", is the only one that is meant.
    if ":" in name:
        return False
    import tensorflow_datasets as tfds

    splits = tfds.builder(name).info.splits
    # Known once the set is on this machine, as it is when its training part is loaded.
    return not splits or "test" in splits or "testA" in splits


def close_folders(name):
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


def did_you_mean(close):
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
