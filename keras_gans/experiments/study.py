"""What a study is: variants, seeds, a folder that can be completed, and a table.

A study is one file of this folder. The decorator `study` makes `keras-gans reproduce`
find it, whose options are the fields of its setting. So that help does not wait for
Keras, such a file takes from `lazily` what is slow to import.
"""

import abc
import dataclasses
import importlib
import json
import pathlib
import textwrap

from keras_gans.checks import require
from keras_gans.experiments.lazily import keras, runs, tables
from keras_gans.files import read_json, write_csv, write_json
from keras_gans.folder_lock import FolderLock, is_empty
from keras_gans.version import versions

STUDIES = {}


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


class Study(abc.ABC):
    """Variants that are trained on equal terms, each from several seeds.

    Each variant is trained from each seed into a folder `runs/<variant>-<seed>`. What
    is finished, with a `result.json`, is not trained again, and a run that was
    interrupted goes on at its last checkpoint.

    The first line of the docstring of a subclass says what it measures.

    Attributes:
        variants: Dict from the name of each variant to its title in tables.
        setting: A dataclass of JSON values with defaults, what all runs have in common;
            its docstring explains each field.
        quick: The setting of the short form.
        quick_text: String, how long that takes.
        seeds: Positive integer, number of seeds; of the short form it is one.
    """

    variants = {}
    setting = None
    quick = None
    quick_text = "in a few minutes"
    seeds = 1

    # What a subclass defines ---------------------------------------------------------

    @abc.abstractmethod
    def make_domains(self, setting):
        """Makes what all runs share, with the dict `record` for the report."""

    @abc.abstractmethod
    def build(self, variant, seed, setting, domains):
        """Returns a compiled model. What it does not take, it refuses."""

    @abc.abstractmethod
    def run(self, variant, seed, setting, domains, path):
        """Trains and scores a variant in the folder `path`; returns a dict."""

    @abc.abstractmethod
    def describe(self, result):
        """Says in a line what came out."""

    @abc.abstractmethod
    def report(self, results, setting, domains):
        """Returns Markdown paragraphs; setting and the record of domains are dicts."""

    @abc.abstractmethod
    def draw_figures(self, directory, results):
        """Draws pictures into `directory / "figures"`."""

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
        """Runs the study from the command line; `given` are fields of the setting."""
        setting = self.quick if options.quick else self.setting()
        self.reproduce(
            options.output,
            dataclasses.replace(setting, **given),
            only=options.only,
            seeds=options.seeds or (1 if options.quick else self.seeds),
            command=options.command,
        )

    # The loop ------------------------------------------------------------------------

    def reproduce(self, directory, setting=None, only=None, seeds=None, command=""):
        """Runs the study, or what is missing of it, and writes tables and figures.

        Args:
            directory: Folder of the study; one that holds something else, or that
                another process uses, is an error.
            setting: A `setting`, by default that of the study.
            only: Optional list of variants to restrict the study to.
            seeds: Positive integer, the number of seeds; by default that of the study.
            command: The command line, for the record.

        Returns:
            The list of all results, one dict for each variant and seed.
        """
        names = self.select(only)
        directory, setting = pathlib.Path(directory), setting or self.setting()
        check_folder(directory, self.content(setting))
        with FolderLock(directory):
            return self._run_all(directory, setting, names, seeds, command)

    def _run_all(self, directory, setting, names, seeds, command):
        seeds = seeds or self.seeds
        content = self.content(setting)
        # Again, as nobody else can change it any more.
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
            result = self.run(variant, seed, setting, domains, path.parent)
            result = {**self.identity(variant), "seed": seed, **result}
            write_json(path, result)
            print(f"  {self.describe(result)}", flush=True)
            keras.utils.clear_session(free_memory=False)
        results = self.collect(directory)
        found = read_json(directory / "domains.json")
        record = write_record(directory, command, bool(missing))
        # Without the curves.
        rows = [
            {name: row[name] for name in row if not isinstance(row[name], list)}
            for row in results
        ]
        write_csv(directory / "table.csv", rows)
        paragraphs = self.report(results, content, found)
        tables.write(directory / "table.md", paragraphs, record)
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
        return sorted(map(read_json, paths), key=place)

    def trained(self, results):
        """Returns `variants`, without those of which there are no results."""
        names = {row["variant"] for row in results}
        return {name: self.variants[name] for name in self.variants if name in names}

    @staticmethod
    def check_names(only, known, what=""):
        unknown = ", ".join(sorted(set(only or ()) - set(known)))
        if unknown:
            known = what or ", ".join(known)
            raise ValueError(f"--only can name {known}. Received: {unknown}")


def fields(setting, *names):
    """Returns fields of a setting as arguments of the same names."""
    return {name: getattr(setting, name) for name in names}


# The folder ------------------------------------------------------------------------


def result_path(directory, variant, seed):
    return pathlib.Path(directory) / "runs" / f"{variant}-{seed}" / "result.json"


def check_folder(directory, setting):
    """Raises unless a folder is free or holds a part of a study with this setting."""
    advice = "Choose another --output"
    path = directory / "setting.json"
    if path.exists():
        must = f"{directory} holds a study of another setting. {advice}"
        require(read_json(path) == json.loads(json.dumps(setting)), must)
    elif directory.exists() and not is_empty(directory):
        raise FileExistsError(
            f"{directory} exists and is no study of this kind. {advice}."
        )


def write_record(directory, command, trained):
    """Writes `run.json`, commands and versions, and returns its content.

    This command is added to those before if it has `trained` anything.
    """
    path = directory / "run.json"
    commands = read_json(path)["commands"] if path.exists() else []
    if command and (trained or not commands) and command not in commands:
        commands.append(command)
    record = {"commands": commands, **versions()}
    del record["keras_gans"]
    write_json(path, record)
    return record
