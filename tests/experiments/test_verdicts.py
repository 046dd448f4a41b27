"""When a difference counts: the rule of all studies."""

import math

import pytest

from keras_gans.experiments import tables
from keras_gans.experiments.verdicts import RULE, deviation, verdict

NEVER = math.inf


@pytest.mark.parametrize(
    "ours, other, expected",
    [
        ([1, 2, 3], [4, 5, 6], "confirmed"),
        ([4, 5, 6], [1, 2, 3], "opposite"),
        ([1, 2, 3], [1.5, 2.5, 3.5], "not seen"),
        ([1.5, 2.5, 3.5], [1, 2, 3], "not seen"),
        # The root mean square of the deviations 1 and 0 is 0.707.
        ([1, 2, 3], [2.72, 2.72, 2.72], "confirmed"),
        ([1, 2, 3], [2.69, 2.69, 2.69], "not seen"),
        ([1, 2, 3], [1.28, 1.28, 1.28], "opposite"),
        ([1, 2, 3], [1.31, 1.31, 1.31], "not seen"),
        # Of 3 and 4 it is 3.54, of samples, with n - 1.
        ([0, 3, 6], [2.6, 6.6, 10.6], "confirmed"),
        ([0, 3, 6], [2.5, 6.5, 10.5], "not seen"),
        ([2, 2, 2], [2, 2, 2], "not seen"),
        # Two seeds say nothing, however far apart they are.
        ([1, 1], [9, 9, 9], "not seen"),
        ([1, 1, 1], [9, 9], "not seen"),
        ([1], [9], "not seen"),
        # A number has no deviation.
        ([1, 2, 3], 3.1, "confirmed"),
        ([1, 2, 3], 0.9, "opposite"),
        ([1, 2, 3], 2.6, "not seen"),
        ([1, 1], 9, "not seen"),
        # What is never reached takes forever.
        ([1, 2, 3], [NEVER] * 3, "confirmed"),
        ([NEVER] * 3, [1, 2, 3], "opposite"),
        ([NEVER] * 3, [NEVER] * 3, "not seen"),
        ([1, 2, NEVER], [7, 8, 9], "not seen"),
        ([1, 2, 3], [7, 8, NEVER], "not seen"),
        ([1, 2, NEVER], [NEVER] * 3, "not seen"),
    ],
)
def test_a_difference_counts_above_the_deviation_over_three_seeds(
    ours, other, expected
):
    assert verdict(ours, "<", other) == expected
    if NEVER in [*ours, *(other if isinstance(other, list) else [])]:
        return
    # The same numbers with the opposite sign, for the opposite relation.
    other = [-value for value in other] if isinstance(other, list) else -other
    assert verdict([-value for value in ours], ">", other) == expected


def test_counts_need_no_seeds():
    assert verdict([1], "<", [9], counted=True) == "confirmed"
    assert verdict([1], "<", [9]) == "not seen"


def test_deviation_is_that_of_a_sample():
    assert deviation([1, 3]) == pytest.approx(math.sqrt(2))
    assert deviation([5]) == deviation([]) == 0
    assert deviation([NEVER, NEVER]) == 0 and deviation([1, NEVER]) == NEVER


def test_claims_as_a_table():
    results = [
        {"variant": name, "error": value + seed}
        for name, value in (("ours", 1.0), ("plain", 5.0))
        for seed in range(3)
    ] + [{"variant": "broken"}]
    ours, plain = (
        tables.values_of(results, name, "error") for name in ("ours", "plain")
    )
    assert (ours, plain) == ([1, 2, 3], [5, 6, 7])
    assert tables.values_of(results, "broken", "error") == []
    table, rule = tables.claims_paragraphs(
        [
            ("less error", ours, ".1f", "<", plain),
            ("at least four", ours, ".1f", ">", 4.0),
            ("of one seed", ours[:1], ".1f", "<", plain),
            ("not run", [], ".1f", "<", plain),
        ]
    )
    assert table.splitlines()[2:] == [
        "| less error | 2.0 ± 1.0 against 6.0 ± 1.0 | confirmed |",
        "| at least four | 2.0 ± 1.0 against 4.0 | opposite |",
        "| of one seed | 1.0 against 6.0 ± 1.0 | not seen |",
    ]
    assert rule == RULE
    assert tables.claims_paragraphs([("not run", [], ".1f", "<", plain)]) == []
