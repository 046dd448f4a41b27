import importlib
import itertools

import keras
import numpy as np
import pytest

from keras_gans.data import HAIR_COLORS, faces

# `keras_gans.data.faces` is the function.
module = importlib.import_module("keras_gans.data.embedded.faces")
NAMES = module.ATTRIBUTES
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
OTHERS = ("Eyeglasses", "Mustache", "Smiling", "Wearing_Hat")
TRAIN_COUNT = 320


def having(*names):
    return np.array([name in names for name in NAMES], "uint8")


def unique_count(images):
    return len({image.tobytes() for image in images})


def luma(images):
    return images @ np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def drawn():
    """Images and attributes of the beginning of training and of the test part."""
    return {"train": faces(count=TRAIN_COUNT)[:2], "test": faces("test")[:2]}


# Format ----------------------------------------------------------------------------


def test_format(drawn):
    for split, count in (("train", TRAIN_COUNT), ("test", 512)):
        images, attributes = drawn[split]
        assert images.shape == (count, 64, 64, 3) and images.dtype == np.uint8
        assert attributes.shape == (count, 7) and attributes.dtype == np.uint8
    assert module.COUNTS == {"train": 4096, "test": 512}
    assert faces(count=1)[2] == (*HAIR, *OTHERS)


def test_splits_share_no_face(drawn):
    both = np.concatenate([drawn["train"][0], drawn["test"][0]])
    assert unique_count(both) == len(both)
    # Nor is one nearly another: thumbnails differ.
    thumbnails = both.reshape(-1, 16, 4, 16, 4, 3).mean(axis=(2, 4), dtype="float32")
    thumbnails = thumbnails.reshape(len(both), -1)
    train, test = thumbnails[:TRAIN_COUNT], thumbnails[TRAIN_COUNT:]
    nearest = [np.abs(train - face).mean(axis=1).min() for face in test[::4]]
    assert min(nearest) > 12.0


# Attributes ------------------------------------------------------------------------


def test_every_64_hold_each_combination_in_random_order(drawn):
    attributes = drawn["train"][1]
    runs = attributes.reshape(-1, 64, 7)
    expected = np.array(
        [
            having(*hair, *itertools.compress(OTHERS, others))
            for hair in ((), *((name,) for name in HAIR))
            for others in itertools.product((0, 1), repeat=4)
        ]
    )
    for run in runs:
        assert len(np.unique(run, axis=0)) == 64
        np.testing.assert_array_equal(
            np.unique(run, axis=0), np.unique(expected, axis=0)
        )
    assert len(np.unique(runs, axis=0)) == len(runs)


def test_attributes_are_independent(drawn):
    for _, attributes in drawn.values():
        shares = attributes.mean(axis=0)
        np.testing.assert_array_equal(shares, [0.25] * 3 + [0.5] * 4)
        correlation = np.corrcoef(attributes.T)
        hair = np.array([name in HAIR_COLORS for name in NAMES])
        among_hair = hair[:, None] & hair & ~np.eye(7, dtype=bool)
        # One hair colour excludes another: (0 - 1/16) / (3/16).
        np.testing.assert_allclose(correlation[among_hair], -1 / 3)
        rest = ~among_hair & ~np.eye(7, dtype=bool)
        np.testing.assert_allclose(correlation[rest], 0.0, atol=1e-12)


@pytest.mark.slow
def test_a_small_classifier_tells_every_attribute():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64, 64, 3))])
    model.add(keras.layers.Rescaling(1 / 127.5, -1))
    for filters in (16, 32, 32, 32):
        model.add(keras.layers.Conv2D(filters, 4, 2, "same", activation="relu"))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(7, activation="sigmoid"))
    schedule = keras.optimizers.schedules.CosineDecay(4e-3, 40 * 8)
    model.compile(keras.optimizers.Adam(schedule), "binary_crossentropy")
    model.fit(*faces(count=1280)[:2], batch_size=32, epochs=8, verbose=0)
    images, attributes, _ = faces("test")
    correct = (model.predict(images, verbose=0) > 0.5) == attributes
    assert correct.mean() > 0.975
    assert correct.mean(axis=0).min() > 0.95


# The same face with other attributes -----------------------------------------------


def test_own_attributes_give_the_same_face(drawn):
    images, attributes = drawn["test"]
    again, same, _ = faces("test", count=70, attributes=attributes[:70])
    np.testing.assert_array_equal(again, images[:70])
    np.testing.assert_array_equal(same, attributes[:70])


def test_one_combination_for_all():
    _, attributes, _ = faces(count=3, attributes=having("Smiling"))
    assert attributes.shape == (3, 7) and attributes.dtype == np.uint8
    np.testing.assert_array_equal(attributes, [having("Smiling")] * 3)


# The least share of the image alone, and under all else that is worn, and the most.
@pytest.mark.parametrize(
    "name, least, least_worn, most",
    [
        ("Black_Hair", 0.05, 0.02, 0.25),
        ("Blond_Hair", 0.05, 0.02, 0.25),
        ("Brown_Hair", 0.05, 0.02, 0.25),
        ("Eyeglasses", 0.035, 0.03, 0.09),
        ("Mustache", 0.012, 0.009, 0.04),
        ("Smiling", 0.018, 0.012, 0.045),
        ("Wearing_Hat", 0.1, 0.1, 0.25),
    ],
)
@pytest.mark.parametrize(
    "others",
    [pytest.param((), marks=pytest.mark.slow), OTHERS],
    ids=["alone", "with all others"],
)
def test_an_attribute_changes_its_own_part(name, least, least_worn, most, others):
    others = [other for other in others if other != name]
    plain = faces("test", count=64, attributes=having(*others))[0]
    edited = faces("test", count=64, attributes=having(*others, name))[0]
    difference = np.abs(edited.astype(int) - plain).max(axis=-1)
    share = (difference > 24).mean(axis=(1, 2))
    assert share.min() > (least_worn if others else least) and share.max() < most
    # The corners show the background, and the bottom clothes.
    assert not difference[:, :2, :4].any() and not difference[:, :2, -4:].any()
    if name not in HAIR:
        assert not difference[:, 62:].any()


def test_parts_lie_where_they_belong():
    plain = faces("test", count=64, attributes=having())[0].astype(int)
    rows = {}
    for name in OTHERS:
        edited = faces("test", count=64, attributes=having(name))[0]
        changed = np.abs(edited - plain).max(axis=-1) > 24
        rows[name] = np.nonzero(changed)[1].mean()
    order = ["Wearing_Hat", "Eyeglasses", "Mustache", "Smiling"]
    assert sorted(rows, key=rows.get) == order


def test_hair_colors():
    drawn = [
        faces("test", count=64, attributes=having(*names))[0]
        for names in (*((name,) for name in HAIR), ())
    ]
    # Hair is what is grey or black; its colour is the median.
    hair = np.abs(drawn[0].astype(int) - drawn[3]).max(axis=-1) > 60
    black, blond, brown, grey = (
        np.array(
            [
                np.median(image[part], axis=0)
                for image, part in zip(images, hair, strict=True)
            ]
        )
        for images in drawn
    )
    assert luma(black).max() < 60
    assert luma(blond).min() > 170 and np.all(blond[:, 0] - blond[:, 2] > 90)
    assert 70 < luma(brown).min() and luma(brown).max() < 110
    assert np.all(brown[:, 0] - brown[:, 2] > 50)
    assert luma(grey).min() > 140 and np.ptp(grey, axis=1).max() < 30


def test_everything_else_varies(drawn):
    images = drawn["train"][0].astype(int)
    corner = images[:, 1, 2]
    assert np.all(corner.std(axis=0) > 30)
    flat = np.ptp(images[:, :2], axis=(1, 2)).max(axis=-1) == 0
    assert 0.1 < flat.mean() < 0.6  # The others have a pattern.
    looks = [module._Face(np.random.default_rng(seed)) for seed in range(200)]
    assert np.ptp([look.x for look in looks]) > 8
    assert np.ptp([look.size for look in looks]) > 3
    skin = luma(np.array([look.skin for look in looks]))
    assert skin.min() < 145 and skin.max() > 205


# Errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes, message",
    [
        (np.zeros((2, 7)), r"shape \(7,\) or \(3, 7\).*shape=\(2, 7\)"),
        (np.zeros(6), r"shape \(7,\) or \(3, 7\).*shape=\(6,\)"),
        (having() - 1.0, r"hold 0 and 1.*\[-1.\]"),
        (
            having("Black_Hair", "Brown_Hair"),
            "most one of Black_Hair, Blond_Hair, Brown_Hair. Received: number=2",
        ),
    ],
)
def test_attributes_are_validated(attributes, message):
    with pytest.raises(ValueError, match=f"`attributes` must .*{message}"):
        faces(count=3, attributes=attributes)
