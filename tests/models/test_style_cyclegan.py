"""StyleCycleGAN against a step written out by hand, its styles, and its export."""

import types

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import callbacks, data, export, metrics
from keras_gans.losses import SemanticVGGLoss
from keras_gans.models import StyleCycleGAN
from keras_gans.models.styles import style_of_pixels
from keras_gans.networks import (
    digit_generator,
    patch_discriminator,
    style_encoder,
    style_generator,
)
from keras_gans.pixels import to_floats, to_uint8

EAGERLY = {"run_eagerly": True}
DIM = 3


def make_networks(channels=(3, 3)):
    x, y = channels
    keras.utils.set_random_seed(0)
    generator = {"width": 4, "residual_blocks": 0}
    discriminator = {"width": 4, "layers": 1, "normalization": None}
    return {
        "generator_xy": style_generator(x, y, style_dim=DIM, name="xy", **generator),
        "generator_yx": digit_generator(
            *(y, x), normalization="instance", upsampling="resize", **generator
        ),
        "style_encoder": style_encoder(y, x, width=3, style_dim=DIM),
        "discriminator_x": patch_discriminator(x, name="x", **discriminator),
        "discriminator_y": patch_discriminator(y, name="y", **discriminator),
    }


def make_model(compile_arguments=(), channels=(3, 3), **kwargs):
    model = StyleCycleGAN(**make_networks(channels), seed=1, **kwargs)
    model.compile(**dict(compile_arguments))
    return model


def random_images(count, seed=0, channels=3, size=12):
    shape = count, size, size, channels
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def make_data(samples=8, batch_size=2, channels=(3, 3)):
    x, y = (random_images(samples, seed, c) for seed, c in enumerate(channels))
    images = tf.data.Dataset.from_tensor_slices((x, y))
    return images.batch(batch_size, drop_remainder=True)


@pytest.fixture(scope="module")
def trained():
    """With styles of real images, and averages that are not the trained weights."""
    model = make_model(EAGERLY, ema_decay=0.5)
    model.fit(make_data(), verbose=0)
    return model


def l1(first, second):
    return tf.reduce_mean(tf.abs(first - second))


def square(values):
    return tf.reduce_mean(values**2)


class ByHand(contracts.ByHand):
    """The docstring's objective, each network called on one batch at a time."""

    def __init__(self, model):
        super().__init__(model, rate=1e-3)
        self.seed = keras.random.SeedGenerator(0)
        self.seed.state.assign(model.seed_generator.state)

    def step(self, x, y):
        g, f, e, d_x, d_y = self.networks
        with tf.GradientTape(persistent=True) as tape:
            fake_x = f(y)
            s = e([y, fake_x])
            noise = keras.random.normal(s.shape, seed=self.seed)
            z = tf.stop_gradient(s) + 0.25 * noise
            fake_y = g([x, z])
            cycle_x = l1(f(fake_y), x)
            # Without a quarter of the 12 columns on either side.
            cycle_y = l1(g([fake_x, s])[:, :, 3:9], y[:, :, 3:9])
            identity_x = l1(f(contracts.in_channels(x, y)), x)
            identity_y = l1(g([contracts.in_channels(y, x), s]), y)
            style = l1(e([fake_y, x]), z)
            mean = tf.reduce_mean(s, 0)
            deviation = tf.sqrt(tf.reduce_mean((s - mean) ** 2, 0))
            moments = square(mean) + square(deviation - 1)
            generators = square(d_x(fake_x) - 1) + square(d_y(fake_y) - 1)
            generators += 2 * cycle_x + 3 * cycle_y + 4 * identity_x + 5 * identity_y
            generators += 6 * style + 7 * moments
            judges = [
                square(d_x(x) - 1) / 2 + square(d_x(fake_x)) / 2,
                square(d_y(y) - 1) / 2 + square(d_y(fake_y)) / 2,
            ]
        losses = [generators] * 3 + judges
        for index, loss in enumerate(losses):
            variables = self.networks[index].trainable_variables
            self.apply(index, tape.gradient(loss, variables))
        return {
            "generator_loss": generators,
            "discriminator_loss": sum(judges),
            "cycle_loss": cycle_x + cycle_y,
            "identity_loss": identity_x + identity_y,
            "style_loss": style,
            "style_moment_loss": moments,
        }


# Adam magnifies the rounding of gradients near 0, here of the luma.
@pytest.mark.parametrize("channels, tolerance", [((3, 3), 1e-5), ((1, 3), 5e-5)])
def test_steps_equal_hand_written_ones(channels, tolerance):
    model = make_model(
        {**contracts.adams(1e-3), **EAGERLY},
        channels,
        cycle_weight=(2, 3),
        cycle_margin=0.25,
        identity_weight=(4, 5),
        style_weight=6,
        style_moment_weight=7,
        style_noise=0.25,
    )
    by_hand = ByHand(model)
    for x, y in make_data(4, channels=channels):
        logs = contracts.train(model, tf.data.Dataset.from_tensors((x, y)))
        expected = by_hand.step(x, y)
        assert logs.keys() == expected.keys()
        for name, value in logs.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-4, err_msg=name)
    # 2 steps of 1e-3 have been made.
    by_hand.assert_close(model, tolerance)


def test_semantic_losses_join_those_of_the_generators(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(2, 3, activation="relu")(inputs)
    extractor = keras.Model(inputs, features, name="extractor")
    loss = SemanticVGGLoss(feature_extractor=extractor)
    plain = make_model(EAGERLY)
    weights = {"semantic_weight": 0.5, "semantic_translation_weight": 0.25}
    model = make_model({**EAGERLY, "semantic_loss": loss}, **weights)
    x, y = next(iter(make_data()))
    # Without training a style goes with the pixels, and is the same in both models.
    found = model.compute_losses(x, y, training=False)
    rest = plain.compute_losses(x, y, training=False)
    fake_x, fake_y = model(y, direction="yx"), model(x)
    style = model.style_encoder([y, fake_x])
    cycled_x, cycled_y = model(fake_y, direction="yx"), model(fake_x, style=style)
    backwards = float(loss(x, cycled_x) + loss(y, cycled_y))
    forwards = float(loss(x, fake_y) + loss(y, fake_x))
    assert backwards > 0 and forwards > 0
    np.testing.assert_allclose(found["semantic_loss"], backwards + forwards, rtol=1e-5)
    np.testing.assert_allclose(
        float(found["generator_loss"] - rest["generator_loss"]),
        0.5 * backwards + 0.25 * forwards,
        rtol=1e-3,
    )
    assert "semantic_loss" not in rest
    contracts.train(model, make_data(2))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.semantic_weight == 0.5 and again.semantic_translation_weight == 0.25


@pytest.mark.slow
def test_contract(tmp_path):
    contracts.check_model(
        lambda: make_model(
            {**contracts.adams(), **EAGERLY}, identity_weight=1.0, pool_size=3
        ),
        make_data(4),
        tmp_path,
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, tmp_path):
    contracts.check_mixed_precision(make_model, make_data(), policy, tmp_path)


@pytest.mark.slow
def test_eager_graph_and_xla_take_the_same_steps():
    ways = EAGERLY, {"jit_compile": False}, {"jit_compile": True}
    # XLA draws other normal numbers from the same seed.
    models = [
        make_model({**contracts.adams(1e-3), **way}, style_noise=0.0) for way in ways
    ]
    for model in models:
        model.fit(make_data(), verbose=0)
    for model in models[1:]:
        for one, other in zip(models[0].weights, model.weights, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5, err_msg=one.path)


def on_two_replicas():
    """Run in a process of its own, which has two logical devices."""
    strategy = contracts.two_replicas()
    with strategy.scope():
        model = make_model({**contracts.adams(1e-3), "jit_compile": False})
    model.fit(make_data(8, batch_size=4), verbose=0)
    x = random_images(3)
    copies = [copy.numpy() for copy in model.style_pool.styles.value.values]
    return {
        "filled": int(model.style_pool.count.numpy()),
        "one_pool": np.array_equal(*copies),
        "finite": bool(np.isfinite(model(x)).all()),
    }


@pytest.mark.slow
def test_each_replica_has_a_pool_of_its_own():
    found = contracts.run_python(
        f"import json, runpy; tests = runpy.run_path({__file__!r});"
        "print(json.dumps(tests['on_two_replicas']()))"
    )
    # Of its own half of two batches.
    assert found == {"filled": 4, "one_pool": False, "finite": True}


def test_a_stopped_training_resumes_to_the_bit(tmp_path):
    x, y = (to_uint8(random_images(4, seed)) for seed in (0, 1))

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.iterations == 2:
                raise KeyboardInterrupt

    def train(folder, *others):
        batches = data.unpaired(x, y, batch_size=2, size=12, seed=0)
        model = make_model(EAGERLY, ema_decay=0.5)
        checkpoint = callbacks.Checkpoint(tmp_path / folder, batches, save_freq=1)
        model.fit(batches, verbose=0, callbacks=[*others, checkpoint])
        return contracts.values_of(model.training_state())

    expected = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("stopped", Stop())
    contracts.assert_same_values(train("stopped"), expected)


# Styles ----------------------------------------------------------------------------


def test_random_styles_are_those_of_images_seen_last(trained):
    images = np.concatenate([y for _, y in make_data().as_numpy_iterator()])
    pool = trained.style_pool.styles.numpy()
    assert int(trained.style_pool.count.numpy()) == 8
    # The encoder has moved a little since it saw them.
    content = trained.generator_yx(images)
    y = trained.style_encoder([tf.constant(images), content]).numpy()
    np.testing.assert_allclose(pool[:8], y, atol=0.02)
    np.testing.assert_array_equal(pool[8:], make_model().style_pool.styles[8:])


def test_a_call_draws_a_style_by_the_pixels_alone(trained):
    images = random_images(40)
    pool = trained.style_pool.styles
    styles = style_of_pixels(images, pool).numpy()
    for style in styles:
        assert (style == pool.numpy()).all(1).any()
    # Alone, in another batch, as pixels; and different images get different ones.
    np.testing.assert_array_equal(style_of_pixels(images[7:8], pool)[0], styles[7])
    as_saved = to_floats(to_uint8(images))
    np.testing.assert_array_equal(style_of_pixels(as_saved, pool), styles)
    assert len(np.unique(styles, axis=0)) > 35
    expected = trained.translate(images, style=styles)
    np.testing.assert_allclose(trained(images), expected, atol=1e-6)
    compiled = tf.function(style_of_pixels, jit_compile=True)
    np.testing.assert_array_equal(compiled(images, pool.value), styles)


def test_translate_takes_styles_references_and_seeds(trained):
    x, y = random_images(3), random_images(3, seed=1)
    style = np.arange(DIM, dtype="float32")
    one = trained.translate(x, style=style)
    assert one.shape == x.shape and one.dtype == "float32"
    np.testing.assert_array_equal(
        one, trained.translate(x, style=np.tile(style, (3, 1)))
    )
    # Those of the averaged networks, as is what they draw.
    content = trained.averaged_generator_yx(y)
    styles = trained.averaged_style_encoder([tf.constant(y), content]).numpy()
    np.testing.assert_allclose(trained.encode_style(y), styles, atol=1e-6)
    expected = trained.averaged_generator_xy([x, styles])
    np.testing.assert_allclose(trained.translate(x, reference=y), expected, atol=1e-6)
    alike = trained.translate(x, reference=y[1])
    np.testing.assert_allclose(alike[1], expected[1], atol=1e-6)
    assert np.abs(alike[0] - expected[0]).max() > 1e-4

    several = trained.translate(x, seed=5, variants=4)
    assert several.shape == (3, 4, *x.shape[1:])
    np.testing.assert_array_equal(several, trained.translate(x, seed=5, variants=4))
    # All images in the same styles, in whatever batch they are.
    np.testing.assert_allclose(
        several[2:], trained.translate(x[2:], seed=5, variants=4), atol=1e-6
    )
    np.testing.assert_allclose(
        several[:, 2],
        trained.translate(x, style=trained.sample_style(4, seed=5)[2]),
        atol=1e-6,
    )
    unseeded = trained.translate(x, variants=4)
    assert np.abs(unseeded - trained.translate(x, variants=4)).max() > 0


def test_translate_goes_from_one_style_to_another(trained):
    x, y = random_images(2), random_images(2, seed=1)
    steps = trained.translate(x, reference=(y[0], y[1]), variants=3)
    first, last = trained.encode_style(y).numpy()
    for index, style in enumerate((first, (first + last) / 2, last)):
        expected = trained.translate(x, style=style)
        np.testing.assert_allclose(steps[:, index], expected, atol=1e-6)


@pytest.mark.parametrize("arguments, message", [
    ({"style": np.zeros(DIM), "reference": random_images(1)}, "one of the arguments"),
    ({"style": np.zeros(DIM + 1)}, "must be styles of 3 numbers"),
    ({"style": np.zeros((2, DIM))}, "one for all images or one for each of 3"),
    ({"style": (np.zeros(DIM), np.ones(DIM))}, "goes with `variants`"),
    ({"variants": 0}, "`variants` must be a positive integer"),
    ({"seed": -1}, "`seed` must be zero or a positive integer"),
    ({"seed": 1, "style": np.zeros(DIM)}, "`seed` is that of random styles"),
    ({"reference": np.zeros((12, 12, 3), "uint8")}, "as `images` are"),
])  # fmt: skip
def test_wrong_styles_are_refused(trained, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        trained.translate(random_images(3), **arguments)


def test_wrong_images_and_networks_are_refused(trained):
    with pytest.raises(TypeError, match="`images` must be floats"):
        trained.translate(to_uint8(random_images(3)))
    with pytest.raises(ValueError, match="at least one image"):
        trained.translate(random_images(3)[:0])
    with pytest.raises(ValueError, match="Only direction 'xy' has a `style`"):
        trained(random_images(1), direction="yx", style=np.zeros((1, DIM)))
    for name, other in (
        ("generator_xy", style_generator(width=4, style_dim=DIM + 1)),
        ("generator_xy", digit_generator(3, width=4)),
        ("style_encoder", style_encoder(3, 1, width=3, style_dim=DIM)),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must take a list of images"):
            StyleCycleGAN(**make_networks() | {name: other})
    with pytest.raises(ValueError, match="`cycle_margin` must be less than half"):
        make_model(EAGERLY, cycle_margin=0.5)
    unequal = tf.data.Dataset.from_tensors((random_images(2), random_images(3)))
    with pytest.raises(ValueError, match="must be equally long"):
        make_model(EAGERLY).fit(unequal, verbose=0)


def test_a_step_in_sixteen_bits_keeps_styles_in_full():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_model(EAGERLY, identity_weight=1.0)
    finally:
        keras.config.set_dtype_policy("float32")
    model.fit(make_data(4), verbose=0)
    assert model.style_pool.styles.dtype == "float32"
    # Levels survive a rounding to 16 bits.
    x = to_floats(to_uint8(random_images(4)))
    style = style_of_pixels(x, model.style_pool.styles)
    np.testing.assert_array_equal(model(x), model(x, style=style))


def test_evaluation_changes_neither_styles_nor_noise(trained):
    before = contracts.values_of(trained.training_state())
    trained.translate(random_images(2), variants=2)
    trained.compute_losses(random_images(2), random_images(2, seed=1), training=False)
    after = contracts.values_of(trained.training_state())
    contracts.assert_same_values(before, after)


def test_domains_may_differ_in_channels():
    model = make_model(EAGERLY, channels=(1, 3))
    x, y = random_images(3, channels=1), random_images(3)
    losses = model.compute_losses(tf.constant(x), tf.constant(y), training=True)
    assert all(np.isfinite(loss) for loss in losses.values())
    assert model(x).shape == (3, 12, 12, 3)


# Export ----------------------------------------------------------------------------


def test_export_has_styles(trained, tmp_path):
    translator = export.load(export.save(trained, tmp_path))
    assert translator.style_dim == DIM
    x, y = (to_uint8(random_images(3, seed)) for seed in (0, 1))
    floats_x, floats_y = to_floats(x), to_floats(y)
    for arguments, expected in (
        ({}, trained(floats_x)),
        ({"seed": 4, "variants": 3}, trained.translate(floats_x, seed=4, variants=3)),
        ({"reference": y}, trained.translate(floats_x, reference=floats_y)),
        ({"style": np.ones(DIM)}, trained.translate(floats_x, style=np.ones(DIM))),
    ):
        received = translator.translate(x, **arguments).astype(int)
        assert np.abs(received - to_uint8(expected)).max() <= 1, arguments
    styles = translator.encode_style(y)
    np.testing.assert_allclose(styles, trained.encode_style(floats_y), atol=1e-5)
    with pytest.raises(ValueError, match="go with direction 'xy' of a model"):
        translator.translate(y, direction="yx", seed=1)


def test_the_picture_shows_styles_and_references(trained):
    x, y = random_images(4), random_images(4, seed=1)
    picture = callbacks.style_grid(trained, x, y, variants=2)
    # x, two styles and the references' above a line, three rows below, enlarged.
    assert picture.shape == ((7 * 12 + 4) * 5, 4 * 12 * 5, 3)
    cell = picture[3 * 60 + 2, 2::5][:48].reshape(4, 12, 3)
    expected = to_uint8(trained.translate(x, reference=y))[:, 0]
    np.testing.assert_array_equal(cell, expected)


def test_a_sheet_shows_what_styles_do(trained):
    x, references = random_images(2), random_images(3, seed=1)
    sheet = callbacks.style_sheet(trained, x, references, seed=5)
    # Two rows of random styles; the references, what they become, and two rows in their
    # styles; two rows of ways. Three lines between.
    assert sheet.shape == ((8 * 12 + 3 * 4) * 5, 4 * 12 * 5, 3)
    small = sheet[2::5, 2::5]
    tops = [0, 12, 28, 40, 56, 68, 84, 96]

    def cell(row, column):
        return small[tops[row] : tops[row] + 12, 12 * column : 12 * column + 12]

    styles = trained.encode_style(references)
    alike = to_uint8(trained.translate(x, reference=references[1]))
    randomly = to_uint8(trained.translate(x, seed=5, variants=3))
    back = to_uint8(trained(references, direction="yx"))
    way = to_uint8(trained.translate(x[:1], style=styles[2]))
    for place, expected in (
        ((0, 0), to_uint8(x[0])),
        ((1, 3), randomly[1, 2]),
        ((2, 2), to_uint8(references[1])),
        ((3, 2), back[1]),
        ((5, 2), alike[1]),
        ((6, 3), way[0]),
    ):
        difference = cell(*place).astype(int) - expected
        assert np.abs(difference).max() <= 1, place


@pytest.mark.slow
def test_images_of_y_are_put_together_in_their_own_style(trained, tmp_path):
    x, y = (to_uint8(random_images(4, seed)) for seed in (0, 1))
    labels = np.zeros(4, "int64")

    def classify(images):
        return np.eye(1)[np.zeros(len(images), int)]

    classifier = types.SimpleNamespace(
        predict_on_batch=classify, predict=lambda images, **_: classify(images)
    )
    floats = to_floats(y)
    content = trained(floats, direction="yx")
    styled = trained(content, style=trained.encode_style(floats))
    expected = float(np.abs(styled - floats).mean())
    assert abs(expected - float(np.abs(trained(content) - floats).mean())) > 2e-3
    kept = metrics.label_keeping(trained, (x, labels), (y, labels), *[classifier] * 2)
    assert kept["yx"]["cycle_l1"] == pytest.approx(expected, rel=1e-5)
    loaded = export.load(export.save(trained, tmp_path))
    for model in (trained, loaded):
        error = metrics.MeanAbsoluteError()
        scores = metrics.evaluate_translation(model, x, y, [error])
        # From pixels, as an export makes it.
        assert scores["mae_y"] == pytest.approx(expected, abs=1e-3)
