"""Times `keras-gans serve` beside the bare call of the generator.

    python tests/benchmarks/serving.py
    python tests/benchmarks/serving.py --sizes 128 --threads 1 --max-batch-size 1

The server runs a ResNet-9 in float32 in a process of its own. The clients, threads of
this process, send a PNG file in base64 in each request and decode the PNG that comes
back; their time on the processors counts. In each round the bare generator is called
with one image at a time, as it is and in a `tf.function`, and then the server is asked.
"""

import argparse
import base64
import concurrent.futures
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import types

import keras
import numpy as np
import requests
import tensorflow as tf
from PIL import Image

from keras_gans import export, networks


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 128, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=64, help="in each round")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--max-batch-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=64, help="of the ResNet")
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    generator = networks.resnet_generator(width=options.width)
    model = types.SimpleNamespace(
        export_kind="translation", directions={"xy": "generator"}, generator=generator
    )
    print(
        "| size | generator(x), images/s | in a tf.function | served | of the faster "
        "| p50 | p99 |\n|--:|--:|--:|--:|--:|--:|--:|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        export.save(model, pathlib.Path(folder, "resnet"))
        with serving(folder, options.max_batch_size) as url:
            for size in options.sizes:
                print(row(generator, url, size, options), flush=True)


@contextlib.contextmanager
def serving(folder, max_batch_size):
    """Starts a server; yields the URL of its only model."""
    command = [sys.executable, "-m", "keras_gans.cli", "serve", folder, "--port", "0"]
    server = subprocess.Popen(
        [*command, "--max-batch-size", str(max_batch_size)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield server.stdout.readline().partition(": ")[0]
    finally:
        server.terminate()
        server.communicate()


def row(generator, url, size, options):
    """Returns a row of the table."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (8, 8, 3), "uint8")
    image = np.array(Image.fromarray(coarse).resize((size, size), Image.BICUBIC))
    x = tf.constant(image[np.newaxis] / 127.5 - 1, tf.float32)
    compiled = tf.function(lambda x: generator(x, training=False))
    calls = {
        "bare": lambda: generator(x, training=False).numpy(),
        "compiled": lambda: compiled(x).numpy(),
    }
    seconds = {"bare": [], "compiled": [], "served": []}
    latencies = []
    ask = client(url, image)
    with concurrent.futures.ThreadPoolExecutor(options.threads) as threads:
        for number in range(options.rounds + 1):
            for name, call in calls.items():
                seconds[name].append(timed(call, max(options.requests // 4, 4)))
            started = time.perf_counter()
            took = list(threads.map(ask, range(options.requests)))
            seconds["served"].append((time.perf_counter() - started) / options.requests)
            if number == 0:  # To warm up.
                for times in seconds.values():
                    times.clear()
            else:
                latencies += took
    rates = {name: 1 / np.median(times) for name, times in seconds.items()}
    share = rates["served"] / max(rates["bare"], rates["compiled"])
    p50, p99 = np.percentile(latencies, [50, 99])
    return (
        f"| {size}² | {rates['bare']:.1f} | {rates['compiled']:.1f} "
        f"| {rates['served']:.1f} | {share:.0%} "
        f"| {1000 * p50:.0f} ms | {1000 * p99:.0f} ms |"
    )


def timed(call, times):
    """Returns the seconds of one of so many calls."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times


def client(url, image):
    """Returns a function that sends the image and returns the seconds that it took."""
    local = threading.local()

    def ask(_):
        if not hasattr(local, "session"):
            local.session = requests.Session()
        started = time.perf_counter()
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        file = {"b64": base64.b64encode(stream.getvalue()).decode()}
        body = {"signature_name": "serving_bytes", "instances": [file]}
        reply = local.session.post(f"{url}:predict", json=body, timeout=600)
        reply.raise_for_status()
        (prediction,) = reply.json()["predictions"]
        received = Image.open(io.BytesIO(base64.b64decode(prediction["b64"])))
        assert np.array(received).shape == image.shape
        return time.perf_counter() - started

    return ask


if __name__ == "__main__":
    main()
