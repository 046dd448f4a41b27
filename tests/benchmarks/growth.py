"""How the cost of a training step grows with pixels, batch and width.

    python tests/benchmarks/growth.py --json growth.json

CycleGAN's ResNet (`presets.cyclegan`) from 64 pixels, width 16 and batches of 1, one
of the three changed at a time, each in a process of its own. A Markdown table gives
the operations of a step, counted in its graph, seconds, what the processor computes of
them in a second, and peak memory above the import.
"""

import argparse
import json
import pathlib
import statistics

import train_step
import turns
from memory import resident

BASE = {"size": 64, "width": 16, "batch": 1}
OTHERS = {"size": (32, 128, 256), "width": (8, 32, 64), "batch": (4, 16)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps in a round")
    parser.add_argument("--json", type=pathlib.Path, help="file for all figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(**json.loads(options.worker))
        return
    settings = [BASE]
    for name, values in OTHERS.items():
        settings += [{**BASE, name: value} for value in values]
    columns = "pixels", "width", "batch", "GFLOP", "s a step", "images/s"
    columns += "GFLOP/s", "peak MiB"
    print(f"| {' | '.join(columns)} |\n|{'--:|' * len(columns)}")
    found = []
    for setting in settings:
        facts = measure(setting, options)
        found.append({**setting, **facts})
        median = statistics.median(facts["seconds_per_step"])
        cells = [
            *(f"{setting['size']}²", f"{setting['width']}", f"{setting['batch']}"),
            *(f"{facts['gflop']:.1f}", f"{median:.3f}"),
            *(f"{setting['batch'] / median:.2f}", f"{facts['gflop'] / median:.0f}"),
            f"{facts['peak_mib']:.0f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def measure(setting, options):
    worker = turns.start(__file__, json.dumps(setting), [])
    facts = json.loads(worker.stdout.readline())
    seconds = turns.seconds_per_step({"": worker}, options.rounds, options.steps)[""]
    return {**facts, **json.loads(worker.stdout.read()), "seconds_per_step": seconds}


def work(size, width, batch):
    train_step.import_all("keras_gans")
    before = resident("VmRSS")
    import tensorflow as tf

    from keras_gans.experiments.operations import operations

    arguments = {"size": size, "width": width, "residual_blocks": 6}
    train_step.CASES["growth"] = "", "cyclegan", arguments, batch, size, (3, 3)
    model, images = train_step.model_and_images("growth")
    step = tf.function(model.train_step, autograph=False)
    print(json.dumps({"gflop": operations(step, images) / 1e9}), flush=True)
    turns.answer(train_step.repeated(lambda: [*step(images).values()]))
    print(json.dumps({"peak_mib": resident("VmHWM") - before}))


if __name__ == "__main__":
    main()
