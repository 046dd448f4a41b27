"""The study of the GAN losses: verdicts, tables, its folder, and what it measures."""

import dataclasses
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from study_helpers import read_rows, read_table

from keras_gans import models, networks
from keras_gans.data import GaussianMixture
from keras_gans.experiments import gan_losses, gan_monitor
from keras_gans.experiments.gan_losses import Claim, Setting, judge
from keras_gans.experiments.gan_monitor import probe_gradient

# Verdicts --------------------------------------------------------------------------


def rows(model, column, values, data="images"):
    return [
        {"data": data, "model": model, "seed": seed, column: value}
        for seed, value in enumerate(values)
    ]


def test_a_claim_can_be_about_a_number():
    claim = Claim("gan", "vanishing gradients", "images", "gradient_ratio", "<", 0.1)
    for values, expected in (
        ([0.01, 0.03, 0.02], "confirmed"),
        ([0.4, 0.6, 0.5], "opposite"),
        ([0.0, 0.19, 0.1], "not seen"),
        ([0.01, 0.03], "not seen"),
    ):
        result = judge(claim, rows("gan", "gradient_ratio", values))
        assert result[0] == expected
        np.testing.assert_array_equal(result[1], values)
        np.testing.assert_array_equal(result[2], [0.1])
    assert judge(claim, []) is None
    claim = claim._replace(reference="wgan")
    assert judge(claim, rows("gan", "gradient_ratio", [1.0])) is None


def test_claims_name_models_data_and_columns_that_there_are():
    for claim in gan_losses.CLAIMS:
        assert claim.model in gan_losses.MODELS
        assert claim.data in gan_losses.DATA
        assert claim.column in gan_losses.COLUMNS
        assert claim.relation in ("<", ">")
        if isinstance(claim.reference, str):
            assert claim.reference in gan_losses.MODELS


# The study as a whole --------------------------------------------------------------

MODELS = ["gan", "wgan"]
# What `probe_gradient` measures.
GRADIENTS = "gradient_start", "gradient_optimum", "gradient_ratio"
TINY = Setting(
    point_updates=3,
    image_updates=2,
    point_width=4,
    image_width=4,
    point_batch_size=8,
    image_batch_size=8,
    probe_steps=1,
    classifier_steps=2,
    samples=80,
)
STUDY = gan_losses.GANLosses()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a finished study, and its results."""
    folder = tmp_path_factory.mktemp("study") / "losses"
    results = STUDY.reproduce(
        folder, TINY, only=[*MODELS, "ring", "images"], seeds=1, command="the command"
    )
    return folder, results


@pytest.mark.slow
def test_study_runs_every_model_on_every_data(study):
    folder, results = study
    jobs = [(kind, name, 0) for kind in ("ring", "images") for name in MODELS]
    assert [(row["data"], row["model"], row["seed"]) for row in results] == jobs
    for row in results:
        assert row["finite"] is True
        updates = TINY.of("updates", row["data"])
        assert row["updates"] == updates
        assert row["batches"] == updates * (5 if row["model"] == "wgan" else 1)
        measured = ("gradient_ratio", "loss_spread", "seconds", "parameters")
        assert all(math.isfinite(row[name]) for name in measured), row
        scores = {"ring": "modes_covered high_quality", "images": "fid kid entropy"}
        assert set(scores[row["data"]].split()) <= set(row)


@pytest.mark.slow
def test_study_writes_its_files(study):
    folder, results = study
    assert {path.name for path in folder.glob("figures/*")} == {
        f"{kind}_{what}.png"
        for kind in ("ring", "images")
        for what in ("losses", "samples")
    }
    table = read_rows(folder / "table.csv")
    assert [(row["data"], row["model"]) for row in table] == [
        (row["data"], row["model"]) for row in results
    ]
    for row, result in zip(table, results, strict=True):
        for name, value in result.items():
            assert row[name] == str(value)
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert re.findall("### (.*)", text) == ["ring", "images", "What the survey says"]
    assert "`the command`" in text


@pytest.mark.slow
def test_study_keeps_samples_over_time(study):
    folder, _ = study
    for name in MODELS:
        with np.load(folder / "runs" / "ring" / f"{name}-0" / "samples.npz") as file:
            kept = dict(file)
        losses = kept.pop("losses")
        assert set(kept) == {str(i) for i in range(len(gan_losses.SNAPSHOTS))}
        first, last = kept["0"], kept[str(len(kept) - 1)]
        assert first.shape[1:] == (2,)
        assert (first != last).any()
        assert losses.shape[1] == 3
        assert losses[-1, 0] == TINY.point_updates
        assert np.isfinite(losses).all()


@pytest.mark.slow
def test_generator_loss_is_never_that_of_no_update(study):
    # Keras gives 0 for an average of nothing: an epoch of critic steps alone.
    folder, _ = study
    for path in folder.glob("runs/*/*/samples.npz"):
        with np.load(path) as file:
            assert (file["losses"][:, 2] != 0).all(), path.parent.name


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"--only.*lsgan.*Received: gann, rings$"):
        STUDY.reproduce(tmp_path / "losses", TINY, only=["gan", "rings", "gann"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arrays, message",
    [(("x_train", "x_test"), "labels and test images"), (("x_train",), "x_test")],
)
def test_unfit_images_are_refused_and_leave_no_study(tmp_path, arrays, message):
    path = tmp_path / "unfit.npz"
    np.savez(path, **{name: np.zeros((20, 32, 32, 1), "uint8") for name in arrays})
    folder = tmp_path / "losses"
    with pytest.raises(ValueError, match=message):
        setting = dataclasses.replace(TINY, data=str(path))
        STUDY.reproduce(folder, setting, only=["gan", "images"])
    # The setting of a study that never began would keep the right images out.
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize(
    "role, updates",
    [
        pytest.param("discriminator", 3, id="early"),
        pytest.param("generator", 1, id="last", marks=pytest.mark.slow),
    ],
)
def test_a_diverging_model_is_recorded_and_the_study_goes_on(
    tmp_path, monkeypatch, role, updates
):
    build = STUDY.build

    def build_diverging(name, *arguments):
        model = build(name, *arguments)
        if name == "ring/gan":
            optimizer = keras.optimizers.SGD(float("nan"))
            model.compile(**{f"{role}_optimizer": optimizer})
        # For three updates tracing takes longer.
        model.run_eagerly = True
        return model

    def probe(model, data, steps):
        # What diverges does so here as well; other tests look at its numbers.
        value = 1.0 if len(probed) else float("nan")
        probed.append(steps)
        return dict.fromkeys(GRADIENTS, value)

    probed = []
    monkeypatch.setattr(gan_monitor, "probe_gradient", probe)
    setting = dataclasses.replace(TINY, point_updates=updates)
    monkeypatch.setattr(STUDY, "build", build_diverging)
    only = ["gan", "lsgan", "ring"]
    results = STUDY.reproduce(tmp_path, setting, only, seeds=1)
    assert probed == [setting.probe_steps] * 2
    diverged, healthy = results
    assert (diverged["model"], diverged["finite"]) == ("gan", False)
    assert "modes_covered" not in diverged
    # It ends at once, not after all updates.
    assert diverged["updates"] == 1
    assert (healthy["model"], healthy["finite"]) == ("lsgan", True)
    assert healthy["updates"] == updates
    assert "modes_covered" in healthy
    text = (tmp_path / "table.md").read_text(encoding="utf-8").partition("### What")[0]
    assert read_table(text)["GAN"]["modes"] == "–"
    assert (tmp_path / "figures" / "ring_samples.png").exists()


# The gradient of a generator whose discriminator has won ---------------------------


def probe(adversarial_loss, steps):
    """Real points far to the right of the generated ones: they can be told apart."""
    keras.utils.set_random_seed(0)
    model = models.GAN(
        generator=networks.mlp_generator(width=8, layers=1),
        discriminator=networks.mlp_discriminator(width=8, layers=1),
        seed=0,
    )
    model.compile(
        discriminator_optimizer=keras.optimizers.Adam(2e-2),
        adversarial_loss=adversarial_loss,
    )
    data = GaussianMixture([[5.0, 0.0]], 0.1).dataset(batch_size=32, steps_per_epoch=9)
    before = [
        [variable.numpy() for variable in network.variables]
        for network in (model.generator, model.discriminator)
    ]
    result = probe_gradient(model, data, steps)
    after = [
        [variable.numpy() for variable in network.variables]
        for network in (model.generator, model.discriminator)
    ]
    return model, result, before, after


def test_probe_trains_the_discriminator_alone():
    model, result, before, after = probe("minimax", 3)
    for old, new in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(old, new)
    assert any((old != new).any() for old, new in zip(before[1], after[1]))
    assert model.iterations == 0
    assert int(model.discriminator_optimizer.iterations) == 3
    assert {*result} == {*GRADIENTS}
    assert result["gradient_ratio"] == pytest.approx(
        result["gradient_optimum"] / result["gradient_start"]
    )


def test_minimax_gradient_vanishes_where_the_discriminator_wins():
    ratios = [probe("minimax", steps)[1]["gradient_ratio"] for steps in (5, 40, 160)]
    assert ratios[0] > 3 * ratios[1] > 9 * ratios[2]
    # What it was made against: the non-saturating loss keeps its gradient.
    assert probe("non_saturating", 160)[1]["gradient_ratio"] > 0.5


def test_probed_gradient_is_that_of_the_generator_s_loss():
    # A linear generator z -> W z + b before a linear discriminator with slopes v: the
    # minimax loss log(1 - σ(d)) has the gradient -σ(d) v zᵀ for W and -σ(d) v for b.
    latent, points = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(latent, keras.layers.Dense(2)(latent))
    discriminator = keras.Model(points, keras.layers.Dense(1)(points))
    model = models.GAN(generator, discriminator, seed=0)
    model.compile(
        discriminator_optimizer=keras.optimizers.SGD(0.0), adversarial_loss="minimax"
    )
    z = np.array([[1.0, 0.0], [0.5, -1.0], [-1.0, 2.0]], "float32")
    model.sample_latent = lambda count, seed=None: tf.constant(z)
    generator.set_weights([np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0.1, 0.3])])
    v = np.array([[0.5], [-2.0]])
    discriminator.set_weights([v, np.array([0.25])])
    data = tf.data.Dataset.from_tensors(np.ones((3, 2), "float32"))

    result = probe_gradient(model, data, 1)

    fake = z @ np.array([[1.0, 2.0], [0.5, -1.0]]) + np.array([0.1, 0.3])
    slope = -1 / (1 + np.exp(-(fake @ v + 0.25))) / 3  # For each sample of the mean.
    by_kernel = z.T @ (slope * v.T)
    by_bias = (slope * v.T).sum(0)
    norm = np.sqrt((by_kernel**2).sum() + (by_bias**2).sum())
    assert result["gradient_start"] == pytest.approx(norm, rel=1e-5)
    assert result["gradient_ratio"] == pytest.approx(1.0)
