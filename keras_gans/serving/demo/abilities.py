"""What visitors of the demo can have exported models do: files and numbers in, pixels
out. Nothing is remembered between two calls, so any number of visitors may share one.
"""

import os
import pathlib

import numpy as np
from PIL import Image

from keras_gans.checks import height_and_width
from keras_gans.cli.sketches import COLORED_SHARE, colored_share
from keras_gans.data import extract_line_art
from keras_gans.data.attributes import resize_middle
from keras_gans.data.embedded import EMBEDDED
from keras_gans.data.images import ImageError, decode_image
from keras_gans.export.colorizer import OPAQUE
from keras_gans.files import read_json
from keras_gans.models.styles import sample_styles
from keras_gans.pixels import convert_channels, to_floats, to_uint8

# How many test images of an embedded set are offered as examples.
EXAMPLES = 20
# Of networks that take any size and do not tell which they were trained on.
_SIZE = 256
_HANDWRITTEN = "handwritten_digits", "digits", "mnist"


class Unusable(ValueError):
    """What a visitor gave cannot be used; the message tells it to them."""


class Ability:
    """What one exported model can do.

    Args:
        model: A `keras_gans.serving.ExportedModel`.
        servable: What `keras_gans.export.load` makes of it.

    Attributes:
        name: String, the name of the model.
        size: Tuple, height and width of its pictures.
    """

    input_name = "images"

    def __init__(self, model, servable):
        self.name, self.servable = model.name, servable
        self.configuration = _configuration(model)
        self._examples = {}
        self.size = self._size_of(model.signatures["serving_default"])

    def example(self, number, source="x"):
        """Returns a test image of what the model was trained on, by its number.

        Returns:
            uint8 array, or `None` unless it was trained on an embedded set.
        """
        name = self.configuration.get(source)
        if name not in EMBEDDED:
            return None
        if source not in self._examples:
            self._examples[source] = EMBEDDED[name].load("test", EXAMPLES)[0]
        return self._examples[source][number % EXAMPLES]

    def _size_of(self, signature):
        """Chooses height and width: what is built in, trained on, or usual."""
        *_, height, width, _ = signature.inputs[self.input_name].shape
        trained = height_and_width(self.configuration.get("size") or _SIZE)
        multiple, minimum = self.servable.size_multiple, self.servable.minimum_size
        return tuple(
            built or -(-max(side, minimum) // multiple) * multiple
            for built, side in zip((height, width), trained)
        )

    def _read(self, picture, channels):
        """Returns the middle of a file or an array, in the size of the model."""
        if isinstance(picture, np.ndarray):
            image = convert_channels(picture, channels)
        else:
            try:
                image = decode_image(picture, channels)
            except ImageError as error:  # It is none, or has too many pixels.
                reason = str(error).removeprefix(f"{os.fspath(picture)}: ")
                raise Unusable(f"Not a usable picture: {reason}.") from error
        return resize_middle(image, self.size)


class Translation(Ability):
    """Translates pictures both ways; `keras_gans.export.Translator`.

    Attributes:
        domains: Dict from "x" and "y" to what to call their images.
        directions: Tuple of `"xy"` and maybe `"yx"`.
        has_style: Boolean.
        is_drawn: Boolean, whether X is digits that one may as well draw.
    """

    def __init__(self, model, servable):
        super().__init__(model, servable)
        self.directions = servable.directions
        self.has_style = servable.style_dim is not None
        sources = {domain: self.configuration.get(domain) for domain in "xy"}
        self.is_drawn = sources["x"] in _HANDWRITTEN
        self.domains = {key: _title(name, key) for key, name in sources.items()}

    def translate(self, picture, direction="xy", style=0.0, reference=None):
        """Translates a picture there and, where the model knows the way, back again.

        Args:
            picture: Path of a file, or a uint8 array.
            direction: `"xy"` or `"yx"`.
            style: Number of at least 0: a whole one is a style, as a seed is, and what
                lies between two is a blend of theirs.
            reference: Picture of Y whose style is taken instead, or `None`.

        Returns:
            Tuple of uint8 arrays: the picture as the model sees it, its translation,
            and that translated back or `None`.
        """
        seen = self._read(picture, self.servable.channels[direction[0]])
        styled = {}
        if self.has_style and direction == "xy":
            styled["style"] = self._style(style, reference)
        translated = self._translate(seen, direction, **styled)
        back = direction[::-1]
        if back not in self.directions:
            return seen, translated, None
        own = {}
        if self.has_style and back == "xy":
            # Its own style, or the way back could not lead to where it began.
            own["style"] = self.servable.encode_style(seen[None])[0]
        return seen, translated, self._translate(translated, back, **own)

    def draw(self, drawing, style=0.0):
        """Translates what was drawn, white on black, to Y.

        Args:
            drawing: uint8 array (h, w, 1).
            style: As of `translate`.
        """
        seen = self._read(drawing, self.servable.channels["x"])
        styled = {"style": self._style(style, None)} if self.has_style else {}
        return self._translate(seen, "xy", **styled)

    def _style(self, number, reference):
        if reference is not None:
            images = self._read(reference, self.servable.channels["y"])[None]
            return self.servable.encode_style(images)[0]
        first = int(number)
        share = np.float32(number - first)
        styles = self.servable.styles
        one, other = (sample_styles(styles, 1, n)[0] for n in (first, first + 1))
        return (1 - share) * one + share * other

    def _translate(self, image, direction, **styled):
        return self.servable.translate(image[None], direction, **styled)[0]


class Colouring(Ability):
    """Colours sketches; `keras_gans.export.Colorizer`."""

    input_name = "line_art"

    def sketch(self, picture):
        """Returns the lines of a picture, a file or an array: uint8 (h, w, 1).

        A sketch is taken as it is; of a picture in colours the outlines are found.
        """
        image = self._read(picture, 3)
        if colored_share(image) <= COLORED_SHARE:
            return convert_channels(image, 1)
        return to_uint8(extract_line_art(to_floats(image[None])).numpy())[0]

    def colour(self, sketch, strokes=None):
        """Colours a sketch after strokes of colour.

        Args:
            sketch: What `sketch` returns.
            strokes: Optional uint8 RGBA array, the strokes on transparent paper.

        Returns:
            uint8 array (h, w, 3).
        """
        sketch = self._read(sketch, 1)
        if strokes is not None:
            # Nearest: a mixture of two colours is none that was drawn.
            resized = Image.fromarray(strokes).resize(
                sketch.shape[1::-1], Image.Resampling.NEAREST
            )
            strokes = np.array(resized)[None]
            strokes[strokes[..., 3] < OPAQUE] = 0
        return self.servable.colorize(sketch[None], strokes)[0]


class Editing(Ability):
    """Edits attributes of pictures; `keras_gans.export.Editor`.

    Attributes:
        groups: Tuple of tuples of names of which a picture has at most one.
        alone: Tuple of the other names.
        has_mask: Boolean, whether the model tells where it changes a picture.
    """

    def __init__(self, model, servable):
        super().__init__(model, servable)
        self.groups = servable.exclusive_groups
        grouped = {name for group in self.groups for name in group}
        self.alone = tuple(n for n in servable.attribute_names if n not in grouped)
        self.has_mask = servable.has_mask

    def look(self, picture):
        """Returns a picture as the model sees it, and the attributes that it has."""
        seen = self._read(picture, self.servable.channels)
        has = self.servable.predict_attributes(seen[None])[0]
        # Of a group the model may see several, or be wrong; only one can be chosen.
        names = [n for n, one in zip(self.servable.attribute_names, has) if one]
        for group in self.groups:
            for name in [name for name in names if name in group][1:]:
                names.remove(name)
        return seen, names

    def edit(self, picture, names):
        """Gives a picture exactly these attributes.

        Returns:
            Tuple of the new picture, and of the mask, 255 where all is new, or `None`.
        """
        seen = self._read(picture, self.servable.channels)
        wanted = [float(name in names) for name in self.servable.attribute_names]
        edited = self.servable.edit(
            seen[None], attributes=wanted, return_mask=self.has_mask
        )
        return (edited[0][0], edited[1][0]) if self.has_mask else (edited[0], None)


class Generation(Ability):
    """Draws new pictures; `keras_gans.export.Generator`.

    Attributes:
        classes: Number of classes, or `None`.
    """

    def __init__(self, model, servable):
        super().__init__(model, servable)
        self.classes = servable.classes

    def _size_of(self, signature):
        *_, height, width, _ = signature.outputs["images"].shape
        return height or _SIZE, width or _SIZE

    def between(self, first, last, share, label=None):
        """Draws a picture on the way between the random ones of two seeds.

        Args:
            first, last: Non-negative integers, the seeds.
            share: Number in [0, 1], how far it is on its way.
            label: Class, of a model that has any.
        """
        ends = [self.servable.sample_latent(1, seed) for seed in (first, last)]
        spherical = self.servable.latent_distribution == "normal"
        latent = blend(*np.array(ends), share, spherical)
        labels = None if self.classes is None else [int(label or 0)]
        return self.servable.generate_from(latent, labels)[0]

    def sheet(self, seed, count, label=None):
        """Draws `count` pictures."""
        labels = None if self.classes is None else int(label or 0)
        return self.servable.generate(count, labels, seed)


ABILITIES = {
    "translation": Translation,
    "colorization": Colouring,
    "editing": Editing,
    "generation": Generation,
}


def blend(first, last, share, spherical):
    """Blends two arrays of latent vectors.

    Along an arc, if they come from a normal distribution: in the middle of the straight
    line vectors are shorter than any that the network has seen.
    """
    share = np.float32(share)
    if spherical:
        cosine = np.sum(first * last) / np.linalg.norm(first) / np.linalg.norm(last)
        angle = np.arccos(np.clip(cosine, -1, 1))
        if np.sin(angle) > 1e-4:
            parts = np.sin((1 - share) * angle) * first + np.sin(share * angle) * last
            return np.float32(parts / np.sin(angle))
    return (1 - share) * first + share * last


def _configuration(model):
    """Returns how a model was trained, an empty dict if nothing is known."""
    told = model.card
    if told is None:
        # What exports of versions before 0.4 have instead of a card.
        file = model.path / "assets.extra" / "metadata.json"
        told = read_json(file) if file.is_file() else {}
    configuration = (told or {}).get("configuration")
    return configuration if isinstance(configuration, dict) else {}


def _title(source, domain):
    if not isinstance(source, str):
        return domain.upper()
    return pathlib.PurePath(source).name.replace("_", " ").capitalize()
