"""Models that train with `fit`; one file for each paper."""

from keras_gans.models.adversarial_model import AdversarialModel
from keras_gans.models.cyclegan import CycleGAN
