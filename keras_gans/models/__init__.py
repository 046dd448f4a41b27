"""Models that train with `fit`; one file for each paper.

All raise a `TypeError` for an argument of another kind than its documentation names,
and a `ValueError` for one out of its range and for networks, names, losses or data that
do not fit each other.
"""

from keras_gans.models.acl_gan import ACLGAN
from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.began import BEGAN
from keras_gans.models.conditional_gan import ConditionalGAN
from keras_gans.models.cyclegan import CycleGAN
from keras_gans.models.ebgan import EBGAN
from keras_gans.models.gan import GAN
from keras_gans.models.lsgan import LSGAN
from keras_gans.models.pix2pix import Pix2Pix, Pix2PixColorizer
from keras_gans.models.stargan import StarGAN
from keras_gans.models.wgan import WGAN
from keras_gans.models.wgan_gp import WGANGP
