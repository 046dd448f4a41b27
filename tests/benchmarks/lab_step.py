"""Speed of the digit lab's training step against the TensorFlow tutorial's way.

    python tests/benchmarks/lab_step.py

Every contestant runs in a process of its own and they take turns, so that all see the
same moods of the machine. It prints medians and minima of the rounds, and ratios to the
tutorial's way under TensorFlow's default settings: one persistent tape, four
optimizers, four gradient calls. All train the lab's networks (width 64, batch norm) at
batch 64.
"""

import argparse
import os
import statistics

import turns

CONTESTANTS = {
    # name: (what it is, environment, mixed precision)
    "tutorial": ("tutorial's way, TensorFlow's defaults", {}, None),
    "tutorial_without_onednn": (
        "tutorial's way, oneDNN off (default without AVX-512 VNNI)",
        {"TF_ENABLE_ONEDNN_OPTS": "0"},
        None,
    ),
    "keras_gans": ("keras_gans, float32", {}, None),
    "keras_gans_bfloat16": ("keras_gans, mixed_bfloat16", {}, "mixed_bfloat16"),
    "fit": ("keras_gans, float32, through fit", {}, None),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=8, help="steps in a round")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.batch_size)
    else:
        race(options)


def race(options):
    # The ones that others set must not reach the contestants.
    for variable in [name for name in os.environ if "ONEDNN" in name]:
        del os.environ[variable]
    workers = {
        name: turns.start(
            __file__,
            name,
            ["--batch-size", str(options.batch_size)],
            CONTESTANTS[name][1],
        )
        for name in options.only
    }
    seconds = turns.seconds_per_step(workers, options.rounds, options.steps)

    base = seconds[next(iter(workers))]
    print(
        f"batch {options.batch_size}, {options.rounds} rounds of {options.steps} steps"
    )
    print("| | median s/step | min s/step | images/s | ratio of medians | of minima |")
    print("|:--|--:|--:|--:|--:|--:|")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"| {CONTESTANTS[name][0]} | {median:.4f} | {min(times):.4f} "
            f"| {options.batch_size / median:.0f} "
            f"| {statistics.median(base) / median:.2f} | {min(base) / min(times):.2f} |"
        )


def work(name, batch_size):
    if name.startswith("tutorial"):
        # TensorFlow first: the switches that keras_gans sets come too late for it.
        import tensorflow  # noqa: F401
    import keras
    import tensorflow as tf

    import keras_gans
    from keras_gans.layers import instance_normalization

    if name.startswith("tutorial"):
        # The same networks, of Keras's own layers.
        instance_normalization.BatchNormalization = keras.layers.BatchNormalization
    if CONTESTANTS[name][2]:
        keras.config.set_dtype_policy(CONTESTANTS[name][2])
    # The optimizers that compile() makes are the tutorial's as well: Adam 2e-4, 0.5.
    model = keras_gans.presets.digit_lab(seed=0)
    random = tf.random.Generator.from_seed(0)
    x = random.uniform((batch_size, 32, 32, 1), -1, 1)
    y = random.uniform((batch_size, 32, 32, 3), -1, 1)

    if name == "fit":

        def run(steps):
            batches = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
            model.fit(batches, verbose=0)

    else:
        step = tutorial_step(model) if "tutorial" in name else our_step(model)

        def run(steps):
            for _ in range(steps):
                losses = step(x, y)
            # Waits for the last step.
            sum(float(loss) for loss in losses)

    turns.answer(run)


def our_step(model):
    @tf_function
    def step(x, y):
        return list(model.train_step((x, y)).values())

    return step


def tutorial_step(model):
    import keras
    import tensorflow as tf

    networks = [getattr(model, name) for name in model.network_names]
    generator_xy, generator_yx, discriminator_x, discriminator_y = networks
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in networks]
    for optimizer, network in zip(optimizers, networks, strict=True):
        optimizer.build(network.trainable_variables)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def discriminator_loss(real, fake):
        real_loss = cross_entropy(tf.ones_like(real), real)
        return 0.5 * (real_loss + cross_entropy(tf.zeros_like(fake), fake))

    @tf_function
    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            fake_y = generator_xy(x, training=True)
            cycled_x = generator_yx(fake_y, training=True)
            fake_x = generator_yx(y, training=True)
            cycled_y = generator_xy(fake_x, training=True)
            real_output_x = discriminator_x(x, training=True)
            real_output_y = discriminator_y(y, training=True)
            fake_output_x = discriminator_x(fake_x, training=True)
            fake_output_y = discriminator_y(fake_y, training=True)
            cycle = 10 * (
                tf.reduce_mean(tf.abs(x - cycled_x))
                + tf.reduce_mean(tf.abs(y - cycled_y))
            )
            losses = [
                cross_entropy(tf.ones_like(fake_output_y), fake_output_y) + cycle,
                cross_entropy(tf.ones_like(fake_output_x), fake_output_x) + cycle,
                discriminator_loss(real_output_x, fake_output_x),
                discriminator_loss(real_output_y, fake_output_y),
            ]
        for loss, network, optimizer in zip(losses, networks, optimizers, strict=True):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(
                zip(gradients, network.trainable_variables, strict=True)
            )
        return losses

    return step


def tf_function(function):
    import tensorflow as tf

    return tf.function(function)


if __name__ == "__main__":
    main()
