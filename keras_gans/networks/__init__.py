"""Functions that build networks, and networks that grow.

Each function returns a Functional `keras.Model` whose outputs are float32 under every
dtype policy; `name` is the model's name. Numbers that are not of the kind that `Args`
names raise a `TypeError`, others out of its range and unknown names a `ValueError`.
"""

from keras_gans.layers import size_multiple
from keras_gans.networks.attribute import (
    aclgan_discriminator,
    aclgan_generator,
    stargan_discriminator,
    stargan_generator,
)
from keras_gans.networks.autoencoder import autoencoder, decoder_generator
from keras_gans.networks.dcgan import dcgan_discriminator, dcgan_generator
from keras_gans.networks.digits import digit_discriminator, digit_generator
from keras_gans.networks.growing import (
    GrowingDiscriminator,
    GrowingGenerator,
    GrowingNetwork,
)
from keras_gans.networks.mlp import mlp_autoencoder, mlp_discriminator, mlp_generator
from keras_gans.networks.patchgan import patch_discriminator
from keras_gans.networks.resnet import resnet_generator
from keras_gans.networks.unet import unet_generator

__all__ = [
    "GrowingDiscriminator",
    "GrowingGenerator",
    "GrowingNetwork",
    "aclgan_discriminator",
    "aclgan_generator",
    "autoencoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "decoder_generator",
    "digit_discriminator",
    "digit_generator",
    "mlp_autoencoder",
    "mlp_discriminator",
    "mlp_generator",
    "patch_discriminator",
    "resnet_generator",
    "size_multiple",
    "stargan_discriminator",
    "stargan_generator",
    "unet_generator",
]
