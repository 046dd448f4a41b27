"""Adversarial losses against their formulas, golden numbers and TF-GAN."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import FAKE, REAL

from keras_gans import losses
from keras_gans.losses import (
    BoundaryEquilibriumDiscriminatorLoss,
    BoundaryEquilibriumGeneratorLoss,
    EnergyDiscriminatorLoss,
    EnergyGeneratorLoss,
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
    adversarial_loss_pair,
)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


# Class, arguments, the paper's formula, and the golden number.
CASES = {
    "minimax_discriminator": (MinimaxDiscriminatorLoss, {}, lambda real, fake: (
        -np.log(sigmoid(real)) - np.log(1 - sigmoid(fake))), 5.83387),
    # Smoothing adds its share of the mean real output.
    "minimax_discriminator_smoothed": (
        MinimaxDiscriminatorLoss, {"label_smoothing": 0.1}, lambda real, fake: (
            -0.9 * np.log(sigmoid(real)) - 0.1 * np.log(1 - sigmoid(real))
            - np.log(1 - sigmoid(fake))), 5.83387 + 0.1 * 2.9),
    "minimax_generator": (
        MinimaxGeneratorLoss, {}, lambda real, fake: np.log(1 - sigmoid(fake)), None),
    "non_saturating_generator": (
        NonSaturatingGeneratorLoss, {}, lambda real, fake: -np.log(sigmoid(fake)),
        1.38582),
    "least_squares_discriminator": (
        LeastSquaresDiscriminatorLoss, {},
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2, 41.73375),
    "least_squares_discriminator_targets": (
        LeastSquaresDiscriminatorLoss, {"a": -1.0, "b": 0.9, "scale": 2.0},
        lambda real, fake: 2 * (real - 0.9) ** 2 + 2 * (fake + 1) ** 2, None),
    "least_squares_generator": (
        LeastSquaresGeneratorLoss, {}, lambda real, fake: 0.5 * (fake - 1) ** 2,
        17.69625),
    "least_squares_generator_target": (
        LeastSquaresGeneratorLoss, {"c": 0.5, "scale": 1},
        lambda real, fake: (fake - 0.5) ** 2, None),
    "wasserstein_discriminator": (
        WassersteinDiscriminatorLoss, {}, lambda real, fake: fake - real, 0.225),
    "wasserstein_generator": (
        WassersteinGeneratorLoss, {}, lambda real, fake: -fake, -3.125),
    "hinge_discriminator": (HingeDiscriminatorLoss, {}, lambda real, fake: (
        np.maximum(0, 1 - real) + np.maximum(0, 1 + fake)), 6.75),
    "hinge_generator": (HingeGeneratorLoss, {}, lambda real, fake: -fake, -3.125),
    "relativistic_average_discriminator": (
        RelativisticAverageDiscriminatorLoss, {}, lambda real, fake: (
            -np.log(sigmoid(real - fake.mean())) - np.log(sigmoid(real.mean() - fake))
        ), None),
    "relativistic_average_generator": (
        RelativisticAverageGeneratorLoss, {}, lambda real, fake: (
            -np.log(sigmoid(fake - real.mean())) - np.log(sigmoid(fake.mean() - real))
        ), None),
}  # fmt: skip
ADVERSARIAL_LOSSES = [
    loss
    for name, loss in sorted(vars(losses).items())
    if name.endswith(("GeneratorLoss", "DiscriminatorLoss"))
    and issubclass(loss, losses.AdversarialLoss)
]


@pytest.mark.parametrize("case", CASES)
def test_contract(case):
    loss_class, arguments, formula, golden = CASES[case]
    contracts.check_adversarial_loss(
        lambda **kwargs: loss_class(**arguments, **kwargs), formula, golden
    )


def test_cross_entropy_at_extreme_outputs():
    # Where the sigmoid is 0 or 1 the loss is linear, and its slope is 1 or 0.
    real = tf.constant([-1e4, 1e4])
    fake = tf.constant([1e4, -1e4])
    loss = MinimaxDiscriminatorLoss(reduction=None)
    np.testing.assert_array_equal(loss(real, fake), [2e4, 0.0])
    np.testing.assert_array_equal(
        NonSaturatingGeneratorLoss(reduction=None)(real, fake), [0.0, 1e4]
    )
    np.testing.assert_array_equal(
        MinimaxGeneratorLoss(reduction=None)(real, fake), [-1e4, 0.0]
    )
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = tf.reduce_sum(loss(real, fake))
    for gradient, expected in zip(
        tape.gradient(value, [real, fake]), ([-1.0, 0.0], [1.0, 0.0])
    ):
        np.testing.assert_array_equal(gradient, expected)


@pytest.fixture(scope="module")
def tf_gan():
    return contracts.import_tf_gan().losses.wargs


@pytest.mark.parametrize("loss_class", ADVERSARIAL_LOSSES)
def test_whether_the_real_output_matters(loss_class):
    assert len(ADVERSARIAL_LOSSES) == 15
    real, fake = tf.constant(REAL), tf.constant(FAKE)
    loss = loss_class()
    moved = loss(real + 0.7, fake) - loss(real, fake)
    assert (float(moved) != 0.0) == loss_class.uses_real_output
    if "Discriminator" in loss_class.__name__:
        assert loss_class.uses_real_output


def test_relativistic_means_are_over_the_whole_batch():
    random = np.random.default_rng(0)
    real, fake = random.normal(0.0, 2.0, (2, 3, 2, 2, 1)).astype("float32")
    values = RelativisticAverageDiscriminatorLoss(reduction=None)(real, fake)
    # Means by sample, or by place of the patch, would give other values.
    expected = np.log1p(np.exp(fake.mean() - real)) + np.log1p(
        np.exp(fake - real.mean())
    )
    np.testing.assert_allclose(values, expected.mean((1, 2, 3)), rtol=1e-5)
    # The generator's loss is the discriminator's with its arguments exchanged.
    np.testing.assert_allclose(
        RelativisticAverageGeneratorLoss()(real, fake),
        RelativisticAverageDiscriminatorLoss()(fake, real),
        rtol=1e-6,
    )


def test_hinge_is_flat_beyond_its_margins():
    real, fake = tf.constant([1.5, 0.5]), tf.constant([-1.5, -0.5])
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = HingeDiscriminatorLoss()(real, fake)
    gradients = tape.gradient(value, [real, fake])
    np.testing.assert_array_equal(gradients, [[0.0, -0.5], [0.0, 0.5]])


def test_equals_tf_gan(tf_gan):
    np.testing.assert_allclose(
        LeastSquaresDiscriminatorLoss(a=0.2, b=0.9)(REAL, FAKE),
        tf_gan.least_squares_discriminator_loss(
            REAL, FAKE, real_label=0.9, fake_label=0.2
        ),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        LeastSquaresGeneratorLoss(c=0.9)(REAL, FAKE),
        tf_gan.least_squares_generator_loss(FAKE, real_label=0.9),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        NonSaturatingGeneratorLoss()(REAL, FAKE),
        tf_gan.modified_generator_loss(FAKE),
        rtol=1e-6,
    )
    # Theirs has the constant of a real output of 1 as well.
    np.testing.assert_allclose(
        MinimaxGeneratorLoss()(REAL, FAKE) - np.log1p(np.exp(-1.0)),
        tf_gan.minimax_generator_loss(FAKE),
        rtol=1e-6,
    )
    for ours, theirs in (
        (WassersteinDiscriminatorLoss, tf_gan.wasserstein_discriminator_loss),
        (HingeDiscriminatorLoss, tf_gan.wasserstein_hinge_discriminator_loss),
        (RelativisticAverageDiscriminatorLoss, tf_gan.relativistic_discriminator_loss),
        (RelativisticAverageGeneratorLoss, tf_gan.relativistic_generator_loss),
    ):
        np.testing.assert_allclose(ours()(REAL, FAKE), theirs(REAL, FAKE), rtol=1e-5)
    np.testing.assert_allclose(
        WassersteinGeneratorLoss()(REAL, FAKE), tf_gan.wasserstein_generator_loss(FAKE)
    )
    np.testing.assert_allclose(
        HingeGeneratorLoss()(REAL, FAKE), tf_gan.wasserstein_hinge_generator_loss(FAKE)
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.25, 0.5])
def test_smoothing_is_half_of_tf_gans(tf_gan, smoothing):
    # TF-GAN spreads the smoothing over both labels, so a target of 1 loses one half.
    for theirs in (
        tf_gan.minimax_discriminator_loss,
        tf_gan.modified_discriminator_loss,
    ):
        np.testing.assert_allclose(
            MinimaxDiscriminatorLoss(label_smoothing=smoothing / 2)(REAL, FAKE),
            theirs(REAL, FAKE, label_smoothing=smoothing),
            rtol=1e-6,
        )


ENERGY_NAMES = ("energy", "boundary_equilibrium")


def test_pairs_by_name():
    for name, expected in {
        "least_squares": (LeastSquaresDiscriminatorLoss, LeastSquaresGeneratorLoss),
        "minimax": (MinimaxDiscriminatorLoss, MinimaxGeneratorLoss),
        "non_saturating": (MinimaxDiscriminatorLoss, NonSaturatingGeneratorLoss),
        "wasserstein": (WassersteinDiscriminatorLoss, WassersteinGeneratorLoss),
        "hinge": (HingeDiscriminatorLoss, HingeGeneratorLoss),
        "relativistic_average": (
            RelativisticAverageDiscriminatorLoss,
            RelativisticAverageGeneratorLoss,
        ),
        "energy": (EnergyDiscriminatorLoss, EnergyGeneratorLoss),
        "boundary_equilibrium": (
            BoundaryEquilibriumDiscriminatorLoss,
            BoundaryEquilibriumGeneratorLoss,
        ),
    }.items():
        outputs = "energies" if name in ENERGY_NAMES else "logits"
        pair = adversarial_loss_pair(name, outputs=outputs)
        assert tuple(type(loss) for loss in pair) == expected
        # The papers' constants: no smoothing, targets of 0 and 1, halves.
        for loss in pair:
            assert loss.get_config() == type(loss)(name=loss.name).get_config()
    discriminator_loss, generator_loss = adversarial_loss_pair("least_squares")
    assert (discriminator_loss.a, discriminator_loss.b) == (0.0, 1.0)
    assert generator_loss.c == 1.0
    assert discriminator_loss.scale == generator_loss.scale == 0.5
    assert adversarial_loss_pair("minimax")[0].label_smoothing == 0.0


def test_pairs_of_losses():
    pair = [MinimaxDiscriminatorLoss(), keras.losses.MeanSquaredError()]
    assert adversarial_loss_pair(pair) == tuple(pair)


def test_losses_that_do_not_fit_the_outputs():
    for name in ENERGY_NAMES:
        pair = adversarial_loss_pair(name, outputs="energies")
        mixed = (MinimaxDiscriminatorLoss(), pair[1])
        for wrong in (name, pair, mixed):
            with pytest.raises(ValueError, match="fall below zero.*auto-encoder"):
                adversarial_loss_pair(wrong)
    for name in ("least_squares", "minimax", "hinge", "wasserstein"):
        pair = adversarial_loss_pair(name)
        for wrong in (name, pair, (pair[0], EnergyGeneratorLoss())):
            with pytest.raises(ValueError, match="never negative"):
                adversarial_loss_pair(wrong, outputs="energies")
    # A Keras loss does not say what it is for.
    pair = (keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError())
    for outputs in ("logits", "energies"):
        assert adversarial_loss_pair(pair, outputs=outputs) == pair


def test_wrong_pairs():
    with pytest.raises(ValueError, match="'least_squares', 'minimax', 'non_saturat"):
        adversarial_loss_pair("no_such_loss")
    for wrong in (None, MinimaxGeneratorLoss(), [MinimaxGeneratorLoss()], ("a", "b")):
        with pytest.raises(TypeError, match="a pair .discriminator_loss, generator_"):
            adversarial_loss_pair(wrong)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2])
def test_wrong_smoothing(smoothing):
    with pytest.raises(ValueError, match=r"`label_smoothing` must lie in \[0, 1\)"):
        MinimaxDiscriminatorLoss(label_smoothing=smoothing)


def test_wrong_numbers():
    for scale in (0, -1.0):
        with pytest.raises(ValueError, match="`scale` must be greater than zero"):
            NonSaturatingGeneratorLoss(scale=scale)
    for loss_class, name in (
        (LeastSquaresDiscriminatorLoss, "a"),
        (LeastSquaresDiscriminatorLoss, "b"),
        (LeastSquaresGeneratorLoss, "c"),
        (MinimaxGeneratorLoss, "scale"),
        (MinimaxDiscriminatorLoss, "label_smoothing"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be finite"):
            loss_class(**{name: float("nan")})
        for wrong in ("1", True, None):
            with pytest.raises(TypeError, match=f"`{name}` must be a number"):
                loss_class(**{name: wrong})


def test_abstract_loss():
    with pytest.raises(TypeError, match="implement `elementwise`"):
        losses.AdversarialLoss()(REAL, FAKE)
