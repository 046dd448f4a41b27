"""Growth: its schedule, one trace for each stage, and resume within a fade."""

import keras
import numpy as np
import pytest

from keras_gans import presets
from keras_gans.callbacks import Checkpoint, Growth
from keras_gans.data import attributes

NAMES = ("Smiling", "Black_Hair")
BATCH = 2


def make_model(**arguments):
    return presets.aclgan(
        NAMES,
        size=32,
        width=2,
        residual_blocks=0,
        growing=True,
        seed=0,
        jit_compile=False,
        **arguments,
    )


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (8, 32, 32, 3), "uint8")
    labels = random.integers(0, 2, (8, 2)).astype("uint8")
    return attributes((images, labels, NAMES), batch_size=BATCH, split=None)


class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.progress = []

    def on_train_batch_end(self, batch, logs=None):
        self.progress.append(float(self.model.generator.progress))


def test_schedule():
    growth = Growth(batch_size=4, stage_images=100, fade_images=50)
    seen = [0, 99, 100, 125, 149, 150, 250, 275, 300]
    expected = [0, 0, 0, 0.5, 0.98, 1, 1, 1.5, 2]
    assert [growth.progress(images) for images in seen] == pytest.approx(expected)
    assert Growth(4, 100).progress(150) == 0.5


def test_both_networks_grow_with_one_trace_for_each_stage(data):
    model, record, traces = make_model(ema_decay=0.5), Record(), []
    draw_targets = model.draw_targets

    def counted(*args, **kwargs):
        traces.append(model.generator.stage)
        return draw_targets(*args, **kwargs)

    model.draw_targets = counted
    before = [network.get_weights() for network in (model.generator,)]
    # Stages of 16 and 32 pixels: two batches each, and two to fade.
    callbacks = [Growth(BATCH, stage_images=4, fade_images=4), record]
    model.fit(data, epochs=2, callbacks=callbacks, verbose=0)
    assert record.progress == [0, 0, 0, 0.5, 1, 1, 1, 1]
    assert traces == [0, 1]
    for network in (model.generator, model.discriminator, model.averaged_generator):
        assert (network.stage, float(network.progress)) == (1, 1)
        assert int(network.images_seen) == 8 * BATCH
    moved = [
        (variable.numpy() != value).any()
        for variable, value in zip(model.generator.weights, before[0], strict=True)
    ]
    assert all(moved)
    # Evaluation follows the stage.
    assert all(np.isfinite(value) for value in model.evaluate(data, verbose=0))


def test_no_weight_of_a_later_stage_moves(data):
    model = make_model()
    growth = Growth(BATCH, stage_images=100)
    later = model.generator.up[1][0].kernel
    before = later.numpy()
    model.fit(data, callbacks=[growth], verbose=0)
    np.testing.assert_array_equal(later, before)
    # It has been built into the optimizer all the same, for a checkpoint to hold.
    assert model.generator_optimizer.iterations == 4


@pytest.mark.slow
@pytest.mark.parametrize("stop", [3, 4])
def test_resumes_in_the_middle_of_a_fade(data, stop, tmp_path):
    def train(folder, batches):
        model = make_model(ema_decay=0.5)
        record = Record()
        stopper = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: setattr(
                model, "stop_training", len(record.progress) == batches
            )
        )
        model.fit(
            data,
            epochs=2,
            verbose=0,
            callbacks=[
                Growth(BATCH, 4, 4),
                record,
                stopper,
                Checkpoint(folder, data, save_freq=1),
            ],
        )
        return model, record.progress

    expected, progress = train(tmp_path / "straight", 7)
    _, first = train(tmp_path / "parts", stop)
    model, second = train(tmp_path / "parts", 7 - stop)
    assert first + second == progress == [0, 0, 0, 0.5, 1, 1, 1]
    for one, other in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_an_export_is_a_plain_network(data, tmp_path):
    from keras_gans.export import load, save

    model = make_model()
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    with pytest.raises(ValueError, match="still grows"):
        save(model, tmp_path / "faces")
    for network in (model.generator, model.discriminator):
        network.grow(1)
    editor = load(save(model, tmp_path / "faces"))
    scaled = images.astype("float32") / 127.5 - 1
    expected = (model.edit(scaled, add="Smiling") + 1) * 127.5
    assert np.abs(editor.edit(images, add="Smiling") - expected).max() <= 1
    np.testing.assert_array_equal(
        editor.predict_attributes(images), model.predict_attributes(scaled)
    )


def test_wrong_arguments(data):
    for arguments in ((0, 1), (1, 0), (1, 1, 0), (True, 1), (1.5, 1)):
        with pytest.raises(ValueError, match="must be a positive integer"):
            Growth(*arguments)
    model = presets.aclgan(NAMES, size=32, width=2, residual_blocks=0)
    with pytest.raises(ValueError, match="whose networks grow.*Functional"):
        model.fit(data, callbacks=[Growth(2, 4)], verbose=0)
