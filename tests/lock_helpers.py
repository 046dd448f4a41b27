"""Another process that holds a folder, and does not wait for TensorFlow."""

import contextlib
import os
import pathlib
import subprocess
import sys
import textwrap

from keras_gans import files

# There the package is a bare name, which imports nothing.
START = f"""
import pathlib, sys, time, types
package = types.ModuleType("keras_gans")
package.__path__ = [{str(pathlib.Path(files.__file__).parent)!r}]
sys.modules["keras_gans"] = package
from keras_gans.folder_lock import FolderInUseError, FolderLock
folder = sys.argv[1]
"""
HOLD = 'lock = FolderLock(folder).acquire()\nprint("held", flush=True)\ninput()'


def start(folder, program):
    """Starts a program that knows `FolderLock` and the path `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", START + textwrap.dedent(program), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )


@contextlib.contextmanager
def held(folder):
    """Lets another process hold the folder; gives that process."""
    process = start(folder, HOLD)
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()
