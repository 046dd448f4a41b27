"""One HTML file that tells of runs; it opens from the disk, without a network.

Everything that comes from files goes into it as JSON, and the page's own script writes
it as text, so that no name or value of a run is read as HTML.
"""

import base64
import datetime
import io
import json
import math
import pathlib
import re

import numpy as np
from PIL import Image

from keras_gans.checks import positive_integer, require
from keras_gans.files import read_csv, read_json, write_text
from keras_gans.presets import registry
from keras_gans.training.configuration import TASKS, renamed
from keras_gans.training.record import read
from keras_gans.training.score_table import score_rows

MAX_PICTURES = 60
# Of all pictures together, as base64 in the page.
MAX_BYTES = 30_000_000
# More points than that are not seen in a curve.
MAX_POINTS = 1000
# By it a file is known that may be overwritten.
_MARK = '<meta name="generator" content="keras-gans report">'
_TEMPLATE = pathlib.Path(__file__).with_name("report.html")


def write_report(directories, path, max_pictures=MAX_PICTURES):
    """Writes the report on runs, several side by side.

    Args:
        directories: List of folders of runs, finished or not.
        path: The HTML file. An earlier report is replaced, nothing else is.
        max_pictures: Positive integer, pictures of each run. If there are more, the
            first, the last and evenly spaced ones between are shown. They are smaller
            or less exact where all together would exceed 30 MB.

    Returns:
        List of strings, what is not shown as the folders have it.

    Raises:
        FileNotFoundError: If a folder is none of a run.
        FileExistsError: If there is another file at `path`.
    """
    positive_integer("max_pictures", max_pictures)
    path, folders = pathlib.Path(path), [pathlib.Path(name) for name in directories]
    require(folders, "Argument `directories` must name at least one run")
    _check_target(path)
    names = _names(folders)
    found = [_pictures_in(folder) for folder in folders]
    chosen = [(len(own), _evenly(own, max_pictures)) for own in found]
    count = sum(len(files) for _, files in chosen)
    # Base64 makes four bytes of three.
    budget = MAX_BYTES * 3 // 4 // max(count, 1)
    runs = [
        _describe(*parts, budget) for parts in zip(folders, names, chosen, strict=True)
    ]
    content = {
        "made": datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
        "runs": runs,
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    require(_MARK in page, f"{_TEMPLATE} must hold {_MARK}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # In a script, `</script>` and `<!--` would end or change how it is read.
    data = json.dumps(content, allow_nan=False).replace("<", "\\u003c")
    write_text(path, page.replace("{{data}}", data))
    return [f"{run['name']}: {note}" for run in runs for note in run["notes"]]


def _check_target(path):
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Give the name of an HTML file.")
    if path.exists():
        with path.open("rb") as file:
            is_report = _MARK.encode() in file.read(1000)
        if not is_report:
            raise FileExistsError(
                f"{path} exists and is no report. Nothing else is overwritten: choose "
                "another name."
            )


def _names(folders):
    """Returns the names of the folders, with as much above them as tells them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError("Each run can be named once. Received: the same folder twice.")


def _describe(folder, name, chosen, budget):
    """Returns what the page tells of a run, as JSON values."""
    try:
        record = read(folder)
        configuration = dict(record.pop("configuration"))
        versions = dict(record.pop("versions", {}))
        preset = renamed(configuration, versions.get("keras_gans"))["preset"]
        score = folder / "score.json"
        scores = score_rows(read_json(score)) if score.exists() else []
        history, notes = _history(folder / "history.csv")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{folder} does not describe a run as keras_gans writes it. ({error!r})"
        ) from error
    pictures, more = _encode(chosen, budget)
    recipe = registry.recipes().get(preset)
    return {
        "name": name,
        "preset": str(preset),
        "state": str(record.get("state", "finished")),
        "iterations": record.get("iterations"),
        "shows": TASKS[recipe.task].pictures if recipe else "what the model makes",
        "pictures": pictures,
        "history": history,
        "scores": scores,
        "configuration": _texts(configuration),
        "versions": _texts(versions),
        "start": _texts(
            {
                "command": record.get("command"),
                "started": record.get("started"),
                "went on": [entry["started"] for entry in record.get("resumes", [])],
            }
        ),
        "notes": notes + more,
    }


def _texts(values):
    """Returns a dict of strings, as they would be written on the command line."""
    texts = {}
    for name, value in values.items():
        values = value if isinstance(value, list) else [value]
        texts[str(name)] = ", ".join(str(v) for v in values if v is not None)
    return texts


def _history(path):
    """Returns the curves of `history.csv`, and notes."""
    rows = read_csv(path) if path.exists() else []
    shown = _evenly(rows, MAX_POINTS)
    names = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in names if name not in ("iteration", "epoch")]
    curves = {
        name: [
            [row["iteration"], row[name]]
            for row in shown
            if _is_number(row.get(name)) and _is_number(row["iteration"])
        ]
        for name in names
    }
    left_out = len(shown) < len(rows)
    notes = [f"curves of {len(shown)} of {len(rows)} epochs"] if left_out else []
    return curves, notes


def _is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def _pictures_in(folder):
    """Returns pairs of iteration and file, in their order."""
    found = []
    for path in (folder / "samples").glob("iteration_*.png"):
        if number := re.fullmatch(r"iteration_(\d+)", path.stem):
            found.append((int(number[1]), path))
    return sorted(found)


def _evenly(values, count):
    """Returns at most `count` of the values, evenly, the last and first among them."""
    if len(values) <= count:
        return values
    places = np.linspace(len(values) - 1, 0, count).round().astype(int)
    return [values[place] for place in sorted(places)]


def _encode(chosen, budget):
    """Returns the pictures as data URIs by iteration, and notes."""
    total, files = chosen
    pictures, reduced, unread = [], 0, 0
    for iteration, path in files:
        try:
            content, kind = _as_small_file(path, budget)
        except (OSError, SyntaxError, ValueError):  # A file that was cut short.
            unread += 1
            continue
        reduced += kind != "png"
        source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        pictures.append([iteration, source])
    notes = []
    if len(files) < total:
        notes.append(f"{len(files)} of {total} pictures, evenly chosen")
    if reduced:
        notes.append(f"{reduced} pictures are JPEG here, to keep the page small")
    if unread:
        notes.append(f"{unread} pictures cannot be read and are left out")
    return pictures, notes


def _as_small_file(path, budget):
    """Returns the bytes of a picture and their kind: PNG, or JPEG if it is large."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        image.load()
        if len(content) <= budget:
            return content, "png"
        picture = image.convert("RGB")
    while True:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=88, subsampling=0)
        if file.tell() <= budget or min(picture.size) < 64:
            return file.getvalue(), "jpeg"
        # A little more than it takes, so that it ends soon.
        scale = min(0.9, 0.95 * math.sqrt(budget / file.tell()))
        picture = picture.resize([max(1, int(side * scale)) for side in picture.size])
