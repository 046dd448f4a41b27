"""How much memory a set of images takes, and how fast its batches come.

    python tests/benchmarks/memory.py --counts 1000 10000 50000

Images of 128 pixels are drawn as JPEG files into a temporary folder. Each case runs in
a process of its own: decoded into memory; decoded into the cache on the disk; opened
from a warm cache; and from a cold one, of which the system's page cache has been
emptied. It prints a Markdown table:

- ready: seconds from the call of `keras_gans.data.generation` to the dataset;
- peak and steady: resident memory of the process above that after the import, in MiB,
  at its highest, and after a pass over all images;
- first and second pass: images per second of the pipeline alone, batches of 64 with
  mirroring, as fast as they come;
- training: images per second of `fit` of a small DCGAN, batches of 16.

It reads `/proc`, so it runs on Linux.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

CASES = {
    "memory": "memory",
    "build": "disk, decoded now",
    "warm": "disk, warm",
    "cold": "disk, cold",
}
SIZE = 128


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--steps", type=int, default=30, help="of training, 0 for none")
    parser.add_argument("--folder", help="where the temporary folder is made")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker, options.steps)
        return
    columns = "ready s", "peak", "steady", "first pass", "second pass", "training"
    print(f"| images | pixels MiB | | {' | '.join(columns)} |")
    print("|--:|--:|:--|" + "--:|" * len(columns), flush=True)
    for count in options.counts:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            draw(pathlib.Path(folder, "images"), count)
            for case, title in CASES.items():
                found = measure(case, folder, options.steps)
                pixels = count * SIZE * SIZE * 3 / 2**20
                cells = " | ".join(f"{found[name]:,.1f}" for name in columns[:1])
                cells += "".join(f" | {found[name]:,.0f}" for name in columns[1:])
                print(f"| {count:,} | {pixels:,.0f} | {title} | {cells} |", flush=True)


def draw(folder, count):
    """Writes soft noise in colour, as files of the size of photographs'."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3), "uint8"))
        image = coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        image.save(folder / f"{index:06}.jpg")


def measure(case, folder, steps):
    if case == "cold":
        for path in pathlib.Path(folder, "cache").glob("*/images.npy"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    arguments = ["--worker", case, folder, "--steps", str(steps)]
    result = subprocess.run(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def work(case, folder, steps):
    import tensorflow as tf

    import keras_gans

    tf.constant(0)  # Starts TensorFlow.
    before = resident("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # The peak starts here.
    folder = pathlib.Path(folder)
    cache = "memory" if case == "memory" else folder / "cache"
    started = time.perf_counter()
    options = {"batch_size": 64, "size": SIZE, "cache": cache}
    data = keras_gans.data.generation(folder / "images", **options)
    found = {"ready s": time.perf_counter() - started}
    for name in ("first pass", "second pass"):
        started, count = time.perf_counter(), 0
        for batch in data:
            count += len(batch)
        found[name] = count / (time.perf_counter() - started)
    del batch
    time.sleep(0.5)
    found["steady"] = resident("VmRSS") - before
    found["peak"] = resident("VmHWM") - before
    found["training"] = train(data, steps) if steps else float("nan")
    print(json.dumps(found))


def train(data, steps, batch_size=16):
    import keras

    import keras_gans

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            times.append(time.perf_counter())

    times, data = [], data.unbatch().batch(batch_size, drop_remainder=True)
    model = keras_gans.presets.gan(size=SIZE, channels=3, width=8, seed=0)
    model.fit(data.take(steps + 3), callbacks=[Clock()], verbose=0)
    return batch_size * (len(times) - 3) / (times[-1] - times[2])


def resident(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
