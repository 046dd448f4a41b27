"""A table of losses at 100, 200, 500, 1000, 2000, ... iterations, as in the lab."""

import pathlib

from keras_gans.callbacks.iteration_callback import IterationCallback
from keras_gans.files import Records, write_text

COLUMNS = {
    "Loss_D": "discriminator_loss",
    "Loss_G": "generator_loss",
    "Loss_C": "cycle_loss",
    "k": "k",
    "M": "convergence",
}


class LossTable(IterationCallback):
    """Writes `table.csv` and `table.md` with the losses at certain iterations.

    Loss_D is the sum of the discriminators' losses, Loss_G the whole objective of the
    generators, and, of a `CycleGAN`, Loss_C the sum of both cycle losses before their
    weight. `BEGAN` adds its k and its measure of convergence, M. Only what the model
    logs is reported. Each is the average since the current epoch began, not the value
    of one batch.

    Args:
        directory: Folder of the two files.
        iterations: Iterations to report. Defaults to 100, 200, 500, 1000 and then every
            1000th, as in the lab. The end of training is reported in any case.
    """

    def __init__(self, directory, iterations=None):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.iterations = None if iterations is None else frozenset(iterations)
        self._records = Records(self.directory / "table.csv")

    def is_due(self, iteration):
        if self.iterations is not None:
            return iteration in self.iterations
        return iteration in (100, 200, 500) or iteration % 1000 == 0

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._records.rewind(self._seen)
        self._last_logs = {}

    def on_train_batch_end(self, batch, logs=None):
        before = self._seen
        super().on_train_batch_end(batch, logs)
        # Between two iterations there may be critic steps, whose logs, in a new epoch,
        # hold no loss of the generator yet.
        if self._seen > before:
            self._last_logs = dict(logs or {})

    def on_train_end(self, logs=None):
        reported = [row["iteration"] for row in self._records.rows]
        if self._last_logs and self._seen not in reported:
            self.at_iteration(self._seen, self._last_logs)

    def at_iteration(self, iteration, logs):
        reported = {column: name for column, name in COLUMNS.items() if name in logs}
        values = {column: float(logs[name]) for column, name in reported.items()}
        self._records.add(iteration, values)
        rows = self._records.rows
        columns = [column for column in COLUMNS if any(column in row for row in rows)]
        lines = [_line("Iteration", *columns), "|" + "---:|" * (1 + len(columns))]
        for row in rows:
            cells = (f"{row[name]:.4f}" if name in row else "" for name in columns)
            lines.append(_line(row["iteration"], *cells))
        write_text(self.directory / "table.md", "\n".join(lines) + "\n")


def _line(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"
