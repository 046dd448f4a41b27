"""What the tests of several studies need."""

import csv

import numpy as np


def run_eagerly(study, patch):
    """Lets models compute their few steps eagerly: tracing would take longer."""
    build = study.build

    def build_eager(*args, **kwargs):
        model = build(*args, **kwargs)
        model.run_eagerly = True
        return model

    patch.setattr(study, "build", build_eager)


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_table(text):
    """Reads the first table: a dict from the first cell of each row to the row."""
    first = text[text.index("|") :].partition("\n\n")[0]
    lines = first.splitlines()
    head, _, *rows = [[part.strip() for part in line.split("|")] for line in lines]
    assert len({row[1] for row in rows}) == len(rows)
    return {row[1]: dict(zip(head[2:-1], row[2:-1], strict=True)) for row in rows}


def start_alike(model, other):
    """Checks that the networks of two models have the same variables."""
    for name in model.network_names:
        one, two = getattr(model, name).variables, getattr(other, name).variables
        for value, expected in zip(one, two, strict=True):
            np.testing.assert_array_equal(value, expected)
