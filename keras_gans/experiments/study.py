"""What a study is: variants, seeds, a folder that can be completed, and a table.

A study is one file of this folder. The decorator `study` makes `keras-gans reproduce`
find it, whose options are the fields of its setting. So that help does not wait for
Keras, such a file imports with `lazy` what takes long.
"""

import csv
import dataclasses
import importlib
import io
import json
import pathlib
import platform
import textwrap

STUDIES = {}


class _Lazy:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        return getattr(importlib.import_module(self._name), attribute)


def lazy(*names):
    """Returns stand-ins for modules, each imported when something of it is used."""
    return [_Lazy(name) for name in names]


iteration_callback, runs = lazy(
    "keras_gans.callbacks.iteration_callback", "keras_gans.experiments.runs"
)


def study(name):
    """Decorator that registers a subclass of `Study` under a name."""

    def register(kind):
        kind.name = name
        STUDIES[name] = kind()
        return kind

    return register


def find_studies():
    """Returns a dict from name to `Study`, of all files of this folder."""
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if "\n@study(" in path.read_text(encoding="utf-8"):
            importlib.import_module(f"keras_gans.experiments.{path.stem}")
    return STUDIES


class Study:
    """Variants that are trained on equal terms, each from several seeds.

    Each variant is trained from each seed into a folder of its own,
    `runs/<variant>-<seed>`, and is finished when that holds its `result.json`. What is
    finished is not trained again, and a run that was interrupted goes on at its last
    checkpoint.

    The first line of the docstring of a subclass says what it measures.

    Attributes:
        variants: Dict from the name of each variant to its title in tables.
        setting: A dataclass of JSON values with defaults, what all runs have in common;
            its docstring explains each field.
        quick: The setting of the short form.
        quick_text: String, how long that takes.
        seeds: Positive integer, number of seeds.
        quick_seeds: The same in the short form.
    """

    variants = {}
    setting = None
    quick = None
    quick_text = "in a few minutes"
    seeds = 1
    quick_seeds = 1

    # What a subclass defines ---------------------------------------------------------

    def make_domains(self, setting):
        """Makes what all runs share, with the dict `record` for the report."""
        raise NotImplementedError

    def build(self, variant, seed, setting, domains):
        """Returns a compiled model. What it does not take, it refuses."""
        raise NotImplementedError

    def run(self, variant, seed, setting, domains, path):
        """Trains and scores a variant in the folder `path`; returns a dict."""
        raise NotImplementedError

    def describe(self, result):
        """Says in a line what came out."""
        raise NotImplementedError

    def report(self, results, setting, domains, record):
        """Formats results as Markdown; setting and records are dicts."""
        raise NotImplementedError

    def draw_figures(self, directory, results):
        """Draws pictures into `directory / "figures"`."""
        raise NotImplementedError

    # What it may define --------------------------------------------------------------

    def select(self, only):
        """Returns the names of the variants that `only` restricts the study to."""
        self.check_names(only, self.variants)
        return [name for name in self.variants if name in (only or self.variants)]

    def identity(self, variant):
        """Returns the columns of a result that tell of which variant it is."""
        return {"variant": variant}

    def content(self, setting):
        """Returns the setting as it is recorded."""
        return dataclasses.asdict(setting)

    def add_options(self, parser):
        """Adds options that are no fields of the setting."""

    def start(self, options, given):
        """Runs the study from the command line.

        Args:
            options: Namespace with `output`, `only`, `seeds`, `quick` and `command`.
            given: Dict, the fields of the setting that were given.
        """
        setting = self.quick if options.quick else self.setting()
        self.reproduce(
            options.output,
            dataclasses.replace(setting, **given),
            only=options.only,
            seeds=options.seeds or (self.quick_seeds if options.quick else self.seeds),
            command=options.command,
        )

    # The loop ------------------------------------------------------------------------

    def reproduce(self, directory, setting=None, only=None, seeds=None, command=""):
        """Runs the study, or what is missing of it, and writes tables and figures.

        Args:
            directory: Folder of the study.
            setting: A `setting`, by default that of the study.
            only: Optional list of variants to restrict the study to.
            seeds: Positive integer, the number of seeds.
            command: The command line, for the record.

        Returns:
            The list of all results, one dict for each variant and seed.

        Raises:
            FileExistsError: If the folder holds something else.
            ValueError: If `only` names something unknown, the data or sizes do not fit,
                or the folder holds a study of another setting.
        """
        names = self.select(only)
        directory, setting = pathlib.Path(directory), setting or self.setting()
        seeds = seeds or self.seeds
        content = self.content(setting)
        check_folder(directory, content)
        jobs = [(name, seed) for seed in range(seeds) for name in names]
        missing = [job for job in jobs if not result_path(directory, *job).exists()]
        values = ", ".join(f"{name} {value}" for name, value in content.items())
        print(
            f"{len(jobs)} runs: {', '.join(names)}; {seeds} seed(s)\n"
            f"{textwrap.fill(values, 86, initial_indent='  ', subsequent_indent='  ')}"
            f"\n  into {directory}",
            flush=True,
        )
        if missing:
            domains = self.make_domains(setting)
            for variant in dict.fromkeys(variant for variant, _ in missing):
                model = self.build(variant, 0, setting, domains)
                runs.check_size(model, getattr(setting, "size", None))
            directory.mkdir(parents=True, exist_ok=True)
            write_json(directory / "setting.json", content)
            write_json(directory / "domains.json", domains.record)
        for number, (variant, seed) in enumerate(missing, 1):
            print(f"[{number}/{len(missing)}] {variant}, seed {seed} ...", flush=True)
            path = result_path(directory, variant, seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            result = {**self.identity(variant), "seed": seed}
            result |= self.run(variant, seed, setting, domains, path.parent)
            write_json(path, result)
            print(f"  {self.describe(result)}", flush=True)
            runs.clear_session()
        results = self.collect(directory)
        found = _read_json(directory / "domains.json")
        record = write_record(directory, command, bool(missing))
        write_csv(directory / "table.csv", results)
        report = self.report(results, content, found, record)
        write_text(directory / "table.md", report)
        (directory / "figures").mkdir(exist_ok=True)
        self.draw_figures(directory, results)
        print(f"\nDone. table.md, table.csv and figures/ are in {directory}.")
        return results

    def collect(self, directory):
        """Returns all results in a folder, in the order of variants and seeds."""
        order = [self.identity(variant) for variant in self.variants]

        def place(row):
            return order.index({key: row[key] for key in order[0]}), row["seed"]

        paths = pathlib.Path(directory).glob("runs/**/result.json")
        return sorted(map(_read_json, paths), key=place)

    @staticmethod
    def check_names(only, known, what=""):
        unknown = sorted(set(only or ()) - set(known))
        if unknown:
            raise ValueError(
                f"--only can name {what or ', '.join(known)}. "
                f"Received: {', '.join(unknown)}"
            )


# The folder ------------------------------------------------------------------------


def result_path(directory, variant, seed):
    return pathlib.Path(directory) / "runs" / f"{variant}-{seed}" / "result.json"


def check_folder(directory, setting):
    """Raises unless a folder is free or holds a part of the same study.

    Args:
        directory: The folder.
        setting: Dict of JSON values, all that runs must have in common; to be written
            there as `setting.json` when the first run starts.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If it holds a study of another setting.
    """
    directory = pathlib.Path(directory)
    path = directory / "setting.json"
    if path.exists():
        if _read_json(path) != json.loads(json.dumps(setting)):
            raise ValueError(
                f"{directory} holds a study of another setting. Choose another "
                "--output."
            )
    elif directory.exists() and any(directory.iterdir()):
        raise FileExistsError(
            f"{directory} exists and is no study of this kind. Choose another --output."
        )


def write_record(directory, command, trained):
    """Writes `run.json`, commands and versions, and returns its content.

    Args:
        directory: Folder of the study.
        command: The command line.
        trained: Boolean, whether it trained anything. The commands that trained other
            parts of the study are kept.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    path = pathlib.Path(directory) / "run.json"
    commands = _read_json(path).get("commands", [])
    if command and (trained or not commands) and command not in commands:
        commands.append(command)
    record = {
        "commands": commands,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    write_json(path, record)
    return record


def write_json(path, content):
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path, text):
    iteration_callback.write_atomically(path, text.encode())


def write_csv(path, rows):
    """Writes dicts as rows; a column for every key that one of them has.

    What is a list, such as a curve, is left out.
    """
    rows = [
        {name: value for name, value in row.items() if not isinstance(value, list)}
        for row in rows
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())


def _read_json(path):
    """Returns the content of a file, or an empty dict if there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
