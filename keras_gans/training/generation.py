"""Training the generation of images of one domain."""

import keras_gans
from keras_gans.training.task import Task


class Generation(Task):
    """Generates images of one domain from latent vectors."""

    name = "generation"
    verb = "generate"
    title = "generation, of images of one domain"
    sources = ("DATA",)
    embedded = ("handwritten_digits",)
    pictures = "images of the same latent vectors"
    export_use = "latent vectors in, uint8 images out"
    use = "generate OUT.png"
    data_arguments = ("flip", "channels")

    def make_data(self):
        return keras_gans.data.generation(
            self.configuration.x,
            labels=self.configuration.recipe.labels,
            **self.data_options(),
        )

    def preset_arguments(self, data):
        if data.classes is None:
            return {"channels": data.element_spec.shape[-1]}
        images, _ = data.element_spec
        return {"channels": images.shape[-1], "classes": data.classes}

    def try_out(self, model):
        model.generate(1)

    def draw(self, model):
        return keras_gans.callbacks.samples_grid(model)

    def score(self, model):
        """Compares generated images with test images, as a classifier sees both."""
        if not self.has_test_images("x"):
            return None
        channels = model.generator.output_shape[-1]
        train = self.load("x", channels, "train")
        test_images, test_labels = self.load("x", channels, "test")
        if train[1] is None or test_labels is None:
            return None
        if len(test_images) < 2:
            return None  # Of one image there is no distribution.
        metrics = keras_gans.metrics
        features = metrics.generation.FEATURE_DIM
        classifier = metrics.train_classifier(*train, feature_dim=features, seed=0)
        return metrics.score_generation(model, classifier, test_images, train[0])
