"""`keras-gans export`: a run as a SavedModel."""

import pathlib


def add_export(verbs):
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
