"""How many translated images keep their label, as a classifier sees it."""

import keras
import numpy as np

from keras_gans.metrics.classifiers import label_share
from keras_gans.pixels import convert_channels, to_floats, to_levels


def label_keeping(model, test_x, test_y, classifier_x, classifier_y, batch_size=128):
    """Scores the directions of a translation by the labels that survive.

    Args:
        model: A model of translation; of one without a way back, X → Y is scored.
        test_x: Pair (uint8 images, labels) of domain X, not used in training.
        test_y: The same for domain Y.
        classifier_x: Classifier of real images of X, from `train_classifier`.
        classifier_y: The same for Y.
        batch_size: Positive integer. Defaults to 128.

    Returns:
        A dict with an entry for each direction, `"xy"` and `"yx"`, a dict of floats:
        - `kept`: share of translated test images that the target domain's classifier
          gives the label of their source;
        - `ceiling`: its accuracy on real test images of the target domain;
        - `floor`: its accuracy on source images that are not translated, only
          converted in channels;
        - `cycle_l1`: mean |image - reconstruction| of the source images, in [-1, 1],
          where there is a way back.
    """
    scores = {}
    for direction, source, target, classifier in (
        ("xy", test_x, test_y, classifier_y),
        ("yx", test_y, test_x, classifier_x),
    ):
        directions = getattr(model, "directions", ("xy", "yx"))
        if direction not in directions:
            continue
        images, labels = source
        back = direction[::-1]
        kept, cycle_l1 = 0, 0.0
        for start in range(0, len(images), batch_size):
            batch = to_floats(images[start : start + batch_size])
            has_back = back in directions
            translated = model(batch, direction=direction) if has_back else model(batch)
            # Judged as the pictures they would be saved as.
            pictures = to_levels(keras.ops.convert_to_numpy(translated))
            predicted = classifier.predict_on_batch(pictures).argmax(-1)
            kept += int((predicted == labels[start : start + batch_size]).sum())
            if has_back:
                restored = model(translated, direction=back)
                difference = np.abs(keras.ops.convert_to_numpy(restored) - batch)
                cycle_l1 += float(difference.mean((1, 2, 3)).sum())
        untranslated = convert_channels(images, target[0].shape[-1])
        scores[direction] = {
            "kept": kept / len(images),
            "ceiling": label_share(classifier, *target),
            "floor": label_share(classifier, untranslated, labels),
        }
        if has_back:
            scores[direction]["cycle_l1"] = cycle_l1 / len(images)
    return scores
