"""Run a plan of `lirich.atoms.plan` over the compute seam: each job once, the longest first, kept and resumable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lirich.compute import Progress, ResultCache, code_hash, open_executor, run_tasks, task_key
from lirich.errors import AnalysisError, CalculatorStoppedError, CompositionError, LirichError, StructureError

if TYPE_CHECKING:
    from lirich.atoms.plan import Job, Outcome, Plan

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What running a plan took: ``jobs`` asked for, ``same`` those that equal another, ``cached`` found kept.

    ``failed`` are those that ended in an error, ``passing`` those among them that may end otherwise next time.
    ``cost`` is what was computed, in the unit of `lirich.atoms.plan.Job.cost`, ``seconds`` its time; ``done`` is the
    cost of what is known now, kept results among it.
    """

    jobs: int = 0
    same: int = 0
    cached: int = 0
    failed: int = 0
    passing: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    done: float = 0.0


@dataclass
class PlanRunner:
    """Runs plans; what a job gave is known for the life of the runner, and kept in *cache* beyond it.

    So is an error that is an answer (`lasting`); one of the machine is computed again by the next run.

    Parameters
    ----------
    cache:
        Folder that keeps results: a run that was killed goes on where it was.
    executor, workers:
        See `lirich.compute.open_executor`.
    expected_cost:
        What all rounds together will cost, as far as it can be told: for the time left.
    progress:
        Called after each job.
    """

    cache: Path | None = None
    executor: str = "processes"
    workers: int | None = None
    expected_cost: float = 0.0
    progress: Callable[[Progress], None] | None = None
    tally: Tally = field(default_factory=Tally)
    _known: dict[str, Outcome] = field(default_factory=dict)

    def run(self, plan: Plan[T]) -> T:
        """Run *plan* and return its result. Raises what the plan raises, and `lirich.errors.ComputeError`."""
        with open_executor(self.executor, workers=self.workers) as pool:
            try:
                jobs = next(plan)
                while True:
                    jobs = plan.send(self._round(jobs, pool))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]

    def _round(self, jobs: Sequence[Job], pool: Executor) -> list[Outcome]:
        tasks = [_parameters(job) for job in jobs]
        keys = [task_key(run_job, each) for each in tasks]
        fresh: dict[str, int] = {}
        for index, key in enumerate(keys):
            if key not in self._known:
                fresh.setdefault(key, index)
        order = sorted(fresh.values(), key=lambda index: -jobs[index].cost)
        self.tally.jobs += len(jobs)
        self.tally.same += len(jobs) - len(order)
        before = self.tally.jobs - self.tally.same - len(order)
        kept = ResultCache(self.cache) if self.cache is not None else None
        left = sum(jobs[index].cost for index in order)
        started = time.monotonic()
        for outcome in run_tasks(
            run_job, [tasks[index] for index in order], executor=pool, cache=kept, lasting=lasting
        ):
            index = order[outcome.index]
            self._known[keys[index]] = outcome.result if outcome.error is None else outcome.error
            left -= jobs[index].cost
            self.tally.done += jobs[index].cost
            if outcome.cached:
                self.tally.cached += 1
            else:
                self.tally.cost += jobs[index].cost
                self.tally.seconds += time.monotonic() - started
            started = time.monotonic()
            self.tally.failed += outcome.error is not None
            self.tally.passing += outcome.error is not None and not lasting(outcome.error)
            before += 1
            self._report(before, left)
        return [self._known[key] for key in keys]

    def _report(self, done: int, left: float) -> None:
        if self.progress is None:
            return
        t = self.tally
        later = max(left, self.expected_cost - t.done)
        seconds = t.seconds / t.cost * later if t.cost else None
        self.progress(Progress(done, t.jobs - t.same, t.cached, t.failed, seconds))


def lasting(error: LirichError) -> bool:
    """Say whether a job that ended so would end so again: the answer of a sound machine to these atoms.

    A number that is none, atoms that are no crystal, a charge that nothing takes up; not a worker that was killed, a
    task that broke, a full disk, a plug-in that is not there or stopped in an error of its own.
    """
    answers = (AnalysisError, StructureError, CompositionError)
    return isinstance(error, answers) and not isinstance(error, CalculatorStoppedError)


def _parameters(job: Job) -> dict[str, Any]:
    """Return what decides the result of a job: its function by name, the code of its room, its parameters."""
    task = job.task
    room = ".".join(task.__module__.split(".")[:2])
    return {
        "task": f"{task.__module__}:{task.__qualname__}",
        "code": code_hash(room),
        "parameters": dict(job.parameters),
    }


def run_job(parameters: Mapping[str, Any]) -> Any:
    """Run the job of a plan: the one task of all plans, so that a round of unlike jobs is one queue."""
    module, _, name = str(parameters["task"]).partition(":")
    return getattr(import_module(module), name)(parameters["parameters"])
