"""Model cards: what an exported model is, where it comes from and how good it is."""

import datetime
import json
import pathlib
import platform

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import require
from keras_gans.files import write_json
from keras_gans.version import __version__

CARD = "model_card.json"


def write_card(folder, model, servable, metadata, **facts):
    """Writes `model_card.json` into the folder of an export.

    Args:
        folder: `pathlib.Path` of the folder.
        model: The model that is exported.
        servable: Its kind, a class of `keras_gans.export.servable.Servable`.
        metadata: Dict of JSON values that are added, or `None`. What is wanted is:
            `command` and `configuration` of the training, `data` with the names of its
            sources, `data_licence`, `iterations`, the length of the training, and
            `scores`.
        **facts: JSON values about this format.
    """
    wanted = "command", "configuration", "data", "data_licence", "iterations", "scores"
    card = {
        "class": type(model).__name__,
        "kind": servable.kind,
        **facts,
        "parameters": {
            name: getattr(model, name).count_params()
            for name in servable.network_names(model)
        },
        # What nobody has told is seen to be missing.
        **dict.fromkeys(wanted),
        "versions": versions(),
        "exported": datetime.datetime.now().astimezone().isoformat("T", "seconds"),
        **(metadata or {}),
    }
    write_json(folder / CARD, card)


def read_card(folder):
    """Returns the model card in the folder of an export, `None` if there is none.

    Raises:
        ValueError: If it is no JSON object.
    """
    file = pathlib.Path(folder) / CARD
    if not file.is_file():
        return None
    try:
        # Scores of a model that has diverged may be NaN, which JSON does not know.
        text = file.read_text(encoding="utf-8")
        card = json.loads(text, parse_constant=lambda constant: None)
        require(isinstance(card, dict), "It is no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"'{file.name}' cannot be read ({error})") from error
    return card


def update_card(folder, **facts):
    """Adds to the model card in the folder of an export, if it has one."""
    card = read_card(folder)
    if card is not None:
        write_json(pathlib.Path(folder) / CARD, card | facts)


def versions():
    """Returns a dict of the versions of what computes."""
    return {
        "keras_gans": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def describe_signatures(functions):
    """Returns what signatures take and give, as JSON values.

    Args:
        functions: Dict from names to `tf.function`s with an input signature.
    """

    def described(specs):
        return {
            name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
            for name, spec in specs.items()
        }

    signatures = {}
    for name, function in functions.items():
        concrete = function.get_concrete_function()
        inputs = tf.nest.flatten(concrete.structured_input_signature)
        signatures[name] = {
            "inputs": described({spec.name: spec for spec in inputs}),
            "outputs": described(concrete.structured_outputs),
        }
    return signatures
