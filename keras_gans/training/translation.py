"""Training a translation between two domains without pairs."""

import math
import os

import keras_gans
from keras_gans.presets.registry import Place
from keras_gans.training.task import Task

# Images of which the score compares translations in several styles.
STYLED = 50


class Translation(Task):
    """Translates between two domains, in one direction or both.

    Args:
        configuration: That of the run.
        feature_network: Logs FID and KID on test images (or all, where there are none)
            as val_fid and val_kid, and keeps the model with the lowest FID as
            best.keras: inception_v3, tfgan_inception, or the path of a .keras file or
            SavedModel.
        feature_size: Height and width to which it gets its images. Defaults to its own.
        evaluate_every: Positive integer, epochs from one such score to the next.
    """

    name = "translation"
    verb = "translate"
    title = "translation between two domains"
    sources = ("X", "Y")
    embedded = ("handwritten_digits", "street_digits")
    pictures = "translations of the same images"
    export_use = "uint8 images in and out"
    use = "translate IMAGES OUT"

    def __init__(
        self,
        configuration,
        feature_network: Place | None = None,
        feature_size: int | None = None,
        evaluate_every: int | None = None,
    ):
        super().__init__(configuration)
        self.feature_network = feature_network
        self.feature_size = feature_size
        self.evaluate_every = evaluate_every or 1
        if feature_network is None and (feature_size or evaluate_every):
            raise ValueError(
                "--feature-size and --evaluate-every go with --feature-network NETWORK."
            )

    def make_data(self):
        return keras_gans.data.unpaired(
            self.configuration.x, self.configuration.y, **self.data_options()
        )

    def preset_arguments(self, data):
        x, y = data.element_spec
        return {"x_channels": x.shape[-1], "y_channels": y.shape[-1]}

    def example_images(self):
        return self._samples("x")

    def try_out(self, model):
        self._examples = self._samples("x"), self._samples("y")
        model.test_step(tuple(images[:1] for images in self._examples))
        model.reset_metrics()

    def draw(self, model):
        x, y = self._examples
        count = min(len(x), len(y))
        has_style = hasattr(model, "sample_style")
        grids = keras_gans.callbacks
        grid = grids.style_grid if has_style else grids.translation_grid
        return grid(model, x[:count], y[:count])

    def callbacks(self, model, directory, batches):
        if self.feature_network is None:
            return []
        configuration = self.configuration
        metrics = keras_gans.metrics
        network = metrics.FeatureNetwork(self.feature_network, size=self.feature_size)
        evaluation = keras_gans.callbacks.EvaluateTranslation(
            configuration.x,
            configuration.y,
            metrics=[metrics.FrechetDistance(network), metrics.KernelDistance(network)],
            directions=tuple(model.directions),
            every=self.evaluate_every,
            size=configuration.size,
            channels=configuration.channels,
            directory=directory,
        )
        return [evaluation, _keep_best(directory)]

    def outputs(self):
        if self.feature_network is None:
            return {}
        return {
            "evaluation.csv": "FID and KID over training",
            "best.keras": "the model where the FID was lowest",
        }

    def score(self, model):
        """Tells the labels that translations keep, and how much their colours vary."""
        if not self.has_test_images("x", "y"):
            return None
        trains, tests = [], []
        for argument in "xy":
            for split, domains in (("train", trains), ("test", tests)):
                channels = self.configuration.channels
                images, labels = self.load(argument, channels, split)
                if labels is None:
                    return None
                domains.append((images, labels))
        if min(len(images) for images, _ in tests) < 2:
            return None  # Colours of one image do not spread.
        metrics = keras_gans.metrics
        classifiers = [metrics.train_classifier(*domain, seed=0) for domain in trains]
        reader = metrics.train_reader(*trains, seed=0)
        scores = metrics.label_keeping(model, *tests, *classifiers, reader=reader)
        if hasattr(model, "sample_style"):
            images = keras_gans.pixels.to_floats(tests[0][0][:STYLED])
            scores["xy"]["style_diversity"] = metrics.style_diversity(model, images)
            distance = metrics.image_distance(tests[1][0][: 4 * STYLED])
            scores["xy"]["image_distance"] = distance
        return scores

    def _samples(self, argument):
        return self.samples(argument, self.configuration.channels)


def _keep_best(directory):
    import keras

    from keras_gans.files import Records

    class KeepBest(keras.callbacks.Callback):
        """Keeps the model with the lowest `val_fid` as `best.keras`.

        Unlike `keras.callbacks.ModelCheckpoint` it knows after a resume what the best
        was, and a kill or a full disk leaves the best so far.
        """

        def on_train_begin(self, logs=None):
            records = Records(directory / "evaluation.csv")
            records.rewind(self.model.iterations)
            self._best = min((row["val_fid"] for row in records.rows), default=math.inf)

        def on_epoch_end(self, epoch, logs=None):
            if logs["val_fid"] < self._best:
                self._best = logs["val_fid"]
                temporary = directory / "best.tmp.keras"
                self.model.save(temporary)
                os.replace(temporary, directory / "best.keras")

    return KeepBest()
