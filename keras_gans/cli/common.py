"""What several verbs of the command line need."""

import contextlib
import functools
import pathlib
import sys

import keras_gans
from keras_gans.training import TASKS, Run


def load_model(path, verb, kind):
    """Loads an exported model, or that of a run, for one of the verbs."""
    return keras_gans.export.load(servable_path(path, verb), kind=kind)


def run_of(path):
    """The run whose folder that is, or `None`."""
    return Run.open(path) if (path / "run.json").is_file() else None


def servable_path(path, verb):
    """The exported model of the folder of a run, or the path itself."""
    # An export that failed leaves an empty folder.
    has_export = any((path / "export").glob("[0-9]*"))
    run = run_of(path)
    if run is None:
        # The run of a study has the export alone.
        return path / "export" if has_export else path
    task = TASKS[run.configuration.recipe.task]
    if task.verb != verb:
        raise ValueError(f"{path} is a run of {task.name}: use keras-gans {task.verb}.")
    return path / "export" if has_export else run.model_path()


def trained_size(path):
    """Height and width of the training of a run or an export, `None` if not told."""
    run = run_of(path)
    if run is not None:
        return run.configuration.size
    if path.is_dir():
        versions = keras_gans.export.versions.versions_in(path)
        folder = versions[max(versions)] if versions else path
        card = keras_gans.export.card.read_card(folder) or {}
        return (card.get("configuration") or {}).get("size")
    return None


def packaged_model(name="digits"):
    """A trained model of `saved_models/`, in a checkout or as installed."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    for place in (checkout, pathlib.Path(sys.prefix) / "share" / "keras_gans"):
        if (place / "saved_models" / name).is_dir():
            return place / "saved_models" / name
    raise FileNotFoundError(
        f"The model '{name}' that comes with the package is not installed here. Name a "
        "model: --model DIR"
    )


@contextlib.contextmanager
def needs_extra(what, extra):
    """Says which extra brings a package that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{what} needs the package {error.name}: pip install 'keras_gans[{extra}]'"
        ) from error


def add_served(verb, port):
    """Adds the arguments of a verb that serves exported models."""
    text = (
        "folder of the models, or of runs with exports; SavedModels are programs, so "
        "links that lead out of it are refused (default: the models that come with the "
        "package)"
    )
    verb.add_argument("root", type=pathlib.Path, metavar="DIR", nargs="?", help=text)
    text = "address to listen on; 0.0.0.0 is every one that this machine has"
    verb.add_argument("--host", default="127.0.0.1", help=text)
    text = "port to listen on, 0 for any that is free"
    verb.add_argument("--port", type=int, metavar="N", default=port, help=text)


def find_served(options):
    """Returns the `Catalog` of the models that are to be served."""
    from keras_gans.serving import find

    if not 0 <= options.port < 2**16:
        raise ValueError(f"--port must be in [0, 65535]. Received: {options.port}")
    return find(options.root or packaged_model().parent)


def say_what_is_there(catalog, models):
    """Names the models that are left out; raises if there are no others."""
    for path, reason in catalog.refused.items():
        print(f"Left out: {path}: {reason}", file=sys.stderr)
    if not models:
        raise FileNotFoundError(
            f"There is no exported model in '{catalog.root}'. `keras-gans export RUN "
            f"{catalog.root / 'NAME'}` makes one."
        )


def add_files(verb, metavar):
    """Adds the two arguments of a verb that makes images of images."""
    add = functools.partial(verb.add_argument, type=pathlib.Path)
    add("input", metavar=metavar, help="file or folder")
    text = "PNG file or folder; nothing is overwritten, and what is done stays"
    add("output", metavar="OUT", help=text)


def add_model(verb, default=None):
    """Adds `--model`, which must be given unless there is a default to speak of."""
    text = "folder of a run, exported SavedModel or .keras file"
    text += f" (default: {default})" if default else ""
    options = {"type": pathlib.Path, "metavar": "DIR", "help": text}
    verb.add_argument("--model", required=default is None, **options)


def files_of(options, ending=".png"):
    """Returns lists of the files of IN, a file or folder, and of those in OUT.

    They are PNG, or TIFF if the ending is `".tif"`.
    """
    if not options.input.is_dir():
        return [options.input], [target_of_file(options, ending)]
    files = keras_gans.data.images.list_images(options.input)
    output = options.output.resolve()
    if options.input.resolve() in output.parents:
        # What was made before is none of what is to be made.
        files = [path for path in files if output not in path.resolve().parents]
    return files, targets_in_folder(files, options, ending)


def refuse_existing(targets, of=" for OUT"):
    for target in targets:
        if target.exists():
            raise FileExistsError(
                f"{target} exists. Nothing is overwritten: choose another name{of}."
            )


def target_of_file(options, ending):
    """The file for IN, a file: OUT, or of the same name in OUT, a folder."""
    if not options.input.exists():
        raise FileNotFoundError(f"There is no file or folder {options.input}.")
    target = options.output
    if target.is_dir():
        target = target / (options.input.stem + ending)
    endings = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
    kind = endings[ending]
    if endings.get(target.suffix.lower()) != kind:
        raise ValueError(
            f"Images are saved as {kind}. Received: OUT {options.output}; give a name "
            f"that ends in {ending}, or an existing folder."
        )
    refuse_existing([target])
    return target


def targets_in_folder(files, options, ending):
    """The files in OUT for the files of IN, a folder."""
    if options.output.exists() and not options.output.is_dir():
        raise NotADirectoryError(
            f"{options.output} is a file. Give a folder for the images of a folder."
        )
    targets = []
    for path in files:
        name = path.name
        # The old ending stays: a folder may hold one name with several of them.
        if path.suffix.lower() != ending:
            name += ending
        targets.append(options.output / path.relative_to(options.input).with_name(name))
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise ValueError(
            f"Two images of {options.input} would be saved as {twice}. Rename one."
        )
    return targets
