"""One argument, `compile(penalty=...)`, in every model that has a discriminator."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import ARGUMENTS, make_arrays, make_networks

from keras_gans import losses, models
from keras_gans.losses import DRAGANPenalty, GradientPenalty, R1Penalty

NAMES = ("Smiling", "Eyeglasses")
SMALL = {**ARGUMENTS, "wgan": (models.WGAN, {"clip_limit": 1.0})}
IMAGES = {
    "cyclegan": (models.CycleGAN, {"pool_size": 3}),
    "pix2pix": (models.Pix2Pix, {}),
    "stargan": (models.StarGAN, {"attribute_names": NAMES}),
    "aclgan": (models.ACLGAN, {"attribute_names": NAMES}),
}
WITH_LOGITS = ["gan", "conditional_gan", "lsgan", "wgan", "wgan_gp", *IMAGES]
# These have the step of a GAN.
HEIRS = ("conditional_gan", "lsgan", "wgan")


def image_network(channels, outputs, attributes=None, batch_normalization=False):
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(inputs)
    if batch_normalization:
        x = keras.layers.BatchNormalization()(x)
    if attributes == "input":
        attributes = keras.Input((len(NAMES),))
        x = x + keras.layers.Dense(4)(attributes)[:, None, None]
        inputs = [inputs, attributes]
    patches = keras.layers.Conv2D(outputs, 3, padding="same", activation="tanh")(x)
    logits = keras.layers.Dense(len(NAMES))(keras.layers.Flatten()(x))
    outputs = {"both": [patches, logits], "alone": logits}.get(attributes, patches)
    return keras.Model(inputs, outputs)


def image_networks(name, **discriminator):
    if name == "cyclegan":
        return {
            "generator_xy": image_network(1, 3),
            "generator_yx": image_network(3, 1),
            "discriminator_x": image_network(1, 1, **discriminator),
            "discriminator_y": image_network(3, 1, **discriminator),
        }
    if name == "pix2pix":
        return {
            "generator": image_network(1, 3),
            "discriminator": image_network(4, 1, **discriminator),
        }
    kind = {"stargan": "both", "aclgan": "alone"}[name]
    return {
        "generator": image_network(3, 3, "input"),
        "discriminator": image_network(3, 1, kind, **discriminator),
    }


def make_model(name, penalty=None, **compile_arguments):
    keras.utils.set_random_seed(0)
    model_class, arguments = {**SMALL, **IMAGES}[name]
    networks = make_networks(name) if name in SMALL else image_networks(name)
    model = model_class(**networks, **arguments, seed=1)
    model.compile(penalty=penalty, run_eagerly=True, **compile_arguments)
    return model


def make_batch(name):
    if name in SMALL:
        return make_arrays(name, 1)
    random = np.random.default_rng(0)
    images = [random.uniform(-1, 1, (4, 8, 8, n)).astype("float32") for n in (1, 3)]
    attributes = random.integers(0, 2, (4, len(NAMES))).astype("float32")
    return (images[1], attributes) if name in ("stargan", "aclgan") else tuple(images)


def evaluate(model, batch):
    # As `evaluate` does, in a fraction of its time.
    model.reset_metrics()
    logs = model.test_step(tf.nest.map_structure(tf.constant, batch))
    return float(logs["discriminator_loss"])


def judged(name, model, batch):
    """Returns what each discriminator sees: itself, real samples and generated ones."""
    if name in SMALL:
        real, labels = model.unpack(batch)
        fake = model.make_samples(real, labels, training=False, seed=0)
        network = model.discriminator
        if labels is None:
            return [(network, real, fake)]
        return [(lambda points: network([points, labels]), real, fake)]
    x, y = batch
    if name == "cyclegan":
        return [
            (model.discriminator_x, x, model(y, direction="yx")),
            (model.discriminator_y, y, model(x)),
        ]
    if name == "pix2pix":
        pairs = [np.concatenate([x, image], -1) for image in (y, model(x))]
        return [(model.discriminator, *pairs)]
    fake = model((x, model.draw_targets(tf.constant(y), seed=0)))
    return [(model.discriminator, x, fake)]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in HEIRS else ())
        for name in WITH_LOGITS
    ],
)
def test_it_joins_the_loss_of_the_discriminator(name):
    batch = make_batch(name)
    without = evaluate(make_model(name, GradientPenalty(0.0)), batch)
    for place, penalty in ((1, "r1"), (2, "r2")):
        model, expected = make_model(name, penalty), 0.0
        for network, *samples in judged(name, model, batch):
            points = tf.constant(samples[place - 1])
            with tf.GradientTape() as tape:
                tape.watch(points)
                output = network(points)
                output = output[0] if name == "stargan" else output
                output = tf.reduce_mean(output, range(1, len(output.shape)))
            norms = tape.gradient(output, points) ** 2
            expected += 5.0 * tf.reduce_sum(norms) / len(points)
        assert expected > 1e-4
        found = evaluate(model, batch) - without
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    data = tf.data.Dataset.from_tensors(batch).repeat(getattr(model, "n_critic", 1))
    assert np.isfinite(contracts.train(model, data)["discriminator_loss"])


def test_none_is_the_penalty_of_the_paper():
    for name in ("gan", "wgan", "cyclegan", "pix2pix", "aclgan"):
        assert make_model(name).penalty is None
    for name in ("wgan_gp", "stargan"):
        model = make_model(name)
        assert type(model.penalty) is GradientPenalty and model.penalty.weight == 10.0
        model.gradient_penalty_weight = 3.0
        model.compile()
        assert model.penalty.weight == 3.0
    # ACL-GAN's Wasserstein form needs one; it need not be its own.
    model = make_model("aclgan", "r1", attribute_loss="wasserstein")
    assert type(model.penalty) is R1Penalty


@pytest.mark.parametrize(
    "name", ["wgan_gp", pytest.param("cyclegan", marks=pytest.mark.slow)]
)
def test_it_is_saved(name, tmp_path):
    model = make_model(name, DRAGANPenalty(2.5, noise_scale=0.1))
    data = tf.data.Dataset.from_tensors(make_batch(name))
    # The random points go on after loading.
    loaded = contracts.saving_changes_nothing(model, data, tmp_path)
    assert loaded.penalty.get_config() == model.penalty.get_config()
    assert loaded.penalty.weight == 2.5


def test_a_model_saved_before_is_loaded():
    # Other state than before would not fit its checkpoints.
    model = make_model("cyclegan")
    assert not hasattr(model, "seed_generator")
    config = model.get_compile_config()
    del config["penalty"]
    model.compile_from_config(config)
    assert model.penalty is None


@pytest.mark.parametrize("name", IMAGES)
def test_batch_normalization_is_refused(name):
    model_class, arguments = IMAGES[name]
    networks = image_networks(name, batch_normalization=True)
    model = model_class(**networks, **arguments)
    for penalty in ("r1", "r2", "dragan", GradientPenalty()):
        with pytest.raises(ValueError, match="must do without batch normalization"):
            model.compile(penalty=penalty)
    if name == "pix2pix":
        # What an earlier version took is loaded all the same.
        model.compile()
        config = {
            **model.get_compile_config(),
            "penalty": keras.saving.serialize_keras_object(R1Penalty(2.0)),
        }
        with pytest.warns(UserWarning, match="without batch normalization"):
            model.compile_from_config(config)
        assert model.penalty.weight == 2.0


def test_energies_and_unknown_names_are_refused():
    for name in ("ebgan", "began"):
        with pytest.raises(ValueError, match="`penalty` must be None.*auto-encoder"):
            make_model(name, "r1")
    with pytest.raises(ValueError, match="`penalty` must be one of .*'r3'"):
        make_model("gan", "r3")


def test_get_penalty():
    for name, penalty_class in (
        ("gradient_penalty", GradientPenalty),
        ("r1", R1Penalty),
        ("r2", losses.R2Penalty),
        ("dragan", DRAGANPenalty),
    ):
        penalty = losses.get_penalty(name)
        assert type(penalty) is penalty_class and penalty.weight == 10.0
        assert losses.get_penalty(name, 0.5).weight == 0.5
        assert losses.get_penalty(penalty) is penalty
    assert losses.get_penalty(None) is None
    with pytest.raises(ValueError, match="`weight` goes with the name"):
        losses.get_penalty(penalty, 2.0)
    for wrong in (3, R1Penalty):
        with pytest.raises(TypeError, match="`penalty` must be one of"):
            losses.get_penalty(wrong)
