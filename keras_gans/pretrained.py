"""Networks of `keras.applications`: pretrained in float32, or a clear refusal."""

import contextlib
import difflib
import os
import pathlib
import re
import socket
import traceback

import keras

from keras_gans.checks import require

# Seconds that a download may stand still. The default is to wait without end.
_PATIENCE = 10.0


def load_application(application, weights="imagenet", **arguments):
    """Builds a network of `keras.applications` with pretrained weights.

    Args:
        application: Function of `keras.applications`, such as `VGG16`.
        weights: `"imagenet"`, downloaded once into `~/.keras/models`, or the path of a
            weights file (`.h5` or `.weights.h5`) for the same arguments.
        **arguments: Passed on, `include_top=False` and so on.

    Returns:
        A `keras.Model` whose layers compute in float32 under every dtype policy.

    Raises:
        TypeError: If `weights` is neither a string nor a path; `None`, say, which
            would be random weights to Keras.
        FileNotFoundError: If `weights` is a path at which there is nothing.
        ConnectionError: If the weights cannot be downloaded; the message says from
            where to get them and where to put them. Random weights never take their
            place.
    """
    if isinstance(weights, os.PathLike):
        weights = os.fspath(weights)
    must = (
        'Argument `weights` must be "imagenet" or the path of a weights file for '
        f"{application.__name__}"
    )
    require(isinstance(weights, str), must, TypeError, weights=weights)
    require(
        weights == "imagenet" or os.path.isfile(weights),
        f"{must}; there is no file, seen from {os.getcwd()!r}",
        FileNotFoundError,
        weights=weights,
    )
    default_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        with impatience():
            return application(weights=weights, **arguments)
    except Exception as error:
        url = _address(error)
        if url is None:
            raise
        home = os.environ.get("KERAS_HOME", "~/.keras")
        cached = pathlib.Path(home, "models", url.rpartition("/")[-1])
        raise ConnectionError(
            f"The ImageNet weights of {application.__name__} are not on this machine "
            f"and cannot be downloaded. Get {url} on another machine and put it at "
            f"{cached}. ({error})"
        ) from error
    finally:
        keras.config.set_dtype_policy(default_policy)


@contextlib.contextmanager
def impatience():
    """Ends a download that stands still, from a network that swallows requests."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def close_networks(network, names=()):
    """Says what a name or a path of a network, which leads nowhere, may stand for.

    Args:
        network: String or path.
        names: Strings that are valid in its place.

    Returns:
        A sentence with the closest name, or else the closest `.keras` file or folder
        of a SavedModel beside the path; or an empty string. It begins with a space.
    """
    path = pathlib.Path(network).expanduser()
    close = difflib.get_close_matches(os.fspath(network), names, n=1)
    if not close:
        try:
            entries = sorted(path.parent.iterdir())
        except OSError:
            entries = []
        beside = {
            entry.stem: entry
            for entry in entries
            if (entry.suffix == ".keras" and entry.is_file())
            or (entry / "saved_model.pb").is_file()
        }
        # Without the ending, which all have in common.
        found = difflib.get_close_matches(path.stem, beside, n=1)
        close = [str(beside[stem]) for stem in found]
    return f" Did you mean {close[0]!r}?" if close else ""


def _address(error):
    """Returns the address of a download that failed; `None` for other errors."""
    # Keras raises a plain `Exception` with the address in its text.
    if found := re.search(r"URL fetch failure on (\S+?): ", str(error)):
        return found[1]
    # What stops in the middle it leaves as it is, without an address.
    if isinstance(error, (TimeoutError, ConnectionError)):
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_name == "get_file":
                return frame.f_locals.get("origin")
    return None
