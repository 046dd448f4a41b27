"""Training the editing of attributes of images."""

import keras_gans
from keras_gans.presets.registry import Place
from keras_gans.training.task import SAMPLES, Task

# StarGAN's, of images whose attributes are not chosen.
CELEBA_ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")


class Editing(Task):
    """Gives images attributes or takes them away.

    Args:
        configuration: That of the run.
        attributes: Attributes of the images of a folder: a file in the format of
            CelebA's list_attr_celeba.txt.
        select: Names of the attributes to edit. Defaults to Black_Hair, Blond_Hair,
            Eyeglasses and Smiling of the embedded faces, else to Black_Hair,
            Blond_Hair, Brown_Hair, Male and Young.
    """

    name = "editing"
    verb = "edit"
    title = "editing, of attributes of images"
    sources = ("IMAGES",)
    embedded = ("faces",)
    pictures = "test images and their edits"
    export_use = "images and attributes in, uint8 images out"
    use = "edit PHOTO OUT.png --add NAME --remove NAME"
    data_arguments = ("flip",)

    def __init__(
        self,
        configuration,
        attributes: Place | None = None,
        select: list[str] | None = None,
    ):
        super().__init__(configuration)
        self.arguments = {
            "file": attributes,
            "select": select or CELEBA_ATTRIBUTES,
            "size": configuration.size,
        }

    def make_data(self):
        options = self.data_options() | self.arguments
        options["flip"] = options["flip"] is not False
        return keras_gans.data.attributes(self.configuration.x, **options)

    def preset_arguments(self, data):
        return {
            "attribute_names": data.attribute_names,
            "exclusive_groups": data.exclusive_groups,
        }

    def try_out(self, model):
        images, attributes = (part[:SAMPLES] for part in self._load("test"))
        self._examples = keras_gans.pixels.to_floats(images), attributes
        model.translate(*(part[:1] for part in self._examples))
        model.discriminator(self._examples[0][:1])

    def draw(self, model):
        return keras_gans.callbacks.attribute_grid(model, *self._examples)

    def callbacks(self, model, directory, batches):
        if getattr(model.generator, "stages", 1) == 1:
            return []
        # Full-grown after half of the training.
        batch_size = self.configuration.batch_size
        phases = 2 * (model.generator.stages - 1)
        stage_images = max(1, batches * batch_size // 2 // phases)
        return [keras_gans.callbacks.Growth(batch_size, stage_images)]

    def score(self, model):
        """Tells how edits of test images look to a classifier of real images."""
        metrics = keras_gans.metrics
        classifier = metrics.train_classifier(*self._load("train"), steps=300, seed=0)
        return metrics.attribute_scores(model, *self._load("test"), classifier)

    def _load(self, split):
        images, attributes, _ = keras_gans.data.load_attributes(
            self.configuration.x,
            split=split,
            cache=self.configuration.cache,
            **self.arguments,
        )
        return images, attributes
