"""Losses as `keras.losses.Loss` objects."""

from keras_gans.losses.adversarial import (
    AdversarialLoss,
    LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss,
    MinimaxDiscriminatorLoss,
    MinimaxGeneratorLoss,
    NonSaturatingGeneratorLoss,
    adversarial_loss_pair,
)
