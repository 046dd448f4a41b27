"""Exports of a run, with what the run knows about its model."""

import json

from keras_gans.checks import require
from keras_gans.files import read_json
from keras_gans.training.configuration import task_of


def save(run, model, directory, weights_dtype="float32", data_licence=None):
    """Exports the model of a run as a SavedModel; see `keras_gans.export.save`.

    Args:
        run: The `keras_gans.training.Run`.
        model: Its model.
        directory: Folder of all versions.
        weights_dtype: As for `keras_gans.export.save`.
        data_licence: Optional string, the licence of the data, for the model card.
    """
    from keras_gans import export

    metadata = _metadata(run, data_licence)
    return export.save(model, directory, None, weights_dtype, metadata)


def convert(run, model, directory, format, size=None, data_licence=None):
    """Exports the model of a run for another runtime; see `keras_gans.export.convert`.

    It is checked with images of the run, or without them if they are not there any
    more.

    Args:
        run, model, directory, data_licence: As for `save`.
        format, size: As for `keras_gans.export.convert`; where a size must be fixed,
            it is that of the run by default.
    """
    from keras_gans import export

    try:
        run.check_sources()
    except FileNotFoundError as error:
        print(f"The images of the run are not used for the check: {error}", flush=True)
        images = None
    else:
        images = _images(task_of(run.configuration).make_data())
    return export.convert(
        model,
        directory,
        format,
        size=size or run.configuration.size,
        images=images,
        metadata=_metadata(run, data_licence),
    )


def checked(run, model):
    """Returns the model in a run's `model.keras`; raises if it is of another kind."""
    from keras_gans.export.saved_model import servable_of_model

    servable, task = servable_of_model(model), task_of(run.configuration)
    require(
        servable.verb == task.verb,
        f"{run.directory / 'model.keras'} is a model of {servable.kind}, and "
        f"{run.directory} a run of {task.name}. Put its own there again: keras-gans "
        f"train --resume --output {run.directory} makes it of the checkpoint",
    )
    return model


def add_scores(run, scores):
    """Writes scores into the model cards of the exports in the folder of a run."""
    from keras_gans.export.card import update_card

    for folder in (run.directory / "export").glob("[0-9]*"):
        update_card(folder, scores=_without_nan(scores))


def _metadata(run, data_licence):
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

    from keras_gans.pixels import to_pixels

    parts = tf.nest.flatten(next(iter(data)))
    return to_pixels(next(part for part in parts if len(part.shape) == 4))


def _without_nan(scores):
    """Returns scores with `None` for what is no number, which JSON does not know."""
    return json.loads(json.dumps(scores), parse_constant=lambda constant: None)
