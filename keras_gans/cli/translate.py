"""`keras-gans translate`: translate an image or a folder of images.

Translates an image file, or every image of a folder, with a trained model.

Args:
    direction: X to Y, or Y to X where a model knows the way back (default: xy)
    size: resize to this height and width first, the reference too (default: keep the
        size)
    reference: image of Y whose style the translations get, where a model knows styles
        (default: a random style for each image, always the same for the same pixels)
    seed: integer, in place of a reference: the random style of this number for all
    variants: translations of each image in different random styles, OUT-1.png and so on
        (default: 1)

examples:
  keras-gans translate digit.png street.png
  keras-gans translate digit.png like.png --reference street.png
  keras-gans translate digits/ streets/ --variants 4 --seed 7
  keras-gans translate photos/ paintings/ --size 256 \\
      --model runs/cyclegan-1
"""

import pathlib

from keras_gans.cli.common import add_files, add_model, convert_files, files_of
from keras_gans.cli.common import load_model, packaged_model, refuse_existing
from keras_gans.cli.options import add_verb, positive, size


def add_to(verbs):
    verb, add = add_verb(verbs, "translate", _translate, __doc__)
    add_files(verb, "IN")
    add_model(verb, default="the digit model that comes with the package")
    add("--direction", choices=["xy", "yx"], default="xy")
    add("--size", type=size, metavar="N|HxW")
    style = verb.add_mutually_exclusive_group()
    style.add_argument("--reference", type=pathlib.Path, metavar="IMAGE")
    style.add_argument("--seed", type=int, metavar="N")
    add("--variants", type=positive, metavar="N")
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
    variants = options.variants or 1
    styled = _styled(translator, options, model)
    if variants > 1:
        targets = [
            [target.with_stem(f"{target.stem}-{k + 1}") for k in range(variants)]
            for target in targets
        ]
        refuse_existing(sum(targets, []))
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
        translated = _translate_image(
            translator, image, path, direction=options.direction, **styled
        )
        return translated if variants == 1 else list(translated)

    nothing_done = f"No image in {options.input} could be translated."
    convert_files(options, files, targets, convert, nothing_done)


def _styled(translator, options, model):
    """Returns the arguments of `translate` that say in which style."""
    given = {
        name: getattr(options, name)
        for name in ("reference", "seed", "variants")
        if getattr(options, name) is not None
    }
    if not given:
        return {}
    if translator.style_dim is None or options.direction != "xy":
        flag = f"--{[*given][0]}"
        why = "has no styles" if translator.style_dim is None else "has them in Y alone"
        raise ValueError(
            f"{flag} needs a model that knows styles; {model} {why}. "
            "`keras-gans train digits` makes one."
        )
    if given.get("seed", 0) < 0:
        raise ValueError(
            f"--seed must be zero or a positive integer. Received: {given['seed']}"
        )
    if "reference" in given:
        from keras_gans.data.images import decode_image, resize_image

        if given.get("variants", 1) > 1:
            raise ValueError(
                "--variants are different random styles, and --reference is one style: "
                "give one of them."
            )
        path = given.pop("reference")
        image = decode_image(path, channels=translator.channels["y"])
        if options.size:
            image = resize_image(image, options.size)
        given["style"] = translator.encode_style(_padded(image, translator)[None])[0]
    return given


def _padded(image, translator):
    """Mirrors an image at the right and the bottom, up to a size that networks take."""
    import numpy as np

    height, width, _ = image.shape
    multiple = translator.size_multiple
    padding = (0, -height % multiple), (0, -width % multiple), (0, 0)
    return np.pad(image, padding, "symmetric")


def _translate_image(translator, image, path, **options):
    from keras_gans.data.images import ImageError

    height, width, _ = image.shape
    padded = _padded(image, translator)
    try:
        translated = translator.translate(padded[None], **options)[0]
        return translated[..., :height, :width, :]
    except ValueError as error:  # A size that the networks do not take.
        raise ImageError(f"{path}: {error} --size N resizes them.") from error
