"""`keras-gans generate`: generate images with a trained model.

Generates images with a trained model of generation: one picture of all when OUT
ends in .png, or a new folder of single images.

Args:
    output: PNG file or new folder
    n: number of images (default: 64)
    label: class of a conditional model (default: all in turn)
    seed: gives the same images again; a job that was stopped, and --shard, then make
        what the whole would have made

examples:
  keras-gans generate digits.png --model runs/wgan_gp-1
  keras-gans generate sevens/ --model runs/conditional_gan-1 -n 500 \\
      --label 7
  keras-gans generate many/ --model runs/wgan_gp-1 -n 50000 --seed 1 --shard 1/4
"""

import pathlib

from keras_gans.cli.common import add_model, load_model, refuse_existing
from keras_gans.cli.jobs import Job, add_shard
from keras_gans.cli.options import add_verb, positive


def add_to(verbs):
    verb, add = add_verb(verbs, "generate", _generate, __doc__)
    add("output", type=pathlib.Path, metavar="OUT")
    add_model(verb)
    add("-n", type=positive, default=64)
    add("--label", type=int)
    add("--seed", type=int)
    add_shard(verb, "the images")


def _generate(options):
    from keras_gans.callbacks import generated_grid
    from keras_gans.data.images import EXTENSIONS, encode_png
    from keras_gans.progress import progress_bar

    one_picture = options.output.suffix.lower() == ".png"
    if not one_picture and options.output.suffix.lower() in EXTENSIONS:
        raise ValueError(
            f"Images are saved as PNG. Received: OUT {options.output}; give a name "
            "that ends in .png, or a folder."
        )
    numbers, targets = range(options.n), [options.output]
    if one_picture or options.output.is_file():
        refuse_existing(targets)
        numbers = [None]
    else:
        targets = [options.output / f"{number:06d}.png" for number in numbers]
    job = Job(options, numbers, targets, in_folder=not one_picture)
    if not job.files:
        return
    generator = load_model(options.model, "generate", "generation")
    count = options.n if one_picture else len(job.files)
    print(f"Generating {count} image(s) with {options.model}", flush=True)
    arguments = {"labels": options.label, "seed": options.seed}

    def results():
        if one_picture:
            images = generator.generate(options.n, **arguments)
            yield options.output, generated_grid(images)
            return
        left, progress = iter(job.files), progress_bar(count)
        for images in generator.generate_in_batches(
            options.n, places=job.files, **arguments
        ):
            for image, number in zip(images, left):
                yield *job.targets[number], image
            progress.add(len(images))

    job.write(results(), encode_png)
    print(f"Wrote {count} image(s) to {options.output}.")
