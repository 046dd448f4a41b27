"""The command line: `keras-gans train | translate | generate | evaluate | ...`."""

import argparse
import pathlib
import re
import shlex
import sys

import tensorflow as tf

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

# What data, options or the machine may be the reason of; all else is a bug, and shows
# its traceback.
_EXPECTED_ERRORS = (
    ValueError,
    TypeError,
    OSError,
    FloatingPointError,
    MemoryError,
    tf.errors.OpError,
)


def main(arguments=None):
    """Runs the command line and returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _make_parser().parse_args(arguments)
    options.command = shlex.join(["keras-gans", *arguments])
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show an arrow shows a question mark.
        sys.stdout.reconfigure(errors="replace")
    # What TF-GAN calls is deprecated, which does not help who types a command.
    tf.get_logger().setLevel("ERROR")
    try:
        options.function(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except _EXPECTED_ERRORS as error:
        if options.traceback:
            raise
        print(f"keras-gans {options.verb}: {_message(error)}", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _message(error):
    """Says in a sentence what happened, also where TensorFlow needs a page."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return (
            "The memory or the disk is full. Free some of it, or use a smaller "
            f"--batch-size or --size. ({_first_line(error)})"
        )
    if isinstance(error, tf.errors.OpError):
        return (
            f"TensorFlow stopped with {type(error).__name__}: {_first_line(error)} "
            "(--traceback shows all.)"
        )
    # Keras prints what a layer says in bold, between where and with what it was called.
    bold = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    return bold[1] if bold else error


def _first_line(error):
    lines = (getattr(error, "message", None) or str(error)).splitlines()
    # TensorFlow puts the places in the program before what happened there.
    lines = [
        line
        for line in lines
        if line.strip()
        and not line.startswith((" ", "\t", "<", "Graph execution", "Detected at"))
    ]
    return lines[0] if lines else type(error).__name__


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="keras-gans",
        description="Adversarial image translation and generation with Keras.",
        epilog="Each verb has its own help: keras-gans train --help",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for add in (
        _add_train,
        _add_translate,
        _add_generate,
        _add_evaluate,
        _add_export,
        _add_reproduce,
    ):
        verb = add(verbs)
        verb.formatter_class = argparse.RawDescriptionHelpFormatter
        verb.add_argument(
            "--traceback",
            action="store_true",
            help="show the whole traceback of an error",
        )
    return parser


def _version():
    from keras_gans import __version__

    return f"keras-gans {__version__}"


# train ----------------------------------------------------------------------------

# Stated here, not asked of `training.RECIPES`, so that help and spelling mistakes do
# not wait for all that `training` imports.
_TRANSLATION_PRESETS = ("digits", "digit_lab", "tensorflow_tutorial", "cyclegan_paper")
_GENERATION_PRESETS = (
    "gan",
    "conditional_gan",
    "lsgan",
    "wgan",
    "wgan_gp",
    "ebgan",
    "began",
)


def _add_train(verbs):
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
            "  cyclegan_paper       the original: ResNets, least squares, image pool\n"
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
            "  keras-gans train cyclegan_paper --data photos/ paintings/ --epochs 100\n"
            "  keras-gans train wgan_gp --data digits\n"
            "  keras-gans train --resume --output runs/digits-1"
        ),
    )
    verb.add_argument(
        "preset",
        nargs="?",
        choices=[*_TRANSLATION_PRESETS, *_GENERATION_PRESETS],
        metavar="PRESET",
        help="networks, losses and optimizers; see below (default: digits)",
    )
    verb.add_argument(
        "--data",
        nargs="+",
        metavar="SOURCE",
        help="two domains for translation, one for generation: folders of images, .npz "
        "files, folders with MNIST's idx files, tensorflow_datasets names (mnist, "
        "svhn_cropped, cycle_gan/vangogh2photo:trainA) or the embedded "
        "handwritten_digits (or digits) and street_digits, which are the default",
    )
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
        type=_positive,
        help="training iterations, updates of the generator; each takes one batch, of "
        "wgan and wgan_gp five",
    )
    length.add_argument(
        "--epochs",
        type=_positive,
        help="passes over the images (of the longer domain)",
    )
    verb.add_argument("--batch-size", type=_positive, help="images of each domain")
    verb.add_argument("--size", type=_positive, help="height and width of the images")
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
    last = options.data[-1] if options.data else None
    # `digits` is a source, too.
    if options.preset is None and last in RECIPES and last not in EMBEDDED:
        raise ValueError(f"PRESET comes first: keras-gans train {last} --data ...")
    if preset in _TRANSLATION_PRESETS:
        data = options.data or ["handwritten_digits", "street_digits"]
        expected, what = 2, "two domains, X and Y"
    else:
        data = options.data or ["handwritten_digits"]
        expected, what = 1, "one domain"
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
    )
    directory = options.output or next_free(pathlib.Path("runs") / preset)
    return Run.create(directory, configuration, options.command)


def _resume_run(options):
    from keras_gans.training import Run

    fixed = {
        "PRESET": options.preset,
        "--data": options.data,
        "--batch-size": options.batch_size,
        "--size": options.size,
        "--seed": options.seed,
        "--mixed-precision": options.mixed_precision,
        "--jit-compile": options.jit_compile,
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


def _print_summary(run, scores, export):
    from keras_gans.training import score_table

    folder = run.directory
    translates = run.configuration.y is not None
    print(f"\nDone. Everything is in {folder}:")
    contents = {
        "samples/": "translations of the same images, over time"
        if translates
        else "images of the same latent vectors, over time",
        "figures/losses.png": "loss curves",
        "history.csv": "losses of every epoch",
        "table.md": "losses at 100, 200, 500, 1000, ... iterations (also table.csv)",
        "checkpoints/": "for --resume",
        "model.keras": "the Keras model with its optimizers",
        str(export.relative_to(folder)): "SavedModel, uint8 images in and out"
        if translates
        else "SavedModel, latent vectors in, uint8 images out",
    }
    if scores:
        contents["score.json"] = "the scores below"
    for name, what in contents.items():
        print(f"  {name:20} {what}")
    print()
    if scores:
        print(score_table(scores))
    else:
        print("No score: it needs test images and labels of all data.")
    run_name = shlex.quote(str(folder))
    use = "translate IMAGES OUT" if translates else "generate OUT.png"
    print(
        "\nNext:\n"
        f"  keras-gans {use} --model {run_name}\n"
        f"  keras-gans train --resume --output {run_name} --steps N   (train longer)\n"
        f"  keras-gans export {run_name} saved_models/NAME   (for TensorFlow Serving)"
    )


# translate ------------------------------------------------------------------------


def _add_translate(verbs):
    verb = verbs.add_parser(
        "translate",
        help="translate an image or a folder of images",
        description="Translates an image file, or every image of a folder, with a "
        "trained model.",
        epilog=(
            "examples:\n"
            "  keras-gans translate digit.png street.png\n"
            "  keras-gans translate photos/ paintings/ --size 256 \\\n"
            "      --model runs/cyclegan_paper-1"
        ),
    )
    verb.add_argument("input", type=pathlib.Path, metavar="IN", help="file or folder")
    verb.add_argument(
        "output",
        type=pathlib.Path,
        metavar="OUT",
        help="PNG file or new folder; nothing is overwritten",
    )
    verb.add_argument(
        "--model",
        type=pathlib.Path,
        metavar="DIR",
        help="folder of a run, exported SavedModel or .keras file (default: the digit "
        "model that comes with the package)",
    )
    verb.add_argument(
        "--direction",
        choices=["xy", "yx"],
        default="xy",
        help="X to Y or Y to X (default: xy)",
    )
    verb.add_argument(
        "--size",
        type=_positive,
        help="resize to this height and width first (default: keep the size)",
    )
    verb.set_defaults(function=_translate)
    return verb


def _translate(options):
    from keras_gans.data.images import (
        ImageError,
        decode_image,
        encode_png,
        list_images,
        resize_image,
    )
    from keras_gans.export import load_translator

    whole_folder = options.input.is_dir()
    if whole_folder:
        files = list_images(options.input)
        targets = _targets_in_folder(files, options)
    else:
        files, targets = [options.input], [_target_of_file(options)]
    model = options.model or _packaged_model()
    translator = load_translator(_servable(model, "translation"))
    print(
        f"Translating {len(files)} image(s), direction {options.direction}, "
        f"with {model}",
        flush=True,
    )
    channels = translator.channels[options.direction[0]]
    skipped = 0
    progress = _progress(len(files))
    for path, target in zip(files, targets, strict=True):
        try:
            image = decode_image(path, channels=channels)
            if options.size:
                image = resize_image(image, options.size)
            pixels = _translate_image(translator, image, path, options.direction)
        except ImageError as error:
            if not whole_folder:
                raise
            print(f"\nSkipped: {error}", file=sys.stderr)
            skipped += 1
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode_png(pixels))
        progress.add(1)
    if skipped == len(files):
        raise ValueError(f"No image in {options.input} could be translated.")
    print(f"Wrote {len(files) - skipped} image(s) to {options.output}.")
    if skipped:
        print(f"Skipped {skipped} file(s), named above.", file=sys.stderr)


def _target_of_file(options):
    if not options.input.exists():
        raise FileNotFoundError(f"There is no file or folder {options.input}.")
    target = options.output
    if target.is_dir():
        target = target / (options.input.stem + ".png")
    if target.suffix.lower() != ".png":
        raise ValueError(
            f"Translations are saved as PNG. Received: OUT {options.output}; give a "
            "name that ends in .png, or an existing folder."
        )
    _refuse_existing([target])
    return target


def _targets_in_folder(files, options):
    if options.output.exists() and not options.output.is_dir():
        raise NotADirectoryError(
            f"{options.output} is a file. Give a folder for the translations of a "
            "folder."
        )
    targets = []
    for path in files:
        name = path.name
        # The old ending stays: a folder may hold one name with several of them.
        if path.suffix.lower() != ".png":
            name += ".png"
        targets.append(options.output / path.relative_to(options.input).with_name(name))
    _refuse_existing(targets)
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise ValueError(
            f"Two images of {options.input} would be saved as {twice}. Rename one."
        )
    return targets


def _refuse_existing(targets):
    for target in targets:
        if target.exists():
            raise FileExistsError(
                f"{target} exists. Nothing is overwritten: choose another name for OUT."
            )


def _translate_image(translator, image, path, direction):
    from keras_gans.data.images import ImageError

    try:
        return translator.translate(image[None], direction=direction)[0]
    except ValueError as error:  # A size that the networks do not take.
        raise ImageError(f"{path}: {error} --size N resizes them.") from error


def _progress(total):
    import keras

    return keras.utils.Progbar(total, verbose=1 if sys.stdout.isatty() else 0)


def _servable(path, task):
    """The exported model of a run's folder, or the path itself."""
    from keras_gans.training import RECIPES, Run

    if not (path / "run.json").is_file():
        return path
    run = Run.open(path)
    trained = RECIPES[run.configuration.preset].task
    if trained != task:
        verb = {"translation": "translate", "generation": "generate"}[trained]
        raise ValueError(
            f"{path} is a run of {trained}, not of {task}: use keras-gans {verb}."
        )
    # An export that failed leaves an empty folder.
    if any((path / "export").glob("[0-9]*")):
        return path / "export"
    return run.model_path()


def _packaged_model():
    """The trained digit model, in a checkout or as installed."""
    name = pathlib.Path("saved_models") / "digits"
    places = [
        pathlib.Path(__file__).resolve().parents[1],
        pathlib.Path(sys.prefix) / "share" / "keras_gans",
    ]
    for place in places:
        if (place / name).is_dir():
            return place / name
    raise FileNotFoundError(
        "The digit model that comes with the package is not installed here. Name a "
        "model: --model DIR"
    )


# generate -------------------------------------------------------------------------


def _add_generate(verbs):
    verb = verbs.add_parser(
        "generate",
        help="generate images with a trained model",
        description="Generates images with a trained model of generation: one picture "
        "of all when OUT\nends in .png, or a new folder of single images.",
        epilog=(
            "examples:\n"
            "  keras-gans generate digits.png --model runs/wgan_gp-1\n"
            "  keras-gans generate sevens/ --model runs/conditional_gan-1 -n 500 \\\n"
            "      --label 7"
        ),
    )
    verb.add_argument(
        "output", type=pathlib.Path, metavar="OUT", help="PNG file or new folder"
    )
    verb.add_argument(
        "--model",
        type=pathlib.Path,
        metavar="DIR",
        required=True,
        help="folder of a run, exported SavedModel or .keras file",
    )
    verb.add_argument(
        "-n", type=_positive, default=64, help="number of images (default: 64)"
    )
    verb.add_argument(
        "--label", type=int, help="class of a conditional model (default: all in turn)"
    )
    verb.add_argument("--seed", type=int, help="gives the same images again")
    verb.set_defaults(function=_generate)
    return verb


def _generate(options):
    from keras_gans.callbacks import generated_grid
    from keras_gans.data.images import EXTENSIONS, encode_png
    from keras_gans.export import load_generator

    one_picture = options.output.suffix.lower() == ".png"
    if not one_picture and options.output.suffix.lower() in EXTENSIONS:
        raise ValueError(
            f"Images are saved as PNG. Received: OUT {options.output}; give a name "
            "that ends in .png, or a folder."
        )
    if one_picture or options.output.is_file():
        _refuse_existing([options.output])
    elif options.output.is_dir() and any(options.output.iterdir()):
        raise FileExistsError(
            f"{options.output} is not empty. Nothing is overwritten: choose another "
            "name for OUT."
        )
    generator = load_generator(_servable(options.model, "generation"))
    print(f"Generating {options.n} image(s) with {options.model}", flush=True)
    images = generator.generate(options.n, labels=options.label, seed=options.seed)
    if one_picture:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(encode_png(generated_grid(images)))
    else:
        options.output.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            path = options.output / f"{number:06d}.png"
            path.write_bytes(encode_png(image))
    print(f"Wrote {options.n} image(s) to {options.output}.")


# evaluate and export --------------------------------------------------------------


def _add_evaluate(verbs):
    verb = verbs.add_parser(
        "evaluate",
        help="score a trained run",
        description="Translation: tells what share of translated test images keeps "
        "its label, for both\ndirections, between the floor (untranslated) and the "
        "ceiling (real images).\nGeneration: FID, KID and classes of generated images "
        "in the features of a classifier\nthat it trains. Writes score.json.",
        epilog="example:\n  keras-gans evaluate runs/digits-1",
    )
    verb.add_argument("run", type=pathlib.Path, metavar="RUN", help="folder of a run")
    verb.set_defaults(function=_evaluate)
    return verb


def _evaluate(options):
    from keras_gans.training import Run, score_table

    run = Run.open(options.run)
    model = run.load_model()
    print(f"Scoring {options.run} on the test images ...", flush=True)
    scores = run.score(model)
    if scores is None:
        sources = filter(None, (run.configuration.x, run.configuration.y))
        raise ValueError(
            "The score needs test images and labels of all data. "
            f"Received: {' and '.join(sources)}"
        )
    print(score_table(scores))
    print(f"\nSaved as {options.run / 'score.json'}")


def _add_export(verbs):
    verb = verbs.add_parser(
        "export",
        help="export a trained run as a SavedModel",
        description="Exports a run as a SavedModel that plain TensorFlow or TensorFlow "
        "Serving loads: uint8\nimages (or latent vectors) in, uint8 images out. Each "
        "call makes the next version.",
        epilog="example:\n  keras-gans export runs/digits-1 saved_models/digits",
    )
    verb.add_argument("run", type=pathlib.Path, metavar="RUN", help="folder of a run")
    verb.add_argument(
        "output",
        type=pathlib.Path,
        metavar="DIR",
        help="folder of the model; the export goes to DIR/VERSION",
    )
    verb.add_argument(
        "--weights",
        choices=["float32", "float16"],
        default="float32",
        help="how weights are stored; float16 halves the files (default: float32)",
    )
    verb.set_defaults(function=_export)
    return verb


def _export(options):
    from keras_gans.training import Run

    run = Run.open(options.run)
    path = run.export(run.load_model(), options.output, weights_dtype=options.weights)
    print(f"Exported {options.run} to {path}")


# reproduce ------------------------------------------------------------------------


def _add_reproduce(verbs):
    verb = verbs.add_parser(
        "reproduce",
        help="repeat a study of a paper and write its table",
        description="Repeats a study: trains everything it compares, over several "
        "seeds, and writes table,\nCSV and figures. What is there already is not "
        "trained again.",
        epilog=(
            "studies:\n"
            "  losses   the seven classic GAN losses: modes, FID, stability, speed\n"
            "\n"
            "examples:\n"
            "  keras-gans reproduce losses --quick\n"
            "  keras-gans reproduce losses --data mnist --seeds 5 --output losses"
        ),
    )
    verb.add_argument("study", choices=["losses"], metavar="STUDY", help="see below")
    verb.add_argument(
        "--data",
        metavar="SOURCE",
        help="labelled images with a test split (default: the embedded digits)",
    )
    verb.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="models (gan, wgan_gp, ...) or data (ring, grid, images) to restrict to",
    )
    verb.add_argument("--seeds", type=_positive, help="number of seeds (default: 3)")
    verb.add_argument(
        "--output",
        metavar="DIR",
        type=pathlib.Path,
        help="folder of the study; one that holds a part of it is completed (default: "
        "runs/STUDY)",
    )
    verb.add_argument(
        "--quick", action="store_true", help="a short form, in about two minutes"
    )
    verb.set_defaults(function=_reproduce)
    return verb


def _reproduce(options):
    from keras_gans.experiments import gan_losses

    directory = options.output or pathlib.Path("runs") / options.study
    gan_losses.reproduce(
        directory,
        data=options.data or "handwritten_digits",
        only=options.only,
        seeds=options.seeds,
        quick=options.quick,
        command=options.command,
    )


def _positive(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return value


if __name__ == "__main__":
    sys.exit(main())
