"""Conditional GAN: generator and discriminator are told the class."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import positive_integer, require
from keras_gans.models.generative_model import GenerativeModel
from keras_gans.models.inputs import check_integer_labels, to_numpy


@keras.saving.register_keras_serializable(package="keras_gans")
class ConditionalGAN(GenerativeModel):
    """Learns to generate samples of the class that is asked for.

    The objective, with the label y as a further input of both networks:

        min_G max_D  E[log D(x | y)] + E[log(1 - D(G(z | y) | y))]

    As in `GAN` the generator's loss is the non-saturating one by default. Generated
    samples get the labels of the real batch. A wrong class is punished although nobody
    says which class is right: the discriminator sees that image and label do not occur
    together in the data.

    Args:
        generator: Built `keras.Model` of two inputs, latent vectors
            `(batch, latent_dim)` and integer labels `(batch,)`, to images in [-1, 1].
        discriminator: Built `keras.Model` of two inputs, images and labels, to logits.
        classes: Integer, at least 2, the number of classes; labels lie in [0, classes).
        **kwargs: As for `GenerativeModel`.

    Call arguments:
        inputs: A pair: latent vectors `(batch, latent_dim)`, labels `(batch,)`.

    Example:

    ```python
    model = keras_gans.models.ConditionalGAN(
        generator=dcgan_generator(latent_dim=100, size=32, classes=10),
        discriminator=dcgan_discriminator(size=32, classes=10),
        classes=10,
    )
    model.compile()
    model.fit(keras_gans.data.generation("digits", labels=True), epochs=100)
    sevens = model.generate(16, labels=7)
    ```

    Reference:
        Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, eq. 2,
        https://arxiv.org/abs/1411.1784
    """

    default_adversarial_loss = "non_saturating"
    unsaved_arguments = ("networks", "latent_dim")

    def __init__(self, generator, discriminator, classes, **kwargs):
        positive_integer("classes", classes)
        require(classes >= 2, "Argument `classes` must be at least 2", classes=classes)
        super().__init__(
            generator=generator, discriminator=discriminator, classes=classes, **kwargs
        )
        for name in self.network_names:
            for layer in getattr(self, name)._flatten_layers():
                if isinstance(layer, keras.layers.Embedding):
                    require(
                        layer.input_dim == classes,
                        f"Argument `{name}` must embed as many classes as `classes` "
                        f"says, {classes}",
                        input_dim=layer.input_dim,
                    )

    def train_step(self, data):
        real, labels = self.unpack(data)
        # 1. The discriminator learns to tell real pairs of sample and label from
        #    generated ones.
        fake = self.make_samples(real, labels)
        losses = self.minimize(
            "discriminator", lambda: self.discriminator_losses(real, fake, labels)
        )
        # 2. The generator learns to deceive it, from new latent vectors.
        losses |= self.minimize(
            "generator",
            lambda: self.generator_losses(
                real, self.make_samples(real, labels), labels
            ),
        )
        return self.log(losses)

    def fit(self, x=None, y=None, **kwargs):
        """Trains as `keras.Model.fit` does, after a check of shapes and labels.

        All labels of arrays and of datasets of `keras_gans.data` are checked; of other
        datasets, those of the first batch.
        """
        if getattr(x, "classes", None) is not None:
            check_integer_labels(np.array([0, x.classes - 1]), self.classes)
        elif y is not None:
            check_integer_labels(to_numpy(y), self.classes)
        return super().fit(x, y, **kwargs)

    def check_spec(self, element_spec):
        require(
            isinstance(element_spec, (tuple, list))
            and len(element_spec) == 2
            and getattr(element_spec[1], "dtype", tf.string).is_integer,
            "ConditionalGAN trains on batches (samples, integer labels); "
            "`keras_gans.data.generation(..., labels=True)` makes them",
            batches=element_spec,
        )
        super().check_spec(element_spec)
