"""The server as a process of its own: its memory, and how it ends."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests
from small_exports import pictures
from small_server import fuzz, post

ROOT = pathlib.Path(__file__).parents[2]


@contextlib.contextmanager
def process(root, folder):
    """Serves in a process of its own; yields it and the URL of its models."""
    command = [sys.executable, "-m", "keras_gans.cli", "serve", root, "--port", "0"]
    with open(folder / "log", "w+") as log:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"PYTHONPATH": os.fspath(ROOT)},
        )
        try:
            line = server.stdout.readline()
            assert line, (folder / "log").read_text()
            yield server, line.partition(": ")[0].rpartition("/")[0]
        finally:
            server.kill()
            server.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "colorizer", "editor", "generator"])
def test_a_thousand_fuzzed_requests_in_flat_memory(name, tmp_path):
    """Of each model that comes with the package; `-s` shows the figures."""
    with process(ROOT / "saved_models", tmp_path) as (server, url):
        fuzz(url, 100, name)
        before = memory_of(server.pid)
        statuses = fuzz(url, 1000, name)
        grown = memory_of(server.pid) - before
    print(f"{name}: {statuses}, {before:.0f} MiB and {grown:+.1f} MiB")
    assert grown < 150, f"{grown} MiB"
    assert "Traceback" not in (tmp_path / "log").read_text()


def memory_of(pid):
    """Resident memory in MiB."""
    fields = dict(
        line.split(":", 1)
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) / 1024


def test_sigterm_under_load_loses_no_request(tmp_path):
    """What the server has taken it answers; then connections are refused."""
    body = {"instances": pictures(3, 2, 32, 32).tolist()}
    answered, failed = [], []
    # All models would take longer to load than the rest of the test.
    shutil.copytree(
        ROOT / "saved_models" / "digits" / "2", tmp_path / "models/digits/2"
    )
    with process(tmp_path / "models", tmp_path) as (server, url):
        post(url, "digits", **body)

        def ask():
            session = requests.Session()
            while True:
                try:
                    reply = session.post(f"{url}/digits:predict", json=body, timeout=60)
                except requests.ConnectionError as error:
                    # Nobody listens any more, and nothing was sent.
                    if "NewConnectionError" not in repr(error):
                        failed.append(repr(error))
                    return
                answered.append(reply.status_code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 20:
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        rest, _ = server.communicate(timeout=30)
    assert not failed and set(answered) == {200}
    assert server.returncode == 0 and "Stopped; all requests were answered." in rest
