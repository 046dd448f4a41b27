"""How many trials the weights of the losses take to be found: three against two.

The study `attributes --search` draws weights at random, evenly on a logarithmic scale,
trains a short run with each draw, and scores it on test images:

    stargan    adversarial, classification and reconstruction weight
    aclgan     attribute and content weight

Both get as many trials, of as many batches of images, over the same range of every
weight. (StarGAN's generator is due in every fifth batch, ACL-GAN's in each.) Random
trials are independent, so that they could as well have come in any other order: beside
the best score so far in the order of the trials there is its mean over all orders, and
the number of trials to a given score is the mean over them too.

A trial is scored by the harmonic mean of three shares: of edits whose attribute is
seen, of other attributes that are kept, and of likeness to the image (`score_of`).

keras-tuner runs the trials, one after another, or in several processes or machines: its
environment variables tell each of them its part.

    KERASTUNER_ORACLE_IP      address of the chief, the same for all
    KERASTUNER_ORACLE_PORT    its port, the same for all
    KERASTUNER_TUNER_ID       chief for the one that hands out the weights and writes
                              the tables; any other name for each that trains
"""

import dataclasses
import json
import math
import os
import pathlib
import time

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_gans.callbacks import FiniteGuard
from keras_gans.checks import require
from keras_gans.data import attributes
from keras_gans.experiments import attribute_loss, tables
from keras_gans.experiments.attribute_loss import PARTS, Setting, score_of
from keras_gans.experiments.runs import epochs_of, write_picture
from keras_gans.experiments.study import STUDIES, check_folder, write_record
from keras_gans.experiments.tables import cell, table
from keras_gans.files import write_csv, write_json
from keras_gans.folder_lock import FolderLock

try:
    import keras_tuner
except ImportError as error:
    raise ImportError(
        "The search needs keras-tuner: pip install 'keras_gans[tune]'"
    ) from error

# The weights that are searched, arguments of the presets.
WEIGHTS = {
    "stargan": ("adversarial_weight", "classification_weight", "reconstruction_weight"),
    "aclgan": ("attribute_weight", "content_weight"),
}
RANGE = (0.01, 100.0)
# Scores to which the number of trials is told.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

STUDY = STUDIES["attributes"]
TITLES = STUDY.variants
# Batches for each of the `steps` of a setting: StarGAN's critic steps.
BATCHES = 5
SETTING = Setting(width=8, steps=300, test_images=128)

# What differs between machines that work at one search.
_PLACES = ("data", "attributes", "feature_network")


def search(directory, setting=None, only=None, trials=12, seed=0, command=""):
    """Runs both searches, or what is missing of them, and writes tables and figures.

    A search that was interrupted goes on with the trial it was in.

    Args:
        directory: Folder of the study; another study in it is an error.
        setting: An `attribute_loss.Setting`, with the `steps` of StarGAN's generator in
            each trial; ACL-GAN's makes five times as many, in as many batches. Without
            its `content_weight`, which is searched. By default `SETTING`.
        only: Optional list, `"stargan"` or `"aclgan"`. A single one where there is a
            chief (see the top of this file).
        trials: Positive integer, the trials of either.
        seed: Non-negative integer, the seed of the weights that are drawn and of every
            run.
        command: The command line, for the record.

    Returns:
        The list of all results, one dict for each trial. `None` from a process that
        only trains for a chief.
    """
    setting = setting or SETTING
    names = list(only or WEIGHTS)
    STUDY.check_names(names, WEIGHTS, f"{', '.join(WEIGHTS)} in a search")
    role = _role()
    require(
        role == "alone" or len(names) == 1,
        "With a chief there is one search at a time: add --only stargan, and then "
        "run all of it again with --only aclgan",
    )
    directory = pathlib.Path(directory)
    content = {"search": True, "seed": seed, **dataclasses.asdict(setting)}
    if role != "worker":
        check_folder(directory, content)
    # Of a worker it does nothing: the chief holds the folder.
    with FolderLock(directory):
        return _search(directory, setting, names, trials, seed, command, content)


def _search(directory, setting, names, trials, seed, command, content):
    role = _role()
    if role != "worker":
        check_folder(directory, content)
    faces = None
    if role != "chief":
        faces = attribute_loss.Faces(setting)
        for name in names:
            # What it does not take is refused before anything is written.
            STUDY.build(name, seed, setting, faces)
    if role != "worker":
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "setting.json", content)
    for name in names:
        batches = f"{BATCHES * setting.steps} batches at {setting.size}x{setting.size}"
        print(f"{TITLES[name]} ({role}): {trials} trials of {batches}, ", end="")
        print(f"weights {', '.join(WEIGHTS[name])}", flush=True)
        tuner = Search(name, setting, faces, trials, seed, directory)
        try:
            tuner.search()
        except keras_tuner.errors.FatalError as error:
            raise error.__cause__
    if role == "worker":
        print("No trial is left. The chief writes the tables.")
        return None
    results = []
    for name in WEIGHTS:
        if (directory / "trials" / name).exists():
            results += Search(name, setting, None, trials, seed, directory).results()
    record = write_record(directory, command, True)
    write_csv(directory / "table.csv", results)
    tables.write(directory / "table.md", report(results, content), record)
    draw_figures(directory, results)
    print(f"\nDone. table.md, table.csv and figures/ are in {directory}.")
    return results


def _role():
    """Returns what the environment variables of keras-tuner make of this process."""
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return "alone"
    for name in ("KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID"):
        must = f"With KERASTUNER_ORACLE_IP the environment must have {name} as well"
        require(name in os.environ, must)
    # As keras-tuner tells them apart.
    return "chief" if "chief" in os.environ["KERASTUNER_TUNER_ID"] else "worker"


class Search(keras_tuner.RandomSearch):
    """Trials of one method, in `trials/<name>` of a study's folder.

    Args: those of `search`, for one name, and `faces`, an `attribute_loss.Faces`, or
    `None` where nothing is trained.
    """

    def __init__(self, name, setting, faces, trials, seed, directory):
        self._method, self._model_seed = name, seed
        self._setting, self._faces = setting, faces
        weights = keras_tuner.HyperParameters()
        for weight in WEIGHTS[name]:
            weights.Float(weight, *RANGE, sampling="log")
        # So that a worker of another setting is found out.
        weights.Fixed("setting", _text_of(setting))
        super().__init__(
            objective=keras_tuner.Objective("score", "max"),
            max_trials=trials,
            # keras-tuner takes a seed of 0 for none.
            seed=seed + 1,
            hyperparameters=weights,
            directory=directory / "trials",
            project_name=name,
        )
        # keras-tuner does so by itself only if the process has the name of before.
        found = (directory / "trials" / name / "oracle.json").exists()
        if found and _role() != "worker" and not self.oracle.trials:
            self.oracle.reload()

    def run_trial(self, trial):
        """Trains and scores one model; what goes wrong ends the whole search."""
        try:
            return self._run(trial)
        except Exception as error:
            raise keras_tuner.errors.FatalError(
                f"Trial {trial.trial_id} failed: {error}"
            ) from error

    def _run(self, trial):
        values = dict(trial.hyperparameters.values)
        must = "The chief runs a search of another setting"
        require(values.pop("setting") == _text_of(self._setting), must)
        setting, faces = self._setting, self._faces
        keras.utils.clear_session(free_memory=False)
        model = STUDY.build(self._method, self._model_seed, setting, faces, **values)
        epochs = epochs_of(setting.steps)
        steps = BATCHES * setting.steps // epochs
        options = {"batch_size": setting.batch_size, "steps_per_epoch": steps}
        data = attributes(faces.train, split=None, seed=self._model_seed, **options)
        start = time.perf_counter()
        try:
            model.fit(data, epochs=epochs, callbacks=[FiniteGuard()], verbose=0)
        except FloatingPointError:
            # Such weights are no good, which is a result too.
            return {"score": 0.0, "diverged": 1.0}
        seconds = time.perf_counter() - start
        scores = faces.score(model)
        folder = pathlib.Path(self.get_trial_dir(trial.trial_id))
        write_picture(folder / "edits.png", faces.picture(model))
        kept = {key: scores[key] for key in _SCORES}
        return {"score": score_of(scores), **kept, "seconds": seconds}

    def results(self):
        """Returns a dict for each finished trial, in the order of their starts."""
        oracle, rows = self.oracle, []
        for trial in (oracle.trials[key] for key in oracle.start_order):
            if trial.status != "COMPLETED":
                continue
            row = {"method": self._method, "trial": len(rows) + 1}
            row |= {
                name: trial.hyperparameters.get(name) for name in WEIGHTS[self._method]
            }
            row |= {
                key: trial.metrics.get_best_value(key)
                for key in ("score", *_SCORES, "seconds", "diverged")
                if trial.metrics.exists(key)
            }
            rows.append(row)
        return rows


_SCORES = (*PARTS, "fid", "change_l1")


def _text_of(setting):
    values = dataclasses.asdict(setting)
    return json.dumps({name: values[name] for name in values if name not in _PLACES})


# What trials in any order tell ------------------------------------------------------


def mean_best_so_far(scores):
    """Returns the mean over all orders of the best of the first 1, 2, ... scores.

    Of N scores, sorted from the lowest, the i-th is the best of n random ones in
    C(i - 1, n - 1) of C(N, n) cases.
    """
    ordered, count = sorted(scores), len(scores)
    return [
        sum(score * math.comb(place, first - 1) for place, score in enumerate(ordered))
        / math.comb(count, first)
        for first in range(1, count + 1)
    ]


def trials_to(level, scores):
    """Returns the mean over all orders of the trials until a score is reached, or
    `None` if none of the scores reaches it.

    Of N scores, k of which reach it, the first one is met after (N + 1) / (k + 1).
    """
    reached = sum(score >= level for score in scores)
    return (len(scores) + 1) / (reached + 1) if reached else None


# Table and figure ------------------------------------------------------------------


def report(results, setting):
    """Formats all results as Markdown paragraphs; the setting is a dict."""
    methods = {}
    for name in WEIGHTS:
        if rows := [row for row in results if row["method"] == name]:
            methods[name] = rows
    head = ["", "weights searched", "trials", "best score", "wanted attribute seen"]
    head += ["others kept", "likeness", "with", "score of a trial", "diverged"]
    found = []
    for name, rows in methods.items():
        best = max(rows, key=lambda row: row["score"])
        weights = (
            f"{weight.removesuffix('_weight')} {best[weight]:.3g}"
            for weight in WEIGHTS[name]
        )
        cells = [TITLES[name], str(len(WEIGHTS[name])), str(len(rows))]
        cells += [
            f"{best[key]:.1%}" if key in best else "–" for key in ("score", *PARTS)
        ]
        cells += [", ".join(weights), cell([row["score"] for row in rows], ".1%")]
        cells.append(str(sum("diverged" in row for row in rows)))
        seconds = [row["seconds"] for row in rows if "seconds" in row]
        found.append([*cells, cell(seconds, ".0f")])
    reached = []
    for level in LEVELS:
        scores = ([row["score"] for row in rows] for rows in methods.values())
        needed = [trials_to(level, own) for own in scores]
        if any(needed):
            cells = ["not reached" if n is None else f"{n:.1f}" for n in needed]
            reached.append([f"{level:.0%}", *cells])
    align = [":--", *["--:"] * 6, ":--", *["--:"] * 3]
    titles = [TITLES[name] for name in methods]
    return [
        table([*head, "s / trial"], found, align),
        "Trials until a score is reached, mean over all orders:",
        table(["score", *titles], reached, ["--:"] * (1 + len(titles))),
        f"{BATCHES * setting['steps']} batches of {setting['batch_size']} in a trial "
        "(an update of ACL-GAN's generator in each, of StarGAN's in every fifth), "
        f"{setting['size']} pixels, width {setting['width']}, "
        f"{setting['residual_blocks']} residual blocks, Adam "
        f"{setting['learning_rate']} (ACL-GAN's discriminator: twice that), seed "
        f"{setting['seed']}, {setting['data']}. Every weight is drawn evenly on a "
        f"logarithmic scale from {RANGE[0]} to {RANGE[1]:.0f}. The score is the "
        "harmonic mean of three shares: of edits in which the wanted attribute is "
        "seen, of other attributes that are kept, and of likeness, which is 0 where an "
        "edit is as far from its image as another image is; of "
        f"{setting['test_images']} test images at most.",
        "The paper claims that two weights are found faster than three. It gives no "
        "numbers.",
    ]


def draw_figures(directory, results):
    """Draws the best score so far and all scores over each weight."""
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1)
    curves = top.subplots(1, 2)
    weights = [(name, weight) for name in WEIGHTS for weight in WEIGHTS[name]]
    panels = bottom.subplots(1, len(weights), sharey=True)
    for number, name in enumerate(WEIGHTS):
        title = TITLES[name]
        rows = [row for row in results if row["method"] == name]
        if not rows:
            continue
        scores = [row["score"] for row in rows]
        seconds = np.mean([row["seconds"] for row in rows if "seconds" in row] or [0])
        trials = np.arange(1, len(rows) + 1)
        color, best = f"C{number}", np.maximum.accumulate(scores)
        for axes, x in zip(curves, (trials, trials * seconds)):
            label = f"{title}, mean over all orders"
            axes.plot(x, mean_best_so_far(scores), color=color, label=label)
            label = f"{title}, as they came"
            axes.step(x, best, where="post", color=color, alpha=0.4, label=label)
        for (method, weight), axes in zip(weights, panels):
            if method == name:
                values = [row[weight] for row in rows]
                axes.plot(values, scores, "o", color=color)
    for axes, label in zip(curves, ("trials", "seconds of training")):
        axes.set(xlabel=label, ylabel="best score so far", ylim=(0, 1))
        axes.grid(alpha=0.3)
    curves[0].legend(fontsize=8)
    for (method, weight), axes in zip(weights, panels):
        title = f"{TITLES[method]}\n{weight.replace('_', ' ')}"
        axes.set(title=title, xscale="log", xlim=RANGE, ylim=(0, 1))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("score of a trial")
    figure.savefig(folder / "search.png", dpi=100)
