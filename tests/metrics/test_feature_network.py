"""Resizing against Pillow and by hand; networks from files, from a model, by name."""

import hashlib
import pathlib
import shutil
import socket
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import pretrained
from keras_gans.metrics import FeatureNetwork, import_tensorflow_gan, to_pixels

layers = keras.layers


def random_images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def seeing(height, width, channels=3):
    """A network whose features are the pixels that it sees, line by line."""
    return keras.Sequential(
        [keras.Input((height, width, channels)), layers.Flatten()], name="seeing"
    )


def small_network(seed=0, activation="relu", **first):
    """Takes images of any size from 3 on, to 5 features at each place."""
    return keras.Sequential(
        [
            keras.Input((None, None, 3), **first),
            layers.Rescaling(1 / 255),
            layers.Conv2D(
                5,
                3,
                activation=activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed),
            ),
        ],
        name="SmallNetwork",
    )


# Pixels ----------------------------------------------------------------------------


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


# Resizing --------------------------------------------------------------------------


def resize_with_pillow(images, height, width):
    return np.stack(
        [
            np.stack(
                [
                    Image.fromarray(channel.astype("float32")).resize(
                        (width, height), Image.Resampling.BICUBIC
                    )
                    for channel in np.moveaxis(image, -1, 0)
                ],
                axis=-1,
            )
            for image in images
        ]
    )


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


# Calls -----------------------------------------------------------------------------


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


# Arguments -------------------------------------------------------------------------


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


def test_networks_of_another_kind_are_refused(tmp_path):
    pixels = keras.Input((4, 4, 3))
    vector = keras.Input((4,))
    six = keras.Input((4, 4, 6))
    integers = keras.Input((4, 4, 3), dtype="uint8")
    for model in (
        keras.Model(pixels, layers.Reshape((16, 3))(pixels)),
        keras.Model(pixels, [pixels, pixels]),
        keras.Model([pixels, vector], pixels),
        keras.Model(vector, layers.Dense(2)(vector)),
        keras.Model(six, layers.Flatten()(six)),
        keras.Model(integers, layers.Flatten()(integers)),
    ):
        with pytest.raises(ValueError, match="must map one float32 tensor of shape"):
            FeatureNetwork(model)
    with pytest.raises(ValueError, match="Sequential one with an `Input`"):
        FeatureNetwork(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(TypeError, match="network of type int"):
        FeatureNetwork(3)
    (tmp_path / "weights.h5").write_bytes(b"")
    for path in (tmp_path, tmp_path / "weights.h5", str(tmp_path)):
        with pytest.raises(ValueError, match="the path of a `.keras` file or"):
            FeatureNetwork(path)
    for path in (tmp_path / "no.keras", "inception", pathlib.Path("inception_v3")):
        with pytest.raises(FileNotFoundError, match="seen from"):
            FeatureNetwork(path)


def test_a_typo_has_a_suggestion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seeing(4, 4).save("net.keras")
    (tmp_path / "folder" / "exported").mkdir(parents=True)
    (tmp_path / "folder" / "exported" / "saved_model.pb").write_bytes(b"")
    for given, close in (
        ("inception_v4", "inception_v3"),
        ("tfgan_incepton", "tfgan_inception"),
        ("nett.keras", "net.keras"),
        ("net", "net.keras"),
        (tmp_path / "nett.keras", tmp_path / "net.keras"),
        ("folder/export", "folder/exported"),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            FeatureNetwork(given)
        assert str(caught.value).endswith(f" Did you mean {str(close)!r}?")
    # A `Path` is never a name, and an ending alone is no likeness.
    for given in (pathlib.Path("inception_v3"), "tiny.keras", "no/folder/net.keras"):
        with pytest.raises(FileNotFoundError) as caught:
            FeatureNetwork(given)
        assert "Did you mean" not in str(caught.value)


def test_names_are_in_snake_case(tmp_path):
    assert FeatureNetwork(small_network()).name == "small_network"
    assert FeatureNetwork(small_network(), name="vgg16_block2").name == "vgg16_block2"
    seeing(4, 4).save(tmp_path / "2nd try-ResNet50V2.keras")
    network = FeatureNetwork(tmp_path / "2nd try-ResNet50V2.keras")
    assert network.name == "network_2nd_try_res_net50_v2"


# Fingerprint -----------------------------------------------------------------------


def test_a_fingerprint_tells_networks_and_settings_apart(tmp_path):
    def fingerprint(network, **arguments):
        return FeatureNetwork(network, **arguments).fingerprint

    first = fingerprint(small_network())
    assert len(first) == 64 and int(first, 16)
    # The same again: with other default names, frozen, compiled, named, from a file.
    again = small_network()
    again.trainable = False
    again.compile("adam", "mse")
    again.save(tmp_path / "again.keras")
    for network in (small_network(), again, tmp_path / "again.keras"):
        assert fingerprint(network, name="other") == first
    fixed = {
        (resize, size): fingerprint(small_network(), resize=resize, size=size)
        for resize in ("clean", "legacy")
        for size in (8, 9, (8, 9))
    }
    changed = small_network()
    kernel, bias = changed.get_weights()
    bias[3] = np.nextafter(bias[3], 1)
    changed.set_weights([kernel, bias])
    different = [
        first,
        *fixed.values(),
        fingerprint(changed),
        fingerprint(small_network(seed=1)),
        fingerprint(small_network(activation="gelu")),
        fingerprint(seeing(4, 5)),
        fingerprint(seeing(4, 5), output="logits"),
    ]
    assert len(set(different)) == len(different) == 12


# Precision -------------------------------------------------------------------------


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


# Files -----------------------------------------------------------------------------


def test_a_network_from_a_file_is_the_network(tmp_path):
    model = small_network()
    images = random_images(3, 16, 12, 3)
    expected = FeatureNetwork(model)(images)
    model.save(tmp_path / "ThisNetwork.keras")
    model.export(tmp_path / "exported" / "1", verbose=False)
    for path, name in (
        (tmp_path / "ThisNetwork.keras", "this_network"),
        (str(tmp_path / "ThisNetwork.keras"), "this_network"),
        (tmp_path / "exported" / "1", "network_1"),
    ):
        network = FeatureNetwork(path)
        assert (network.name, network.feature_dim) == (name, 5)
        np.testing.assert_allclose(network(images), expected, rtol=1e-5)
    # A copy has the same fingerprint, other weights have another one.
    shutil.copytree(tmp_path / "exported" / "1", tmp_path / "copied")
    assert FeatureNetwork(tmp_path / "copied").fingerprint == network.fingerprint
    model.set_weights([2 * weight for weight in model.get_weights()])
    model.export(tmp_path / "other", verbose=False)
    assert FeatureNetwork(tmp_path / "other").fingerprint != network.fingerprint


class Scaling(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 3))])
    def __call__(self, pixels):
        return self.scale * tf.reduce_mean(pixels, axis=(1, 2))

    @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 3))])
    def halved(self, pixels):
        return {"halved": self(pixels) / 4}


def test_a_saved_model_is_called_by_its_signature_or_itself(tmp_path):
    images = random_images(2, 6, 6, 3)
    means = images.mean((1, 2))
    for name, signatures, factor in (
        ("default", None, 2.0),
        ("itself", {}, 2.0),
        ("itself_too", {"halved": Scaling.halved}, 2.0),
        ("signature", {"serving_default": Scaling.halved}, 0.5),
    ):
        module = Scaling()
        if signatures:
            signatures = {key: module.halved for key in signatures}
        tf.saved_model.save(module, tmp_path / name, signatures)
        network = FeatureNetwork(tmp_path / name)
        assert (network.name, network.size) == (name, (6, 6))
        np.testing.assert_allclose(network(images), factor * means, rtol=1e-5)

    holder = tf.Module()
    holder.module = Scaling()
    halved = holder.module.halved
    tf.saved_model.save(holder, tmp_path / "only", {"halved": halved})
    only = FeatureNetwork(tmp_path / "only")
    np.testing.assert_allclose(only(images), means / 2, rtol=1e-5)
    tf.saved_model.save(holder, tmp_path / "two", {"a": halved, "b": halved})
    with pytest.raises(ValueError, match="signatures=\\['a', 'b'\\]"):
        FeatureNetwork(tmp_path / "two")


# The networks by name --------------------------------------------------------------


class FakeInception(tf.Module):
    """Has the signature of TF-GAN's module; the features tell what it was given."""

    @tf.function(input_signature=[tf.TensorSpec(None, "float32")])
    def __call__(self, images):
        sizes = tf.repeat([tf.shape(images)[1:3]], tf.shape(images)[0], axis=0)
        corner = tf.concat([images[:, 0, 0], tf.cast(sizes, "float32")], axis=-1)
        return {
            "pool_3": tf.pad(corner, [[0, 0], [0, 2048 - 5]])[:, None, None],
            "logits": tf.pad(-corner, [[0, 0], [0, 1008 - 5]]),
        }


@pytest.fixture
def handle(monkeypatch):
    # First, so that a test can put another one in its place.
    return import_tensorflow_gan().eval.INCEPTION_TFHUB


def test_the_published_network_is_known_by_its_outputs(tmp_path, handle, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    cached = tmp_path / hashlib.sha1(handle.encode()).hexdigest()
    tf.saved_model.save(FakeInception(), cached)
    shutil.copytree(cached, tmp_path / "copy")
    images = random_images(2, 150, 200, 3)
    images[:, :9, :9] = [0, 128, 255]
    by_name = FeatureNetwork("tfgan_inception")
    for network in (by_name, FeatureNetwork(tmp_path / "copy")):
        assert network.name == "tfgan_inception"
        assert (network.resize, network.size) == ("clean", (299, 299))
        assert network.feature_dim == 2048
        assert network.fingerprint == by_name.fingerprint
        features = network(images)
        assert features.shape == (2, 2048)
        # (pixel - 128) / 128, as its first step was when it was published.
        expected = np.tile([-1, 0, 127 / 128, 299, 299], (2, 1))
        np.testing.assert_allclose(features[:, :5], expected, atol=1e-4)
    logits = FeatureNetwork(tmp_path / "copy", output="logits")
    assert logits.feature_dim == 1008
    np.testing.assert_array_equal(logits(images)[:, :5], -features[:, :5])
    with pytest.raises(ValueError, match="299x299"):
        FeatureNetwork(tmp_path / "copy", resize=None)(images)


def test_a_download_that_fails_says_what_to_do(tmp_path, handle, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    # A server that takes the request and does not answer, for 8 seconds.
    with socket.create_server(("127.0.0.1", 0)) as server:
        hang_up = threading.Timer(8, server.shutdown, [socket.SHUT_RDWR])
        hang_up.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/module"
        monkeypatch.setattr(import_tensorflow_gan().eval, "INCEPTION_TFHUB", address)
        monkeypatch.setattr(pretrained, "_PATIENCE", 0.2)
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="unpack it into an empty") as caught:
            FeatureNetwork("tfgan_inception")
        assert time.monotonic() - start < 5
        hang_up.cancel()
    assert f"{address}?tf-hub-format=compressed" in str(caught.value)
    assert "timed out" in str(caught.value)
    assert socket.getdefaulttimeout() is None
    assert not list(tmp_path.rglob("saved_model.pb"))


def test_inception_is_preprocessed_and_averaged(monkeypatch):
    build = keras.applications.InceptionV3
    built = []

    def untrained(weights, **arguments):
        assert weights == "imagenet"
        assert socket.getdefaulttimeout() == 10
        keras.utils.set_random_seed(0)
        built.append(build(weights=None, **arguments))
        return built[-1]

    monkeypatch.setattr(keras.applications, "InceptionV3", untrained)
    network = FeatureNetwork("inception_v3")
    assert (network.name, network.feature_dim) == ("inception_v3", 2048)
    assert (network.resize, network.size) == ("clean", (299, 299))
    assert socket.getdefaulttimeout() is None
    images = random_images(1, 64, 64, 3)
    images[:, :32] = 255
    model = built[0]
    maps = keras.Model(model.input, model.get_layer("mixed10").output)
    resized = resize_with_pillow(images, 299, 299).clip(0, 255)
    expected = maps(resized / 127.5 - 1).numpy().mean((1, 2))
    # Features of random weights are small.
    scale = expected.std()
    assert scale > 1e-5
    np.testing.assert_allclose(network(images) / scale, expected / scale, atol=0.01)
    with pytest.raises(ValueError, match="cannot take images of 75x74 pixels"):
        FeatureNetwork("inception_v3", resize=None)(random_images(1, 75, 74, 3))
    # The bare network is another one.
    bare = FeatureNetwork(model, size=299)
    assert bare.fingerprint != network.fingerprint


def test_the_logits_of_inception_are_not_probabilities(monkeypatch):
    given = {}

    def small(weights, **arguments):
        given.update(arguments)
        return keras.Sequential(
            [keras.Input((299, 299, 3)), layers.GlobalMaxPooling2D()]
        )

    monkeypatch.setattr(keras.applications, "InceptionV3", small)
    network = FeatureNetwork("inception_v3", output="logits")
    assert given == {"classifier_activation": None}
    images = np.tile(np.array([0, 51, 255], "uint8"), (2, 8, 8, 1))
    np.testing.assert_allclose(network(images), [[-1, -0.6, 1]] * 2, rtol=1e-5)


def test_without_weights_inception_is_refused(monkeypatch):
    address = "https://example.org/inception_v3/weights_notop.h5"

    def offline(**arguments):
        raise Exception(f"URL fetch failure on {address}: None -- no network")

    offline.__name__ = "InceptionV3"
    monkeypatch.setattr(keras.applications, "InceptionV3", offline)
    with pytest.raises(ConnectionError, match=address) as caught:
        FeatureNetwork("inception_v3")
    assert "models/weights_notop.h5" in str(caught.value)
    assert socket.getdefaulttimeout() is None


@pytest.mark.network
@pytest.mark.parametrize("name", ["inception_v3", "tfgan_inception"])
def test_the_pretrained_networks_tell_noise_from_a_picture(name):
    picture = np.mgrid[:64, :64].sum(0)[None, :, :, None] * np.array([2, 1, 0])
    images = np.concatenate([picture, picture, random_images(1, 64, 64, 3)])
    features = FeatureNetwork(name)(images.astype("uint8")).numpy()
    assert features.shape == (3, 2048)
    np.testing.assert_allclose(features[0], features[1], atol=1e-4)
    assert np.abs(features[0] - features[2]).mean() > 0.05
    logits = FeatureNetwork(name, output="logits")(images.astype("uint8")).numpy()
    assert logits.shape == (3, {"inception_v3": 1000, "tfgan_inception": 1008}[name])
    # Logits, not shares that sum to 1.
    assert logits.min() < 0
