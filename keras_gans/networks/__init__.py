from keras_gans.layers import size_multiple
from keras_gans.networks.digits import digit_discriminator, digit_generator
from keras_gans.networks.patchgan import patch_discriminator
from keras_gans.networks.resnet import resnet_generator
from keras_gans.networks.unet import unet_generator

__all__ = [
    "digit_discriminator",
    "digit_generator",
    "patch_discriminator",
    "resnet_generator",
    "size_multiple",
    "unet_generator",
]
