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

from keras_gans.checks import require
from keras_gans.experiments.lazily import callbacks, data, keras, losses, metrics, np
from keras_gans.experiments.lazily import pixels, presets, runs, tables
from keras_gans.experiments.study import Study, fields, study

# Which weight of the preset a variant sets.
WEIGHTS = {
    "reconstruction": "semantic_weight",
    "translation": "semantic_translation_weight",
}
# The seed of the classifiers that judge is that of `keras-gans train`.
JUDGE_SEED, EXTRACTOR_SEED = 0, 1
_DIRECTIONS = {"xy": "X → Y", "yx": "Y → X"}


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


class Domains:
    """Labelled images of both domains, and the classifiers.

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
                arguments = {"split": split, "argument": domain}
                pairs[domain] = data.load_images(source, setting.size, **arguments)
                require(
                    pairs[domain][1] is not None,
                    f"Argument `{domain}` must have labels, of training and test "
                    f"images. Received: {source!r}, which does not have them",
                )
        print("Training the classifiers ...", flush=True)
        judged = {"steps": setting.classifier_steps, "seed": JUDGE_SEED}
        self.judges = [
            metrics.train_classifier(*pair, **judged) for pair in self.train.values()
        ]
        colored = [pixels.convert_channels(pair[0], 3) for pair in self.train.values()]
        labels = np.concatenate([pair[1] for pair in self.train.values()])
        length = {"steps": 2 * setting.classifier_steps, "seed": EXTRACTOR_SEED}
        self.extractor = metrics.train_classifier(
            np.concatenate(colored), labels, **length
        )
        self.extractors = [
            _with_channels(self.extractor, pair[0].shape[-1])
            for pair in self.train.values()
        ]
        self.semantic_weight = setting.semantic_weight
        if self.semantic_weight is None:
            count = min(64, *(len(images) // 2 for images in colored))
            pairs = [images[:count] for images in colored]
            pairs += [images[count : 2 * count] for images in colored]
            self.semantic_weight = losses.balanced_weight(
                self.make_semantic_loss(), pixels.to_floats(np.concatenate(pairs))
            )
        self.record = {
            f"{name}_images": {domain: len(pair[0]) for domain, pair in pairs.items()}
            for name, pairs in (("training", self.train), ("test", self.test))
        }
        self.record["semantic_weight"] = self.semantic_weight

    def make_semantic_loss(self):
        return losses.SemanticVGGLoss(feature_extractor=self.extractor)

    def score(self, model):
        """Returns what the judges say of a model, and what the extractor believes."""
        scores = {}
        for prefix, classifiers in (("", self.judges), ("extractor_", self.extractors)):
            kept = metrics.label_keeping(model, *self.test.values(), *classifiers)
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


def _claims(results):
    """Yields what a loss is for, as `tables.claims_paragraphs` wants it."""
    for place, what in (
        ("reconstruction", "images and reconstructions"),
        ("translation", "images and translations"),
    ):
        for direction, arrow in _DIRECTIONS.items():
            ours, plain = (
                tables.values_of(results, name, f"{direction}_kept")
                for name in (place, "plain")
            )
            claim = f"a loss between {what} keeps labels, {arrow}"
            yield claim, ours, ".1%", ">", plain


@study("semantic_digits")
class SemanticDigits(Study):
    """A semantic loss against label flipping in the digit lab."""

    variants = {
        "plain": "plain",
        "reconstruction": "semantic, reconstruction",
        "translation": "semantic, translation",
    }
    setting = Setting
    # Too short to learn anything.
    quick = Setting(width=8, steps=40, batch_size=16, scores=2, classifier_steps=50)
    quick_text = "in about two minutes"

    def make_domains(self, setting):
        return Domains(setting)

    def build(self, variant, seed, setting, domains):
        # CycleGAN's weight, and no more than the lab's text asks for.
        arguments = {"cycle_weight": 10.0, "input_noise": 0.0}
        if variant in WEIGHTS:
            arguments["semantic_loss"] = domains.make_semantic_loss()
            arguments[WEIGHTS[variant]] = domains.semantic_weight
        for domain, (images, _) in domains.train.items():
            arguments[f"{domain}_channels"] = images.shape[-1]
        arguments |= fields(setting, "size", "width")
        return presets.digit_lab(seed=seed, **arguments)

    def run(self, variant, seed, setting, domains, path):
        """Leaves `scores.csv`, `history.csv` and `translations.png` in the folder."""
        model = self.build(variant, seed, setting, domains)
        dataset = data.unpaired(
            *(images for images, _ in domains.train.values()),
            batch_size=setting.batch_size,
            flip=False,
            steps_per_epoch=setting.steps // runs.epochs_of(setting.steps),
            seed=seed,
        )
        rows = runs.fit(model, dataset, setting, domains.score, path)
        picture = callbacks.translation_grid(model, *_one_of_each(domains.test))
        runs.write_picture(path / "translations.png", picture)
        last, weights = dict(rows[-1]), fields(model, *WEIGHTS.values())
        return {"steps": last.pop("iteration"), **weights, **last}

    def describe(self, result):
        return (
            f"label kept X → Y {result['xy_kept']:.1%}, Y → X {result['yx_kept']:.1%}, "
            f"{result['seconds_per_step']:.3f} s/step"
        )

    def report(self, results, setting, domains):
        """Formats the labels kept, between those of no and of a perfect translation."""
        # Title, column of a variant, format.
        columns = (
            ("label kept, X → Y", "xy_kept", ".1%"),
            ("label kept, Y → X", "yx_kept", ".1%"),
            ("seen by the loss, X → Y", "extractor_xy_kept", ".1%"),
            ("seen by the loss, Y → X", "extractor_yx_kept", ".1%"),
            ("cycle L1, X → Y → X", "xy_cycle_l1", ".3f"),
            ("cycle L1, Y → X → Y", "yx_cycle_l1", ".3f"),
            ("s / step", "seconds_per_step", ".3f"),
        )
        # The same in every run: they depend on the classifiers alone.
        bounds = [{"variant": "floor"}, {"variant": "ceiling"}]
        for bound in bounds:
            for _, column, _ in columns[:4]:
                of_bound = column.replace("kept", bound["variant"])
                bound[column] = results[0][of_bound]
        titles = {
            "floor": "not translated",
            **self.trained(results),
            "ceiling": "real images of the target",
        }
        values = setting | domains
        values["seeds"] = tables.seeds_text(results, self.variants)
        return [
            tables.variants_table([*bounds, *results], titles, columns),
            "{steps} steps of {batch_size} images of each domain, networks of width "
            "{width}; mean ± deviation over {seeds}. X is {x}, Y {y}; labels of "
            "{test_images[x]} and {test_images[y]} test images.".format(**values),
            "Label kept: as seen by a classifier of the target domain that had no "
            "part in the training. Seen by the loss: by the classifier of both "
            "domains, of another seed, whose logits the semantic loss compares. That "
            "one learned from the labels of the training images, without which there "
            f"is no such loss. Weight of the loss: {domains['semantic_weight']}.",
            *tables.claims_paragraphs(_claims(results)),
        ]

    def draw_figures(self, directory, results):
        figure, (panels,) = tables.make_panels(2)
        columns = [f"{direction}_kept" for direction in _DIRECTIONS]
        tables.draw_scores(directory, self, results, list(zip(panels, columns)))
        for axes, (direction, arrow) in zip(panels, _DIRECTIONS.items()):
            bounds = ("floor", "not translated", ":"), ("ceiling", "real images", "--")
            for bound, title, style in bounds:
                value = results[0][f"{direction}_{bound}"]
                axes.axhline(value, color="0.6", linestyle=style, label=title)
            axes.set(title=f"label kept, {arrow}", xlabel="iteration", ylim=(0, 1))
        panels[-1].legend()
        figure.savefig(directory / "figures" / "label_kept.png", dpi=100)
        tables.copy_pictures(directory, results, "translations.png")


def _one_of_each(test):
    """Returns images of X and of Y, one of each label that both have, in [-1, 1]."""
    labels = np.intersect1d(*(pair[1] for pair in test.values()))
    return [
        pixels.to_floats(images[[np.argmax(own == label) for label in labels]])
        for images, own in test.values()
    ]
