"""`keras-gans reproduce`: the studies, and their settings as options."""

import argparse
import dataclasses
import pathlib
import re
import types
import typing

from keras_gans.cli.common import positive
from keras_gans.experiments.study import find_studies


def add_reproduce(verbs):
    verb = verbs.add_parser(
        "reproduce",
        help="repeat a study of a paper and write its table",
        description="Repeats a study: trains everything it compares, over several "
        "seeds, and writes table,\nCSV and figures. What is there already is not "
        "trained again.",
        epilog=(
            "Each study has its own help: keras-gans reproduce losses --help\n"
            "\n"
            "examples:\n"
            "  keras-gans reproduce losses --quick\n"
            "  keras-gans reproduce losses --data mnist --seeds 5 --output losses\n"
            "  keras-gans reproduce semantic --x photos/ --y paintings/ --size 64 \\\n"
            "      --width 32 --steps 2000\n"
            "  keras-gans reproduce channels --data illustrations/ --size 96"
        ),
    )
    studies = verb.add_subparsers(dest="study", metavar="STUDY", required=True)
    for name, study in find_studies().items():
        what = study.__doc__.partition("\n")[0]
        parser = studies.add_parser(name, help=what.rstrip("."), description=what)
        fields = add_fields(parser, study.setting)
        study.add_options(parser)
        parser.add_argument(
            "--only", nargs="+", metavar="NAME", help="restrict the study to these"
        )
        parser.add_argument(
            "--seeds", type=positive, help=f"number of seeds (default: {study.seeds})"
        )
        parser.add_argument(
            "--output",
            metavar="DIR",
            type=pathlib.Path,
            default=pathlib.Path("runs") / name,
            help="folder of the study; one that holds a part of it is completed "
            f"(default: runs/{name})",
        )
        parser.add_argument(
            "--quick", action="store_true", help=f"a short form, {study.quick_text}"
        )
        parser.add_argument(
            "--traceback",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the whole traceback of an error",
        )
        parser.set_defaults(function=_reproduce, fields=fields)
    return verb


def _reproduce(options):
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name in options.fields
        if (value := getattr(options, name)) is not None
    }
    find_studies()[options.study].start(options, given)


def add_fields(parser, setting):
    """Adds an option for each field of a dataclass; what is not given is `None`.

    The type is that of the annotation, the help that of the docstring.

    Args:
        parser: The `argparse` parser.
        setting: The dataclass. Its annotations are `int` (which has to be positive),
            `float`, `str`, `tuple` (of strings), a `Literal`, or one of them or `None`.

    Returns:
        The names of the fields.
    """
    texts = _argument_texts(setting.__doc__)
    for field in dataclasses.fields(setting):
        kind = field.type
        if isinstance(kind, types.UnionType):
            (kind,) = set(typing.get_args(kind)) - {types.NoneType}
        arguments = {"metavar": "NAME"}
        if typing.get_origin(kind) is typing.Literal:
            arguments = {"choices": typing.get_args(kind)}
        elif kind is tuple:
            arguments["nargs"] = "+"
        elif kind in (int, float):
            arguments = {"type": positive if kind is int else float, "metavar": "N"}
        default = field.default
        if isinstance(default, tuple):
            default = " ".join(default)
        text = texts[field.name].rstrip(".")
        if default is not None:
            text += f" (default: {default})"
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, help=text.replace("%", "%%"), **arguments)
    return [field.name for field in dataclasses.fields(setting)]


def _argument_texts(docstring):
    """Returns a dict from the names in `Args:` to what is said of them."""
    part = docstring.partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", part, flags=re.M)
    # Without the marks of code.
    return {name: " ".join(text.replace("`", "").split()) for name, text in found}
