"""The lab's generator and discriminator."""

import keras
import numpy as np
import pytest

from keras_gans.networks import digit_discriminator, digit_generator, size_multiple


def trained_parameters(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


@pytest.mark.parametrize("residual_blocks", [0, 2, 3])
def test_generator_parameters(residual_blocks):
    # Kernels height * width * in * out; two numbers per channel of batch norm.
    expected = 16 * 1 * 64 + 2 * 64
    expected += 16 * 64 * 128 + 2 * 128
    expected += residual_blocks * 2 * (9 * 128 * 128 + 2 * 128)
    expected += 16 * 128 * 64 + 2 * 64
    expected += 16 * 64 * 3 + 3
    network = digit_generator(residual_blocks=residual_blocks)
    assert trained_parameters(network) == expected


def test_discriminator_parameters():
    expected = 16 * 3 * 64 + 64
    expected += 16 * 64 * 128 + 2 * 128
    expected += 16 * 128 * 256 + 2 * 256
    expected += 16 * 256 + 1
    assert trained_parameters(digit_discriminator()) == expected


@pytest.mark.parametrize("height, width", [(32, 32), (28, 28), (4, 4), (16, 40)])
def test_generator_sizes(height, width):
    network = digit_generator(3, 1, width=4)
    assert size_multiple(network) == 4
    assert network(np.zeros((1, height, width, 3))).shape == (1, height, width, 1)


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_discriminator_sizes(size):
    network = digit_discriminator(1, width=4, size=size)
    assert network(np.zeros((5, size, size, 1))).shape == (5, 1)


@pytest.mark.parametrize("size", [0, -8, 4, 28])
def test_discriminator_wrong_size(size):
    with pytest.raises(ValueError, match="`size` must be a positive multiple of 8"):
        digit_discriminator(size=size)


def test_residual_blocks_are_residual():
    network = digit_generator(width=4, normalization=None)
    for index in (1, 2):
        layer = network.get_layer(f"residual_{index}_2")
        layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    names = ("encoder_2_activation", "residual_1_add", "residual_2_add")
    inside = keras.Model(
        network.input, [network.get_layer(name).output for name in names]
    )
    encoded, first, second = inside(
        np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype("float32")
    )
    assert np.abs(encoded).max() > 0
    np.testing.assert_array_equal(first, encoded)
    np.testing.assert_array_equal(second, encoded)


def test_logit_sees_the_whole_image_and_has_no_sigmoid():
    network = digit_discriminator(width=4, normalization=None)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    logit = network(x)
    for row, column in ((0, 0), (0, 31), (31, 0), (31, 31)):
        changed = x.copy()
        changed[0, row, column] += 1.0
        assert network(changed) != logit
    assert np.abs(network(1000.0 * x)).max() > 1.0


def test_glorot_start():
    kernel = digit_generator().get_layer("residual_1_1").kernel
    limit = np.sqrt(6 / (9 * 128 + 9 * 128))
    assert np.abs(kernel).max() <= limit
    assert np.std(kernel) == pytest.approx(limit / np.sqrt(3), rel=0.02)


def test_slopes():
    for network in (
        digit_generator(width=2, negative_slope=0.3),
        digit_discriminator(width=2, negative_slope=0.3),
    ):
        slopes = [
            layer.negative_slope
            for layer in network.layers
            if isinstance(layer, keras.layers.LeakyReLU)
        ]
        assert slopes and set(slopes) == {0.3}


def test_wrong_residual_blocks():
    with pytest.raises(
        ValueError, match="`residual_blocks` must be zero or a positive"
    ):
        digit_generator(residual_blocks=-1)


def test_skip_connection_brings_the_first_feature_map():
    network = digit_generator(width=4, normalization=None, skip_connection=True)
    # Nothing comes through the deeper layers: what is left went past them.
    network.get_layer("decoder_1").kernel.assign(
        np.zeros_like(network.get_layer("decoder_1").kernel)
    )
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype("float32")
    outputs = keras.ops.convert_to_numpy(network(images))
    assert np.abs(outputs[0] - outputs[1]).max() > 0.01


def test_color_augmentation_is_for_training_only():
    plain = digit_generator(3, 1, width=4, normalization=None)
    varied = digit_generator(3, 1, width=4, normalization=None, color_augmentation=True)
    varied.set_weights(plain.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 3)).astype("float32")
    expected = keras.ops.convert_to_numpy(plain(images))
    np.testing.assert_allclose(varied(images), expected, atol=1e-6)
    trained = keras.ops.convert_to_numpy(varied(images, training=True))
    assert np.abs(trained - expected).max() > 0.01


def test_details_are_drawn_at_full_size():
    plain = digit_generator(width=4)
    detailed = digit_generator(width=4, detail_width=2)
    detail = detailed.get_layer("detail")
    assert detail.output.shape[1:] == (None, None, 2)
    assert plain.get_layer("decoder_2").kernel.shape == (4, 4, 3, 4)
    assert detailed.get_layer("decoder_2").kernel.shape == (3, 3, 2, 3)
    assert detailed(np.zeros((1, 8, 8, 1), "float32")).shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match="`detail_width` must be zero or a positive"):
        digit_generator(detail_width=-1)
