"""ACL-GAN's attribute loss against StarGAN, and what its parts are worth.

The study `attributes` trains StarGAN and ACL-GAN on the same images, from the same
seeds, for as many updates of the generator, with networks of one width, and scores
every single edit of held-out images while they train (`metrics.attribute_scores`):

    stargan                as its paper has it: three losses, five critic steps
    aclgan                 attribute and content loss, mask and frame
    aclgan_without_mask    the generator paints the whole image
    aclgan_without_frame   the image is not framed
    aclgan_growing         networks that grow from 16 pixels to full size

The paper claims faster learning, a kept background, and one weight fewer to search. It
has neither scores nor times; what is found here is set beside these claims.

The classifier that judges learns from the training images alone, with another seed than
the models. The Fréchet distance is that of edited test images from real training
images, whose attributes, in random order, the edits are given.
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from keras_gans import presets
from keras_gans.callbacks import Growth, attribute_grid
from keras_gans.callbacks.iteration_callback import Records, write_atomically
from keras_gans.data import attributes, load_attributes
from keras_gans.data.images import encode_png
from keras_gans.experiments.study import (
    PUBLISHED_NETWORKS,
    Features,
    Scores,
    cell,
    epochs_of,
    fit,
    record_text,
    reproduce_variants,
    result_path,
    seeds_text,
    study_frechet_distance,
    write_json,
)
from keras_gans.metrics import (
    FeatureNetwork,
    attribute_scores,
    to_pixels,
    train_classifier,
)

# Arguments of the presets.
VARIANTS = {
    "stargan": {},
    "aclgan": {},
    "aclgan_without_mask": {"mask": False},
    "aclgan_without_frame": {"frame": 0},
    "aclgan_growing": {"growing": True},
}
TITLES = {
    "stargan": "StarGAN",
    "aclgan": "ACL-GAN",
    "aclgan_without_mask": "ACL-GAN without mask",
    "aclgan_without_frame": "ACL-GAN without frame",
    "aclgan_growing": "ACL-GAN, growing",
}
JUDGE_SEED = 100
# Scores, see `score_of`, to which the seconds of training are told.
LEVELS = (0.5, 0.8)
PARTS = ("target_accuracy", "preservation_accuracy", "likeness")


@dataclasses.dataclass(frozen=True)
class Setting:
    """What all runs of a study have in common.

    Args:
        data: Source of the images, as for `keras_gans.data.load_attributes`.
        attributes: Path of the attribute file of a folder, or `None`.
        select: Names of the attributes.
        size: Height and width of the images, a power of two from 16 on.
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

    @property
    def sources(self):
        return {"data": self.data}


# A few minutes on two cores, too short to learn much.
QUICK = Setting(
    width=8, residual_blocks=1, steps=60, scores=2, test_images=32, classifier_steps=60
)


def reproduce(directory, setting=None, only=None, seeds=1, command=""):
    """Runs the study, or what is missing of it, and writes tables and figures.

    A run that was interrupted goes on at its last checkpoint.

    Args:
        directory: Folder of the study.
        setting: A `Setting`. By default the embedded faces.
        only: Optional list of variants to restrict the study to.
        seeds: Positive integer, the number of seeds.
        command: The command line, for the record.

    Returns:
        The list of all results, one dict for each variant and seed.

    Raises:
        FileExistsError: If the folder holds something else.
        ValueError: If `only` names something unknown, the folder holds a study of
            another setting, or an attribute is unknown.
    """
    return reproduce_variants(
        directory,
        setting or Setting(),
        tuple(VARIANTS),
        only,
        seeds,
        command,
        Faces,
        build,
        run,
        report,
        draw_figures,
    )


class Faces:
    """Images with attributes, the classifier that judges and its features.

    Args:
        setting: A `Setting`.

    Attributes:
        train: Tuple `(images, attributes, names)`, as `load_attributes` gives it.
        test: Pair `(images, attributes)` of test images.
        record: Dict, what the report says of all this.
    """

    def __init__(self, setting):
        self.train, test = (
            load_attributes(
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
        self.classifier = train_classifier(
            *self.train[:2],
            steps=setting.classifier_steps,
            seed=JUDGE_SEED,
        )
        network = setting.feature_network
        if network is None:
            # The maps before they are flattened, whose means are the features.
            flatten = self.classifier.layers[-2]
            network = keras.Model(self.classifier.input, flatten.input, name="judge")
        # As many real images as there are edits.
        order = np.random.default_rng(0).permutation(len(self.train[0]))
        self.real = order[: len(self.test[0])]
        self.features = Features(
            FeatureNetwork(network, size=setting.feature_size),
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
        scaled = images.astype("float32") / 127.5 - 1
        wanted = self.train[1][self.real]
        edits = to_pixels(model.translate(scaled, wanted)[0])
        return {
            **attribute_scores(model, images, labels, self.classifier),
            "fid": study_frechet_distance(self.features.real, self.features(edits)),
        }


# One run ---------------------------------------------------------------------------


def run(name, seed, setting, domains, path):
    """Trains and scores one variant, from its last checkpoint if there is one.

    Args:
        name: One of `VARIANTS`.
        seed: Integer, the seed of weights, order and targets.
        setting: A `Setting`.
        domains: Images and classifier.
        path: Folder of the run: `result.json`, `scores.csv`, `history.csv` and
            `edits.png`.

    Returns:
        A line about the result.
    """
    model = build(name, seed, setting, domains)
    batches = model.batches(setting.steps)
    data = attributes(
        domains.train,
        batch_size=setting.batch_size,
        split=None,
        steps_per_epoch=batches // epochs_of(setting.steps),
        seed=seed,
    )
    flops = flops_per_update(model, data)
    scores = _TimedScores(
        path / "scores.csv", domains.score, setting.steps, setting.scores
    )
    callbacks = []
    if VARIANTS[name].get("growing"):
        # Full-grown after half of the training.
        images = batches * setting.batch_size // 2
        phases = 2 * (model.generator.stages - 1)
        callbacks = [Growth(setting.batch_size, max(1, images // phases))]
    fit(model, data, setting.steps, scores, path, callbacks)
    last = dict(scores.records.rows[-1])
    first = scores.records.rows[0]
    # Compilation, in the first steps, is no part of it.
    seconds = last["seconds"] - first["seconds"]
    updates = last["iteration"] - first["iteration"]
    last["seconds_per_update"] = seconds / updates if updates else last["seconds"]
    for level in LEVELS:
        reached = [row for row in scores.records.rows if score_of(row) >= level]
        if reached:
            last[f"seconds_to_{level:.0%}"] = reached[0]["seconds"]
    result = {
        "variant": name,
        "seed": seed,
        "steps": last.pop("iteration"),
        "gflop_per_update": flops / 1e9,
        **last,
    }
    images, labels = domains.test
    scaled = images[:8].astype("float32") / 127.5 - 1
    picture = attribute_grid(model, scaled, labels[:8])
    write_atomically(path / "edits.png", encode_png(picture))
    write_json(path / "result.json", result)
    return (
        f"target {result['target_accuracy']:.1%}, preserved "
        f"{result['preservation_accuracy']:.1%}, FID {result['fid']:.3f}, "
        f"{result['seconds_per_update']:.3f} s/update"
    )


def build(name, seed, setting, domains, **weights):
    """Builds and compiles one of the variants, with other weights of its losses."""
    arguments = VARIANTS[name] | weights
    preset = presets.stargan
    if name != "stargan":
        preset = presets.aclgan
        arguments.setdefault("content_weight", setting.content_weight)
    return preset(
        domains.train[2],
        size=setting.size,
        width=setting.width,
        residual_blocks=setting.residual_blocks,
        ema_decay=setting.ema_decay,
        learning_rate=setting.learning_rate,
        seed=seed,
        **arguments,
    )


def score_of(scores):
    """Returns the harmonic mean of both accuracies and the likeness, or 0.

    An image that does not change at all scores nothing, and neither does one that
    nothing is left of, whatever the classifier sees in it.
    """
    parts = [scores[name] for name in PARTS]
    return len(parts) / sum(1 / part for part in parts) if all(parts) else 0.0


class _TimedScores(Scores):
    """Scores that tell the seconds of training before them, a resume included."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._before = self.records.rows[-1]["seconds"] if self.records.rows else 0.0
        self._resumed = time.perf_counter()
        self._scoring = 0.0

    def at_iteration(self, iteration, logs):
        begin = time.perf_counter()
        seconds = self._before + begin - self._resumed - self._scoring
        self.records.add(iteration, {"seconds": seconds, **self._score(self.model)})
        self._scoring += time.perf_counter() - begin


def flops_per_update(model, data):
    """Counts the floating-point operations of one update of the generator.

    Those of the convolutions and matrix products of its critic steps and of itself, as
    TensorFlow's profiler counts them. Of networks that grow it is the first stage.

    Args:
        model: A compiled `keras_gans.models.AttributeModel`.
        data: Its dataset.

    Returns:
        Integer.
    """
    counted = {}
    for updates_generator in (False, True):
        model.updates_generator = updates_generator
        step = tf.function(lambda *batch: model.train_step(batch))
        graph = step.get_concrete_function(*data.element_spec).graph
        counted[updates_generator] = tf.compat.v1.profiler.profile(
            graph,
            options={
                **tf.compat.v1.profiler.ProfileOptionBuilder.float_operation(),
                "output": "none",
            },
        ).total_float_ops
    model.updates_generator = True
    return (model.n_critic - 1) * counted[False] + counted[True]


# Table and figures -----------------------------------------------------------------

_COLUMNS = (
    # Title, column of a result, format, factor.
    ("wanted attribute seen", "target_accuracy", ".1%"),
    ("others kept", "preservation_accuracy", ".1%"),
    ("likeness", "likeness", ".1%"),
    ("FID", "fid", ".3f"),
    ("change outside the mask", "background_l1", ".2%"),
    ("change along the border", "border_l1", ".2%"),
    *((f"s to {level:.0%}", f"seconds_to_{level:.0%}", ".0f") for level in LEVELS),
    ("s / update", "seconds_per_update", ".3f"),
    ("GFLOP / update", "gflop_per_update", ".1f"),
)


def report(results, setting, domains, record):
    """Formats all results as Markdown.

    Args:
        results: List of dicts, one for each variant and seed.
        setting: Dict, the `Setting`.
        domains: Dict, what the study found out about its images.
        record: Dict, command and versions.
    """
    lines = [
        "| | " + " | ".join(title for title, *_ in _COLUMNS) + " |",
        "|:--|" + "--:|" * len(_COLUMNS),
    ]
    for name in VARIANTS:
        rows = [row for row in results if row["variant"] == name]
        if rows:
            cells = [
                cell([row[column] for row in rows if column in row], form)
                for _, column, form in _COLUMNS
            ]
            lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + " |")
    network = domains["feature_network"]
    unit = "" if network in PUBLISHED_NETWORKS else ", in units of their size"
    lines += [
        "",
        f"{setting['steps']} updates of the generator (StarGAN: five critic steps "
        f"each), batches of {setting['batch_size']}, {setting['size']} pixels, width "
        f"{setting['width']}, {setting['residual_blocks']} residual blocks, Adam "
        f"{setting['learning_rate']} (ACL-GAN's discriminator: twice that), "
        f"averaged weights (decay {setting['ema_decay']}); mean ± deviation over "
        f"{seeds_text(results, TITLES)}. {domains['training_images']} training and "
        f"{domains['test_images']} test images of {setting['data']}; attributes "
        f"{', '.join(domains['attribute_names'])}.",
        "",
        "Seen by a classifier that learned from the training images and tells "
        f"{results[0]['classifier_accuracy']:.1%} of the attributes of real test "
        "images. Changes are mean |differences| as a share of the range of values; the "
        "border is 8 pixels wide. Likeness is 1 where nothing changes, and 0 where an "
        "edit is as far from its image as another image is. The FID is that of edited "
        "test images from as many real ones, in the "
        f"{domains['feature_dim']} features of {network}{unit}.",
        "",
        f"s to {LEVELS[0]:.0%}: seconds of training, compilation included, until a "
        "score is reached, the harmonic mean of the first three columns. A run is "
        f"scored {setting['scores']} times. Operations of networks that grow are those "
        "of their first stage.",
        "",
        "What the paper claims, without numbers, and what was found:",
        "",
        "| claim | compared | found |",
        "|:--|:--|:--|",
        *_claims(results),
        "",
        record_text(record),
    ]
    return "\n".join(lines) + "\n"


# Claim, column of which the mean ought to be lower, of which variant, than of which.
_CLAIMS = (
    *(
        (
            f"the attribute loss learns faster, to {level:.0%}",
            f"seconds_to_{level:.0%}",
            "aclgan",
            "stargan",
        )
        for level in LEVELS
    ),
    ("an update takes no more operations", "gflop_per_update", "aclgan", "stargan"),
    ("the mask keeps the background", "border_l1", "aclgan", "aclgan_without_mask"),
    ("the frame keeps the border", "border_l1", "aclgan", "aclgan_without_frame"),
    *(
        (
            f"growing is faster, to {level:.0%}",
            f"seconds_to_{level:.0%}",
            "aclgan_growing",
            "aclgan",
        )
        for level in LEVELS
    ),
)


def _claims(results):
    """Returns a row of Markdown for each claim of which both sides were run."""
    titles = {column: title for title, column, _ in _COLUMNS}
    forms = {column: form for _, column, form in _COLUMNS}
    for claim, column, lower, higher in _CLAIMS:
        sides = [
            [row for row in results if row["variant"] == name]
            for name in (lower, higher)
        ]
        if not all(sides):
            continue
        # Where a score is never reached it takes forever.
        means = [np.mean([row.get(column, np.inf) for row in rows]) for rows in sides]
        if means[0] == means[1]:
            found = "not seen"
        else:
            found = "confirmed" if means[0] < means[1] else "opposite"
        shown = [
            format(mean, forms[column]) if np.isfinite(mean) else "never"
            for mean in means
        ]
        compared = f"{titles[column]}: {shown[0]} against {shown[1]}"
        yield f"| {claim} | {compared} | {found} |"


def draw_figures(directory, results):
    """Draws scores over time and over updates, and pictures of the first seeds."""
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    columns = {
        "target_accuracy": "wanted attribute seen",
        "preservation_accuracy": "others kept",
        "likeness": "likeness",
    }
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    panels = figure.subplots(2, len(columns))
    for row in results:
        name, seed = row["variant"], row["seed"]
        records = Records(result_path(directory, name, seed).parent / "scores.csv")
        records.rewind(float("inf"))
        for line, x in zip(panels, ("seconds", "iteration")):
            for axes, column in zip(line, columns):
                axes.plot(
                    [point[x] for point in records.rows],
                    [point[column] for point in records.rows],
                    color=f"C{list(VARIANTS).index(name)}",
                    marker=".",
                    # One entry of the legend for all seeds.
                    label=None if seed else TITLES[name],
                )
    for line, x in zip(panels, ("seconds of training", "updates of the generator")):
        for axes, title in zip(line, columns.values()):
            axes.set(title=title, xlabel=x)
            axes.grid(alpha=0.3)
    panels[0, 0].legend(fontsize=8)
    figure.savefig(folder / "scores.png", dpi=100)
    for row in results:
        if row["seed"] == 0:
            path = result_path(directory, row["variant"], 0).parent
            picture = (path / "edits.png").read_bytes()
            write_atomically(folder / f"edits_{row['variant']}.png", picture)
