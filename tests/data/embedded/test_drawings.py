import dataclasses
import functools
import importlib

import matplotlib.colors
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data import colorization, drawings, extract_line_art, load_images
from keras_gans.data.embedded import EMBEDDED
from keras_gans.data.embedded import pen as pen_module
from keras_gans.data.embedded import people
from keras_gans.data.sources import has_test_split, is_digits

# `keras_gans.data.drawings` is the function.
module = importlib.import_module("keras_gans.data.embedded.drawings")
KINDS = {kind.__name__.removeprefix("draw_"): kind for kind in module.KINDS}
OF_MANY_HUES = ("portrait", "house", "toys", "balloons", "fish", "car", "boat")
LUMA = np.array([0.299, 0.587, 0.114])


def unique_count(images):
    return len({image.tobytes() for image in images})


def draw(kind, count):
    random = np.random.default_rng(7)
    return np.stack([module.draw(kind, random) for _ in range(count)])


@functools.cache
def many(kind):
    """Drawings of a kind, by its name, for all tests that look at it alone."""
    return draw(KINDS[kind], 250 if kind in OF_MANY_HUES else 60)


def line_art(images, sigma=0.4):
    return extract_line_art(images / np.float32(127.5) - 1.0, sigma)[..., 0].numpy()


def thumbnails(images):
    """Averages blocks of 4x4 pixels: (count, values)."""
    blocks = images.reshape(len(images), 16, 4, 16, 4, -1)
    return blocks.mean(axis=(2, 4), dtype="float32").reshape(len(images), -1)


def distances(features, others):
    return np.array([np.abs(others - row).mean(axis=1) for row in features])


def around(values, function):
    """The maximum or minimum of each pixel and its neighbours."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), "edge")
    shifted = [padded[:, y : y + 64, x : x + 64] for y in range(3) for x in range(3)]
    return function(shifted, axis=0)


@pytest.fixture(scope="module")
def images():
    """The first 600 drawings of training, and all for testing."""
    return {"train": drawings(count=600)[0], "test": drawings("test")[0]}


def test_format(images):
    assert module.COUNTS == {"train": 2000, "test": 200}
    for split, count in (("train", 600), ("test", 200)):
        assert images[split].shape == (count, 64, 64, 3)
        assert images[split].dtype == np.uint8


def test_every_ten_hold_each_kind_in_random_order(monkeypatch):
    def blank(number):
        color = (number, 0, 0)
        return lambda pen, random: pen.backdrop(color, color)

    assert len(module.KINDS) == 10
    monkeypatch.setattr(module, "KINDS", [blank(number) for number in range(10)])
    kinds = drawings(count=130)[0][:, 0, 0, 0].reshape(13, 10)
    np.testing.assert_array_equal(np.sort(kinds, axis=1), np.tile(range(10), (13, 1)))
    assert len(np.unique(kinds, axis=0)) == 13


@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=() if kind in ("portrait", "house") else pytest.mark.slow)
    for kind in KINDS
])  # fmt: skip
def test_kinds_vary(kind):
    pictures = many(kind)[:60]
    between = distances(thumbnails(pictures), thumbnails(pictures))
    between[np.diag_indices(60)] = np.inf
    assert between.min() > 8.0
    # It is not the colours alone that vary.
    lines = thumbnails(line_art(pictures))
    between = distances(lines, lines)
    between[np.diag_indices(60)] = np.inf
    assert between.min() > 0.05


@pytest.mark.parametrize("count", [600, pytest.param(None, marks=pytest.mark.slow)])
def test_no_test_drawing_is_nearly_one_of_training(images, count):
    drawn = drawings(count=count)[0] if count is None else images["train"]
    assert len(drawn) == (count or 2000)
    both = np.concatenate([drawn, images["test"]])
    assert unique_count(both) == len(both)
    train, test = thumbnails(drawn), thumbnails(images["test"])
    assert distances(test, train).min() > 12.0
    train = thumbnails(line_art(drawn))
    test = thumbnails(line_art(images["test"]))
    assert distances(test, train).min() > 0.08


def test_fills_are_light_and_outlines_dark(images):
    grey = images["train"] @ LUMA
    dark = np.mean(grey < 80.0, axis=(1, 2))
    assert 0.02 < dark.min() and dark.max() < 0.35
    assert np.all(np.percentile(grey, 1, axis=(1, 2)) < 60.0)
    assert np.all(np.percentile(grey, 40, axis=(1, 2)) > 80.0)
    # Edges are smooth: there are tones between ink and fill.
    assert np.mean((60.0 < grey) & (grey < 90.0)) > 0.02


@pytest.mark.parametrize("sigma", [0.3, 0.4, 0.5])
def test_lines_are_the_outlines(images, sigma):
    grey = images["test"] @ LUMA
    ink = line_art(images["test"], sigma) < 0.0
    share = ink.mean(axis=(1, 2))
    assert 0.04 < share.min() and share.max() < 0.35
    # All outlines are found, and next to nothing else: no shade, no gradient.
    assert np.mean(around(ink, np.max)[grey < 80.0]) > 0.999
    assert np.mean(around(grey, np.min)[ink] < 120.0) > 0.97


@pytest.mark.parametrize("sigma", [0.3, 0.4, 0.5])
def test_shade_draws_no_line(sigma):
    def disc(shade):
        def kind(pen, random):
            color = (120, 160, 200)
            pen.backdrop(color, color)
            pen.oval(32, 32, 20, 20, color, shade=shade)

        return draw(kind, 1)

    flat, shaded = disc(False), disc(True)
    assert np.mean(flat != shaded) > 0.05
    outline = around(line_art(flat, sigma) < 0.0, np.max)
    assert not np.any((line_art(shaded, sigma) < 0.0) & ~outline)


def test_many_hues(images):
    hue, saturation, value = np.moveaxis(
        matplotlib.colors.rgb_to_hsv(images["train"] / 255.0), -1, 0
    )
    colourful = (saturation > 0.35) & (value > 0.4)
    bins = np.stack(
        [
            np.histogram(hue[index][colourful[index]], 12, (0, 1))[0]
            for index in range(len(hue))
        ]
    )
    # Every hue is a visible part of many drawings, and most have several.
    assert np.all(np.mean(bins > 40, axis=0) > 0.08)
    assert np.median(np.sum(bins > 20, axis=1)) >= 4


def hues(pictures, row, column):
    """Unit complex numbers, whose angle is the hue at a place of each picture."""
    patch = pictures[:, row - 1 : row + 2, column - 1 : column + 2] / 255.0
    color = np.median(patch.reshape(len(pictures), 9, 3), axis=1)
    return np.exp(2j * np.pi * matplotlib.colors.rgb_to_hsv(color)[:, 0])


@pytest.mark.parametrize(
    "kind, row, column, lowest, highest",
    [
        ("house", 2, 32, 0.5, 0.7),  # The sky is blue,
        ("boat", 62, 2, 0.5, 0.7),  # so is the sea,
        ("house", 62, 6, 0.2, 0.4),  # grass is green
        ("fish", 62, 62, 0.08, 0.15),  # and sand yellow.
    ],
)
def test_hues_that_follow_from_the_shape(kind, row, column, lowest, highest):
    found = hues(many(kind)[:150], row, column)
    share = np.angle(found) / (2 * np.pi) % 1.0
    assert np.mean((lowest <= share) & (share <= highest)) > 0.9
    assert np.abs(found.mean()) > 0.9


@pytest.mark.parametrize(
    "kind, row, column",
    [
        ("portrait", 14, 32),  # Hair.
        ("portrait", 61, 26),  # Clothes.
        ("house", 30, 32),  # A roof.
        ("toys", 50, 34),
        ("balloons", 20, 32),
        ("fish", 28, 30),
        ("car", 50, 40),
        ("boat", 52, 32),
    ],
)
def test_hues_that_nothing_tells(kind, row, column):
    pictures = many(kind)
    found = hues(pictures, row, column)
    # Neither is one hue usual there (at some places background shows now and then),
    assert np.abs(found.mean()) < 0.45
    # nor has the drawing with the most similar lines the same.
    lines = thumbnails(line_art(pictures))
    between = distances(lines, lines)
    between[np.diag_indices(len(lines))] = np.inf
    similar = found[between.argmin(axis=1)]
    assert np.mean(np.real(found * similar.conj())) < 0.35


def test_skin_is_of_many_shades():
    random = np.random.default_rng(0)
    skins = np.array([people.Person(random).skin for _ in range(300)])
    assert np.all(np.diff(skins, axis=1) < 0)  # Red, less green, less blue.
    grey = skins @ LUMA
    for low, high in ((120, 155), (155, 190), (190, 230)):
        assert np.mean((low <= grey) & (grey < high)) > 0.2


def test_colors_have_the_asked_luma():
    for hue in np.linspace(0, 1, 13):
        for luma in (0.05, 0.4, 0.6, 0.95):
            color = np.array(pen_module.color_of(hue, luma, 0.9))
            assert abs(color @ LUMA - 255.0 * luma) < 1.0
            assert color.min() >= 0 and color.max() <= 255


def test_parts_are_turned_and_shifted_with_their_figure():
    def kind(pen, random):
        pen.backdrop((255, 255, 255), (255, 255, 255))
        arm = pen.at(20, 30, 10, np.pi / 2).at(1, 0, 1, 0, mirror=True)
        arm.oval(2, 0, 0.3, 0.3, (255, 0, 0), outline=False)

    red = draw(kind, 1)[0, ..., 1] < 128
    # (2, 0) mirrored is (-2, 0), one further (-1, 0), turned and enlarged (0, -10).
    np.testing.assert_allclose(np.argwhere(red).mean(axis=0), (19.5, 19.5), atol=0.5)


@pytest.fixture
def drawn_once(images, monkeypatch):
    def load(split):
        return images[split], None

    own = dataclasses.replace(EMBEDDED["drawings"], load=load)
    assert EMBEDDED["drawings"].load is drawings
    monkeypatch.setitem(EMBEDDED, "drawings", own)


def test_source(images, drawn_once):
    loaded, labels = load_images("drawings", split="test")
    np.testing.assert_array_equal(loaded, images["test"])
    assert labels is None
    small, _ = load_images("drawings", size=32, channels=1, split="test")
    assert small.shape == (200, 32, 32, 1)
    assert has_test_split("drawings") and not is_digits("drawings")


def test_colorization(images, drawn_once):
    known = {image.tobytes() for image in images["train"]}
    data = colorization("drawings", batch_size=16, steps_per_epoch=2)
    (lines, hint_colors, hint_mask), target = next(iter(data))
    assert lines.shape == (16, 64, 64, 1)
    assert target.shape == hint_colors.shape == (16, 64, 64, 3)
    assert hint_mask.shape == lines.shape
    target = tf.cast(tf.round((target + 1.0) * 127.5), tf.uint8).numpy()
    # They are mirrored unless told otherwise.
    plain = [image.tobytes() in known for image in target]
    mirrored = [image.tobytes() in known for image in target[:, :, ::-1]]
    assert np.all(np.array(plain) ^ np.array(mirrored))
    assert any(plain) and any(mirrored)
