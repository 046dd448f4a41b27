"""The auto-encoder of EBGAN and BEGAN, and the generator from its decoder."""

import keras
import numpy as np
import pytest

from keras_gans.data import handwritten_digits
from keras_gans.networks import autoencoder, decoder_generator

EBGAN = {"activation": "relu", "normalization": "batch", "upsampling": "transposed"}


def images(size, count=2, channels=1):
    shape = (count, size, size, channels)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("arguments", [{}, EBGAN])
@pytest.mark.parametrize("size", [8, 28, 32, 64])
def test_sizes(size, arguments):
    network = autoencoder(size, channels=3, width=4, code_dim=7, **arguments)
    reconstruction, code = network(images(size, channels=3))
    assert reconstruction.shape == (2, size, size, 3)
    assert code.shape == (2, 7)
    generator = decoder_generator(9, size, channels=3, width=4, **arguments)
    assert generator(np.zeros((2, 9))).shape == (2, size, size, 3)


def test_parameters():
    encoder = 16 * 1 * 64 + 64
    encoder += 16 * 64 * 128 + 128
    encoder += 16 * 128 * 256 + 256
    encoder += 16 * 256 * 64 + 64
    decoder = (64 + 1) * 16 * 256
    decoder += 9 * 256 * 128 + 128
    decoder += 9 * 128 * 64 + 64
    decoder += 9 * 64 * 1 + 1
    assert autoencoder().count_params() == encoder + decoder
    assert decoder_generator().count_params() == decoder

    # Batch norm: two trained numbers and two statistics for the bias of a channel.
    transposed = 64 * 16 * 256 + 4 * 256
    transposed += 16 * 256 * 128 + 4 * 128
    transposed += 16 * 128 * 64 + 4 * 64
    transposed += 16 * 64 * 1 + 1
    assert decoder_generator(**EBGAN).count_params() == transposed
    encoder += 3 * (128 + 256)
    assert autoencoder(**EBGAN).count_params() == encoder + transposed


@pytest.mark.parametrize("arguments", [{}, EBGAN])
def test_generator_has_the_layers_of_the_decoder(arguments):
    network = autoencoder(28, 3, 4, code_dim=5, **arguments)
    generator = decoder_generator(5, 28, 3, 4, **arguments)
    decoder = [layer for layer in network.layers if layer.name.startswith("decoder")]
    assert len(decoder) == len(generator.layers) - 2
    for ours, theirs in zip(decoder, generator.layers[1:-1], strict=True):
        assert ours.get_config() == theirs.get_config()
        theirs.set_weights(ours.get_weights())
    # The reconstruction depends on the image through the code alone.
    reconstruction, code = network(images(28, channels=3))
    np.testing.assert_allclose(generator(code), np.tanh(reconstruction), atol=1e-5)


def test_output_activations():
    x = 1000.0 * images(8)
    reconstruction, code = autoencoder(8, width=4, code_dim=5)(x)
    # Both are linear: neither cut at zero nor bounded.
    for output in (reconstruction, code):
        assert np.min(output) < -2.0 and np.max(output) > 2.0
    network = autoencoder(8, width=4, output_activation="tanh")
    assert np.abs(network(x)[0]).max() == 1.0
    generator = decoder_generator(5, 8, width=4)
    assert np.abs(generator(1000.0 * np.ones((1, 5)))).max() == 1.0


def test_normalization_choices():
    for normalization in ("batch", "instance", None):
        arguments = {"width": 2, "normalization": normalization}
        for network, count in (
            (autoencoder(**arguments), 5),
            (decoder_generator(**arguments), 3),
        ):
            found = [type(layer).__name__ for layer in network.layers]
            found = [name for name in found if "Normalization" in name]
            name = f"{str(normalization).capitalize()}Normalization"
            assert found == ([name] * count if normalization else [])
    for function in (autoencoder, decoder_generator):
        with pytest.raises(ValueError, match="`normalization` must be"):
            function(normalization="group")


def test_activation_choices():
    network = autoencoder(8, width=2, activation="leaky_relu")
    inside = network.get_layer("encoder_1_activation")
    x = np.array([[-1.0, 2.0]], "float32")
    np.testing.assert_allclose(inside(x), [[-0.2, 2.0]], rtol=1e-6)
    inside = autoencoder(8, width=2).get_layer("decoder_1_activation")
    np.testing.assert_allclose(inside(x), [[np.exp(-1.0) - 1.0, 2.0]], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{}, EBGAN])
def test_learns_digits(arguments):
    keras.utils.set_random_seed(0)
    x = handwritten_digits()[0][:32].astype("float32") / 127.5 - 1.0
    network = autoencoder(width=16, code_dim=32, **arguments)
    network.compile(keras.optimizers.Adam(2e-3), loss=["mse", None])

    def error():
        reconstruction, _ = network(x, training=True)
        return np.mean(np.square(np.array(reconstruction) - x))

    first = error()
    for _ in range(60):
        network.train_on_batch(x, [x, None])
    # The mean image is the best that a code without information leads to.
    assert error() < 0.6 * np.mean(np.square(x - x.mean(0)))
    assert error() < 0.2 * first


@pytest.mark.parametrize("function", [autoencoder, decoder_generator])
def test_errors(function):
    for size in (4, 7, 30):
        with pytest.raises(ValueError, match=r"must be 4 \* 2\*\*n \(8, 16, 32, 64"):
            function(size=size)
    own = "code_dim" if function is autoencoder else "latent_dim"
    for name in ("size", "channels", "width", own):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
            function(**{name: 0})
        with pytest.raises(TypeError, match=f"`{name}` must be a positive integer"):
            function(**{name: 2.5})
    with pytest.raises(ValueError, match="must be 'transposed' or 'resize'"):
        function(upsampling="bilinear")
