"""What compensated L1 adds to a colorizer's step, and whether its data keep up.

    python tests/benchmarks/colorizer_step.py

Four contestants take turns, each in a process of its own: the step with plain L1; the
step with channel-compensated L1; the pipeline of line art and hints from images in
memory, as from the second epoch on; and the same from PNG files, as in the first. A
step of a pipeline makes one batch; that from files decodes as many. The networks are
those of `presets.colorizer`, the images the embedded drawings.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

import turns

CONTESTANTS = {
    "plain": "step, plain L1",
    "compensated": "step, compensated L1",
    "pipeline": "pipeline, images in memory",
    "files": "pipeline, from files",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=8, help="steps in a round")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
    else:
        race(options)


def race(options):
    workers = {name: turns.start(__file__, name, sys.argv[1:]) for name in options.only}
    seconds = turns.seconds_per_step(workers, options.rounds, options.steps)

    base = seconds[next(iter(workers))]
    print(
        f"{options.size}x{options.size}, width {options.width}, batch "
        f"{options.batch_size}, {options.rounds} rounds of {options.steps} steps"
    )
    print("| | median s/step | min s/step | images/s | ratio of medians | of minima |")
    print("|:--|--:|--:|--:|--:|--:|")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"| {CONTESTANTS[name]} | {median:.4f} | {min(times):.4f} "
            f"| {options.batch_size / median:.1f} "
            f"| {median / statistics.median(base):.3f} "
            f"| {min(times) / min(base):.3f} |"
        )


def work(options):
    if options.worker in ("plain", "compensated"):
        turns.answer(training(options))
    elif options.worker == "pipeline":
        turns.answer(pipeline(options))
    else:
        with tempfile.TemporaryDirectory() as folder:
            turns.answer(pipeline_of_files(options, pathlib.Path(folder)))


def training(options):
    import keras
    import tensorflow as tf

    import keras_gans

    losses = {
        "plain": keras.losses.MeanAbsoluteError,
        "compensated": keras_gans.losses.ChannelCompensatedL1,
    }
    model = keras_gans.presets.colorizer(
        size=options.size,
        width=options.width,
        reconstruction_loss=losses[options.worker](),
        seed=0,
    )
    data = dataset(options, drawings(options))
    model.build_state(data.element_spec)
    batch = next(iter(data))

    @tf.function
    def step():
        return list(model.train_step(batch).values())

    def run(steps):
        for _ in range(steps):
            losses = step()
        # Waits for the last step.
        sum(float(loss) for loss in losses)

    return run


def pipeline(options):
    data = dataset(options, drawings(options), steps_per_epoch=10**9)

    def run(steps):
        # Begun anew: a running one would work ahead while others have their turn.
        for _ in data.take(steps):
            pass

    return run


def pipeline_of_files(options, folder):
    from PIL import Image

    for index, image in enumerate(drawings(options)):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    files = sorted(folder.iterdir())

    def run(steps):
        with tempfile.TemporaryDirectory() as part:
            for index in range(steps * options.batch_size):
                pathlib.Path(part, f"{index}.png").hardlink_to(
                    files[index % len(files)]
                )
            for _ in dataset(options, part):
                pass

    return run


def drawings(options):
    from keras_gans.data import drawings
    from keras_gans.data.sources import resize_images

    # The files of an illustrator are larger than what is trained on.
    return resize_images(drawings(count=64)[0], 2 * options.size)


def dataset(options, source, **arguments):
    from keras_gans.data import colorization

    return colorization(
        source,
        batch_size=options.batch_size,
        size=options.size,
        load_size=round(options.size * 286 / 256),
        **arguments,
    )


if __name__ == "__main__":
    main()
