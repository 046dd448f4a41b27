"""The documents: links lead somewhere, code is code, and the README stays short."""

import ast
import pathlib
import re

import nbformat
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
README_LINES = 150
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
DOCUMENTS = [
    path
    for pattern in ("*.md", "notebooks/**/*.md", "notebooks/*.ipynb", "tests/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(path):
    if path.suffix == ".md":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_every_link_leads_to_a_file():
    checked = 0
    for path in DOCUMENTS:
        for link in LINK.findall(CODE.sub("", text_of(path))):
            if re.match(r"https?://|data:|attachment:", link):
                continue
            name = link.split("#")[0]
            assert (path.parent / name).exists(), f"{path.relative_to(ROOT)}: {link}"
            checked += 1
    assert checked > 40


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "notebooks/examples.md"]
)
def test_python_in_the_documents_is_python(name):
    blocks = [
        code for kind, code in CODE.findall(text_of(ROOT / name)) if kind == "python"
    ]
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_the_readme_is_short_and_has_one_test_command():
    text = text_of(ROOT / "README.md")
    assert len(text.splitlines()) <= README_LINES
    assert text.count("<!-- test command -->\n```sh\n") == 1


def test_the_table_of_papers_is_in_order():
    table = text_of(ROOT / "README.md").split("## Papers")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert all(row.count("|") == 5 for row in rows)
    names = [row.split("|")[1].strip().casefold() for row in rows]
    assert names == sorted(names)
