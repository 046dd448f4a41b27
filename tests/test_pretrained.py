"""Pretrained networks: in float32, from a file, and never with random weights."""

import pathlib
import re
import socket
import threading
import time
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest

from keras_gans import pretrained
from keras_gans.losses import SemanticVGGLoss
from keras_gans.pretrained import load_application

NAME = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


def small(weights, classes=2):
    """A network as those of `keras.applications`, in an instant."""
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(classes)])
    if weights != "imagenet":
        network.load_weights(weights)
    return network


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No network, and nothing that was downloaded before."""

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(tmp_path / "home"))


def test_offline_error_says_what_to_put_where(offline, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    for load in (
        SemanticVGGLoss,
        lambda: load_application(keras.applications.VGG16, include_top=False),
    ):
        with pytest.raises(ConnectionError) as caught:
            load()
        message = str(caught.value)
        assert re.search(rf"Get https://\S+/{NAME} on another machine", message)
        assert f"put it at {pathlib.Path('~/.keras/models', NAME)}" in message
        assert "VGG16" in message and "no route to host" in message


def test_offline_error_knows_the_cache_of_keras(offline, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with pytest.raises(ConnectionError) as caught:
        SemanticVGGLoss()
    # It is where Keras looks: now it has a file, though not a good one.
    place = tmp_path / "home" / "models" / NAME
    assert f"put it at {place}" in str(caught.value)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("not weights")
    monkeypatch.setattr(
        keras.src.utils.file_utils, "validate_file", lambda *args, **kwargs: True
    )
    with pytest.raises(OSError, match="file signature not found"):
        SemanticVGGLoss()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 200 OK\r\n\r\nsome weights"])
def test_a_download_that_stands_still_says_what_to_put_where(
    tmp_path, monkeypatch, answer
):
    """Before the answer, which Keras has an error for, and in the middle of it."""
    monkeypatch.setattr(keras.src.backend.config, "_KERAS_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(pretrained, "_PATIENCE", 0.2)
    open_url = urllib.request.urlopen
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(
            urllib.request, "urlopen", lambda *args, **kwargs: open_url(address)
        )
        connections = []

        def serve():
            connections.append(server.accept()[0])
            connections[0].sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        # So that a test that fails does not wait for ever.
        hang_up = threading.Timer(8, lambda: connections[0].close())
        hang_up.start()
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="timed out") as caught:
            SemanticVGGLoss()
        assert time.monotonic() - start < 5
        hang_up.cancel()
        connections[0].close()
    assert re.search(rf"Get https://\S+/{NAME} on another machine", str(caught.value))
    assert f"put it at {tmp_path / 'home' / 'models' / NAME}" in str(caught.value)
    assert socket.getdefaulttimeout() is None


def test_a_timeout_of_something_else_is_no_download():
    def late(weights):
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        load_application(late)


@pytest.mark.parametrize("as_path", [str, pathlib.Path])
def test_weights_from_a_file(tmp_path, as_path):
    path = tmp_path / "small.weights.h5"
    saved = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    saved.save_weights(path)
    loaded = load_application(small, weights=as_path(path))
    for one, other in zip(saved.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    # A file of something else is Keras's own error.
    with pytest.raises(ValueError):
        load_application(small, weights=as_path(path), classes=4)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_computes_in_float32_and_leaves_the_policy(policy):
    def broken(weights):
        raise KeyError("of its own")

    keras.config.set_dtype_policy(policy)
    try:
        network = load_application(small)
        assert keras.config.dtype_policy().name == policy
        with pytest.raises(KeyError, match="of its own"):
            load_application(broken)
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy("float32")
    assert network(np.ones((1, 3))).dtype == "float32"
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}


@pytest.mark.parametrize("load", [
    lambda weights: load_application(keras.applications.VGG16, weights),
    lambda weights: SemanticVGGLoss(weights=weights),
])  # fmt: skip
def test_wrong_weights(load, tmp_path):
    for path in (tmp_path, tmp_path / "none.h5", str(tmp_path / "none.h5")):
        with pytest.raises(FileNotFoundError, match="for VGG16.*there is no file"):
            load(path)
    # To Keras it would mean random weights.
    for weights in (None, 3):
        with pytest.raises(TypeError, match=f"or the path.*weights={weights}"):
            load(weights)
