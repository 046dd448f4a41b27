"""Modes of known constructions."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.metrics import mode_statistics

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def test_points_are_of_high_quality_by_their_euclidean_distance():
    # Within 0.3 of one mode, in each coordinate but not in all, and beyond.
    points = [[0.29, 0.0], [0.2, 0.2], [0.25, 0.25], [1.0, 0.69]]
    scores = mode_statistics(np.array(points, "float32"), SQUARE, 0.1)
    assert scores == {"modes_covered": 1, "high_quality": 0.5}
    assert [type(value) for value in scores.values()] == [int, float]
    # A wider circle takes them all, and the last one covers its mode.
    scores = mode_statistics(points, SQUARE, 0.1, deviations=3.6)
    assert scores == {"modes_covered": 2, "high_quality": 1.0}
    assert mode_statistics(points, SQUARE, 0.12) == scores


def test_a_stray_point_covers_a_mode_unless_a_share_is_asked_for():
    points = np.repeat(SQUARE, [345, 50, 4, 1], axis=0)
    expected = {0.0: 4, 0.01: 4, 0.02: 3, 0.04: 3, 0.1: 2, 0.5: 2, 0.51: 1, 1.0: 1}
    for share, modes in expected.items():
        scores = mode_statistics(points, SQUARE, 0.1, minimum_share=share)
        assert scores == {"modes_covered": modes, "high_quality": 1.0}
    # Points between the modes count for the fair share, but for no mode.
    between = np.full((100, 2), 0.5)
    points = np.concatenate([np.repeat(SQUARE, 25, axis=0), between])
    for share, modes in ((0.5, 4), (0.51, 0)):
        scores = mode_statistics(points, SQUARE, 0.1, minimum_share=share)
        assert scores == {"modes_covered": modes, "high_quality": 0.5}


def test_the_mixture_itself_scores_what_theory_says():
    generator = np.random.default_rng(0)
    centers = np.stack(np.meshgrid(range(5), range(5)), -1).reshape(25, 2)
    modes = generator.integers(0, 25, 20000)
    points = centers[modes] + generator.normal(0, 0.05, (20000, 2))
    scores = mode_statistics(tf.constant(points), centers, 0.05, minimum_share=0.1)
    assert scores["modes_covered"] == 25
    # Four standard errors of a share of 20,000 points.
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    scores = mode_statistics(points, centers, 0.05, deviations=1.0)
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-0.5), abs=0.014)
    # Nothing is near.
    far = {"modes_covered": 0, "high_quality": 0.0}
    assert mode_statistics(points + 100, centers, 0.05) == far


def test_mode_statistics_check_their_arguments():
    for change, message in (
        ({"points": np.zeros(2)}, "points.shape=\\(2,\\)"),
        ({"points": np.zeros((0, 2))}, "points.shape=\\(0, 2\\)"),
        ({"points": np.array([[0.0, np.nan]])}, "`points` must be finite"),
        ({"points": np.zeros((3, 1))}, "same number of dimensions"),
        ({"centers": np.zeros((2, 2, 2))}, "centers.shape=\\(2, 2, 2\\)"),
        ({"standard_deviation": 0.0}, "standard_deviation=0.0"),
        ({"deviations": -1}, "deviations=-1"),
        ({"minimum_share": 2}, "minimum_share=2"),
    ):
        arguments = {"points": SQUARE, "centers": SQUARE, "standard_deviation": 0.1}
        with pytest.raises(ValueError, match=message):
            mode_statistics(**{**arguments, **change})
