"""What is kept of the relaxations of a cell: the relaxed cells that its numbers are of, and how each run ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from lirich.atoms.descriptors.charged import ChargedCell, ChargedPair
from lirich.atoms.descriptors.computed import doubts_of
from lirich.atoms.neb import neb_task
from lirich.atoms.plan import Outcome, Plan
from lirich.atoms.relax import Relaxation, relaxed
from lirich.errors import LirichError
from lirich.model import Frozen

T = TypeVar("T")

OF_PLACES = "oxygen vacancies, migration"
OF_WHOLE = "voltage, volume, strain, paired oxygen"
OF_ALL = f"{OF_PLACES}, {OF_WHOLE}"


class KeptCell(Frozen):
    """A relaxed cell of one state of charge.

    ``removed`` are the lithium that left, by their index in the cell as built; the other atoms keep their order.
    ``gives`` names the numbers that are of this cell: a doped cell that follows its host is not always the lowest one.
    ``doubts`` say what is not as it was built.
    """

    lithium_removed: float = 0.0
    removed: tuple[int, ...] = ()
    relaxation: Relaxation
    gives: str = ""
    doubts: tuple[str, ...] = ()


class Run(Frozen):
    """How one relaxation, or one band, ended. ``steps`` is ``None`` of one that failed, which tells of none."""

    kind: Literal["relaxation", "band"] = "relaxation"
    steps: int | None = None
    force_calls: int = 0
    ended: Literal["as built", "not as built", "not converged", "failed"]


def kept_cells(rich: Relaxation, pairs: Sequence[ChargedPair]) -> tuple[KeptCell, ...]:
    """Return the discharged cell and of each state of charge the cell that follows the host and the lowest one."""
    kept = [KeptCell(relaxation=rich, gives="all numbers of the discharged cell", doubts=doubts_of(rich))]
    for pair in pairs:
        if pair.following.removed == pair.lowest.removed:
            kept.append(_charged(pair.lowest, OF_ALL))
        else:
            kept += [_charged(pair.following, OF_PLACES), _charged(pair.lowest, OF_WHOLE)]
    return tuple(kept)


def _charged(cell: ChargedCell, gives: str) -> KeptCell:
    return KeptCell(
        lithium_removed=cell.lithium_removed,
        removed=cell.removed,
        relaxation=cell.relaxation,
        gives=gives,
        doubts=(*doubts_of(cell.relaxation), *([cell.apart] if cell.apart else [])),
    )


def recorded(plan: Plan[T], runs: list[Run]) -> Plan[T]:
    """Run *plan* as it is, and put into *runs* how each relaxation and band that it asks for ended.

    Energies without relaxation (no steps allowed) are no runs.
    """
    try:
        jobs = next(plan)
        while True:
            outcomes = yield jobs
            for job, outcome in zip(jobs, outcomes, strict=True):
                if job.parameters["settings"]["max_steps"] > 0:
                    runs.append(run_of(outcome, band=job.task is neb_task))
            jobs = plan.send(outcomes)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def run_of(outcome: Outcome, *, band: bool = False) -> Run:
    """Return how a relaxation or a band ended. Lithium between five and six anions is at home in both."""
    kind: Literal["relaxation", "band"] = "band" if band else "relaxation"
    if isinstance(outcome, LirichError):
        return Run(kind=kind, ended="failed")
    steps, calls = int(outcome["steps"]), int(outcome["force_calls"])
    ended: Literal["as built", "not as built", "not converged"] = "as built"
    if not outcome["converged"]:
        ended = "not converged"
    elif not band:
        result = relaxed(outcome)
        if result.end.kind in ("collapsed", "moved back") or doubts_of(result):
            ended = "not as built"
    return Run(kind=kind, steps=steps, force_calls=calls, ended=ended)
