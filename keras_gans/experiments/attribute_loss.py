"""ACL-GAN's attribute loss against StarGAN, and what its parts are worth.

It trains StarGAN and ACL-GAN on the same images, for as many updates of the generator,
with networks of one width, and scores every single edit of held-out images while they
train (`metrics.attribute_scores`):

    stargan                     as its paper has it: three losses, five critic steps
    stargan_one_critic_step     the same with as many as ACL-GAN has
    aclgan                      attribute and content loss, mask and frame; the loss
                                with the complement, as in the author's later code
    aclgan_without_complement   the same with the loss of the paper
    aclgan_loss_alone           neither mask nor frame: StarGAN's networks
    aclgan_without_mask         the generator paints the whole image
    aclgan_without_frame        the image is not framed
    aclgan_growing              networks that grow from 16 pixels to full size

The paper claims faster learning with next to no difference in operations, a kept
background, and one weight fewer to search. It has neither scores nor times; what is
found here is set beside these claims. Like is compared with like where the loss alone
and StarGAN have the same generator and as many critic steps; what else differs between
the two is the learning rate of the discriminator and the content loss, which takes one
pass where the reconstruction loss takes two.

The classifier that judges learns from the training images alone, with another seed than
the models. The Fréchet distance is that of edited test images from real training
images, whose attributes, in random order, the edits are given.
"""

import dataclasses
import pathlib

from keras_gans.checks import require
from keras_gans.experiments.lazily import attribute_search, callbacks, data, keras
from keras_gans.experiments.lazily import metrics, np, pixels, presets, runs, tables, tf
from keras_gans.experiments.lazily import verdicts
from keras_gans.experiments.operations import operations
from keras_gans.experiments.study import Study, fields, study

# Arguments of the presets.
VARIANTS = {
    "stargan": {},
    "stargan_one_critic_step": {"n_critic": 1},
    "aclgan": {},
    "aclgan_without_complement": {"with_complement": False},
    "aclgan_loss_alone": {"mask": False, "frame": 0},
    "aclgan_without_mask": {"mask": False},
    "aclgan_without_frame": {"frame": 0},
    "aclgan_growing": {"growing": True},
}
JUDGE_SEED = 100
# Scores, see `score_of`, to which the seconds and updates of training are told.
LEVELS = (0.5, 0.8)
PARTS = ("target_accuracy", "preservation_accuracy", "likeness")


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs of a study have in common.

    Args:
        data: Source of the images, as for `keras_gans.data.load_attributes`.
        attributes: Path of the attribute file of a folder, or `None`.
        select: Names of the attributes.
        size: Height and width of the images, a power of two, at least 16.
        width: Filters of the first convolution of every network; StarGAN's is 64.
        residual_blocks: Of the generators; StarGAN's are 6.
        steps: Updates of the generator in every run.
        batch_size: Images in a batch.
        learning_rate: Of the generators and of StarGAN's discriminator; ACL-GAN's
            learns twice as fast. StarGAN's is 1e-4.
        ema_decay: Of the averaged weights of the generators, which are scored.
        content_weight: Of ACL-GAN's content loss.
        scores: How many times a run is scored while it trains.
        test_images: How many test images are scored at most.
        classifier_steps: Training steps of the classifier that judges.
        feature_network: As for `keras_gans.metrics.FeatureNetwork`, or `None` for the
            last convolution of the classifier that judges.
        feature_size: Height and width to which that network gets its images.
    """

    data: str = "faces"
    attributes: str | None = None
    select: tuple = ("Black_Hair", "Blond_Hair", "Eyeglasses", "Smiling")
    size: int = 32
    width: int = 16
    residual_blocks: int = 2
    steps: int = 2000
    batch_size: int = 16
    learning_rate: float = 4e-4
    ema_decay: float = 0.998
    content_weight: float = 0.01
    scores: int = 10
    test_images: int = 256
    classifier_steps: int = 400
    feature_network: str | None = None
    feature_size: int | None = None


class Faces:
    """Images with attributes, the classifier that judges and its features.

    Attributes:
        train: Tuple `(images, attributes, names)`, as `load_attributes` gives it.
        test: Pair `(images, attributes)` of test images.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        self.train, test = (
            data.load_attributes(
                setting.data,
                setting.attributes,
                select=list(setting.select),
                size=setting.size,
                split=split,
            )
            for split in ("train", "test")
        )
        count = setting.test_images
        self.test = test[0][:count], test[1][:count]
        print("Training the classifier ...", flush=True)
        self.classifier = metrics.train_classifier(
            *self.train[:2], steps=setting.classifier_steps, seed=JUDGE_SEED
        )
        network = setting.feature_network
        if network is None:
            # The maps before they are flattened, whose means are the features.
            maps = self.classifier.layers[-2].input
            network = keras.Model(self.classifier.input, maps, name="judge")
        # As many real images as there are edits.
        order = np.random.default_rng(0).permutation(len(self.train[0]))
        self.real = order[: len(self.test[0])]
        self.features = runs.Features(
            metrics.FeatureNetwork(network, size=setting.feature_size),
            self.train[0][self.real],
        )
        self.record = {
            "training_images": len(self.train[0]),
            "test_images": len(self.test[0]),
            "attribute_names": list(self.train[2]),
            **self.features.record,
        }

    def score(self, model):
        """Returns the scores of all single edits, and the distance of random ones."""
        images, labels = self.test
        wanted = self.train[1][self.real]
        edits = metrics.to_pixels(model.translate(pixels.to_floats(images), wanted)[0])
        fid = runs.study_frechet_distance(self.features.real, self.features(edits))
        scores = metrics.attribute_scores(model, images, labels, self.classifier)
        return {**scores, "fid": fid}

    def picture(self, model):
        images, labels = (part[:8] for part in self.test)
        return callbacks.attribute_grid(model, pixels.to_floats(images), labels)


def score_of(scores):
    """Returns the harmonic mean of both accuracies and the likeness, or 0.

    An image that does not change at all scores nothing, and neither does one that
    nothing is left of, whatever the classifier sees in it.
    """
    parts = [scores[name] for name in PARTS]
    return len(parts) / sum(1 / part for part in parts) if all(parts) else 0.0


def flops_per_update(model, data):
    """Counts the floating-point operations of one update of the generator.

    Those of the convolutions and matrix products of its critic steps and of itself, see
    `keras_gans.experiments.operations`. Of networks that grow it is the first stage.

    Args:
        model: A compiled `keras_gans.models.AttributeModel`.
        data: Its dataset.
    """
    counted = {}
    for updates_generator in (False, True):
        model.updates_generator = updates_generator
        step = tf.function(lambda *batch: model.train_step(batch))
        counted[updates_generator] = operations(step, *data.element_spec)
    model.updates_generator = True
    return (model.n_critic - 1) * counted[False] + counted[True]


_COLUMNS = (
    # Title, column of a result, format.
    ("critic steps", "critic_steps", ".0f"),
    ("wanted attribute seen", "target_accuracy", ".1%"),
    ("given", "given_accuracy", ".1%"),
    ("taken away", "removed_accuracy", ".1%"),
    ("others kept", "preservation_accuracy", ".1%"),
    ("likeness", "likeness", ".1%"),
    ("FID", "fid", ".3f"),
    ("change outside the mask", "background_l1", ".2%"),
    ("change along the border", "border_l1", ".2%"),
    *((f"s to {level:.0%}", f"seconds_to_{level:.0%}", ".0f") for level in LEVELS),
    *(
        (f"updates to {level:.0%}", f"updates_to_{level:.0%}", ".0f")
        for level in LEVELS
    ),
    ("s / update", "seconds_per_update", ".3f"),
    ("GFLOP / update", "gflop_per_update", ".1f"),
)
# Claim, column of which the mean ought to be lower, of which variant, than of which.
_CLAIMS = (
    *(
        (f"{what} faster, {unit} to {level:.0%}", f"{column}_to_{level:.0%}", *pair)
        for what, *pair in (
            ("ACL-GAN as a whole learns", "aclgan", "stargan"),
            (
                "the loss alone, with as many critic steps, learns",
                *("aclgan_loss_alone", "stargan_one_critic_step"),
            ),
            ("growing learns", "aclgan_growing", "aclgan"),
        )
        for unit, column in (("seconds", "seconds"), ("updates", "updates"))
        for level in LEVELS
    ),
    (
        "an update takes no more operations: one critic step against five",
        *("gflop_per_update", "aclgan", "stargan"),
    ),
    (
        "an update takes no more operations: one critic step each",
        *("gflop_per_update", "aclgan", "stargan_one_critic_step"),
    ),
    (
        "an update takes no more operations: the loss alone, one critic step each",
        *("gflop_per_update", "aclgan_loss_alone", "stargan_one_critic_step"),
    ),
    ("the mask keeps the background", "border_l1", "aclgan", "aclgan_without_mask"),
    ("the frame keeps the border", "border_l1", "aclgan", "aclgan_without_frame"),
)


def judge_claims(results):
    """Yields a row of cells for each claim of which both sides were measured."""
    shown = {column: (title, form) for title, column, form in _COLUMNS}
    for claim, column, lower, higher in _CLAIMS:
        sides = [
            [_value(row, column) for row in results if row["variant"] == name]
            for name in (lower, higher)
        ]
        if all(sides) and not np.isnan(sum(sides, [])).any():
            title, form = shown[column]
            means = [np.mean(side) for side in sides]
            ours, other = (
                format(mean, form) if np.isfinite(mean) else "never" for mean in means
            )
            counted = column == "gflop_per_update"
            found = verdicts.verdict(sides[0], "<", sides[1], counted)
            yield [claim, f"{title}: {ours} against {other}", found]


def _value(row, column):
    """Returns a value of a result: infinity for a score that is never reached, and NaN
    for what an older record does not tell."""
    if column in row:
        return row[column]
    _, _, level = column.partition("_to_")
    return np.inf if level and f"seconds_to_{level}" not in row else np.nan


@study("attributes")
class AttributeLoss(Study):
    """ACL-GAN's attribute loss, mask, frame and growth against StarGAN."""

    variants = {
        "stargan": "StarGAN",
        "stargan_one_critic_step": "StarGAN, one critic step",
        "aclgan": "ACL-GAN",
        "aclgan_without_complement": "ACL-GAN, loss without complement",
        "aclgan_loss_alone": "ACL-GAN, loss alone",
        "aclgan_without_mask": "ACL-GAN without mask",
        "aclgan_without_frame": "ACL-GAN without frame",
        "aclgan_growing": "ACL-GAN, growing",
    }
    setting = Setting
    # Too short to learn much.
    quick = Setting(
        width=8,
        residual_blocks=1,
        steps=60,
        scores=2,
        test_images=32,
        classifier_steps=60,
    )

    def make_domains(self, setting):
        return Faces(setting)

    def build(self, variant, seed, setting, domains, **weights):
        """Also builds variants with other weights of their losses."""
        arguments = VARIANTS[variant] | weights
        preset = presets.stargan
        if not variant.startswith("stargan"):
            preset = presets.aclgan
            arguments.setdefault("content_weight", setting.content_weight)
        names = ("size", "width", "residual_blocks", "ema_decay", "learning_rate")
        arguments |= fields(setting, *names)
        return preset(domains.train[2], seed=seed, **arguments)

    def run(self, variant, seed, setting, domains, path):
        """Leaves `scores.csv`, `history.csv` and `edits.png` in the folder."""
        model = self.build(variant, seed, setting, domains)
        batches = model.batches(setting.steps)
        dataset = data.attributes(
            domains.train,
            batch_size=setting.batch_size,
            split=None,
            steps_per_epoch=batches // runs.epochs_of(setting.steps),
            seed=seed,
        )
        flops = flops_per_update(model, dataset)
        growth = []
        if VARIANTS[variant].get("growing"):
            # Full-grown after half of the training.
            images = batches * setting.batch_size // 2
            phases = 2 * (model.generator.stages - 1)
            growth = [callbacks.Growth(setting.batch_size, max(1, images // phases))]
        rows = runs.fit(
            model, dataset, setting, domains.score, path, growth, timed=True
        )
        first, last = rows[0], dict(rows[-1])
        # Compilation, in the first steps, is no part of it.
        seconds = last["seconds"] - first["seconds"]
        updates = last["iteration"] - first["iteration"]
        last["seconds_per_update"] = seconds / updates if updates else last["seconds"]
        for level in LEVELS:
            reached = [row for row in rows if score_of(row) >= level]
            if reached:
                last[f"seconds_to_{level:.0%}"] = reached[0]["seconds"]
                last[f"updates_to_{level:.0%}"] = reached[0]["iteration"]
        runs.write_picture(path / "edits.png", domains.picture(model))
        return {
            "steps": last.pop("iteration"),
            "critic_steps": model.n_critic,
            "gflop_per_update": flops / 1e9,
            **last,
        }

    def describe(self, result):
        return (
            f"target {result['target_accuracy']:.1%}, preserved "
            f"{result['preservation_accuracy']:.1%}, FID {result['fid']:.3f}, "
            f"{result['seconds_per_update']:.3f} s/update"
        )

    def report(self, results, setting, domains):
        """Formats all scores, and what was found of the paper's claims."""
        head = ["claim", "compared", "found"]
        features = tables.network_text(domains, "")
        return [
            tables.variants_table(results, self.trained(results), _COLUMNS),
            f"{setting['steps']} updates of the generator, each after one critic step "
            "(StarGAN: five, where nothing else is said), "
            f"batches of {setting['batch_size']}, {setting['size']} pixels, "
            f"width {setting['width']}, {setting['residual_blocks']} residual blocks, "
            f"Adam {setting['learning_rate']} (ACL-GAN's discriminator: twice that), "
            f"averaged weights (decay {setting['ema_decay']}); mean ± deviation over "
            f"{tables.seeds_text(results, self.variants)}. "
            f"{domains['training_images']} training and {domains['test_images']} test "
            f"images of {setting['data']}; attributes "
            f"{', '.join(domains['attribute_names'])}.",
            "Seen by a classifier that learned from the training images and tells "
            f"{results[0]['classifier_accuracy']:.1%} of the attributes of real test "
            "images. Changes are mean |differences| as a share of the range of "
            "values; the border is 8 pixels wide. Likeness is 1 where nothing "
            "changes, and 0 where an edit is as far from its image as another image "
            "is. The FID is that of edited test images from as many real ones, in the "
            f"{features}.",
            "ACL-GAN's loss has the complement of the attributes, as in the author's "
            "later code, but for the row without it: that is the paper's own loss, "
            "which cannot teach how to take an attribute away.",
            f"s to {LEVELS[0]:.0%}: seconds of training, compilation included, until a "
            "score is reached, the harmonic mean of wanted attribute seen, others kept "
            "and likeness; updates to it are those of the generator. A run is scored "
            f"{setting['scores']} times. Operations of networks that grow are those of "
            "their first stage.",
            f"The paper's claims, without numbers, and what was found. {verdicts.RULE}",
            tables.table(head, judge_claims(results), [":--"] * 3),
        ]

    def draw_figures(self, directory, results):
        """Draws scores over time and over updates."""
        shown = {"target_accuracy": "wanted attribute seen"}
        shown |= {"preservation_accuracy": "others kept", "likeness": "likeness"}
        figure, panels = tables.make_panels(len(shown), 2, width=4, height=3.2)
        for line, x, title in (
            (panels[0], "seconds", "seconds of training"),
            (panels[1], "iteration", "updates of the generator"),
        ):
            tables.draw_scores(directory, self, results, list(zip(line, shown)), x)
            for axes, column in zip(line, shown.values()):
                axes.set(title=column, xlabel=title)
        panels[0, 0].legend(fontsize=8)
        figure.savefig(directory / "figures" / "scores.png", dpi=100)
        tables.copy_pictures(directory, results, "edits.png")

    # The search of weights -----------------------------------------------------------

    def add_options(self, parser):
        parser.add_argument(
            "--search",
            action="store_true",
            help="search the weights of the losses of stargan and aclgan at random "
            "instead, by short runs; needs keras-tuner, whose environment variables "
            "share it among processes and machines (default then: --width 8, --steps "
            "300, --output runs/attribute_search)",
        )
        parser.add_argument(
            "--trials",
            type=int,
            metavar="N",
            help="runs of a --search for each (default: 12)",
        )

    def start(self, options, given):
        if not options.search:
            require(not options.trials, "--trials is of use with --search only")
            return super().start(options, given)
        require(
            "content_weight" not in given,
            "--content-weight is searched: leave it out with --search",
        )
        require(
            not options.seeds,
            "--seeds is for the study without --search: see --trials",
        )
        # The default is the folder of the study without --search.
        output = options.output
        if output == pathlib.Path("runs") / self.name:
            output = output.with_name("attribute_search")
        try:
            setting = self.quick if options.quick else attribute_search.SETTING
            attribute_search.search(
                output,
                dataclasses.replace(setting, **given),
                only=options.only,
                trials=options.trials or (2 if options.quick else 12),
                command=options.command,
            )
        except ImportError as error:
            # Of an extra that is not installed.
            raise ValueError(str(error)) from error
