"""Classifiers that judge: trained on real images, asked about generated ones."""

import math

import keras
import numpy as np

from keras_gans.checks import positive_integer, probability, require
from keras_gans.layers import BatchNormalization, RandomColors
from keras_gans.metrics.modes import count_filled
from keras_gans.pixels import to_pixels

# Seeds that are tried.
_ATTEMPTS = 3


def train_classifier(
    images,
    labels,
    steps=250,
    batch_size=64,
    seed=0,
    verbose=0,
    feature_dim=None,
    color_augmentation=False,
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
        seed: Integer, determines weights, order and augmentation. If all features of
            `feature_dim` die in training, the next seed is taken.
        verbose: 0, or 1 for a progress bar.
        feature_dim: Optional positive integer, width of a dense ReLU layer before the
            logits. `None`, the default, leaves it out. With it, the features that
            `classifier_features` returns are so few that Fréchet distances need some
            thousand images only: without, 32x32 images have 2,048 features.

        color_augmentation: Boolean, invert half of the images while it trains, and vary
            their contrast and brightness a little, so that it judges shapes in colours
            that it has not seen. Defaults to `False`.

    Returns:
        A compiled `keras.Model` from uint8 or float images in [0, 255] to logits, one
        for each label, or for each attribute.
    """
    if feature_dim is not None:
        positive_integer("feature_dim", feature_dim)
    for attempt in range(_ATTEMPTS):
        classifier = _train(
            *(images, labels, steps, batch_size, seed + attempt, verbose),
            *(feature_dim, color_augmentation),
        )
        # The first steps may kill all units of a narrow ReLU layer, and the classifier
        # says the same of every image from then on.
        if feature_dim is None or classifier_features(classifier, images[:256]).any():
            return classifier
    raise ValueError(
        f"A classifier with feature_dim={feature_dim} learned nothing with the seeds "
        f"{seed} to {seed + _ATTEMPTS - 1}: none of its features is ever above 0. Give "
        "it more features or more steps."
    )


def _train(
    images, labels, steps, batch_size, seed, verbose, feature_dim, color_augmentation
):
    seeds = keras.random.SeedGenerator(seed)

    def next_seed():
        return int(keras.random.randint((), 0, 2**31 - 1, seed=seeds))

    def initializer():
        return keras.initializers.GlorotUniform(next_seed())

    layers = keras.layers
    inputs = keras.Input(images.shape[1:])
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    if color_augmentation:
        x = RandomColors(0.5, 0.3, 0.2, seed=next_seed())(x)
    x = layers.RandomTranslation(0.08, 0.08, "nearest", seed=next_seed())(x)
    x = layers.RandomRotation(0.03, "nearest", seed=next_seed())(x)
    x = layers.RandomZoom((-0.1, 0.1), fill_mode="nearest", seed=next_seed())(x)
    for width in (32, 64, 128):
        arguments = {"use_bias": False, "kernel_initializer": initializer()}
        x = layers.Conv2D(width, 3, padding="same", **arguments)(x)
        x = BatchNormalization(momentum=0.9)(x)
        # The same in the other order, at a quarter of the pixels.
        x = layers.MaxPooling2D()(x)
        x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    if feature_dim is not None:
        x = layers.Dense(feature_dim, "relu", kernel_initializer=initializer())(x)
    if labels.ndim == 2:
        count = labels.shape[1]
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracies = [keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)]
    else:
        count = int(labels.max()) + 1
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracies = ["accuracy"]
    arguments = {"kernel_initializer": initializer(), "dtype": "float32"}
    outputs = layers.Dense(count, **arguments)(x)
    classifier = keras.Model(inputs, outputs, name="label_classifier")
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    classifier.compile(keras.optimizers.Adam(rate), loss, metrics=accuracies)
    random = np.random.default_rng(seed)
    passes = -(-steps * batch_size // len(images))
    order = np.concatenate([random.permutation(len(images)) for _ in range(passes)])
    order = order[: steps * batch_size]
    arguments = {"batch_size": batch_size, "shuffle": False, "verbose": verbose}
    classifier.fit(images[order], labels[order], **arguments)
    return classifier


def classifier_features(classifier, images, batch_size=256):
    """What the last dense layer of a classifier sees of each image.

    Args:
        classifier: Functional `keras.Model` from images in [0, 255], such as
            `train_classifier` returns; its argument `feature_dim` sets the number of
            features. The layer before its last `Dense` layer gives the features.
        images: Images of shape `(n, height, width, channels)`, uint8 in [0, 255] or
            float in [-1, 1].
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A float32 array of shape `(n, features)`.
    """
    images = check_images(images)
    layers = classifier.layers
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
    must = "Argument `classifier` must have a `Dense` layer: its input are the features"
    require(dense, must, classifier=classifier)
    network = keras.Model(classifier.input, dense[-1].input)
    # Not `predict`, which would trace each new network anew.
    return map_batches(lambda batch: network(batch, training=False), images, batch_size)


def class_statistics(classifier, images, minimum_share=0.1, batch_size=256):
    """How many classes a generator produces, and how evenly.

    Each image counts for the class that the classifier gives the largest output.

    Args:
        classifier: Model from images in [0, 255] to an output for each class, from
            `train_classifier`.
        images: Generated images, as for `classifier_features`.
        minimum_share: Float in [0, 1]: a class is produced if it has at least one
            image and this part of its fair share, `n / classes`. Defaults to 0.1,
            which is 1 % of the images for 10 classes. It keeps the mistakes of the
            classifier from counting as classes.
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A dict:
        - `classes_produced`: integer, number of classes that are produced;
        - `entropy`: float, entropy of the distribution of classes, in nats;
        - `entropy_share`: float, `entropy / log(classes)`, from 0 for one class to 1
          for all of them equally often.
    """
    probability("minimum_share", minimum_share)
    classes, predicted = _classify(classifier, images, batch_size)
    counts = np.bincount(predicted, minlength=classes)
    shares = counts[counts > 0] / len(predicted)
    entropy = float(np.sum(shares * np.log(1 / shares)))
    return {
        "classes_produced": count_filled(counts, len(predicted), minimum_share),
        "entropy": entropy,
        "entropy_share": entropy / math.log(classes),
    }


def label_share(classifier, images, labels, batch_size=256):
    """Share of the images that show the class asked for, as a classifier sees it.

    Args:
        classifier: As for `class_statistics`.
        images: Generated images, as for `classifier_features`.
        labels: Integers of shape `(n,)`, the labels that the generator was given.
        batch_size: Positive integer. Defaults to 256.

    Returns:
        A float in [0, 1].
    """
    labels = keras.ops.convert_to_numpy(labels)
    require(
        labels.shape == (len(images),),
        "Argument `labels` must have one label for each image. Received: "
        f"labels.shape={labels.shape} for {len(images)} images",
    )
    _, predicted = _classify(classifier, images, batch_size)
    return float(np.mean(predicted == labels))


def _classify(classifier, images, batch_size):
    """Returns the number of classes and the class of each image."""
    images = check_images(images)
    outputs = classifier.predict(images, batch_size=batch_size, verbose=0)
    return outputs.shape[-1], outputs.argmax(-1)


def check_images(images, least=1):
    """Returns images as uint8 pixels; raises if they are less than one, or two."""
    images = to_pixels(images)
    wanted = "two images" if least == 2 else "one image"
    require(
        images.ndim == 4 and len(images) >= least,
        f"Argument `images` must be at least {wanted}, an array of shape (n, height, "
        "width, channels)",
        **{"images.shape": images.shape},
    )
    return images


def map_batches(function, images, batch_size):
    """Returns what a function makes of images, batch by batch, as one array."""
    starts = range(0, len(images), batch_size)
    batches = (images[start : start + batch_size] for start in starts)
    to_numpy = keras.ops.convert_to_numpy
    return np.concatenate([to_numpy(function(batch)) for batch in batches])
