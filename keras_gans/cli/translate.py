"""`keras-gans translate`: translate an image or a folder of images.

Translates an image file, or every image of a folder, with a trained model.

Args:
    direction: X to Y, or Y to X where a model knows the way back (default: xy)
    size: resize to this height and width first, the reference too (default: keep the
        size)
    preprocess: keep the shape of the picture: resize it to sides of at least --size;
        crop, cut the middle out of that; pad, resize to sides of at most --size, and
        mirror it to the whole of it while it is translated; tile, translate it in its
        own size, in overlapping tiles of --size (default: 512), if the memory does not
        take the whole
    whole_statistics: with tile, and a run or a .keras file: normalize all tiles alike,
        as instance normalization does in a whole picture. Otherwise each is normalized
        by itself, and light and colours may differ between them
    bits: 16 reads and writes PNG and TIFF files of 16 bits, with a run or a .keras file
        (default: 8)
    format: png or tiff (default: png)
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
  keras-gans translate large.tif out.tif --preprocess tile --whole-statistics \\
      --bits 16 --format tiff --model runs/cyclegan-1
"""

import pathlib

from keras_gans.cli.common import add_files, add_model, files_of, load_model
from keras_gans.cli.common import packaged_model, refuse_existing
from keras_gans.cli.jobs import Job, add_batches
from keras_gans.cli.options import add_verb, positive, size
from keras_gans.training.task import sides


def add_to(verbs):
    verb, add = add_verb(verbs, "translate", _translate, __doc__)
    add_files(verb, "IN")
    add_model(verb, default="the digit model that comes with the package")
    add("--direction", choices=["xy", "yx"], default="xy")
    add("--size", type=size, metavar="N|HxW")
    add("--preprocess", choices=["resize", "crop", "pad", "tile"])
    add("--whole-statistics", action="store_true")
    add("--bits", type=int, choices=[8, 16], default=8)
    add("--format", choices=["png", "tiff"], default="png")
    style = verb.add_mutually_exclusive_group()
    style.add_argument("--reference", type=pathlib.Path, metavar="IMAGE")
    style.add_argument("--seed", type=int, metavar="N")
    add("--variants", type=positive, metavar="N")
    add_batches(verb)


def _translate(options):
    from keras_gans.cli import preprocess
    from keras_gans.pixels import to_uint8

    preprocess.check(options)
    files, targets = files_of(options, ".tif" if options.format == "tiff" else ".png")
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
    if options.bits == 16 or options.whole_statistics:
        from keras_gans.cli.float_translator import load_in_floats

        translator = load_in_floats(model)
    else:
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

    decode, resize, encode = preprocess.file_functions(options)

    def read(path):
        return preprocess.fit(decode(path, channels), options, resize)

    def convert(images, parts):
        results = []
        for image, (height, width) in zip(translated(images), parts):
            image = image[..., :height, :width, :]
            is_deep = options.bits == 16 or image.dtype == "uint8"
            results.append(image if is_deep else to_uint8(image))
        return results

    def translated(images):
        if options.preprocess == "tile":
            arguments = (options.direction, styled, options)
            return [
                preprocess.translate_in_tiles(translator, i, *arguments) for i in images
            ]
        # What is mirrored is cut off again by the caller.
        images = preprocess.padded(images, translator)
        try:
            return translator.translate(images, options.direction, **styled)
        except ValueError as error:  # A size that the networks do not take.
            raise ValueError(f"{error} --size N resizes them.") from error

    nothing_done = f"No image in {options.input} could be translated."
    one_size = options.size and options.preprocess in (None, "crop", "pad")
    job.run(read, convert, encode, nothing_done, one_size)


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
        from keras_gans.cli import preprocess

        if given.get("variants", 1) > 1:
            raise ValueError(
                "--variants are different random styles, and --reference is one style: "
                "give one of them."
            )
        path = given.pop("reference")
        decode, resize, _ = preprocess.file_functions(options)
        image = decode(path, translator.channels["y"])
        if options.size and options.preprocess != "tile":
            image = resize(image, sides(options.size))
        image = preprocess.padded(image[None], translator)
        given["style"] = translator.encode_style(image)[0]
    return given
