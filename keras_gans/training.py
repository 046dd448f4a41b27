"""A whole training run: data, model, `fit`, pictures, score and export in one folder."""

import dataclasses
import datetime
import json
import math
import os
import pathlib
import platform

import keras
import numpy as np
import tensorflow as tf

import keras_gans
from keras_gans import presets
from keras_gans.callbacks import (
    Checkpoint,
    FiniteGuard,
    LossHistory,
    LossTable,
    SampleGrid,
)
from keras_gans.data import load_images, unpaired
from keras_gans.data.sources import has_test_split
from keras_gans.export import export_translator
from keras_gans.metrics import label_keeping, train_classifier

SAMPLES = 12


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a preset is trained, where the command line says nothing else."""

    build: callable
    summary: str
    batch_size: int
    size: int
    load_size: int = None
    flip: bool = None
    # Channels to which both domains are converted; None leaves each as it is.
    channels: int = None
    steps: int = None
    epochs: int = None
    # Beside the lab's own iterations (1000, 2000, ...) pictures come this often.
    sample_freq: int = 1000


RECIPES = {
    "digits": Recipe(
        build=presets.digits,
        summary="small networks that keep the digit, in about five minutes",
        batch_size=32,
        size=32,
        flip=False,
        channels=3,
        steps=1500,
        sample_freq=250,
    ),
    "digit_lab": Recipe(
        build=presets.digit_lab,
        summary="the CycleGAN lab on digits (batch norm, cross entropy)",
        batch_size=64,
        size=32,
        flip=False,
        steps=4685,
    ),
    "tensorflow_tutorial": Recipe(
        build=presets.tensorflow_tutorial,
        summary="the TensorFlow CycleGAN tutorial (U-Nets)",
        batch_size=1,
        size=256,
        load_size=286,
        epochs=40,
    ),
    "cyclegan_paper": Recipe(
        build=presets.cyclegan_paper,
        summary="the original CycleGAN (ResNets, least squares, image pool)",
        batch_size=1,
        size=256,
        load_size=286,
        epochs=200,
    ),
}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Everything that determines a run; saved in `run.json`.

    Args:
        preset: Name in `RECIPES`.
        x: Source of domain X, a name, folder or `.npz` file.
        y: Source of domain Y.
        batch_size: Images of each domain in a batch.
        size: Height and width of the images.
        load_size: Height and width before the random crop, or `None`.
        channels: Channels to which both domains are converted, or `None`.
        flip: Whether images are mirrored at random, or `None` for the default.
        steps: Training iterations, or `None` if `epochs` says how many.
        epochs: Passes over the longer domain, or `None`.
        seed: Seed of weights, order and augmentation.
        jit_compile: `"auto"`, `True` or `False`, see `keras.Model.compile`.
        mixed_precision: `None`, `"float16"` or `"bfloat16"`.
    """

    preset: str
    x: str
    y: str
    batch_size: int
    size: int
    load_size: int | None
    flip: bool | None
    channels: int | None
    steps: int | None
    epochs: int | None
    seed: int
    jit_compile: bool | str
    mixed_precision: str | None


def configure(preset, x, y, seed=0, mixed_precision=None, jit_compile="auto", **given):
    """Fills in what is not given from the preset's recipe.

    Args:
        preset: Name in `RECIPES`.
        x: Source of domain X.
        y: Source of domain Y.
        seed: Integer.
        mixed_precision: `None`, `"float16"` or `"bfloat16"`.
        jit_compile: `"auto"`, `True` or `False`.
        **given: `batch_size`, `size`, `steps` or `epochs`; `None` means not given.

    Returns:
        A `Configuration`.
    """
    recipe = RECIPES[preset]
    given = {name: value for name, value in given.items() if value is not None}
    if "steps" in given and "epochs" in given:
        raise ValueError("Give --steps or --epochs, not both.")
    length = (
        {name: given[name] for name in ("steps", "epochs") if name in given}
        or {"steps": recipe.steps, "epochs": recipe.epochs}
    )
    size = given.get("size", recipe.size)
    return Configuration(
        preset=preset,
        x=os.fspath(x),
        y=os.fspath(y),
        batch_size=given.get("batch_size", recipe.batch_size),
        size=size,
        # The room for the random crop keeps its share of another size.
        load_size=recipe.load_size and round(recipe.load_size * size / recipe.size),
        flip=recipe.flip,
        channels=recipe.channels,
        steps=length.get("steps"),
        epochs=length.get("epochs"),
        seed=seed,
        jit_compile=jit_compile,
        mixed_precision=mixed_precision,
    )


class Run:
    """The folder of a training run.

    `run.json` (command, configuration, versions), `history.csv`, `table.md` and
    `table.csv`, `score.json`, `samples/`, `figures/`, `checkpoints/`, `model.keras` and
    the exported SavedModel in `export/1/`.

    Args:
        directory: The folder.
        configuration: A `Configuration`.
    """

    def __init__(self, directory, configuration):
        self.directory = pathlib.Path(directory)
        self.configuration = configuration

    @classmethod
    def create(cls, directory, configuration, command):
        """Starts a new run; refuses a folder that already holds something."""
        directory = pathlib.Path(directory)
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise FileExistsError(
                f"{directory} exists and is not empty. Choose another --output, or go "
                "on with the run in it by --resume."
            )
        directory.mkdir(parents=True, exist_ok=True)
        run = cls(directory, configuration)
        _write_json(
            run.directory / "run.json",
            {
                "command": command,
                "configuration": dataclasses.asdict(configuration),
                "started": datetime.datetime.now().astimezone().isoformat("T", "seconds"),
                "versions": {
                    "keras_gans": keras_gans.__version__,
                    "keras": keras.__version__,
                    "tensorflow": tf.__version__,
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            },
        )
        return run

    @classmethod
    def open(cls, directory):
        """Opens a run that was started before."""
        path = pathlib.Path(directory) / "run.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory} is not the folder of a run: it has no run.json. "
                "`keras-gans train` makes one."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(directory, Configuration(**content["configuration"]))

    def train(self, steps=None, epochs=None, verbose="auto"):
        """Trains to the end of the run, from its last checkpoint if there is one.

        Args:
            steps: Optional integer, a new length of the run, as iterations.
            epochs: Optional integer, a new length, as passes over the longer domain.
            verbose: As in `keras.Model.fit`.
        """
        configuration = self.configuration
        if steps or epochs:
            configuration = dataclasses.replace(
                configuration, steps=steps, epochs=epochs
            )
            content = json.loads((self.directory / "run.json").read_text("utf-8"))
            content["configuration"] = dataclasses.asdict(configuration)
            _write_json(self.directory / "run.json", content)
            self.configuration = configuration
        data = unpaired(
            configuration.x,
            configuration.y,
            batch_size=configuration.batch_size,
            size=configuration.size,
            load_size=configuration.load_size,
            flip=configuration.flip,
            channels=configuration.channels,
            seed=configuration.seed,
        )
        total = configuration.steps or configuration.epochs * data.steps_per_epoch
        model = self._build(data, total)
        samples = [self._samples(argument) for argument in "xy"]
        checkpoint = Checkpoint(
            self.directory / "checkpoints",
            data,
            save_freq=min(data.steps_per_epoch, 250),
        )
        model.fit(
            data,
            epochs=math.ceil(total / data.steps_per_epoch),
            # The checkpoint comes before all that ask for the iteration it restores,
            # the guard before the checkpoint, which must not save what it finds.
            callbacks=[
                FiniteGuard(),
                checkpoint,
                SampleGrid(
                    self.directory / "samples",
                    *samples,
                    save_freq=RECIPES[configuration.preset].sample_freq,
                ),
                LossTable(self.directory),
                LossHistory(self.directory),
                _StopAt(total),
            ],
            verbose=verbose,
        )
        model.save(self.directory / "model.keras")
        return model

    def load_model(self):
        """Loads the model of a finished run."""
        path = self.directory / "model.keras"
        if not path.exists():
            raise FileNotFoundError(
                f"The run in {self.directory} is not finished: it has no model.keras. "
                f"Finish it: keras-gans train --resume --output {self.directory}"
            )
        return keras.saving.load_model(path)

    def score(self, model):
        """Scores the labels that translations keep; writes `score.json`.

        Returns:
            The scores as `keras_gans.metrics.label_keeping` gives them, or `None` when a
            domain has no labels or no test images.
        """
        configuration = self.configuration
        tests, classifiers = [], []
        for argument in "xy":
            source = getattr(configuration, argument)
            if not has_test_split(source):
                return None
            shape = {
                "size": configuration.size,
                "channels": getattr(model, f"discriminator_{argument}").input_shape[-1],
                "argument": argument,
            }
            tests.append(load_images(source, split="test", **shape))
            images, labels = load_images(source, split="train", **shape)
            if labels is None or tests[-1][1] is None:
                return None
            classifiers.append(train_classifier(images, labels, seed=0))
        scores = label_keeping(model, *tests, *classifiers)
        _write_json(self.directory / "score.json", scores)
        return scores

    def export(self, model, directory=None, weights_dtype="float32"):
        """Exports the model as a SavedModel; see `keras_gans.export`."""
        content = json.loads((self.directory / "run.json").read_text("utf-8"))
        return export_translator(
            model,
            directory or self.directory / "export",
            weights_dtype=weights_dtype,
            metadata={
                "command": content["command"],
                "configuration": dataclasses.asdict(self.configuration),
                "versions": content["versions"],
            },
        )

    def _build(self, data, total):
        configuration = self.configuration
        keras.config.set_dtype_policy(
            f"mixed_{configuration.mixed_precision}"
            if configuration.mixed_precision
            else "float32"
        )
        arguments = {
            "x_channels": data.element_spec[0].shape[-1],
            "y_channels": data.element_spec[1].shape[-1],
            "size": configuration.size,
            "seed": configuration.seed,
            "jit_compile": configuration.jit_compile,
        }
        if configuration.preset == "cyclegan_paper":
            arguments["constant_steps"] = total // 2
            arguments["decay_steps"] = total - total // 2
        return RECIPES[configuration.preset].build(**arguments)

    def _samples(self, argument):
        source = getattr(self.configuration, argument)
        images, _ = load_images(
            source,
            size=self.configuration.size,
            channels=self.configuration.channels,
            split="test" if has_test_split(source) else "train",
            argument=argument,
        )
        return images[:SAMPLES].astype("float32") / 127.5 - 1


class _StopAt(keras.callbacks.Callback):
    """Ends `fit` at an iteration that need not be the end of an epoch."""

    def __init__(self, total):
        super().__init__()
        self.total = total

    def on_train_batch_end(self, batch, logs=None):
        if self.model.iterations >= self.total:
            self.model.stop_training = True


def score_table(scores):
    """Formats the scores of `label_keeping` as a Markdown table."""
    lines = [
        "| direction | label kept | untranslated (floor) | real (ceiling) | cycle L1 |",
        "|:--|--:|--:|--:|--:|",
    ]
    for direction, score in scores.items():
        arrow = " → ".join(direction.upper())
        lines.append(
            f"| {arrow} | {score['kept']:.1%} | {score['floor']:.1%} | "
            f"{score['ceiling']:.1%} | {score['cycle_l1']:.4f} |"
        )
    return "\n".join(lines)


def next_free(directory):
    """Returns `<directory>-1`, or the first number behind it that is still free."""
    number = 1
    while pathlib.Path(f"{directory}-{number}").exists():
        number += 1
    return pathlib.Path(f"{directory}-{number}")


def _write_json(path, content):
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)
