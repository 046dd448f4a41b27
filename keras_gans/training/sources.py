"""The data and files that a run names, when it is used later or from elsewhere."""

import os
import pathlib

from keras_gans.checks import require


def follow(configuration, before, directory):
    """Returns the configuration with the paths of what was moved with the run.

    Args:
        configuration: A `Configuration`.
        before: Where the folder of the run was, or `None` if that is not known.
        directory: Where it is now.
    """
    changes = {}
    for key, path in configuration.places().items():
        is_lost = os.path.isabs(path) and not os.path.exists(path)
        # From one drive of Windows to another there is no way.
        if before and is_lost and _drive(path) == _drive(before):
            way = os.path.relpath(path, before)
            moved = os.path.normpath(os.path.join(os.path.abspath(directory), way))
            if os.path.exists(moved):
                changes[key] = moved
    return configuration.replace(**changes).absolute()


def check_apart(configuration, directory):
    """Raises a `ValueError` if a run would write its pictures into its own data."""
    directory = pathlib.Path(directory).resolve()
    for key, path in configuration.places().items():
        data = pathlib.Path(path).resolve()
        require(
            not data.is_dir() or data not in (directory, *directory.parents),
            "Argument `output` must not lie in the data: the pictures that a run draws "
            "would be trained on the next time. Choose another --output",
            output=str(directory),
            **{key: path},
        )


def check(file, configuration, keys=None):
    """Raises a `FileNotFoundError` for what a run names and is no longer there.

    Args:
        file: The `run.json` that names it.
        configuration: What stands in it.
        keys: Those to check, by default all.
    """
    for key, path in configuration.places().items():
        if keys is None or key in keys:
            _check(file, key, path, os.path.exists(path) or _is_dataset(path))


def check_preset(file, content):
    """The same for a preset of one's own; `content` is the configuration as a dict."""
    path, colon, _ = str(content["preset"]).rpartition(":")
    if path.endswith(".py"):
        _check(file, "preset", path, os.path.isfile(path))


def _check(file, key, path, is_there):
    must = f"{file}: `{key}` must be where it was when the run was started, at {path!r}"
    if not os.path.isabs(path):
        must += (
            ", a path from the folder in which that was, and an earlier version did "
            f"not write down which; call the command there, or complete it in {file}"
        )
    else:
        must += (
            f", and there is nothing; put it there again, or write its path into {file}"
        )
    require(is_there, must, FileNotFoundError)


def _drive(path):
    return os.path.splitdrive(path)[0].lower()


def _is_dataset(name):
    """Whether a source is a name of tensorflow_datasets."""
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    return name.partition(":")[0].split("/")[0] in known
