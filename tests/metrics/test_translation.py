"""Scores of a translation model against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from feature_helpers import (
    SIZE,
    X,
    Y,
    direct_double_sum,
    distance_by_scipy,
    make_network,
)

from keras_gans import metrics
from keras_gans.callbacks import EvaluateTranslation
from keras_gans.data import load_images
from keras_gans.export import load
from keras_gans.metrics import evaluate_translation
from keras_gans.models import CycleGAN
from keras_gans.pixels import to_floats


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def model():
    model = tiny_run.make_model()
    model.build_state(tiny_run.make_data().element_spec)
    return model


def translations(model, direction):
    """Returns translations and reconstructions, as pixels."""
    images = {"x": X, "y": Y}[direction[0]]
    translated = metrics.to_pixels(model(to_floats(images), direction=direction))
    restored = metrics.to_pixels(
        model(to_floats(translated), direction=direction[::-1])
    )
    return images, translated, restored


def test_scores_are_those_of_numpy(model, network):
    received = evaluate_translation(
        model,
        X,
        Y,
        [
            metrics.FrechetDistance(network),
            metrics.KernelDistance(network),
            metrics.PeakSignalToNoiseRatio(),
            metrics.ChannelMeanAbsoluteError(1, name="error"),
        ],
        batch_size=4,
        directions=("xy",),
    )
    x, fake_y, cycled_x = translations(model, "xy")
    features = network(Y).numpy(), network(fake_y).numpy()
    difference = np.float64(x) - np.float64(cycled_x)
    decibels = 10 * np.log10(255**2 / np.square(difference).mean((1, 2, 3)))
    expected = {
        "fid_tiny_xy": distance_by_scipy(*features),
        "kid_tiny_xy": direct_double_sum(*features),
        "psnr_x": decibels.mean(),
        "error_0_x": np.abs(difference).mean() / 127.5,
    }
    for name, short in (("fid_tiny_xy", "fid"), ("kid_tiny_xy", "kid")):
        expected[short] = expected[name]
    for name in ("psnr", "error_0"):
        expected[name] = expected[f"{name}_x"]
    spread = received.pop("kid_tiny_xy_spread")
    assert received == pytest.approx(expected, rel=1e-5)
    assert 0 < spread < 1
    assert all(type(value) is float for value in received.values())


def test_both_directions_and_their_means(model, network):
    both = [
        metrics.FrechetDistance(network),
        metrics.InceptionScore(make_network("classes")),
        metrics.MeanAbsoluteError(),
    ]
    scores = evaluate_translation(model, X, Y, both)
    assert [*scores] == [
        *("fid_tiny_xy", "inception_score_classes_xy", "mae_x"),
        *("fid_tiny_yx", "inception_score_classes_yx", "mae_y"),
        *("fid", "inception_score", "mae"),
    ]
    y, fake_x, cycled_y = translations(model, "yx")
    features = network(X).numpy(), network(fake_x).numpy()
    assert scores["fid_tiny_yx"] == pytest.approx(
        distance_by_scipy(*features), rel=1e-5
    )
    assert scores["fid_tiny_yx"] != pytest.approx(scores["fid_tiny_xy"], rel=1e-2)
    mae = np.abs(np.float64(y) - cycled_y).mean() / 127.5
    assert scores["mae_y"] == pytest.approx(mae, rel=1e-5)
    mean = (scores["mae_x"] + scores["mae_y"]) / 2
    assert scores["mae"] == pytest.approx(mean, rel=1e-6)
    # The same again, in other batches; the metrics were left as they came.
    assert both[0].reference is None and both[0].feature_network is network
    again = evaluate_translation(model, X, Y, both, batch_size=5)
    assert again == pytest.approx(scores, rel=1e-5)


def test_a_translator_gives_the_same_scores(model, network, tmp_path):
    model.save(tmp_path / "model.keras")
    translator = load(tmp_path / "model.keras")
    both = [metrics.FrechetDistance(network), metrics.PeakSignalToNoiseRatio()]
    scores = evaluate_translation(model, X, Y, both)
    received = evaluate_translation(translator, X, Y, both)
    assert received == pytest.approx(scores, rel=1e-4)


def test_references_take_the_place_of_the_images(model, network):
    others = tiny_run.images(20, 7, size=SIZE, channels=3)
    references = {"y": metrics.FeatureStatistics.of(others, network)}
    distance = [metrics.FrechetDistance(network)]
    scores = evaluate_translation(model, X, Y, distance, references=references)
    plain = evaluate_translation(model, X, Y, distance)
    features = network(others).numpy(), network(translations(model, "xy")[1]).numpy()
    assert scores["fid_tiny_xy"] == pytest.approx(
        distance_by_scipy(*features), rel=1e-5
    )
    assert scores["fid_tiny_yx"] == plain["fid_tiny_yx"]


def test_averaged_weights_are_scored():
    model = CycleGAN(
        tiny_run.make_generator(1, 3, name="generator_xy"),
        tiny_run.make_generator(3, 1, name="generator_yx"),
        tiny_run.make_discriminator(1, "discriminator_x", 2),
        tiny_run.make_discriminator(3, "discriminator_y", 2),
        ema_decay=0.9,
    )
    error = [metrics.MeanAbsoluteError()]
    before = evaluate_translation(model, X, Y, error)
    model.generator_xy.set_weights([w + 1 for w in model.generator_xy.get_weights()])
    assert evaluate_translation(model, X, Y, error) == before
    average = model.averaged_generator_xy
    average.set_weights([w + 1 for w in average.get_weights()])
    assert evaluate_translation(model, X, Y, error)["mae"] != before["mae"]


def test_sources_are_those_of_the_data(model, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=X[:4], x_test=tiny_run.images(6, 8, size=12))
    error = [metrics.MeanAbsoluteError()]
    scores = evaluate_translation(
        model, path, to_floats(Y), error, size=SIZE, channels=(1, 3)
    )
    test, _ = load_images(path, size=SIZE, split="test")
    assert len(test) == 6
    assert scores == evaluate_translation(model, test, Y, error)
    with pytest.raises(ValueError, match="Did you mean 'handwritten_digits'"):
        EvaluateTranslation("handwriten_digits", Y, error)


def test_a_model_that_is_not_finite_has_no_score(network):
    def broken(images, direction):
        return tf.repeat(images[..., :1], 3 if direction == "xy" else 1, -1) * np.nan

    with pytest.raises(ValueError, match="NaN or infinite"):
        evaluate_translation(broken, X, Y, [metrics.FrechetDistance(network)])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"metrics": []}, ValueError, "at least one metric"),
        ({"metrics": ["fid"]}, TypeError, "Keras metrics"),
        ({"every": 0}, ValueError, "`every`"),
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"directions": "xy"}, ValueError, "`directions`"),
        ({"directions": ("xx",)}, ValueError, "`directions`"),
        ({"directions": ("xy", "xy")}, ValueError, "`directions`"),
        ({"channels": 2}, ValueError, "`channels`"),
        ({"references": {"z": None}}, ValueError, "`references`"),
        ({"references": {"y": Y}}, TypeError, "`references\\['y'\\]`"),
    ],
)
def test_arguments_are_checked(arguments, error, message):
    arguments = {"metrics": [metrics.MeanAbsoluteError()], **arguments}
    with pytest.raises(error, match=message):
        EvaluateTranslation(X, Y, **arguments)


def test_names_must_differ(network):
    fid = metrics.FrechetDistance
    for pair, name in (
        ([fid(network), fid(network)], "fid"),
        # Of two networks there is no `val_fid`.
        ([fid(network), fid(make_network("other"))], "fid"),
        ([metrics.MeanAbsoluteError(), metrics.MeanAbsoluteError("mae_x")], "mae_x"),
    ):
        with pytest.raises(ValueError, match=rf"several scores \['{name}'\]"):
            EvaluateTranslation(X, Y, pair)
    EvaluateTranslation(X, Y, [fid(network), fid(make_network("other"), "second")])


def test_references_must_fit(network):
    distance = metrics.FrechetDistance(network)
    statistics = metrics.FeatureStatistics.of(Y, make_network(seed=2))
    with pytest.raises(ValueError, match=r"`references\['y'\]` must be from the same"):
        EvaluateTranslation(X, Y, [distance], references={"y": statistics})
    own = metrics.FeatureStatistics.of(Y, network)
    with pytest.raises(ValueError, match="metrics without `reference`"):
        EvaluateTranslation(X, Y, [metrics.FrechetDistance(network, reference=own)])
    with pytest.raises(ValueError, match="1 of y to compare with"):
        EvaluateTranslation(X, Y[:1], [distance])
    EvaluateTranslation(X, Y[:1], [distance], directions=("xy",), references={"y": own})
