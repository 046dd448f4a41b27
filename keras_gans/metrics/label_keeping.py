"""How many translated images keep their label, as a classifier sees it."""

import keras
import numpy as np

from keras_gans.metrics.classifiers import label_share, map_batches, train_classifier
from keras_gans.metrics.fid import frechet_distance
from keras_gans.metrics.style_diversity import color_spread
from keras_gans.pixels import convert_channels, to_floats, to_levels


def label_keeping(
    model, test_x, test_y, classifier_x, classifier_y, batch_size=128, reader=None
):
    """Scores the directions of a translation by the labels that survive.

    A classifier of the target domain alone judges whether a translation looks like one
    of its images; it misreads the best handwriting if it has only seen print. A reader
    of both domains judges whether it is still the same digit.

    Args:
        model: A model of translation; of one without a way back, X → Y is scored.
        test_x: Pair (uint8 images, labels) of domain X, not used in training.
        test_y: The same for domain Y.
        classifier_x: Classifier of real images of X, from `train_classifier`.
        classifier_y: The same for Y.
        batch_size: Positive integer. Defaults to 128.
        reader: Optional classifier of real images of both domains together, from
            `train_reader`.

    Returns:
        A dict with an entry for each direction, `"xy"` and `"yx"`, a dict of floats:
        - `kept`: share of translated test images that the target domain's classifier
          gives the label of their source;
        - `ceiling`: its accuracy on real test images of the target domain;
        - `floor`: its accuracy on source images that are not translated, only
          converted in channels;
        - `cycle_l1`: mean |image - reconstruction| of the source images, in [-1, 1],
          where there is a way back, of images of Y in their style;
        - with a reader `read`: share of the translations to which it gives the label;
        - `read_ceiling`: the same of real test images of the target domain;
        - `reader_fid`: Fréchet distance of the translations from those in the 128
          features of the reader's last convolution, averaged over places and divided by
          the root of their mean square;
        - `color_spread`, `real_color_spread`: of the translations and of those images,
          see `keras_gans.metrics.color_spread`.
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
        kept, cycle_l1, translations = 0, 0.0, []
        for start in range(0, len(images), batch_size):
            batch = to_floats(images[start : start + batch_size])
            has_back = back in directions
            translated = model(batch, direction=direction) if has_back else model(batch)
            # Judged as the pictures they would be saved as.
            pictures = to_levels(keras.ops.convert_to_numpy(translated))
            translations.append(pictures.astype("uint8"))
            predicted = classifier.predict_on_batch(pictures).argmax(-1)
            kept += int((predicted == labels[start : start + batch_size]).sum())
            if has_back:
                style = {}
                if back == "xy" and getattr(model, "style_dim", None):
                    style["style"] = model.encode_style(batch)
                restored = model(translated, direction=back, **style)
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
        if reader is not None:
            translations = np.concatenate(translations)
            scores[direction] |= _read(reader, translations, labels, *target)
    return scores


def train_reader(train_x, train_y, **options):
    """Trains a classifier of the images of two domains together, see `label_keeping`.

    The colours of its images vary in training. A reader that has only seen handwriting
    in white on black misreads one in four that are dark on light, however well they are
    drawn.

    Args:
        train_x, train_y: Pairs (uint8 images, labels). Grey images become colour.
        **options: As for `train_classifier`; `steps` defaults to 500,
            `color_augmentation` to `True`.
    """
    (x, labels_x), (y, labels_y) = train_x, train_y
    # As many of each domain, or the larger one would be read best.
    count = min(len(x), len(y))
    random = np.random.default_rng(options.get("seed", 0))
    orders = [random.permutation(len(part))[:count] for part in (x, y)]
    images = [
        convert_channels(part[order], 3)
        for part, order in zip((x, y), orders, strict=True)
    ]
    labels = np.concatenate([labels_x[orders[0]], labels_y[orders[1]]])
    options = {"steps": 500, "color_augmentation": True} | options
    return train_classifier(np.concatenate(images), labels, **options)


def _read(reader, translations, labels, real, real_labels):
    translations, real = (convert_channels(part, 3) for part in (translations, real))
    last = next(x for x in reader.layers if isinstance(x, keras.layers.Flatten)).input
    means = keras.layers.GlobalAveragePooling2D()(last)
    network = keras.Model(reader.input, means)
    features = [
        map_batches(lambda batch: network(batch, training=False), part, 256)
        for part in (real, translations)
    ]
    scale = np.sqrt(np.mean(features[0] ** 2))
    spreads = {"color_spread": translations, "real_color_spread": real}
    spreads = {name: color_spread(part) for name, part in spreads.items()}
    return spreads | {
        "read": label_share(reader, translations, labels),
        "read_ceiling": label_share(reader, real, real_labels),
        "reader_fid": float(frechet_distance(*(part / scale for part in features))),
    }
