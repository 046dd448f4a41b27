"""What the drawn sets share: random streams, and checks of their arguments."""

import numpy as np

from keras_gans.checks import non_negative_integer, one_of, positive_integer


def blocks(split, count, seed, counts, size):
    """Checks the arguments of a drawn set, and takes it apart into blocks of `size`.

    Each block is drawn from a random stream of its own, so that memory stays small and
    a smaller `count` is the start of a larger one. `counts` are the usual ones.

    Returns:
        The number of images, and an iterator of pairs: the slice of a block, of which
        the last may be shorter, and its NumPy generator.
    """
    check_split(split)
    count = counts[split] if count is None else count
    count = positive_integer("count", count, TypeError)
    seed = non_negative_integer("seed", seed, TypeError)
    stream = int(split == "test")
    return count, (
        (
            slice(start, min(start + size, count)),
            np.random.default_rng([seed, stream, start // size]),
        )
        for start in range(0, count, size)
    )


def check_split(split):
    if not isinstance(split, str):
        raise TypeError(
            "Argument `split` must be the string 'train' or 'test'. "
            f"Received: split={split!r} of type {type(split).__name__}"
        )
    one_of("split", split, ("train", "test"))
