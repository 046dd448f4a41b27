"""A training run of seconds with everything that a resume must bring back.

`train` is also called in processes that the tests kill.
"""

import hashlib
import pathlib

import keras
import numpy as np

from keras_gans.callbacks import (
    Checkpoint,
    FiniteGuard,
    LossHistory,
    LossTable,
    SampleGrid,
)
from keras_gans.data import unpaired
from keras_gans.models import CycleGAN
from keras_gans.networks import unet_generator
from keras_gans.schedules import ConstantThenLinear

STEPS_PER_EPOCH = 5


def images(count, seed, size=10, channels=1):
    shape = count, size, size, channels
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def make_data(seed=0, **kwargs):
    """Five batches in an epoch; the shorter domain is in its third pass after two."""
    options = {"batch_size": 2, "size": 8, "load_size": 10, "flip": True, **kwargs}
    return unpaired(images(10, 1), images(7, 2, channels=3), seed=seed, **options)


def make_discriminator(channels, name, width=2):
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.Conv2D(width, 4, strides=4)(inputs)
    x = keras.layers.BatchNormalization()(x)
    outputs = keras.layers.Conv2D(1, 2, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def make_model(pool_size=3, seed=0, width=2, **compile_arguments):
    """U-Nets with dropout, batch norm, pools and a schedule."""
    keras.utils.set_random_seed(seed)
    unet = {"depth": 2, "width": width, "normalization": "batch"}
    model = CycleGAN(
        unet_generator(1, 3, name="generator_xy", **unet),
        unet_generator(3, 1, name="generator_yx", **unet),
        make_discriminator(1, "discriminator_x"),
        make_discriminator(3, "discriminator_y"),
        pool_size=pool_size,
        seed=seed,
    )
    rate = ConstantThenLinear(1e-3, constant_steps=4, decay_steps=20)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        **compile_arguments,
    )
    return model


class Interrupt(keras.callbacks.Callback):
    """Ends `fit` as Ctrl-C would, after a number of generator updates."""

    def __init__(self, iteration):
        super().__init__()
        self.iteration = iteration

    def on_train_batch_end(self, batch, logs=None):
        if self.model.iterations >= self.iteration:
            raise KeyboardInterrupt


def train(
    directory, model=None, data=None, epochs=3, save_freq=2, callbacks=(), verbose=0
):
    """Trains to the end, from the last checkpoint in `directory` if there is one."""
    directory = pathlib.Path(directory)
    model = model or make_model()
    data = data or make_data()
    samples = [
        images(2, seed, size=8, channels=channels).astype("float32") / 127.5 - 1
        for seed, channels in ((3, 1), (4, 3))
    ]
    model.fit(
        data,
        epochs=epochs,
        callbacks=[
            FiniteGuard(),
            SampleGrid(directory / "samples", *samples, save_freq=4),
            LossTable(directory, iterations=(2, 3, 6, 7, 10)),
            LossHistory(directory),
            *callbacks,
            Checkpoint(directory / "checkpoints", data, save_freq=save_freq),
        ],
        verbose=verbose,
    )
    return model


def state(model):
    """Every value that the next step depends on, as bytes; by name."""
    values = {"iterations": model.iterations}
    for name, variables in model.training_state().items():
        for index, variable in enumerate(variables):
            values[f"{name}/{index}/{variable.name}"] = variable.numpy().tobytes()
    return values


def digest(model):
    return hashlib.sha256(repr(sorted(state(model).items())).encode()).hexdigest()


def files(directory):
    """Content of what the callbacks wrote, by path, but for checkpoints and curves."""
    directory = pathlib.Path(directory)
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.parent.name not in ("checkpoints", "figures")
    }
