"""The base of models that make several critic steps for each generator update."""

import itertools
import warnings

import numpy as np
import tensorflow as tf
from keras import ops

from keras_gans.checks import positive_integer, require
from keras_gans.models.adversarial_model import AdversarialModel


class CriticModel(AdversarialModel):
    """Base class of models whose discriminator, the critic, runs ahead.

    Every batch is one critic step on images of its own, as in the papers, and the last
    of `n_critic` batches also updates the generator. So an iteration, an update of the
    generator, takes `n_critic` batches.

    Args:
        n_critic: Positive integer, critic steps for each update of the generator, 5 by
            default.
        authors_schedule: Boolean, `False`, Algorithm 1 of the papers, by default. With
            `True` there are 100 critic steps for each of the first 25 updates and
            for every 500th, as in the code of WGAN's authors, so that the generator
            learns from a critic that has converged.
        **kwargs: Arguments of the other base class, or of `AdversarialModel`.
    """

    def __init__(self, n_critic=5, authors_schedule=False, **kwargs):
        super().__init__(**kwargs)
        self.n_critic = positive_integer("n_critic", n_critic)
        self.authors_schedule = bool(authors_schedule)
        # Critic steps since the last update of the generator.
        self.critic_step = self.add_weight(
            (),
            "zeros",
            "int32",
            trainable=False,
            aggregation="only_first_replica",
            name="critic_step",
        )
        self.updates_generator = True

    def compile_roles(self, optimizers, losses, steps_per_execution=1, **kwargs):
        require(
            steps_per_execution == 1
            or not (self.authors_schedule or steps_per_execution % self.n_critic),
            "Argument `steps_per_execution` must be 1, or a multiple of `n_critic` (in "
            "a model without `authors_schedule`), so that every execution makes the "
            "same steps",
            steps_per_execution=steps_per_execution,
            n_critic=self.n_critic,
            authors_schedule=self.authors_schedule,
        )
        super().compile_roles(
            optimizers, losses, steps_per_execution=steps_per_execution, **kwargs
        )

    def critic_steps(self, iteration):
        """Returns the critic steps that lead to generator update `iteration`."""
        if self.authors_schedule and (iteration < 25 or iteration % 500 == 0):
            return 100
        return self.n_critic

    def batches(self, iterations):
        return sum(map(self.critic_steps, range(iterations)))

    def count_critic_step(self):
        """Counts a batch; to be called in `train_step`."""
        if self.updates_generator:
            self.critic_step.assign(ops.zeros_like(self.critic_step))
        else:
            self.critic_step.assign(self.critic_step + 1)

    def fit(self, *args, **kwargs):
        """Trains as `AdversarialModel.fit` does, and warns if it was too short."""
        before = self._updates()
        history = super().fit(*args, **kwargs)
        critic, generator = np.subtract(self._updates(), before)
        if critic > 0 and generator == 0:
            warnings.warn(
                f"`fit` never updated the generator: it made {critic} critic steps, and"
                f" {self.critic_steps(self.iterations)} lead to an update (`n_critic`)."
                " Train for more epochs, or with smaller batches."
            )
        return history

    def _updates(self):
        roles = ("discriminator", "generator") if self.compiled else ()
        return [int(self.optimizers[role].iterations.numpy()) for role in roles]

    def make_step_function(self):
        """Compiles `train_step` twice, with and without an update of the generator.

        Which of them comes next is decided outside the graph: weights cannot be updated
        inside a condition of the graph under a distribution strategy. Several steps in
        one execution are unrolled in their order.
        """
        make = super().make_step_function
        functions = {updates_generator: make() for updates_generator in (False, True)}

        def unrolled(batches, pattern):
            for batch, self.updates_generator in zip(batches, pattern, strict=True):
                logs = functions[self.updates_generator]([batch])
            return logs

        if not self.run_eagerly:
            unrolled = tf.function(unrolled, autograph=False, reduce_retracing=True)

        def train_function(iterator):
            try:
                if self.steps_per_execution == 1:
                    # Read by `train_step` when it is traced, or run eagerly.
                    (self.updates_generator,) = self._next_updates(1)
                    return functions[self.updates_generator](iterator)
                # At the end of the data there may be fewer.
                rest = itertools.islice(iterator, self.steps_per_execution - 1)
                batches = [next(iterator), *rest]
                return unrolled(batches, self._next_updates(len(batches)))
            finally:
                self.updates_generator = True

        if self.steps_per_execution == 1:
            return train_function
        # `unrolled` is optimized as a whole.
        return self.as_written(train_function)

    def _next_updates(self, batches):
        """Returns a tuple of booleans, whether a batch will update the generator."""
        step, iteration, updates = int(self.critic_step.numpy()), self.iterations, []
        for _ in range(batches):
            step += 1
            updates.append(step >= self.critic_steps(iteration))
            if updates[-1]:
                step, iteration = 0, iteration + 1
        return tuple(updates)
