"""The kernel distance, of sets and of streams, against its double sum."""

import math

import numpy as np
import pytest
import tensorflow as tf
from feature_helpers import MeanNetwork, direct_double_sum, features, feed

from keras_gans.metrics import KernelDistance, kernel_distance, kid
from keras_gans.metrics.feature_statistics import Reservoir


def test_kernel_distance_of_any_batches_is_the_double_sum():
    real, generated = features(15, 11, 4)
    expected = direct_double_sum(real, generated)
    for batches in (1, 2, 11):
        metric = KernelDistance(MeanNetwork(4))
        assert metric.name == "kid_mean_network"
        feed(metric, real, generated, batches)
        value = metric.result()
        assert type(value) is float
        assert value == pytest.approx(expected, rel=1e-10)
    value = kernel_distance(real, generated)
    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-10)
    # Two blocks, in order.
    blocks = [
        direct_double_sum(real[:7], generated[:5]),
        direct_double_sum(real[7:], generated[5:]),
    ]
    value = kernel_distance(real, generated, max_block_size=8)
    assert value == pytest.approx(np.mean(blocks), rel=1e-10)
    # All in one block, also beyond the default of TF-GAN.
    real, generated = features(1100, 1100, 2)
    whole = kernel_distance(real, generated, max_block_size=1100)
    assert kernel_distance(real, generated) == whole
    assert kernel_distance(real, generated, max_block_size=1099) != whole


def test_kernel_distance_checks_its_blocks():
    real, generated = features(40, 10, 3)
    for size, message in ((1, "of at least 2"), (6, "makes 7 blocks")):
        with pytest.raises(ValueError, match=message):
            kernel_distance(real, generated, max_block_size=size)
    assert math.isfinite(kernel_distance(real, generated, max_block_size=8))


def test_kernel_distance_of_subsets(monkeypatch):
    calls = []

    def record(real, generated):
        value = kernel_distance(real, generated)
        calls.append((real, generated, value))
        return value

    monkeypatch.setattr(kid, "_kernel_distance", record)
    real, generated = features(30, 12, 4)
    for size, result_sizes, spread_sizes in (
        (10, (10, 10), (10, 10)),
        # A side that fits into a subset is taken whole, but not for the spread.
        (20, (20, 12), (20, 6)),
        (29, (29, 12), (29, 6)),
    ):
        metric = KernelDistance(MeanNetwork(4), subsets=5, subset_size=size)
        feed(metric, real, generated, 3)
        for compute, statistic, sizes in (
            (metric.result, np.mean, result_sizes),
            (metric.spread, lambda values: np.std(values, ddof=1), spread_sizes),
        ):
            calls.clear()
            assert compute() == pytest.approx(statistic([call[2] for call in calls]))
            assert len(calls) == 5
            for *sides, _ in calls:
                for subset, side, expected in zip(
                    sides, (real, generated), sizes, strict=True
                ):
                    rows = {tuple(row) for row in subset}
                    assert len(subset) == len(rows) == expected
                    assert rows <= {tuple(row) for row in side}
            assert len({call[2] for call in calls}) == 5
        # The same every time it is asked.
        assert metric.spread() == metric.spread() > 0
    # Just fits: all in one.
    metric = KernelDistance(MeanNetwork(4), subset_size=30)
    feed(metric, real, generated, 3)
    calls.clear()
    assert metric.result() == kernel_distance(real, generated)
    assert [(len(call[0]), len(call[1])) for call in calls] == [(30, 12)]


def test_spread_of_few_images_is_about_the_standard_error():
    results, spreads = [], []
    for seed in range(30):
        metric = KernelDistance(MeanNetwork(2), subsets=8)
        random = np.random.default_rng(seed)
        feed(metric, random.normal(size=(80, 2)), random.normal(1, 1, (80, 2)), 1)
        results.append(metric.result())
        if seed % 3 == 0:
            spreads.append(metric.spread())
    # An independent estimate, over sets that have nothing in common.
    assert np.mean(spreads) == pytest.approx(np.std(results, ddof=1), rel=0.35)
    metric = KernelDistance(MeanNetwork(2))
    feed(metric, *features(3, 80, 2), 1)
    assert math.isfinite(metric.result()) and math.isnan(metric.spread())


def test_sample_does_not_depend_on_the_batches():
    real, generated = features(50, 45, 4)
    samples = []
    for batches in (1, 2, 7, 50):
        metric = KernelDistance(MeanNetwork(4), max_samples=20)
        feed(metric, real, generated, batches)
        samples.append((metric._real.sample, metric._generated.sample))
        assert metric._real.count == 50 and metric._generated.count == 45
        for sample, side in zip(samples[-1], (real, generated), strict=True):
            # Twenty different rows, in their order.
            places = [int(np.where((side == row).all(1))[0][0]) for row in sample]
            assert len(places) == 20 and places == sorted(set(places))
            assert places != list(range(20))
        for sample, other in zip(samples[0], samples[-1], strict=True):
            np.testing.assert_array_equal(sample, other)
    expected = kernel_distance(*samples[0])
    assert metric.result() == pytest.approx(expected, rel=1e-12)
    metric.reset_state()
    feed(metric, real, generated, 3)
    assert metric.result() == pytest.approx(expected, rel=1e-12)
    other = KernelDistance(MeanNetwork(4), max_samples=20, seed=1)
    feed(other, real, generated, 1)
    assert not np.array_equal(other._real.sample, samples[0][0])


def test_every_image_has_the_same_chance():
    rows = np.arange(12.0)[:, None]
    counts = np.zeros(12)
    for seed in range(2000):
        reservoir = Reservoir(3, seed, 0)
        for start in range(0, 12, 5):
            reservoir.add(rows[start : start + 5])
        np.add.at(counts, reservoir.sample[:, 0].astype(int), 1)
    # 500 each, with a standard deviation of 19.4.
    assert counts.sum() == 6000
    assert np.abs(counts - 500).max() < 80


def test_kernel_distance_checks_its_arguments():
    for argument, value in (
        ("max_samples", 1),
        ("subsets", 1),
        ("subset_size", 1),
        ("subset_size", 10.0),
        ("seed", -1),
    ):
        with pytest.raises(ValueError, match=f"{argument}={value}"):
            KernelDistance(MeanNetwork(4), **{argument: value})
    metric = KernelDistance(MeanNetwork(4))
    with pytest.raises(RuntimeError, match="eagerly"):
        tf.function(metric.update_generated)(tf.ones((2, 1, 1, 4)))
