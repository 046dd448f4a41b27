"""Weights & Biases; without a network with `WANDB_MODE=offline`."""

import os
import uuid


class Tracker:
    """Logs to the run whose id is kept."""

    package = extra = "wandb"

    def __init__(self, directory, name, configuration, state):
        import wandb
        from wandb.integration.keras import WandbMetricsLogger

        state.setdefault("id", uuid.uuid4().hex)
        state.setdefault("project", os.environ.get("WANDB_PROJECT", "keras-gans"))
        self._image = wandb.Image
        self._run = wandb.init(
            **state,
            name=name,
            dir=directory,
            config=configuration,
            # Learning rates may be others when a run goes on.
            allow_val_change=True,
            resume="allow",
        )
        self._run.define_metric("samples", step_metric="iteration")
        self.callbacks = [WandbMetricsLogger()]

    def picture(self, iteration, picture):
        self._run.log({"samples": self._image(picture), "iteration": iteration})

    def end(self, finished):
        self._run.finish(exit_code=0 if finished else 1)
