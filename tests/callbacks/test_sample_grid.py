"""Pictures of translations while a model trains."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.callbacks import SampleGrid
from keras_gans.callbacks.sample_grid import GAP, translation_grid


class Translator:
    """Domain X in grey, Y in colour; every translation is a colour of its own."""

    def __init__(self, x_channels=1, y_channels=3):
        self.iterations = 0
        self.channels = {"xy": y_channels, "yx": x_channels}
        self.directions = []

    def __call__(self, images, direction="xy"):
        self.directions.append(direction)
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


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_pictures_at_the_iterations_at_begin_and_end(tmp_path):
    grid = SampleGrid(
        tmp_path / "new", images(2, 1), images(2, 3), save_freq=4, iterations=(5, 6)
    )
    drive(grid, Translator(), 9)
    assert names(tmp_path / "new") == [
        f"iteration_{iteration:06d}.png" for iteration in (0, 4, 5, 6, 8, 9)
    ]


def test_resumed_run_goes_on(tmp_path):
    grid = SampleGrid(tmp_path, images(2, 1), images(2, 3), save_freq=4)
    drive(grid, Translator(), 9, first=5)
    assert names(tmp_path) == ["iteration_000008.png", "iteration_000009.png"]


@pytest.mark.parametrize("x_channels, y_channels", [(1, 3), (3, 1), (1, 1), (3, 3)])
def test_picture_shows_what_the_model_makes(tmp_path, x_channels, y_channels):
    size, count, zoom = 16, 3, 4
    x, y = images(count, x_channels, size), images(count, y_channels, size)
    model = Translator(x_channels, y_channels)
    drive(SampleGrid(tmp_path, x, y), model, 0)
    picture = np.asarray(Image.open(tmp_path / "iteration_000000.png"))
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
    for number, row in enumerate(expected):
        for column, image in enumerate(np.asarray(row)):
            shown = rows[number * size :, column * size :][:size, :size]
            levels = (image + 1) * 127.5
            np.testing.assert_allclose(
                shown, np.broadcast_to(levels, shown.shape), atol=0.501
            )


def test_large_images_are_not_enlarged():
    picture = translation_grid(Translator(), images(1, 1, 80), images(1, 3, 80))
    assert picture.shape == (6 * 80 + GAP, 80, 3)
    assert picture.dtype == np.uint8


def test_tensorboard_when_asked(tmp_path):
    events = tmp_path / "events"
    grid = SampleGrid(
        tmp_path / "samples",
        images(2, 1),
        images(2, 3),
        save_freq=2,
        tensorboard_directory=events,
    )
    drive(grid, Translator(), 3)
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
        np.testing.assert_array_equal(
            tf.io.decode_png(content), np.asarray(Image.open(saved))
        )


def test_no_tensorboard_unless_asked(tmp_path):
    drive(SampleGrid(tmp_path, images(2, 1), images(2, 3)), Translator(), 0)
    assert names(tmp_path) == ["iteration_000000.png"]


@pytest.mark.parametrize("save_freq", [0, -1, 1.5, True, None])
def test_save_freq_is_checked(tmp_path, save_freq):
    with pytest.raises(ValueError, match="`save_freq` must be a positive integer"):
        SampleGrid(tmp_path, images(2, 1), images(2, 3), save_freq=save_freq)


def test_as_many_images_of_both_domains(tmp_path):
    with pytest.raises(ValueError, match="Received: 2 and 3 images"):
        SampleGrid(tmp_path, images(2, 1), images(3, 3))


def test_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        SampleGrid(tmp_path / "file" / "samples", images(2, 1), images(2, 3))
