"""Channel-compensated L1 against its equations in float64, and what follows of them."""

import functools

import contracts
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.losses import ChannelCompensatedL1

both_modes = pytest.mark.parametrize("stop_weight_gradient", [True, False])


def compensated(true, generated):
    """The loss of each image, written out for one after the other."""
    values = []
    for one, other in zip(true, generated, strict=True):
        planes = np.moveaxis(np.abs(one - other), -1, 0)
        errors = [plane.mean() for plane in planes]
        weights = [error / sum(errors) for error in errors]
        values.append(sum(w * error for w, error in zip(weights, errors, strict=True)))
    return np.array(values)


def images(channels=3, batch=3):
    shape = (2, batch, 5, 7, channels)
    return np.random.default_rng(channels).uniform(-1, 1, shape)


def gradient_of(loss, true, generated):
    generated = tf.constant(generated, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(generated)
        value = loss(true, generated)
    return value, tape.gradient(value, generated).numpy()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@both_modes
def test_equals_formula(channels, stop_weight_gradient):
    true, generated = images(channels)
    loss = functools.partial(ChannelCompensatedL1, stop_weight_gradient)
    contracts.loss_of_samples_is(loss, compensated(true, generated), true, generated)


def test_weights_are_those_of_an_image():
    # (1, 3) and (3, 1): each image has 1/4 · 1 + 3/4 · 3 = 2.5, while the channel
    # means of the batch are equal and would give 2.
    true = np.zeros((2, 4, 4, 2))
    generated = true + np.array([[1.0, -3.0], [-3.0, 1.0]])[:, None, None]
    value = ChannelCompensatedL1(reduction=None)(true, generated)
    np.testing.assert_allclose(value, [2.5, 2.5], rtol=1e-6)


def test_equal_channel_errors_give_the_plain_mean():
    true, noise = images(1)
    # The same size of error in each channel, whatever its sign and place.
    noise = np.concatenate([noise, -noise, noise[:, ::-1, ::-1]], axis=-1)
    value = ChannelCompensatedL1(reduction=None)(true + 0 * noise, true + noise)
    np.testing.assert_allclose(value, np.abs(noise).mean((1, 2, 3)), rtol=1e-5)


def test_one_channel_is_plain_l1_and_more_are_never_below():
    for channels in (1, 2, 3, 4):
        true, generated = images(channels, batch=16)
        generated[..., 0] *= np.linspace(0, 2, 16)[:, None, None]
        value = ChannelCompensatedL1(reduction=None)(true, generated).numpy()
        errors = np.abs(true - generated).mean((1, 2))
        if channels == 1:
            np.testing.assert_allclose(value, errors[:, 0], rtol=1e-5)
        else:
            assert (value > errors.mean(1)).all()
            assert (value < errors.max(1)).all()


def test_channel_order_does_not_matter():
    true, generated = images()
    expected = ChannelCompensatedL1(reduction=None)(true, generated)
    for order in ([2, 1, 0], [1, 2, 0]):
        value = ChannelCompensatedL1(reduction=None)(
            true[..., order], generated[..., order]
        )
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3])
@both_modes
def test_gradient_is_the_closed_form(channels, stop_weight_gradient):
    true, generated = images(channels)
    loss = ChannelCompensatedL1(stop_weight_gradient)
    _, gradient = gradient_of(loss, true, generated)
    errors = np.abs(true - generated).mean((1, 2), keepdims=True)
    weights = errors / errors.sum(-1, keepdims=True)
    if stop_weight_gradient:
        by_error = weights
    else:
        by_error = 2 * weights - (weights**2).sum(-1, keepdims=True)
    batch, height, width, _ = true.shape
    expected = by_error * np.sign(generated - true) / (batch * height * width)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-9)


def test_gradient_through_the_weights_equals_differences():
    true, generated = images(2, batch=2)
    _, gradient = gradient_of(ChannelCompensatedL1(False), true, generated)
    for index in [(0, 1, 2, 0), (0, 4, 6, 1), (1, 0, 0, 0), (1, 3, 3, 1)]:
        kept = generated[index]
        generated[index] = kept + 1e-6
        above = compensated(true, generated).mean()
        generated[index] = kept - 1e-6
        below = compensated(true, generated).mean()
        generated[index] = kept
        np.testing.assert_allclose(gradient[index], (above - below) / 2e-6, rtol=1e-4)


def test_gradient_through_the_weights_may_push_the_best_channel_away():
    true = np.zeros((1, 2, 2, 2))
    generated = true + np.array([0.1, 1.0])
    for stop_weight_gradient, sign in ((True, 1), (False, -1)):
        loss = ChannelCompensatedL1(stop_weight_gradient)
        _, gradient = gradient_of(loss, true, generated)
        assert (np.sign(gradient[..., 0]) == sign).all()
        assert (gradient[..., 1] > 0).all()


@pytest.mark.parametrize("jit_compile", [None, False, True])
@both_modes
def test_no_error_gives_zero_and_a_zero_gradient(stop_weight_gradient, jit_compile):
    true, generated = (part.astype("float32") for part in images(batch=4))
    generated[0] = true[0]  # An image without an error beside others: ...
    generated[1, ..., 1:] = true[1, ..., 1:]  # ... of one channel alone,
    true[2], generated[2] = 0, 1e-30  # hardly any,
    true[3], generated[3] = -1e4, 1e4  # and far too much.
    loss = ChannelCompensatedL1(stop_weight_gradient, reduction=None)

    def both(true, generated):
        with tf.GradientTape() as tape:
            tape.watch(generated)
            value = loss(true, generated)
        return value, tape.gradient(value, generated)

    if jit_compile is not None:
        both = tf.function(both, jit_compile=jit_compile, autograph=False)
    value, gradient = both(tf.constant(true), tf.constant(generated))
    assert value[0] == 0 and not gradient[0].numpy().any()
    np.testing.assert_allclose(
        value[1:], [np.abs(true - generated)[1, ..., 0].mean(), 1e-30, 2e4], rtol=1e-5
    )
    # One channel alone is pulled by plain L1, and the others are left alone.
    expected = np.sign(generated - true)[1] / 35
    np.testing.assert_allclose(gradient[1, ..., 0], expected[..., 0], rtol=1e-5)
    if stop_weight_gradient:
        assert not gradient[1, ..., 1:].numpy().any()
    np.testing.assert_allclose(gradient[2:], np.full((2, 5, 7, 3), 1 / 105), rtol=1e-4)


def test_sixteen_bits_are_computed_in_float32():
    for dtype, tolerance in (("float16", 5e-3), ("bfloat16", 3e-2)):
        true, generated = (tf.cast(part, dtype) for part in images())
        expected = compensated(
            *(tf.cast(part, "float64").numpy() for part in (true, generated))
        ).mean()
        value = ChannelCompensatedL1()(true, generated)
        assert value.dtype == "float32"
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        # Unless sixteen bits are asked for.
        value = ChannelCompensatedL1(dtype=dtype)(true, generated)
        assert value.dtype == dtype
        np.testing.assert_allclose(float(value), expected, rtol=tolerance)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sizes_unknown_to_the_graph(jit_compile):
    true, generated = images()
    for channels in (3, None):
        spec = tf.TensorSpec((None, None, None, channels), "float64")
        traced = tf.function(
            ChannelCompensatedL1(),
            input_signature=[spec, spec],
            jit_compile=jit_compile,
        )
        expected = compensated(true, generated).mean()
        np.testing.assert_allclose(traced(true, generated), expected, rtol=1e-5)


def test_configuration_and_arguments():
    again = contracts.round_trip(ChannelCompensatedL1(False, "sum", dtype="bfloat16"))
    assert again.stop_weight_gradient is False
    assert (again.reduction, again.dtype) == ("sum", "bfloat16")
    assert contracts.round_trip(ChannelCompensatedL1()).stop_weight_gradient is True
    with pytest.raises(TypeError, match="`stop_weight_gradient` must be True"):
        ChannelCompensatedL1(stop_weight_gradient="sum_over_batch_size")
    zeros = np.zeros((2, 4, 4, 3))
    with pytest.raises(ValueError, match="must have the same shape"):
        ChannelCompensatedL1()(zeros, zeros[..., :1])
    for wrong in (zeros[0], zeros[..., :0]):
        with pytest.raises(ValueError, match="must be images of shape"):
            ChannelCompensatedL1()(wrong, wrong)
