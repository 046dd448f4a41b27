"""Finds exported models under a folder and describes them, without running them."""

import dataclasses
import os
import pathlib

import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from keras_gans.checks import require
from keras_gans.export.card import read_card
from keras_gans.export.saved_model import SERVABLES
from keras_gans.export.versions import versions_in


@dataclasses.dataclass(frozen=True)
class Tensor:
    """What goes into a signature or comes out of it.

    Attributes:
        dtype: String, `"uint8"`, `"float32"`, `"int32"` or `"string"`.
        shape: Tuple of integers, `None` where any length will do.
    """

    dtype: str
    shape: tuple


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of an exported model.

    Attributes:
        inputs: Dict from names to `Tensor`.
        outputs: The like.
        definition: Dict, its `SignatureDef` as TensorFlow Serving writes it in JSON.
    """

    inputs: dict
    outputs: dict
    definition: dict


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """One version of an exported model; `find` makes it.

    Attributes:
        name: String, the name of its folder; for that of a run, the run's.
        version: Positive integer.
        path: `pathlib.Path` of the SavedModel, for `keras_gans.export.load`.
        kind: `"translation"`, `"generation"`, `"colorization"` or `"editing"`.
        signatures: Dict from names to `Signature`; see `keras_gans.export.save`.
        card: Dict, what `model_card.json` says; `None` for exports of versions before
            0.4, which have none.
    """

    name: str
    version: int
    path: pathlib.Path
    kind: str
    signatures: dict
    card: dict | None


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The exported models under a folder; `find` makes it.

    Attributes:
        root: `pathlib.Path` of the folder.
        models: Dict from names to dicts from versions to `ExportedModel`, both in
            order.
        refused: Dict from paths to strings that say why they are left out.
    """

    root: pathlib.Path
    models: dict
    refused: dict

    def latest(self, name):
        """Returns the highest version of a model."""
        return self.models[name][max(self.models[name])]

    def load(self):
        """Loads all models as TensorFlow does; what cannot be loaded becomes `refused`.

        Returns:
            Dict from pairs of name and version to loaded SavedModels.
        """
        loaded = {}
        for name, versions in [*self.models.items()]:
            for version, model in [*versions.items()]:
                try:
                    saved_model = tf.saved_model.load(os.fspath(model.path))
                # Damaged graphs raise almost anything.
                except Exception as error:
                    reason = next(iter(str(error).splitlines()), type(error).__name__)
                    self.refused[model.path] = f"It cannot be loaded ({reason})."
                    del versions[version]
                else:
                    loaded[name, version] = saved_model
            if not versions:
                del self.models[name]
        return loaded


def find(root):
    """Finds the exported models in a folder.

    Found are `<root>/<name>/<version>/`, as TensorFlow Serving wants it,
    `<root>/<name>/export/<version>/` of the folders of runs, and `<root>/<version>/` if
    the folder is that of a single model. Nothing of a model is executed. As a
    SavedModel is a program, one is refused if any of its files is a link that leads out
    of `root`.

    Args:
        root: The folder.

    Returns:
        A `Catalog`.

    Raises:
        FileNotFoundError: If there is no such folder.
        NotADirectoryError: If it is none.
    """
    root = pathlib.Path(root)
    require(root.exists(), f"There is no folder '{root}'", FileNotFoundError)
    must = f"'{root}' is a file. Give the folder that holds the exported models"
    require(root.is_dir(), must, NotADirectoryError)
    models, refused = {}, {}
    for name, folder in _folders(root):
        found = {}
        try:
            versions = versions_in(folder)
        except OSError as error:
            refused[folder] = _unreadable(error)
            continue
        for version, path in sorted(versions.items()):
            try:
                _check_inside(path, root)
                found[version] = _describe(name, version, path)
            except OSError as error:
                refused[path] = _unreadable(error)
            except ValueError as error:
                refused[path] = str(error)
        if found:
            models[name] = found
    return Catalog(root, models, refused)


def _unreadable(error):
    return f"'{error.filename}' cannot be read ({error.strerror})."


def _folders(root):
    """Yields the names of models and the folders of their versions."""
    if versions_in(root):
        yield root.resolve().name, root
        return
    for folder in sorted(root.iterdir()):
        if not folder.name.startswith(".") and folder.is_dir():
            is_run = (folder / "run.json").is_file() and (folder / "export").is_dir()
            yield folder.name, folder / "export" if is_run else folder


def _check_inside(path, root):
    """Refuses a folder if it, or anything in it, lies elsewhere."""
    root = root.resolve()
    for folder, folders, files in os.walk(path):
        for entry in ("", *folders, *files):
            entry = pathlib.Path(folder, entry)
            # A link that leads nowhere, or in a circle, is an `OSError`.
            where = pathlib.Path(os.path.realpath(entry, strict=True))
            must = f"It leads out of the folder '{root}': '{entry}' is '{where}'"
            require(where.is_relative_to(root), must)


def _describe(name, version, path):
    graph = _meta_graph(path / "saved_model.pb")
    attributes = {
        child.local_name for child in graph.object_graph_def.nodes[0].children
    }
    # What tells the size, or whatever else it takes, is another for each kind.
    kinds = [kind.kind for kind in SERVABLES if kind.rule in attributes]
    require(kinds, "It is no SavedModel of `keras_gans.export.save`")
    signatures = {
        name: _signature(definition)
        for name, definition in sorted(graph.signature_def.items())
        if not name.startswith("__")
    }
    return ExportedModel(name, version, path, kinds[0], signatures, read_card(path))


def _meta_graph(path):
    try:
        (graph,) = SavedModel.FromString(path.read_bytes()).meta_graphs
        require(graph.object_graph_def.nodes, "It holds no objects")
    except (OSError, DecodeError, ValueError) as error:
        raise ValueError(f"'{path.name}' cannot be read ({error})") from error
    return graph


def _signature(definition):
    tensors = (
        {name: _tensor(info) for name, info in sorted(infos.items())}
        for infos in (definition.inputs, definition.outputs)
    )
    options = {"preserving_proto_field_name": True}
    options["always_print_fields_with_no_presence"] = True
    return Signature(*tensors, MessageToDict(definition, **options))


def _tensor(info):
    sides = (side.size for side in info.tensor_shape.dim)
    shape = tuple(None if side < 0 else side for side in sides)
    return Tensor(tf.dtypes.as_dtype(info.dtype).name, shape)
