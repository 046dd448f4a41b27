"""The demo's calls of models, and its page as the server gives it; no browser."""

import base64
import io
import os
import pathlib
import re
import socket
import sys

import numpy as np
import pytest
import requests
import small_exports
from PIL import Image
from small_exports import image_file, pictures

from keras_gans import export, serving
from keras_gans.cli import main
from keras_gans.data import drawings, handwritten_digits, street_digits
from keras_gans.models.styles import sample_styles
from keras_gans.serving.demo import abilities
from keras_gans.serving.demo.abilities import ABILITIES, Unusable

SAVED_MODELS = pathlib.Path(__file__).parents[2] / "saved_models"
CARD = {
    "colorizer": {"x": "drawings", "size": 32},
    "editor": {"x": "faces", "size": [small_exports.FACE_SIZE] * 2},
    "generator": {"x": "handwritten_digits"},
}


def save_all(root):
    """Saves a small model of each kind but translation."""
    models = {
        "colorizer": small_exports.colorizer(),
        "editor": small_exports.editor(),
        "generator": small_exports.gan(classes=4),
    }
    for name, model in models.items():
        metadata = {"configuration": CARD[name]}
        export.save(model, root / name, metadata=metadata)


def load(root, name):
    model = serving.find(root).latest(name)
    return ABILITIES[model.kind](model, export.load(model.path))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    save_all(root)
    return root


@pytest.fixture(scope="module")
def digits():
    return load(SAVED_MODELS, "digits")


def test_a_file_is_translated_there_and_back(digits, tmp_path):
    assert digits.size == (32, 32) and digits.has_style and digits.is_drawn
    assert digits.domains == {"x": "Handwritten digits", "y": "Street digits"}
    street = street_digits("test", 2)[0]
    # Of a wide picture the middle counts.
    wide = np.pad(street[0], ((0, 0), (20, 20), (0, 0)))
    path = tmp_path / "photo.png"
    path.write_bytes(image_file(wide))
    seen, handwritten, back = digits.translate(path, "yx")
    np.testing.assert_array_equal(seen, street[0])
    translator = digits.servable
    np.testing.assert_array_equal(handwritten, translator(street[:1], "yx")[0])
    # Back in its own style.
    style = translator.encode_style(street[:1])
    again = translator(handwritten[None], style=style)[0]
    np.testing.assert_array_equal(back, again)


def test_styles_of_the_slider_and_of_a_picture(digits):
    digit = handwritten_digits("test", 1)[0][0]
    x = np.repeat(digit, 3, axis=-1)
    for number in (0, 3):
        _, street, back = digits.translate(digit, "xy", number)
        wanted = digits.servable(x[None], seed=number)[0]
        np.testing.assert_array_equal(street, wanted)
        np.testing.assert_array_equal(back, digits.servable(street[None], "yx")[0])
    ends = [sample_styles(digits.servable.styles, 1, seed)[0] for seed in (2, 3)]
    np.testing.assert_allclose(
        digits._style(2.25, None), 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5
    )
    reference = street_digits("test", 1)[0][0]
    _, street, _ = digits.translate(digit, "xy", 3, reference)
    wanted = digits.servable(x[None], reference=reference[None])[0]
    np.testing.assert_array_equal(street, wanted)


def test_a_drawn_digit_is_one_that_is_uploaded(digits):
    digit = handwritten_digits("test", 1)[0][0]
    large = np.kron(digit, np.ones((16, 16, 1), "uint8"))
    # Made small again with an antialiased filter, it is nearly the same.
    drawn, uploaded = digits.draw(large, 5), digits.translate(digit, "xy", 5)[1]
    assert np.abs(drawn - uploaded.astype(int)).mean() < 6
    assert np.abs(digits.draw(digit, 4) - uploaded.astype(int)).mean() > 20


def test_sketches_and_strokes(root):
    colouring = load(root, "colorizer")
    assert colouring.size == (32, 32)
    drawing = drawings("test", 2)[0][1]
    np.testing.assert_array_equal(colouring.example(1), drawing)
    lines = colouring.sketch(drawing)
    assert lines.shape == (32, 32, 1) and np.median(lines) == 255 and lines.min() == 0
    # Lines are taken as they are.
    np.testing.assert_array_equal(colouring.sketch(lines), lines)
    plain = colouring.colour(lines)
    np.testing.assert_array_equal(plain, colouring.servable(lines[None])[0])
    strokes = np.zeros((512, 512, 4), "uint8")
    strokes[160:320, 160:320] = 255, 0, 0, 255
    strokes[:64, :64] = 0, 0, 255, 100  # The soft edge of a stroke is none.
    hints = np.zeros((1, 32, 32, 4), "uint8")
    hints[:, 10:20, 10:20] = 255, 0, 0, 255
    hinted = colouring.colour(lines, strokes)
    np.testing.assert_array_equal(hinted, colouring.servable(lines[None], hints)[0])
    assert (hinted != plain).any()


def test_attributes_are_seen_and_edited(root):
    editing = load(root, "editor")
    size = small_exports.FACE_SIZE
    assert editing.size == (size, size) and editing.has_mask
    assert editing.groups == (small_exports.HAIR,) and editing.alone == ("Smiling",)
    seen, names = editing.look(editing.example(0))
    assert seen.shape == (size, size, 3) and len({*names} & {*small_exports.HAIR}) < 2
    wanted = np.float32([[1, 0, 1]])  # In the order of `ATTRIBUTES`.
    edited, mask = editing.edit(seen, ["Blond_Hair", "Smiling"])
    both = editing.servable.edit(seen[None], attributes=wanted, return_mask=True)
    np.testing.assert_array_equal(edited, both[0][0])
    np.testing.assert_array_equal(mask, both[1][0])
    with_other_hair, _ = editing.edit(seen, ["Black_Hair", "Smiling"])
    assert (edited != with_other_hair).any()


def test_generated_pictures_and_what_lies_between(root):
    generation = load(root, "generator")
    assert generation.size == (4, 6) and generation.classes == 4
    ends = [generation.servable.generate(1, 2, seed)[0] for seed in (7, 8)]
    np.testing.assert_array_equal(generation.between(7, 8, 0, 2), ends[0])
    np.testing.assert_array_equal(generation.between(7, 8, 1, 2), ends[1])
    middle = generation.between(7, 8, 0.5, 2)
    assert all((middle != end).any() for end in ends)
    sheet = generation.sheet(7, 5, 2)
    assert sheet.shape == (5, 4, 6, 3)
    np.testing.assert_array_equal(sheet[0], ends[0])


def test_blends_of_normal_vectors_keep_their_length():
    first, last = np.float32(np.random.default_rng(0).normal(size=(2, 1, 64)))
    middle = abilities.blend(first, last, 0.5, spherical=True)
    lengths = [np.linalg.norm(vector) for vector in (first, middle, last)]
    assert lengths[1] > 0.9 * min(lengths)
    straight = abilities.blend(first, last, 0.5, spherical=False)
    np.testing.assert_allclose(straight, (first + last) / 2, rtol=1e-5)
    same = abilities.blend(first, first, 0.3, spherical=True)
    np.testing.assert_allclose(same, first, rtol=1e-5)


def damaged(kind):
    if kind == "corrupt":
        return image_file(pictures(3, 1)[0])[:200]
    if kind == "huge":
        stream = io.BytesIO()
        Image.new("1", (12_000, 12_000)).save(stream, "PNG")
        return stream.getvalue()
    return {"empty": b"", "text": b"no picture at all"}[kind]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("corrupt", "truncated or corrupt"),
        ("huge", "12000 x 12000"),
        ("empty", "empty"),
        ("text", "supported format"),
    ],
)
def test_files_that_cannot_be_used_are_told_in_a_sentence(
    digits, tmp_path, kind, words
):
    path = tmp_path / "mine.png"
    path.write_bytes(damaged(kind))
    with pytest.raises(Unusable, match=f"Not a usable picture: .*{words}") as info:
        digits.translate(path)
    assert str(tmp_path) not in str(info.value)


# The page -----------------------------------------------------------------------------


@pytest.fixture
def gradio():
    return pytest.importorskip("gradio", reason="the extra `demo` is not installed")


def components(page, kind):
    return [block for block in page.blocks.values() if isinstance(block, kind)]


def test_the_page_works_offline_and_shows_what_there_is(gradio, digits, root):
    from keras_gans.serving.demo import page

    several = [digits, *(load(root, name) for name in CARD), digits]
    with page.running(several, port=0) as url:
        assert url.startswith("http://127.0.0.1:")
        front = requests.get(url)
        assert "default-src 'self'" in front.headers["content-security-policy"]
        config = requests.get(f"{url}/config").json()
        style = requests.get(f"{url}/theme.css").text
    with pytest.raises(requests.ConnectionError):
        requests.get(url)
    assert config["analytics_enabled"] is False and not config["footer_links"]
    urls = re.findall(r"https?://[^'\"\s)]+", style + (config["css"] or ""))
    assert {*urls} <= {"http://www.w3.org/2000/svg"}  # A name, that nobody asks for.
    tabs = [c["props"]["label"] for c in config["components"] if c["type"] == "tabitem"]
    draw, translate = "Draw a digit: digits", "Translate: digits"
    others = ["Colour a sketch", "Edit a face", "Generate"]
    assert tabs == [draw, translate, *others, draw, translate]
    shown = [
        c["props"]
        for c in config["components"]
        if c["type"] in ("image", "slider", "radio", "number", "html", "uploadbutton")
    ]
    assert all(props["label"] for props in shown)


def test_a_drawing_travels_through_the_canvas(gradio):
    from keras_gans.serving.demo.components import Canvas

    canvas = Canvas("Paper", {"White": "white"}, 40)
    sketch = pictures(1, 1)[0]
    value = canvas.postprocess(sketch)
    strokes = pictures(4, 1)[0]
    png = base64.b64encode(image_file(strokes)).decode()
    value["strokes"] = f"data:image/png;base64,{png}"
    for received, sent in zip(canvas.preprocess(value), (sketch, strokes), strict=True):
        np.testing.assert_array_equal(received, sent)
    assert canvas.preprocess(None) == (None, None)
    # As Gradio does it, there would be files beside the sources.
    assert not [*pathlib.Path(abilities.__file__).parent.glob("*.pyi")]
    opaque = base64.b64encode(image_file(pictures(3, 1)[0])).decode()
    for broken in ("/etc/passwd", "data:image/png;base64,AAAA", 3, png, opaque):
        with pytest.raises(gradio.Error, match="could not be read"):
            canvas.preprocess({"strokes": broken})


def test_messages_of_the_page(gradio, digits):
    from keras_gans.serving.demo import tabs

    @tabs._answering
    def answer(value):
        raise Unusable(f"{value} is none.")

    with pytest.raises(gradio.Error, match="^'This is none.'$"):
        answer("This")
    with pytest.raises(Unusable, match="whole number"):
        tabs._seed_of(-1)


def test_the_command(capsys, monkeypatch, tmp_path, gradio):
    from keras_gans.serving.demo import page

    def served(abilities, host, port, ready):
        assert (host, port) == ("127.0.0.1", free)
        ready("http://here")

    monkeypatch.setattr(page, "serve", served)
    free = page.free_port("127.0.0.1", 0)
    assert main(["demo", str(SAVED_MODELS), "--port", str(free)]) == 0
    assert "http://here: digits, " in capsys.readouterr().out
    assert main(["demo", str(tmp_path), "--port", "0"]) == 1
    assert "There is no exported model in" in capsys.readouterr().err
    assert main(["demo", "--port", "-1"]) == 1
    assert "--port must be in" in capsys.readouterr().err
    for name in [
        name for name in sys.modules if name.startswith("keras_gans.serving.d")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(serving, "demo")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo"]) == 1
    assert "pip install 'keras_gans[demo]'" in capsys.readouterr().err


def test_damaged_models_are_left_out(gradio, root, tmp_path):
    from keras_gans.serving.demo import page

    save = tmp_path / "colorizer"
    (root / "colorizer").rename(save)
    try:
        (variables,) = (save / "1" / "variables").glob("*.index")
        content = variables.read_bytes()
        variables.write_bytes(b"nothing")
        catalog = serving.find(tmp_path)
        assert page.load_abilities(catalog) == []
        assert "cannot be loaded" in catalog.refused[save / "1"]
        variables.write_bytes(content)
    finally:
        save.rename(root / "colorizer")


def test_the_port_is_taken(gradio, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # Told before models are loaded.
        assert main(["demo", str(SAVED_MODELS), "--port", str(port)]) == 1
    said = capsys.readouterr()
    assert "give another --port" in said.err and "Loading" not in said.out


def test_a_proxy_is_not_asked_for_this_machine(gradio, root, monkeypatch):
    from keras_gans.serving.demo import page

    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # Nobody is there.
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    with page.running([load(root, "generator")], port=0):
        assert os.environ["NO_PROXY"] == "elsewhere,127.0.0.1,127.0.0.1"
    assert os.environ["NO_PROXY"] == "elsewhere" and "no_proxy" not in os.environ
