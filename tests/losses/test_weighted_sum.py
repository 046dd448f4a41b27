"""A sum of losses against the losses."""

import contracts
import keras
import numpy as np
import pytest

from keras_gans.losses import ChannelCompensatedL1, EdgeLoss, WeightedSum

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 3, 5, 7, 3)).astype("float32")


def make_parts():
    # A loss of pixels, one of samples, and one with an argument of its own.
    return [
        keras.losses.MeanAbsoluteError(),
        EdgeLoss(reduction="sum"),
        ChannelCompensatedL1(stop_weight_gradient=False),
    ]


@pytest.mark.parametrize("weights", [None, [1, 2.5, 0.25]])
def test_adds_the_losses_of_each_sample(weights):
    parts = make_parts()
    expected = 0.0
    for part, weight in zip(parts, weights or [1, 1, 1], strict=True):
        alone = contracts.round_trip(part)
        values = [float(alone(x[None], y[None])) for x, y in zip(*IMAGES, strict=True)]
        expected = expected + weight * np.array(values)

    def make_loss(reduction):
        return WeightedSum(parts, weights, reduction)

    contracts.loss_of_samples_is(make_loss, expected, *IMAGES, rtol=1e-5)


def test_configuration():
    loss = WeightedSum(make_parts(), [1, 2, 3], "sum", "both", "float32")
    again = contracts.round_trip(loss)
    assert [type(part) for part in again.losses] == [type(x) for x in loss.losses]
    assert again.losses[2].stop_weight_gradient is False
    assert (again.weights, again.reduction, again.name) == ([1, 2, 3], "sum", "both")
    np.testing.assert_array_equal(again(*IMAGES), loss(*IMAGES))


def test_wrong_arguments():
    edge = EdgeLoss()
    for wrong in (edge, [], [None], [0.5]):
        with pytest.raises((TypeError, ValueError)):
            WeightedSum(wrong)
    with pytest.raises(TypeError, match="`losses` must be a list of"):
        WeightedSum(edge)
    with pytest.raises(ValueError, match="`weights` must be a list of 2 numbers"):
        WeightedSum([edge, edge], [1])
    with pytest.raises(ValueError, match="`weights` must be greater than zero"):
        WeightedSum([edge, edge], [1, 0])
