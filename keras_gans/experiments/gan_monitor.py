"""What the study of the GAN losses measures while a model trains, and before."""

import time

import keras
import numpy as np
import tensorflow as tf

from keras_gans.models.graph_optimizer import without_passes


class Monitor(keras.callbacks.Callback):
    """Keeps losses, times and samples, and ends at a number of generator updates.

    Args:
        updates: Positive integer, that number.
        seed: Integer, of the latent vectors of samples.
        snapshots: Parts of the training, from 0 to 1, at which samples are kept.
    """

    def __init__(self, updates, seed, snapshots):
        super().__init__()
        self.updates, self.seed = updates, seed
        self.losses, self.snapshots, self.finite = [], [], True
        self._due = [round(share * updates) for share in snapshots]

    def on_train_begin(self, logs=None):
        self._keep_samples(0)
        self._aside = 0.0
        self._started = time.perf_counter()
        self._traced = None

    def on_train_batch_end(self, batch, logs=None):
        iterations = self.model.iterations
        if self._traced is None and iterations:
            # The first update compiled the step.
            self._traced = time.perf_counter(), self._aside, iterations
        before = time.perf_counter()
        self._keep_samples(iterations)
        self._aside += time.perf_counter() - before
        if not all(np.isfinite(float(value)) for value in logs.values()):
            self.finite = False
            self.model.stop_training = True
        if iterations >= self.updates:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        names = ("discriminator_loss", "generator_loss")
        self.losses.append([self.model.iterations, *(float(logs[n]) for n in names)])

    def on_train_end(self, logs=None):
        now = time.perf_counter()
        self.seconds = now - self._started - self._aside
        started, aside, iterations = self._traced or (now, self._aside, 0)
        updates = self.model.iterations - iterations
        seconds = now - started - (self._aside - aside)
        self.seconds_per_update = seconds / updates if updates else float("nan")

    def _keep_samples(self, iterations):
        while self._due and iterations >= self._due[0]:
            del self._due[0]
            count = 1000 if len(self.model.generator.output_shape) == 2 else 20
            self.snapshots.append(self.model.generate(count, seed=self.seed))

    def loss_spread(self):
        """Returns the deviation of the discriminator's loss over the last quarter, in
        units of its mean magnitude there.

        Not the generator's: that of a WGAN holds a constant that means nothing.
        """
        losses = np.array([row[1] for row in self.losses])
        last = losses[-max(2, len(losses) // 4) :]
        return float(last.std() / np.abs(last).mean())


def probe_gradient(model, data, steps):
    """Measures what the generator learns from a discriminator that has won.

    The discriminator alone is trained against the generator as it starts.

    Args:
        model: A compiled model, which is changed.
        data: The dataset.
        steps: Positive integer, discriminator steps.

    Returns:
        A dict: `gradient_start`, the norm of the generator's gradient before these
        steps, `gradient_optimum` after them, and `gradient_ratio` of the two.
    """

    def compiled(function):
        # It fails on the gradient of one network of a model alone.
        return without_passes(tf.function(function, autograph=False), ["remapping"])

    @compiled
    def train_discriminator(batch):
        real, labels = model.unpack(batch)
        fake = model.make_samples(real, labels)
        model.minimize(
            "discriminator", lambda: model.discriminator_losses(real, fake, labels)
        )

    @compiled
    def gradient_norm(batch):
        real, labels = model.unpack(batch)

        def loss():
            fake = model.make_samples(real, labels)
            return model.generator_losses(real, fake, labels)["generator_loss"]

        return model.gradient_norm("generator", loss)

    batches = iter(data.repeat())

    def mean_norm():
        return float(np.mean([gradient_norm(next(batches)) for _ in range(5)]))

    start = mean_norm()
    for _ in range(steps):
        train_discriminator(next(batches))
    optimum = mean_norm()
    return {
        "gradient_start": start,
        "gradient_optimum": optimum,
        "gradient_ratio": optimum / start if start else float("nan"),
    }
