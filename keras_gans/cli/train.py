"""`keras-gans train`: train a model and write pictures, losses, score, checkpoint and
export.

Trains a model. Without arguments it trains a CycleGAN between
handwritten digits and street digits that come with the package: no
network, no download, about five minutes on two cores.

Args:
    preset: networks, losses and optimizers, by name, or one of your own as
        path/to/file.py:name (default: {default}; keras-gans presets lists them)
    data: {sources}: folders of images, .npz files, folders with MNIST's idx files,
        tensorflow_datasets names (mnist, svhn_cropped, cycle_gan/vangogh2photo:trainA)
        or the embedded handwritten_digits (or digits), street_digits, drawings and
        faces (default: {embedded})
    x: domain X, with --y instead of --data
    y: domain Y
    images: the same as --data
    output: folder of the run (default: the first free runs/PRESET-N)
    resume: go on with the run in --output (default: the latest in runs/), exactly where
        its last checkpoint stands
    config: take all options that are not given from a file: the run.json of a run, or
        what --save-config wrote
    save_config: write the configuration to this file, and stop
    distribute: train on one device (none), on all GPUs of this machine (mirrored), or
        together with other machines (multi-worker), which TF_CONFIG, Slurm or
        Kubernetes tells of: start the same command on each of them, with --output in a
        folder that all of them see
    log: log the run to trackers as well: {trackers} (csv is history.csv, which
        every run writes). A run that is resumed goes on in its logs
    dry_run: check the data, build the networks, time five steps, say how long the run
        will take and how much memory and disk, and stop

presets of {presets}

keras-gans train PRESET --help shows what else can be set.

examples:
  keras-gans train
  keras-gans train digit_lab --data mnist svhn_cropped
  keras-gans train cyclegan --x photos/ --y paintings/ --pool-size 0
  keras-gans train pix2pix --data facades/ --size 128
  keras-gans train wgan_gp --data digits --learning-rate 1e-4
  keras-gans train aclgan --images celeba/ --attributes \\
      list_attr_celeba.txt --select Black_Hair Blond_Hair Smiling
  keras-gans train path/to/mine.py:my_preset --log tensorboard wandb
  keras-gans train --resume --output runs/digits-1
"""

import argparse
import dataclasses
import pathlib
import shlex
import sys

import keras_gans
from keras_gans.cli.common import refuse_existing
from keras_gans.cli.options import add_options, add_verb, positive
from keras_gans.cli.presets import preset_list
from keras_gans.files import read_json, write_json
from keras_gans.presets import registry
from keras_gans.training import TASKS, Configuration, Run, configure, next_free
from keras_gans.training import options_of, score_table, task_of
from keras_gans.training.configuration import describe, flags, renamed

DEFAULT = "digits"
# Beside those of the preset: what the command says of a configuration.
_COMMON = [field.name for field in dataclasses.fields(Configuration)][3:-1]

# Weights of losses that are logged, and their averages saved, unless the weight is 0.
_LOGGED = ("identity_weight", "semantic_weight", "semantic_translation_weight")


def add_to(verbs, arguments=()):
    """Adds the verb, with the options of the preset that the arguments name."""
    preset, mistake = _preset_of(list(arguments)), None
    try:
        recipe = registry.find(preset or DEFAULT)
    except (ValueError, SyntaxError) as error:
        preset, mistake, recipe = None, error, registry.find(DEFAULT)
    task = TASKS[recipe.task]
    manual = __doc__.format(
        default=DEFAULT,
        sources=" and ".join(task.sources),
        embedded=" ".join(task.embedded),
        presets=preset_list(),
        trackers=" ".join(_trackers()),
    )
    # argparse would put PRESET last, where --data takes it for a source.
    changes = {"usage": f"keras-gans train {preset or '[PRESET]'} [OPTION ...]"}
    if preset:
        changes |= {"description": f"{recipe.summary}.", "epilog": None}
    verb, add = add_verb(verbs, "train", _train, manual, **changes)
    if mistake:
        verb.error(str(mistake))
    add("preset", nargs="?", metavar="PRESET")
    add("--data", nargs="+", metavar="SOURCE")
    for name in ("--x", "--y") if len(task.sources) == 2 else ("--images",):
        add(name, metavar="SOURCE")
    add("--output", metavar="DIR", type=pathlib.Path)
    add("--resume", action="store_true")
    add("--config", metavar="FILE", type=pathlib.Path)
    add("--save-config", metavar="FILE", type=pathlib.Path)
    kinds = ("none", "mirrored", "multi-worker")
    add("--distribute", choices=kinds, default="none")
    add(
        "--log", nargs="+", default=[], choices=[*_trackers(), "csv"], metavar="TRACKER"
    )
    add("--dry-run", action="store_true")
    _add_common(verb, recipe, task)
    if preset:
        options = options_of(recipe).values()
        add_options(verb.add_argument_group(f"options of {preset}"), options)
    else:
        # Taken all the same, and listed by `keras-gans train digits --help`.
        hidden = verb.add_argument_group()
        add_options(hidden, options_of(recipe).values())
        for action in hidden._group_actions:
            action.help = argparse.SUPPRESS


def _add_common(verb, recipe, task):
    """Adds the fields of a configuration, with the recipe's defaults."""
    fields = registry.options_of(Configuration)
    for name in ("steps", "epochs", "batch_size", "size", *task.data_arguments):
        default = getattr(recipe, name)
        fields[name] = dataclasses.replace(fields[name], default=default)
    length = [fields[name] for name in ("steps", "epochs")]
    add_options(verb.add_mutually_exclusive_group(), length, whole=positive)
    names = ("batch_size", "size", *task.data_arguments)
    add_options(verb, [fields[name] for name in names], whole=positive)
    names = ("seed", "mixed_precision", "jit_compile", "cache")
    add_options(verb, [fields[name] for name in names])


def _preset_of(arguments):
    """Returns the preset that the arguments name, before they are parsed."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0]
    quick = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    quick.add_argument("--resume", action="store_true")
    quick.add_argument("--output", type=pathlib.Path)
    quick.add_argument("--config", type=pathlib.Path)
    options, _ = quick.parse_known_args(arguments)
    path = options.config
    if options.resume:
        path = (options.output or _latest_run() or pathlib.Path()) / "run.json"
    try:
        return _configuration_in(path).get("preset") if path else None
    except (OSError, ValueError):
        return None  # Said where the file is really read.


def _trackers():
    """Returns the names of all trackers, without the import of any."""
    files = pathlib.Path(__file__).parents[1].glob("callbacks/trackers/[a-z]*.py")
    return sorted(path.stem for path in files)


def _train(options):
    log = [name for name in options.log if name != "csv"]
    for name in log:
        keras_gans.callbacks.trackers.find(name)  # Before there is a folder.
    if options.resume:
        directory = options.output or _latest_run()
        if directory is None:
            raise FileNotFoundError(
                "There is no run to resume in the folder runs/. Name its folder: "
                "--output DIR"
            )
        strategy = _strategy(options)
        # It is read when nobody else can change it any more.
        with Run.open(directory):
            _start(_resume_run(directory, options), log, strategy)
        return
    configuration = _configuration(options)
    if options.save_config:
        _save_config(configuration, options.save_config)
    elif options.dry_run:
        if options.distribute != "none":
            raise ValueError("--dry-run tries one device: leave out --distribute.")
        _dry_run(Run("", configuration))
    else:
        preset = pathlib.Path(configuration.preset.rpartition(":")[2]).name
        strategy = _strategy(options)
        directory = options.output or next_free(pathlib.Path("runs") / preset)
        with Run.create(directory, configuration, options.command) as run:
            _start(run, log, strategy)


def _strategy(options):
    """Returns the `tf.distribute.Strategy` that is asked for, `None` for one device."""
    if options.distribute == "none":
        return None
    from keras_gans import distribution

    if options.distribute == "mirrored":
        return distribution.mirrored()
    if options.output is None:
        raise ValueError(
            "--distribute multi-worker needs --output DIR, the same folder for every "
            "worker, on a disk that all of them see."
        )
    return distribution.connect()


def _start(run, log, strategy):
    """Trains, exports and scores a run, and says so."""
    run.strategy = strategy
    if not run.is_chief:
        # What there is to say, the chief says.
        run.train(verbose=0)
        return
    print(f"Training {describe(run.configuration)}\n  in {run.directory}", flush=True)
    try:
        model = run.train(verbose="auto", log=log)
        export = run.export(model)
        print("Scoring the model on test images ...", flush=True)
        scores = run.score(model)
    except KeyboardInterrupt:
        # Of a run that is trained, this makes what is missing.
        if (run.directory / "run.json").exists():
            print(
                "\nInterrupted. Go on with: keras-gans train --resume --output "
                f"{shlex.quote(str(run.directory))}",
                file=sys.stderr,
            )
        raise
    _print_summary(run, scores, export)


def _given(options, recipe):
    """Returns a dict of the options of a configuration that are given."""
    names = (*_COMMON, *options_of(recipe))
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _configuration(options):
    saved = _read_config(options.config) if options.config else {}
    preset = options.preset or saved.pop("preset", DEFAULT)
    saved.pop("preset", None)
    recipe = registry.find(preset)
    task = TASKS[recipe.task]
    data = _sources(options, preset, task)
    if data is None and "x" in saved:
        data = [saved["x"]] + ([saved["y"]] if saved.get("y") else [])
    data = data or list(task.embedded)
    saved = {name: value for name, value in saved.items() if name not in ("x", "y")}
    given = _given(options, recipe)
    if {"steps", "epochs"} & {*given}:
        saved.pop("steps", None)
        saved.pop("epochs", None)
    # What depends on an option follows it.
    if "size" in given:
        saved.pop("load_size", None)
    if "learning_rate" in given:
        for role in ("generator", "discriminator"):
            saved.pop(f"{role}_learning_rate", None)
    return configure(preset, *data, **{**saved, **given})


def _sources(options, preset, task):
    x, y, images = (getattr(options, name, None) for name in ("x", "y", "images"))
    data = options.data
    if x or y:
        if data or not (x and y):
            raise ValueError("Give --x and --y, or both as --data X Y.")
        data = [x, y]
    if images:
        if data:
            raise ValueError("Give --images or --data, not both.")
        data = [images]
    last = data[-1] if data else None
    # `digits` is a source, too.
    if options.preset is None and last in registry.recipes() and last != DEFAULT:
        raise ValueError(f"PRESET comes first: keras-gans train {last} --data ...")
    if data and len(data) != len(task.sources):
        two = len(task.sources) == 2
        what = "two domains, X and Y" if two else f"one source, {task.sources[0]}"
        raise ValueError(
            f"--data of preset {preset} must name {what}. Received: {shlex.join(data)}"
        )
    return data


def _read_config(path):
    content = _configuration_in(path)
    if content.get("mixed_precision", "") is None:
        # It was written down: not left to the recipe.
        content["mixed_precision"] = "float32"
    return {
        name: tuple(value) if isinstance(value, list) and "size" in name else value
        for name, value in content.items()
    }


def _configuration_in(path):
    """Returns the dict in a file, with the preset's name of this version."""
    whole = read_json(path)
    content = whole.get("configuration", whole) if isinstance(whole, dict) else {}
    if not isinstance(content, dict) or "preset" not in content:
        raise ValueError(
            f"{path} holds no configuration. Give the run.json of a run, or a file "
            "that --save-config wrote."
        )
    return renamed(content, (whole.get("versions") or {}).get("keras_gans"))


def _save_config(configuration, path):
    refuse_existing([path], "")
    versions = {"keras_gans": keras_gans.__version__}
    content = {"versions": versions, "configuration": configuration.to_dict()}
    write_json(path, content)
    print(f"Wrote {path}. Train with it: keras-gans train --config {path}")


def _dry_run(run):
    print(f"Trying {describe(run.configuration)}", flush=True)
    found = run.dry_run()
    for name, count in found["parameters"].items():
        print(f"  {name}: {count:,} parameters")
    time = f"{_duration(found['seconds'])} for {found['batches']} batches"
    print(
        f"  {found['seconds_per_batch']:.3g} s for a batch: {time}, without scores and "
        "pictures"
    )
    if found["memory_bytes"]:
        print(f"  {found['memory_bytes'] / 2**30:.1f} GiB of memory")
    print(f"  {found['disk_bytes'] / 2**20:,.0f} MiB on the disk")
    print("No run was written.")
    for folder in found["caches"]:
        print(f"What stays, for the run itself: the decoded images in {folder}")


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _latest_run():
    # Those of `reproduce` have no checkpoints.
    files = pathlib.Path("runs").glob("*/run.json")
    runs = [path for path in files if (path.parent / "checkpoints").is_dir()]
    return max(runs, key=lambda path: path.stat().st_mtime).parent if runs else None


def _resume_run(directory, options):
    run = Run.open(directory, options.command)
    given = _given(options, run.configuration.recipe)
    length = {name: given.pop(name, None) for name in ("steps", "epochs")}
    run.change_cache(given.pop("cache", None))
    changes = {name: given.pop(name) for name in [*given] if _may_change(name)}
    others = ("data", "x", "y", "images", "config", "save_config", "dry_run")
    names = [name for name in others if getattr(options, name, None)] + [*given]
    refused = ["PRESET"] if options.preset else []
    if names:
        refused.append(flags(names))
    if refused:
        raise ValueError(
            f"{', '.join(refused)} cannot be given when a run is resumed: its networks "
            "and its data stay as they are. Only its length (--steps or --epochs), "
            "--cache, the learning rates and the weights of its losses may be given."
        )
    for name, before, value in run.change(**changes):
        if name in _LOGGED and _is_used(before) != _is_used(value):
            raise ValueError(
                f"{flags([name])} cannot become 0, or other than 0, when a run is "
                "resumed: its checkpoint has an average of that loss, or has none."
            )
        print(f"{flags([name])}: {_text(value)}, and before {_text(before)}")
    if any(length.values()):
        run.change_length(**length)
    return run


def _may_change(name):
    """Whether an option may change while the networks and the data stay."""
    return name.endswith(("learning_rate", "_weight"))


def _is_used(weight):
    if weight is None:  # The weight that is found.
        return True
    return any(weight) if isinstance(weight, (tuple, list)) else weight > 0


def _text(value):
    values = value if isinstance(value, (tuple, list)) else [value]
    return "by default" if value is None else " ".join(map(str, values))


def _print_summary(run, scores, export):
    folder, task = run.directory, task_of(run.configuration)
    print(f"\nDone. Everything is in {folder}:")
    contents = {
        "samples/": f"{task.pictures}, over time",
        "figures/losses.png": "loss curves",
        "history.csv": "losses of every epoch",
        "table.md": "losses at 100, 200, 500, 1000, ... iterations (also table.csv)",
        "tensorboard/": f"for tensorboard --logdir {shlex.quote(str(folder))}",
        "wandb/": "what wandb keeps; wandb sync sends it if it was offline",
        "checkpoints/": "for --resume",
        "model.keras": "the Keras model with its optimizers",
        str(export.relative_to(folder)): f"SavedModel, {task.export_use}",
        **task.outputs(),
    }
    if scores:
        contents["score.json"] = "the scores below"
    # Of a short run some are missing.
    there = {name: contents[name] for name in contents if (folder / name).exists()}
    for name, what in there.items():
        print(f"  {name:20} {what}")
    print()
    if scores:
        print(score_table(scores))
    else:
        print(f"No score: it needs {task.score_needs} of all data.")
    run_name = shlex.quote(str(folder))
    print(
        "\nNext:\n"
        f"  keras-gans {task.use} --model {run_name}\n"
        f"  keras-gans train --resume --output {run_name} --steps N   (train longer)\n"
        f"  keras-gans export {run_name} saved_models/NAME   (for TensorFlow Serving)\n"
        f"  keras-gans report {run_name}   (all of it as one page)"
    )
