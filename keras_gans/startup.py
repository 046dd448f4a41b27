"""How the package starts: at once as a command, and without TensorFlow's chatter."""

import contextlib
import importlib
import itertools
import os
import re
import sys

SUBPACKAGES = (
    "callbacks",
    "constraints",
    "data",
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "networks",
    "presets",
    "schedules",
)

# Which messages TensorFlow shows of a command: warnings and errors.
log_level = "1"

# Lines of TensorFlow's log, and what continues them.
_LOG_LINE = re.compile(
    r"[IWE]\d{4} \d\d:|[IWE]\d{4} \d{5,}|\d{4}-\d\d-\d\d [\d:.]+: [IWE] "
    r"|WARNING: All log messages before absl::InitializeLog"
    r"|To enable the following instructions: "
)
# Said where there is a GPU that TensorFlow cannot use: it must be seen.
_UNUSED_GPU = "Cannot dlopen"


def is_command():
    """Whether this process is `keras-gans` or `python -m keras_gans.cli`.

    Only then may the package be lazy: in Python, a `.keras` file must load after
    `import keras_gans` alone, and for that Keras must know every class.
    """
    name = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
    if name == "-m":  # As long as Python looks for the module.
        return ("-m", "keras_gans.cli") in itertools.pairwise(sys.orig_argv)
    return name.lower() in ("keras-gans", "keras-gans.exe", "keras-gans-script.py")


def load():
    """Imports TensorFlow and then the whole package, so that Keras knows every class.

    Raises:
        ImportError: If Keras is set to what the package cannot work with.
    """
    # From here on, what is missing of the package is what is being imported.
    vars(sys.modules["keras_gans"]).pop("__getattr__", None)
    # TensorFlow leaves its oneDNN kernels off on x86 processors without AVX-512 VNNI,
    # where they nearly double the speed of small convolutions. The switch is read once,
    # when TensorFlow is first imported; a value that the user has set stays.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" not in sys.modules:
        _check_backend(os.environ.get("KERAS_BACKEND", "tensorflow"))
    if "tensorflow" not in sys.modules:
        with _held_back():
            import tensorflow as tf

            # Looks for GPUs, and says so; none is set up.
            tf.config.list_physical_devices("GPU")
    check_settings()
    for name in SUBPACKAGES:
        importlib.import_module(f"keras_gans.{name}")


def check_settings():
    """Refuses settings of Keras and TensorFlow with which nothing here works.

    Raises:
        ImportError: If there is one.
    """
    import keras
    import tensorflow as tf

    _check_backend(keras.config.backend())
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ImportError(
            "keras_gans needs images whose last axis holds the channels. Call "
            "keras.config.set_image_data_format('channels_last'), or set "
            '"image_data_format" in ~/.keras/keras.json to it. '
            f"Received: image_data_format={data_format!r}"
        )
    if not tf.compat.v1.executing_eagerly_outside_functions():
        raise ImportError(
            "keras_gans needs TensorFlow 2's eager execution. Leave out the call of "
            "tf.compat.v1.disable_eager_execution() or disable_v2_behavior()."
        )


def _check_backend(backend):
    if backend != "tensorflow":
        raise ImportError(
            "keras_gans trains with TensorFlow, but Keras is set to another backend. "
            "Set the environment variable KERAS_BACKEND to tensorflow before Keras is "
            f"imported, or unset it. Received: backend={backend!r}"
        )


@contextlib.contextmanager
def _held_back():
    """Holds back what TensorFlow writes about itself on file descriptor 2.

    Much of it is written before `TF_CPP_MIN_LOG_LEVEL` is read, which leaves warnings
    and errors after that. Lines of others are shown afterwards, and all lines if the
    import fails, or ends the process. Nothing is held back if the user has set how much
    TensorFlow says.
    """
    import tempfile

    if any(name.startswith("TF_CPP_") for name in os.environ):
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # There is none.
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, stderr)
        held = stack.enter_context(tempfile.NamedTemporaryFile())
        stack.enter_context(_shown_if_the_process_ends(held.name))
        os.dup2(held.fileno(), 2)
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = log_level
        failed = True
        try:
            yield
            failed = False
        except KeyboardInterrupt:
            failed = False
            raise
        finally:
            # TensorFlow has read it; what is started from here need not know it.
            os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(stderr, 2)
            held.seek(0)
            text = held.read().decode(errors="replace")
            if not (failed or _UNUSED_GPU in text):
                lines = text.splitlines(keepends=True)
                text = "".join(line for line in lines if not _LOG_LINE.match(line))
            os.write(2, text.encode())


@contextlib.contextmanager
def _shown_if_the_process_ends(path):
    """Shows a file if this process is aborted in the meantime.

    As TensorFlow does on a processor that lacks the instructions it is built for.
    """
    import subprocess

    try:
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", 'read over || cat "$0" >&2', path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
    except OSError:  # Windows.
        yield
        return
    try:
        yield
    finally:
        watcher.communicate(b"over\n")
