"""Where one file of a test ends and the next begins: rows that both have, and what a counter gained in between.

A file of a test that goes on may begin with a counter that starts over, or with one that goes on: since the step, since
the cycle or since the test began. A total (`lirich.readers.accumulate.never_resetting`) begins with what its counter
showed in the first row, so that only what the file before does not have is new.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    CURRENT,
    CYCLE,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP,
    UNIX_TIME,
    VOLTAGE,
)

_OTHER = {
    CHARGED: DISCHARGED,
    DISCHARGED: CHARGED,
    CHARGED_ENERGY: DISCHARGED_ENERGY,
    DISCHARGED_ENERGY: CHARGED_ENERGY,
}
"""The total of the other direction."""

_ROUNDING = 0.05
"""A counter may have fallen by this part of a usual row's gain: the file before was rounded otherwise. *Choice*."""
_LONGEST_S = 3600.0
"""For so long at most the current is taken to have flowed on between two files, s. *Choice*: in longer pauses whole
steps may be missing."""
_STEPS = 4
"""A counter since the cycle, in a file that does not number its cycles, began so many steps before the end at most.
*Choice*: rest, charge, hold, rest."""
_MOST = 2.0
"""Between two files no more passes than this many times the largest gain of a row. *Choice*: one row is lost."""


def gained(before: pl.DataFrame, after: pl.DataFrame, column: str, pause_s: float = 0.0) -> tuple[float, bool]:
    """Return what the total *column* gained from *before* to *after*, in its unit, and whether the files explain it.

    *before* and *after* are standard tables as they were read, neither joined. The counter at the end of *before* may
    have counted since its step, its cycle or the beginning; the one at the beginning of *after* started over or went
    on from one of these: the one that leaves the least. So may one counter for both directions, all of which then
    stands in the first row of *after*, in one of them. Where more is left than two rows of the files gain, or than the
    current gives in the pause (*pause_s*, s), it counted what neither of them has, and nothing is taken from it.
    """
    first = after[column].drop_nulls()
    last = before[column].drop_nulls()
    if first.is_empty() or last.is_empty():
        return 0.0, True
    usual = max(_largest_gain(last), _largest_gain(first))
    begins = max(0.0, float(first[0]))
    lowest = begins + _ROUNDING * usual
    reached = _reached(before, _total(before, column))
    other = _OTHER[column]
    if other in before.columns and other in after.columns and not after[other][0]:
        reached += _reached(before, _total(before, column) + _total(before, other))
    gain = max(0.0, min(begins - there for there in reached if there <= lowest))
    most = _MOST * max(usual, _passed(before, after, column, pause_s))
    return (gain, True) if gain <= most else (0.0, False)


def _passed(before: pl.DataFrame, after: pl.DataFrame, column: str, pause_s: float) -> float:
    """Return what the smaller of both currents at the border gives in *pause_s*, Ah, or Wh of an energy."""
    if CURRENT not in before.columns or CURRENT not in after.columns:
        return 0.0
    ends = (before[CURRENT][-1], after[CURRENT][0])
    if None in ends or ends[0] * ends[1] <= 0.0:
        return 0.0
    charge: float = min(abs(i) for i in ends) * min(pause_s, _LONGEST_S) / 3600.0
    return charge * abs(after[VOLTAGE][0] or 0.0) if column in (CHARGED_ENERGY, DISCHARGED_ENERGY) else charge


def without_repeated(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return *after* without the rows at its beginning that are the last ones of *before*, by clock, voltage, current.

    Itself where there are none, or nothing else in it.
    """
    columns = (UNIX_TIME, VOLTAGE, CURRENT)
    if not all(c in t.columns for c in columns for t in (before, after)):
        return after
    first, clock = after[UNIX_TIME][0], before[UNIX_TIME]
    if first is None or clock[-1] is None or first > clock[-1]:
        return after
    for row in np.flatnonzero(clock.to_numpy() == first).tolist():
        many = before.height - row
        if many < after.height and before.select(columns).slice(row).equals(after.select(columns).slice(0, many)):
            return after.slice(many)
    return after


def _largest_gain(total: pl.Series) -> float:
    """Return the largest gain of a total from a row to the next."""
    values = total.to_numpy()
    return float(np.diff(values).max()) if len(values) > 1 else 0.0


def _total(table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    return table[column].fill_null(strategy="forward").fill_null(0.0).to_numpy()


def _reached(table: pl.DataFrame, total: NDArray[np.float64]) -> list[float]:
    """Return what a counter, shape (n,), may show at the end: 0, since the beginning, since a late step or cycle."""
    reached = [0.0, float(total[-1])]
    for number, borders in ((STEP, _STEPS), (CYCLE, 1)):
        if number not in table.columns:
            continue
        values = table[number].fill_null(strategy="forward").fill_null(0).to_numpy()
        ends = np.flatnonzero(values[1:] != values[:-1])[-borders:]
        reached += (total[-1] - total[ends]).tolist()
    return reached
