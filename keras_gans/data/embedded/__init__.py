"""The sets that come with the package: no network, no download.

A set is one entry of `EMBEDDED`, and nothing else has to know it.
"""

import dataclasses
from collections.abc import Callable

from keras_gans.data.embedded import digits, drawings, faces


@dataclasses.dataclass(frozen=True)
class EmbeddedSet:
    """An embedded set of images. All have a training and a test part.

    Args:
        load: Function of `"train"` or `"test"` that returns images, uint8 of shape
            `(n, size, size, channels)`, and labels or `None`; with attributes, images,
            attributes of 0 and 1, and the names of these.
        size: Positive integer, height and width of its images.
        mirrors: Whether a mirrored image still belongs to the set, as a digit does not.
        has_attributes: Whether it is for `keras_gans.data.attributes`.
    """

    load: Callable
    size: int
    mirrors: bool = True
    has_attributes: bool = False


_HANDWRITTEN = EmbeddedSet(
    digits.handwritten_digits, digits.IMAGE_SIZE, mirrors=False
)
EMBEDDED = {
    "handwritten_digits": _HANDWRITTEN,
    "street_digits": EmbeddedSet(
        digits.street_digits, digits.IMAGE_SIZE, mirrors=False
    ),
    "digits": _HANDWRITTEN,  # For short.
    "drawings": EmbeddedSet(drawings.drawings, drawings.IMAGE_SIZE),
    "faces": EmbeddedSet(faces.faces, faces.IMAGE_SIZE, has_attributes=True),
}


def embedded(source, attributes=False):
    """Returns the set of that name, with or without attributes, or `None`."""
    found = EMBEDDED.get(source) if isinstance(source, str) else None
    return found if found and found.has_attributes == attributes else None


def embedded_names(attributes=False):
    """Returns the names of the sets with or without attributes."""
    return [name for name, own in EMBEDDED.items() if own.has_attributes == attributes]
