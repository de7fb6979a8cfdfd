"""Where tasks run: in this process, in a pool of processes, or on Dask.

The seam is ``concurrent.futures.Executor``: whatever gives one can be used.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from lirich.compute.spawning import ScriptlessContext, needs_script
from lirich.errors import ComputeError, OptionalDependencyError

ExecutorKind = str
"""``serial``, ``processes``, ``dask`` (a local cluster) or the address of a Dask scheduler (``tcp://…``)."""


QUEUED_FOR_DASK = 64
"""Workers that a Dask cluster is taken to have at least: one that starts them on demand must see tasks waiting."""


ANSWER_S = 10.0
"""So long a Dask scheduler is waited for."""


class Pool(Executor):
    """An executor that says how many tasks it runs at once."""

    def __init__(self, executor: Executor, workers: Callable[[], int]) -> None:
        self._executor = executor
        self._workers = workers

    @property
    def workers(self) -> int:
        """How many tasks run at once now; a cluster may grow."""
        return self._workers()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand one task to the executor."""
        return self._executor.submit(fn, *args, **kwargs)


class SerialExecutor(Executor):
    """Runs each task at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` now and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the border of a task: the future carries whatever it raised
            future.set_exception(error)
        return future


def default_workers() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


@contextmanager
def open_executor(kind: ExecutorKind = "processes", *, workers: int | None = None) -> Iterator[Executor]:
    """Open an executor for the time of a ``with`` block.

    Parameters
    ----------
    kind:
        See `ExecutorKind`.
    workers:
        How many tasks run at once; by default one per processor. Ignored for a scheduler's address.

    Raises
    ------
    ComputeError
        If the kind is unknown or a scheduler does not answer.
    OptionalDependencyError
        If Dask is asked for and the extra ``[distributed]`` is missing.
    """
    count = default_workers() if workers is None else workers
    if count < 1:
        raise ComputeError(f"{count} workers", expected="1 or more")
    if kind == "serial" or (kind == "processes" and count == 1):
        yield SerialExecutor()
    elif kind == "processes":
        # Not fork: polars' threads do not survive it. https://docs.pola.rs/user-guide/misc/multiprocessing/
        with _sigint_held_back():  # a semaphore whose making is interrupted is freed by nobody
            pool = _Pool(count, mp_context=ScriptlessContext(), initializer=_start_worker)
        try:
            yield Pool(pool, lambda: count)
        except BaseException:
            pool.abandon()
            raise
        pool.shutdown()
    elif kind == "dask" or "://" in kind:
        with _dask(kind, count) as executor:
            yield executor
    else:
        raise ComputeError(
            f"Unknown executor {kind!r}",
            expected="serial, processes, dask or the address of a Dask scheduler",
        )


@contextmanager
def _dask(kind: str, workers: int) -> Iterator[Executor]:
    try:
        distributed: Any = import_module("distributed")  # without types of its own
    except ImportError as error:
        raise OptionalDependencyError.of("The Dask executor", "distributed") from error
    if kind == "dask":
        with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield _dask_pool(client)
        return
    try:
        client = distributed.Client(kind, timeout=ANSWER_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ComputeError(
            f"No Dask scheduler answers at {kind}: {error}", advice="Start one with `dask scheduler`"
        ) from error
    with client:
        yield _dask_pool(client)


def _dask_pool(client: Any) -> Pool:
    return Pool(client.get_executor(pure=False), lambda: max(QUEUED_FOR_DASK, sum(client.nthreads().values())))


_ABANDONED_S = 3.0  # a worker that was stopped while it wrote a result would be waited for without end


class _Pool(ProcessPoolExecutor):
    """Processes that a Ctrl-C does not reach: the terminal sends it to all, and the parent alone answers it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a task; the worker that this may start has SIGINT blocked from its first moment.

        Workers run the user's script anew only for tasks that are defined in it. Raises `ComputeError` for such a task
        in a pool whose workers have not.
        """
        if needs_script(fn, *args) and isinstance(self._mp_context, ScriptlessContext):
            if self._processes:
                raise ComputeError(
                    "A task of the script itself, in a pool that has begun with tasks of modules",
                    advice="Open another executor for it, or move the task into a module",
                )
            self._mp_context = multiprocessing.get_context("spawn")
        with _sigint_held_back():
            return super().submit(fn, *args, **kwargs)

    def abandon(self) -> None:
        """Stop the workers within their tasks, which keep what they confirmed and can be done again."""
        # 3.14 has terminate_workers(); until then the processes and the thread are known only here
        workers = list((self._processes or {}).values())
        manager: Any = self._executor_manager_thread
        for item in list((self._pending_work_items or {}).values()):
            if item.future.cancelled():  # which that thread, until 3.12.1, fails to tell that the pool broke
                item.future = Future()
        for worker in workers:
            worker.terminate()
        self.shutdown(wait=False)
        if manager is not None:
            manager.join(_ABANDONED_S)


@contextmanager
def _sigint_held_back() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; a process that is started in it never gets one."""
    before = signal.getsignal(signal.SIGINT)
    held: list[tuple[int, FrameType | None]] = []
    main = threading.current_thread() is threading.main_thread() and callable(before)
    if main:
        # a half-started worker would find nothing to read, and print that
        signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    mask = None
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        # started by the first worker otherwise, which would unblock the signal
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the worker
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, before)
    if held and callable(before):
        before(*held[0])


def _start_worker() -> None:
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread each: the pool is the parallelism. Set before polars is imported in this process.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(sentinel: int) -> None:
    # A killed parent cannot shut its pool down, and the workers would wait for ever.
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
