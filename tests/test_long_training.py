"""A long training neither grows nor traces anything twice."""

import ctypes
import gc
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_gans import callbacks, data, metrics, presets
from keras_gans.pixels import to_floats

STEPS, EPOCHS = 250, 20
PAGE = 4096


def resident_mib():
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * PAGE / 2**20


class Watch(keras.callbacks.Callback):
    """Notes resident memory after every epoch."""

    def __init__(self):
        super().__init__()
        self.mib = []

    def on_epoch_end(self, epoch, logs=None):
        gc.collect()
        # What the allocator holds and nobody uses goes back first.
        ctypes.CDLL(None).malloc_trim(0)
        self.mib.append(resident_mib())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and asks glibc")
def test_five_thousand_steps_with_all_callbacks(tmp_path):
    x = data.load_images("handwritten_digits", size=32, channels=3)[0][:256]
    y = data.load_images("street_digits", size=32)[0][:256]
    batches = data.unpaired(x, y, batch_size=2, steps_per_epoch=STEPS, seed=0)
    model = presets.cyclegan(
        size=32, width=4, residual_blocks=1, pool_size=10, ema_decay=0.99, seed=0
    )
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.AveragePooling2D(8),
            keras.layers.Flatten(),
        ],
        name="pooled",
    )
    features = metrics.FeatureNetwork(network)
    traced, step = [], model.train_step

    def counted_step(batch):
        traced.append(batch)  # It runs while it is traced, and not again.
        return step(batch)

    model.train_step = counted_step
    watch, shown = Watch(), [to_floats(images[:4]) for images in (x, y)]

    def pictures(model):
        return callbacks.translation_grid(model, *shown)

    model.fit(
        batches,
        epochs=EPOCHS,
        verbose=0,
        validation_data=data.unpaired(x[:8], y[:8], batch_size=2, steps_per_epoch=4),
        callbacks=[
            callbacks.Checkpoint(tmp_path / "checkpoints", batches),
            callbacks.Pictures(tmp_path, pictures, save_freq=STEPS),
            callbacks.LossHistory(tmp_path),
            callbacks.LossTable(tmp_path),
            callbacks.FiniteGuard(),
            callbacks.EvaluateTranslation(
                x[:32], y[:32], [metrics.FrechetDistance(features)], directory=tmp_path
            ),
            keras.callbacks.TensorBoard(tmp_path / "logs"),
            watch,
        ],
    )
    assert len(traced) == 1
    # The first epochs fill buffers of the pipeline and of the allocator.
    settled = np.array(watch.mib[4:])
    thousands = np.arange(len(settled)) * STEPS / 1000
    slope = np.polyfit(thousands, settled, 1)[0]
    print(f"{slope:.2f} MiB per 1,000 steps; MiB by epoch: {np.round(watch.mib)}")
    assert slope < 1.0
