"""Tests of the unpaired pipeline: what a batch holds, in which order, and errors."""

import warnings

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from small_images import assert_equal_batches, levels, noise, numbered, numbers

from keras_gans.data import unpaired
from keras_gans.data.batches import positions, streams


def orders(data):
    """The numbers of all images of one iteration, for x and y."""
    pairs = [(numbers(x), numbers(y)) for x, y in data]
    return [np.concatenate(domain) for domain in zip(*pairs, strict=True)]


def assert_uniform(counts):
    """Chi-square test that a fixed seed passes or fails for good."""
    counts = np.asarray(counts, "float64").ravel()
    expected = counts.mean()
    assert expected >= 20, "Too few draws for this test."
    assert scipy.stats.chisquare(counts).pvalue > 1e-4, counts


# Values ----------------------------------------------------------------------------


def test_batches_hold_the_images():
    images_x, images_y = noise(4, 6, 5, 1), noise(6, 6, 5, 3, seed=1)
    data = unpaired(images_x, images_y, batch_size=2, flip=False)
    assert data.element_spec == (
        tf.TensorSpec([2, 6, 5, 1], tf.float32),
        tf.TensorSpec([2, 6, 5, 3], tf.float32),
    )
    for x, y in data:
        for batch, images in ((x, images_x), (y, images_y)):
            for image in levels(batch):
                assert (image == images).all(axis=(1, 2, 3)).sum() == 1


@pytest.mark.parametrize(
    "channels, expected", [(None, (1, 3)), (1, (1, 1)), (3, (3, 3)), ((3, 1), (3, 1))]
)
def test_channels(channels, expected):
    x, y = noise(3, 4, 4), noise(3, 4, 4, 3)
    data = unpaired(x, y, channels=channels)
    assert tuple(spec.shape[-1] for spec in data.element_spec) == expected


# Order -----------------------------------------------------------------------------


def test_orders_do_not_come_again():
    # `index_shuffle` alone gives 256 orders, however many passes there are.
    data = unpaired(numbered(40), numbered(40), batch_size=40, steps_per_epoch=300)
    x, y = (order.reshape(300, 40) for order in orders(data))
    assert len(np.unique(np.concatenate([x, y]), axis=0)) == 600


def test_orders_of_many_seeds_and_of_the_domains_differ():
    first_batch = tf.function(lambda stream: positions(0, 40, 40, stream))
    pairs = [streams(seed, 2) for seed in range(-100, 100)]
    rows = [first_batch(tf.constant(stream)) for pair in pairs for stream in pair]
    assert len(np.unique(np.stack(rows), axis=0)) == 400


def test_shuffling_is_uniform():
    length, passes = 6, 400
    images = numbered(length)
    data = unpaired(images, images, length, steps_per_epoch=passes, flip=False)
    x, y = (order.reshape(passes, length) for order in orders(data))
    for order in (x, y):
        # Every image at every place, and after every other image.
        for image in range(length):
            assert_uniform(np.bincount(np.argmax(order == image, axis=1)))
            before, after = order[:, :-1].ravel(), order[:, 1:].ravel()
            followers = np.bincount(after[before == image], minlength=length)
            assert_uniform(np.delete(followers, image))
    # Every image of x beside every image of y; a pass tells nothing about the next.
    for one, other in ((x, y), (x[1:], x[:-1])):
        pairings = np.zeros((length, length), int)
        np.add.at(pairings, (one.ravel(), other.ravel()), 1)
        assert_uniform(pairings)


def test_shorter_domain_repeats():
    data = unpaired(numbered(12), numbered(3), batch_size=3)
    assert len(data) == 4
    x, y = orders(data)
    np.testing.assert_array_equal(np.bincount(x), [1] * 12)
    np.testing.assert_array_equal(np.bincount(y), [4] * 3)


def test_domain_of_one_image():
    x, y = orders(unpaired(numbered(1), numbered(5)))
    assert x.tolist() == [0] * 5 and sorted(y) == list(range(5))
    assert len(list(unpaired(numbered(1), numbered(1), steps_per_epoch=4))) == 4


# Augmentation ----------------------------------------------------------------------

# Five offsets along both axes: draws that are the same for both would show.
HEIGHT, WIDTH, CROP = 12, 16, (8, 12)
ROOM = (HEIGHT - CROP[0] + 1, WIDTH - CROP[1] + 1)


def coordinates(count=4):
    """Images in which every pixel is its own address."""
    image = np.arange(HEIGHT * WIDTH, dtype="uint8").reshape(1, HEIGHT, WIDTH, 1)
    return np.repeat(image, count, axis=0)


def crop_of(image):
    """Finds (top, left, mirrored) of a crop of `coordinates`, and checks it."""
    image = image[..., 0]
    mirrored = image[0, 0] > image[0, -1]
    upright = image[:, ::-1] if mirrored else image
    top, left = divmod(upright[0, 0], WIDTH)
    whole = coordinates(1)[0, ..., 0]
    assert np.array_equal(upright, whole[top : top + CROP[0], left : left + CROP[1]])
    return top, left, int(mirrored)


@pytest.fixture(scope="module")
def drawn():
    """Array (epoch, batch, image, domain, 3) of what was done to each image."""
    images, sizes = coordinates(8), {"load_size": (HEIGHT, WIDTH), "size": CROP}
    data = unpaired(images, images, batch_size=8, steps_per_epoch=6, **sizes)
    batches = [
        [[crop_of(x), crop_of(y)] for x, y in zip(*map(levels, batch), strict=True)]
        for batch in data.repeat(30)
    ]
    return np.array(batches).reshape(30, 6, 8, 2, 3)


def test_crops_and_flips_are_uniform(drawn):
    for domain in range(2):
        top, left, mirrored = np.moveaxis(drawn[:, :, :, domain].reshape(-1, 3), 1, 0)
        # All offsets are in reach, none lies beyond, and neither depends on the other.
        counts = np.zeros((*ROOM, 2), int)
        np.add.at(counts, (top, left, mirrored), 1)
        assert_uniform(counts)
        assert_uniform(np.bincount(top, minlength=ROOM[0]))
        assert_uniform(np.bincount(left, minlength=ROOM[1]))
        assert_uniform(np.bincount(mirrored, minlength=2))


def test_augmentation_differs_between_images_batches_and_epochs(drawn):
    assert drawn.shape == (30, 6, 8, 2, 3)
    chance = 1 / np.prod([*ROOM, 2])  # One in fifty.
    for axis, name in enumerate(("epoch", "batch", "image", "domain")):
        neighbours = np.moveaxis(drawn, axis, 0)
        same = (neighbours[1:] == neighbours[:-1]).all(axis=-1)
        # Four standard deviations above chance; equal draws would give one.
        assert same.mean() < chance + 4 * np.sqrt(chance / same.size), name


def test_no_crop_without_load_size():
    image = coordinates()
    for options in ({}, {"size": (HEIGHT, WIDTH)}, {"flip": False}):
        data = unpaired(image, image, **options)
        for x, _ in data:
            x = levels(x)
            assert x.shape == (1, HEIGHT, WIDTH, 1)
            mirrored = np.array_equal(x, image[:1, :, ::-1])
            assert np.array_equal(x, image[:1]) or (mirrored and "flip" not in options)


def test_crop_along_one_axis():
    image = coordinates()
    data = unpaired(
        image, image, load_size=(HEIGHT, WIDTH), size=(HEIGHT, 10), steps_per_epoch=80
    )
    lefts = {levels(x)[0, 0, :, 0].min() for x, _ in data}
    assert lefts == set(range(WIDTH - 10 + 1))


def test_images_are_enlarged_before_the_crop():
    # A ramp that is twice as wide rises half as steeply.
    ramp = np.tile(np.arange(0, 256, 16, dtype="uint8"), (3, 16, 1))
    x, _ = next(iter(unpaired(ramp, ramp, load_size=32, size=16, flip=False)))
    assert x.shape == (1, 16, 16, 1)
    steps = np.diff(levels(x)[0, 8, 2:-2, 0])
    assert np.abs(steps - 8).max() <= 2


# Reproducibility -------------------------------------------------------------------


def augmented(seed=0, **options):
    return unpaired(
        noise(10, 9, 9, 1),
        noise(7, 9, 9, 3, seed=1),
        **{"batch_size": 3, "size": 6, "load_size": 9, "seed": seed} | options,
    )


@pytest.mark.parametrize("seed", [
    pytest.param(1, marks=pytest.mark.slow),
    pytest.param(-1, marks=pytest.mark.slow),
    2**32,
])  # fmt: skip
def test_other_seed(seed):
    for options in ({}, {"load_size": None, "size": None, "flip": False}):
        x, y = next(iter(augmented(0, **options)))
        other_x, other_y = next(iter(augmented(seed, **options)))
        assert not np.array_equal(x, other_x)
        assert not np.array_equal(y, other_y)
    # Order and augmentation each.
    images = numbered(100)
    order = orders(unpaired(images, images, batch_size=100, seed=0))
    other = orders(unpaired(images, images, batch_size=100, seed=seed))
    assert (order[0] == other[0]).mean() < 0.1
    assert (order[1] == other[1]).mean() < 0.1


def test_opposite_seeds_differ():
    assert not np.array_equal(*(next(iter(augmented(seed)))[0] for seed in (5, -5)))


# Position --------------------------------------------------------------------------


def test_far_position_is_reached_at_once():
    # Replaying a hundred million batches would take hours.
    data = augmented(steps_per_epoch=1000)
    data.position.assign(10**8 + 997)
    batches = list(data)
    assert len(batches) == 3
    # The batches do not depend on where the epochs begin.
    data = augmented(steps_per_epoch=10**9)
    data.position.assign(10**8 + 990)
    assert_equal_batches(data.skip(7).take(3), batches)


def test_iterating_moves_nothing():
    data = augmented(steps_per_epoch=5)
    whole = list(data.repeat(3))
    assert_equal_batches(data.take(2), whole[:2])
    assert_equal_batches(data, whole[:5])
    # An iterator begins when its first batch is asked for.
    first, second = iter(data), iter(data)
    data.position.assign(5)
    assert_equal_batches([next(second), next(second)], whole[5:7])
    assert_equal_batches([next(first)], whole[5:6])
    assert int(data.position) == 5


def test_usual_transformations_work():
    data = augmented(steps_per_epoch=5)
    whole = list(data.repeat(2))

    def transformed(transform):
        return list(transform(data))

    assert_equal_batches(transformed(lambda data: data.repeat(2)), whole)
    xs = transformed(lambda data: data.map(lambda x, y: (x + 1.0,)))
    assert_equal_batches(xs, [(x + 1.0,) for x, _ in whole[:5]])
    assert len(transformed(lambda data: data.take(3))) == 3
    assert len(transformed(lambda data: data.unbatch())) == 15
    assert len(transformed(lambda data: data.enumerate())) == 5
    assert len(transformed(lambda data: data.as_numpy_iterator())) == 5
    cached = data.cache()
    assert_equal_batches(cached, list(cached))

    @tf.function
    def count(data):
        return data.reduce(0, lambda total, _: total + 1)

    assert int(count(data)) == 5


def test_under_a_distribution_strategy():
    expected = list(augmented())
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        data = augmented()
    assert_equal_batches(strategy.experimental_distribute_dataset(data), expected)
    assert data.position.numpy() == 0


# Training --------------------------------------------------------------------------


@pytest.mark.parametrize("built", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_fit_of_any_keras_model(built):
    data = unpaired(noise(10, 4, 4, 1), noise(7, 4, 4, 1), batch_size=3)
    model = keras.Sequential([keras.layers.Dense(1)])
    if built:
        model.build((None, 4, 4, 1))
    model.compile(loss="mse")
    batches = []
    seen = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Keras warns of its own default, `shuffle=True`, with any dataset.
        model.fit(data, epochs=3, verbose=0, shuffle=False, callbacks=[seen])
        model.evaluate(data, verbose=0)
    assert seen.params["steps"] == 3 and batches == [0, 1, 2] * 3


# Errors ----------------------------------------------------------------------------

IMAGES = noise(4, 8, 8, 1)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"y": None}, ValueError, "`y` must be given.*x="),
        ({"channels": 2}, ValueError, "`channels` must be 1, 3, or a pair.*channels=2"),
        ({"channels": (1,)}, ValueError, "`channels` must be 1, 3, or a pair"),
        ({"channels": (1, 3, 3)}, ValueError, "`channels` must be 1, 3, or a pair"),
        ({"channels": (1, "3")}, ValueError, "`channels` must be 1, 3, or a pair"),
        ({"y": noise(3, 8, 8), "batch_size": 4}, ValueError, "`y` holds 3 images"),
        ({"y": noise(4, 8, 9)}, ValueError, r"of one size.*\(8, 8\).*\(8, 9\).*`size`"),
        ({"y": "no/folder"}, FileNotFoundError, "`y`: there is no folder 'no/folder'"),
        ({"y": "mnits"}, ValueError, "`y`.*Did you mean 'mnist'"),
        ({"y": (IMAGES, [1, 2])}, ValueError, "`y`.*4 images and 2 labels"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        unpaired(IMAGES, **{"y": IMAGES} | options)
