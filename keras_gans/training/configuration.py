"""Everything that determines a run, and where it is said: nothing here needs Keras."""

import dataclasses
import difflib
import inspect
import os
import re
import typing

from keras_gans.checks import cache_place
from keras_gans.precision import fastest_precision
from keras_gans.presets import registry
from keras_gans.training.colorization import Colorization
from keras_gans.training.editing import Editing
from keras_gans.training.generation import Generation
from keras_gans.training.paired import Paired
from keras_gans.training.task import sides, size_text
from keras_gans.training.translation import Translation

TASKS = {
    task.name: task for task in (Translation, Paired, Colorization, Editing, Generation)
}

# Presets whose name means another one since a version.
_RENAMED = {"digits": ("digits_cyclegan", (0, 3))}
# Options whose defaults were others before a version.
_DEFAULTS = {
    "digit_lab": ({"cycle_weight": 10.0, "input_noise": 0.0}, (0, 4)),
    "digits": (
        {"detail_width": 0, "grey_x": False, "cycle_margin": 0.0},
        (0, 5),
    ),
}


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Everything that determines a run; `run.json` holds it as one flat dict.

    Its fields but the first three are options of the command line.

    Args:
        preset: Name of a preset, or `path/to/file.py:name`.
        x: Source of the data, a name, folder or file; of two domains that of X.
        y: Source of domain Y; `None` where there is only one.
        steps: Training iterations, updates of the generator; each takes one batch, and
            `n_critic` of them where there are critic steps.
        epochs: Instead of steps, passes over the images, of the longer domain if there
            are two.
        batch_size: Images of each domain in a batch.
        size: Height and width of the images, an integer or a pair.
        load_size: Size of the images before the random crop.
        flip: Mirror images at random.
        channels: Make all images grey or all coloured. By default they are as they are.
        seed: Seed of weights, order and augmentation.
        mixed_precision: Compute in 16 bits, or not: float32. auto is bfloat16 on
            processors that are faster with it (AMX, or AVX-512 BF16 of AMD), else
            float32.
        jit_compile: Compile with XLA, or not. By default Keras decides.
        cache: Where the decoded images are kept: memory, disk, a folder, or auto, which
            puts more than 256 MiB of pixels of a source on the disk, in the user's
            cache folder. The training is the same.
        options: Dict of the options of the preset and of its task that are not left to
            their defaults.
    """

    preset: str
    x: str
    y: str | None
    steps: int | None
    epochs: int | None
    batch_size: int
    size: registry.Size
    load_size: registry.Size | None
    flip: bool | None
    channels: typing.Literal[1, 3] | None
    seed: int = 0
    mixed_precision: typing.Literal["auto", "bfloat16", "float16", "float32"] | None = (
        None
    )
    jit_compile: bool | str = "auto"
    cache: str = "auto"
    options: dict = dataclasses.field(default_factory=dict)

    @property
    def recipe(self):
        return registry.find(self.preset)

    def replace(self, **changes):
        """Returns a copy with changes, of fields and of options.

        An option that is `None` is left to its default.
        """
        fields, options = _split(changes)
        options = {**self.options, **options}
        options = {name: value for name, value in options.items() if value is not None}
        return dataclasses.replace(self, **fields, options=options)

    def places(self):
        """Returns a dict of the data and files that are not known by a name of ours.

        Those that are no path either are names of tensorflow_datasets.
        """
        task, known = TASKS[self.recipe.task], options_of(self.recipe)
        data = {"x": self.x, "y": self.y}
        files = {
            key: value
            for key, value in self.options.items()
            if known[key].is_place and value not in registry.NETWORK_NAMES
        }
        return files | {
            key: value
            for key, value in data.items()
            if value is not None and not _is_embedded(value, task)
        }

    def absolute(self):
        """Returns a copy whose paths do not depend on the working directory."""
        places = {key: _absolute(value) for key, value in self.places().items()}
        return self.replace(preset=_absolute_preset(self.preset), **places)

    def to_dict(self):
        """Returns all of it as one flat dict of JSON values."""
        fields = dataclasses.asdict(self)
        options = fields.pop("options")
        return {**fields, **options}

    @classmethod
    def from_dict(cls, content, version=None):
        """Reads what `to_dict` wrote, in this version or in an earlier one.

        `version` is that of the package which wrote it, by default this one.
        """
        fields, options = _split(renamed(content, version))
        options = {name: value for name, value in options.items() if value is not None}
        for name in ("size", "load_size"):
            if isinstance(fields[name], list):
                fields[name] = tuple(fields[name])
        configuration = cls(**fields, options=options)
        _check_options(configuration.recipe, configuration.preset, options)
        return configuration


def renamed(content, version):
    """Returns the dict of a configuration with the names and defaults of this version.

    `version` is that of the package which wrote it, `None` for this one.
    """
    if not version:
        return content
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    name, since = _RENAMED.get(content["preset"], (None, (0,)))
    if numbers < since:
        content = {**content, "preset": name}
    defaults, since = _DEFAULTS.get(content["preset"], ({}, (0,)))
    return {**defaults, **content} if numbers < since else content


def configure(preset, x, y=None, **given):
    """Fills in what is not given from the preset's recipe.

    Args:
        preset: Name of a preset, or `path/to/file.py:name`.
        x: Source of the data; of two domains that of X.
        y: Source of domain Y, for translation between two domains.
        **given: The other fields of `Configuration`, and options of the preset and of
            its task; `None` means not given.

    Returns:
        A `Configuration`. Its paths are absolute, so that it is the same from every
        folder.

    Raises:
        ValueError: If `y` is missing or of no use, there are two lengths, or an option
            does not go with the preset.
    """
    recipe = registry.find(preset)
    task = TASKS[recipe.task]
    if (y is None) != (len(task.sources) == 1):
        wanted = "the other domain" if y is None else "None"
        raise ValueError(
            f"Argument `y` must be {wanted} for preset {preset!r}, which is one of "
            f"{recipe.task}. Received: y={y!r}"
        )
    given = {name: value for name, value in given.items() if value is not None}
    if "steps" in given and "epochs" in given:
        raise ValueError("Give --steps or --epochs, not both.")
    if x in task.embedded[:1]:
        embedded = dict(recipe.embedded)
        if "epochs" in given:
            embedded.pop("steps", None)
        if "penalty" in given:
            embedded.pop("penalty_weight", None)
        given = embedded | given
    fields, options = _split(given)
    _check_options(recipe, preset, options)
    unused = [
        name
        for name in ("load_size", "flip", "channels")
        if name in fields and name not in task.data_arguments
    ]
    if unused:
        raise ValueError(f"Presets of {recipe.task} take no {flags(unused)}.")
    names = ("steps", "epochs", "batch_size", "size", "load_size", "flip", "channels")
    defaults = {name: getattr(recipe, name) for name in names}
    if {"steps", "epochs"} & {*fields}:
        defaults |= {"steps": None, "epochs": None}
    if "size" in fields and recipe.load_size:
        # The room for the random crop keeps its share of another size.
        share = recipe.load_size / recipe.size
        scaled = tuple(round(side * share) for side in sides(fields["size"]))
        defaults["load_size"] = scaled[0] if scaled[0] == scaled[1] else scaled
    # A `Path` is never a name.
    x, y = (_absolute(s) if isinstance(s, os.PathLike) else s for s in (x, y))
    if "cache" in fields:
        fields["cache"] = cache_place(fields["cache"])
    precision = fields.pop("mixed_precision", recipe.mixed_precision)
    precision = fastest_precision() if precision == "auto" else precision
    if precision != "float32":
        fields["mixed_precision"] = precision
    configuration = Configuration(
        preset=str(preset), x=x, y=y, **{**defaults, **fields}, options=options
    )
    return configuration.absolute()


def _is_embedded(source, task):
    from keras_gans.data.embedded import EMBEDDED, embedded

    return embedded(source, EMBEDDED[task.embedded[0]].has_attributes) is not None


def _absolute(path):
    """Returns the absolute path of what is there, and everything else as it is."""
    found = os.path.abspath(os.path.expanduser(path))
    return found if os.fspath(path) and os.path.exists(found) else os.fspath(path)


def _absolute_preset(preset):
    path, colon, function = preset.rpartition(":")
    return f"{_absolute(path)}:{function}" if path.endswith(".py") else preset


def options_of(recipe):
    """Returns a dict of the options of a preset and of its task."""
    return registry.options_of(TASKS[recipe.task]) | recipe.options


def task_of(configuration):
    """Returns the task of a configuration, with its options."""
    task = TASKS[configuration.recipe.task]
    names = inspect.signature(task).parameters
    options = configuration.options
    return task(
        configuration, **{name: options[name] for name in names if name in options}
    )


def flags(names):
    """Returns names as they are written on the command line."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def describe(configuration):
    """Returns a sentence about what is trained, for how long and on what."""
    length = f"{configuration.epochs} epochs"
    if configuration.steps:
        length = f"{configuration.steps} iterations"
    if configuration.y is None:
        sources = f"  data  {configuration.x}"
    else:
        sources = f"  X  {configuration.x}\n  Y  {configuration.y}"
    return (
        f"preset {configuration.preset} for {length} of batch "
        f"{configuration.batch_size} at {size_text(configuration.size)} in "
        f"{configuration.mixed_precision or 'float32'}:\n{sources}"
    )


def _split(values):
    names = {field.name for field in dataclasses.fields(Configuration)} - {"options"}
    return (
        {name: value for name, value in values.items() if name in names},
        {name: value for name, value in values.items() if name not in names},
    )


def _check_options(recipe, preset, options):
    known = options_of(recipe)
    for name in options:
        if name not in known:
            takers = [
                other
                for other, recipe in registry.recipes().items()
                if name in options_of(recipe)
            ]
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {flags(close)}?" if close else ""
            if takers:
                hint = f" Presets that do: {', '.join(takers)}."
            raise ValueError(f"Preset {preset} takes no {flags([name])}.{hint}")
