"""Losses as `keras.losses.Loss` objects, and penalties of discriminators."""

from keras_gans.losses.adversarial import (
    AdversarialLoss,
    HingeDiscriminatorLoss,
    HingeGeneratorLoss,
    LeastSquaresDiscriminatorLoss,
    LeastSquaresGeneratorLoss,
    MinimaxDiscriminatorLoss,
    MinimaxGeneratorLoss,
    NonSaturatingGeneratorLoss,
    RelativisticAverageDiscriminatorLoss,
    RelativisticAverageGeneratorLoss,
    WassersteinDiscriminatorLoss,
    WassersteinGeneratorLoss,
)
from keras_gans.losses.attribute import (
    AttributeClassificationLoss,
    AttributeDiscriminatorLoss,
    AttributeGeneratorLoss,
    AttributeLoss,
    attribute_loss_pair,
)
from keras_gans.losses.edge import EdgeLoss
from keras_gans.losses.energy import (
    BoundaryEquilibriumDiscriminatorLoss,
    BoundaryEquilibriumGeneratorLoss,
    EnergyDiscriminatorLoss,
    EnergyGeneratorLoss,
    PullAwayTerm,
    ReconstructionEnergy,
)
from keras_gans.losses.pairs import adversarial_loss_pair
from keras_gans.losses.penalties import (
    DiscriminatorPenalty,
    DRAGANPenalty,
    GradientPenalty,
    R1Penalty,
    R2Penalty,
    get_penalty,
)
from keras_gans.losses.perceptual import SemanticVGGLoss, balanced_weight
from keras_gans.losses.reconstruction import ChannelCompensatedL1
