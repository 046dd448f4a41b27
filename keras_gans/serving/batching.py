"""Answers requests one after the other, those that wait for the same in one batch."""

import asyncio
import collections
import concurrent.futures
import dataclasses
import re

import numpy as np
import tensorflow as tf

from keras_gans.serving.protocol import RequestError


@dataclasses.dataclass(eq=False)
class _Job:
    function: object
    request: object
    future: asyncio.Future


class Batcher:
    """Runs signatures on a thread of its own.

    TensorFlow uses all cores for one call; more calls at once would only need more
    memory. What comes in the meantime waits. Then all that wait for the same signature,
    with images of the same size, are computed in one call, which pays for small images:
    nobody waits longer for it.

    Args:
        max_batch_size: Positive integer, the most rows of a call.
        max_pixels: Positive integer, the most pixels of a call.
        observe: Function that is called with the number of rows of each call.
    """

    def __init__(self, max_batch_size, max_pixels, observe):
        self._max_batch_size, self._max_pixels = max_batch_size, max_pixels
        self._observe = observe
        # From what can be computed together to the jobs, who came first at first.
        self._waiting = {}
        self._is_running = False
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "predict")

    async def run(self, function, request):
        """Calls the function of a signature, from a running event loop.

        Args:
            function: Function of a loaded SavedModel.
            request: A `keras_gans.serving.protocol.PredictRequest`.

        Returns:
            Dict of arrays.

        Raises:
            RequestError: If the graph refuses the inputs.
        """
        job = _Job(function, request, asyncio.get_running_loop().create_future())
        # Inputs of different lengths are the graph's to refuse.
        alone = None if request.rows else job
        key = id(function), request.shapes, alone
        self._waiting.setdefault(key, collections.deque()).append(job)
        self._start()
        return await job.future

    def close(self):
        self._thread.shutdown()

    def _start(self):
        if self._is_running or not self._waiting:
            return
        self._is_running = True
        jobs = self._next_batch()
        self._observe(sum(job.request.rows or 1 for job in jobs))
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._thread, _compute, jobs)
        done.add_done_callback(lambda done: self._finish(jobs, done))

    def _next_batch(self):
        key = next(iter(self._waiting))
        waiting = self._waiting.pop(key)
        jobs = [waiting.popleft()]
        rows, pixels = jobs[0].request.rows, jobs[0].request.pixels
        while waiting:
            rows += waiting[0].request.rows
            pixels += waiting[0].request.pixels
            if rows > self._max_batch_size or pixels > self._max_pixels:
                # Behind all others, so that everybody gets a turn.
                self._waiting[key] = waiting
                break
            jobs.append(waiting.popleft())
        return jobs

    def _finish(self, jobs, done):
        self._is_running = False
        self._start()
        for job, result in zip(jobs, done.result(), strict=True):
            if job.future.done():  # It was cancelled.
                continue
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)


def _compute(jobs):
    """Returns the outputs of each job, or its exception."""
    function = jobs[0].function
    try:
        inputs = {
            name: _joined([job.request.inputs[name] for job in jobs])
            for name in jobs[0].request.inputs
        }
        outputs = {name: value.numpy() for name, value in function(**inputs).items()}
    except Exception as error:
        if len(jobs) > 1:  # Only whose fault it is shall hear of it.
            return [result for job in jobs for result in _compute([job])]
        return [_as_request_error(error)]
    if len(jobs) == 1:
        return [outputs]
    ends = np.cumsum([job.request.rows for job in jobs])[:-1]
    parts = {name: np.split(value, ends) for name, value in outputs.items()}
    return [dict(zip(parts, row)) for row in zip(*parts.values(), strict=True)]


def _joined(values):
    if isinstance(values[0], list):
        return tf.constant([file for files in values for file in files])
    return tf.constant(values[0] if len(values) == 1 else np.concatenate(values))


def _as_request_error(error):
    """Makes a sentence of what the graph says about its inputs."""
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return RequestError("The images are too large for the server's memory.", 413)
    if not isinstance(error, tf.errors.InvalidArgumentError):
        return error
    message = error.message or ""
    # What our own checks say, without the numbers x and y that they speak of.
    own = re.search(r"assertion failed: \[(.*?)\](?: \[|$)", message, re.DOTALL)
    if own:
        sentence = re.split(r"[;,] (?=x |the numbers)", own[1])[0]
        return RequestError(f"{sentence.strip(' .')}.")
    lines = (line.partition(" [[")[0].strip() for line in message.splitlines())
    places = "Graph execution error", "Detected at", "[[", "<"
    lines = [line for line in lines if line and not line.startswith(places)]
    first = re.sub(r"^.*\{\{node [^}]*\}\}\s*", "", lines[0]) if lines else "no reason"
    return RequestError(f"The model cannot take this: {first[:200].strip(' .')}.")
