"""The semantic CycleGAN study: does a semantic loss, or LeakyReLU, help a CycleGAN?

`keras-gans reproduce semantic` trains the study's four variants of a CycleGAN between
photos X and paintings Y, from the same seeds and for the same number of steps:

    origin     the CycleGAN of its paper
    LeakyReLU  with a slope of 0.01 below zero in the generators, in place of ReLU
    semantic   with a semantic cycle loss in the features of a pretrained network
    hybrid     both

It writes the table of Fréchet distances beside the paper's, kernel distances, the loss
curves (figure 3), photos beside their translations (figure 2) and the scores over
training of the weights as they are and of their exponential moving average.

The study does not state the weight of its semantic loss. Here it makes that loss count
as much as the cycle loss on pairs of different images (`losses.balanced_weight`).
"""

import dataclasses
import pathlib
import shutil

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_gans import presets
from keras_gans.callbacks.iteration_callback import Records
from keras_gans.data import unpaired
from keras_gans.data.sources import is_digits, resize_images
from keras_gans.experiments.study import (
    PUBLISHED_NETWORKS,
    Features,
    Scores,
    cell,
    epochs_of,
    fit,
    load_split,
    record_text,
    reproduce_variants,
    result_path,
    seeds_text,
    study_frechet_distance,
    write_json,
)
from keras_gans.export import export_translator
from keras_gans.losses import SemanticVGGLoss, balanced_weight
from keras_gans.metrics import (
    FeatureNetwork,
    kernel_distance,
    to_pixels,
    train_classifier,
)

VARIANTS = ("origin", "leaky_relu", "semantic", "hybrid")
TITLES = {
    "origin": "origin",
    "leaky_relu": "LeakyReLU",
    "semantic": "semantic",
    "hybrid": "hybrid",
}
# The study's table, FID of translated photos against Van Gogh's paintings.
PAPER = {"origin": 199.29, "leaky_relu": 201.94, "semantic": 192.47, "hybrid": 189.71}
# The weights as training leaves them, as in the paper, and their average.
WEIGHTS = ("trained", "averaged")
# Name of a score: the photos to translate, and the paintings they should be like.
COMPARISONS = {
    "test": ("held-out photos", "held-out paintings"),
    "reference": ("held-out photos", "training paintings"),
    "train": ("training photos", "training paintings"),
}
PICTURES = 8


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs of a study have in common.

    Args:
        x: Source of the photos, as for `keras_gans.data.load_images`.
        y: Source of the paintings.
        size: Height and width of the images.
        width: Filters of the first convolution of every network.
        residual_blocks: Of a generator, or `None` for the paper's 9 (6 below 256).
        upsampling: Of the generators, `"transposed"` as in the paper, or `"resize"`.
        discriminator_layers: Stride-2 convolutions of a discriminator; 3, the paper's,
            sees patches of 70 pixels, 2 of 34, 1 of 16.
        steps: Training iterations of every run, of one photo and one painting.
        scores: How many times a run is scored while it trains.
        test_share: Share of the images that is held out, of sources without test split.
        ema_decay: Of the averaged weights, which training does not depend on.
        feature_extractor: Network of the semantic loss: `"vgg16"`, the path of a
            `.keras` file, or `"classifier"`, trained on the labels of both domains.
        feature_layers: Names of its layers, or `None` for the default.
        semantic_weight: Positive float, or `None` for the balanced one.
        feature_network: Network of the distances, as for
            `keras_gans.metrics.FeatureNetwork`, or `"classifier"`.
        feature_size: Height and width to which that network's images are resized, or
            `None` for its own.
        scored_images: Number of images of each set that are scored, or `None` for all.
    """

    x: str = "cycle_gan/vangogh2photo:trainB"
    y: str = "cycle_gan/vangogh2photo:trainA"
    size: int = 256
    width: int = 64
    residual_blocks: int | None = None
    upsampling: str = "transposed"
    discriminator_layers: int = 3
    steps: int = 100_000
    scores: int = 8
    test_share: float = 0.2
    ema_decay: float = 0.999
    feature_extractor: str = "vgg16"
    feature_layers: tuple | None = None
    semantic_weight: float | None = None
    feature_network: str = "inception_v3"
    feature_size: int | None = None
    scored_images: int | None = None

    @property
    def sources(self):
        return {"X": self.x, "Y": self.y}


# Minutes on two cores, without a download: digits, and a classifier of them.
QUICK = Setting(
    x="street_digits",
    y="handwritten_digits",
    size=32,
    width=8,
    residual_blocks=2,
    steps=300,
    scores=3,
    ema_decay=0.9,
    feature_extractor="classifier",
    feature_network="classifier",
    scored_images=200,
)


def reproduce(directory, setting=None, only=None, seeds=1, command=""):
    """Runs the study, or what is missing of it, and writes tables and figures.

    A run that was interrupted goes on at its last checkpoint.

    Args:
        directory: Folder of the study.
        setting: A `Setting`. By default the paper's scale.
        only: Optional list of variants to restrict the study to.
        seeds: Positive integer, the number of seeds.
        command: The command line, for the record.

    Returns:
        The list of all results, one dict for each variant and seed.

    Raises:
        ValueError: If `only` names something unknown, or the folder holds a study of
            another setting.
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


# Data and networks -----------------------------------------------------------------


class _Domains:
    """Images of both domains, and the two pretrained networks.

    Args:
        setting: A `Setting`.

    Attributes:
        train: Dict from domain to uint8 images, with room for a random crop.
        images: Dict from `"training photos"`, `"held-out photos"`, `"training
            paintings"` and `"held-out paintings"` to the uint8 images that are scored,
            of `setting.size`.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        self.setting = setting
        self.flip = not (is_digits(setting.x) or is_digits(setting.y))
        # The room for the crop that the paper leaves, 286 for 256.
        load_size = round(setting.size * 286 / 256) if self.flip else setting.size
        self.train, self.images, self.labelled = {}, {}, []
        for domain, source in (("x", setting.x), ("y", setting.y)):
            train, labels, test = load_split(
                source, load_size, setting.size, setting.test_share, domain
            )
            self.train[domain] = train
            if labels is not None:
                self.labelled.append((train, labels))
            what = {"x": "photos", "y": "paintings"}[domain]
            for kind, images in (("training", train), ("held-out", test)):
                self.images[f"{kind} {what}"] = resize_images(
                    images[: setting.scored_images], setting.size
                )
        self.record = {name: len(images) for name, images in self.images.items()}
        self._make_networks()

    def _make_networks(self):
        setting = self.setting
        classifier = None
        if "classifier" in (setting.feature_extractor, setting.feature_network):
            classifier = self._train_classifier()
        self.extractor_arguments = {"layers": setting.feature_layers}
        if setting.feature_extractor == "classifier":
            self.extractor_arguments["feature_extractor"] = classifier
        elif setting.feature_extractor != "vgg16":
            self.extractor_arguments["feature_extractor"] = setting.feature_extractor
        self.semantic_weight = setting.semantic_weight
        if self.semantic_weight is None:
            photos = self.images["training photos"]
            pairs = photos[: min(64, len(photos) // 2 * 2)]
            self.semantic_weight = balanced_weight(
                self.make_semantic_loss(), pairs.astype("float32") / 127.5 - 1
            )
        if setting.feature_network == "classifier":
            network = FeatureNetwork(classifier, name="classifier")
        else:
            network = FeatureNetwork(setting.feature_network, size=setting.feature_size)
        self.features_of = Features(network, self.images["training paintings"])
        self.features = {
            "training paintings": self.features_of.real,
            "held-out paintings": self.features_of(self.images["held-out paintings"]),
        }
        self.record |= {
            "semantic_weight": self.semantic_weight,
            **self.features_of.record,
        }
        # What the numbers of the variants are to be seen between.
        self.record["photos"] = self.distances(
            {name: self.features_of(self.images[name]) for name in _PHOTOS}
        )
        self.record["paintings_fid"] = study_frechet_distance(
            self.features["training paintings"], self.features["held-out paintings"]
        )
        self.record["paintings_kid"] = kernel_distance(
            self.features["training paintings"], self.features["held-out paintings"]
        )

    def _train_classifier(self):
        """Returns the features of a classifier of the digits of both domains."""
        if len(self.labelled) < 2:
            raise ValueError(
                'A feature network "classifier" needs labels in both domains. Give the '
                "path of a pretrained network."
            )
        print("Training the classifier that gives the features ...", flush=True)
        images, labels = map(np.concatenate, zip(*self.labelled))
        images = resize_images(images, self.setting.size)
        classifier = train_classifier(images, labels, steps=500, feature_dim=64, seed=0)
        return keras.Model(classifier.input, classifier.layers[-1].input)

    def make_semantic_loss(self):
        return SemanticVGGLoss(**self.extractor_arguments)

    def distances(self, photo_features):
        """Returns the distances of (translated) photos from paintings.

        Args:
            photo_features: Dict from `"held-out photos"` and so on to features.
        """
        scores = {}
        for name, (photos, paintings) in COMPARISONS.items():
            if photos in photo_features:
                pair = self.features[paintings], photo_features[photos]
                scores[f"{name}_fid"] = study_frechet_distance(*pair)
                scores[f"{name}_kid"] = kernel_distance(*pair)
        return scores


# One run ---------------------------------------------------------------------------


def run(name, seed, setting, domains, path):
    """Trains and scores one variant, from its last checkpoint if there is one.

    Args:
        name: One of `VARIANTS`.
        seed: Integer, the seed of weights, order and crops.
        setting: A `Setting`.
        domains: Images and networks.
        path: Folder of the run: `result.json`, `scores.csv`, `history.csv`,
            `samples.npz` and the SavedModel `export/1`.

    Returns:
        A line about the result.
    """
    model = build(name, seed, setting, domains)
    data = unpaired(
        domains.train["x"],
        domains.train["y"],
        size=setting.size,
        load_size=domains.train["x"].shape[1:3],
        flip=domains.flip,
        steps_per_epoch=setting.steps // epochs_of(setting.steps),
        seed=seed,
    )

    def score(model):
        # The held-out photos alone, while it trains.
        return {
            f"{weights}_{name}": value
            for weights in WEIGHTS
            for name, value in _score(model, weights, domains, _PHOTOS[:1]).items()
        }

    scores = Scores(path / "scores.csv", score, setting.steps, setting.scores)
    fit(model, data, setting.steps, scores, path)
    rows = scores.records.rows
    result = {
        "variant": name,
        "seed": seed,
        "steps": model.iterations,
        "seconds_per_step": rows[-1]["seconds_per_step"],
    }
    for weights in WEIGHTS:
        result[f"{weights}_unsteadiness"] = unsteadiness(
            [row[f"{weights}_reference_fid"] for row in rows]
        )
        result |= {
            f"{weights}_{score}": value
            for score, value in _score(model, weights, domains, _PHOTOS).items()
        }
    photos = domains.images["held-out photos"][:PICTURES]
    np.savez_compressed(
        path / "samples.npz",
        photos=photos,
        **{weights: translate(model, weights, photos) for weights in WEIGHTS},
    )
    # A run that was killed after its export makes it again.
    shutil.rmtree(path / "export", ignore_errors=True)
    export_translator(model, path / "export")
    write_json(path / "result.json", result)
    return (
        f"FID {result['trained_test_fid']:.2f} (averaged weights "
        f"{result['averaged_test_fid']:.2f}), {result['seconds_per_step']:.3f} s/step"
    )


def build(name, seed, setting, domains):
    """Builds and compiles one of the variants."""
    arguments = {}
    if name in ("leaky_relu", "hybrid"):
        arguments["activation"] = "leaky_relu"
    if name in ("semantic", "hybrid"):
        arguments["semantic_loss"] = domains.make_semantic_loss()
        arguments["semantic_weight"] = domains.semantic_weight
    half = setting.steps // 2
    return presets.cyclegan(
        size=setting.size,
        width=setting.width,
        residual_blocks=setting.residual_blocks,
        upsampling=setting.upsampling,
        discriminator_layers=setting.discriminator_layers,
        ema_decay=setting.ema_decay,
        constant_steps=half,
        decay_steps=setting.steps - half,
        seed=seed,
        **arguments,
    )


def translate(model, weights, photos):
    """Translates uint8 photos to uint8 images with one of `WEIGHTS`."""
    if weights == "averaged":
        generator = model.inference_network("generator_xy")
    else:
        generator = model.generator_xy
    batches = [
        to_pixels(generator(photos[start : start + 16] / np.float32(127.5) - 1))
        for start in range(0, len(photos), 16)
    ]
    return np.concatenate(batches)


def unsteadiness(scores):
    """Returns the mean change from a score to the next in the later half of them."""
    later = np.asarray(scores, "float64")[len(scores) // 2 :]
    return float(np.abs(np.diff(later)).mean()) if len(later) > 1 else float("nan")


def _score(model, weights, domains, photos):
    return domains.distances(
        {
            name: domains.features_of(translate(model, weights, domains.images[name]))
            for name in photos
        }
    )


# Table and figures -----------------------------------------------------------------


def report(results, setting, domains, record):
    """Formats all results as Markdown.

    Args:
        results: List of dicts, one for each variant and seed.
        setting: Dict, the `Setting`.
        domains: Dict, what the study found out about images and networks.
        record: Dict, command and versions.
    """
    names = [
        name for name in VARIANTS if any(row["variant"] == name for row in results)
    ]

    def line(title, cells):
        return f"| {title} | " + " | ".join(cells) + " |"

    def row_of(title, column, form=".2f"):
        return line(
            title,
            [
                cell([row[column] for row in results if row["variant"] == name], form)
                for name in names
            ],
        )

    network = domains["feature_network"]
    unit = " in units of their size on the paintings"
    if network in PUBLISHED_NETWORKS:
        unit = ""
    lines = [
        line("", [TITLES[name] for name in names]),
        "|:--|" + "--:|" * len(names),
        line("FID of the paper", [f"{PAPER[name]:.2f}" for name in names]),
    ]
    for weights, suffix in zip(WEIGHTS, ("", ", averaged weights")):
        for comparison, pair in COMPARISONS.items():
            title = f"{pair[0]} → {pair[1]}{suffix}"
            lines.append(row_of(f"FID, {title}", f"{weights}_{comparison}_fid"))
            if comparison != "train":
                lines.append(
                    row_of(f"KID, {title}", f"{weights}_{comparison}_kid", ".4f")
                )
    for weights in WEIGHTS:
        title = f"mean change of the FID between scores, {weights} weights"
        lines.append(row_of(title, f"{weights}_unsteadiness"))
    lines += [
        row_of("seconds per step", "seconds_per_step", ".3f"),
        "",
        f"{setting['steps']} steps of one image of each domain at {setting['size']}x"
        f"{setting['size']}, networks of width {setting['width']}, upsampling "
        f"{setting['upsampling']}, {setting['discriminator_layers']} layers of stride "
        "2 in a discriminator; mean ± deviation over "
        f"{seeds_text(results, TITLES)}. FID and KID in the "
        f"{domains['feature_dim']} features of {network}{unit}, "
        + (
            f"images resized to {domains['feature_size']} ({domains['resize']}); "
            if domains["resize"]
            else "images not resized; "
        )
        + ", ".join(
            f"{domains[name]} {name}" for name in domains if name in _IMAGE_SETS
        )
        + ". With fewer images than features an FID is far too large, and only "
        "comparable within its line.",
        "",
        "Photos as they are: "
        + ", ".join(
            f"{COMPARISONS[name][0]} → {COMPARISONS[name][1]} FID "
            f"{domains['photos'][f'{name}_fid']:.2f}, KID "
            f"{domains['photos'][f'{name}_kid']:.4f}"
            for name in COMPARISONS
        )
        + f". Held-out paintings → training paintings: FID "
        f"{domains['paintings_fid']:.2f}, KID {domains['paintings_kid']:.4f}.",
        "",
        f"Semantic loss: {pathlib.Path(setting['feature_extractor']).name}, layers "
        f"{' '.join(setting['feature_layers'] or ['by default'])}, weight "
        f"{domains['semantic_weight']}. Averaged weights: decay "
        f"{setting['ema_decay']}."
        + (
            " The variants with the loss are trained on features of the network that "
            "scores them."
            if setting["feature_extractor"] == setting["feature_network"]
            else ""
        ),
        "",
        record_text(record),
    ]
    return "\n".join(lines) + "\n"


def draw_figures(directory, results):
    """Draws losses, scores and pictures of the first seed of every variant."""
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    losses, scores, samples = {}, {}, {}
    for name in VARIANTS:
        if not any((row["variant"], row["seed"]) == (name, 0) for row in results):
            continue
        path = result_path(directory, name, 0).parent
        for curves, file in ((losses, "history.csv"), (scores, "scores.csv")):
            records = Records(path / file)
            records.rewind(float("inf"))
            curves[name] = records.rows
        with np.load(path / "samples.npz") as file:
            samples[name] = dict(file)
    if not samples:
        return
    _draw_curves(losses, ("discriminator_loss", "generator_loss")).savefig(
        folder / "losses.png", dpi=100
    )
    _draw_curves(scores, [f"{weights}_reference_fid" for weights in WEIGHTS]).savefig(
        folder / "scores.png", dpi=100
    )
    _draw_pictures(samples).savefig(folder / "comparison.png", dpi=100)


def _draw_pictures(samples):
    """Shows photos, and below them their translation by each variant."""
    rows = {"input": next(iter(samples.values()))["photos"]}
    rows |= {TITLES[name]: parts["trained"] for name, parts in samples.items()}
    figure = Figure(figsize=(10, 1.5 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axes, (title, images) in zip(panels, rows.items()):
        axes.imshow(np.concatenate(images, axis=1), interpolation="nearest")
        axes.set_title(title, fontsize=9, loc="left")
        axes.axis("off")
    return figure


def _draw_curves(curves, columns):
    figure = Figure(figsize=(5 * len(columns), 3.6), layout="constrained")
    panels = figure.subplots(1, len(columns), sharey="fid" in columns[0])
    for axes, column in zip(panels, columns):
        for name, rows in curves.items():
            iterations = [row["iteration"] for row in rows]
            axes.plot(iterations, [row[column] for row in rows], label=TITLES[name])
        title = column.replace("_", " ").replace("reference fid", "weights: FID")
        axes.set(title=title, xlabel="iteration")
        axes.grid(alpha=0.3)
    panels[0].legend()
    return figure


_PHOTOS = ("held-out photos", "training photos")
_IMAGE_SETS = (
    "training photos",
    "held-out photos",
    "training paintings",
    "held-out paintings",
)
