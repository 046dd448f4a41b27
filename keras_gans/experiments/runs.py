"""What the runs of several studies share: training, scores, images, features."""

import time
import warnings

import numpy as np

from keras_gans.callbacks import Checkpoint, FiniteGuard, LossHistory
from keras_gans.callbacks.iteration_callback import IterationCallback
from keras_gans.checks import require
from keras_gans.data import load_images
from keras_gans.data.images import encode_png
from keras_gans.data.sources import has_test_split, resize_images
from keras_gans.experiments.tables import INCEPTIONS
from keras_gans.files import Records, write_atomically
from keras_gans.metrics import frechet_distance
from keras_gans.metrics.classifiers import map_batches
from keras_gans.models.generative_model import shapes_of


def check_size(model, size):
    """Calls all networks once: a size that they do not take raises."""
    for name in model.network_names:
        network = getattr(model, name)
        inputs = [
            np.zeros([1] + [size if n is None else n for n in shape[1:]], "float32")
            for shape in shapes_of(network.input_shape)
        ]
        network(inputs if len(inputs) > 1 else inputs[0])


def write_picture(path, picture):
    write_atomically(path, encode_png(picture))


def epochs_of(steps):
    """Returns a number of equally long epochs, enough for the points of a curve."""
    return max(number for number in range(1, 101) if steps % number == 0)


def fit(model, data, setting, score, path, callbacks=(), timed=False):
    """Trains a model, from the last checkpoint in a folder, and scores it meanwhile.

    Args:
        model: A compiled model.
        data: Its dataset, in epochs of `steps // epochs_of(steps)`.
        setting: The setting of the study, with `steps`, the training iterations, and
            `scores`, how many times it is scored, the last at the end.
        score: Function of the model that returns a dict of numbers.
        path: Folder of the run, with the scores in `scores.csv`.
        callbacks: Further callbacks, called before the others.
        timed: Whether the scores tell the time as `TimedScores` do.

    Returns:
        A list of dicts, the scores.
    """
    steps = setting.steps
    kind = TimedScores if timed else Scores
    scores = kind(path / "scores.csv", score, steps, setting.scores)
    save_freq = max(1, steps // 10)
    checkpoint = Checkpoint(path / "checkpoints", data, save_freq, max_to_keep=1)
    callbacks = [*callbacks, FiniteGuard(), scores, LossHistory(path), checkpoint]
    model.fit(data, epochs=epochs_of(steps), callbacks=callbacks, verbose=0)
    return scores.records.rows


class Scores(IterationCallback):
    """Scores a run while it trains, and times its steps; its arguments: see `fit`."""

    def __init__(self, path, score, steps, times):
        super().__init__()
        self.records = Records(path)
        self._score = score
        self._due = {round(steps * part / times) for part in range(1, times + 1)}
        self._seconds = []

    def is_due(self, iteration):
        return iteration in self._due

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.records.rewind(self.model.iterations)

    def on_train_batch_begin(self, batch, logs=None):
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._seconds.append(time.perf_counter() - self._started)
        super().on_train_batch_end(batch, logs)

    def at_iteration(self, iteration, logs):
        # The median, of which the compilation in the first step is no part.
        seconds = float(np.median(self._seconds))
        values = {"seconds_per_step": seconds, **self._score(self.model)}
        self.records.add(iteration, values)


class TimedScores(Scores):
    """Scores that tell the seconds of training before them, a resume included."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._before = self.records.rows[-1]["seconds"] if self.records.rows else 0.0
        self._resumed = time.perf_counter()
        self._scoring = 0.0

    def at_iteration(self, iteration, logs):
        start = time.perf_counter()
        seconds = self._before + start - self._resumed - self._scoring
        self.records.add(iteration, {"seconds": seconds, **self._score(self.model)})
        self._scoring += time.perf_counter() - start


# Images and their features ---------------------------------------------------------


def load_split(source, size, held_out_size, test_share, argument):
    """Loads training images of `size`, and others that are held out.

    Args:
        source: As for `keras_gans.data.load_images`.
        size: Height and width of the training images.
        held_out_size: Height and width of the others.
        test_share: Share of the images that is held out, of a source that has no test
            split of its own; at least 2 images of either kind.
        argument: Name of the argument that error messages speak of.

    Returns:
        A tuple of the uint8 training images, their labels or `None`, and the uint8
        images that are held out.
    """
    images, labels = load_images(source, size, channels=3, argument=argument)
    if has_test_split(source):
        test = load_images(source, held_out_size, 3, split="test", argument=argument)
        return images, labels, test[0]
    order = np.random.default_rng(0).permutation(len(images))
    count = round(test_share * len(images))
    require(
        2 <= count <= len(images) - 2,
        f"Argument `{argument}` must have at least 2 images to hold out and 2 to train "
        f"on. Received: {len(images)} images with a share of {test_share} held out",
    )
    held_out, training = order[:count], order[count:]
    labels = None if labels is None else labels[training]
    return images[training], labels, resize_images(images[held_out], held_out_size)


class Features:
    """Features of images, in units of their size on the real images of a study.

    Those of an Inception keep their unit, as FIDs are told.

    Args:
        network: A `keras_gans.metrics.FeatureNetwork`.
        images: uint8 array, real images.

    Attributes:
        real: float array, the features of `images`.
        record: Dict, what a report says of the network.
    """

    def __init__(self, network, images):
        self._network, self._unit = network, 1.0
        self.real = self(images)
        if network.name not in INCEPTIONS:
            self._unit = float(np.sqrt(np.mean(np.square(self.real))))
            self.real = self.real / self._unit
        self.record = {
            "feature_network": network.name,
            "feature_unit": self._unit,
            "feature_dim": network.feature_dim,
            "resize": network.resize,
            "feature_size": network.size,
        }

    def __call__(self, images):
        return map_batches(self._network, images, 32) / self._unit


def study_frechet_distance(real, generated):
    """The Fréchet distance of two sets of features, also of few images."""
    with warnings.catch_warnings():
        # Of fewer images than features: the report says so, once.
        warnings.simplefilter("ignore")
        return frechet_distance(real, generated)
