"""pix2pix with a semantic loss: the contract, its objective, its preset and command."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import adams

import small_run
from keras_gans import cli, presets, training
from keras_gans.losses import SemanticVGGLoss
from keras_gans.models import Pix2Pix, SemanticPix2Pix


def make_networks():
    """Few operations, for what takes its time over each of them."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    source, pair = keras.Input((None, None, 2)), keras.Input((None, None, 5))
    x = layers.Conv2D(4, 3, padding="same")(source)
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    y = layers.Conv2D(4, 4, strides=4, activation="softplus")(pair)
    y = layers.Conv2D(1, 1)(y)
    return {"generator": keras.Model(source, x), "discriminator": keras.Model(pair, y)}


def make_images():
    generator = np.random.default_rng(0)
    return [
        generator.uniform(-1, 1, (6, 16, 16, channels)).astype("float32")
        for channels in (2, 3)
    ]


def make_data():
    return tf.data.Dataset.from_tensor_slices(tuple(make_images())).batch(2)


def make_extractor():
    keras.utils.set_random_seed(3)
    pixels = keras.Input((None, None, 3))
    return keras.Model(pixels, keras.layers.Conv2D(4, 3)(pixels))


def make_model(model_class=SemanticPix2Pix, compile_arguments=(), **arguments):
    model = model_class(**make_networks(), seed=1, **arguments)
    model.compile(run_eagerly=True, **adams(), **dict(compile_arguments))
    return model


def make_semantic_model(weight=0.5):
    loss = SemanticVGGLoss(feature_extractor=make_extractor())
    return make_model(compile_arguments={"semantic_loss": loss}, semantic_weight=weight)


@pytest.mark.slow
def test_contract(tmp_path):
    contracts.check_model(make_semantic_model, make_data(), tmp_path)


def test_the_objective_has_one_more_term():
    source, target = make_images()
    model, plain = make_semantic_model(), make_model(Pix2Pix)
    logs, plain_logs = (
        {name: float(value) for name, value in each.test_step((source, target)).items()}
        for each in (model, plain)
    )
    expected = float(model.semantic_loss(target, model.generator(source)))
    assert logs["semantic_loss"] == pytest.approx(expected, rel=1e-5) and expected > 0
    assert logs["generator_loss"] == pytest.approx(
        plain_logs["generator_loss"] + 0.5 * expected, rel=1e-5
    )
    for name in ("discriminator_loss", "reconstruction_loss"):
        assert logs[name] == plain_logs[name]
    with pytest.raises(ValueError, match="`semantic_weight` must be zero or a pos"):
        make_semantic_model(-1.0)


def test_the_preset_and_its_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_extractor().save("extractor.keras")
    model = presets.semantic_pix2pix(
        size=24, width=2, feature_extractor="extractor.keras", semantic_weight=2.0
    )
    assert (type(model), model.semantic_weight) == (SemanticPix2Pix, 2.0)
    pairs = np.random.default_rng(0).integers(0, 256, (8, 24, 48, 3), "uint8")
    for part, images in (("train", pairs[:6]), ("test", pairs[6:])):
        folder = tmp_path / "pairs" / part
        folder.mkdir(parents=True)
        for number, image in enumerate(images):
            keras.utils.save_img(folder / f"{number}.png", image, scale=False)

    def run(*command):
        assert cli.main([str(part) for part in command]) == 0
        return capsys.readouterr().out

    small_run.let_train_eagerly(monkeypatch, "semantic_pix2pix")
    out = run(
        *("train", "semantic_pix2pix", "--data", "pairs", "--size", 24, "--width", 2),
        *("--feature-extractor", "extractor.keras", "--steps", 2, "--output", "run"),
    )
    assert "Semantic weight: " in out and "semantic_loss" in out and "| psnr |" in out
    model = training.Run.open("run").load_model()
    assert type(model) is SemanticPix2Pix and model.semantic_weight > 0
    assert "| psnr |" in run("evaluate", "run")
    run("export", "run", "exported")
    run("translate", "pairs/test/0.png", "out.png", "--model", "exported", "--size", 24)
    assert (tmp_path / "out.png").exists()
