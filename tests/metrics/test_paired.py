"""Paired metrics against NumPy, and SSIM against its formula window by window."""

import math

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.metrics import (
    ChannelMeanAbsoluteError,
    MeanAbsoluteError,
    PeakSignalToNoiseRatio,
    StructuralSimilarity,
)

METRICS = (
    PeakSignalToNoiseRatio,
    StructuralSimilarity,
    MeanAbsoluteError,
    ChannelMeanAbsoluteError,
)


def pixels(count=5, size=12, channels=3, seed=0):
    """Pairs of similar uint8 images; no two pairs are as similar."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 256, (count, size, size, channels))
    noise = (
        random.normal(size=first.shape) * 10 * np.arange(1, 1 + count)[:, *3 * [None]]
    )
    return first.astype("uint8"), np.clip(first + noise, 0, 255).astype("uint8")


def to_floats(images):
    return images.astype("float32") / 127.5 - 1


def psnr(first, second):
    return 10 * np.log10(255**2 / ((first - second) ** 2).mean((1, 2, 3)))


def ssim(first, second):
    """The formula of the paper, for each window and channel."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(window, window)[..., None]
    window /= window.sum()
    c_1, c_2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    scores = []
    for x, y in zip(first, second, strict=True):
        found = []
        for row in range(x.shape[0] - 10):
            for column in range(x.shape[1] - 10):
                place = np.s_[row : row + 11, column : column + 11]
                a, b = x[place], y[place]
                mean_a, mean_b = ((window * v).sum((0, 1)) for v in (a, b))
                variance_a = (window * (a - mean_a) ** 2).sum((0, 1))
                variance_b = (window * (b - mean_b) ** 2).sum((0, 1))
                covariance = (window * (a - mean_a) * (b - mean_b)).sum((0, 1))
                found.append(
                    (2 * mean_a * mean_b + c_1)
                    * (2 * covariance + c_2)
                    / (mean_a**2 + mean_b**2 + c_1)
                    / (variance_a + variance_b + c_2)
                )
        scores.append(np.mean(found))
    return np.array(scores)


def mae(first, second):
    return np.abs(first - second).mean((1, 2, 3)) / 127.5


def channel_mae(first, second):
    return np.abs(first - second).mean((1, 2)) / 127.5


FORMULAS = dict(zip(METRICS, (psnr, ssim, mae, channel_mae), strict=True))


def value_of(metric):
    result = metric.result()
    if isinstance(result, dict):
        return np.array([float(value) for value in result.values()])
    return float(result)


@pytest.mark.parametrize("kind", METRICS)
def test_metric_is_the_mean_of_the_formula(kind):
    first, second = pixels()
    formula = FORMULAS[kind](first.astype("float64"), second.astype("float64"))
    pairs = {
        "uint8": (first, second),
        "float32": (to_floats(first), to_floats(second)),
        "both": (first, to_floats(second)),
        "float64": (first / 127.5 - 1, second / 127.5 - 1),
    }
    for name, (y_true, y_pred) in pairs.items():
        metric = kind()
        # Batches of different lengths: a mean over images and not over batches.
        for batch in (np.s_[:1], np.s_[1:4], np.s_[4:]):
            metric.update_state(y_true[batch], y_pred[batch])
        np.testing.assert_allclose(
            value_of(metric), formula.mean(0), rtol=2e-5, err_msg=name
        )
        metric.reset_state()
        metric(y_true[:2], y_pred[:2])
        np.testing.assert_allclose(value_of(metric), formula[:2].mean(0), rtol=2e-5)
        metric.reset_state()
        weights = np.array([0.0, 1.0, 3.0, 0.5, 0.0])
        metric.update_state(y_true[:3], y_pred[:3], sample_weight=weights[:3])
        metric.update_state(y_true[3:], y_pred[3:], sample_weight=weights[3:])
        expected = np.average(formula, axis=0, weights=weights)
        np.testing.assert_allclose(value_of(metric), expected, rtol=2e-5)


@pytest.mark.parametrize("kind", METRICS)
def test_metric_works_in_fit_and_from_its_config(kind):
    first, second = (to_floats(images) for images in pixels())
    metric = contracts.round_trip(kind(name="score"))
    assert metric.name == "score" and type(metric) is kind
    inputs = keras.Input((12, 12, 3))
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))
    model.compile(loss="mse", metrics=[metric])
    logs = model.evaluate(second, first, batch_size=2, return_dict=True, verbose=2)
    del logs["loss"]
    formula = FORMULAS[kind]((first + 1) * 127.5, (second + 1) * 127.5).mean(0)
    names = ["score"]
    if kind is ChannelMeanAbsoluteError:
        names = ["score_red", "score_green", "score_blue"]
    assert sorted(logs) == sorted(names)
    found = [logs[name] for name in names]
    np.testing.assert_allclose(found, np.ravel(formula), rtol=2e-5)


def test_ratio_of_equal_images_is_capped():
    first, second = pixels(2)
    second[0] = first[0]
    metric = PeakSignalToNoiseRatio()
    metric.update_state(first, second)
    expected = (100 + psnr(first[1:] / 1.0, second[1:] / 1.0)[0]) / 2
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    # What a picture can tell is not capped: one pixel of 256 x 256 off by one.
    black = np.zeros((1, 256, 256, 3), "uint8")
    other = black.copy()
    other[0, 7, 7] = 1
    metric.reset_state()
    metric.update_state(black, other)
    expected = 20 * math.log10(255) + 20 * math.log10(256)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)
    # And a diverged generator does not pass for a perfect one.
    metric.update_state(first, np.full(first.shape, np.nan, "float32"))
    assert math.isnan(float(metric.result()))


def test_channels_are_told_apart():
    black = -np.ones((2, 3, 4, 3), "float32")
    other = black + np.array([0.5, 0, 2])
    metric = ChannelMeanAbsoluteError()
    metric.update_state(black, other)
    result = {name: float(value) for name, value in metric.result().items()}
    assert result == {"mae_red": 0.5, "mae_green": 0, "mae_blue": 2}
    grey = contracts.round_trip(ChannelMeanAbsoluteError(channels=1))
    grey.update_state(black[..., :1], other[..., :1])
    assert {k: float(v) for k, v in grey.result().items()} == {"mae_0": 0.5}
    with pytest.raises(ValueError, match="3 channels"):
        metric.update_state(black[..., :1], other[..., :1])
    for channels in (0, 1.5):
        with pytest.raises(ValueError, match=f"channels={channels}"):
            ChannelMeanAbsoluteError(channels)


@pytest.mark.parametrize("kind", METRICS)
def test_metric_refuses_what_is_no_pair_of_images(kind):
    first, second = pixels()
    metric = kind()
    with pytest.raises(TypeError, match="y_pred.dtype=int64"):
        metric.update_state(first, second.astype("int64"))
    # One image for all would be broadcast.
    for bad in (second[:1], second[..., :1], second[:, :11], second[0]):
        with pytest.raises(ValueError, match="of the same shape"):
            metric.update_state(first, bad)
    with pytest.raises(ValueError, match="of the same shape"):
        metric.update_state(first[0], second[0])


def test_similarity_needs_its_window():
    small, other = pixels(size=10)
    with pytest.raises(ValueError, match="at least 11 pixels"):
        StructuralSimilarity().update_state(small, other)
    metric = StructuralSimilarity()
    metric.update_state(*pixels(size=11))
    assert 0 < float(metric.result()) < 1


def test_sixteen_bits_are_computed_in_thirty_two():
    first, second = (to_floats(images) for images in pixels())
    for dtype, tolerance in (("float16", 2e-3), ("bfloat16", 2e-2)):
        for kind in METRICS:
            metric = kind()
            metric.update_state(first, tf.cast(second, dtype))
            exact = kind()
            exact.update_state(first, second)
            assert {variable.dtype for variable in metric.variables} == {"float32"}
            np.testing.assert_allclose(value_of(metric), value_of(exact), tolerance)
