"""Exports of a run, with what the run knows about its model."""

import json

import keras_gans
from keras_gans.checks import require
from keras_gans.files import read_json
from keras_gans.training.configuration import task_of


def convert(run, model, directory, format, size=None, data_licence=None):
    """Exports the model of a run for another runtime; see `keras_gans.export.convert`.

    It is checked with images of the run, or without them if they are not there any
    more.

    Args:
        run: The `keras_gans.training.Run`.
        model, directory, data_licence: As for its `export`.
        format, size: As for `keras_gans.export.convert`; where a size must be fixed,
            it is that of the run by default.
    """
    try:
        run.check_sources()
    except FileNotFoundError as error:
        print(f"The images of the run are not used for the check: {error}", flush=True)
        images = None
    else:
        images = _images(task_of(run.configuration).make_data())
    return keras_gans.export.convert(
        model,
        directory,
        format,
        size=size or run.configuration.size,
        images=images,
        metadata=metadata_of(run, data_licence),
    )


def checked(run, model):
    """Returns the model in a run's `model.keras`; raises if it is of another kind."""
    servable = keras_gans.export.saved_model.servable_of_model(model)
    task = task_of(run.configuration)
    require(
        servable.verb == task.verb,
        f"{run.directory / 'model.keras'} is a model of {servable.kind}, and "
        f"{run.directory} a run of {task.name}. Put its own there again: keras-gans "
        f"train --resume --output {run.directory} makes it of the checkpoint",
    )
    return model


def add_scores(run, scores):
    """Writes scores into the model cards of the exports in the folder of a run."""
    for folder in (run.directory / "export").glob("[0-9]*"):
        keras_gans.export.card.update_card(folder, scores=_without_nan(scores))


def metadata_of(run, data_licence):
    """Returns what a model card tells of a run, as a dict of JSON values."""
    scores = run.directory / "score.json"
    configuration = run.configuration.to_dict()
    return {
        "command": run.record["command"],
        "configuration": configuration,
        "data": [configuration[key] for key in ("x", "y") if configuration[key]],
        "data_licence": data_licence,
        "iterations": run.record.get("iterations", run.configuration.steps),
        "scores": _without_nan(read_json(scores)) if scores.exists() else None,
        "versions": run.record["versions"],
    }


def _images(data):
    """Returns the first images of the first batch as pixels."""
    import tensorflow as tf

    parts = tf.nest.flatten(next(iter(data)))
    return keras_gans.pixels.to_pixels(
        next(part for part in parts if len(part.shape) == 4)
    )


def _without_nan(scores):
    """Returns scores with `None` for what is no number, which JSON does not know."""
    return json.loads(json.dumps(scores), parse_constant=lambda constant: None)
