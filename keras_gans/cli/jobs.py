"""Jobs over many images: batches, shards, and what was done before.

A folder is read ahead and written in threads, and images of one size go through the
model together. Of a job that was stopped, only what is missing is made when it is run
again; `--shard 2/8` makes the second of eight parts of it, on another machine say.
"""

import argparse
import json
import os
import sys
import uuid

from keras_gans.cli.common import refuse_existing
from keras_gans.cli.options import positive
from keras_gans.files import read_json, write_atomically

# Images at once: of 256 pixels a side 16, of larger ones fewer, that fit into memory.
BATCH_SIZE, BATCH_PIXELS = 64, 2**20
_THREADS = min(8, os.cpu_count() or 1)
# In the folder of the results: what they were made with. It is hidden from who lists
# the images.
_RECORD = ".keras-gans.json"
# Options that do not change what an image becomes.
_NO_SETTINGS = ("batch_size", "command", "function", "shard", "traceback")


def add_batches(verb):
    """Adds `--batch-size` and `--shard`."""
    text = f"most images at once (default: as fill a megapixel, at most {BATCH_SIZE})"
    verb.add_argument("--batch-size", type=positive, metavar="N", help=text)
    add_shard(verb, "the images of a folder, in the order of their names")


def add_shard(verb, of):
    text = f"do part I of N: every N-th of {of}, from the I-th"
    verb.add_argument("--shard", type=shard, metavar="I/N", help=text)


def shard(text):
    """Type of an option such as `2/8`, a pair of integers."""
    try:
        part, parts = map(int, text.split("/"))
    except ValueError:
        part, parts = 0, 0
    if not 1 <= part <= parts:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a part of a whole, as 1/4, 2/4, 3/4 and 4/4 are"
        )
    return part, parts


def places_in(shard, count):
    """Returns the places in a list that belong to a shard, all of them for `None`."""
    part, parts = shard or (1, 1)
    return range(part - 1, count, parts)


class Job:
    """Makes images of images and writes them as files.

    Files that cannot be used are skipped and named, of a folder. Each result is written
    in one step: a kill leaves no half of it, which would count as done.

    Args:
        options: Those of the verb, with `output`, `batch_size` and `shard`.
        files: List of paths, or of what else the results are made of.
        targets: List of as many paths, or lists of them, of what becomes of each.
        in_folder: Whether `output` is a folder, and not a single file.

    Attributes:
        files: List of those that are left to do.
        targets: Dict from them to lists of paths.

    Raises:
        FileExistsError: If there is a target that was made with other settings, or not
            by a job at all.
    """

    def __init__(self, options, files, targets, in_folder):
        self.options, self._in_folder = options, in_folder
        if options.shard and not in_folder:
            raise ValueError("--shard goes with a folder, not with a single file.")
        self._settings = {
            name: os.path.abspath(value) if isinstance(value, os.PathLike) else value
            for name, value in vars(options).items()
            if name not in _NO_SETTINGS
        }
        targets = [one if isinstance(one, list) else [one] for one in targets]
        self._record = options.output / _RECORD
        if in_folder:
            self._check_earlier(targets)
        places = places_in(options.shard, len(files))
        self.targets = {
            files[place]: targets[place]
            for place in places
            if not all(target.exists() for target in targets[place])
        }
        self.files = [*self.targets]
        if done := len(places) - len(self.files):
            print(f"{done} of {len(places)} are done already.", flush=True)
        if not self.files:
            print("Nothing is left to do.")

    def _check_earlier(self, targets):
        """Refuses results of other settings: a folder would hold a mixture."""
        if not self._record.exists():
            refuse_existing(sum(targets, []))
            return
        before = read_json(self._record)
        now = json.loads(json.dumps(self._settings))
        if before != now:
            names = [name for name in now if before.get(name) != now[name]]
            differences = ", ".join(
                f"{name} {before.get(name)} there and {now[name]} here"
                for name in names or before.keys() - now.keys()
            )
            raise FileExistsError(
                f"{self.options.output} holds images that were made otherwise "
                f"({differences}). Nothing is overwritten: choose another name for OUT."
            )

    def run(self, read, convert, encode, nothing_done, one_size=False):
        """Does what is left.

        Args:
            read: Function from a path to a tuple of arrays, the image first. It is
                called in threads, and raises an `ImageError` for what cannot be used.
            convert: Function of these arrays for several images of one size, each with
                a first axis more. It returns the result of each image, or its results
                where it has several targets, and raises a `ValueError` for a size that
                the model does not take.
            encode: Function from a result to the bytes of a file.
            nothing_done: String, what is said if no file could be used.
            one_size: Whether all come to one size.
        """
        from keras_gans.data.images import ImageError
        from keras_gans.progress import progress_bar

        progress, skipped = progress_bar(len(self.files)), []
        files = self.files if one_size else by_size(self.files)

        def results():
            for paths, found in batches(files, read, self.options.batch_size):
                error = found if isinstance(found, ImageError) else None
                try:
                    converted = convert(*found) if error is None else []
                except ValueError as refused:
                    error = ImageError(f"{paths[0]}: {refused}")
                    error.__cause__ = refused
                if error is None:
                    for path, result in zip(paths, converted, strict=True):
                        targets = self.targets[path]
                        parts = result if len(targets) > 1 else [result]
                        yield from zip(targets, parts, strict=True)
                elif not self._in_folder:
                    raise error
                else:
                    print(f"\nSkipped: {error}", file=sys.stderr)
                    for path in paths[1:]:
                        print(f"Skipped, likewise: {path}", file=sys.stderr)
                    skipped.extend(paths)
                progress.add(len(paths))

        written = self.write(results(), encode)
        if skipped and len(skipped) == len(self.files):
            raise ValueError(nothing_done)
        print(f"Wrote {written} image(s) to {self.options.output}.")
        if skipped:
            print(f"Skipped {len(skipped)} file(s), named above.", file=sys.stderr)

    def write(self, results, encode):
        """Encodes and writes results in threads, a few ahead of who waits for them.

        Args:
            results: Iterable of pairs of a path and what is written there.
            encode: As for `run`.

        Returns:
            The number of files.
        """
        from keras_gans.data.images import in_threads

        def write(pair):
            path, result = pair
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, encode(result))

        return sum(1 for _ in in_threads(write, self._announced(results)))

    def _announced(self, results):
        """Leaves word, before the first result, of what all are made with."""
        for result in results:
            if self._in_folder and not self._record.exists():
                self._record.parent.mkdir(parents=True, exist_ok=True)
                # Other shards may do the same at this moment.
                temporary = self._record.with_name(f"{_RECORD}.{uuid.uuid4().hex}")
                temporary.write_text(json.dumps(self._settings, indent=2) + "\n")
                os.replace(temporary, self._record)
            yield result


def by_size(files):
    """Returns files in the order of the sizes in their headers, and else as they are.

    Images that follow each other then have one size, as far as there are several of it.
    """
    from keras_gans.data.decoding import header_size

    return sorted(files, key=header_size) if len(files) > 1 else files


def batches(files, read, batch_size=None):
    """Reads files ahead, and yields batches of neighbours of one size.

    `read` is a function from a path to a tuple of arrays, called in threads; for the
    default of `batch_size` see `BATCH_SIZE`.

    Yields:
        Pairs of a list of paths and of a list of arrays, each with a first axis more.
        For a file that `read` raised an `ImageError` for, it is in the place of arrays.
    """
    import numpy as np

    from keras_gans.data.images import ImageError, in_threads

    def attempt(path):
        try:
            return path, read(path)
        except ImageError as error:
            return path, error

    paths, rows = [], []
    for path, arrays in in_threads(attempt, files, ahead=_THREADS):
        is_error = isinstance(arrays, ImageError)
        if paths and (is_error or not _fits(rows, arrays, batch_size)):
            yield paths, [np.stack(column) for column in zip(*rows)]
            paths, rows = [], []
        if is_error:
            yield [path], arrays
        else:
            paths.append(path)
            rows.append(arrays)
    if paths:
        yield paths, [np.stack(column) for column in zip(*rows)]


def _fits(rows, arrays, batch_size):
    """Whether an image goes into a batch with others."""
    height, width = arrays[0].shape[:2]
    most = batch_size or min(BATCH_SIZE, max(1, BATCH_PIXELS // (height * width)))
    same = all(a.shape == b.shape for a, b in zip(rows[0], arrays, strict=True))
    return same and len(rows) < most
