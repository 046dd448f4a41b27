"""Models that train with `fit`; one file for each paper."""

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
