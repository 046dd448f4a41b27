"""`keras-gans export`: export a trained run as a SavedModel.

Exports a run as a SavedModel that plain TensorFlow or TensorFlow Serving loads: uint8
images (or latent vectors) in, uint8 images out. Each call makes the next version.

Args:
    run: folder of a run
    output: folder of the model; the export goes to DIR/VERSION
    weights: how weights are stored; float16 halves the files (default: float32)

example:
  keras-gans export runs/digits-1 saved_models/digits
"""

import pathlib

from keras_gans.cli.options import add_verb


def add_to(verbs):
    verb, add = add_verb(verbs, "export", _export, __doc__)
    add("run", type=pathlib.Path, metavar="RUN")
    add("output", type=pathlib.Path, metavar="DIR")
    add("--weights", choices=["float32", "float16"], default="float32")
    return verb


def _export(options):
    from keras_gans.training import Run

    run = Run.open(options.run)
    path = run.export(run.load_model(), options.output, weights_dtype=options.weights)
    print(f"Exported {options.run} to {path}")
