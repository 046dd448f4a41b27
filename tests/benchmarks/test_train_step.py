"""What `train_step.py` compares is the same, and its operations are counted right."""

import importlib
import pathlib

import pytest
import tensorflow as tf

from keras_gans import presets

CASES = "lab", "resnet", "pix2pix", "wgan_gp"


@pytest.fixture
def train_step(monkeypatch):
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parent)
    return importlib.import_module("train_step")


@pytest.mark.parametrize("case", CASES)
def test_twins_are_the_networks_of_the_presets(train_step, case):
    torch = pytest.importorskip("torch", reason="PyTorch is optional")
    from torch.utils.flop_counter import FlopCounterMode

    twins = importlib.import_module("torch_twins")
    _, preset, arguments, _, size, _ = train_step.CASES[case]
    model = getattr(presets, preset)(seed=0, **{**arguments, "width": 4})
    # Nothing is computed on this device, but shapes and operations are.
    with torch.device("meta"):
        networks = twins.NETWORKS[case](size=size, width=4)
    assert len(networks) == len(model.network_names)
    for name, twin in zip(model.network_names, networks, strict=True):
        network = getattr(model, name)
        parameters = [weight.shape for weight in network.trainable_variables]
        assert sum(weight.numel() for weight in twin.parameters()) == sum(
            shape.num_elements() for shape in map(tf.TensorShape, parameters)
        )
        shape = [2, *(side or size for side in network.input_shape[1:])]
        counted = train_step.operations(
            tf.function(lambda x: network(x, training=True)),
            tf.TensorSpec(shape),
        )
        if len(shape) == 4:
            shape = [shape[0], shape[3], *shape[1:3]]
        with FlopCounterMode(display=False) as counter:
            twin(torch.empty(shape, device="meta"))
        assert counter.get_total_flops() == counted > 0


def test_operations_are_those_that_are_needed(train_step):
    kernel = tf.Variable(tf.ones((3, 3, 2, 4)))
    matrix = tf.Variable(tf.ones((4, 5)))
    # A multiplication and an addition for each weight and place.
    convolution, matmul = 2 * 36 * (3 * 3 * 2 * 4), 2 * 36 * (4 * 5)

    def step(x, wanted):
        with tf.GradientTape() as tape:
            tape.watch(x)
            features = tf.nn.conv2d(x, kernel, 1, "VALID")
            outputs = tf.matmul(tf.reshape(features, (36, 4)), matrix)
        gradients = tape.gradient(outputs, [x, kernel, matrix])
        return [gradient for gradient, name in zip(gradients, "xkm") if name in wanted]

    def counted(wanted):
        function = tf.function(lambda x: step(x, wanted))
        return train_step.operations(function, tf.TensorSpec((1, 8, 8, 2)))

    # The gradient of a sum does not need what it is the sum of.
    assert counted("m") == convolution + matmul
    assert counted("k") == matmul + convolution
    assert counted("xk") == matmul + 2 * convolution
    assert counted("xkm") == 2 * matmul + 3 * convolution
