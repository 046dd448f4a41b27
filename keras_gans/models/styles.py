"""Styles of translations: random ones, those of images, and what lies between."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import non_negative_integer, positive_integer, require
from keras_gans.models.structure import in_batches
from keras_gans.pixels import to_levels

# Of the images that are translated at once: 250 of 32 pixels a side.
_PIXELS = 250 * 32 * 32


def translate_in_styles(
    generate, encode, pool, images, style, reference, seed, variants
):
    """Translates images in styles; `StyleCycleGAN.translate` says how they are chosen.

    Args:
        generate: Function of batches of images and styles.
        encode: Function from a batch of images of Y to styles.
        pool: Styles to draw from, shape `(size, style_dim)`.
        images: Array of images, as `generate` takes them.
        style, reference, seed, variants: As for `StyleCycleGAN.translate`; references
            are images as `encode` takes them.
    """
    variants, style_dim = positive_integer("variants", variants), pool.shape[-1]
    require(
        style is None or reference is None,
        "Give one of the arguments `style` and `reference`, not both",
    )
    require(
        style is None and reference is None or seed is None,
        "Argument `seed` is that of random styles; give it without `style` or "
        "`reference`",
        seed=seed,
    )
    count = len(images)
    require(count, "Argument `images` must hold at least one image")
    given, name = (style, "style") if reference is None else (reference, "reference")

    def styles_of(one):
        one = np.asarray(one, None if name == "reference" else "float32")
        require(
            name == "style" or (one.dtype == np.uint8) == (images.dtype == np.uint8),
            "Argument `reference` must be images as `images` are: uint8 for an export, "
            "floats in [-1, 1] for a model",
            TypeError,
            dtype=str(one.dtype),
        )
        # A model's are floats of any kind.
        one = one if one.dtype == np.uint8 else one.astype("float32")
        one = one[None] if one.ndim == (3 if name == "reference" else 1) else one
        require(
            len(one) in (1, count),
            f"Argument `{name}` must be one for all images or one for each of {count}",
            **{f"{name}.shape": one.shape},
        )
        styles = _in_batches(encode, one) if name == "reference" else one
        require(
            styles.ndim == 2 and styles.shape[1] == style_dim,
            f"Argument `{name}` must be styles of {style_dim} numbers",
            **{f"{name}.shape": styles.shape},
        )
        return np.broadcast_to(styles, (count, style_dim))[:, None]

    if isinstance(given, tuple):
        require(
            len(given) == 2 and variants > 1,
            f"A pair in `{name}` goes with `variants`, the number of steps from the "
            "first to the second",
            variants=variants,
        )
        shares = np.linspace(0, 1, variants, dtype="float32")[:, None]
        first, last = map(styles_of, given)
        styles = (1 - shares) * first + shares * last
    elif given is not None:
        styles = np.repeat(styles_of(given), variants, axis=1)
    else:
        # With a seed all images get the same.
        rows = count if seed is None else 1
        styles = sample_styles(pool, rows * variants, seed)
        styles = styles.reshape(rows, variants, -1)
        styles = np.broadcast_to(styles, (count, *styles.shape[1:]))
    repeated = np.repeat(images, variants, axis=0)
    results = _in_batches(generate, repeated, styles.reshape(-1, style_dim))
    if variants == 1:
        return results
    return results.reshape(count, variants, *results.shape[1:])


def sample_styles(pool, count, seed=None):
    """Returns `count` styles of a pool, `(size, style_dim)`, as long as possible
    different ones."""
    if seed is not None:
        seed = non_negative_integer("seed", seed)
    pool = keras.ops.convert_to_numpy(pool)
    rows = np.random.default_rng(seed).choice(len(pool), count, count > len(pool))
    return pool[rows]


def style_of_pixels(images, pool):
    """Returns styles of a pool, which depend on an image's pixels alone.

    Args:
        images: Float tensor of shape `(batch, height, width, channels)` in [-1, 1].
        pool: Styles, a tensor of shape `(size, style_dim)`.

    Returns:
        Tensor of shape `(batch, style_dim)`.
    """
    levels = tf.cast(to_levels(tf.cast(images, tf.float32)), tf.uint32)
    levels = tf.reshape(levels, (tf.shape(levels)[0], -1))
    places = tf.range(1, tf.shape(levels)[1] + 1)
    products = levels * _mixed(tf.cast(places, tf.uint32))
    # Modulo 2^32; in int64, because GPUs do not add up uint32.
    total = tf.reduce_sum(tf.cast(products, tf.int64), axis=1) % 2**32
    bits = _mixed(tf.cast(total, tf.uint32))
    # The upper bits, of which a cast makes no negative number.
    numbers = tf.cast(tf.bitwise.right_shift(bits, 1), tf.int32)
    return tf.gather(pool, numbers % tf.shape(pool)[0])


def _mixed(bits):
    """Mixes the bits of uint32 numbers: the end of Appleby's MurmurHash3."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, shift))
        bits *= tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, 16))


def _in_batches(function, images, *others):
    size = max(1, _PIXELS // math.prod(images.shape[1:3]))
    return in_batches(function, size, images, *others)[0]
