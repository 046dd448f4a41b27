"""`keras-gans edit`: edit attributes of a photo or of a folder of photos.

Gives a photo, or every photo of a folder, attributes or takes them away, with a
trained model. What is not named stays.

Args:
    add: attributes to give
    remove: to take away
    has: all attributes that the photo has (default: those that the model sees)
    mask: also save where the photo is changed, white on black; of a single photo
    size: cut out the middle and resize it to this height and width (default: that of
        the training where a run or a model card tells it, else the size of the photo)

examples:
  keras-gans edit face.jpg smiling.png --add Smiling --remove Eyeglasses
  keras-gans edit faces/ blond/ --model runs/aclgan-1 --add Blond_Hair
"""

import pathlib

from keras_gans.cli.common import add_files, add_model, files_of, load_model
from keras_gans.cli.common import packaged_model, refuse_existing, trained_size
from keras_gans.cli.jobs import Job, add_batches
from keras_gans.cli.options import add_verb, size
from keras_gans.training.task import sides


def add_to(verbs):
    # argparse would put the files last, where --add takes them for names.
    usage = "keras-gans edit PHOTO OUT [--model DIR] [OPTION ...]"
    verb, add = add_verb(verbs, "edit", _edit, __doc__, usage=usage)
    add_files(verb, "PHOTO")
    add_model(verb, default="the editor of drawn faces that comes with the package")
    add("--add", nargs="+", default=[], metavar="NAME")
    add("--remove", nargs="+", default=[], metavar="NAME")
    add("--has", nargs="*", metavar="NAME")
    add("--mask", type=pathlib.Path, metavar="PNG")
    add("--size", type=size, metavar="N|HxW")
    add_batches(verb)


def _edit(options):
    from keras_gans.data.attributes import resize_middle
    from keras_gans.data.images import decode_image, encode_png

    if not options.add and not options.remove:
        raise ValueError("Nothing to edit: give --add NAME or --remove NAME.")
    if options.mask and options.input.is_dir():
        raise ValueError("--mask goes with a single photo, not with a folder.")
    files, targets = files_of(options)
    refuse_existing([options.mask] if options.mask else [])
    job = Job(options, files, targets, in_folder=options.input.is_dir())
    if not job.files:
        return
    model = options.model or packaged_model("editor")
    editor = load_model(model, "edit", "editing")
    # Wrong names are found before the first photo is read.
    known = editor.choices.target([0] * len(editor.attribute_names), options.has or ())
    editor.choices.target(known, options.add, options.remove)
    attributes = None if options.has is None else known
    image_size = options.size or trained_size(model)
    changes = [f"+{name}" for name in options.add]
    changes += [f"-{name}" for name in options.remove]
    print(
        f"Editing {len(job.files)} photo(s), {' '.join(changes)}, with {model}",
        flush=True,
    )

    def read(path):
        image = decode_image(path, channels=editor.channels)
        # As in training.
        return (resize_middle(image, sides(image_size)) if image_size else image,)

    def convert(images):
        names, has_mask = (options.add, options.remove), options.mask is not None
        try:
            edited = editor.edit(images, *names, attributes, return_mask=has_mask)
        except ValueError as error:  # A size that the networks do not take.
            raise ValueError(f"{error} --size N resizes it.") from error
        if has_mask:  # Of a single photo.
            edited, masks = edited
            options.mask.write_bytes(encode_png(masks[0]))
        return edited

    nothing_done = f"No photo in {options.input} could be edited."
    job.run(read, convert, encode_png, nothing_done, one_size=bool(image_size))
