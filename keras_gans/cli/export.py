"""`keras-gans export`: export a trained run as a SavedModel, or for other runtimes.

Exports a run as a SavedModel that plain TensorFlow, TensorFlow Serving and `keras-gans
serve` load: uint8 images (or latent vectors) or image files in, uint8 images or files
out. Each call makes the next version. Other formats hold the bare networks, images as
floats in [-1, 1], and go to DIR/FORMAT/VERSION; each is run on random and real images
and compared with Keras. A model_card.json lies beside each.

Args:
    run: folder of a run
    output: folder of the model; the export goes to DIR/VERSION
    format: keras, onnx (ONNX Runtime), litert (LiteRT, batch 1), openvino (default:
        saved_model)
    weights: how weights of a SavedModel are stored; float16 halves the files (default:
        float32)
    size: of another format, height and width where they must be fixed (default: that of
        the run)
    data_licence: licence of the data, for the model card: "CC BY 4.0"

examples:
  keras-gans export runs/digits-1 saved_models/digits --data-licence "CC BY 4.0"
  keras-gans export runs/digits-1 saved_models/digits --format onnx
"""

import pathlib

import keras_gans
from keras_gans.cli.options import add_verb, size
from keras_gans.training import Run, exports

_FORMATS = ("saved_model", "keras", "onnx", "litert", "openvino")


def add_to(verbs):
    _, add = add_verb(verbs, "export", _export, __doc__)
    add("run", type=pathlib.Path, metavar="RUN")
    add("output", type=pathlib.Path, metavar="DIR")
    add("--format", choices=_FORMATS, default=_FORMATS[0])
    add("--weights", choices=["float32", "float16"])
    add("--size", type=size, metavar="N|HxW")
    add("--data-licence", metavar="TEXT")


def _export(options):
    is_saved_model = options.format == _FORMATS[0]
    useless = "size" if is_saved_model else "weights"
    if getattr(options, useless) is not None:
        raise ValueError(f"--{useless} has no effect with --format {options.format}.")
    run = Run.open(options.run)
    model, licence = run.load_model(), {"data_licence": options.data_licence}
    if is_saved_model:
        dtype = options.weights or "float32"
        path = run.export(model, options.output, weights_dtype=dtype, **licence)
    else:
        where = options.output, options.format
        path = exports.convert(run, model, *where, size=options.size, **licence)
        for name, network in keras_gans.export.card.read_card(path)["networks"].items():
            shapes = [shape["shape"] for shape in network["inputs"].values()]
            sizes = ", ".join(_text(shape) for shape in shapes)
            print(
                f"{network['file']}: inputs {sizes}; largest difference from Keras "
                f"{network['largest_difference']:.1e}, of one grey level "
                f"{127.5 * network['largest_difference']:.1%}"
            )
    print(f"Exported {options.run} to {path}")


def _text(shape):
    return "(" + ", ".join("any" if side is None else str(side) for side in shape) + ")"
