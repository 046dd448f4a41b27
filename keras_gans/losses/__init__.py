"""Losses as `keras.losses.Loss` objects, and penalties of discriminators.

Losses also take the arguments of their base class, and so `reduction`, `name` and
`dtype` of a Keras loss. All raise a `TypeError` for an argument of another kind than
its documentation names, and a `ValueError` for one out of its range, an unknown name,
or shapes that do not fit.
"""

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
from keras_gans.losses.edge import EdgeLoss, MeanEdgeLoss
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
from keras_gans.losses.weighted_sum import WeightedSum
