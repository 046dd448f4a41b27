"""Sketches and the hints that belong to them, as `keras-gans colorize` reads them."""

import sys

import numpy as np
from PIL import Image

from keras_gans.data import extract_line_art
from keras_gans.data.images import ImageError, decode_hints, decode_image
from keras_gans.data.images import list_images, resize_image
from keras_gans.export.colorizer import OPAQUE
from keras_gans.pixels import to_floats, to_uint8
from keras_gans.training.task import sides, size_text

# A pixel whose channels differ by more is coloured, and of line art at most this share
# is: yellowed paper stays below the one, coloured marks below the other.
_COLOR_DIFFERENCE = 48
COLORED_SHARE = 0.1
# The faintest line that counts as one, in grey levels; less is noise of a scanner.
_LEAST_CONTRAST = 16


# Which hints belong to which sketch --------------------------------------------------


def hints_of(files, options):
    """Returns a dict from sketches to their hints, `None` for those that have none."""
    if options.hints is None:
        return dict.fromkeys(files)
    if not options.input.is_dir():
        if not options.hints.exists():
            raise FileNotFoundError(f"There is no file {options.hints}.")
        if options.hints.is_dir():
            raise IsADirectoryError(
                f"{options.hints} is a folder. Give the hints of one sketch as a file."
            )
        return dict.fromkeys(files, options.hints)
    if options.hints.is_file():
        raise NotADirectoryError(
            f"{options.hints} is a file. Give the hints of a folder as a folder of "
            "files with the names of their sketches."
        )

    by_name = {}
    for path in list_images(options.hints):
        name = path.relative_to(options.hints).with_suffix("")
        if name in by_name:
            raise ValueError(
                f"{by_name[name]} and {path} are hints for the same sketch. Remove one."
            )
        by_name[name] = path
    names = {path: path.relative_to(options.input).with_suffix("") for path in files}
    # A name that was misspelled would be left out without a word.
    lone = [path for name, path in by_name.items() if name not in names.values()]
    if len(lone) == len(by_name):
        raise ValueError(
            f"No hints in {options.hints} have the name of a sketch in "
            f"{options.input}. Received, for example: {lone[0]}"
        )
    for path in lone:
        _warn(f"{path} has the name of no sketch and is left out.")
    return {path: by_name.get(name) for path, name in names.items()}


# Sketches and hints ------------------------------------------------------------------


def read(path, hints_path, smallest, options):
    """Returns line art and hints as pixels of one size; no hints are transparent."""
    picture = decode_image(path, channels=3)
    hints = None
    if hints_path is not None:
        hints = decode_hints(hints_path)
        _check_same_size(path, picture, hints_path, hints)
    if not options.extract_lines:
        _check_colors(path, picture)
        picture = decode_image(path, channels=1)
    if options.size:
        picture = resize_image(picture, options.size)
    if min(picture.shape[:2]) < smallest:
        raise ImageError(
            f"{path}: {_size(picture)} pixels are too few, the smallest picture for "
            f"this model is {smallest} x {smallest}. --size N resizes the sketch."
        )
    if options.extract_lines:
        # Last: the width of a line is one in pixels that the network sees.
        picture = to_uint8(extract_line_art(to_floats(picture[None])).numpy())[0]
    _warn_of_odd_lines(path, picture, options)
    if hints is not None:
        hints = _usable_hints(hints_path, hints, options)
    if hints is None:
        hints = np.zeros((*picture.shape[:2], 4), "uint8")
    return picture, hints


def _check_same_size(path, picture, hints_path, hints):
    if hints.shape[:2] != picture.shape[:2]:
        # Not resized: that does not say which lines the dabs belong to.
        raise ImageError(
            f"{hints_path}: the hints are {_size(hints)} pixels, and the sketch "
            f"{path} is {_size(picture)}. Draw the dabs on a picture of the size of "
            "the sketch."
        )


def colored_share(picture):
    """Returns the share of pixels that are coloured, of an RGB picture."""
    return np.mean(np.ptp(picture, axis=-1) > _COLOR_DIFFERENCE)


def _check_colors(path, picture):
    share = colored_share(picture)
    if share > COLORED_SHARE:
        raise ImageError(
            f"{path}: {share:.0%} of the pixels are coloured, and line art is dark "
            "lines on light paper. --extract-lines makes line art of a colour picture; "
            "save a drawing on coloured paper in grey."
        )


def _warn_of_odd_lines(path, line_art, options):
    if np.ptp(line_art) < _LEAST_CONTRAST:
        _warn(
            f"{path}: there are no lines to colour, all pixels are as good as equal. "
            "The result means little."
        )
    elif not options.extract_lines and np.median(line_art) < 128:
        _warn(
            f"{path}: more than half of the pixels are dark. Lines should be dark on "
            "light paper; invert the sketch if they are light."
        )


def _usable_hints(path, hints, options):
    """Returns the hints in the size of the line art, `None` if there are none left."""
    if (hints[..., 3] >= OPAQUE).all():
        # A picture without its transparency rather than a hint for every pixel, which
        # no model has seen in training.
        raise ImageError(
            f"{path}: every pixel is opaque and so would be a hint, the paper "
            "included. Save the hints as PNG with a transparent background."
        )
    if options.size:
        height, width = sides(options.size)
        # Nearest: a mixture of two colours is no colour that was drawn.
        hints = np.array(
            Image.fromarray(hints).resize((width, height), Image.Resampling.NEAREST)
        )
    if (hints[..., 3] < OPAQUE).all():
        at = f" at --size {size_text(options.size)}" if options.size else ""
        _warn(
            f"{path}: every pixel is transparent{at} (alpha below {OPAQUE}). The "
            "sketch is coloured without hints."
        )
        return None
    return hints


def colorize(colorizer, line_art, hints):
    """Colours a batch of line art after hints, which are transparent for none."""
    height, width = line_art.shape[1:3]
    multiple = colorizer.size_multiple
    # White paper at the right and the bottom, up to a size that the network takes, and
    # no hints there.
    padding = (0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0)
    line_art = np.pad(line_art, padding, constant_values=255)
    try:
        colored = colorizer.colorize(line_art, np.pad(hints, padding))
    except ValueError as error:  # A network of one size only.
        raise ValueError(f"{error} --size N resizes the sketch.") from error
    return colored[:, :height, :width]


def _size(image):
    return f"{image.shape[1]} x {image.shape[0]}"


def _warn(message):
    # On a line of its own, below the progress bar.
    print(f"\nWarning: {message}", file=sys.stderr)
