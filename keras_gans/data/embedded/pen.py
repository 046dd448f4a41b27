"""The pen that draws the embedded pictures: outlined shapes, outlines and colours."""

import colorsys
import copy
import functools

import numpy as np
from PIL import Image, ImageDraw

from keras_gans.pixels import LUMA

# Pictures are drawn larger than needed and averaged down, which smooths the edges.
SUPERSAMPLING = 4
# The shadow side of a part. Its luma is 8 % lower: with about an eighth, the
# extraction of line art would draw its edge, too.
SHADE = (0.90, 0.92, 0.98)


class Pen:
    """Draws outlined shapes in coordinates of its own: x to the right, y down.

    Those of the first pen are the pixels of the finished image. `at` gives pens for
    figures and their parts, which may be shifted, enlarged and turned; the width of
    lines stays. The image is of `size` pixels in height and width. Where a colour is
    given by a name, `pick` draws one of that name.
    """

    def __init__(self, size, ink, line_width, light, pick=None):
        self.image = Image.new("RGB", (SUPERSAMPLING * size, SUPERSAMPLING * size))
        self.draw = ImageDraw.Draw(self.image)
        self.ink, self.line_width = ink, line_width
        self.light, self.pick = light, pick
        self.matrix, self.offset = SUPERSAMPLING * np.eye(2), np.zeros(2)

    def picture(self):
        """Returns the finished image, uint8 of shape `(size, size, 3)`."""
        return np.asarray(self.image.reduce(SUPERSAMPLING))

    def at(self, x, y, size=1.0, turn=0.0, mirror=False):
        cosine, sine = size * np.cos(turn), size * np.sin(turn)
        pen = copy.copy(self)
        pen.matrix = self.matrix @ np.array([[cosine, -sine], [sine, cosine]])
        if mirror:
            pen.matrix = pen.matrix * (-1.0, 1.0)
        pen.offset = self.offset + self.matrix @ (x, y)
        return pen

    def shape(self, points, fill, smooth=False, shade=False, outline=True):
        """Fills a polygon, rounded if `smooth`, with a shadow side if `shade`."""
        points, fill = self._place(points, smooth, closed=True), self._color(fill)
        if shade:
            self.draw.polygon(points.ravel().tolist(), tinted(fill, SHADE))
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
        turned = circle() * (width, height) @ [[cosine, sine], [-sine, cosine]]
        self.shape(turned + (x, y), fill, smooth=None, **options)

    def line(self, points, color=None, width=1.0, smooth=True):
        points = self._place(points, smooth, closed=False)
        width = max(1, round(width * self.line_width))
        self._stroke(points, color or self.ink, width, smooth)

    def twins(self, points, fill, **options):
        """Fills a shape at the left, which is mirrored, then the shape itself."""
        fill = self._color(fill)
        for side in (-1, 1):
            self.shape(np.array(points) * (side, 1), fill, **options)

    def blobs(self, middles, radius, fill):
        """Fills discs that run into one another, with one outline around them all."""
        radius, fill = np.broadcast_to(radius, len(middles)), self._color(fill)
        line = self.line_width / np.sqrt(abs(np.linalg.det(self.matrix)))
        for grown, color in ((0.5 * line, self.ink), (-0.5 * line, fill)):
            for (x, y), size in zip(middles, radius, strict=True):
                self.oval(x, y, size + grown, size + grown, color, outline=False)

    def backdrop(self, top, bottom):
        """Fills the image with a gradient."""
        ends = Image.fromarray(np.array([[top], [bottom]], "uint8"))
        self.image.paste(ends.resize(self.image.size, Image.Resampling.BILINEAR))

    def _color(self, fill):
        return self.pick(fill) if isinstance(fill, str) else fill

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
def circle():
    return around(np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False))


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


def around(angle, radius=1.0):
    """Returns points around the origin, shape `(angles, 2)`."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def both_sides(half):
    """Returns an outline of its left half and the mirror image of it."""
    return [*half, *((-x, y) for x, y in reversed(half))]


def box(width, height, x=0.0, y=0.0):
    """Returns the corners of a rectangle, given by its middle and its half sides."""
    left, right, top, bottom = x - width, x + width, y - height, y + height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def trapezoid(above, below, top, bottom):
    """Returns the corners of a trapezoid: its half sides, and how high they lie."""
    return [(-above, top), (above, top), (below, bottom), (-below, bottom)]


def star_outline(points, inner):
    """Returns a star of radius 1, of which `inner` is the radius between its points."""
    angle = np.arange(2 * points) * np.pi / points - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return around(angle, radius)


def color_of(hue, luma, vivid):
    """Returns the colour (red, green, blue) of that hue and luma."""
    pure = colorsys.hsv_to_rgb(hue % 1.0, 1.0, 1.0)
    own = sum(weight * value for weight, value in zip(LUMA, pure, strict=True))
    if own < luma:
        white = (luma - own) / (1.0 - own)
        pure = [value + white * (1.0 - value) for value in pure]
    else:
        pure = [value * luma / own for value in pure]
    return tuple(round(255.0 * (luma + vivid * (value - luma))) for value in pure)


def random_color(random, ranges):
    """Draws hue, luma and vividness, each between two numbers of the ranges."""
    return color_of(*map(random.uniform, ranges[::2], ranges[1::2]))


def tinted(color, shares):
    return tuple(round(a * b) for a, b in zip(shares, color, strict=True))


def mixed(color, other, share):
    """Returns the colour with a share of another in it."""
    pairs = zip(color, other, strict=True)
    return tuple(round((1 - share) * a + share * b) for a, b in pairs)


def lighter(color, share):
    return tuple(round(value + share * (255 - value)) for value in color)
