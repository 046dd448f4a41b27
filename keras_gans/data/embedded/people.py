"""The people in the embedded drawings."""

import numpy as np

from keras_gans.data.embedded.faces import draw_eye, draw_shine, draw_skull
from keras_gans.data.embedded.faces import hanging_hair, skin_color
from keras_gans.data.embedded.pen import around, both_sides, box, circle, lighter
from keras_gans.data.embedded.pen import tinted, trapezoid
from keras_gans.data.embedded.scenery import chance, draw_outdoors, draw_room, pick
from keras_gans.data.embedded.things import draw_balloon


def draw_portrait(pen, random):
    setting = random.random()
    if setting < 0.4:
        draw_outdoors(pen, random)
    elif setting < 0.7:
        draw_room(pen, random, edge=(50, 58))
    else:
        top = pick(random, "pale")
        pen.backdrop(top, tuple(round(0.4 * value + 153) for value in top))
    size = random.uniform(13.0, 17.0)
    x, y = 32 + random.uniform(-5, 5), random.uniform(25, 30)
    bust, turn = pen.at(x, y, size), random.uniform(-0.13, 0.13)
    person = Person(random)
    person.draw_back_hair(bust.at(0, 0, 1, turn))
    draw_bust(bust, random, person)
    person.draw_head(bust.at(0, 0, 1, turn), large=True)


def draw_bust(pen, random, person):
    """Draws neck, shoulders and clothes below a head of radius 1."""
    cloth, other = person.cloth, person.other
    width = random.uniform(1.05, 1.4)
    half = [(-0.3, 1.2), (-0.75 * width, 1.35), (-1.05 * width, 1.7)]
    shoulders = both_sides([*half, (-1.25 * width, 4.0)])
    pen.shape(shoulders, cloth, smooth=True, shade=True)
    for side in (-1, 1):  # The arms.
        pen.line([(side * 0.8 * width, 2.0), (side * 0.85 * width, 4.0)])
    style = random.integers(5)
    if style == 0:  # A round neckline.
        pen.oval(0, 1.3, 0.5, 0.35, person.skin)
    elif style == 1:  # A sailor's collar with a ribbon.
        pen.twins([(0.4, 1.2), (0.95, 1.4), (0.6, 1.9), (0, 2.15)], other)
        pen.shape([(-0.35, 1.2), (0.35, 1.2), (0, 1.9)], person.skin)
    elif style == 2:  # A shirt with buttons.
        pen.line([(0, 1.4), (0, 4.0)], smooth=False)
        for y in (1.9, 2.3):
            pen.oval(0.22, y, 0.07, 0.07, other, outline=False)
    elif style == 3:  # A jersey with a stripe.
        pen.shape(trapezoid(0.78 * width, 0.8 * width, 1.85, 2.2), other)
    pen.shape(trapezoid(0.25, 0.3, 0.6, 1.45), person.skin, outline=False)
    for side in (-1, 1):
        pen.line([(side * 0.25, 0.8), (side * 0.28, 1.2), (side * 0.45, 1.35)])
    if style == 4:  # A scarf.
        pen.shape(box(0.55, 0.22, 0, 1.25), other, smooth=True)
        tail = random.choice((-1, 1))
        pen.shape(box(0.17, 0.5, 0.3 * tail, 1.85), other, shade=True)
        pen.shape(box(0.62, 0.24, 0, 1.27), other, smooth=True, shade=True)
    elif style == 1:
        pen.twins([(0, 2.05), (0.45, 1.85), (0.45, 2.3)], cloth)


class Person:
    """What a person looks like; draws the head, of radius 1 around the origin."""

    def __init__(self, random):
        self.random = random
        self.skin = skin_color(random, 0.5)
        self.hair, self.iris, self.cloth = (pick(random, "free") for _ in range(3))
        self.other = pick(random, random.choice(("free", "white")))
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
            outline = hanging_hair(length, random.uniform(1.05, 1.3))
            pen.shape(outline, hair, smooth=True, shade=True)
            if self.back == "long":
                for x in (-0.75, 0.75):
                    pen.line([(x, 0.8), (1.05 * x, length - 0.1)], width=0.8)
        elif self.back == "tails":
            tail = [(0.85, -0.75), (1.55, -0.8), (1.8, 0.3), (1.45, 1.5), (1.2, 1.3)]
            pen.twins([*tail, (1.25, 0.3)], hair, smooth=True, shade=True)
        elif self.back == "bun":
            y = random.uniform(-1.3, -1.15)
            pen.oval(0.3 * self.side, y, 0.42, 0.4, hair, shade=True)
        elif self.back == "ponytail":
            tail = [(0.3, -1.1), (1.5, -1.2), (1.9, 0.2), (1.35, 1.4), (1.2, 0.0)]
            pen.shape(np.array(tail) * (self.side, 1), hair, smooth=True, shade=True)

    def draw_head(self, pen, large):
        random = self.random
        draw_skull(pen, self.skin, random.uniform(0.5, 0.75), (0.88, 0.2))
        self._draw_face(pen, large)
        self._draw_front_hair(pen)
        if self.extra == "hat":
            crown = [(-0.85, -0.6), (-0.8, -1.5), (0.8, -1.5), (0.85, -0.6)]
            crown = [crown[0], *crown, crown[-1]]
            pen.shape(crown, self.other, smooth=True, shade=True)
            pen.shape(box(1.25, 0.13, 0, -0.62), self.other)
            pen.shape(box(0.84, 0.14, 0, -0.88), self.cloth)
        elif self.extra == "bow":
            knot = pen.at(0.6 * self.side, -0.95, 0.5, 0.4 * self.side)
            knot.twins([(0, 0), (0.95, -0.6), (0.95, 0.6)], self.other)
            knot.oval(0, 0, 0.25, 0.25, self.other)
        elif self.extra == "band":
            x = np.array([-1.0, -0.6, 0.0, 0.6, 1.0])
            low, high = -0.45 - 0.45 * (1 - x**2), -0.7 - 0.5 * (1 - x**2)
            band = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1], strict=True)]
            pen.shape(band, self.other)

    def _draw_face(self, pen, large):
        random = self.random
        distance, y = random.uniform(0.36, 0.44), random.uniform(0.12, 0.25)
        blush = tinted(self.skin, (1.0, 0.86, 0.86))
        if chance(random, 0.6):
            for side in (-1, 1):
                pen.oval(side * 0.55, 0.52, 0.17, 0.11, blush, outline=False)
        wide, high = random.uniform(0.17, 0.22), random.uniform(0.2, 0.29)
        closed = chance(random, 0.1)
        for side in (-1, 1):
            eye = pen.at(side * distance, y)
            if closed:
                eye.line([(-wide, 0.0), (-0.1, 0.12), (0.1, 0.12), (wide, 0.0)])
            elif large:
                colors = pick(random, "white"), self.iris
                draw_eye(eye, wide, high, colors, pupil=(0.3, 0.4), width=1.2)
                eye.line([(-0.6 * wide, high), (0.6 * wide, high)], width=0.7)
                brow = np.array([(-1.2, 0.12), (0, -0.05), (1.2, 0.05)])
                brow = brow * (side * wide, 1) - (0, high + 0.17)
                if self.extra != "glasses":
                    eye.line(brow, width=0.8)
            else:
                eye.oval(0, 0, 0.55 * wide, 0.75 * high, pen.ink, outline=False)
            if self.extra == "glasses" and large:
                eye.line(0.37 * circle()[np.r_[:32, :2]], smooth=None)
                eye.line([(side * 0.37, 0), (side * 0.5, -0.03)], smooth=False)
        if self.extra == "glasses" and large:
            pen.line([(0.37 - distance, y), (distance - 0.37, y)], smooth=False)
        if large:
            pen.line([(0, 0.45), (0.05 * self.side, 0.52)], width=0.8, smooth=False)
        mouth, wide = random.integers(3), random.uniform(0.16, 0.26)
        if mouth == 0 and large:
            pen.shape(trapezoid(wide, 0.6 * wide, 0.66, 0.88), "red", smooth=True)
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
        skull = around(angle, radius)
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
        if self.extra in ("none", "glasses") and chance(random, 0.5):
            draw_shine(pen, lighter(self.hair, 0.4), 0.8)


def draw_child(pen, random):
    indoors = chance(random, 0.3)
    draw_room(pen, random) if indoors else draw_outdoors(pen, random)
    size = random.uniform(8.5, 11.0)
    x, feet = 32 + random.uniform(-12, 12), random.uniform(57, 61)
    child = pen.at(x, feet - 3.75 * size, size, random.uniform(-0.06, 0.06))
    person = Person(random)
    cloth, other = person.cloth, person.other
    head = child.at(0, 0, 1.0, random.uniform(-0.1, 0.1))
    person.draw_back_hair(head)

    # 1. Legs with shoes, one arm down and one up, perhaps with a balloon.
    shoes, legs = pick(random, "free"), pick(random, "free")
    trousers = chance(random, 0.5)
    for side in (-1, 1):
        leg = [(0.08, 2.2), (0.5, 2.2), (0.48, 3.5), (0.14, 3.5)]
        color = legs if trousers else person.skin
        child.shape(np.array(leg) * (side, 1), color, shade=True)
        child.oval(side * 0.4, 3.6, 0.34, 0.18, shoes)
    up = random.choice((-1, 1))
    for side in (-1, 1):
        hand = np.array([1.3, 0.7 if side == up else 1.95]) * (side, 1)
        if side == up and chance(random, 0.5):
            top = hand + (0.3 * side, -random.uniform(1.8, 2.2))
            child.line([hand, hand + (0.2 * side, -0.6), top], width=0.7)
            draw_balloon(child.at(*top), 0.75, 0.9, pick(random, "free"))
        child.oval(*hand, 0.2, 0.2, person.skin)
        sleeve = [(0.3, 1.15), (0.6, 1.2), hand * (side, 1), hand * (side, 1)]
        sleeve = np.array(sleeve) + [(0, 0), (0, 0), (0.05, 0.1), (-0.15, -0.12)]
        sleeve[1:3] += (0.0, 0.2) if side != up else (0.05, 0.15)
        child.shape(sleeve * (side, 1), cloth)

    # 2. A dress or a shirt.
    hem, y = (0.6, 2.35) if trousers else (random.uniform(0.8, 1.05), 2.75)
    dress = [(-0.35, 1.0), (0.35, 1.0), (0.5, 1.5), (hem, y), (-hem, y), (-0.5, 1.5)]
    child.shape(dress, cloth, shade=True)
    if chance(random, 0.5):
        child.shape(box(0.5, 0.14, 0, 1.75), other)
    elif not trousers:
        child.shape(trapezoid(hem, hem - 0.1, y, y - 0.3), other)
    person.draw_head(head, large=False)
