"""Images of 16 bits in and out."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from keras_gans.data import deep
from keras_gans.data.deep import decode_deep_image, encode_deep_image, encode_tiff
from keras_gans.data.images import ImageError, decode_image
from keras_gans.pixels import to_floats


def levels(channels, height=5, width=7):
    random = np.random.default_rng(0)
    return random.integers(0, 65536, (height, width, channels), "uint16")


def floats(pixels):
    return pixels.astype("float64") / 32767.5 - 1


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_bit_is_lost(tmp_path, kind, channels):
    if kind == "tiff":
        pytest.importorskip("tifffile", reason="the extra tiff is not installed")
    pixels = levels(channels)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(encode_deep_image(floats(pixels).astype("float32"), kind))
    image = decode_deep_image(path, channels)
    assert image.dtype == np.float32 and image.shape == (5, 7, channels)
    np.testing.assert_array_equal(np.round((image + 1) * 32767.5), pixels)
    # The other number of channels.
    other = decode_deep_image(path, 4 - channels)
    expected = floats(pixels)
    if channels == 3:
        expected = expected @ [[0.299], [0.587], [0.114]]
    np.testing.assert_allclose(other, np.broadcast_to(expected, other.shape), atol=1e-6)


def test_transparency_is_laid_over_white(tmp_path):
    pixels = levels(4)
    pixels[0, 0, 3], pixels[0, 1, 3] = 0, 65535
    path = tmp_path / "a.png"
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    image = decode_deep_image(path)
    np.testing.assert_allclose(image[0, 0], 1, atol=1e-6)
    np.testing.assert_allclose(image[0, 1], floats(pixels[0, 1, :3]), atol=1e-6)


def test_files_of_eight_bits_are_as_ever(tmp_path):
    pixels = (levels(3) // 256).astype("uint8")
    for name, options in (("a.png", {}), ("a.tif", {}), ("a.jpg", {"quality": 95})):
        Image.fromarray(pixels).save(tmp_path / name, **options)
        if name == "a.tif":
            pytest.importorskip("tifffile", reason="the extra tiff is not installed")
        expected = to_floats(decode_image(tmp_path / name))
        np.testing.assert_array_equal(decode_deep_image(tmp_path / name), expected)
    (tmp_path / "b.tif").write_bytes(encode_tiff(pixels))
    np.testing.assert_array_equal(decode_image(tmp_path / "b.tif"), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation):
    pixels = (levels(3) // 256).astype("uint8")
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    expected = np.array(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(deep._upright(pixels, orientation), expected)


def test_unusual_tiff_files(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="the extra tiff is not installed")
    pixels = levels(3)
    planes = np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(
        *(tmp_path / "planes.tif", planes), planarconfig="separate", photometric="rgb"
    )
    tifffile.imwrite(
        tmp_path / "white.tif", 65535 - pixels[..., 0], photometric="miniswhite"
    )
    pages = np.stack([pixels, pixels // 2])
    tifffile.imwrite(tmp_path / "pages.tif", pages, photometric="rgb")
    for name, expected in (("planes", pixels), ("pages", pixels)):
        found = decode_deep_image(tmp_path / f"{name}.tif")
        np.testing.assert_allclose(found, floats(expected), atol=1e-6)
    found = decode_deep_image(tmp_path / "white.tif", 1)
    np.testing.assert_allclose(found[..., 0], floats(pixels[..., 0]), atol=1e-6)


@pytest.mark.parametrize("name", ["cut.png", "text.png", "cut.tif", "none.png"])
def test_files_that_cannot_be_used_are_named(tmp_path, name):
    contents = {
        "cut.png": encode_deep_image(floats(levels(3)))[:60],
        "text.png": b"no image",
        "cut.tif": b"II*\0\x08\0\0\0\xff",
    }
    if name in contents:
        (tmp_path / name).write_bytes(contents[name])
    if name == "cut.tif":
        pytest.importorskip("tifffile", reason="the extra tiff is not installed")
    with pytest.raises(ImageError, match=name):
        decode_deep_image(tmp_path / name)


def test_too_large_pictures_are_refused_by_their_header(tmp_path):
    start = encode_deep_image(floats(levels(3)))
    bomb = bytearray(start)
    bomb[16:24] = (20_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(ImageError, match="bomb.png: oversized: 20000 x 20000"):
        decode_deep_image(tmp_path / "bomb.png")


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ImportError, match="pip install tifffile"):
        encode_deep_image(floats(levels(3)), "tiff")


def test_resizing_stays_in_range():
    image = np.sign(floats(levels(3))).astype("float32")
    resized = deep.resize_floats(image, (10, 3))
    assert resized.shape == (10, 3, 3) and np.abs(resized).max() <= 1
    assert deep.resize_floats(image, (5, 7)) is image
    flat = deep.resize_floats(np.full((4, 4, 1), 0.25, "float32"), 9)
    np.testing.assert_allclose(flat, 0.25, atol=1e-6)
