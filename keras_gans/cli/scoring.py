"""What `keras-gans evaluate` checks and prints, of models as of folders."""

import contextlib
import warnings

from keras_gans.checks import require
from keras_gans.cli.common import refuse_existing
from keras_gans.files import write_json
from keras_gans.training.configuration import flags


def check_scores(options, possible):
    """Returns the names of the scores; raises if options do not go together."""
    default = [name for name, entry in possible.items() if entry.is_default]
    names = list(dict.fromkeys(options.metrics or default))
    of_features = [name for name in names if possible[name].network]
    if of_features and options.feature_network is None:
        rest = [name for name in default if not possible[name].network]
        other = f", or leave them out: --metrics {' '.join(rest)}" if rest else ""
        raise ValueError(
            f"Name a network for {', '.join(of_features)}: --feature-network "
            f"inception_v3, tfgan_inception or a path{other}."
        )
    given = given_flags(options, "feature_network", "feature_size", "resize", "cache")
    must = f"{given}: there is no feature network in {', '.join(names)}"
    require(of_features or not given, must)
    require(
        not options.cache or any(possible[name].has_reference for name in of_features),
        f"--cache: {names[0]} does not look at real images",
    )
    if options.output is not None:
        # Before the work, and not after it.
        refuse_existing([options.output], " for --output")
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.touch()
        options.output.unlink()
    return names


def check_count(names, side, count):
    """Raises before the work, and not after it, if scores need more images."""
    from keras_gans.metrics import METRICS

    needy = [name for name in names if count < METRICS[name].at_least]
    if needy:
        reasons = "; ".join(METRICS[name].reason for name in needy)
        least = max(METRICS[name].at_least for name in needy)
        raise ValueError(
            f"{', '.join(needy)}: at least {least} images are needed ({reasons}). "
            f"Received: {side} with {count} image{'' if count == 1 else 's'}"
        )


def given_flags(options, *names):
    """Lists those options that are given, as they are written."""
    return flags(name for name in names if getattr(options, name) is not None)


def load_networks(names, options):
    from keras_gans.metrics import load_feature_networks

    settings = {"resize": options.resize or "clean", "size": options.feature_size}
    networks = load_feature_networks(names, options.feature_network, **settings)
    for network in networks.values():
        require(
            network.resize or not options.resize,
            f"--resize {options.resize}: network {network.name!r} has no size of its "
            "own, so that nothing would be resized. Give one, --feature-size, or leave "
            "out --resize",
        )
    return networks


@contextlib.contextmanager
def warnings_as_notes():
    """Prints what the metrics warn of, such as too few images, below the scores."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    notes = [str(note.message) for note in caught if note.category is UserWarning]
    for note in dict.fromkeys(notes):
        print(f"Note: {note}")


def score_cell(scores, name):
    spread = scores.get(f"{name}_spread")
    return f"{scores[name]:.4g}" + ("" if spread is None else f" ± {spread:.2g}")


def print_networks(networks):
    for output, network in networks.items():
        resized = "not resized"
        if network.resize:
            height, width = network.size
            resized = f"resized to {height}x{width} ({network.resize})"
        print(f"{network.name}: {network.feature_dim} {output} of images {resized}")


def save_scores(options, scores, counts, networks, size):
    if options.output is None:
        return
    content = {"command": options.command, "scores": scores, "images": counts}
    content |= {"size": size, "networks": {}}
    for output, network in networks.items():
        names = ("name", "feature_dim", "resize", "size", "fingerprint")
        content["networks"][output] = {name: getattr(network, name) for name in names}
    write_json(options.output, content)
    print(f"\nSaved as {options.output}")
