"""`keras-gans evaluate` of folders of images, of parts of them, and of their parts'
statistics."""

import hashlib
import math
import sys

from keras_gans.checks import require
from keras_gans.cli import jobs, scoring
from keras_gans.progress import progress_bar

# The sides, and the streams of random numbers by which they are sampled.
_STREAMS = {"reference": 0, "images": 1}


def evaluate(options):
    """Scores images with real ones."""
    from keras_gans.metrics import METRICS, make_metrics

    possible = {name: entry for name, entry in METRICS.items() if not entry.paired}
    sides = {side: _Side(side, options) for side in _STREAMS}
    saved = [f"--{name}" for name, side in sides.items() if side.is_saved]
    if saved:
        of_statistics = [name for name in possible if possible[name].has_reference]
        possible = {name: possible[name] for name in of_statistics}
    require(
        set(options.metrics or ()) <= set(possible),
        f"--metrics of {'statistics' if saved else 'two folders'} can be "
        f"{', '.join(possible)}: the others compare "
        f"{'images' if saved else 'pairs of images'}",
    )
    names = scoring.check_scores(options, possible)
    unused = [*(["--cache"] if sides["reference"].is_saved and options.cache else [])]
    unused += ["--size"] if len(saved) == 2 and options.size else []
    must = f"{', '.join(unused)}: of no use with {' and '.join(saved)}"
    require(not unused, must)
    referring = [name for name in names if METRICS[name].has_reference]
    scored = {"reference": referring, "images": names}
    for name, side in sides.items():
        if not side.is_saved:
            scoring.check_count(scored[name], f"--{name} {side.name}", len(side.files))
    print(
        f"Scoring {sides['images'].name} with {sides['reference'].name}: "
        f"{', '.join(names)}",
        flush=True,
    )
    networks = scoring.load_networks(names, options)
    network = networks.get("features")
    read = [side for side in sides.values() if not side.is_saved]
    progress = progress_bar(sum(len(side.files) for side in read))
    with scoring.warnings_as_notes():
        reference = generated = None
        if network:
            reference = sides["reference"].statistics(network, progress, options.cache)
        others = [name for name in names if not METRICS[name].has_reference]
        made = dict(zip(others, make_metrics(others, networks)))
        if referring:
            seen = made.values()
            generated = sides["images"].statistics(network, progress, None, seen)
        else:
            for batch in sides["images"].batches(progress, made.values()):
                pass
        both = {"reference": reference, "generated": generated}
        made |= zip(referring, make_metrics(referring, networks, **both))
        scores = {}
        for name, side in sides.items():
            if side.is_saved:
                scoring.check_count(scored[name], f"--{name} {side.name}", side.count)
        print("\n| score | value |\n|:--|--:|")
        for metric in (made[name] for name in names):
            scores[metric.name] = metric.result()
            # A few images have no spread, and JSON has no NaN.
            if hasattr(metric, "spread") and math.isfinite(spread := metric.spread()):
                scores[f"{metric.name}_spread"] = spread
            print(f"| {metric.name} | {scoring.score_cell(scores, metric.name)} |")
        print()
        for side in sides.values():
            if side.count:
                print(f"{side.name}: {side.count} images")
        scoring.print_networks(networks)
    counts = {name: side.count for name, side in sides.items()}
    scoring.save_scores(options, scores, counts, networks, options.size)


def save_statistics(options):
    """Writes the statistics of one side, or of a part of it."""
    from keras_gans.metrics import FeatureStatistics

    useless = scoring.given_flags(options, "metrics", "cache", "output")
    require(not useless, f"{useless}: of no use with --statistics")
    must = "Name a network for --statistics: --feature-network inception_v3, "
    require(options.feature_network, must + "tfgan_inception or a path")
    side = _Side("images" if options.images else "reference", options)
    require(not side.is_saved, f"--{side.side}: --statistics are made of a folder")
    path = options.statistics
    # NumPy would add it.
    must = "--statistics must be the name of an .npz file"
    require(path.suffix == ".npz", f"{must}. Received: {path}")
    network = scoring.load_networks(["fid"], options)["features"]
    if path.exists():
        there, split = FeatureStatistics.load(path, network), side.split
        if (there.part, there.whole) != (f"{split.part}/{split.parts}", split.whole):
            raise FileExistsError(
                f"{path} exists and is of other images. Nothing is overwritten: choose "
                "another name for --statistics."
            )
        print(f"{path} is done already.")
        return
    require(side.files, f"There is no image in part {side.split.part} of {side.name}")
    print(f"Looking at {len(side.files)} image(s) of {side.name}", flush=True)
    statistics = side.statistics(network, progress_bar(len(side.files)))
    statistics.save(path)
    print(f"Saved {path}, of {statistics.count} image(s).")


class _Side:
    """The images of one side, in a folder or as the statistics that were made of them.

    Attributes:
        is_saved: Whether they are statistics.
        files: List of those of this shard.
        count: Number of those that could be used, so far.
        split: `keras_gans.metrics.Split`, which part of the folder they are.
    """

    def __init__(self, side, options):
        from keras_gans.data.images import list_images
        from keras_gans.metrics import Split

        self.side, self._options, self.count = side, options, 0
        self._paths = getattr(options, side)
        more = f" and {len(self._paths) - 1} more" if len(self._paths) > 1 else ""
        self.name = f"{self._paths[0]}{more}"
        self.is_saved = all(
            path.suffix == ".npz" and not path.is_dir() for path in self._paths
        )
        if self.is_saved:
            return
        must = f"--{side} must be one folder, or .npz files of --statistics"
        require(len(self._paths) == 1, f"{must}. Received: {self.name}")
        (folder,) = self._paths
        files = list_images(folder)
        places = jobs.places_in(options.shard, len(files))
        self.files = [files[place] for place in places]
        self._place_of = dict(zip(self.files, places))
        names = [path.relative_to(folder).as_posix() for path in files]
        whole = "\n".join([str(options.size), *names])
        whole = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()
        self.split = Split(*(options.shard or (1, 1)), whole)

    def statistics(self, network, progress, cache=None, seen_by=()):
        """Returns the statistics, of all parts together."""
        from keras_gans.metrics import FeatureStatistics

        if not self.is_saved:
            return FeatureStatistics.of(
                self.batches(progress, seen_by),
                network,
                cache=cache,
                stream=_STREAMS[self.side],
                split=self.split,
            )
        parts = [FeatureStatistics.load(path, network) for path in self._paths]
        is_whole = len(parts) == 1 and parts[0].part in ("", "1/1")
        merged = parts[0] if is_whole else FeatureStatistics.merge(parts)
        self.count = merged.count
        return merged

    def batches(self, progress, seen_by=()):
        """Yields batches of images, each of one size, and shows them to metrics."""
        from keras_gans.data.images import ImageError, decode_image, resize_image

        size = self._options.size

        def read(path):
            image = decode_image(path)
            return (resize_image(image, size) if size else image,)

        files = self.files if size else jobs.by_size(self.files)
        for paths, found in jobs.batches(files, read, self._options.batch_size or 16):
            progress.add(len(paths))
            if isinstance(found, ImageError):
                print(f"\nSkipped: {found}", file=sys.stderr)
                continue
            self.count += len(paths)
            self.split.places.extend(self._place_of[path] for path in paths)
            for metric in seen_by:
                metric.update_generated(found[0])
            yield found[0]
