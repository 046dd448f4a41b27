"""Pictures that do not fit into memory at once, tile by tile.

Tiles overlap; in the middle of an overlap one passes into the other, and what lies
nearer to a tile's edge, where the networks have seen padding instead of the picture, is
left out. Each tile starts at a multiple of the networks' stride, so that all of them
are sampled alike.

Convolutions see no more than their surroundings, and far from its edge a tile is what
the whole picture would have been. Instance normalization is different: mean and
variance are those of the tile, and a dark tile comes out as if the whole picture were
dark. `SharedMoments` takes them from tiles all over the picture instead.
"""

import math

import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.layers import InstanceNormalization

TILE = 512
# Of the tiles that go through the networks together.
PIXELS = 2**20


class Tiles:
    """The grid of tiles of a picture.

    Args:
        image: Array of shape `(height, width, channels)`.
        tile: Height and width of the tiles, a pair of multiples of `multiple`.
        multiple: Positive integer, of which tiles start at multiples.

    Attributes:
        count: Integer, the number of tiles.
        batch_size: Integer, how many fit into memory together.
    """

    def __init__(self, image, tile, multiple):
        require(
            not any(side % multiple for side in tile),
            f"Height and width of tiles must be multiples of {multiple}",
            tile=tile,
        )
        self._size = image.shape[:2]
        padding = [
            (0, max(side, length + -length % multiple) - length)
            for length, side in zip(self._size, tile)
        ]
        self._image = np.pad(image, (*padding, (0, 0)), "symmetric")
        self._tile = tile
        self._grid, self._weights = [], []
        for length, side in zip(self._image.shape, tile):
            overlap = side // 4
            starts = _starts(length, side, overlap, multiple)
            self._grid.append(starts)
            self._weights.append(_weights(length, side, starts))
        self.count = len(self._grid[0]) * len(self._grid[1])
        self.batch_size = max(1, PIXELS // (tile[0] * tile[1]))

    def sample(self):
        """Returns tiles from all over the picture, as many as fit into memory."""
        places = np.linspace(0, self.count - 1, min(self.count, self.batch_size))
        return self._cut([self._corner(int(place)) for place in places.round()])

    def map(self, function):
        """Returns what a function makes of the picture, tile by tile.

        Args:
            function: Function of a batch of tiles that returns an array of as many, of
                the same height and width and any channels.

        Returns:
            Float32 array of shape `(height, width, channels)`.
        """
        result = None
        for first in range(0, self.count, self.batch_size):
            places = range(first, min(first + self.batch_size, self.count))
            corners = [self._corner(place) for place in places]
            outputs = function(self._cut(corners))
            if result is None:
                shape = *self._image.shape[:2], outputs.shape[-1]
                result = np.zeros(shape, "float32")
            for (row, column), output in zip(corners, outputs, strict=True):
                weights = self._weights[0][row][:, None] * self._weights[1][column]
                result[self._area(row, column)] += output * weights[..., None]
        return result[: self._size[0], : self._size[1]]

    def _corner(self, place):
        return divmod(place, len(self._grid[1]))

    def _area(self, row, column):
        top, left = self._grid[0][row], self._grid[1][column]
        return slice(top, top + self._tile[0]), slice(left, left + self._tile[1])

    def _cut(self, corners):
        return np.stack([self._image[self._area(*corner)] for corner in corners])


def _starts(length, side, overlap, multiple):
    """Returns where tiles start, evenly, that overlap by at least that much."""
    room = (length - side) // multiple
    step = max(1, (side - overlap) // multiple)
    count = math.ceil(room / step) + 1
    return [multiple * round(k * room / max(1, count - 1)) for k in range(count)]


def _weights(length, side, starts):
    """Returns the weights of each tile along one axis, which add up to 1."""
    places, total, weights = np.arange(side), np.zeros(length), []
    for index, start in enumerate(starts):
        weight = np.ones(side)
        # The overlaps may be wider than what was asked for.
        if index:
            weight *= _ramp(places, starts[index - 1] + side - start)
        if index + 1 < len(starts):
            weight *= _ramp(side - 1 - places, start + side - starts[index + 1])
        total[start : start + side] += weight
        weights.append(weight)
    return [
        (weight / total[start : start + side]).astype("float32")
        for weight, start in zip(weights, starts)
    ]


def _ramp(places, overlap):
    """Rises from 0 to 1 in the middle half of an overlap."""
    return np.clip((places + 0.5 - overlap / 4) / max(overlap / 2, 1), 0, 1)


class SharedMoments:
    """Lets a network normalize all tiles of a picture with the same moments.

    Within the block the first call is one of a sample of tiles, as one batch: every
    `InstanceNormalization` takes mean and variance over all of them together, and keeps
    them for the calls that follow. They are those of the whole picture as far as the
    sample is like it.

    Args:
        network: Keras model, called eagerly.
    """

    def __init__(self, network):
        self._layers = [
            layer
            for layer in network._flatten_layers()
            if isinstance(layer, InstanceNormalization)
        ]

    def __enter__(self):
        for layer in self._layers:
            layer.moments = _kept_moments()
        return self

    def __exit__(self, *_):
        for layer in self._layers:
            del layer.moments


def _kept_moments():
    kept = []

    def moments(x):
        if not kept:
            axes = list(range(len(x.shape) - 1))
            kept.extend(tf.nn.moments(x, axes, keepdims=True))
        return kept

    return moments
