"""A semantic loss against label flipping: the digit lab with and without it.

Nothing in the losses of the CycleGAN lab says which 3 of one domain is which of the
other: generators that swap digits, and swap them back, please all of them. The study
`semantic_digits` trains the lab in three variants, from the same seeds and for the same
number of steps, and counts the digits that survive:

    plain            the lab as it is
    reconstruction   with a semantic loss between images and their reconstructions, as
                     the semantic CycleGAN has it
    translation      with a semantic loss between images and their translations

Digits that are swapped and swapped back cost the reconstruction nothing, so only the
translation's loss names the digit. It can because both domains show the same things.

The features are the logits of a digit classifier of both domains. The loss compares an
image with one of the other domain, so its features should tell digits and not domains.
With classifiers of 500 steps, two test images of different domains were at 0.91 of the
distance of different digits if they showed the same digit in the last convolution's
features, at 0.51 in 64 features before the logits, and at 0.40 in the logits.

The classifier is trained on the labels of the training images. So, unlike the lab, the
method needs labels, or a classifier, of both domains; the translation itself sees no
label. A generator can also learn to please one classifier. The classifiers that judge
are therefore others, one for each domain, from other seeds; the table shows beside them
what the classifier inside the loss believes.

The weight makes the semantic loss count as much as the cycle loss on pairs of different
images (`losses.balanced_weight`).
"""

import dataclasses

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_gans import presets
from keras_gans.callbacks import translation_grid
from keras_gans.callbacks.iteration_callback import Records, write_atomically
from keras_gans.data import load_images, unpaired
from keras_gans.data.images import encode_png
from keras_gans.data.sources import convert_channels
from keras_gans.experiments.study import (
    Scores,
    cell,
    epochs_of,
    fit,
    record_text,
    reproduce_variants,
    result_path,
    seeds_text,
    write_json,
)
from keras_gans.losses import SemanticVGGLoss, balanced_weight
from keras_gans.metrics import label_keeping, train_classifier

VARIANTS = ("plain", "reconstruction", "translation")
TITLES = {
    "plain": "plain",
    "reconstruction": "semantic, reconstruction",
    "translation": "semantic, translation",
}
# Which weight of the preset a variant sets.
WEIGHTS = {
    "reconstruction": "semantic_weight",
    "translation": "semantic_translation_weight",
}
# The seed of the classifiers that judge is that of `keras-gans train`.
JUDGE_SEED, EXTRACTOR_SEED = 0, 1


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs of a study have in common.

    Args:
        x: Source of X, as for `keras_gans.data.load_images`, with labels and a test
            split.
        y: Source of Y, likewise, with the same labels.
        size: Height and width of the images, a multiple of 8.
        width: Filters of the first convolution of every network; the lab's is 64.
        steps: Training iterations of every run.
        batch_size: Images of each domain in a batch.
        scores: How many times a run is scored while it trains.
        classifier_steps: Training steps of each classifier that judges. The one inside
            the loss learns both domains and has twice as many.
        semantic_weight: Positive float, or `None` for the balanced one.
    """

    x: str = "handwritten_digits"
    y: str = "street_digits"
    size: int = 32
    width: int = 32
    steps: int = 1000
    batch_size: int = 64
    scores: int = 5
    classifier_steps: int = 250
    semantic_weight: float | None = None

    @property
    def sources(self):
        return {"X": self.x, "Y": self.y}


# A minute or two on two cores, too short to learn anything.
QUICK = Setting(width=8, steps=40, batch_size=16, scores=2, classifier_steps=50)


def reproduce(directory, setting=None, only=None, seeds=1, command=""):
    """Runs the study, or what is missing of it, and writes tables and figures.

    A run that was interrupted goes on at its last checkpoint.

    Args:
        directory: Folder of the study.
        setting: A `Setting`. By default the lab at half its width.
        only: Optional list of variants to restrict the study to.
        seeds: Positive integer, the number of seeds.
        command: The command line, for the record.

    Returns:
        The list of all results, one dict for each variant and seed.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If `only` names something unknown, the folder holds a study of
            another setting, or a domain has no labels.
    """
    return reproduce_variants(
        directory,
        setting or Setting(),
        VARIANTS,
        only,
        seeds,
        command,
        _Domains,
        build,
        run,
        report,
        draw_figures,
    )


# Data and classifiers --------------------------------------------------------------


class _Domains:
    """Labelled images of both domains, and the classifiers.

    Args:
        setting: A `Setting`.

    Attributes:
        train: Dict from `"x"` and `"y"` to pairs (uint8 images, labels).
        test: The same of the test images.
        judges: Classifiers of X and of Y, which score.
        extractor: Classifier of both in 3 channels, whose logits are the features.
        extractors: The same for images of X and of Y, with the channels that they have.
        semantic_weight: Float, the weight of the semantic loss.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        self.train, self.test = {}, {}
        for domain in ("x", "y"):
            source = getattr(setting, domain)
            for split, pairs in (("train", self.train), ("test", self.test)):
                pairs[domain] = load_images(
                    source, setting.size, split=split, argument=domain
                )
                if pairs[domain][1] is None:
                    raise ValueError(
                        f"Argument `{domain}` must have labels, of training and test "
                        f"images. Received: {source!r}, which does not have them."
                    )
        print("Training the classifiers ...", flush=True)
        self.judges = [
            train_classifier(*pair, steps=setting.classifier_steps, seed=JUDGE_SEED)
            for pair in self.train.values()
        ]
        colored = [convert_channels(pair[0], 3) for pair in self.train.values()]
        self.extractor = train_classifier(
            np.concatenate(colored),
            np.concatenate([pair[1] for pair in self.train.values()]),
            steps=2 * setting.classifier_steps,
            seed=EXTRACTOR_SEED,
        )
        self.extractors = [
            _with_channels(self.extractor, pair[0].shape[-1])
            for pair in self.train.values()
        ]
        self.semantic_weight = setting.semantic_weight
        if self.semantic_weight is None:
            count = min(64, *(len(images) // 2 for images in colored))
            pairs = [
                images[start : start + count]
                for start in (0, count)
                for images in colored
            ]
            self.semantic_weight = balanced_weight(
                self.make_semantic_loss(),
                np.concatenate(pairs).astype("float32") / 127.5 - 1,
            )
        self.record = {
            "training_images": {
                name: len(pair[0]) for name, pair in self.train.items()
            },
            "test_images": {name: len(pair[0]) for name, pair in self.test.items()},
            "semantic_weight": self.semantic_weight,
        }

    def make_semantic_loss(self):
        return SemanticVGGLoss(feature_extractor=self.extractor)

    def score(self, model):
        """Returns what the judges say of a model, and what the extractor believes."""
        scores = {}
        for prefix, classifiers in (("", self.judges), ("extractor_", self.extractors)):
            kept = label_keeping(model, self.test["x"], self.test["y"], *classifiers)
            scores |= {
                f"{prefix}{direction}_{name}": value
                for direction, values in kept.items()
                for name, value in values.items()
                # Of the images alone, whoever judges.
                if not (prefix and name == "cycle_l1")
            }
        return scores


def _with_channels(classifier, channels):
    """Returns a classifier of colours as one of images with so many channels."""
    if channels == 3:
        return classifier
    images = keras.Input((*classifier.input_shape[1:3], channels))
    return keras.Model(images, classifier(keras.layers.Concatenate()([images] * 3)))


# One run ---------------------------------------------------------------------------


def run(name, seed, setting, domains, path):
    """Trains and scores one variant, from its last checkpoint if there is one.

    Args:
        name: One of `VARIANTS`.
        seed: Integer, the seed of weights and order.
        setting: A `Setting`.
        domains: Images and classifiers.
        path: Folder of the run: `result.json`, `scores.csv`, `history.csv` and
            `translations.png`.

    Returns:
        A line about the result.
    """
    model = build(name, seed, setting, domains)
    data = unpaired(
        domains.train["x"][0],
        domains.train["y"][0],
        batch_size=setting.batch_size,
        flip=False,
        steps_per_epoch=setting.steps // epochs_of(setting.steps),
        seed=seed,
    )
    scores = Scores(path / "scores.csv", domains.score, setting.steps, setting.scores)
    fit(model, data, setting.steps, scores, path)
    last = dict(scores.records.rows[-1])
    result = {
        "variant": name,
        "seed": seed,
        "steps": last.pop("iteration"),
        **{weight: getattr(model, weight) for weight in WEIGHTS.values()},
        **last,
    }
    picture = translation_grid(model, *_one_of_each(domains.test))
    write_atomically(path / "translations.png", encode_png(picture))
    write_json(path / "result.json", result)
    return (
        f"label kept X → Y {result['xy_kept']:.1%}, Y → X {result['yx_kept']:.1%}, "
        f"{result['seconds_per_step']:.3f} s/step"
    )


def build(name, seed, setting, domains):
    """Builds and compiles one of the variants."""
    arguments = {}
    if name in WEIGHTS:
        arguments["semantic_loss"] = domains.make_semantic_loss()
        arguments[WEIGHTS[name]] = domains.semantic_weight
    return presets.digit_lab(
        x_channels=domains.train["x"][0].shape[-1],
        y_channels=domains.train["y"][0].shape[-1],
        size=setting.size,
        width=setting.width,
        seed=seed,
        **arguments,
    )


def _one_of_each(test):
    """Returns images of X and of Y, one of each label that both have, in [-1, 1]."""
    labels = np.intersect1d(*(pair[1] for pair in test.values()))
    return [
        images[[np.argmax(of_images == label) for label in labels]] / np.float32(127.5)
        - 1
        for images, of_images in test.values()
    ]


# Table and figures -----------------------------------------------------------------

_DIRECTIONS = {"xy": "X → Y", "yx": "Y → X"}


def report(results, setting, domains, record):
    """Formats all results as Markdown.

    Args:
        results: List of dicts, one for each variant and seed.
        setting: Dict, the `Setting`.
        domains: Dict, what the study found out about its images.
        record: Dict, command and versions.
    """
    # Title, column of a variant, format.
    columns = [
        (f"{title}, {arrow}", f"{prefix}{direction}_kept", ".1%")
        for title, prefix in (("label kept", ""), ("seen by the loss", "extractor_"))
        for direction, arrow in _DIRECTIONS.items()
    ]
    columns += [
        ("cycle L1, X → Y → X", "xy_cycle_l1", ".3f"),
        ("cycle L1, Y → X → Y", "yx_cycle_l1", ".3f"),
        ("s / step", "seconds_per_step", ".3f"),
    ]

    def line(title, rows):
        cells = [
            cell([row[column] for row in rows if column in row], form)
            for _, column, form in columns
        ]
        return f"| {title} | " + " | ".join(cells) + " |"

    def bound(title, name):
        # The same in every run: it depends on the classifiers alone.
        row = {
            column: results[0][column.replace("kept", name)]
            for _, column, _ in columns
            if column.endswith("kept")
        }
        return line(title, [row])

    lines = [
        "| | " + " | ".join(title for title, *_ in columns) + " |",
        "|:--|" + "--:|" * len(columns),
        bound("not translated", "floor"),
    ]
    for name in VARIANTS:
        rows = [row for row in results if row["variant"] == name]
        if rows:
            lines.append(line(TITLES[name], rows))
    lines += [
        bound("real images of the target", "ceiling"),
        "",
        f"{setting['steps']} steps of {setting['batch_size']} images of each domain, "
        f"networks of width {setting['width']}; mean ± deviation over "
        f"{seeds_text(results, TITLES)}. X is {setting['x']}, Y {setting['y']}; labels "
        f"of {domains['test_images']['x']} and {domains['test_images']['y']} test "
        "images.",
        "",
        "Label kept: as seen by a classifier of the target domain that had no part in "
        "the training. Seen by the loss: by the classifier of both domains, of another "
        "seed, whose logits the semantic loss compares. That one learned from the "
        "labels of the training images, without which there is no such loss. Weight of "
        f"the loss: {domains['semantic_weight']}.",
        "",
        record_text(record),
    ]
    return "\n".join(lines) + "\n"


def draw_figures(directory, results):
    """Draws labels kept over training, and pictures of the first seed of a variant."""
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, (direction, arrow) in zip(figure.subplots(1, 2), _DIRECTIONS.items()):
        for row in results:
            name, seed = row["variant"], row["seed"]
            records = Records(result_path(directory, name, seed).parent / "scores.csv")
            records.rewind(float("inf"))
            axes.plot(
                [point["iteration"] for point in records.rows],
                [point[f"{direction}_kept"] for point in records.rows],
                color=f"C{VARIANTS.index(name)}",
                marker=".",
                # One entry of the legend for all seeds.
                label=None if seed else TITLES[name],
            )
        for bound, title, style in (
            ("floor", "not translated", ":"),
            ("ceiling", "real images", "--"),
        ):
            value = results[0][f"{direction}_{bound}"]
            axes.axhline(value, color="0.6", linestyle=style, label=title)
        axes.set(title=f"label kept, {arrow}", xlabel="iteration", ylim=(0, 1))
        axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "label_kept.png", dpi=100)
    for row in results:
        if row["seed"] == 0:
            path = result_path(directory, row["variant"], 0).parent
            picture = (path / "translations.png").read_bytes()
            write_atomically(folder / f"translations_{row['variant']}.png", picture)
