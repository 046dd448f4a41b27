"""How much colours and styles differ, on images where it is known."""

import numpy as np
import pytest

from keras_gans.metrics import color_spread, image_distance, style_diversity


def plain(*levels):
    """Images of one grey level each, and a pattern around it that has that mean."""
    images = np.empty((len(levels), 4, 4, 3), "uint8")
    for image, level in zip(images, levels):
        image[:] = level
        image[::2] += 10
        image[1::2] -= 10
    return images


def test_spread_is_the_distance_of_mean_colours():
    assert color_spread(plain(100, 100, 100)) == 0
    # Three pairs at distances of 51, 51 and 102 levels.
    assert color_spread(plain(50, 101, 152)) == pytest.approx(68 / 127.5, rel=1e-5)
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), "uint8")
    floats = images.astype("float32") / 127.5 - 1
    assert color_spread(floats) == color_spread(images)
    means = floats.mean((1, 2))
    pairs = [np.abs(means[i] - means[j]).mean() for i in range(9) for j in range(i)]
    assert color_spread(images) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_distance_is_that_of_pixels():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), "uint8")
    floats = images.astype("float64") / 127.5 - 1
    pairs = [np.abs(floats[i] - floats[j]).mean() for i in range(5) for j in range(i)]
    assert image_distance(images) == pytest.approx(np.mean(pairs), rel=1e-5)


class Brightener:
    """In the place of a model with styles: a style is a brightness."""

    def translate(self, images, seed, variants):
        assert seed == 3
        steps = np.arange(variants, dtype="float32").reshape(1, -1, 1, 1, 1)
        return np.zeros_like(images)[:, None] + 0.2 * steps - 0.2


def test_diversity_compares_styles_of_one_image_alone():
    images = np.random.default_rng(0).uniform(-1, 1, (6, 4, 4, 3)).astype("float32")
    # Between -0.2, 0 and 0.2, as the pixels they are saved as.
    diversity = style_diversity(Brightener(), images, variants=3, seed=3)
    assert diversity == pytest.approx(0.8 / 3, abs=0.01)
    with pytest.raises(ValueError, match="`variants` must be at least 2"):
        style_diversity(Brightener(), images, variants=1)


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 3)), np.zeros((4, 4, 3))])
def test_one_image_has_no_spread(images):
    for function in (color_spread, image_distance):
        with pytest.raises(ValueError, match="at least two images"):
            function(images)
