"""A server of exported models in a thread of the tests, and what clients send to it."""

import base64
import collections
import contextlib
import json
import random
import socket
import threading
import time

import pytest
import requests
from small_exports import image_file, pictures

# Whichever test imports this is skipped where the extra is absent.
for package in ("orjson", "prometheus_client", "starlette", "uvicorn"):
    pytest.importorskip(package, reason=f"needs {package}, of the extra `serve`")

import uvicorn  # noqa: E402

from keras_gans.serving.server import Limits, make_app  # noqa: E402


@contextlib.contextmanager
def running(catalog, **limits):
    """Serves in this process; yields the URL of its models."""
    app = make_app(catalog, Limits(**limits))
    config = uvicorn.Config(app, http="h11", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        wait_for(url)
        yield f"{url}/v1/models"
    finally:
        server.should_exit = True
        thread.join()


def wait_for(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return requests.get(f"{url}/healthz", timeout=seconds)
        except requests.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def file_of(content):
    return {"signature_name": "serving_bytes", "instances": [b64(content)]}


def post(url, name="translator", **content):
    reply = requests.post(f"{url}/{name}:predict", json=content, timeout=60)
    assert reply.status_code == 200, reply.text[:300]
    return reply.json()


def check_refusal(reply):
    assert 400 <= reply.status_code < 500, reply.text[:300]
    assert [*reply.json()] == ["error"]
    sentence = reply.json()["error"]
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400
    assert "Traceback" not in sentence and "{{node" not in sentence
    return reply.status_code, sentence


def good_requests(name):
    """Returns bodies that a model answers, of all kinds of inputs that it takes."""
    channels = 1 if name in ("translator", "colorizer") else 3
    side = 32 if name == "editor" else 8  # The least that each takes is less.
    images = pictures(channels, 2, side, side)
    file, photo = (b64(image_file(images[0], kind)) for kind in ("PNG", "JPEG"))
    if name == "generator":
        latent = [[0.1 * number for number in range(64)]] * 2
        inputs = {"latent": latent}
        return [
            {"instances": latent},
            {"signature_name": "serving_bytes", "inputs": inputs},
        ]
    if name == "colorizer":
        art, hints = pictures(1, 1, 64, 64), pictures(4, 1, 64, 64)
        files = {"line_art_bytes": b64(image_file(art[0])), "hints_bytes": ""}
        hinted = {**files, "hints_bytes": b64(image_file(hints[0]))}
        return [
            {"inputs": {"line_art": art.tolist(), "hints": hints.tolist()}},
            {"signature_name": "serving_bytes", "instances": [files, hinted]},
        ]
    if name == "editor":
        inputs = {"images": images.tolist(), "attributes": [[1, 0, 0, 1], [0] * 4]}
        row = {"image_bytes": photo, "attributes": [0, 1, 1, 0]}
        return [
            {"inputs": inputs},
            {"signature_name": "mask_bytes", "instances": [row]},
            {"signature_name": "attributes_bytes", "instances": [file, photo]},
        ]
    good = [
        {"instances": images.tolist()},
        {"inputs": {"images": images.tolist()}},
        {"signature_name": "serving_bytes", "instances": [file]},
        {"signature_name": "serving_bytes", "instances": [photo]},
    ]
    if name == "digits":
        inputs = {"images": images.tolist(), "style": [[0.5] * 8, [-1] * 8]}
        row = {"image_bytes": file, "reference_bytes": photo}
        good.append({"signature_name": "style", "inputs": inputs})
        good.append({"signature_name": "reference_bytes", "instances": [row]})
    return good


def fuzzed(seed, good):
    """Returns a body that is probably wrong: one of `good`, spoiled."""
    dice = random.Random(seed)
    content = dice.choice(good)
    odd = [None, True, "x", "", -1, 1e300, 2**70, [], {}, [[]], {"b64": 1}, [1, [2]]]

    def spoil(value):
        if isinstance(value, dict) and value:
            key = dice.choice([*value])
            return {**value, key: spoil(value[key])}
        if isinstance(value, list) and value and dice.random() < 0.8:
            at = dice.randrange(len(value))
            return [*value[:at], spoil(value[at]), *value[at + 1 :]]
        return dice.choice(odd)

    def corrupt(value):
        """Puts a broken file in the place of each file."""
        if isinstance(value, list):
            return [corrupt(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "b64" not in value:
            return {key: corrupt(item) for key, item in value.items()}
        formats = "PNG", "JPEG", "BMP", "GIF", "TIFF"
        file = bytearray(image_file(pictures(1, 1, 8, 8)[0], dice.choice(formats)))
        for _ in range(dice.randrange(1, 6)):
            file[dice.randrange(len(file))] = dice.randrange(256)
        return b64(bytes(file[: dice.randrange(1, len(file) + 1)]))

    kind = dice.randrange(8)
    if kind == 0:
        body = json.dumps(content).encode()
        return body[: dice.randrange(len(body))]
    if kind == 1:
        return dice.randbytes(dice.randrange(2000))
    if kind == 2:
        return b'{"instances": ' + b"[" * dice.randrange(10_000) + b"1"
    if kind == 3:
        return b'{"inputs": [[[[NaN]], [[Infinity]], [[-Infinity]], [[1e999]]]]}'
    if kind == 4 and seed % 20 == 4:
        return b"[" * 100_000_000
    if kind in (4, 5):
        return json.dumps(corrupt(content)).encode()
    return json.dumps(spoil(content)).encode()


def fuzz(url, count, name="translator"):
    """Sends spoiled requests; each must be answered, or refused in a sentence.

    Returns how many of each status there were.
    """
    session = requests.Session()
    statuses = collections.Counter()
    good = good_requests(name)
    for seed in range(count):
        body = fuzzed(seed, good)
        reply = session.post(f"{url}/{name}:predict", data=body, timeout=60)
        statuses[reply.status_code] += 1
        if reply.status_code != 200:  # A spoiled pixel may be a pixel.
            check_refusal(reply)
    assert 400 in statuses
    for body in good:
        post(url, name, **body)
    return dict(statuses)
