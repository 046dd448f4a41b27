"""The loss table of the lab, and the history of all epochs with its curves."""

import csv
import types

import numpy as np
import pytest
from PIL import Image

from keras_gans.callbacks import LossHistory, LossTable, plot_losses


def run(callback, first, last, steps_per_epoch=10, stride=1, end=True):
    """Drives a callback as `fit` does, from iteration `first` on, with known losses."""
    model = types.SimpleNamespace(iterations=first)
    model.skipped_batches = first % steps_per_epoch
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(first // steps_per_epoch)
    while model.iterations < last:
        model.iterations = min(model.iterations + stride, last)
        logs = losses(model.iterations)
        callback.on_train_batch_end(0, logs)
        if model.iterations % steps_per_epoch == 0 or model.iterations == last:
            callback.on_epoch_end((model.iterations - 1) // steps_per_epoch, logs)
    if end:
        callback.on_train_end()


def losses(iteration):
    # Numbers whose decimal digits do not end.
    return {
        "generator_loss": np.float32(iteration / 3),
        "discriminator_loss": np.float32(iteration / 7),
        "cycle_loss": np.float32(iteration / 9),
    }


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# Table -----------------------------------------------------------------------------


def test_table_has_the_iterations_of_the_lab(tmp_path):
    run(LossTable(tmp_path), 0, 3000)
    reported = [int(row["iteration"]) for row in rows(tmp_path / "table.csv")]
    assert reported == [100, 200, 500, 1000, 2000, 3000]


def test_table_has_chosen_iterations_and_the_end(tmp_path):
    run(LossTable(tmp_path, iterations=[2, 5]), 0, 7)
    assert rows(tmp_path / "table.csv") == [
        {
            "iteration": str(iteration),
            "Loss_D": str(float(np.float32(iteration / 7))),
            "Loss_G": str(float(np.float32(iteration / 3))),
            "Loss_C": str(float(np.float32(iteration / 9))),
        }
        for iteration in (2, 5, 7)
    ]


def test_markdown_equals_csv(tmp_path):
    run(LossTable(tmp_path / "new", iterations=[2, 5]), 0, 7)
    lines = (tmp_path / "new" / "table.md").read_text().splitlines()
    assert lines[0] == "| Iteration | Loss_D | Loss_G | Loss_C |"
    assert lines[1] == "|---:|---:|---:|---:|"
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]
    content = rows(tmp_path / "new" / "table.csv")
    assert len(cells) == len(content) == 3
    for row, (iteration, *values) in zip(content, cells, strict=True):
        assert row["iteration"] == iteration
        expected = [float(row[name]) for name in ("Loss_D", "Loss_G", "Loss_C")]
        np.testing.assert_allclose(list(map(float, values)), expected, atol=5e-5)


def test_iterations_between_two_calls_are_not_missed(tmp_path):
    # `steps_per_execution=4`: the fifth iteration is seen at the eighth.
    run(LossTable(tmp_path, iterations=[5]), 0, 12, stride=4)
    assert [row["iteration"] for row in rows(tmp_path / "table.csv")] == ["8", "12"]


@pytest.mark.parametrize("restored", [3, 5, 6])
def test_resumed_table_is_that_of_one_run(tmp_path, restored):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(LossTable(whole, iterations=[2, 5, 6, 8]), 0, 9)
    run(LossTable(broken, iterations=[2, 5, 6, 8]), 0, 7, end=False)
    # Rows of iterations after the checkpoint are made again, and once only.
    run(LossTable(broken, iterations=[2, 5, 6, 8]), restored, 9)
    for name in ("table.csv", "table.md"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()


def test_new_run_drops_an_old_table(tmp_path):
    run(LossTable(tmp_path, iterations=[2]), 0, 4)
    run(LossTable(tmp_path, iterations=[3]), 0, 3)
    assert [row["iteration"] for row in rows(tmp_path / "table.csv")] == ["3"]


@pytest.mark.parametrize("iteration", [0, 9])
def test_nothing_is_written_where_nothing_was_trained(tmp_path, iteration):
    run(LossTable(tmp_path), iteration, iteration)
    assert not list(tmp_path.iterdir())


def run_logs(callback, logs, first=0):
    """Drives a callback with a list of pairs of iteration and logs, one per batch."""
    model = types.SimpleNamespace(iterations=first)
    callback.set_model(model)
    callback.on_train_begin()
    for model.iterations, values in logs:
        callback.on_train_batch_end(0, values)
    callback.on_train_end()


def test_table_of_a_model_without_cycle_loss(tmp_path):
    logs = {"discriminator_loss": 0.5, "generator_loss": 1.25, "other": 7.0}
    run_logs(LossTable(tmp_path, iterations=[1]), [(1, logs), (2, logs)])
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "iteration,Loss_D,Loss_G",
        "1,0.5,1.25",
        "2,0.5,1.25",
    ]
    assert (tmp_path / "table.md").read_text() == (
        "| Iteration | Loss_D | Loss_G |\n"
        "|---:|---:|---:|\n"
        "| 1 | 0.5000 | 1.2500 |\n"
        "| 2 | 0.5000 | 1.2500 |\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "table.md"}


def test_table_of_began(tmp_path):
    logs = {
        "convergence": 0.25,
        "k": 0.0,
        "discriminator_loss": 0.5,
        "generator_loss": 1.0,
    }
    run_logs(LossTable(tmp_path), [(1, logs)])
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0] == "| Iteration | Loss_D | Loss_G | k | M |"
    assert lines[2] == "| 1 | 0.5000 | 1.0000 | 0.0000 | 0.2500 |"


def test_value_that_is_not_logged_yet_is_left_out(tmp_path):
    logs = [
        (1, {"discriminator_loss": 0.5}),
        (2, {"discriminator_loss": 0.25, "generator_loss": 1.0}),
    ]
    run_logs(LossTable(tmp_path, iterations=[1]), logs)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2:] == ["| 1 | 0.5000 |  |", "| 2 | 0.2500 | 1.0000 |"]
    # A resumed run reads the gap again.
    run_logs(LossTable(tmp_path), [(3, {"discriminator_loss": 0.125})], first=2)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[2:] == [
        "| 1 | 0.5000 |  |",
        "| 2 | 0.2500 | 1.0000 |",
        "| 3 | 0.1250 |  |",
    ]


def test_critic_steps_are_not_iterations(tmp_path):
    # Three batches for each update of the generator; a new epoch begins after the
    # second, in which there is no loss of the generator yet.
    logs = [
        (number // 3, {"discriminator_loss": float(number), "generator_loss": 8.0})
        for number in range(1, 7)
    ]
    logs.append((2, {"discriminator_loss": 99.0, "generator_loss": 0.0}))
    run_logs(LossTable(tmp_path, iterations=[1]), logs)
    assert rows(tmp_path / "table.csv") == [
        {"iteration": "1", "Loss_D": "3.0", "Loss_G": "8.0"},
        {"iteration": "2", "Loss_D": "6.0", "Loss_G": "8.0"},
    ]


def test_no_iteration_no_table(tmp_path):
    run_logs(LossTable(tmp_path), [(0, {"discriminator_loss": 1.0})])
    assert not list(tmp_path.iterdir())


# History ---------------------------------------------------------------------------


def test_history_has_a_row_for_each_epoch(tmp_path):
    run(LossHistory(tmp_path), 0, 30)
    content = rows(tmp_path / "history.csv")
    assert [(row["iteration"], row["epoch"]) for row in content] == [
        ("10", "1"),
        ("20", "2"),
        ("30", "3"),
    ]
    for row in content:
        expected = losses(int(row["iteration"]))
        # Exactly, not rounded.
        assert {name: np.float32(row[name]) for name in expected} == expected
    with Image.open(tmp_path / "figures" / "losses.png") as picture:
        assert picture.size == (1200, 320)
        assert len(picture.convert("RGB").getcolors(10**6)) > 2


@pytest.mark.parametrize("restored", [10, 13, 20])
def test_resumed_history_is_that_of_one_run(tmp_path, restored):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(LossHistory(whole), 0, 40)
    run(LossHistory(broken), 0, 20, end=False)
    run(LossHistory(broken), restored, 40)
    assert (broken / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()


def test_epoch_that_a_longer_run_goes_on_with_is_one_row(tmp_path):
    run(LossHistory(tmp_path), 0, 15)
    assert [row["epoch"] for row in rows(tmp_path / "history.csv")] == ["1", "2"]
    run(LossHistory(tmp_path), 15, 30)
    content = rows(tmp_path / "history.csv")
    assert [row["iteration"] for row in content] == ["10", "20", "30"]


def test_values_may_come_later(tmp_path):
    # Validation every second epoch, say.
    history = LossHistory(tmp_path)
    history.set_model(types.SimpleNamespace(iterations=0))
    history.on_train_begin()
    history.on_epoch_end(0, {"a_loss": 1.0})
    history.on_epoch_end(1, {"a_loss": 2.0, "val_a_loss": 3.0})
    history.on_train_end()
    assert [row["val_a_loss"] for row in rows(tmp_path / "history.csv")] == ["", "3.0"]


def test_no_epoch_no_files(tmp_path):
    run(LossHistory(tmp_path), 0, 0)
    assert not (tmp_path / "history.csv").exists()
    assert not (tmp_path / "figures" / "losses.png").exists()


def test_curves_show_the_rows():
    table = [{"iteration": i, "epoch": 1, **losses(i)} for i in (10, 20, 40)]
    figure = plot_losses(table)
    assert [axes.get_title() for axes in figure.axes] == [
        "generator loss",
        "discriminator loss",
        "cycle loss",
    ]
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), [10, 20, 40])
    np.testing.assert_allclose(line.get_ydata(), np.array([10, 20, 40]) / 3, rtol=1e-6)


def test_curves_of_other_values():
    # The loss of the generator comes with its first update.
    table = [
        {"iteration": 0, "epoch": 1, "discriminator_loss": 1.0, "k": 0.0},
        {"iteration": 4, "epoch": 2, "discriminator_loss": 2.0, "k": 0.5},
    ]
    table[1] |= {"generator_loss": 3.0, "convergence": 0.25}
    table.append({"iteration": 8, "epoch": 3, "discriminator_loss": 4.0, "k": 0.75})
    figure = plot_losses(table)
    curves = {
        axes.get_title(): axes.lines[0].get_xydata().tolist() for axes in figure.axes
    }
    assert curves == {
        "discriminator loss": [[0, 1], [4, 2], [8, 4]],
        "k": [[0, 0], [4, 0.5], [8, 0.75]],
        "generator loss": [[4, 3]],
        "convergence": [[4, 0.25]],
    }
