"""Components of the page: a canvas to draw on, and a picture.

The canvas is for mouse, finger and keyboard. `gradio.ImageEditor` tells of a stroke
when it is done, cannot be used by keyboard and blurs what is enlarged; here a picture
follows the pen.
"""

import base64
import html
import itertools
import pathlib

import gradio as gr
import numpy as np
from gradio import component_meta

from keras_gans.data.images import ImageError, decode_hints, decode_image, encode_png

# Pixels of a side: what is drawn is made smaller to the size of a model.
SIDE = 512
_SCRIPT = pathlib.Path(__file__).with_name("canvas.js")
_DATA = "data:image/png;base64,"
# Of what a browser sends; a drawing of this size has some 50 kB.
_MAX_CHARACTERS = 4_000_000
# Radio buttons of one name exclude each other all over the page.
_NUMBERS = itertools.count()


class _WithoutStub(component_meta.ComponentMeta):
    """Makes classes of components as Gradio does, but for one thing.

    Gradio (6.31) writes a file of type hints beside the source of each.
    """

    def __new__(cls, *arguments):
        write = component_meta.create_or_modify_pyi
        component_meta.create_or_modify_pyi = lambda *_: None
        try:
            return super().__new__(cls, *arguments)
        finally:
            component_meta.create_or_modify_pyi = write


class Canvas(gr.HTML, metaclass=_WithoutStub):
    """Paper that may have a picture on it, and pens.

    As an input it gives a pair: the picture on the paper, a uint8 array or `None`, and
    what was drawn, a uint8 RGBA array of `SIDE` pixels a side, or `None`. As an output
    it takes the picture, and nothing is drawn on it.

    Args:
        label: String, what it is for.
        colors: Dict from names to colours as in CSS, one of which one chooses; a single
            one is the pen's.
        pen_width: Integer, the width of a stroke in pixels at the start.
        paper: Colour of the paper.
        is_blank: Boolean, whether to draw on blank paper, into a frame. A picture on it
            is an example, which is gone when one draws.
        **options: Those of `gradio.HTML`.
    """

    def __init__(
        self, label, colors, pen_width, paper="white", is_blank=False, **options
    ):
        super().__init__(
            label=label,
            html_template=_template(label, colors, pen_width, paper, is_blank),
            js_on_load=_SCRIPT.read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_classes="canvas",
            **options,
        )

    def preprocess(self, payload):
        if not isinstance(payload, dict):
            return None, None
        background, strokes = payload.get("background"), payload.get("strokes")
        return (
            background and _decoded(background, decode_image, 1),
            strokes and _decoded(strokes, decode_hints, SIDE**2),
        )

    def postprocess(self, value):
        if not isinstance(value, np.ndarray):
            return value
        png = base64.b64encode(encode_png(value)).decode()
        return {"background": _DATA + png, "strokes": None}

    def api_info(self):
        return {"type": "object"}


class Picture(gr.Image, metaclass=_WithoutStub):
    """A picture; as an input the path of the file as it came, to be read by us.

    Gradio's own reading says where on the server the file lies when it is damaged. As
    an output it may have a single channel.
    """

    def preprocess(self, payload):
        return payload and payload.path

    def postprocess(self, value):
        if value is not None and value.shape[-1] == 1:
            value = value[..., 0]
        return super().postprocess(value)

    def get_block_name(self):
        return "image"


def _decoded(url, decode, argument):
    try:
        if not url.startswith(_DATA) or len(url) > _MAX_CHARACTERS:
            raise ValueError("It is no PNG of a data URL.")
        png = base64.b64decode(url.removeprefix(_DATA), validate=True)
        return decode(png, argument)
    except (AttributeError, ValueError, ImageError) as error:
        must = "The drawing could not be read; please draw it anew."
        raise gr.Error(must, print_exception=False) from error


def _template(label, colors, pen_width, paper, is_blank):
    """Returns the HTML. What is not visible in it is for screen readers."""
    label = html.escape(label)
    swatches = ""
    if len(colors) > 1:
        group = f"color-{next(_NUMBERS)}"
        radios = "".join(
            f'<label title="{name}"><input type="radio" name="{group}" value="{color}" '
            f'aria-label="{name}"{" checked" * (not number)} '
            f'style="--swatch: {color}"></label>'
            for number, (name, color) in enumerate(colors.items())
        )
        swatches = (
            f'<fieldset class="colors"><legend>Colour</legend>{radios}'
            '<label class="any" title="Any other colour"><input type="radio" '
            f'class="own" name="{group}" value="#808080" tabindex="-1" hidden>'
            '<input type="color" value="#808080" aria-label="Any other colour"></label>'
            "</fieldset>"
        )
    first = next(iter(colors.values()))
    return f"""
<div class="board" role="group" aria-label="{label}" data-color="{first}"
  data-vanishes="{"yes" * is_blank}">
  <div class="paper" style="background: {paper}">
    <canvas class="sketch" width="{SIDE}" height="{SIDE}" aria-hidden="true"></canvas>
    {'<div class="guide"></div>' if is_blank else ""}
    <canvas class="ink" width="{SIDE}" height="{SIDE}" tabindex="0" role="application"
      aria-label="{label}: draw with the mouse or a finger. By keyboard the arrow keys
      move the pen, and the space bar puts it down or lifts it."></canvas>
    <div class="pen"></div>
  </div>
  <div class="tools">
    {swatches}
    <label class="width"><span>Pen</span> <input type="range" min="8" max="128"
      step="4" value="{pen_width}" aria-label="Width of the pen"></label>
    <button type="button" class="undo" disabled>Undo</button>
    <button type="button" class="clear" disabled>Clear</button>
  </div>
  <p class="hidden-text" role="status"></p>
</div>"""
