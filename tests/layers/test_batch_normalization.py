"""The fused batch normalization against Keras's own, in and out of its kernel.

Replicas that share statistics are tested in `models/test_cyclegan_distribution.py`.
"""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import BatchNormalization


def images(shape=(6, 5, 4, 3), seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype("float32")


def step(layer, x):
    """Outputs, gradients and moving statistics of one training call."""
    x = tf.constant(x)
    direction = tf.constant(images(x.shape, seed=1), x.dtype)
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True)
        value = tf.reduce_sum(
            tf.cast(outputs * tf.cast(direction, outputs.dtype), "float32")
        )
    gradients = tape.gradient(value, [x, *layer.trainable_variables])
    return [outputs, *gradients, layer.moving_mean, layer.moving_variance]


def uses_the_kernel(layer, x):
    function = tf.function(lambda x: layer(x, training=True))
    operations = function.get_concrete_function(tf.constant(x)).graph.get_operations()
    return any("FusedBatchNorm" in operation.type for operation in operations)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_equals_keras(affine, momentum):
    arguments = {
        "momentum": momentum,
        "epsilon": 1e-5,
        "center": affine,
        "scale": affine,
        "beta_initializer": keras.initializers.RandomNormal(seed=1),
        "gamma_initializer": keras.initializers.RandomNormal(1.0, 0.5, seed=2),
    }
    ours = BatchNormalization(**arguments)
    assert uses_the_kernel(ours, images())
    ours = BatchNormalization(**arguments)
    expected = step(keras.layers.BatchNormalization(**arguments), images())
    for received, value in zip(step(ours, images()), expected, strict=True):
        np.testing.assert_allclose(received, value, rtol=1e-4, atol=1e-4)


def test_a_small_batch_keeps_the_biased_variance():
    x = np.array([1.0, 5.0], "float32").reshape(2, 1, 1, 1)
    layer = BatchNormalization(momentum=0.0)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean, [3.0])
    np.testing.assert_allclose(layer.moving_variance, [4.0])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_sixteen_bits_equal_keras(policy):
    arguments = {"dtype": policy, "momentum": 0.9}
    received = step(BatchNormalization(**arguments), images())
    expected = step(keras.layers.BatchNormalization(**arguments), images())
    assert received[0].dtype == expected[0].dtype
    for ours, value in zip(received, expected, strict=True):
        scale = np.abs(np.asarray(value, "float32")).max()
        difference = np.asarray(ours, "float32") - np.asarray(value, "float32")
        assert np.abs(difference).max() < 0.02 * scale


@pytest.mark.parametrize(("arguments", "shape"), [
    ({}, (8, 3)),
    ({}, (2, 3, 4, 5, 3)),
    ({"axis": 1}, (6, 5, 4, 3)),
    ({"dtype": "float64"}, (6, 5, 4, 3)),
])  # fmt: skip
def test_falls_back_to_keras_where_the_kernel_does_not_fit(arguments, shape):
    x = images(shape).astype(arguments.get("dtype", "float32"))
    assert not uses_the_kernel(BatchNormalization(**arguments), x)
    received = step(BatchNormalization(**arguments), x)
    expected = step(keras.layers.BatchNormalization(**arguments), x)
    for ours, value in zip(received, expected, strict=True):
        np.testing.assert_array_equal(ours, value)


def test_frozen_layer_infers():
    layer = BatchNormalization()
    layer.build((None, 5, 4, 3))
    layer.trainable = False
    np.testing.assert_array_equal(
        layer(images(), training=True), layer(images(), training=False)
    )


def test_layer_contract(tmp_path):
    contracts.check_layer(BatchNormalization(momentum=0.5), images(), tmp_path)
