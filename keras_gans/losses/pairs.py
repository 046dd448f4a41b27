"""Pairs of adversarial losses by name, and which of them fit which discriminator."""

from keras_gans.checks import require
from keras_gans.losses import adversarial, energy
from keras_gans.losses.common import loss_pair

_PAIRS = {
    "least_squares": (
        adversarial.LeastSquaresDiscriminatorLoss,
        adversarial.LeastSquaresGeneratorLoss,
    ),
    "minimax": (adversarial.MinimaxDiscriminatorLoss, adversarial.MinimaxGeneratorLoss),
    "non_saturating": (
        adversarial.MinimaxDiscriminatorLoss,
        adversarial.NonSaturatingGeneratorLoss,
    ),
    "wasserstein": (
        adversarial.WassersteinDiscriminatorLoss,
        adversarial.WassersteinGeneratorLoss,
    ),
    "hinge": (adversarial.HingeDiscriminatorLoss, adversarial.HingeGeneratorLoss),
    "relativistic_average": (
        adversarial.RelativisticAverageDiscriminatorLoss,
        adversarial.RelativisticAverageGeneratorLoss,
    ),
    "energy": (energy.EnergyDiscriminatorLoss, energy.EnergyGeneratorLoss),
    "boundary_equilibrium": (
        energy.BoundaryEquilibriumDiscriminatorLoss,
        energy.BoundaryEquilibriumGeneratorLoss,
    ),
}
_REASONS = {
    "logits": "It takes energies, the errors of an auto-encoder, which cannot fall "
    "below zero; a discriminator that returns logits would lower them without end. "
    "Only `EBGAN` and `BEGAN` have an auto-encoder as their discriminator.",
    "energies": "It takes logits, and the energies of an auto-encoder, which are never "
    "negative, are none. Give a pair of losses on energies: 'energy' or "
    "'boundary_equilibrium'.",
}


def adversarial_loss_pair(identifier, outputs="logits"):
    """Returns `(discriminator_loss, generator_loss)` for a name or a pair.

    Args:
        identifier: One of `"least_squares"`, `"minimax"`, `"non_saturating"`,
            `"wasserstein"`, `"hinge"`, `"relativistic_average"` (on logits), `"energy"`
            and `"boundary_equilibrium"` (on energies), each with its paper's constants;
            or a pair `(discriminator_loss, generator_loss)` of `keras.losses.Loss`
            objects that are called as `loss(real_output, fake_output)`.
        outputs: What the discriminator returns: `"logits"`, the default, or
            `"energies"`.
    """
    pair = loss_pair("adversarial_loss", identifier, _PAIRS)
    for loss in pair:
        # A loss of someone else's, without the attribute, is taken on trust.
        require(
            getattr(loss, "outputs", outputs) == outputs,
            "Argument `adversarial_loss` must fit the discriminator, which returns "
            f"{outputs}. {_REASONS[outputs]} Received: {type(loss).__name__}",
        )
    return pair
