"""The study of the GAN losses: verdicts, tables, its folder, and what it measures."""

import csv
import dataclasses
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import models, networks
from keras_gans.data import GaussianMixture
from keras_gans.experiments import gan_losses
from keras_gans.experiments.gan_losses import Claim, judge, probe_gradient, report

# Verdicts --------------------------------------------------------------------------


def rows(model, column, values, data="images"):
    return [
        {"data": data, "model": model, "seed": seed, column: value}
        for seed, value in enumerate(values)
    ]


def verdict(ours, other, relation="<"):
    results = rows("lsgan", "fid", ours) + rows("gan", "fid", other)
    # Other data, models and columns have no say.
    results += rows("lsgan", "fid", [-1e6], data="ring")
    results += rows("wgan", "fid", [-1e6]) + rows("lsgan", "kid", [1e6])
    claim = Claim("lsgan", "better", "images", "fid", relation, "gan")
    return judge(claim, results)


@pytest.mark.parametrize(
    "ours, other, expected",
    [
        ([1, 3], [4, 6], "confirmed"),
        ([4, 6], [1, 3], "opposite"),
        ([1, 3], [1.5, 3.5], "not seen"),
        ([1.5, 3.5], [1, 3], "not seen"),
        # The root mean square of the deviations 1.41 and 0 is 1.
        ([1, 3], [3.05, 3.05], "confirmed"),
        ([1, 3], [2.95, 2.95], "not seen"),
        ([1, 3], [0.95, 0.95], "opposite"),
        ([1, 3], [1.05, 1.05], "not seen"),
        # Of 4.24 and 5.66 it is 5.
        ([0, 6], [4.1, 12.1], "confirmed"),
        ([0, 6], [3.9, 11.9], "not seen"),
        ([2, 2], [2, 2], "not seen"),
    ],
)
def test_a_difference_counts_above_the_deviation_over_seeds(ours, other, expected):
    assert verdict(ours, other)[0] == expected
    # The same numbers with the opposite sign, for the opposite relation.
    mirrored = [[-value for value in values] for values in (ours, other)]
    assert verdict(*mirrored, relation=">")[0] == expected


def test_a_claim_can_be_about_a_number():
    claim = Claim("gan", "vanishing gradients", "images", "gradient_ratio", "<", 0.1)
    for values, expected in (
        ([0.01, 0.03], "confirmed"),
        ([0.4, 0.6], "opposite"),
        ([0.0, 0.19], "not seen"),
    ):
        result = judge(claim, rows("gan", "gradient_ratio", values))
        assert result[0] == expected
        np.testing.assert_array_equal(result[1], values)
        np.testing.assert_array_equal(result[2], [0.1])


@pytest.mark.parametrize("ours, other", [([], [1.0]), ([1.0], []), ([], [])])
def test_no_verdict_without_results(ours, other):
    assert verdict(ours, other) is None


def test_claims_name_models_data_and_columns_that_there_are():
    for claim in gan_losses.CLAIMS:
        assert claim.model in gan_losses.MODELS
        assert claim.data in gan_losses.DATA
        assert claim.column in gan_losses.COLUMNS
        assert claim.relation in ("<", ">")
        if isinstance(claim.reference, str):
            assert claim.reference in gan_losses.MODELS


# Report ----------------------------------------------------------------------------

RECORD = {
    "commands": ["keras-gans reproduce losses"],
    "keras": "3.15.1",
    "tensorflow": "2.21.0",
    "python": "3.11",
}


def make_results():
    """Two seeds of every model on each data; FID, say, 8 and 12 for the first model."""
    results = []
    for kind in gan_losses.DATA:
        for index, name in enumerate(gan_losses.MODELS):
            for seed, sign in enumerate((-1, 1)):
                row = {
                    "data": kind,
                    "model": name,
                    "seed": seed,
                    "updates": 7,
                    "finite": True,
                    "seconds": 30.0,
                    "seconds_per_update": 0.5,
                    "parameters": 1234,
                    "gradient_ratio": 0.25,
                    "loss_spread": 0.125,
                }
                if kind == "images":
                    row |= {"fid": 10 * (index + 1) + 2 * sign, "kid": 0.5}
                    row |= {"classes_produced": 9, "entropy_share": 0.75}
                    row |= {"real_fid": 1.25, "real_kid": 0.0625}
                    if name == "conditional_gan":
                        row["label_share"] = 0.875
                else:
                    row |= {"modes_covered": 6 + sign, "high_quality": 0.5}
                results.append(row)
    return results


def tables(text):
    """Returns a dict from each heading to its table, a list of dicts."""
    found = {}
    for section in text.split("### ")[1:]:
        lines = [line for line in section.splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
        assert {len(row) for row in cells} == {len(cells[0])}, "ragged table"
        found[section.splitlines()[0]] = [
            dict(zip(cells[0], row, strict=True)) for row in cells[2:]
        ]
    return found


def test_report_has_every_model_once_with_mean_and_deviation():
    found = tables(report(make_results(), RECORD))
    titles = [gan_losses.TITLES[name] for name in gan_losses.MODELS]
    for kind in gan_losses.DATA:
        assert [row["model"] for row in found[kind]] == titles
    for index, row in enumerate(found["images"]):
        assert row["FID"] == f"{10 * (index + 1)}.00 ± 2.83"
        assert row["KID"] == "0.500"  # No deviation, so none is written.
        assert row["label as asked"] == ("87.5%" if row["model"] == "CGAN" else "–")
    for kind in ("ring", "grid"):
        assert {row["modes"] for row in found[kind]} == {"6.0 ± 1.4"}
        assert "FID" not in found[kind][0]
    assert "modes" not in found["images"][0]


def test_report_judges_every_claim_once():
    results = make_results()
    found = tables(report(results, RECORD))["What the survey says"]
    assert [row["claim"] for row in found] == [
        claim.text for claim in gan_losses.CLAIMS
    ]
    # FID rises in the order of the models, by more than its deviation.
    order = list(gan_losses.MODELS)
    by_fid = [
        (claim, row)
        for claim, row in zip(gan_losses.CLAIMS, found, strict=True)
        if claim.column == "fid"
    ]
    assert by_fid
    for claim, row in by_fid:
        lower = order.index(claim.model) < order.index(claim.reference)
        assert row["verdict"] == ("confirmed" if lower else "opposite")
        assert row["its"] == f"{10 * (order.index(claim.model) + 1)}.00 ± 2.83"
        assert row["other"] == f"{10 * (order.index(claim.reference) + 1)}.00 ± 2.83"
        assert gan_losses.TITLES[claim.reference] in row["measured as"]


def test_report_says_how_it_was_made():
    text = report(make_results(), RECORD)
    assert "7 generator updates; mean ± deviation over seeds 0, 1." in text
    assert "FID 1.25, KID 0.062" in text  # Real images.
    # 2 seeds of all models on all data, half a minute each.
    minutes = len(gan_losses.MODELS) * len(gan_losses.DATA)
    assert f"{minutes} minutes" in text
    for value in keras.tree.flatten(RECORD):
        assert value in text


def test_report_of_a_part_has_no_empty_tables():
    results = [
        row
        for row in make_results()
        if row["data"] == "ring" and row["model"] == "began"
    ]
    found = tables(report(results, RECORD))
    assert set(found) == {"ring"}
    assert [row["model"] for row in found["ring"]] == ["BEGAN"]


# The study as a whole --------------------------------------------------------------

TINY = dataclasses.replace(
    gan_losses.QUICK,
    updates={"ring": 3, "grid": 3, "images": 2},
    seeds=1,
    width={"ring": 4, "grid": 4, "images": 4},
    probe_steps=1,
    classifier_steps=2,
    samples=80,
    batch_size={"ring": 8, "grid": 8, "images": 8},
)
MODELS = ["gan", "wgan"]


@pytest.fixture(scope="module")
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan_losses, "QUICK", TINY)
        yield


@pytest.fixture(scope="module")
def study(tiny, tmp_path_factory):
    """A folder with a finished study, and its results."""
    folder = tmp_path_factory.mktemp("study") / "losses"
    results = gan_losses.reproduce(
        folder, only=[*MODELS, "ring", "images"], quick=True, command="the command"
    )
    return folder, results


def contents(folder):
    """Bytes and times of the files of all runs."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.glob("runs/*/*/*"))
    }


def test_study_runs_every_model_on_every_data(study):
    folder, results = study
    jobs = [(kind, name, 0) for kind in ("ring", "images") for name in MODELS]
    assert [(row["data"], row["model"], row["seed"]) for row in results] == jobs
    for row in results:
        assert row["finite"] is True
        updates = TINY.updates[row["data"]]
        assert row["updates"] == updates
        assert row["batches"] == updates * (5 if row["model"] == "wgan" else 1)
        measured = ("gradient_ratio", "loss_spread", "seconds", "parameters")
        assert all(math.isfinite(row[name]) for name in measured), row
        scores = {"ring": "modes_covered high_quality", "images": "fid kid entropy"}
        assert set(scores[row["data"]].split()) <= set(row)


def test_study_writes_its_files(study):
    folder, results = study
    names = {path.relative_to(folder).as_posix() for path in folder.glob("*")}
    assert names == {
        "figures",
        "run.json",
        "runs",
        "setting.json",
        "table.csv",
        "table.md",
    }
    assert {path.name for path in folder.glob("figures/*")} == {
        f"{kind}_{what}.png"
        for kind in ("ring", "images")
        for what in ("losses", "samples")
    }
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [(row["data"], row["model"]) for row in table] == [
        (row["data"], row["model"]) for row in results
    ]
    for row, result in zip(table, results, strict=True):
        for name, value in result.items():
            assert row[name] == str(value)
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert set(tables(text)) == {"ring", "images", "What the survey says"}
    assert "`the command`" in text
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["commands"] == ["the command"]
    assert record["keras"] == keras.__version__


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
        assert losses[-1, 0] == TINY.updates["ring"]
        assert np.isfinite(losses).all()


def test_generator_loss_is_never_that_of_no_update(study):
    # Keras gives 0 for an average of nothing: an epoch of critic steps alone.
    folder, _ = study
    for path in folder.glob("runs/*/*/samples.npz"):
        with np.load(path) as file:
            assert (file["losses"][:, 2] != 0).all(), path.parent.name


def test_second_call_trains_nothing(study, monkeypatch):
    folder, results = study
    before = contents(folder)
    assert len(before) == 2 * len(results)
    table = (folder / "table.csv").read_bytes()
    monkeypatch.setattr(gan_losses, "run", None)  # Would fail if it was called.
    again = gan_losses.reproduce(folder, only=[*MODELS, "ring"], quick=True)
    assert again == results
    assert contents(folder) == before
    assert (folder / "table.csv").read_bytes() == table


def test_second_call_adds_what_is_missing(study):
    folder, results = study
    before = contents(folder)
    both = gan_losses.reproduce(folder, only=["gan", "ring"], seeds=2, quick=True)
    (new,) = [row for row in both if row not in results]
    assert [row for row in both if row is not new] == results
    assert (new["data"], new["model"], new["seed"]) == ("ring", "gan", 1)
    after = contents(folder)
    assert {path: after[path] for path in before} == before
    assert {path.parent.name for path in set(after) - set(before)} == {"gan-1"}
    text = (folder / "table.md").read_text(encoding="utf-8")
    # Only this model has a second seed on the ring.
    assert "over seeds 0, 1; of WGAN 0 alone." in text
    (old,) = [row for row in results if (row["data"], row["model"]) == ("ring", "gan")]
    spread = abs(old["gradient_ratio"] - new["gradient_ratio"]) / np.sqrt(2)
    assert spread > 0
    (row,) = [row for row in tables(text)["ring"] if row["model"] == "GAN"]
    cell = row["gradient, D optimal / start"]
    assert float(cell.split(" ± ")[1]) == pytest.approx(spread, rel=5e-3)


def test_another_setting_is_refused(study, tmp_path):
    folder, _ = study
    before = contents(folder)
    arguments = {"only": ["gan", "ring"]}
    with pytest.raises(ValueError, match="another setting"):
        gan_losses.reproduce(folder, quick=False, **arguments)
    with pytest.raises(ValueError, match="another setting"):
        gan_losses.reproduce(folder, data="street_digits", quick=True, **arguments)
    assert contents(folder) == before


def test_a_foreign_folder_is_refused(tiny, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(FileExistsError, match="no study"):
        gan_losses.reproduce(tmp_path, only=["gan", "ring"], quick=True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_unknown_name_is_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"--only.*lsgan.*Received: gann, rings$"):
        gan_losses.reproduce(
            tmp_path / "losses", only=["gan", "rings", "gann"], quick=True
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arrays, message",
    [
        (("x_train", "x_test"), "labels and test images"),
        (("x_train",), "x_test"),
    ],
)
def test_unfit_images_are_refused_and_leave_no_study(tiny, tmp_path, arrays, message):
    path = tmp_path / "unfit.npz"
    np.savez(path, **{name: np.zeros((20, 32, 32, 1), "uint8") for name in arrays})
    folder = tmp_path / "losses"
    with pytest.raises(ValueError, match=message):
        gan_losses.reproduce(folder, str(path), only=["gan", "images"], quick=True)
    # The setting of a study that never began would keep the right images out.
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize(
    "role, updates", [("discriminator", 3), ("generator", 1)], ids=["early", "last"]
)
def test_a_diverging_model_is_recorded_and_the_study_goes_on(
    tiny, tmp_path, monkeypatch, role, updates
):
    build = gan_losses.build

    def build_diverging(name, *arguments):
        model = build(name, *arguments)
        if name == "gan":
            optimizer = keras.optimizers.SGD(float("nan"))
            model.compile(**{f"{role}_optimizer": optimizer})
        return model

    setting = dataclasses.replace(TINY, updates={"ring": updates})
    monkeypatch.setattr(gan_losses, "QUICK", setting)
    monkeypatch.setattr(gan_losses, "build", build_diverging)
    results = gan_losses.reproduce(tmp_path, only=["gan", "lsgan", "ring"], quick=True)
    diverged, healthy = results
    assert (diverged["model"], diverged["finite"]) == ("gan", False)
    assert "modes_covered" not in diverged
    # It ends at once, not after all updates.
    assert diverged["updates"] == 1
    assert (healthy["model"], healthy["finite"]) == ("lsgan", True)
    assert healthy["updates"] == updates
    assert "modes_covered" in healthy
    row, _ = tables((tmp_path / "table.md").read_text(encoding="utf-8"))["ring"]
    assert (row["model"], row["modes"]) == ("GAN", "–")
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
