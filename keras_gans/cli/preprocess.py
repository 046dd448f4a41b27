"""How pictures of any size and shape come to what a model translates, and back."""

import contextlib
import zlib

import numpy as np

from keras_gans.checks import require
from keras_gans.training.task import sides


def check(options):
    """Refuses options of `translate` that do not go together."""
    mode = options.preprocess
    must = f"--preprocess {mode} needs --size N or --size HxW"
    require(options.size or mode in (None, "tile"), must)
    must = "--whole-statistics goes with --preprocess tile"
    require(mode == "tile" or not options.whole_statistics, must)


def file_functions(options):
    """Returns the functions that decode, resize and encode pictures of these bits."""
    from keras_gans.data import deep, images

    if options.bits == 16:
        return (
            deep.decode_deep_image,
            deep.resize_floats,
            lambda image: deep.encode_deep_image(image, options.format),
        )
    encode = deep.encode_tiff if options.format == "tiff" else images.encode_png
    return images.decode_image, images.resize_image, encode


def fit(image, options, resize):
    """Returns a picture that goes into the model, and which part of the result it is.

    Args:
        image: Array of shape `(height, width, channels)`.
        options: Those of `translate`, `size` and `preprocess`.
        resize: Function of an image and `(height, width)`.

    Returns:
        Pair of arrays: the picture, and height and width of the part, at the top left.
    """
    mode, size = options.preprocess, options.size
    if size and mode is None:  # Whatever becomes of its shape.
        image = resize(image, sides(size))
    elif size and mode != "tile":
        box, shape = np.array(sides(size)), np.array(image.shape[:2])
        scales = box / shape
        scale = scales.min() if mode == "pad" else scales.max()
        # Rounded, it must not be larger than the box, or not smaller.
        limit = np.minimum if mode == "pad" else np.maximum
        scaled = limit(np.round(shape * scale).astype(int), box)
        image = resize(image, tuple(np.maximum(1, scaled).tolist()))
        if mode == "crop":
            top, left = (np.array(image.shape[:2]) - box) // 2
            image = image[top : top + box[0], left : left + box[1]]
    part = np.array(image.shape[:2])
    if mode == "pad":
        image = mirrored(image[None], sides(size) - part)[0]
    return image, part


def padded(images, translator):
    """Mirrors images at the right and the bottom, up to a size that networks take."""
    multiple = translator.size_multiple
    return mirrored(images, [-length % multiple for length in images.shape[1:3]])


def mirrored(images, more):
    """Mirrors images at the bottom and the right, by so many pixels."""
    down, right = more
    return np.pad(images, ((0, 0), (0, down), (0, right), (0, 0)), "symmetric")


def translate_in_tiles(translator, image, direction, styled, options):
    """Translates a picture tile by tile.

    Args:
        translator: `keras_gans.export.Translator` or `FloatTranslator`.
        image: Array of shape `(height, width, channels)`.
        direction: That of the translation.
        styled: Dict of what says in which style.
        options: Those of `translate`.

    Returns:
        The translation, with an axis more in front for several variants.
    """
    from keras_gans.cli.float_translator import FloatTranslator
    from keras_gans.export.tiling import TILE, Tiles

    multiple = translator.size_multiple
    tile = translator.input_sizes[direction]
    if None in tile:  # A network of one size has tiles of it; others no larger ones.
        tile = np.minimum(sides(options.size or TILE), image.shape[:2])
        tile = [int(side + -side % multiple) for side in tile]
    tiles = Tiles(image, tile, multiple)
    results = []
    for style in _styles_of(translator, image, direction, styled):

        def call(batch):
            given = {} if style is None else {"style": np.tile(style, (len(batch), 1))}
            return translator.translate(batch, direction, **given)

        shared = contextlib.nullcontext()
        if options.whole_statistics:
            shared = translator.shared_moments(direction)
        with shared:
            if options.whole_statistics:
                call(tiles.sample())
            result = tiles.map(call)
        # Pixels are blended in grey levels.
        is_float = isinstance(translator, FloatTranslator)
        results.append(result if is_float else np.round(result).astype("uint8"))
    return results[0] if len(results) == 1 else np.stack(results)


def _styles_of(translator, image, direction, styled):
    """Returns the style of each variant of a picture, the same for all of its tiles.

    `None` stands for that of a model without styles.
    """
    from keras_gans.models.styles import sample_styles

    if translator.style_dim is None or direction != "xy":
        return [None]
    if "style" in styled:
        return [styled["style"]]
    # By default one that depends on the pixels alone.
    seed = styled.get("seed", zlib.crc32(np.ascontiguousarray(image)))
    return sample_styles(translator.styles, styled.get("variants", 1), seed)
