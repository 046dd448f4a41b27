"""`keras-gans reproduce`: repeat a study of a paper and write its table.

Repeats a study: trains everything it compares, over several seeds, and writes table,
CSV and figures. What is there already is not trained again.

Args:
    only: restrict the study to these
    seeds: number of seeds (default: {study.seeds})
    output: folder of the study; one that holds a part of it is completed (default:
        runs/{study.name})
    quick: a short form, {study.quick_text}
    traceback: show the whole traceback of an error

Each study has its own help: keras-gans reproduce losses --help

examples:
  keras-gans reproduce losses --quick
  keras-gans reproduce losses --data mnist --seeds 5 --output losses
  keras-gans reproduce semantic --x photos/ --y paintings/ --size 64 \\
      --width 32 --steps 2000
  keras-gans reproduce channels --data illustrations/ --size 96
"""

import argparse
import pathlib

from keras_gans.cli.options import add_options, add_verb, adder, positive
from keras_gans.experiments.study import find_studies
from keras_gans.presets.registry import options_of


def add_to(verbs):
    verb, _ = add_verb(verbs, "reproduce", _reproduce, __doc__)
    studies = verb.add_subparsers(dest="study", metavar="STUDY", required=True)
    for name, study in find_studies().items():
        what = study.__doc__.partition("\n")[0]
        parser = studies.add_parser(name, help=what.rstrip("."), description=what)
        fields = options_of(study.setting)
        add_options(parser, fields.values(), whole=positive)
        study.add_options(parser)
        add = adder(parser, __doc__.format(study=study))
        add("--only", nargs="+", metavar="NAME")
        add("--seeds", type=positive, metavar="N")
        folder = pathlib.Path("runs") / name
        add("--output", type=pathlib.Path, metavar="DIR", default=folder)
        add("--quick", action="store_true")
        add("--traceback", action="store_true", default=argparse.SUPPRESS)
        parser.set_defaults(fields=fields)


def _reproduce(options):
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name in options.fields
        if (value := getattr(options, name)) is not None
    }
    find_studies()[options.study].start(options, given)
