"""Pictures of what a model makes, while it trains."""

import math
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_gans.callbacks.iteration_callback import (
    IterationCallback,
    write_atomically,
)
from keras_gans.data.images import encode_png

GAP = 4


class PictureCallback(IterationCallback):
    """Saves a picture every so many iterations, at the begin and at the end.

    A subclass implements `draw()`, which returns a uint8 array `(height, width, 3)`.

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
    """

    def __init__(
        self, directory, save_freq=500, iterations=(), tensorboard_directory=None
    ):
        super().__init__()
        _check_positive_integer("save_freq", save_freq)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.save_freq = save_freq
        self.iterations = frozenset(iterations)
        self._writer = None
        if tensorboard_directory is not None:
            self._writer = tf.summary.create_file_writer(
                os.fspath(tensorboard_directory)
            )

    def is_due(self, iteration):
        return iteration % self.save_freq == 0 or iteration in self.iterations

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._seen == 0:
            self.at_iteration(0, {})

    def on_train_end(self, logs=None):
        if not self._path(self._seen).exists():
            self.at_iteration(self._seen, {})
        if self._writer:
            self._writer.flush()

    def at_iteration(self, iteration, logs):
        picture = self.draw()
        write_atomically(self._path(iteration), encode_png(picture))
        if self._writer:
            with self._writer.as_default(step=iteration):
                tf.summary.image("samples", picture[None])

    def _path(self, iteration):
        return self.directory / f"iteration_{iteration:06d}.png"


class SampleGrid(PictureCallback):
    """Saves translations of the same images every so many iterations.

    Each column is one image. From above: x, G(x), F(G(x)), and below the line y, F(y),
    G(F(y)).

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        x: Images of domain X, float in [-1, 1], shape `(n, height, width, channels)`.
        y: As many images of domain Y, likewise.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
    """

    def __init__(
        self,
        directory,
        x,
        y,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
    ):
        self.x, self.y = np.asarray(x, "float32"), np.asarray(y, "float32")
        if len(self.x) != len(self.y):
            raise ValueError(
                "Arguments `x` and `y` must hold as many images as each other. "
                f"Received: {len(self.x)} and {len(self.y)} images."
            )
        super().__init__(directory, save_freq, iterations, tensorboard_directory)

    def draw(self):
        return translation_grid(self.model, self.x, self.y)


class GeneratedGrid(PictureCallback):
    """Saves what a generator makes of the same latent vectors.

    Images are shown in a square, those of a conditional model with a column for each
    class. Points are shown in a plane, those of a conditional model in a colour for
    each class.

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        count: Positive integer, the number of samples, 64 by default; a cloud of points
            takes more. A conditional model generates whole rows, at least one: as many
            as fit into `count`.
        seed: Integer, the seed of the latent vectors.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
        data: Optional real points, shape `(n, 2)`, for a generator of points. They are
            drawn in grey, and the axes are laid around them.

    Raises:
        ValueError: If `count`, `save_freq` or the shape of `data` are wrong. From
            `fit`, if the model makes neither images nor points, or makes images and
            there are real points to compare them with.
    """

    def __init__(
        self,
        directory,
        count=64,
        seed=0,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
        data=None,
    ):
        _check_positive_integer("count", count)
        self.count = count
        self.seed = seed
        self.data = None if data is None else np.asarray(data, "float32")
        if data is not None and (self.data.ndim != 2 or self.data.shape[1] != 2):
            raise ValueError(
                "Argument `data` must be points of shape (n, 2). "
                f"Received: data.shape={self.data.shape}"
            )
        super().__init__(directory, save_freq, iterations, tensorboard_directory)

    def draw(self):
        classes = self.model.classes
        count, columns, labels = self.count, None, None
        if classes is not None:
            rows = max(1, count // classes)
            count, columns = rows * classes, classes
            labels = np.tile(np.arange(classes, dtype="int32"), rows)
        samples = keras.ops.convert_to_numpy(
            self.model.generate(count, labels=labels, seed=self.seed)
        )
        if samples.shape[1:] == (2,):
            return generated_scatter(samples, self.data, labels)
        if samples.ndim != 4 or self.data is not None:
            raise ValueError(
                "GeneratedGrid shows images (batch, height, width, channels) or points "
                "(batch, 2), and `data` beside points alone. Received samples of shape "
                f"{samples.shape} {'without' if self.data is None else 'with'} `data`."
            )
        return generated_grid(samples, columns)


class ColorizationGrid(PictureCallback):
    """Saves how a colorizer colours the same line art every so many iterations.

    Each column is one image. From above: the line art, coloured unaided, the hints on
    the line art, coloured after them, and the illustration that both come from.

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        source: Tuple `(line_art, hint_colors, hint_mask)` of float arrays, as
            `keras_gans.data.colorization` makes them, with hints for all images.
        target: The illustrations, float in [-1, 1], `(n, height, width, 3)`.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
    """

    def __init__(
        self,
        directory,
        source,
        target,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
    ):
        self.source, self.target = source, target
        super().__init__(directory, save_freq, iterations, tensorboard_directory)

    def draw(self):
        return colorization_grid(self.model, self.source, self.target)


class AttributeGrid(PictureCallback):
    """Saves how the same images are edited every so many iterations.

    Each column is one image; below it are its edits, see `attribute_grid`.

    Args:
        directory: Folder of the pictures `iteration_000500.png` and so on.
        images: Float images in [-1, 1], shape `(n, height, width, 3)`.
        attributes: Array of 0 and 1, those that they have, `(n, attributes)`.
        save_freq: Positive integer, iterations between pictures. Defaults to 500. The
            begin and the end of training are shown in any case.
        iterations: Further iterations at which a picture is saved.
        tensorboard_directory: Optional folder to which the pictures are also written
            for TensorBoard.
    """

    def __init__(
        self,
        directory,
        images,
        attributes,
        save_freq=500,
        iterations=(),
        tensorboard_directory=None,
    ):
        self.images, self.attributes = images, attributes
        super().__init__(directory, save_freq, iterations, tensorboard_directory)

    def draw(self):
        return attribute_grid(self.model, self.images, self.attributes)


def translation_grid(model, x, y):
    """Draws x, G(x), F(G(x)) above y, F(y), G(F(y)).

    Args:
        model: A `keras_gans.models.CycleGAN`.
        x: Images of X, float in [-1, 1], shape `(n, height, width, channels)`.
        y: Images of Y, likewise.

    Returns:
        A uint8 array `(height, width, 3)`; small images are shown enlarged.
    """
    fake_y, fake_x = model(x), model(y, direction="yx")
    rows = (x, fake_y, model(fake_y, direction="yx"), y, fake_x, model(fake_x))
    bands = [np.concatenate([_as_picture(image) for image in row], 1) for row in rows]
    line = np.full((GAP, *bands[0].shape[1:]), 255, "uint8")
    picture = np.concatenate([*bands[:3], line, *bands[3:]])
    return _enlarged(picture, x.shape[1])


def colorization_grid(model, source, target):
    """Draws line art, coloured unaided, hints, coloured after them, and the target.

    Args:
        model: A `keras_gans.models.Pix2PixColorizer`.
        source: Tuple `(line_art, hint_colors, hint_mask)` of float arrays.
        target: Illustrations, float in [-1, 1], shape `(n, height, width, 3)`.

    Returns:
        A uint8 array `(height, width, 3)`; small images are shown enlarged.
    """
    line_art, colors, mask = map(keras.ops.convert_to_numpy, source)
    unaided = model((line_art, np.zeros_like(colors), np.zeros_like(mask)))
    rows = (
        line_art,
        unaided,
        np.where(mask > 0, colors, line_art),
        model((line_art, colors, mask)),
        target,
    )
    bands = [np.concatenate([_as_picture(image) for image in row], 1) for row in rows]
    return _enlarged(np.concatenate(bands), target.shape[1])


def attribute_grid(model, images, attributes):
    """Draws images above their edits, a row for each attribute.

    An image is given the attribute or, where it has it, freed of it; of an exclusive
    group it is always given. Below each row are the masks, if the model has them: white
    where it changes the image.

    Args:
        model: A `keras_gans.models.ACLGAN` or `StarGAN`.
        images: Float images in [-1, 1], shape `(n, height, width, 3)`.
        attributes: Array of 0 and 1, those that they have, `(n, attributes)`.

    Returns:
        A uint8 array `(height, width, 3)`; small images are shown enlarged.
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
    bands = [np.concatenate([_as_picture(image) for image in row], 1) for row in rows]
    return _enlarged(np.concatenate(bands), images.shape[1])


def generated_grid(images, columns=None):
    """Draws images in rows, from left to right.

    Args:
        images: Float array in [-1, 1] or uint8 array, of shape
            `(n, height, width, channels)` with 1 or 3 channels.
        columns: Positive integer, images in a row; by default as many as make a square.
            What the last row lacks is white.

    Returns:
        A uint8 array `(height, width, 3)`; small images are shown enlarged.
    """
    height, width = images.shape[1:3]
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    picture = np.full((rows * height, columns * width, 3), 255, "uint8")
    for index, image in enumerate(images):
        top, left = index // columns * height, index % columns * width
        picture[top : top + height, left : left + width] = _as_picture(image)
    return _enlarged(picture, height)


def generated_scatter(points, data=None, labels=None):
    """Draws points in a plane whose axes do not depend on them.

    Args:
        points: Float array of shape `(n, 2)`. Those outside the axes are not seen.
        data: Optional real points, likewise, drawn in grey behind. The axes reach a
            quarter of their extent further than they; without them, from -1.5 to 1.5.
        labels: Optional integers of shape `(n,)`, a colour for each.

    Returns:
        A uint8 array `(height, width, 3)`.
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


def _enlarged(picture, height):
    """Shows images smaller than 64 pixels as squares of several pixels."""
    zoom = max(1, 64 // height)
    return picture.repeat(zoom, 0).repeat(zoom, 1)


def _as_picture(image):
    pixels = keras.ops.convert_to_numpy(image)
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.round((pixels + 1) * 127.5), 0, 255).astype("uint8")
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def _check_positive_integer(name, value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"Argument `{name}` must be a positive integer. Received: {name}={value!r}"
        )
