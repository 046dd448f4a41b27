"""The embedded set of coloured drawings: small illustrations for colorization.

`drawings` renders them from a seed, without a network or a download: flat colours,
dark outlines and a little shade, 64x64 pixels. They are made for learning to colour
line art. Some colours follow from the shapes, as that of a sky, of leaves, skin or
wood, and can be learned; others are free, as that of hair, clothes, a roof, a fish or a
balloon, and can only be told by hints.
"""

import colorsys
import functools
import numbers

import numpy as np
from PIL import Image, ImageDraw

IMAGE_SIZE = 64
COUNTS = {"train": 2000, "test": 200}

# Drawn in blocks, each from a random stream of its own, as `street_digits`.
BLOCK_SIZE = 50
# Drawn larger than needed and averaged down, which smooths the edges.
SUPERSAMPLING = 4
LUMA = (0.299, 0.587, 0.114)
# The shadow side of a part. Its luma is 8 % lower: from about an eighth on, the
# extraction of line art would draw its edge, too.
SHADE = (0.90, 0.92, 0.98)
# Ranges of hue (0 red, 1/3 green, 2/3 blue), luma and vividness. Fills are light
# enough, and alike enough in luma, that the outlines are the darkest thing around.
PALETTE = {
    # Colours that follow from the shape.
    "sky": ((0.54, 0.60), (0.74, 0.86), (0.6, 1.0)),
    "dusk": ((0.62, 0.68), (0.50, 0.60), (0.5, 0.8)),
    "cloud": ((0.55, 0.60), (0.94, 0.98), (0.1, 0.4)),
    "sun": ((0.12, 0.15), (0.80, 0.88), (0.9, 1.0)),
    "moon": ((0.13, 0.16), (0.88, 0.95), (0.5, 0.8)),
    "leaf": ((0.25, 0.38), (0.50, 0.70), (0.5, 0.8)),
    "grass": ((0.23, 0.33), (0.62, 0.78), (0.45, 0.7)),
    "sand": ((0.10, 0.13), (0.78, 0.86), (0.5, 0.8)),
    "water": ((0.51, 0.58), (0.55, 0.70), (0.5, 0.75)),
    "wood": ((0.06, 0.09), (0.45, 0.58), (0.5, 0.7)),
    "floor": ((0.07, 0.10), (0.58, 0.72), (0.5, 0.7)),
    "clay": ((0.03, 0.05), (0.50, 0.60), (0.6, 0.8)),
    "red": ((-0.03, 0.02), (0.45, 0.55), (0.8, 1.0)),
    "glass": ((0.50, 0.56), (0.82, 0.92), (0.5, 0.9)),
    "plaster": ((0.09, 0.14), (0.84, 0.93), (0.3, 0.7)),
    "stone": ((0.55, 0.70), (0.55, 0.68), (0.05, 0.2)),
    "rubber": ((0.60, 0.70), (0.38, 0.44), (0.05, 0.2)),
    "white": ((0.10, 0.16), (0.95, 0.98), (0.1, 0.4)),
    # Free colours.
    "free": ((0.0, 1.0), (0.48, 0.78), (0.55, 0.95)),
    "pale": ((0.0, 1.0), (0.78, 0.90), (0.5, 0.9)),
}


def drawings(split="train", count=None, seed=0):
    """Draws small coloured illustrations, for learning to colour line art.

    Every run of ten drawings holds each kind once, in random order: a portrait, a
    child, a house, a tree, flowers, fish, a car, a boat, balloons and toys, each in a
    setting of its own (sky with sun or moon, hills, room, sea, road). Parts, places,
    sizes, slant, light, width of the outlines and colours vary from drawing to drawing.
    Sky, water, leaves, skin and wood have colours of their kind, in varying shades;
    hair, clothes, roofs, fish, cars, sails, balloons, toys and walls any.

    Args:
        split: `"train"` or `"test"`: two separate random streams. Defaults to
            `"train"`.
        count: Positive integer, the number of drawings. Defaults to 2,000 for
            `"train"` and 200 for `"test"`. A smaller count gives the first drawings of
            a larger one.
        seed: Zero or a positive integer. The same seed draws the same images (on
            another machine, or with another version of Pillow or NumPy, single
            pixels may differ slightly). Defaults to `0`.

    Returns:
        A tuple `(images, None)`: a uint8 array of shape `(count, 64, 64, 3)` with
        values in [0, 255], and `None` in the place of labels.

    Raises:
        TypeError: If `split` is no string, or `count` or `seed` no integer.
        ValueError: If `split`, `count` or `seed` is out of range.

    Example:

    >>> images, _ = drawings("test", count=20, seed=7)
    >>> images.shape
    (20, 64, 64, 3)
    """
    _check_split(split)
    count = COUNTS[split] if count is None else count
    _check_integer("count", count, 1, "a positive integer")
    _check_integer("seed", seed, 0, "zero or a positive integer")

    stream = 0 if split == "train" else 1
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 3), "uint8")
    for start in range(0, count, BLOCK_SIZE):
        random = np.random.default_rng([int(seed), stream, start // BLOCK_SIZE])
        kinds = random.permuted(
            np.tile(np.arange(len(KINDS)), (BLOCK_SIZE // len(KINDS), 1)), axis=1
        ).ravel()
        for index, kind in enumerate(kinds[: count - start], start):
            images[index] = _draw(KINDS[kind], random)
    return images, None


def _check_split(split):
    if not isinstance(split, str):
        raise TypeError(
            "Argument `split` must be the string 'train' or 'test'. "
            f"Received: split={split!r} of type {type(split).__name__}"
        )
    if split not in COUNTS:
        raise ValueError(
            f"Argument `split` must be 'train' or 'test'. Received: split={split!r}"
        )


def _check_integer(name, value, lowest, expected):
    message = f"Argument `{name}` must be {expected}. Received: {name}={value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{message} of type {type(value).__name__}")
    if value < lowest:
        raise ValueError(message)


def _draw(kind, random):
    """Draws one image of a kind: uint8 (64, 64, 3)."""
    side = SUPERSAMPLING * IMAGE_SIZE
    image = Image.new("RGB", (side, side))
    pen = _Pen(
        image,
        ink=_color(random.uniform(), random.uniform(0.05, 0.11), 0.6),
        line_width=int(random.integers(4, 7)),
        light=(random.choice((-0.7, 0.7)), -0.7),
        matrix=SUPERSAMPLING * np.eye(2),
        offset=np.zeros(2),
    )
    kind(pen, random)
    return np.asarray(image.reduce(SUPERSAMPLING))


class _Pen:
    """Draws outlined shapes in coordinates of its own: x to the right, y down.

    Those of the first pen are the pixels of the finished image. `at` gives pens for
    figures and their parts, which may be shifted, enlarged and turned; the width of
    lines stays.
    """

    def __init__(self, image, ink, line_width, light, matrix, offset):
        self.image, self.ink, self.line_width = image, ink, line_width
        self.light, self.matrix, self.offset = light, matrix, offset
        self.draw = ImageDraw.Draw(image)

    def at(self, x, y, size=1.0, turn=0.0, mirror=False):
        cosine, sine = size * np.cos(turn), size * np.sin(turn)
        matrix = self.matrix @ np.array([[cosine, -sine], [sine, cosine]])
        if mirror:
            matrix = matrix * (-1.0, 1.0)
        offset = self.offset + self.matrix @ (x, y)
        return _Pen(self.image, self.ink, self.line_width, self.light, matrix, offset)

    def shape(self, points, fill, smooth=False, shade=False, outline=True):
        """Fills a polygon, rounded if `smooth`, with a shadow side if `shade`."""
        points = self._place(points, smooth, closed=True)
        if shade:
            self.draw.polygon(points.ravel().tolist(), _shaded(fill))
            # Shrunk towards a point on the lit side, it leaves the shadow side free.
            middle = points.mean(axis=0)
            lit = points[((points - middle) @ self.light).argmax()]
            anchor = middle + 0.7 * (lit - middle)
            inner = anchor + 0.83 * (points - anchor)
            self.draw.polygon(inner.ravel().tolist(), fill)
        else:
            self.draw.polygon(points.ravel().tolist(), fill)
        if outline:
            points = np.concatenate([points, points[:2]])
            self._stroke(points, self.ink, self.line_width, smooth)

    def oval(self, x, y, width, height, fill, turn=0.0, **options):
        """Fills an ellipse, given by its middle and its half axes."""
        cosine, sine = np.cos(turn), np.sin(turn)
        turned = _circle() * (width, height) @ np.array(
            [[cosine, sine], [-sine, cosine]]
        )
        self.shape(turned + (x, y), fill, smooth=None, **options)

    def line(self, points, color=None, width=1.0, smooth=True):
        points = self._place(points, smooth, closed=False)
        width = max(1, round(width * self.line_width))
        self._stroke(points, color or self.ink, width, smooth)

    def _place(self, points, smooth, closed):
        points = np.asarray(points, "float64")
        if smooth:
            points = _rounding(len(points), closed) @ points
        return points @ self.matrix.T + self.offset

    def _stroke(self, points, color, width, smooth):
        # Where corners are sharp, the gaps between the pieces need filling.
        joint = "curve" if smooth is False else None
        self.draw.line(points.ravel().tolist(), color, width, joint)


@functools.lru_cache
def _circle():
    angle = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@functools.lru_cache
def _rounding(count, closed):
    """Returns the matrix that cuts the corners of `count` points (Chaikin 1974)."""
    weights = np.eye(count)
    for _ in range(3):
        following = np.roll(weights, -1, axis=0)
        pairs = [0.75 * weights + 0.25 * following, 0.25 * weights + 0.75 * following]
        cut = np.stack(pairs, axis=1).reshape(-1, count)
        if not closed:
            # The last pair lies between the last point and the first.
            cut = np.concatenate([weights[:1], cut[1:-3], weights[-1:]])
        weights = cut
    return weights


# Colours ---------------------------------------------------------------------------


def _color(hue, luma, vivid):
    """Returns the colour (red, green, blue) of that hue and luma."""
    pure = colorsys.hsv_to_rgb(hue % 1.0, 1.0, 1.0)
    own = sum(weight * value for weight, value in zip(LUMA, pure, strict=True))
    if own < luma:
        white = (luma - own) / (1.0 - own)
        pure = [value + white * (1.0 - value) for value in pure]
    else:
        pure = [value * luma / own for value in pure]
    return tuple(round(255.0 * (luma + vivid * (value - luma))) for value in pure)


def _pick(random, name):
    return _color(*(random.uniform(low, high) for low, high in PALETTE[name]))


def _shaded(color):
    return tuple(
        round(share * value) for share, value in zip(SHADE, color, strict=True)
    )


def _chance(random, share):
    return random.random() < share


# Settings --------------------------------------------------------------------------


def _backdrop(pen, top, bottom):
    """Fills the image with a gradient."""
    ends = Image.fromarray(np.array([[top], [bottom]], "uint8"))
    pen.image.paste(ends.resize(pen.image.size, Image.Resampling.BILINEAR))


def _sky(pen, random, lowest=40.0):
    """Fills the image with a sky: sun or moon, clouds down to `lowest`, birds."""
    night = _chance(random, 0.2)
    top = _pick(random, "dusk" if night else "sky")
    bottom = tuple(round(value + 0.3 * (255 - value)) for value in top)
    _backdrop(pen, top, bottom)
    x, y = random.uniform(8, 56), random.uniform(7, 14)
    if night:
        _moon(pen.at(x, y, random.uniform(4, 6), random.uniform(-0.6, 0.6)), random)
        for _ in range(random.integers(1, 4)):
            star = pen.at(*random.uniform((4, 4), (60, 24)), random.uniform(1.8, 2.6))
            star.shape(_star(5, 0.5), _pick(random, "moon"))
    elif _chance(random, 0.6):
        sun, color = pen.at(x, y, random.uniform(4, 6)), _pick(random, "sun")
        if _chance(random, 0.6):
            for angle in np.arange(8) * np.pi / 4 + random.uniform(0, 0.8):
                ray = np.array([np.cos(angle), np.sin(angle)])
                sun.line([1.45 * ray, 1.9 * ray], smooth=False)
        sun.oval(0, 0, 1, 1, color)
    for _ in range(random.integers(0, 3)):
        x, y = random.uniform(4, 60), random.uniform(6, 0.6 * lowest)
        _cloud(pen.at(x, y, random.uniform(5, 9)), random)
    if not night and _chance(random, 0.25):
        for _ in range(random.integers(1, 4)):
            bird = pen.at(*random.uniform((6, 5), (58, 20)), random.uniform(1.6, 2.6))
            bird.line([(-1, -0.4), (-0.5, -0.6), (0, 0.3)], width=0.8)
            bird.line([(0, 0.3), (0.5, -0.6), (1, -0.4)], width=0.8)


def _moon(pen, random):
    outer = np.linspace(0.6, 2 * np.pi - 0.6, 24)
    inner = np.linspace(2 * np.pi - 0.95, 0.95, 16)
    crescent = [
        *np.stack([np.cos(outer), np.sin(outer)], axis=1),
        *(np.stack([np.cos(inner), np.sin(inner)], axis=1) * 0.75 + (0.4, 0)),
    ]
    pen.shape(crescent, _pick(random, "moon"))


def _cloud(pen, random):
    bumps = int(random.integers(3, 6))
    x = np.linspace(-1.0, 1.0, bumps)
    height = 0.75 * np.sqrt(1.15 - x**2) * random.uniform(0.8, 1.1, bumps)
    _blobs(pen, np.stack([x, -0.5 * height], axis=1), 0.6, _pick(random, "cloud"))


def _blobs(pen, middles, radius, fill):
    """Draws discs that run into one another, with one outline around all of them."""
    radius = np.broadcast_to(radius, len(middles))
    line = pen.line_width / np.sqrt(abs(np.linalg.det(pen.matrix)))
    for grown, color in ((0.5 * line, pen.ink), (-0.5 * line, fill)):
        for (x, y), size in zip(middles, radius, strict=True):
            pen.oval(x, y, size + grown, size + grown, color, outline=False)


def _land(pen, random, horizon, name="grass", hills=2):
    """Draws hills and the ground below the horizon."""
    for _ in range(random.integers(0, hills + 1)):
        x, width = random.uniform(0, 64), random.uniform(16, 40)
        height = random.uniform(5, 14)
        hill = [
            (x - 1.5 * width, horizon + 4),
            (x - 0.8 * width, horizon + 2),
            (x - 0.3 * width, horizon - 1.3 * height),
            (x + 0.3 * width, horizon - 1.3 * height),
            (x + 0.8 * width, horizon + 2),
            (x + 1.5 * width, horizon + 4),
        ]
        pen.shape(hill, _pick(random, "leaf"), smooth=True)
    y = horizon + random.uniform(-1.0, 1.0, 4)
    ground = [*zip((-24, 12, 52, 88), y, strict=True), (90, 90), (-26, 90)]
    pen.shape(ground, _pick(random, name), smooth=True)
    for _ in range(random.integers(0, 4) if name == "grass" else 0):
        x, y = random.uniform(3, 61), random.uniform(horizon + 4, 62)
        pen.line([(x - 1.5, y - 2), (x - 0.6, y), (x, y - 2.6)], smooth=False)


def _outdoors(pen, random, horizon=(40, 50)):
    horizon = random.uniform(*horizon)
    _sky(pen, random, horizon)
    _land(pen, random, horizon)
    return horizon


def _room(pen, random, edge=(44, 52)):
    """Draws a wall in any pale colour, a wooden floor and something on the wall."""
    wall = _pick(random, "pale")
    _backdrop(pen, wall, wall)
    edge = random.uniform(*edge)
    if _chance(random, 0.75):
        x, y = random.choice((10, 22, 42, 54)) + random.uniform(-3, 3), 16
        frame = pen.at(x, y + random.uniform(-3, 3), random.uniform(7, 10))
        if _chance(random, 0.5):
            _window(frame, 1.0, 1.1, _pick(random, "sky"), _pick(random, "white"))
            if _chance(random, 0.6):
                curtain = _pick(random, "free")
                for side in (-1, 1):
                    cloth = [(1.5, -1.4), (0.75, -1.4), (0.95, 0.2), (1.1, 1.5)]
                    cloth = np.array([*cloth, (1.5, 1.5)]) * (side, 1)
                    frame.shape(cloth, curtain)
        else:
            frame.shape(_box(1.0, 0.8), _pick(random, "wood"))
            frame.shape(_box(0.75, 0.55), _pick(random, "sky"))
            hill = [(-0.75, 0.2), (-0.2, -0.15), (0.3, 0.2), (0.75, 0.0)]
            frame.shape([*hill, (0.75, 0.55), (-0.75, 0.55)], _pick(random, "leaf"))
    pen.shape([(-4, edge), (68, edge), (68, 68), (-4, 68)], _pick(random, "floor"))
    if _chance(random, 0.6):
        top = edge - random.uniform(4.0, 5.5)
        skirting = [(-4, top), (68, top), (68, edge), (-4, edge)]
        pen.shape(skirting, _pick(random, "white"))
    elif _chance(random, 0.6):
        rug = _pick(random, "free")
        pen.oval(random.uniform(24, 40), 58, random.uniform(18, 28), 5, rug)
    return edge


def _box(width, height, x=0.0, y=0.0):
    """Returns the corners of a rectangle, given by its middle and its half sides."""
    return [
        (x - width, y - height),
        (x + width, y - height),
        (x + width, y + height),
        (x - width, y + height),
    ]


def _star(points, inner):
    """Returns a star of radius 1, of which `inner` is the radius between its points."""
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _window(pen, width, height, glass, frame=None):
    if frame is not None:
        pen.shape(_box(1.25 * width, 1.2 * height), frame)
    pen.shape(_box(width, height), glass)
    pen.line([(0, -height), (0, height)], smooth=False, width=0.8)
    pen.line([(-width, 0), (width, 0)], smooth=False, width=0.8)


# People ----------------------------------------------------------------------------


def _portrait(pen, random):
    setting = random.random()
    if setting < 0.4:
        _outdoors(pen, random)
    elif setting < 0.7:
        _room(pen, random, edge=(50, 58))
    else:
        top = _pick(random, "pale")
        _backdrop(pen, top, tuple(round(0.4 * value + 153) for value in top))
    size = random.uniform(13.0, 17.0)
    x, y = 32 + random.uniform(-5, 5), random.uniform(25, 30)
    bust, turn = pen.at(x, y, size), random.uniform(-0.13, 0.13)
    person = _Person(random)
    person.draw_back_hair(bust.at(0, 0, 1, turn))
    _bust(bust, random, person)
    person.draw_head(bust.at(0, 0, 1, turn), large=True)


def _bust(pen, random, person):
    """Draws neck, shoulders and clothes below a head of radius 1."""
    cloth, other = person.cloth, person.other
    width = random.uniform(1.05, 1.4)
    shoulders = [
        (-0.3, 1.2),
        (-0.75 * width, 1.35),
        (-1.05 * width, 1.7),
        (-1.25 * width, 4.0),
        (1.25 * width, 4.0),
        (1.05 * width, 1.7),
        (0.75 * width, 1.35),
        (0.3, 1.2),
    ]
    neck = [(-0.25, 0.6), (0.25, 0.6), (0.3, 1.45), (-0.3, 1.45)]
    pen.shape(shoulders, cloth, smooth=True, shade=True)
    for side in (-1, 1):  # The arms.
        pen.line([(side * 0.8 * width, 2.0), (side * 0.85 * width, 4.0)])
    style = random.integers(5)
    if style == 0:  # A round neckline.
        pen.oval(0, 1.3, 0.5, 0.35, person.skin)
    elif style == 1:  # A sailor's collar with a ribbon.
        pen.shape([(-0.4, 1.2), (-0.95, 1.4), (-0.6, 1.9), (0, 2.15)], other)
        pen.shape([(0.4, 1.2), (0.95, 1.4), (0.6, 1.9), (0, 2.15)], other)
        pen.shape([(-0.35, 1.2), (0.35, 1.2), (0, 1.9)], person.skin)
    elif style == 2:  # A shirt with buttons.
        pen.line([(0, 1.4), (0, 4.0)], smooth=False)
        for y in (1.9, 2.3):
            pen.oval(0.22, y, 0.07, 0.07, other, outline=False)
    elif style == 3:  # A jersey with a stripe.
        stripe = [(-0.78 * width, 1.85), (0.78 * width, 1.85)]
        pen.shape([*stripe, (0.8 * width, 2.2), (-0.8 * width, 2.2)], other)
    pen.shape(neck, person.skin, outline=False)
    for side in (-1, 1):
        pen.line([(side * 0.25, 0.8), (side * 0.28, 1.2), (side * 0.45, 1.35)])
    if style == 4:  # A scarf.
        pen.shape(_box(0.55, 0.22, 0, 1.25), other, smooth=True)
        tail = random.choice((-1, 1))
        pen.shape(_box(0.17, 0.5, 0.3 * tail, 1.85), other, shade=True)
        pen.shape(_box(0.62, 0.24, 0, 1.27), other, smooth=True, shade=True)
    elif style == 1:
        for side in (-1, 1):
            pen.shape([(0, 2.05), (side * 0.45, 1.85), (side * 0.45, 2.3)], cloth)


class _Person:
    """What a person looks like; draws the head, of radius 1 around the origin."""

    def __init__(self, random):
        self.random = random
        # The paler a skin, the more of its colour is left beside grey.
        luma = random.uniform(0.5, 0.88)
        vivid = 0.9 * luma + random.uniform(-0.05, 0.05)
        self.skin = _color(random.uniform(0.055, 0.08), luma, vivid)
        self.hair = _pick(random, "free")
        self.iris = _pick(random, "free")
        self.cloth = _pick(random, "free")
        self.other = _pick(random, random.choice(("free", "white")))
        self.back = random.choice(("none", "long", "bob", "tails", "bun", "ponytail"))
        self.front = random.choice(("spikes", "parted", "swept", "even"))
        self.top = random.choice(("round", "spiky", "curly"), p=(0.6, 0.2, 0.2))
        self.extra = random.choice(
            ("none", "hat", "bow", "glasses", "band"), p=(0.5, 0.14, 0.12, 0.14, 0.1)
        )
        self.side = random.choice((-1, 1))

    def draw_back_hair(self, pen):
        random, hair = self.random, self.hair
        if self.back in ("long", "bob"):
            length = random.uniform(1.5, 2.3) if self.back == "long" else 0.85
            flare = random.uniform(1.05, 1.3)
            outline = [(-0.6, -1.2), (-1.25, -0.7), (-1.2, 0.2), (-flare, length)]
            outline += [(-0.4, length + 0.25), (0.4, length + 0.25), (flare, length)]
            outline += [(1.2, 0.2), (1.25, -0.7), (0.6, -1.2)]
            pen.shape(outline, hair, smooth=True, shade=True)
            if self.back == "long":
                for x in (-0.75, 0.75):
                    pen.line([(x, 0.8), (1.05 * x, length - 0.1)], width=0.8)
        elif self.back == "tails":
            for side in (-1, 1):
                tail = [(0.85, -0.75), (1.55, -0.8), (1.8, 0.3), (1.45, 1.5)]
                tail = [*tail, (1.2, 1.3), (1.25, 0.3)]
                pen.shape(np.array(tail) * (side, 1), hair, smooth=True, shade=True)
        elif self.back == "bun":
            y = random.uniform(-1.3, -1.15)
            pen.oval(0.3 * self.side, y, 0.42, 0.4, hair, shade=True)
        elif self.back == "ponytail":
            tail = [(0.3, -1.1), (1.5, -1.2), (1.9, 0.2), (1.35, 1.4), (1.2, 0.0)]
            tail = np.array(tail) * (self.side, 1)
            pen.shape(tail, hair, smooth=True, shade=True)

    def draw_head(self, pen, large):
        random = self.random
        for side in (-1, 1):
            pen.oval(side * 0.88, 0.2, 0.17, 0.22, self.skin)
        jaw = random.uniform(0.5, 0.75)
        head = [(-0.5, -1.05), (-1.0, -0.6), (-0.95, 0.45), (-jaw, 0.95), (-0.2, 1.1)]
        head += [(-x, y) for x, y in reversed(head)]
        pen.shape(head, self.skin, smooth=True, shade=True)
        self._draw_face(pen, large)
        self._draw_front_hair(pen)
        if self.extra == "hat":
            crown = [(-0.85, -0.6), (-0.8, -1.5), (0.8, -1.5), (0.85, -0.6)]
            crown = [crown[0], *crown, crown[-1]]
            pen.shape(crown, self.other, smooth=True, shade=True)
            pen.shape(_box(1.25, 0.13, 0, -0.62), self.other)
            pen.shape(_box(0.84, 0.14, 0, -0.88), self.cloth)
        elif self.extra == "bow":
            knot = pen.at(0.6 * self.side, -0.95, 0.5, 0.4 * self.side)
            for side in (-1, 1):
                wing = np.array([(0, 0), (0.95, -0.6), (0.95, 0.6)]) * (side, 1)
                knot.shape(wing, self.other)
            knot.oval(0, 0, 0.25, 0.25, self.other)
        elif self.extra == "band":
            x = np.array([-1.0, -0.6, 0.0, 0.6, 1.0])
            low, high = -0.45 - 0.45 * (1 - x**2), -0.7 - 0.5 * (1 - x**2)
            band = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)]
            pen.shape(band, self.other)

    def _draw_face(self, pen, large):
        random = self.random
        distance, y = random.uniform(0.36, 0.44), random.uniform(0.12, 0.25)
        blush = tuple(
            round(a * b) for a, b in zip((1.0, 0.86, 0.86), self.skin, strict=True)
        )
        if _chance(random, 0.6):
            for side in (-1, 1):
                pen.oval(side * 0.55, 0.52, 0.17, 0.11, blush, outline=False)
        wide, high = random.uniform(0.17, 0.22), random.uniform(0.2, 0.29)
        closed = _chance(random, 0.1)
        for side in (-1, 1):
            eye = pen.at(side * distance, y)
            if closed:
                eye.line([(-wide, 0.0), (-0.1, 0.12), (0.1, 0.12), (wide, 0.0)])
            elif large:
                eye.oval(0, 0, wide, high, _pick(random, "white"), outline=False)
                eye.oval(0, 0.02, 0.75 * wide, 0.9 * high, self.iris, outline=False)
                eye.oval(0, 0.02, 0.3 * wide, 0.4 * high, pen.ink, outline=False)
                lid = [(-1.2, 0.1), (-0.9, -1.0), (0.0, -1.2), (0.9, -1.0), (1.2, 0.1)]
                eye.line(np.array(lid) * (wide, high), width=1.2)
                eye.line([(-0.6 * wide, high), (0.6 * wide, high)], width=0.7)
                brow = np.array([(-1.2, 0.12), (0, -0.05), (1.2, 0.05)])
                brow = brow * (side * wide, 1) - (0, high + 0.17)
                if self.extra != "glasses":
                    eye.line(brow, width=0.8)
            else:
                eye.oval(0, 0, 0.55 * wide, 0.75 * high, pen.ink, outline=False)
            if self.extra == "glasses" and large:
                eye.line(0.37 * _circle()[np.r_[:32, :2]], smooth=None)
                eye.line([(side * 0.37, 0), (side * 0.5, -0.03)], smooth=False)
        if self.extra == "glasses" and large:
            pen.line([(0.37 - distance, y), (distance - 0.37, y)], smooth=False)
        if large:
            pen.line([(0, 0.45), (0.05 * self.side, 0.52)], width=0.8, smooth=False)
        mouth, wide = random.integers(3), random.uniform(0.16, 0.26)
        if mouth == 0 and large:
            lips = [(-1.0, 0.66), (1.0, 0.66), (0.6, 0.88), (-0.6, 0.88)]
            pen.shape(np.array(lips) * (wide, 1), _pick(random, "red"), smooth=True)
        else:
            drop = random.uniform(0.0, 0.12)
            pen.line([(-wide, 0.7), (0.0, 0.7 + 2 * drop), (wide, 0.7)])

    def _draw_front_hair(self, pen):
        random = self.random
        # 1. Around the skull, from the left temple to the right one.
        angle = np.linspace(-np.pi - 0.15, 0.15, 33)
        radius = np.full(33, 1.08)
        if self.top == "spiky":
            radius[4:-4:4] += random.uniform(0.15, 0.35, 7)
            angle, radius = angle[::2], radius[::2]
        elif self.top == "curly":
            radius += 0.12 * np.abs(np.sin(7.5 * (angle + 0.3)))
        skull = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        # 2. Back over the forehead.
        if self.front == "spikes":
            steps = 2 * int(random.integers(2, 5)) + 1
            x = np.linspace(0.8, -0.8, steps)
            tips = np.arange(steps) % 2 == 1
            y = np.where(tips, -0.05, -0.5) + random.uniform(-0.1, 0.1, steps)
        elif self.front == "even":
            x = np.linspace(0.8, -0.8, 7)
            y = -0.22 - 0.12 * (1 - x**2)
        else:
            part = self.side * (0.1 if self.front == "parted" else 0.75)
            x = np.linspace(0.85, -0.85, 13)
            y = -0.82 + 0.62 * np.abs(x - part) ** 0.7
        lock = random.uniform(0.2, 0.6)
        fringe = np.stack([x, y], axis=1)
        outline = [*skull, (0.95, lock), *fringe, (-0.95, lock)]
        pen.shape(outline, self.hair, shade=False)
        shine = [(-0.6, -0.72), (-0.35, -0.88), (-0.05, -0.93)]
        if self.extra in ("none", "glasses") and _chance(random, 0.5):
            light = tuple(round(value + 0.4 * (255 - value)) for value in self.hair)
            pen.line(np.array(shine) * (-np.sign(pen.light[0]), 1), light, 0.8)


def _child(pen, random):
    indoors = _chance(random, 0.3)
    _room(pen, random) if indoors else _outdoors(pen, random)
    size = random.uniform(8.5, 11.0)
    x, feet = 32 + random.uniform(-12, 12), random.uniform(57, 61)
    child = pen.at(x, feet - 3.75 * size, size, random.uniform(-0.06, 0.06))
    person = _Person(random)
    cloth, other = person.cloth, person.other
    head = child.at(0, 0, 1.0, random.uniform(-0.1, 0.1))
    person.draw_back_hair(head)

    # 1. Legs with shoes, one arm down and one up, perhaps with a balloon.
    shoes, legs = _pick(random, "free"), _pick(random, "free")
    trousers = _chance(random, 0.5)
    for side in (-1, 1):
        leg = [(0.08, 2.2), (0.5, 2.2), (0.48, 3.5), (0.14, 3.5)]
        color = legs if trousers else person.skin
        child.shape(np.array(leg) * (side, 1), color, shade=True)
        child.oval(side * 0.4, 3.6, 0.34, 0.18, shoes)
    up = random.choice((-1, 1))
    for side in (-1, 1):
        hand = np.array([1.3, 0.7 if side == up else 1.95]) * (side, 1)
        if side == up and _chance(random, 0.5):
            top = hand + (0.3 * side, -random.uniform(1.8, 2.2))
            child.line([hand, hand + (0.2 * side, -0.6), top], width=0.7)
            _balloon(child.at(*top), 0.75, 0.9, _pick(random, "free"))
        child.oval(*hand, 0.2, 0.2, person.skin)
        sleeve = [(0.3, 1.15), (0.6, 1.2), hand * (side, 1), hand * (side, 1)]
        sleeve = np.array(sleeve) + [(0, 0), (0, 0), (0.05, 0.1), (-0.15, -0.12)]
        sleeve[1:3] += (0.0, 0.2) if side != up else (0.05, 0.15)
        child.shape(sleeve * (side, 1), cloth)

    # 2. A dress or a shirt.
    hem, y = (0.6, 2.35) if trousers else (random.uniform(0.8, 1.05), 2.75)
    dress = [(-0.35, 1.0), (0.35, 1.0), (0.5, 1.5), (hem, y), (-hem, y), (-0.5, 1.5)]
    child.shape(dress, cloth, shade=True)
    if _chance(random, 0.5):
        child.shape(_box(0.5, 0.14, 0, 1.75), other)
    elif not trousers:
        border = [(-hem, y), (hem, y), (hem - 0.1, y - 0.3), (0.1 - hem, y - 0.3)]
        child.shape(border, other)
    person.draw_head(head, large=False)


# Things ----------------------------------------------------------------------------


def _house(pen, random):
    horizon = _outdoors(pen, random, (42, 52))
    if _chance(random, 0.5):
        x = random.choice((8, 56)) + random.uniform(-4, 4)
        _plant_tree(pen.at(x, horizon + 3, random.uniform(10, 14)), random)
    base = random.uniform(52, 58)
    width, height = random.uniform(13, 19), random.uniform(15, 22)
    x = 32 + random.uniform(-7, 7)
    house = pen.at(x, base, 1.0, random.uniform(-0.03, 0.03))
    roof, wall = _pick(random, "free"), _pick(random, "plaster")
    pitch, eaves = random.uniform(10, 16), random.uniform(2, 4)

    # 1. The chimney, with smoke.
    if _chance(random, 0.7):
        side = random.choice((-1, 1)) * 0.5 * width
        top = -height - 0.75 * pitch - 3
        house.shape(_box(2.3, 7, side, top + 7), _pick(random, "clay"))
        if _chance(random, 0.5):
            puffs = [(side + 1, top - 3), (side + 3, top - 6), (side + 6, top - 8)]
            _blobs(house, puffs, (1.6, 2.0, 2.5), _pick(random, "cloud"))

    # 2. Walls and roof.
    house.shape(_box(width, height / 2, 0, -height / 2), wall, shade=True)
    style = random.integers(3)
    if style == 0:
        gable = [(-width - eaves, -height + 1), (width + eaves, -height + 1)]
        house.shape([*gable, (0, -height - pitch)], roof, shade=True)
        if _chance(random, 0.6):
            house.oval(0, -height - 0.3 * pitch, 2.6, 2.6, _pick(random, "glass"))
    else:
        ridge = width * (0.55 if style == 1 else 0.85)
        slopes = [(-width - eaves, -height + 1), (width + eaves, -height + 1)]
        slopes += [(ridge, -height - 0.8 * pitch), (-ridge, -height - 0.8 * pitch)]
        house.shape(slopes, roof, shade=True)
        for row in (0.3, 0.55):  # Rows of tiles.
            y = -height + 1 - row * pitch
            reach = (width + eaves) * (1 - row) + ridge * row - 2.5
            house.line([(-reach, y), (reach, y)], width=0.7, smooth=False)

    # 3. The door on one side, windows on the other.
    door_x = random.choice((-0.5, 0.0, 0.5)) * width
    door, tall = _pick(random, "free"), random.uniform(9, 11)
    house.shape(_box(3.4, tall / 2, door_x, -tall / 2), door, shade=True)
    house.oval(door_x + 1.8, -tall / 2, 0.7, 0.7, house.ink, outline=False)
    glass, shutters = _pick(random, "glass"), _pick(random, "free")
    has_shutters = _chance(random, 0.4)
    for place in (-0.55, 0.55):
        if abs(place * width - door_x) > 6:
            y, side = -0.55 * height, random.uniform(2.8, 3.4)
            if has_shutters:
                house.shape(_box(side + 2.2, side, place * width, y), shutters)
            _window(house.at(place * width, y), side, side, glass)
    if _chance(random, 0.5):
        bush = _pick(random, "leaf")
        middle = -random.choice((-1, 1)) * width
        places = [(middle - 3, -1), (middle, -2.5), (middle + 3, -1)]
        _blobs(house, places, 3.0, bush)


def _plant_tree(pen, random):
    """Draws a tree of height 2 that stands on the origin."""
    trunk, leaf = _pick(random, "wood"), _pick(random, "leaf")
    width = random.uniform(0.1, 0.16)
    flare = [(-1.6 * width, 0), (-width, -0.3), (-width, -1), (width, -1)]
    pen.shape([*flare, (width, -0.3), (1.6 * width, 0)], trunk, shade=True)
    style = random.integers(4)
    if style == 0:  # A fir.
        tiers, wide = int(random.integers(2, 5)), random.uniform(0.55, 0.75)
        for tier in range(tiers):
            low = -0.45 - 1.1 * tier / tiers
            reach = wide * (1 - 0.65 * tier / tiers)
            top = low - 1.6 / tiers
            pen.shape([(-reach, low), (reach, low), (0, top)], leaf, shade=True)
        return
    if style == 1:  # A poplar.
        pen.oval(0, -1.25, random.uniform(0.4, 0.55), 0.8, leaf, shade=True)
    elif style == 2:  # A ball.
        pen.oval(0, -1.25, random.uniform(0.6, 0.72), 0.65, leaf, shade=True)
    else:  # A crown of leaves in clumps.
        bumps = int(random.integers(6, 9))
        angle = np.arange(bumps) * 2 * np.pi / bumps + random.uniform(0, 1)
        ring = np.stack([0.5 * np.cos(angle), 0.42 * np.sin(angle)], axis=1)
        _blobs(pen, [(0, -1.25), *(ring - (0, 1.25))], 0.34, leaf)
        for x, y in random.uniform((-0.35, -1.5), (0.35, -1.0), (2, 2)):
            pen.line([(x - 0.12, y), (x, y + 0.1), (x + 0.12, y)], width=0.8)
    if _chance(random, 0.5):
        fruit = _pick(random, "red")
        for x, y in random.uniform((-0.3, -1.6), (0.3, -0.9), (4, 2)):
            pen.oval(x, y, 0.1, 0.1, fruit)


def _tree(pen, random):
    horizon = _outdoors(pen, random)
    x = 32 + random.uniform(-9, 9)
    if _chance(random, 0.6):
        other = x + random.choice((-1, 1)) * random.uniform(18, 26)
        _plant_tree(pen.at(other, horizon + 2, random.uniform(10, 15)), random)
    turn = random.uniform(-0.07, 0.07)
    size = random.uniform(22, 27)
    _plant_tree(pen.at(x, random.uniform(54, 60), size, turn), random)
    if _chance(random, 0.5):
        _mushroom(pen.at(x + random.choice((-13, 13)), 60, 5), random)
    if _chance(random, 0.3):
        kite = pen.at(*random.uniform((8, 8), (56, 22)), 6, random.uniform(-0.5, 0.5))
        kite.line([(0, 1), (0.4, 1.6), (-0.2, 2.2), (0.3, 2.8)], width=0.8)
        kite.shape([(0, -1.2), (0.8, 0), (0, 1.2), (-0.8, 0)], _pick(random, "free"))
        kite.shape([(0, -1.2), (0.8, 0), (0, 1.2)], _pick(random, "free"))


def _mushroom(pen, random):
    pen.shape(_box(0.3, 0.6, 0, -0.5), _pick(random, "white"), smooth=True)
    cap = [(-1.0, -0.7), (-0.9, -1.6), (0.9, -1.6), (1.0, -0.7)]
    pen.shape([cap[0], *cap, cap[-1]], _pick(random, "free"), smooth=True)


def _flowers(pen, random):
    if in_pot := _chance(random, 0.5):
        _room(pen, random, edge=(46, 54))
    else:
        _outdoors(pen, random)
    count = int(random.integers(1, 4))
    foot = np.array([32 + random.uniform(-6, 6), 50.0 if in_pot else 60.0])
    spread = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    stem, petals = _pick(random, "leaf"), _pick(random, "free")
    same = _chance(random, 0.4)
    for place in random.permutation(spread):
        size = random.uniform(8.5, 11) if count == 1 else random.uniform(6, 7.5)
        bloom = foot + (
            place * (11 if count == 2 else 18) + random.uniform(-2, 2),
            -random.uniform(24, 34),
        )
        start = foot + (0.0 if in_pot else 8 * place, 0)
        bend = (start + bloom) / 2 + (4 * place, 3)
        pen.line([start, bend, bloom], width=2.6)
        pen.line([start, bend, bloom], stem, width=1.2)
        _bloom(
            pen.at(*bloom, size, 0.25 * place + random.uniform(-0.2, 0.2)),
            random,
            petals if same else _pick(random, "free"),
        )
    for side in (-1, 1):
        leaf = np.array([(0, 0), (0.3, -0.8), (1.3, -1.0), (1.1, -0.3)])
        at = pen.at(*(foot - (0, random.uniform(0, 5))), random.uniform(7, 10))
        at.shape(leaf * (side, 1), stem, smooth=True)
    if in_pot:
        pot = pen.at(*foot, random.uniform(8, 10))
        body = [(-0.8, 0), (0.8, 0), (0.6, 1.3), (-0.6, 1.3)]
        pot.shape(body, _pick(random, "clay"), shade=True)
        pot.shape(_box(0.95, 0.2), _pick(random, "clay"))


def _bloom(pen, random, petals):
    """Draws a flower head of radius 1."""
    middle = _pick(random, "sun")
    if _chance(random, 0.25):  # A tulip.
        cup = [(-0.75, -1.0), (-0.35, -0.4), (0, -1.1), (0.35, -0.4), (0.75, -1.0)]
        cup += [(0.8, 0.1), (0.3, 0.75), (-0.3, 0.75), (-0.8, 0.1)]
        pen.shape(cup, petals, shade=True)
        pen.line([(0, -0.3), (0, 0.4)], width=0.8)
        return
    count = int(random.integers(5, 9))
    wide = 1.1 / count**0.6
    for angle in np.arange(count) * 2 * np.pi / count:
        x, y = 0.6 * np.cos(angle), 0.6 * np.sin(angle)
        pen.oval(x, y, 0.42, wide, petals, turn=angle)
    radius = random.uniform(0.3, 0.42)
    pen.oval(0, 0, radius, radius, middle, shade=True)


def _fish(pen, random):
    deep = _pick(random, "water")
    shallow = tuple(round(value + 0.35 * (255 - value)) for value in deep)
    _backdrop(pen, shallow, deep)
    bottom = random.uniform(50, 57)
    _land(pen, random, bottom, "sand", hills=0)
    for _ in range(random.integers(1, 4)):  # Seaweed.
        x, tall = random.uniform(4, 60), random.uniform(12, 26)
        sway = random.uniform(2.0, 3.5) * random.choice((-1, 1))
        y = np.linspace(0, -tall, 6)
        wave = sway * np.array([0, 1, -1, 1, -1, 0])
        wide = np.array([1.6, 2.2, 2.2, 2.0, 1.6, 0.3])
        left = np.stack([x + wave - wide, bottom + 5 + y], axis=1)
        right = np.stack([x + wave + wide, bottom + 5 + y], axis=1)
        pen.shape([*left, *right[::-1]], _pick(random, "leaf"), smooth=True)
    if _chance(random, 0.4):
        x, color = random.uniform(8, 56), _pick(random, "free")
        star = pen.at(x, bottom + 5, 5, random.uniform(-0.5, 0.5))
        star.shape(_star(5, 0.5), color)
    if _chance(random, 0.4):
        x, size = random.uniform(6, 58), random.uniform(3, 6)
        stone = [(-1.2, 0.6), (-0.8, -0.8), (0.5, -0.9), (1.3, 0.6)]
        pen.at(x, bottom + 4, size).shape(stone, _pick(random, "stone"), smooth=True)
    if _chance(random, 0.45):
        heights = random.permutation((random.uniform(13, 17), random.uniform(35, 39)))
        for y in heights:
            x = random.uniform(24, 40)
            _one_fish(pen, random, x, y, random.uniform(8.0, 10.5))
    else:
        x, y = random.uniform(28, 36), random.uniform(24, 32)
        _one_fish(pen, random, x, y, random.uniform(13, 17))


def _one_fish(pen, random, x, y, size):
    mirror = _chance(random, 0.5)
    fish = pen.at(x, y, size, random.uniform(-0.25, 0.25), mirror)
    color, other = _pick(random, "free"), _pick(random, "free")
    tall = random.uniform(0.6, 0.95)
    fork = random.uniform(0.9, 1.25)
    tail = [(0.75, 0), (1.5, -0.75), (fork + 0.15, 0), (1.5, 0.75)]
    fish.shape(tail, other, shade=True)
    back = [(-0.4, -0.6 * tall), (0.1, -tall - 0.4), (0.6, -tall - 0.1), (0.6, -0.3)]
    fish.shape(back, other, smooth=_chance(random, 0.5))
    belly = [(-0.1, 0.6 * tall), (0.3, tall + 0.25), (0.5, 0.4)]
    fish.shape(belly, other)
    body = [(-1.25, 0.0), (-0.9, -0.7 * tall), (-0.1, -1.05 * tall), (0.7, -0.35)]
    body += [(1.15, -0.2), (1.15, 0.2), (0.7, 0.35), (-0.1, 1.05 * tall)]
    fish.shape([*body, (-0.9, 0.7 * tall)], color, smooth=True, shade=True)
    # Small fish keep to few lines.
    pattern = random.integers(3) if size > 11 else 0
    if pattern == 0 and _chance(random, 0.7):  # Stripes.
        for place in (-0.15, 0.35):
            half = tall * (0.78 - 0.75 * abs(place + 0.2))
            band = [(-0.1, -half), (0.1, -half), (0.16, 0), (0.1, half), (-0.1, half)]
            fish.shape(np.array(band) + (place, 0), other)
    elif pattern == 1:  # Spots.
        for place in ((0.0, -0.3), (0.35, 0.1), (0.0, 0.35)):
            fish.oval(*np.multiply(place, (1, tall)), 0.13, 0.13, other)
    elif pattern == 2:  # Scales.
        for place in ((0.05, -0.3), (0.4, -0.1), (0.05, 0.2), (0.4, 0.3)):
            scale = np.array([(-0.1, -0.14), (0.12, 0.0), (-0.1, 0.14)])
            fish.line(scale + np.multiply(place, (1, tall)), width=0.8)
    if size > 11:
        fish.line([(-0.45, -0.5 * tall), (-0.3, 0), (-0.45, 0.5 * tall)])
    fin = [(-0.2, 0.15), (0.2, 0.1), (0.25, 0.5)]
    if pattern == 2:
        fish.shape(np.array(fin), other)
    eye = fish.at(-0.75, -0.18 * tall)
    eye.oval(0, 0, 0.19, 0.19, _pick(random, "white"))
    eye.oval(-0.02, 0, 0.09, 0.09, fish.ink, outline=False)
    fish.line([(-1.1, 0.2), (-0.95, 0.28), (-0.8, 0.24)], width=0.9)
    for step in range(random.integers(0, 4)):
        radius = 0.09 + 0.03 * step
        place = (-1.4 - 0.1 * step, -0.3 - 0.45 * step)
        fish.oval(*place, radius, radius, _pick(random, "glass"))


def _car(pen, random):
    horizon = random.uniform(38, 46)
    _sky(pen, random, horizon)
    _land(pen, random, horizon)
    for _ in range(random.integers(0, 3)):
        x = random.uniform(2, 62)
        _plant_tree(pen.at(x, horizon + 2, random.uniform(8, 13)), random)
    road = random.uniform(47, 50)
    pen.shape(_box(40, 12, 32, road + 12), _pick(random, "stone"))
    if _chance(random, 0.7):
        dash = random.uniform(0, 16)
        for x in np.arange(-16, 64, 18) + dash:
            pen.shape(_box(4, 0.8, x, 61), _pick(random, "white"), outline=False)
    paint, glass = _pick(random, "free"), _pick(random, "glass")
    x, size = 32 + random.uniform(-5, 5), random.uniform(16, 20)
    turn, mirror = random.uniform(-0.03, 0.03), _chance(random, 0.5)
    car = pen.at(x, road + 7, size, turn, mirror)
    style, front = random.integers(3), random.uniform(-0.7, -0.5)
    if style == 0:  # A saloon.
        cabin = [(front, -0.75), (front + 0.35, -1.3), (0.45, -1.3), (0.85, -0.75)]
        car.shape(cabin, paint, shade=True)
        middle = random.uniform(-0.05, 0.1)
        pane = [(front + 0.17, -0.78), (front + 0.42, -1.17), (middle, -1.17)]
        car.shape([*pane, (middle, -0.78)], glass)
        middle += 0.13
        pane = [(middle, -0.78), (middle, -1.17), (0.4, -1.17), (0.65, -0.78)]
        car.shape(pane, glass)
        bonnet = [(-1.35, -0.2), (-1.35, -0.55), (-1.1, -0.75), (-0.4, -0.82)]
        body = [*bonnet, (0.8, -0.82), (1.3, -0.72), (1.35, -0.2)]
    elif style == 1:  # A bus.
        body = [(-1.35, -0.2), (-1.35, -0.9), (-1.2, -1.45), (1.3, -1.45), (1.35, -0.2)]
    else:  # A lorry with a load of any colour.
        car.shape(_box(0.9, 0.55, 0.5, -0.95), _pick(random, "free"), shade=True)
        body = [(-1.35, -0.2), (-1.35, -0.7), (-1.1, -1.2), (-0.45, -1.2)]
        body += [(-0.45, -0.42), (1.35, -0.42), (1.35, -0.2)]
    car.shape(body, paint, shade=style != 2)
    if style == 1:
        for place in np.linspace(-0.95, 0.9, int(random.integers(3, 6))):
            car.shape(_box(0.17, 0.2, place, -1.08), glass)
        stripe = _pick(random, "free")
        car.shape(_box(1.35, 0.1, 0, -0.65), stripe)
    elif style == 2:
        car.shape([(-1.22, -0.7), (-1.03, -1.08), (-0.6, -1.08), (-0.6, -0.7)], glass)
    else:
        car.line([(0.03, -0.78), (0.03, -0.25)], width=0.8, smooth=False)
        car.line([(0.15, -0.6), (0.32, -0.6)], smooth=False)
    car.shape(_box(0.07, 0.1, -1.3, -0.48), _pick(random, "sun"))
    if style != 2:
        car.shape(_box(0.07, 0.1, 1.3, -0.5), _pick(random, "red"))
    wheel = random.uniform(0.26, 0.32)
    rubber, hub = _pick(random, "rubber"), _pick(random, "white")
    for place in (-0.8, 0.8):
        car.oval(place, -0.18, wheel, wheel, rubber)
        car.oval(place, -0.18, 0.45 * wheel, 0.45 * wheel, hub)


def _boat(pen, random):
    horizon = random.uniform(34, 42)
    _sky(pen, random, horizon)
    if _chance(random, 0.4):
        x, wide = random.choice((6, 58)), random.uniform(10, 18)
        peak = [(x - 4, horizon - 9), (x + 4, horizon - 8)]
        island = [(x - wide, 45), *peak, (x + wide, 45)]
        pen.shape(island, _pick(random, "leaf"), smooth=True)
    sea = _pick(random, "water")
    pen.shape(_box(40, 20, 32, horizon + 20), sea)
    middle, size = 32 + random.uniform(-7, 7), random.uniform(14, 18)
    level, turn = random.uniform(49, 54), random.uniform(-0.1, 0.1)
    boat = pen.at(middle, level, size, turn, mirror=_chance(random, 0.5))
    hull, trim = _pick(random, "free"), _pick(random, "free")
    if _chance(random, 0.6):  # A sailing boat.
        mast = random.uniform(2.1, 2.5)
        boat.shape(_box(0.06, mast / 2, 0.05, -mast / 2), _pick(random, "wood"))
        bulge = random.uniform(0.0, 0.25)
        main = [(0.15, -mast + 0.1), (0.7 + bulge, -1.2), (1.15, -0.6), (0.15, -0.6)]
        boat.shape(main, _pick(random, "free"), shade=True)
        if _chance(random, 0.7):
            jib = [(-0.05, -mast + 0.3), (-0.05, -0.6), (-0.95, -0.6)]
            boat.shape(jib, _pick(random, random.choice(("free", "white"))), shade=True)
        flag = [(0.05, -mast - 0.3), (0.5, -mast - 0.15), (0.05, -mast)]
        boat.shape(flag, trim)
        boat.line([(0.05, -mast), (0.05, -mast - 0.3)], smooth=False)
    else:  # A steamer.
        boat.shape(_box(0.18, 0.5, 0.1, -1.45), _pick(random, "free"), shade=True)
        if _chance(random, 0.7):
            puffs = [(0.25, -2.15), (0.55, -2.4), (0.95, -2.55)]
            _blobs(boat, puffs, (0.14, 0.19, 0.24), _pick(random, "cloud"))
        boat.shape(_box(0.75, 0.4, 0.1, -0.8), _pick(random, "white"), shade=True)
        for place in (-0.35, 0.1, 0.55):
            boat.oval(place, -0.82, 0.14, 0.14, _pick(random, "glass"))
    side = [(-1.35, -0.5), (1.2, -0.45), (0.95, 0.3), (-0.85, 0.3)]
    boat.shape(side, hull, shade=True)
    rim = [(-1.35, -0.5), (1.2, -0.45), (1.15, -0.25), (-1.22, -0.28)]
    boat.shape(rim, trim)
    front = pen.at(0, level + 1)
    y = np.resize((0.0, 2.0), 14)
    waves = [*zip(np.linspace(-8, 72, 14), y, strict=True), (72, 30), (-8, 30)]
    front.shape(waves, _shaded(sea), smooth=True)
    for _ in range(random.integers(1, 4)):
        x, y = random.uniform(6, 58), random.uniform(horizon + 3, 62)
        if y > level + 4 or (y < level - 3 and abs(x - middle) > 1.4 * size):
            wave = zip((-3, -1.5, 0, 1.5, 3), (0, -1.5, 0, -1.5, 0), strict=True)
            pen.at(x, y).line(list(wave), width=0.8)


def _balloon(pen, width, height, color):
    """Draws a toy balloon whose knot is the origin."""
    pen.shape([(0, -0.2), (0.18, 0.1), (-0.18, 0.1)], color)
    half = np.array([(0.0, -0.05), (0.75, -0.5), (1.15, -1.35), (0.6, -2.05)])
    half *= (width, height)
    outline = [*half, *(half[:0:-1] * (-1, 1))]
    pen.shape(outline, color, smooth=True, shade=True)
    light = tuple(round(value + 0.6 * (255 - value)) for value in color)
    side = np.sign(pen.light[0] * pen.matrix[0, 0])
    x, y = 0.42 * side * width, -1.5 * height
    pen.oval(x, y, 0.14 * width, 0.22 * height, light, 0.4 * side, outline=False)


def _balloons(pen, random):
    _outdoors(pen, random, (50, 58))
    if _chance(random, 0.4):
        size = random.uniform(15, 19)
        x, y = 32 + random.uniform(-8, 8), random.uniform(22, 25)
        balloon = pen.at(x, y, size, random.uniform(-0.08, 0.08))
        for place in (-0.35, 0.35):
            balloon.line([(1.4 * place, 0.8), (0.6 * place, 1.5)], smooth=False)
        basket = [(-0.27, 1.4), (0.27, 1.4), (0.22, 1.8), (-0.22, 1.8)]
        balloon.shape(basket, _pick(random, "wood"), shade=True)
        colors = [_pick(random, "free"), _pick(random, "free")]
        # From the outermost gore to the one in the middle.
        gores = int(random.integers(2, 4))
        for gore, wide in enumerate(np.linspace(1.0, 0.25, gores)):
            half = [(0.0, -1.02), (0.7, -1.0), (1.25, -0.2), (0.75, 0.55), (0.35, 1.1)]
            half = np.array(half) * (wide, 1)
            outline = [*half, *(half[:0:-1] * (-1, 1))]
            balloon.shape(outline, colors[gore % 2], smooth=True, shade=gore == 0)
        return
    count = int(random.integers(2, 6))
    hand = (32 + random.uniform(-6, 6), random.uniform(54, 64))
    places = np.linspace(-1, 1, count) * (9 if count < 4 else 19)
    for index in random.permutation(count):
        size = random.uniform(6.0, 8.5)
        x = 32 + places[index] + random.uniform(-3, 3)
        y = random.uniform(24, 30) + 8 * (index % 2)
        pen.line([(x, y), (x, y + 10), hand], width=0.7)
        turn = np.clip((x - hand[0]) / 60, -0.35, 0.35)
        tall = random.uniform(1.0, 1.2)
        _balloon(pen.at(x, y, size, turn), 1.0, tall, _pick(random, "free"))


def _toys(pen, random):
    _room(pen, random, edge=(40, 48))
    floor = random.uniform(55, 59)
    if _chance(random, 0.5):  # A pile of bricks in front of the wall.
        side = random.uniform(6.0, 7.5)
        columns = int(random.integers(2, 4))
        left = 32 - side * (columns - 1) + random.uniform(-8, 8)
        for column in range(columns):
            for row in range(random.integers(1, 4)):
                x = left + 2 * side * column + random.uniform(-0.8, 0.8)
                y = floor - side * (2 * row + 1)
                brick = pen.at(x, y, side, random.uniform(-0.04, 0.04))
                brick.shape(_box(1, 1), _pick(random, "free"), shade=True)
                _emblem(brick.at(0, 0, 0.55), random, _pick(random, "free"))
            if row < 2 and _chance(random, 0.5):
                top = pen.at(x, y - side, side)
                top.shape([(-1, 0), (1, 0), (0, -1.3)], _pick(random, "free"))
    else:  # Rings on a stick.
        rings = int(random.integers(3, 6))
        x, wide = 32 + random.uniform(-10, 10), random.uniform(13, 16)
        tower = pen.at(x, floor, 1.0, random.uniform(-0.04, 0.04))
        tall = 30 / rings
        tower.shape(_box(1.5, 4, 0, -34), _pick(random, "wood"), smooth=True)
        for ring in range(rings):
            reach = wide * (1 - 0.6 * ring / rings)
            y = -tall * (ring + 0.5)
            outline = [(-reach, y - tall / 2), (reach, y - tall / 2)]
            outline += [(reach + 1.5, y), (reach, y + tall / 2), (-reach, y + tall / 2)]
            color = _pick(random, "free")
            tower.shape([*outline, (-reach - 1.5, y)], color, shade=True)
    if _chance(random, 0.75):  # A ball in front.
        size = random.uniform(6, 8.5)
        x = random.choice((11, 53)) + random.uniform(-3, 3)
        ball = pen.at(x, 62 - size, size, random.uniform(0, 6.3))
        ball.oval(0, 0, 1, 1, _pick(random, "free"), shade=True)
        edge = np.array([(-0.95, -0.3), (-0.4, -0.12), (0.4, -0.12), (0.95, -0.3)])
        ball.shape([*edge, *(edge[::-1] * (1, -1))], _pick(random, "free"))
    if _chance(random, 0.4):  # A bunting below the ceiling.
        for x in np.arange(-2, 70, 9) + random.uniform(-4, 4):
            cloth = [(x - 4, 1), (x + 4, 1), (x, 8)]
            pen.shape(cloth, _pick(random, "free"))


def _emblem(pen, random, color):
    style = random.integers(4)
    if style == 0:
        pen.shape(1.15 * _star(5, 0.45), color)
    elif style == 1:
        pen.oval(0, 0, 0.9, 0.9, color)
    elif style == 2:
        heart = [(0, 1.15), (-1.35, -0.1), (-1.0, -1.25), (0, -1.0), (0, -0.3)]
        heart = [*heart, (0, -1.0), (1.0, -1.25), (1.35, -0.1)]
        pen.shape(heart, color, smooth=True)
    else:
        pen.shape([(0, -1), (1, 0.8), (-1, 0.8)], color)


KINDS = (
    _portrait,
    _child,
    _house,
    _tree,
    _flowers,
    _fish,
    _car,
    _boat,
    _balloons,
    _toys,
)
