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
    feature_layers: Names of its layers. Defaults to block4_conv3 of vgg16, to the
        output of a file.
    example_images: Images of X in [-1, 1], on which `semantic_weight` is found.
    size: Height and width of the images, an integer or a pair.
    seed: Integer for `keras.utils.set_random_seed` and the model.
    jit_compile: Compile with XLA, or not, or `"auto"`: Keras decides.
"""

import dataclasses
import difflib
import functools
import importlib.util
import inspect
import pathlib
import re
import sys
import typing

from keras_gans.checks import require

AdversarialLoss = typing.Literal[
    "least_squares",
    "minimax",
    "non_saturating",
    "wasserstein",
    "hinge",
    "relativistic_average",
]
Size = int | tuple[int, int]
Penalty = typing.Literal["gradient_penalty", "r1", "r2", "dragan"]
# Those of pretrained networks: what an option that is a `Place` takes for a name.
NETWORK_NAMES = ("inception_v3", "tfgan_inception", "vgg16")

_RECIPES = {}


class Place(str):
    """Annotation of an option that is the path of a file or folder, or a name."""


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

    @property
    def is_place(self):
        return Place in (self.kind, *typing.get_args(self.kind))


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
        mixed_precision: "bfloat16", "float16", or "auto": bfloat16 on processors that
            have it. `None` is float32.
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
    mixed_precision: str | None = None
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


def preset(
    optimizer=None,
    learning_rates=None,
    adversarial_loss=None,
    loss_names=AdversarialLoss,
    has_penalty=True,
    has_decay=False,
    learning_rate_factor=1.0,
    **recipe,
):
    """Makes a preset of a function, and registers it.

    The function returns a model, or a pair of it and arguments of `compile` of its own,
    and the preset compiles it. For that, the preset has the arguments of the function
    and more: losses by name, penalty, learning rates and `jit_compile`. Arguments that
    the function's docstring does not explain are explained by that of its file, or by
    that of this one.

    Args:
        optimizer: Function from a learning rate to an optimizer, such as `adam()`.
            Without one, the function returns a compiled model.
        learning_rates: Pair of default learning rates, of generators and
            discriminators; goes with `optimizer`.
        adversarial_loss: Default of the argument of that name.
        loss_names: Its annotation; `None` if there is no such argument.
        has_penalty: Whether the model takes a penalty.
        has_decay: Whether the rates fall over `total_steps`.
        learning_rate_factor: What `learning_rate` is multiplied by for the
            discriminators.
        **recipe: Arguments of `Recipe` but `build`.
    """

    def register(function):
        if optimizer is None:
            _RECIPES[function.__name__] = Recipe(function, **recipe)
            return function
        options = {}
        if loss_names:
            options["adversarial_loss"] = loss_names | None, adversarial_loss
        if has_penalty:
            options["penalty"] = Penalty | None, None
            options["penalty_weight"] = float | None, None
        options["learning_rate"] = float | None, None
        options["generator_learning_rate"] = float, learning_rates[0]
        options["discriminator_learning_rate"] = float, learning_rates[1]
        if has_decay:
            options["total_steps"] = inspect.Parameter.empty, None
        options["jit_compile"] = inspect.Parameter.empty, "auto"

        @functools.wraps(function)
        def build(*arguments, **named):
            rate = named.pop("learning_rate", None)
            if rate is not None:
                # That of one role stands above it.
                factors = {"generator": 1.0, "discriminator": learning_rate_factor}
                rates = {
                    f"{role}_learning_rate": rate * factors[role] for role in factors
                }
                named = rates | named
            given = {
                name: named.pop(name, default) for name, (_, default) in options.items()
            }
            model = function(*arguments, **named)
            model, further = model if isinstance(model, tuple) else (model, {})
            given = _compile_arguments(model, optimizer, **given)
            # What is not given by name is as the function says.
            given = {name: value for name, value in given.items() if value is not None}
            model.compile(**{**further, **given})
            return model

        signature = inspect.signature(function)
        keyword = inspect.Parameter.KEYWORD_ONLY
        added = [
            inspect.Parameter(name, keyword, default=default, annotation=kind)
            for name, (kind, default) in options.items()
        ]
        build.__signature__ = signature.replace(
            parameters=[*signature.parameters.values(), *added]
        )
        _explain(build)
        _RECIPES[build.__name__] = Recipe(build, **recipe)
        return build

    return register


def _explain(build):
    """Completes `Args:` in the docstring of a preset."""
    shared = descriptions(__doc__) | descriptions(sys.modules[build.__module__].__doc__)
    described = descriptions(build.__doc__)
    lines = [
        f"    {name}: {shared[name]}"
        for name in inspect.signature(build).parameters
        if name not in described and name in shared
    ]
    # From Python 3.13 on, the compiler takes the indentation off.
    head, mark, tail = inspect.cleandoc(build.__doc__).partition("\nReturns:")
    if "Args:\n" not in head:
        head = f"{head.rstrip()}\n\nArgs:"
    lines = "\n".join(lines)
    build.__doc__ = f"{head.rstrip()}\n{lines}\n{mark}{tail}"


def _compile_arguments(
    model,
    make_optimizer,
    generator_learning_rate,
    discriminator_learning_rate,
    penalty=None,
    penalty_weight=None,
    total_steps=None,
    **arguments,
):
    """Returns the arguments of `compile` that all presets share."""
    from keras_gans import losses

    n_critic = getattr(model, "n_critic", 1)
    require(
        penalty_weight is None or isinstance(penalty, str),
        "Argument `penalty_weight` goes with a `penalty` by name",
        penalty=penalty,
        penalty_weight=penalty_weight,
    )
    if penalty is not None:
        arguments["penalty"] = losses.get_penalty(penalty, penalty_weight)
    return {
        "generator_optimizer": make_optimizer(
            _rate(generator_learning_rate, total_steps, n_critic)
        ),
        "discriminator_optimizer": make_optimizer(
            _rate(discriminator_learning_rate, total_steps)
        ),
        **arguments,
    }


def _rate(value, total_steps, every=1):
    """Returns a learning rate that stays, or falls to zero in the second half.

    `every` is the number of steps from one update by this rate to the next.
    """
    from keras_gans.schedules import ConstantThenLinear

    if total_steps is None:
        return value
    half = total_steps // 2
    return ConstantThenLinear(
        value, half // every, max(1, (total_steps - half) // every)
    )


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
    helps = descriptions(inspect.getdoc(function))
    return {
        name: Option(name, parameter.annotation, parameter.default, helps.get(name, ""))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }


def descriptions(docstring):
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


def adam(beta_1=0.5, beta_2=0.999):
    """Returns a function that makes Adam of a learning rate."""

    def make(learning_rate):
        import keras

        return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2)

    return make


def rmsprop(learning_rate):
    """Makes RMSprop of a learning rate."""
    import keras

    return keras.optimizers.RMSprop(learning_rate)


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
        must = "Argument `feature_layers` goes with `feature_extractor`"
        require(feature_layers is None, must, feature_layers=feature_layers)
        return given, weight or 0.0
    loss = losses.SemanticVGGLoss(
        layers=feature_layers,
        feature_extractor=None if feature_extractor == "vgg16" else feature_extractor,
    )
    if weight is None:
        require(
            example_images is not None,
            "Argument `semantic_weight` must be given with `feature_extractor`, or "
            "`example_images` with which a weight is found that makes the semantic "
            "loss as large as the cycle loss",
        )
        # A single image is refused as such, and not as none.
        count = len(example_images) // 2 * 2 or len(example_images)
        weight = losses.balanced_weight(loss, example_images[:count])
    return loss, weight
