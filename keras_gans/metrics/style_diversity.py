"""How much the styles of a translation differ."""

import numpy as np

from keras_gans.checks import positive_integer, require
from keras_gans.metrics.classifiers import check_images
from keras_gans.pixels import to_floats


def color_spread(images):
    """Returns the mean distance between the mean colours of two images, in [-1, 1].

    It is 0 if all images have the same mean colour, as the translations of a CycleGAN
    nearly do.

    Args:
        images: At least two images, an array of shape `(n, height, width, channels)`,
            uint8 in [0, 255] or floats in [-1, 1].
    """
    colors = to_floats(check_images(images, 2)).mean((1, 2)).astype("float64")
    count = len(colors)
    # Of a sorted list, the sum of all differences is one of weighted numbers.
    weights = 2 * np.arange(count) - count + 1
    total = 2 * (weights @ np.sort(colors, axis=0)).mean()
    return float(total / (count * (count - 1)))


def style_diversity(model, images, variants=8, seed=0):
    """Compares translations of the same images in several styles.

    Args:
        model: `keras_gans.models.StyleCycleGAN`, or another with `sample_style` and
            `translate`.
        images: Images of X in [-1, 1], `(n, height, width, channels)`.
        variants: Integer of at least 2, random styles of each image. Defaults to 8.
        seed: Integer, the seed of the styles.

    Returns:
        A float: the mean |difference| of two translations of one image, in [-1, 1].
        `image_distance` is the same for different images; of real images of Y it is
        what the diversity can be compared with.
    """
    positive_integer("variants", variants)
    require(variants > 1, "Argument `variants` must be at least 2", variants=variants)
    translated = model.translate(images, seed=seed, variants=variants)
    return float(np.mean([image_distance(several) for several in translated]))


def image_distance(images):
    """Returns the mean |difference| of two images, in [-1, 1].

    Args:
        images: As for `color_spread`.
    """
    pixels = to_floats(check_images(images, 2)).reshape(len(images), -1)
    count = len(pixels)
    total = sum(np.abs(pixels[i] - pixels[i + 1 :]).mean(1).sum() for i in range(count))
    return float(total / (count * (count - 1) / 2))
