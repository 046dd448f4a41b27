import json
import os
import shutil
import warnings

import pytest

from keras_gans import files, folder_lock
from keras_gans.folder_lock import FolderInUseError, FolderLock, is_empty
from lock_helpers import held, start


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder `run`."""
    with held(tmp_path / "run") as process:
        yield process


def test_who_comes_second_is_told_who_has_it(tmp_path, holder):
    with pytest.raises(FolderInUseError) as caught:
        FolderLock(tmp_path / "run").acquire(wait=0)
    message = str(caught.value)
    assert f"{tmp_path / 'run'} is in use: process {holder.pid} on " in message
    holding = json.loads((tmp_path / "run" / ".lock.json").read_text())
    for key in ("host", "since", "command"):
        assert holding[key] and holding[key] in message
    # By another path, too.
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(FolderInUseError, match=f"process {holder.pid} on"):
        FolderLock(tmp_path / "link").acquire(wait=0)


def test_a_lock_without_a_name_is_one_all_the_same(tmp_path, holder):
    (tmp_path / "run" / ".lock.json").write_text("{")
    with pytest.raises(FolderInUseError, match="another process has it. Wait"):
        FolderLock(tmp_path / "run").acquire(wait=0)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, holder):
    folder = tmp_path / "run"
    holder.kill()
    holder.wait()
    assert {path.name for path in folder.iterdir()} == {".lock", ".lock.json"}
    assert is_empty(folder)
    with FolderLock(folder):
        assert files.read_json(folder / ".lock.json")["pid"] == os.getpid()
    assert not list(folder.iterdir())


def test_what_nfs_keeps_of_a_lock_is_nothing(tmp_path):
    (tmp_path / ".nfs000000000a1b2c3d00000001").touch()
    assert is_empty(tmp_path)
    lock = folder_lock.claim(tmp_path)
    assert lock is not None
    lock.release()
    (tmp_path / "history.csv").touch()
    assert not is_empty(tmp_path)


def test_a_lock_that_ends_in_time_is_waited_for(tmp_path, holder):
    holder.stdin.write("\n")
    holder.stdin.flush()
    with FolderLock(tmp_path / "run").acquire(wait=30):
        pass
    # It leaves nothing at its end.
    assert holder.wait() == 0 and not (tmp_path / "run" / ".lock").exists()


def test_locks_of_one_process_do_not_shut_each_other_out(tmp_path):
    first, second = FolderLock(tmp_path / "run"), FolderLock(tmp_path / "run")
    assert first.acquire() is first.acquire()
    with second:
        first.release()
        # Still held.
        with pytest.raises(FolderInUseError, match="This process uses"):
            FolderLock(tmp_path / "run").acquire(alone=True)
        first.release()
        assert (tmp_path / "run" / ".lock").exists()
    # It was made here and is empty.
    assert not (tmp_path / "run").exists() and not folder_lock._held


def test_a_lock_that_is_forgotten_is_free(tmp_path):
    (tmp_path / "a file").write_text("")
    FolderLock(tmp_path).acquire()
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]
    assert not is_empty(tmp_path)


def test_a_folder_may_be_moved_or_removed_while_it_is_held(tmp_path):
    with FolderLock(tmp_path / "run"):
        (tmp_path / "run").rename(tmp_path / "moved")
    assert is_empty(tmp_path / "moved")
    with FolderLock(tmp_path / "moved"):
        shutil.rmtree(tmp_path / "moved")
    with FolderLock(tmp_path / "moved"):
        pass


def test_the_fork_of_a_holder_gives_nothing_back(tmp_path):
    with FolderLock(tmp_path) as lock:
        child = os.fork()
        if child == 0:
            lock.release()
            try:
                FolderLock(tmp_path).acquire(wait=0)
            except FolderInUseError:
                os._exit(7)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 7
        process = start(tmp_path, "FolderLock(folder).acquire(wait=0)")
        process.communicate()
        assert process.returncode == 1


def test_many_take_turns(tmp_path):
    """Each counts one up, which is lost if two do so at once."""
    (tmp_path / "count").write_text("0")
    program = """
        for _ in range(10):
            with FolderLock(folder).acquire(wait=60):
                path = pathlib.Path(folder, "count")
                number = int(path.read_text())
                time.sleep(0.002)
                path.write_text(str(number + 1))
    """
    processes = [start(tmp_path, program) for _ in range(4)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert (tmp_path / "count").read_text() == "40"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(folder_lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_lock.filelock.FileLock, "acquire", refuse)
    with pytest.warns(UserWarning, match="knows no locks: let no other.*No locks av"):
        FolderLock(tmp_path).acquire().release()


TUNER = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": "8000"}


def cluster(kind, index, **addresses):
    content = {"cluster": addresses, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(content)}


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, True),
        ({"TF_CONFIG": ""}, True),
        ({"TF_CONFIG": '{"cluster": {}}'}, True),
        (cluster("chief", 0, chief=["a"], worker=["b"]), True),
        (cluster("worker", 0, chief=["a"], worker=["b"]), False),
        (cluster("worker", 0, worker=["a", "b"]), True),
        (cluster("worker", 1, worker=["a", "b"]), False),
        (cluster("ps", 0, worker=["a"], ps=["b"]), False),
        ({**TUNER, "KERASTUNER_TUNER_ID": "chief"}, True),
        ({**TUNER, "KERASTUNER_TUNER_ID": "tuner0"}, False),
    ],
)
def test_the_chief_holds_it_for_all(
    tmp_path, holder, monkeypatch, environment, expected
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert folder_lock.is_chief() is expected
    lock = FolderLock(tmp_path / "run")
    if expected:
        with pytest.raises(FolderInUseError):
            lock.acquire(wait=0)
    else:
        with warnings.catch_warnings(action="error"):
            lock.acquire(wait=0).release()


def test_a_worker_does_not_look_for_a_folder_of_its_own(tmp_path, monkeypatch):
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    for index, is_chief in ((0, True), (1, False)):
        content = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(content))
        assert folder_lock.is_chief() is is_chief
    # It would be given the folder of a finished run.
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="tell each the same folder"):
        folder_lock.claim_next(tmp_path / "run")
