"""Run many tasks: cached, in parallel, with progress; a task that fails does not take the others with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from typing import Any

from lirich import __version__, errors
from lirich.compute.cache import ResultCache
from lirich.compute.executor import Pool, SerialExecutor, default_workers
from lirich.compute.spawning import needs_script
from lirich.errors import ComputeError, LirichError, TaskFailedError
from lirich.model import content_hash

Task = Callable[[Mapping[str, Any]], Any]
"""A pure function at the top level of a module: JSON-able parameters in, JSON-able result out."""

_ERROR = "lirich.errors"
"""The one key of a kept error: no result of a task is a table of it alone."""

WINDOW_PER_WORKER = 4
"""Tasks handed to the executor at once per worker: enough to keep it busy, few enough to stop quickly."""


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of one task: ``result``, or ``error`` (one of lirich's own). ``cached`` results cost nothing."""

    index: int
    parameters: Mapping[str, Any]
    result: Any = None
    error: LirichError | None = None
    cached: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. ``seconds_left`` is ``None`` until one task has been timed."""

    done: int
    total: int
    cached: int
    failed: int
    seconds_left: float | None


def task_key(task: Task, parameters: Mapping[str, Any]) -> str:
    """Return the content hash of a task: function, lirich version and parameters.

    What else decides the result belongs into the parameters: the code of the task (`lirich.compute.code_hash`), the
    version of a plug-in, of a model, of a library.
    """
    return content_hash(
        {
            "task": f"{task.__module__}.{task.__qualname__}",
            "version": __version__,
            "parameters": dict(parameters),
        }
    )


def run_tasks(
    task: Task,
    parameters: Sequence[Mapping[str, Any]],
    *,
    executor: Executor,
    cache: ResultCache | None = None,
    still_valid: Callable[[Any], bool] | None = None,
    lasting: Callable[[LirichError], bool] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[TaskOutcome]:
    """Run *task* for each of the *parameters* and yield the outcomes as they come in.

    A result is kept in *cache* before it is yielded, so that a run that is stopped at any moment goes on where
    it was. ``still_valid`` may refuse a cached result (a file that it names is gone). The errors of a task are
    outcomes, not exceptions; an error that is not lirich's own, or a result that cannot be kept (NaN is no JSON),
    becomes a `TaskFailedError`. A task whose result is ``None`` is run each time.

    A task that ended in an error is run again by the next run, unless ``lasting`` says of the error that it would end
    so each time: such an error is kept, and comes back as what it was (class, what was found, expected, advice). By
    default none is, for the same error may come of a machine without room.

    Tasks that still wait when the caller stops early are cancelled; after an exception, whoever opened the executor
    ends it.

    Raises
    ------
    ComputeError
        If the executor itself breaks down (a worker was killed), or the cache cannot be used.
    """
    started = time.monotonic()
    done = hits = failed = 0
    waiting: list[tuple[int, str]] = []

    def report() -> None:
        if progress is not None:
            fresh = done - hits
            left = (time.monotonic() - started) / fresh * (len(parameters) - done) if fresh else None
            progress(Progress(done, len(parameters), hits, failed, left))

    for index, each in enumerate(parameters):
        key = task_key(task, each)
        known = cache.get(key) if cache is not None else None
        told = _told(known)
        if told is not None and lasting is not None and lasting(told):
            done += 1
            hits += 1
            failed += 1
            report()
            yield TaskOutcome(index, each, error=told, cached=True)
        elif known is not None and not _is_error(known) and (still_valid is None or still_valid(known)):
            done += 1
            hits += 1
            report()
            yield TaskOutcome(index, each, known, cached=True)
        else:
            waiting.append((index, key))

    if waiting:
        report()  # how many there are is known before the first has ended
    started = time.monotonic()  # what came from the cache says nothing about how long the rest will take
    running: dict[Future[tuple[Any, float]], tuple[int, str]] = {}
    queue = iter(waiting)
    try:
        while True:
            window = _window(executor)
            while len(running) < window and (following := next(queue, None)) is not None:
                running[executor.submit(_timed, task, dict(parameters[following[0]]))] = following
            if not running:
                return
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                index, key = running.pop(future)
                outcome = _outcome(future, index, parameters[index], task)
                if outcome.error is None and cache is not None:
                    outcome = _kept(cache, key, outcome)
                elif cache is not None and lasting is not None:
                    _keep_error(cache, key, outcome, lasting)
                done += 1
                failed += outcome.error is not None
                report()
                yield outcome
    except GeneratorExit:
        for future in running:
            future.cancel()
        raise


def _window(executor: Executor) -> int:
    if isinstance(executor, SerialExecutor):
        return 1  # a task is done when it is submitted: more would only hold results back from the cache
    return WINDOW_PER_WORKER * (executor.workers if isinstance(executor, Pool) else default_workers())


def _kept(cache: ResultCache, key: str, outcome: TaskOutcome) -> TaskOutcome:
    try:
        return replace(outcome, result=cache.put(key, outcome.result))
    except (TypeError, ValueError) as error:
        return replace(outcome, result=None, error=TaskFailedError(f"The result is no JSON: {error}"))


def _keep_error(cache: ResultCache, key: str, outcome: TaskOutcome, lasting: Callable[[LirichError], bool]) -> None:
    """Keep the error of a task, if it is a lasting one and what is kept says all of it."""
    error = outcome.error
    if error is None or not lasting(error):
        return
    known = {_ERROR: error.to_dict()}
    back = _told(known)
    if back is not None and (type(back), vars(back)) == (type(error), vars(error)):
        cache.put(key, known)


def _is_error(known: Any) -> bool:
    return isinstance(known, Mapping) and set(known) == {_ERROR}


def _told(known: Any) -> LirichError | None:
    """Return the error that was kept; ``None`` for a result, and for an error that this version does not know."""
    if not _is_error(known):
        return None
    said = known[_ERROR]
    kind = getattr(errors, said["error"], None)
    if not (isinstance(kind, type) and issubclass(kind, LirichError)):
        return None
    return kind(said["found"], expected=said["expected"], advice=said["advice"])


def _timed(task: Task, parameters: Mapping[str, Any]) -> tuple[Any, float]:
    """Return the result, or the typed error that is the result, and the seconds; Dask prints what a task raises."""
    started = time.perf_counter()
    try:
        result = task(parameters)
    except LirichError as error:
        result = error
    return result, time.perf_counter() - started


def _outcome(future: Future[tuple[Any, float]], index: int, parameters: Mapping[str, Any], task: Task) -> TaskOutcome:
    try:
        result, seconds = future.result()
    except BrokenExecutor as error:
        script = (
            "; or the script that called this, and defines the task, has no `if __name__ == '__main__':` around it, "
            "which worker processes need then"
            if needs_script(task, parameters)
            else ""
        )
        raise ComputeError(
            f"The executor broke down: {error or type(error).__name__}",
            advice="A worker was killed (out of memory? then use fewer workers: what is done is kept)" + script,
        ) from error
    except Exception as error:  # noqa: BLE001 - the border of a task: its failure is an outcome, named and kept
        return TaskOutcome(index, parameters, error=TaskFailedError(f"{type(error).__name__}: {error}"))
    if isinstance(result, LirichError):
        return TaskOutcome(index, parameters, error=result)
    return TaskOutcome(index, parameters, result, seconds=seconds)
