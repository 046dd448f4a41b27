"""The notebooks: each runs with few steps, and each is committed with its outputs."""

import base64
import importlib.util
import io
import os
import pathlib
import re

import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MAXIMUM_BYTES = 3_000_000
# What the cell with the tag "parameters" says, and what it says here.
QUICK = {"ITERATIONS": "3", "BATCH_SIZE": "8", "WIDTH": "4", "CLASSIFIER_STEPS": "2"}
# Of these the few steps take less time than it takes to compile them, and still long.
MANY_MODELS = ("semantic_cyclegan",)
WITHOUT_TRACING = "import tensorflow; tensorflow.config.run_functions_eagerly(True)"
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:home|root|Users|tmp|work|workspace|mnt|opt|var|usr|private)/"
    r"|\b[A-Za-z]:\\\\?\w"
)


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


FIRST_CELL = code_cells(read(NOTEBOOKS[0]))[0].source


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def pictures(notebook):
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))
        for output in outputs(notebook)
        for kind, content in output.get("data", {}).items()
        if kind in ("image/png", "image/jpeg")
    ]


def texts(notebook):
    """All that a reader can see: sources, and outputs without the pictures' bytes."""
    yield from (cell.source for cell in notebook.cells)
    for output in outputs(notebook):
        yield output.get("text", "")
        for kind, content in output.get("data", {}).items():
            if not kind.startswith("image/"):
                yield content if isinstance(content, str) else str(content)


def make_quick(notebook):
    (parameters,) = (
        cell
        for cell in code_cells(notebook)
        if "parameters" in cell.metadata.get("tags", [])
    )
    names = set(re.findall(r"^(\w+) = ", parameters.source, flags=re.MULTILINE))
    assert "ITERATIONS" in names
    for name in names & set(QUICK):
        parameters.source = re.sub(
            rf"^{name} = .*$",
            f"{name} = {QUICK[name]}",
            parameters.source,
            flags=re.MULTILINE,
        )


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.slow
@each_notebook
def test_runs_with_few_steps(path, tmp_path, monkeypatch):
    notebook = read(path)
    make_quick(notebook)
    if path.stem in MANY_MODELS:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(WITHOUT_TRACING))
    # The kernel is the Python of this test, whichever others Jupyter knows, and it
    # imports the keras_gans of this test.
    write_kernel_spec(tmp_path / "jupyter" / "kernels" / "python3")
    package = pathlib.Path(importlib.util.find_spec("keras_gans").origin).parent
    python_path = [str(package.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, python_path)))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "work"
    folder.mkdir()

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        resources={"metadata": {"path": str(folder)}},
        # TensorFlow's start-up messages do not belong into the outputs.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    client.execute()

    assert not [output for output in outputs(notebook) if output.output_type == "error"]
    shown = pictures(notebook)
    assert len(shown) >= 3
    assert all(picture.std() > 1 for picture in shown), "a picture is blank"
    assert {entry.name for entry in folder.iterdir()} <= {"runs"}


@each_notebook
def test_is_committed_executed(path):
    notebook = read(path)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "execute all cells in order"
    kinds = {(output.output_type, output.get("name")) for output in outputs(notebook)}
    assert ("error", None) not in kinds
    assert ("stream", "stderr") not in kinds, "warnings or log lines in the outputs"
    shown = pictures(notebook)
    assert len(shown) >= 3
    assert all(picture.std() > 1 for picture in shown), "a picture is blank"


@each_notebook
def test_is_small_and_without_machine_paths(path):
    assert path.stat().st_size < MAXIMUM_BYTES
    for text in texts(read(path)):
        found = MACHINE_PATH.search(text)
        assert not found, text[max(0, found.start() - 40) : found.end() + 40]


class Shell:
    "What a cell calls for `%pip`: it notes the command, and runs nothing."

    def __init__(self):
        self.commands = []

    def run_line_magic(self, name, line):
        self.commands.append((name, line))


def run_first_cell(folder, monkeypatch, missing=()):
    """Runs the first code cell as if some packages were missing.

    Returns the commands for pip, and the names that the cell defines.
    """
    source = TransformerManager().transform_cell(FIRST_CELL)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in missing else find(name),
    )
    monkeypatch.chdir(folder)
    shell = Shell()
    names = {"get_ipython": lambda: shell}
    exec(source, names)
    return shell.commands, names


@each_notebook
def test_the_first_cell_is_the_same_everywhere(path):
    assert code_cells(read(path))[0].source == FIRST_CELL


def test_the_first_cell_does_nothing_where_all_is_there(monkeypatch):
    assert run_first_cell(FOLDER, monkeypatch)[0] == []


@pytest.mark.parametrize("missing", ["keras_gans", "tensorflow_gan"])
def test_the_first_cell_installs_the_checkout_around_it(monkeypatch, missing):
    commands, names = run_first_cell(FOLDER, monkeypatch, [missing])
    assert commands == [("pip", 'install --quiet "{found[0]}"')]
    assert names["found"][0] == FOLDER.parent


def test_the_first_cell_installs_a_clone_beside_it(tmp_path, monkeypatch):
    clone = tmp_path / "keras_gans"
    with pytest.raises(ModuleNotFoundError, match="Clone its git repository into this"):
        run_first_cell(tmp_path, monkeypatch, ["keras_gans"])
    (clone / "keras_gans").mkdir(parents=True)
    (clone / "keras_gans" / "version.py").touch()
    commands, names = run_first_cell(tmp_path, monkeypatch, ["keras_gans"])
    assert len(commands) == 1 and names["found"] == [clone]


def run_study_cell(monkeypatch, folder):
    """Runs the cell that shows the table of the study; returns what it shows."""
    (cell,) = (
        cell
        for cell in code_cells(read(FOLDER / "gan_loss_functions.ipynb"))
        if "study" in cell.metadata.get("tags", [])
    )
    shown = []
    names = {"display": shown.append, "print": shown.append, "Markdown": str}
    monkeypatch.chdir(folder)
    exec(cell.source, {"pathlib": pathlib, **names})
    return shown


def test_table_of_the_study_is_shown(monkeypatch, tmp_path):
    (hint,) = run_study_cell(monkeypatch, tmp_path)
    assert "keras-gans reproduce losses --output gan_losses" in hint
    (tmp_path / "gan_losses").mkdir()
    (tmp_path / "gan_losses" / "table.md").write_text("| GAN | ½ |", encoding="utf-8")
    assert run_study_cell(monkeypatch, tmp_path) == ["| GAN | ½ |"]


def test_table_of_the_study_is_the_one_beside_the_notebook(monkeypatch):
    (content,) = run_study_cell(monkeypatch, FOLDER)
    notebook = read(FOLDER / "gan_loss_functions.ipynb")
    assert any(content.strip() in text for text in texts(notebook)), "execute it again"
