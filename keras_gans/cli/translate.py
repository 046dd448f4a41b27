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

from keras_gans.cli.common import add_files, add_model, files_of, load_model
from keras_gans.cli.common import packaged_model, refuse_existing
from keras_gans.cli.jobs import Job, add_batches
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
    add_batches(verb)
    return verb


def _translate(options):
    from keras_gans.data.images import decode_image, encode_png, resize_image

    files, targets = files_of(options)
    variants = options.variants or 1
    if variants > 1:
        targets = [
            [target.with_stem(f"{target.stem}-{k + 1}") for k in range(variants)]
            for target in targets
        ]
        if not options.input.is_dir():
            refuse_existing(targets[0])
    job = Job(options, files, targets, in_folder=options.input.is_dir())
    if not job.files:
        return
    model = options.model or packaged_model()
    translator = load_model(model, "translate", "translation")
    if options.direction not in translator.directions:
        raise ValueError(
            f"{model} translates in the direction {translator.directions[0]} alone."
        )
    styled = _styled(translator, options, model)
    print(
        f"Translating {len(job.files)} image(s), direction {options.direction}, "
        f"with {model}",
        flush=True,
    )
    channels = translator.channels[options.direction[0]]

    def read(path):
        image = decode_image(path, channels=channels)
        return (resize_image(image, options.size) if options.size else image,)

    def convert(images):
        return _translate_images(
            translator, images, direction=options.direction, **styled
        )

    nothing_done = f"No image in {options.input} could be translated."
    job.run(read, convert, encode_png, nothing_done)


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
        given["style"] = translator.encode_style(_padded(image[None], translator))[0]
    return given


def _padded(images, translator):
    """Mirrors images at the right and the bottom, up to a size that networks take."""
    import numpy as np

    height, width = images.shape[1:3]
    multiple = translator.size_multiple
    padding = (0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0)
    return np.pad(images, padding, "symmetric")


def _translate_images(translator, images, **options):
    height, width = images.shape[1:3]
    padded = _padded(images, translator)
    try:
        translated = translator.translate(padded, **options)
    except ValueError as error:  # A size that the networks do not take.
        raise ValueError(f"{error} --size N resizes them.") from error
    return translated[..., :height, :width, :]
