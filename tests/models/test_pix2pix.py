"""pix2pix against a step written out by hand, as a Keras model, and as a colorizer."""

import json

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from contracts import adams

from keras_gans.losses import (
    ChannelCompensatedL1,
    EdgeLoss,
    MinimaxDiscriminatorLoss,
    NonSaturatingGeneratorLoss,
    SemanticVGGLoss,
)
from keras_gans.models import Pix2Pix, Pix2PixColorizer
from keras_gans.networks import patch_discriminator, unet_generator

layers = keras.layers
EAGERLY = {"run_eagerly": True}
COLORIZER = (1, 3, 1)


def make_networks(source=2, target=3, batch_and_dropout=False):
    """Few operations, for what takes its time over each of them."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, source))
    x = layers.Conv2D(4, 3, padding="same", use_bias=not batch_and_dropout)(inputs)
    if batch_and_dropout:
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.3)(x)
    x = layers.Conv2D(target, 3, padding="same", activation="tanh")(x)
    generator = keras.Model(inputs, layers.Activation("linear", dtype="float32")(x))

    inputs = keras.Input((None, None, source + target))
    x = layers.Conv2D(4, 4, strides=4, activation="softplus")(inputs)
    if batch_and_dropout:
        x = layers.BatchNormalization()(x)
    discriminator = keras.Model(inputs, layers.Conv2D(1, 1, dtype="float32")(x))
    return {"generator": generator, "discriminator": discriminator}


def make_images(*channels, samples=6, size=16):
    generator = np.random.default_rng(0)
    return tuple(
        generator.uniform(-1, 1, (samples, size, size, count)).astype("float32")
        for count in channels
    )


def make_data(source=2, target=3, samples=6, batch_size=2, size=16):
    """Batches of (source, target); several sources if `source` is a tuple."""
    counts = source if isinstance(source, tuple) else (source,)
    *parts, images = make_images(*counts, target, samples=samples, size=size)
    parts = tuple(parts) if isinstance(source, tuple) else parts[0]
    data = tf.data.Dataset.from_tensor_slices((parts, images))
    return data.batch(batch_size, drop_remainder=True)


def make_model(networks=None, compile_arguments=(), model_class=Pix2Pix, **kwargs):
    model = model_class(**(networks or make_networks()), seed=1, **kwargs)
    model.compile(**dict(compile_arguments))
    return model


def make_contract_model():
    networks = make_networks(batch_and_dropout=True)
    return make_model(networks, {**adams(), **EAGERLY})


def check_optimizers(model, rate, betas):
    assert model.reconstruction_weight == 100.0
    for role in model.roles:
        optimizer = model.optimizers[role]
        assert type(optimizer) is keras.optimizers.Adam
        np.testing.assert_allclose(optimizer.learning_rate, rate)
        assert (optimizer.beta_1, optimizer.beta_2) == betas
    assert model.generator_optimizer is not model.discriminator_optimizer


def test_defaults_are_the_papers():
    model = make_model()
    check_optimizers(model, 2e-4, (0.5, 0.999))
    # The discriminator's cross entropy is halved, the generator's is not.
    discriminator_loss, generator_loss = model.adversarial_loss
    assert type(discriminator_loss) is MinimaxDiscriminatorLoss
    assert type(generator_loss) is NonSaturatingGeneratorLoss
    undecided = np.zeros((1, 1))
    np.testing.assert_allclose(discriminator_loss(undecided, undecided), np.log(2))
    np.testing.assert_allclose(generator_loss(undecided, undecided), np.log(2))
    assert type(model.reconstruction_loss) is keras.losses.MeanAbsoluteError


def test_defaults_of_the_colorizer():
    model = make_model(make_networks(5, 3), model_class=Pix2PixColorizer)
    check_optimizers(model, 1e-4, (0.9, 0.99))
    assert type(model.reconstruction_loss) is ChannelCompensatedL1
    assert model.reconstruction_loss.stop_weight_gradient


def cross_entropy(real, fake):
    real, fake = tf.sigmoid(real), tf.sigmoid(fake)
    return -0.5 * tf.reduce_mean(tf.math.log(real) + tf.math.log(1 - fake))


def deceived(real, fake):
    return -tf.reduce_mean(tf.math.log(tf.sigmoid(fake)))


def relativistic(real, fake):
    ahead = tf.sigmoid(real - tf.reduce_mean(fake))
    behind = tf.sigmoid(fake - tf.reduce_mean(real))
    return -tf.reduce_mean(tf.math.log(ahead) + tf.math.log(1 - behind))


LOSSES = {
    None: (cross_entropy, deceived),
    "relativistic_average": (relativistic, lambda real, fake: relativistic(fake, real)),
}


class ByHand(contracts.ByHand):
    """The paper's step by the chain rule: through the image, then the generator."""

    def __init__(self, model, losses, reconstruction, weight):
        super().__init__(model)
        self.losses, self.reconstruction, self.weight = losses, reconstruction, weight

    def step(self, source, target):
        generator, discriminator = self.networks
        discriminator_loss, adversarial_loss = self.losses

        def judge(image):
            return discriminator(tf.concat([source, image], -1), training=True)

        with tf.GradientTape() as translation:
            fake = generator(source, training=True)
        with tf.GradientTape() as tape:
            loss_d = discriminator_loss(judge(target), judge(fake))
        self.apply(1, tape.gradient(loss_d, discriminator.trainable_variables))

        with tf.GradientTape() as tape:
            tape.watch(fake)
            # Only a relativistic loss looks at the real pair again, and so do the
            # moving averages.
            real_output = judge(target) if adversarial_loss is not deceived else None
            loss_g = adversarial_loss(real_output, judge(fake))
            reconstruction = self.reconstruction(target, fake)
            loss_g += self.weight * reconstruction
        by_image = tape.gradient(loss_g, fake)
        variables = generator.trainable_variables
        self.apply(0, translation.gradient(fake, variables, by_image))
        return {
            "generator_loss": loss_g,
            "discriminator_loss": loss_d,
            "reconstruction_loss": reconstruction,
        }


def plain_l1(target, image):
    return tf.reduce_mean(tf.abs(target - image))


def compensated_l1(target, image):
    errors = tf.reduce_mean(tf.abs(target - image), (1, 2))
    weights = tf.stop_gradient(errors / tf.reduce_sum(errors, 1, keepdims=True))
    return tf.reduce_mean(tf.reduce_sum(weights * errors, 1))


@pytest.mark.parametrize(
    "batch_and_dropout, adversarial_loss, reconstruction_loss, weight",
    [
        (False, None, None, 3.0),
        (True, None, ChannelCompensatedL1(), 3.0),
        pytest.param(
            *(True, "relativistic_average", None, 0.0), marks=pytest.mark.slow
        ),
    ],
)
def test_steps_equal_hand_written_ones(
    batch_and_dropout, adversarial_loss, reconstruction_loss, weight
):
    model = make_model(
        make_networks(batch_and_dropout=batch_and_dropout),
        {
            **adams(),
            **EAGERLY,
            "adversarial_loss": adversarial_loss,
            "reconstruction_loss": reconstruction_loss,
        },
        reconstruction_weight=weight,
    )
    by_hand = ByHand(
        model,
        LOSSES[adversarial_loss],
        compensated_l1 if reconstruction_loss else plain_l1,
        weight,
    )
    for source, target in make_data():
        logs = contracts.train(model, tf.data.Dataset.from_tensors((source, target)))
        expected = by_hand.step(source, target)
        assert logs.keys() == expected.keys()
        for name, value in logs.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-4, err_msg=name)
    # 3 steps of 1e-2 have been made.
    by_hand.assert_close(model, 1e-5)


class Counter(keras.layers.Layer):
    """Counts the batches that pass."""

    batches = 0

    def call(self, inputs):
        self.batches += 1
        return inputs


def test_a_step_translates_once():
    networks, counters = make_networks(), {}
    for name, network in networks.items():
        counters[name] = Counter()
        inputs = keras.Input(network.input_shape[1:])
        networks[name] = keras.Model(inputs, network(counters[name](inputs)))
    model = make_model(networks, EAGERLY)
    for counter in counters.values():
        counter.batches = 0
    contracts.train(model, make_data().take(1))
    assert counters["generator"].batches == 1
    # Real and generated pairs in one call, and the latter again after the update.
    assert counters["discriminator"].batches == 2


@pytest.mark.slow
def test_reconstruction_improves():
    networks = make_networks(3, 3)
    model = make_model(networks, adams())
    (images,) = make_images(3, samples=8)
    data = tf.data.Dataset.from_tensors((images, -images / 2)).repeat(40)
    history = model.fit(data, epochs=2, verbose=0).history
    first, last = history["reconstruction_loss"]
    assert last < first / 2


@pytest.mark.slow
def test_contract(tmp_path):
    contracts.check_model(make_contract_model, make_data(samples=4), tmp_path)


@pytest.mark.slow
def test_contract_of_the_colorizer_in_a_graph(tmp_path):
    model = make_model(
        make_networks(5, 3, batch_and_dropout=True),
        {
            **adams(),
            "jit_compile": False,
            "adversarial_loss": "least_squares",
            "reconstruction_loss": ChannelCompensatedL1(stop_weight_gradient=False),
        },
        Pix2PixColorizer,
        reconstruction_weight=7.0,
        ema_decay=0.5,
    )
    data = make_data(COLORIZER, samples=4)
    loaded = contracts.saving_changes_nothing(model, data, tmp_path)
    assert loaded.reconstruction_loss.stop_weight_gradient is False
    assert loaded.reconstruction_weight == 7.0
    assert loaded.ema_decay == 0.5


@pytest.mark.slow
def test_mixed_precision(tmp_path):
    contracts.check_mixed_precision(
        lambda: make_model(compile_arguments={**adams(), **EAGERLY}),
        make_data(samples=4),
        "mixed_float16",
        tmp_path,
    )


@pytest.mark.slow
def test_eager_and_compiled_models_take_the_same_steps():
    models = [
        make_model(compile_arguments={**adams(), **arguments})
        for arguments in (EAGERLY, {"jit_compile": True})
    ]
    # Without `drop_remainder` the last batch is smaller.
    data = make_data(samples=5, batch_size=1).unbatch().batch(2)
    expected, logs = (contracts.train(model, data) for model in models)
    assert logs == pytest.approx(expected, rel=1e-4)
    contracts.assert_close_weights(*models, 1e-5)


def replicas():
    """In a process of its own: two logical devices have to be there from the start."""
    strategy = contracts.two_replicas()

    def make():
        # No batch statistics: those of a replica are of its part of the batch alone.
        losses = {"reconstruction_loss": ChannelCompensatedL1()}
        return make_model(compile_arguments={**adams(), **losses})

    data = make_data(samples=8, batch_size=4)
    print(json.dumps(contracts.replicas_minus_one(strategy, make, data)))


@pytest.mark.slow
def test_two_replicas_equal_one():
    differences = contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r})['replicas']()"
    )
    assert differences["weights"] < 1e-5
    assert differences["logs"] < 1e-5


def test_several_sources_are_joined():
    data = make_data((1, 2), samples=4)
    joined = data.map(lambda source, target: (tf.concat(source, -1), target))
    models = [make_model(make_networks(3), {**adams(), **EAGERLY}) for _ in range(2)]
    logs = [
        contracts.train(model, part)
        for model, part in zip(models, (data, joined), strict=True)
    ]
    assert logs[0] == logs[1]
    contracts.assert_close_weights(*models, 0)
    (one, two), _ = next(data.as_numpy_iterator())
    expected = models[0](np.concatenate([one, two], -1))
    np.testing.assert_array_equal(models[0]((one, two)), expected)
    np.testing.assert_allclose(
        models[0].predict((one, two), verbose=0), expected, atol=1e-6
    )


def test_arrays_and_single_batches_train_too():
    *source, target = make_images(*COLORIZER, 3, samples=4)
    models = [
        make_model(make_networks(5), {**adams(), **EAGERLY}, Pix2PixColorizer)
        for _ in range(2)
    ]
    models[0].fit(tuple(source), target, batch_size=2, shuffle=False, verbose=0)
    for start in (0, 2):
        parts = tuple(part[start : start + 2] for part in source)
        models[1].train_on_batch(parts, target[start : start + 2])
    contracts.assert_close_weights(*models, 1e-7)


def test_evaluate_measures_the_networks_at_inference():
    model = make_contract_model()
    contracts.train(model, make_data(samples=2))
    data = make_data()
    logs = model.evaluate(data, return_dict=True, verbose=0)
    source, target = (np.concatenate(part) for part in zip(*data.as_numpy_iterator()))
    fake = model.generator(source).numpy()
    real_output, fake_output = (
        model.discriminator(np.concatenate([source, image], -1))
        for image in (target, fake)
    )
    l1 = np.abs(target - fake).mean()
    expected = {
        "discriminator_loss": float(cross_entropy(real_output, fake_output)),
        "generator_loss": float(deceived(real_output, fake_output)) + 100 * l1,
        "reconstruction_loss": l1,
    }
    assert logs == pytest.approx(expected, rel=1e-4)


def test_the_average_translates():
    model = make_model(compile_arguments={**adams(), **EAGERLY}, ema_decay=0.9)
    data = make_data(samples=4)
    contracts.train(model, data)
    source, _ = next(data.as_numpy_iterator())
    np.testing.assert_array_equal(model(source), model.averaged_generator(source))
    assert np.abs(model(source) - model.generator(source)).max() > 1e-3
    np.testing.assert_array_equal(
        model(source, training=True), model.generator(source, training=True)
    )


@pytest.mark.parametrize("name", ["edge", "semantic"])
def test_any_loss_of_images_reconstructs(name):
    extractor = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    loss = (
        EdgeLoss() if name == "edge" else SemanticVGGLoss(feature_extractor=extractor)
    )
    networks = make_networks()
    source, target = next(make_data().as_numpy_iterator())
    expected = loss(target, networks["generator"](source, training=True))
    model = make_model(networks, {"reconstruction_loss": loss, **EAGERLY})
    logs = contracts.train(model, make_data().take(1))
    np.testing.assert_allclose(logs["reconstruction_loss"], expected, rtol=1e-5)


def test_the_toolkit_s_networks_fit():
    model = Pix2PixColorizer(
        generator=unet_generator(input_channels=5, width=4, depth=2),
        discriminator=patch_discriminator(channels=5 + 3, width=4, layers=1),
    )
    model.compile(**EAGERLY)
    data = make_data(COLORIZER, samples=2)
    contracts.train(model, data)
    source, target = next(data.as_numpy_iterator())
    images = model(source).numpy()
    assert images.shape == target.shape and np.abs(images).max() <= 1
    np.testing.assert_array_equal(images, model(source))


def test_a_configuration_with_the_old_inference_dropout_is_loaded(recwarn):
    model = Pix2Pix(**make_networks())
    Pix2Pix.from_config({**model.get_config(), "inference_dropout": False})
    assert not [each for each in recwarn if "inference_dropout" in str(each.message)]
    with pytest.warns(DeprecationWarning, match="`inference_dropout` is no longer"):
        Pix2Pix.from_config({**model.get_config(), "inference_dropout": True})


def test_wrong_networks():
    networks = make_networks(2, 3)
    with pytest.raises(ValueError, match="must see images of 5 channels: the 2 .* 3 "):
        Pix2Pix(**{**networks, "discriminator": make_networks(3, 3)["discriminator"]})
    two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    two = keras.Model(two, layers.Add()(two))
    flat = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    for name in networks:
        for wrong in (two, flat):
            with pytest.raises(ValueError, match=f"`{name}` must be a network of one"):
                Pix2Pix(**{**networks, name: wrong})
    for source, target in ((4, 3), (5, 1)):
        with pytest.raises(ValueError, match="must translate 5 channels .* to 3. Rec"):
            Pix2PixColorizer(**make_networks(source, target))


def test_wrong_arguments():
    networks = make_networks()
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="`reconstruction_weight` must be"):
            Pix2Pix(**networks, reconstruction_weight=wrong)
    model = Pix2Pix(**networks)
    with pytest.raises(TypeError, match="`reconstruction_loss` must be a `keras.loss"):
        model.compile(reconstruction_loss=len)


def test_wrong_data():
    model = make_model(compile_arguments=EAGERLY)
    data = make_data()
    for wrong in (
        data.map(lambda source, target: source),
        data.map(lambda source, target: {"source": source, "target": target}),
    ):
        with pytest.raises(ValueError, match="Pix2Pix trains on pairs of batches"):
            model.fit(wrong, verbose=0)
    for wrong, message in (
        (
            data.map(lambda source, target: (target, source)),
            "`target` .* width, 3.*, 2",
        ),
        (data.map(lambda source, target: (source, target[0])), "Data `target` must be"),
        (make_data(1), "Data `source` must be .* 2 channels in all.*16, 1"),
        (make_data((1, 2)), "Data `source` must be .* 2 channels in all.*16, 2"),
        (
            data.map(lambda source, target: (source[:, :8], target)),
            "`source` must be batches of images of the height and width of.*8, 16, 2",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(wrong, verbose=0)


def test_wrong_sources_of_the_colorizer():
    model = make_model(make_networks(5), EAGERLY, Pix2PixColorizer)
    message = "tuple of the images .line_art, hint_colors, hint_mask.*Received"
    for channels in ((3, 1, 1), (1, 3), (1, 1, 3), 5):
        data = make_data(channels)
        with pytest.raises(ValueError, match=message):
            model.fit(data, verbose=0)
        with pytest.raises(ValueError, match=message):
            model(next(data.as_numpy_iterator())[0])
