"""`keras-gans report`: one page that tells of runs, whatever their folders hold."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from keras_gans import cli
from keras_gans.files import write_csv, write_json
from keras_gans.presets import registry
from keras_gans.training import report

EVIL = '</script><img src=x onerror="document.title=1">'


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def make_run(folder, preset="wgan", pictures=3, epochs=2, scores=None, **record):
    """Writes the folder of a run as `keras-gans train` does."""
    (folder / "samples").mkdir(parents=True)
    configuration = {"preset": preset, "x": "digits", "y": None, "seed": 0}
    configuration |= record.pop("configuration", {})
    record = {"versions": {"keras_gans": "0.3.0"}, "state": "finished", **record}
    record |= {"configuration": configuration, "iterations": 100 * (pictures - 1)}
    write_json(folder / "run.json", record)
    for number in range(pictures):
        picture = np.full((8, 8, 3), number, "uint8")
        path = folder / "samples" / f"iteration_{100 * number:06d}.png"
        Image.fromarray(picture).save(path)
    if epochs:
        rows = [
            {"iteration": 10 * (k + 1), "epoch": k + 1, "generator_loss": 1 / (k + 1)}
            for k in range(epochs)
        ]
        write_csv(folder / "history.csv", rows)
    if scores:
        write_json(folder / "score.json", scores)
    return folder


def content(path):
    """Returns what the page was given to show."""
    found = re.findall(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def test_a_report_holds_all_there_is_to_a_run(tmp_path, capsys):
    folder = make_run(tmp_path / "run", scores={"fid": 3.25, "entropy": 1.5})
    assert cli.main(["report", str(folder)]) == 0
    assert "report.html" in capsys.readouterr().out
    (run,) = content(folder / "report.html")["runs"]
    assert run["name"] == "run" and run["preset"] == "wgan"
    assert [iteration for iteration, _ in run["pictures"]] == [0, 100, 200]
    assert all(uri.startswith("data:image/png;base64,") for _, uri in run["pictures"])
    assert run["history"] == {"generator_loss": [[10, 1.0], [20, 0.5]]}
    assert [row[:2] for row in run["scores"]] == [["fid", "3.25"], ["entropy", "1.5"]]
    assert run["configuration"]["x"] == "digits"
    assert run["versions"] == {"keras_gans": "0.3.0"} and not run["notes"]
    # Again, when the run has gone on.
    assert cli.main(["report", str(folder)]) == 0


def test_nothing_is_fetched_from_elsewhere(tmp_path):
    report.write_report([make_run(tmp_path / "run")], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    links = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)|url\(""", page)
    assert [link for link in links if not link.startswith("data:")] == []
    assert set(re.findall(r"https?://[^\s\"']*", page)) <= {
        "http://www.w3.org/2000/svg"  # A name, and no place.
    }


@pytest.mark.parametrize("preset", ["cyclegan", "pix2pix", "colorizer", "stargan"])
def test_every_task_and_runs_that_have_just_begun(tmp_path, preset):
    folder = make_run(tmp_path / "run", preset, 0, epochs=0, state="training")
    report.write_report([folder], tmp_path / "page.html")
    (run,) = content(tmp_path / "page.html")["runs"]
    assert run["shows"] and run["state"] == "training"
    assert not run["pictures"] and not run["history"] and not run["scores"]


def test_presets_of_others_are_not_executed(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("raise SystemExit('executed')")
    folder = make_run(tmp_path / "run", f"{path}:mine")
    report.write_report([folder], tmp_path / "page.html")
    assert path.name in content(tmp_path / "page.html")["runs"][0]["preset"]
    assert f"{path}:mine" not in registry.recipes()


def test_scores_of_both_directions(tmp_path):
    scores = {"xy": {"kept": 0.5, "floor": 0.1}, "yx": {"kept": 0.25}}
    folder = make_run(tmp_path / "run", "cyclegan", scores=scores)
    report.write_report([folder], tmp_path / "page.html")
    rows = content(tmp_path / "page.html")["runs"][0]["scores"]
    assert rows[0][:2] == ["X → Y, label kept", "50.0%"]
    assert rows[-1][:2] == ["Y → X, label kept", "25.0%"]


def test_what_files_say_stays_text(tmp_path):
    folder = make_run(tmp_path / "run", configuration={"x": EVIL}, command=EVIL)
    report.write_report([folder], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "onerror" in page and "<img src=x" not in page
    assert page.count("</script>") == 2
    assert content(tmp_path / "page.html")["runs"][0]["start"]["command"] == EVIL


def test_few_pictures_and_small_ones(tmp_path, monkeypatch):
    folder = make_run(tmp_path / "run", pictures=11)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), "uint8")
    for iteration in (200, 800, 1000):
        path = folder / "samples" / f"iteration_{iteration:06d}.png"
        Image.fromarray(noise).save(path)
    (folder / "samples" / "iteration_000500.png").write_bytes(b"\x89PNG cut short")
    monkeypatch.setattr(report, "MAX_BYTES", 60_000)
    notes = report.write_report([folder], tmp_path / "page.html", max_pictures=5)
    pictures = content(tmp_path / "page.html")["runs"][0]["pictures"]
    assert [iteration for iteration, _ in pictures] == [0, 200, 800, 1000]
    assert pictures[-1][1].startswith("data:image/jpeg;base64,")
    assert sum(len(uri) for _, uri in pictures) < 60_000
    assert len(notes) == 3 and all(note.startswith("run: ") for note in notes)


def test_infinite_losses_and_long_histories(tmp_path):
    folder = make_run(tmp_path / "run", epochs=2500)
    with (folder / "history.csv").open("a") as file:
        file.write("99999,2501,nan\n")
    report.write_report([folder], tmp_path / "page.html")
    (run,) = content(tmp_path / "page.html")["runs"]
    assert len(run["history"]["generator_loss"]) == report.MAX_POINTS - 1
    assert run["notes"] == ["curves of 1000 of 2501 epochs"]


def test_several_runs_of_the_same_name(tmp_path):
    folders = [make_run(tmp_path / name / "run") for name in ("one", "two")]
    assert cli.main(["report", *map(str, folders)]) == 0
    runs = content(tmp_path / "report.html")["runs"]
    assert [run["name"] for run in runs] == ["one/run", "two/run"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing"], "is not the folder of a run"),
        (["run", "run"], "the same folder twice"),
        (["run", "--output", "."], "is a folder"),
        (["run", "--output", "run/run.json"], "is no report"),
        (["broken"], "does not describe a run"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path, capsys, arguments, message):
    make_run(tmp_path / "run")
    (make_run(tmp_path / "broken") / "run.json").write_text("[]")
    before = (tmp_path / "run" / "run.json").read_text()
    assert cli.main(["report", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert (tmp_path / "run" / "run.json").read_text() == before


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_the_page_draws_itself_from_the_disk(tmp_path):
    one = make_run(tmp_path / "one", scores={"fid": 3.25})
    two = make_run(tmp_path / "two", configuration={"x": EVIL, "seed": 7})
    report.write_report([one, two], tmp_path / "page.html")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom")
    done = subprocess.run(
        ["chromium", *flags, (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    page = done.stdout
    assert "<title>one, two: keras-gans report</title>" in page
    assert page.count('<img src="data:image/png') == 2
    assert 'aria-valuetext="iteration 200 of 200"' in page
    assert 'aria-label="generator loss: one from 1 to 0.5; two from 1 to 0.5"' in page
    assert "3.25" in page and '<img src="x"' not in page
    assert re.search(r'<tr class="differs"><th scope="row">seed</th>', page)
