"""A server of exported models in a thread of the tests, and what clients send to it."""

import base64
import contextlib
import json
import random
import socket
import threading
import time

import requests
import uvicorn
from small_exports import image_file, pictures

from keras_gans.serving.server import Limits, make_app


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


def fuzzed(seed):
    """Returns a body that is probably wrong."""
    dice = random.Random(seed)
    good = [
        {"instances": pictures(1, 2, 8, 8).tolist()},
        {"inputs": {"images": pictures(1, 2, 8, 8).tolist()}},
        file_of(image_file(pictures(1, 1)[0])),
        file_of(image_file(pictures(1, 1)[0], "JPEG")),
    ]
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

    def corrupt(file):
        file = bytearray(file)
        for _ in range(dice.randrange(1, 6)):
            file[dice.randrange(len(file))] = dice.randrange(256)
        return bytes(file[: dice.randrange(1, len(file) + 1)])

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
    if kind == 4 and seed % 100 == 4:
        return b"[" * 100_000_000
    if kind in (4, 5):
        formats = "PNG", "JPEG", "BMP", "GIF", "TIFF"
        file = image_file(pictures(1, 1, 8, 8)[0], dice.choice(formats))
        return json.dumps(file_of(corrupt(file))).encode()
    return json.dumps(spoil(content)).encode()


def fuzz(url, count, name="translator"):
    """Sends spoiled requests; each must be answered, or refused in a sentence."""
    session = requests.Session()
    statuses = set()
    for seed in range(count):
        body = fuzzed(seed)
        reply = session.post(f"{url}/{name}:predict", data=body, timeout=60)
        statuses.add(reply.status_code)
        if reply.status_code != 200:  # A spoiled pixel may be a pixel.
            check_refusal(reply)
    assert 400 in statuses
    post(url, name, instances=pictures(3 if name == "digits" else 1, 1).tolist())
