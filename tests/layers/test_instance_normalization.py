"""Instance normalization against NumPy, by hand, and through save and load."""

import json

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import InstanceNormalization, normalize


def images(shape=(3, 6, 5, 4), mean=0.0, seed=0):
    return np.random.default_rng(seed).normal(mean, 2.0, shape).astype("float32")


def reference(x, epsilon=1e-5):
    x = x.astype("float64")
    axes = tuple(range(1, x.ndim - 1))
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def test_golden_values():
    x = np.array([[1.0, 10.0], [3.0, 30.0]], "float32").reshape(1, 2, 1, 2)
    outputs = InstanceNormalization(epsilon=1e-12)(x)
    np.testing.assert_allclose(
        np.reshape(outputs, (2, 2)), [[-1.0, -1.0], [1.0, 1.0]], atol=1e-5
    )


# Up to eight images are normalized one by one, by another kernel.
@pytest.mark.parametrize(
    "shape", [(1, 6, 5, 4), (3, 6, 5, 4), (9, 6, 5, 4), (2, 7, 3), (2, 3, 4, 5, 2)]
)
def test_equals_numpy(shape):
    x = images(shape, mean=3.0)
    np.testing.assert_allclose(
        InstanceNormalization()(x), reference(x), rtol=1e-4, atol=1e-5
    )


def test_large_mean_keeps_its_precision():
    x = images(mean=1000.0)
    np.testing.assert_allclose(InstanceNormalization()(x), reference(x), atol=1e-3)


def test_samples_do_not_depend_on_each_other():
    x = images()
    layer = InstanceNormalization()
    np.testing.assert_allclose(layer(x)[:1], layer(x[:1]), atol=1e-6)


def test_affine_factor_and_offset():
    x = images()
    layer = InstanceNormalization()
    layer.build(x.shape)
    gamma, beta = np.arange(1.0, 5.0), np.arange(-2.0, 2.0)
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]
    layer.set_weights([gamma, beta])
    np.testing.assert_allclose(
        layer(x), reference(x) * gamma + beta, rtol=1e-4, atol=1e-5
    )


def test_without_factor_and_offset():
    x = images()
    layer = InstanceNormalization(center=False, scale=False)
    np.testing.assert_allclose(layer(x), reference(x), rtol=1e-4, atol=1e-5)
    assert not layer.weights


@pytest.mark.parametrize("samples", [3, 9])
def test_gradient_equals_keras_group_normalization(samples):
    x = tf.constant(images((samples, 6, 5, 4)))
    gradients = []
    for layer in (
        InstanceNormalization(),
        keras.layers.GroupNormalization(groups=-1, epsilon=1e-5),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(tf.sin(layer(x)))
        gradients.append(tape.gradient(value, [x, layer.gamma, layer.beta]))
    for ours, theirs in zip(*gradients):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_few_samples_have_the_gradient_of_a_gradient_too():
    # As a gradient penalty takes it.
    layer, found = InstanceNormalization(), []
    x = tf.constant(images())
    for inputs in (x, tf.concat([x, x, x], 0)):
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                value = tf.reduce_sum(tf.sin(layer(inputs)))
            gradient = tape.gradient(value, inputs)
            penalty = tf.reduce_sum(gradient**2)
        found.append(outer.gradient(penalty, inputs)[: len(x)])
    assert float(tf.reduce_max(abs(found[1]))) > 0.1
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-4)


def test_few_samples_take_one_kernel_and_many_take_none():
    layer = InstanceNormalization()
    for samples, kernels in ((1, 1), (8, 8), (9, 0), (None, 0)):
        spec = tf.TensorSpec((samples, 6, 5, 4))
        graph = tf.function(layer).get_concrete_function(spec).graph
        types = [op.type for op in graph.get_operations()]
        assert types.count("FusedBatchNormV3") == kernels, samples


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_sixteen_bits_compute_statistics_in_float32(policy):
    # Squares of 3,000 are beyond float16; bfloat16 has no digits left for +-2.
    layer = InstanceNormalization(dtype=policy)
    x = images(mean=3000.0 if "bfloat16" not in policy else 0.0)
    sixteen_bits = layer.compute_dtype
    inputs = keras.ops.cast(x, sixteen_bits)
    outputs = layer(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == sixteen_bits
    expected = reference(np.array(keras.ops.cast(inputs, "float32")))
    tolerance = 2e-3 if sixteen_bits == "float16" else 1e-2
    np.testing.assert_allclose(
        keras.ops.cast(outputs, "float32"), expected, rtol=tolerance, atol=tolerance
    )


def test_float64():
    x = images().astype("float64")
    outputs = InstanceNormalization(dtype="float64")(x)
    np.testing.assert_allclose(outputs, reference(x), rtol=1e-10)


def test_config_survives_building():
    layer = InstanceNormalization(
        epsilon=1e-3,
        scale=False,
        beta_initializer=keras.initializers.RandomNormal(mean=1.0, stddev=0.02, seed=3),
        gamma_initializer="zeros",
        beta_regularizer="l2",
        gamma_constraint="non_neg",
        name="norm",
    )
    before = json.dumps(layer.get_config())
    layer.build((None, None, None, 3))
    assert json.dumps(layer.get_config()) == before
    again = InstanceNormalization.from_config(json.loads(before))
    assert json.dumps(again.get_config()) == before
    # GroupNormalization(groups=-1) fails here: built on 3 channels, used on 4.
    assert again(images()).shape == (3, 6, 5, 4)


def test_contract(tmp_path):
    layer = InstanceNormalization(gamma_initializer="random_normal")
    contracts.check_layer(layer, images(), tmp_path)


def test_single_pixel_gives_the_offset():
    outputs = InstanceNormalization()(images((2, 1, 1, 3), mean=5.0))
    np.testing.assert_array_equal(outputs, np.zeros((2, 1, 1, 3)))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`epsilon` must be positive"):
        InstanceNormalization(epsilon=0)
    with pytest.raises(ValueError, match=r"\(batch, height, width, channels\)"):
        InstanceNormalization().build((None, 3))
    with pytest.raises(ValueError, match="known number of channels"):
        InstanceNormalization().build((None, None, None, None))


def test_normalize_chooses_the_layer():
    x = keras.Input((None, None, 3))
    assert normalize(x, None) is x
    for kind, layer_class, weights in (
        ("batch", keras.layers.BatchNormalization, 2),
        ("instance", InstanceNormalization, 0),
    ):
        for affine in (True, False):
            model = keras.Model(x, normalize(x, kind, affine, name="norm"))
            layer = model.get_layer("norm")
            assert isinstance(layer, layer_class)
            assert len(layer.weights) == weights + 2 * affine
    with pytest.raises(ValueError, match="'batch', 'instance' or None"):
        normalize(x, "layer")
