"""Learning-rate schedules that Keras lacks."""

import keras
from keras import ops

from keras_gans.arguments import arguments_of
from keras_gans.checks import non_negative_integer, positive_float, positive_integer


@keras.saving.register_keras_serializable(package="keras_gans")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate that then falls linearly to zero.

    CycleGAN keeps its rate for 100 epochs and lets it fall to zero over 100 more.

    Args:
        initial_learning_rate: Positive float, the rate of the constant part.
        constant_steps: Non-negative integer, optimizer steps of the constant part.
        decay_steps: Positive integer, optimizer steps of the fall. At step
            `constant_steps + decay_steps` the rate is zero and stays there.
        name: String, the name of the schedule.

    Example:
    >>> schedule = ConstantThenLinear(2e-4, constant_steps=1000, decay_steps=1000)
    >>> float(schedule(1500))  # 1e-4

    Reference:
        Zhu et al., section 4, see `keras_gans.models.CycleGAN`.
    """

    def __init__(self, initial_learning_rate, constant_steps, decay_steps, name=None):
        super().__init__()
        # Steps may come as whole floats, from a division say.
        constant_steps, decay_steps = (
            int(steps) if steps == int(steps) else steps
            for steps in (constant_steps, decay_steps)
        )
        self.initial_learning_rate = positive_float(
            "initial_learning_rate", initial_learning_rate
        )
        self.constant_steps = non_negative_integer("constant_steps", constant_steps)
        self.decay_steps = positive_integer("decay_steps", decay_steps)
        self.name = name or "constant_then_linear"

    def __call__(self, step):
        past = ops.cast(step, "float32") - self.constant_steps
        remaining = 1.0 - ops.clip(past / self.decay_steps, 0.0, 1.0)
        return self.initial_learning_rate * remaining

    def get_config(self):
        return arguments_of(self)
