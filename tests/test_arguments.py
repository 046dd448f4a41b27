"""Configurations made of arguments."""

from keras_gans import losses
from keras_gans.arguments import arguments_of


class Elsewhere(losses.LeastSquaresGeneratorLoss):
    def __init__(self, other, **kwargs):
        super().__init__(**kwargs)


def test_arguments_of_all_classes_of_the_package_and_no_others():
    expected = {
        "reduction": "sum",
        "name": "mine",
        "dtype": "float32",
        "scale": 2.0,
        "c": 0.5,
    }
    arguments = {"c": 0.5, "scale": 2, "reduction": "sum", "name": "mine"}
    for loss in (
        losses.LeastSquaresGeneratorLoss(**arguments),
        Elsewhere(1, **arguments),
    ):
        assert list(arguments_of(loss).items()) == list(expected.items())
