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


def check_gaps(charge: Array, voltage: Array, halves: HalfCycles) -> list[Diagnosis]:
    """Say where rows are missing within a half-cycle; *charge*, Ah, and *voltage*, V, have the shape (n,)."""
    found = 0
    widest = 0.0
    for first, last in zip(halves.first.tolist(), halves.last.tolist(), strict=True):
        dq, dv = (np.abs(np.diff(column[first : last + 1])) for column in (charge, voltage))
        if len(dq) < 2 * GAP_OF_USUAL:
            continue
        whole = float(dq.sum())
        wide = (dq > GAP_OF_RANGE * whole) & (dq > GAP_OF_USUAL * np.median(dq)) & (dv > GAP_OF_USUAL * np.median(dv))
        found += int(np.count_nonzero(wide))
        widest = max(widest, float(dq[wide].max(initial=0.0)) / whole if whole > 0 else 0.0)
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
