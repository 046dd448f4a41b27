"""Memory and seams of `translate --preprocess tile`, beside the whole picture.

    python tests/benchmarks/tiling.py                  # 4,000 x 3,000 pixels
    python tests/benchmarks/tiling.py --size 1024x768 --tile 256

A ResNet of random weights translates a drawn picture, dark at one end and light at the
other: as a whole, in tiles that are normalized one by one, and in tiles that share
their moments. Each is a process of its own, whose peak of resident memory is told above
that of the import. The difference from the whole is the mean over all pixels, and that
of the worst pixel, in grey levels. A seam is a step from one pixel to the next that the
whole does not have: the mean over the columns where tiles pass into each other, beside
the mean of all others. With `--normalization none` what is left is that of padding.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from keras_gans.export.tiling import _starts

WAYS = ("whole", "tiles", "shared")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="4000x3000", help="width x height")
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--normalization", default="instance")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        rows, whole = [], None
        for way in WAYS:
            path = pathlib.Path(folder) / f"{way}.npy"
            more = ["--way", way, "--output", str(path)]
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], *more],
                stdout=subprocess.PIPE,
                text=True,
            )
            if done.returncode:
                rows.append(f"| {way} | failed: {done.returncode} | | | | |")
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            result = np.load(path)
            cells = ["–"] * 3
            if way == "whole":
                whole = result
            elif whole is not None:
                cells = differences(result, whole, found["lines"])
            memory, seconds = f"{found['mib']:,.0f}", f"{found['seconds']:.0f}"
            rows.append(f"| {way} | {memory} | {seconds} | {' | '.join(cells)} |")
            print(rows[-1], file=sys.stderr, flush=True)
    print(
        f"{options.size}, tiles of {options.tile}, ResNet-{options.blocks} of width "
        f"{options.width}, normalization {options.normalization}\n"
    )
    print("| way | MiB | s | mean difference | worst | seam (elsewhere) |")
    print("|:--|--:|--:|--:|--:|--:|")
    print("\n".join(rows))


def run(options):
    """Translates in one of the ways; prints memory, time and where tiles meet."""
    import contextlib

    import keras

    from keras_gans.export.tiling import SharedMoments, Tiles
    from keras_gans.networks import resnet_generator

    keras.utils.set_random_seed(0)
    normalization = None if options.normalization == "none" else "instance"
    network = resnet_generator(
        width=options.width, residual_blocks=options.blocks, normalization=normalization
    )
    width, height = map(int, options.size.split("x"))
    image = picture(height, width)
    before, started = peak(), time.perf_counter()
    lines = []
    if options.way == "whole":
        result = network(image[None]).numpy()[0]
    else:
        tiles = Tiles(image, (options.tile, options.tile), 4)
        lines = columns_of_seams(width, options.tile)
        shared = contextlib.nullcontext()
        if options.way == "shared":
            shared = SharedMoments(network)
        with shared:
            if options.way == "shared":
                network(tiles.sample())
            result = tiles.map(lambda batch: network(batch).numpy())
    found = {"mib": (peak() - before) / 1024, "seconds": time.perf_counter() - started}
    np.save(options.output, np.asarray(result, "float32"))
    print(json.dumps(found | {"lines": lines}))


def picture(height, width):
    """Draws smooth shapes and fine texture over a slope from dark to light."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype("float32")
    waves = np.sin(x / 90) * np.cos(y / 60) + np.sin((x + 2 * y) / 17)
    slope = 1.2 * x / width - 0.6
    image = (slope + 0.15 * waves)[..., None] * np.array([1, 0.8, 0.6], "float32")
    image += random.normal(0, 0.05, (height, width, 1)).astype("float32")
    return np.clip(image, -1, 1)


def columns_of_seams(width, tile):
    """Returns the columns in the middle half of the overlaps."""
    starts = _starts(width, tile, tile // 4, 4)
    columns = []
    for left, right in zip(starts, starts[1:]):
        overlap = left + tile - right
        middle = overlap // 4, overlap - overlap // 4
        columns.extend(range(right + middle[0], right + middle[1]))
    return columns


def differences(result, whole, lines):
    """Returns texts of the mean and the worst difference, and of the seams."""
    difference = (result - whole) * 127.5
    mean, worst = np.abs(difference).mean(), np.abs(difference).max()
    # Steps of the difference across the columns.
    steps = np.abs(np.diff(difference, axis=1)).mean((0, 2))
    is_seam = np.isin(np.arange(len(steps)), lines)
    seams = f"{steps[is_seam].mean():.3f} ({steps[~is_seam].mean():.3f})"
    return [f"{mean:.2f}", f"{worst:.1f}", seams]


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
