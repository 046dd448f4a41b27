"""`keras-gans colorize`: a sketch or a folder of sketches."""

import pathlib

from keras_gans.cli.common import (
    add_files,
    add_model,
    convert_files,
    load_model,
    target_of_file,
    targets_in_folder,
)
from keras_gans.cli.options import size


def add_colorize(verbs):
    verb = verbs.add_parser(
        "colorize",
        help="colour a sketch or a folder of sketches",
        description="Colours the dark lines of a sketch on light paper, or every "
        "sketch of a folder,\nwith a trained model of colorization, unaided or after "
        "dabs of colour.",
        epilog=(
            "examples:\n"
            "  keras-gans colorize sketch.png coloured.png --model runs/colorizer-1\n"
            "  keras-gans colorize sketch.png --hints dabs.png coloured.png \\\n"
            "      --model runs/colorizer-1\n"
            "  keras-gans colorize photo.jpg new.png --extract-lines --size 256 \\\n"
            "      --model runs/colorizer-1"
        ),
    )
    add_files(verb, "SKETCH")
    add_model(verb)
    verb.add_argument(
        "--hints",
        type=pathlib.Path,
        metavar="HINTS",
        help="dabs of colour on a transparent PNG of the size of the sketch; for a "
        "folder, a folder of them with the names of their sketches (default: none)",
    )
    verb.add_argument(
        "--size",
        type=size,
        metavar="N|HxW",
        help="resize to this height and width first (default: keep the size)",
    )
    verb.add_argument(
        "--extract-lines",
        action="store_true",
        help="SKETCH is a colour picture: make line art of it first",
    )
    verb.set_defaults(function=_colorize)
    return verb


def _colorize(options):
    from keras_gans.cli import sketches
    from keras_gans.data.images import list_images

    if options.input.is_dir():
        files = list_images(options.input)
        targets = targets_in_folder(files, options)
        hints_files = sketches.hints_in_folder(files, options)
    else:
        files, targets = [options.input], [target_of_file(options)]
        hints_files = [sketches.hints_of_file(options)]
    colorizer = load_model(options.model, "colorize", "colorization")
    # A single pixel has no lines, even where a network takes it.
    smallest = max(colorizer.minimum_size, 2)
    smallest += -smallest % colorizer.size_multiple
    hinted = sum(path is not None for path in hints_files)
    print(
        f"Colouring {len(files)} sketch(es), {hinted} of them with hints, "
        f"with {options.model}",
        flush=True,
    )
    hints_of = dict(zip(files, hints_files, strict=True))

    def convert(path):
        line_art, hints = sketches.read(path, hints_of[path], smallest, options)
        return sketches.colorize(colorizer, line_art, hints, path)

    nothing_done = f"No sketch in {options.input} could be coloured."
    convert_files(options, files, targets, convert, nothing_done)
