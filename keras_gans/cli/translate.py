"""`keras-gans translate`: translate an image or a folder of images.

Translates an image file, or every image of a folder, with a trained model.

Args:
    direction: X to Y, or Y to X where a model knows the way back (default: xy)
    size: resize to this height and width first (default: keep the size)

examples:
  keras-gans translate digit.png street.png
  keras-gans translate photos/ paintings/ --size 256 \\
      --model runs/cyclegan-1
"""

from keras_gans.cli.common import add_files, add_model, convert_files, files_of
from keras_gans.cli.common import load_model, packaged_model
from keras_gans.cli.options import add_verb, size


def add_to(verbs):
    verb, add = add_verb(verbs, "translate", _translate, __doc__)
    add_files(verb, "IN")
    add_model(verb, default="the digit model that comes with the package")
    add("--direction", choices=["xy", "yx"], default="xy")
    add("--size", type=size, metavar="N|HxW")
    return verb


def _translate(options):
    from keras_gans.data.images import decode_image, resize_image

    files, targets = files_of(options)
    model = options.model or packaged_model()
    translator = load_model(model, "translate", "translation")
    if options.direction not in translator.directions:
        raise ValueError(
            f"{model} translates in the direction {translator.directions[0]} alone."
        )
    print(
        f"Translating {len(files)} image(s), direction {options.direction}, "
        f"with {model}",
        flush=True,
    )
    channels = translator.channels[options.direction[0]]

    def convert(path):
        image = decode_image(path, channels=channels)
        if options.size:
            image = resize_image(image, options.size)
        return _translate_image(translator, image, path, options.direction)

    nothing_done = f"No image in {options.input} could be translated."
    convert_files(options, files, targets, convert, nothing_done)


def _translate_image(translator, image, path, direction):
    import numpy as np

    from keras_gans.data.images import ImageError

    # Mirrored at the right and the bottom, up to a size that the networks take.
    height, width, _ = image.shape
    multiple = translator.size_multiple
    padding = (0, -height % multiple), (0, -width % multiple), (0, 0)
    padded = np.pad(image, padding, "symmetric")
    try:
        translated = translator.translate(padded[None], direction=direction)[0]
        return translated[:height, :width]
    except ValueError as error:  # A size that the networks do not take.
        raise ImageError(f"{path}: {error} --size N resizes them.") from error
