"""When a difference between two variants counts: one rule for all studies."""

import numpy as np

# Fewer say nothing of the deviation.
MINIMUM_SEEDS = 3
RULE = (
    "A claim is confirmed, or its opposite, if the means differ by more than the "
    "deviation over seeds, the root mean square of the two deviations, and each side "
    f"has at least {MINIMUM_SEEDS} seeds. Else it is not seen."
)


def verdict(ours, relation, other, counted=False):
    """Judges the claim that `ours` is less, or more, than `other`.

    Args:
        ours: Sequence of floats, a value for each seed; infinity for what was never
            reached.
        relation: `"<"` or `">"`.
        other: The same as `ours`, or a number without deviation.
        counted: Whether the values are counts that do not depend on the seed, of which
            one is enough.

    Returns:
        `"confirmed"`, `"opposite"` or `"not seen"`, see `RULE`.
    """
    sides = [np.asarray(side, "float64") for side in (ours, other)]
    least = 1 if counted else MINIMUM_SEEDS
    if any(side.ndim and len(side) < least for side in sides):
        return "not seen"
    sides = [np.atleast_1d(side) for side in sides]
    means = [side.mean() for side in sides]
    if means[0] == means[1]:  # Infinity too.
        return "not seen"
    difference = means[1] - means[0] if relation == "<" else means[0] - means[1]
    spread = np.sqrt(np.mean([deviation(side) ** 2 for side in sides]))
    if difference > spread:
        return "confirmed"
    return "opposite" if difference < -spread else "not seen"


def deviation(values):
    """Returns the standard deviation of what a few values are a sample of, or 0."""
    values = np.asarray(values, "float64")
    if len(values) < 2:
        return 0.0
    if np.isinf(values).any():
        return 0.0 if (values == values[0]).all() else float("inf")
    return float(np.std(values, ddof=1))
