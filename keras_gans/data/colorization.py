"""The pipeline of line-art colorization: line art and colour hints out of images.

Line art and hints are made from each batch anew, after crop and flip, so that one
illustration is seen with many widths of line and many sets of hints, and all parts fit.
"""

import math

import numpy as np
import tensorflow as tf

from keras_gans.checks import boolean, integer, one_of, positive_integer, require
from keras_gans.checks import probability as check_probability
from keras_gans.data.batches import Pipeline, numbered_seed, streams
from keras_gans.data.shares import uniform
from keras_gans.pixels import LUMA

# Widths of line, of which each image gets one.
SIGMAS = (0.3, 0.4, 0.5)
# The other parameters of XDoG, those usual in user-guided line-art colorization: k
# widens the second Gaussian, p sharpens, epsilon is the tone below which there is ink,
# and phi is the steepness there, here that of a step.
K = 4.5
P = 19.0
EPSILON = 0.01
PHI = 1e9
# Darkest line of the faintest line art.
MIN_STRENGTH = 0.5
# Of a Gaussian, four standard deviations on either side are summed, as in SciPy.
_TRUNCATE = 4.0
METHODS = ("xdog", "sobel")


def colorization(
    source,
    batch_size=4,
    size=None,
    load_size=None,
    flip=None,
    line_art="xdog",
    hints=True,
    steps_per_epoch=None,
    seed=0,
    strict=False,
    max_pixels=50_000_000,
    cache="auto",
):
    """Makes a dataset of line art and colour hints, and the images they come from.

    Each batch is cropped and mirrored; then line art is extracted from it
    (`keras_gans.data.extract_line_art`, with one of three widths and a strength of 0.5
    to 1 drawn for each image), and hints are drawn from it
    (`keras_gans.data.draw_hints`, half of the images without any).

    Args:
        source: The illustrations, as `keras_gans.data.load_images` describes it. Grey
            images are repeated in three channels.
        batch_size: Positive integer. Defaults to 4, the paper's.
        line_art: `"xdog"` or `"sobel"`, the method of extraction.
        hints: Boolean. With `False` no image gets hints; their tensors remain, as
            zeros.
        size, load_size, flip, steps_per_epoch, seed, strict, max_pixels, cache: As in
            `keras_gans.data.unpaired`.

    Returns:
        A `tf.data.Dataset` of `((line_art, hint_colors, hint_mask), target)`, float32
        batches of shape `(batch_size, height, width, channels)`: line art of 1 channel,
        where 1 is paper and -1 a black line; hint colours of 3 channels in [-1, 1],
        0 where there is no hint; the mask of 1 channel, 1 where there is a hint and 0
        elsewhere; and the target of 3 channels in [-1, 1]. They are drawn as in
        `keras_gans.data.unpaired`.

    Example:

    >>> data = colorization("street_digits", batch_size=4)
    >>> (line_art, hint_colors, hint_mask), target = next(iter(data))
    """
    reading = strict, max_pixels, cache
    pipeline = Pipeline(
        batch_size, steps_per_epoch, seed, size, load_size, flip, reading
    )
    one_of("line_art", line_art, METHODS)
    boolean("hints", hints)
    images, _ = pipeline.load(source, channels=3)
    order, lines, dabs = streams(seed, 3)
    batch = pipeline.cache(images, order)

    def make_batch(index):
        (target,) = batch(index)
        seeds = numbered_seed(lines, index)
        width_seed, strength_seed = tf.unstack(tf.random.split(seeds, 2))
        each = [target.shape[0]]
        widths = uniform(each, width_seed, 0, len(SIGMAS), tf.int32)
        strength = uniform(each, strength_seed, MIN_STRENGTH, 1.0)
        drawing = extract_line_art(
            target, tf.gather(SIGMAS, widths), line_art, strength
        )
        if hints:
            colors, mask = draw_hints(target, numbered_seed(dabs, index))
        else:
            colors, mask = tf.zeros_like(target), tf.zeros_like(target[..., :1])
        return (drawing, colors, mask), target

    return pipeline.dataset(make_batch, len(images))


def extract_line_art(images, sigma=0.4, method="xdog", strength=1.0):
    """Makes line art out of colour images.

    `"xdog"`, the extended difference of Gaussians, on the luma g in [0, 1]:

        D = (1 + p) G_sigma(g) - p G_k·sigma(g)
        T = 1 where D >= epsilon, else 1 + tanh(phi (D - epsilon))

    where G is a Gaussian blur with reflected borders, k = 4.5, p = 19, epsilon = 0.01
    and phi = 1e9: T is 0 on lines, the darker side of an edge, and 1 elsewhere. One
    thing departs from the paper: g is first lifted to [2 epsilon, 1]. On a flat area
    D = g, so the paper's own epsilon inks areas whose level of 255 is 0 to 2 and
    leaves those of 3 blank; lifted, flat areas are paper whatever their tone.

    `"sobel"` gives softer lines on both sides of an edge: T = 1 - min(1, |S(g)|), where
    S is the Sobel gradient (kernels [1, 2, 1] and [-1, 0, 1]). A step of a quarter of
    the range of tones is a black line.

    The line art is 1 - 2 · strength · (1 - T).

    Args:
        images: Float images in [-1, 1], shape `(batch, height, width, 1 or 3)`.
        sigma: Positive float, or one for each image: the standard deviation of the
            narrower Gaussian, in pixels, and so the width of the lines. For `"xdog"`
            only. Defaults to 0.4.
        method: `"xdog"` or `"sobel"`.
        strength: Float in [0, 1], or one for each image: how dark the lines are.
            Defaults to 1, black.

    Returns:
        Float32 tensor of shape `(batch, height, width, 1)`, 1 on paper and down to -1
        on lines.

    Reference:
        - Winnemöller, Kyprianidis and Olsen, "XDoG: An eXtended Difference-of-Gaussians
          Compendium including Advanced Image Stylization", 2012.
    """
    images = _as_images(images)
    one_of("method", method, METHODS)
    _check_per_image("sigma", sigma, images, lambda value: value > 0, "positive")
    _check_per_image(
        "strength", strength, images, lambda value: abs(value - 0.5) <= 0.5, "in [0, 1]"
    )
    grey = images[..., 0]
    if images.shape[-1] == 3:
        grey = tf.tensordot(images, LUMA, axes=1)
    grey = (grey + 1.0) / 2.0
    # The batch stands in the place of the channels: so each image has its own kernel
    # in one depthwise convolution.
    grey = tf.transpose(grey, [1, 2, 0])[tf.newaxis]
    ink = _xdog_ink(grey, sigma) if method == "xdog" else _sobel_ink(grey)
    ink = tf.transpose(ink, [3, 1, 2, 0])
    strength = tf.reshape(tf.cast(strength, tf.float32), [-1, 1, 1, 1])
    return tf.ensure_shape(1.0 - 2.0 * strength * ink, (*images.shape[:3], 1))


def draw_hints(images, seed, probability=0.5, max_share=0.03, max_side=7):
    """Draws colour hints: square dabs at random places, in the image's mean colour.

    For each image that gets hints, the side s of its dabs is drawn from 1 to
    `max_side`, as one hand keeps to one brush, and their number from 1 to
    `max_share` · height · width / s², evenly on a logarithmic scale: few hints are as
    frequent as many. A later dab covers an earlier one.

    Args:
        images: Float images in [-1, 1], shape `(batch, height, width, 1 or 3)`.
        seed: Integer, or a tensor of two integers. The hints are a function of it and
            of the images alone.
        probability: Float in [0, 1], of an image to get hints at all. Defaults to 0.5.
        max_share: Float in (0, 1], the largest share of pixels under hints. Even where
            it is less than a pixel, one pixel may be hinted. Defaults to 0.03.
        max_side: Positive integer, the side of the largest dabs in pixels. Where a
            single one would be more than `max_share` of a small image, dabs are
            smaller. Defaults to 7.

    Returns:
        A pair of float32 tensors: hint colours of the shape of `images`, the mean of
        the image under each dab and 0 where there is none; and the mask, of shape
        `(batch, height, width, 1)`, 1 under dabs and 0 elsewhere.
    """
    images = _as_images(images)
    height, width, channels = images.shape[1:]
    must = "Argument `images` must have a known height and width"
    require(None not in (height, width), must, shape=images.shape)
    check_probability("probability", probability)
    must = "Argument `max_share` must be in (0, 1]"
    require(0 < max_share <= 1, must, max_share=max_share)
    positive_integer("max_side", max_side)
    if not tf.is_tensor(seed):
        integer("seed", seed)
        seed = tf.constant([seed, 0], tf.int64)
    seeds = tf.unstack(tf.random.split(seed, 5))
    side_seed, number_seed, choice_seed, top_seed, left_seed = seeds
    count = tf.shape(images)[0]
    most_pixels = max(1, int(max_share * height * width))
    max_side = min(int(max_side), height, width, math.isqrt(most_pixels))

    # 1. How large and how many the dabs of each image are: tensors (count, 1).
    each = [count, 1]
    side = uniform(each, side_seed, 1, max_side + 1, tf.int32)
    area = side * side
    most = most_pixels // area
    exponent = uniform(each, number_seed)
    number = tf.pow(tf.cast(most + 1, tf.float32), exponent)
    number = tf.minimum(tf.cast(number, tf.int32), most)  # It may have rounded up.
    chosen = uniform(each, choice_seed) < probability
    number = tf.where(chosen, number, 0)

    # 2. Every image has equally many places for hinted pixels, (count, most_pixels).
    #    The first s² of them are those of dab 0, line by line, the next those of dab 1.
    place = tf.range(most_pixels)[tf.newaxis]
    dab, pixel = place // area, place % area

    def corner(corner_seed, room):
        places = uniform([count, most_pixels], corner_seed)
        places = tf.cast(places * tf.cast(room, tf.float32), tf.int32)
        return tf.gather(places, dab, batch_dims=1)

    row = corner(top_seed, height - side + 1) + pixel // side
    column = corner(left_seed, width - side + 1) + pixel % side
    image = tf.broadcast_to(tf.range(count)[:, tf.newaxis], tf.shape(dab))
    indices = tf.stack([image, row, column], axis=-1)

    # 3. The mean colour of each dab.
    means = tf.math.segment_mean(
        tf.reshape(tf.gather_nd(images, indices), [-1, channels]),
        tf.reshape(image * most_pixels + dab, [-1]),
    )

    # 4. The last dab over each pixel, counted from 1, or 0. A maximum does not depend
    #    on the order in which threads write.
    last = tf.tensor_scatter_nd_max(
        tf.zeros([count, height, width], tf.int32),
        indices,
        tf.where(dab < number, dab + 1, 0),
    )
    mask = (last > 0)[..., tf.newaxis]
    first_of_image = tf.range(count)[:, tf.newaxis, tf.newaxis] * most_pixels
    colors = tf.gather(means, first_of_image + tf.maximum(last - 1, 0))
    colors = tf.ensure_shape(tf.where(mask, colors, 0.0), images.shape)
    return colors, tf.ensure_shape(tf.cast(mask, tf.float32), (*images.shape[:3], 1))


def _xdog_ink(grey, sigma):
    grey = 2.0 * EPSILON + (1.0 - 2.0 * EPSILON) * grey
    sigma = tf.broadcast_to(tf.cast(sigma, tf.float32), tf.shape(grey)[3:])
    difference = (1.0 + P) * _blur(grey, sigma) - P * _blur(grey, K * sigma)
    return -tf.tanh(PHI * tf.minimum(difference - EPSILON, 0.0))


def _sobel_ink(grey):
    smooth, slope = (
        tf.broadcast_to(kernel, [tf.shape(grey)[3], 3])
        for kernel in ([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])
    )
    vertical = _filter(_filter(grey, smooth, axis=2), slope, axis=1)
    horizontal = _filter(_filter(grey, smooth, axis=1), slope, axis=2)
    return tf.minimum(tf.sqrt(tf.square(vertical) + tf.square(horizontal)), 1.0)


def _blur(images, sigma):
    """Gaussian blur of `(1, h, w, n)`, image i with a standard deviation of its own."""
    sigma = sigma[:, tf.newaxis]
    radius = tf.floor(_TRUNCATE * sigma + 0.5)
    longest = tf.reduce_max(radius)
    distance = tf.range(-longest, longest + 1.0)[tf.newaxis]
    kernels = tf.exp(-0.5 * tf.square(distance / sigma))
    # Cut off for each image by itself, so that the others of its batch do not matter.
    kernels = tf.where(tf.abs(distance) <= radius, kernels, 0.0)
    kernels /= tf.reduce_sum(kernels, axis=1, keepdims=True)
    return _filter(_filter(images, kernels, axis=1), kernels, axis=2)


def _filter(images, kernels, axis):
    """Filters `(1, h, w, n)` along an axis, image i with row i of `(n, taps)`."""
    length, taps = tf.shape(images)[axis], tf.shape(kernels)[1]
    # Reflected at the borders as often as it takes: images may be smaller than kernels.
    places = (tf.range(length + taps - 1) - taps // 2) % (2 * length)
    padded = tf.gather(images, tf.minimum(places, 2 * length - 1 - places), axis=axis)
    kernels = tf.expand_dims(tf.transpose(kernels)[..., tf.newaxis], 2 - axis)
    return tf.nn.depthwise_conv2d(padded, kernels, [1, 1, 1, 1], "VALID")


def _as_images(images):
    images = tf.convert_to_tensor(images)
    must = "Argument `images` must be of a float dtype, with values in [-1, 1]"
    require(images.dtype.is_floating, must, TypeError, dtype=images.dtype)
    must = "Argument `images` must be of shape (batch, height, width, 1 or 3)"
    fits = images.shape.rank == 4 and images.shape[-1] in (1, 3)
    require(fits, must, shape=images.shape)
    return tf.cast(images, tf.float32)


def _check_per_image(name, values, images, holds, wanted):
    if tf.is_tensor(values):
        return  # While a graph is traced, nothing is known of it.
    values = np.asarray(values)
    fits = values.shape in ((), tuple(images.shape[:1]))
    must = f"Argument `{name}` must be {wanted}, one number or one for each image"
    fits = fits and np.all(holds(values))
    require(fits, must, **{name: values.tolist()}, shape=images.shape)
