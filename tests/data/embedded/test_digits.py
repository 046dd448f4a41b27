import numpy as np
import pytest

from keras_gans.data import handwritten_digits, street_digits
from keras_gans.data.embedded.digits import STREET_COUNTS

STREET_TRAIN = 2000
LUMA = np.array([0.299, 0.587, 0.114])


def unique_count(images):
    return len({image.tobytes() for image in images})


def digit_against_wall(images):
    """How far each digit is lighter (positive) or darker than the wall."""
    grey = images @ LUMA
    # The digit's height leaves the wall visible in the outermost rows.
    wall = np.median(grey[:, [0, 1, -2, -1]], axis=(1, 2))[:, np.newaxis]
    centre = grey[:, 8:24, 10:22].reshape(len(grey), -1) - wall
    lighter = np.percentile(centre, 90, axis=1)
    darker = np.percentile(centre, 10, axis=1)
    return np.where(lighter > -darker, lighter, darker)


@pytest.fixture(scope="module")
def handwritten():
    return {split: handwritten_digits(split) for split in ("train", "test")}


@pytest.fixture(scope="module")
def street():
    """The first images of training, and all for testing."""
    return {"train": street_digits(count=STREET_TRAIN), "test": street_digits("test")}


@pytest.mark.parametrize("split, count", [("train", 1497), ("test", 300)])
def test_handwritten_format(handwritten, split, count):
    images, labels = handwritten[split]
    assert images.shape == (count, 32, 32, 1) and images.dtype == np.uint8
    assert labels.shape == (count,) and labels.dtype == np.int64
    shares = np.bincount(labels, minlength=10) / count
    assert len(shares) == 10
    # 1,797 digits hold 174 to 183 of each class.
    np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_handwritten_default_is_train_and_fixed(handwritten):
    images, labels = handwritten_digits()
    np.testing.assert_array_equal(images, handwritten["train"][0])
    np.testing.assert_array_equal(labels, handwritten["train"][1])


def test_handwritten_splits_share_no_digit(handwritten):
    images = np.concatenate([handwritten["train"][0], handwritten["test"][0]])
    assert unique_count(images) == len(images) == 1797


def test_handwritten_looks_like_mnist(handwritten):
    images = handwritten["train"][0][..., 0].astype("float64") / 255.0
    # A black margin, narrow enough that the digit fills the height.
    margin = np.ones((32, 32), bool)
    margin[2:-2, 2:-2] = False
    assert images[:, margin].max() == 0.0
    rows = (images.max(axis=2) > 0.5).sum(axis=1)
    assert rows.min() >= 20 and rows.max() <= 28
    # White strokes on black with soft edges.
    assert 0.12 < images.mean() < 0.28
    assert np.mean(images.max(axis=(1, 2)) > 0.98) > 0.99
    assert 0.03 < np.mean((images > 0.05) & (images < 0.95)) < 0.2


def test_handwritten_is_enlarged_smoothly(handwritten):
    images = handwritten["train"][0][..., 0].astype("float64")
    # An 8x8 image in large blocks changes at the borders of the blocks only; in a
    # smooth one no column or row of the middle changes much less than the others.
    for axis in (1, 2):
        steps = np.abs(np.diff(images, axis=axis)).mean(axis=(0, 3 - axis))[8:23]
        assert steps.min() > 0.3 * steps.max()


def test_handwritten_keeps_the_digit_of_its_label(handwritten):
    # Averaged back to 8x8, a digit is still its own class: nearest neighbours in
    # the training split name the test split.
    small = {}
    for split, (images, _) in handwritten.items():
        blocks = images[:, 4:-4, 4:-4, 0].reshape(-1, 8, 3, 8, 3)
        small[split] = blocks.mean(axis=(2, 4)).reshape(len(images), 64)
    train, test = small["train"], small["test"]
    distance = (test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)
    named = handwritten["train"][1][distance.argmin(axis=1)]
    assert np.mean(named == handwritten["test"][1]) > 0.95


@pytest.mark.parametrize("split, count", [
    pytest.param("train", 4000, marks=pytest.mark.slow),
    ("train", STREET_TRAIN),
    ("test", 1000),
])  # fmt: skip
def test_street_format(street, split, count):
    images, labels = street_digits() if count == 4000 else street[split]
    assert STREET_COUNTS == {"train": 4000, "test": 1000}
    assert images.shape == (count, 32, 32, 3) and images.dtype == np.uint8
    assert labels.shape == (count,) and labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, count // 10))


@pytest.mark.parametrize("count", [
    pytest.param(None, marks=pytest.mark.slow), STREET_TRAIN
])  # fmt: skip
def test_street_splits_share_no_image(street, count):
    train = street["train"] if count else street_digits()
    images = np.concatenate([train[0], street["test"][0]])
    assert unique_count(images) == len(images)
    assert np.any(street["train"][1][:1000] != street["test"][1])


def test_street_digits_stand_out_in_both_polarities(street):
    images, labels = street["train"]
    contrast = digit_against_wall(images)
    assert 0.4 < np.mean(contrast > 0) < 0.7
    assert np.mean(np.abs(contrast) > 20) > 0.98
    for digit in range(10):
        assert 0.3 < np.mean(contrast[labels == digit] > 0) < 0.8


def test_street_images_vary_like_photographs(street):
    images = street["train"][0].astype("float64")
    # Dark, middling and light walls, grey ones and coloured ones.
    wall = np.median(images[:, [0, 1, -2, -1]], axis=(1, 2))
    grey = wall @ LUMA
    for low, high in ((0, 85), (85, 170), (170, 256)):
        assert np.mean((low <= grey) & (grey < high)) > 0.15
    colourfulness = np.ptp(wall, axis=1)
    assert np.mean(colourfulness < 20) > 0.2
    assert np.mean(colourfulness > 40) > 0.15
    # Cut-off neighbours: in most images an edge column differs from the wall, but
    # not in all.
    difference = np.abs(images @ LUMA - grey[:, np.newaxis, np.newaxis])
    edges = difference[:, 8:24][:, :, [0, 1, -2, -1]].max(axis=1).max(axis=1)
    assert 0.5 < np.mean(edges > 40) < 0.95
    # Sensor noise: on the wall, pixels differ from the mean of their neighbours.
    top = (images @ LUMA)[:, :3]
    noise = np.abs(top[:, :, 1:-1] - (top[:, :, 2:] + top[:, :, :-2]) / 2)
    assert 1.2 < np.median(noise.mean(axis=(1, 2))) < 4.0


def test_street_centre_carries_the_label(street):
    # Polarity removed, the average image of each class is a template of the digit:
    # templates of the training split name far more test digits than chance would.
    def flatten(images):
        signed = (images @ LUMA) * np.sign(digit_against_wall(images))[:, None, None]
        centre = signed[:, 3:-3, 7:-7].reshape(len(images), -1)
        centre -= centre.mean(axis=1, keepdims=True)
        return centre / np.linalg.norm(centre, axis=1, keepdims=True)

    train, labels = street["train"]
    features = flatten(train)
    templates = np.stack([features[labels == digit].mean(0) for digit in range(10)])
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    test, test_labels = street["test"]
    named = (flatten(test) @ templates.T).argmax(axis=1)
    assert np.mean(named == test_labels) > 0.6
