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
import functools
import types
from typing import NamedTuple

from keras_gans.checks import require
from keras_gans.experiments.lazily import callbacks, data, gan_monitor, generation
from keras_gans.experiments.lazily import keras, metrics, models, networks, np, presets
from keras_gans.experiments.lazily import schedules, tables, verdicts
from keras_gans.experiments.study import fields, result_path, Study, study

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
MODELS = tuple(TITLES)
DATA = ("ring", "grid", "images")
# Parts of the training at which samples are kept for the figures.
SNAPSHOTS = (0.0, 0.05, 0.2, 0.5, 1.0)
EPOCHS = 100


@dataclasses.dataclass(frozen=True)
class Setting:
    """Length and size of the study.

    Args:
        data: Source of the images, with labels and a test split.
        point_updates: Generator updates on points, of the ring and the grid.
        image_updates: Generator updates on images.
        point_width: Units of the networks for points.
        image_width: Filters of the networks for images.
        point_batch_size: Points in a batch.
        image_batch_size: Images in a batch.
        probe_steps: Discriminator steps before the gradient is measured.
        classifier_steps: Training steps of the classifier behind FID and KID.
        samples: Generated samples that are scored.
    """

    data: str = "handwritten_digits"
    point_updates: int = 3000
    image_updates: int = 1000
    point_width: int = 128
    image_width: int = 16
    point_batch_size: int = 256
    image_batch_size: int = 64
    probe_steps: int = 300
    classifier_steps: int = 500
    samples: int = 2000

    def of(self, what, kind):
        """Returns `"updates"`, `"width"` or `"batch_size"` of one of `DATA`."""
        return getattr(self, f"{'image' if kind == 'images' else 'point'}_{what}")


POINT_LATENT_DIM = 16
# For points in the plane the papers give no setting: their optimizers, at rates of
# small dense networks, a margin in the unit of the data, and a tenfold bound and a
# hundredth of the penalty's weight for critics of WGAN and WGAN-GP, so that they can be
# steep enough between modes that are so narrow.
POINTS = {
    "gan": ("GAN", {}, (1e-3, 1e-3)),
    "conditional_gan": ("ConditionalGAN", {}, (1e-3, 1e-3)),
    "wgan": ("WGAN", {"clip_limit": 0.1}, (5e-4, 5e-4)),
    "wgan_gp": ("WGANGP", {"gradient_penalty_weight": 0.1}, (1e-3, 1e-3)),
    "ebgan": ("EBGAN", {"margin": 1.0}, (1e-3, 1e-3)),
    "began": ("BEGAN", {}, (1e-3, 1e-3)),
    "lsgan": ("LSGAN", {}, (1e-3, 1e-3)),
}

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


class Claim(NamedTuple):
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
        *("conditional_gan", "controls what is generated"),
        *("images", "label_share", ">", 0.5),
    ),
    Claim("wgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim(
        "wgan", "gradients vanish less", "images", "gradient_ratio", ">", "minimax_gan"
    ),
    # On the ring: the grid is too much for every unconditional model so far.
    Claim("wgan", "fewer modes dropped than GAN", "ring", "modes_covered", ">", "gan"),
    Claim("wgan_gp", "learns faster than WGAN", "images", "fid", "<", "wgan"),
    Claim("wgan_gp", "better samples than WGAN", "ring", "high_quality", ">", "wgan"),
    Claim("ebgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("ebgan", "mode collapse", "ring", "modes_covered", "<", "gan"),
    Claim("began", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("began", "loses data by compression", "images", "entropy_share", "<", "gan"),
    Claim("lsgan", "more stable than GAN", "images", "loss_spread", "<", "gan"),
    Claim("lsgan", "better images than GAN", "images", "fid", "<", "gan"),
)


def judge(claim, results):
    """Returns `(verdict, ours, reference)` of a claim, or None without results."""
    ours = values_of(results, claim.data, claim.model, claim.column)
    other = claim.reference
    if isinstance(other, str):
        other = values_of(results, claim.data, other, claim.column)
    if not len(ours) or not np.size(other):
        return None
    return verdicts.verdict(ours, claim.relation, other), ours, np.atleast_1d(other)


def values_of(results, kind, name, column):
    own = [row for row in results if row["data"] == kind]
    return np.array(tables.values_of(own, name, column, "model"), "float64")


def mixture_of(kind):
    return {"ring": data.gaussian_ring, "grid": data.gaussian_grid}[kind]()


class Images:
    """Images, test images and the classifier that judges what is generated."""

    def __init__(self, setting):
        self.train, labels = data.load_images(setting.data, size=32, split="train")
        self.test, test_labels = data.load_images(setting.data, size=32, split="test")
        require(
            labels is not None and test_labels is not None,
            "The study needs images with labels and test images. Received: "
            f"{setting.data!r}, which does not have them",
        )
        self.classes = int(labels.max()) + 1
        print("Training the classifier behind FID and KID ...", flush=True)
        length = {"steps": setting.classifier_steps, "seed": 0}
        self.classifier = metrics.train_classifier(
            self.train, labels, feature_dim=generation.FEATURE_DIM, **length
        )
        accuracy = metrics.label_share(self.classifier, self.test, test_labels)
        print(f"  accuracy on test images {accuracy:.1%}", flush=True)


@study("losses")
class GANLosses(Study):
    """The seven classic GAN losses: modes, FID, stability, speed."""

    variants = {f"{kind}/{name}": TITLES[name] for kind in DATA for name in MODELS}
    setting = Setting
    quick = Setting(
        point_updates=100,
        image_updates=20,
        point_width=32,
        image_width=8,
        point_batch_size=64,
        image_batch_size=16,
        probe_steps=10,
        classifier_steps=50,
        samples=500,
    )
    quick_text = "in about two minutes"
    seeds = 3

    def select(self, only):
        """Takes names of models and of data."""
        known = f"models ({', '.join(MODELS)}) and data ({', '.join(DATA)})"
        self.check_names(only, (*MODELS, *DATA), known)
        names = [name for name in MODELS if name in (only or ())] or MODELS
        kinds = [kind for kind in DATA if kind in (only or ())] or DATA
        return [f"{kind}/{name}" for kind in kinds for name in names]

    def identity(self, variant):
        return dict(zip(("data", "model"), variant.split("/")))

    def content(self, setting):
        """Keeps the form that folders of before have."""
        content = {
            what: {kind: setting.of(what, kind) for kind in DATA}
            for what in ("updates", "width", "batch_size")
        }
        for name, value in dataclasses.asdict(setting).items():
            if not name.startswith(("point_", "image_")):
                content[name] = value
        return content

    def make_domains(self, setting):
        # Points need none of the images.
        return types.SimpleNamespace(
            images=functools.cache(lambda: Images(setting)), record={}
        )

    def build(self, variant, seed, setting, domains):
        kind, name = variant.split("/")
        width = setting.of("width", kind)
        compile_arguments = {}
        if name == "minimax_gan":
            name, compile_arguments = "gan", {"adversarial_loss": "minimax"}
        if kind == "images":
            arguments = {"channels": domains.images().train.shape[-1], "width": width}
            if name == "conditional_gan":
                arguments["classes"] = domains.images().classes
            arguments |= compile_arguments
            return getattr(presets, name)(size=32, seed=seed, **arguments)

        keras.utils.set_random_seed(seed)
        kind_of_model, arguments, learning_rates = POINTS[name]
        classes = None
        if name == "conditional_gan":
            classes = len(mixture_of(kind).centers)
            arguments = {"classes": classes}
        shape = {"width": width, "classes": classes}
        if name in ("ebgan", "began"):
            discriminator = networks.mlp_autoencoder(width=width)
        else:
            discriminator = networks.mlp_discriminator(**shape)
        generator = networks.mlp_generator(POINT_LATENT_DIM, **shape)
        arguments = {"latent_distribution": "normal", "seed": seed, **arguments}
        model = getattr(models, kind_of_model)(generator, discriminator, **arguments)
        updates = setting.of("updates", kind)
        steps = {"generator": updates, "discriminator": model.batches(updates)}
        for role, rate in zip(steps, learning_rates):
            # Points only settle on modes that are so narrow when the steps get smaller.
            half = steps[role] // 2
            schedule = schedules.ConstantThenLinear(rate, half, steps[role] - half)
            if name == "wgan":
                optimizer = keras.optimizers.RMSprop(schedule)
            else:
                beta_1 = 0.0 if name == "wgan_gp" else 0.5
                optimizer = keras.optimizers.Adam(schedule, beta_1=beta_1)
            compile_arguments[f"{role}_optimizer"] = optimizer
        model.compile(**compile_arguments)
        return model

    def run(self, variant, seed, setting, domains, path):
        """Leaves the samples and losses kept, `samples.npz`, in the folder."""
        kind, _ = variant.split("/")
        updates = setting.of("updates", kind)
        model = self.build(variant, seed, setting, domains)
        batches = model.batches(updates)
        epochs = min(EPOCHS, updates)
        arguments = {
            "batch_size": setting.of("batch_size", kind),
            "steps_per_epoch": -(-batches // epochs),
            "labels": model.classes is not None,
            "seed": seed,
        }
        if kind == "images":
            dataset = data.generation(setting.data, size=32, flip=False, **arguments)
        else:
            dataset = mixture_of(kind).dataset(**arguments)
        gradients = gan_monitor.probe_gradient(model, dataset, setting.probe_steps)

        # The probe has moved the discriminator: start anew.
        model = self.build(variant, seed, setting, domains)
        dataset.position.assign(0)
        monitor = gan_monitor.Monitor(updates, seed, SNAPSHOTS)
        model.fit(dataset, epochs=epochs, callbacks=[monitor], verbose=0)
        # The last update comes after the last loss.
        monitor.finite = monitor.finite and bool(
            np.isfinite(model.generate(1, seed=seed)).all()
        )
        sizes = [part.count_params() for part in (model.generator, model.discriminator)]
        result = {
            **{"updates": model.iterations, "batches": batches},
            "parameters": sum(sizes),
            **fields(monitor, "seconds", "seconds_per_update", "finite"),
            "loss_spread": monitor.loss_spread(),
            **gradients,
        }
        if monitor.finite and kind == "images":
            images = domains.images()
            judges = images.classifier, images.test, images.train
            result |= metrics.score_generation(model, *judges, count=setting.samples)
        elif monitor.finite:
            mixture = mixture_of(kind)
            modes = mixture.centers, mixture.standard_deviation
            points = model.generate(setting.samples, seed=seed)
            result |= metrics.mode_statistics(points, *modes, minimum_share=0.1)
        samples = {str(index): kept for index, kept in enumerate(monitor.snapshots)}
        losses = np.array(monitor.losses)
        np.savez_compressed(path / "samples.npz", **samples, losses=losses)
        return result

    def describe(self, result):
        names = ("modes_covered", "high_quality", "fid", "classes_produced")
        scores = [f"{name} {result[name]:.3g}" for name in names if name in result]
        return f"{', '.join(scores) or 'not finite'}; {result['seconds']:.0f} s"

    def report(self, results, setting, domains):
        """Formats a table for each data, and the claims."""
        paragraphs = []
        for kind in DATA:
            rows = [row for row in results if row["data"] == kind]
            if not rows:
                continue
            names = [name for name in COLUMNS if any(name in row for row in rows)]
            columns = [(COLUMNS[name][0], name, COLUMNS[name][1]) for name in names]
            titles = {row["model"]: TITLES[row["model"]] for row in rows}
            updates = sorted({row["updates"] for row in rows})
            paragraphs += [
                f"### {kind}",
                f"{' to '.join(map(str, updates[:: max(1, len(updates) - 1)]))} "
                "generator updates; mean ± deviation over "
                f"{tables.seeds_text(rows, TITLES, 'model')}.",
                tables.variants_table(rows, titles, columns, "model", "model"),
            ]
            for row in [row for row in rows if "real_fid" in row][:1]:
                paragraphs.append(
                    "Real training images instead of generated ones: FID "
                    f"{row['real_fid']:.2f}, KID {row['real_kid']:.3f}."
                )
        judged = []
        for claim in CLAIMS:
            found, title, form = judge(claim, results), *COLUMNS[claim.column]
            if found is not None:
                other = TITLES.get(claim.reference, "")
                measured = f"{title} ({claim.data}) {claim.relation} {other}"
                cells = [measured, *(tables.cell(own, form) for own in found[1:])]
                judged.append([TITLES[claim.model], claim.text, *cells, found[0]])
        if judged:
            head = ["model", "claim", "measured as", "its", "other", "verdict"]
            align = [":--", ":--", ":--", "--:", "--:", ":--"]
            table = tables.table(head, judged, align)
            paragraphs += ["### What the survey says", table, verdicts.RULE]
        minutes = sum(row["seconds"] for row in results) / 60
        return [*paragraphs, f"{minutes:.0f} minutes of training in all."]

    def draw_figures(self, directory, results):
        """Draws losses, and samples over time, of the first seed of every model."""
        for kind in DATA:
            samples_of = {}
            for name in MODELS:
                path = result_path(directory, f"{kind}/{name}", 0)
                path = path.with_name("samples.npz")
                if path.exists():
                    with np.load(path) as file:
                        samples_of[name] = dict(file)
            if samples_of:
                folder = directory / "figures"
                _draw_losses(samples_of).savefig(folder / f"{kind}_losses.png")
                _draw_samples(samples_of, kind).savefig(folder / f"{kind}_samples.png")


def _draw_losses(samples_of):
    columns = 4
    rows = -(-len(samples_of) // columns)
    figure, panels = tables.make_panels(columns, rows, width=3, height=2.4)
    panels = panels.ravel()
    for axes, (name, run_data) in zip(panels, samples_of.items()):
        iterations, discriminator, generator = run_data["losses"].T
        axes.plot(iterations, discriminator, label="discriminator")
        axes.plot(iterations, generator, label="generator")
        axes.set(title=TITLES[name], xlabel="generator updates")
    for axes in panels[len(samples_of) :]:
        axes.axis("off")
    panels[0].legend()
    return figure


def _draw_samples(samples_of, kind):
    columns = len(SNAPSHOTS)
    width, height = (1.7, 1.7) if kind != "images" else (2.4, 0.66)
    figure, panels = tables.make_panels(columns, len(samples_of), width, height)
    for row, (name, run_data) in zip(panels, samples_of.items()):
        for index, axes in enumerate(row):
            axes.set(xticks=[], yticks=[])
            samples = run_data.get(str(index))
            if samples is None:  # A run that was no longer finite.
                continue
            if kind == "images":
                picture = callbacks.generated_grid(samples, columns=10)
                axes.imshow(picture, interpolation="nearest")
            else:
                centers = mixture_of(kind).centers
                axes.plot(*centers.T, "+", color="tab:red", markersize=5)
                axes.plot(*samples.T, ".", markersize=1, alpha=0.5)
                axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        row[0].set_ylabel(TITLES[name], rotation=0, ha="right", va="center")
    for axes, share in zip(panels[0], SNAPSHOTS):
        axes.set_title(f"{share:.0%}", fontsize=9)
    return figure
