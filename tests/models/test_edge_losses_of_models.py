"""An edge loss beside the losses of any model, the future work of the survey."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import smallest_translators

from keras_gans import models, presets
from keras_gans.losses import EdgeLoss, MeanEdgeLoss, WeightedSum
from keras_gans.models.critic_model import CriticModel

layers = keras.layers
SIZE, CLASSES, BATCH = 4, 3, 6
KINDS = {
    "gan": (models.GAN, {}),
    "conditional_gan": (models.ConditionalGAN, {"classes": CLASSES}),
    "lsgan": (models.LSGAN, {}),
    "wgan": (models.WGAN, {"n_critic": 1}),
    "wgan_gp": (models.WGANGP, {"n_critic": 1}),
    "ebgan": (models.EBGAN, {"pull_away_weight": 0.0}),
    "began": (models.BEGAN, {}),
}
# The others have the loss of their generator from a GAN.
each_model = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=() if name in ("gan", "ebgan", "began") else pytest.mark.slow
        )
        for name in KINDS
    ],
)


def make_model(name, **arguments):
    keras.utils.set_random_seed(0)
    kind, defaults = KINDS[name]
    latent, images = keras.Input((2,)), keras.Input((SIZE, SIZE, 1))
    inputs, judged = [latent], [images]
    x, y = latent, layers.Flatten()(images)
    if name == "conditional_gan":
        for given, parts in ((inputs, "x"), (judged, "y")):
            label = keras.Input((), dtype="int32")
            given.append(label)
            known = layers.Embedding(CLASSES, 2)(label)
            if parts == "x":
                x = layers.Concatenate()([x, known])
            else:
                y = layers.Concatenate()([y, known])
    x = layers.Dense(SIZE**2, activation="tanh")(x)
    generator = keras.Model(
        inputs if len(inputs) > 1 else latent, layers.Reshape((SIZE, SIZE, 1))(x)
    )
    if name in ("ebgan", "began"):
        outputs = layers.Conv2D(1, 3, padding="same")(images)
    else:
        outputs = layers.Dense(1)(y)
    discriminator = keras.Model(judged if len(judged) > 1 else images, outputs)
    model = kind(
        generator=generator,
        discriminator=discriminator,
        seed=1,
        **defaults,
        **arguments
    )
    model.compile(run_eagerly=True)
    return model


def make_data(name):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (2 * BATCH, SIZE, SIZE, 1)).astype("float32")
    labels = random.integers(0, CLASSES, 2 * BATCH, dtype="int32")
    arrays = (images, labels) if name == "conditional_gan" else images
    return tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH)


@each_model
def test_every_gan_adds_mean_edges_to_the_loss_of_its_generator(name, tmp_path):
    data = make_data(name)
    plain, model = make_model(name), make_model(name, edge_weight=3.0)
    assert type(model.edge_loss) is MeanEdgeLoss and plain.edge_loss is None
    losses, logs = (one.evaluate(data, return_dict=True) for one in (plain, model))
    assert "edge_loss" not in losses and logs["edge_loss"] > 0
    for key, value in losses.items():
        added = 3 * logs["edge_loss"] if key == "generator_loss" else 0.0
        np.testing.assert_allclose(logs[key], value + added, rtol=1e-5)

    # What is evaluated is what the batches say.
    expected = []
    for batch in data:
        real, labels = model.unpack(batch)
        fake = model.make_samples(real, labels, training=False, seed=0)
        expected.append(float(MeanEdgeLoss()(real, fake)))
    np.testing.assert_allclose(logs["edge_loss"], np.mean(expected), rtol=1e-5)

    # In training the generator gets its gradient, and the discriminator does not.
    one, other = (
        [weight.numpy() for weight in each.discriminator.weights]
        for each in (plain, model)
    )
    for before, after in zip(one, other, strict=True):
        np.testing.assert_array_equal(before, after)
    batch = data.take(1)
    for each in (plain, model):
        each.fit(batch, verbose=0)
    for role, is_same in (("discriminator", True), ("generator", False)):
        pairs = zip(
            getattr(plain, role).get_weights(),
            getattr(model, role).get_weights(),
            strict=True,
        )
        assert all(np.array_equal(*pair) for pair in pairs) == is_same

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.edge_weight == 3 and type(loaded.edge_loss) is MeanEdgeLoss
    assert isinstance(model, CriticModel) == (name in ("wgan", "wgan_gp"))


def test_what_a_gan_refuses():
    model = make_model("gan")
    with pytest.raises(ValueError, match="`edge_loss` goes with an `edge_weight`"):
        model.compile(edge_loss=MeanEdgeLoss())
    with pytest.raises(ValueError, match="`edge_weight` must be zero or"):
        make_model("gan", edge_weight=-1)
    points = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    critic = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="`edge_weight` must be 0 .* no images"):
        models.GAN(generator=points, discriminator=critic, edge_weight=1.0)


def test_a_configuration_without_the_weight_has_none():
    model = make_model("gan")
    config = model.get_config()
    del config["edge_weight"]
    again = models.GAN.from_config(config)
    again.compile()
    assert again.edge_weight == 0 and "edge_loss" not in again._loss_trackers


@pytest.mark.slow
def test_a_cycle_of_pixels_and_edges(tmp_path):
    loss = WeightedSum([keras.losses.MeanAbsoluteError(), EdgeLoss()], [1.0, 2.0])
    logs, model = {}, None
    random = np.random.default_rng(0)
    x, y = (random.uniform(-1, 1, (2, 16, 16, c)).astype("float32") for c in (1, 3))
    data = tf.data.Dataset.from_tensors((x, y))
    for name, cycle_loss in (("l1", None), ("edge", EdgeLoss()), ("sum", loss)):
        model = models.CycleGAN(**smallest_translators(), pool_size=0)
        model.compile(cycle_loss=cycle_loss, run_eagerly=True)
        logs[name] = model.evaluate(data, return_dict=True)["cycle_loss"]
    assert logs["sum"] == pytest.approx(logs["l1"] + 2 * logs["edge"], rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [type(part) for part in loaded.cycle_loss.losses] == [
        keras.losses.MeanAbsoluteError,
        EdgeLoss,
    ]
    logs["loaded"] = loaded.evaluate(data, return_dict=True)["cycle_loss"]
    assert logs["loaded"] == pytest.approx(logs["sum"], rel=1e-6)


def test_presets_have_it():
    model = presets.gan(width=4, latent_dim=2, edge_weight=2.0)
    assert model.edge_weight == 2
    for name in ("ebgan", "began"):
        assert getattr(presets, name)(width=4, edge_weight=2.0).edge_weight == 2
    model = presets.pix2pix(size=24, width=2, reconstruction_loss="l1_and_edge")
    kinds = [type(loss) for loss in model.reconstruction_loss.losses]
    assert kinds == [keras.losses.MeanAbsoluteError, EdgeLoss]
