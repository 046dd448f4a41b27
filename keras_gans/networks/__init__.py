"""Functions that build networks, and networks that grow.

Each function returns a Functional `keras.Model`. What they have in common:

- `name` is the model's name; `channels`, `input_channels` and `output_channels` are
  positive integers, those of images; `width` is a positive integer, the filters of the
  first convolution (of the last but one, if there is no other), which every further one
  doubles.
- Images are of shape `(batch, height, width, channels)` in [-1, 1], and so is what a
  generator returns; all outputs are float32 under every dtype policy.
- Discriminators return logits (or the value of a critic) without a sigmoid, which the
  cross entropy losses hold themselves.
- Tables name layers as the papers do: with `w` for the width, `c4s2-w` is a 4x4
  convolution of stride 2 with `w` filters, `ct4s2-w` a transposed one.
- A layer directly before a normalization has no bias, which that would take off again.

Numbers that are not of the kind that `Args` names raise a `TypeError`, others out of
their range and unknown names a `ValueError`.
"""

from keras_gans.layers import size_multiple
from keras_gans.networks.attribute import aclgan_discriminator, aclgan_generator
from keras_gans.networks.attribute import stargan_discriminator, stargan_generator
from keras_gans.networks.autoencoder import autoencoder, decoder_generator
from keras_gans.networks.dcgan import dcgan_discriminator, dcgan_generator
from keras_gans.networks.digits import digit_discriminator, digit_generator
from keras_gans.networks.growing import GrowingDiscriminator, GrowingGenerator
from keras_gans.networks.growing import GrowingNetwork
from keras_gans.networks.mlp import mlp_autoencoder, mlp_discriminator, mlp_generator
from keras_gans.networks.patchgan import patch_discriminator
from keras_gans.networks.resnet import resnet_generator
from keras_gans.networks.style import style_encoder, style_generator
from keras_gans.networks.unet import unet_generator
