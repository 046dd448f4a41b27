"""What the semantic loss adds to a training step of CycleGAN.

    python tests/benchmarks/semantic_step.py --extractor network.keras --layers fire8

Both contestants, the plain step and the one with the loss, run in a process of their
own and take turns, so that both see the same moods of the machine. It prints medians
and minima of the rounds, and their ratios to the plain step. The networks are those of
`presets.cyclegan` for 64x64 images: ResNets of 6 blocks, with image pools, batch 1.
Without `--extractor` the features are those of the SqueezeNet beside the checkout, see
`tests/squeezenet.py`.
"""

import argparse
import pathlib
import statistics
import sys

import turns

CONTESTANTS = {"plain": "plain step", "semantic": "with the semantic loss"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--extractor", help="path of a .keras file")
    parser.add_argument("--layers", nargs="+", default=["fire8"])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=8, help="steps in a round")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
    else:
        race(options)


def race(options):
    workers = {name: turns.start(__file__, name, sys.argv[1:]) for name in CONTESTANTS}
    seconds = turns.seconds_per_step(workers, options.rounds, options.steps)

    base = seconds["plain"]
    print(
        f"{options.size}x{options.size}, width {options.width}, batch 1, layers "
        f"{options.layers}, {options.rounds} rounds of {options.steps} steps"
    )
    print("| | median s/step | min s/step | ratio of medians | of minima |")
    print("|:--|--:|--:|--:|--:|")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"| {CONTESTANTS[name]} | {median:.4f} | {min(times):.4f} "
            f"| {median / statistics.median(base):.2f} "
            f"| {min(times) / min(base):.2f} |"
        )


def work(options):
    import tensorflow as tf

    import keras_gans

    arguments = {}
    if options.worker == "semantic":
        arguments["semantic_weight"] = 1e-3
        arguments["semantic_loss"] = keras_gans.losses.SemanticVGGLoss(
            options.layers, feature_extractor=options.extractor or squeezenet()
        )
    model = keras_gans.presets.cyclegan(
        size=options.size, width=options.width, seed=0, **arguments
    )
    random = tf.random.Generator.from_seed(0)
    shape = 1, options.size, options.size, 3
    x, y = (random.uniform(shape, -1, 1) for _ in range(2))
    model.build_state((tf.TensorSpec(shape), tf.TensorSpec(shape)))

    @tf.function
    def step():
        return list(model.train_step((x, y)).values())

    def run(steps):
        for _ in range(steps):
            losses = step()
        # Waits for the last step.
        sum(float(loss) for loss in losses)

    turns.answer(run)


def squeezenet():
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
    import squeezenet

    return squeezenet.squeezenet()


if __name__ == "__main__":
    main()
