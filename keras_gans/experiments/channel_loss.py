"""The channel-compensated L1 study: does it beat plain L1 in colouring line art?

It trains a colorizer with plain L1 and with L1 that weighs each colour channel by its
error (`losses.ChannelCompensatedL1`), on the same batches. From time to time it colours
illustrations that are held out, one half unaided and the other after hints, and
measures plain L1 whatever the training is with. It writes the paper's table 1:

    L1 and FID   of checkpoints of the two runs whose L1 is equal
    mean slope   of the validation error early in training, relative to plain L1's,
                 which is so -1 by construction (or 1, where the error grows)

and beside it the reduction of the error over the whole training (the paper's 8 %), the
errors of the channels, and how well hints are obeyed; the error over training is the
paper's figure 2.
"""

import dataclasses
from typing import Literal

from keras_gans.experiments.lazily import callbacks, data, keras, losses, metrics, np
from keras_gans.experiments.lazily import presets, runs, tables
from keras_gans.experiments.study import Study, fields, study
from keras_gans.files import write_csv

# The paper's table 1, and the mean reduction of the validation error.
PAPER = {
    "l1": {"compensated": 0.17352, "plain": 0.17346},
    "fid": {"compensated": 307.87, "plain": 351.02},
    "slope": {"compensated": -1.3, "plain": -1.0},
}
PAPER_REDUCTION = 8.0
# Part of the training in which the slope is measured, and that in which checkpoints of
# equal L1 are looked for: the first and the last.
EARLY, LATE = 0.25, 0.5
# Two checkpoints are of equal L1 if it differs by no more than this share.
EQUAL = 0.01
PICTURES = 8


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs of a study have in common.

    Args:
        data: Source of the illustrations, as for `keras_gans.data.load_images`.
        size: Height and width of the images, a multiple of 8, at least 24.
        width: Filters of the first convolution of both networks.
        normalization: Of both networks, `"batch"` or `"instance"`.
        steps: Training iterations of every run.
        batch_size: Images in a batch. Defaults to 4, the paper's.
        scores: How many times a run is scored while it trains.
        test_share: Share of the images that is held out, of sources without test split.
        feature_network: Network of the FID, as for `keras_gans.metrics.FeatureNetwork`,
            or `None` for no FID.
        feature_size: Height and width to which that network's images are resized, or
            `None` for its own.
    """

    data: str = "drawings"
    size: int = 64
    width: int = 64
    normalization: Literal["batch", "instance"] = "batch"
    steps: int = 10_000
    batch_size: int = 4
    scores: int = 20
    test_share: float = 0.1
    feature_network: str | None = "inception_v3"
    feature_size: int | None = None


class Illustrations:
    """Illustrations to train on and to score with, and the features of the FID.

    Attributes:
        train: uint8 training images, with room for a random crop.
        held_out: uint8 images of `setting.size` that are scored with.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        # The room for the crop that pix2pix leaves, 286 for 256.
        load_size = round(setting.size * 286 / 256)
        self.train, _, self.held_out = runs.load_split(
            setting.data, load_size, setting.size, setting.test_share, "data"
        )
        self._source, self._target = metrics.colorization_pairs(self.held_out)
        line_art, colors, mask = self._source
        # As in training, half of the images are without hints.
        aided = (np.arange(len(mask)) % 2).astype("float32")[:, None, None, None]
        self._validation = line_art, aided * colors, aided * mask
        self.record = {"training_images": len(self.train)}
        self.record["held_out_images"] = len(self.held_out)
        self._features_of, network = None, setting.feature_network
        if network is not None:
            network = metrics.FeatureNetwork(network, size=setting.feature_size)
            self._features_of = runs.Features(network, self.held_out)
            self.record |= self._features_of.record

    def validate(self, model):
        """Returns L1, and FID if there is a network, while a model trains."""
        colored = metrics.colorize_batches(model, self._validation)
        scores = {"l1": float(np.abs(colored - self._target).mean(dtype="float64"))}
        if self._features_of is not None:
            scores["fid"] = runs.study_frechet_distance(
                self._features_of.real, self._features_of(metrics.to_pixels(colored))
            )
        return scores

    def picture(self, model):
        source = tuple(part[:PICTURES] for part in self._source)
        return callbacks.colorization_grid(model, source, self._target[:PICTURES])


def compare(compensated, plain, steps):
    """Compares the validation of two runs that differ in their loss alone.

    Args:
        compensated: List of dicts with `iteration`, `l1` and perhaps `fid`, of the run
            with compensated L1.
        plain: The same of the run with plain L1, at the same iterations.
        steps: Positive integer, the length of both.

    Returns:
        A dict of floats: `reduction`, the mean over training of how many per cent lower
        the error of the compensated run is; `slope_compensated` and `slope_plain`, of
        straight lines through the errors of the first quarter of training, and relative
        to the size of the latter; `pairs`, how many checkpoints of the second half of
        the compensated run have one of equal L1 there in the plain run, and the means
        over these pairs `matched_l1_compensated`, `matched_l1_plain`,
        `matched_fid_compensated` and `matched_fid_plain`. What cannot be told is NaN.
    """
    curves = {"compensated": compensated, "plain": plain}
    errors = [np.array([row["l1"] for row in rows]) for rows in curves.values()]
    result = {"reduction": float(100 * (1 - errors[0] / errors[1]).mean())}

    slopes = {}
    for name, rows in curves.items():
        points = [(row["iteration"], row["l1"]) for row in rows]
        early = [point for point in points if point[0] <= EARLY * steps]
        slopes[name] = np.polyfit(*zip(*early), 1)[0] if len(early) > 1 else np.nan
    for name, slope in slopes.items():
        result[f"slope_{name}"] = float(slope / abs(slopes["plain"]))

    ours, others = (
        [row for row in rows if row["iteration"] > LATE * steps]
        for rows in curves.values()
    )
    pairs = []
    for row in ours:
        other = min(others, key=lambda other: abs(other["l1"] - row["l1"]))
        if abs(other["l1"] - row["l1"]) <= EQUAL * other["l1"]:
            pairs.append((row, other))
    result["pairs"] = len(pairs)
    for key in ("l1", "fid"):
        for index, name in enumerate(curves):
            values = [pair[index].get(key, np.nan) for pair in pairs]
            mean = float(np.mean(values)) if values else np.nan
            result[f"matched_{key}_{name}"] = mean
    return result


def _slope_title(results, setting):
    early = [
        row["iteration"] <= EARLY * setting["steps"] for row in results[0]["validation"]
    ]
    return (
        f"mean slope early in training, a line through {sum(early)} points, in units "
        "of plain L1's"
    )


def _claims(comparisons):
    """Yields the paper's claims, as `tables.claims_paragraphs` wants them."""

    def values(name):
        return [row[name] for row in comparisons if np.isfinite(row[name])]

    yield "less validation error, in %", values("reduction"), ".2f", ">", 0.0
    for claim, key in (
        ("a lower FID at equal L1", "matched_fid"),
        ("a steeper slope", "slope"),
    ):
        yield claim, values(f"{key}_compensated"), ".2f", "<", values(f"{key}_plain")


@study("channels")
class ChannelLoss(Study):
    """Channel-compensated L1 against plain L1 in colouring line art."""

    variants = {"compensated": "compensated L1", "plain": "plain L1"}
    setting = Setting
    # Without a download, and so without FID.
    quick = Setting(width=16, steps=400, scores=8, feature_network=None)
    seeds = 3

    def make_domains(self, setting):
        return Illustrations(setting)

    def build(self, variant, seed, setting, illustrations):
        loss = keras.losses.MeanAbsoluteError
        if variant == "compensated":
            loss = losses.ChannelCompensatedL1
        return presets.colorizer(
            **fields(setting, "size", "width", "normalization"),
            # The paper's U-Net, as far as it is described.
            hint_pooling=False,
            reconstruction_loss=loss(),
            seed=seed,
        )

    def run(self, variant, seed, setting, illustrations, path):
        """Leaves `scores.csv`, `history.csv`, `colored.png` and `model.keras` in the
        folder."""
        model = self.build(variant, seed, setting, illustrations)
        dataset = data.colorization(
            illustrations.train,
            batch_size=setting.batch_size,
            size=setting.size,
            load_size=illustrations.train.shape[1:3],
            steps_per_epoch=setting.steps // runs.epochs_of(setting.steps),
            seed=seed,
        )
        rows = runs.fit(model, dataset, setting, illustrations.validate, path)
        runs.write_picture(path / "colored.png", illustrations.picture(model))
        model.save(path / "model.keras")
        return {
            "steps": model.iterations,
            "seconds_per_step": rows[-1]["seconds_per_step"],
            **metrics.colorization_scores(model, illustrations.held_out),
            "validation": [
                {key: row[key] for key in ("iteration", "l1", "fid") if key in row}
                for row in rows
            ],
        }

    def describe(self, result):
        return f"L1 {result['l1']:.4f}, {result['seconds_per_step']:.3f} s/step"

    def report(self, results, setting, illustrations):
        """Formats the paper's table 1, and the final errors."""
        fid = ""
        if "feature_network" in illustrations:
            features = tables.network_text(illustrations, " on the illustrations")
            fid = (
                " FID of the held-out images, coloured, from themselves in the "
                f"{features}; with fewer images than features it is only comparable "
                "within its line. The paper does not name the network of its FID."
            )
        comparisons = []
        for seed in sorted({row["seed"] for row in results}):
            # In the order of the variants, as the results are.
            pair = [row["validation"] for row in results if row["seed"] == seed]
            if len(pair) == 2:
                comparisons.append(compare(*pair, setting["steps"]))

        rows = []
        for title, key, form, paper_key, paper_form in (
            ("L1 of matched checkpoints", "matched_l1", ".4f", "l1", ".5f"),
            ("FID of these", "matched_fid", ".2f", "fid", ".2f"),
            (_slope_title(results, setting), "slope", ".2f", "slope", ".1f"),
        ):
            cells = []
            for name in self.variants:
                values = [row[f"{key}_{name}"] for row in comparisons]
                cells.append(tables.cell(list(filter(np.isfinite, values)), form))
            paper = [f"{PAPER[paper_key][name]:{paper_form}}" for name in self.variants]
            rows.append([title, *cells, *paper])
        for title, column, form in (
            ("L1 at the end", "l1", ".4f"),
            ("L1, unaided", "unaided_l1", ".4f"),
            ("L1, after hints", "hinted_l1", ".4f"),
            ("L1, red", "l1_red", ".4f"),
            ("L1, green", "l1_green", ".4f"),
            ("L1, blue", "l1_blue", ".4f"),
            ("error under hints", "hint_error", ".4f"),
            ("the same places, unaided", "unaided_hint_error", ".4f"),
            ("seconds per step", "seconds_per_step", ".3f"),
        ):
            cells = tables.cells_of(results, self.variants, column, form)
            rows.append([title, *cells, "", ""])
        head = ["", "compensated L1", "plain L1", "paper, compensated", "paper, plain"]
        paragraphs = [tables.table(head, rows)]
        if comparisons:
            reductions = tables.cell([row["reduction"] for row in comparisons], ".2f")
            counts = ", ".join(str(row["pairs"]) for row in comparisons)
            points, start = results[0]["validation"], LATE * setting["steps"]
            late = [row for row in points if row["iteration"] > start]
            paragraphs.append(
                f"The validation L1 is {reductions} % lower with compensated L1, mean "
                f"over training (the paper: about {PAPER_REDUCTION:.0f} %). Of the "
                f"{len(late)} checkpoints in the second half of a compensated run, "
                f"{counts} have one of the plain run with an L1 equal to one per cent."
            )
            paragraphs += tables.claims_paragraphs(_claims(comparisons))
        text = (
            "{steps} steps of {batch_size} images of {size}x{size}, networks of width "
            "{width} with {normalization} normalization; mean ± deviation over "
            "{seeds}, both losses from the same weights and on the same batches; "
            "{training_images} training images, {held_out_images} held out. All errors "
            "are plain mean |differences| of values in [-1, 1] on held-out images, "
            "half of them without hints."
        )
        seeds = tables.seeds_text(results, self.variants)
        text = text.format(seeds=seeds, **(setting | illustrations))
        return [*paragraphs, text + fid]

    def draw_figures(self, directory, results):
        """Draws the validation of all runs, also as `curves.csv`."""
        rows = [
            {"variant": result["variant"], "seed": result["seed"], **row}
            for result in results
            for row in result["validation"]
        ]
        write_csv(directory / "curves.csv", rows)
        columns = ["l1"] + ["fid"] * ("fid" in results[0]["validation"][0])
        figure, (panels,) = tables.make_panels(len(columns))
        for axes, column in zip(panels, columns):
            iterations = [row["iteration"] for row in results[0]["validation"]]
            for name, title in self.trained(results).items():
                color = {"compensated": "C1", "plain": "C0"}[name]
                own = [run["validation"] for run in results if run["variant"] == name]
                curves = [[row[column] for row in rows] for rows in own]
                for curve in curves:
                    axes.plot(iterations, curve, color=color, linewidth=0.6, alpha=0.5)
                axes.plot(iterations, np.mean(curves, 0), color=color, label=title)
            title = {"l1": "validation L1", "fid": "validation FID"}[column]
            axes.set(title=title, xlabel="iteration")
        panels[0].legend()
        figure.savefig(directory / "figures" / "validation.png", dpi=100)
        tables.copy_pictures(directory, results, "colored.png")
