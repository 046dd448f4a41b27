"""A server of exported models in a thread of the tests, and what clients send to it."""

import base64
import contextlib
import socket
import threading
import time

import requests
import uvicorn

from keras_gans.serving.server import make_app


@contextlib.contextmanager
def running(catalog, **limits):
    """Serves in this process; yields the URL of its models."""
    from keras_gans.serving.server import Limits

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
