"""`keras-gans edit`: attributes of a photo or of a folder of photos."""

import pathlib

from keras_gans.cli.common import (
    add_files,
    add_model,
    convert_files,
    load_model,
    refuse_existing,
    target_of_file,
    targets_in_folder,
)
from keras_gans.cli.options import size


def add_edit(verbs):
    verb = verbs.add_parser(
        "edit",
        # argparse would put the files last, where --add takes them for names.
        usage="keras-gans edit PHOTO OUT --model DIR [OPTION ...]",
        help="edit attributes of a photo or of a folder of photos",
        description="Gives a photo, or every photo of a folder, attributes or takes "
        "them away, with a\ntrained model. What is not named stays.",
        epilog=(
            "examples:\n"
            "  keras-gans edit face.jpg smiling.png --model runs/aclgan-1 \\\n"
            "      --add Smiling --remove Eyeglasses\n"
            "  keras-gans edit faces/ blond/ --model runs/aclgan-1 --add Blond_Hair"
        ),
    )
    add_files(verb, "PHOTO")
    add_model(verb)
    verb.add_argument(
        "--add", nargs="+", default=[], metavar="NAME", help="attributes to give"
    )
    verb.add_argument(
        "--remove", nargs="+", default=[], metavar="NAME", help="to take away"
    )
    verb.add_argument(
        "--has",
        nargs="*",
        metavar="NAME",
        help="all attributes that the photo has (default: those that the model sees)",
    )
    verb.add_argument(
        "--mask",
        type=pathlib.Path,
        metavar="PNG",
        help="also save where the photo is changed, white on black; of a single photo",
    )
    verb.add_argument(
        "--size",
        type=size,
        metavar="N|HxW",
        help="cut out the middle and resize it to this height and width (default: that "
        "of the training for a run, else the size of the photo)",
    )
    verb.set_defaults(function=_edit)
    return verb


def _edit(options):
    from keras_gans.data.images import (
        decode_image,
        encode_png,
        list_images,
        resize_image,
    )

    if not options.add and not options.remove:
        raise ValueError("Nothing to edit: give --add NAME or --remove NAME.")
    if options.input.is_dir():
        if options.mask:
            raise ValueError("--mask goes with a single photo, not with a folder.")
        files = list_images(options.input)
        targets = targets_in_folder(files, options)
    else:
        files, targets = [options.input], [target_of_file(options)]
        refuse_existing([options.mask] if options.mask else [])
    editor = load_model(options.model, "edit", "editing")
    # Wrong names are found before the first photo is read.
    known = editor.choices.target([0] * len(editor.attribute_names), options.has or ())
    editor.choices.target(known, options.add, options.remove)
    attributes = None if options.has is None else known
    image_size = options.size or _trained_size(options.model)
    changes = [f"+{name}" for name in options.add]
    changes += [f"-{name}" for name in options.remove]
    print(
        f"Editing {len(files)} photo(s), {' '.join(changes)}, with {options.model}",
        flush=True,
    )

    def convert(path):
        image = decode_image(path, channels=editor.channels)
        if image_size:
            image = resize_image(_middle(image), image_size)
        image, mask = _edit_image(editor, image, path, attributes, options)
        if options.mask:
            options.mask.write_bytes(encode_png(mask))
        return image

    nothing_done = f"No photo in {options.input} could be edited."
    convert_files(options, files, targets, convert, nothing_done)


def _edit_image(editor, image, path, attributes, options):
    from keras_gans.data.images import ImageError

    arguments = {
        "add": options.add,
        "remove": options.remove,
        "attributes": attributes,
        "return_mask": options.mask is not None,
    }
    try:
        edited = editor.edit(image[None], **arguments)
    except ValueError as error:  # A size that the networks do not take.
        raise ImageError(f"{path}: {error} --size N resizes it.") from error
    if options.mask:
        return edited[0][0], edited[1][0]
    return edited[0], None


def _middle(image):
    """The largest square in the middle, as in training."""
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _trained_size(path):
    from keras_gans.training import Run

    if (path / "run.json").is_file():
        return Run.open(path).configuration.size
    return None
