"""What the studies share: a folder that can be completed, runs, files and tables."""

import csv
import dataclasses
import io
import json
import pathlib
import platform
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.callbacks import Checkpoint, FiniteGuard, LossHistory
from keras_gans.callbacks.iteration_callback import (
    IterationCallback,
    Records,
    write_atomically,
)
from keras_gans.data import load_images
from keras_gans.data.sources import has_test_split, resize_images
from keras_gans.metrics import frechet_distance
from keras_gans.models.generative_model import shapes_of

# Feature networks whose numbers are compared with published ones, in their own unit.
PUBLISHED_NETWORKS = ("inception_v3", "tfgan_inception")


def check_folder(directory, setting):
    """Raises unless a folder is free or holds a part of the same study.

    Args:
        directory: The folder.
        setting: Dict of JSON values, all that runs must have in common; to be written
            there as `setting.json` when the first run begins.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If it holds a study of another setting.
    """
    directory = pathlib.Path(directory)
    path = directory / "setting.json"
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != json.loads(
            json.dumps(setting)
        ):
            raise ValueError(
                f"{directory} holds a study of another setting. Choose another "
                "--output."
            )
    elif directory.exists() and any(directory.iterdir()):
        raise FileExistsError(
            f"{directory} exists and is no study of this kind. Choose another --output."
        )


# Studies of variants ---------------------------------------------------------------
#
# Each variant is trained from several seeds, from equal settings, into a folder of its
# own, `runs/<variant>-<seed>`, and is finished when that holds its `result.json`.


def result_path(directory, variant, seed):
    return pathlib.Path(directory) / "runs" / f"{variant}-{seed}" / "result.json"


def reproduce_variants(
    directory,
    setting,
    variants,
    only,
    seeds,
    command,
    make_domains,
    build,
    run,
    report,
    draw_figures,
):
    """Runs a study, or what is missing of it, and writes tables and figures.

    Args:
        directory: Folder of the study.
        setting: A dataclass, what all runs have in common, with the dict `sources` of
            its data.
        variants: Tuple of strings, the names of all variants.
        only: Optional list of variants to restrict the study to.
        seeds: Positive integer, the number of seeds.
        command: The command line, for the record.
        make_domains: Function of the setting that returns what all runs share, with the
            attribute `record`, a dict that is written to `domains.json`. It is called
            if a run is missing.
        build: Function of variant, seed, setting and domains that returns a compiled
            model. What it does not take is refused before anything is written.
        run: Function of variant, seed, setting, domains and the folder of the run that
            writes `result.json` there, and returns a line about it.
        report: Function of the results, the setting and the two records, all dicts,
            that returns the text of `table.md`.
        draw_figures: Function of the folder and the results.

    Returns:
        The list of all results, one dict for each variant and seed.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If `only` names something unknown, or the folder holds a study of
            another setting.
    """
    unknown = sorted(set(only or ()) - set(variants))
    if unknown:
        raise ValueError(
            f"--only can name {', '.join(variants)}. Received: {', '.join(unknown)}"
        )
    names = [name for name in variants if name in (only or variants)]
    directory = pathlib.Path(directory)
    content = dataclasses.asdict(setting)
    check_folder(directory, content)
    jobs = [(name, seed) for seed in range(seeds) for name in names]
    missing = [job for job in jobs if not result_path(directory, *job).exists()]
    sources = "".join(f"  {name}  {value}\n" for name, value in setting.sources.items())
    print(
        f"{len(jobs)} runs of {setting.steps} steps at {setting.size}x{setting.size}, "
        f"width {setting.width}: {', '.join(names)}, {seeds} seed(s)\n"
        f"{sources}  into {directory}",
        flush=True,
    )
    if missing:
        domains = make_domains(setting)
        for variant in dict.fromkeys(variant for variant, _ in missing):
            _check(build(variant, 0, setting, domains), setting.size)
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "setting.json", content)
        write_json(directory / "domains.json", domains.record)
    for number, (variant, seed) in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {variant}, seed {seed} ...", flush=True)
        path = result_path(directory, variant, seed).parent
        path.mkdir(parents=True, exist_ok=True)
        print(f"  {run(variant, seed, setting, domains, path)}", flush=True)
        keras.utils.clear_session(free_memory=False)
    results = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in directory.glob("runs/*/result.json")
    ]
    results.sort(key=lambda row: (variants.index(row["variant"]), row["seed"]))
    found = json.loads((directory / "domains.json").read_text(encoding="utf-8"))
    record = write_record(directory, command, bool(missing))
    write_csv(directory / "table.csv", results)
    write_text(directory / "table.md", report(results, content, found, record))
    draw_figures(directory, results)
    print(f"\nDone. table.md, table.csv and figures/ are in {directory}.")
    return results


def _check(model, size):
    """Calls all networks once: a size that they do not take raises."""
    for name in model.network_names:
        network = getattr(model, name)
        shapes = shapes_of(network.input_shape)
        inputs = [
            np.zeros([1] + [size if n is None else n for n in shape[1:]], "float32")
            for shape in shapes
        ]
        network(inputs if len(shapes) > 1 else inputs[0])


def epochs_of(steps):
    """Returns a number of equally long epochs, enough for the points of a curve."""
    return max(number for number in range(1, 101) if steps % number == 0)


def fit(model, data, steps, scores, path, callbacks=()):
    """Trains a model, from the last checkpoint in a folder, and scores it meanwhile.

    Args:
        model: A compiled model.
        data: Its dataset, in epochs of `steps // epochs_of(steps)`.
        steps: Positive integer, training iterations.
        scores: A `Scores`.
        path: Folder of the run.
        callbacks: Further callbacks, called before the others.
    """
    save_freq = max(1, steps // 10)
    checkpoint = Checkpoint(path / "checkpoints", data, save_freq, max_to_keep=1)
    model.fit(
        data,
        epochs=epochs_of(steps),
        callbacks=[
            *callbacks,
            FiniteGuard(),
            scores,
            LossHistory(path),
            checkpoint,
        ],
        verbose=0,
    )


class Scores(IterationCallback):
    """Scores a run while it trains, and times its steps.

    Args:
        path: The CSV file of the scores.
        score: Function of the model that returns a dict of numbers.
        steps: Positive integer, training iterations.
        times: Positive integer, how many scores there are, the last at the end.
    """

    def __init__(self, path, score, steps, times):
        super().__init__()
        self.records = Records(path)
        self._score = score
        self._due = {round(steps * part / times) for part in range(1, times + 1)}
        self._seconds = []

    def is_due(self, iteration):
        return iteration in self._due

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.records.rewind(self.model.iterations)

    def on_train_batch_begin(self, batch, logs=None):
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._seconds.append(time.perf_counter() - self._started)
        super().on_train_batch_end(batch, logs)

    def at_iteration(self, iteration, logs):
        # The median, of which the compilation in the first step is no part.
        seconds = float(np.median(self._seconds))
        values = {"seconds_per_step": seconds, **self._score(self.model)}
        self.records.add(iteration, values)


# Images and their features ---------------------------------------------------------


def load_split(source, size, held_out_size, test_share, argument):
    """Loads training images, and others that are held out.

    Args:
        source: As for `keras_gans.data.load_images`.
        size: Height and width of the training images.
        held_out_size: Height and width of the others.
        test_share: Share of the images that is held out, of a source that has no test
            split of its own.
        argument: Name of the argument that error messages speak of.

    Returns:
        A tuple of the uint8 training images, their labels or `None`, and the uint8
        images that are held out.

    Raises:
        ValueError: If there are less than 2 images of either kind.
    """
    images, labels = load_images(source, size, channels=3, argument=argument)
    if has_test_split(source):
        test = load_images(source, held_out_size, 3, split="test", argument=argument)
        return images, labels, test[0]
    order = np.random.default_rng(0).permutation(len(images))
    count = round(test_share * len(images))
    if not 2 <= count <= len(images) - 2:
        raise ValueError(
            f"Argument `{argument}` must have at least 2 images to hold out and 2 to "
            f"train on. Received: {len(images)} images with a share of {test_share} "
            "held out."
        )
    held_out, training = order[:count], order[count:]
    return (
        images[training],
        None if labels is None else labels[training],
        resize_images(images[held_out], held_out_size),
    )


class Features:
    """Features of images, in units of their size on the real images of a study.

    Those of a published network keep the unit of its published numbers.

    Args:
        network: A `keras_gans.metrics.FeatureNetwork`.
        images: uint8 array, real images.

    Attributes:
        real: float array, the features of `images`.
        record: Dict, what a report says of the network.
    """

    def __init__(self, network, images):
        self._network = network
        self._unit = 1.0
        self.real = self(images)
        if network.name not in PUBLISHED_NETWORKS:
            self._unit = float(np.sqrt(np.mean(np.square(self.real))))
            self.real = self.real / self._unit
        self.record = {
            "feature_network": network.name,
            "feature_unit": self._unit,
            "feature_dim": network.feature_dim,
            "resize": network.resize,
            "feature_size": network.size,
        }

    def __call__(self, images):
        batches = [
            keras.ops.convert_to_numpy(self._network(images[start : start + 32]))
            for start in range(0, len(images), 32)
        ]
        return np.concatenate(batches) / self._unit


def study_frechet_distance(real, generated):
    """The Fréchet distance of two sets of features, also of few images."""
    with warnings.catch_warnings():
        # Of fewer images than features: the report says so, once.
        warnings.simplefilter("ignore")
        return frechet_distance(real, generated)


# Files and tables ------------------------------------------------------------------


def write_record(directory, command, trained):
    """Writes `run.json`, commands and versions, and returns its content.

    Args:
        directory: Folder of the study.
        command: The command line.
        trained: Boolean, whether it trained anything. The commands that trained other
            parts of the study are kept.
    """
    path = pathlib.Path(directory) / "run.json"
    commands = []
    if path.exists():
        commands = json.loads(path.read_text(encoding="utf-8")).get("commands", [])
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


def record_text(record):
    """Says with which commands and versions a study was made."""
    commands = [f"`{command}`" for command in record["commands"]]
    versions = [
        f"{name} {record[name.lower()]}" for name in ("Keras", "TensorFlow", "Python")
    ]
    return ", ".join(commands + versions) + "."


def write_json(path, content):
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path, text):
    write_atomically(path, text.encode())


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


def cell(values, form):
    """Formats numbers as their mean ± `deviation`, or as a dash if there are none."""
    values = np.asarray(values, "float64")
    if not len(values):
        return "–"
    text = format(values.mean(), form)
    if deviation(values) > 0:
        text += f" ± {format(deviation(values), form)}"
    return text


def deviation(values):
    """Returns the standard deviation of what a few values are a sample of, or 0."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def seeds_text(results, titles, key="variant"):
    """Says which seeds the results have, variant by variant where they differ.

    Args:
        results: List of dicts with `key` and `seed`.
        titles: Dict from variant to its title.
        key: String, the key of the variant.
    """
    seeds = {}
    for row in results:
        seeds.setdefault(row[key], []).append(row["seed"])
    most = max(seeds.values(), key=len)
    text = f"seeds {', '.join(map(str, most))}"
    for variant, own in seeds.items():
        if own != most:
            text += f"; of {titles[variant]} {', '.join(map(str, own))} alone"
    return text
