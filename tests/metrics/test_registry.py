"""Metrics by name: what is registered, read by the command line, and made."""

import keras
import numpy as np
import pytest

from keras_gans import metrics
from keras_gans.cli import evaluate
from keras_gans.metrics import METRICS, load_feature_networks, make_metrics
from keras_gans.metrics.registry import Entry, metric


def test_the_command_line_reads_what_is_registered():
    read = {
        name: Entry(METRICS[name].kind, **properties)
        for name, properties in evaluate._registered_metrics().items()
    }
    assert read == METRICS
    assert {*METRICS} >= {"fid", "kid", "is", "psnr", "ssim", "mae"}


def test_metrics_are_made_by_name():
    pixels = keras.Input((2, 2, 3))
    model = keras.Model(pixels, keras.layers.Flatten()(pixels), name="flat")
    names = ["kid", "psnr", "fid", "is"]
    networks = load_feature_networks(names, model)
    assert {key: network.output for key, network in networks.items()} == {
        "features": "features",
        "logits": "logits",
    }
    reference = metrics.FeatureStatistics.of(
        np.zeros((3, 2, 2, 3), "uint8"), networks["features"]
    )
    made = make_metrics(names, networks, reference)
    assert [type(one) for one in made] == [METRICS[name].kind for name in names]
    assert [one.name for one in made] == [
        *("kid_flat", "psnr", "fid_flat", "inception_score_flat")
    ]
    assert made[0].reference is made[2].reference is reference
    # What needs no network loads none.
    assert load_feature_networks(["psnr", "mae"], "nowhere") == {}


def test_a_new_metric_is_made_like_the_others(monkeypatch):
    monkeypatch.setattr(metrics.registry, "METRICS", dict(METRICS))

    @metric("constant", paired=True, at_least=3, reason="it says so")
    class Constant(keras.metrics.Mean):
        pass

    (made,) = make_metrics(["constant"])
    assert type(made) is Constant
    assert "constant" not in METRICS


def test_mistakes_in_names_and_networks():
    with pytest.raises(ValueError, match="fid, .*'sim'. Did you mean 'ssim'"):
        make_metrics(["sim"])
    with pytest.raises(ValueError, match="'fid' needs a feature network"):
        make_metrics(["mae", "fid"])
