"""A whole training run in one folder: data, `fit`, pictures, score and export."""

import bisect
import dataclasses
import datetime
import inspect
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
    AttributeGrid,
    Checkpoint,
    ColorizationGrid,
    EvaluateTranslation,
    FiniteGuard,
    GeneratedGrid,
    LossHistory,
    LossTable,
    SampleGrid,
)
from keras_gans.callbacks.iteration_callback import Records
from keras_gans.data import (
    attributes,
    colorization,
    generation,
    load_attributes,
    load_images,
    unpaired,
)
from keras_gans.data.drawings import IMAGE_SIZE as DRAWINGS_SIZE
from keras_gans.data.faces import IMAGE_SIZE as FACES_SIZE
from keras_gans.data.sources import has_test_split
from keras_gans.export import (
    export_colorizer,
    export_editor,
    export_generator,
    export_translator,
)
from keras_gans.losses import SemanticVGGLoss, balanced_weight
from keras_gans.metrics import (
    FeatureNetwork,
    FrechetDistance,
    KernelDistance,
    attribute_scores,
    colorization_pairs,
    colorization_scores,
    label_keeping,
    score_generation,
    train_classifier,
)
from keras_gans.metrics.generation import FEATURE_DIM

SAMPLES = 12
# StarGAN's, of images whose attributes are not chosen.
CELEBA_ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a preset is trained, where the command line says nothing else."""

    build: callable
    summary: str
    batch_size: int
    size: int
    # "translation" between two domains, "generation" of images of one, "colorization"
    # of line art made of them, or "editing" of their attributes.
    task: str = "translation"
    # Whether training needs labels.
    labels: bool = False
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
    "cyclegan": Recipe(
        build=presets.cyclegan,
        summary="the original CycleGAN (ResNets, least squares, image pool)",
        batch_size=1,
        size=256,
        load_size=286,
        epochs=200,
    ),
    "colorizer": Recipe(
        build=presets.colorizer,
        summary="colours line art, unaided or after hints (pix2pix, compensated L1)",
        task="colorization",
        batch_size=4,
        size=256,
        load_size=286,
        epochs=20,
        sample_freq=500,
    ),
    **{
        build.__name__: Recipe(
            build=build,
            summary=summary,
            task="editing",
            labels=True,
            batch_size=16,
            size=128,
            epochs=20,
        )
        for build, summary in (
            (presets.aclgan, "ACL-GAN: edits attributes, one loss for each"),
            (presets.stargan, "StarGAN: edits attributes, 5 critic steps"),
        )
    },
    **{
        build.__name__: Recipe(
            build=build,
            summary=summary,
            task="generation",
            labels=build is presets.conditional_gan,
            batch_size=64,
            size=32,
            flip=False,
            steps=1500,
            sample_freq=250,
        )
        for build, summary in (
            (presets.gan, "GAN: cross entropy, non-saturating"),
            (presets.conditional_gan, "conditional GAN: networks are told the class"),
            (presets.lsgan, "LSGAN: least squares"),
            (presets.wgan, "WGAN: a critic with clipped weights, 5 critic steps"),
            (presets.wgan_gp, "WGAN-GP: gradient penalty, 5 critic steps"),
            (presets.ebgan, "EBGAN: an auto-encoder's error as energy, with a margin"),
            (presets.began, "BEGAN: an auto-encoder in balance with its generator"),
        )
    },
}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Everything that determines a run; saved in `run.json`.

    Args:
        preset: Name in `RECIPES`.
        x: Source of domain X, a name, folder or `.npz` file.
        y: Source of domain Y; `None` where there is only one.
        batch_size: Images of each domain in a batch.
        size: Height and width of the images.
        load_size: Height and width before the random crop, or `None`.
        channels: Channels to which both domains are converted, or `None`.
        flip: Whether images are mirrored at random, or `None` for the default.
        steps: Training iterations, updates of the generator, or `None` if `epochs`
            says how many.
        epochs: Passes over the images, of the longer domain if there are two, or
            `None`.
        seed: Seed of weights, order and augmentation.
        jit_compile: `"auto"`, `True` or `False`, see `keras.Model.compile`.
        mixed_precision: `None`, `"float16"` or `"bfloat16"`.
        width: Filters of the first convolutions, of the presets that take it, `None`
            for the default.
        ema_decay: Of the averaged generator weights of the same presets, or `None`.
        activation: Of the generators of preset `cyclegan`, `None` for the default.
        feature_extractor: `"vgg16"` or the path of a `.keras` file, for the semantic
            loss of preset `cyclegan`, or `None` for none.
        feature_layers: Its layers, or `None` for the default.
        semantic_weight: Of that loss, or `None` for the weight that balances it with
            the cycle loss. `Run.train` finds it and puts it here, so that `run.json`
            has it and a run that is resumed keeps it.
        feature_network: As for `keras_gans.metrics.FeatureNetwork`, to score a
            translation with while it trains, or `None`.
        feature_size: Height and width to which it gets its images, or `None`.
        evaluate_every: Epochs from one such score to the next.
        attributes: Path of the attribute file of the folder X, or `None`.
        select: Names of the attributes to edit, or `None` for the default.
        residual_blocks: Of the generators that edit, `None` for the default.
        learning_rate: Of the same presets, `None` for the default.
    """

    preset: str
    x: str
    y: str | None
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
    width: int | None = None
    ema_decay: float | None = None
    activation: str | None = None
    feature_extractor: str | None = None
    feature_layers: list | None = None
    semantic_weight: float | None = None
    feature_network: str | None = None
    feature_size: int | None = None
    evaluate_every: int | None = None
    attributes: str | None = None
    select: list | None = None
    residual_blocks: int | None = None
    learning_rate: float | None = None


CYCLEGAN_OPTIONS = (
    "activation",
    "feature_extractor",
    "feature_layers",
    "semantic_weight",
)
COMMON_OPTIONS = ("width", "ema_decay")
EDITING_OPTIONS = ("attributes", "select", "residual_blocks", "learning_rate")
# How editing the embedded faces is learned, unless something else is given: in minutes.
FACES_DEFAULTS = {
    "select": ["Black_Hair", "Blond_Hair", "Eyeglasses", "Smiling"],
    "size": 32,
    "steps": 2400,
    "width": 16,
    "residual_blocks": 2,
    "learning_rate": 4e-4,
    "ema_decay": 0.998,
}
# What each preset takes beside what all of them take.
PRESET_OPTIONS = {
    "cyclegan": (*COMMON_OPTIONS, *CYCLEGAN_OPTIONS),
    "colorizer": COMMON_OPTIONS,
    "aclgan": (*COMMON_OPTIONS, *EDITING_OPTIONS),
    "stargan": (*COMMON_OPTIONS, *EDITING_OPTIONS),
}
SCORE_OPTIONS = ("feature_network", "feature_size", "evaluate_every")


def configure(
    preset, x, y=None, seed=0, mixed_precision=None, jit_compile="auto", **given
):
    """Fills in what is not given from the preset's recipe.

    Args:
        preset: Name in `RECIPES`.
        x: Source of domain X.
        y: Source of domain Y, for translation.
        seed: Integer.
        mixed_precision: `None`, `"float16"` or `"bfloat16"`.
        jit_compile: `"auto"`, `True` or `False`.
        **given: `batch_size`, `size`, `steps` or `epochs`, for translation
            `SCORE_OPTIONS`, and the preset's `PRESET_OPTIONS`; `None` means not given.

    Returns:
        A `Configuration`.

    Raises:
        ValueError: If `y` is missing or of no use, there are two lengths, or an option
            does not go with the preset or the others.
    """
    recipe = RECIPES[preset]
    if (y is None) == (recipe.task == "translation"):
        wanted = "the other domain" if recipe.task == "translation" else "None"
        raise ValueError(
            f"Argument `y` must be {wanted} for preset {preset!r}, which is one of "
            f"{recipe.task}. Received: y={y!r}"
        )
    given = {name: value for name, value in given.items() if value is not None}
    if "steps" in given and "epochs" in given:
        raise ValueError("Give --steps or --epochs, not both.")
    if recipe.task == "editing" and x == "faces":
        own_length = {"steps": None} if "epochs" in given else {}
        given = FACES_DEFAULTS | own_length | given
    for name in (*COMMON_OPTIONS, *CYCLEGAN_OPTIONS, *EDITING_OPTIONS):
        takers = [key for key, names in PRESET_OPTIONS.items() if name in names]
        if name in given and preset not in takers:
            raise ValueError(
                f"Only {' and '.join(takers)} can be trained with {_flags([name])}. "
                f"Received: preset {preset}."
            )
    options = {
        name: given[name]
        for name in (*PRESET_OPTIONS.get(preset, ()), *SCORE_OPTIONS)
        if name in given
    }
    score_options = [name for name in SCORE_OPTIONS if name in given]
    if recipe.task != "translation" and score_options:
        raise ValueError(f"Only presets of translation take {_flags(score_options)}.")
    for needed, others in (
        ("feature_extractor", ("feature_layers", "semantic_weight")),
        ("feature_network", ("feature_size", "evaluate_every")),
    ):
        alone = [name for name in others if name in options]
        if alone and needed not in options:
            raise ValueError(f"{_flags(alone)} goes with {_flags([needed])} NETWORK.")
    length = {name: given[name] for name in ("steps", "epochs") if name in given} or {
        "steps": recipe.steps,
        "epochs": recipe.epochs,
    }
    own_sizes = {"drawings": DRAWINGS_SIZE, "faces": FACES_SIZE}
    size = given.get("size", min(own_sizes.get(x, recipe.size), recipe.size))
    return Configuration(
        preset=preset,
        x=os.fspath(x),
        y=None if y is None else os.fspath(y),
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
        **options,
    )


def _flags(names):
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


class Run:
    """The folder of a training run; a `TranslationRun`, `GenerationRun` and so on.

    `run.json` (command, configuration, versions), `history.csv`, `table.md` and
    `table.csv`, `score.json`, `samples/`, `figures/`, `checkpoints/`, `model.keras` and
    the exported SavedModel in `export/1/`; with a feature network `evaluation.csv`, the
    distances over training, and `best.keras`, the model where they were lowest.

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
        return _run_class(configuration)(directory, configuration, record)

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
            run_class = _run_class(configuration)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} does not describe a run as this version of keras_gans writes "
                f"it. Train into a new folder. ({error!r})"
            ) from error
        return run_class(directory, configuration, record)

    def change_length(self, steps=None, epochs=None):
        """Gives the run another length, from the next `train` on.

        Args:
            steps: Positive integer, iterations since the start of the run, or `None`.
            epochs: In their place, passes over the images.
        """
        self.configuration = dataclasses.replace(
            self.configuration, steps=steps, epochs=epochs
        )

    def train(self, verbose="auto"):
        """Trains to the end of the run, from its last checkpoint if there is one.

        Args:
            verbose: As in `keras.Model.fit`.

        Returns:
            The trained model.
        """
        configuration = self.configuration
        data = self._make_data()
        model = self._build(data)
        weight = self.configuration.semantic_weight
        if verbose and weight != configuration.semantic_weight:
            print(
                f"Semantic weight: {weight:g}, with which different images differ as "
                "much by the semantic loss as by the cycle loss",
                flush=True,
            )
        steps_per_epoch = data.steps_per_epoch
        if configuration.steps:
            total = model.batches(configuration.steps)
        else:
            total = configuration.epochs * steps_per_epoch
        checkpoints = self.directory / "checkpoints"
        trained = Checkpoint.latest_step(checkpoints) or 0
        if trained > total:
            raise ValueError(
                f"The run in {self.directory} has trained {_length(model, trained)} "
                "already. Its length must not be less. "
                f"Received: {_length(model, total)}."
            )
        # A size that a network does not take is refused before anything is written.
        make_pictures = self._prepare_pictures(model)
        self._write_record()
        checkpoint = Checkpoint(checkpoints, data, save_freq=min(steps_per_epoch, 250))
        if trained == total:
            # `fit` would train one batch before a callback could stop it.
            checkpoint.set_model(model)
        else:
            model.fit(
                data,
                epochs=math.ceil(total / steps_per_epoch),
                # First the guard, so that nothing is written of a step that is not
                # finite; last the checkpoint, when all else about the step is written.
                callbacks=[
                    FiniteGuard(),
                    make_pictures(),
                    LossTable(self.directory),
                    *self._score_callbacks(),
                    LossHistory(self.directory),
                    _StopAt(total, steps_per_epoch),
                    checkpoint,
                ],
                verbose=verbose,
            )
        model.save(self.directory / "model.keras")
        return model

    @property
    def is_finished(self):
        return (self.directory / "model.keras").exists()

    def model_path(self):
        """Returns the path of `model.keras`; raises if the run is not finished."""
        if not self.is_finished:
            raise FileNotFoundError(
                f"The run in {self.directory} is not finished: it has no model.keras. "
                f"Finish it: keras-gans train --resume --output {self.directory}. Or "
                "take its latest checkpoint: keras-gans export "
                f"{self.directory} DIR"
            )
        return self.directory / "model.keras"

    def load_model(self):
        """Loads the model, for use and not for training.

        Of a run that is not finished, it is that of the latest checkpoint.
        """
        checkpoints = self.directory / "checkpoints"
        if not self.is_finished and Checkpoint.latest_step(checkpoints):
            data = self._make_data()
            model = self._build(data)
            Checkpoint(checkpoints, data).set_model(model)
            return model
        # Compiling would ask for the pretrained network of a semantic loss.
        return keras.saving.load_model(self.model_path(), compile=False)

    def score(self, model):
        """Scores the model on test images; writes `score.json`.

        Returns:
            A dict, or `None` when the data has no test images, or lacks labels that
            are needed.
        """
        scores = self._score(model)
        if scores is not None:
            _write_json(self.directory / "score.json", scores)
        return scores

    def export(self, model, directory=None, weights_dtype="float32"):
        """Exports the model as a SavedModel; see `keras_gans.export`."""
        return self._exporter(
            model,
            directory or self.directory / "export",
            weights_dtype=weights_dtype,
            metadata={
                "command": self.record["command"],
                "configuration": dataclasses.asdict(self.configuration),
                "versions": self.record["versions"],
            },
        )

    def _score_callbacks(self):
        """Returns callbacks that add scores to the logs of an epoch."""
        return []

    def _write_record(self):
        configuration = dataclasses.asdict(self.configuration)
        content = {**self.record, "configuration": configuration}
        _write_json(self.directory / "run.json", content)

    def _build(self, data):
        """Builds and compiles the model of the preset in the run's precision."""
        configuration = self.configuration
        precision = configuration.mixed_precision
        default_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(f"mixed_{precision}" if precision else "float32")
        try:
            return RECIPES[configuration.preset].build(
                size=configuration.size,
                seed=configuration.seed,
                jit_compile=configuration.jit_compile,
                **self._preset_arguments(data),
            )
        finally:
            # Or the classifiers of the score would compute in 16 bits, too.
            keras.config.set_dtype_policy(default_policy)

    def _given(self, *names):
        values = {name: getattr(self.configuration, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _load_domain(self, argument, channels, split):
        return load_images(
            getattr(self.configuration, argument),
            size=self.configuration.size,
            channels=channels,
            split=split,
            argument=argument,
        )


class TranslationRun(Run):
    """A run that trains the translation between two domains."""

    def _make_data(self):
        configuration = self.configuration
        return unpaired(
            configuration.x,
            configuration.y,
            batch_size=configuration.batch_size,
            size=configuration.size,
            load_size=configuration.load_size,
            flip=configuration.flip,
            channels=configuration.channels,
            seed=configuration.seed,
        )

    def _preset_arguments(self, data):
        configuration = self.configuration
        arguments = {
            "x_channels": data.element_spec[0].shape[-1],
            "y_channels": data.element_spec[1].shape[-1],
            **self._given("width", "ema_decay", "activation"),
        }
        if configuration.preset == "cyclegan":
            total = configuration.steps or configuration.epochs * data.steps_per_epoch
            arguments["constant_steps"] = total // 2
            arguments["decay_steps"] = total - total // 2
            if configuration.feature_extractor:
                arguments |= self._semantic_arguments()
        return arguments

    def _semantic_arguments(self):
        configuration = self.configuration
        extractor = configuration.feature_extractor
        loss = SemanticVGGLoss(
            layers=configuration.feature_layers,
            feature_extractor=None if extractor == "vgg16" else extractor,
        )
        weight = configuration.semantic_weight
        if weight is None:
            images = self._samples("x")
            # A single image is refused as such, and not as none.
            pairs = images[: len(images) // 2 * 2] if len(images) > 1 else images
            weight = balanced_weight(loss, pairs)
            self.configuration = dataclasses.replace(
                configuration, semantic_weight=weight
            )
        return {"semantic_loss": loss, "semantic_weight": weight}

    def _prepare_pictures(self, model):
        x, y = self._samples("x"), self._samples("y")
        count = min(len(x), len(y))
        for network, images in (
            (model.generator_xy, x),
            (model.discriminator_x, x),
            (model.generator_yx, y),
            (model.discriminator_y, y),
        ):
            network(images[:1])
        return lambda: SampleGrid(
            self.directory / "samples",
            x[:count],
            y[:count],
            save_freq=RECIPES[self.configuration.preset].sample_freq,
        )

    def _score_callbacks(self):
        configuration = self.configuration
        if configuration.feature_network is None:
            return []
        network = FeatureNetwork(
            configuration.feature_network, size=configuration.feature_size
        )
        evaluation = EvaluateTranslation(
            configuration.x,
            configuration.y,
            metrics=[FrechetDistance(network), KernelDistance(network)],
            every=configuration.evaluate_every or 1,
            size=configuration.size,
            channels=configuration.channels,
            directory=self.directory,
        )
        return [evaluation, _KeepBest(self.directory)]

    def _samples(self, argument):
        source = getattr(self.configuration, argument)
        split = "test" if has_test_split(source) else "train"
        images, _ = self._load_domain(argument, self.configuration.channels, split)
        return images[:SAMPLES].astype("float32") / 127.5 - 1

    def _score(self, model):
        """Tells the labels that translations keep."""
        trains, tests = [], []
        for argument in "xy":
            if not has_test_split(getattr(self.configuration, argument)):
                return None
            channels = getattr(model, f"discriminator_{argument}").input_shape[-1]
            for split, domains in (("train", trains), ("test", tests)):
                images, labels = self._load_domain(argument, channels, split)
                if labels is None:
                    return None
                domains.append((images, labels))
        classifiers = [train_classifier(*domain, seed=0) for domain in trains]
        return label_keeping(model, *tests, *classifiers)

    @property
    def _exporter(self):
        return export_translator


class GenerationRun(Run):
    """A run that trains the generation of images of one domain."""

    def _make_data(self):
        configuration = self.configuration
        return generation(
            configuration.x,
            batch_size=configuration.batch_size,
            size=configuration.size,
            flip=configuration.flip,
            channels=configuration.channels,
            labels=RECIPES[configuration.preset].labels,
            seed=configuration.seed,
        )

    def _preset_arguments(self, data):
        images, *_ = keras.tree.flatten(data.element_spec)
        arguments = {"channels": images.shape[-1]}
        if RECIPES[self.configuration.preset].labels:
            arguments["classes"] = data.classes
        return arguments

    def _prepare_pictures(self, model):
        model.generate(1)
        return lambda: GeneratedGrid(
            self.directory / "samples",
            save_freq=RECIPES[self.configuration.preset].sample_freq,
        )

    def _score(self, model):
        """Compares generated images with test images, as a classifier sees both."""
        if not has_test_split(self.configuration.x):
            return None
        channels = model.generator.output_shape[-1]
        train = self._load_domain("x", channels, "train")
        test_images, test_labels = self._load_domain("x", channels, "test")
        if train[1] is None or test_labels is None:
            return None
        classifier = train_classifier(*train, feature_dim=FEATURE_DIM, seed=0)
        return score_generation(model, classifier, test_images, train[0])

    @property
    def _exporter(self):
        return export_generator


class ColorizationRun(Run):
    """A run that trains the colouring of line art made of illustrations."""

    def _make_data(self):
        configuration = self.configuration
        return colorization(
            configuration.x,
            batch_size=configuration.batch_size,
            size=configuration.size,
            load_size=configuration.load_size,
            flip=configuration.flip,
            seed=configuration.seed,
        )

    def _preset_arguments(self, data):
        return self._given("width", "ema_decay")

    def _prepare_pictures(self, model):
        split = "test" if has_test_split(self.configuration.x) else "train"
        images, _ = self._load_domain("x", 3, split)
        source, target = colorization_pairs(images[:SAMPLES])
        condition = model.condition(tuple(part[:1] for part in source))
        model.discriminate(
            condition, [model.generator(condition, training=False)], training=False
        )
        return lambda: ColorizationGrid(
            self.directory / "samples",
            source,
            target,
            save_freq=RECIPES[self.configuration.preset].sample_freq,
        )

    def _score(self, model):
        """Tells the errors of colours on test images, unaided and after hints."""
        if not has_test_split(self.configuration.x):
            return None
        return colorization_scores(model, self._load_domain("x", 3, "test")[0])

    @property
    def _exporter(self):
        return export_colorizer


class EditingRun(Run):
    """A run that trains the editing of attributes of images."""

    def _make_data(self):
        configuration = self.configuration
        return attributes(
            configuration.x,
            configuration.attributes,
            batch_size=configuration.batch_size,
            select=self._select(),
            size=configuration.size,
            flip=configuration.flip is not False,
            seed=configuration.seed,
        )

    def _select(self):
        configuration = self.configuration
        return configuration.select or CELEBA_ATTRIBUTES

    def _load(self, split):
        configuration = self.configuration
        images, labels, _ = load_attributes(
            configuration.x,
            configuration.attributes,
            select=self._select(),
            size=configuration.size,
            split=split,
        )
        return images, labels

    def _preset_arguments(self, data):
        configuration = self.configuration
        preset = RECIPES[configuration.preset].build
        n_critic = inspect.signature(preset).parameters["n_critic"].default
        total = configuration.epochs and configuration.epochs * data.steps_per_epoch
        total = total or configuration.steps * n_critic
        return {
            # As in StarGAN, the rate falls in the second half.
            "constant_steps": total // 2,
            "decay_steps": total - total // 2,
            "attribute_names": data.attribute_names,
            "exclusive_groups": data.exclusive_groups,
            **self._given("width", "ema_decay", "residual_blocks", "learning_rate"),
        }

    def _prepare_pictures(self, model):
        images, labels = self._load("test")
        images = images[:SAMPLES].astype("float32") / 127.5 - 1
        model.translate(images[:1], labels[:1])
        model.discriminator(images[:1])
        return lambda: AttributeGrid(
            self.directory / "samples",
            images,
            labels[:SAMPLES],
            save_freq=RECIPES[self.configuration.preset].sample_freq,
        )

    def _score(self, model):
        """Tells how edits of test images look to a classifier of real images."""
        classifier = train_classifier(*self._load("train"), steps=300, seed=0)
        return attribute_scores(model, *self._load("test"), classifier)

    @property
    def _exporter(self):
        return export_editor


def _length(model, batches):
    """Says how many iterations, and batches if they are more, a training has."""
    # The most iterations that so many batches are enough for.
    iterations = bisect.bisect(range(batches + 1), batches, key=model.batches) - 1
    text = f"{iterations} iteration{'' if iterations == 1 else 's'}"
    return text if iterations == batches else f"{text} ({batches} batches)"


def _run_class(configuration):
    kinds = {
        "translation": TranslationRun,
        "generation": GenerationRun,
        "colorization": ColorizationRun,
        "editing": EditingRun,
    }
    return kinds[RECIPES[configuration.preset].task]


class _KeepBest(keras.callbacks.Callback):
    """Keeps the model with the lowest `val_fid` as `best.keras`.

    Unlike `keras.callbacks.ModelCheckpoint` it knows after a resume what the best was,
    and a kill or a full disk leaves the best so far.
    """

    def __init__(self, directory):
        super().__init__()
        self._directory = directory

    def on_train_begin(self, logs=None):
        records = Records(self._directory / "evaluation.csv")
        records.rewind(self.model.iterations)
        self._best = min((row["val_fid"] for row in records.rows), default=math.inf)

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_fid"] < self._best:
            self._best = logs["val_fid"]
            temporary = self._directory / "best.tmp.keras"
            self.model.save(temporary)
            os.replace(temporary, self._directory / "best.keras")


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


_SCORE_MEANINGS = {
    "fid": "Fréchet distance from test images, in a classifier's features",
    "kid": "kernel distance, likewise",
    "real_fid": "Fréchet distance of real images from test images",
    "real_kid": "kernel distance, likewise",
    "classes_produced": "classes that are generated",
    "entropy": "of these classes, in nats",
    "entropy_share": "1 for all classes equally often",
    "label_share": "images of the class that was asked for",
    "l1": "mean |difference| from test images in [-1, 1], mean of the next two",
    "unaided_l1": "coloured without hints",
    "hinted_l1": "coloured after hints",
    "l1_red": "of l1, the red channel",
    "l1_green": "the green channel",
    "l1_blue": "the blue channel",
    "hint_error": "of the mean colour under dabs, small if they are obeyed",
    "unaided_hint_error": "of the same places without hints",
    "target_accuracy": "edits after which a classifier sees what was wanted",
    "preservation_accuracy": "other attributes that it sees as they were",
    "classifier_accuracy": "attributes of real images that it tells",
    "change_l1": "mean |difference| from the image, as a share of the range",
    "likeness": "1 minus change_l1 in units of the difference of two images",
    "border_l1": "of the 8 pixels along the border",
    "background_l1": "of the pixels outside of the mask",
    "mask_share": "share of the pixels inside of the mask",
}


def score_table(scores):
    """Formats scores as a Markdown table."""
    if "xy" not in scores:
        rows = [
            f"| {name} | {value:.4g} | {_meaning(name)} |"
            for name, value in scores.items()
        ]
        return "\n".join(["| score | value | meaning |", "|:--|--:|:--|", *rows])
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


def _meaning(name):
    name, _, of = name.partition("/")
    return f"of {of} alone" if of else _SCORE_MEANINGS[name]


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
