"""`keras-gans generate`: generate images with a trained model.

Generates images with a trained model of generation: one picture of all when OUT
ends in .png, or a new folder of single images.

Args:
    output: PNG file or new folder
    n: number of images (default: 64)
    label: class of a conditional model (default: all in turn)
    seed: gives the same images again

examples:
  keras-gans generate digits.png --model runs/wgan_gp-1
  keras-gans generate sevens/ --model runs/conditional_gan-1 -n 500 \\
      --label 7
"""

import pathlib

from keras_gans.cli.common import add_model, load_model, refuse_existing
from keras_gans.cli.options import add_verb, positive


def add_to(verbs):
    verb, add = add_verb(verbs, "generate", _generate, __doc__)
    add("output", type=pathlib.Path, metavar="OUT")
    add_model(verb)
    add("-n", type=positive, default=64)
    add("--label", type=int)
    add("--seed", type=int)
    return verb


def _generate(options):
    from keras_gans.callbacks import generated_grid
    from keras_gans.data.images import EXTENSIONS, encode_png

    one_picture = options.output.suffix.lower() == ".png"
    if not one_picture and options.output.suffix.lower() in EXTENSIONS:
        raise ValueError(
            f"Images are saved as PNG. Received: OUT {options.output}; give a name "
            "that ends in .png, or a folder."
        )
    if one_picture or options.output.is_file():
        refuse_existing([options.output])
    elif options.output.is_dir() and any(options.output.iterdir()):
        raise FileExistsError(
            f"{options.output} is not empty. Nothing is overwritten: choose another "
            "name for OUT."
        )
    generator = load_model(options.model, "generate", "generation")
    print(f"Generating {options.n} image(s) with {options.model}", flush=True)
    images = generator.generate(options.n, labels=options.label, seed=options.seed)
    if one_picture:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(encode_png(generated_grid(images)))
    else:
        options.output.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            path = options.output / f"{number:06d}.png"
            path.write_bytes(encode_png(image))
    print(f"Wrote {options.n} image(s) to {options.output}.")
