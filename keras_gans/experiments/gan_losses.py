"""The seven classic GAN losses, measured where the survey gives adjectives.

`keras-gans reproduce losses` trains every loss on a ring of 8 Gaussians, a grid of 25
and digit images, over several seeds, and writes one table for each, a table of the
survey's claims with what was seen, a CSV file of all runs, and figures.

On each data all losses have the same batch size and number of generator updates, and
the same networks but for what the papers rule out: WGAN-GP's critic has no batch
normalization, EBGAN and BEGAN have auto-encoders, BEGAN's generator of images is the
decoder of one, and the conditional GAN sees labels. On images WGAN and WGAN-GP draw
normal latent vectors and the others uniform ones, as in the papers.

Reference: Lee, Park and Shon, "A Study on the Loss Functions of GAN Models" (survey, in
Korean), tables 1 and 2.
"""

import dataclasses
import json
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from keras_gans import models, networks, presets
from keras_gans.callbacks import generated_grid
from keras_gans.data import (
    gaussian_grid,
    gaussian_ring,
    generation,
    load_images,
)
from keras_gans.experiments.study import (
    cell,
    check_folder,
    deviation,
    record_text,
    seeds_text,
    write_csv,
    write_json,
    write_record,
    write_text,
)
from keras_gans.metrics import mode_statistics, train_classifier
from keras_gans.schedules import ConstantThenLinear
from keras_gans.training import FEATURE_DIM, score_generation

MODELS = (
    "gan",
    "minimax_gan",
    "conditional_gan",
    "wgan",
    "wgan_gp",
    "ebgan",
    "began",
    "lsgan",
)
TITLES = {
    "gan": "GAN",
    "minimax_gan": "GAN, minimax",
    "conditional_gan": "CGAN",
    "wgan": "WGAN",
    "wgan_gp": "WGAN-GP",
    "ebgan": "EBGAN",
    "began": "BEGAN",
    "lsgan": "LSGAN",
}
DATA = ("ring", "grid", "images")
MIXTURES = {"ring": gaussian_ring, "grid": gaussian_grid}
# Parts of the training at which samples are kept for the figures.
SNAPSHOTS = (0.0, 0.05, 0.2, 0.5, 1.0)
EPOCHS = 100


@dataclasses.dataclass(frozen=True)
class Setting:
    """Length and size of the study.

    Args:
        updates: Dict from data to generator updates.
        seeds: Number of seeds.
        width: Filters or units of the networks, for points and for images.
        probe_steps: Discriminator steps before the gradient is measured.
        classifier_steps: Training steps of the classifier behind FID and KID.
        samples: Generated samples that are scored.
        batch_size: Dict from data to the samples in a batch.
    """

    updates: dict
    seeds: int
    width: dict
    probe_steps: int
    classifier_steps: int
    samples: int
    batch_size: dict


FULL = Setting(
    updates={"ring": 3000, "grid": 3000, "images": 1000},
    seeds=3,
    width={"ring": 128, "grid": 128, "images": 16},
    probe_steps=300,
    classifier_steps=500,
    samples=2000,
    batch_size={"ring": 256, "grid": 256, "images": 64},
)
QUICK = Setting(
    updates={"ring": 100, "grid": 100, "images": 20},
    seeds=1,
    width={"ring": 32, "grid": 32, "images": 8},
    probe_steps=10,
    classifier_steps=50,
    samples=500,
    batch_size={"ring": 64, "grid": 64, "images": 16},
)


def reproduce(
    directory, data="handwritten_digits", only=None, seeds=None, quick=False, command=""
):
    """Runs the study, or what is missing of it, and writes tables and figures.

    Args:
        directory: Folder of the study.
        data: Source of the images, with labels and a test split.
        only: Optional list of models and kinds of data to restrict the study to.
        seeds: Optional positive integer, the number of seeds.
        quick: Boolean, a short form that shows that all works.
        command: The command line, for the record.

    Returns:
        The list of all results, one dict for each model, data and seed.

    Raises:
        ValueError: If `only` names something unknown, or the folder holds a study of
            another setting.
    """
    names, kinds = _selection(only)
    setting = QUICK if quick else FULL
    if seeds is not None:
        setting = dataclasses.replace(setting, seeds=seeds)
    directory = pathlib.Path(directory)
    content = {"data": str(data), **dataclasses.asdict(setting)}
    del content["seeds"]  # There may be more of them the next time.
    check_folder(directory, content)
    jobs = [
        (kind, seed, name)
        for kind in kinds
        for seed in range(setting.seeds)
        for name in names
    ]
    print(
        f"{len(jobs)} runs: {', '.join(names)}\n  on {', '.join(kinds)}, "
        f"{setting.seeds} seed(s), into {directory}",
        flush=True,
    )
    missing = [job for job in jobs if not _path(directory, *job).exists()]
    domain = None
    if any(kind == "images" for kind, _, _ in missing):
        domain = _ImageDomain(data, setting)
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "setting.json", content)
    for number, (kind, seed, name) in enumerate(missing, 1):
        path = _path(directory, kind, seed, name).parent
        started = time.perf_counter()
        print(
            f"[{number}/{len(missing)}] {kind} {name}, seed {seed}", end=" ", flush=True
        )
        result = run(name, kind, seed, setting, path, domain)
        print(
            " ".join(
                f"{key} {_number(result.get(key, float('nan')))}"
                for key in _headline(kind)
            ),
            f"in {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    results = _collect(directory)
    record = write_record(directory, command, bool(missing))
    write_csv(directory / "table.csv", results)
    write_text(directory / "table.md", report(results, record))
    draw_figures(directory, results)
    print(f"\nDone. table.md, table.csv and figures/ are in {directory}.")
    return results


# One run ---------------------------------------------------------------------------


def run(name, kind, seed, setting, path, domain=None):
    """Trains and measures one model; writes `result.json` and the samples kept.

    Args:
        name: One of `MODELS`.
        kind: One of `DATA`.
        seed: Integer, the seed of weights, order and latent vectors.
        setting: A `Setting`.
        path: Folder of the run.
        domain: The images and their classifier, for `"images"`.

    Returns:
        The result as a dict.
    """
    path.mkdir(parents=True, exist_ok=True)
    updates = setting.updates[kind]
    model = build(name, kind, seed, setting, domain)
    batches = model.batches(updates)
    epochs = min(EPOCHS, updates)
    data = _make_data(model, kind, seed, setting, domain, -(-batches // epochs))
    gradients = probe_gradient(model, data, setting.probe_steps)

    # The probe has moved the discriminator: begin anew.
    model = build(name, kind, seed, setting, domain)
    data.position.assign(0)
    monitor = _Monitor(updates, seed)
    model.fit(data, epochs=epochs, callbacks=[monitor], verbose=0)
    # The last update comes after the last loss.
    monitor.finite = monitor.finite and bool(
        np.isfinite(model.generate(1, seed=seed)).all()
    )
    result = {
        "data": kind,
        "model": name,
        "seed": seed,
        "updates": model.iterations,
        "batches": batches,
        "parameters": model.generator.count_params()
        + model.discriminator.count_params(),
        "seconds": monitor.seconds,
        "seconds_per_update": monitor.seconds_per_update,
        "finite": monitor.finite,
        "loss_spread": monitor.loss_spread(),
        **gradients,
    }
    if monitor.finite and kind == "images":
        result |= score_generation(
            model,
            domain.classifier,
            domain.test_images,
            domain.images,
            count=setting.samples,
        )
    elif monitor.finite:
        mixture = MIXTURES[kind]()
        result |= mode_statistics(
            model.generate(setting.samples, seed=seed),
            mixture.centers,
            mixture.standard_deviation,
            minimum_share=0.1,
        )
    np.savez_compressed(
        path / "samples.npz",
        **{str(index): samples for index, samples in enumerate(monitor.snapshots)},
        losses=np.array(monitor.losses),
    )
    write_json(path / "result.json", result)
    keras.utils.clear_session(free_memory=False)
    return result


def build(name, kind, seed, setting, domain=None):
    """Builds and compiles one of the models for one kind of data."""
    width = setting.width[kind]
    compile_arguments = {}
    if name == "minimax_gan":
        name, compile_arguments = "gan", {"adversarial_loss": "minimax"}
    if kind == "images":
        arguments = {"size": 32, "channels": domain.images.shape[-1], "width": width}
        if name == "conditional_gan":
            arguments["classes"] = domain.classes
        preset = getattr(presets, name)
        return preset(**arguments, seed=seed, **compile_arguments)

    keras.utils.set_random_seed(seed)
    model_class, arguments, learning_rates = POINTS[name]
    arguments = dict(arguments)
    if name == "conditional_gan":
        arguments["classes"] = len(MIXTURES[kind]().centers)
    classes = arguments.get("classes")
    if name in ("ebgan", "began"):
        discriminator = networks.mlp_autoencoder(width=width)
    else:
        discriminator = networks.mlp_discriminator(width=width, classes=classes)
    model = model_class(
        generator=networks.mlp_generator(
            latent_dim=POINT_LATENT_DIM, width=width, classes=classes
        ),
        discriminator=discriminator,
        latent_distribution="normal",
        seed=seed,
        **arguments,
    )
    updates = setting.updates[kind]
    steps = {"generator": updates, "discriminator": model.batches(updates)}
    for role, rate in zip(steps, learning_rates):
        # Points only settle on modes that are so narrow when the steps get smaller.
        half = steps[role] // 2
        schedule = ConstantThenLinear(rate, half, steps[role] - half)
        if name == "wgan":
            optimizer = keras.optimizers.RMSprop(schedule)
        else:
            beta_1 = 0.0 if name == "wgan_gp" else 0.5
            optimizer = keras.optimizers.Adam(schedule, beta_1=beta_1)
        compile_arguments[f"{role}_optimizer"] = optimizer
    model.compile(**compile_arguments)
    return model


POINT_LATENT_DIM = 16
# For points in the plane the papers give no setting: their optimizers, at rates of
# small dense networks, a margin in the unit of the data, and a tenfold bound and a
# hundredth of the penalty's weight for critics of WGAN and WGAN-GP, so that they can be
# steep enough between modes that are so narrow.
POINTS = {
    "gan": (models.GAN, {}, (1e-3, 1e-3)),
    "conditional_gan": (models.ConditionalGAN, {}, (1e-3, 1e-3)),
    "wgan": (models.WGAN, {"clip_limit": 0.1}, (5e-4, 5e-4)),
    "wgan_gp": (models.WGANGP, {"gradient_penalty_weight": 0.1}, (1e-3, 1e-3)),
    "ebgan": (models.EBGAN, {"margin": 1.0}, (1e-3, 1e-3)),
    "began": (models.BEGAN, {}, (1e-3, 1e-3)),
    "lsgan": (models.LSGAN, {}, (1e-3, 1e-3)),
}


def probe_gradient(model, data, steps):
    """Measures what the generator learns from a discriminator that has won.

    The discriminator alone is trained against the generator as it starts.

    Args:
        model: A compiled model, which is changed.
        data: The dataset.
        steps: Positive integer, discriminator steps.

    Returns:
        A dict: `gradient_start`, the norm of the generator's gradient before these
        steps, `gradient_optimum` after them, and `gradient_ratio` of the two.
    """

    @tf.function
    def train_discriminator(batch):
        real, labels = model.unpack(batch)
        fake = model.make_samples(real, labels)
        model.minimize(
            "discriminator", lambda: model.discriminator_losses(real, fake, labels)
        )

    @tf.function
    def gradient_norm(batch):
        real, labels = model.unpack(batch)
        return model.gradient_norm(
            "generator",
            lambda: model.generator_losses(
                real, model.make_samples(real, labels), labels
            )["generator_loss"],
        )

    batches = iter(data.repeat())

    def mean_norm():
        return float(np.mean([gradient_norm(next(batches)) for _ in range(5)]))

    start = mean_norm()
    for _ in range(steps):
        train_discriminator(next(batches))
    optimum = mean_norm()
    return {
        "gradient_start": start,
        "gradient_optimum": optimum,
        "gradient_ratio": optimum / start if start else float("nan"),
    }


class _ImageDomain:
    """Images, test images and the classifier that judges what is generated."""

    def __init__(self, source, setting):
        self.source = source
        self.images, labels = load_images(source, size=32, split="train")
        self.test_images, test_labels = load_images(source, size=32, split="test")
        if labels is None or test_labels is None:
            raise ValueError(
                "The study needs images with labels and test images. "
                f"Received: {source!r}, which does not have them."
            )
        self.classes = int(labels.max()) + 1
        print("Training the classifier behind FID and KID ...", flush=True)
        self.classifier = train_classifier(
            self.images,
            labels,
            steps=setting.classifier_steps,
            feature_dim=FEATURE_DIM,
            seed=0,
        )
        logits = self.classifier.predict(self.test_images, batch_size=256, verbose=0)
        self.accuracy = float((logits.argmax(-1) == test_labels).mean())
        print(f"  accuracy on test images {self.accuracy:.1%}", flush=True)


def _make_data(model, kind, seed, setting, domain, steps_per_epoch):
    arguments = {
        "batch_size": setting.batch_size[kind],
        "steps_per_epoch": steps_per_epoch,
        "labels": model.classes is not None,
        "seed": seed,
    }
    if kind == "images":
        return generation(domain.source, size=32, flip=False, **arguments)
    return MIXTURES[kind]().dataset(**arguments)


class _Monitor(keras.callbacks.Callback):
    """Keeps losses, times and samples, and ends at a number of generator updates."""

    def __init__(self, updates, seed):
        super().__init__()
        self.updates = updates
        self.seed = seed
        self.losses = []
        self.snapshots = []
        self.finite = True
        self._due = [round(share * updates) for share in SNAPSHOTS]

    def on_train_begin(self, logs=None):
        self._keep_samples(0)
        self._aside = 0.0
        self._started = time.perf_counter()
        self._traced = None

    def on_train_batch_end(self, batch, logs=None):
        iterations = self.model.iterations
        if self._traced is None and iterations:
            # The first update compiled the step.
            self._traced = time.perf_counter(), self._aside, iterations
        before = time.perf_counter()
        self._keep_samples(iterations)
        self._aside += time.perf_counter() - before
        if not all(np.isfinite(float(value)) for value in logs.values()):
            self.finite = False
            self.model.stop_training = True
        if iterations >= self.updates:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        names = ("discriminator_loss", "generator_loss")
        self.losses.append([self.model.iterations, *(float(logs[n]) for n in names)])

    def on_train_end(self, logs=None):
        now = time.perf_counter()
        self.seconds = now - self._started - self._aside
        started, aside, iterations = self._traced or (now, self._aside, 0)
        updates = self.model.iterations - iterations
        seconds = now - started - (self._aside - aside)
        self.seconds_per_update = seconds / updates if updates else float("nan")

    def _keep_samples(self, iterations):
        while self._due and iterations >= self._due[0]:
            del self._due[0]
            points = len(self.model.generator.output_shape) == 2
            self.snapshots.append(
                self.model.generate(1000 if points else 20, seed=self.seed)
            )

    def loss_spread(self):
        """Returns the deviation of the discriminator's loss over the last quarter, in
        units of its mean magnitude there.

        Not the generator's: that of a WGAN holds a constant that means nothing.
        """
        losses = np.array([row[1] for row in self.losses])
        last = losses[-max(2, len(losses) // 4) :]
        return float(last.std() / np.abs(last).mean())


# Tables ----------------------------------------------------------------------------

# Column: title, format.
COLUMNS = {
    "finite": ("finite runs", ".0%"),
    "modes_covered": ("modes", ".1f"),
    "high_quality": ("within 3 deviations", ".1%"),
    "fid": ("FID", ".2f"),
    "kid": ("KID", ".3f"),
    "classes_produced": ("classes", ".1f"),
    "entropy_share": ("entropy / log 10", ".3f"),
    "label_share": ("label as asked", ".1%"),
    "gradient_ratio": ("gradient, D optimal / start", ".3g"),
    "loss_spread": ("spread of D's loss", ".3f"),
    "seconds_per_update": ("s / update", ".4f"),
    "seconds": ("seconds", ".0f"),
    "parameters": ("parameters", ",.0f"),
}


@dataclasses.dataclass(frozen=True)
class Claim:
    """An adjective of the survey's table 1 as a comparison of two measurements."""

    model: str
    text: str
    data: str
    column: str
    relation: str
    reference: str | float


CLAIMS = (
    Claim("gan", "learning is unstable", "images", "loss_spread", ">", "wgan_gp"),
    Claim("minimax_gan", "vanishing gradients", "images", "gradient_ratio", "<", 0.1),
    Claim("gan", "vanishing gradients", "images", "gradient_ratio", "<", 0.1),
    Claim(
        "conditional_gan",
        "controls what is generated",
        "images",
        "label_share",
        ">",
        0.5,
    ),
    Claim("wgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim(
        "wgan",
        "gradients vanish less",
        "images",
        "gradient_ratio",
        ">",
        "minimax_gan",
    ),
    Claim("wgan", "fewer modes dropped than GAN", "grid", "modes_covered", ">", "gan"),
    Claim("wgan_gp", "learns faster than WGAN", "images", "fid", "<", "wgan"),
    Claim("wgan_gp", "better samples than WGAN", "ring", "high_quality", ">", "wgan"),
    Claim("ebgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("ebgan", "mode collapse", "grid", "modes_covered", "<", "gan"),
    Claim("began", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("began", "loses data by compression", "images", "entropy_share", "<", "gan"),
    Claim("lsgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("lsgan", "better images than GAN", "images", "fid", "<", "gan"),
)


def judge(claim, results):
    """Returns `(verdict, ours, reference)` of a claim, or None without results.

    A difference counts if it is larger than the deviation over seeds, the root mean
    square of the two deviations (of samples, with n - 1).
    """
    ours = _values(results, claim.data, claim.model, claim.column)
    if isinstance(claim.reference, str):
        other = _values(results, claim.data, claim.reference, claim.column)
    else:
        other = np.array([claim.reference])
    if not len(ours) or not len(other):
        return None
    difference = ours.mean() - other.mean()
    if claim.relation == "<":
        difference = -difference
    spread = np.sqrt((deviation(ours) ** 2 + deviation(other) ** 2) / 2)
    if difference > spread:
        verdict = "confirmed"
    elif difference < -spread:
        verdict = "opposite"
    else:
        verdict = "not seen"
    return verdict, ours, other


def report(results, record):
    """Formats all results as Markdown: a table for each data, and the claims."""
    lines = []
    for kind in DATA:
        rows = [row for row in results if row["data"] == kind]
        if not rows:
            continue
        columns = [name for name in COLUMNS if any(name in row for row in rows)]
        updates = sorted({row["updates"] for row in rows})
        lines += [
            f"### {kind}",
            "",
            f"{' to '.join(map(str, updates[:: max(1, len(updates) - 1)]))} generator "
            f"updates; mean ± deviation over {seeds_text(rows, TITLES, 'model')}.",
            "",
            "| model | " + " | ".join(COLUMNS[name][0] for name in columns) + " |",
            "|:--|" + "--:|" * len(columns),
        ]
        for name in MODELS:
            cells = [
                cell(_values(rows, kind, name, column), COLUMNS[column][1])
                for column in columns
            ]
            if any(row["model"] == name for row in rows):
                lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + " |")
        if kind == "images":
            real = [row for row in rows if "real_fid" in row]
            if real:
                lines += [
                    "",
                    f"Real training images instead of generated ones: FID "
                    f"{real[0]['real_fid']:.2f}, KID {real[0]['real_kid']:.3f}.",
                ]
        lines.append("")
    verdicts = [(claim, judge(claim, results)) for claim in CLAIMS]
    if any(verdict for _, verdict in verdicts):
        lines += [
            "### What the survey says",
            "",
            "| model | claim | measured as | its | other | verdict |",
            "|:--|:--|:--|--:|--:|:--|",
        ]
        for claim, verdict in verdicts:
            if verdict is None:
                continue
            title, form = COLUMNS[claim.column]
            reference = TITLES.get(claim.reference, "")
            lines.append(
                f"| {TITLES[claim.model]} | {claim.text} | {title} ({claim.data}) "
                f"{claim.relation} {reference} | {cell(verdict[1], form)} "
                f"| {cell(verdict[2], form)} | {verdict[0]} |"
            )
        lines.append("")
    minutes = sum(row["seconds"] for row in results) / 60
    lines.append(
        f"{record_text(record).rstrip('.')}; {minutes:.0f} minutes of training in all."
    )
    return "\n".join(lines) + "\n"


def _values(results, kind, name, column):
    values = [
        row[column]
        for row in results
        if row["data"] == kind and row["model"] == name and column in row
    ]
    return np.array(values, "float64")


def _headline(kind):
    return (
        ("fid", "classes_produced")
        if kind == "images"
        else (
            "modes_covered",
            "high_quality",
        )
    )


def _number(value):
    return f"{value:.3g}"


# Figures ---------------------------------------------------------------------------


def draw_figures(directory, results):
    """Draws loss curves, and samples over time, of the first seed of every model."""
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    for kind in DATA:
        runs = {}
        for name in MODELS:
            path = directory / "runs" / kind / f"{name}-0" / "samples.npz"
            if path.exists():
                with np.load(path) as file:
                    runs[name] = dict(file)
        if runs:
            _draw_losses(runs).savefig(folder / f"{kind}_losses.png", dpi=100)
            _draw_samples(runs, kind).savefig(folder / f"{kind}_samples.png", dpi=100)


def _draw_losses(runs):
    columns = 4
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(3 * columns, 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, run_data) in zip(panels, runs.items()):
        iterations, discriminator, generator = run_data["losses"].T
        axes.plot(iterations, discriminator, label="discriminator")
        axes.plot(iterations, generator, label="generator")
        axes.set(title=TITLES[name], xlabel="generator updates")
        axes.grid(alpha=0.3)
    for axes in panels[len(runs) :]:
        axes.axis("off")
    panels[0].legend()
    return figure


def _draw_samples(runs, kind):
    columns = len(SNAPSHOTS)
    width, height = (1.7, 1.7) if kind != "images" else (2.4, 0.66)
    figure = Figure(figsize=(width * columns, height * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), columns, squeeze=False)
    for row, (name, run_data) in zip(panels, runs.items()):
        for index, axes in enumerate(row):
            axes.set(xticks=[], yticks=[])
            samples = run_data.get(str(index))
            if samples is None:  # A run that was no longer finite.
                continue
            if kind == "images":
                picture = generated_grid(samples, columns=10)
                axes.imshow(picture, interpolation="nearest")
            else:
                centers = MIXTURES[kind]().centers
                axes.plot(*centers.T, "+", color="tab:red", markersize=5)
                axes.plot(*samples.T, ".", markersize=1, alpha=0.5)
                axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        row[0].set_ylabel(TITLES[name], rotation=0, ha="right", va="center")
    for axes, share in zip(panels[0], SNAPSHOTS):
        axes.set_title(f"{share:.0%}", fontsize=9)
    return figure


# Files -----------------------------------------------------------------------------


def _path(directory, kind, seed, name):
    return directory / "runs" / kind / f"{name}-{seed}" / "result.json"


def _selection(only):
    unknown = set(only or ()) - {*MODELS, *DATA}
    if unknown:
        raise ValueError(
            f"--only can name models ({', '.join(MODELS)}) and data "
            f"({', '.join(DATA)}). Received: {', '.join(sorted(unknown))}"
        )
    names = [name for name in MODELS if name in (only or ())] or list(MODELS)
    kinds = [kind for kind in DATA if kind in (only or ())] or list(DATA)
    return names, kinds


def _collect(directory):
    order = {name: index for index, name in enumerate((*DATA, *MODELS))}
    results = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in directory.glob("runs/*/*/result.json")
    ]
    return sorted(
        results, key=lambda row: (order[row["data"]], order[row["model"]], row["seed"])
    )
