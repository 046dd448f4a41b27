"""Networks from files, from a model and by name, and their fingerprints."""

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
from small_networks import random_images, resize_with_pillow, seeing, small_network

from keras_gans import pretrained
from keras_gans.metrics import FeatureNetwork, import_tensorflow_gan

layers = keras.layers


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


@pytest.mark.slow
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


def test_the_ends_of_inception(monkeypatch):
    given = {}

    def small(weights, **arguments):
        given.update(arguments)
        return keras.Sequential(
            [keras.Input((299, 299, 3)), layers.GlobalMaxPooling2D()]
        )

    monkeypatch.setattr(keras.applications, "InceptionV3", small)
    network = FeatureNetwork("inception_v3", output="logits")
    assert given == {"classifier_activation": None}
    assert (network.resize, network.size) == ("clean", (299, 299))
    images = np.tile(np.array([0, 51, 255], "uint8"), (2, 8, 8, 1))
    np.testing.assert_allclose(network(images), [[-1, -0.6, 1]] * 2, rtol=1e-5)
    features = FeatureNetwork("inception_v3")
    assert given.pop("pooling") == "avg" and not given.pop("include_top")
    np.testing.assert_allclose(features(images), network(images), rtol=1e-5)
    # The bare network, which is fed with pixels, is another one.
    bare = FeatureNetwork(small(None), size=299)
    assert bare.fingerprint != features.fingerprint


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
