"""What the drawn sets share: random streams, and checks of their arguments."""

import copy
import functools

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


def drawn_once(draw):
    """Decorates a drawn set of the usual size so that it is drawn once in a process.

    A run trains with the set, and scores with it again.
    """
    usual = functools.cache(draw)

    @functools.wraps(draw)
    def drawn(split="train", *args, **kwargs):
        check_split(split)
        if args or kwargs:
            return draw(split, *args, **kwargs)
        return tuple(map(copy.copy, usual(split)))

    return drawn


def every_kind(kinds, size, random):
    """Returns `size` numbers of kinds: in each run of `kinds` all, in random order."""
    runs = np.tile(np.arange(kinds), (size // kinds, 1))
    return random.permuted(runs, axis=1).ravel()


def check_split(split):
    must = "Argument `split` must be the string 'train' or 'test'"
    require(isinstance(split, str), must, TypeError, split=split)
    one_of("split", split, ("train", "test"))
