"""Where the cycler's count of cycles and lirich's differ, and whether short half-cycles were taken for pulses."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation
from lirich.cycling.arrays import Array, Integers
from lirich.model import Cell, Finding, Severity
from lirich.model.format import format_number


def count_findings(notes: Annotation, cycles: pl.DataFrame, cell: Cell) -> list[Finding]:
    """Say where the cycler counts other cycles than lirich finds, and what is in a cycle that it counts as several."""
    vendor = notes.points.vendor_cycle
    counted = cycles.filter(pl.col("cycle") >= 1)
    if vendor is None or counted.is_empty():
        return []
    several = counted.filter(pl.col("vendor_cycle_last") - pl.col("vendor_cycle_first") >= 2)
    if not several.is_empty():
        differ = _differ(_with_current(notes, vendor), counted.height)
        return [_folded(differ, several["cycle"].to_list(), *_reversals(notes), cell)]
    distinct = _counted(counted["vendor_cycle_first"].to_numpy())
    if distinct == counted.height or counted.height < 2:
        return []
    return [
        Finding(
            code="cycle-count-differs",
            severity=Severity.INFO,
            message=f"{_differ(distinct, counted.height)}; both numbers are in the cycle table",
            where=cell.key,
        )
    ]


def _differ(of_cycler: int, own: int) -> str:
    return f"The cycler counts {of_cycler} cycle{'s' if of_cycler != 1 else ''} where lirich finds {own}"


def _with_current(notes: Annotation, vendor: Integers) -> int:
    """Return how many cycles the cycler counts in which current flows, cycle 0 aside."""
    steps = notes.steps
    flows = (steps.sign != 0) & (notes.half_cycle[notes.step_half] >= 1)
    return _counted(vendor[steps.start[flows]])


def _counted(numbers: Integers) -> int:
    """Return how many cycles a count goes through, shape (k,) in order of time; where it starts over, it goes on."""
    return len(numbers) and 1 + int(np.count_nonzero(np.diff(numbers)))


def _reversals(notes: Annotation) -> tuple[Integers, Array]:
    """Return the cycle of every run of current against its half-cycle, and its share of that, both of shape (k,)."""
    steps = notes.steps
    moving = np.flatnonzero((steps.sign != 0) & (steps.charge_ah != 0.0))
    half = notes.step_half[moving]
    against = steps.sign[moving] != notes.half_sign[half]
    begins = against & ~np.append(False, against[:-1] & (half[1:] == half[:-1]))
    run = np.cumsum(begins)[against] - 1
    charge = np.bincount(run, weights=np.abs(steps.charge_ah[moving[against]]))
    whole = np.abs(np.bincount(half, weights=steps.charge_ah[moving], minlength=len(notes.half_start)))
    return notes.half_cycle[half[begins]], charge / whole[half[begins]]


def _folded(differ: str, numbers: list[int], owner: Integers, share: Array, cell: Cell) -> Finding:
    shown = ", ".join(str(n) for n in numbers[:10]) + (", …" if len(numbers) > 10 else "")
    inside = share[np.isin(owner, numbers)]
    severity, advice = Severity.INFO, ""
    said = "the current does not turn between them"
    if len(inside):
        high = format_number(100.0 * float(inside.max()), significant=2)
        said = f"{len(inside)} reversal(s) of the current, of up to {high} % of the half-cycle around, end within the "
        said += "voltage window and were taken for pulses"
        advice = "If they are cycles, set reversal_fraction = "
        advice += f"{0.5 * float(inside.min()):.1g} in [cycling] of lirich.toml"
        severity = Severity.WARNING
    return Finding(
        code="cycle-count-differs",
        severity=severity,
        message=f"{differ}. Of cycle(s) {shown} it counts several: {said}",
        advice=advice,
        where=cell.key,
    )
