"""Folders of versions, which come into being in one step or not at all."""

import os
import pathlib
import tempfile

from keras_gans.checks import positive_integer, require


def versions_in(directory):
    """Returns a dict from version to path."""
    return {
        int(entry.name): entry
        for entry in directory.iterdir()
        if entry.name.isascii() and entry.name.isdecimal()
    }


def write_version(directory, version, write):
    """Writes a version beside its final place, and moves it there.

    Args:
        directory: Folder of all versions; made if need be.
        version: Positive integer, or `None` for one more than the highest.
        write: Function that is called with the path of a folder, which it makes.

    Returns:
        `pathlib.Path` of `<directory>/<version>/`.

    Raises:
        FileExistsError: If the version exists.
        OSError: If the folder cannot be written.
    """
    if version is not None:
        positive_integer("version", version, TypeError)
    directory = pathlib.Path(directory)
    with _temporary_folder(directory) as temporary:
        _version_path(directory, version)  # Refuses a version that exists.
        # Not the temporary folder itself is moved but one inside it, which has the
        # usual permissions; TensorFlow Serving may run as another user.
        written = pathlib.Path(temporary, "version")
        write(written)
        # Asked again: another export may have taken the number in the meantime.
        path = _version_path(directory, version)
        written.rename(path)
    return path


def _temporary_folder(directory):
    must = "Argument `directory` must be a folder that can be written"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # The leading dot and the letters hide it from TensorFlow Serving.
        return tempfile.TemporaryDirectory(prefix=".export_", dir=directory)
    except OSError as error:
        must = f"{must} ({error.strerror}). Received"
        raise OSError(error.errno, must, os.fspath(directory)) from error


def _version_path(directory, version):
    versions = versions_in(directory)
    version = max(versions, default=0) + 1 if version is None else version
    require(
        version not in versions,
        f"Version {version} exists already: '{versions.get(version)}'. Give another "
        "`version`, leave it out to take the next free one, or remove that folder",
        FileExistsError,
    )
    return directory / str(version)
