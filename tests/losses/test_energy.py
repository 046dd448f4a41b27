"""Losses on energies, reconstruction errors, and the pull-away term."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import FAKE, REAL

from keras_gans.losses import (
    BoundaryEquilibriumDiscriminatorLoss,
    BoundaryEquilibriumGeneratorLoss,
    EnergyDiscriminatorLoss,
    EnergyGeneratorLoss,
    PullAwayTerm,
    ReconstructionEnergy,
)

# Class, arguments and the paper's formula.
CASES = {
    "energy_discriminator": (
        EnergyDiscriminatorLoss, {"margin": 8.0},
        lambda real, fake: real + np.maximum(0, 8 - fake)),
    "energy_discriminator_scaled": (
        EnergyDiscriminatorLoss, {"margin": 1, "scale": 0.5},
        lambda real, fake: 0.5 * (real + np.maximum(0, 1 - fake))),
    "energy_generator": (EnergyGeneratorLoss, {}, lambda real, fake: fake),
    "boundary_equilibrium_discriminator": (
        BoundaryEquilibriumDiscriminatorLoss, {"k": 0.25},
        lambda real, fake: real - 0.25 * fake),
    "boundary_equilibrium_start": (
        BoundaryEquilibriumDiscriminatorLoss, {}, lambda real, fake: real),
    "boundary_equilibrium_generator": (
        BoundaryEquilibriumGeneratorLoss, {}, lambda real, fake: fake),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_contract(case):
    loss_class, arguments, formula = CASES[case]
    assert loss_class.outputs == "energies"
    contracts.check_adversarial_loss(
        lambda **kwargs: loss_class(**arguments, **kwargs), formula
    )


def test_margin():
    assert EnergyDiscriminatorLoss().margin == 10.0
    real, fake = tf.constant([1.0, 1.0]), tf.constant([12.0, 3.0])
    np.testing.assert_allclose(
        EnergyDiscriminatorLoss(reduction=None)(real, fake), [1.0, 8.0]
    )
    for wrong in (0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="`margin` must be"):
            EnergyDiscriminatorLoss(margin=wrong)
    with pytest.raises(TypeError, match="`margin` must be a number"):
        EnergyDiscriminatorLoss(margin="10")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_k_may_be_a_variable(dtype):
    loss = BoundaryEquilibriumDiscriminatorLoss(k=0.25, dtype=dtype)
    loss.k = keras.Variable(0.5, dtype="float32", trainable=False)
    traced = tf.function(loss)
    for k in (0.5, 0.0, 1.0):
        loss.k.assign(k)
        # Read at every call, also of a graph that was traced before.
        expected = np.mean(REAL - k * FAKE)
        np.testing.assert_allclose(traced(REAL, FAKE), expected, rtol=5e-3)
    # The configuration holds the number, not the variable.
    assert loss.get_config()["k"] == 0.25
    assert contracts.round_trip(loss).k == 0.25


def test_wrong_k():
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"`k` must be in"):
            BoundaryEquilibriumDiscriminatorLoss(k=wrong)


def _value_and_gradient(function, x, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return value, tape.gradient(value, x)

    return compute(x)


# Reconstruction errors ----------------------------------------------------------------

ENERGIES = {
    "euclidean": lambda errors: np.sqrt((errors**2).sum(1)),
    "l1": lambda errors: np.abs(errors).mean(1),
    "l2": lambda errors: (errors**2).mean(1),
}


@pytest.mark.parametrize("norm", ENERGIES)
@pytest.mark.parametrize("shape", [(3, 2), (3, 4, 5, 2)])
def test_energy_equals_formula(norm, shape):
    images, reconstructions = np.random.default_rng(0).normal(size=(2, *shape))
    errors = (reconstructions - images).reshape(3, -1)
    expected = ENERGIES[norm](errors)
    energy = ReconstructionEnergy(norm)
    values = energy(images, reconstructions)
    assert values.shape == (3,) and values.dtype == "float32"
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    mean = ReconstructionEnergy(norm, reduction="sum_over_batch_size")
    np.testing.assert_allclose(
        mean(images, reconstructions), expected.mean(), rtol=1e-5
    )
    # Sizes that are unknown until the graph runs.
    spec = tf.TensorSpec((None,) * len(shape), "float64")
    traced = tf.function(energy, input_signature=[spec, spec])
    np.testing.assert_allclose(traced(images, reconstructions), expected, rtol=1e-5)

    # The gradient towards both sides, against finite differences of the formula.
    arguments = [tf.constant(part, tf.float32) for part in (images, reconstructions)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        total = tf.reduce_sum(energy(*arguments))
    backward = [part.numpy().reshape(3, -1) for part in tape.gradient(total, arguments)]
    np.testing.assert_allclose(backward[0], -backward[1], rtol=1e-6)
    for index in range(errors.shape[1]):
        step = np.zeros_like(errors)
        step[:, index] = 1e-6
        slopes = (ENERGIES[norm](errors + step) - ENERGIES[norm](errors - step)) / 2e-6
        np.testing.assert_allclose(backward[1][:, index], slopes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm", ENERGIES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_energy_of_a_perfect_reconstruction(norm, dtype, jit_compile):
    images = tf.ones((2, 3, 3, 1))
    reconstructions = tf.stack([tf.ones((3, 3, 1)), 3 * tf.ones((3, 3, 1))])
    energy = ReconstructionEnergy(norm, dtype=dtype)
    energies, gradient = _value_and_gradient(
        lambda x: energy(images, x), reconstructions, jit_compile
    )
    assert energies[0] == 0.0
    np.testing.assert_array_equal(gradient[0], np.zeros((3, 3, 1)))
    assert np.isfinite(gradient).all() and np.abs(gradient[1]).min() > 0


@pytest.mark.parametrize("norm", ENERGIES)
def test_energy_in_sixteen_bits_is_computed_in_float32(norm):
    # 4096 errors of 0.5, whose squares would sum to 1024 in steps of 1/4.
    images = tf.zeros((2, 64, 64, 1), "float16")
    values = ReconstructionEnergy(norm)(images, images + 0.501)
    assert values.dtype == "float32"
    error = float(tf.cast(tf.constant(0.501, "float16"), "float64"))
    expected = {"euclidean": 64 * error, "l1": error, "l2": error**2}[norm]
    np.testing.assert_allclose(values, [expected] * 2, rtol=1e-5)


def test_energy_configuration():
    for norm in ENERGIES:
        again = contracts.round_trip(ReconstructionEnergy(norm, dtype="float16"))
        assert (again.norm, again.dtype, again.reduction) == (norm, "float16", None)
    assert ReconstructionEnergy().norm == "euclidean"
    with pytest.raises(ValueError, match="`norm` must be .*'l1'.*'l3'"):
        ReconstructionEnergy("l3")
    with pytest.raises(ValueError, match="`images` and `reconstructions` must have th"):
        ReconstructionEnergy()(np.zeros((4, 2)), np.zeros((4, 1)))


def pull_away(codes):
    """The formula of the paper, as a double sum."""
    total, count = 0.0, len(codes)
    for i in range(count):
        for j in range(count):
            if i != j:
                lengths = np.linalg.norm(codes[i]) * np.linalg.norm(codes[j])
                total += (codes[i] @ codes[j] / lengths) ** 2
    return total / (count * (count - 1))


def test_pull_away_equals_formula():
    term = PullAwayTerm()
    codes = np.random.default_rng(0).normal(size=(5, 3))
    value = term(codes)
    assert value.shape == () and value.dtype == "float32"
    np.testing.assert_allclose(value, pull_away(codes), rtol=1e-5)
    # Lengths do not matter.
    lengths = np.array([[1e-4], [1.0], [50.0], [1e4], [3.0]])
    np.testing.assert_allclose(term(codes * lengths), pull_away(codes), rtol=1e-4)
    np.testing.assert_allclose(term(np.ones((4, 3))), 1.0, rtol=1e-6)
    np.testing.assert_allclose(term(np.eye(3)), 0.0, atol=1e-7)

    watched = tf.constant(codes, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = term(watched)
    gradient = tape.gradient(value, watched)
    for index in np.ndindex(codes.shape):
        step = np.zeros_like(codes)
        step[index] = 1e-5
        slope = (pull_away(codes + step) - pull_away(codes - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-3, atol=1e-5)

    traced = tf.function(
        term, input_signature=[tf.TensorSpec((None, None))], jit_compile=True
    )
    np.testing.assert_allclose(
        traced(tf.constant(codes, tf.float32)), pull_away(codes), rtol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "jit_compile", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_pull_away_where_the_formula_has_no_value(dtype, jit_compile):
    term = PullAwayTerm()
    codes = {
        "one code": tf.constant([[1.0, 2.0, 3.0]], dtype),
        "all zero": tf.zeros((4, 3), dtype),
        "one zero": tf.constant([[1.0, 0, 0], [0, 0, 0], [1.0, 0, 0]], dtype),
    }
    for expected, tensor in zip((0.0, 0.0, 1 / 3), codes.values(), strict=True):
        value, gradient = _value_and_gradient(term, tensor, jit_compile)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        assert np.isfinite(tf.cast(gradient, "float32")).all()


def test_pull_away_configuration():
    again = contracts.round_trip(PullAwayTerm(name="apart", dtype="bfloat16"))
    assert (again.name, again.dtype) == ("apart", "bfloat16")
