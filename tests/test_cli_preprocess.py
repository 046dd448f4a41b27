"""`keras-gans translate` of large, long and deep pictures."""

import types

import keras
import numpy as np
import pytest
from PIL import Image

import small_run
from keras_gans import cli, export, presets
from keras_gans.cli import preprocess
from keras_gans.cli.float_translator import FloatTranslator
from keras_gans.data.deep import decode_deep_image, encode_deep_image
from keras_gans.data.images import resize_image
from keras_gans.export import tiling
from keras_gans.files import load_keras_file
from keras_gans.models import Pix2Pix
from keras_gans.networks import patch_discriminator
from keras_gans.pixels import to_uint8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A two-way model, one with styles, and one whose network has one size."""
    folder = tmp_path_factory.mktemp("preprocess")
    model = small_run.build(3, 3, 32, 0)
    model.save(folder / "model.keras")
    export.save(model, folder / "exported")
    styled = presets.digits(x_channels=3, width=4, seed=0)
    styled.save(folder / "styled.keras")
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(inputs)
    fixed = Pix2Pix(
        keras.Model(inputs, outputs), patch_discriminator(6, width=4, layers=1)
    )
    fixed.save(folder / "fixed.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")
    Image.fromarray(pixels).resize((60, 40)).save(folder / "picture.png")
    deep = np.random.default_rng(1).uniform(-1, 1, (40, 60, 3)).astype("float32")
    (folder / "deep.png").write_bytes(encode_deep_image(deep))
    return folder


@pytest.fixture
def translate(folder, monkeypatch, capsys):
    """Calls `keras-gans translate` in the folder; returns what it says."""
    monkeypatch.chdir(folder)

    def call(text, status=0):
        for path in folder.glob("out*"):
            path.unlink()
        received = cli.main(["translate", *text.split()])
        output = capsys.readouterr()
        assert received == status, output.err
        return output.err if status else output.out

    return call


def pixels(path="out.png"):
    return np.array(Image.open(path))


@pytest.mark.parametrize(
    "mode, size, shape, part",
    [
        ("resize", (48, 20), (48, 72), (48, 72)),
        ("resize", 64, (64, 96), (64, 96)),
        ("crop", (20, 36), (20, 36), (20, 36)),
        ("crop", 50, (50, 50), (50, 50)),
        ("pad", (20, 60), (20, 60), (20, 30)),
        ("pad", 7, (7, 7), (5, 7)),
        (None, (9, 5), (9, 5), (9, 5)),
        ("tile", 32, (40, 60), (40, 60)),
        (None, None, (40, 60), (40, 60)),
    ],
)
def test_what_goes_in_and_what_comes_out(folder, mode, size, shape, part):
    options = types.SimpleNamespace(preprocess=mode, size=size)
    image = pixels(folder / "picture.png")
    fitted, found = preprocess.fit(image, options, resize_image)
    assert fitted.shape == (*shape, 3) and tuple(found) == part


@pytest.mark.parametrize(
    "options, shape",
    [
        ("", (40, 60)),
        ("--preprocess resize --size 20", (20, 30)),
        ("--preprocess pad --size 48", (32, 48)),
        ("--preprocess tile --size 32", (40, 60)),
    ],
)
def test_the_shape_of_a_picture_is_kept(translate, options, shape):
    translate(f"picture.png out.png --model exported {options}")
    assert pixels().shape == (*shape, 3)


def test_the_middle_is_cut_out(translate, folder):
    translate("picture.png out.png --model exported --preprocess crop --size 40x40")
    image = pixels(folder / "picture.png")[None, :, 10:50]
    expected = export.load("exported")(image)[0]
    np.testing.assert_allclose(pixels(), expected, atol=1)


def test_padding_is_mirrored_and_cut_off(translate, folder):
    translate("picture.png out.png --model exported --preprocess pad --size 60")
    image = pixels(folder / "picture.png")[None]
    image = np.concatenate([image, image[:, :-21:-1]], axis=1)
    expected = export.load("exported")(image)[0, :40]
    np.testing.assert_allclose(pixels(), expected, atol=1)


def test_one_tile_is_the_whole(translate):
    translate("picture.png out.png --model exported")
    whole = pixels()
    translate("picture.png out.png --model exported --preprocess tile --size 60")
    np.testing.assert_allclose(pixels(), whole, atol=1)
    options = "--preprocess tile --size 60 --whole-statistics"
    translate(f"picture.png out.png --model model.keras {options}")
    np.testing.assert_allclose(pixels(), whole, atol=1)


def test_a_network_of_one_size_takes_all_in_tiles(translate):
    message = translate("picture.png out.png --model fixed.keras", status=1)
    assert "16 and 16, for which it was built" in message
    translate("picture.png out.png --model fixed.keras --preprocess tile")
    assert pixels().shape == (40, 60, 3)
    translate("picture.png out.png --model fixed.keras --preprocess pad --size 16")
    assert pixels().shape == (11, 16, 3)


def test_all_tiles_of_a_picture_have_one_style(translate, monkeypatch):
    seen = []
    call = export.translator.Translator.translate

    def remember(self, images, direction, **options):
        seen.extend(options["style"])
        return call(self, images, direction, **options)

    monkeypatch.setattr(export.translator.Translator, "translate", remember)
    tile = "--model styled.keras --preprocess tile --size 32"
    translate(f"picture.png out.png {tile} --variants 2 --seed 3")
    assert len(seen) == 12
    assert all(np.ptp(part, axis=0).max() == 0 for part in (seen[:6], seen[6:]))
    assert (pixels("out-1.png") != pixels("out-2.png")).any()


def test_sixteen_bits_are_those_of_the_model(translate, folder):
    translate("deep.png out.png --bits 16 --model model.keras")
    model = load_keras_file(folder / "model.keras")
    expected = model(decode_deep_image("deep.png")[None]).numpy()[0]
    np.testing.assert_allclose(decode_deep_image("out.png"), expected, atol=2e-5)
    assert len(np.unique(decode_deep_image("out.png"))) > 256
    tile = "--preprocess tile --size 60 --whole-statistics"
    translate(f"deep.png out.png --bits 16 --model model.keras {tile}")
    np.testing.assert_allclose(decode_deep_image("out.png"), expected, atol=1e-3)
    translate("deep.png out.png --bits 16 --model model.keras --size 24x32")
    assert decode_deep_image("out.png").shape == (24, 32, 3)


def test_styles_in_floats_are_those_of_pixels(folder):
    model = load_keras_file(folder / "styled.keras")
    images = pixels(folder / "picture.png")[None, :32, :32].repeat(2, 0)
    floats = FloatTranslator(model)
    exported = export.load(folder / "styled.keras")
    choices = {"seed": 1, "variants": 2}, {"style": floats.styles[3]}, {}
    for styled in choices:
        found = to_uint8(floats.translate(images, **styled))
        np.testing.assert_allclose(found, exported(images, **styled), atol=1)


def test_tiff_out(translate):
    translate("picture.png out.tif --format tiff --model exported")
    tiff = pixels("out.tif")
    translate("picture.png out.png --model exported")
    np.testing.assert_array_equal(tiff, pixels())
    pytest.importorskip("tifffile", reason="the extra tiff is not installed")
    translate("deep.png out.tiff --format tiff --bits 16 --model model.keras")
    deep = decode_deep_image("out.tiff")
    translate("deep.png out.png --bits 16 --model model.keras")
    np.testing.assert_array_equal(deep, decode_deep_image("out.png"))


def test_networks_of_16_bits_compute_in_32(folder):
    model = presets.cyclegan(3, 3, size=16, width=4, residual_blocks=1, seed=0)
    images = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    expected = FloatTranslator(model).translate(images)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = presets.cyclegan(3, 3, size=16, width=4, residual_blocks=1, seed=0)
    finally:
        keras.config.set_dtype_policy(policy)
    half.set_weights(model.get_weights())
    assert np.abs(np.array(half(images)) - expected).max() > 1e-4
    found = FloatTranslator(half).translate(images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ("out.png --preprocess crop --model exported", "crop needs --size"),
        ("out.png --whole-statistics --model exported", "goes with --preprocess tile"),
        ("out.png --bits 16 --model exported", "is an exported model"),
        ("out.png --bits 16 --model none.keras", "There is no"),
        ("out.tif --model exported", "saved as PNG"),
        ("out.png --format tiff --model exported", "saved as TIFF"),
    ],
)
def test_mistakes(translate, options, message):
    error = translate(f"picture.png {options}", status=1)
    assert message in error and error.count("\n") == 1


def test_large_pictures_go_in_tiles_of_a_few(monkeypatch, folder):
    sizes = []
    monkeypatch.setattr(tiling, "PIXELS", 4 * 16 * 16)
    tiles = tiling.Tiles(pixels(folder / "picture.png"), (16, 16), 4)
    tiles.map(lambda batch: sizes.append(len(batch)) or batch)
    assert max(sizes) == 4 == len(tiles.sample())
