"""`keras-gans reproduce`: the studies."""

import argparse
import dataclasses
import pathlib

from keras_gans.cli.common import add_semantic_options, positive


def add_reproduce(verbs):
    verb = verbs.add_parser(
        "reproduce",
        help="repeat a study of a paper and write its table",
        description="Repeats a study: trains everything it compares, over several "
        "seeds, and writes table,\nCSV and figures. What is there already is not "
        "trained again.",
        epilog=(
            "Each study has its own help: keras-gans reproduce losses --help\n"
            "\n"
            "examples:\n"
            "  keras-gans reproduce losses --quick\n"
            "  keras-gans reproduce losses --data mnist --seeds 5 --output losses\n"
            "  keras-gans reproduce semantic --x photos/ --y paintings/ --size 64 \\\n"
            "      --width 32 --steps 2000\n"
            "  keras-gans reproduce channels --data illustrations/ --size 96"
        ),
    )
    studies = verb.add_subparsers(dest="study", metavar="STUDY", required=True)
    for name, what, seeds, quick, add, function in (
        (
            "losses",
            "the seven classic GAN losses: modes, FID, stability, speed",
            3,
            "in about two minutes",
            _add_losses_options,
            _reproduce_losses,
        ),
        (
            "semantic",
            "a semantic loss and LeakyReLU in CycleGAN: photos to paintings, FID",
            1,
            "on digits, in about two minutes",
            _add_semantic_study_options,
            _reproduce_semantic,
        ),
        (
            "semantic_digits",
            "a semantic loss against label flipping in the digit lab",
            1,
            "in about two minutes",
            _add_semantic_digits_options,
            _reproduce_semantic_digits,
        ),
        (
            "channels",
            "channel-compensated L1 against plain L1 in colouring line art",
            3,
            "in a few minutes",
            _add_channels_options,
            _reproduce_channels,
        ),
        (
            "attributes",
            "ACL-GAN's attribute loss, mask, frame and growth against StarGAN",
            1,
            "in a few minutes",
            _add_attributes_options,
            _reproduce_attributes,
        ),
    ):
        study = studies.add_parser(name, help=what, description=f"Measures {what}.")
        add(study)
        study.add_argument(
            "--only", nargs="+", metavar="NAME", help="restrict the study to these"
        )
        study.add_argument(
            "--seeds", type=positive, help=f"number of seeds (default: {seeds})"
        )
        study.add_argument(
            "--output",
            metavar="DIR",
            type=pathlib.Path,
            default=pathlib.Path("runs") / name,
            help="folder of the study; one that holds a part of it is completed "
            f"(default: runs/{name})",
        )
        study.add_argument(
            "--quick", action="store_true", help=f"a short form, {quick}"
        )
        study.add_argument(
            "--traceback",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the whole traceback of an error",
        )
        study.set_defaults(function=function)
    return verb


def _add_losses_options(study):
    study.add_argument(
        "--data",
        metavar="SOURCE",
        help="labelled images with a test split (default: the embedded digits)",
    )


def _reproduce_losses(options):
    from keras_gans.experiments import gan_losses

    gan_losses.reproduce(
        options.output,
        data=options.data or "handwritten_digits",
        only=options.only,
        seeds=options.seeds,
        quick=options.quick,
        command=options.command,
    )


def _add_semantic_study_options(study):
    study.add_argument(
        "--x",
        metavar="SOURCE",
        help="photos: a folder, or as for train --data (default: "
        "cycle_gan/vangogh2photo)",
    )
    study.add_argument("--y", metavar="SOURCE", help="paintings, likewise")
    study.add_argument("--size", type=positive, help="height and width (default: 256)")
    study.add_argument(
        "--width",
        type=positive,
        help="filters of the networks' first convolution (default: 64)",
    )
    study.add_argument(
        "--residual-blocks",
        type=positive,
        help="of the generators (default: 9, and 6 below 256 pixels)",
    )
    study.add_argument(
        "--upsampling",
        choices=["transposed", "resize"],
        help="in the generators; resize leaves no checkerboards (default: transposed)",
    )
    study.add_argument(
        "--discriminator-layers",
        type=positive,
        help="with stride 2: 3 (the default) for patches of 70 pixels, 2 for 34, 1 for "
        "16",
    )
    study.add_argument(
        "--steps", type=positive, help="iterations of every run (default: 100000)"
    )
    study.add_argument(
        "--scores",
        type=positive,
        help="how many times a run is scored while it trains (default: 8)",
    )
    study.add_argument(
        "--ema-decay",
        type=float,
        metavar="DECAY",
        help="of the averaged weights, scored beside the others (default: 0.999)",
    )
    add_semantic_options(
        study, "network of the semantic loss (default: vgg16), one of "
    )
    study.add_argument(
        "--feature-network",
        metavar="NETWORK",
        help="network of FID and KID: inception_v3 (the default), tfgan_inception, or "
        "the path of a .keras file or SavedModel",
    )
    study.add_argument(
        "--feature-size",
        type=positive,
        help="height and width to which it gets its images (default: its own)",
    )


def _reproduce_semantic(options):
    from keras_gans.experiments import semantic_loss

    setting = semantic_loss.QUICK if options.quick else semantic_loss.Setting()
    semantic_loss.reproduce(
        options.output,
        _with_given(setting, options),
        only=options.only,
        seeds=options.seeds or 1,
        command=options.command,
    )


def _add_semantic_digits_options(study):
    study.add_argument(
        "--steps", type=positive, help="iterations of every run (default: 1000)"
    )


def _reproduce_semantic_digits(options):
    from keras_gans.experiments import semantic_digits

    setting = semantic_digits.QUICK if options.quick else semantic_digits.Setting()
    semantic_digits.reproduce(
        options.output,
        _with_given(setting, options),
        only=options.only,
        seeds=options.seeds or 1,
        command=options.command,
    )


def _add_channels_options(study):
    study.add_argument(
        "--data",
        metavar="SOURCE",
        help="illustrations: a folder, or as for train --data (default: the embedded "
        "drawings)",
    )
    study.add_argument("--size", type=positive, help="height and width (default: 64)")
    study.add_argument(
        "--width",
        type=positive,
        help="filters of the networks' first convolution (default: 64)",
    )
    study.add_argument(
        "--normalization",
        choices=["batch", "instance"],
        help="of both networks (default: batch)",
    )
    study.add_argument(
        "--steps", type=positive, help="iterations of every run (default: 10000)"
    )
    study.add_argument(
        "--scores",
        type=positive,
        help="how many times a run is scored while it trains (default: 20)",
    )
    study.add_argument(
        "--feature-network",
        metavar="NETWORK",
        help="network of the FID: inception_v3 (the default, but for --quick, which "
        "has no FID), tfgan_inception, or the path of a .keras file or SavedModel",
    )
    study.add_argument(
        "--feature-size",
        type=positive,
        help="height and width to which it gets its images (default: its own)",
    )


def _reproduce_channels(options):
    from keras_gans.experiments import channel_loss

    setting = channel_loss.QUICK if options.quick else channel_loss.Setting()
    channel_loss.reproduce(
        options.output,
        _with_given(setting, options),
        only=options.only,
        seeds=options.seeds or (1 if options.quick else 3),
        command=options.command,
    )


def _add_attributes_options(study):
    study.add_argument(
        "--data",
        metavar="SOURCE",
        help="a folder of images, with --attributes, or celeb_a (default: "
        "the embedded faces)",
    )
    study.add_argument(
        "--attributes",
        metavar="FILE",
        help="of the images of a folder, in the format of CelebA's "
        "list_attr_celeba.txt",
    )
    study.add_argument(
        "--select",
        nargs="+",
        metavar="NAME",
        help="attributes (default: Black_Hair, Blond_Hair, Eyeglasses and Smiling)",
    )
    study.add_argument("--size", type=positive, help="height and width (default: 32)")
    study.add_argument(
        "--width",
        type=positive,
        help="filters of the networks' first convolution (default: 16; StarGAN's: 64)",
    )
    study.add_argument(
        "--residual-blocks",
        type=positive,
        help="of the generators (default: 2; StarGAN's: 6)",
    )
    study.add_argument(
        "--steps",
        type=positive,
        help="updates of the generator in every run (default: 2000); in a --search "
        "those of StarGAN's, and ACL-GAN gets as many batches",
    )
    study.add_argument("--batch-size", type=positive, help="images (default: 16)")
    study.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="of the generators and of StarGAN's discriminator; ACL-GAN's learns "
        "twice as fast (default: 4e-4; StarGAN's: 1e-4)",
    )
    study.add_argument(
        "--content-weight",
        type=float,
        metavar="WEIGHT",
        help="of ACL-GAN's content loss (default: 0.01)",
    )
    study.add_argument(
        "--scores",
        type=positive,
        help="how many times a run is scored while it trains (default: 10)",
    )
    study.add_argument(
        "--feature-network",
        metavar="NETWORK",
        help="network of the FID: inception_v3, tfgan_inception, or the path of a "
        ".keras file or SavedModel (default: the classifier that judges)",
    )
    study.add_argument(
        "--feature-size",
        type=positive,
        help="height and width to which it gets its images (default: its own)",
    )
    study.add_argument(
        "--search",
        action="store_true",
        help="search the weights of the losses of stargan and aclgan at random "
        "instead, by short runs; needs keras-tuner, whose environment variables share "
        "it among processes and machines (default then: --width 8, --steps 300, "
        "--output runs/attribute_search)",
    )
    study.add_argument(
        "--trials", type=positive, help="runs of a --search for each (default: 12)"
    )


def _reproduce_attributes(options):
    if options.search:
        return _search_attributes(options)
    if options.trials:
        raise ValueError("--trials is of use with --search only.")
    from keras_gans.experiments import attribute_loss

    setting = attribute_loss.QUICK if options.quick else attribute_loss.Setting()
    attribute_loss.reproduce(
        options.output,
        _with_given(setting, options),
        only=options.only,
        seeds=options.seeds or 1,
        command=options.command,
    )


def _search_attributes(options):
    try:
        from keras_gans.experiments import attribute_search
    except ImportError as error:
        # Of an extra that is not installed.
        raise ValueError(str(error)) from error
    if options.content_weight is not None:
        raise ValueError("--content-weight is searched: leave it out with --search.")
    if options.seeds:
        raise ValueError("--seeds is for the study without --search: see --trials.")
    # The default is the folder of the study without --search.
    output = options.output
    if output == pathlib.Path("runs") / options.study:
        output = output.with_name("attribute_search")
    setting = attribute_search.QUICK if options.quick else attribute_search.SETTING
    attribute_search.search(
        output,
        _with_given(setting, options),
        only=options.only,
        trials=options.trials or (2 if options.quick else 12),
        command=options.command,
    )


def _with_given(setting, options):
    """Returns a setting with the options of its names that were given."""
    names = [field.name for field in dataclasses.fields(setting)]
    given = {
        name: getattr(options, name)
        for name in names
        if getattr(options, name, None) is not None
    }
    return dataclasses.replace(setting, **given)
