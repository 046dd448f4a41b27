"""The command line: `keras-gans train | translate | generate | evaluate | ...`."""

import dis
import re
import shlex
import sys

from keras_gans import __version__, startup
from keras_gans.cli import colorize, demo, edit, evaluate, export, generate, presets
from keras_gans.cli import report, reproduce, serve, train, translate
from keras_gans.cli.options import Parser

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def main(arguments=None):
    """Runs the command line and returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if any(argument.endswith("multi-worker") for argument in arguments):
        # TensorFlow would tell at length that workers come and go. It is loaded early
        # where a preset of the user's asks for it.
        startup.log_level = "3"
    parser, verbs = _make_parser(arguments)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        verbs[options.verb].error(f"unrecognized arguments: {' '.join(unknown)}")
    options.command = shlex.join(["keras-gans", *arguments])
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show an arrow shows a question mark.
        sys.stdout.reconfigure(errors="replace")
    try:
        if not options.is_light:
            _load()
        options.function(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        message = _message(error)
        if message is None or options.traceback:
            raise
        print(f"keras-gans {options.verb}: {message}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _load():
    """Imports the package, which help and spelling mistakes do not wait for."""
    startup.load()
    import tensorflow as tf

    # What TF-GAN calls is deprecated, which does not help who types a command.
    tf.get_logger().setLevel("ERROR")


def _message(error):
    """Says in a sentence what data, options or the machine may be the reason of.

    All else is a bug and shows its traceback: then it returns `None`.
    """
    # Not there yet if its import failed.
    tensorflow_errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    out_of_memory = getattr(tensorflow_errors, "ResourceExhaustedError", ())
    if isinstance(error, MemoryError) or isinstance(error, out_of_memory):
        return (
            "The memory or the disk is full. Free some of it, or use a smaller "
            f"--batch-size or --size. ({_first_line(error)})"
        )
    if isinstance(error, getattr(tensorflow_errors, "OpError", ())):
        return (
            f"TensorFlow stopped with {type(error).__name__}: {_first_line(error)} "
            "(--traceback shows all.)"
        )
    if isinstance(error, (OSError, FloatingPointError)):
        return error
    if isinstance(error, (ValueError, TypeError, ImportError)):
        # Keras prints what a layer says in bold, between where and with what it was
        # called.
        bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
        text = bold[1] if bold else str(error)
        if _is_raised_here(error):
            return text
        return f"{type(error).__name__}: {text} (--traceback shows where.)"
    return None


def _is_raised_here(error):
    """Whether one of our checks raised it, which says all there is to say.

    Others are mistakes in what was given as well, which a library found, or bugs.
    """
    place = error.__traceback__
    while place.tb_next:
        place = place.tb_next
    code = place.tb_frame.f_code
    package = __name__.partition(".")[0]
    return (
        place.tb_frame.f_globals.get("__name__", "").partition(".")[0] == package
        and dis.opname[code.co_code[place.tb_lasti]] == "RAISE_VARARGS"
    )


def _first_line(error):
    # TensorFlow puts the places in the program before what happened there.
    places = " ", "\t", "<", "Graph execution", "Detected at"
    for line in (getattr(error, "message", None) or str(error)).splitlines():
        if line.strip() and not line.startswith(places):
            return line
    return type(error).__name__


def _make_parser(arguments):
    """Returns the parser and a dict of those of the verbs."""
    parser = Parser(
        prog="keras-gans",
        description="Adversarial image translation and generation with Keras.",
        epilog="Each verb has its own help: keras-gans train --help",
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-gans {__version__}"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    train.add_to(verbs, arguments[1:] if arguments[:1] == ["train"] else ())
    others = presets, translate, generate, colorize, edit, evaluate, report
    for file in (*others, export, demo, serve, reproduce):
        file.add_to(verbs)
    text = "show the whole traceback of an error"
    for verb in verbs.choices.values():
        verb.add_argument("--traceback", action="store_true", help=text)
    return parser, verbs.choices
