"""A folder that belongs to one process at a time, and says to which.

The lock is that of the library `filelock`: `fcntl.flock` on Linux and macOS, and on
Windows `LockFileEx` on the first byte of the file, the call that `msvcrt.locking` makes
too. Both are given back by the system when a process ends, however it ends. It works

- on the disks of Linux, macOS and Windows;
- on NFS if its lock service runs: Linux makes of `flock` a lock of the whole file at
  the server, for which the file must be open for writing, as it is;
- on Windows shares, from Linux since 5.5.

Where it does not work:

- On NFS mounted with `nolock` or `local_lock`, on Windows shares mounted by an older
  Linux, on Lustre with `localflock`, and on FUSE file systems that leave locks to the
  kernel (sshfs), locks are local: processes of one host are told from each other, those
  of several hosts are not.
- On a file system without locks (Lustre with `noflock`), `filelock` puts a marker in
  the place of the lock, and that of a process that died on another host must be deleted
  by hand; where it does not, a warning says that nothing is locked.
- Windows gives back the lock of a dead process when it gets to it, so it may be refused
  for a moment more. There a folder that is in use cannot be moved or deleted, nor its
  `.lock` be read.
- A server of NFS that starts anew, or that a host cannot reach for longer than its
  lease (version 4: about 90 seconds), may give the lock to another host.
"""

import contextlib
import datetime
import errno
import itertools
import json
import os
import pathlib
import shlex
import socket
import sys
import time
import warnings
import weakref

import filelock

from keras_gans.checks import require
from keras_gans.files import read_json, write_json

_LOCK, _HOLDER = ".lock", ".lock.json"
_TUNER = "KERASTUNER_ORACLE_IP"
_FILES = {_LOCK, _HOLDER, f"{_HOLDER}.tmp"}
# What a file system says that knows no locks.
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}

# From process and lock file to how often that holds it, by what, and whether it made
# the folder. A fork holds nothing.
_held = {}


class FolderInUseError(OSError):
    """Another process holds the folder."""


class FolderLock:
    """Holds a folder for this process, until it is released or the process ends.

    The lock is one of the operating system on the file `.lock` in the folder: whoever
    comes first has it, and that of a process that died is free. `.lock.json` beside it
    says who has it. Both files vanish with the release; left by a dead process they are
    taken over. Within a process, locks of one folder do not shut each other out: it is
    free again when all of them are released.

    Of several processes that work together, as `TF_CONFIG` or the environment variables
    of keras-tuner say, the chief holds the folder for all; in the others this does
    nothing.

    Where it works, and where not, stands at the top of the module.

    Args:
        directory: The folder. It is made if need be, and then removed again if it is
            still empty when it is released.
    """

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self._release = None

    def acquire(self, wait=0.5, alone=False):
        """Takes the folder.

        Args:
            wait: Float, seconds for which it is tried.
            alone: Whether to refuse a folder that this process itself holds, too.

        Returns:
            The lock itself.

        Raises:
            FolderInUseError: If another process holds the folder.
        """
        if self._release is None and is_chief():
            made = not self.directory.exists()
            self.directory.mkdir(parents=True, exist_ok=True)
            path = self.directory.resolve() / _LOCK
            key = os.getpid(), path
            count, lock, made = _held.get(key, (0, None, made))
            if count and alone:
                raise FolderInUseError(f"This process uses {self.directory} already.")
            if not count:
                lock = self._lock(path, time.monotonic() + wait)
            _held[key] = count + 1, lock, made
            # At the end of the process, too, and if nothing refers to this any more.
            self._release = weakref.finalize(self, _let_go, *key)
        return self

    def release(self):
        """Gives the folder back, if this has it."""
        if self._release is not None:
            self._release()
            self._release = None

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()

    def _lock(self, path, end):
        lock = filelock.FileLock(path, blocking=False, thread_local=False)
        while not lock.is_locked:
            try:
                lock.acquire()
            except filelock.Timeout:
                # Whoever has just taken it may not have written its name yet.
                if time.monotonic() > end:
                    raise FolderInUseError(self._refusal()) from None
                time.sleep(0.05)
            except OSError as error:
                if error.errno not in _WITHOUT_LOCKS:
                    raise
                warnings.warn(
                    f"{self.directory} cannot be locked, because its file system knows "
                    f"no locks: let no other process write to it. ({error})"
                )
                return lock
        now = datetime.datetime.now().astimezone()
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": shlex.join(sys.argv),
            "since": now.isoformat(" ", "seconds"),
        }
        write_json(path.with_name(_HOLDER), holder)
        return lock

    def _refusal(self):
        try:
            text = (
                "process {pid} on {host} has had it since {since}: {command}. Wait for "
                "its end, or stop it"
            ).format(**read_json(self.directory / _HOLDER))
        except (OSError, ValueError, KeyError):
            text = "another process has it. Wait for its end"
        return f"{self.directory} is in use: {text}, or choose another --output."


def _let_go(process, path):
    if os.getpid() != process:
        return  # The fork of a process that holds it.
    count, lock, made = _held.pop((process, path))
    if count > 1:
        _held[process, path] = count - 1, lock, made
        return
    # While it is held: nobody else has written a name there, and who has opened the
    # file that is gone finds it out. Windows cannot do so, and deletes it when closed.
    for name in (_HOLDER, _LOCK) if lock.is_locked else ():
        with contextlib.suppress(OSError):
            path.with_name(name).unlink()
    lock.release()
    if made:
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def claim(directory, **how):
    """Makes and takes a folder for something new.

    Args:
        directory: The folder.
        **how: Passed on to `FolderLock.acquire`.

    Returns:
        The lock, or `None` if there is a file or something in the folder.
    """
    path = pathlib.Path(directory)
    if not (is_chief() or _TUNER in os.environ):
        return FolderLock(path)  # It writes nothing.
    # What is no folder of ours is not written to.
    if path.exists() and is_chief():
        if not path.is_dir() or not (is_empty(path) or (path / _LOCK).exists()):
            return None
    path.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(path).acquire(**how)
    if is_empty(path) or not is_chief():
        return lock
    lock.release()
    return None


def claim_next(directory):
    """Claims `<directory>-1`, or with the first higher number that is free.

    Returns:
        Its lock.
    """
    require(
        is_chief(),
        "Of several processes that train together, tell each the same folder: --output "
        "DIR, or `Run.create(directory)`",
    )
    for number in itertools.count(1):
        with contextlib.suppress(FolderInUseError):
            if lock := claim(f"{directory}-{number}", wait=0, alone=True):
                return lock


def is_empty(directory):
    """Whether there is nothing in a folder, or nothing but its lock."""
    return all(
        # NFS keeps a file under such a name while it is deleted and still open.
        path.name in _FILES or path.name.startswith(".nfs")
        for path in pathlib.Path(directory).iterdir()
    )


def is_chief():
    """Whether this process speaks for all that work together, or works alone."""
    if _TUNER in os.environ:
        return "chief" in os.environ.get("KERASTUNER_TUNER_ID", "")
    configuration = json.loads(os.environ.get("TF_CONFIG") or "{}")
    chiefs = {"chief", "master"}
    task = configuration.get("task", {})
    if not task or task.get("type") in chiefs:
        return True
    # Without a chief, the first worker is it.
    has_chief = chiefs & {*configuration.get("cluster", {})}
    is_first = task.get("type") == "worker" and int(task.get("index", 0)) == 0
    return is_first and not has_chief
