"""Random inversion, contrast and brightness for images in [-1, 1]."""

import keras
from keras import ops

from keras_gans import distribution
from keras_gans.arguments import arguments_of
from keras_gans.checks import non_negative_float, probability


@keras.saving.register_keras_serializable(package="keras_gans")
class RandomColors(keras.layers.Layer):
    """Varies the colours of each image at random, in training only.

    An image x with channel means m becomes, clipped to [-1, 1],

        s (m + c (x - m)) + b

    with a sign s, a contrast c and a brightness b drawn for each image. Inside a
    generator it teaches shape in place of colour. Keras's own layers know images from 0
    on (their inversion of [-1, 1] would be 1 - x), and they vary images unless they are
    told `training=False`, which inside a network is easily forgotten.

    Args:
        invert: Float in [0, 1], the probability of s = -1. Defaults to 0.5.
        contrast: Float in [0, 1]; c is uniform in [1 - contrast, 1 + contrast].
            Defaults to 0.8.
        brightness: Non-negative float; b is uniform in [-brightness, brightness].
            Defaults to 0.6.
        seed: Optional integer, the seed of the random choices.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)` in [-1, 1].
        training: Boolean, `False` by default: the images pass unchanged.
    """

    def __init__(self, invert=0.5, contrast=0.8, brightness=0.6, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.invert = probability("invert", invert)
        self.contrast = probability("contrast", contrast)
        self.brightness = non_negative_float("brightness", brightness)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images

        def draw(low, high):
            shape = (ops.shape(images)[0], 1, 1, 1)
            values = distribution.draw(
                keras.random.uniform,
                shape,
                self.seed_generator,
                minval=low,
                maxval=high,
            )
            return ops.cast(values, images.dtype)

        sign = ops.where(draw(0.0, 1.0) < self.invert, -1.0, 1.0)
        contrast = draw(1.0 - self.contrast, 1.0 + self.contrast)
        brightness = draw(-self.brightness, self.brightness)
        means = ops.mean(images, axis=(1, 2), keepdims=True)
        varied = means + contrast * (images - means)
        varied = ops.cast(sign, images.dtype) * varied + brightness
        return ops.clip(varied, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}
