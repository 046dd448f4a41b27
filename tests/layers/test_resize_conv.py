"""Convolution of repeated pixels, computed on the small image."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import ResizeConv2D


def pair(size, filters=3, **options):
    """The layer and what it stands for, with the same weights; images."""
    images = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype("float32")
    layer = ResizeConv2D(filters, size, bias_initializer="normal", **options)
    plain = keras.layers.Conv2D(filters, size, padding="same", **options)
    both = keras.Sequential([keras.layers.UpSampling2D(), plain])
    layer(images), both(images)
    both.set_weights(layer.get_weights())
    return layer, both, images


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("use_bias", [True, False])
def test_equals_a_convolution_of_repeated_pixels(size, use_bias):
    layer, both, images = pair(size, use_bias=use_bias, activation="tanh")
    assert layer.compute_output_shape((2, None, 6, 4)) == (2, None, 12, 3)
    results = []
    for network in (layer, both):
        variables = network.trainable_variables
        inputs = tf.constant(images)
        # The second derivative as well, which a gradient penalty takes.
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                outputs = network(inputs)
                loss = tf.reduce_sum(outputs**3)
            slope = inner.gradient(loss, inputs)
            loss = loss + tf.reduce_sum(slope**2)
        results.append((outputs, *outer.gradient(loss, [inputs, *variables])))
    for ours, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours, expected, atol=1e-5 * scale)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_sixteen_bits_lie_near(dtype):
    layer, both, images = pair(3)
    half = ResizeConv2D(3, dtype=dtype)
    half.build(images.shape)
    half.set_weights(layer.get_weights())
    received = half(images)
    assert received.dtype == dtype.removeprefix("mixed_")
    assert half.kernel.dtype == "float32"
    np.testing.assert_allclose(np.array(received, "float32"), both(images), atol=0.03)


def test_images_of_any_size_compiled_and_saved(tmp_path):
    layer, both, images = pair(3)
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert contracts.round_trip(layer).get_config() == layer.get_config()
    for jit_compile in (False, True):
        compiled = tf.function(loaded, jit_compile=jit_compile)
        for part in (images, images[:1, :3]):
            np.testing.assert_allclose(
                compiled(tf.constant(part)), both(part), atol=1e-5
            )


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match="`kernel_size` must be odd"):
        ResizeConv2D(3, 4)
    with pytest.raises(ValueError, match="`kernel_size` must be odd"):
        ResizeConv2D(3, (3, 5))
    with pytest.raises(TypeError, match="has no .'strides'."):
        ResizeConv2D(3, strides=2)
