"""Networks of `keras.applications`: pretrained in float32, or a clear refusal."""

import os
import pathlib
import re

import keras


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
    message = (
        'Argument `weights` must be "imagenet" or the path of a weights file for '
        f"{application.__name__}. Received: weights={weights!r}"
    )
    if not isinstance(weights, str):
        raise TypeError(message)
    if weights != "imagenet" and not os.path.isfile(weights):
        raise FileNotFoundError(
            f"{message}, where there is no file, seen from {os.getcwd()!r}"
        )
    default_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        return application(weights=weights, **arguments)
    except TimeoutError as error:
        raise ConnectionError(
            f"The download of the ImageNet weights of {application.__name__} stands "
            f"still. Try again, or get them on another machine. ({error})"
        ) from error
    # Keras raises a plain `Exception` with the address in its text.
    except Exception as error:
        found = re.search(r"URL fetch failure on (\S+?): ", str(error))
        if found is None:
            raise
        url = found[1]
        home = os.environ.get("KERAS_HOME", "~/.keras")
        cached = pathlib.Path(home, "models", url.rpartition("/")[-1])
        raise ConnectionError(
            f"The ImageNet weights of {application.__name__} are not on this machine "
            f"and cannot be downloaded. Get {url} on another machine and put it at "
            f"{cached}. ({error})"
        ) from error
    finally:
        keras.config.set_dtype_policy(default_policy)
