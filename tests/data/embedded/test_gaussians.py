"""Tests of the mixtures of Gaussians: their shapes, their distribution, resuming."""

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.spatial
import scipy.stats
import tensorflow as tf

from keras_gans.data import GaussianMixture, gaussian_grid, gaussian_ring

MIXTURE = GaussianMixture([[0, 0], [3, 1], [-2, 4]], standard_deviation=0.5)


def sampled(mixture, seed=0):
    return mixture.sample(12_000, seed=seed)


def streamed(mixture, seed=0):
    data = mixture.dataset(500, steps_per_epoch=12, labels=True, seed=seed)
    points, labels = zip(*data, strict=True)
    return np.concatenate(points), np.concatenate(labels)


# Shapes ----------------------------------------------------------------------------


def test_ring():
    mixture = gaussian_ring()
    # The eighth roots of one, times the radius.
    roots = 2 * np.exp(2j * np.pi * np.arange(8) / 8)
    expected = np.stack([roots.real, roots.imag], axis=-1)
    np.testing.assert_allclose(mixture.centers, expected, atol=1e-15)
    assert mixture.standard_deviation == 0.02
    triangle = gaussian_ring(modes=3, radius=1, standard_deviation=0.01).centers
    sides = np.linalg.norm(triangle - np.roll(triangle, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, np.sqrt(3))


def test_grid_is_that_of_the_papers_at_half_the_size():
    mixture = gaussian_grid()
    papers = itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), repeat=2)
    assert {tuple(2 * center) for center in mixture.centers} == set(papers)
    assert 2 * mixture.standard_deviation == 0.05
    np.testing.assert_array_equal(mixture.centers[:2], [[-2, -2], [-1, -2]])


@pytest.mark.parametrize("side, spacing", [(1, 1.0), (2, 3.0), (4, 0.5)])
def test_grid_of_other_sizes(side, spacing):
    centers = gaussian_grid(side, spacing).centers
    assert centers.shape == (side**2, 2)
    np.testing.assert_allclose(centers.mean(axis=0), 0, atol=1e-15)
    if side > 1:
        distances = scipy.spatial.distance.pdist(centers)
        assert distances.min() == spacing
        assert np.isclose(distances.max(), spacing * (side - 1) * np.sqrt(2))


@pytest.mark.parametrize("mixture", [gaussian_ring(), gaussian_grid()])
def test_points_belong_to_one_mode(mixture):
    points, labels = mixture.sample(5000)
    distances = scipy.spatial.distance.cdist(points, mixture.centers)
    np.testing.assert_array_equal(distances.argmin(axis=1), labels)
    assert distances.min(axis=1).max() < 6 * mixture.standard_deviation
    assert np.abs(points).max() < 2.2


# Distribution ----------------------------------------------------------------------


@pytest.mark.parametrize("draw", [sampled, streamed])
def test_dtypes(draw):
    points, labels = draw(MIXTURE)
    assert points.dtype == np.float32 and labels.dtype == np.int32
    assert points.shape == (len(labels), 2)


@pytest.mark.parametrize("draw", [sampled, streamed])
def test_distribution(draw):
    points, labels = draw(MIXTURE)
    counts = np.bincount(labels, minlength=3)
    assert len(counts) == 3 and scipy.stats.chisquare(counts).pvalue > 1e-4
    errors = (points - MIXTURE.centers[labels]) / 0.5
    for label in range(3):
        # Each coordinate is normal; both together, squared, are chi-squared.
        for coordinate in errors[labels == label].T:
            assert scipy.stats.kstest(coordinate, "norm").pvalue > 1e-4
        squares = np.square(errors[labels == label]).sum(axis=1)
        assert scipy.stats.kstest(squares, "chi2", args=(2,)).pvalue > 1e-4
    assert abs(np.corrcoef(errors.T)[0, 1]) < 4 / np.sqrt(len(errors))
    # Neither a point nor a component tells anything about the next.
    for series in (*errors.T, labels):
        following = np.corrcoef(series[1:], series[:-1])[0, 1]
        assert abs(following) < 4 / np.sqrt(len(series))


@pytest.mark.parametrize("draw", [sampled, streamed])
def test_points_are_fresh(draw):
    points = np.concatenate([draw(MIXTURE, seed)[0] for seed in (0, 1, -1, 2**32)])
    assert len(np.unique(points, axis=0)) > 0.999 * len(points)


def test_sample_is_reproducible():
    for one, other in zip(sampled(MIXTURE), sampled(MIXTURE), strict=True):
        np.testing.assert_array_equal(one, other)


# Data set --------------------------------------------------------------------------


def test_dataset():
    data = MIXTURE.dataset(batch_size=7, steps_per_epoch=5)
    assert data.element_spec == tf.TensorSpec([7, 2], tf.float32)
    assert len(data) == len(list(data)) == data.steps_per_epoch == 5
    assert data.classes is None
    labelled = MIXTURE.dataset(batch_size=7, steps_per_epoch=5, labels=True)
    assert labelled.element_spec[1] == tf.TensorSpec([7], tf.int32)
    assert labelled.classes == 3
    data.position.assign(0)
    for points, (same_points, _) in zip(data, labelled, strict=True):
        np.testing.assert_array_equal(points, same_points)
    defaults = gaussian_ring().dataset()
    assert defaults.element_spec.shape == (256, 2) and len(defaults) == 1000


def test_every_position_continues_exactly():
    data = MIXTURE.dataset(batch_size=4, steps_per_epoch=3, seed=-5)
    whole = np.stack(list(data.repeat(4)))
    assert data.seed == -5 and len(whole) == 12
    tf.random.set_seed(99)
    other = MIXTURE.dataset(batch_size=4, steps_per_epoch=3, seed=np.int32(-5))
    for position in (7, 0, 5, 8):
        other.position.assign(position)
        end = (position // 3 + 1) * 3
        np.testing.assert_array_equal(list(other), whole[position:end])
        np.testing.assert_array_equal(list(other), whole[position:end])


# Errors ----------------------------------------------------------------------------


def test_frozen():
    centers = np.zeros((1, 2))
    mixture = GaussianMixture(centers, 1)
    centers[0] = 5  # The mixture has its own.
    np.testing.assert_array_equal(mixture.centers, [[0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        mixture.centers[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        mixture.standard_deviation = 2.0


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: GaussianMixture([0, 0], 1), ValueError, r"`centers`.*shape=\(2,\)"),
        (lambda: GaussianMixture(np.zeros((0, 2)), 1), ValueError, r"\(0, 2\)"),
        (lambda: GaussianMixture(np.zeros((4, 3)), 1), ValueError, r"\(4, 3\)"),
        (lambda: GaussianMixture([[0, np.nan]], 1), ValueError, "must be finite"),
        (lambda: GaussianMixture([[0, 0]], 0), ValueError, "`standard_deviation`.*=0"),
        (lambda: GaussianMixture([[0, 0]], np.inf), ValueError, "finite"),
        (lambda: GaussianMixture([[0, 0]], "1"), TypeError, "must be a number.*1"),
        (lambda: gaussian_ring(0), ValueError, "`modes` must be a positive integer"),
        (lambda: gaussian_ring(radius=-1), ValueError, "`radius`.*radius=-1"),
        (lambda: gaussian_grid(2.0), ValueError, "`side` must be a positive integer"),
        (lambda: gaussian_grid(spacing=True), TypeError, "`spacing` must be a num"),
        (lambda: MIXTURE.sample(0), ValueError, "`n` must be a positive integer.*n=0"),
        (lambda: MIXTURE.sample(1, seed=0.5), TypeError, "`seed` must be an integer"),
        (lambda: MIXTURE.dataset(0), ValueError, "`batch_size` must be a positive"),
        (lambda: MIXTURE.dataset(1, 0), ValueError, "`steps_per_epoch` must be"),
        (lambda: MIXTURE.dataset(labels=1), TypeError, "`labels` must be True or"),
        (lambda: MIXTURE.dataset(seed=None), TypeError, "`seed` must be an integer"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()
