"""`keras-gans colorize`: what it writes, says, warns of and refuses."""

import pathlib
import shutil
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from commands import call, fail, succeed
from PIL import Image

from keras_gans import export, training
from keras_gans.data import extract_line_art
from keras_gans.data.images import ImageError, decode_hints, decode_image
from keras_gans.models import Pix2PixColorizer
from keras_gans.networks import patch_discriminator, unet_generator

RED = 220, 30, 40, 255


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of an export, of a network that takes multiples of 4."""
    generator = unet_generator(input_channels=5, width=4, depth=2)
    random = np.random.default_rng(0)
    for variable in generator.weights:
        variable.assign(random.normal(0.0, 0.2, variable.shape))
    discriminator = patch_discriminator(channels=8, width=4, layers=1)
    directory = tmp_path_factory.mktemp("colorizer")
    model = Pix2PixColorizer(generator=generator, discriminator=discriminator)
    model.save(directory / "model.keras")
    export.save(model, directory / "export")
    return directory / "export"


@pytest.fixture(scope="module")
def colorizer(model):
    return export.load(model)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def line_art(height=16, width=24):
    """A frame of black lines on white paper."""
    image = np.full((height, width), 255, "uint8")
    image[2:-2, 3] = image[2:-2, -4] = image[2, 3:-3] = image[-3, 3:-3] = 0
    return image


def dabs(height=16, width=24, color=RED):
    """A dab on a transparent picture, whose other pixels have colours, too."""
    image = np.full((height, width, 4), (0, 255, 0, 0), "uint8")
    image[5:9, 6:10] = color
    return image


def photo(height=16, width=24):
    """Smooth colours with an edge between them."""
    image = np.zeros((height, width, 3))
    image[..., 0] = np.linspace(20, 250, width)
    image[..., 1] = np.linspace(240, 10, height)[:, None]
    image[:, width // 2 :, 2] = 200
    return image.astype("uint8")


def save(path, image):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def pixels(path):
    return np.array(Image.open(path))


def padded(image, value, height, width):
    rest = (0, height - image.shape[0]), (0, width - image.shape[1])
    return np.pad(
        image, rest + ((0, 0),) * (image.ndim - 2), constant_values=value
    ).reshape(1, height, width, -1)


def warnings(result):
    return [line for line in result.err.splitlines() if line.startswith("Warning: ")]


# What it writes ----------------------------------------------------------------------


def test_the_default_model_is_that_of_the_package():
    save("sketch.png", line_art(64, 64))
    result = succeed("colorize", "sketch.png", "out.png")
    assert "saved_models/colorizer" in result.out
    assert pixels("out.png").shape == (64, 64, 3)


def test_a_sketch_with_and_without_hints(model, colorizer):
    save("sketch.png", line_art())
    save("dabs.png", dabs())
    art = line_art()[None, ..., None]
    result = succeed("colorize", "sketch.png", "unaided.png", "--model", model)
    assert "Colouring 1 sketch(es), 0 of them with hints, with " in result.out
    assert result.out.endswith("Wrote 1 image(s) to unaided.png.\n")
    assert result.err == ""
    np.testing.assert_array_equal(pixels("unaided.png"), colorizer(art)[0])
    # OUT may come last.
    result = succeed(
        *("colorize", "sketch.png", "--hints", "dabs.png", "hinted.png"),
        *("--model", model),
    )
    assert "1 of them with hints" in result.out and result.err == ""
    expected = colorizer(art, dabs()[None])[0]
    np.testing.assert_array_equal(pixels("hinted.png"), expected)
    assert (expected != pixels("unaided.png")).mean() > 0.2
    # Into a folder that exists.
    pathlib.Path("folder").mkdir()
    succeed("colorize", "sketch.png", "folder", "--model", model / "1")
    np.testing.assert_array_equal(pixels("folder/sketch.png"), pixels("unaided.png"))
    succeed("colorize", "sketch.png", "k.png", "--model", model.parent / "model.keras")
    np.testing.assert_array_equal(pixels("k.png"), pixels("unaided.png"))


def test_padding_with_paper_and_without_hints(model, colorizer):
    save("sketch.png", line_art(14, 21))
    hints = dabs(14, 21)
    hints[-3:, -3:] = RED  # They are not carried on.
    save("dabs.png", hints)
    succeed(
        *("colorize", "sketch.png", "out.png", "--hints", "dabs.png"),
        *("--model", model),
    )
    expected = colorizer(
        padded(line_art(14, 21), 255, 16, 24), padded(hints, 0, 16, 24)
    )
    np.testing.assert_array_equal(pixels("out.png"), expected[0, :14, :21])


def test_size_resizes_sketch_and_hints(model, colorizer):
    hints = dabs()
    hints[5:9, 8:10] = 20, 40, 230, 255  # Two colours side by side.
    sketch = save("sketch.png", line_art())
    save("dabs.png", hints)
    succeed(
        *("colorize", "sketch.png", "out.png", "--hints", "dabs.png"),
        *("--size", "40", "--model", model),
    )
    bicubic = Image.open(sketch).resize((40, 40), Image.Resampling.BICUBIC)
    # The nearest pixel of each, and no colours between.
    rows = (np.arange(40) + 0.5) * 16 // 40
    columns = (np.arange(40) + 0.5) * 24 // 40
    nearest = hints[rows.astype(int)][:, columns.astype(int)]
    assert len(np.unique(nearest.reshape(-1, 4), axis=0)) == 3
    expected = colorizer(np.array(bicubic)[None, ..., None], nearest[None])
    np.testing.assert_array_equal(pixels("out.png"), expected[0])


def test_extract_lines(model, colorizer):
    save("photo.png", photo(30, 30))
    arguments = ["--extract-lines", "--model", model]
    result = succeed("colorize", "photo.png", "out.png", *arguments)
    assert result.err == ""

    def drawing(image):
        art = extract_line_art(image[None].astype("float32") / 127.5 - 1.0)
        art = np.round((art.numpy() + 1.0) * 127.5).astype("uint8")
        assert np.ptp(art) == 255  # There are lines.
        return art

    art = padded(drawing(photo(30, 30))[0], 255, 32, 32)
    np.testing.assert_array_equal(pixels("out.png"), colorizer(art)[0, :30, :30])
    # The lines are those of the resized picture.
    succeed("colorize", "photo.png", "small.png", "--size", "20", *arguments)
    small = Image.open("photo.png").resize((20, 20), Image.Resampling.BICUBIC)
    expected = colorizer(drawing(np.array(small)))[0]
    np.testing.assert_array_equal(pixels("small.png"), expected)


def test_transparent_sketch_is_laid_over_white(model):
    save("sketch.png", line_art())
    rgba = np.zeros((16, 24, 4), "uint8")  # Black, and drawn by its opacity alone.
    rgba[..., 3] = 255 - line_art()
    save("rgba.png", rgba)
    for name in ("sketch", "rgba"):
        result = succeed("colorize", f"{name}.png", f"{name}_c.png", "--model", model)
        assert result.err == ""
    np.testing.assert_array_equal(pixels("rgba_c.png"), pixels("sketch_c.png"))


def test_a_folder(model, colorizer):
    for name in ("a.png", "b.jpg", "below/a.png", "odd.png"):
        save(f"in/{name}", line_art(15, 22) if name == "odd.png" else line_art())
    save("in/photo.png", photo())
    pathlib.Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    save("dabs/b.png", dabs())
    save("dabs/below/a.png", dabs(color=(0, 0, 255, 255)))
    save("dabs/c.png", dabs())
    result = succeed("colorize", "in", "out", "--hints", "dabs", "--model", model)
    assert "Colouring 6 sketch(es), 2 of them with hints" in result.out
    assert "Skipped: in/broken.png: " in result.err
    assert "Skipped: in/photo.png: " in result.err
    assert "Skipped 2 file(s), named above." in result.err
    assert warnings(result) == [
        "Warning: dabs/c.png has the name of no sketch and is left out."
    ]
    assert "Wrote 4 image(s) to out." in result.out
    written = sorted(str(path) for path in pathlib.Path("out").rglob("*.png"))
    assert written == ["out/a.png", "out/b.jpg.png", "out/below/a.png", "out/odd.png"]
    art = line_art()[None, ..., None]
    np.testing.assert_array_equal(pixels("out/a.png"), colorizer(art)[0])
    expected = colorizer(art, dabs(color=(0, 0, 255, 255))[None])[0]
    np.testing.assert_array_equal(pixels("out/below/a.png"), expected)
    from_jpeg = pixels("in/b.jpg")[None, ..., None]
    expected = colorizer(from_jpeg, dabs()[None])[0]
    np.testing.assert_array_equal(pixels("out/b.jpg.png"), expected)
    assert pixels("out/odd.png").shape == (15, 22, 3)

    # What is missing is made, but not in another way.
    pathlib.Path("out/a.png").unlink()
    assert "made otherwise (hints" in fail("colorize", "in", "out", "--model", model)
    assert not pathlib.Path("out/a.png").exists()
    result = succeed("colorize", "in", "out", "--hints", "dabs", "--model", model)
    assert "Wrote 1 image(s) to out." in result.out
    np.testing.assert_array_equal(pixels("out/a.png"), colorizer(art)[0])


def test_hints_of_a_bad_size_skip_their_sketch_alone(model):
    save("in/a.png", line_art())
    save("in/b.png", line_art())
    save("dabs/a.png", dabs(8, 8))
    result = succeed("colorize", "in", "out", "--hints", "dabs", "--model", model)
    assert "Skipped: dabs/a.png: the hints are 8 x 8 pixels" in result.err
    assert [path.name for path in pathlib.Path("out").glob("*.png")] == ["b.png"]
    save("dabs/b.png", dabs(8, 8))
    result = call("colorize", "in", "new", "--hints", "dabs", "--model", model)
    assert result.status == 1
    assert "No sketch in in could be coloured." in result.err
    assert not pathlib.Path("new").exists()


def test_the_folder_of_a_run(model, monkeypatch):
    recipe = types.SimpleNamespace(task="colorization")
    run = types.SimpleNamespace(
        configuration=types.SimpleNamespace(recipe=recipe),
        model_path=lambda: pathlib.Path("run/model.keras"),
    )
    monkeypatch.setattr(training.Run, "open", lambda path: run)
    pathlib.Path("run").mkdir()
    pathlib.Path("run/run.json").write_text("{}")
    shutil.copy(model.parent / "model.keras", "run/model.keras")
    save("sketch.png", line_art())
    succeed("colorize", "sketch.png", "a.png", "--model", "run")
    shutil.copytree(model, "run/export")
    pathlib.Path("run/model.keras").unlink()
    succeed("colorize", "sketch.png", "b.png", "--model", "run")
    np.testing.assert_array_equal(pixels("a.png"), pixels("b.png"))
    # Of another task, in either direction.
    message = fail("translate", "sketch.png", "c.png", "--model", "run")
    assert "run of colorization: use keras-gans colo" in message
    recipe.task = "translation"
    message = fail("colorize", "sketch.png", "c.png", "--model", "run")
    assert "run of translation: use keras-gans tran" in message


# What it warns of ------------------------------------------------------------------


@pytest.mark.parametrize("level", [255, 130, 0])
def test_a_sketch_without_lines(model, level):
    blank = np.full((16, 24), level, "uint8")
    blank[::2] ^= 7  # As good as equal.
    save("sketch.png", blank)
    result = succeed("colorize", "sketch.png", "out.png", "--model", model)
    (warning,) = warnings(result)
    assert "sketch.png: there are no lines to colour" in warning
    assert "means little" in warning
    assert pixels("out.png").shape == (16, 24, 3)


def test_a_picture_without_lines_to_extract(model):
    save("picture.png", np.full((16, 24, 3), (200, 40, 40), "uint8"))
    result = succeed(
        *("colorize", "picture.png", "out.png", "--extract-lines", "--model", model)
    )
    (warning,) = warnings(result)
    assert "no lines to colour" in warning


def test_light_lines_on_dark_paper(model):
    save("sketch.png", 255 - line_art())
    result = succeed("colorize", "sketch.png", "out.png", "--model", model)
    (warning,) = warnings(result)
    assert "sketch.png: more than half of the pixels are dark" in warning
    assert "Lines should be dark on light paper" in warning
    assert pathlib.Path("out.png").exists()


def test_many_lines_that_were_extracted(model):
    # Lines lie on the darker side of edges, here on two pixels of three.
    image = np.full((16, 24, 3), 30, "uint8")
    image[:, ::3] = 220
    save("picture.png", image)
    result = succeed(
        *("colorize", "picture.png", "out.png", "--extract-lines", "--model", model)
    )
    assert np.median(extract_line_art(image[None] / 127.5 - 1.0)) == -1
    assert result.err == ""


def test_transparent_hints(model):
    save("sketch.png", line_art())
    save("dabs.png", dabs(color=(220, 30, 40, 127)))
    succeed("colorize", "sketch.png", "unaided.png", "--model", model)
    result = succeed(
        *("colorize", "sketch.png", "out.png", "--hints", "dabs.png"),
        *("--model", model),
    )
    (warning,) = warnings(result)
    assert "dabs.png: every pixel is transparent (alpha below 128)" in warning
    assert "coloured without hints" in warning
    np.testing.assert_array_equal(pixels("out.png"), pixels("unaided.png"))
    # A single pixel is lost when its picture shrinks.
    lone = dabs(color=(0, 0, 0, 0))
    lone[0, 0] = RED
    save("lone.png", lone)
    result = succeed(
        *("colorize", "sketch.png", "small.png", "--hints", "lone.png"),
        *("--size", "4", "--model", model),
    )
    assert any("transparent at --size 4" in warning for warning in warnings(result))


# What it refuses -------------------------------------------------------------------


def refused(*arguments):
    message = fail("colorize", *arguments)
    assert not pathlib.Path("out.png").exists()
    return message


@pytest.mark.parametrize("size", [(), ("--size", "32")])
def test_hints_of_another_size(model, size):
    save("sketch.png", line_art(16, 24))
    save("dabs.png", dabs(24, 16))
    message = refused(
        *("sketch.png", "out.png", "--hints", "dabs.png", "--model", model, *size)
    )
    assert "dabs.png: the hints are 16 x 24 pixels" in message
    assert "sketch.png is 24 x 16" in message


def test_a_colour_photo(model):
    image = photo()
    share = np.mean(np.ptp(image, axis=-1) > 48)
    save("photo.png", image)
    message = refused("photo.png", "out.png", "--model", model)
    assert f"photo.png: {share:.0%} of the pixels are coloured" in message
    assert "--extract-lines" in message


def tinted_scan():
    """Yellowed paper, darker at one side, with the noise of a scanner."""
    light = np.linspace(1.0, 0.8, 24)[None, :, None]
    paper = line_art(16, 24)[..., None] / 255 * (245, 232, 205) * light
    noise = np.random.default_rng(0).normal(0, 3, paper.shape)
    return np.clip(paper + noise, 0, 255).astype("uint8")


def coloured_marks():
    """A few marks of a red pencil."""
    image = np.repeat(line_art()[..., None], 3, axis=-1)
    image[4:6, 5:19] = 230, 40, 40
    return image


def grey_photo():
    grey = photo().mean(axis=-1, keepdims=True).astype("uint8")
    return np.repeat(grey, 3, axis=-1)


@pytest.mark.parametrize("make", [tinted_scan, coloured_marks, grey_photo])
def test_scans_are_no_colour_photos(model, colorizer, make):
    path = save("sketch.png", make())
    succeed("colorize", path, "out.png", "--model", model)
    grey = decode_image(path, channels=1)[None]
    np.testing.assert_array_equal(pixels("out.png"), colorizer(grey)[0])


@pytest.mark.parametrize("height, width", [(1, 1), (3, 24), (16, 2)])
def test_a_sketch_smaller_than_the_smallest(model, height, width):
    image = np.zeros((height, width), "uint8")
    image[0, 0] = 255
    save("sketch.png", image)
    message = refused("sketch.png", "out.png", "--model", model)
    assert f"sketch.png: {width} x {height} pixels are too few" in message
    assert "the smallest picture for this model is 4 x 4. --size N" in message
    assert "too few" in refused(
        "sketch.png", "out.png", "--size", "3", "--model", model
    )
    succeed("colorize", "sketch.png", "out.png", "--size", "8", "--model", model)
    assert pixels("out.png").shape == (8, 8, 3)


def test_one_pixel_for_a_network_of_any_size():
    inputs = keras.Input((None, None, 5))
    model = Pix2PixColorizer(
        keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs)),
        patch_discriminator(channels=8, width=4, layers=1),
    )
    export.save(model, "model")
    save("sketch.png", np.zeros((1, 1), "uint8"))
    message = refused("sketch.png", "out.png", "--model", "model")
    assert "1 x 1 pixels are too few" in message and "is 2 x 2" in message


def test_a_network_of_one_size():
    inputs = keras.Input((8, 8, 5))
    model = Pix2PixColorizer(
        keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs)),
        patch_discriminator(channels=8, width=4, layers=1),
    )
    export.save(model, "model")
    save("sketch.png", line_art())
    message = refused("sketch.png", "out.png", "--model", "model")
    assert "sketch.png: Height and width of `line_art` must be 8 and 8" in message
    assert message.endswith("--size N resizes the sketch.\n")
    succeed("colorize", "sketch.png", "out.png", "--size", "8", "--model", "model")


@pytest.mark.parametrize("kind", ["png", "jpg", "grey.png", "bmp"])
def test_hints_without_transparency(model, kind):
    save("sketch.png", line_art())
    image = dabs()[..., 0] if kind == "grey.png" else dabs()[..., :3]
    path = save(f"dabs.{kind}", image)
    message = refused("sketch.png", "out.png", "--hints", path, "--model", model)
    assert f"dabs.{kind}: it has no transparency" in message
    assert "Save the hints as PNG with a transparent background" in message


@pytest.mark.parametrize("alpha", [128, 255])
def test_hints_opaque_everywhere(model, alpha):
    hints = dabs()
    hints[..., 3] = alpha
    save("sketch.png", line_art())
    save("dabs.png", hints)
    message = refused("sketch.png", "out.png", "--hints", "dabs.png", "--model", model)
    assert "dabs.png: every pixel is opaque" in message
    assert "Save the hints as PNG with a transparent background" in message
    hints[0, 0, 3] = 127
    save("dabs.png", hints)
    succeed(
        *("colorize", "sketch.png", "out.png", "--hints", "dabs.png"),
        *("--model", model),
    )


def test_refuses_before_it_loads_a_model(monkeypatch):
    monkeypatch.setattr(export, "load", None)
    save("in/a.png", line_art())
    save("in/a.jpg", line_art())
    save("in/a.jpg.png", line_art())
    save("other/a.png", line_art())
    save("dabs/b.png", dabs())
    save("twice/a.png", dabs())
    save("twice/a.gif", dabs())
    save("there.png", line_art())
    pathlib.Path("empty").mkdir()
    for arguments, message in (
        (["nothing.png", "out.png"], "no file or folder nothing.png"),
        (["in/a.png", "a.jpg"], "saved as PNG. Received: OUT a.jpg; give a name"),
        (["in/a.png", "there.png"], "there.png exists. Nothing is overwritten"),
        (["empty", "out"], "no image file in the folder"),
        (["in", "there.png"], "there.png is a file"),
        (["in", "out"], "would be saved as out/a.jpg.png"),
        (["in/a.png", "out.png", "--hints", "no.png"], "no file no.png"),
        (["in/a.png", "out.png", "--hints", "dabs"], "dabs is a folder"),
        (["other", "out", "--hints", "there.png"], "there.png is a file. Give the"),
        (["other", "out", "--hints", "no"], "There is no folder 'no'"),
        (["other", "out", "--hints", "dabs"], "for example: dabs/b.png"),
        (["other", "out", "--hints", "twice"], "hints for the same sketch"),
    ):
        assert message in refused(*arguments, "--model", "model")
    assert not pathlib.Path("out").exists()
    assert "OUT" in fail("colorize", "in/a.png", "--model", "model", status=2)
    wrong = ["in/a.png", "out.png", "--model", "model", "--size", "0"]
    assert "not a positive integer" in fail("colorize", *wrong, status=2)


def test_files_that_are_no_images(model):
    save("sketch.png", line_art())
    pathlib.Path("text.png").write_text("no image")
    message = refused("text.png", "out.png", "--model", model)
    assert "text.png: its content is not an image" in message
    message = refused("sketch.png", "out.png", "--hints", "text.png", "--model", model)
    assert "text.png: its content is not an image" in message
    message = refused("sketch.png", "out.png", "--model", "nothing")
    assert "There is no model at 'nothing'" in message


def test_a_model_of_another_kind(model):
    module = tf.Module()
    double = tf.function(
        lambda x: {"y": 2.0 * x}, input_signature=[tf.TensorSpec((None,), tf.float32)]
    )
    tf.saved_model.save(module, "double", signatures=double)
    save("sketch.png", line_art())
    message = refused("sketch.png", "out.png", "--model", "double")
    assert "not one of `keras_gans.export.save`" in message
    message = fail("translate", "sketch.png", "out.png", "--model", model)
    assert "not of translation: use keras-gans colorize" in message


def test_help():
    overview = succeed("--help").out
    assert "\n    colorize " in overview
    text = succeed("colorize", "--help").out
    assert "usage: keras-gans colorize" in text and "--traceback" in text
    assert max(map(len, text.splitlines())) <= 88


# Decoding of hints -----------------------------------------------------------------


def test_decoded_hints(tmp_path):
    hints = np.random.default_rng(0).integers(0, 256, (5, 7, 4), "uint8")
    for name in ("dabs.png", "dabs.webp"):
        options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
        Image.fromarray(hints).save(name, **options)
        np.testing.assert_array_equal(decode_hints(name), hints)
        received = decode_hints(pathlib.Path(name).read_bytes())
        np.testing.assert_array_equal(received, hints)
    # A transparent colour of a palette.
    palette = Image.fromarray(np.eye(3, dtype="uint8"), "P")
    palette.putpalette([9, 8, 7, 200, 30, 60])
    for name in ("palette.png", "palette.gif"):
        palette.save(name, transparency=0)
        received = decode_hints(name)
        np.testing.assert_array_equal(received[..., 3], 255 * np.eye(3))
        assert received[1, 1].tolist() == [200, 30, 60, 255]


def test_decoded_hints_are_turned_upright():
    hints = dabs()
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned clockwise.
    Image.fromarray(hints).save("turned.png", exif=exif)
    np.testing.assert_array_equal(decode_hints("turned.png"), np.rot90(hints, -1))


def test_hints_that_cannot_be_decoded():
    save("dabs.png", dabs())
    with pytest.raises(ImageError, match="oversized: 24 x 16 .* max_pixels=383"):
        decode_hints("dabs.png", max_pixels=383)
    content = pathlib.Path("dabs.png").read_bytes()
    with pytest.raises(ImageError, match="image bytes: cannot be decoded"):
        decode_hints(content[:-30])
    with pytest.raises(ImageError, match="image bytes: the file is empty"):
        decode_hints(b"")
    with pytest.raises(ValueError, match="`max_pixels` must be a positive integer"):
        decode_hints("dabs.png", max_pixels=0)
    with pytest.raises(TypeError, match="`source` must be the path or the bytes"):
        decode_hints(dabs())
    # Grey of 16 bits, of which one level is transparent: no picture of colours.
    grey = Image.fromarray(np.zeros((4, 4), "uint16"))
    grey.save("grey.png", transparency=0)
    with pytest.raises(ImageError, match="grey.png: it has no transparency"):
        decode_hints("grey.png")
