"""The sets that come with the package: no network, no download.

A set is one entry of `EMBEDDED`, and nothing else has to know it.
"""

import dataclasses
from collections.abc import Callable

from keras_gans.data.embedded import digits, drawings, faces


@dataclasses.dataclass(frozen=True)
class EmbeddedSet:
    """An embedded set of images. All have a training and a test part."""

    # ("train" or "test", number of the first or all) -> (uint8 images, labels or
    # `None`); a set with attributes gives (images, attributes of 0 and 1, their names).
    load: Callable
    size: int  # Height and width of its images.
    mirrors: bool = True  # A mirrored digit is none.
    has_attributes: bool = False  # For `keras_gans.data.attributes`.


_HANDWRITTEN = EmbeddedSet(digits.handwritten_digits, digits.IMAGE_SIZE, mirrors=False)
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
