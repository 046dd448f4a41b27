"""The embedded pair of digit domains: handwritten digits and street digits.

Both come without a network or a download and stand in for MNIST and SVHN, in the
format of the CycleGAN digit lab: 32x32 pixels, one channel and three channels.

- `handwritten_digits` holds the 1,797 real digits of
  `sklearn.datasets.load_digits`: the test part of "Optical Recognition of
  Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning
  Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0. Changed
  here: enlarged from 8x8 to 32x32 pixels, contrast restored, split anew.
- `street_digits` holds house numbers that are drawn from a seed, in the manner of
  the Street View House Numbers, with the free fonts that matplotlib ships (DejaVu,
  STIX, Computer Modern). No photograph is involved.

The labels are for scoring; unpaired training never sees them.
"""

import functools
import pathlib

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_gans.checks import positive_integer
from keras_gans.data.embedded.blocks import blocks, check_split, drawn_once, every_kind
from keras_gans.pixels import LUMA

IMAGE_SIZE = 32
HANDWRITTEN_TEST_COUNT = 300
STREET_COUNTS = {"train": 4000, "test": 1000}

BLOCK_SIZE = 250
# Glyphs and scenes are drawn larger than needed and averaged down.
SCENE_SIZE = 2 * IMAGE_SIZE
GLYPH_HEIGHT = 48
GLYPH_CELL = 80
# Font file and added stroke width: thin faces are thickened, as signs are. Faces
# with a dotted zero or old-style figures are left out.
# fmt: off
TYPEFACES = (
    ("DejaVuSans-Bold", 0), ("DejaVuSans-Bold", 0), ("DejaVuSans-BoldOblique", 0),
    ("DejaVuSans", 0), ("DejaVuSans", 1), ("DejaVuSans-Oblique", 1),
    ("DejaVuSerif", 1), ("DejaVuSerif-Bold", 0), ("DejaVuSerif-BoldItalic", 0),
    ("STIXGeneral", 1), ("STIXGeneralBol", 0), ("STIXGeneralBolIta", 0),
    ("cmb10", 0), ("cmr10", 1), ("cmss10", 0), ("cmss10", 2), ("cmtt10", 1),
)
# fmt: on
_LUMA = np.array(LUMA, "float32")


def handwritten_digits(split="train", count=None):
    """Loads real handwritten digits, white on black, in the manner of MNIST.

    The 8x8 digits of scikit-learn are enlarged smoothly, and a contrast curve makes
    clean strokes out of the blur. The split, `"train"` (1,497 digits) or `"test"`
    (300), is fixed and keeps the share of every class.

    Args:
        split: `"train"` or `"test"`.
        count: Positive integer, to take so many of the first. Defaults to all.

    Returns:
        A tuple `(images, labels)`: a uint8 array of shape `(count, 32, 32, 1)` with
        values in [0, 255], and an int64 array of shape `(count,)` with the digits.
    """
    # Not needed by those who bring their own images.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    check_split(split)
    if count is not None:
        count = positive_integer("count", count, TypeError)
    small, labels = load_digits(return_X_y=True)
    places, held_out = np.arange(len(labels)), HANDWRITTEN_TEST_COUNT
    parts = train_test_split(
        places, test_size=held_out, stratify=labels, random_state=0
    )
    chosen = parts[split == "test"][:count]
    images = _enlarge(small[chosen].reshape(-1, 8, 8) / 16.0)
    return images[..., np.newaxis], labels[chosen].astype("int64")


@drawn_once
def street_digits(split="train", count=None, seed=0):
    """Draws coloured house numbers in the manner of SVHN (cropped format).

    The labelled digit stands in the centre and fills about 60 to 90 % of the height.
    Most images show parts of its neighbours at the left and right edges. Typeface,
    colours (digit lighter or darker than the wall), plate, shadow, perspective,
    light, blur and noise vary from image to image. Every run of ten images holds
    each digit once.

    Args:
        split: `"train"` or `"test"`: two separate random streams.
        count: Positive integer, the number of images. Defaults to 4,000 for
            `"train"` and 1,000 for `"test"`. A smaller count gives the first images
            of a larger one.
        seed: Non-negative integer. The same seed draws the same images (on another
            machine, or with other versions of Pillow or NumPy, single pixels may
            differ slightly).

    Returns:
        A tuple `(images, labels)` as of `handwritten_digits`, with three channels.

    Reference:
        Netzer et al., Reading Digits in Natural Images with Unsupervised Feature
        Learning, 2011 (the data set that is imitated).
    """
    count, parts = blocks(split, count, seed, STREET_COUNTS, BLOCK_SIZE)
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 3), "uint8")
    labels = np.empty(count, "int64")
    for block, random in parts:
        drawn = every_kind(10, BLOCK_SIZE, random)
        kept = block.stop - block.start
        images[block] = _photograph(_draw_numbers(drawn, random), random)[:kept]
        labels[block] = drawn[:kept]
    return images, labels


def _enlarge(small):
    """Enlarges (count, 8, 8) digits in [0, 1] to uint8 (count, 32, 32) strokes."""
    # One black pixel around each digit becomes the margin of about three pixels.
    small = np.pad(small, ((0, 0), (1, 1), (1, 1)))
    # Enlarging is linear: what Pillow makes of an identity matrix is the matrix of
    # the interpolation, and two products enlarge all digits at once.
    identity = Image.fromarray(np.eye(small.shape[1], dtype="float32"))
    weights = np.asarray(
        identity.resize((small.shape[1], IMAGE_SIZE), Image.Resampling.LANCZOS)
    )
    smooth = weights @ small @ weights.T
    # The threshold between paper and ink rises with the ink around a pixel. One
    # threshold for all would fill the loops or break the faint strokes.
    blur = _blur_matrices(np.array([4.0]))
    around = blur @ smooth @ blur.transpose(0, 2, 1)
    ink = np.clip((smooth - 0.25 - 0.6 * around) * 2.4 + 0.5, 0.0, 1.0)
    ink = ink * ink * (3.0 - 2.0 * ink)
    return np.rint(255.0 * ink).astype("uint8")


def _blur_matrices(widths):
    """Returns (count, 32, 32) matrices that blur a column by Gaussians."""
    position = np.arange(IMAGE_SIZE)
    distance = (position[:, np.newaxis] - position).astype("float32")
    widths = np.asarray(widths, "float32")[:, np.newaxis, np.newaxis]
    weights = np.exp(-0.5 * (distance / widths) ** 2)
    return weights / weights.sum(axis=2, keepdims=True)


@functools.lru_cache(maxsize=1)
def _glyphs():
    """Draws each digit of each typeface once: a list of (ten masks, advance)."""
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    middle = GLYPH_CELL / 2
    typefaces = []
    basic = ImageFont.Layout.BASIC  # In every build of Pillow.
    for name, stroke in TYPEFACES:
        file = str(folder / f"{name}.ttf")
        _, top, _, bottom = ImageFont.truetype(file, 100, 0, "", basic).getbbox("8")
        size = round(100 * GLYPH_HEIGHT / (bottom - top))
        font = ImageFont.truetype(file, size, 0, "", basic)
        masks = []
        for digit in "0123456789":
            left, top, right, bottom = font.getbbox(digit, stroke_width=stroke)
            mask = Image.new("L", (GLYPH_CELL, GLYPH_CELL))
            corner = middle - (left + right) / 2, middle - (top + bottom) / 2
            draw = ImageDraw.Draw(mask)
            draw.text(corner, digit, fill=255, font=font, stroke_width=stroke)
            masks.append(mask)
        typefaces.append((masks, font.getlength("8") + 2 * stroke))
    return typefaces


def _draw_numbers(labels, random):
    """Draws numbers in perspective: (count, 32, 32) float32 masks in [0, 1]."""
    count = len(labels)
    typefaces = _glyphs()
    typeface = random.integers(len(typefaces), size=count)
    tracking = random.uniform(1.02, 1.3, count)
    neighbours = random.integers(10, size=(count, 2))
    present = random.random((count, 2)) < 0.65
    height = random.uniform(0.62, 0.83, count) * SCENE_SIZE / GLYPH_HEIGHT
    width = height * random.uniform(0.75, 1.1, count)
    angle = np.clip(random.normal(0.0, 0.07, count), -0.2, 0.2)
    shear = np.clip(random.normal(0.0, 0.09, count), -0.25, 0.25)
    tilt = random.uniform(-0.003, 0.003, (count, 2))
    shift = random.uniform(-0.05, 0.05, (count, 2)) * SCENE_SIZE

    scenes = np.empty((count, SCENE_SIZE, SCENE_SIZE), "uint8")
    strip_width = 3 * GLYPH_CELL
    for index in range(count):
        masks, advance = typefaces[typeface[index]]
        # 1. The number on a flat strip, the labelled digit in its middle.
        strip = Image.new("L", (strip_width, GLYPH_CELL))
        middle = GLYPH_CELL
        pitch = round(advance * tracking[index])
        strip.paste(masks[labels[index]], (middle, 0))
        for side, direction in enumerate((-1, 1)):
            if present[index, side]:
                mask = masks[neighbours[index, side]]
                strip.paste(mask, (middle + direction * pitch, 0), mask)
        # 2. The strip seen from the street. Pillow wants the way back, from the
        # scene to the strip.
        cosine, sine = np.cos(angle[index]), np.sin(angle[index])
        onto_scene = np.array([[cosine, -sine], [sine, cosine]]) @ np.array(
            [[width[index], shear[index] * height[index]], [0.0, height[index]]]
        )
        back = np.linalg.inv(onto_scene)
        to_centre, turn, to_strip = np.eye(3), np.eye(3), np.eye(3)
        to_centre[:2, 2] = -SCENE_SIZE / 2 - shift[index]
        turn[:2, :2], turn[2, :2] = back, tilt[index]
        to_strip[:2, 2] = strip_width / 2, GLYPH_CELL / 2
        matrix = to_strip @ turn @ to_centre
        scenes[index] = strip.transform(
            (SCENE_SIZE, SCENE_SIZE),
            Image.Transform.PERSPECTIVE,
            (matrix / matrix[2, 2]).ravel()[:8],
            Image.Resampling.BICUBIC,
        )
    pairs = scenes.reshape(count, IMAGE_SIZE, 2, IMAGE_SIZE, 2)
    return pairs.mean(axis=(2, 4), dtype="float32") / 255.0


def _photograph(masks, random):
    """Turns (count, 32, 32) masks into uint8 photographs (count, 32, 32, 3)."""
    count = len(masks)

    def uniform(low, high, *shape):
        return random.uniform(low, high, (count, *(shape or (1, 1)))).astype("float32")

    def chance(share):
        return (random.random((count, 1, 1)) < share).astype("float32")

    # 1. Two greys with enough contrast, either one the lighter; each gets a tint.
    contrast = uniform(0.28, 0.72)
    darker = uniform(0.04, 1.0) * (0.96 - contrast) + 0.02
    digit_is_lighter = chance(0.55)
    wall_grey = darker + contrast * (1.0 - digit_is_lighter)
    digit_grey = darker + contrast * digit_is_lighter
    wall = _tint(wall_grey, 0.3 * uniform(0.0, 1.0) ** 1.5, random)
    digit = _tint(digit_grey, 0.3 * uniform(0.0, 1.0) ** 2.5, random)

    # 2. The wall: joints or boards along a slanted axis, and beyond a straight edge
    # (the end of a plate, a door frame) another shade.
    axis = np.linspace(-1.0, 1.0, IMAGE_SIZE, dtype="float32")
    down, across = axis[:, np.newaxis], axis[np.newaxis, :]
    slant = uniform(-0.12, 0.12)
    upright = chance(0.3)
    along = np.where(upright, across + slant * down, down + slant * across)
    waves = np.sin(uniform(4.0, 12.0) * along + uniform(0.0, 6.3))
    shade = chance(0.35) * uniform(0.01, 0.05) * waves
    side = np.where(chance(0.5), 1.0, -1.0)
    beyond = np.clip((side * along - uniform(0.78, 1.0)) * 16.0, 0.0, 1.0)
    shade += chance(0.4) * uniform(-0.3, 0.3) * beyond
    coarse = random.normal(0.0, 1.0, masks.shape).astype("float32")
    cloud = _blur_matrices(random.uniform(1.5, 5.0, count))
    coarse = cloud @ coarse @ cloud.transpose(0, 2, 1)
    coarse /= coarse.std(axis=(1, 2), keepdims=True)
    shade += uniform(0.0, 0.03) * coarse

    # 3. A shadow falls on the wall beside raised digits, then the digits cover it.
    shadow = np.roll(masks, (1, 1), axis=(1, 2))
    shadow = np.where(chance(0.5), shadow, np.roll(masks, (1, -1), axis=(1, 2)))
    shade -= chance(0.35) * uniform(0.05, 0.25) * shadow
    cover = masks[..., np.newaxis]
    images = (wall + shade[..., np.newaxis]) * (1.0 - cover) + digit * cover

    # 4. Uneven light over everything.
    light = 1.0 + uniform(-0.16, 0.16) * down + uniform(-0.16, 0.16) * across
    images *= light[..., np.newaxis]

    # 5. The camera: grain, blur of its own along each axis (defocus, motion,
    # enlarged small crops), colour blurred more as JPEG does, and fresh noise.
    def grain(most):
        amount = uniform(0.0, most, 1, 1, 1)
        return amount * random.standard_normal(images.shape, "float32")

    images += grain(0.05)
    softness = random.uniform(0.4, 1.25, count)
    grey = images @ _LUMA
    colour = images - grey[..., np.newaxis]
    grey = _blur(grey[..., np.newaxis], softness, random)
    colour = _blur(colour, softness + 0.9, random)
    images = grey + colour
    images += grain(0.015)
    return np.rint(255.0 * np.clip(images, 0.0, 1.0)).astype("uint8")


def _tint(grey, strength, random):
    """Colours (count, 1, 1) greys and keeps their luma: (count, 1, 1, 3)."""
    count = len(grey)
    # Walls and plates are mostly warm (brick, wood, cream) or bluish, now and then
    # red or green, hardly ever purple. Hue 0 is red, 2 green, 4 blue.
    kind = random.choice(3, size=count, p=(0.5, 0.3, 0.2))
    warm, bluish = random.normal(0.65, 0.22, count), random.normal(3.9, 0.3, count)
    hue = np.choose(kind, (warm, bluish, random.uniform(-0.2, 4.4, count)))
    # A light colour is a pale one.
    strength = strength * (1.2 - grey)
    phases = hue[:, np.newaxis] - np.array([0.0, 2.0, 4.0]) * np.pi / 3.0
    colour = np.cos(phases).astype("float32")
    colour -= (colour @ _LUMA)[:, np.newaxis]
    colour = strength[..., np.newaxis] * colour[:, np.newaxis, np.newaxis]
    return np.clip(grey[..., np.newaxis] + colour, 0.0, 1.0)


def _blur(images, widths, random):
    """Blurs (count, 32, 32, channels) images, rows and columns unequally."""
    stretch = random.uniform(0.8, 1.25, len(images))
    rows = _blur_matrices(widths * stretch)
    columns = _blur_matrices(widths / stretch)
    channels = images.transpose(3, 0, 1, 2)
    blurred = rows @ channels @ columns.transpose(0, 2, 1)
    return blurred.transpose(1, 2, 3, 0)
