"""Drawings of what models make, for `keras_gans.callbacks.Pictures`.

All of them return a uint8 array `(height, width, 3)`, in which images smaller than 64
pixels are shown enlarged. Images are floats in [-1, 1], or uint8, of shape
`(n, height, width, channels)`; models are those of `keras_gans.models` that are named.
"""

import math

import keras
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_gans.checks import require
from keras_gans.pixels import to_uint8

GAP = 4


def translation_grid(model, x, y=None):
    """Draws x, G(x), F(G(x)) above y, F(y), G(F(y)); each column is one image.

    For `CycleGAN` and all two-way models. Without `y`, and of models with one
    direction, x and G(x) are drawn alone.
    """
    fake_y = model(x)
    if y is None or "yx" not in getattr(model, "directions", ("xy", "yx")):
        return _rows(x, fake_y)
    _check_lengths(x, y)
    fake_x = model(y, direction="yx")
    above = _band(x, fake_y, model(fake_y, direction="yx"))
    return _stacked(above, _band(y, fake_x, model(fake_x)), height=len(x[0]))


def style_grid(model, x, y, variants=3, seed=0):
    """Draws x in several styles and in those of y, and y as x and put together again.

    For `StyleCycleGAN`. Each column is one image of each domain. The rows are x; x in
    `variants` random styles; x in the style of the y below; and under a line y, F(y)
    and F(y) in the style of y. `x` and `y` hold as many images as each other.
    """
    _check_lengths(x, y)
    count = len(x)
    styles = model.sample_style(variants * count, seed)
    rows = [model.translate(x, style=styles[i::variants]) for i in range(variants)]
    above = _band(x, *rows, model.translate(x, reference=y))
    content = keras.ops.convert_to_numpy(model(y, direction="yx"))
    below = _band(y, content, model.translate(content, reference=y))
    return _stacked(above, below, height=len(x[0]))


def style_sheet(model, x, references, seed=0):
    """Draws what styles do, on one sheet, for `StyleCycleGAN`.

    Each row begins with an x. Above, every x is drawn in as many random styles as there
    are references, one in each column; in the middle are the references, what they
    become in X, and every x in their styles; and below, on its way in equal steps from
    the style of the first reference to that of another, each x to another one.

    Args:
        model: The model.
        x: Images of X, shape `(n, height, width, channels)`.
        references: At least two images of Y.
        seed: Integer, the seed of the random styles.
    """
    count = len(references)
    must = "Argument `references` must hold at least two images"
    require(count > 1, must, **{"references.shape": np.shape(references)})
    references = np.asarray(references, "float32")
    styles = keras.ops.convert_to_numpy(model.encode_style(references))
    of_references = [model.translate(x, style=style) for style in styles]
    ways = [
        model.translate(x[i : i + 1], style=(styles[0], style), variants=count)[0]
        for i, style in zip(range(len(x)), np.roll(styles[1:], -1, axis=0))
    ]
    blank = np.full_like(references[:1], 1.0)
    back = model(references, direction="yx")
    blocks = [
        _with_first(x, model.translate(x, seed=seed, variants=count)),
        _band([*blank, *references], [*blank, *back]),
        _with_first(x, np.stack(of_references, axis=1)),
        _with_first(x, ways),
    ]
    return _stacked(*blocks, height=len(x[0]))


def _with_first(x, rows):
    return _band(*([first, *row] for first, row in zip(x, rows, strict=False)))


def paired_grid(model, source, target):
    """Draws sources, translations and their targets, for `Pix2Pix`."""
    return _rows(source, model(source), target)


def colorization_grid(model, source, target):
    """Draws line art, coloured unaided, hints, coloured after them, and the target.

    For `Pix2PixColorizer`; `source` and `target` are those of
    `keras_gans.data.colorization`.
    """
    line_art, colors, mask = map(keras.ops.convert_to_numpy, source)
    unaided = model((line_art, np.zeros_like(colors), np.zeros_like(mask)))
    hinted = model((line_art, colors, mask))
    hints = np.where(mask > 0, colors, line_art)
    return _rows(line_art, unaided, hints, hinted, target)


def attribute_grid(model, images, attributes):
    """Draws images above their edits, a row for each attribute.

    An image is given the attribute or, where it has it, freed of it; of an exclusive
    group it is always given. Below each row are the masks, if the model has them: white
    where it changes the image. For `ACLGAN` and `StarGAN`; `attributes`, 0 and 1 of
    shape `(n, attributes)`, are those that the images have.
    """
    rows = [images]
    for group in model.choices.places:
        for place in group:
            target = np.array(attributes, "float32")
            value = 1 - target[:, place] if len(group) == 1 else 1
            target[:, group] = 0
            target[:, place] = value
            edited, *mask = model.translate(images, target)
            rows += [edited] + [2 * part - 1 for part in mask[:1]]
    return _rows(*rows)


def samples_grid(model, count=64, seed=0, data=None):
    """Draws what a model such as `GAN` generates from the latent vectors of a seed.

    Images are shown in a square, those of a conditional model with a column for each
    class. Points are shown in a plane, those of a conditional model in a colour for
    each class.

    Args:
        model: A model with `generate` and `classes`.
        count: Positive integer, the number of samples, 64 by default; a cloud of points
            takes more. A conditional model generates whole rows, at least one: as many
            as fit into `count`.
        seed: Integer, the seed of the latent vectors.
        data: Optional real points, shape `(n, 2)`, for a generator of points. They are
            drawn in grey, and the axes are laid around them.
    """
    data = None if data is None else np.asarray(data, "float32")
    if data is not None:
        must = "Argument `data` must be points of shape (n, 2)"
        fits = data.ndim == 2 and data.shape[1] == 2
        require(fits, must, **{"data.shape": data.shape})
    columns, labels = None, None
    if model.classes is not None:
        columns = model.classes
        rows = max(1, count // columns)
        count, labels = rows * columns, np.tile(np.arange(columns, dtype="int32"), rows)
    samples = model.generate(count, labels=labels, seed=seed)
    samples = keras.ops.convert_to_numpy(samples)
    if samples.shape[1:] == (2,):
        return generated_scatter(samples, data, labels)
    require(
        samples.ndim == 4 and data is None,
        "Only images (batch, height, width, channels) and points (batch, 2) can be "
        "shown, and `data` beside points alone. Received samples of shape "
        f"{samples.shape} {'without' if data is None else 'with'} `data`",
    )
    return generated_grid(samples, columns)


def generated_grid(images, columns=None):
    """Draws images in rows of `columns`, by default as many as make a square.

    What the last row lacks is white.
    """
    height, width = images.shape[1:3]
    columns = columns or math.ceil(math.sqrt(len(images)))
    white = np.full((height, width, 3), 255, "uint8")
    cells = [*images, *[white] * (-len(images) % columns)]
    return _rows(*(cells[i : i + columns] for i in range(0, len(cells), columns)))


def generated_scatter(points, data=None, labels=None):
    """Draws points in a plane whose axes do not depend on them.

    Args:
        points: Float array of shape `(n, 2)`. Those outside the axes are not seen.
        data: Optional real points, likewise, drawn in grey behind. The axes reach a
            quarter of their extent further than they; without them, from -1.5 to 1.5.
        labels: Optional integers of shape `(n,)`, a colour for each.
    """
    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    axes = figure.subplots()
    low, high = np.full(2, -1.5), np.full(2, 1.5)
    if data is not None:
        margin = max(0.25 * np.ptp(data, axis=0).max(), 1e-3)
        low, high = data.min(axis=0) - margin, data.max(axis=0) + margin
        axes.scatter(*data.T, s=4, color="0.75", linewidths=0)
    colors = "C0" if labels is None else [f"C{label % 10}" for label in labels]
    axes.scatter(*points.T, s=4, c=colors, linewidths=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _rows(*rows):
    """Draws rows of images of one size below each other."""
    return _enlarged(_band(*rows), rows[0][0].shape[0])


def _check_lengths(x, y):
    must = "Arguments `x` and `y` must hold as many images as each other"
    require(len(x) == len(y), f"{must}. Received: {len(x)} and {len(y)} images")


def _stacked(*blocks, height):
    """Draws blocks below each other, with a line between; see `_enlarged`."""
    line = np.full((GAP, *blocks[0].shape[1:]), 255, "uint8")
    parts = [part for block in blocks for part in (line, block)]
    return _enlarged(np.concatenate(parts[1:]), height)


def _band(*rows):
    return np.concatenate([np.concatenate([*map(_as_picture, row)], 1) for row in rows])


def _enlarged(picture, height):
    """Shows images smaller than 64 pixels as squares of several pixels."""
    zoom = max(1, 64 // height)
    return picture.repeat(zoom, 0).repeat(zoom, 1)


def _as_picture(image):
    pixels = keras.ops.convert_to_numpy(image)
    pixels = pixels if pixels.dtype == np.uint8 else to_uint8(pixels)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
