"""Requests that wait are computed together, and each gets its own answer."""

import asyncio
import threading
import types

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("orjson", reason="needs orjson, of the extra `serve`")

from keras_gans.serving.batching import Batcher  # noqa: E402


def test_what_waits_is_computed_in_one_batch():
    sizes, started = [], threading.Event()

    def double(x):
        started.wait(10)
        if tf.reduce_any(x > 9):
            raise tf.errors.InvalidArgumentError(
                None, None, "assertion failed: [No 10.]"
            )
        return {"x": 2 * x}

    async def ask():
        batcher = Batcher(max_batch_size=4, max_pixels=100, observe=sizes.append)
        jobs = []
        for rows in ([0], [1, 2], [3], [10], [4, 5, 6]):
            request = types.SimpleNamespace(
                inputs={"x": np.array(rows)}, rows=len(rows), shapes=((),), pixels=20
            )
            jobs.append(asyncio.ensure_future(batcher.run(double, request)))
            await asyncio.sleep(0)
        started.set()
        results = await asyncio.gather(*jobs, return_exceptions=True)
        batcher.close()
        return results

    *others, refused, last = asyncio.run(ask())
    # The first did not wait; the last is too much for the second batch.
    assert sizes == [1, 4, 3] and str(refused) == "No 10."
    received = [result["x"].tolist() for result in (*others, last)]
    assert received == [[0], [2, 4], [6], [8, 10, 12]]
