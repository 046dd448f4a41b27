"""Files that are always whole: atomic writes of bytes, text, JSON and CSV records; and
`.keras` files, which may not be."""

import csv
import io
import json
import os
import pathlib
import zipfile


def write_atomically(path, content):
    """Writes bytes such that a kill or a full disk leaves the old file."""
    path = pathlib.Path(path)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def write_text(path, text):
    write_atomically(path, text.encode())


def write_json(path, content):
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def write_csv(path, rows):
    """Writes dictionaries as rows; the columns are all of their keys."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())


def read_csv(path):
    """Reads rows as dictionaries of numbers and strings, without the empty cells."""
    with pathlib.Path(path).open(newline="", encoding="utf-8") as file:
        return [
            {name: _value(text) for name, text in row.items() if text}
            for row in csv.DictReader(file)
        ]


def load_keras_file(path):
    """Loads the model of a `.keras` file, without compiling it.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is empty, cut short, or holds no configuration of a model, or
            one that is nested deeper than that of any model.
    """
    import keras

    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file '{path}', seen from '{os.getcwd()}'."
        )
    if not path.stat().st_size:
        raise ValueError(f"The file '{path}' is empty. Save or copy the model again.")
    try:
        if path.suffix == ".keras":  # Keras opens older formats, too.
            _check_archive(path)
        return keras.saving.load_model(path, compile=False)
    except RecursionError:
        raise ValueError(
            f"The file '{path}' is no model: its configuration is nested too deeply. "
            "Do not trust where it comes from."
        ) from None


def _check_archive(path):
    try:
        with zipfile.ZipFile(path) as archive:
            if not isinstance(json.loads(archive.read("config.json")), dict):
                raise ValueError("Its configuration is no dictionary.")
    # Broken text and broken JSON are `ValueError`s.
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ValueError(
            f"The file '{path}' is not a whole .keras file; it may have been cut short "
            f"or be of another kind. Save or copy the model again. ({error})"
        ) from error


class Records:
    """Rows of a CSV file whose first column is the iteration.

    Args:
        path: The file. It is rewritten as a whole, in one atomic step.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.rows = []

    def rewind(self, iteration):
        """Reads the rows of an earlier run, up to the iteration that goes on."""
        self.rows = []
        if iteration and self.path.exists():
            self.rows = [
                row for row in read_csv(self.path) if row["iteration"] <= iteration
            ]

    def add(self, iteration, values):
        self.rows.append({"iteration": iteration, **values})
        write_csv(self.path, self.rows)


def _value(text):
    # Written again as it was read: an epoch stays an integer.
    if text.isdecimal():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
