"""The edge loss against a plain convolution, and where there is no edge."""

import contracts
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_gans.losses import EdgeLoss, MeanEdgeLoss
from keras_gans.losses.edge import sobel_magnitude


def magnitudes(images):
    """Sobel by SciPy, image by image and channel by channel."""
    result = np.empty_like(images)
    for n, c in np.ndindex(images.shape[0], images.shape[-1]):
        plane = images[n, :, :, c]
        # SciPy calls a reflection about the border pixel "mirror".
        derivatives = [ndimage.sobel(plane, axis, mode="mirror") / 8 for axis in (0, 1)]
        result[n, :, :, c] = np.sqrt(sum(part**2 for part in derivatives) + 1e-6)
    return result


def edge_loss(true, generated):
    return np.abs(magnitudes(true) - magnitudes(generated)).mean((1, 2, 3))


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (2, 3, 5, 7, 3))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_equals_formula(images, channels):
    true, generated = images[..., :channels]
    expected = edge_loss(true, generated)
    values = EdgeLoss(reduction=None)(true, generated)
    assert values.shape == (3,) and values.dtype == "float32"
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(EdgeLoss()(true, generated), expected.mean(), rtol=1e-5)
    spec = tf.TensorSpec((None, None, None, channels), "float64")
    for jit_compile in (False, True):
        traced = tf.function(
            EdgeLoss(), input_signature=[spec, spec], jit_compile=jit_compile
        )
        np.testing.assert_allclose(traced(true, generated), expected.mean(), rtol=1e-5)


def test_equals_tensorflow_s_edges(images):
    edges = tf.image.sobel_edges(tf.constant(images[0])).numpy() / 8
    expected = np.sqrt((edges**2).sum(-1) + 1e-6)
    np.testing.assert_allclose(sobel_magnitude(images[0]), expected, rtol=1e-5)


def test_gradient_equals_differences(images):
    true, generated = images[:, :1, :3, :4, :1]
    arguments = [tf.constant(part, tf.float32) for part in (true, generated)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = EdgeLoss()(*arguments)
    gradients = tape.gradient(value, arguments)
    for gradient, moved in zip(gradients, (true, generated), strict=True):
        for index in np.ndindex(moved.shape):
            kept = moved[index]
            moved[index] = kept + 1e-5
            above = edge_loss(true, generated).mean()
            moved[index] = kept - 1e-5
            below = edge_loss(true, generated).mean()
            moved[index] = kept
            np.testing.assert_allclose(
                gradient[index], (above - below) / 2e-5, rtol=1e-3, atol=1e-5
            )


def test_units():
    ramp = np.tile(0.1 * np.arange(6.0), (1, 6, 1))[..., None]
    inside = sobel_magnitude(ramp)[0, :, 1:-1]
    np.testing.assert_allclose(inside, np.full((6, 4, 1), 0.1), rtol=1e-4)
    step = np.where(np.arange(6) < 3, -1.0, 1.0)[None, :, None, None] * np.ones(
        (1, 6, 6, 1)
    )
    np.testing.assert_allclose(sobel_magnitude(step)[0, 2:4], 1.0, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_flat_images_have_no_edges_and_a_finite_gradient(dtype):
    flat = tf.fill((2, 4, 5, 3), 0.7)
    true = tf.random.stateless_uniform(flat.shape, (0, 1))
    np.testing.assert_allclose(sobel_magnitude(flat), 1e-3, rtol=1e-5)
    for target in (flat, true, -flat):
        with tf.GradientTape() as tape:
            tape.watch(flat)
            value = EdgeLoss(dtype=dtype)(target, flat)
        assert np.isfinite(value)
        assert np.isfinite(tape.gradient(value, flat)).all()
        if target is not true:
            assert value == 0.0  # A shift in brightness is no edge, nor is the border.


def test_sixteen_bits_are_computed_in_float32(images):
    for dtype in ("float16", "bfloat16"):
        true, generated = tf.cast(images, dtype)
        expected = edge_loss(
            *(tf.cast(x, "float64").numpy() for x in (true, generated))
        )
        value = EdgeLoss()(true, generated)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected.mean(), rtol=1e-5)


def test_extreme_values_are_finite():
    images = tf.constant([-1e4, 1e4], tf.float32)[:, None, None, None]
    images = images * tf.random.stateless_normal((2, 4, 4, 1), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = EdgeLoss()(images[::-1], images)
    assert np.isfinite(value) and np.isfinite(tape.gradient(value, images)).all()


def test_configuration_and_shapes():
    again = contracts.round_trip(EdgeLoss(reduction="sum", dtype="bfloat16"))
    assert (again.reduction, again.dtype) == ("sum", "bfloat16")
    zeros = np.zeros((2, 4, 4, 3))
    with pytest.raises(
        ValueError, match="`y_true` and `y_pred` must have the same sha"
    ):
        EdgeLoss()(zeros, zeros[..., :1])
    with pytest.raises(ValueError, match="must be images of shape"):
        EdgeLoss()(zeros[0], zeros[0])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_mean_edges_equal_formula(images, jit_compile):
    real, generated = images
    expected = np.abs(magnitudes(real).mean(0) - magnitudes(generated).mean(0)).mean()
    spec = tf.TensorSpec((None, None, None, 3), "float64")
    traced = tf.function(
        MeanEdgeLoss(), input_signature=[spec, spec], jit_compile=jit_compile
    )
    np.testing.assert_allclose(traced(real, generated), expected, rtol=1e-5)
    values = MeanEdgeLoss(reduction=None)(real, generated)
    np.testing.assert_allclose(values, 3 * [expected], rtol=1e-5)
    # Which image belongs to which does not count, where it does for the edge loss.
    np.testing.assert_allclose(
        MeanEdgeLoss()(real[[2, 0, 1]], generated), expected, rtol=1e-5
    )
    assert (
        float(MeanEdgeLoss()(real[::-1], real)) < 1e-7 < edge_loss(real[::-1], real)[0]
    )


def test_gradient_of_mean_edges_equals_differences(images):
    real, generated = images[:, :2, :3, :4, :1]
    variable = tf.constant(generated, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        value = MeanEdgeLoss()(real, variable)
    gradient = tape.gradient(value, variable)

    def loss(generated):
        means = [magnitudes(part).mean(0) for part in (real, generated)]
        return np.abs(means[0] - means[1]).mean()

    for index in np.ndindex(generated.shape):
        step = np.zeros_like(generated)
        step[index] = 1e-5
        slope = (loss(generated + step) - loss(generated - step)) / 2e-5
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-3, atol=1e-5)


def test_mean_edges_of_flat_and_wrong_images():
    flat = tf.zeros((2, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(flat)
        value = MeanEdgeLoss()(flat + 0.5, flat)
    assert value == 0 and not np.any(tape.gradient(value, flat))
    again = contracts.round_trip(MeanEdgeLoss(name="edges"))
    assert (again.name, again.reduction) == ("edges", "sum_over_batch_size")
    with pytest.raises(ValueError, match="images of shape"):
        MeanEdgeLoss()(flat[0], flat[0])
