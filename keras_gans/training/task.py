"""What the kinds of training have in common, and what each has to say."""

import abc

import keras_gans
from keras_gans.presets.registry import Size

SAMPLES = 12


class Task(abc.ABC):
    """What a kind of model learns: its data, pictures, score and use.

    A subclass is a file. The annotated arguments of its constructor are options of the
    command line, with the help that its docstring gives them.

    Class attributes:
        name: String, what `Recipe.task` says.
        verb: The verb of the command line that uses such a model.
        title: What such presets do, in a few words.
        sources: Tuple of what each source of the data is called.
        embedded: Tuple of as many sources that come with the package.
        pictures: What the pictures during training show.
        export_use: What goes into the export and what comes out.
        use: An example of `verb`, without the model.
        score_needs: What the score needs of the data.
        data_arguments: Which of `load_size`, `flip` and `channels` the data take.
    """

    data_arguments = ("load_size", "flip", "channels")
    score_needs = "at least two test images with labels"

    def __init__(self, configuration):
        self.configuration = configuration

    @abc.abstractmethod
    def make_data(self):
        """Returns the dataset to train on, one of `keras_gans.data`."""

    def preset_arguments(self, data):
        """Returns what the preset is told of the data; it gets what it takes."""
        return {}

    def example_images(self):
        """Returns images in [-1, 1], for a weight that is found on them."""
        raise TypeError(f"{type(self).__name__} has no images to find a weight on.")

    @abc.abstractmethod
    def try_out(self, model):
        """Calls every network once, so that a size that one refuses is found early."""

    @abc.abstractmethod
    def draw(self, model):
        """Returns a picture of what the model does, uint8 `(height, width, 3)`."""

    def callbacks(self, model, directory, batches):
        """Returns further callbacks of `fit`, a training of so many batches."""
        return []

    def outputs(self):
        """Returns a dict from what else lies in the folder to what it is."""
        return {}

    def score(self, model):
        """Returns a dict of scores, or `None` if the data lack what they need."""
        return None

    # For subclasses ------------------------------------------------------------------

    def data_options(self):
        """Returns the arguments that every pipeline of this task takes."""
        configuration = self.configuration
        names = ("batch_size", "size", *self.data_arguments, "seed", "cache")
        return {name: getattr(configuration, name) for name in names}

    def load(self, argument, channels, split):
        """Returns uint8 images of `x` or `y`, and their labels or `None`."""
        return keras_gans.data.load_images(
            getattr(self.configuration, argument),
            size=self.configuration.size,
            channels=channels,
            split=split,
            cache=self.configuration.cache,
            argument=argument,
        )

    def has_test_images(self, *arguments):
        """Whether each of these sources has test images."""
        sources = [getattr(self.configuration, name) for name in arguments]
        return all(map(keras_gans.data.sources.has_test_split, sources))

    def first_images(self, argument, channels):
        """Returns a few uint8 images, of the test part if there is one."""
        source, size = getattr(self.configuration, argument), self.configuration.size
        data = keras_gans.data
        if data.sources.is_image_folder(source):
            return data.images.first_images(source, SAMPLES, size, channels or 3)
        split = "test" if self.has_test_images(argument) else "train"
        return self.load(argument, channels, split)[0][:SAMPLES]


def sides(size):
    """Returns `(height, width)` of a size."""
    return (size, size) if isinstance(size, int) else tuple(size)


def size_text(size: Size):
    """Returns a size as it is written."""
    return "x".join(map(str, sides(size)))
