"""Tests of line art, colour hints and their pipeline."""

import importlib
import math

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import tensorflow as tf
from small_images import assert_equal_batches, noise

from keras_gans.data import colorization, draw_hints, extract_line_art

# `keras_gans.data.colorization` is the function; this is the module around it.
module = importlib.import_module("keras_gans.data.colorization")

SIGMAS = (0.3, 0.4, 0.5)


def floats(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def smooth(*shape, seed=0):
    """Images of soft blobs, with lines and flat areas."""
    images = scipy.ndimage.gaussian_filter(floats(*shape, seed=seed), (0, 3, 3, 0))
    return np.clip(images / np.abs(images).max() * 2.0, -1.0, 1.0)


# Line art --------------------------------------------------------------------------


def luma(image):
    if image.shape[-1] == 3:
        image = image @ np.array([[0.299], [0.587], [0.114]])
    return (image[..., 0] + 1) / 2


def xdog(image, sigma):
    """D - epsilon of one image, in float64 with SciPy."""
    grey = 0.02 + 0.98 * luma(image.astype("float64"))
    narrow, wide = (
        scipy.ndimage.gaussian_filter(grey, width, mode="reflect", truncate=4)
        for width in (sigma, 4.5 * sigma)
    )
    return 20 * narrow - 19 * wide - 0.01


@pytest.mark.parametrize("shape", [(6, 40, 33), (6, 9, 2), (6, 1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_xdog_is_the_formula(shape, channels):
    images = np.concatenate([floats(*shape, channels), smooth(*shape, channels)])
    sigmas = np.tile(SIGMAS, 4)
    line_art = np.asarray(extract_line_art(images, sigmas))
    assert line_art.shape == (12, *shape[1:], 1) and line_art.dtype == np.float32
    unclear = 0
    for image, sigma, art in zip(images, sigmas, line_art[..., 0], strict=True):
        difference = xdog(image, sigma)
        # phi makes a step, where float32 cannot tell the sides within its rounding.
        clear = np.abs(difference) > 1e-5
        unclear += (~clear).sum()
        np.testing.assert_array_equal(
            art[clear], np.where(difference < 0, -1, 1)[clear]
        )
    assert unclear <= 2
    if shape[1] > 30:
        assert 0.1 < (line_art == -1).mean() < 0.6


def test_blur_is_scipys_for_each_image_of_a_batch():
    # Large steps show the ends of the kernels, which differ from image to image.
    images = np.sign(smooth(4, 30, 21, 1))[..., 0]
    sigmas = np.array([0.3, 0.5, 1.35, 2.25], "float32")
    blurred = module._blur(images.transpose(1, 2, 0)[np.newaxis], tf.constant(sigmas))
    for index, (image, sigma) in enumerate(zip(images, sigmas, strict=True)):
        expected = scipy.ndimage.gaussian_filter(
            image.astype("float64"), sigma, mode="reflect", truncate=4
        )
        np.testing.assert_allclose(blurred[0, ..., index], expected, atol=1e-6)


@pytest.mark.parametrize("method", ["xdog", "sobel"])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_flat_images_are_paper(method, sigma):
    tones = np.linspace(-1, 1, 256, dtype="float32").reshape(-1, 1, 1, 1)
    for channels in (1, 3):
        images = np.tile(tones, (1, 8, 9, channels))
        line_art = extract_line_art(images, sigma, method)
        np.testing.assert_allclose(line_art, 1.0, atol=1e-5)


def test_a_line_is_where_the_drawing_is_dark():
    image = np.full((1, 32, 32, 3), 0.9, "float32")
    image[:, :, 16:] = (0.2, 0.6, -0.1)  # A darker area, whose edge is inked,
    image[:, 8] = -1.0  # and a drawn line.
    art = extract_line_art(image)[0, ..., 0].numpy()
    assert np.all(art[8] == -1.0)
    assert np.all(art[15:, 16] == -1.0)
    assert np.all(art[15:, :16] == 1.0) and np.all(art[15:, 20:] == 1.0)


def test_a_wider_gaussian_draws_wider_lines():
    image = np.full((1, 24, 40, 1), 0.9, "float32")
    image[:, :, 20:] = -0.5
    widths = [
        (extract_line_art(image, sigma)[0, 12, :, 0].numpy() < 0).sum()
        for sigma in (*SIGMAS, 1.0)
    ]
    assert np.all(np.diff(widths) > 0) and widths[0] > 0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(3, 20, 17), (3, 2, 1), (3, 1, 1)])
def test_sobel_is_scipys(shape, channels):
    images = smooth(*shape, channels) if shape[1] > 2 else floats(*shape, channels)
    line_art = np.asarray(extract_line_art(images, method="sobel"))[..., 0]
    for image, art in zip(images, line_art, strict=True):
        grey = luma(image.astype("float64"))
        gradient = np.hypot(*(scipy.ndimage.sobel(grey, axis) for axis in (0, 1)))
        np.testing.assert_allclose(art, 1 - 2 * np.minimum(gradient, 1), atol=2e-5)


@pytest.mark.parametrize("method", ["xdog", "sobel"])
def test_strength(method):
    images = smooth(3, 24, 24, 3)
    full = np.asarray(extract_line_art(images, method=method))
    strengths = np.array([0.0, 0.5, 1.0], "float32")
    line_art = np.asarray(extract_line_art(images, method=method, strength=strengths))
    expected = 1 - (1 - full) * strengths.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(line_art, expected, atol=1e-6)
    assert full.min() < -0.5


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_line_art_is_float32(dtype):
    images = smooth(1, 8, 8, 3).astype(dtype)
    assert extract_line_art(images).dtype == tf.float32


@pytest.mark.parametrize("method", ["xdog", "sobel"])
def test_unknown_sizes(method):
    function = tf.function(
        lambda images: extract_line_art(images, method=method),
        input_signature=[tf.TensorSpec([None, None, None, 3])],
    )
    for shape in ((2, 20, 13, 3), (1, 5, 7, 3)):
        images = smooth(*shape)
        expected = extract_line_art(images, method=method)
        np.testing.assert_allclose(function(images), expected, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"images": noise(1, 4, 4, 3)}, TypeError, "float dtype.*uint8"),
        ({"images": floats(4, 4, 3)}, ValueError, r"must be of shape.*\(4, 4, 3\)"),
        ({"images": floats(1, 4, 4, 2)}, ValueError, r"1 or 3\).*\(1, 4, 4, 2\)"),
        ({"sigma": 0.0}, ValueError, "`sigma` must be positive.*sigma=0.0"),
        ({"sigma": [-1.0]}, ValueError, "`sigma` must be positive"),
        ({"sigma": [0.3, 0.4]}, ValueError, r"one for each image.*\(1, 4, 4, 3\)"),
        ({"sigma": float("nan")}, ValueError, "`sigma` must be positive.*sigma=nan"),
        ({"strength": -0.1}, ValueError, r"`strength` must be in \[0, 1\].*=-0.1"),
        ({"strength": 1.1}, ValueError, r"`strength` must be in \[0, 1\].*=1.1"),
        ({"method": "dog"}, ValueError, "`method` must be 'xdog' or 'sobel'.*'dog'"),
    ],
)
def test_line_art_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        extract_line_art(**{"images": floats(1, 4, 4, 3)} | arguments)


# Hints -----------------------------------------------------------------------------


def check_fit(colors, mask):
    colors, mask = np.asarray(colors), np.asarray(mask)
    assert colors.dtype == mask.dtype == np.float32
    assert set(np.unique(mask)) <= {0.0, 1.0}
    assert np.all(colors[mask[..., 0] == 0] == 0.0)
    return colors, mask


def dabs_of(mask):
    """Boxes of the hinted areas of `(h, w)`, and whether each is a whole square."""
    labels, _ = scipy.ndimage.label(mask)
    for box in scipy.ndimage.find_objects(labels):
        height, width = mask[box].shape
        yield box, height == width and mask[box].all()


@pytest.mark.parametrize("channels", [1, 3])
def test_colors_are_the_mean_under_the_dab(channels):
    # Noise, so that no two areas have one mean.
    images = floats(64, 48, 40, channels)
    colors, mask = check_fit(*draw_hints(images, seed=0, probability=1.0))
    sides = []
    for image, color, drawn in zip(images, colors, mask[..., 0], strict=True):
        for box, square in dabs_of(drawn):
            # Dabs that touch or cover each other form other shapes, or squares that
            # are not of one colour.
            if square and np.ptp(color[box], axis=(0, 1)).max() == 0:
                mean = image[box].mean(axis=(0, 1), dtype="float64")
                np.testing.assert_allclose(color[box][0, 0], mean, atol=1e-6)
                sides.append(drawn[box].shape[0])
    assert set(sides) == {1, 2, 3, 4, 5, 6, 7}


def test_overlapping_dabs_show_the_mean_of_a_whole_one():
    # Many dabs on few pixels: each visible colour is that of a full square over it.
    images = floats(20, 10, 10, 1)
    colors, mask = check_fit(
        *draw_hints(images, seed=3, probability=1.0, max_share=1.0, max_side=4)
    )
    covered = 0
    for image, color, drawn in zip(images, colors, mask, strict=True):
        means = [
            image[top : top + side, left : left + side].mean(dtype="float64")
            for side in range(1, 5)
            for top in range(11 - side)
            for left in range(11 - side)
        ]
        distance = np.abs(color[drawn == 1][:, np.newaxis] - np.array(means))
        assert distance.min(axis=1).max() < 1e-6
        covered += drawn.sum()
    assert covered > 200


def test_half_of_the_images_have_hints():
    images = floats(2000, 16, 16, 1)
    _, mask = check_fit(*draw_hints(images, seed=0))
    hinted = np.asarray(mask).any(axis=(1, 2, 3)).sum()
    assert scipy.stats.binomtest(int(hinted), 2000, 0.5).pvalue > 1e-3
    assert not np.any(draw_hints(images, seed=0, probability=0.0)[1])
    _, mask = draw_hints(images, seed=0, probability=1.0)
    assert np.asarray(mask).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("size, share", [(64, 0.03), (64, 0.01), (32, 0.1), (8, 0.001)])
def test_counts_are_in_range(size, share):
    images = np.zeros((600, size, size, 1), "float32")
    _, mask = draw_hints(images, seed=1, probability=1.0, max_share=share)
    pixels = np.asarray(mask).sum(axis=(1, 2, 3))
    most = max(1, math.floor(share * size * size))
    assert pixels.min() == 1 and pixels.max() <= most
    assert pixels.max() > 0.7 * most  # Most of the range is used.
    if most > 30:
        # Of dabs of one pixel few are as frequent as many: below the root, one half.
        _, mask = draw_hints(
            images, seed=1, probability=1.0, max_share=share, max_side=1
        )
        pixels = np.asarray(mask).sum(axis=(1, 2, 3))
        assert 0.42 < (pixels < np.sqrt(most)).mean() < 0.58


def test_no_dab_is_larger_than_asked():
    images = np.zeros((200, 64, 64, 1), "float32")
    _, mask = draw_hints(images, seed=1, probability=1.0, max_share=0.001, max_side=9)
    for drawn in np.asarray(mask)[..., 0]:
        for box, _ in dabs_of(drawn):
            assert np.all(np.array(drawn[box].shape) <= 2)  # Four pixels are allowed.


def test_no_dab_is_cut_off():
    # 17 pixels are one dab of side 3 or 4, and the rest of them stays unused.
    images = np.zeros((300, 100, 100, 1), "float32")
    _, mask = draw_hints(images, seed=1, probability=1.0, max_share=0.0017)
    pixels = [
        drawn.sum()
        for drawn in np.asarray(mask)[..., 0]
        if scipy.ndimage.binary_erosion(drawn, np.ones((3, 3))).any()
    ]
    assert set(pixels) == {9, 16}


def test_dabs_are_everywhere():
    images = np.zeros((4000, 12, 10, 1), "float32")
    _, mask = draw_hints(images, seed=0, probability=1.0, max_share=0.01)
    # One pixel in each image.
    counts = np.asarray(mask).sum(axis=(0, 3))
    assert counts.sum() == 4000
    assert scipy.stats.chisquare(counts.ravel()).pvalue > 1e-4
    _, mask = draw_hints(images, seed=0, probability=1.0, max_share=0.3)
    assert np.asarray(mask).any(axis=0).all()


def test_hints_are_a_function_of_their_seed():
    images = floats(8, 32, 32, 3)
    first = draw_hints(images, seed=5, probability=1.0)
    for seed in (5, np.int64(5), tf.constant([5, 0], tf.int64)):
        tf.random.set_seed(int(tf.reduce_sum(seed)) + 70)
        assert_equal_batches([draw_hints(images, seed, 1.0)], [first])
    for seed in (4, -5, tf.constant([5, 1])):
        assert not np.array_equal(draw_hints(images, seed, 1.0)[1], first[1])
    masks = np.asarray(first[1])
    assert len(np.unique(masks.reshape(8, -1), axis=0)) == 8


def test_hints_of_a_single_pixel():
    images = floats(5, 1, 1, 3)
    colors, mask = draw_hints(images, seed=0, probability=1.0)
    assert np.all(mask == 1.0)
    np.testing.assert_array_equal(colors, images)


def test_hints_with_an_unknown_batch():
    function = tf.function(
        lambda images: draw_hints(images, seed=1),
        input_signature=[tf.TensorSpec([None, 32, 24, 3])],
    )
    images = floats(6, 32, 24, 3)
    colors, mask = function(images)
    expected_colors, expected_mask = draw_hints(images, seed=1)
    np.testing.assert_array_equal(mask, expected_mask)
    np.testing.assert_allclose(colors, expected_colors, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"images": noise(1, 4, 4, 3)}, TypeError, "float dtype.*uint8"),
        ({"images": floats(4, 4, 3)}, ValueError, "must be of shape"),
        ({"seed": 0.5}, TypeError, "`seed` must be an integer.*seed=0.5"),
        ({"probability": 1.5}, ValueError, r"`probability` must be in \[0, 1\].*1.5"),
        ({"max_share": 0}, ValueError, r"`max_share` must be in \(0, 1\].*=0"),
        ({"max_share": 3}, ValueError, r"`max_share` must be in \(0, 1\].*=3"),
        ({"max_side": 0}, ValueError, "`max_side` must be a positive integer"),
    ],
)
def test_hint_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        draw_hints(**{"images": floats(1, 4, 4, 3), "seed": 0} | arguments)


# The pipeline ----------------------------------------------------------------------


def pipeline(seed=0, **options):
    options = {"batch_size": 3, "size": 24, "load_size": 32, "seed": seed} | options
    return colorization(noise(10, 32, 32, 3), **options)


def test_shapes_and_ranges():
    data = colorization(noise(5, 20, 24, 3))
    assert len(data) == 1
    part = [tf.TensorSpec([4, 20, 24, count], tf.float32) for count in (1, 3, 1, 3)]
    assert data.element_spec == (tuple(part[:3]), part[3])
    for batch in pipeline(steps_per_epoch=8):
        for tensor in tf.nest.flatten(batch):
            assert np.abs(tensor).max() <= 1.0
        (_, colors, mask), _ = batch
        check_fit(colors, mask)
    grey = colorization(noise(4, 8, 8, 1))
    assert grey.element_spec[1].shape == (4, 8, 8, 3)


@pytest.mark.parametrize("method", ["xdog", "sobel"])
def test_parts_fit_the_cropped_and_mirrored_target(method):
    images = np.round((smooth(10, 32, 32, 3) + 1) * 127.5).astype("uint8")
    options = {"line_art": method, "steps_per_epoch": 12}
    data = colorization(images, 8, size=24, load_size=32, **options)
    candidates = SIGMAS if method == "xdog" else SIGMAS[:1]
    sigmas, strengths = [], []
    for (line_art, _, _), target in data:
        ink = (1 - line_art.numpy()) / 2
        full = [
            (1 - extract_line_art(target, s, method)).numpy() / 2 for s in candidates
        ]
        strength = ink.max(axis=(1, 2, 3), keepdims=True)
        strength /= np.max(full, axis=(0, 2, 3, 4))[
            :, np.newaxis, np.newaxis, np.newaxis
        ]
        strengths += list(strength.ravel())
        fits = np.isclose(ink, strength * full, atol=1e-6).all(axis=(2, 3, 4))
        assert np.all(fits.sum(axis=0) == 1)
        sigmas += [candidates[number] for number in fits.argmax(axis=0)]
    if method == "xdog":
        counts = [sigmas.count(sigma) for sigma in SIGMAS]
        assert scipy.stats.chisquare(counts).pvalue > 1e-3
        # Uniform in [0.5, 1].
        test = scipy.stats.kstest(strengths, "uniform", args=(0.5, 0.5))
        assert test.pvalue > 1e-3


def test_hints_of_the_pipeline():
    hinted = 0
    for (_, colors, mask), target in pipeline(steps_per_epoch=60):
        colors, mask = check_fit(colors, mask)
        hinted += mask.any(axis=(1, 2, 3)).sum()
        assert mask.sum(axis=(1, 2, 3)).max() <= 0.03 * 24 * 24
        for image, color, drawn in zip(target, colors, mask[..., 0], strict=True):
            for box, square in dabs_of(drawn):
                if square and np.ptp(color[box], axis=(0, 1)).max() == 0:
                    mean = np.mean(image.numpy()[box], axis=(0, 1), dtype="float64")
                    np.testing.assert_allclose(color[box][0, 0], mean, atol=1e-6)
    assert 65 <= hinted <= 115  # Of 180.


def test_without_hints():
    expected = list(pipeline())
    for batch, other in zip(pipeline(hints=False), expected, strict=True):
        (line_art, colors, mask), target = batch
        assert not np.any(colors) and not np.any(mask)
        np.testing.assert_array_equal(line_art, other[0][0])
        np.testing.assert_array_equal(target, other[1])


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"batch_size": 5}, ValueError, "holds 4 images, fewer than batch_size=5"),
        ({"line_art": "canny"}, ValueError, "`line_art` must be 'xdog' or.*'canny'"),
        ({"hints": 0.5}, TypeError, "`hints` must be True or False.*hints=0.5"),
        ({"source": noise(4, 8, 8, 2)}, ValueError, "`source` must hold images"),
        ({"source": "no/folder"}, FileNotFoundError, "no folder 'no/folder'"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        colorization(**{"source": noise(4, 8, 8, 3)} | options)
