"""What `train_step.py` compares is the same."""

import importlib
import pathlib

import pytest
import tensorflow as tf

from keras_gans import presets
from keras_gans.experiments.operations import operations

CASES = "lab", "resnet", "pix2pix", "wgan_gp"


@pytest.fixture
def train_step(monkeypatch):
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parent)
    return importlib.import_module("train_step")


@pytest.mark.slow
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
        counted = operations(
            tf.function(lambda x: network(x, training=True)), tf.TensorSpec(shape)
        )
        if len(shape) == 4:
            shape = [shape[0], shape[3], *shape[1:3]]
        with FlopCounterMode(display=False) as counter:
            twin(torch.empty(shape, device="meta"))
        assert counter.get_total_flops() == counted > 0
