"""Where decoded images are kept: in main memory, or in a file that is mapped into it.

A set is decoded once, image after image, and is never in memory twice. Of a set on the
disk only the images of a batch are read, by TensorFlow itself and without Python, and
the same batches come out as from memory, bit for bit. The option `cache` says where:

- `"auto"`: sets of up to 256 MiB of pixels in memory, larger ones on the disk;
- `"memory"`;
- `"disk"`: in `keras_gans` in the user's cache folder, `$XDG_CACHE_HOME` or `~/.cache`;
- a folder, say on a faster or a larger disk.

On the disk each set has a folder of its own. Its name is a hash of the path, size and
time of change of every file and of all that decides about pixels: so a set is decoded
anew when a file or a setting changes. `cache.json` is written last: what was killed
before counts for nothing. When a set is opened, its size and a checksum of about a
thousand images are compared with what stands there. Of several processes one decodes,
and the others wait for it and share the file. A folder may be deleted at any time.

Arrays and `tf.data.Dataset`s (of TFRecords, say) are no files that could be known
again: each process writes them into a file that vanishes with it.
"""

import contextlib
import dataclasses
import errno
import hashlib
import itertools
import json
import math
import os
import pathlib
import shutil
import socket
import tempfile
from collections.abc import Callable

import filelock
import numpy as np
import PIL

from keras_gans.checks import cache_place, require, warn
from keras_gans.data.memory import aligned, digest
from keras_gans.files import read_json, write_json
from keras_gans.progress import progress_bar

# Bytes of pixels up to which "auto" keeps a set in memory.
IN_MEMORY = 2**28
# Part of the key: to be raised whenever the same files give other pixels.
_FORMAT = 1
# So large that each block is a mapping of its own, which goes back to the system at
# once: the C library keeps smaller ones.
_BLOCK = 48 * 2**20
_PROGRESS_BAR_FROM, _PROGRESS_EVERY = 501, 20
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}

# The folders into which this process has decoded sets.
made = []


@dataclasses.dataclass
class Stream:
    """Images that are decoded when they are asked for."""

    # () -> generator of pairs: a uint8 image and what belongs to it, a number or an
    # array, or `None`.
    images: Callable
    count: int | None = None  # How many there are at most, if that is known.
    shape: tuple | None = None  # Of each, if that is known.
    # () -> JSON value that says all that decides about the pixels; without it they are
    # not kept for other processes.
    identity: Callable | None = None
    skipped: list = dataclasses.field(default_factory=list)  # What was left out, why.


def default_folder():
    """Returns the folder of `"disk"`; nothing is made there."""
    home = os.environ.get("XDG_CACHE_HOME")
    # As the specification says, a relative path counts for nothing.
    if not home or not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(home, "keras_gans", "images")


def goes_to_disk(cache, nbytes):
    """Whether a set of so many bytes is kept on the disk."""
    return cache != "memory" and (cache != "auto" or nbytes > IN_MEMORY)


def keep(stream, cache="memory"):
    """Decodes a `Stream`, or opens what was decoded before.

    Returns:
        A pair: the images, a read-only uint8 array in memory or a `np.memmap`, and an
        array of what belongs to them, or `None`. Without any image the first is empty.
    """
    cache = cache_place(cache)
    known = stream.count is not None and stream.shape is not None
    size = stream.count * math.prod(stream.shape) if known else None
    if size is None:
        # What turns out to be small stays in memory.
        limit = {"memory": math.inf, "auto": IN_MEMORY}.get(cache, 0)
    else:
        limit = 0 if goes_to_disk(cache, size) else math.inf
    folder = default_folder() if cache in ("auto", "disk") else pathlib.Path(cache)
    if not limit and stream.identity:
        return _keep_for_all(stream, folder, size)
    with _decoding(stream) as images:
        memory, values = _Memory(stream.count), []
        for image, value in images if limit else ():
            memory.add(image)
            values.append(value)
            if memory.nbytes > limit:
                break
        else:
            if limit:
                whole = memory.join() if values else _nothing(stream)
                return whole, _as_array(values)
        images = itertools.chain(zip(memory.drain(), values[:]), images)
        what = f"a file in {folder} that vanishes with this process"
        with _on_disk(folder, what):
            folder.mkdir(parents=True, exist_ok=True)
            _announce(stream, folder, size, what)
            file = tempfile.TemporaryFile(dir=folder)
            values, shape = _write(file, images)
    return (_map(file), values) if shape else (_nothing(stream), None)


def _keep_for_all(stream, folder, size):
    """Opens the file of a set, and makes it if there is none."""
    identity = {
        "format": _FORMAT,
        "pillow": PIL.__version__,
        "source": stream.identity(),
    }
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    entry = folder / key
    found = _open(entry, key)
    if found is None:
        with _on_disk(folder, entry):
            entry.mkdir(parents=True, exist_ok=True)
            with _alone(entry):
                # Perhaps another process has made it by now.
                found = _open(entry, key, say=None)
                if found is None:
                    _announce(stream, folder, size, entry)
                    if not _build(stream, entry, key):
                        return _nothing(stream), None
                    made.append(entry)
                    found = _open(entry, key)
    require(found, f"{entry} was changed while it was written", RuntimeError)
    images, values, stream.skipped[:] = found
    return images, values


def _open(entry, key, say=warn):
    """Returns the images, their values and what was skipped, or `None`."""
    say = say or (lambda message: None)
    try:
        about = read_json(entry / "cache.json")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        say(f"{entry} cannot be read and is made anew ({error})")
        return None
    try:
        must = "it belongs to other images"
        require(about["key"] == key, must)
        with (entry / "images.npy").open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            must = f"it has {size:,} bytes in the place of {about['bytes']:,}"
            require(size == about["bytes"], must)
            images = _map(file)
        require(digest(images) == about["digest"], "its pixels have changed")
        values = None
        if about["has_values"]:
            values = np.load(entry / "values.npy")
            require(len(values) == len(images), "its labels are of other images")
        return images, values, about["skipped"]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        say(f"{entry} is damaged and is made anew: {str(error).rstrip('.')}")
        return None


def _build(stream, entry, key):
    """Writes the folder of a set; `cache.json` last. Returns whether it has images."""
    # Of a process that was killed; on a file system without locks, of a live one too.
    for path in entry.glob("*.tmp"):
        with contextlib.suppress(OSError):
            path.unlink()
    (entry / "cache.json").unlink(missing_ok=True)
    temporary = entry / f"images-{socket.gethostname()}-{os.getpid()}.tmp"
    try:
        with temporary.open("w+b") as file, _decoding(stream) as images:
            values, shape = _write(file, images)
            os.fsync(file.fileno())
            if not shape:
                return False
            about = {"key": key, "shape": shape, "bytes": file.tell()}
            about["digest"] = digest(_map(file))
        if values is not None:
            with (entry / "values.tmp").open("wb") as file:
                np.save(file, values)
            os.replace(entry / "values.tmp", entry / "values.npy")
        os.replace(temporary, entry / "images.npy")
    finally:
        temporary.unlink(missing_ok=True)
    about |= {"has_values": values is not None, "skipped": stream.skipped}
    write_json(entry / "cache.json", about)
    return True


def _write(file, images):
    """Writes a .npy file. Returns what belongs to the images, and the array's shape."""
    values, shape = [], None
    for image, value in images:
        if shape is None:
            shape = image.shape
            _write_header(file, (0, *shape))
        file.write(np.ascontiguousarray(image))
        values.append(value)
    if shape is None:
        return None, None
    # NumPy leaves room for as many images as there may be.
    file.seek(0)
    _write_header(file, (len(values), *shape))
    file.seek(0, os.SEEK_END)
    file.flush()
    return _as_array(values), (len(values), *shape)


def _write_header(file, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _map(file):
    """Maps a .npy file of uint8 images; the array stays when the file is closed."""
    file.seek(0)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    require(dtype == np.uint8, "it holds no images")
    return np.memmap(file, dtype, "r", file.tell(), shape)


def _as_array(values):
    return None if not values or values[0] is None else np.array(values)


def _nothing(stream):
    return np.empty((0, *(stream.shape or (0, 0, 3))), "uint8")


# Decoding ----------------------------------------------------------------------------


@contextlib.contextmanager
def _decoding(stream):
    """Gives the images of a stream, with a progress bar if they are many."""
    stream.skipped.clear()
    with contextlib.closing(stream.images()) as images:
        yield _with_bar(images, stream)


def _with_bar(images, stream):
    many = stream.count is not None and stream.count >= _PROGRESS_BAR_FROM
    bar = None
    for number, image in enumerate(images, 1):
        yield image
        done = number + len(stream.skipped)
        if bar is not None and done % _PROGRESS_EVERY == 0:
            bar.update(done)
        elif many and bar is None:
            # The first one waits for the threads to start, and would make the first
            # estimate of the time to come a thousand times too long.
            bar = progress_bar(stream.count, "image")
    if bar is not None:
        bar.update(stream.count)


_ADVICE = (
    "Free some of it, delete old folders there, or give cache=FOLDER on a larger disk, "
    "or cache='memory' (--cache on the command line)."
)


def _announce(stream, folder, size, what):
    """Says what a set will take, or that the disk is too small for it."""
    if size is None:
        return
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OSError(
            f"The disk is too small for the decoded images: they take {_size(size)}, "
            f"and {folder} has {_size(free)} free. {_ADVICE}"
        )
    print(
        f"Decoding {stream.count:,} images once: {_size(size)}, of {_size(free)} that "
        f"are free, into {what}",
        flush=True,
    )


@contextlib.contextmanager
def _on_disk(folder, what):
    """Says what to do about a disk that is full or must not be written to."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(
                f"The disk became full while images were decoded into {what}. "
                f"{_ADVICE}"
            ) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise PermissionError(
                f"Decoded images cannot be written into {folder} ({error.strerror}). "
                "Give cache=FOLDER, or cache='memory' (--cache on the command line)."
            ) from error
        raise


@contextlib.contextmanager
def _alone(entry):
    """Holds the folder of a set; waits, and says so, while another process has it."""
    lock = filelock.FileLock(entry / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        print(f"Waiting for another process, which decodes into {entry}", flush=True)
        lock.acquire()
    except OSError as error:
        # Without locks two may do the same work, and the later one is kept.
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    try:
        yield
    finally:
        lock.release()


def _size(nbytes):
    unit, name = (1e9, "GB") if nbytes >= 1e9 else (1e6, "MB")
    return f"{nbytes / unit:,.1f} {name}"


def file_facts(paths):
    """Returns path, size and time of change of each file, by which it is known."""
    facts = []
    for path in paths:
        try:
            state = os.stat(path)
        except OSError:  # A broken link: it is skipped, with a warning.
            facts.append([os.path.abspath(path), None, None])
        else:
            facts.append([os.path.abspath(path), state.st_size, state.st_mtime_ns])
    return facts


class _Memory:
    """Collects images in blocks, which are joined without all of them twice."""

    def __init__(self, count):
        self._count, self._blocks, self._filled, self.nbytes = count, [], 0, 0

    def add(self, image):
        if not self._blocks or self._filled == len(self._blocks[-1]):
            length = self._count or max(1, _BLOCK // max(1, image.nbytes))
            self._blocks.append(aligned((length, *image.shape)))
            self._filled = 0
        self._blocks[-1][self._filled] = image
        self._filled += 1
        self.nbytes += image.nbytes

    def drain(self):
        """Yields the images, and forgets each block behind them."""
        while self._blocks:
            block = self._blocks.pop(0)
            yield from block if self._blocks else block[: self._filled]

    def join(self):
        """Returns all as one array. It is read-only: a tensor may share its memory."""
        if len(self._blocks) == 1:
            whole = self._blocks.pop()[: self._filled]
        else:
            length = len(self._blocks[0]) * (len(self._blocks) - 1) + self._filled
            whole, start = aligned((length, *self._blocks[0].shape[1:])), 0
            while self._blocks:
                part = self._blocks.pop(0)
                part = part if self._blocks else part[: self._filled]
                whole[start : start + len(part)] = part
                start += len(part)
        whole.flags.writeable = False
        return whole
