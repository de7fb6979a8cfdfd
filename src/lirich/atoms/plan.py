"""Plans: calculations that ask for work in rounds and say nothing of where it is done.

A plan is a generator. It yields the jobs that it can name now, is sent what became of them in the same order, and
returns its result. So a descriptor reads as its method section does, and the same plan runs in this process, over a
pool with a cache, or beside a hundred others: `together` merges plans round by round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lirich.errors import LirichError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: a pure function at the top level of a module and its JSON-able parameters.

    ``label`` is for people (``"W on Mn 3, O 17 removed"``) and no part of the result; ``cost`` is an estimate that
    orders a round, longest first (atoms × expected steps).
    """

    task: Callable[[Mapping[str, Any]], Any]
    parameters: Mapping[str, Any]
    label: str = ""
    cost: float = 1.0


Outcome = Any | LirichError
"""What became of a job: its JSON result, or the error of lirich that it ended in. An error is an answer, not an end."""

Plan = Generator[list[Job], list[Outcome], T]


def together(plans: Sequence[Plan[Any]]) -> Plan[list[Any]]:
    """Return one plan that runs *plans* side by side, a round being the jobs of all that still run.

    The result lists what each plan returned, in order; a plan that raised an error of lirich is listed with that
    error, and the others go on.
    """
    results: list[Any] = [None] * len(plans)
    asked: dict[int, list[Job]] = {}

    def advance(index: int, sent: list[Outcome] | None) -> None:
        asked.pop(index, None)
        try:
            asked[index] = next(plans[index]) if sent is None else plans[index].send(sent)
        except StopIteration as end:
            results[index] = end.value
        except LirichError as error:
            results[index] = error

    for index in range(len(plans)):
        advance(index, None)
    while asked:
        spans = [(index, len(jobs)) for index, jobs in asked.items()]
        outcomes = yield [job for jobs in asked.values() for job in jobs]
        start = 0
        for index, count in spans:
            advance(index, outcomes[start : start + count])
            start += count
    return results


def run_here(plan: Plan[T]) -> T:
    """Run a plan in this process, job after job, and return its result."""
    try:
        jobs = next(plan)
        while True:
            jobs = plan.send([_outcome(job) for job in jobs])
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _outcome(job: Job) -> Outcome:
    try:
        return job.task(job.parameters)
    except LirichError as error:
        return error
