"""`keras-gans evaluate`: score a trained run, a translation model or a folder of
images.

Scores a RUN on its test images and writes its score.json; a translation
MODEL on images of both domains (fid and kid of translations; psnr, ssim
and mae of reconstructions); or a folder of images against one of real
images (fid, kid).

Args:
    model: folder of a run; with --x and --y also an exported SavedModel or a .keras
        file
    x: held-out images of X: a folder, or as for train --data, of which the test images
        are taken
    y: held-out images of Y, likewise
    images: images to be scored: a folder, or the files of --statistics
    reference: real images, likewise
    metrics: of distributions: {distributions}; of reconstructions: {reconstructions}
        (default: all that apply, but not {extra})
    feature_network: network of distributions: inception_v3, tfgan_inception (that of
        published FIDs, with --resize legacy), or the path of a .keras file or
        SavedModel
    feature_size: height and width to which it gets its images (default: its own)
    resize: how they come to that size: antialiased, or as in the FID paper's code
        (default: clean)
    size: resize all images to this height and width first (default: that of the run;
        images of --images and --reference keep theirs)
    batch_size: (default: 16)
    cache: file.npz that keeps what the network makes of the real images, for the next
        time; of a model file_x.npz and file_y.npz
    statistics: file.npz for what is to be known of --images or of --reference, one of
        them alone; it takes their place when it is given instead of a folder
    shard: with --statistics, part I of N: every N-th image in the order of their names.
        The files of all parts are merged where they are given, and the score is that of
        the whole
    output: JSON file of the scores, and of all that they depend on

examples:
  keras-gans evaluate runs/digits-1
  keras-gans evaluate runs/cyclegan-1 --x photos/test/ --y paintings/ \\
      --feature-network inception_v3 --output scores.json
  keras-gans evaluate --images fakes/ --reference paintings/ \\
      --feature-network tfgan_inception --cache paintings.npz
  keras-gans evaluate --images fakes/ --feature-network inception_v3 \\
      --statistics fakes-1.npz --shard 1/4
  keras-gans evaluate --images fakes-?.npz --reference paintings.npz \\
      --feature-network inception_v3
"""

import ast
import pathlib
import tempfile

import keras_gans
from keras_gans.checks import require
from keras_gans.cli import evaluate_folder, scoring
from keras_gans.cli.common import load_model, run_of
from keras_gans.cli.jobs import shard
from keras_gans.cli.options import add_verb, positive
from keras_gans.progress import is_shown
from keras_gans.training import Run, score_table, task_of


def _registered_metrics():
    """Reads the names and properties of `keras_gans.metrics.registry` from the sources.

    To import them takes seconds, for which help should not wait.
    """
    found = {}
    for path in sorted(pathlib.Path(__file__).parents[1].glob("metrics/*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for call in getattr(node, "decorator_list", ()):
                if getattr(getattr(call, "func", None), "id", None) == "metric":
                    name = ast.literal_eval(call.args[0])
                    own = {part.arg: part.value for part in call.keywords}
                    found[name] = {key: ast.literal_eval(own[key]) for key in own}
    return found


def add_to(verbs):
    known = _registered_metrics()
    paired = [name for name, found in known.items() if found.get("paired")]
    others = [name for name in known if name not in paired]
    extra = [name for name, found in known.items() if not found.get("is_default", True)]
    manual = __doc__.format(
        distributions=", ".join(others),
        reconstructions=", ".join(paired),
        extra=", ".join(extra),
    )
    usage = (
        "keras-gans evaluate RUN\n"
        "       keras-gans evaluate MODEL --x SOURCE --y SOURCE [OPTION ...]\n"
        "       keras-gans evaluate --images FOLDER --reference FOLDER [OPTION ...]\n"
        "       keras-gans evaluate --images FOLDER --statistics FILE [OPTION ...]"
    )
    _, add = add_verb(verbs, "evaluate", _evaluate, manual, usage=usage)
    add("model", nargs="?", type=pathlib.Path, metavar="RUN | MODEL")
    add("--x", metavar="SOURCE")
    add("--y", metavar="SOURCE")
    for side in ("--images", "--reference"):
        add(side, nargs="+", type=pathlib.Path, metavar="FOLDER")
    add("--metrics", nargs="+", choices=[*known], metavar="NAME")
    add("--feature-network", metavar="NETWORK")
    add("--feature-size", type=positive, metavar="N")
    add("--resize", choices=["clean", "legacy"])
    add("--size", type=positive, metavar="N")
    add("--batch-size", type=positive, metavar="N")
    add("--cache", type=pathlib.Path, metavar="FILE")
    add("--statistics", type=pathlib.Path, metavar="FILE")
    add("--shard", type=shard, metavar="I/N")
    add("--output", type=pathlib.Path, metavar="FILE")


def _evaluate(options):
    must = "--shard goes with --statistics FILE"
    require(options.statistics or not options.shard, must)
    must = "--statistics goes with one of --images and --reference"
    one = (options.images is None) != (options.reference is None)
    require(one or not options.statistics, must)
    of_model = options.x is not None or options.y is not None
    of_folder = options.images is not None or options.reference is not None
    if of_folder:
        must = "Give a model with --x and --y, or --images with --reference, not both"
        require(not of_model and options.model is None, must)
        must = "--images and --reference go together: give both"
        both = options.images is not None and options.reference is not None
        require(both or options.statistics, must)
        if options.statistics:
            evaluate_folder.save_statistics(options)
        else:
            evaluate_folder.evaluate(options)
    elif of_model:
        must = "MODEL, --x and --y go together: give all three"
        require(None not in (options.model, options.x, options.y), must)
        _evaluate_model(options)
    else:
        _evaluate_run(options)


def _evaluate_run(options):
    require(
        options.model is not None,
        "Name the folder of a run, or a model with --x and --y, or --images and "
        "--reference",
    )
    given = scoring.given_flags(
        options,
        *("metrics", "feature_network", "feature_size", "resize", "size"),
        *("batch_size", "cache", "output"),
    )
    require(
        not given,
        f"{given}: the score of a run itself has no options. With --x and --y its "
        "model is scored on those images",
    )
    run = Run.open(options.model)
    model = run.load_model()
    _say_if_unfinished(run, model)
    print(f"Scoring {options.model} on the test images ...", flush=True)
    scores = run.score(model)
    task = task_of(run.configuration)
    sources = filter(None, (run.configuration.x, run.configuration.y))
    require(
        scores is not None,
        f"The score needs {task.score_needs} of all data. Received: "
        f"{' and '.join(sources)}",
    )
    print(score_table(scores))
    print(f"\nSaved as {options.model / 'score.json'}")


def _say_if_unfinished(run, model):
    if not run.is_finished:
        print(f"Not finished: this is its checkpoint of iteration {model.iterations}.")


def _load_translator(path):
    """Loads a model of translation; of an unfinished run the latest checkpoint."""
    run = run_of(path)
    if run is None or run.is_finished:
        return load_model(path, "translate", "translation")
    model = run.load_model()
    _say_if_unfinished(run, model)
    with tempfile.TemporaryDirectory() as folder:
        return keras_gans.export.load(run.export(model, folder))


def _evaluate_model(options):
    from keras_gans.metrics import METRICS, FeatureStatistics, make_metrics
    from keras_gans.metrics.translation import evaluate_translation, load_held_out

    names = scoring.check_scores(options, METRICS)
    translator = _load_translator(options.model)
    size, run = options.size, run_of(options.model)
    if size is None and run is not None:
        size = run.configuration.size
    print(
        f"Scoring {options.model}: {', '.join(names)}\n"
        f"  X  {options.x}\n  Y  {options.y}",
        flush=True,
    )
    with scoring.warnings_as_notes():
        images, references = {}, {}
        for domain in "xy":
            source, channels = getattr(options, domain), translator.channels[domain]
            images[domain] = load_held_out(source, size, channels, domain)
            scoring.check_count(names, f"--{domain} {source}", len(images[domain]))
        networks = scoring.load_networks(names, options)
        for domain in "xy" if options.cache else "":
            path = options.cache.with_stem(f"{options.cache.stem}_{domain}")
            references[domain] = FeatureStatistics.of(
                images[domain], networks["features"], cache=path
            )
        made = make_metrics(names, networks)
        scores = evaluate_translation(
            *(translator, images["x"], images["y"], made),
            batch_size=options.batch_size or 16,
            references=references,
            verbose=int(is_shown()),
        )
        print("\n| score | X → Y | Y → X | mean |\n|:--|--:|--:|--:|")
        for metric in made:
            name, network = metric.name, getattr(metric, "feature_network", None)
            ends = ("_xy", "_yx") if network else ("_x", "_y")
            cells = [scoring.score_cell(scores, name + end) for end in ends]
            mean = name.removesuffix(f"_{network.name}") if network else name
            cells.append(scoring.score_cell(scores, mean))
            print(f"| {name} | {' | '.join(cells)} |")
        print()
        counts = {}
        for domain in "xy":
            counts[domain], height, width, _ = images[domain].shape
            print(f"{domain.upper()}: {counts[domain]} images of {height}x{width}")
        scoring.print_networks(networks)
        if paired := ", ".join(name for name in names if METRICS[name].paired):
            print(f"{paired}: of X and X → Y → X, then of Y and Y → X → Y")
    scoring.save_scores(options, scores, counts, networks, size)
