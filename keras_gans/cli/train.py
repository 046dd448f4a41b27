"""`keras-gans train`: a model, its pictures, losses, score, checkpoint and export."""

import argparse
import pathlib
import shlex
import sys

from keras_gans.cli.common import add_semantic_options, positive

# Stated here, not asked of `training.RECIPES`, so that help and spelling mistakes do
# not wait for all that `training` imports.
TRANSLATION_PRESETS = ("digits", "digit_lab", "tensorflow_tutorial", "cyclegan")
GENERATION_PRESETS = (
    "gan",
    "conditional_gan",
    "lsgan",
    "wgan",
    "wgan_gp",
    "ebgan",
    "began",
)
COLORIZATION_PRESETS = ("colorizer",)
EDITING_PRESETS = ("aclgan", "stargan")
# What each takes that is given no data.
_EMBEDDED_DATA = {
    **dict.fromkeys(TRANSLATION_PRESETS, ["handwritten_digits", "street_digits"]),
    **dict.fromkeys(COLORIZATION_PRESETS, ["drawings"]),
    **dict.fromkeys(EDITING_PRESETS, ["faces"]),
    **dict.fromkeys(GENERATION_PRESETS, ["handwritten_digits"]),
}


def add_train(verbs):
    verb = verbs.add_parser(
        "train",
        # argparse would put PRESET last, where --data takes it for a source.
        usage="keras-gans train [PRESET] [OPTION ...]",
        help="train a model and write pictures, losses, score, checkpoint and export",
        description=(
            "Trains a model. Without arguments it trains a CycleGAN between\n"
            "handwritten digits and street digits that come with the package: no\n"
            "network, no download, about five minutes on two cores."
        ),
        epilog=(
            "presets of translation, between two domains:\n"
            "  digits               small networks that keep the digit (the default)\n"
            "  digit_lab            the CycleGAN lab: batch norm, cross entropy\n"
            "  tensorflow_tutorial  the TensorFlow CycleGAN tutorial: U-Nets\n"
            "  cyclegan             the original: ResNets, least squares, image pool\n"
            "\n"
            "preset of colorization, of line art that is made of illustrations:\n"
            "  colorizer            pix2pix with colour hints, compensated L1\n"
            "\n"
            "presets of editing, of attributes of images:\n"
            "  aclgan               a GAN for each attribute, mask and frame\n"
            "  stargan              a discriminator that classifies, 5 critic steps\n"
            "\n"
            "presets of generation, of images of one domain:\n"
            "  gan                  cross entropy, non-saturating\n"
            "  conditional_gan      both networks are told the class\n"
            "  lsgan                least squares\n"
            "  wgan                 Wasserstein, clipped weights, 5 critic steps\n"
            "  wgan_gp              Wasserstein, gradient penalty, 5 critic steps\n"
            "  ebgan                an auto-encoder's error as energy, with a margin\n"
            "  began                an auto-encoder in balance with its generator\n"
            "\n"
            "examples:\n"
            "  keras-gans train\n"
            "  keras-gans train digit_lab --data mnist svhn_cropped\n"
            "  keras-gans train cyclegan --x photos/ --y paintings/ --size 256\n"
            "  keras-gans train cyclegan --x photos/ --y paintings/ --epochs 100 \\\n"
            "      --activation leaky_relu --feature-extractor vgg16 \\\n"
            "      --feature-network inception_v3\n"
            "  keras-gans train wgan_gp --data digits\n"
            "  keras-gans train colorizer --data illustrations/ --size 128\n"
            "  keras-gans train aclgan --images celeba/ --attributes \\\n"
            "      list_attr_celeba.txt --select Black_Hair Blond_Hair Smiling\n"
            "  keras-gans train --resume --output runs/digits-1"
        ),
    )
    verb.add_argument(
        "preset",
        nargs="?",
        choices=[*_EMBEDDED_DATA],
        metavar="PRESET",
        help="networks, losses and optimizers; see below (default: digits)",
    )
    verb.add_argument(
        "--data",
        nargs="+",
        metavar="SOURCE",
        help="two domains for translation, else one: folders of images, .npz files, "
        "folders with MNIST's idx files, tensorflow_datasets names (mnist, "
        "svhn_cropped, cycle_gan/vangogh2photo:trainA) or the embedded "
        "handwritten_digits (or digits), street_digits, drawings and faces, which are "
        "the default",
    )
    verb.add_argument(
        "--images",
        metavar="SOURCE",
        help="in place of --data, where there is one domain",
    )
    verb.add_argument(
        "--x", metavar="SOURCE", help="domain X, with --y in place of --data"
    )
    verb.add_argument("--y", metavar="SOURCE", help="domain Y")
    verb.add_argument(
        "--output",
        metavar="DIR",
        type=pathlib.Path,
        help="folder of the run (default: the first free runs/PRESET-N)",
    )
    verb.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --output (default: the latest in runs/), exactly "
        "where its last checkpoint stands",
    )
    length = verb.add_mutually_exclusive_group()
    length.add_argument(
        "--steps",
        type=positive,
        help="training iterations, updates of the generator; each takes one batch, of "
        "wgan, wgan_gp and stargan five",
    )
    length.add_argument(
        "--epochs",
        type=positive,
        help="passes over the images (of the longer domain)",
    )
    verb.add_argument("--batch-size", type=positive, help="images of each domain")
    verb.add_argument("--size", type=positive, help="height and width of the images")
    verb.add_argument("--seed", type=int, help="of weights, order, crops (default: 0)")
    verb.add_argument(
        "--mixed-precision",
        choices=["float16", "bfloat16"],
        help="compute in 16 bits; bfloat16 pays on processors with AVX-512 BF16 or AMX",
    )
    verb.add_argument(
        "--jit-compile",
        action=argparse.BooleanOptionalAction,
        help="compile with XLA, or not (default: Keras decides)",
    )
    score = verb.add_argument_group("scores of a translation while it trains")
    score.add_argument(
        "--feature-network",
        metavar="NETWORK",
        help="log FID and KID on test images (or all, where there are none) as val_fid "
        "and val_kid, and keep the model with the lowest FID as best.keras: "
        "inception_v3, tfgan_inception, or the path of a .keras file or SavedModel",
    )
    score.add_argument(
        "--feature-size",
        type=positive,
        help="height and width to which it gets its images (default: its own)",
    )
    score.add_argument(
        "--evaluate-every",
        type=positive,
        metavar="EPOCHS",
        help="epochs from one score to the next (default: 1)",
    )
    common = verb.add_argument_group(
        "options of presets cyclegan, colorizer, aclgan and stargan"
    )
    common.add_argument(
        "--width",
        type=positive,
        help="filters of the networks' first convolution; 32 needs about a quarter of "
        "the arithmetic (default: 64, of embedded faces 16)",
    )
    common.add_argument(
        "--ema-decay",
        type=float,
        metavar="DECAY",
        help="keep an average of the generators' weights, 0.999 say, and use it for "
        "pictures, scores and export (default: none, of embedded faces 0.998)",
    )
    cyclegan = verb.add_argument_group("options of preset cyclegan")
    cyclegan.add_argument(
        "--activation",
        choices=["relu", "leaky_relu"],
        help="of the generators; leaky_relu has a slope of 0.01 (default: relu)",
    )
    add_semantic_options(cyclegan, "add a semantic cycle loss in the features of ")
    editing = verb.add_argument_group("options of presets aclgan and stargan")
    editing.add_argument(
        "--attributes",
        metavar="FILE",
        help="attributes of the images of a folder, in the format of CelebA's "
        "list_attr_celeba.txt",
    )
    editing.add_argument(
        "--select",
        nargs="+",
        metavar="NAME",
        help="the attributes to edit (default: Black_Hair, Blond_Hair, Eyeglasses "
        "and Smiling of embedded faces, else Black_Hair, Blond_Hair, Brown_Hair, Male "
        "and Young)",
    )
    editing.add_argument(
        "--residual-blocks",
        type=positive,
        help="of the generator (default: 6, of embedded faces 2)",
    )
    editing.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="of the generator; the discriminator's is the same for stargan, and "
        "twice as high for aclgan (default: 1e-4, of embedded faces 4e-4)",
    )
    verb.set_defaults(function=_train)
    return verb


def _train(options):
    run = _resume_run(options) if options.resume else _new_run(options)
    if options.resume and (options.steps or options.epochs):
        run.change_length(options.steps, options.epochs)
    configuration = run.configuration
    length = (
        f"{configuration.steps} iterations"
        if configuration.steps
        else f"{configuration.epochs} epochs"
    )
    if configuration.y is None:
        sources = f"  data  {configuration.x}\n"
    else:
        sources = f"  X  {configuration.x}\n  Y  {configuration.y}\n"
    print(
        f"Training preset {configuration.preset} for {length} of batch "
        f"{configuration.batch_size} at {configuration.size}x{configuration.size}:\n"
        f"{sources}  in {run.directory}",
        flush=True,
    )
    try:
        model = run.train(verbose="auto" if sys.stdout.isatty() else 2)
    except KeyboardInterrupt:
        if (run.directory / "run.json").exists():
            print(
                "\nInterrupted. Go on with: keras-gans train --resume --output "
                f"{shlex.quote(str(run.directory))}",
                file=sys.stderr,
            )
        raise
    export = run.export(model)
    print("Scoring the model on test images ...", flush=True)
    scores = run.score(model)
    _print_summary(run, scores, export)


def _new_run(options):
    from keras_gans.data.sources import EMBEDDED
    from keras_gans.training import RECIPES, Run, configure, next_free

    preset = options.preset or "digits"
    if options.x or options.y:
        if options.data or not (options.x and options.y):
            raise ValueError("Give --x and --y, or both as --data X Y.")
        options.data = [options.x, options.y]
    if options.images:
        if options.data:
            raise ValueError("Give --images or --data, not both.")
        options.data = [options.images]
    last = options.data[-1] if options.data else None
    # `digits` is a source, too.
    if options.preset is None and last in RECIPES and last not in EMBEDDED:
        raise ValueError(f"PRESET comes first: keras-gans train {last} --data ...")
    data = options.data or _EMBEDDED_DATA[preset]
    expected = len(_EMBEDDED_DATA[preset])
    what = "two domains, X and Y" if expected == 2 else "one domain"
    if len(data) != expected:
        raise ValueError(
            f"--data of preset {preset} must name {what}. Received: {shlex.join(data)}"
        )
    configuration = configure(
        preset,
        *data,
        batch_size=options.batch_size,
        size=options.size,
        steps=options.steps,
        epochs=options.epochs,
        seed=options.seed or 0,
        mixed_precision=options.mixed_precision,
        jit_compile="auto" if options.jit_compile is None else options.jit_compile,
        **{name: getattr(options, name) for name in _further_options()},
    )
    directory = options.output or next_free(pathlib.Path("runs") / preset)
    return Run.create(directory, configuration, options.command)


def _further_options():
    from keras_gans.training import (
        COMMON_OPTIONS,
        CYCLEGAN_OPTIONS,
        EDITING_OPTIONS,
        SCORE_OPTIONS,
    )

    return (*COMMON_OPTIONS, *CYCLEGAN_OPTIONS, *EDITING_OPTIONS, *SCORE_OPTIONS)


def _resume_run(options):
    from keras_gans.training import Run

    fixed = {
        "PRESET": options.preset,
        "--data": options.data,
        "--x": options.x,
        "--y": options.y,
        "--images": options.images,
        "--batch-size": options.batch_size,
        "--size": options.size,
        "--seed": options.seed,
        "--mixed-precision": options.mixed_precision,
        "--jit-compile": options.jit_compile,
        **{
            f"--{name.replace('_', '-')}": getattr(options, name)
            for name in _further_options()
        },
    }
    given = [name for name, value in fixed.items() if value is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} cannot change when a run is resumed: it goes on as it "
            "was started. Only --steps or --epochs may be given, to make it longer."
        )
    directory = options.output
    if directory is None:
        # Those of `reproduce` have no checkpoints.
        runs = sorted(
            (
                path
                for path in pathlib.Path("runs").glob("*/run.json")
                if (path.parent / "checkpoints").is_dir()
            ),
            key=lambda path: path.stat().st_mtime,
        )
        if not runs:
            raise FileNotFoundError(
                "There is no run to resume in the folder runs/. Name its folder: "
                "--output DIR"
            )
        directory = runs[-1].parent
    return Run.open(directory)


# Of each task: what its pictures show, what its export does, and how it is used.
_USES = {
    "translation": (
        "translations of the same images",
        "uint8 images in and out",
        "translate IMAGES OUT",
    ),
    "generation": (
        "images of the same latent vectors",
        "latent vectors in, uint8 images out",
        "generate OUT.png",
    ),
    "colorization": (
        "line art coloured without and with hints",
        "line art and hints in, images out, all uint8",
        "colorize SKETCH OUT.png --hints HINTS.png",
    ),
    "editing": (
        "test images and their edits",
        "images and attributes in, uint8 images out",
        "edit PHOTO OUT.png --add NAME --remove NAME",
    ),
}


def _print_summary(run, scores, export):
    from keras_gans.training import RECIPES, score_table

    folder = run.directory
    pictures, export_use, use = _USES[RECIPES[run.configuration.preset].task]
    print(f"\nDone. Everything is in {folder}:")
    contents = {
        "samples/": f"{pictures}, over time",
        "figures/losses.png": "loss curves",
        "history.csv": "losses of every epoch",
        "table.md": "losses at 100, 200, 500, 1000, ... iterations (also table.csv)",
        "checkpoints/": "for --resume",
        "model.keras": "the Keras model with its optimizers",
        str(export.relative_to(folder)): f"SavedModel, {export_use}",
    }
    if run.configuration.feature_network:
        contents["evaluation.csv"] = "FID and KID over training"
        contents["best.keras"] = "the model where the FID was lowest"
    if scores:
        contents["score.json"] = "the scores below"
    for name, what in contents.items():
        print(f"  {name:20} {what}")
    print()
    if scores:
        print(score_table(scores))
    else:
        unlabelled = run.configuration.preset in COLORIZATION_PRESETS
        needed = "test images" if unlabelled else "test images and labels"
        print(f"No score: it needs {needed} of all data.")
    run_name = shlex.quote(str(folder))
    print(
        "\nNext:\n"
        f"  keras-gans {use} --model {run_name}\n"
        f"  keras-gans train --resume --output {run_name} --steps N   (train longer)\n"
        f"  keras-gans export {run_name} saved_models/NAME   (for TensorFlow Serving)"
    )
