"""What a feature network sees: pixels, resizing, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_networks import random_images, resize_with_pillow, seeing, small_network

from keras_gans.metrics import FeatureNetwork, to_pixels

layers = keras.layers


def test_a_network_sees_the_pixels_of_saved_pictures():
    images = random_images(3, 4, 5, 3)
    network = FeatureNetwork(seeing(4, 5))
    pixels = images.reshape(3, 60).astype("float32")
    for given in (images, tf.constant(images), images / 127.5 - 1):
        features = network(given)
        assert features.dtype == "float32"
        np.testing.assert_array_equal(features, pixels)
    # Not quite the pixels, in several widths, and beyond the range.
    floats = np.random.default_rng(1).uniform(-1.2, 1.2, (3, 4, 5, 3))
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        given = tf.cast(floats, dtype)
        expected = to_pixels(given).reshape(3, 60)
        np.testing.assert_array_equal(network(given), expected)
        assert {0, 255} <= set(expected.ravel())


def test_floats_of_another_range_are_refused():
    network = FeatureNetwork(seeing(4, 5))
    images = np.zeros((2, 4, 5, 3), "float32")
    # A small overshoot is clipped.
    images[1, 0, 0] = [-1.5, 1.5, np.float32(1) / 3]
    assert network(images).numpy()[1, :3].tolist() == [0, 255, 170]
    for value in (255.0, 1.6, -1.6):
        images[1, 0, 0, 1] = value
        for dtype in ("float64", "float32", "float16"):
            with pytest.raises(ValueError, match="belong in dtype uint8") as caught:
                network(images.astype(dtype))
            assert f"{float(images.astype(dtype)[1, 0, 0, 1]):.4g}" in str(caught.value)
        # Nothing can be raised in a graph.
        clipped = tf.function(network)(images)[1, 1]
        assert clipped == (255 if value > 0 else 0)
    # One bad pixel does not hide the others.
    images[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="Received floats from -1.6 to 0.3333"):
        network(images)


def test_grey_is_repeated_and_colour_is_not_dropped():
    grey = random_images(2, 4, 5, 1)
    features = FeatureNetwork(seeing(4, 5))(grey)
    np.testing.assert_array_equal(features, np.repeat(grey, 3, -1).reshape(2, 60))
    narrow = FeatureNetwork(seeing(4, 5, 1))
    np.testing.assert_array_equal(narrow(grey), grey.reshape(2, 20))
    with pytest.raises(ValueError, match="'seeing' sees grey images only"):
        narrow(random_images(2, 4, 5, 3))


@pytest.mark.parametrize("before", [(16, 16), (64, 64), (13, 57), (31, 200), (75, 90)])
def test_clean_resizing_is_that_of_pillow_on_floats(before):
    height, width = 29, 37
    images = random_images(2, *before, 3)
    # A chessboard makes the filter overshoot most.
    images[1] = 255 * (np.indices((*before, 1)).sum(0) // 4 % 2)
    expected = resize_with_pillow(images, height, width)
    network = FeatureNetwork(seeing(height, width))
    assert (network.resize, network.size) == ("clean", (height, width))
    features = network(images).numpy().reshape(expected.shape)
    np.testing.assert_allclose(features, expected.clip(0, 255), atol=0.01)
    # Not rounded again.
    assert np.abs(features - features.round()).max() > 0.4


def test_clean_resizing_clips_what_overshoots():
    images = random_images(1, 8, 8, 3) // 128 * 255
    expected = resize_with_pillow(images, 29, 37)
    assert expected.min() < -5 and expected.max() > 260
    features = FeatureNetwork(seeing(29, 37))(images)
    assert (features.numpy().min(), features.numpy().max()) == (0, 255)


def test_legacy_resizing_has_no_half_pixel_centers_and_aliases():
    images = np.array([[0, 100], [40, 240]], "uint8").reshape(1, 2, 2, 1)
    network = FeatureNetwork(seeing(4, 4, 1), resize="legacy")
    # Output pixel k is at input pixel k / 2, and the last line is repeated.
    expected = [
        [0, 50, 100, 100],
        [20, 95, 170, 170],
        [40, 140, 240, 240],
        [40, 140, 240, 240],
    ]
    np.testing.assert_array_equal(network(images).numpy().reshape(4, 4), expected)
    # Smaller: two of three pixels are not looked at.
    images = random_images(2, 12, 12, 1)
    expected = images[:, ::3, ::3].reshape(2, 16)
    np.testing.assert_array_equal(network(images), expected)


@pytest.mark.parametrize("resize", ["clean", "legacy", None])
def test_images_of_the_right_size_stay_as_they_are(resize):
    images = random_images(2, 29, 37, 3)
    network = FeatureNetwork(seeing(29, 37), resize=resize)
    np.testing.assert_array_equal(network(images), images.reshape(2, -1))
    assert network.size == (None if resize is None else (29, 37))


def test_the_size_is_the_networks_or_the_one_asked_for():
    model = small_network()
    network = FeatureNetwork(model)
    # Without a size there is nothing to resize to, and so it is recorded.
    assert (network.resize, network.size, network.feature_dim) == (None, None, 5)
    images = random_images(2, 12, 9, 3)
    expected = model(images).numpy().mean((1, 2))
    np.testing.assert_allclose(network(images), expected, rtol=1e-5)
    for size, pair in ((16, (16, 16)), ((7, 21), (7, 21))):
        network = FeatureNetwork(model, size=size)
        assert (network.resize, network.size) == ("clean", pair)
        resized = resize_with_pillow(images, *pair).clip(0, 255)
        expected = model(resized).numpy().mean((1, 2))
        np.testing.assert_allclose(network(images), expected, atol=1e-4)
    assert FeatureNetwork(seeing(4, 5), size=(4, 5)).size == (4, 5)


class Counting(layers.Layer):
    """Counts how often it is traced."""

    calls = 0

    def call(self, x):
        type(self).calls += 1
        return x


def test_one_trace_serves_all_batches_and_graphs():
    inputs = keras.Input((None, None, 3))
    network = FeatureNetwork(keras.Model(inputs, Counting()(inputs)), size=6)
    before = Counting.calls
    for shape in ((1, 4, 4, 3), (2, 4, 4, 3), (7, 9, 8, 1)):
        images = random_images(*shape)
        expected = network(images)
        floats = (images / 127.5 - 1).astype("float32")
        np.testing.assert_array_equal(network(floats), expected)
        # In a graph, also without knowing the sizes.
        for signature in (shape, (None, None, None, shape[-1])):
            graph = tf.function(
                network, input_signature=[tf.TensorSpec(signature, "uint8")]
            )
            np.testing.assert_allclose(graph(images), expected, rtol=1e-6)
    assert Counting.calls == before + 1
    assert network(random_images(0, 4, 4, 3)).shape == (0, 3)


def test_layers_that_behave_differently_in_training_do_not_train():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Dropout(0.5), layers.BatchNormalization()]
    )
    images = random_images(5, 4, 4, 3)
    network = FeatureNetwork(model)
    expected = images.mean((1, 2)) / np.sqrt(1.001)
    np.testing.assert_allclose(network(images), expected, rtol=1e-5)
    assert not model.get_weights()[2].any()


def test_numbers_that_are_not_finite_are_refused():
    network = FeatureNetwork(small_network(), name="small")
    images = np.zeros((4, 6, 6, 3), "float32")
    for bad in (np.nan, np.inf, -np.inf):
        images[2, 1, 1, 0] = bad
        with pytest.raises(ValueError, match="1 of 4 .* Image 2 .* its pixels are NaN"):
            network(images)
        # Nothing can be raised in a graph, but the score shows it.
        found = tf.function(network)(images).numpy()
        assert np.isnan(found).all(-1).tolist() == [False, False, True, False]
    # The logarithm of 0 and of a negative number, only in the second and third image.
    pixels = keras.Input((2, 2, 3))
    logarithm = keras.Model(pixels, keras.ops.log(pixels - 100))
    levels = np.array([255, 100, 20, 255], "uint8").reshape(4, 1, 1, 1)
    with pytest.raises(ValueError, match="2 of 4 .* Image 1 .* does not compute"):
        FeatureNetwork(logarithm)(np.tile(levels, (1, 2, 2, 3)))


def test_images_that_do_not_fit_are_refused():
    network = FeatureNetwork(seeing(4, 5))
    for shape in ((4, 5, 3), (1, 4, 5, 2), (1, 4, 5, 4), (1, 1, 4, 5, 3)):
        with pytest.raises(ValueError, match="with 1 or 3 channels"):
            network(random_images(*shape))
    for dtype in ("int32", "int8", "bool"):
        with pytest.raises(TypeError, match=f"images.dtype={dtype}"):
            network(np.zeros((1, 4, 5, 3), dtype))
    unresized = FeatureNetwork(seeing(4, 5), resize=None)
    with pytest.raises(ValueError, match="5x4 pixels. It takes 4x5 .* resize=None"):
        unresized(random_images(1, 5, 4, 3))
    # Too small for the network, before and after resizing.
    small = FeatureNetwork(small_network())
    for call in (small, tf.function(small)):
        for size in ((2, 2), (9, 2), (1, 1)):
            with pytest.raises(
                ValueError, match="cannot take images of {}x{}".format(*size)
            ):
                call(random_images(1, *size, 3))
        assert call(random_images(1, 3, 3, 3)).shape == (1, 5)
    with pytest.raises(ValueError, match="cannot take images of 2x9 pixels"):
        FeatureNetwork(small_network(), size=(2, 9))


def test_arguments_are_checked():
    model = small_network()
    for message, arguments in (
        ("resize='bicubic'", {"resize": "bicubic"}),
        ("output='classes'", {"output": "classes"}),
        ("name='Small Network'", {"name": "Small Network"}),
        ("name='1st'", {"name": "1st"}),
        ("positive integer", {"size": 0}),
        ("positive integer", {"size": (8, 8, 3)}),
        ("size=\\(8, 8\\)", {"size": 8, "resize": None}),
        # Maps are not logits.
        ("\\(batch, classes\\), for output='logits'", {"output": "logits"}),
    ):
        with pytest.raises(ValueError, match=message):
            FeatureNetwork(model, **arguments)
    # It would be ignored, and the name of another score be wrong.
    for sides in ((None, None), (None, 5)):
        some_size = keras.Sequential(
            [keras.Input((*sides, 3)), layers.GlobalAveragePooling2D()]
        )
        with pytest.raises(ValueError, match="size.* resize='legacy', size=None"):
            FeatureNetwork(some_size, resize="legacy")
    assert FeatureNetwork(model, resize="legacy", size=8).resize == "legacy"
    with pytest.raises(ValueError, match="4x4 pixels. It takes 4x5 .* resize='clean'"):
        FeatureNetwork(seeing(4, 5), size=4)
    with pytest.raises(ValueError, match="4x4 pixels. It takes anyx5"):
        any_height = keras.Sequential(
            [keras.Input((None, 5, 3)), layers.GlobalAveragePooling2D()]
        )
        FeatureNetwork(any_height, size=4)


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


def test_features_are_float32_under_mixed_precision(mixed_precision, tmp_path):
    narrow = small_network()
    assert narrow.layers[-1].compute_dtype == "float16"
    images = random_images(3, 16, 16, 3)
    narrow.save(tmp_path / "narrow.keras")
    found = [FeatureNetwork(path) for path in (narrow, tmp_path / "narrow.keras")]
    assert narrow.layers[-1].compute_dtype == "float16"
    narrow_features = narrow(images).numpy().astype("float32").mean((1, 2))
    keras.config.set_dtype_policy("float32")
    wide = FeatureNetwork(small_network())
    assert np.abs(narrow_features - wide(images)).max() > 1e-5
    keras.config.set_dtype_policy("mixed_bfloat16")
    for network in found:
        assert network(images).dtype == "float32"
        np.testing.assert_array_equal(network(images), wide(images))
        assert network.fingerprint == wide.fingerprint
