"""Scores of a colorizer on illustrations that it was not trained on."""

import numpy as np
import tensorflow as tf

from keras_gans.data import draw_hints, extract_line_art
from keras_gans.pixels import to_floats


def colorization_pairs(images, seed=0):
    """Makes the same line art and hints each time, to score colorizers with.

    Unlike the batches of training, all lines are black and of the middle width, and all
    images have hints.

    Args:
        images: uint8 array of shape `(n, height, width, 3)`.
        seed: Integer, of the hints.

    Returns:
        A pair `((line_art, hint_colors, hint_mask), target)` of float32 arrays, as
        `keras_gans.data.colorization` makes them.
    """
    target = to_floats(images)
    line_art = extract_line_art(target).numpy()
    colors, mask = draw_hints(target, seed, probability=1.0)
    return (line_art, colors.numpy(), mask.numpy()), target


def colorize_batches(model, source, hints=True, batch_size=32):
    """Colours line art in inference mode, a batch after the other.

    Args:
        model: A `keras_gans.models.Pix2PixColorizer`.
        source: Tuple `(line_art, hint_colors, hint_mask)` of float arrays.
        hints: Boolean. With `False` the hints are left out.
        batch_size: Positive integer.
    """
    line_art, colors, mask = source
    if not hints:
        colors, mask = np.zeros_like(colors), np.zeros_like(mask)
    data = tf.data.Dataset.from_tensor_slices((line_art, colors, mask))
    return np.concatenate([model(batch) for batch in data.batch(batch_size)])


def colorization_scores(model, images, seed=0):
    """Scores a colorizer, unaided and after hints.

    All errors are mean absolute differences of values in [-1, 1].

    Args:
        model: A `keras_gans.models.Pix2PixColorizer`.
        images: uint8 illustrations of shape `(n, height, width, 3)` that the model was
            not trained on; line art and hints are made of them.
        seed: Integer, of the hints.

    Returns:
        A dict of floats: `unaided_l1` and `hinted_l1`, the errors without and with
        hints, and `l1`, their mean, as half of the training is without hints;
        `l1_red`, `l1_green` and `l1_blue`, whose mean is `l1`; `hint_error`, how far
        the mean colour under a dab is from the colour of the dab, mean over all dabs,
        which is small if hints are obeyed; and `unaided_hint_error`, that of the same
        places without any hints.
    """
    source, target = colorization_pairs(images, seed)
    _, colors, mask = source
    errors, hint_errors = [], []
    for hints in (False, True):
        colored = colorize_batches(model, source, hints)
        errors.append(np.abs(colored - target).mean((0, 1, 2), dtype="float64"))
        hint_errors.append(hint_error(colored, colors, mask))
    channels = np.mean(errors, axis=0)
    return {
        "l1": float(channels.mean()),
        "unaided_l1": float(errors[0].mean()),
        "hinted_l1": float(errors[1].mean()),
        **dict(zip(("l1_red", "l1_green", "l1_blue"), map(float, channels))),
        "hint_error": hint_errors[1],
        "unaided_hint_error": hint_errors[0],
    }


def hint_error(colored, colors, mask):
    """Tells how far the mean colour under dabs is from the colours of the dabs.

    Means are compared because a dab may lie over a line, or the border of two colours:
    of the image that the dab was taken from the error is 0, but where dabs overlap.

    Args:
        colored: Float array of images in [-1, 1], shape `(n, height, width, 3)`.
        colors: The hint colours, likewise; dabs of one image that have the same colour
            count as one.
        mask: Their mask, shape `(n, height, width, 1)`.
    """
    errors = []
    for image, hints, hinted in zip(colored, colors, mask[..., 0] > 0, strict=True):
        dabs, members = np.unique(hints[hinted], axis=0, return_inverse=True)
        sums = np.zeros(dabs.shape)
        np.add.at(sums, members.reshape(-1), image[hinted])
        counts = np.bincount(members.reshape(-1), minlength=len(dabs))
        errors.append(np.abs(sums / counts[:, None] - dabs).mean(axis=1))
    return float(np.concatenate(errors).mean())
