"""`keras-gans reproduce`: the studies, and their settings as options."""

import argparse
import pathlib

from keras_gans.cli.options import add_options, positive
from keras_gans.experiments.study import find_studies
from keras_gans.presets.registry import options_of


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
        fields = options_of(study.setting)
        add_options(parser, fields.values(), whole=positive)
        study.add_options(parser)
        parser.add_argument(
            "--only", nargs="+", metavar="NAME", help="restrict the study to these"
        )
        seeds = f"number of seeds (default: {study.seeds})"
        parser.add_argument("--seeds", type=positive, metavar="N", help=seeds)
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
