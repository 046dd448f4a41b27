"""Tests of the reading of image files. Every file is made here, none is stored."""

import io
import pathlib
import random
import re
import struct
import sys
import time
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from keras_gans import progress
from keras_gans.data import decoding
from keras_gans.data.images import (
    ImageError,
    decode_image,
    encode_png,
    list_images,
    load_folder,
    read_files,
    resize_image,
)

# Four colours whose grey values are known: luma 76, 150, 29 and 255.
COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], "uint8"
)
LUMA = np.array([[[76], [150]], [[29], [255]]], "uint8")


def encode(image, image_format, **options):
    stream = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(stream, format=image_format, **options)
    return stream.getvalue()


def chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def raw_png(width, height, bits, colour_type, rows, *chunks):
    """A PNG written byte by byte; `rows` holds one bytes object per row."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows)) if rows else b""
    body = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b"")


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(
        0, 256, (height, width, 3), dtype="uint8"
    )


def gradient(height=24, width=32):
    """Smooth, so that lossy formats keep it to a few grey levels."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 6, y * 8, 200 - x * 3 - y], axis=-1)
    return pixels.astype("uint8")


def grey_levels_apart(actual, expected):
    assert actual.shape == expected.shape
    return np.abs(actual.astype(int) - expected.astype(int)).max()


class TestFormats:
    @pytest.mark.parametrize(
        "extension, options",
        [
            ("png", {}),
            ("bmp", {}),
            ("webp", {"lossless": True}),
            ("tif", {}),
            ("tiff", {"compression": "tiff_lzw"}),
        ],
    )
    def test_lossless(self, tmp_path, extension, options):
        path = tmp_path / f"image.{extension}"
        Image.fromarray(noise(5, 7)).save(path, **options)
        decoded = decode_image(path)
        assert decoded.dtype == np.uint8
        np.testing.assert_array_equal(decoded, noise(5, 7))
        np.testing.assert_array_equal(decode_image(str(path)), decoded)
        np.testing.assert_array_equal(decode_image(path.read_bytes()), decoded)

    @pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF"])
    @pytest.mark.parametrize("progressive", [False, True])
    def test_lossy(self, image_format, progressive):
        options = {"progressive": progressive} if image_format == "JPEG" else {}
        data = encode(gradient(), image_format, quality=95, **options)
        assert grey_levels_apart(decode_image(data), gradient()) <= 12

    def test_grey_jpeg(self):
        grey = gradient()[..., 1]
        decoded = decode_image(encode(grey, "JPEG", quality=100))
        assert grey_levels_apart(decoded, np.stack([grey] * 3, -1)) <= 2

    def test_the_result_can_be_written_to(self):
        decode_image(encode_png(COLOURS))[0, 0, 0] = 1

    @pytest.mark.parametrize("image_format", ["GIF", "WEBP"])
    def test_first_frame_of_an_animation(self, image_format):
        shades = [Image.new("RGB", (6, 4), (shade,) * 3) for shade in (10, 120, 240)]
        options = {"lossless": True} if image_format == "WEBP" else {}
        data = encode(
            shades[0], image_format, save_all=True, append_images=shades[1:], **options
        )
        assert Image.open(io.BytesIO(data)).n_frames == 3
        np.testing.assert_array_equal(
            decode_image(data), np.full((4, 6, 3), 10, "uint8")
        )

    def test_gif_with_extensions_before_the_frame(self):
        palette = Image.fromarray(COLOURS).quantize(4)
        data = encode(palette, "GIF", comment=b"c" * 600, duration=50)
        np.testing.assert_array_equal(decode_image(data), COLOURS)

    def test_content_decides_not_the_extension(self, tmp_path):
        path = tmp_path / "really_a_png.jpg"
        path.write_bytes(encode_png(COLOURS))
        np.testing.assert_array_equal(decode_image(path), COLOURS)

    def test_phone_jpeg_with_a_second_picture(self):
        second = Image.new("RGB", (32, 24), "white")
        data = encode(gradient(), "MPO", save_all=True, append_images=[second])
        assert grey_levels_apart(decode_image(data), gradient()) <= 20


class TestModes:
    def test_rgb_to_grey_by_luma(self):
        np.testing.assert_array_equal(decode_image(encode_png(COLOURS), 1), LUMA)

    def test_grey_to_rgb_by_repetition(self):
        grey = np.array([[[0], [77], [255]]], "uint8")
        decoded = decode_image(encode_png(grey))
        np.testing.assert_array_equal(decoded, np.repeat(grey, 3, axis=-1))
        np.testing.assert_array_equal(decode_image(encode_png(grey), 1), grey)

    @pytest.mark.parametrize("image_format", ["PNG", "BMP"])
    def test_one_bit(self, image_format):
        bits = np.array([[True, False, True], [False, False, True]])
        decoded = decode_image(encode(bits, image_format), channels=1)
        np.testing.assert_array_equal(decoded[..., 0], bits * np.uint8(255))

    @pytest.mark.parametrize("image_format", ["PNG", "BMP", "GIF"])
    def test_palette(self, image_format):
        data = encode(Image.fromarray(COLOURS).quantize(4), image_format)
        assert Image.open(io.BytesIO(data)).mode == "P"
        np.testing.assert_array_equal(decode_image(data), COLOURS)
        np.testing.assert_array_equal(decode_image(data, 1), LUMA)

    @pytest.mark.parametrize("image_format", ["PNG", "GIF"])
    def test_palette_with_a_transparent_entry(self, image_format):
        image = Image.new("P", (2, 1))
        image.putpalette([200, 0, 0, 0, 90, 0])
        image.putpixel((1, 0), 1)
        data = encode(image, image_format, transparency=0)
        np.testing.assert_array_equal(decode_image(data), [[[255] * 3, [0, 90, 0]]])

    def test_palette_with_alpha(self):
        image = Image.new("P", (2, 1))
        image.putpalette([255, 0, 0, 0, 0, 0])
        image.putpixel((1, 0), 1)
        data = encode(image, "PNG", transparency=bytes([128, 255]))
        np.testing.assert_array_equal(decode_image(data), [[[255, 127, 127], [0] * 3]])

    @pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
    def test_rgba_over_white(self, image_format):
        rgba = np.array(
            [[[10, 20, 30, 255], [10, 20, 30, 0], [255, 0, 0, 128], [0, 0, 0, 51]]],
            "uint8",
        )
        options = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
        expected = [[[10, 20, 30], [255] * 3, [255, 127, 127], [204] * 3]]
        data = encode(rgba, image_format, **options)
        np.testing.assert_array_equal(decode_image(data), expected)

    def test_grey_with_alpha(self):
        pixels = np.array([[[40, 255], [40, 0], [0, 51]]], "uint8")
        data = encode(Image.fromarray(pixels, "LA"), "PNG")
        np.testing.assert_array_equal(decode_image(data, 1), [[[40], [255], [204]]])

    def test_transparent_colour_of_an_rgb_png(self):
        key = chunk(b"tRNS", struct.pack(">HHH", 9, 8, 7))
        data = raw_png(2, 1, 8, 2, [bytes([9, 8, 7, 1, 2, 3])], key)
        np.testing.assert_array_equal(decode_image(data), [[[255] * 3, [1, 2, 3]]])

    def test_sixteen_bit_grey_ramp(self):
        ramp = np.arange(65536).reshape(256, 256)
        rows = [row.astype(">u2").tobytes() for row in ramp]
        decoded = decode_image(raw_png(256, 256, 16, 0, rows), channels=1)[..., 0]
        np.testing.assert_array_equal(decoded, np.rint(ramp / 257))
        # `rint` is the formula again; these say that it is not clipped or truncated.
        assert decoded[0, 128] == 0 and decoded[0, 129] == 1
        assert decoded[128, 128] == 128 and decoded[255, 255] == 255

    @pytest.mark.parametrize("kind", ["int32", ">u2"])
    def test_sixteen_bit_modes_of_other_pillow_versions(self, kind, monkeypatch):
        values = np.array([[0, 257, 32896, 65535]]).astype(kind)
        monkeypatch.setitem(
            decoding._READERS, "PNG", lambda stream: Image.fromarray(values)
        )
        decoded = decode_image(encode_png(COLOURS), channels=1)
        np.testing.assert_array_equal(decoded[..., 0], [[0, 1, 128, 255]])

    def test_sixteen_bit_grey_with_a_transparent_value(self):
        key = chunk(b"tRNS", struct.pack(">H", 1000))
        data = raw_png(2, 1, 16, 0, [struct.pack(">HH", 1000, 1028)], key)
        np.testing.assert_array_equal(decode_image(data, 1), [[[255], [4]]])

    @pytest.mark.parametrize("compression", [None, "tiff_lzw"])
    def test_sixteen_bit_tiff(self, compression):
        ramp = np.arange(0, 65536, 257, dtype="uint16").reshape(16, 16)
        data = encode(ramp, "TIFF", compression=compression)
        expected = np.arange(256).reshape(16, 16, 1)
        np.testing.assert_array_equal(decode_image(data, 1), expected)

    @pytest.mark.parametrize("dtype", ["float32", "int32"])
    def test_tiff_whose_values_have_no_agreed_range(self, dtype):
        with pytest.raises(ImageError, match="32 bits.*no agreed range"):
            decode_image(encode(np.ones((3, 4), dtype), "TIFF"))

    def test_cmyk_tiff(self):
        cmyk = Image.new("CMYK", (3, 2), (0, 255, 255, 0))
        assert decode_image(encode(cmyk, "TIFF"))[0, 0].tolist() == [255, 0, 0]

    def test_sixteen_bit_colour(self):
        row = struct.pack(">HHHHHH", 0, 257 * 100, 65535, 257 * 7, 257 * 8, 257 * 9)
        decoded = decode_image(raw_png(2, 1, 16, 2, [row]))
        np.testing.assert_array_equal(decoded, [[[0, 100, 255], [7, 8, 9]]])

    def test_sixteen_bit_colour_and_grey_with_alpha(self):
        row = struct.pack(">HHHH", 65535, 0, 0, 257 * 51)
        decoded = decode_image(raw_png(1, 1, 16, 6, [row]))
        np.testing.assert_array_equal(decoded, [[[255, 204, 204]]])
        row = struct.pack(">HH", 0, 257 * 51)
        np.testing.assert_array_equal(
            decode_image(raw_png(1, 1, 16, 4, [row])), [[[204] * 3]]
        )

    def test_cmyk_jpeg(self):
        inks = {(0, 0, 0, 0): 255, (0, 0, 0, 255): 0, (0, 0, 0, 100): 155}
        for ink, grey in inks.items():
            data = encode(Image.new("CMYK", (8, 8), ink), "JPEG", quality=100)
            expected = np.full((8, 8, 3), grey)
            assert grey_levels_apart(decode_image(data), expected) <= 1
            assert grey_levels_apart(decode_image(data, 1), expected[..., :1]) <= 1
        data = encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=100)
        expected = np.broadcast_to([0, 255, 255], (8, 8, 3))
        assert grey_levels_apart(decode_image(data), expected) <= 1


class TestOrientation:
    # What has to be done to the stored pixels, written down from the EXIF standard.
    UPRIGHT = {
        1: lambda stored: stored,
        2: lambda stored: stored[:, ::-1],
        3: lambda stored: stored[::-1, ::-1],
        4: lambda stored: stored[::-1],
        5: lambda stored: stored.swapaxes(0, 1),
        6: lambda stored: np.rot90(stored, -1),
        7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
        8: lambda stored: np.rot90(stored, 1),
    }

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
    def test_all_eight(self, image_format, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {
            "JPEG": {"quality": 100, "subsampling": 0},
            "WEBP": {"lossless": True},
            "PNG": {},
            "TIFF": {"compression": "tiff_deflate"},
            "AVIF": {"quality": 100, "subsampling": "4:4:4"},
        }
        data = encode(gradient(), image_format, exif=exif, **options[image_format])
        expected = self.UPRIGHT[orientation](gradient())
        tolerance = 4 if image_format in ("JPEG", "AVIF") else 0
        assert grey_levels_apart(decode_image(data), expected) <= tolerance
        by_pillow = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(decode_image(data), by_pillow.convert("RGB"))

    def test_sixteen_bits_and_transparency_turn_too(self):
        exif = Image.Exif()
        exif[0x0112] = 6
        values = np.arange(6, dtype="uint16").reshape(2, 3) * 257
        decoded = decode_image(encode(values, "PNG", exif=exif), channels=1)
        np.testing.assert_array_equal(decoded[..., 0], [[3, 0], [4, 1], [5, 2]])
        rgba = np.array([[[1, 2, 3, 255], [9, 9, 9, 0]]], "uint8")
        decoded = decode_image(encode(rgba, "PNG", exif=exif))
        np.testing.assert_array_equal(decoded, [[[1, 2, 3]], [[255] * 3]])

    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0garbage, garbage",
            b"Exif\0\0II*\0\x08\0\0\0\xff",
            b"Exif\0\0",
            b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0",
        ],
    )
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_damaged_exif_leaves_the_picture_as_it_is(self, exif):
        data = encode(gradient(), "JPEG", quality=100, subsampling=0, exif=exif)
        decoded = decode_image(data)
        assert grey_levels_apart(decoded, gradient()) <= 4

    def test_damaged_exif_on_which_pillow_fails(self):
        text = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n   4\nno digits")
        data = raw_png(1, 1, 8, 2, [bytes([1, 2, 3])], text)
        with pytest.raises(ValueError, match="fromhex"):
            Image.open(io.BytesIO(data)).getexif()
        np.testing.assert_array_equal(decode_image(data), [[[1, 2, 3]]])


def oversized_files(width, height):
    """Small files that promise width x height pixels."""
    short = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
    yield "PNG", raw_png(width, height, 8, 2, [])

    jpeg = encode(gradient(), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    yield "JPEG", jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]

    bmp = encode(gradient(), "BMP")
    yield "BMP", bmp[:18] + struct.pack("<ii", width, height) + bmp[26:]

    gif = encode(Image.fromarray(COLOURS).quantize(4), "GIF", comment=b"c" * 300)
    yield "GIF canvas", gif[:6] + short + gif[10:]
    # The frame, found behind its separator and its corner, is larger than the canvas.
    at = gif.index(b",\0\0\0\0\2\0\2\0") + 5
    yield "GIF frame", gif[:at] + short + gif[at + 4 :]

    tiff = encode(gradient(), "TIFF")
    for tag, length in ((256, width), (257, height)):
        at = tiff.index(struct.pack("<HH", tag, 4))
        entry = struct.pack("<HHII", tag, 4, 1, length)
        tiff = tiff[:at] + entry + tiff[at + 12 :]
    yield "TIFF", tiff
    if width <= 16383:
        avif = encode(gradient(), "AVIF")
        at = avif.index(b"ispe") + 8
        yield "AVIF", avif[:at] + struct.pack(">II", width, height) + avif[at + 8 :]
        webp = encode(gradient(), "WEBP")
        yield "WebP", webp[:26] + short + webp[30:]
        webp = encode(gradient(), "WEBP", lossless=True)
        bits = (width - 1) | (height - 1) << 14 | 1 << 28
        yield "WebP lossless", webp[:21] + struct.pack("<I", bits) + webp[25:]
    webp = encode(gradient(), "WEBP", exif=b"Exif\0\0any")
    extent = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    assert webp[12:16] == b"VP8X"
    yield "WebP extended", webp[:24] + extent + webp[30:]


class TestBadFiles:
    def bad(self, source, reason, **options):
        with pytest.raises(ImageError, match=reason) as information:
            decode_image(source, **options)
        assert isinstance(information.value, ValueError)
        assert "\n" not in str(information.value)
        return str(information.value)

    def test_empty(self, tmp_path):
        path = tmp_path / "nothing.png"
        path.touch()
        assert str(path) in self.bad(path, "file is empty")
        self.bad(b"", "image bytes: the file is empty")

    def test_missing_or_folder(self, tmp_path):
        self.bad(tmp_path / "missing.png", r"missing.png: cannot be opened: No such")
        self.bad(tmp_path, "cannot be opened")

    def test_text_named_png(self, tmp_path):
        path = tmp_path / "notes.png"
        path.write_text("these are notes, and not pixels")
        assert str(path) in self.bad(path, r"not an image of a supported format \(PNG,")

    @pytest.mark.parametrize("image_format", ["PPM", "ICO", "TGA", "PCX"])
    def test_unsupported_format(self, image_format):
        self.bad(encode(gradient(), image_format), "not an image of a supported format")

    @pytest.mark.parametrize(
        "image_format",
        ["PNG", "JPEG", "BMP", "GIF", "WEBP", "lossless", "TIFF", "AVIF"],
    )
    @pytest.mark.parametrize("kept", [0.03, 0.3, 0.6, 0.95])
    def test_truncated(self, image_format, kept):
        options = {"lossless": True} if image_format == "lossless" else {}
        file_format = "WEBP" if image_format == "lossless" else image_format
        data = encode(noise(40, 50), file_format, **options)
        decode_image(data)
        self.bad(data[: int(kept * len(data))], "cannot be decoded")

    @pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
    def test_truncated_although_another_library_allows_it(
        self, image_format, monkeypatch
    ):
        data = encode(noise(40, 50), image_format)
        half = data[: len(data) // 2]
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        Image.open(io.BytesIO(half)).load()
        self.bad(half, "truncated")
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True

    @pytest.mark.skipif(sys.platform != "linux", reason="memory is in kilobytes there")
    # The second size is one for which Pillow would only warn.
    @pytest.mark.parametrize("width, height", [(60_000, 60_000), (12_000, 12_000)])
    def test_oversized_by_header(self, width, height):
        resource = pytest.importorskip("resource")
        for name, data in oversized_files(width, height):
            assert len(data) < 20_000
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                message = self.bad(data, f"oversized: {width} x {height} pixels")
            assert "max_pixels=50000000" in message
            assert time.perf_counter() - start < 5, name
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
            assert memory < 100_000, (name, memory)  # kilobytes; decoded 400,000

    def test_complete_bomb_is_not_decoded(self, monkeypatch):
        data = raw_png(12_000, 12_000, 1, 0, [bytes(1500)] * 12_000)
        assert len(data) < 40_000
        loaded = []
        monkeypatch.setattr(ImageFile.ImageFile, "load", loaded.append)
        self.bad(data, "oversized")
        assert not loaded

    @pytest.mark.parametrize(
        "error, reason",
        [(IndexError("one\n two"), "(one two)"), (EOFError(), "(EOFError)")],
    )
    def test_reason_is_one_line_and_never_empty(self, error, reason, monkeypatch):
        def fail(stream):
            raise error

        monkeypatch.setitem(decoding._READERS, "PNG", fail)
        assert self.bad(encode_png(COLOURS), "cannot be decoded").endswith(reason)

    def test_lack_of_memory_is_not_blamed_on_the_file(self, monkeypatch):
        def fail(stream):
            raise MemoryError

        monkeypatch.setitem(decoding._READERS, "PNG", fail)
        with pytest.raises(MemoryError):
            decode_image(encode_png(COLOURS))

    def test_limit_is_exact_and_an_argument(self, monkeypatch):
        data = encode_png(noise(20, 30))
        self.bad(data, "oversized: 30 x 20 pixels", max_pixels=599)
        # Pillow's own limit plays no part, in either direction.
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode_image(data, max_pixels=600).shape == (20, 30, 3)

    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_damage_gives_an_image_or_an_image_error(self, image_format):
        exif = Image.Exif()
        exif[0x0112] = 6
        options = {} if image_format in ("GIF", "BMP") else {"exif": exif}
        valid = encode(gradient(), image_format, **options)
        generator = random.Random(image_format)
        decoded = refused = 0
        for _ in range(400):
            data = bytearray(valid)
            for _ in range(generator.choice((0, 1, 1, 2, 8))):
                # Half of the hits go to the headers.
                end = generator.choice((min(100, len(data)), len(data)))
                data[generator.randrange(end)] = generator.randrange(256)
            if generator.random() < 0.3:
                del data[generator.randrange(len(data)) :]
            try:
                image = decode_image(bytes(data), max_pixels=1_000_000)
            except ImageError as error:
                assert str(error).startswith("image bytes: ")
                refused += 1
            else:
                assert image.dtype == np.uint8 and image.ndim == 3
                assert image.shape[-1] == 3 and image.size <= 3_000_000
                decoded += 1
        assert decoded > 20 and refused > 20

    def test_arguments(self):
        data = encode_png(COLOURS)
        with pytest.raises(ValueError, match="`channels` must be 1 .* channels=4"):
            decode_image(data, channels=4)
        for limit in (0, -1, 1.5, True, None):
            with pytest.raises(ValueError, match="`max_pixels` must be a positive"):
                decode_image(data, max_pixels=limit)
        with pytest.raises(TypeError, match="`source` must be .*ndarray"):
            decode_image(COLOURS)


class TestEncodeAndResize:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_encode_round_trip(self, channels):
        image = noise(5, 7)[..., :channels]
        data = encode_png(image)
        assert Image.open(io.BytesIO(data)).mode == {1: "L", 3: "RGB"}[channels]
        np.testing.assert_array_equal(decode_image(data, channels), image)

    @pytest.mark.parametrize("function", [encode_png, lambda x: resize_image(x, 4)])
    def test_refuses_what_is_no_image(self, function):
        with pytest.raises(TypeError, match="uint8 array.*Received: float32"):
            function(np.zeros((4, 4, 3), "float32"))
        for shape in ((4, 4), (4, 4, 2), (1, 4, 4, 3), (0, 4, 3)):
            with pytest.raises(ValueError, match="`image` must have the shape"):
                function(np.zeros(shape, "uint8"))

    def test_same_size_is_returned_unchanged(self):
        image = noise(5, 7)
        assert resize_image(image, (5, 7)) is image

    @pytest.mark.parametrize("channels", [1, 3])
    def test_resize(self, channels):
        image = gradient()[..., :channels]
        larger = resize_image(image, (30, 40))
        assert larger.shape == (30, 40, channels) and larger.dtype == np.uint8
        assert resize_image(image, 16).shape == (16, 16, channels)
        constant = np.full((9, 5, channels), 77, "uint8")
        np.testing.assert_array_equal(
            resize_image(constant, (4, 8)), np.full((4, 8, channels), 77)
        )

        with pytest.raises(ValueError, match="`size` must be a positive integer or"):
            resize_image(image, 0)

    def test_shrinking_is_antialiased(self):
        stripes = np.zeros((64, 64, 1), "uint8")
        stripes[:, ::2] = 255
        small = resize_image(stripes, 8)
        assert grey_levels_apart(small, np.full((8, 8, 1), 128)) <= 6


class TestListImages:
    def test_sorted_recursive_without_hidden_files(self, tmp_path):
        wanted = ["A.PNG", "b.jpeg", "c.JpG", "sub/d.gif", "sub/e.webp", "größe 猫.bmp"]
        wanted += ["f.tif", "g.TIFF", "h.jfif", "i.avif"]
        others = [".hidden.png", ".cache/f.png", "sub/.x/g.png", "notes.txt", "png"]
        for name in wanted + others:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
        (tmp_path / "a folder.png").mkdir()
        with pytest.warns(UserWarning, match="2 files are not used in"):
            listed = list_images(tmp_path)
            assert list_images(str(tmp_path)) == listed
        assert listed == sorted(tmp_path / name for name in wanted)
        assert all(isinstance(path, pathlib.Path) for path in listed)

    def test_a_hidden_folder_itself_may_be_given(self, tmp_path):
        (tmp_path / ".data").mkdir()
        (tmp_path / ".data" / "a.png").touch()
        assert list_images(tmp_path / ".data") == [tmp_path / ".data" / "a.png"]

    def test_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="no folder '.*trainA'.*spelling"):
            list_images(tmp_path / "trainA")

    def test_file_instead_of_folder(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(encode_png(COLOURS))
        with pytest.raises(ValueError, match="'.*a.png' is a file. Give the folder"):
            list_images(path)

    def test_content_decides_where_the_name_says_nothing(self, tmp_path):
        (tmp_path / "photo").write_bytes(encode(COLOURS, "JPEG"))
        (tmp_path / "b.dat").write_bytes(encode_png(COLOURS))
        assert list_images(tmp_path) == [tmp_path / "b.dat", tmp_path / "photo"]
        assert load_folder(tmp_path, 4).shape == (2, 4, 4, 3)

    def test_what_is_not_used_is_counted_by_kind_and_reason(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encode_png(COLOURS))
        for name in ("1.txt", "2.TXT", "README", ".hidden"):
            (tmp_path / name).write_text("no image")
        (tmp_path / "scan.ppm").write_bytes(encode(COLOURS, "PPM"))
        (tmp_path / "nothing.dat").touch()
        (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
        with pytest.warns(UserWarning) as caught:
            assert list_images(tmp_path) == [tmp_path / "a.png"]
        (warning,) = caught
        assert warning.filename == __file__
        assert str(warning.message) == (
            f"6 files are not used in '{tmp_path}': 2 x .txt (no image of a format "
            "that is read), 1 x .dat (empty), 1 x .ppm (no image of a format that is "
            "read), 1 x no extension (cannot be opened), 1 x no extension (no image of "
            "a format that is read)"
        )

    def test_linked_folders_are_followed_without_loops(self, tmp_path):
        folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
        for place, name in ((folder, "a.png"), (elsewhere / "deep", "b.png")):
            place.mkdir(parents=True)
            (place / name).touch()
        (folder / "linked").symlink_to(elsewhere)
        (elsewhere / "back").symlink_to(folder)
        (folder / "itself").symlink_to(folder)
        expected = [folder / "a.png", folder / "linked" / "deep" / "b.png"]
        assert list_images(folder) == expected

    def test_no_image_file(self, tmp_path):
        for name in ("a.heic", "b.heic", "c.txt", "README"):
            (tmp_path / name).write_text("no image")
        with pytest.raises(ValueError, match="no image file in the folder") as caught:
            list_images(tmp_path)
        message = str(caught.value)
        assert ".png, .jpg, .jpeg, .jfif, .bmp, .gif, .webp, .tif" in message
        for found in ("2 x .heic (no image", "1 x .txt", "1 x no extension"):
            assert found in message

    def test_empty_folder(self, tmp_path):
        with pytest.raises(ValueError, match="Found instead: no files"):
            list_images(tmp_path)

    def test_wrong_kind(self):
        with pytest.raises(TypeError, match="`folder` must be the path"):
            list_images(3)


def write_folder(folder, count=6):
    """PNG files of different sizes, each with one constant value, its number."""
    for index in range(count):
        image = np.full((4 + index, 9 - index, 3), 10 * index, "uint8")
        (folder / f"{index:03d}.png").write_bytes(encode_png(image))


class TestLoadFolder:
    def test_sorted_and_resized_without_warnings(self, tmp_path):
        write_folder(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded = load_folder(tmp_path, (5, 6))
        assert loaded.shape == (6, 5, 6, 3) and loaded.dtype == np.uint8
        for index in range(6):
            assert (loaded[index] == 10 * index).all()

    def test_equals_decoding_one_by_one(self, tmp_path):
        for index in range(40):
            data = encode_png(noise(20 + index, 30, seed=index))
            (tmp_path / f"{index}.png").write_bytes(data)
        loaded = load_folder(tmp_path, 16, channels=1)
        expected = [
            resize_image(decode_image(path, 1), 16) for path in list_images(tmp_path)
        ]
        np.testing.assert_array_equal(loaded, expected)

    def test_skips_with_a_warning_each_and_a_count(self, tmp_path):
        write_folder(tmp_path)
        good = (tmp_path / "005.png").read_bytes()
        (tmp_path / "000.png").write_bytes(b"")
        (tmp_path / "003.png").write_bytes(good[:-30])
        (tmp_path / "004 – 猫.png").write_text("text")
        (tmp_path / "005b.png").write_bytes(raw_png(60_000, 60_000, 8, 2, []))
        with pytest.warns(UserWarning) as caught:
            loaded = load_folder(tmp_path, 4)
        np.testing.assert_array_equal(loaded[:, 0, 0, 0], [10, 20, 40, 50])
        texts = [str(warning.message) for warning in caught]
        assert len(texts) == 5
        for text, name, reason in zip(
            texts,
            ["000.png", "003.png", "004 – 猫.png", "005b.png"],
            ["empty", "cannot be decoded", "not an image", "oversized"],
            strict=False,
        ):
            assert text.startswith(f"Skipped {tmp_path / name}: ") and reason in text
        assert texts[-1] == f"4 of 8 image files in {tmp_path} were skipped"
        assert {warning.filename for warning in caught} == {__file__}

    @pytest.mark.filterwarnings("ignore:1 of 3 image files")
    def test_broken_link_is_not_passed_over_in_silence(self, tmp_path):
        write_folder(tmp_path, 2)
        (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
        with pytest.warns(UserWarning, match="link.png: cannot be opened: No such"):
            assert len(load_folder(tmp_path, 4)) == 2

    def test_strict_raises_for_the_first_bad_file(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / "004.png").write_bytes(b"")
        (tmp_path / "002.png").write_text("text")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageError, match="002.png: its content is not"):
                load_folder(tmp_path, 4, strict=True)

    def test_options_are_checked_and_passed_on(self, tmp_path):
        write_folder(tmp_path, 2)
        for options in ({"channels": 2}, {"max_pixels": 0}, {"size": 0}):
            with pytest.raises(ValueError, match=f"`{[*options][0]}` must be"):
                load_folder(tmp_path, **{"size": 4} | options)
        with pytest.raises(ImageError, match="001.png: oversized: 8 x 5"):
            load_folder(tmp_path, 4, strict=True, max_pixels=39)

    @pytest.mark.filterwarnings("ignore:Skipped")
    def test_no_usable_image(self, tmp_path):
        (tmp_path / "a.png").touch()
        (tmp_path / "b.png").touch()
        with pytest.raises(ValueError, match="None of the 2 image files") as caught:
            load_folder(tmp_path, 4)
        assert "a.png: the file is empty" in str(caught.value)
        assert "give another folder" in str(caught.value)

    def test_progress_bar_only_for_many_files(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(progress, "is_shown", lambda: True)
        data = encode_png(COLOURS)
        for index in range(500):
            (tmp_path / f"{index}.png").write_bytes(data)
        load_folder(tmp_path, 2)
        assert capsys.readouterr() == ("", "")
        (tmp_path / "500.png").write_bytes(data)
        load_folder(tmp_path, 2)
        assert "501/501" in capsys.readouterr().out
        # Nobody sees it move in a file.
        monkeypatch.setattr(progress, "is_shown", lambda: False)
        load_folder(tmp_path, 2)
        assert capsys.readouterr() == ("", "")

    def test_the_first_estimate_of_the_time_is_no_fright(self, capsys, monkeypatch):
        """The first file waits for the threads to start."""
        monkeypatch.setattr(progress, "is_shown", lambda: True)

        def read(number):
            time.sleep(0.5 if number == 0 else 0.001)
            return np.zeros((1, 1, 1), "uint8")

        read_files([*range(600)], read, (1, 1, 1), "folder")
        out = capsys.readouterr().out
        left = re.findall(r"\x1b\[1m([\d:]+s?)\x1b\[0m \d+", out)
        assert left and {*left} <= {"0s", "1s", "2s"}


class TestImageSize:
    FORMATS = ("PNG", "JPEG", "BMP", "GIF")

    @pytest.mark.parametrize("kind", FORMATS)
    def test_of_the_header_alone(self, kind):
        image = Image.new("RGB", (300, 20))
        found = decoding.image_size(encode(image, kind), self.FORMATS, max_pixels=6000)
        assert found == (20, 300, 6000)
        with pytest.raises(ImageError, match="6000 pixels are more than 5999"):
            decoding.image_size(encode(image, kind), self.FORMATS, max_pixels=5999)

    def test_all_frames_of_a_gif_count(self):
        frames = [Image.new("L", (40, 30), 9 * level) for level in range(5)]
        data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
        *size, pixels = decoding.image_size(data, self.FORMATS, max_pixels=10_000)
        assert size == [30, 40] and 1200 + 4 < pixels <= 5 * 1200
        with pytest.raises(ImageError, match="oversized"):
            decoding.image_size(data, self.FORMATS, max_pixels=pixels - 1)

    def test_other_formats_and_damaged_headers(self):
        for data in (encode(gradient(), "WEBP"), b"", b"text"):
            with pytest.raises(ImageError, match="in the format PNG or JPEG or BMP or"):
                decoding.image_size(data, self.FORMATS, max_pixels=10_000)
        for kind in self.FORMATS:
            with pytest.raises(ImageError, match="truncated or corrupt"):
                decoding.image_size(encode(gradient(), kind)[:12], self.FORMATS, 10_000)
