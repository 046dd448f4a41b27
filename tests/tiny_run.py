"""A training run of seconds that has everything a resume must bring back.

Run as a program, it trains in processes that die; see `die_and_resume`.
"""

import contextlib
import json
import os
import pathlib
import resource
import signal
import sys
import threading

import contracts
import keras
import numpy as np
import tensorflow as tf

from keras_gans.callbacks import (
    Checkpoint,
    FiniteGuard,
    LossHistory,
    LossTable,
    Pictures,
    translation_grid,
)
from keras_gans.data import unpaired
from keras_gans.distribution import copies_of
from keras_gans.models import CycleGAN
from keras_gans.schedules import ConstantThenLinear

STEPS_PER_EPOCH = 5


def images(count, seed, size=10, channels=1):
    shape = count, size, size, channels
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def make_data(seed=0):
    """Five batches an epoch with crops and flips; the shorter domain begins anew."""
    return unpaired(
        images(10, 1),
        images(7, 2, channels=3),
        batch_size=2,
        size=8,
        load_size=10,
        flip=True,
        seed=seed,
    )


def make_generator(input_channels, output_channels, name):
    inputs = keras.Input((None, None, input_channels))
    x = keras.layers.Dropout(0.3)(inputs)
    x = keras.layers.Conv2D(output_channels, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(scale=False)(x)
    outputs = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def make_discriminator(channels, name, width):
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.Conv2D(width, 4, strides=4, activation="leaky_relu")(inputs)
    outputs = keras.layers.Conv2D(1, 2, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def make_model(
    pool_size=3, width=2, make_generator=make_generator, **compile_arguments
):
    """A CycleGAN with dropout, batch norm, image pools and a schedule."""
    keras.utils.set_random_seed(0)
    model = CycleGAN(
        make_generator(1, 3, name="generator_xy"),
        make_generator(3, 1, name="generator_yx"),
        make_discriminator(1, "discriminator_x", width),
        make_discriminator(3, "discriminator_y", width),
        pool_size=pool_size,
        seed=0,
    )
    rate = ConstantThenLinear(1e-2, constant_steps=4, decay_steps=40)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        **compile_arguments,
    )
    return model


class Look(keras.callbacks.Callback):
    """Looks at the training data at every moment, as notebooks do."""

    def __init__(self, data):
        super().__init__()
        self.data = data
        self.seen = 0

    def look(self, *_, **__):
        self.seen += len(list(self.data.take(2)))

    on_epoch_begin = on_epoch_end = on_train_batch_begin = look
    on_train_begin = on_train_batch_end = on_train_end = look


def train(
    directory,
    model=None,
    data=None,
    epochs=3,
    save_freq=2,
    first=(),
    callbacks=(),
    verbose=0,
    replicas=1,
    looks=False,
):
    """Trains to the end, from the last checkpoint in `directory` if there is one.

    With `looks`, the data are also looked at all the time, and those of the validation.
    """
    directory = pathlib.Path(directory)
    strategy = contracts.two_replicas() if replicas == 2 else None
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = model or make_model()
    data = data or make_data()
    callbacks = [*callbacks, Look(data)] if looks else callbacks
    samples = [
        images(2, seed, size=8, channels=channels).astype("float32") / 127.5 - 1
        for seed, channels in ((3, 1), (4, 3))
    ]
    model.fit(
        data,
        epochs=epochs,
        callbacks=[
            *first,
            FiniteGuard(),
            Pictures(
                directory / "samples",
                lambda model: translation_grid(model, *samples),
                save_freq=4,
            ),
            LossTable(directory, iterations=(2, 3, 6, 7, 10)),
            LossHistory(directory),
            *callbacks,
            Checkpoint(directory / "checkpoints", data, save_freq=save_freq),
        ],
        verbose=verbose,
        validation_data=data if looks else None,
    )
    return model


def variables(model):
    """All variables that the next step depends on, of all replicas, by name."""
    return {
        f"{name}/{index}" + f"/replica_{replica}" * bool(replica): copy
        for name, variables in model.state_variables().items()
        for index, variable in enumerate(variables)
        for replica, copy in enumerate(copies_of(variable))
    }


def state(model):
    """Their values, as hexadecimal digits."""
    return {
        name: variable.numpy().tobytes().hex()
        for name, variable in variables(model).items()
    }


def files(directory):
    """Content of what the callbacks wrote, by path, but for checkpoints and curves."""
    directory = pathlib.Path(directory)
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for pattern in ("*.csv", "*.md", "samples/*")
        for path in directory.glob(pattern)
    }


# Lives and deaths ------------------------------------------------------------------


def die_and_resume(directory, deaths, **options):
    """Trains in one process after the other; each dies as `deaths` says, the last not.

    Processes are forked before TensorFlow has computed anything, so that each has a
    runtime of its own but none has to import it again.

    Args:
        directory: Folder of the run. The state at the end is `state.json` in it.
        deaths: List of pairs (moment, number), see `_prepare_death`. After all of them
            a process is left alone.
        **options: Passed on to `train`.

    Returns:
        A list with the name of the signal that ended each process, the last `None`, and
        one with the step of the checkpoint that each of them left.
    """
    directory = pathlib.Path(directory)
    signals, steps = [], []
    for death in [*deaths, None]:
        child = os.fork()
        if child == 0:
            callbacks = _prepare_death(*death) if death else []
            model = train(directory, callbacks=callbacks, **options)
            (directory / "state.json").write_text(json.dumps(state(model)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            signals.append(signal.Signals(os.WTERMSIG(status)).name)
        else:
            signals.append(None if status == 0 else f"status {status}")
        content = directory / "checkpoints" / "checkpoint"
        steps.append(content.read_text().split('"')[1] if content.exists() else None)
    return signals, steps


def _prepare_death(moment, number):
    """Lets this process die.

    - `"before"`: just before its save of that number;
    - `"writing"`: in the middle of writing the file of weights in that save;
    - `"written"`: when that is written and not yet the latest;
    - `"latest"`: when it is the latest and the old ones are not yet deleted;
    - `"steps"`: after that many steps in this process; a fraction of a step is that
      fraction of a tenth of a second, whatever happens there.

    Returns:
        A list of callbacks.
    """
    manager = tf.train.CheckpointManager

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def call_before(name, action, call=number):
        original = getattr(manager, name)
        calls = []

        def replacement(*args, **kwargs):
            calls.append(name)
            if len(calls) == call:
                action()
            return original(*args, **kwargs)

        setattr(manager, name, replacement)

    def limit_files():
        # The kernel ends the process at the first byte past the limit.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    def start_clock(batch, logs):
        steps.append(batch)
        if len(steps) == int(number):
            threading.Timer(number % 1 / 10, die).start()

    steps = []
    if moment == "before":
        call_before("save", die)
    elif moment == "writing":
        call_before("save", limit_files)
    elif moment == "written":
        # A save records its state twice, before and after it deletes old ones.
        call_before("_record_state", die, call=2 * number - 1)
    elif moment == "latest":
        call_before("_sweep", die)
    elif moment == "steps":
        return [keras.callbacks.LambdaCallback(on_train_batch_end=start_clock)]
    return []


if __name__ == "__main__":
    folder, plan = sys.argv[1:]
    print(json.dumps(die_and_resume(folder, **json.loads(plan))))
