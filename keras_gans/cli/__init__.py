"""The command line: `keras-gans train | translate | generate | evaluate | ...`."""

import re
import shlex
import sys

import tensorflow as tf

from keras_gans.cli.colorize import add_colorize
from keras_gans.cli.edit import add_edit
from keras_gans.cli.evaluate import add_evaluate
from keras_gans.cli.export import add_export
from keras_gans.cli.generate import add_generate
from keras_gans.cli.options import Parser
from keras_gans.cli.presets import add_presets
from keras_gans.cli.reproduce import add_reproduce
from keras_gans.cli.train import add_train
from keras_gans.cli.translate import add_translate

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

# What data, options or the machine may be the reason of; all else is a bug, and shows
# its traceback.
_EXPECTED_ERRORS = (
    ValueError,
    TypeError,
    OSError,
    FloatingPointError,
    MemoryError,
    tf.errors.OpError,
)


def main(arguments=None):
    """Runs the command line and returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser, verbs = _make_parser(arguments)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        verbs[options.verb].error(f"unrecognized arguments: {' '.join(unknown)}")
    options.command = shlex.join(["keras-gans", *arguments])
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show an arrow shows a question mark.
        sys.stdout.reconfigure(errors="replace")
    # What TF-GAN calls is deprecated, which does not help who types a command.
    tf.get_logger().setLevel("ERROR")
    try:
        options.function(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except _EXPECTED_ERRORS as error:
        if options.traceback:
            raise
        print(f"keras-gans {options.verb}: {_message(error)}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _message(error):
    """Says in a sentence what happened, also where TensorFlow needs a page."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return (
            "The memory or the disk is full. Free some of it, or use a smaller "
            f"--batch-size or --size. ({_first_line(error)})"
        )
    if isinstance(error, tf.errors.OpError):
        return (
            f"TensorFlow stopped with {type(error).__name__}: {_first_line(error)} "
            "(--traceback shows all.)"
        )
    # Keras prints what a layer says in bold, between where and with what it was called.
    bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    return bold[1] if bold else error


def _first_line(error):
    lines = (getattr(error, "message", None) or str(error)).splitlines()
    # TensorFlow puts the places in the program before what happened there.
    lines = [
        line
        for line in lines
        if line.strip()
        and not line.startswith((" ", "\t", "<", "Graph execution", "Detected at"))
    ]
    return lines[0] if lines else type(error).__name__


def _make_parser(arguments):
    """Returns the parser and a dict of those of the verbs."""
    parser = Parser(
        prog="keras-gans",
        description="Adversarial image translation and generation with Keras.",
        epilog="Each verb has its own help: keras-gans train --help",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    add_train(verbs, arguments[1:] if arguments[:1] == ["train"] else ())
    for add in (
        add_presets,
        add_translate,
        add_generate,
        add_colorize,
        add_edit,
        add_evaluate,
        add_export,
        add_reproduce,
    ):
        add(verbs)
    for verb in verbs.choices.values():
        verb.add_argument(
            "--traceback",
            action="store_true",
            help="show the whole traceback of an error",
        )
    return parser, verbs.choices


def _version():
    from keras_gans import __version__

    return f"keras-gans {__version__}"
