"""Where a curve without a time axis has a hole: a clock would show it as a recording gap."""

from __future__ import annotations

import numpy as np

from lirich.model import Severity
from lirich.readers.diagnosis import Array, Diagnosis, found_in
from lirich.readers.runs import HalfCycles

GAP_OF_RANGE = 0.05
GAP_OF_USUAL = 10.0
"""A step of more than 5 % of the capacity of its half-cycle that is ten times the usual step in capacity and in voltage
alike is a hole. Points of one figure are three times the usual apart at most (Kim et al. as digitised, whole and
thinned sixteenfold); over a flat plateau or the jump of a resistance only one of both steps is large."""

SMALL_HALF_CYCLE = 0.05
"""A half-cycle of less than this part of the largest one is not looked at: a few last digits. *Choice*."""


def check_gaps(charge: Array, voltage: Array, halves: HalfCycles) -> list[Diagnosis]:
    """Say where rows are missing within a half-cycle; *charge*, Ah, and *voltage*, V, have the shape (n,).

    Where most rows show the same digits as the row before, the usual step is not known, and nothing is said.
    """
    found = 0
    widest = 0.0
    parts = [slice(first, last + 1) for first, last in zip(halves.first.tolist(), halves.last.tolist(), strict=True)]
    sizes = [float(np.abs(np.diff(charge[part])).sum()) for part in parts]
    for part, whole in zip(parts, sizes, strict=True):
        dq, dv = (np.abs(np.diff(column[part])) for column in (charge, voltage))
        if len(dq) < 2 * GAP_OF_USUAL or whole < SMALL_HALF_CYCLE * max(sizes):
            continue
        usual_q, usual_v = float(np.median(dq)), float(np.median(dv))
        if usual_q == 0 or usual_v == 0:
            continue
        wide = (dq > GAP_OF_RANGE * whole) & (dq > GAP_OF_USUAL * usual_q) & (dv > GAP_OF_USUAL * usual_v)
        found += int(np.count_nonzero(wide))
        widest = max(widest, float(dq[wide].max(initial=0.0)) / whole)
    if not found:
        return []
    return [
        found_in(
            "curve-gap",
            Severity.WARNING,
            f"The curve has {found} hole(s) of up to {widest:.0%} of the capacity of a half-cycle, where no row is: "
            "energy and mean voltage go straight over it",
            advice="Are rows of the table missing?",
        )
    ]
