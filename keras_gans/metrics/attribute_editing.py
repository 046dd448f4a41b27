"""How well attributes are edited, as a classifier of real images sees it."""

import numpy as np

from keras_gans.checks import require
from keras_gans.pixels import to_floats, to_pixels

# From this value a pixel counts as inside the mask.
_INSIDE = 0.5
# All differences of values in [-1, 1] are told as a share of this range.
_RANGE = 2.0


def attribute_scores(model, images, attributes, classifier, border=8):
    """Scores every single edit of test images.

    Each image is edited once for each attribute: given it or, where it has it, freed of
    it. Of an exclusive group it is given each other member in turn, and freed of none.

    Args:
        model: A `keras_gans.models.ACLGAN` or `StarGAN`.
        images: uint8 test images of shape `(n, height, width, channels)`.
        attributes: Array of 0 and 1 of shape `(n, attributes)`, those that they have.
        classifier: `keras.Model` from images in [0, 255] to a logit for each attribute,
            from `train_classifier` on real images.
        border: Positive integer, width in pixels of the border in which the background
            is compared. Defaults to 8.

    Returns:
        A dict of floats:
        - `target_accuracy`: share of edits after which the classifier sees the edited
          attribute as wanted;
        - `target_accuracy/<name>`: the same of the edits of this attribute alone;
        - `given_accuracy`, `removed_accuracy`: the same of the edits that give an
          attribute, and of those that take one away, where there are any;
        - `preservation_accuracy`: share of all other attributes that it sees as they
          were before (other members of an exclusive group are not counted);
        - `classifier_accuracy`: share of the attributes of real images that it tells;
        - `change_l1`: mean |image - edit|, as a share of the range of values;
        - `border_l1`: the same of the border alone;
        - `background_l1`: the same outside of the mask, where it is below ½, and
        - `mask_share`: the share of pixels inside; both only of a model with a mask;
        - `likeness`: 1 where an edit is its image, and 0 where it is as far from it as
          two test images are from each other, or farther: one minus their quotient. A
          classifier alone may be deceived by noise. (Not of a single image.)
    """
    attributes = np.asarray(attributes, "float32")
    expected = (len(images), len(model.attribute_names))
    require(
        attributes.shape == expected and len(images),
        f"Argument `attributes` must have the shape {expected}, a row for each image "
        f"and a column for each of {model.attribute_names}",
        shape=attributes.shape,
    )
    scaled = to_floats(images)
    is_border = np.ones(images.shape[1:3], bool)
    is_border[border:-border, border:-border] = False

    target, preserved = {name: [] for name in model.attribute_names}, []
    directions = {"removed_accuracy": [], "given_accuracy": []}
    # Of all pixels that count: the masks differ in size.
    differences = {"change_l1": [], "border_l1": [], "background_l1": []}
    inside = []
    for choice in model.choices.places:
        others = [place for place in range(expected[1]) if place not in choice]
        for place in choice:
            rows, wanted = _edits(attributes, choice, place)
            if not len(rows):
                continue
            edits, *mask = model.translate(scaled[rows], wanted)
            # Judged as the pictures they would be saved as.
            pixels = to_pixels(edits)
            seen = classifier.predict(pixels, batch_size=256, verbose=0) > 0
            is_right = seen[:, place] == wanted[:, place]
            target[model.attribute_names[place]] += list(is_right)
            for direction, values in enumerate(directions.values()):
                values += list(is_right[wanted[:, place] == direction])
            preserved += list((seen == attributes[rows])[:, others].ravel())
            difference = np.abs(edits - scaled[rows]).mean(-1) / _RANGE
            differences["change_l1"].append(difference.ravel())
            differences["border_l1"].append(difference[:, is_border].ravel())
            if mask:
                is_inside = mask[0][..., 0] >= _INSIDE
                inside.append(is_inside.ravel())
                differences["background_l1"].append(difference[~is_inside])

    real = classifier.predict(images, batch_size=256, verbose=0) > 0
    scores = {"target_accuracy": np.concatenate([*target.values()]).mean()}
    shares = {f"target_accuracy/{name}": values for name, values in target.items()}
    shares |= directions
    scores |= {name: np.mean(values) for name, values in shares.items() if values}
    scores["preservation_accuracy"] = np.mean(preserved) if preserved else 1.0
    scores["classifier_accuracy"] = np.mean(real == attributes)
    for name, values in differences.items():
        if values:
            scores[name] = np.concatenate(values).mean()
    others = np.abs(scaled - np.roll(scaled, 1, axis=0)).mean() / _RANGE
    if others:
        scores["likeness"] = 1 - min(1.0, scores["change_l1"] / others)
    if inside:
        scores["mask_share"] = np.concatenate(inside).mean()
    return {name: float(value) for name, value in scores.items()}


def _edits(attributes, choice, place):
    """Returns the rows in which an attribute is edited, and what they are to have."""
    wanted = attributes.copy()
    if len(choice) == 1:
        wanted[:, place] = 1 - wanted[:, place]
        return np.arange(len(attributes)), wanted
    rows = np.flatnonzero(attributes[:, place] == 0)
    wanted[:, choice] = 0
    wanted[:, place] = 1
    return rows, wanted[rows]
