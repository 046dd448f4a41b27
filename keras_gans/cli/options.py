"""Options of the command line, made of annotated arguments or of a verb's manual."""

import argparse
import difflib
import re
import types
import typing

from keras_gans.presets.registry import Place, Size, descriptions

_WORDS = {int: "integer", str: "name", Place: "name or path", bool: "yes or no"}


class Parser(argparse.ArgumentParser):
    """A parser that knows what may have been meant."""

    def __init__(self, **arguments):
        raw = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, formatter_class=raw, **arguments)

    def error(self, message):
        found = re.search(r"unrecognized arguments: (\S+)", message)
        known = [*self._option_string_actions]
        if not found:
            found = re.search(r"invalid choice: '([^']*)'", message)
            known = re.findall(r"\w+", message.rpartition("choose from")[2])
        close = found and difflib.get_close_matches(found[1].split("=")[0], known, 1)
        if close:
            message = f"{message}. Did you mean {close[0]}?"
        super().error(message)


def add_verb(verbs, name, function, manual, is_light=False, **changes):
    """Adds a verb whose manual is the docstring at the head of its file.

    The manual has four parts: after a colon, what the list of verbs says; the
    description; `Args:`; and examples. A verb that `is_light` answers without
    TensorFlow.

    Returns:
        The parser, and `add_argument` with the help that is in `Args:`.
    """
    title, description, _, epilog = manual.strip().split("\n\n", 3)
    text = " ".join(title.split()).partition(": ")[2].rstrip(".")
    texts = {"help": text, "description": description, "epilog": epilog}
    verb = verbs.add_parser(name, **(texts | changes))
    verb.set_defaults(function=function, is_light=is_light)
    return verb, adder(verb, manual)


def adder(parser, manual):
    """Returns `add_argument` of a parser with the help that is in a manual."""
    helps = descriptions(manual)

    def add(*flags, **options):
        text = helps[flags[-1].lstrip("-").replace("-", "_")]
        return parser.add_argument(*flags, help=_escaped(text), **options)

    return add


def add_options(group, options, whole=int):
    """Adds an option to a parser, or a group of one, for each `registry.Option`.

    What is not given becomes `None`, so that a recipe or a saved run can say it.
    `whole` is the type of those that are integers.
    """
    for option in options:
        kinds = _kinds(option.kind)
        arguments = {"help": _help(option), "default": None}
        if bool in kinds:
            arguments["action"] = argparse.BooleanOptionalAction
        elif typing.get_origin(kinds[0]) is typing.Literal:
            choices = typing.get_args(kinds[0])
            arguments |= {"choices": choices, "type": type(choices[0])}
        elif tuple in kinds or typing.get_origin(kinds[0]) is list:  # Of names.
            arguments |= {"nargs": "+", "metavar": "NAME"}
        elif option.kind in (Size, Size | None):
            arguments |= {"type": size, "metavar": "N|HxW"}
        elif len(kinds) > 1:  # A number, or a pair of them.
            arguments |= {"type": kinds[0], "nargs": "+", "action": _OneOrTwo}
            arguments |= {"metavar": ("NUMBER", "NUMBER")}
        else:
            metavar = {int: "N", float: "NUMBER"}.get(kinds[0], "NAME")
            kind = whole if kinds[0] is int else kinds[0]
            arguments |= {"type": kind, "metavar": metavar}
        group.add_argument(f"--{option.name.replace('_', '-')}", **arguments)


def text_of(option):
    """Returns the kinds of values that an option takes, and its default, as text."""
    names = []
    for kind in _kinds(option.kind):
        if typing.get_origin(kind) is typing.Literal:
            names.append(", ".join(map(str, typing.get_args(kind))))
        elif typing.get_origin(kind) is tuple:
            names.append("two of them")
        elif typing.get_origin(kind) is list:
            names.append("names")
        else:
            names.append(_WORDS.get(kind))
    kinds = " or ".join(name or "number" for name in names)
    return kinds, "" if option.default is None else _default(option.default)


def positive(text):
    """Type of an option whose value is a positive integer."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return value


def size(text):
    """Type of an option whose value is a size, `256` or `256x512`."""
    try:
        sides = tuple(positive(side) for side in text.split("x"))
    except argparse.ArgumentTypeError:
        sides = ()
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a positive integer, nor two of them as in 256x512 "
            "(height x width)"
        )
    return sides[0] if len(sides) == 1 or sides[0] == sides[1] else sides


class _OneOrTwo(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        if len(values) > 2:
            parser.error(
                f"argument {option_string}: expected one number or two, got "
                f"{len(values)}"
            )
        setattr(namespace, self.dest, values[0] if len(values) == 1 else tuple(values))


def _kinds(annotation):
    """Returns the members of an annotation, without None."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
        return [kind for kind in members if kind is not type(None)]
    return [annotation]


def _help(option):
    text = _escaped(re.sub(r"[`\"]", "", option.help).rstrip("."))
    if option.default is None or re.search("[Dd]efault", text):
        return text
    return f"{text} (default: {_default(option.default)})"


def _escaped(text):
    """Returns a help text for argparse, which takes a percent sign for a format."""
    return text.replace("%", "%%")


def _default(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    return str(value)
