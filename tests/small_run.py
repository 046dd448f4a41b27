"""Domains and networks so small that a whole `keras-gans train` takes seconds."""

import dataclasses
import functools
from unittest import mock

import keras
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from keras_gans import metrics, presets
from keras_gans.callbacks import loss_history
from keras_gans.data import faces
from keras_gans.data import handwritten_digits
from keras_gans.models import WGAN, CycleGAN
from keras_gans.networks import (
    dcgan_discriminator,
    dcgan_generator,
    digit_generator,
    patch_discriminator,
)
from keras_gans.presets import registry

TRAIN, TEST = 36, 16
# Four batches of eight in an epoch; the rest of four images is dropped.
BATCH, STEPS_PER_EPOCH = 8, 4


def digits(split, count, inverted=False):
    """Returns real digits and labels, white on black or black on white."""
    images, labels = handwritten_digits(split)
    return images[:count] ^ np.uint8(255 * inverted), labels[:count]


def make_domains(folder):
    """Writes `white.npz` and `black.npz`, labelled, with test images."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, inverted in (("white", False), ("black", True)):
        arrays = {}
        for split, count in (("train", TRAIN), ("test", TEST)):
            images, labels = digits(split, count, inverted)
            arrays |= {f"x_{split}": images, f"y_{split}": labels}
        paths.append(folder / f"{name}.npz")
        np.savez(paths[-1], **arrays)
    return paths


def make_unlabelled(folder, count=TRAIN):
    """Writes two `.npz` files of training images alone."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "white_alone.npz", folder / "black_alone.npz"]
    for path, inverted in zip(paths, (False, True), strict=True):
        np.savez(path, x_train=digits("train", count, inverted)[0])
    return paths


def write_images(folder, images, ending=".png"):
    """Writes `0.png`, `1.png` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{index}{ending}")


def write_faces(folder, count):
    """Writes embedded faces of 32 pixels and an attribute file, and returns both paths.

    They are read in much less time than all of them are drawn.
    """
    images, labels, names = faces("train", count=count)
    write_images(folder / "faces", images[:, ::2, ::2])
    lines = [str(count), " ".join(names)]
    lines += [
        " ".join([f"{index}.png", *(str(2 * int(value) - 1) for value in row)])
        for index, row in enumerate(labels)
    ]
    path = folder / "list_attr.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(folder / "faces"), str(path)


def build(x_channels, y_channels, size, seed, jit_compile=False):
    """In the place of `presets.digits`."""
    keras.utils.set_random_seed(seed)
    small = {"width": 4, "residual_blocks": 0}
    model = CycleGAN(
        digit_generator(x_channels, y_channels, name="generator_xy", **small),
        digit_generator(y_channels, x_channels, name="generator_yx", **small),
        patch_discriminator(x_channels, width=4, layers=1, name="discriminator_x"),
        patch_discriminator(y_channels, width=4, layers=1, name="discriminator_y"),
        pool_size=3,
        seed=seed,
    )
    # Its few steps take less time than a trace.
    model.compile(run_eagerly=True)
    return model


def build_conditional_gan(channels, size, classes, seed, jit_compile=False):
    """In the place of `presets.conditional_gan`."""
    model = presets.conditional_gan(
        channels, size, width=2, latent_dim=4, classes=classes, seed=seed
    )
    model.run_eagerly = True
    return model


def build_wgan(channels, size, seed, jit_compile=False):
    """In the place of `presets.wgan`, with two critic steps."""
    keras.utils.set_random_seed(seed)
    model = WGAN(
        generator=dcgan_generator(4, size, channels, width=2),
        discriminator=dcgan_discriminator(size, channels, width=2),
        n_critic=2,
        seed=seed,
    )
    model.compile(jit_compile=False)
    return model


BUILDS = {"digits": build, "conditional_gan": build_conditional_gan, "wgan": build_wgan}


def replace_build(monkeypatch, preset, build):
    """Lets a preset be built by another function, which has its options."""
    found = registry.find(preset)
    # On every machine alike.
    recipe = dataclasses.replace(found, build=build, mixed_precision=None)
    monkeypatch.setitem(registry._RECIPES, preset, recipe)


def let_train_eagerly(monkeypatch, preset):
    """Lets a preset's model train without a graph, for runs of a few steps."""
    build = registry.find(preset).build

    @functools.wraps(build)
    def build_eager(**arguments):
        model = build(**arguments)
        model.run_eagerly = True
        return model

    replace_build(monkeypatch, preset, build_eager)


def hardly_trained(train):
    """Lets `train_classifier` or `train_reader` take four steps, without a graph."""
    compile_eager = functools.partialmethod(keras.Model.compile, run_eagerly=True)

    @functools.wraps(train)
    def train_briefly(*args, **kwargs):
        with mock.patch.object(keras.Model, "compile", compile_eager):
            return train(*args, **kwargs | {"steps": 4, "batch_size": 8})

    return train_briefly


def no_curves(monkeypatch):
    """Lets a run write a word in the place of its curves, which take half a second."""

    def draw(rows):
        figure = Figure((1, 1))
        figure.text(0, 0.5, "losses")
        return figure

    monkeypatch.setattr(loss_history, "plot_losses", draw)


def patch(monkeypatch):
    """Lets `keras-gans train` use small networks, and draw and judge in short."""
    no_curves(monkeypatch)
    for preset, build_small in BUILDS.items():
        replace_build(monkeypatch, preset, build_small)
    # Fewer features than there are test images.
    monkeypatch.setattr(metrics.generation, "FEATURE_DIM", 4)
    for name in ("train_classifier", "train_reader"):
        train = hardly_trained(getattr(metrics, name))
        monkeypatch.setattr(metrics, name, train)
