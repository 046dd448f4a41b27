"""A whole training run in one folder: data, `fit`, pictures, score and export."""

import dataclasses
import datetime
import itertools
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
        steps=1000,
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
    length = {name: given[name] for name in ("steps", "epochs") if name in given} or {
        "steps": recipe.steps,
        "epochs": recipe.epochs,
    }
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
        record: Dict, what else `run.json` says: command, start and versions.
    """

    def __init__(self, directory, configuration, record):
        self.directory = pathlib.Path(directory)
        self.configuration = configuration
        self.record = record

    @classmethod
    def create(cls, directory, configuration, command):
        """Makes the folder of a new run; refuses one that already holds something.

        `run.json` is written when training starts: a run whose data or networks cannot
        be used leaves an empty folder, and the corrected command may name it again.
        """
        directory = pathlib.Path(directory)
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise FileExistsError(
                f"{directory} exists and is not empty. Choose another --output, or go "
                "on with the run in it by --resume."
            )
        directory.mkdir(parents=True, exist_ok=True)
        started = datetime.datetime.now().astimezone()
        record = {
            "command": command,
            "started": started.isoformat("T", "seconds"),
            "versions": {
                "keras_gans": keras_gans.__version__,
                "keras": keras.__version__,
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        return cls(directory, configuration, record)

    @classmethod
    def open(cls, directory):
        """Opens a run that was started before."""
        path = pathlib.Path(directory) / "run.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory} is not the folder of a run: it has no run.json. "
                "`keras-gans train` makes one."
            )
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            configuration = Configuration(**record.pop("configuration"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} does not describe a run as this version of keras_gans writes "
                f"it. Train into a new folder. ({error!r})"
            ) from error
        return cls(directory, configuration, record)

    def change_length(self, steps=None, epochs=None):
        """Gives the run another length, from the next `train` on.

        Args:
            steps: Positive integer, iterations since the start of the run, or `None`.
            epochs: In their place, passes over the longer domain.
        """
        self.configuration = dataclasses.replace(
            self.configuration, steps=steps, epochs=epochs
        )

    def train(self, verbose="auto"):
        """Trains to the end of the run, from its last checkpoint if there is one.

        Args:
            verbose: As in `keras.Model.fit`.

        Returns:
            The trained `keras_gans.models.CycleGAN`.
        """
        configuration = self.configuration
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
        checkpoints = self.directory / "checkpoints"
        trained = Checkpoint.latest_step(checkpoints) or 0
        if trained > total:
            raise ValueError(
                f"The run in {self.directory} has trained {trained} iterations "
                f"already. Its length must not be less. Received: {total} iterations."
            )
        model = self._build(data, total)
        x, y = self._samples("x"), self._samples("y")
        count = min(len(x), len(y))
        # A size that a network does not take is refused before anything is written.
        for network, images in (
            (model.generator_xy, x),
            (model.discriminator_x, x),
            (model.generator_yx, y),
            (model.discriminator_y, y),
        ):
            network(images[:1])
        self._write_record()
        checkpoint = Checkpoint(
            checkpoints, data, save_freq=min(data.steps_per_epoch, 250)
        )
        if trained == total:
            # `fit` would train one batch before a callback could stop it.
            checkpoint.set_model(model)
        else:
            sample_freq = RECIPES[configuration.preset].sample_freq
            model.fit(
                data,
                epochs=math.ceil(total / data.steps_per_epoch),
                # First the guard, so that nothing is written of a step that is not
                # finite; last the checkpoint, when all else about the step is written.
                callbacks=[
                    FiniteGuard(),
                    SampleGrid(
                        self.directory / "samples",
                        x[:count],
                        y[:count],
                        save_freq=sample_freq,
                    ),
                    LossTable(self.directory),
                    LossHistory(self.directory),
                    _StopAt(total, data.steps_per_epoch),
                    checkpoint,
                ],
                verbose=verbose,
            )
        model.save(self.directory / "model.keras")
        return model

    def model_path(self):
        """Returns the path of `model.keras`; raises if the run is not finished."""
        path = self.directory / "model.keras"
        if not path.exists():
            raise FileNotFoundError(
                f"The run in {self.directory} is not finished: it has no model.keras. "
                f"Finish it: keras-gans train --resume --output {self.directory}"
            )
        return path

    def load_model(self):
        """Loads the model of a finished run."""
        return keras.saving.load_model(self.model_path())

    def score(self, model):
        """Scores the labels that translations keep; writes `score.json`.

        Returns:
            The scores as `keras_gans.metrics.label_keeping` gives them, or `None` when
            a domain has no labels or no test images.
        """
        configuration = self.configuration
        trains, tests = [], []
        for argument in "xy":
            source = getattr(configuration, argument)
            if not has_test_split(source):
                return None
            for split, domains in (("train", trains), ("test", tests)):
                images, labels = load_images(
                    source,
                    size=configuration.size,
                    channels=getattr(model, f"discriminator_{argument}").input_shape[
                        -1
                    ],
                    split=split,
                    argument=argument,
                )
                if labels is None:
                    return None
                domains.append((images, labels))
        classifiers = [train_classifier(*domain, seed=0) for domain in trains]
        scores = label_keeping(model, *tests, *classifiers)
        _write_json(self.directory / "score.json", scores)
        return scores

    def export(self, model, directory=None, weights_dtype="float32"):
        """Exports the model as a SavedModel; see `keras_gans.export`."""
        return export_translator(
            model,
            directory or self.directory / "export",
            weights_dtype=weights_dtype,
            metadata={
                "command": self.record["command"],
                "configuration": dataclasses.asdict(self.configuration),
                "versions": self.record["versions"],
            },
        )

    def _write_record(self):
        configuration = dataclasses.asdict(self.configuration)
        content = {**self.record, "configuration": configuration}
        _write_json(self.directory / "run.json", content)

    def _build(self, data, total):
        configuration = self.configuration
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
        precision = configuration.mixed_precision
        default_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(f"mixed_{precision}" if precision else "float32")
        try:
            return RECIPES[configuration.preset].build(**arguments)
        finally:
            # Or the classifiers of the score would compute in 16 bits, too.
            keras.config.set_dtype_policy(default_policy)

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
    """Ends `fit` at a batch that need not be the last of an epoch.

    It counts batches, as the checkpoint does: in float16 a step may be left out, and
    the optimizer's iterations would stay behind.
    """

    def __init__(self, total, steps_per_epoch):
        super().__init__()
        self.total = total
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._left = self.total - epoch * self.steps_per_epoch

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 >= self._left:
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
    """Returns `<directory>-1`, or the first number from there on that is free."""
    for number in itertools.count(1):
        path = pathlib.Path(f"{directory}-{number}")
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return path


def _write_json(path, content):
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)
