"""The demo's page in Chromium: what a visitor does, by mouse and by keyboard.

`KERAS_GANS_SCREENSHOTS=folder` keeps what it looks like.
"""

import contextlib
import io
import os
import pathlib
import time

import chromium
import numpy as np
import pytest
import requests
import small_exports
from chromium import until
from PIL import Image
from small_exports import image_file

from keras_gans import export, serving
from keras_gans.data import handwritten_digits, street_digits

pytestmark = [
    pytest.mark.browser,
    # Of Gradio's queue under pandas 3.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
SAVED_MODELS = pathlib.Path(__file__).parents[2] / "saved_models"
# Not trained, where there is no trained one of its kind.
SMALL = {
    "colorization": ("drawings", small_exports.colorizer),
    "editing": ("faces", small_exports.editor),
    "generation": ("handwritten_digits", small_exports.gan),
}


@pytest.fixture(scope="module")
def abilities(tmp_path_factory):
    pytest.importorskip("gradio", reason="the extra `demo` is not installed")
    from keras_gans.serving.demo import page

    chromium.skip_without()
    abilities = page.load_abilities(serving.find(SAVED_MODELS))
    kinds = {ability.servable.kind for ability in abilities}
    root = tmp_path_factory.mktemp("models")
    for kind, (source, make) in SMALL.items():
        if kind not in kinds:
            metadata = {"configuration": {"x": source, "size": 64}}
            export.save(make(), root / kind, metadata=metadata)
    return abilities + page.load_abilities(serving.find(root))


@pytest.fixture(scope="module")
def url(abilities):
    from keras_gans.serving.demo import page

    with page.running(abilities, port=0) as url:
        yield url


@pytest.fixture
def visitor(url, tmp_path, request):
    with Visitor.at(url, tmp_path) as visitor:
        yield visitor
        visitor.screenshot(request.node.name)
        assert chromium.complaints(visitor.browser) == []
        assert all(each.startswith(url) for each in chromium.requested(visitor.browser))


class Visitor:
    """Somebody with the page in front of them."""

    def __init__(self, browser):
        self.browser = browser
        until(lambda: self.all("[role=tab]"), "the page")

    @classmethod
    @contextlib.contextmanager
    def at(cls, url, downloads):
        with chromium.opened(url, downloads) as browser:
            yield cls(browser)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def shown(self, selector):
        """The only element of that selector that is to be seen."""

        def find():
            found = [each for each in self.all(selector) if each.is_displayed()]
            assert len(found) < 2, f"{selector} is there {len(found)} times"
            return found

        return until(find, selector)[0]

    def tab(self, name):
        until(
            lambda: [tab for tab in self.all("[role=tab]") if tab.text == name], name
        )[0].click()

    def source(self, alt):
        """The address of a picture, `None` if there is none."""
        pictures = [
            each for each in self.all(f"img[alt='{alt}']") if each.is_displayed()
        ]
        return pictures[0].get_attribute("src") if pictures else None

    def pixels(self, alt, other_than=None):
        """Waits for a picture, another than before, and returns its pixels."""
        source = until(
            lambda: (src := self.source(alt)) != other_than and src, f"a new {alt!r}"
        )
        return np.array(Image.open(io.BytesIO(requests.get(source).content)))

    def settled(self, alt):
        """Waits until a picture stays as it is, and returns its pixels."""
        seen, since = None, 0.0

        def stays():
            nonlocal seen, since
            if (source := self.source(alt)) != seen:
                seen, since = source, time.monotonic()
            return seen and time.monotonic() - since > 2

        until(stays, f"a last {alt!r}")
        return self.pixels(alt)

    def upload(self, path, place=".picture.input"):
        (field,) = [
            each
            for each in self.all(f"{place} input[type=file]")
            if each.find_element(
                "xpath", "ancestor::*[@role='tabpanel']"
            ).is_displayed()
        ]
        field.send_keys(os.fspath(path))

    def paper(self):
        return self.shown("canvas.ink")

    def draw(self, *points):
        """Draws a line between points, in shares of the paper's sides."""
        from selenium.webdriver import ActionChains

        paper = self.paper()
        side = paper.size["width"]
        chain = ActionChains(self.browser, duration=50)
        for number, point in enumerate(points):
            x, y = (round((share - 0.5) * side) for share in point)
            chain.move_to_element_with_offset(paper, x, y)
            if number == 0:
                chain.click_and_hold()
        chain.release().perform()

    def ink(self):
        """How much of the paper is drawn on."""
        script = (
            "const c = arguments[0]; const d = c.getContext('2d').getImageData(0, 0, "
            "c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) "
            "n += d[i] > 127; return n / (c.width * c.height);"
        )
        return self.browser.execute_script(script, self.paper())

    def message(self):
        return until(
            lambda: " ".join(
                each.text for each in self.all("[data-testid=toast-body]")
            ),
            "a message",
        )

    def screenshot(self, name):
        if folder := os.environ.get("KERAS_GANS_SCREENSHOTS"):
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
            height = self.browser.execute_script("return document.body.scrollHeight")
            self.browser.set_window_size(1280, max(700, height + 40))
            self.browser.save_screenshot(os.fspath(pathlib.Path(folder, f"{name}.png")))


def one_of(abilities, kind):
    return next(each for each in abilities if each.servable.kind == kind)


def test_draw_a_digit_and_see_it_while_drawing(visitor):
    visitor.tab("Draw a digit")
    before = visitor.source("Street digits")
    visitor.draw((0.35, 0.2), (0.65, 0.2), (0.45, 0.85))
    visitor.pixels("Street digits", before)
    seven = visitor.settled("Street digits")
    assert seven.shape == (32, 32, 3) and 0.05 < visitor.ink() < 0.5
    until(lambda: visitor.shown(".undo").is_enabled(), "undo")
    before = visitor.source("Street digits")
    visitor.draw((0.4, 0.5), (0.7, 0.5))
    visitor.pixels("Street digits", before)
    assert (visitor.settled("Street digits") != seven).any()
    drawn = visitor.ink()
    visitor.shown(".undo").click()
    assert visitor.ink() < drawn
    until(lambda: (visitor.pixels("Street digits") == seven).all(), "the seven again")
    # Another style.
    before = visitor.source("Street digits")
    visitor.shown("input[type=range][aria-label*=Style]").send_keys("\ue014" * 20)
    assert (visitor.pixels("Street digits", before) != seven).any()


def test_draw_by_keyboard(visitor):
    from selenium.webdriver.common.keys import Keys

    visitor.tab("Draw a digit")
    before = visitor.source("Street digits")
    paper = visitor.paper()
    paper.send_keys(Keys.ARROW_UP * 10, " ", Keys.ARROW_DOWN * 20, " ")
    visitor.pixels("Street digits", before)
    ink = visitor.ink()
    assert 0.08 < ink < 0.2
    # The pen is up: it moves and does not draw.
    paper.send_keys(Keys.ARROW_RIGHT * 5)
    assert visitor.ink() == ink
    paper.send_keys(Keys.CONTROL, "z")
    assert visitor.ink() == 0


def test_upload_translate_and_download(visitor, abilities, tmp_path):
    from keras_gans.serving.demo.tabs import STYLE

    translation = one_of(abilities, "translation")
    digit = handwritten_digits("test", 4)[0][3]
    (tmp_path / "digit.png").write_bytes(image_file(digit))
    visitor.tab("Translate")
    before = visitor.source("Translation")
    # An example lies there: away with it.
    visitor.shown(".picture.input button[aria-label*=Remove]").click()
    until(lambda: visitor.source("Translation") is None, "no translation")
    visitor.upload(tmp_path / "digit.png")
    street = visitor.pixels("Translation", before)
    seen, wanted, back = translation.translate(digit, "xy", STYLE)
    np.testing.assert_array_equal(street, wanted)
    np.testing.assert_array_equal(visitor.pixels("What the model sees"), seen)
    np.testing.assert_array_equal(visitor.pixels("And back again"), back)

    # In the style of a picture.
    reference = street_digits("test", 2)[0][1]
    (tmp_path / "street.png").write_bytes(image_file(reference))
    before = visitor.source("Translation")
    visitor.upload(tmp_path / "street.png", ".picture.reference")
    street = visitor.pixels("Translation", before)
    wanted = translation.translate(digit, "xy", STYLE, reference)[1]
    np.testing.assert_array_equal(street, wanted)

    large = visitor.shown(".picture.large a[download]")
    large.click()
    (file,) = until(
        lambda: [*tmp_path.glob("image*.png")], "the file that is downloaded"
    )
    np.testing.assert_array_equal(np.array(Image.open(file)), wanted)


def is_translated(visitor, abilities, before):
    """Whether a new translation is that of the picture that is shown."""
    from keras_gans.serving.demo.tabs import STYLE

    street = visitor.pixels("Translation", before)
    translation = one_of(abilities, "translation")
    # A camera gives opaque pictures with an alpha channel.
    picture = visitor.pixels("Picture")[..., :3]
    wanted = translation.translate(picture, "xy", STYLE)[1]
    return np.array_equal(street, wanted)


def test_a_picture_of_the_camera(visitor, abilities):
    visitor.tab("Translate")
    before = visitor.source("Translation")
    visitor.shown(".picture.input button[aria-label*=Remove]").click()
    until(lambda: visitor.source("Translation") is None, "no translation")
    visitor.shown(".picture.input button[aria-label*=camera]").click()
    until(
        lambda: [b for b in visitor.all("button") if "Access Webcam" in b.text],
        "the question for the camera",
    )[0].click()
    visitor.shown(".picture.input button[aria-label*='capture photo']").click()
    assert is_translated(visitor, abilities, before)


def test_a_picture_of_the_clipboard(visitor, abilities):
    # A white bar is copied.
    visitor.browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    copied = visitor.browser.execute_async_script("""
        const done = arguments[0], canvas = document.createElement('canvas');
        canvas.width = canvas.height = 32;
        const ink = canvas.getContext('2d');
        ink.fillRect(0, 0, 32, 32);
        ink.fillStyle = 'white';
        ink.fillRect(12, 4, 6, 24);
        canvas.toBlob(file => navigator.clipboard.write(
            [new ClipboardItem({'image/png': file})]
        ).then(() => done(true), error => done('' + error)));
        """)
    assert copied is True
    visitor.tab("Translate")
    before = visitor.source("Translation")
    visitor.shown(".picture.input button[aria-label*=Remove]").click()
    until(lambda: visitor.source("Translation") is None, "no translation")
    visitor.shown(".picture.input button[aria-label*=Paste]").click()
    assert is_translated(visitor, abilities, before)
    bar = np.zeros((32, 32), "uint8")
    bar[4:28, 12:18] = 255
    assert (visitor.pixels("Picture")[..., :3] == bar[..., None]).all()


def test_the_way_back_and_other_examples(visitor):
    visitor.tab("Translate")
    first = visitor.pixels("Translation")
    before = visitor.source("Translation")
    visitor.shown("input[type=radio][value=yx]").click()
    other = visitor.pixels("Translation", before)
    assert (other != first).any()
    before = visitor.source("Translation")
    (button,) = [b for b in visitor.all("button") if b.text == "Another example"]
    button.click()
    assert (visitor.pixels("Translation", before) != other).any()


@pytest.mark.parametrize("kind", ["corrupt", "huge"])
def test_a_file_that_is_none_gets_a_message(visitor, tmp_path, kind):
    visitor.tab("Translate")
    path = tmp_path / "mine.png"
    if kind == "huge":
        Image.new("1", (12_000, 12_000)).save(path)
    else:
        path.write_bytes(image_file(np.zeros((32, 32, 3), "uint8"))[:60])
    visitor.shown(".picture.input button[aria-label*=Remove]").click()
    until(lambda: visitor.source("Translation") is None, "no translation")
    visitor.upload(path)
    text = visitor.message()
    assert "Not a usable picture: " in text and "/" not in text
    # And it is gone.
    until(lambda: visitor.source("Picture") is None, "an empty place")


def test_colour_a_sketch(visitor, abilities, tmp_path):
    visitor.tab("Colour a sketch")
    plain = visitor.pixels("Coloured")
    before = visitor.source("Coloured")
    visitor.shown("input[type=radio][aria-label=Blue]").click()
    visitor.draw((0.3, 0.3), (0.7, 0.7))
    hinted = visitor.pixels("Coloured", before)
    assert (hinted != plain).any()
    visitor.shown(".undo").click()
    until(lambda: (visitor.pixels("Coloured") == plain).all(), "the plain one again")
    # A picture of one's own.
    drawing = one_of(abilities, "colorization").example(5)
    (tmp_path / "drawing.png").write_bytes(image_file(drawing))
    before = visitor.source("Coloured")
    (field,) = visitor.all("input[type=file][data-testid*=upload-button]")
    field.send_keys(os.fspath(tmp_path / "drawing.png"))
    coloured = visitor.pixels("Coloured", before)
    colouring = one_of(abilities, "colorization")
    wanted = colouring.colour(colouring.sketch(drawing))
    np.testing.assert_array_equal(coloured, wanted)
    assert visitor.ink() == 0


def test_edit_a_face(visitor):
    visitor.tab("Edit a face")
    visitor.pixels("Edited")
    visitor.pixels("Where it paints")
    before = visitor.source("Edited")
    boxes = [b for b in visitor.all("input[type=checkbox]") if b.is_displayed()]
    boxes[0].click()
    visitor.pixels("Edited", before)
    before = visitor.source("Edited")
    (button,) = [b for b in visitor.all("button") if b.text == "Another example"]
    button.click()
    visitor.pixels("Edited", before)


def test_generate(visitor):
    visitor.tab("Generate")
    visitor.pixels("Between the two")
    before = visitor.source("Between the two")
    visitor.shown("input[type=range][aria-label*='From the first']").send_keys(
        "\ue014" * 30
    )
    visitor.pixels("Between the two", before)
    before = visitor.source("24 pictures")
    (button,) = [b for b in visitor.all("button") if b.text == "Others"]
    button.click()
    visitor.pixels("24 pictures", before)


def test_two_visitors_do_not_see_each_other(visitor, url, abilities, tmp_path):
    from keras_gans.serving.demo.tabs import STYLE

    translation = one_of(abilities, "translation")
    digits = handwritten_digits("test", 3)[0][1:]
    with Visitor.at(url, tmp_path) as other:
        both = list(zip((visitor, other), digits, strict=True))
        for number, (each, digit) in enumerate(both):
            each.tab("Translate")
            each.shown(".picture.input button[aria-label*=Remove]").click()
            until(lambda: each.source("Translation") is None, "no translation")
            (tmp_path / f"{number}.png").write_bytes(image_file(digit))
        for number, (each, digit) in enumerate(both):
            each.upload(tmp_path / f"{number}.png")
        for each, digit in both:
            street = each.pixels("Translation")
            np.testing.assert_array_equal(
                street, translation.translate(digit, "xy", STYLE)[1]
            )


def test_everything_has_a_name_and_can_be_reached_by_keyboard(visitor):
    for tab in [each.text for each in visitor.all("[role=tab]")]:
        visitor.tab(tab)
        for each in visitor.all("button, input, select, textarea, a[href], canvas.ink"):
            # Gradio measures copies of its tabs, which only eyes could find.
            is_copy = each.find_elements("xpath", "ancestor::*[@aria-hidden='true']")
            if each.is_displayed() and not is_copy:
                assert each.accessible_name.strip(), each.get_attribute("outerHTML")
        for image in visitor.all("img"):
            if image.is_displayed():
                assert image.get_attribute("alt"), image.get_attribute("outerHTML")
