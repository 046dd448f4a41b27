"""The things in the embedded drawings: houses, plants, fish, vehicles and toys."""

import numpy as np

from keras_gans.data.embedded.pen import SHADE, box, lighter, star_outline, tinted
from keras_gans.data.embedded.pen import trapezoid
from keras_gans.data.embedded.scenery import chance, draw_land, draw_outdoors
from keras_gans.data.embedded.scenery import draw_room, draw_sky, draw_window, pick


def draw_house(pen, random):
    horizon = draw_outdoors(pen, random, (42, 52))
    if chance(random, 0.5):
        x = random.choice((8, 56)) + random.uniform(-4, 4)
        plant_tree(pen.at(x, horizon + 3, random.uniform(10, 14)), random)
    base = random.uniform(52, 58)
    width, height = random.uniform(13, 19), random.uniform(15, 22)
    x = 32 + random.uniform(-7, 7)
    house = pen.at(x, base, 1.0, random.uniform(-0.03, 0.03))
    roof, wall = pick(random, "free"), pick(random, "plaster")
    pitch, eaves = random.uniform(10, 16), random.uniform(2, 4)

    # 1. The chimney, with smoke.
    if chance(random, 0.7):
        side = random.choice((-1, 1)) * 0.5 * width
        top = -height - 0.75 * pitch - 3
        house.shape(box(2.3, 7, side, top + 7), "clay")
        if chance(random, 0.5):
            puffs = [(side + 1, top - 3), (side + 3, top - 6), (side + 6, top - 8)]
            house.blobs(puffs, (1.6, 2.0, 2.5), "cloud")

    # 2. Walls and roof.
    house.shape(box(width, height / 2, 0, -height / 2), wall, shade=True)
    style = random.integers(3)
    if style == 0:
        gable = [(-width - eaves, -height + 1), (width + eaves, -height + 1)]
        house.shape([*gable, (0, -height - pitch)], roof, shade=True)
        if chance(random, 0.6):
            house.oval(0, -height - 0.3 * pitch, 2.6, 2.6, "glass")
    else:
        ridge = width * (0.55 if style == 1 else 0.85)
        top = -height - 0.8 * pitch
        slopes = trapezoid(width + eaves, ridge, -height + 1, top)
        house.shape(slopes, roof, shade=True)
        for row in (0.3, 0.55):  # Rows of tiles.
            y = -height + 1 - row * pitch
            reach = (width + eaves) * (1 - row) + ridge * row - 2.5
            house.line([(-reach, y), (reach, y)], width=0.7, smooth=False)

    # 3. The door on one side, windows on the other.
    door_x = random.choice((-0.5, 0.0, 0.5)) * width
    door, tall = pick(random, "free"), random.uniform(9, 11)
    house.shape(box(3.4, tall / 2, door_x, -tall / 2), door, shade=True)
    house.oval(door_x + 1.8, -tall / 2, 0.7, 0.7, house.ink, outline=False)
    glass, shutters = pick(random, "glass"), pick(random, "free")
    has_shutters = chance(random, 0.4)
    for place in (-0.55, 0.55):
        if abs(place * width - door_x) > 6:
            y, side = -0.55 * height, random.uniform(2.8, 3.4)
            if has_shutters:
                house.shape(box(side + 2.2, side, place * width, y), shutters)
            draw_window(house.at(place * width, y), side, side, glass)
    if chance(random, 0.5):
        bush, x = pick(random, "leaf"), -random.choice((-1, 1)) * width
        house.blobs([(x - 3, -1), (x, -2.5), (x + 3, -1)], 3.0, bush)


def plant_tree(pen, random):
    """Draws a tree of height 2 that stands on the origin."""
    trunk, leaf = pick(random, "wood"), pick(random, "leaf")
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
        pen.blobs([(0, -1.25), *(ring - (0, 1.25))], 0.34, leaf)
        for x, y in random.uniform((-0.35, -1.5), (0.35, -1.0), (2, 2)):
            pen.line([(x - 0.12, y), (x, y + 0.1), (x + 0.12, y)], width=0.8)
    if chance(random, 0.5):
        fruit = pick(random, "red")
        for x, y in random.uniform((-0.3, -1.6), (0.3, -0.9), (4, 2)):
            pen.oval(x, y, 0.1, 0.1, fruit)


def draw_tree(pen, random):
    horizon = draw_outdoors(pen, random)
    x = 32 + random.uniform(-9, 9)
    if chance(random, 0.6):
        other = x + random.choice((-1, 1)) * random.uniform(18, 26)
        plant_tree(pen.at(other, horizon + 2, random.uniform(10, 15)), random)
    turn, size = random.uniform(-0.07, 0.07), random.uniform(22, 27)
    plant_tree(pen.at(x, random.uniform(54, 60), size, turn), random)
    if chance(random, 0.5):
        draw_mushroom(pen.at(x + random.choice((-13, 13)), 60, 5), random)
    if chance(random, 0.3):
        kite = pen.at(*random.uniform((8, 8), (56, 22)), 6, random.uniform(-0.5, 0.5))
        kite.line([(0, 1), (0.4, 1.6), (-0.2, 2.2), (0.3, 2.8)], width=0.8)
        kite.shape([(0, -1.2), (0.8, 0), (0, 1.2), (-0.8, 0)], "free")
        kite.shape([(0, -1.2), (0.8, 0), (0, 1.2)], "free")


def draw_mushroom(pen, random):
    pen.shape(box(0.3, 0.6, 0, -0.5), "white", smooth=True)
    cap = [(-1.0, -0.7), (-0.9, -1.6), (0.9, -1.6), (1.0, -0.7)]
    pen.shape([cap[0], *cap, cap[-1]], "free", smooth=True)


def draw_flowers(pen, random):
    if in_pot := chance(random, 0.5):
        draw_room(pen, random, edge=(46, 54))
    else:
        draw_outdoors(pen, random)
    count = int(random.integers(1, 4))
    foot = np.array([32 + random.uniform(-6, 6), 50.0 if in_pot else 60.0])
    spread = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    stem, petals = pick(random, "leaf"), pick(random, "free")
    same = chance(random, 0.4)
    for place in random.permutation(spread):
        size = random.uniform(8.5, 11) if count == 1 else random.uniform(6, 7.5)
        x = place * (11 if count == 2 else 18) + random.uniform(-2, 2)
        bloom = foot + (x, -random.uniform(24, 34))
        start = foot + (0.0 if in_pot else 8 * place, 0)
        bend = (start + bloom) / 2 + (4 * place, 3)
        pen.line([start, bend, bloom], width=2.6)
        pen.line([start, bend, bloom], stem, width=1.2)
        flower = pen.at(*bloom, size, 0.25 * place + random.uniform(-0.2, 0.2))
        draw_bloom(flower, random, petals if same else pick(random, "free"))
    leaf = np.array([(0, 0), (0.3, -0.8), (1.3, -1.0), (1.1, -0.3)])
    for side in (-1, 1):
        at = pen.at(*(foot - (0, random.uniform(0, 5))), random.uniform(7, 10))
        at.shape(leaf * (side, 1), stem, smooth=True)
    if in_pot:
        pot = pen.at(*foot, random.uniform(8, 10))
        pot.shape(trapezoid(0.8, 0.6, 0, 1.3), "clay", shade=True)
        pot.shape(box(0.95, 0.2), "clay")


def draw_bloom(pen, random, petals):
    """Draws a flower head of radius 1."""
    middle = pick(random, "sun")
    if chance(random, 0.25):  # A tulip.
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


def draw_fish(pen, random):
    deep = pick(random, "water")
    pen.backdrop(lighter(deep, 0.35), deep)
    bottom = random.uniform(50, 57)
    draw_land(pen, random, bottom, "sand", hills=0)
    for _ in range(random.integers(1, 4)):  # Seaweed.
        x, tall = random.uniform(4, 60), random.uniform(12, 26)
        sway = random.uniform(2.0, 3.5) * random.choice((-1, 1))
        y = bottom + 5 + np.linspace(0, -tall, 6)
        wave = sway * np.array([0, 1, -1, 1, -1, 0])
        wide = np.array([1.6, 2.2, 2.2, 2.0, 1.6, 0.3])
        left = np.stack([x + wave - wide, y], axis=1)
        right = np.stack([x + wave + wide, y], axis=1)
        pen.shape([*left, *right[::-1]], "leaf", smooth=True)
    if chance(random, 0.4):
        x, color = random.uniform(8, 56), pick(random, "free")
        star = pen.at(x, bottom + 5, 5, random.uniform(-0.5, 0.5))
        star.shape(star_outline(5, 0.5), color)
    if chance(random, 0.4):
        x, size = random.uniform(6, 58), random.uniform(3, 6)
        stone = [(-1.2, 0.6), (-0.8, -0.8), (0.5, -0.9), (1.3, 0.6)]
        pen.at(x, bottom + 4, size).shape(stone, "stone", smooth=True)
    if chance(random, 0.45):
        heights = random.permutation((random.uniform(13, 17), random.uniform(35, 39)))
        for y in heights:
            x, size = random.uniform(24, 40), random.uniform(8.0, 10.5)
            draw_one_fish(pen, random, x, y, size)
    else:
        x, y, size = random.uniform((28, 24, 13), (36, 32, 17))
        draw_one_fish(pen, random, x, y, size)


def draw_one_fish(pen, random, x, y, size):
    mirror = chance(random, 0.5)
    fish = pen.at(x, y, size, random.uniform(-0.25, 0.25), mirror)
    color, other = pick(random, "free"), pick(random, "free")
    tall, fork = random.uniform(0.6, 0.95), random.uniform(0.9, 1.25)
    tail = [(0.75, 0), (1.5, -0.75), (fork + 0.15, 0), (1.5, 0.75)]
    fish.shape(tail, other, shade=True)
    back = [(-0.4, -0.6 * tall), (0.1, -tall - 0.4), (0.6, -tall - 0.1), (0.6, -0.3)]
    fish.shape(back, other, smooth=chance(random, 0.5))
    fish.shape([(-0.1, 0.6 * tall), (0.3, tall + 0.25), (0.5, 0.4)], other)
    body = [(-1.25, 0.0), (-0.9, -0.7 * tall), (-0.1, -1.05 * tall), (0.7, -0.35)]
    body += [(1.15, -0.2), (1.15, 0.2), (0.7, 0.35), (-0.1, 1.05 * tall)]
    fish.shape([*body, (-0.9, 0.7 * tall)], color, smooth=True, shade=True)
    # Small fish keep to few lines.
    pattern = random.integers(3) if size > 11 else 0
    if pattern == 0 and chance(random, 0.7):  # Stripes.
        for place in (-0.15, 0.35):
            half = tall * (0.78 - 0.75 * abs(place + 0.2))
            band = [(-0.1, -half), (0.1, -half), (0.16, 0), (0.1, half), (-0.1, half)]
            fish.shape(np.array(band) + (place, 0), other)
    elif pattern == 1:  # Spots.
        for place in ((0.0, -0.3), (0.35, 0.1), (0.0, 0.35)):
            fish.oval(*np.multiply(place, (1, tall)), 0.13, 0.13, other)
    elif pattern == 2:  # Scales.
        scale = np.array([(-0.1, -0.14), (0.12, 0.0), (-0.1, 0.14)])
        for place in ((0.05, -0.3), (0.4, -0.1), (0.05, 0.2), (0.4, 0.3)):
            fish.line(scale + np.multiply(place, (1, tall)), width=0.8)
    if size > 11:
        fish.line([(-0.45, -0.5 * tall), (-0.3, 0), (-0.45, 0.5 * tall)])
        if pattern == 2:
            fish.shape([(-0.2, 0.15), (0.2, 0.1), (0.25, 0.5)], other)
    eye = fish.at(-0.75, -0.18 * tall)
    eye.oval(0, 0, 0.19, 0.19, "white")
    eye.oval(-0.02, 0, 0.09, 0.09, fish.ink, outline=False)
    fish.line([(-1.1, 0.2), (-0.95, 0.28), (-0.8, 0.24)], width=0.9)
    for step in range(random.integers(0, 4)):
        radius = 0.09 + 0.03 * step
        place = (-1.4 - 0.1 * step, -0.3 - 0.45 * step)
        fish.oval(*place, radius, radius, "glass")


def draw_car(pen, random):
    horizon = random.uniform(38, 46)
    draw_sky(pen, random, horizon)
    draw_land(pen, random, horizon)
    for _ in range(random.integers(0, 3)):
        x = random.uniform(2, 62)
        plant_tree(pen.at(x, horizon + 2, random.uniform(8, 13)), random)
    road = random.uniform(47, 50)
    pen.shape(box(40, 12, 32, road + 12), "stone")
    if chance(random, 0.7):
        for x in np.arange(-16, 64, 18) + random.uniform(0, 16):
            pen.shape(box(4, 0.8, x, 61), "white", outline=False)
    paint, glass = pick(random, "free"), pick(random, "glass")
    x, size = 32 + random.uniform(-5, 5), random.uniform(16, 20)
    turn, mirror = random.uniform(-0.03, 0.03), chance(random, 0.5)
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
        car.shape(box(0.9, 0.55, 0.5, -0.95), "free", shade=True)
        body = [(-1.35, -0.2), (-1.35, -0.7), (-1.1, -1.2), (-0.45, -1.2)]
        body += [(-0.45, -0.42), (1.35, -0.42), (1.35, -0.2)]
    car.shape(body, paint, shade=style != 2)
    if style == 1:
        for place in np.linspace(-0.95, 0.9, int(random.integers(3, 6))):
            car.shape(box(0.17, 0.2, place, -1.08), glass)
        car.shape(box(1.35, 0.1, 0, -0.65), "free")
    elif style == 2:
        car.shape([(-1.22, -0.7), (-1.03, -1.08), (-0.6, -1.08), (-0.6, -0.7)], glass)
    else:
        car.line([(0.03, -0.78), (0.03, -0.25)], width=0.8, smooth=False)
        car.line([(0.15, -0.6), (0.32, -0.6)], smooth=False)
    car.shape(box(0.07, 0.1, -1.3, -0.48), "sun")
    if style != 2:
        car.shape(box(0.07, 0.1, 1.3, -0.5), "red")
    wheel = random.uniform(0.26, 0.32)
    rubber, hub = pick(random, "rubber"), pick(random, "white")
    for place in (-0.8, 0.8):
        car.oval(place, -0.18, wheel, wheel, rubber)
        car.oval(place, -0.18, 0.45 * wheel, 0.45 * wheel, hub)


def draw_boat(pen, random):
    horizon = random.uniform(34, 42)
    draw_sky(pen, random, horizon)
    if chance(random, 0.4):
        x, wide = random.choice((6, 58)), random.uniform(10, 18)
        peak = [(x - 4, horizon - 9), (x + 4, horizon - 8)]
        pen.shape([(x - wide, 45), *peak, (x + wide, 45)], "leaf", smooth=True)
    sea = pick(random, "water")
    pen.shape(box(40, 20, 32, horizon + 20), sea)
    middle, size = 32 + random.uniform(-7, 7), random.uniform(14, 18)
    level, turn = random.uniform(49, 54), random.uniform(-0.1, 0.1)
    boat = pen.at(middle, level, size, turn, mirror=chance(random, 0.5))
    hull, trim = pick(random, "free"), pick(random, "free")
    if chance(random, 0.6):  # A sailing boat.
        mast = random.uniform(2.1, 2.5)
        boat.shape(box(0.06, mast / 2, 0.05, -mast / 2), "wood")
        bulge = random.uniform(0.0, 0.25)
        main = [(0.15, -mast + 0.1), (0.7 + bulge, -1.2), (1.15, -0.6), (0.15, -0.6)]
        boat.shape(main, "free", shade=True)
        if chance(random, 0.7):
            jib = [(-0.05, -mast + 0.3), (-0.05, -0.6), (-0.95, -0.6)]
            boat.shape(jib, pick(random, random.choice(("free", "white"))), shade=True)
        boat.shape([(0.05, -mast - 0.3), (0.5, -mast - 0.15), (0.05, -mast)], trim)
        boat.line([(0.05, -mast), (0.05, -mast - 0.3)], smooth=False)
    else:  # A steamer.
        boat.shape(box(0.18, 0.5, 0.1, -1.45), "free", shade=True)
        if chance(random, 0.7):
            puffs = [(0.25, -2.15), (0.55, -2.4), (0.95, -2.55)]
            boat.blobs(puffs, (0.14, 0.19, 0.24), "cloud")
        boat.shape(box(0.75, 0.4, 0.1, -0.8), "white", shade=True)
        for place in (-0.35, 0.1, 0.55):
            boat.oval(place, -0.82, 0.14, 0.14, "glass")
    side = [(-1.35, -0.5), (1.2, -0.45), (0.95, 0.3), (-0.85, 0.3)]
    boat.shape(side, hull, shade=True)
    rim = [(-1.35, -0.5), (1.2, -0.45), (1.15, -0.25), (-1.22, -0.28)]
    boat.shape(rim, trim)
    front = pen.at(0, level + 1)
    y = np.resize((0.0, 2.0), 14)
    waves = [*zip(np.linspace(-8, 72, 14), y, strict=True), (72, 30), (-8, 30)]
    front.shape(waves, tinted(sea, SHADE), smooth=True)
    for _ in range(random.integers(1, 4)):
        x, y = random.uniform(6, 58), random.uniform(horizon + 3, 62)
        if y > level + 4 or (y < level - 3 and abs(x - middle) > 1.4 * size):
            wave = zip((-3, -1.5, 0, 1.5, 3), (0, -1.5, 0, -1.5, 0), strict=True)
            pen.at(x, y).line(list(wave), width=0.8)


def draw_balloon(pen, width, height, color):
    """Draws a toy balloon whose knot is the origin."""
    pen.shape([(0, -0.2), (0.18, 0.1), (-0.18, 0.1)], color)
    half = np.array([(0.0, -0.05), (0.75, -0.5), (1.15, -1.35), (0.6, -2.05)])
    half *= (width, height)
    outline = [*half, *(half[:0:-1] * (-1, 1))]
    pen.shape(outline, color, smooth=True, shade=True)
    light = lighter(color, 0.6)
    side = np.sign(pen.light[0] * pen.matrix[0, 0])
    x, y = 0.42 * side * width, -1.5 * height
    pen.oval(x, y, 0.14 * width, 0.22 * height, light, 0.4 * side, outline=False)


def draw_balloons(pen, random):
    draw_outdoors(pen, random, (50, 58))
    if chance(random, 0.4):
        size = random.uniform(15, 19)
        x, y = 32 + random.uniform(-8, 8), random.uniform(22, 25)
        balloon = pen.at(x, y, size, random.uniform(-0.08, 0.08))
        for place in (-0.35, 0.35):
            balloon.line([(1.4 * place, 0.8), (0.6 * place, 1.5)], smooth=False)
        balloon.shape(trapezoid(0.27, 0.22, 1.4, 1.8), "wood", shade=True)
        colors = [pick(random, "free"), pick(random, "free")]
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
        draw_balloon(pen.at(x, y, size, turn), 1.0, tall, pick(random, "free"))


def draw_toys(pen, random):
    draw_room(pen, random, edge=(40, 48))
    floor = random.uniform(55, 59)
    if chance(random, 0.5):  # A pile of bricks in front of the wall.
        side = random.uniform(6.0, 7.5)
        columns = int(random.integers(2, 4))
        left = 32 - side * (columns - 1) + random.uniform(-8, 8)
        for column in range(columns):
            for row in range(random.integers(1, 4)):
                x = left + 2 * side * column + random.uniform(-0.8, 0.8)
                y = floor - side * (2 * row + 1)
                brick = pen.at(x, y, side, random.uniform(-0.04, 0.04))
                brick.shape(box(1, 1), "free", shade=True)
                draw_emblem(brick.at(0, 0, 0.55), random, pick(random, "free"))
            if row < 2 and chance(random, 0.5):
                top = pen.at(x, y - side, side)
                top.shape([(-1, 0), (1, 0), (0, -1.3)], "free")
    else:  # Rings on a stick.
        rings = int(random.integers(3, 6))
        x, wide = 32 + random.uniform(-10, 10), random.uniform(13, 16)
        tower = pen.at(x, floor, 1.0, random.uniform(-0.04, 0.04))
        tall = 30 / rings
        tower.shape(box(1.5, 4, 0, -34), "wood", smooth=True)
        for ring in range(rings):
            reach = wide * (1 - 0.6 * ring / rings)
            y = -tall * (ring + 0.5)
            outline = [(-reach, y - tall / 2), (reach, y - tall / 2)]
            outline += [(reach + 1.5, y), (reach, y + tall / 2), (-reach, y + tall / 2)]
            color = pick(random, "free")
            tower.shape([*outline, (-reach - 1.5, y)], color, shade=True)
    if chance(random, 0.75):  # A ball in front.
        size = random.uniform(6, 8.5)
        x = random.choice((11, 53)) + random.uniform(-3, 3)
        ball = pen.at(x, 62 - size, size, random.uniform(0, 6.3))
        ball.oval(0, 0, 1, 1, "free", shade=True)
        edge = np.array([(-0.95, -0.3), (-0.4, -0.12), (0.4, -0.12), (0.95, -0.3)])
        ball.shape([*edge, *(edge[::-1] * (1, -1))], "free")
    if chance(random, 0.4):  # A bunting below the ceiling.
        for x in np.arange(-2, 70, 9) + random.uniform(-4, 4):
            pen.shape([(x - 4, 1), (x + 4, 1), (x, 8)], "free")


def draw_emblem(pen, random, color):
    style = random.integers(4)
    if style == 0:
        pen.shape(1.15 * star_outline(5, 0.45), color)
    elif style == 1:
        pen.oval(0, 0, 0.9, 0.9, color)
    elif style == 2:
        heart = [(0, 1.15), (-1.35, -0.1), (-1.0, -1.25), (0, -1.0), (0, -0.3)]
        pen.shape([*heart, (0, -1.0), (1.0, -1.25), (1.35, -0.1)], color, smooth=True)
    else:
        pen.shape([(0, -1), (1, 0.8), (-1, 0.8)], color)
