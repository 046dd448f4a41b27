"""What every network must satisfy: shapes, precision, XLA, save and load."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import networks

# Each network small, with the size of a small input and the shape of its output.
SMALL = {
    "digit_generator": (dict(width=4, residual_blocks=1), 8, (8, 8, 3)),
    "digit_generator_instance": (
        dict(width=4, residual_blocks=1, normalization="instance"),
        8,
        (8, 8, 3),
    ),
    "digit_discriminator": (dict(width=4, size=16), 16, (1,)),
    "resnet_generator": (dict(width=4, residual_blocks=1), 8, (8, 8, 3)),
    "resnet_generator_resize": (
        dict(
            width=4,
            residual_blocks=1,
            downsamplings=1,
            upsampling="resize",
            activation="leaky_relu",
            affine=True,
        ),
        8,
        (8, 8, 3),
    ),
    "unet_generator": (dict(width=4, depth=2), 8, (8, 8, 3)),
    "unet_generator_batch": (
        dict(width=4, depth=2, normalization="batch"),
        8,
        (8, 8, 3),
    ),
    "patch_discriminator": (dict(width=4), 24, (1, 1, 1)),
}


def build(case):
    arguments, size, output_shape = SMALL[case]
    function = "_".join(case.split("_")[:2])
    network = getattr(networks, function)(**arguments)
    channels = network.input_shape[-1]
    x = np.random.default_rng(0).uniform(-1, 1, (2, size, size, channels))
    return network, x.astype("float32"), (2, *output_shape)


@pytest.fixture(params=SMALL)
def case(request):
    return request.param


@pytest.fixture
def restored_policy():
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def test_output(case):
    network, x, output_shape = build(case)
    outputs = network(x)
    assert outputs.shape == output_shape
    assert outputs.dtype == "float32"
    if case.split("_")[1] == "generator":
        assert network.name == "generator"
        assert np.abs(outputs).max() <= 1.0
    else:
        assert network.name == "discriminator"
    # Nothing is random at inference.
    np.testing.assert_array_equal(network(x), outputs)


def test_save_and_load_are_bit_equal(case, tmp_path):
    network, x, _ = build(case)
    network(x, training=True)  # moves the statistics of batch normalization
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(x), network(x))
    for ours, theirs in zip(network.layers, loaded.layers):
        assert ours.get_config() == theirs.get_config()
    assert networks.size_multiple(loaded) == networks.size_multiple(network)


def test_sizes_unknown_while_tracing(case):
    network, x, _ = build(case)
    signature = tf.TensorSpec((None, *network.input_shape[1:]))
    traced = tf.function(network, input_signature=[signature])
    np.testing.assert_allclose(traced(x), network(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_sixteen_bits(case, policy, restored_policy):
    expected_network, x, output_shape = build(case)
    keras.config.set_dtype_policy(policy)
    network, _, _ = build(case)
    network.set_weights(expected_network.get_weights())
    assert any(layer.compute_dtype == policy[6:] for layer in network.layers)
    outputs = network(x)
    assert outputs.dtype == "float32"
    assert outputs.shape == output_shape
    # Sixteen bits come close to the numbers of 32, relative to how large those are.
    expected = np.array(expected_network(x))
    error = np.abs(outputs - expected).max() / max(np.abs(expected).max(), 1e-3)
    assert 0 < error < (0.02 if policy == "mixed_float16" else 0.1)


@pytest.mark.parametrize(
    # One case of each network; both ways of upsampling and both normalizations.
    "case",
    ["digit_generator", "digit_discriminator", "resnet_generator"]
    + ["resnet_generator_resize", "unet_generator_batch", "patch_discriminator"],
)
def test_forward_and_gradient_compile_with_xla(case):
    network, x, _ = build(case)

    @tf.function(jit_compile=True)
    def step(x):
        with tf.GradientTape() as tape:
            outputs = network(x, training=True)
            value = tf.reduce_mean(tf.square(outputs - 0.5))
        return tape.gradient(value, network.trainable_variables)

    gradients = step(tf.constant(x))
    assert len(gradients) == len(network.trainable_variables)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    assert sum(np.abs(gradient).max() > 0 for gradient in gradients) > 4


def test_no_two_layers_start_alike(case):
    network, _, _ = build(case)
    kernels = [v for v in network.trainable_variables if v.name == "kernel"]
    starts = {
        keras.ops.convert_to_numpy(kernel).ravel()[:4].tobytes() for kernel in kernels
    }
    assert len(starts) == len(kernels)


def test_starts_are_reproducible(case):
    def weights():
        keras.utils.set_random_seed(7)
        return build(case)[0].get_weights()

    for first, second in zip(weights(), weights()):
        np.testing.assert_array_equal(first, second)


def test_bias_only_without_a_normalization_behind(case):
    network, _, _ = build(case)
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            (following,) = [node.operation for node in layer._outbound_nodes]
            assert layer.use_bias == ("Normalization" not in type(following).__name__)


@pytest.mark.parametrize(
    "function",
    ["digit_generator", "digit_discriminator", "resnet_generator"]
    + ["unet_generator", "patch_discriminator"],
)
def test_normalization_choices(function):
    function = getattr(networks, function)
    small = {"depth": 2} if function is networks.unet_generator else {}
    for normalization in ("batch", "instance", None):
        network = function(width=2, normalization=normalization, **small)
        found = {type(layer).__name__ for layer in network.layers}
        for kind in ("batch", "instance"):
            expected = kind == normalization
            assert (f"{kind.capitalize()}Normalization" in found) == expected
    with pytest.raises(ValueError, match='`normalization` must be "batch", "instance"'):
        function(width=2, normalization="layer", **small)
