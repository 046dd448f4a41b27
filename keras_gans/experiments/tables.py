"""Tables, sentences and curves that the reports of several studies have."""

import pathlib

import numpy as np
from matplotlib.figure import Figure

from keras_gans.experiments.study import result_path
from keras_gans.experiments.verdicts import RULE, deviation, verdict
from keras_gans.files import read_csv, write_atomically, write_text

# Feature networks whose distances keep their own unit, as FIDs are told.
INCEPTIONS = ("inception_v3", "tfgan_inception")


def table(head, rows, align=None):
    """Formats rows of cells as Markdown.

    `align` is a list, `":--"` or `"--:"` for each column; by default the first is
    aligned left and the others right.
    """
    align = align or [":--"] + ["--:"] * (len(head) - 1)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(align)}|", *lines[1:]])


def variants_table(results, titles, columns, key="variant", corner=""):
    """Formats a row for each variant in `titles`, with a cell for each column.

    `columns` are triples (title, column of a result, format), `key` is that of the
    variant in a result, and `corner` the title of the first column.
    """
    cells = [
        cells_of(results, titles, column, form, key) for _, column, form in columns
    ]
    head = [corner, *(title for title, *_ in columns)]
    return table(head, zip(titles.values(), *cells))


def cell(values, form):
    """Formats numbers as their mean ± `deviation`, or as a dash if there are none."""
    values = np.asarray(values, "float64")
    if not len(values):
        return "–"
    text = format(values.mean(), form)
    if deviation(values) > 0:
        text += f" ± {format(deviation(values), form)}"
    return text


def cells_of(results, variants, column, form, key="variant"):
    """Returns a cell for each variant: its column, mean ± deviation over seeds."""
    return [cell(values_of(results, name, column, key), form) for name in variants]


def claims_paragraphs(claims):
    """Returns what was found of claims, by the rule of all studies, and that rule.

    Args:
        claims: Iterable of tuples (claim, values, format, `"<"` or `">"`, the values or
            the number that they are compared with). Those without values are left out.
    """
    rows = [
        [claim, f"{cell(ours, form)} against {cell(np.atleast_1d(other), form)}"]
        + [verdict(ours, relation, other)]
        for claim, ours, form, relation, other in claims
        if np.size(ours) and np.size(other)
    ]
    if not rows:
        return []
    return [table(["claim", "compared", "found"], rows, [":--"] * 3), RULE]


def values_of(results, variant, column, key="variant"):
    """Returns the values of a column that the results of a variant have."""
    return [row[column] for row in results if row[key] == variant and column in row]


def seeds_text(results, titles, key="variant"):
    """Says which seeds the results have, variant by variant where they differ."""
    seeds = {}
    for row in results:
        seeds.setdefault(row[key], []).append(row["seed"])
    most = max(seeds.values(), key=len)
    text = f"seeds {', '.join(map(str, most))}"
    for variant, own in seeds.items():
        if own != most:
            text += f"; of {titles[variant]} {', '.join(map(str, own))} alone"
    return text


def write(path, paragraphs, record):
    """Writes paragraphs, the last of them the commands and versions of a record."""
    commands = [f"`{command}`" for command in record["commands"]]
    versions = [
        f"{name} {record[name.lower()]}" for name in ("Keras", "TensorFlow", "Python")
    ]
    made = ", ".join(commands + versions)
    write_text(path, "\n\n".join([*paragraphs, f"{made}.\n"]))


def network_text(domains, of):
    """Says in which features distances are, by the `record` of `runs.Features`.

    `of` tells on which images the features' size was measured.
    """
    network = domains["feature_network"]
    unit = f" in units of their size{of}"
    if network in INCEPTIONS:
        # What published numbers are of is this network, and this resizing.
        is_published = (network, domains["resize"]) == ("tfgan_inception", "legacy")
        unit = "" if is_published else " (not to be compared with published numbers)"
    resized = (
        f"resized to {domains['feature_size']} ({domains['resize']})"
        if domains["resize"]
        else "not resized"
    )
    return f"{domains['feature_dim']} features of {network}{unit}, images {resized}"


def draw_scores(
    directory, study, results, panels, x="iteration", file="scores.csv", marker="."
):
    """Draws columns of a file of each run over training, a line for each run.

    `panels` are pairs of axes and column; `x` is the column of the horizontal axis.
    """
    names = list(study.variants)
    for row in results:
        name, seed = row["variant"], row["seed"]
        points = read_csv(result_path(directory, name, seed).with_name(file))
        for axes, column in panels:
            axes.plot(
                [point[x] for point in points],
                [point[column] for point in points],
                color=f"C{names.index(name)}",
                marker=marker,
                # One entry of the legend for all seeds.
                label=None if seed else study.variants[name],
            )


def make_panels(columns, rows=1, width=5, height=3.6, **options):
    """Returns a figure and the array of its axes, of shape `(rows, columns)`."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, **options)
    for axes in panels.ravel():
        axes.grid(alpha=0.3)
    return figure, panels


def copy_pictures(directory, results, name):
    """Copies a picture of the run with seed 0 of each variant to the figures."""
    path = pathlib.Path(name)
    for row in results:
        picture = result_path(directory, row["variant"], 0).parent / name
        if row["seed"] == 0 and picture.exists():
            target = f"{path.stem}_{row['variant']}{path.suffix}"
            write_atomically(directory / "figures" / target, picture.read_bytes())
