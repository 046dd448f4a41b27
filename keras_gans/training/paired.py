"""Training a translation of pairs of images."""

import pathlib
import typing

import keras_gans
from keras_gans.training.task import SAMPLES, Task


class Paired(Task):
    """Translates a source image into the target image that belongs to it.

    Args:
        configuration: That of the run.
        direction: Whether A, which is the left half of a picture or the folder trainA,
            is the source or the target.
    """

    name = "paired"
    verb = "translate"
    title = "translation of pairs, from one image to the other"
    sources = ("PAIRS",)
    embedded = ("drawings",)
    pictures = "test pairs and their translations"
    export_use = "uint8 images in and out"
    use = "translate IMAGES OUT"
    score_needs = "test pairs"
    data_arguments = ("load_size", "flip")

    def __init__(self, configuration, direction: typing.Literal["ab", "ba"] = "ab"):
        super().__init__(configuration)
        self.direction = direction

    def make_data(self):
        return self._pairs("train", **self.data_options())

    def preset_arguments(self, data):
        source, target = data.element_spec
        return {
            "source_channels": source.shape[-1],
            "target_channels": target.shape[-1],
        }

    def example_images(self):
        return self._images(self._test_split(), SAMPLES)[1]

    def try_out(self, model):
        self._examples = self._images(self._test_split(), SAMPLES)
        model.test_step(tuple(images[:1] for images in self._examples))
        model.reset_metrics()

    def draw(self, model):
        return keras_gans.callbacks.paired_grid(model, *self._examples)

    def score(self, model):
        """Compares translations of test images with their targets."""
        if self._test_split() == "train":
            return None
        metrics = keras_gans.metrics
        scores = [
            metrics.PeakSignalToNoiseRatio(),
            metrics.StructuralSimilarity(),
            metrics.MeanAbsoluteError(),
        ]
        sources, targets = self._images("test")
        for start in range(0, len(sources), SAMPLES):
            part = slice(start, start + SAMPLES)
            translated = model(sources[part])
            for metric in scores:
                metric.update_state(targets[part], translated)
        return {metric.name: float(metric.result()) for metric in scores}

    # The pairs -----------------------------------------------------------------------

    def _test_split(self):
        source = self.configuration.x
        has_test = (
            source in self.embedded
            or (pathlib.Path(source) / "test").is_dir()
            or (pathlib.Path(source) / "testA").is_dir()
        )
        return "test" if has_test else "train"

    def _pairs(self, split, **options):
        source = self.configuration.x
        if source in self.embedded:
            images, _ = self.load("x", 3, split)
            floats = keras_gans.pixels.to_floats(images)
            line_art = keras_gans.data.extract_line_art(floats).numpy()
            pair = {"ab": (line_art, images), "ba": (images, line_art)}[self.direction]
            return keras_gans.data.paired(*pair, **options)
        # As pix2pix's own data sets are laid out.
        folder = pathlib.Path(source) / split
        if folder.is_dir():
            source = folder
        return keras_gans.data.paired(
            source, direction=self.direction, split=split, **options
        )

    def _images(self, split, count=None):
        """Returns sources and targets in [-1, 1], in a fixed order."""
        import numpy as np

        options = {"size": self.configuration.size, "cache": self.configuration.cache}
        data = self._pairs(split, batch_size=1, flip=False, seed=0, **options)
        pairs = list(data.take(count) if count else data)
        return tuple(np.concatenate(parts) for parts in zip(*pairs))
