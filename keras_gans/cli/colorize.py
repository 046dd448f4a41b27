"""`keras-gans colorize`: colour a sketch or a folder of sketches.

Colours the dark lines of a sketch on light paper, or every sketch of a folder,
with a trained model of colorization, unaided or after dabs of colour.

Args:
    hints: dabs of colour on a transparent PNG of the size of the sketch; for a folder,
        a folder of them with the names of their sketches (default: none)
    size: resize to this height and width first (default: keep the size)
    extract_lines: SKETCH is a colour picture: make line art of it first

examples:
  keras-gans colorize sketch.png coloured.png
  keras-gans colorize sketch.png --hints dabs.png coloured.png \\
      --model runs/colorizer-1
  keras-gans colorize photo.jpg new.png --extract-lines --size 256 \\
      --model runs/colorizer-1
"""

import pathlib

from keras_gans.cli.common import add_files, add_model, files_of, load_model
from keras_gans.cli.common import packaged_model
from keras_gans.cli.jobs import Job, add_batches
from keras_gans.cli.options import add_verb, size


def add_to(verbs):
    verb, add = add_verb(verbs, "colorize", _colorize, __doc__)
    add_files(verb, "SKETCH")
    add_model(verb, default="the colorizer that comes with the package")
    add("--hints", type=pathlib.Path, metavar="HINTS")
    add("--size", type=size, metavar="N|HxW")
    add("--extract-lines", action="store_true")
    add_batches(verb)


def _colorize(options):
    from keras_gans.cli import sketches
    from keras_gans.data.images import encode_png

    files, targets = files_of(options)
    hints_of = sketches.hints_of(files, options)
    job = Job(options, files, targets, in_folder=options.input.is_dir())
    if not job.files:
        return
    model = options.model or packaged_model("colorizer")
    colorizer = load_model(model, "colorize", "colorization")
    # A single pixel has no lines, even where a network takes it.
    smallest = max(colorizer.minimum_size, 2)
    smallest += -smallest % colorizer.size_multiple
    hinted = sum(hints_of[path] is not None for path in job.files)
    print(
        f"Colouring {len(job.files)} sketch(es), {hinted} of them with hints, "
        f"with {model}",
        flush=True,
    )

    def read(path):
        return sketches.read(path, hints_of[path], smallest, options)

    def convert(line_art, hints):
        return sketches.colorize(colorizer, line_art, hints)

    nothing_done = f"No sketch in {options.input} could be coloured."
    job.run(read, convert, encode_png, nothing_done, one_size=bool(options.size))
