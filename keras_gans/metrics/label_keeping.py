"""How many translated images keep their label, as a classifier sees it."""

import keras
import numpy as np

from keras_gans.pixels import convert_channels, to_floats, to_levels


def train_classifier(
    images, labels, steps=250, batch_size=64, seed=0, verbose=0, feature_dim=None
):
    """Trains a small convolutional classifier on real, labelled images.

    Small shifts, turns and zooms while it trains make it judge the digit and not its
    place. The images need at least 8 pixels a side.

    Args:
        images: uint8 array of shape `(n, height, width, channels)`.
        labels: Integer array of shape `(n,)`, from 0; or `(n, attributes)` of 0 and 1,
            of which an image may have several.
        steps: Positive integer, training steps. Defaults to 250.
        batch_size: Positive integer. Defaults to 64.
        seed: Integer, determines weights, order and augmentation.
        verbose: 0, or 1 for a progress bar.
        feature_dim: Optional positive integer, width of a dense ReLU layer before the
            logits. `None`, the default, leaves it out. With it, the features that
            `classifier_features` returns are so few that Fréchet distances need some
            thousand images only: without, 32x32 images have 2,048 features.

    Returns:
        A compiled `keras.Model` from uint8 or float images in [0, 255] to logits, one
        for each label, or for each attribute.

    Raises:
        ValueError: If `feature_dim` is less than 1.
    """
    if feature_dim is not None and feature_dim < 1:
        raise ValueError(
            "Argument `feature_dim` must be None or a positive integer. "
            f"Received: feature_dim={feature_dim}"
        )
    seeds = keras.random.SeedGenerator(seed)

    def next_seed():
        return int(keras.random.randint((), 0, 2**31 - 1, seed=seeds))

    layers = keras.layers
    inputs = keras.Input(images.shape[1:])
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.RandomTranslation(0.08, 0.08, "nearest", seed=next_seed())(x)
    x = layers.RandomRotation(0.03, "nearest", seed=next_seed())(x)
    x = layers.RandomZoom((-0.1, 0.1), fill_mode="nearest", seed=next_seed())(x)
    for width in (32, 64, 128):
        x = layers.Conv2D(
            width,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.GlorotUniform(next_seed()),
        )(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    if feature_dim is not None:
        x = layers.Dense(
            feature_dim,
            "relu",
            kernel_initializer=keras.initializers.GlorotUniform(next_seed()),
        )(x)
    several = labels.ndim == 2
    outputs = layers.Dense(
        labels.shape[1] if several else int(labels.max()) + 1,
        kernel_initializer=keras.initializers.GlorotUniform(next_seed()),
        dtype="float32",
    )(x)
    classifier = keras.Model(inputs, outputs, name="label_classifier")
    classifier.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(2e-3, steps)
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True)
        if several
        else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)]
        if several
        else ["accuracy"],
    )
    random = np.random.default_rng(seed)
    passes = -(-steps * batch_size // len(images))
    order = np.concatenate([random.permutation(len(images)) for _ in range(passes)])
    order = order[: steps * batch_size]
    classifier.fit(
        images[order],
        labels[order],
        batch_size=batch_size,
        shuffle=False,
        verbose=verbose,
    )
    return classifier


def label_keeping(model, test_x, test_y, classifier_x, classifier_y, batch_size=128):
    """Scores both directions of a translation by the labels that survive.

    Args:
        model: A `keras_gans.models.CycleGAN`.
        test_x: Pair (uint8 images, labels) of domain X, not used in training.
        test_y: The same for domain Y.
        classifier_x: Classifier of real images of X, from `train_classifier`.
        classifier_y: The same for Y.
        batch_size: Positive integer. Defaults to 128.

    Returns:
        A dict with the entries `"xy"` and `"yx"`, each a dict of floats:
        - `kept`: share of translated test images that the target domain's classifier
          gives the label of their source;
        - `ceiling`: its accuracy on real test images of the target domain;
        - `floor`: its accuracy on source images that are not translated, only
          converted in channels;
        - `cycle_l1`: mean |image - reconstruction| of the source images, in [-1, 1].
    """
    scores = {}
    for direction, source, target, classifier in (
        ("xy", test_x, test_y, classifier_y),
        ("yx", test_y, test_x, classifier_x),
    ):
        images, labels = source
        back = direction[::-1]
        kept, cycle_l1 = 0, 0.0
        for start in range(0, len(images), batch_size):
            batch = to_floats(images[start : start + batch_size])
            translated = model(batch, direction=direction)
            restored = model(translated, direction=back)
            # Judged as the pictures they would be saved as.
            pictures = to_levels(keras.ops.convert_to_numpy(translated))
            predicted = classifier.predict_on_batch(pictures).argmax(-1)
            kept += int((predicted == labels[start : start + batch_size]).sum())
            difference = np.abs(keras.ops.convert_to_numpy(restored) - batch)
            cycle_l1 += float(difference.mean((1, 2, 3)).sum())
        untranslated = convert_channels(images, target[0].shape[-1])
        scores[direction] = {
            "kept": kept / len(images),
            "ceiling": _accuracy(classifier, *target),
            "floor": _accuracy(classifier, untranslated, labels),
            "cycle_l1": cycle_l1 / len(images),
        }
    return scores


def _accuracy(classifier, images, labels):
    logits = classifier.predict(images, batch_size=256, verbose=0)
    return float((logits.argmax(-1) == labels).mean())
