"""The embedded set of coloured drawings: small illustrations for colorization.

Flat colours, dark outlines and a little shade, 64x64 pixels, rendered from a seed. They
are made for learning to colour line art. Some colours follow from the shapes, as that
of a sky, of leaves, skin or wood, and can be learned; others are free, as that of hair,
clothes, a roof, a fish or a balloon, and can only be told by hints.
"""

import functools

import numpy as np

from keras_gans.data.embedded import people, things
from keras_gans.data.embedded.blocks import blocks, drawn_once, every_kind
from keras_gans.data.embedded.pen import Pen, color_of
from keras_gans.data.embedded.scenery import pick

IMAGE_SIZE = 64
COUNTS = {"train": 2000, "test": 200}
BLOCK_SIZE = 50
# fmt: off
KINDS = (
    people.draw_portrait, people.draw_child, things.draw_house, things.draw_tree,
    things.draw_flowers, things.draw_fish, things.draw_car, things.draw_boat,
    things.draw_balloons, things.draw_toys,
)
# fmt: on


@drawn_once
def drawings(split="train", count=None, seed=0):
    """Draws small coloured illustrations, for learning to colour line art.

    Every run of ten drawings holds each kind once, in random order: a portrait, a
    child, a house, a tree, flowers, fish, a car, a boat, balloons and toys, each in a
    setting of its own (sky with sun or moon, hills, room, sea, road). Parts, places,
    sizes, slant, light, width of the outlines and colours vary from drawing to drawing.

    Args:
        split: `"train"` or `"test"`.
        count: Positive integer. Defaults to 2,000 for `"train"` and 200 for `"test"`.
        seed: Non-negative integer; all three as in `keras_gans.data.street_digits`.

    Returns:
        A tuple `(images, None)`: a uint8 array of shape `(count, 64, 64, 3)` with
        values in [0, 255], and `None` in the place of labels.
    """
    count, parts = blocks(split, count, seed, COUNTS, BLOCK_SIZE)
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 3), "uint8")
    for block, random in parts:
        kinds = every_kind(len(KINDS), BLOCK_SIZE, random)
        for index, kind in zip(range(block.start, block.stop), kinds, strict=False):
            images[index] = draw(KINDS[kind], random)
    return images, None


def draw(kind, random):
    """Draws one image of a kind: uint8 (64, 64, 3)."""
    pen = Pen(
        IMAGE_SIZE,
        ink=color_of(random.uniform(), random.uniform(0.05, 0.11), 0.6),
        line_width=int(random.integers(4, 7)),
        light=(random.choice((-0.7, 0.7)), -0.7),
        pick=functools.partial(pick, random),
    )
    kind(pen, random)
    return pen.picture()
