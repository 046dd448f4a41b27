"""Dense networks for points of the plane."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import mlp_autoencoder, mlp_discriminator, mlp_generator


def points(count=64, dim=2):
    return np.random.default_rng(0).normal(size=(count, dim)).astype("float32")


def test_shapes_and_parameters():
    hidden = 2 * (128 * 128 + 128)
    generator = mlp_generator(latent_dim=5, output_dim=3)
    assert generator(points(dim=5)).shape == (64, 3)
    assert generator.count_params() == 6 * 128 + hidden + 129 * 3

    discriminator = mlp_discriminator(input_dim=3)
    assert discriminator(points(dim=3)).shape == (64, 1)
    assert discriminator.count_params() == 4 * 128 + hidden + 129

    network = mlp_autoencoder(input_dim=3, width=16, layers=1, code_dim=4)
    reconstruction, code = network(points(dim=3))
    assert reconstruction.shape == (64, 3) and code.shape == (64, 4)
    assert network.count_params() == 4 * 16 + 17 * 4 + 5 * 16 + 17 * 3


def numpy_output(network, x, slope):
    x = x.astype("float64")
    dense = [part for part in network.layers if isinstance(part, keras.layers.Dense)]
    for layer in dense:
        kernel, bias = layer.get_weights()
        x = x @ kernel + bias
        if layer is not dense[-1]:
            x = np.where(x > 0, x, slope * x)
    return x


def test_equal_numpy():
    for network, slope in (
        (mlp_generator(), 0.0),
        (mlp_discriminator(), 0.2),
        (mlp_discriminator(layers=1, negative_slope=0.1), 0.1),
    ):
        for variable in network.trainable_variables:
            if variable.name == "bias":
                variable.assign(0.1 * points(1, variable.shape[0])[0])
        expected = numpy_output(network, points(), slope)
        np.testing.assert_allclose(network(points()), expected, rtol=1e-4, atol=1e-5)


def test_reconstruction_depends_on_the_code_alone():
    network = mlp_autoencoder(code_dim=3, layers=1, width=8)
    reconstruction, code = network(points())
    kernel, bias = network.get_layer("decoder_1").get_weights()
    x = np.array(code, "float64") @ kernel + bias
    x = np.where(x > 0, x, 0.2 * x)
    kernel, bias = network.get_layer("reconstruction").get_weights()
    np.testing.assert_allclose(reconstruction, x @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_start_keeps_the_signal():
    assert 0.2 < np.std(mlp_generator(layers=6)(points(500))) < 5.0
    kernel = mlp_generator().get_layer("hidden_2").kernel
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / 128), rel=0.05)


@pytest.mark.parametrize("function", [mlp_generator, mlp_discriminator])
def test_labels(function):
    network = function(classes=8)
    plain = function()
    shapes = [tensor.shape for tensor in network.inputs]
    assert shapes == [(None, 2), (None,)]
    added = network.count_params() - plain.count_params()
    assert added == 8 * 8 + 8 * 128

    embeddings = network.get_layer("label_embedding").embeddings
    np.testing.assert_array_equal(embeddings, np.eye(8))
    x = points()
    outputs = [np.array(network([x, np.full(64, label)])) for label in range(8)]
    for label in range(1, 8):
        assert np.abs(outputs[label] - outputs[0]).mean() > 0.05
    labels = np.arange(64) % 8
    expected = np.stack(outputs)[labels, np.arange(64)]
    np.testing.assert_allclose(network([x, labels]), expected, atol=1e-5)

    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.square(network([x[:3], np.array([1, 4, 1])])))
    gradient = np.array(tf.convert_to_tensor(tape.gradient(value, embeddings.value)))
    assert list(np.nonzero(np.abs(gradient).max(1))[0]) == [1, 4]


@pytest.mark.slow
def test_autoencoder_learns_a_ring():
    keras.utils.set_random_seed(0)
    angles = 2 * np.pi * np.arange(64) / 64
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    network = mlp_autoencoder(width=32)
    network.compile(keras.optimizers.Adam(5e-3), loss=["mse", None])
    for _ in range(80):
        network.train_on_batch(x, [x, None])
    reconstruction, _ = network(x)
    assert np.mean(np.square(np.array(reconstruction) - x)) < 0.05 * np.mean(x**2)


@pytest.mark.parametrize("function, names", [
    (mlp_generator, ("latent_dim", "output_dim", "width", "layers", "classes")),
    (mlp_discriminator, ("input_dim", "width", "layers", "classes")),
    (mlp_autoencoder, ("input_dim", "width", "layers", "code_dim")),
])  # fmt: skip
def test_errors(function, names):
    for name in names:
        with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
            function(**{name: 0})
        with pytest.raises(TypeError, match=f"`{name}` must be a positive integer"):
            function(**{name: "2"})
