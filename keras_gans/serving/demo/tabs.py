"""What each kind of model can do, a tab for each: the components and what happens."""

import functools

import gradio as gr

from keras_gans.serving.demo.abilities import Unusable
from keras_gans.serving.demo.components import SIDE, Canvas, Picture

# How many styles the slider has, the first that is shown, and how many pictures the
# sheet of a generator has.
_STYLES, STYLE, _SHEET = 20, 3, 24
# A picture of fewer pixels a side is shown with its pixels as squares.
_LARGE = 128
_COLORS = {
    "Red": "#e03131",
    "Orange": "#f08c00",
    "Yellow": "#ffd43b",
    "Green": "#51a63c",
    "Dark green": "#2b6a3a",
    "Sky blue": "#8fd3f4",
    "Blue": "#3b5bdb",
    "Violet": "#8a55d7",
    "Pink": "#f3a6c8",
    "Skin": "#e8b48c",
    "Brown": "#85552e",
    "Grey": "#868e96",
    "White": "#ffffff",
    "Black": "#1a1a1a",
}


def add_tabs(ability, suffix):
    """Adds the tabs of what a model can do; the suffix tells them from others."""
    for kind, title, fill in TABS:
        if kind == ability.servable.kind and (fill is not _draw or ability.is_drawn):
            # All that belongs to one lies in it: next to tabs, Gradio counts a state as
            # another.
            with gr.Tab(f"{title}{suffix}"):
                fill(ability)


# Tabs ---------------------------------------------------------------------------------


def _draw(ability):
    title = ability.domains["y"]
    first = ability.example(0)
    with gr.Row(elem_classes="work"):
        with gr.Column():
            _heading("Your digit", "Write one digit, as large as the frame.")
            paper = {"paper": "black", "is_blank": True, "value": first}
            canvas = Canvas("Your digit", {"White": "white"}, SIDE * 5 // 32, **paper)
        with gr.Column():
            _heading(title, "It follows your pen.")
            drawn = None if first is None else ability.draw(first, STYLE)
            result = _output(ability, title, drawn)
            style = _style_slider(ability)

    def draw(drawing, style):
        example, strokes = drawing
        drawn = example if strokes is None else strokes[..., 3:]
        return None if drawn is None else ability.draw(drawn, style)

    _live([canvas.input, style.input], draw, [canvas, style], [result])


def _translate(ability):
    first = ability.example(0)
    if first is not None:
        first = ability.translate(first, "xy", STYLE)
    names = {
        d: f"{ability.domains[d[0]]} → {ability.domains[d[1]].lower()}"
        for d in ability.directions
    }
    with gr.Row(elem_classes="work"):
        with gr.Column():
            _heading("Your picture", "Its middle is what the model gets to see.")
            picture = _input(ability, "Picture", "input", first and first[0])
            another = _another(first)
            direction = gr.Radio(
                [(name, d) for d, name in names.items()],
                value="xy",
                label="Direction",
                visible=len(names) > 1,
            )
            style = _style_slider(ability)
            with gr.Column(visible=ability.has_style):
                caption = "Or in the style of a picture"
                gr.Markdown(caption, elem_classes="caption")
                reference = _input(ability, caption, "reference")
        with gr.Column():
            _heading("Translation")
            result = _output(ability, "Translation", first and first[1])
            with gr.Row():
                seen = _small(ability, "What the model sees", first and first[0])
                back = _small(
                    ability, "And back again", first and first[2], len(names) > 1
                )

    def translate(picture, *options):
        if picture is None:
            return None, None, None
        seen, translated, back = ability.translate(picture, *options)
        return translated, seen, back

    def example(number, direction):
        return [ability.example(number, direction[0])]

    changes = [picture.change, direction.input, style.input, reference.change]
    inputs = [picture, direction, style, reference]
    _live(changes, translate, inputs, [result, seen, back], clears=picture)
    _next_example(another.click, example, [direction], [picture])
    # An example of the one side is none of the other.
    if first is not None:
        _next_example(direction.input, example, [direction], [picture], 0)


def _colour(ability):
    first = ability.example(1)
    if first is not None:
        first = ability.sketch(first)
    with gr.Row(elem_classes="work"):
        with gr.Column():
            _heading("Sketch", "Put dabs of colour where they belong.")
            canvas = Canvas("Sketch", _COLORS, SIDE // 16, value=first)
            with gr.Row():
                upload = gr.UploadButton("Your own picture", file_types=["image"])
                another = _another(first)
        with gr.Column():
            _heading("Coloured", "It follows your strokes.")
            painted = None if first is None else ability.colour(first)
            result = _output(ability, "Coloured", painted)

    def colour(drawing):
        sketch, strokes = drawing
        return None if sketch is None else ability.colour(sketch, strokes)

    def take(path):
        sketch = ability.sketch(path)
        return sketch, ability.colour(sketch)

    def example(number):
        return take(ability.example(number))

    _live([canvas.input], colour, [canvas], [result])
    _once(upload.upload, take, [upload], [canvas, result])
    _next_example(another.click, example, [], [canvas, result], 2)


def _edit(ability):
    first = ability.example(0)
    has = []
    if first is not None:
        first, has = ability.look(first)
    with gr.Row(elem_classes="work"):
        with gr.Column():
            _heading("Your picture", "Its middle is what the model gets to see.")
            picture = _input(ability, "Picture", "input", first)
            another = _another(first)
            groups = [_choice(group, has) for group in ability.groups]
            alone = gr.CheckboxGroup(
                [(_words(name), name) for name in ability.alone],
                value=[name for name in has if name in ability.alone],
                label="Has",
                visible=bool(ability.alone),
            )
        with gr.Column():
            _heading("Edited", "Change what the model saw in the picture.")
            edited = (None, None) if first is None else ability.edit(first, has)
            result = _output(ability, "Edited", edited[0])
            with gr.Row():
                seen = _small(ability, "What the model sees", first)
                mask = _small(ability, "Where it paints", edited[1], ability.has_mask)

    def look(picture):
        if picture is None:
            return None, None, None, *("" for _ in groups), []
        seen, has = ability.look(picture)
        edited, mask = ability.edit(seen, has)
        chosen = [next((n for n in has if n in group), "") for group in ability.groups]
        others = [name for name in has if name in ability.alone]
        return edited, seen, mask, *chosen, others

    def edit(picture, *chosen):
        if picture is None:
            return None, None
        *chosen, others = chosen
        return ability.edit(picture, [*chosen, *others])

    controls = [*groups, alone]
    outputs = [result, seen, mask, *controls]
    _live([picture.change], look, [picture], outputs, clears=picture)
    changes = [control.input for control in controls]
    _live(changes, edit, [picture, *controls], [result, mask])
    _next_example(another.click, lambda n: [ability.example(n)], [], [picture])


def _generate(ability):
    with gr.Row(elem_classes="work"):
        with gr.Column():
            _heading("On the way", "Two random pictures, and what lies between them.")
            result = _output(ability, "Between the two", ability.between(0, 1, 0.5, 0))
            share = gr.Slider(
                0, 1, 0.5, step=0.01, label="From the first to the second", buttons=[]
            )
            with gr.Row():
                first = gr.Number(0, label="Seed of the first", **_SEED)
                last = gr.Number(1, label="Seed of the second", **_SEED)
            label = gr.Dropdown(
                [*range(ability.classes or 0)],
                value=0 if ability.classes else None,
                label="Class",
                visible=bool(ability.classes),
            )
        with gr.Column():
            _heading(f"{_SHEET} more", "All of them are new.")
            drawn = _sheet_of(ability, 0, 0)
            sheet = _output(ability, f"{_SHEET} pictures", drawn, "sheet")
            seed = gr.Number(0, label="Seed of these", **_SEED)
            another = gr.Button("Others", variant="primary")

    def between(first, last, share, label):
        return ability.between(_seed_of(first), _seed_of(last), share, label)

    def draw_sheet(seed, label):
        return _sheet_of(ability, _seed_of(seed), label)

    changes = [share.input, first.input, last.input, label.input]
    _live(changes, between, [first, last, share, label], [result])
    _live([seed.change, label.input], draw_sheet, [seed, label], [sheet])
    _once(another.click, lambda seed: _seed_of(seed) + 1, [seed], [seed])


# Kind of model, title and function of each, in their order on the page.
TABS = (
    ("translation", "Draw a digit", _draw),
    ("translation", "Translate", _translate),
    ("colorization", "Colour a sketch", _colour),
    ("editing", "Edit a face", _edit),
    ("generation", "Generate", _generate),
)


# What tabs are made of ----------------------------------------------------------------

_QUIET = {"show_progress": "hidden", "api_visibility": "private"}
_SEED = {"precision": 0, "minimum": 0, "maximum": 2**31 - 1, "min_width": 100}


def _heading(title, text=""):
    # The same height with and without a text, so that pictures are in line.
    gr.Markdown(f"## {title}\n{text or '&nbsp;'}", elem_classes="heading")


def _picture(ability, label, value, *classes, **options):
    pixels = ["pixels"] if max(ability.size) < _LARGE else []
    return Picture(
        value,
        label=label,
        show_label=False,
        alt_text=label,
        format="png",
        elem_classes=["picture", *classes, *pixels],
        **options,
    )


def _output(ability, label, value=None, kind="large"):
    options = {"interactive": False, "buttons": ["download", "fullscreen"]}
    return _picture(ability, label, value, kind, **options)


def _small(ability, label, value=None, visible=True):
    with gr.Column(min_width=140, visible=visible):
        gr.Markdown(label, elem_classes="caption")
        return _output(ability, label, value, "small")


def _input(ability, label, kind, value=None):
    sources = ["upload", "clipboard", *["webcam"] * (kind == "input")]
    options = {"sources": sources, "buttons": []}
    return _picture(ability, label, value, "takes", kind, **options)


def _another(first):
    return gr.Button("Another example", visible=first is not None)


def _style_slider(ability):
    return gr.Slider(
        0,
        _STYLES,
        value=STYLE,
        step=0.05,
        label="Style",
        info="In between, styles blend.",
        visible=ability.has_style,
        buttons=[],
    )


def _choice(group, has):
    """One of several attributes that exclude each other, or none of them."""
    words = [_words(name).split() for name in group]
    ending = words[0][-1]
    if all(len(each) > 1 and each[-1] == ending for each in words):
        names, label = [" ".join(each[:-1]) for each in words], ending.capitalize()
    else:
        names, label = [" ".join(each) for each in words], "One of these"
    return gr.Radio(
        [*zip(names, group), ("None of these", "")],
        value=next((name for name in has if name in group), ""),
        label=label,
    )


def _words(name):
    return name.replace("_", " ").capitalize()


def _sheet_of(ability, seed, label):
    images = ability.sheet(seed, _SHEET, label)
    height, width, channels = images.shape[1:]
    rows = images.reshape(4, -1, height, width, channels)
    return rows.swapaxes(1, 2).reshape(4 * height, -1, channels)


def _seed_of(number):
    if number is None or not 0 <= number < 2**31:
        raise Unusable("A seed is a whole number, zero or larger.")
    return int(number)


# What happens -------------------------------------------------------------------------


def _answering(function):
    """What cannot be used becomes a message on the page, not a traceback in the log."""

    @functools.wraps(function)
    def answer(*values):
        try:
            return function(*values)
        except Unusable as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answer


def _live(triggers, function, inputs, outputs, clears=None):
    """Calls a function at each event; while it runs, only the last one waits.

    `clears` is what is emptied if it fails.
    """
    options = {"trigger_mode": "always_last", **_QUIET}
    event = gr.on(triggers, _answering(function), inputs, outputs, **options)
    if clears is not None:
        event.failure(lambda: None, None, [clears], **_QUIET)


def _once(trigger, function, inputs, outputs):
    """Calls a function at an event."""
    trigger(_answering(function), inputs, outputs, **_QUIET)


def _next_example(trigger, example, inputs, outputs, number=1):
    """Shows one example after the other, from that of a number on."""
    state = gr.State(number)

    def show(number, *values):
        return number + 1, *example(number, *values)

    _once(trigger, show, [state, *inputs], [state, *outputs])
