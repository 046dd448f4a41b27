"""What a run's folder tells of itself: how a training was started, and its results."""

import datetime
import pathlib
import shutil

from keras_gans.files import read_csv, read_json
from keras_gans.version import versions


def read(directory):
    """Returns what the `run.json` in the folder of a run holds.

    Raises:
        FileNotFoundError: If it is not the folder of a run.
    """
    path = pathlib.Path(directory) / "run.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} is not the folder of a run: it has no run.json. "
            "`keras-gans train` makes one."
        )
    return read_json(path)


def start(command):
    """Returns a dict that says how a training is started, and with what."""
    started = datetime.datetime.now().astimezone()
    return {
        "command": command,
        "started": started.isoformat("T", "seconds"),
        "versions": versions(),
    }


def remove_results(directory, iteration):
    """Removes what a run has made of its model, when the model is trained further.

    `best.keras` stays if it is of an iteration that is not trained once more: it is, as
    `evaluation.csv` says, the best of the whole training.

    Args:
        directory: Folder of the run.
        iteration: Iteration at which training goes on.
    """
    for name in ("model.keras", "score.json"):
        (directory / name).unlink(missing_ok=True)
    # Renamed first, so that a kill does not leave a part of it.
    export = directory / "export"
    leftover = directory / "export.tmp"
    shutil.rmtree(leftover, ignore_errors=True)
    if export.is_dir():
        shutil.rmtree(export.rename(leftover))
    evaluation = directory / "evaluation.csv"
    rows = read_csv(evaluation) if evaluation.exists() else []
    if rows and min(rows, key=lambda row: row["val_fid"])["iteration"] > iteration:
        (directory / "best.keras").unlink(missing_ok=True)


def peak_memory():
    """Returns the most bytes of memory that this process had, `None` if not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
