"""The part of every numbered batch that one of several workers reads."""

import contextlib
import contextvars

import tensorflow as tf

# The number of this worker, and how many there are, while a pipeline is made.
_share = contextvars.ContextVar("share", default=(0, 1))


@contextlib.contextmanager
def reading(worker, workers):
    """Pipelines that are made in this context give this worker's part of each batch."""
    token = _share.set((worker, workers))
    try:
        yield
    finally:
        _share.reset(token)


def own_part(values):
    """Returns, of values for each sample of a batch, those of this worker's part."""
    worker, workers = _share.get()
    if workers == 1:
        return values
    part = tf.shape(values)[0] // workers
    own = values[worker * part : (worker + 1) * part]
    length = values.shape[0]
    length = None if length is None else length // workers
    return tf.ensure_shape(own, (length, *values.shape[1:]))


def uniform(shape, *arguments):
    """Draws as `tf.random.stateless_uniform` does for the samples of a whole batch.

    Args:
        shape: List of integers, the first the samples in this worker's part.
        *arguments: Those of `tf.random.stateless_uniform` after the shape.

    Returns:
        The own part, a tensor of this shape.
    """
    _, workers = _share.get()
    first, *rest = shape
    return own_part(tf.random.stateless_uniform([first * workers, *rest], *arguments))
