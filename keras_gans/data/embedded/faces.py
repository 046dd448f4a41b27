"""The embedded set of faces with attributes: cartoon faces for attribute editing.

`faces` renders them from a seed, without a network or a download, 64x64 pixels. Each
attribute is drawn or not, whatever the others are, and bears CelebA's name for it.
Everything else about a face varies, too, and is none of an editor's business: the
background, the place, size and slant of the head, the skin, eyes, hairstyle and
clothes. As all of that is drawn before the attributes are looked at, the same face can
be drawn again with other attributes, which is what an edit should have made of it.
"""

import itertools

import numpy as np

from keras_gans.checks import require
from keras_gans.data.embedded.blocks import blocks, drawn_once
from keras_gans.data.embedded.pen import Pen, around, both_sides, box, circle
from keras_gans.data.embedded.pen import color_of, lighter, mixed, random_color, tinted
from keras_gans.data.embedded.pen import trapezoid

IMAGE_SIZE = 64
COUNTS = {"train": 4096, "test": 512}
ATTRIBUTES = tuple(
    "Black_Hair Blond_Hair Brown_Hair Eyeglasses Mustache Smiling Wearing_Hat".split()
)
# CelebA's names of hair colours, of which a face has at most one. Grey is the hair of
# those who have none of the colours above, and no attribute of these faces.
HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
# All groups of attributes of which a face has at most one.
EXCLUSIVE_GROUPS = (HAIR_COLORS,)

# Ranges of hue (0 red, 1/3 green, 2/3 blue), luma and vividness.
# fmt: off
PALETTE = {
    "Black_Hair": (.60, .70, .10, .15, 0, .05),
    "Blond_Hair": (.125, .145, .74, .82, .75, .95),
    "Brown_Hair": (.05, .07, .28, .35, .5, .65),
    "Gray_Hair": (.58, .66, .60, .70, 0, .08),
    "frame": (0, 1, .10, .20, 0, .5), "lips": (-.03, .02, .40, .52, .5, .8),
    "iris": (.08, .72, .30, .50, .4, .8), "cloth": (0, 1, .45, .80, .5, .95),
    "wall": (0, 1, .50, .90, .3, .8),
}
# fmt: on
MOUTH = (90, 25, 35)
WHITE = (250, 250, 246)


# All combinations of attributes: one hair colour or none, and any of the others.
_OTHERS = [*itertools.product((0, 1), repeat=4)]
COMBINATIONS = np.array(
    [(*hair, *others) for hair in np.eye(4, 3) for others in _OTHERS], "uint8"
)


@drawn_once
def faces(split="train", count=None, seed=0, attributes=None):
    """Draws cartoon faces with known attributes, for learning to edit attributes.

    The attributes are black, blond, brown or else grey hair, glasses, a mustache, a
    smile and a hat. Every run of 64 faces holds each of their 64 combinations once, in
    random order, so that an attribute tells nothing about another, except that hair
    has one colour. Nothing else about a face depends on its attributes. Hair of its
    colour shows under every hat.

    Args:
        split: `"train"` or `"test"`.
        count: Positive integer. Defaults to 4,096 for `"train"` and 512 for `"test"`.
        seed: Non-negative integer; all three as in `keras_gans.data.street_digits`.
        attributes: Array of shape `(count, 7)` or `(7,)`, 0 or 1, to draw the same
            faces with these attributes instead of their own.

    Returns:
        A tuple `(images, attributes, names)` of uint8 arrays of shapes
        `(count, 64, 64, 3)` and `(count, 7)`, 0 and 1, and a tuple of the 7 names.

    Example, the same faces without a mustache:

    >>> images, attributes, names = faces("test", count=20, seed=7)
    >>> shaved = attributes * [name != "Mustache" for name in names]
    >>> edits, _, _ = faces("test", count=20, seed=7, attributes=shaved)
    """
    count, parts = blocks(split, count, seed, COUNTS, len(COMBINATIONS))
    wanted = None if attributes is None else _check_attributes(attributes, count)
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 3), "uint8")
    own = np.empty((count, len(ATTRIBUTES)), "uint8")
    for block, random in parts:
        own[block] = random.permutation(COMBINATIONS)[: block.stop - block.start]
        if wanted is not None:
            own[block] = wanted[block]
        for index in range(block.start, block.stop):
            has = dict(zip(ATTRIBUTES, own[index].tolist(), strict=True))
            images[index] = _Face(random).draw(has)
    return images, own, ATTRIBUTES


def _check_attributes(attributes, count):
    attributes, length = np.asarray(attributes), len(ATTRIBUTES)
    must = f"Argument `attributes` must be of shape ({length},) or ({count}, {length})"
    fits = attributes.shape in ((length,), (count, length))
    require(fits, must, shape=attributes.shape)
    values = np.unique(attributes)
    must = "Argument `attributes` must hold 0 and 1"
    require(np.isin(values, (0, 1)).all(), must, values=values[:5])
    hair = [name for name in HAIR_COLORS if name in ATTRIBUTES]
    colors = attributes[..., [ATTRIBUTES.index(name) for name in hair]].sum(axis=-1)
    must = f"Argument `attributes` must give each face at most one of {', '.join(hair)}"
    require(colors.max() <= 1, must, number=colors.max())
    return np.broadcast_to(attributes, (count, length))


def skin_color(random, darkest):
    # The paler a skin, the more colour is left beside grey.
    luma = random.uniform(darkest, 0.88)
    vivid = 0.9 * luma + random.uniform(-0.05, 0.05)
    return color_of(random.uniform(0.055, 0.08), luma, vivid)


def hanging_hair(length, flare):
    """Returns the outline of hair that hangs down behind a head."""
    half = [(-0.6, -1.2), (-1.25, -0.7), (-1.2, 0.2), (-flare, length)]
    return both_sides([*half, (-0.4, length + 0.25)])


def draw_skull(pen, skin, jaw, ear):
    """Draws ears, the right one at `ear`, and the head of radius 1."""
    for side in (-1, 1):
        pen.oval(side * ear[0], ear[1], 0.17, 0.22, skin)
    half = [(-0.5, -1.05), (-1.0, -0.6), (-0.95, 0.45), (-jaw, 0.95), (-0.2, 1.1)]
    pen.shape(both_sides(half), skin, smooth=True, shade=True)


def draw_eye(pen, wide, high, colors, pupil, width=1.0):
    """Draws white, iris, pupil and lid of an eye around the origin."""
    shares = (0, 1, 1), (0.02, 0.75, 0.9), (0.02, *pupil)
    for (y, x_share, y_share), color in zip(shares, (*colors, pen.ink), strict=True):
        pen.oval(0, y, x_share * wide, y_share * high, color, outline=False)
    lid = [(-1.2, 0.1), (-0.9, -1.0), (0.0, -1.2), (0.9, -1.0), (1.2, 0.1)]
    pen.line(np.array(lid) * (wide, high), width=width)


def draw_shine(pen, light, width):
    """Draws a streak of light on the hair, on the side that the light comes from."""
    shine = np.array([(-0.6, -0.72), (-0.35, -0.88), (-0.05, -0.93)])
    pen.line(shine * (-np.sign(pen.light[0]), 1), light, width)


class _Face:
    """All that is random about a face but its attributes; draws it with any of them."""

    def __init__(self, random):
        # Nothing here may depend on attributes, nor be drawn from `random` later: the
        # next face would change with the attributes of this one.
        def pick(name):
            return random_color(random, PALETTE[name])

        uniform, choice = random.uniform, random.choice
        self.line_width = int(random.integers(4, 7))
        self.ink = color_of(uniform(), uniform(0.04, 0.08), 0.5)
        self.light = (choice((-0.7, 0.7)), -0.7)

        # 1. Behind: two colours and a pattern.
        self.wall, self.other_wall = pick("wall"), pick("wall")
        self.pattern = choice(("plain", "gradient", "stripes", "dots", "checks"))
        self.pattern_turn, self.pattern_step = uniform(0.0, np.pi), uniform(9.0, 16.0)
        self.pattern_shift = uniform(0.0, 1.0, 2)

        # 2. Where the head is.
        self.size = uniform(14.5, 18.0)
        self.x, self.y = 32 + uniform(-5, 5), 33 + uniform(-2.5, 2.5)
        self.turn, self.side = uniform(-0.13, 0.13), choice((-1, 1))

        # 3. Whose head it is.
        self.skin, self.jaw = skin_color(random, 0.56), uniform(0.5, 0.75)
        self.eyes_apart, self.eyes_y = uniform(0.41, 0.46), uniform(0.02, 0.1)
        self.eye_size = uniform((0.17, 0.2), (0.21, 0.27))
        self.iris, self.lips = pick("iris"), pick("lips")
        self.brow = uniform(-0.05, 0.1)
        self.blush, self.mouth = random.random() < 0.5, choice(("flat", "sad", "round"))
        self.mouth_width, self.smile_width = uniform(0.24, 0.3), uniform(0.42, 0.5)
        self.mustache = choice(("thick", "curled"))

        # 4. Hair: each colour in a shade of its own, and its style.
        self.hair = {name: pick(name) for name in HAIR_COLORS}
        self.back = choice(("short", "long", "bob", "tails", "curly"))
        self.back_length, self.flare = uniform(1.3, 2.0), uniform(1.1, 1.3)
        self.front = choice(("spikes", "parted", "swept", "even"))
        self.fringe, self.locks = uniform(-0.1, 0.1, 5), uniform(0.25, 0.5)

        # 5. What is worn: clothes, and a hat and glasses for those who do.
        self.cloth, self.other_cloth = pick("cloth"), pick("cloth")
        self.collar = choice(("round", "shirt", "stripe", "scarf"))
        self.shoulders = uniform(1.05, 1.35)
        self.hat, self.hat_band = pick("cloth"), pick("cloth")
        self.hat_style = choice(("brim", "wool", "cap"))
        self.frame, self.lens = pick("frame"), choice(("round", "square"))

    def draw(self, has):
        """Draws the face: `has` tells for each name whether it has the attribute."""
        pen = Pen(IMAGE_SIZE, self.ink, self.line_width, self.light)
        colors = [color for name, color in self.hair.items() if has.get(name)]
        hair = colors[0] if colors else self.hair["Gray_Hair"]

        self._draw_background(pen)
        bust = pen.at(self.x, self.y, self.size)
        head = bust.at(0, 0, 1, self.turn)
        self._draw_back_hair(head, hair)
        self._draw_bust(bust)
        self._draw_head(head)
        self._draw_eyes(head, glasses=has["Eyeglasses"])
        self._draw_mouth(head, smiling=has["Smiling"])
        if has["Mustache"]:
            self._draw_mustache(head, hair)
        self._draw_front_hair(head, hair)
        if has["Wearing_Hat"]:
            self._draw_hat(head)
        if has["Eyeglasses"]:
            self._draw_glasses(head)
        return pen.picture()

    def _draw_background(self, pen):
        if self.pattern == "gradient":
            pen.backdrop(self.wall, self.other_wall)
            return
        pen.backdrop(self.wall, self.wall)
        if self.pattern == "plain":
            return
        # The other colour is close enough to the first that faces stand out.
        other = mixed(self.wall, self.other_wall, 0.45)
        step = self.pattern_step
        wall = pen.at(32, 32, 1, self.pattern_turn)
        # Half of the diagonal, so that the corners are reached however it is turned.
        across = np.arange(-46 - step, 46 + step, step) + step * self.pattern_shift[0]
        if self.pattern == "stripes":
            for x in across:
                wall.shape(box(step / 4, 64, x, 0), other, outline=False)
            return
        down = np.arange(-46 - step, 46 + step, step / 2) + step * self.pattern_shift[1]
        for row, y in enumerate(down):
            for x in across + (row % 2) * step / 2:
                if self.pattern == "dots":
                    wall.oval(x, y, step / 5, step / 5, other, outline=False)
                else:
                    wall.shape(box(step / 4, step / 4, x, y), other, outline=False)

    def _draw_back_hair(self, pen, hair):
        if self.back in ("long", "bob"):
            length = self.back_length if self.back == "long" else 0.85
            pen.shape(hanging_hair(length, self.flare), hair, smooth=True)
        elif self.back == "tails":
            tail = [(0.85, -0.6), (1.5, -0.65), (1.75, 0.3), (1.45, 1.4), (1.2, 1.2)]
            pen.twins([*tail, (1.2, 0.3)], hair, smooth=True)
        elif self.back == "curly":
            angle = np.linspace(-0.25 * np.pi, 1.25 * np.pi, 120)
            radius = 1.25 + 0.1 * np.abs(np.sin(6 * angle))
            curls = np.stack([radius * np.cos(angle), -radius * np.sin(angle)], axis=1)
            pen.shape(curls, hair, smooth=None)

    def _draw_bust(self, pen):
        width = self.shoulders
        half = [(-0.3, 1.2), (-0.75 * width, 1.3), (-1.05 * width, 1.6)]
        shoulders = both_sides([*half, (-1.2 * width, 4.0)])
        pen.shape(shoulders, self.cloth, smooth=True, shade=True)
        if self.collar == "round":
            pen.oval(0, 1.25, 0.5, 0.3, self.skin)
        elif self.collar == "shirt":
            wing = [(0.1, 1.6), (0.3, 1.1), (0.75, 1.3), (0.45, 1.7)]
            pen.twins(wing, self.other_cloth)
        elif self.collar == "stripe":
            pen.shape(box(0.8 * width, 0.15, 0, 1.72), self.other_cloth)
        pen.shape(trapezoid(0.27, 0.32, 0.6, 1.35), self.skin, outline=False)
        for side in (-1, 1):
            pen.line([(side * 0.27, 0.8), (side * 0.28, 1.15), (side * 0.4, 1.3)])
        if self.collar == "scarf":
            pen.shape(box(0.6, 0.2, 0, 1.3), self.other_cloth, smooth=True)

    def _draw_head(self, pen):
        draw_skull(pen, self.skin, self.jaw, (0.9, 0.15))
        if self.blush:
            rose = tinted(self.skin, (1.0, 0.84, 0.84))
            for side in (-1, 1):
                pen.oval(side * 0.62, 0.45, 0.16, 0.11, rose, outline=False)
        pen.line([(0, 0.22), (0.07 * self.side, 0.32), (0, 0.34)], width=0.8)

    def _draw_eyes(self, pen, glasses):
        wide, high = self.eye_size
        for side in (-1, 1):
            eye = pen.at(side * self.eyes_apart, self.eyes_y)
            if glasses:
                pale = mixed(self.skin, (225, 240, 250), 0.65)
                eye.shape(self._lens(), pale, smooth=None, outline=False)
            draw_eye(eye, wide, high, (WHITE, self.iris), pupil=(0.35, 0.45))
            brow = np.array([(-1.3, 0.1), (0, -0.08), (1.3, self.brow)])
            eye.line(brow * (side * wide, 1) - (0, high + 0.14), width=0.8)

    def _lens(self):
        return 0.36 * circle() if self.lens == "round" else np.array(box(0.36, 0.3))

    def _draw_glasses(self, pen):
        y = self.eyes_y
        inner, outer = self.eyes_apart - 0.36, self.eyes_apart + 0.36
        smooth = None if self.lens == "round" else False
        for side in (-1, 1):
            rim = self._lens() + (side * self.eyes_apart, y)
            pen.line(np.concatenate([rim, rim[:2]]), self.frame, 1.5, smooth)
            pen.line([(side * outer, y), (side * 1.0, y - 0.05)], self.frame, 1.3)
        pen.line([(-inner, y), (0, y - 0.06), (inner, y)], self.frame, 1.5)

    def _draw_mouth(self, pen, smiling):
        if smiling:
            wide = self.smile_width
            mouth = [(-wide, 0.54), (wide, 0.54), (0.85 * wide, 0.78)]
            mouth += [(0.35 * wide, 0.94), (-0.35 * wide, 0.94), (-0.85 * wide, 0.78)]
            pen.shape(mouth, MOUTH)
            teeth = trapezoid(0.9 * wide, 0.75 * wide, 0.57, 0.74)
            pen.shape(teeth, WHITE, outline=False)
        elif self.mouth == "round":
            pen.oval(0, 0.72, 0.11, 0.1, self.lips)
        else:
            drop = 0.0 if self.mouth == "flat" else 0.12
            wide = self.mouth_width
            pen.line([(-wide, 0.72 + drop), (0, 0.72 - drop), (wide, 0.72 + drop)])

    def _draw_mustache(self, pen, hair):
        if self.mustache == "thick":
            half = [(0, 0.36), (0.3, 0.38), (0.52, 0.62), (0.25, 0.6), (0, 0.54)]
        else:
            half = [(0, 0.38), (0.3, 0.4), (0.5, 0.5), (0.7, 0.32), (0.62, 0.58)]
            half += [(0.3, 0.62), (0, 0.53)]
        pen.twins(half, hair)

    def _draw_front_hair(self, pen, hair):
        # 1. Around the skull, from the left temple to the right one.
        skull = 1.08 * around(np.linspace(-np.pi - 0.15, 0.15, 33))
        # 2. Back over the forehead.
        if self.front == "spikes":
            x = np.linspace(0.76, -0.76, 9)
            tips = np.arange(9) % 2 == 1
            y = np.where(tips, -0.2, -0.5)
            y[::2] += self.fringe
        elif self.front == "even":
            x = np.linspace(0.76, -0.76, 7)
            y = -0.28 - 0.12 * (1 - x**2)
        else:
            part = self.side * (0.1 if self.front == "parted" else 0.75)
            x = np.linspace(0.78, -0.78, 13)
            y = -0.75 + 0.5 * np.abs(x - part) ** 0.7
        fringe = np.stack([x, y], axis=1)
        pen.shape([*skull, (0.92, self.locks), *fringe, (-0.92, self.locks)], hair)
        draw_shine(pen, lighter(hair, 0.35), 0.9)

    def _draw_hat(self, pen):
        angle = np.linspace(np.pi, 2 * np.pi, 25)
        dome = np.stack([1.17 * np.cos(angle), 1.1 * np.sin(angle) - 0.55], axis=1)
        if self.hat_style == "brim":
            crown = [(-0.95, -0.6), (-0.85, -1.6), (0.85, -1.6), (0.95, -0.6)]
            # Hair that is wider than the crown is under the brim.
            pen.shape(dome * (0.98, 0.45) - (0, 0.3), self.hat, smooth=None)
            pen.shape([crown[0], *crown, crown[-1]], self.hat, smooth=True)
            pen.shape(box(0.93, 0.15, 0, -0.88), self.hat_band)
            pen.shape(box(1.45, 0.13, 0, -0.65), self.hat)
        elif self.hat_style == "wool":
            pen.oval(0, -1.7, 0.28, 0.28, self.hat_band)
            pen.shape(dome, self.hat, smooth=None, shade=True)
            pen.shape(box(1.22, 0.19, 0, -0.66), self.hat_band)
        else:
            pen.shape(dome, self.hat, smooth=None, shade=True)
            pen.oval(0.35 * self.side, -0.58, 1.05, 0.17, self.hat_band)
