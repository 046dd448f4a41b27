"""What is around the things in the embedded drawings: sky, land and rooms."""

import numpy as np

from keras_gans.data.embedded.pen import around, box, lighter, random_color
from keras_gans.data.embedded.pen import star_outline

# Ranges of hue (0 red, 1/3 green, 2/3 blue), luma and vividness. Fills are light
# enough, and alike enough in luma, that the outlines are the darkest thing around.
# The last two are free, all others follow from the shape.
# fmt: off
PALETTE = {
    "sky": (.54, .60, .74, .86, .6, 1.0), "dusk": (.62, .68, .50, .60, .5, .8),
    "cloud": (.55, .60, .94, .98, .1, .4), "sun": (.12, .15, .80, .88, .9, 1.0),
    "moon": (.13, .16, .88, .95, .5, .8), "leaf": (.25, .38, .50, .70, .5, .8),
    "grass": (.23, .33, .62, .78, .45, .7), "sand": (.10, .13, .78, .86, .5, .8),
    "water": (.51, .58, .55, .70, .5, .75), "wood": (.06, .09, .45, .58, .5, .7),
    "floor": (.07, .10, .58, .72, .5, .7), "clay": (.03, .05, .50, .60, .6, .8),
    "red": (-.03, .02, .45, .55, .8, 1.0), "glass": (.50, .56, .82, .92, .5, .9),
    "plaster": (.09, .14, .84, .93, .3, .7), "stone": (.55, .70, .55, .68, .05, .2),
    "rubber": (.60, .70, .38, .44, .05, .2), "white": (.10, .16, .95, .98, .1, .4),
    "free": (0, 1, .48, .78, .55, .95), "pale": (0, 1, .78, .90, .5, .9),
}
# fmt: on


def pick(random, name):
    return random_color(random, PALETTE[name])


def chance(random, share):
    return random.random() < share


def draw_sky(pen, random, lowest=40.0):
    """Fills the image with a sky: sun or moon, clouds down to `lowest`, birds."""
    night = chance(random, 0.2)
    top = pick(random, "dusk" if night else "sky")
    bottom = lighter(top, 0.3)
    pen.backdrop(top, bottom)
    x, y = random.uniform(8, 56), random.uniform(7, 14)
    if night:
        draw_moon(pen.at(x, y, random.uniform(4, 6), random.uniform(-0.6, 0.6)), random)
        for _ in range(random.integers(1, 4)):
            star = pen.at(*random.uniform((4, 4), (60, 24)), random.uniform(1.8, 2.6))
            star.shape(star_outline(5, 0.5), "moon")
    elif chance(random, 0.6):
        sun, color = pen.at(x, y, random.uniform(4, 6)), pick(random, "sun")
        if chance(random, 0.6):
            for angle in np.arange(8) * np.pi / 4 + random.uniform(0, 0.8):
                ray = np.array([np.cos(angle), np.sin(angle)])
                sun.line([1.45 * ray, 1.9 * ray], smooth=False)
        sun.oval(0, 0, 1, 1, color)
    for _ in range(random.integers(0, 3)):
        x, y = random.uniform(4, 60), random.uniform(6, 0.6 * lowest)
        draw_cloud(pen.at(x, y, random.uniform(5, 9)), random)
    if not night and chance(random, 0.25):
        for _ in range(random.integers(1, 4)):
            bird = pen.at(*random.uniform((6, 5), (58, 20)), random.uniform(1.6, 2.6))
            bird.line([(-1, -0.4), (-0.5, -0.6), (0, 0.3)], width=0.8)
            bird.line([(0, 0.3), (0.5, -0.6), (1, -0.4)], width=0.8)


def draw_moon(pen, random):
    outer = np.linspace(0.6, 2 * np.pi - 0.6, 24)
    inner = np.linspace(2 * np.pi - 0.95, 0.95, 16)
    pen.shape([*around(outer), *(around(inner) * 0.75 + (0.4, 0))], "moon")


def draw_cloud(pen, random):
    bumps = int(random.integers(3, 6))
    x = np.linspace(-1.0, 1.0, bumps)
    height = 0.75 * np.sqrt(1.15 - x**2) * random.uniform(0.8, 1.1, bumps)
    pen.blobs(np.stack([x, -0.5 * height], axis=1), 0.6, "cloud")


def draw_land(pen, random, horizon, name="grass", hills=2):
    """Draws hills and the ground below the horizon."""
    for _ in range(random.integers(0, hills + 1)):
        x, width = random.uniform(0, 64), random.uniform(16, 40)
        height = random.uniform(5, 14)
        across = np.array([-1.5, -0.8, -0.3, 0.3, 0.8, 1.5])
        top = horizon - 1.3 * height
        up = [horizon + 4, horizon + 2, top, top, horizon + 2, horizon + 4]
        pen.shape(np.stack([x + across * width, up], axis=1), "leaf", smooth=True)
    y = horizon + random.uniform(-1.0, 1.0, 4)
    ground = [*zip((-24, 12, 52, 88), y, strict=True), (90, 90), (-26, 90)]
    pen.shape(ground, pick(random, name), smooth=True)
    for _ in range(random.integers(0, 4) if name == "grass" else 0):
        x, y = random.uniform(3, 61), random.uniform(horizon + 4, 62)
        pen.line([(x - 1.5, y - 2), (x - 0.6, y), (x, y - 2.6)], smooth=False)


def draw_outdoors(pen, random, horizon=(40, 50)):
    horizon = random.uniform(*horizon)
    draw_sky(pen, random, horizon)
    draw_land(pen, random, horizon)
    return horizon


def draw_room(pen, random, edge=(44, 52)):
    """Draws a wall in any pale colour, a wooden floor and something on the wall."""
    wall = pick(random, "pale")
    pen.backdrop(wall, wall)
    edge = random.uniform(*edge)
    if chance(random, 0.75):
        x, y = random.choice((10, 22, 42, 54)) + random.uniform(-3, 3), 16
        frame = pen.at(x, y + random.uniform(-3, 3), random.uniform(7, 10))
        if chance(random, 0.5):
            draw_window(frame, 1.0, 1.1, pick(random, "sky"), pick(random, "white"))
            if chance(random, 0.6):
                cloth = [(1.5, -1.4), (0.75, -1.4), (0.95, 0.2), (1.1, 1.5), (1.5, 1.5)]
                frame.twins(cloth, "free")
        else:
            frame.shape(box(1.0, 0.8), "wood")
            frame.shape(box(0.75, 0.55), "sky")
            hill = [(-0.75, 0.2), (-0.2, -0.15), (0.3, 0.2), (0.75, 0.0)]
            frame.shape([*hill, (0.75, 0.55), (-0.75, 0.55)], "leaf")
    pen.shape([(-4, edge), (68, edge), (68, 68), (-4, 68)], "floor")
    if chance(random, 0.6):
        top = edge - random.uniform(4.0, 5.5)
        pen.shape([(-4, top), (68, top), (68, edge), (-4, edge)], "white")
    elif chance(random, 0.6):
        rug = pick(random, "free")
        pen.oval(random.uniform(24, 40), 58, random.uniform(18, 28), 5, rug)
    return edge


def draw_window(pen, width, height, glass, frame=None):
    if frame is not None:
        pen.shape(box(1.25 * width, 1.2 * height), frame)
    pen.shape(box(width, height), glass)
    pen.line([(0, -height), (0, height)], smooth=False, width=0.8)
    pen.line([(-width, 0), (width, 0)], smooth=False, width=0.8)
