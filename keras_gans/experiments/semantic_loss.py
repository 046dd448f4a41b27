"""The semantic CycleGAN study: does a semantic loss, or LeakyReLU, help a CycleGAN?

It trains four variants of a CycleGAN between photos X and paintings Y on equal terms:

    origin     the CycleGAN of its paper
    LeakyReLU  with a slope of 0.01 below zero in the generators, in place of ReLU
    semantic   with a semantic cycle loss in the features of a pretrained network
    hybrid     both

Figures of the paper that it draws: photos beside their translations (2) and the loss
curves (3).

The study does not state the weight of its semantic loss. Here it makes that loss count
as much as the cycle loss on pairs of different images (`losses.balanced_weight`).
"""

import dataclasses
import pathlib
import shutil
from typing import Literal

from keras_gans.checks import require
from keras_gans.experiments.lazily import data, export, keras, losses, metrics, np
from keras_gans.experiments.lazily import pixels, presets, runs, sources, tables
from keras_gans.experiments.study import Study, fields, result_path, study

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
_SAME_NETWORK = (
    " The variants with the loss are trained on features of the network that scores "
    "them."
)
_PHOTOS = ("held-out photos", "training photos")


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
    upsampling: Literal["transposed", "resize"] = "transposed"
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


class Domains:
    """Images of both domains, and the two pretrained networks.

    Attributes:
        train: Dict from domain to uint8 images, with room for a random crop.
        images: Dict from `"training photos"`, `"held-out photos"`, `"training
            paintings"` and `"held-out paintings"` to the uint8 images that are scored,
            of `setting.size`.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        self.setting = setting
        self.flip = not (sources.is_digits(setting.x) or sources.is_digits(setting.y))
        # The room for the crop that the paper leaves, 286 for 256.
        load_size = round(setting.size * 286 / 256) if self.flip else setting.size
        self.train, self.images, self.labelled = {}, {}, []
        for domain, source in (("x", setting.x), ("y", setting.y)):
            train, labels, test = runs.load_split(
                source, load_size, setting.size, setting.test_share, domain
            )
            self.train[domain] = train
            if labels is not None:
                self.labelled.append((train, labels))
            what = {"x": "photos", "y": "paintings"}[domain]
            for kind, images in (("training", train), ("held-out", test)):
                self.images[f"{kind} {what}"] = sources.resize_images(
                    images[: setting.scored_images], setting.size
                )
        self.record = {name: len(images) for name, images in self.images.items()}
        self._make_networks()

    def _make_networks(self):
        setting = self.setting
        classifier = None
        if "classifier" in (setting.feature_extractor, setting.feature_network):
            classifier = self._train_classifier()
        # Without a `feature_extractor` it is VGG16.
        extractor = setting.feature_extractor
        extractor = {"classifier": classifier, "vgg16": None}.get(extractor, extractor)
        layers = setting.feature_layers
        self.extractor_arguments = {"layers": layers, "feature_extractor": extractor}
        self.semantic_weight = setting.semantic_weight
        if self.semantic_weight is None:
            photos = self.images["training photos"]
            pairs = photos[: min(64, len(photos) // 2 * 2)]
            self.semantic_weight = losses.balanced_weight(
                self.make_semantic_loss(), pixels.to_floats(pairs)
            )
        network, arguments = setting.feature_network, {"size": setting.feature_size}
        if network == "classifier":
            network, arguments = classifier, {"name": "classifier"}
        network = metrics.FeatureNetwork(network, **arguments)
        self.features_of = runs.Features(network, self.images["training paintings"])
        self.features = {
            "training paintings": self.features_of.real,
            "held-out paintings": self.features_of(self.images["held-out paintings"]),
        }
        photos = {name: self.features_of(self.images[name]) for name in _PHOTOS}
        paintings = self.features.values()
        self.record |= {
            "semantic_weight": self.semantic_weight,
            **self.features_of.record,
            # What the numbers of the variants are to be seen between.
            "photos": self.distances(photos),
            "paintings_fid": runs.study_frechet_distance(*paintings),
            "paintings_kid": metrics.kernel_distance(*paintings),
        }

    def _train_classifier(self):
        """Returns the features of a classifier of the digits of both domains."""
        require(
            len(self.labelled) == 2,
            'A feature network "classifier" needs labels in both domains. Give the '
            "path of a pretrained network",
        )
        print("Training the classifier that gives the features ...", flush=True)
        images, labels = map(np.concatenate, zip(*self.labelled))
        images = sources.resize_images(images, self.setting.size)
        classifier = metrics.train_classifier(
            images, labels, steps=500, feature_dim=64, seed=0
        )
        return keras.Model(classifier.input, classifier.layers[-1].input)

    def make_semantic_loss(self):
        return losses.SemanticVGGLoss(**self.extractor_arguments)

    def distances(self, photo_features):
        """Returns the distances of (translated) photos from paintings.

        Args:
            photo_features: Dict from `"held-out photos"` and so on to features.
        """
        scores = {}
        for name, (photos, paintings) in COMPARISONS.items():
            if photos in photo_features:
                pair = self.features[paintings], photo_features[photos]
                scores[f"{name}_fid"] = runs.study_frechet_distance(*pair)
                scores[f"{name}_kid"] = metrics.kernel_distance(*pair)
        return scores

    def score(self, model, weights, photos):
        """Returns the distances of photos that a model translates with `weights`."""
        features = {
            name: self.features_of(translate(model, weights, self.images[name]))
            for name in photos
        }
        return self.distances(features)


def translate(model, weights, photos):
    """Translates uint8 photos to uint8 images with one of `WEIGHTS`."""
    generator = model.generator_xy
    if weights == "averaged":
        generator = model.inference_network("generator_xy")

    def translate_batch(batch):
        return metrics.to_pixels(generator(pixels.to_floats(batch)))

    return runs.map_batches(translate_batch, photos, 16)


def unsteadiness(scores):
    """Returns the mean change from a score to the next in the later half of them."""
    later = np.asarray(scores, "float64")[len(scores) // 2 :]
    return float(np.abs(np.diff(later)).mean()) if len(later) > 1 else float("nan")


def _claims(results):
    """Yields the paper's claims, as `tables.claims_paragraphs` wants them."""
    for weights in WEIGHTS:
        values = {
            name: tables.values_of(results, name, f"{weights}_test_fid")
            for name in PAPER
        }
        for claim, ours, other in (
            ("the semantic loss lowers the FID", "semantic", "origin"),
            ("with LeakyReLU it lowers it further", "hybrid", "semantic"),
            ("both together lower it", "hybrid", "origin"),
        ):
            claim = f"{claim}, {weights} weights"
            yield claim, values[ours], ".2f", "<", values[other]


@study("semantic")
class SemanticLoss(Study):
    """A semantic loss and LeakyReLU in CycleGAN: photos to paintings, FID."""

    variants = {
        "origin": "origin",
        "leaky_relu": "LeakyReLU",
        "semantic": "semantic",
        "hybrid": "hybrid",
    }
    setting = Setting
    # Without a download: digits, and a classifier of them.
    quick = Setting(
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
    quick_text = "on digits, in about two minutes"

    def make_domains(self, setting):
        return Domains(setting)

    def build(self, variant, seed, setting, domains):
        arguments = {}
        if variant in ("leaky_relu", "hybrid"):
            arguments["activation"] = "leaky_relu"
        if variant in ("semantic", "hybrid"):
            arguments["semantic_loss"] = domains.make_semantic_loss()
            arguments["semantic_weight"] = domains.semantic_weight
        arguments |= fields(
            *(setting, "size", "width", "residual_blocks", "upsampling"),
            *("discriminator_layers", "ema_decay"),
        )
        return presets.cyclegan(total_steps=setting.steps, seed=seed, **arguments)

    def run(self, variant, seed, setting, domains, path):
        """Leaves `scores.csv`, `history.csv`, `samples.npz` and the SavedModel
        `export/1` in the folder."""
        model = self.build(variant, seed, setting, domains)
        dataset = data.unpaired(
            *domains.train.values(),
            size=setting.size,
            load_size=domains.train["x"].shape[1:3],
            flip=domains.flip,
            steps_per_epoch=setting.steps // runs.epochs_of(setting.steps),
            seed=seed,
        )

        def score(model):
            # The held-out photos alone, while it trains.
            return {
                f"{weights}_{name}": value
                for weights in WEIGHTS
                for name, value in domains.score(model, weights, _PHOTOS[:1]).items()
            }

        rows = runs.fit(model, dataset, setting, score, path)
        seconds = rows[-1]["seconds_per_step"]
        result = {"steps": model.iterations, "seconds_per_step": seconds}
        for weights in WEIGHTS:
            fids = [row[f"{weights}_reference_fid"] for row in rows]
            result[f"{weights}_unsteadiness"] = unsteadiness(fids)
            result |= {
                f"{weights}_{score}": value
                for score, value in domains.score(model, weights, _PHOTOS).items()
            }
        photos = domains.images["held-out photos"][:PICTURES]
        translated = {weights: translate(model, weights, photos) for weights in WEIGHTS}
        np.savez_compressed(path / "samples.npz", photos=photos, **translated)
        # A run that was killed after its export makes it again.
        shutil.rmtree(path / "export", ignore_errors=True)
        export.save(model, path / "export")
        return result

    def describe(self, result):
        return (
            f"FID {result['trained_test_fid']:.2f} (averaged weights "
            f"{result['averaged_test_fid']:.2f}), {result['seconds_per_step']:.3f} "
            "s/step"
        )

    def report(self, results, setting, domains):
        """Formats FID, KID and their steadiness over the variants."""
        names = self.trained(results)

        def row_of(title, column, form=".2f"):
            return [title, *tables.cells_of(results, names, column, form)]

        title = "FID of the paper, in a network that it does not name"
        rows = [[title, *(f"{PAPER[name]:.2f}" for name in names)]]
        for weights, suffix in zip(WEIGHTS, ("", ", averaged weights")):
            for comparison, pair in COMPARISONS.items():
                title = f"{' → '.join(pair)}{suffix}"
                rows.append(row_of(f"FID, {title}", f"{weights}_{comparison}_fid"))
                if comparison != "train":
                    column = f"{weights}_{comparison}_kid"
                    rows.append(row_of(f"KID, {title}", column, ".4f"))
        for weights in WEIGHTS:
            title = f"mean change of the FID between scores, {weights} weights"
            rows.append(row_of(title, f"{weights}_unsteadiness"))
        rows.append(row_of("seconds per step", "seconds_per_step", ".3f"))
        same = setting["feature_extractor"] == setting["feature_network"]
        sets = [name for name in domains if name.startswith(("training ", "held-out "))]
        found, photos = domains["photos"], []
        for name, pair in COMPARISONS.items():
            fid, kid = f"FID {found[f'{name}_fid']:.2f}", f"{found[f'{name}_kid']:.4f}"
            photos.append(f"{' → '.join(pair)} {fid}, KID {kid}")
        values = setting | {
            "seeds": tables.seeds_text(results, self.variants),
            "network": tables.network_text(domains, " on the paintings"),
            "images": ", ".join(f"{domains[name]} {name}" for name in sets),
        }
        return [
            tables.table(["", *names.values()], rows),
            "{steps} steps of one image of each domain at {size}x{size}, networks of "
            "width {width}, upsampling {upsampling}, {discriminator_layers} layers of "
            "stride 2 in a discriminator; mean ± deviation over {seeds}. FID and KID "
            "in the {network}; {images}. With fewer images than features an FID is far "
            "too large, and only comparable within its line.".format(**values),
            f"Photos as they are: {', '.join(photos)}. Held-out paintings → training "
            f"paintings: FID {domains['paintings_fid']:.2f}, KID "
            f"{domains['paintings_kid']:.4f}.",
            f"Semantic loss: {pathlib.Path(setting['feature_extractor']).name}, layers "
            f"{' '.join(setting['feature_layers'] or ['by default'])}, weight "
            f"{domains['semantic_weight']}. Averaged weights: decay "
            f"{setting['ema_decay']}." + (_SAME_NETWORK if same else ""),
            *tables.claims_paragraphs(_claims(results)),
        ]

    def draw_figures(self, directory, results):
        first = [row for row in results if row["seed"] == 0]
        if not first:
            return
        fids = [f"{weights}_reference_fid" for weights in WEIGHTS]
        for file, name, columns in (
            ("history.csv", "losses", ("discriminator_loss", "generator_loss")),
            ("scores.csv", "scores", fids),
        ):
            figure, (panels,) = tables.make_panels(2, sharey=columns is fids)
            pairs = list(zip(panels, columns))
            tables.draw_scores(directory, self, first, pairs, file=file, marker=None)
            for axes, column in pairs:
                text = column.replace("_", " ").replace("reference fid", "weights: FID")
                axes.set(title=text, xlabel="iteration")
            panels[0].legend()
            figure.savefig(directory / "figures" / f"{name}.png", dpi=100)
        # Photos, and below them their translation by each variant.
        rows = {}
        for name, title in self.trained(first).items():
            path = result_path(directory, name, 0).with_name("samples.npz")
            with np.load(path) as samples:
                rows |= {"input": samples["photos"], title: samples["trained"]}
        figure, panels = tables.make_panels(1, len(rows), width=10, height=1.5)
        for axes, (title, images) in zip(panels[:, 0], rows.items()):
            axes.imshow(np.concatenate(images, axis=1), interpolation="nearest")
            axes.set_title(title, fontsize=9, loc="left")
            axes.axis("off")
        figure.savefig(directory / "figures" / "comparison.png", dpi=100)
