"""A second thread for work of some milliseconds that leaves Python free: to unpack, to go through long arrays."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import polars as pl

Result = TypeVar("Result")


def beside(task: Callable[[], Result], *, worth: bool) -> Callable[[], Result]:
    """Begin *task* in a thread of its own, and return what waits for its result, or raises what it raised.

    Where it is not *worth* a thread (to begin one takes a fifth of a millisecond), or Polars may not use more than one
    either (``POLARS_MAX_THREADS``, as in the workers of `lirich.compute`), the task is done when its result is asked
    for.
    """
    if not worth or pl.thread_pool_size() < 2:
        return task
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(copy_context().run, task)  # with numpy's settings for errors
    pool.shutdown(wait=False)
    return future.result
