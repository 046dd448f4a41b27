"""What the drawn sets share: random streams, and checks of their arguments."""

import numpy as np

from keras_gans.checks import non_negative_integer, one_of, positive_integer, require


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

    def parts():
        for start in range(0, count, size):
            random = np.random.default_rng([seed, split == "test", start // size])
            yield slice(start, min(start + size, count)), random

    return count, parts()


def check_split(split):
    must = "Argument `split` must be the string 'train' or 'test'"
    require(isinstance(split, str), must, TypeError, split=split)
    one_of("split", split, ("train", "test"))
