"""Contestants of a benchmark, each in a process of its own, that take turns.

So all see the same moods of the machine, and none the other's threads or caches.
"""

import os
import subprocess
import sys
import time


def start(script, name, arguments, environment=()):
    """Starts a contestant: the script again, with `--worker NAME`.

    Args:
        script: Path of the benchmark.
        name: Name of the contestant.
        arguments: List of strings, the arguments of the benchmark.
        environment: Dict of variables in place of the inherited ones.

    Returns:
        A `subprocess.Popen`.
    """
    return subprocess.Popen(
        [sys.executable, script, *arguments, "--worker", name],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **dict(environment)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def seconds_per_step(workers, rounds, steps):
    """Lets all contestants do their steps in turns, after a few to warm up.

    Args:
        workers: Dict from name to what `start` returned; they are ended.
        rounds: Positive integer.
        steps: Positive integer, steps in a round.

    Returns:
        Dict from name to the list of the rounds' seconds per step.
    """
    seconds = {name: [] for name in workers}
    for worker in workers.values():
        _ask(worker, 3)  # Traces and warms up.
    for _ in range(rounds):
        for name, worker in workers.items():
            seconds[name].append(_ask(worker, steps) / steps)
    for worker in workers.values():
        worker.stdin.close()
    for worker in workers.values():
        worker.wait()
    return seconds


def answer(run):
    """Runs a contestant: `run(steps)` as often as it is asked, and says how long.

    What `run` returns, if anything, are the seconds that count.
    """
    for line in sys.stdin:
        begin = time.perf_counter()
        seconds = run(int(line))
        whole = time.perf_counter() - begin
        print(whole if seconds is None else seconds, flush=True)


def _ask(worker, steps):
    worker.stdin.write(f"{steps}\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"A contestant died in its turn: {' '.join(worker.args)}")
    return float(line)
