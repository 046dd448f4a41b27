"""The trackers of experiments that a run can be logged to, one file each.

A file holds a class `Tracker` with the attributes `package`, what must be installed,
and `extra`, the extra of this package that brings it; the name of the file is what
`keras-gans train --log` takes. It is made when training starts:

    Tracker(directory, name, configuration, state)

- `directory`: `pathlib.Path`, the folder of the run; `name`: what the run is called.
- `configuration`: flat dict of what determines the run.
- `state`: dict of JSON values that is kept in the folder, empty at first. What is found
  in it when the run goes on says which log goes on.

and has

- `callbacks`: list of the library's own callbacks;
- `picture(iteration, picture)`: logs a uint8 array `(height, width, 3)`;
- `end(finished)`: closes the log, of a run that was finished or not.
"""

import contextlib
import importlib
import importlib.util
import pathlib
import warnings

import keras

from keras_gans.files import read_json, write_json


class Trackers(keras.callbacks.Callback):
    """Logs a run to trackers, and goes on in their logs when the run goes on.

    Which they are, and what they go on with, is kept in `trackers.json`. Comes behind
    what adds to the logs of an epoch, and is the `log` of
    `keras_gans.callbacks.Pictures`.

    Args:
        directory: Folder of the run.
        configuration: Flat dict of what determines the run.
        names: Trackers to log to, beside those that `trackers.json` names; `None` for
            none at all, as in workers that are not the chief.

    Raises:
        ValueError: If there is no such tracker.
        ImportError: If the package of one is missing. The message has the command that
            installs it.
    """

    def __init__(self, directory, configuration, names=()):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.configuration = configuration
        self._file = self.directory / "trackers.json"
        self._states = {}
        if names is not None:
            before = read_json(self._file) if self._file.exists() else {}
            self._states = {**{name: {} for name in names}, **before}
        self._kinds = {name: find(name) for name in self._states}
        self._trackers, self._callbacks = [], None

    def set_model(self, model):
        super().set_model(model)
        for name, kind in self._kinds.items():
            arguments = (self.directory.resolve().name, self.configuration)
            try:
                tracker = kind(self.directory, *arguments, self._states[name])
            # Of whatever kind its library raises: wrong keys, servers out of reach.
            except Exception as error:
                self.end(finished=False)
                raise OSError(f"--log {name} cannot start: {error}") from error
            self._trackers.append(tracker)
        if self._states:
            write_json(self._file, self._states)
        callbacks = [part for tracker in self._trackers for part in tracker.callbacks]
        self._callbacks = keras.callbacks.CallbackList(callbacks, model=model)

    def __call__(self, iteration, picture):
        """Logs a picture, uint8 `(height, width, 3)`."""
        for tracker in self._trackers:
            with _training_goes_on(tracker):
                tracker.picture(iteration, picture)

    def on_train_begin(self, logs=None):
        self._callbacks.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._callbacks.on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._callbacks.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        # Some add to them.
        self._callbacks.on_epoch_end(epoch, dict(logs or {}))

    def on_train_end(self, logs=None):
        self._callbacks.on_train_end(logs)

    def end(self, finished):
        """Closes the logs. Call it when training is over, whatever the reason."""
        while self._trackers:
            tracker = self._trackers.pop()
            with _training_goes_on(tracker):
                tracker.end(finished)


@contextlib.contextmanager
def _training_goes_on(tracker):
    """Warns of what a tracker fails in: hours of training do not end with it."""
    try:
        yield
    except Exception as error:
        warnings.warn(f"{tracker.package} did not log: {error}", stacklevel=4)


def names():
    """Returns the names of all trackers."""
    files = pathlib.Path(__file__).parent.glob("[a-z]*.py")
    return sorted(path.stem for path in files)


def find(name):
    """Returns the class of a tracker whose package is there."""
    if name not in names():
        known = ", ".join(names())
        raise ValueError(f"Argument `names` can hold {known}. Received: {name!r}")
    kind = importlib.import_module(f"{__name__}.{name}").Tracker
    if importlib.util.find_spec(kind.package) is None:
        raise ImportError(
            f"--log {name} needs the package {kind.package}: "
            f'pip install "keras_gans[{kind.extra}]", or pip install {kind.package}'
        )
    return kind
