"""Other formats compute what Keras does, in every family, or are not kept."""

import json

import keras
import numpy as np
import pytest
import small_exports

from keras_gans import export
from keras_gans.export import formats
from keras_gans.export.card import read_card

PACKAGES = {"onnx": "tf2onnx", "litert": "ai_edge_litert", "openvino": "openvino"}


MODELS = {
    "translator": small_exports.cyclegan,
    "styles": small_exports.style_cyclegan,
    "generator": lambda: small_exports.gan(classes=4),
    "colorizer": small_exports.colorizer,
    "editor": small_exports.editor,
    "stargan": lambda: small_exports.editor("stargan"),
}
# Conversion takes seconds: of each format one family, all of them in the slow run.
QUICK = {("keras", "editor"), ("onnx", "translator"), ("litert", "generator")}
ALL = [
    pytest.param(
        format, name, marks=[] if (format, name) in QUICK else pytest.mark.slow
    )
    for format in formats.FORMATS
    for name in MODELS
]


def convert(model, directory, format, **options):
    if format in PACKAGES:
        pytest.importorskip(PACKAGES[format], reason=f"needs {PACKAGES[format]}")
    return export.convert(model, directory, format, **options)


@pytest.mark.parametrize("format, name", ALL)
def test_every_family(tmp_path, format, name):
    model = MODELS[name]()
    options = {"size": 16, "metadata": {"data_licence": "CC BY 4.0"}}
    path = convert(model, tmp_path, format, **options)
    assert path == tmp_path / format / "1"
    card = read_card(path)
    assert (card["format"], card["data_licence"]) == (format, "CC BY 4.0")
    assert card["class"] == type(model).__name__
    for network in card["networks"].values():
        print(format, name, network["file"], f"{network['largest_difference']:.1e}")
        assert (path / network["file"]).stat().st_size > 0
        # A sixteenth of a grey level: OpenVINO has other kernels on other processors.
        assert network["largest_difference"] < 5e-4
    fixes = format == "litert"
    for network in card["networks"].values():
        for tensor in network["inputs"].values():
            assert (tensor["shape"][0] == 1) == fixes


def test_networks_in_16_bits_are_rebuilt(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_exports.cyclegan()
    finally:
        keras.config.set_dtype_policy("float32")
    network = model.generator_xy
    rebuilt = formats.in_float32(network)
    assert {layer.compute_dtype for layer in rebuilt.layers} == {"float32"}
    for one, other in zip(network.weights, rebuilt.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert formats.in_float32(rebuilt) is rebuilt
    path = export.convert(model, tmp_path, "keras")
    loaded = keras.saving.load_model(path / "generator_xy.keras")
    x = small_exports.scaled(small_exports.pictures(1))
    np.testing.assert_allclose(loaded(x), rebuilt(x), atol=1e-6)
    # In 16 bits it is another.
    assert np.abs(np.asarray(network(x), "float32") - rebuilt(x)).max() > 1e-3


def test_what_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    load = formats._load_keras

    def off_by(offset):
        def wrong(path):
            return lambda inputs: [one + offset for one in load(path)(inputs)]

        chosen = formats.dataclasses.replace(formats.FORMATS["keras"], load=wrong)
        monkeypatch.setitem(formats.FORMATS, "keras", chosen)

    model = small_exports.pix2pix()
    for offset in (1.1 * formats.GREY_LEVEL, np.nan):
        off_by(offset)
        message = "`generator` in the format keras computes .* up to (0.0086|nan), more"
        with pytest.raises(ValueError, match=message):
            export.convert(model, tmp_path, "keras")
        assert list((tmp_path / "keras").iterdir()) == []
    off_by(0.9 * formats.GREY_LEVEL)
    card = read_card(export.convert(model, tmp_path, "keras"))
    difference = card["networks"]["generator"]["largest_difference"]
    assert difference == pytest.approx(0.9 / 127.5, rel=1e-3)


def test_real_images_are_used(tmp_path, monkeypatch):
    seen = []
    call = formats._call
    monkeypatch.setattr(
        formats,
        "_call",
        lambda network, inputs: seen.append(inputs) or call(network, inputs),
    )
    images = np.full((2, 16, 16, 3), 255, "uint8")
    export.convert(small_exports.pix2pix(), tmp_path, "keras", images=images)
    assert any((inputs["images"] == 1).all() for inputs in seen)
    assert any(inputs["images"].std() > 0.5 for inputs in seen)


def test_sizes_that_must_be_fixed(tmp_path, monkeypatch):
    fixing = formats.dataclasses.replace(formats.FORMATS["keras"], fixes_sizes=True)
    monkeypatch.setitem(formats.FORMATS, "keras", fixing)
    model = small_exports.pix2pix()
    with pytest.raises(
        ValueError, match="`size` must be given, because .* keras needs"
    ):
        export.convert(model, tmp_path, "keras")
    with pytest.raises(ValueError, match="`size` must be a multiple of 4"):
        export.convert(model, tmp_path, "keras", size=18)
    assert list(tmp_path.iterdir()) == []
    card = read_card(export.convert(model, tmp_path, "keras", size=(16, 32)))
    inputs = card["networks"]["generator"]["inputs"]
    assert [one["shape"] for one in inputs.values()] == [[1, 16, 32, 1]]


def test_missing_packages_and_wrong_formats(tmp_path, monkeypatch):
    monkeypatch.setitem(formats.sys.modules, "tf2onnx", None)
    with pytest.raises(
        ImportError, match=r"needs the package tf2onnx.*keras_gans\[exp"
    ):
        export.convert(small_exports.gan(), tmp_path, "onnx")
    with pytest.raises(ValueError, match="`format` must be 'keras', 'onnx', 'litert'"):
        export.convert(small_exports.gan(), tmp_path, "tflite")
    assert list(tmp_path.iterdir()) == []


def test_the_card_of_a_saved_model(tmp_path):
    metadata = {"configuration": {"preset": "gan"}, "iterations": 7}
    path = export.save(small_exports.gan(), tmp_path, metadata=metadata)
    card = json.loads((path / "model_card.json").read_text())
    assert card["class"] == "GAN" and card["kind"] == "generation"
    assert card["configuration"] == {"preset": "gan"} and card["iterations"] == 7
    assert card["scores"] is None and card["data_licence"] is None
    assert card["parameters"] == {"generator": 72 * 6}
    assert card["versions"]["keras"] == keras.__version__
    assert card["signatures"]["serving_bytes"] == {
        "inputs": {"latent": {"dtype": "float32", "shape": [None, 5]}},
        "outputs": {"image_bytes": {"dtype": "string", "shape": [None]}},
    }
