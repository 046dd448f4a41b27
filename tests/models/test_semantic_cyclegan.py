"""CycleGAN with a semantic loss: what it adds to a step, and that it is kept."""

import functools
import io
import json
import zipfile

import contracts
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import smallest_translators

from keras_gans.losses import SemanticVGGLoss
from keras_gans.models import CycleGAN

layers = keras.layers
SIZE = 8


make_networks = functools.partial(smallest_translators, size=SIZE)


def make_extractor(channels=3):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((None, None, channels)),
            layers.Rescaling(1 / 127.5, -1.0),
            layers.Conv2D(6, 3, strides=2, activation="softplus"),
        ],
        name="extractor",
    )


def make_model(
    semantic_weight=0.0,
    semantic_translation_weight=0.0,
    channels=(1, 3),
    optimizer=None,
    ema_decay=None,
    pool_size=0,
    **compile_arguments,
):
    model = CycleGAN(
        **make_networks(channels),
        semantic_weight=semantic_weight,
        semantic_translation_weight=semantic_translation_weight,
        ema_decay=ema_decay,
        pool_size=pool_size,
        seed=0,
    )
    if semantic_weight or semantic_translation_weight:
        loss = SemanticVGGLoss(feature_extractor=make_extractor())
        compile_arguments.setdefault("semantic_loss", loss)
    # With Keras's epsilon the first step of Adam has one size whatever the gradient.
    optimizer = optimizer or (lambda: keras.optimizers.Adam(1e-2, epsilon=1e-3))
    model.compile(optimizer(), optimizer(), **compile_arguments)
    return model


def make_arrays(count=2, channels=(1, 3), seed=0):
    random = np.random.default_rng(seed)
    return tuple(
        random.uniform(-1, 1, (count, SIZE, SIZE, each)).astype("float32")
        for each in channels
    )


def make_data(samples=6, channels=(1, 3)):
    arrays = make_arrays(samples, channels)
    return tf.data.Dataset.from_tensor_slices(arrays).batch(2, drop_remainder=True)


def distance(one, other):
    """Mean over the batch of the distance of features, by the extractor itself."""
    extractor = make_extractor()
    features = []
    for images in (one, other):
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        features.append(extractor((images + 1.0) * 127.5))
    squares = (features[0] - features[1]) ** 2
    return tf.reduce_mean(tf.sqrt(tf.reduce_sum(squares, (1, 2, 3))))


def semantic_parts(model, x, y):
    """Distances of images from their reconstructions, and from their translations."""
    fake_y, fake_x = model.generator_xy(x), model.generator_yx(y)
    cycled_x, cycled_y = model.generator_yx(fake_y), model.generator_xy(fake_x)
    return (
        distance(x, cycled_x) + distance(y, cycled_y),
        distance(x, fake_y) + distance(y, fake_x),
    )


@pytest.mark.parametrize(
    "channels, weights",
    [
        ((1, 3), (0.5, 0.25)),
        pytest.param((3, 3), (0.5, 0.0), marks=pytest.mark.slow),
        pytest.param((3, 1), (0.0, 0.25), marks=pytest.mark.slow),
    ],
)
def test_losses_are_the_plain_ones_and_the_weighted_distances(channels, weights):
    x, y = make_arrays(channels=channels)
    plain = make_model(channels=channels)
    expected = plain.compute_losses(x, y, training=True)
    parts = semantic_parts(plain, x, y)
    model = make_model(*weights, channels=channels)
    losses = model.compute_losses(x, y, training=True)
    assert set(losses) == {*expected, "semantic_loss"}
    added = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    assert added > 0.05 * expected["generator_loss"]
    np.testing.assert_allclose(
        losses["generator_loss"], expected["generator_loss"] + added, rtol=1e-5
    )
    used = [part for weight, part in zip(weights, parts, strict=True) if weight]
    np.testing.assert_allclose(losses["semantic_loss"], sum(used), rtol=1e-5)
    for name in ("discriminator_loss", "cycle_loss"):
        np.testing.assert_array_equal(losses[name], expected[name])


def test_a_step_follows_the_gradient_of_the_sum():
    x, y = make_arrays()
    descent = {"optimizer": lambda: keras.optimizers.SGD(1.0), "run_eagerly": True}
    plain, model = make_model(**descent), make_model(0.5, 0.25, **descent)
    generators = [each.trainable_variables_of("generator") for each in (plain, model)]
    start = [variable.numpy() for variable in generators[0]]
    with tf.GradientTape() as tape:
        of_cycles, of_translations = semantic_parts(plain, x, y)
        added = 0.5 * of_cycles + 0.25 * of_translations
    gradients = tape.gradient(added, generators[0])
    assert all(np.abs(gradient).max() > 1e-3 for gradient in gradients)
    for each in (plain, model):
        contracts.train(each, tf.data.Dataset.from_tensors((x, y)))
    for value, one, other, gradient in zip(start, *generators, gradients, strict=True):
        step, expected = other - value, (one - value) - gradient
        np.testing.assert_allclose(step, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("weights, calls", [
    pytest.param((1, 0), 4, marks=pytest.mark.slow),
    pytest.param((0, 1), 4, marks=pytest.mark.slow),
    ((1, 1), 6),
    pytest.param((0, 0), 0, marks=pytest.mark.slow),
])  # fmt: skip
def test_features_of_real_images_are_computed_once(weights, calls):
    seen = []
    model = make_model(*weights, run_eagerly=True)
    if any(weights):
        network = model.semantic_loss._network

        def spy(pixels, **kwargs):
            seen.append(pixels.numpy())
            return network(pixels, **kwargs)

        spy.input_shape = network.input_shape
        model.semantic_loss._network = spy
    x, y = make_arrays()
    contracts.train(model, tf.data.Dataset.from_tensors((x, y)))
    assert len(seen) == calls
    for images in (x, y):
        pixels = np.broadcast_to((images + 1) * 127.5, (2, SIZE, SIZE, 3))
        assert sum(np.allclose(pixels, each) for each in seen) == (calls > 0)


def test_weights_of_zero_change_nothing():
    arguments = {"pool_size": 3, "seed": 0}
    plain = CycleGAN(**make_networks(), **arguments)
    model = CycleGAN(
        **make_networks(), semantic_weight=0, semantic_translation_weight=0, **arguments
    )
    logs = []
    for each in (plain, model):
        each.compile(run_eagerly=True)
        logs.append(contracts.train(each, make_data(samples=4)))
    assert logs[0] == logs[1] and "semantic_loss" not in logs[1]
    assert model.semantic_loss is None
    contracts.assert_same_values(
        contracts.values_of(plain.training_state()),
        contracts.values_of(model.training_state()),
    )


def test_contract(tmp_path):
    def make():
        return make_model(0.5, 0.25, ema_decay=0.9, pool_size=3, run_eagerly=True)

    data, model = make_data(samples=2), make()
    contracts.training_state_is_complete(model, data, make, tmp_path)
    # A loaded model takes the same next steps.
    contracts.saving_changes_nothing(model, data, tmp_path)
    contracts.evaluation_changes_nothing(make, data)


@pytest.mark.slow
def test_steps_under_xla_are_the_same():
    expected, logs = (
        contracts.train(make_model(0.5, 0.25, **arguments), make_data(samples=2))
        for arguments in ({"run_eagerly": True}, {"jit_compile": True})
    )
    assert expected["semantic_loss"] > 0
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-3)


def test_mixed_precision(policy="mixed_float16"):
    keras.config.set_dtype_policy(policy)
    try:
        model = make_model(0.5, 0.25, run_eagerly=True)
    finally:
        keras.config.set_dtype_policy("float32")
    x, y = make_arrays()
    losses = model.compute_losses(x, y, training=True)
    assert losses["semantic_loss"].dtype == "float32"
    expected = make_model(0.5, 0.25).compute_losses(x, y, training=True)
    np.testing.assert_allclose(
        losses["semantic_loss"], expected["semantic_loss"], rtol=0.05
    )
    logs = contracts.train(model, make_data(samples=2))
    assert all(np.isfinite(value) for value in logs.values())


def test_extractor_is_no_part_of_the_model(tmp_path):
    # With a path the weights are in no file; with a model, once in the configuration.
    make_extractor().save(tmp_path / "extractor.keras")
    for extractor in (tmp_path / "extractor.keras", make_extractor()):
        loss = SemanticVGGLoss(feature_extractor=extractor)
        model = make_model(0.5, semantic_loss=loss, ema_decay=0.9)
        plain = make_model(ema_decay=0.9)
        extra = {id(variable) for variable in loss._network.variables}
        assert extra and not extra & {id(variable) for variable in model.variables}
        assert len(model.variables) == len(plain.variables)
        assert model.count_params() == plain.count_params()
        sizes = [
            {name: len(values) for name, values in each.training_state().items()}
            for each in (model, plain)
        ]
        # One more epoch average, of two variables.
        assert sizes[0].pop("model") == sizes[1].pop("model") + 2
        assert sizes[0] == sizes[1]
        stored = []
        for each in (model, plain):
            each.save(tmp_path / "model.keras")
            with zipfile.ZipFile(tmp_path / "model.keras") as archive:
                weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
            stored.append(arrays_in(weights))
        assert stored[0] == stored[1]


def arrays_in(file):
    names = []
    file.visititems(lambda name, each: names.append(name))
    return sorted(name for name in names if isinstance(file[name], h5py.Dataset))


@pytest.mark.slow
def test_loaded_with_a_path_it_goes_on(tmp_path):
    make_extractor().save(tmp_path / "extractor.keras")
    loss = SemanticVGGLoss(feature_extractor=tmp_path / "extractor.keras")
    model = make_model(0.5, semantic_loss=loss, run_eagerly=True)
    loaded = contracts.saving_changes_nothing(model, make_data(samples=2), tmp_path)
    assert loaded.semantic_weight == 0.5
    extractor = loaded.semantic_loss.feature_extractor
    assert extractor == str(tmp_path / "extractor.keras")


def test_loss_and_weight_go_together():
    loss = SemanticVGGLoss(feature_extractor=make_extractor())
    with pytest.raises(ValueError, match="`semantic_loss` goes with.*=0.0"):
        make_model(semantic_loss=loss)
    for weights in ((1.0, 0.0), (0.0, 1.0)):
        with pytest.raises(ValueError, match="`semantic_loss` goes with.*loss=None"):
            make_model(*weights, semantic_loss=None)


@pytest.mark.parametrize("loss", [keras.losses.MeanAbsoluteError(), "mae", 1.0])
def test_losses_of_another_kind(loss):
    with pytest.raises(TypeError, match="`semantic_loss` must be a .*SemanticVGGLoss"):
        make_model(1.0, semantic_loss=loss)


@pytest.mark.parametrize("name", ["semantic_weight", "semantic_translation_weight"])
def test_wrong_weights(name):
    for value, error in ((-1.0, ValueError), (np.nan, ValueError), ("1", TypeError)):
        with pytest.raises(error, match=f"`{name}` must be"):
            make_model(**{name: value})


def main():
    strategy = contracts.two_replicas()

    def make():
        return make_model(0.5, 0.25, ema_decay=0.9)

    arrays = make_arrays(8)
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(4, drop_remainder=True)
    # Averages are among the weights.
    print(json.dumps(contracts.replicas_minus_one(strategy, make, data)))


@pytest.mark.slow
def test_two_replicas_equal_one():
    differences = contracts.run_python(
        f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    )
    assert differences["weights"] < 1e-5
    assert differences["logs"] < 1e-5


if __name__ == "__main__":
    main()
