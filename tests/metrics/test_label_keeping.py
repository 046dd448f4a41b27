"""Labels that translations keep, with translators and classifiers that are known."""

import numpy as np
import pytest

from keras_gans import metrics
from keras_gans.metrics import label_keeping, train_classifier, train_reader


class Translator:
    """In the place of a CycleGAN: translates with one function for each direction."""

    def __init__(self, xy, yx):
        self.functions = {"xy": xy, "yx": yx}
        self.batches = []

    def __call__(self, images, direction="xy"):
        assert images.dtype == np.float32
        self.batches.append(len(images))
        return self.functions[direction](images)


class Brightness:
    """In the place of a classifier: a tenth of the brightness is the label.

    Whatever differs from the pixels of a picture gives a label of its own.
    """

    def __init__(self, channels):
        self.channels = channels

    def predict_on_batch(self, images):
        images = np.asarray(images)
        assert images.shape[1:] == (4, 4, self.channels)
        assert images.min() >= 0 and images.max() <= 255
        np.testing.assert_array_equal(images, np.round(images))
        return np.eye(26)[(images.mean((1, 2, 3)) / 10).astype(int)]

    def predict(self, images, batch_size, verbose):
        return self.predict_on_batch(images)


def domain(labels, channels=1):
    """Images whose brightness is in the middle of their label's range."""
    labels = np.array(labels)
    pixels = (10 * labels + 5).astype("uint8").reshape(-1, 1, 1, 1)
    return np.broadcast_to(pixels, (len(labels), 4, 4, channels)), labels


def shift(labels):
    """Moves brightness by so many labels."""
    return lambda images: images + labels * 10 / 127.5


X = domain([0, 1, 2, 3, 4])


Y = domain([5, 6, 7, 8])


CLASSIFIERS = Brightness(1), Brightness(1)


def score(xy, yx, x=X, y=Y, classifiers=CLASSIFIERS, **options):
    return label_keeping(Translator(xy, yx), x, y, *classifiers, **options)


def test_identity_keeps_all():
    scores = score(shift(0), shift(0))
    expected = {"kept": 1.0, "ceiling": 1.0, "floor": 1.0, "cycle_l1": 0.0}
    assert scores == {"xy": expected, "yx": expected}
    assert all(type(value) is float for value in scores["xy"].values())


def test_another_label_keeps_none_and_the_cycle_is_measured_in_full():
    scores = score(shift(1), shift(-1))
    assert scores["xy"]["kept"] == scores["yx"]["kept"] == 0
    # Back in place.
    assert scores["xy"]["cycle_l1"] == pytest.approx(0, abs=1e-6)
    scores = score(shift(1), shift(2))
    assert scores["xy"]["cycle_l1"] == pytest.approx(30 / 127.5, rel=1e-5)
    assert scores["yx"]["cycle_l1"] == pytest.approx(30 / 127.5, rel=1e-5)


def test_a_constant_keeps_the_share_of_its_label():
    def constant(images):
        return np.full_like(images, 25 / 127.5 - 1)  # Label 2.

    scores = score(constant, shift(0))
    assert scores["xy"]["kept"] == 1 / 5
    # Mean distance of 5, 15, 25, 35, 45 from 25.
    assert scores["xy"]["cycle_l1"] == pytest.approx(12 / 127.5, rel=1e-5)
    assert scores["yx"]["kept"] == 1.0


def test_each_direction_has_the_classifier_of_its_target():
    class Shifted(Brightness):
        """Sees one label more than there is."""

        def predict_on_batch(self, images):
            return np.roll(super().predict_on_batch(images), 1, axis=-1)

    scores = score(shift(-1), shift(0), classifiers=(Brightness(1), Shifted(1)))
    # All of X but its 0, which cannot be darker and is clipped to a label of 1.
    assert scores["xy"] == {
        "kept": 4 / 5,
        "ceiling": 0.0,
        "floor": 0.0,
        "cycle_l1": pytest.approx(10 / 127.5, rel=1e-5),
    }
    assert scores["yx"]["kept"] == scores["yx"]["ceiling"] == 1.0


def test_domains_may_differ_in_channels():
    scores = score(
        xy=lambda images: np.repeat(images, 3, -1),
        yx=lambda images: images[..., :1],
        y=domain([5, 6], channels=3),
        classifiers=(Brightness(1), Brightness(3)),
    )
    assert [scores[d]["kept"] for d in ("xy", "yx")] == [1.0, 1.0]
    assert [scores[d]["floor"] for d in ("xy", "yx")] == [1.0, 1.0]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_every_image_counts_once_whatever_the_batch(batch_size):
    def half(images):  # Moves labels of at least 3.
        return np.where(images < 30 / 127.5 - 1, images, images + 30 / 127.5)

    scores = score(half, shift(0), batch_size=batch_size)
    assert scores["xy"]["kept"] == 3 / 5
    assert scores["xy"]["cycle_l1"] == pytest.approx(2 / 5 * 30 / 127.5, rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The Fréchet distance")
def test_a_reader_of_both_domains():
    random = np.random.default_rng(0)
    x, y = (random.integers(0, 256, (12, 8, 8, c), "uint8") for c in (1, 3))
    labels = np.arange(12) % 2
    # Lines that lie or stand, in whatever colours.
    for images in (x, y):
        images[labels == 0, ::2] = 255
        images[labels == 1, :, ::2] = 255
    reader = train_reader((x, labels), (y[:8], labels[:8]), steps=60, batch_size=8)
    assert reader.input_shape == (None, 8, 8, 3)
    known = train_classifier(x, labels, steps=1), train_classifier(y, labels, steps=1)

    def score(xy):
        model = Translator(xy, lambda images: images[..., :1])
        domains = (x, labels), (y, labels)
        return label_keeping(model, *domains, *known, reader=reader)["xy"]

    kept = score(lambda images: np.repeat(images, 3, -1))
    assert kept["read"] == kept["read_ceiling"] == 1.0
    inverted = score(lambda images: np.repeat(-images, 3, -1))
    assert inverted["read"] == 1.0
    turned = score(lambda images: np.repeat(images.swapaxes(1, 2), 3, -1))
    assert turned["read"] == 0.0
    grey = score(lambda images: np.zeros((*images.shape[:3], 3), "float32"))
    assert grey["color_spread"] == 0.0 and grey["reader_fid"] > kept["reader_fid"] > 0
    assert grey["real_color_spread"] == metrics.color_spread(y) > 0
