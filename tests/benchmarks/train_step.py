"""Speed of training steps against the TensorFlow tutorial's way and PyTorch.

    python tests/benchmarks/train_step.py --json steps.json

Every contestant of a case runs in a process of its own, and they take turns. Tables say

- medians and minima of the rounds, and images per second;
- how many times as fast a contestant is as the tutorial's way (one persistent tape, a
  gradient call for each network), and as the fastest of PyTorch in its precision;
- its share of the peak, which is what a large convolution computes in this precision
  when it has its turns. The operations are those of the convolutions and products that
  a step of keras_gans needs, counted in its graph;
- peak memory above what the bare import takes (of the GPU, where there is one), and
  seconds from the import to the end of the first step.

PyTorch is optional (`pip install torch==2.13.0`). Linux only: `/proc` is read.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import sys
import time

import turns
from memory import resident

CRITIC = {"size": 32, "width": 64, "n_critic": 10**9}  # The generator has no turn.
CASES = {
    # name: (title, preset, its arguments, batch size, size, channels of the images)
    "lab": ("Digit lab", "digit_lab", {}, 64, 32, (1, 3)),
    "resnet": ("CycleGAN, ResNet-6", "cyclegan", {"size": 128}, 1, 128, (3, 3)),
    "pix2pix": ("pix2pix, U-Net", "pix2pix", {"size": 256}, 1, 256, (3, 3)),
    "wgan_gp": ("WGAN-GP, critic step", "wgan_gp", CRITIC, 64, 32, (1,)),
}
# A framework and flags.
CONTESTANTS = (
    *("tutorial", "keras_gans", "keras_gans+bfloat16", "keras_gans+xla"),
    *("keras_gans+fit", "torch", "torch+last", "torch+last+bfloat16"),
    "torch+last+compile",
)
# Those that run when they are asked for. TensorFlow leaves oneDNN off by itself on
# processors without AVX-512 VNNI.
FURTHER = (
    *("tutorial+no_onednn", "keras_gans+fit+bfloat16", "keras_gans+xla+bfloat16"),
    "torch+last+compile+bfloat16",
)
WORDS = {
    "tutorial": "tutorial's way",
    "no_onednn": "oneDNN off",
    "fit": "through fit",
    "torch": "PyTorch",
    "last": "channels-last",
    "compile": "compiled",
    "xla": "XLA",
}
COLUMNS = (
    *("median s/step", "min s/step", "images/s", "× tutorial", "× PyTorch"),
    *("of the peak", "peak MiB", "first step s"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    names = CONTESTANTS + FURTHER
    parser.add_argument("--only", nargs="+", choices=names, default=CONTESTANTS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=5, help="steps in a round")
    parser.add_argument("--json", type=pathlib.Path, help="file for all figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.cases[0], *options.worker.split("+"))
    elif min(options.rounds, options.steps) < 1:
        parser.error("--rounds and --steps must be at least 1")
    else:
        race_all(options)


# The race --------------------------------------------------------------------------


def race_all(options):
    # The ones that others set must not reach the contestants.
    for variable in [name for name in os.environ if "ONEDNN" in name]:
        del os.environ[variable]
    names = options.only
    if importlib.util.find_spec("torch") is None:
        names = [name for name in names if not name.startswith("torch")]
        print("Without PyTorch: `pip install torch==2.13.0` brings it.\n")
    found = {
        "machine": {"processor": processor(), "cores": len(os.sched_getaffinity(0))},
        "versions": {"python": platform.python_version()},
        **{"rounds": options.rounds, "steps": options.steps, "cases": {}},
    }
    for case in options.cases:
        save(found, options.json)  # Early, so that a wrong path is seen at once.
        result = race(case, ("peak", "peak+bfloat16", *names), options)
        for facts in result["contestants"].values():
            found["versions"] |= facts.pop("versions")
        found["cases"][case] = result
        print_table(case, result)
    save(found, options.json)
    facts = {**found["machine"], **found["versions"]}
    print(", ".join(f"{name} {value}" for name, value in facts.items()), end="; ")
    print(f"{options.rounds} rounds of {options.steps} steps")


def race(case, names, options):
    workers, contestants, absent = {}, {}, {}
    for name in names:
        print(f"{case}: {name} starts", file=sys.stderr)
        environment = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
        if "no_onednn" in name:
            environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
        worker = turns.start(__file__, name, ["--cases", case], environment)
        # Each makes its first step before the next one starts.
        facts = json.loads(worker.stdout.readline() or '{"error": "it died"}')
        if "error" in facts:
            absent[name] = facts["error"]
        else:
            workers[name], contestants[name] = worker, facts
    if "peak" in absent:
        sys.exit(f"A convolution cannot be computed: {absent['peak']}")
    seconds = turns.seconds_per_step(workers, options.rounds, options.steps)
    for name, worker in workers.items():
        contestants[name] |= json.loads(worker.stdout.read())
        contestants[name]["seconds_per_step"] = seconds[name]
    return {"contestants": contestants, "absent": absent}


def print_table(case, result):
    title, _, _, batch_size, size, _ = CASES[case]
    contestants = result["contestants"]
    times = {name: facts["seconds_per_step"] for name, facts in contestants.items()}
    medians = {name: statistics.median(times[name]) for name in times}
    peaks = {
        precision(name): facts["peak_gflop"] / min(times[name])
        for name, facts in contestants.items()
        if name.startswith("peak")
    }
    gflop = contestants["peak"]["gflop"]
    rates = ", ".join(f"{peaks[kind]:.0f} GFLOP/s in {kind}" for kind in peaks)
    print(f"### {title}, {size}², batch {batch_size}\n")
    print(f"A step has {gflop:.1f} GFLOP; the peak is {rates}.")
    print(f"\n| | {' | '.join(COLUMNS)} |\n|:--|{'--:|' * len(COLUMNS)}")
    for name in times:
        if name.startswith("peak"):
            continue
        rivals = [
            medians[other]
            for other in times
            if other.startswith("torch") and precision(other) == precision(name)
        ]
        peak, median = peaks.get(precision(name)), medians[name]
        cells = [
            *(f"{median:.4f}", f"{min(times[name]):.4f}", f"{batch_size / median:.1f}"),
            f"{medians['tutorial'] / median:.2f}" if "tutorial" in times else "–",
            f"{min(rivals) / median:.2f}" if rivals else "–",
            f"{gflop / median / peak:.0%}" if peak else "–",
            f"{contestants[name]['peak_mib']:.0f}",
            f"{contestants[name]['first_step_seconds']:.1f}",
        ]
        print(f"| {label(name)} | {' | '.join(cells)} |")
    for name, reason in result["absent"].items():
        print(f"\nWithout {label(name)}: {reason}")
    print(flush=True)


def precision(name):
    return "bfloat16" if "bfloat16" in name else "float32"


def label(name):
    return ", ".join(WORDS.get(word, word) for word in name.split("+"))


def save(found, path):
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


# A contestant ----------------------------------------------------------------------


def work(case, framework, *flags):
    runs = {"torch": torch_run, "tutorial": tutorial_run, "peak": peak_run}
    try:
        versions = import_all(framework)
        began, before = time.perf_counter(), resident("VmRSS")
        run, facts = runs.get(framework, keras_gans_run)(case, flags)
        run(1)
        first_step = time.perf_counter() - began
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        print(json.dumps({"error": reason}), flush=True)
        return
    facts |= {"versions": versions, "first_step_seconds": first_step}
    print(json.dumps(facts), flush=True)
    turns.answer(run)
    peak = gpu_memory(framework) or resident("VmHWM") - before
    print(json.dumps({"peak_mib": peak}))


def import_all(framework):
    """Imports what a contestant needs, and returns the versions."""
    if framework == "torch":
        import torch

        return {"torch": torch.__version__}
    if framework == "tutorial":
        # First of all: the switches that keras_gans sets come too late for it.
        importlib.import_module("tensorflow")
    import keras_gans

    versions = {"keras_gans": keras_gans.__version__}
    for name in ("keras", "tensorflow"):
        versions[name] = sys.modules[name].__version__
    return versions


def gpu_memory(framework):
    """Returns the peak in MiB, or None where there is no GPU."""
    if framework == "torch":
        import torch

        is_there, peak = torch.cuda.is_available(), torch.cuda.max_memory_allocated
    else:
        import tensorflow as tf

        is_there, info = tf.config.list_physical_devices("GPU"), tf.config.experimental
        peak = lambda: info.get_memory_info("GPU:0")["peak"]  # noqa: E731
    return peak() / 2**20 if is_there else None


def repeated(step):
    def run(steps):
        for _ in range(steps):
            losses = step()
        float(losses[0])  # Waits for the last step.

    return run


def torch_run(case, flags):
    import torch_twins

    step = torch_twins.training_step(case, *CASES[case][3:], flags)
    return repeated(lambda: [step()]), {}


def model_and_images(case):
    import tensorflow as tf

    import keras_gans

    _, preset, arguments, batch_size, size, channels = CASES[case]
    model = getattr(keras_gans.presets, preset)(seed=0, **arguments)
    random = tf.random.Generator.from_seed(0)
    shapes = [(batch_size, size, size, depth) for depth in channels]
    images = tuple(random.uniform(shape, -1, 1) for shape in shapes)
    images = images if len(images) > 1 else images[0]
    model.build_state(tf.nest.map_structure(tf.type_spec_from_value, images))
    if arguments is CRITIC:
        model.updates_generator = False
    return model, images


def keras_gans_run(case, flags):
    import keras
    import tensorflow as tf

    if "bfloat16" in flags:
        keras.config.set_dtype_policy("mixed_bfloat16")
    model, images = model_and_images(case)
    if "fit" not in flags:
        # As `fit` does, without AutoGraph: no tensor decides what a step does.
        options = {"autograph": False, "jit_compile": "xla" in flags}
        step = tf.function(model.train_step, **options)
        return repeated(lambda: [*step(images).values()]), {}

    def run(steps):
        begins = []
        clock = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda *_, **__: begins.append(time.perf_counter())
        )
        data = tf.data.Dataset.from_tensors(images).repeat(steps + 1)
        model.fit(data, callbacks=[clock], verbose=0)
        # Without the first step, in which threads find their cores, and what `fit` does
        # once, however many steps follow.
        return time.perf_counter() - begins[1]

    return run, {}


def tutorial_run(case, flags):
    import keras
    import tensorflow as tf

    from keras_gans.layers import instance_normalization

    if CASES[case][1] not in ("digit_lab", "cyclegan"):
        raise ValueError("the tutorial is one of CycleGAN")
    # The same networks, of Keras's own layers, and of an instance normalization that is
    # composed, as the tutorial's.
    instance_normalization.BatchNormalization = keras.layers.BatchNormalization
    instance_normalization.FEW_SAMPLES = 0
    model, images = model_and_images(case)
    networks = xy, yx, judge_x, judge_y = [
        getattr(model, name) for name in model.network_names
    ]
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in networks]
    for optimizer, network in zip(optimizers, networks, strict=True):
        optimizer.build(network.trainable_variables)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def is_real(output):
        return cross_entropy(tf.ones_like(output), output)

    def discriminator_loss(real, fake):
        return 0.5 * (is_real(real) + cross_entropy(tf.zeros_like(fake), fake))

    @tf.function
    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            fake_y = xy(x, training=True)
            cycled_x = yx(fake_y, training=True)
            fake_x = yx(y, training=True)
            cycled_y = xy(fake_x, training=True)
            real_output_x = judge_x(x, training=True)
            real_output_y = judge_y(y, training=True)
            fake_output_x = judge_x(fake_x, training=True)
            fake_output_y = judge_y(fake_y, training=True)
            cycle = 10 * (
                tf.reduce_mean(tf.abs(x - cycled_x))
                + tf.reduce_mean(tf.abs(y - cycled_y))
            )
            losses = [
                is_real(fake_output_y) + cycle,
                is_real(fake_output_x) + cycle,
                discriminator_loss(real_output_x, fake_output_x),
                discriminator_loss(real_output_y, fake_output_y),
            ]
        for loss, network, optimizer in zip(losses, networks, optimizers, strict=True):
            variables = network.trainable_variables
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses

    return repeated(lambda: step(*images)), {}


def peak_run(case, flags):
    import tensorflow as tf

    from keras_gans.experiments.operations import operations

    dtype = tf.bfloat16 if "bfloat16" in flags else tf.float32
    images = tf.cast(tf.random.normal((8, 32, 32, 256)), dtype)
    kernel = tf.cast(tf.random.normal((3, 3, 256, 256)), dtype)
    convolve = tf.function(lambda: tf.nn.conv2d(images, kernel, 1, "SAME"))
    run = repeated(lambda: convolve()[0, 0, 0])
    # Four for a step: one is too short to be timed.
    facts = {"peak_gflop": 4 * operations(convolve) / 1e9}
    if not flags:
        model, data = model_and_images(case)
        facts["gflop"] = operations(tf.function(model.train_step), data) / 1e9
    return lambda steps: run(4 * steps), facts


if __name__ == "__main__":
    main()
