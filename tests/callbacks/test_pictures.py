"""Pictures of what a model makes while it trains."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.callbacks import (
    Pictures,
    attribute_grid,
    colorization_grid,
    generated_grid,
    generated_scatter,
    paired_grid,
    samples_grid,
    translation_grid,
)
from keras_gans.callbacks.grids import GAP
from keras_gans.models.attribute_choices import AttributeChoices


class Translator:
    """Domain X in grey, Y in colour; every translation is a colour of its own."""

    def __init__(self, x_channels=1, y_channels=3):
        self.iterations = 0
        self.channels = {"xy": y_channels, "yx": x_channels}
        self.asked = []

    def __call__(self, images, direction="xy"):
        self.asked.append(direction)
        images = np.asarray(images)
        mean = images.mean(-1, keepdims=True)
        shift = {"xy": 0.25, "yx": -0.125}[direction]
        channels = self.channels[direction]
        return tf.constant(np.repeat(mean * 0.5 + shift, channels, axis=-1))


def images(count, channels, size=32):
    shape = count, size, size, channels
    return np.random.default_rng(channels).uniform(-1, 1, shape).astype("float32")


def drive(grid, model, last, first=0):
    model.iterations = first
    grid.set_model(model)
    grid.on_train_begin()
    while model.iterations < last:
        model.iterations += 1
        grid.on_train_batch_end(0, {})
    grid.on_train_end()


def shown(path):
    return np.asarray(Image.open(path))


def names(directory):
    return sorted(path.name for path in directory.iterdir())


# The callback -----------------------------------------------------------------------


def draw(model):
    return np.full((4, 6, 3), model.iterations, "uint8")


def test_pictures_at_the_iterations_at_start_and_end(tmp_path):
    pictures = Pictures(tmp_path / "new", draw, save_freq=4, iterations=(5, 6))
    drive(pictures, Translator(), 9)
    assert names(tmp_path / "new") == [
        f"iteration_{iteration:06d}.png" for iteration in (0, 4, 5, 6, 8, 9)
    ]
    for iteration in (0, 6, 9):
        picture = shown(tmp_path / "new" / f"iteration_{iteration:06d}.png")
        assert picture.shape == (4, 6, 3) and (picture == iteration).all()


def test_resumed_run_goes_on(tmp_path):
    drive(Pictures(tmp_path, draw, save_freq=4), Translator(), 9, first=5)
    assert names(tmp_path) == ["iteration_000008.png", "iteration_000009.png"]


def test_batches_without_an_iteration_have_no_picture(tmp_path):
    model, drawn = Translator(), []
    pictures = Pictures(tmp_path, lambda model: drawn.append(0) or draw(model), 1)
    pictures.set_model(model)
    pictures.on_train_begin()
    for iteration in (0, 0, 1, 1, 1, 2):  # Critic steps in between.
        model.iterations = iteration
        pictures.on_train_batch_end(0, {})
    assert len(drawn) == 3


def test_tensorboard_when_asked(tmp_path):
    events = tmp_path / "events"
    pictures = Pictures(
        tmp_path / "samples", draw, save_freq=2, tensorboard_directory=events
    )
    drive(pictures, Translator(), 3)
    (path,) = events.iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[event.step] = value.tag, value.tensor.string_val[2]
    assert sorted(found) == [0, 2, 3]
    for iteration, (tag, content) in found.items():
        assert tag == "samples"
        saved = tmp_path / "samples" / f"iteration_{iteration:06d}.png"
        np.testing.assert_array_equal(tf.io.decode_png(content), shown(saved))


def test_what_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Pictures(tmp_path / "file" / "samples", draw)
    with pytest.raises(TypeError, match="`draw` must be a function of the model"):
        Pictures(tmp_path, np.zeros((4, 4, 3), "uint8"))
    with pytest.raises(ValueError, match="`save_freq` must be a positive integer"):
        Pictures(tmp_path / "new", draw, save_freq=0)
    assert not (tmp_path / "new").exists()


# Translation ------------------------------------------------------------------------


def assert_rows_show(rows, expected):
    """Rows of a picture show images in [-1, 1]."""
    size = expected[0].shape[1]
    assert len(rows) == len(expected) * size
    for number, row in enumerate(expected):
        for column, image in enumerate(np.asarray(row)):
            cell = rows[number * size :, column * size :][:size, :size]
            levels = (image + 1) * 127.5
            np.testing.assert_allclose(
                cell, np.broadcast_to(levels, cell.shape), atol=0.501
            )


@pytest.mark.parametrize("x_channels, y_channels", [(1, 3), (3, 1), (1, 1), (3, 3)])
def test_picture_shows_what_the_model_makes(x_channels, y_channels):
    size, count, zoom = 16, 3, 4
    x, y = images(count, x_channels, size), images(count, y_channels, size)
    model = Translator(x_channels, y_channels)
    picture = translation_grid(model, x, y)
    height = (6 * size + GAP) * zoom
    assert picture.shape == (height, count * size * zoom, 3)
    # Each pixel is shown as a square of `zoom` pixels.
    small = picture[::zoom, ::zoom]
    np.testing.assert_array_equal(small.repeat(zoom, 0).repeat(zoom, 1), picture)
    line = small[3 * size : 3 * size + GAP]
    assert (line == 255).all()

    fake_y, fake_x = model(x), model(y, direction="yx")
    expected = (x, fake_y, model(fake_y, "yx"), y, fake_x, model(fake_x))
    rows = np.delete(small, np.s_[3 * size : 3 * size + GAP], axis=0)
    assert_rows_show(rows, expected)


def test_large_images_are_not_enlarged():
    picture = translation_grid(Translator(), images(1, 1, 80), images(1, 3, 80))
    assert picture.shape == (6 * 80 + GAP, 80, 3)
    assert picture.dtype == np.uint8


def test_as_many_images_of_both_domains():
    with pytest.raises(ValueError, match="Received: 2 and 3 images"):
        translation_grid(Translator(), images(2, 1), images(3, 3))


def test_one_way_and_paired_translations():
    x, y, model = images(2, 1, 64), images(2, 3, 64), Translator()
    one_way = Translator()
    one_way.directions = {"xy": "generator"}
    for picture in (translation_grid(model, x), translation_grid(one_way, x, y)):
        assert_rows_show(picture, (x, model(x)))
    assert one_way.asked == ["xy"]
    assert_rows_show(paired_grid(model, x, y), (x, model(x), y))


# Generators -------------------------------------------------------------------------


class GenerativeModel:
    """Every sample is a random grey level, image or point, shifted by `weight`."""

    def __init__(self, sample_shape=(16, 24, 3), classes=None):
        self.weight = 0.0
        self.sample_shape = sample_shape
        self.classes = classes
        self.calls = []

    def generate(self, n, labels=None, seed=None):
        self.calls.append((n, None if labels is None else list(labels), seed))
        shape = n, *self.sample_shape
        samples = np.random.default_rng(seed).uniform(-0.8, 0.8, shape)
        return tf.constant(samples + self.weight, tf.float32)


def test_same_latent_vectors_at_every_time():
    model = GenerativeModel()
    pictures = [samples_grid(model, count=5, seed=3) for _ in range(2)]
    assert set((n, seed) for n, _, seed in model.calls) == {(5, 3)}
    np.testing.assert_array_equal(*pictures)
    # Another model with another seed, and the same model with other weights.
    other = samples_grid(GenerativeModel(), count=5, seed=4)
    model.weight = 0.1
    for picture in (other, samples_grid(model, count=5, seed=3)):
        assert (picture != pictures[0]).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_generated_images_in_rows(channels):
    model = GenerativeModel((16, 24, channels))
    picture = samples_grid(model, count=7, seed=1)
    zoom, columns, rows = 4, 3, 3
    assert picture.shape == (rows * 16 * zoom, columns * 24 * zoom, 3)
    small = picture[::zoom, ::zoom]
    np.testing.assert_array_equal(small.repeat(zoom, 0).repeat(zoom, 1), picture)
    cells = small.reshape(rows, 16, columns, 24, 3).swapaxes(1, 2).reshape(9, 16, 24, 3)
    levels = (model.generate(7, seed=1).numpy().astype("float64") + 1) * 127.5
    np.testing.assert_allclose(
        cells[:7], np.broadcast_to(levels, (7, 16, 24, 3)), atol=0.501
    )
    assert (cells[7:] == 255).all()


@pytest.mark.parametrize("count, rows", [(8, 2), (11, 2), (2, 1)])
def test_column_for_each_class(count, rows):
    model = GenerativeModel((16, 16, 1), classes=4)
    assert samples_grid(model, count).shape == (rows * 64, 4 * 64, 3)
    assert model.calls == [(4 * rows, [0, 1, 2, 3] * rows, 0)]


def test_generated_grid_clips_and_keeps_large_images():
    images = np.stack([np.full((70, 65, 1), value) for value in (-1.5, 0.2, 1.5)])
    picture = generated_grid(images, columns=3)
    assert picture.shape == (70, 3 * 65, 3) and picture.dtype == np.uint8
    assert [np.unique(part).tolist() for part in np.split(picture, 3, axis=1)] == [
        [0],
        [153],
        [255],
    ]


def ring(count=200, radius=2.0):
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def coloured(picture):
    """Where a picture is not white, grey or black."""
    return np.ptp(picture.astype("int32"), axis=-1) > 60


def test_points_are_drawn_where_they_are():
    # One point moves, so that only it changes: the axes stay.
    data = ring()
    places = {}
    for x, y in ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)):
        picture = generated_scatter(np.array([[x, y]]), data)
        assert picture.shape == (400, 400, 3) and picture.dtype == np.uint8
        rows, columns = np.nonzero(coloured(picture))
        assert np.ptp(rows) < 6 and np.ptp(columns) < 6
        places[x, y] = columns.mean(), rows.mean()
        background = np.where(coloured(picture)[..., None], 0, picture)
        grey = (background == 191).all(axis=-1).sum()
        assert grey > 100  # The real points.
    unit_x = (places[1.0, 0.0][0] - places[-1.0, 0.0][0]) / 2
    unit_y = (places[0.0, -1.0][1] - places[0.0, 1.0][1]) / 2
    assert unit_x == pytest.approx(unit_y, abs=0.6)
    # The data, from -2 to 2, have a margin of a quarter of their extent on each side.
    assert 6 * unit_x == pytest.approx(350, abs=40)


def test_axes_do_not_depend_on_the_points():
    for data in (None, ring()):
        # Far outside: nothing but the axes and the real points is seen.
        near = generated_scatter(np.array([[1e3, 0.0]]), data)
        far = generated_scatter(np.array([[0.0, -1e6], [30.0, 40.0]]), data)
        np.testing.assert_array_equal(near, far)
        assert not coloured(near).any()


def test_pictures_of_points():
    model = GenerativeModel((2,))
    picture = samples_grid(model, count=50, data=ring())
    expected = generated_scatter(model.generate(50, seed=0).numpy(), ring())
    np.testing.assert_array_equal(picture, expected)
    assert coloured(picture).sum() > 300
    assert (samples_grid(model, count=50) != picture).any()


def test_points_have_the_colour_of_their_class():
    picture = samples_grid(GenerativeModel((2,), classes=3), count=60)
    for colour in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):
        assert (picture == colour).all(axis=-1).sum() > 20


def test_no_pyplot_figure_is_left():
    # An open figure of pyplot would stay in memory after every picture.
    generated_scatter(ring())
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.parametrize("shape, data, message", [
    ((16, 16, 3), ring(), r"\(64, 16, 16, 3\) with `data`"),
    ((3,), None, r"\(64, 3\) without `data`"),
    ((3,), ring(), r"\(64, 3\) with `data`"),
])  # fmt: skip
def test_samples_that_cannot_be_shown(shape, data, message):
    with pytest.raises(ValueError, match=message):
        samples_grid(GenerativeModel(shape), data=data)


@pytest.mark.parametrize("shape", [(5, 3), (2,)])
def test_real_points_are_checked(shape):
    with pytest.raises(ValueError, match=r"shape \(n, 2\). Received: data.shape="):
        samples_grid(GenerativeModel((2,)), data=np.zeros(shape))


# Colorization ----------------------------------------------------------------------


class Colorizer:
    """Takes the colour of hints, and is of one colour elsewhere."""

    def __call__(self, source):
        line_art, colors, mask = map(np.asarray, source)
        assert line_art.shape[-1] == mask.shape[-1] == 1
        return tf.constant(np.where(mask > 0, colors, np.float32(0.5)))


def colorization(count=2, size=32):
    line_art = images(count, 1, size)
    colors, mask = np.zeros((count, size, size, 3), "float32"), line_art * 0
    colors[:, 2:4, 5:9], mask[:, 2:4, 5:9] = (1, -1, 0), 1
    return (line_art, colors, mask), images(count, 3, size)


def test_colorization_shows_lines_hints_and_both_results():
    source, target = colorization()
    picture = colorization_grid(Colorizer(), source, target)
    assert picture.shape == (5 * 64, 2 * 64, 3) and picture.dtype == np.uint8
    rows = picture[::2, ::2].reshape(5, 32, 2, 32, 3).transpose(0, 2, 1, 3, 4)
    line_art = np.round((source[0] + 1) * 127.5).astype("uint8")
    np.testing.assert_array_equal(rows[0], np.repeat(line_art, 3, axis=-1))
    assert (rows[1] == 191).all()
    hinted = source[2][..., 0] > 0
    for row in rows[2], rows[3]:
        assert (row[hinted] == (255, 0, 128)).all()
    np.testing.assert_array_equal(rows[2][~hinted], rows[0][~hinted])
    assert (rows[3][~hinted] == 191).all()
    np.testing.assert_array_equal(rows[4], np.round((target + 1) * 127.5))


# Attributes ------------------------------------------------------------------------


class Editor:
    """Answers with one grey level for each wanted attribute, and a mask."""

    choices = AttributeChoices(("smile", "black", "blond"), [("black", "blond")])
    mask = True

    def translate(self, images, attributes):
        level = (attributes @ np.float32([0.1, 0.2, 0.4])) - 0.5
        edited = np.zeros_like(images) + level[:, None, None, None]
        mask = np.full((*images.shape[:3], 1), 0.25, "float32")
        return (edited, mask, images) if self.mask else (edited,)


def test_each_attribute_has_a_row_and_a_row_of_masks():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    attributes = [[0, 1, 0], [1, 0, 1]]
    picture = attribute_grid(Editor(), images, attributes)
    assert picture.shape == (7 * 64, 2 * 64, 3)
    rows = picture[::2, ::2].reshape(7, 32, 2, 32, 3).transpose(0, 2, 1, 3, 4)
    np.testing.assert_array_equal(rows[0], np.round((images + 1) * 127.5))
    assert (rows[[2, 4, 6]] == 64).all()
    # Black and blond are given; the smile is given or taken. All else stays.
    for row, wanted in (
        (1, [[0, 1, 0], [1, 1, 0]]),
        (3, [[0, 0, 1], [1, 0, 1]]),
        (5, [[1, 1, 0], [0, 0, 1]]),
    ):
        level = np.array(wanted) @ [0.1, 0.2, 0.4] - 0.5
        expected = np.round((level + 1) * 127.5)[:, None, None, None]
        assert np.abs(rows[row] - expected).max() <= 1

    editor = Editor()
    editor.mask = False
    assert attribute_grid(editor, images, attributes).shape == (4 * 64, 2 * 64, 3)
