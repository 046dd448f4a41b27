"""The one place where gradients are taken, and weights are updated."""

import tensorflow as tf

from keras_gans.distribution import summed
from keras_gans.models.averages import move_average
from keras_gans.models.structure import computed_variables


class Recording:
    """A tape that is entered twice: for a forward pass, and again for the losses."""

    def __init__(self, model, roles):
        self._model, self._roles = model, roles
        self._tape = tf.GradientTape(persistent=len(roles) > 1)

    def __enter__(self):
        self._tape.__enter__()
        return self

    def __exit__(self, *exception):
        self._tape.__exit__(*exception)

    def minimize(self, closure):
        model, tape, updates = self._model, self._tape, {}
        with tape:
            losses = closure()
            scaled_losses = [
                model.optimizers[role].scale_loss(losses[f"{role}_loss"])
                for role in self._roles
            ]
        # All gradients are taken before the first update.
        for role, loss in zip(self._roles, scaled_losses, strict=True):
            variables = [
                variable
                for name in model.roles[role]
                for variable in computed_variables(getattr(model, name))
            ]
            gradients = summed(tape.gradient(loss, variables))
            updates[role] = gradients, variables
        for role, update in updates.items():
            model.optimizers[role].apply(*update)
        if "generator" in updates and model.ema_decay is not None:
            for name in model.roles["generator"]:
                move_average(
                    getattr(model, f"averaged_{name}"),
                    getattr(model, name),
                    model.ema_decay,
                    updates=model.generator_optimizer.iterations,
                )
        return losses
