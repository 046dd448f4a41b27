"""Generator and discriminator of DCGAN."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import dcgan_discriminator, dcgan_generator


def latents(count=2, dim=100):
    return np.random.default_rng(0).normal(size=(count, dim)).astype("float32")


def images(size, count=2, channels=1):
    shape = (count, size, size, channels)
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")


def layers_of(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("size, start, widths", [
    (8, 4, [4]),
    (28, 7, [4, 8]),
    (32, 4, [4, 8, 16]),
    (56, 7, [4, 8, 16]),
    (64, 4, [4, 8, 16, 32]),
])  # fmt: skip
def test_sizes_and_mirrored_widths(size, start, widths):
    generator = dcgan_generator(size=size, channels=3, width=4)
    discriminator = dcgan_discriminator(size=size, channels=3, width=4)
    assert generator(latents()).shape == (2, size, size, 3)
    assert discriminator(images(size, channels=3)).shape == (2, 1)

    first_map = generator.get_layer("reshape").output.shape[1:]
    assert first_map == (start, start, widths[-1])
    assert discriminator.layers[-2].input.shape[1:] == first_map
    down = layers_of(discriminator, keras.layers.Conv2D)
    assert [layer.filters for layer in down] == widths
    up = layers_of(generator, keras.layers.Conv2DTranspose)
    assert [layer.filters for layer in up] == [*widths[-2::-1], 3]
    assert {layer.kernel_size for layer in down + up} == {(4, 4)}


def test_parameters():
    # Kernels height * width * in * out; two trained numbers per channel of batch norm.
    expected = 100 * 16 * 256 + 2 * 256
    expected += 16 * 256 * 128 + 2 * 128
    expected += 16 * 128 * 64 + 2 * 64
    expected += 16 * 64 * 3 + 3
    statistics = 2 * (256 + 128 + 64)
    assert dcgan_generator(channels=3).count_params() == expected + statistics

    expected = 16 * 3 * 64 + 64
    expected += 16 * 64 * 128 + 2 * 128
    expected += 16 * 128 * 256 + 2 * 256
    expected += 16 * 256 + 1
    # Layer normalization leaves the biases in.
    for normalization, further in (
        ("batch", 2 * (128 + 256)),
        ("instance", 0),
        ("layer", 128 + 256),
        (None, -128 - 256),
    ):
        network = dcgan_discriminator(channels=3, normalization=normalization)
        assert network.count_params() == expected + further


def test_parameters_of_labels():
    plain, conditional = (dcgan_generator(classes=classes) for classes in (None, 10))
    added = conditional.count_params() - plain.count_params()
    assert added == 10 * 50 + 50 * 16 * 256
    plain, conditional = (
        dcgan_discriminator(classes=classes, label_dim=8) for classes in (None, 10)
    )
    added = conditional.count_params() - plain.count_params()
    assert added == 10 * 8 + (8 + 1) * 32 * 32 + 16 * 64


def test_generator_ends_in_tanh():
    generator = dcgan_generator(width=4, size=8)
    last = generator.get_layer("convolution_1")
    last.kernel.assign(1000.0 * last.kernel)
    outputs = np.array(generator(latents(16)))
    assert outputs.min() == -1.0 and outputs.max() == 1.0


def test_discriminator_has_no_sigmoid():
    discriminator = dcgan_discriminator(width=4, size=8, normalization=None)
    assert np.abs(discriminator(1000.0 * images(8))).max() > 1.0


def test_every_pixel_counts():
    discriminator = dcgan_discriminator(width=4, size=28, normalization=None)
    x = images(28)
    logits = np.array(discriminator(x))
    for row, column in ((0, 0), (0, 27), (27, 0), (27, 27)):
        changed = x.copy()
        changed[:, row, column] += 1.0
        assert np.all(np.array(discriminator(changed)) != logits)


def test_generator_listens_to_labels_and_latents():
    generator = dcgan_generator(width=8, classes=10)
    assert [tensor.shape for tensor in generator.inputs] == [(None, 100), (None,)]
    z = latents(16)
    first = np.array(generator([z, np.full(16, 3)], training=True))
    label = np.array(generator([z, np.full(16, 4)], training=True))
    latent = np.array(generator([z[::-1], np.full(16, 3)], training=True))
    # From the start, the label matters about as much as the latent.
    label_change, latent_change = np.std(label - first), np.std(latent - first)
    assert 0.3 * latent_change < label_change < 3.0 * latent_change
    # Each image follows its own label.
    mixed = np.array(generator([z, np.array([3] * 8 + [4] * 8)]))
    alone = np.array(generator([z, np.full(16, 4)]))
    np.testing.assert_allclose(mixed[8:], alone[8:], atol=1e-6)
    assert np.abs(mixed[:8] - alone[:8]).max() > 1e-3


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_discriminator_listens_to_labels_and_images(normalization):
    discriminator = dcgan_discriminator(
        width=8, classes=10, normalization=normalization
    )
    shapes = [tensor.shape for tensor in discriminator.inputs]
    assert shapes == [(None, 32, 32, 1), (None,)]
    x = images(32, 16)
    first = np.array(discriminator([x, np.full(16, 3)]))
    label = np.abs(np.array(discriminator([x, np.full(16, 4)])) - first).mean()
    image = np.abs(np.array(discriminator([x[::-1], np.full(16, 3)])) - first).mean()
    assert 0.2 * image < label < 20.0 * image


def test_label_map_is_as_large_as_the_image():
    discriminator = dcgan_discriminator(width=2, classes=10)
    label_map = discriminator.get_layer("label_map").output
    network = keras.Model(discriminator.inputs, label_map)
    maps = np.array(network([images(32, 10), np.arange(10)]))
    assert maps.shape == (10, 32, 32, 1)
    assert np.std(maps) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("function", [dcgan_generator, dcgan_discriminator])
def test_gradient_reaches_the_labels_that_came(function):
    network = function(size=8, width=4, classes=5)
    first = latents(3) if function is dcgan_generator else images(8, 3)
    embeddings = network.get_layer("label_embedding").embeddings
    with tf.GradientTape() as tape:
        outputs = network([first, np.array([1, 4, 1])], training=True)
        value = tf.reduce_sum(tf.sin(3.0 * outputs + 1.0))
    gradient = np.array(tf.convert_to_tensor(tape.gradient(value, embeddings.value)))
    assert list(np.abs(gradient).max(1) > 0) == [False, True, False, False, True]


@pytest.mark.parametrize("function", [dcgan_generator, dcgan_discriminator])
def test_normalization_choices(function):
    names = {
        "batch": "BatchNormalization",
        "instance": "InstanceNormalization",
        "layer": "GroupNormalization",
    }
    for normalization in (*names, None):
        network = function(width=2, normalization=normalization)
        found = [type(layer).__name__ for layer in network.layers]
        found = [name for name in found if "Normalization" in name]
        # All but the last of the generator, all but the first of the discriminator.
        count = 3 if function is dcgan_generator else 2
        assert found == ([names[normalization]] * count if normalization else [])
    with pytest.raises(ValueError, match="must be 'batch', 'layer', 'instance' or"):
        function(normalization="group")


def test_layer_normalization_is_over_height_width_and_channels():
    discriminator = dcgan_discriminator(size=16, width=4, normalization="layer")
    layer = discriminator.get_layer("normalization_2")
    assert [weight.shape for weight in layer.weights] == [(8,), (8,)]
    gamma, beta = np.arange(1.0, 9.0), np.arange(-4.0, 4.0)
    layer.set_weights([gamma, beta])
    network = keras.Model(discriminator.input, [layer.input, layer.output])
    before, after = (np.array(part, "float64") for part in network(images(16, 3)))
    mean = before.mean((1, 2, 3), keepdims=True)
    variance = before.var((1, 2, 3), keepdims=True)
    expected = (before - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("normalization", ["layer", "instance", None])
def test_critic_judges_each_image_alone(normalization):
    critic = dcgan_discriminator(size=16, width=4, normalization=normalization)
    x = images(16, 4)
    together = critic(x, training=True)
    np.testing.assert_allclose(critic(x[:1], training=True), together[:1], atol=1e-5)


def test_start():
    for network in (dcgan_generator(), dcgan_discriminator(size=64)):
        for variable in network.trainable_variables:
            if variable.name == "kernel":
                assert np.std(variable) == pytest.approx(0.02, rel=0.07)
                assert abs(np.mean(variable)) < 0.002
            elif variable.name == "gamma":
                assert np.mean(variable) == pytest.approx(1.0, abs=0.01)
                assert np.std(variable) == pytest.approx(0.02, rel=0.3)


@pytest.mark.parametrize("normalization", ["layer", None])
def test_critic_starts_with_a_gradient_of_useful_length(normalization):
    x = tf.constant(images(32, 8))
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = dcgan_discriminator(normalization=normalization)(x)
    gradient = np.reshape(tape.gradient(values, x), (8, -1))
    assert 0.1 < np.linalg.norm(gradient, axis=1).mean() < 10.0


@pytest.mark.parametrize("function", [dcgan_generator, dcgan_discriminator])
def test_errors(function):
    for size in (1, 4, 7, 12, 30, 36, 49):
        with pytest.raises(ValueError, match=r"must be 4 \* 2\*\*n \(8, 16, 32, 64"):
            function(size=size)
    for name in ("size", "channels", "width", "classes", "label_dim"):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
            function(**{name: 0})
        with pytest.raises(TypeError, match=f"`{name}` must be a .*{name}=2.5"):
            function(**{name: 2.5})
        with pytest.raises(TypeError, match=f"`{name}` must be a positive integer"):
            function(**{name: True})
    with pytest.raises(ValueError, match="`latent_dim` must be a positive integer"):
        dcgan_generator(latent_dim=-1)
