"""Training the colouring of line art that is made of illustrations."""

import typing

import keras_gans
from keras_gans.training.task import Task


class Colorization(Task):
    """Colours line art, without or after hints.

    Args:
        configuration: That of the run.
        line_art: How line art is made of illustrations.
    """

    name = "colorization"
    verb = "colorize"
    title = "colorization, of line art that is made of illustrations"
    sources = ("ILLUSTRATIONS",)
    embedded = ("drawings",)
    pictures = "line art coloured without and with hints"
    export_use = "line art and hints in, images out, all uint8"
    use = "colorize SKETCH OUT.png --hints HINTS.png"
    score_needs = "test images"
    data_arguments = ("load_size", "flip")

    def __init__(
        self, configuration, line_art: typing.Literal["xdog", "sobel"] = "xdog"
    ):
        super().__init__(configuration)
        self.line_art = line_art

    def make_data(self):
        return keras_gans.data.colorization(
            self.configuration.x, line_art=self.line_art, **self.data_options()
        )

    def try_out(self, model):
        images = self.first_images("x", 3)
        self._examples = keras_gans.metrics.colorization_pairs(images)
        source, target = self._examples
        model.test_step((tuple(part[:1] for part in source), target[:1]))
        model.reset_metrics()

    def draw(self, model):
        return keras_gans.callbacks.colorization_grid(model, *self._examples)

    def score(self, model):
        """Tells the errors of colours on test images, unaided and after hints."""
        if not self.has_test_images("x"):
            return None
        test_images, _ = self.load("x", 3, "test")
        return keras_gans.metrics.colorization_scores(model, test_images)
