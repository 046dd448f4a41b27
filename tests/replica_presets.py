"""Presets for two replicas: small, with all that depends on how many there are.

Gradients are clipped. With Keras's epsilon, the first steps of Adam would turn rounding
errors of gradients near zero into whole steps.
"""

from keras_gans import models, networks
from keras_gans.presets import preset
from keras_gans.presets.registry import start


def adam(learning_rate):
    import keras

    return keras.optimizers.Adam(
        learning_rate, beta_1=0.5, epsilon=1e-3, global_clipnorm=1.0
    )


COMMON = {
    "batch_size": 8,
    "size": 16,
    "flip": True,
    "steps": 5,
    "sample_freq": 1000,
    "optimizer": adam,
    "learning_rates": (1e-3, 1e-3),
}


@preset(**COMMON, task="translation")
def cyclegan(x_channels, y_channels, size, pool_size: int = 50, seed=None):
    """An image pool, an average of the weights, batch normalization everywhere.

    Args:
        pool_size: Images in each pool.
    """
    start(seed)
    small = {"width": 4, "residual_blocks": 0, "normalization": "batch"}
    judge = {"width": 4, "size": 16, "normalization": "batch"}
    return models.CycleGAN(
        networks.digit_generator(x_channels, y_channels, name="xy", **small),
        networks.digit_generator(y_channels, x_channels, name="yx", **small),
        networks.digit_discriminator(x_channels, name="x", **judge),
        networks.digit_discriminator(y_channels, name="y", **judge),
        pool_size=pool_size,
        ema_decay=0.9,
        seed=seed,
    )


@preset(**COMMON, task="generation")
def wgan_gp(channels, size, seed=None):
    """Latent vectors and random points of the penalty; two critic steps."""
    start(seed)
    return models.WGANGP(
        networks.dcgan_generator(4, size, channels, width=2),
        networks.dcgan_discriminator(size, channels, width=2, normalization="layer"),
        n_critic=2,
        seed=seed,
    )


@preset(**COMMON, task="paired")
def pix2pix(source_channels, target_channels, size, seed=None):
    """Dropout."""
    start(seed)
    return models.Pix2Pix(
        networks.unet_generator(
            source_channels, target_channels, width=4, depth=4, normalization="batch"
        ),
        networks.patch_discriminator(
            source_channels + target_channels, width=4, layers=1, normalization="batch"
        ),
        seed=seed,
    )


@preset(**COMMON | {"flip": False}, task="editing", labels=True)
def stargan(attribute_names, exclusive_groups=None, size=16, seed=None):
    """Wanted attributes are those of the batch, shuffled."""
    start(seed)
    count = len(attribute_names)
    return models.StarGAN(
        networks.stargan_generator(count, width=2, residual_blocks=1),
        networks.stargan_discriminator(count, size, width=2),
        attribute_names=attribute_names,
        exclusive_groups=exclusive_groups,
        n_critic=1,
        seed=seed,
    )
