"""Networks in the formats of other runtimes, each checked against Keras."""

import dataclasses
import importlib
import os
import pathlib
import sys
import typing
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import height_and_width, one_of, require
from keras_gans.data.embedded.digits import handwritten_digits
from keras_gans.export import graph
from keras_gans.export.card import write_card
from keras_gans.export.saved_model import check_metadata, servable_of_model
from keras_gans.export.versions import write_version
from keras_gans.metrics import network_loading
from keras_gans.pixels import HALF, to_floats

# One grey level of images in [-1, 1].
GREY_LEVEL = 1 / HALF
_CHECK_SIZE = 64


def convert(
    model, directory, format, version=None, size=None, images=None, metadata=None
):
    """Saves the networks of a model for another runtime.

    `<directory>/<format>/<version>/` gets a file for each network that is used outside
    of training, and `model_card.json`. Unlike a SavedModel of `keras_gans.export.save`
    they take and give floats, images in [-1, 1], and neither decode nor check anything:

        format    files               runtime              sizes
        keras     <network>.keras     Keras, keras_gans    any
        onnx      <network>.onnx      ONNX Runtime         any batch; height and width
                                                           fixed where there are
                                                           transposed convolutions
        litert    <network>.tflite    LiteRT               fixed, batch 1
        openvino  <network>.xml, .bin OpenVINO             any

    The networks compute in float32, also if they were trained in 16 bits: they are
    rebuilt. Each file is run in its runtime on random and on real images; if a result
    differs by more than one grey level from that of Keras, nothing is kept. The card
    holds the largest differences. OpenVINO computes in bfloat16 on processors that have
    it, which is 0.01 off: compile with `{"INFERENCE_PRECISION_HINT": "f32"}`, as the
    check does.

    Args:
        model, directory, version, metadata: As for `keras_gans.export.save`.
        format: `"keras"`, `"onnx"`, `"litert"` or `"openvino"`.
        size: Height and width where they are fixed and the network leaves them open, a
            positive integer or a pair.
        images: uint8 array of images to check with, of shape `(batch, height, width,
            channels)`, which are resized; by default the handwritten digits of the
            package.

    Returns:
        `pathlib.Path` of the folder of the version.

    Raises:
        ImportError: If a package is missing that the format needs.
        ValueError: If a size is missing, or the converted network computes something
            else.
    """
    one_of("format", format, FORMATS)
    chosen = FORMATS[format]
    _import(format, chosen.packages)
    servable = servable_of_model(model)
    servable.check_model(model)
    check_metadata(metadata)
    networks = {
        name: in_float32(graph.inference_network(model, name))
        for name in servable.network_names(model)
    }
    fixed = {
        name: _fixed_size(name, network, chosen, size, format)
        for name, network in networks.items()
    }
    if images is None:
        images, _ = handwritten_digits("test")
    examples = images[:8], getattr(model, "classes", None) or 2

    def write(folder):
        folder.mkdir()
        described = {}
        for name, network in networks.items():
            path = folder / f"{name}{chosen.suffix}"
            batch = 1 if chosen.fixes_sizes else None
            specs = [_spec(tensor, batch, fixed[name]) for tensor in network.inputs]
            chosen.write(format, network, os.fspath(path), specs)
            difference = _largest_difference(network, path, chosen, specs, *examples)
            require(
                difference <= GREY_LEVEL,
                f"The network `{name}` in the format {format} computes something else "
                f"than in Keras: its results differ by up to {difference:.2g}, more "
                "than one grey level. Nothing was kept",
            )
            described[name] = {
                "file": path.name,
                "inputs": {spec.name: _described(spec) for spec in specs},
                "outputs": [list(output.shape) for output in network.outputs],
                "largest_difference": difference,
            }
        facts = {"format": format, "networks": described, **chosen.facts}
        write_card(folder, model, servable, metadata, **facts)

    return write_version(pathlib.Path(directory) / format, version, write)


def in_float32(network):
    """Returns the network, or if it computes in 16 bits one like it that does not."""
    layers = network._flatten_layers()
    if all(layer.compute_dtype in (None, "float32", "int32") for layer in layers):
        return network
    return network_loading.in_float32(network)


# Formats ----------------------------------------------------------------------------


def _export(format, network, path, specs):
    signature = [specs] if len(specs) > 1 else specs
    options = {"format": format, "input_signature": signature, "verbose": False}
    network.export(path, **options)


@dataclasses.dataclass(frozen=True)
class _Format:
    suffix: str
    # (path) -> function from a dict of arrays to a list of arrays
    load: Callable
    packages: tuple = ()
    # (format, network, path, specs)
    write: Callable = _export
    fixes_sizes: bool = False
    fixes_transposed: bool = False
    facts: typing.Mapping = dataclasses.field(default_factory=dict)


def _import(format, packages):
    # OpenVINO's converter reports its use to its makers, unless this fails to import.
    sys.modules.setdefault("openvino_telemetry", None)
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"The format {format} needs the package {package} ({error}): "
                "pip install 'keras_gans[export]'"
            ) from error


def _load_keras(path):
    network = keras.saving.load_model(path, compile=False)
    return lambda inputs: _call(network, inputs)


def _load_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda inputs: session.run(None, inputs)


def _load_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(path).get_signature_runner()

    def load(inputs):
        outputs = run(**inputs)
        return [outputs[f"output_{number}"] for number in range(len(outputs))]

    return load


def _load_openvino(path):
    import openvino

    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", hint)

    def run(inputs):
        outputs = compiled(inputs)
        return [outputs[output] for output in compiled.outputs]

    return run


FORMATS = {
    "keras": _Format(
        suffix=".keras",
        write=lambda format, network, path, specs: network.save(path),
        load=_load_keras,
    ),
    "onnx": _Format(
        suffix=".onnx",
        packages=("tf2onnx", "onnxruntime"),
        load=_load_onnx,
        fixes_transposed=True,
    ),
    "litert": _Format(
        suffix=".tflite",
        packages=("ai_edge_litert",),
        load=_load_litert,
        fixes_sizes=True,
    ),
    "openvino": _Format(
        suffix=".xml",
        packages=("openvino",),
        load=_load_openvino,
        facts={"compile_with": {"INFERENCE_PRECISION_HINT": "f32"}},
    ),
}


# Sizes ------------------------------------------------------------------------------


def _fixed_size(name, network, chosen, size, format):
    """Returns the height and width that are fixed, `None` if they stay as they are."""
    shapes = [tensor.shape for tensor in network.inputs]
    is_open = any(len(shape) == 4 and None in shape[1:3] for shape in shapes)
    has_transposed = any(
        isinstance(layer, keras.layers.Conv2DTranspose)
        for layer in network._flatten_layers()
    )
    fixes = chosen.fixes_sizes or (chosen.fixes_transposed and has_transposed)
    if not (is_open and fixes):
        return None
    require(
        size is not None,
        f"Argument `size` must be given, because the format {format} needs a fixed "
        f"height and width for the network `{name}`",
    )
    height, width = height_and_width(size)
    multiple, minimum = graph.size_rule([network])
    require(
        not (height % multiple or width % multiple or min(height, width) < minimum),
        f"Argument `size` must be a multiple of {multiple} and at least {minimum}, as "
        f"the network `{name}` wants it",
        size=size,
    )
    return height, width


def _spec(tensor, batch, size):
    shape = [batch, *tensor.shape[1:]]
    if size is not None and len(shape) == 4:
        shape[1:3] = (own or side for own, side in zip(shape[1:3], size))
    return keras.InputSpec(shape=tuple(shape), dtype=tensor.dtype, name=tensor.name)


def _described(spec):
    return {"dtype": spec.dtype, "shape": list(spec.shape)}


# The check --------------------------------------------------------------------------


def _inputs(specs, rows, open_size, images, classes):
    """Returns a dict of arrays to try a network with: real images, or random ones."""
    random = np.random.default_rng(0)
    made = {}
    for spec in specs:
        length, *shape = (spec.shape[0] or rows, *spec.shape[1:])
        if len(shape) == 3:
            shape[:2] = (side or open_size for side in shape[:2])
        if spec.dtype.startswith("int"):
            array = random.integers(0, classes, (length, *shape), spec.dtype)
        elif images is not None and len(shape) == 3:
            array = _resized(images, length, *shape)
        else:
            array = random.uniform(-1, 1, (length, *shape)).astype("float32")
        made[spec.name] = array
    return made


def _resized(images, length, height, width, channels):
    images = np.resize(images, (length, *images.shape[1:]))
    images = tf.image.resize(to_floats(images), (height, width)).numpy()
    return images[..., np.arange(channels) % images.shape[-1]]


def _largest_difference(network, path, chosen, specs, images, classes):
    """Returns by how much results differ; of large ones, in relation to the largest."""
    run = chosen.load(os.fspath(path))
    multiple, minimum = graph.size_rule([network])
    size = int(np.ceil(max(_CHECK_SIZE, minimum) / multiple)) * int(multiple)
    differences = []
    for rows, shown in ((1, images), (3, None)):
        inputs = _inputs(specs, rows, size, shown, classes)
        expected = _call(network, inputs)
        received = run(inputs)
        require(
            [np.shape(one) for one in received] == [one.shape for one in expected],
            f"The network in '{path.name}' gives other outputs than in Keras",
        )
        for one, other in zip(received, expected, strict=True):
            scale = max(1.0, float(np.abs(other).max()))
            differences.append(float(np.abs(one - other).max()) / scale)
        size += int(multiple)
    return float(np.max(differences))


def _call(network, inputs):
    """Calls a network with arrays by name; returns a list of arrays."""
    inputs = [tf.constant(inputs[tensor.name]) for tensor in network.inputs]
    outputs = network(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]
