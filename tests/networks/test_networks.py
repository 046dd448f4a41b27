"""What every network must satisfy: shapes, precision, XLA, save and load."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import networks

# Each network small, with the size of a small image and the shape of its output; for
# several outputs, a list of shapes. A case is named after its function, and how it
# differs from another case of the same function.
SMALL = {
    "digit_generator": (dict(width=4, residual_blocks=1), 8, (8, 8, 3)),
    "digit_generator_instance": (
        dict(width=4, residual_blocks=1, normalization="instance"), 8, (8, 8, 3)),
    "digit_generator_resize": (
        dict(width=4, residual_blocks=1, upsampling="resize", skip_connection=True,
             detail_width=3), 8, (8, 8, 3)),
    "style_generator": (dict(width=4, residual_blocks=1, style_dim=5), 8, (8, 8, 3)),
    "style_generator_detail": (
        dict(width=4, style_dim=5, skip_connection=False, detail_width=3),
        8, (8, 8, 3)),
    "style_encoder": (dict(width=4, style_dim=5), 8, (5,)),
    "digit_discriminator": (dict(width=4, size=16), 16, (1,)),
    "resnet_generator": (dict(width=4, residual_blocks=1), 8, (8, 8, 3)),
    "resnet_generator_resize": (
        dict(width=4, residual_blocks=1, downsamplings=1, upsampling="resize",
             activation="leaky_relu", affine=True), 8, (8, 8, 3)),
    "unet_generator": (dict(width=4, depth=2), 8, (8, 8, 3)),
    "unet_generator_batch": (
        dict(width=4, depth=2, normalization="batch"), 8, (8, 8, 3)),
    "patch_discriminator": (dict(width=4), 24, (1, 1, 1)),
    "dcgan_generator": (dict(latent_dim=5, size=16, width=4), None, (16, 16, 1)),
    "dcgan_generator_labels": (
        dict(latent_dim=5, size=14, width=4, classes=3, normalization="instance"),
        None, (14, 14, 1)),
    "dcgan_discriminator": (dict(size=16, width=4), 16, (1,)),
    "dcgan_discriminator_labels": (
        dict(size=14, width=4, classes=3, normalization="layer"), 14, (1,)),
    "autoencoder": (dict(size=16, width=4, code_dim=5), 16, [(16, 16, 1), (5,)]),
    "autoencoder_transposed": (
        dict(size=14, channels=3, width=4, code_dim=5, activation="relu",
             normalization="batch", upsampling="transposed", output_activation="tanh"),
        14, [(14, 14, 3), (5,)]),
    "decoder_generator": (dict(latent_dim=5, size=16, width=4), None, (16, 16, 1)),
    "mlp_generator": (dict(width=8), None, (2,)),
    "mlp_generator_labels": (dict(width=8, classes=3), None, (2,)),
    "mlp_discriminator": (dict(width=8), None, (1,)),
    "mlp_discriminator_labels": (dict(width=8, classes=3), None, (1,)),
    "mlp_autoencoder": (dict(width=8, code_dim=3), None, [(2,), (3,)]),
    "stargan_generator": (
        dict(attributes=2, width=4, residual_blocks=1), 8, (8, 8, 3)),
    "stargan_discriminator": (
        dict(attributes=2, size=8, width=4), 8, [(2, 2, 1), (2,)]),
    "aclgan_generator": (
        dict(attributes=2, width=4, residual_blocks=1, frame=4),
        8, [(8, 8, 3), (8, 8, 1), (8, 8, 3)]),
    "aclgan_discriminator": (
        dict(attributes=2, size=8, width=4, with_complement=True), 8, (4,)),
}  # fmt: skip


def build(case):
    arguments, size, output_shape = SMALL[case]
    function = max((f for f in dir(networks) if case.startswith(f)), key=len)
    network = getattr(networks, function)(**arguments)
    random = np.random.default_rng(0)
    inputs = []
    for tensor in network.inputs:
        # Every unknown axis but the batch is a height or a width.
        shape = [2] + [size if axis is None else axis for axis in tensor.shape[1:]]
        if tensor.dtype == "int32":
            inputs.append(random.integers(arguments["classes"], size=shape))
        else:
            inputs.append(random.uniform(-1, 1, shape).astype("float32"))
    x = inputs if len(inputs) > 1 else inputs[0]
    several = isinstance(output_shape, list)
    shapes = output_shape if several else [output_shape]
    return network, x, [(2, *shape) for shape in shapes]


@functools.cache
def shared(case):
    """One of `build` that tests may call, and with which weights it started."""
    keras.utils.set_random_seed(0)
    network, x, shapes = build(case)
    return network, x, shapes, network.get_weights()


def outputs_of(network, x, **arguments):
    """The outputs as a list, also when there is only one."""
    outputs = network(x, **arguments)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.fixture(params=SMALL)
def case(request):
    return request.param


@pytest.fixture
def restored_policy():
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def test_output(case):
    network, x, output_shapes, _ = shared(case)
    outputs = outputs_of(network, x)
    assert [output.shape for output in outputs] == output_shapes
    assert all(output.dtype == "float32" for output in outputs)
    if "generator" in case:
        assert network.name == "generator"
        if not case.startswith("mlp"):
            assert np.abs(outputs[0]).max() <= 1.0
    else:
        assert network.name == (
            "encoder" if case == "style_encoder" else "discriminator"
        )
    # Nothing is random at inference.
    for output, again in zip(outputs, outputs_of(network, x), strict=True):
        np.testing.assert_array_equal(output, again)


def test_save_and_load_are_bit_equal(case, tmp_path):
    network, x, *_ = shared(case)
    network(x, training=True)  # moves the statistics of batch normalization
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    for expected, output in zip(
        outputs_of(network, x), outputs_of(loaded, x), strict=True
    ):
        np.testing.assert_array_equal(output, expected)
    for ours, theirs in zip(network.layers, loaded.layers):
        assert ours.get_config() == theirs.get_config()
    assert networks.size_multiple(loaded) == networks.size_multiple(network)


def test_sizes_unknown_while_tracing(case):
    network, x, *_ = shared(case)
    signature = [
        tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
        for tensor in network.inputs
    ]
    traced = tf.function(
        lambda x: outputs_of(network, x),
        input_signature=[signature if isinstance(x, list) else signature[0]],
    )
    for expected, output in zip(outputs_of(network, x), traced(x), strict=True):
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_sixteen_bits(case, policy, restored_policy):
    expected_network, x, output_shapes, _ = shared(case)
    keras.config.set_dtype_policy(policy)
    network, _, _ = build(case)
    network.set_weights(expected_network.get_weights())
    assert any(layer.compute_dtype == policy[6:] for layer in network.layers)
    outputs = outputs_of(network, x)
    assert [output.shape for output in outputs] == output_shapes
    # Sixteen bits come close to the numbers of 32, relative to how large those are.
    for output, expected in zip(outputs, outputs_of(expected_network, x), strict=True):
        assert output.dtype == "float32"
        error = np.abs(output - expected).max() / max(np.abs(expected).max(), 1e-3)
        assert 0 < error < (0.02 if policy == "mixed_float16" else 0.1)


@pytest.mark.parametrize(
    # One case of each network; both ways of upsampling and all normalizations.
    "case",
    ["digit_generator", "dcgan_generator_labels"]
    + [
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            *("digit_discriminator", "resnet_generator", "resnet_generator_resize"),
            *("unet_generator_batch", "patch_discriminator", "autoencoder"),
            *("dcgan_discriminator_labels", "mlp_discriminator_labels"),
        )
    ],
)
def test_forward_and_gradient_compile_with_xla(case):
    network, x, *_ = shared(case)

    @tf.function(jit_compile=True)
    def step(x):
        with tf.GradientTape() as tape:
            outputs = outputs_of(network, x, training=True)
            value = sum(tf.reduce_mean(tf.square(output - 0.5)) for output in outputs)
        gradients = tape.gradient(value, network.trainable_variables)
        # That of an embedding is a list of rows.
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    gradients = step(tf.nest.map_structure(tf.constant, x))
    assert len(gradients) == len(network.trainable_variables)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    assert sum(np.abs(gradient).max() > 0 for gradient in gradients) > 4


def test_no_two_layers_start_alike(case):
    network, *_ = shared(case)
    kernels = [v for v in network.trainable_variables if v.name == "kernel"]
    starts = {
        keras.ops.convert_to_numpy(kernel).ravel()[:4].tobytes() for kernel in kernels
    }
    assert len(starts) == len(kernels)


def test_starts_are_reproducible(case):
    *_, start = shared(case)
    keras.utils.set_random_seed(0)
    for first, second in zip(start, build(case)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_bias_only_without_a_normalization_behind(case):
    network, *_ = shared(case)
    for layer in network.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            (following,) = [node.operation for node in layer._outbound_nodes]
            # Layer normalization has one mean for all channels and leaves biases in.
            taken_off = (
                "BatchNormalization",
                "InstanceNormalization",
                "AdaptiveInstanceNormalization",
            )
            # As the authors' code has it.
            last = layer.name in ("last", "patches", "logits")
            if case.startswith("stargan") and last:
                assert not layer.use_bias
                continue
            assert layer.use_bias == (type(following).__name__ not in taken_off)


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
    with pytest.raises(ValueError, match="`normalization` must be 'batch', 'instance'"):
        function(width=2, normalization="layer", **small)
