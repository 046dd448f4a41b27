"""The metrics that can be chosen by name.

A metric is one file of this folder: the decorator `metric` on its class makes the
command line offer it, and `make_metrics` build it.
"""

import difflib
from typing import NamedTuple

from keras_gans.checks import require
from keras_gans.metrics import feature_network


class Entry(NamedTuple):
    """A metric and what has to be known before it is made.

    Args:
        kind: The class. Its constructor takes the feature network, if it needs one, and
            `reference`, if it compares with real images.
        network: Which output of a `FeatureNetwork` it needs, `"features"` or
            `"logits"`, or `None`.
        paired: Whether it compares an image with the one that it should be, and not
            sets of images.
        has_reference: Whether it compares with real images, which a
            `FeatureStatistics` can stand for.
        at_least: The images that each side needs.
        reason: Why fewer would not do.
        is_default: Whether it is among those taken when none are named.
    """

    kind: type
    network: str | None = None
    paired: bool = False
    has_reference: bool = False
    at_least: int = 1
    reason: str = ""
    is_default: bool = True


METRICS = {}


def metric(name, **properties):
    """Decorator that registers a class under a name, with properties of `Entry`.

    The command line reads names and properties from the source, because importing it
    takes seconds: all have to be literals.
    """

    def register(kind):
        METRICS[name] = Entry(kind, **properties)
        return kind

    return register


def find_metric(name):
    """Returns the `Entry` of a name; raises a ValueError that says which there are."""
    if name not in METRICS:
        close = difflib.get_close_matches(str(name), METRICS, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"A metric is one of {', '.join(METRICS)}. Received: {name!r}.{hint}"
        )
    return METRICS[name]


def load_feature_networks(names, network, **arguments):
    """Loads the feature networks that metrics need, with arguments of `FeatureNetwork`.

    Returns:
        Dict from `"features"` and `"logits"`, as far as they are needed, to networks
        that compute a batch once for all metrics.
    """
    outputs = dict.fromkeys(find_metric(name).network for name in names)
    return {
        output: feature_network.RememberingNetwork(
            feature_network.FeatureNetwork(network, output=output, **arguments)
        )
        for output in outputs
        if output is not None
    }


def make_metrics(names, networks=None, reference=None, generated=None):
    """Makes a list of metrics by name.

    Args:
        names: Names of metrics, such as `["fid", "psnr"]`.
        networks: Dict from output to `FeatureNetwork`, as `load_feature_networks`
            returns it.
        reference: Optional `FeatureStatistics` of the real images.
        generated: Optional `FeatureStatistics` of the generated images, of metrics that
            also take a reference.
    """
    made = []
    for name in names:
        entry, arguments = find_metric(name), []
        if entry.network is not None:
            has_network = entry.network in (networks or {})
            require(has_network, f"Metric {name!r} needs a feature network")
            arguments.append(networks[entry.network])
        options = {"reference": reference} if entry.has_reference else {}
        if entry.has_reference and generated is not None:
            options["generated"] = generated
        made.append(entry.kind(*arguments, **options))
    return made
