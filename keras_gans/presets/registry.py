"""What a preset is: a function that builds a compiled model, and how it is trained.

A preset is one function with a decorator. What can be set is its signature, and the
command line is made from it: the type of an option is the annotation, its default the
default, its help the line in `Args:`. Nothing here imports Keras, so that `--help`
answers at once; a preset gets what it needs through `keras_gans`, when it is called.

Args:
    learning_rate: Positive float, sets the learning rates of both roles.
    generator_learning_rate: Positive float, of the generators' optimizer.
    discriminator_learning_rate: Positive float, of the discriminators' optimizer.
    adversarial_loss: Name of a pair of losses, or the pair itself, see
        `keras_gans.losses.adversarial_loss_pair`. Defaults to the paper's.
    penalty: Penalty on the gradient of the discriminators, by name or a penalty of
        `keras_gans.losses`. R1, R2 and DRAGAN do not go with batch normalization in a
        discriminator. Defaults to the paper's.
    penalty_weight: Non-negative float, the factor of a penalty that is given by name.
        Defaults to the penalty's own.
    ema_decay: Float in [0, 1): keep an average of the generators' weights, 0.999 say,
        and use it for pictures, scores and export. Defaults to none.
    width: Positive integer, filters of the first convolution of every network.
    total_steps: Positive integer, steps in all: the learning rates stay for half of
        them and fall linearly to zero. By default they stay.
    size: Height and width of the images, an integer or a pair.
    seed: Integer for `keras.utils.set_random_seed` and the model.
    jit_compile: Compile with XLA, or not, or `"auto"`: Keras decides.
"""

import dataclasses
import difflib
import importlib.util
import inspect
import pathlib
import re
import sys
import typing

AdversarialLoss = typing.Literal[
    "least_squares",
    "minimax",
    "non_saturating",
    "wasserstein",
    "hinge",
    "relativistic_average",
]
Penalty = typing.Literal["gradient_penalty", "r1", "r2", "dragan"]
JitCompile = bool | typing.Literal["auto"]
Size = int | tuple[int, int]

_RECIPES = {}


@dataclasses.dataclass(frozen=True)
class Option:
    """One thing that can be set.

    Args:
        name: Of the Python argument; `--cycle-weight` is that of `cycle_weight`.
        kind: Its annotation.
        default: Its default.
        help: What the docstring says about it.
    """

    name: str
    kind: object
    default: object
    help: str


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a preset is trained, where nothing else is said.

    Args:
        build: The preset: a function that returns a compiled model.
        task: What the model learns, a name in `keras_gans.training.TASKS`.
        batch_size: Images of each domain in a batch.
        size: Height and width of the images.
        steps: Training iterations, updates of the generator, or `None`.
        epochs: In their place, passes over the images.
        load_size: Height and width before the random crop, or `None` for no crop.
        flip: Whether images are mirrored at random, or `None` for the data's default.
        channels: Channels to which images are converted, `None` leaves them.
        sample_freq: Iterations from one picture to the next.
        labels: Whether training needs labels.
        embedded: What is different for the images that come with the package, so that
            the first run takes minutes.
    """

    build: typing.Callable
    task: str
    batch_size: int
    size: int
    steps: int | None = None
    epochs: int | None = None
    load_size: int | None = None
    flip: bool | None = None
    channels: int | None = None
    sample_freq: int = 500
    labels: bool = False
    embedded: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return self.build.__name__

    @property
    def summary(self):
        """The first sentence of its docstring."""
        first, _, _ = inspect.getdoc(self.build).partition("\n\n")
        return first.replace("\n", " ").replace("`", "").rstrip(".")

    @property
    def options(self):
        """Dict from name to `Option`, all that can be set on the command line."""
        return options_of(self.build)


def preset(**recipe):
    """Makes a preset of a function; the arguments are those of `Recipe` but `build`.

    Arguments that its docstring does not explain are explained by the docstring of its
    file, or by that of this one.
    """

    def register(build):
        described = _descriptions(build.__doc__)
        module = sys.modules.get(build.__module__)
        shared = _descriptions(__doc__) | _descriptions(module and module.__doc__)
        lines = [
            f"    {name}: {shared[name]}"
            for name in inspect.signature(build).parameters
            if name not in described and name in shared
        ]
        if lines:
            head, mark, tail = build.__doc__.partition("\n    Returns:")
            if "    Args:\n" not in head:
                head = f"{head.rstrip()}\n\n    Args:"
            lines = "\n".join("    " + line for line in lines)
            build.__doc__ = f"{head.rstrip()}\n{lines}\n{mark}{tail}"
        _RECIPES[build.__name__] = Recipe(build, **recipe)
        return build

    return register


def recipes():
    """Returns the dict of all presets' recipes by name."""
    return dict(_RECIPES)


def find(name):
    """Returns the recipe of a preset.

    Args:
        name: Of a preset, or `path/to/mine.py:my_preset`, a function with the decorator
            `keras_gans.presets.preset` in a file of one's own.

    Raises:
        ValueError: If there is no such preset.
    """
    path, colon, function = str(name).rpartition(":")
    if colon and path.endswith(".py"):
        return _load(pathlib.Path(path), function)
    if name not in _RECIPES:
        close = difflib.get_close_matches(name, _RECIPES, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(
            f"There is no preset {name!r}.{hint} `keras-gans presets` lists them; one "
            "of your own is path/to/file.py:name."
        )
    return _RECIPES[name]


def _load(path, function):
    if not path.is_file():
        raise ValueError(f"There is no file {path} with a preset {function!r} in it.")
    known = dict(_RECIPES)
    try:
        name = f"keras_gans_preset_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = {
            key: recipe
            for key, recipe in _RECIPES.items()
            if recipe is not known.get(key)
        }
    finally:
        # It goes by its path, and may have the name of one of ours.
        _RECIPES.clear()
        _RECIPES.update(known)
    if function not in found:
        raise ValueError(
            f"{path} has no preset {function!r}: a function with the decorator "
            f"@keras_gans.presets.preset(task=...). It has: {', '.join(found) or '-'}"
        )
    return found[function]


def options_of(function):
    """Returns a dict from name to `Option`: the arguments with an annotation.

    Arguments that only Python can give (a loss object, say) have none.

    Args:
        function: Function or class, with a docstring that explains its arguments.
    """
    descriptions = _descriptions(inspect.getdoc(function))
    return {
        name: Option(
            name, parameter.annotation, parameter.default, descriptions.get(name, "")
        )
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }


def _descriptions(docstring):
    """Returns a dict from argument to what the section `Args:` says about it."""
    text = inspect.cleandoc(docstring or "")
    section = re.search(r"^Args:\n((?:    .*\n?|\n)*)", text, re.MULTILINE)
    if not section:
        return {}
    entries = re.findall(
        r"^    (\w+): ((?:.*\n?)(?:^     +.*\n?)*)", section[1], re.MULTILINE
    )
    return {name: re.sub(r"\s+", " ", text).strip() for name, text in entries}


# What presets share ------------------------------------------------------------------


def start(seed):
    """Sets all seeds, if there is one, before a model is built."""
    import keras

    if seed is not None:
        keras.utils.set_random_seed(seed)


def rate(value, total_steps=None, every=1):
    """Returns a learning rate that stays, or falls to zero in the second half.

    Args:
        value: Positive float.
        total_steps: Steps of the training, or `None`.
        every: Steps from one update by this rate to the next.
    """
    from keras_gans.schedules import ConstantThenLinear

    if total_steps is None:
        return value
    half = total_steps // 2
    return ConstantThenLinear(
        value, half // every, max(1, (total_steps - half) // every)
    )


def compile_arguments(
    make,
    learning_rate,
    generator_learning_rate,
    discriminator_learning_rate,
    penalty=None,
    penalty_weight=None,
    total_steps=None,
    n_critic=1,
):
    """Returns the optimizers of both roles and the penalty, as `compile` takes them.

    Args:
        make: Function from a learning rate to an optimizer.
        learning_rate: Positive float that both rates are set to, or `None`.
        generator_learning_rate: Positive float.
        discriminator_learning_rate: Positive float.
        penalty: Name, penalty or `None`.
        penalty_weight: Non-negative float for a name, or `None`.
        total_steps: As for `rate`.
        n_critic: Positive integer, steps for each update of the generator.
    """
    arguments = {
        "generator_optimizer": make(
            rate(learning_rate or generator_learning_rate, total_steps, n_critic)
        ),
        "discriminator_optimizer": make(
            rate(learning_rate or discriminator_learning_rate, total_steps)
        ),
    }
    if penalty_weight is not None and not isinstance(penalty, str):
        raise ValueError(
            "Argument `penalty_weight` goes with a `penalty` by name. "
            f"Received: penalty={penalty!r}, penalty_weight={penalty_weight}"
        )
    if isinstance(penalty, str):
        from keras_gans import losses

        penalty = losses.get_penalty(penalty, penalty_weight)
    if penalty is not None:
        arguments["penalty"] = penalty
    return arguments


def adam(beta_1=0.5, beta_2=0.999):
    """Returns a function that makes Adam of a learning rate."""
    import keras

    return lambda learning_rate: keras.optimizers.Adam(
        learning_rate, beta_1=beta_1, beta_2=beta_2
    )


def rmsprop():
    """Returns a function that makes RMSprop of a learning rate."""
    import keras

    return keras.optimizers.RMSprop


def semantic_loss_of(feature_extractor, feature_layers, weight, example_images, given):
    """Returns a semantic loss and its weight, from names or as they are given.

    Args:
        feature_extractor: `"vgg16"`, the path of a `.keras` file, or `None`.
        feature_layers: Names of its layers, or `None`.
        weight: Non-negative float, or `None` for the one that balances the loss with
            the cycle loss on `example_images`.
        example_images: Float images in [-1, 1], or `None`.
        given: A loss that is given in place of all this, or `None`.
    """
    from keras_gans import losses

    if feature_extractor is None:
        if feature_layers is not None:
            raise ValueError(
                "Argument `feature_layers` goes with `feature_extractor`. "
                f"Received: feature_layers={feature_layers!r}"
            )
        return given, weight or 0.0
    loss = losses.SemanticVGGLoss(
        layers=feature_layers,
        feature_extractor=None if feature_extractor == "vgg16" else feature_extractor,
    )
    if weight is None:
        if example_images is None:
            raise ValueError(
                "Argument `semantic_weight` must be given with `feature_extractor`, or "
                "`example_images` with which a weight is found that makes the "
                "semantic loss as large as the cycle loss."
            )
        # A single image is refused as such, and not as none.
        count = len(example_images) // 2 * 2 or len(example_images)
        weight = losses.balanced_weight(loss, example_images[:count])
    return loss, weight
