"""Lets networks grow while they train."""

import keras

from keras_gans.checks import positive_integer, require
from keras_gans.networks import GrowingNetwork


class Growth(keras.callbacks.Callback):
    """Grows networks by a schedule in images seen.

    A stage is trained for `stage_images` images; then the next one is faded in over
    `fade_images`, and so on up to full size. How many images have been seen is a weight
    of the networks (of each, in `progress` and `images_seen`), so that training goes on
    from a checkpoint in the middle of a fade.

    A stage is compiled once, when it begins. Put this callback before a
    `keras_gans.callbacks.Checkpoint`, which saves what has been seen.

    Args:
        batch_size: Positive integer, images in a batch.
        stage_images: Positive integer, images for which each stage is trained as it is.
        fade_images: Positive integer, images while the next one is being faded in.
            Defaults to `stage_images`.
    """

    # Every worker of a run needs it.
    changes_training = True

    def __init__(self, batch_size, stage_images, fade_images=None):
        super().__init__()
        self.batch_size = positive_integer("batch_size", batch_size)
        self.stage_images = positive_integer("stage_images", stage_images)
        fade_images = stage_images if fade_images is None else fade_images
        self.fade_images = positive_integer("fade_images", fade_images)

    def progress(self, images_seen):
        """Returns how far networks have grown after so many images."""
        stage, images = divmod(images_seen, self.stage_images + self.fade_images)
        return stage + max(0, images - self.stage_images) / self.fade_images

    def on_train_begin(self, logs=None):
        names = self.model.network_names
        names = [*names, *(f"averaged_{name}" for name in names)]
        networks = [
            getattr(self.model, name) for name in names if hasattr(self.model, name)
        ]
        self._networks = [
            network for network in networks if isinstance(network, GrowingNetwork)
        ]
        require(
            self._networks,
            "`Growth` is for models whose networks grow, such as "
            "`keras_gans.networks.GrowingGenerator`",
            networks=[type(network).__name__ for network in networks],
        )
        self._seen = int(self._networks[0].images_seen)

    def on_train_batch_begin(self, batch, logs=None):
        # A list, because all of them are to grow.
        has_grown = [
            network.grow(min(self.progress(self._seen), network.stages - 1))
            for network in self._networks
        ]
        if any(has_grown):
            self.model.make_train_function(force=True)
            self.model.test_function = None

    def on_train_batch_end(self, batch, logs=None):
        self._seen += self.batch_size
        for network in self._networks:
            network.images_seen.assign(self._seen)
