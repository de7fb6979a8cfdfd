"""Half-cycles of a raw test, coarse and quick: enough for the cross-checks, not for figures of merit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST_SHARE = 1e-3
"""Current below this share of the test's largest counts as rest (offsets of cyclers are some 1e-4 of their range)."""


@dataclass(frozen=True, slots=True, eq=False)
class HalfCycles:
    """Runs of current of one sign, rests skipped: arrays of shape (n_half_cycles,), one entry each.

    ``first`` and ``last`` are rows; ``active_s`` the time with current, s; ``charge_ah`` its charge, Ah,
    signed; voltages in V.
    """

    sign: NDArray[np.int8]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    active_s: Array
    charge_ah: Array
    voltage_start: Array
    voltage_end: Array
    voltage_low: Array
    voltage_high: Array


def find_half_cycles(time: Array, step: Array, current: Array, voltage: Array) -> HalfCycles | None:
    """Return the half-cycles of a test, or ``None`` if no current ever flows.

    Parameters: test time, s, current, A, and voltage, V, shape (n_rows,); ``step`` is the time between rows,
    s, shape (n_rows - 1,).
    """
    largest = max(float(current.max(initial=0.0)), -float(current.min(initial=0.0)))
    if largest <= 0 or len(current) < 2:
        return None
    limit = REST_SHARE * largest
    sign = (current > limit).view(np.int8) - (current < -limit).view(np.int8)
    first = np.concatenate(([0], np.flatnonzero(sign[1:] != sign[:-1]) + 1))
    last = np.append(first[1:], len(sign)) - 1
    flow = np.zeros(len(current))
    np.multiply(current[:-1], step, out=flow[:-1])
    charge = np.add.reduceat(flow, first) - flow[last]  # the interval to the next run belongs to neither
    low, high = np.minimum.reduceat(voltage, first), np.maximum.reduceat(voltage, first)
    runs = np.flatnonzero(sign[first] != 0)
    kind = sign[first[runs]]
    start = np.flatnonzero(np.diff(kind, prepend=-kind[:1]))
    end = np.append(start[1:], len(runs)) - 1
    rows_first, rows_last = first[runs[start]], last[runs[end]]
    return HalfCycles(
        sign=kind[start],
        first=rows_first,
        last=rows_last,
        active_s=np.add.reduceat(time[last[runs]] - time[first[runs]], start),
        charge_ah=np.add.reduceat(charge[runs], start) / 3600.0,
        voltage_start=voltage[rows_first],
        voltage_end=voltage[rows_last],
        voltage_low=np.minimum.reduceat(low[runs], start),
        voltage_high=np.maximum.reduceat(high[runs], start),
    )
