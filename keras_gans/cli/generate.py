"""`keras-gans generate`: images from latent vectors."""

import pathlib

from keras_gans.cli.common import load_model, refuse_existing
from keras_gans.cli.options import positive


def add_generate(verbs):
    verb = verbs.add_parser(
        "generate",
        help="generate images with a trained model",
        description="Generates images with a trained model of generation: one picture "
        "of all when OUT\nends in .png, or a new folder of single images.",
        epilog=(
            "examples:\n"
            "  keras-gans generate digits.png --model runs/wgan_gp-1\n"
            "  keras-gans generate sevens/ --model runs/conditional_gan-1 -n 500 \\\n"
            "      --label 7"
        ),
    )
    verb.add_argument(
        "output", type=pathlib.Path, metavar="OUT", help="PNG file or new folder"
    )
    verb.add_argument(
        "--model",
        type=pathlib.Path,
        metavar="DIR",
        required=True,
        help="folder of a run, exported SavedModel or .keras file",
    )
    verb.add_argument(
        "-n", type=positive, default=64, help="number of images (default: 64)"
    )
    verb.add_argument(
        "--label", type=int, help="class of a conditional model (default: all in turn)"
    )
    verb.add_argument("--seed", type=int, help="gives the same images again")
    verb.set_defaults(function=_generate)
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
