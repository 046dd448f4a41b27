"""Small models on points in the plane, and networks of a CycleGAN, for tests."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans import models
from keras_gans.layers import InstanceNormalization
from keras_gans.networks import mlp_autoencoder, mlp_discriminator, mlp_generator

CLASSES = 3
BATCH = 8
ARGUMENTS = {
    "gan": (models.GAN, {}),
    "conditional_gan": (models.ConditionalGAN, {"classes": CLASSES}),
    "lsgan": (models.LSGAN, {}),
    "wgan": (models.WGAN, {"clip_limit": 0.2, "n_critic": 1}),
    "wgan_gp": (models.WGANGP, {"n_critic": 1}),
    "ebgan": (models.EBGAN, {"margin": 2.0}),
    "began": (models.BEGAN, {"gamma": 1.0, "k_rate": 0.5}),
}
NAMES = list(ARGUMENTS)


def make_networks(name):
    keras.utils.set_random_seed(0)
    small = {"width": 6, "layers": 2}
    if name in ("ebgan", "began"):
        small_autoencoder = mlp_autoencoder(width=6, layers=1)
        return {"generator": mlp_generator(**small), "discriminator": small_autoencoder}
    classes = CLASSES if name == "conditional_gan" else None
    return {
        "generator": mlp_generator(classes=classes, **small),
        "discriminator": mlp_discriminator(classes=classes, **small),
    }


def make_model(name, optimizers=None, compile_arguments=None, **arguments):
    """Builds one of the models; `optimizers` makes an optimizer."""
    model_class, defaults = ARGUMENTS[name]
    model = model_class(**make_networks(name), seed=3, **{**defaults, **arguments})
    # With Keras's epsilon the first step of Adam has one size whatever the gradient.
    optimizers = optimizers or (lambda: keras.optimizers.Adam(1e-2, epsilon=1e-3))
    model.compile(
        generator_optimizer=optimizers(),
        discriminator_optimizer=optimizers(),
        **(compile_arguments or {}),
    )
    return model


def make_arrays(name, batches=3):
    random = np.random.default_rng(1)
    points = random.normal(0.5, 1.0, (batches * BATCH, 2)).astype("float32")
    if name != "conditional_gan":
        return points
    return points, random.integers(0, CLASSES, len(points), dtype="int32")


def make_data(name, batches=3):
    arrays = make_arrays(name, batches)
    return tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH, drop_remainder=True)


def fix_noise(model):
    """Lets latent vectors follow from the samples, the same on all replicas."""

    def make_samples(samples, labels=None, training=True, seed=None):
        latent = tf.reverse(samples, [1])
        inputs = latent if labels is None else [latent, labels]
        return model.generator(inputs, training=training)

    model.make_samples = make_samples
    return model


def smallest_translators(channels=(1, 3), batch_and_dropout=False, size=16):
    """Few operations, for what takes its time over each of them."""
    keras.utils.set_random_seed(0)
    layers, networks = keras.layers, {}
    x, y = channels
    for name, source, target in (("generator_xy", x, y), ("generator_yx", y, x)):
        inputs = keras.Input((None, None, source))
        features = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
        if batch_and_dropout:
            features = layers.BatchNormalization()(features)
            features = layers.Dropout(0.2)(features)
        else:
            features = InstanceNormalization()(features)
        outputs = layers.Conv2D(target, 3, padding="same", activation="tanh")(features)
        networks[name] = keras.Model(
            inputs, layers.Activation("linear", dtype="float32")(outputs)
        )
    for name, channels in (("discriminator_x", x), ("discriminator_y", y)):
        inputs = keras.Input((size, size, channels))
        features = layers.Conv2D(4, 4, strides=4, activation="softplus")(inputs)
        networks[name] = keras.Model(
            inputs, layers.Conv2D(1, 1, dtype="float32")(features)
        )
    return networks
