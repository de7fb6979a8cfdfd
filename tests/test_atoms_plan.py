"""Plans run in rounds, side by side, and an error of one is not the end of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lirich.atoms.plan import Job, Outcome, Plan, run_here, together
from lirich.errors import CalculatorError


def double(parameters: Mapping[str, Any]) -> int:
    return 2 * int(parameters["x"])


def refuse(parameters: Mapping[str, Any]) -> int:
    raise CalculatorError("NaN")


def doublings(start: int, rounds: int) -> Plan[int]:
    x = start
    for _ in range(rounds):
        (x,) = yield [Job(double, {"x": x})]
    return x


def asks_in_vain() -> Plan[Outcome]:
    (outcome,) = yield [Job(refuse, {})]
    return outcome


def gives_up() -> Plan[int]:
    yield [Job(double, {"x": 1})]
    raise CalculatorError("no ground state")


def test_a_plan_runs_here() -> None:
    assert run_here(doublings(1, 3)) == 8


def test_an_error_of_a_job_is_its_outcome() -> None:
    assert isinstance(run_here(asks_in_vain()), CalculatorError)


def test_plans_of_unlike_length_share_their_rounds() -> None:
    plan = together([doublings(1, 1), doublings(3, 3), gives_up(), doublings(5, 0)])
    sizes = []
    try:
        jobs = next(plan)
        while True:
            sizes.append(len(jobs))
            jobs = plan.send([job.task(job.parameters) for job in jobs])
    except StopIteration as end:
        results = end.value
    assert sizes == [3, 1, 1]
    assert results[:2] == [2, 24]
    assert isinstance(results[2], CalculatorError)
    assert results[3] == 5


def test_no_plans_are_no_rounds() -> None:
    assert run_here(together([])) == []
