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
    STEP_INDEX,
    STEP_TYPE,
    TIME,
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

_ROWS = 2
"""So many rows beside a border say how fast things move there; and one row that is there twice counts nothing twice."""
_LATE = 1.5
"""From row to row no more passes than this many times what passes beside it. *Choice*: a row that is lost makes 2."""
_SAME_VOLTAGE_V = 1e-3
_SAME_CURRENT = 0.02
"""A border inside a step is no jump of more than a mV, the coarsest digit that lirich reads, or this part of the
current. *Choice*: that of a hold wanders by less, and steps of a programme differ by more."""
_TELLING = 8
"""So many rows that differ from each other are not there twice by chance. *Choice*: noise of a few digits meets the
same row one time in three at most, and eight in a row less than once in 6,000."""
_TRIES = 50
"""So many lengths of a repeated end are looked at, from the longest."""
_SAME_TIME_S = 1e-3
"""Distances of rows that are the same differ by the digits of a ms, s."""
_SAME_COUNT = 1e-3
"""A counter shows the same within this part of what it counts in the rows that are repeated: rounding."""


def gained(
    before: pl.DataFrame, after: pl.DataFrame, column: str, pause_s: float = 0.0, *, one_step: bool = False
) -> tuple[float, bool]:
    """Return what the total *column* gained from *before* to *after*, in its unit, and whether the files explain it.

    *before* and *after* are standard tables as they were read, neither joined. The counter at the end of *before* may
    have counted since its step, its cycle or the beginning; the one at the beginning of *after* started over or went
    on from one of these: the one that leaves the least, or in *one_step* (see `goes_on`) that leaves what its own
    pace gives in *pause_s*, s. So may one counter for both directions, all of which, or their difference, then
    stands in the first row of *after*, in one of them. A counter that is at zero there, in the middle of a step, says
    nothing of the pause: its pace does. Where more is left than two rows of the files gain, or than the
    current gives in the pause, it counted what neither of them has, and nothing is taken from it.
    """
    first = after[column].drop_nulls()
    last = before[column].drop_nulls()
    if first.is_empty() or last.is_empty():
        return 0.0, True
    usual = max(_largest_gain(last), _largest_gain(first))
    begins = max(0.0, float(first[0]))
    paced = _pace(before, after, column) * pause_s if one_step else 0.0
    if begins == 0.0:
        return (paced if first[0] == 0.0 else 0.0), True
    most = _MOST * max(usual, _passed(before, after, column, pause_s))
    for explaining in _explaining(before, after, column):
        gains = [max(0.0, begins - there) for there in explaining if there <= begins + _ROUNDING * usual]
        gain = min(gains, key=lambda each: abs(each - paced), default=most + 1.0)
        if gain <= most:
            return gain, True
    return 0.0, False


def goes_on(before: pl.DataFrame, after: pl.DataFrame, pause_s: float | None) -> bool:
    """Tell whether *after* goes on, *pause_s* (s) later, in the step that *before* ends in, as if in one file.

    The cycler's cycle and step are the same, and time, voltage and current move on as from row to row beside the
    border, of which each file needs two.
    """
    if pause_s is None or TIME not in before.columns or min(before.height, after.height) < _ROWS:
        return False
    for name in (CYCLE, STEP_INDEX, STEP_TYPE):
        if name in before.columns and name in after.columns and before[name][-1] != after[name][0]:
            return False
    if pause_s > _LATE * max(_moves(t, TIME) for t in (before.tail(_ROWS), after.head(_ROWS))):
        return False
    ends = (float(before[CURRENT][-1] or 0.0), float(after[CURRENT][0] or 0.0))
    if np.sign(ends[0]) != np.sign(ends[1]):
        return False
    for name, least in ((VOLTAGE, _SAME_VOLTAGE_V), (CURRENT, _SAME_CURRENT * abs(ends[0]))):
        moves = max(_moves(t, name) for t in (before.tail(_ROWS), after.head(_ROWS)))
        if abs(after[name][0] - before[name][-1]) > _LATE * moves + least:
            return False
    return True


def _moves(rows: pl.DataFrame, name: str) -> float:
    """Return the largest change of a column from row to row."""
    return float(np.abs(np.diff(rows[name].to_numpy())).max())


def _pace(before: pl.DataFrame, after: pl.DataFrame, column: str) -> float:
    """Return how fast the total rises at the border, per s: 0 where it does not on both sides of it."""
    paces = []
    for rows in (before.tail(_ROWS), after.head(_ROWS)):
        gain, span = (float(rows[name][-1] or 0.0) - float(rows[name][0] or 0.0) for name in (column, TIME))
        paces.append(gain / span if span > 0.0 else 0.0)
    return float(np.mean(paces)) if min(paces) > 0.0 else 0.0


def _explaining(before: pl.DataFrame, after: pl.DataFrame, column: str) -> tuple[list[float], list[float]]:
    """Return what the counter of *column* may have shown at the end of *before*, in its unit; then as a net counter.

    The second is for what the first leaves unexplained: so many differences come near any number now and then.
    """
    total = _total(before, column)
    reached = _reached(before, total)
    other = _OTHER[column]
    if other not in before.columns or other not in after.columns or after[other][0]:
        return reached, []
    opposite = _total(before, other)
    return reached + _reached(before, total + opposite), _reached(before, total - opposite)


def _passed(before: pl.DataFrame, after: pl.DataFrame, column: str, pause_s: float) -> float:
    """Return what the smaller of both currents at the border gives in *pause_s*, Ah, or Wh of an energy."""
    if CURRENT not in before.columns or CURRENT not in after.columns:
        return 0.0
    ends = (before[CURRENT][-1], after[CURRENT][0])
    if None in ends or ends[0] * ends[1] <= 0.0:
        return 0.0
    charge: float = min(abs(i) for i in ends) * min(pause_s, _LONGEST_S) / 3600.0
    return charge * abs(after[VOLTAGE][0] or 0.0) if column in (CHARGED_ENERGY, DISCHARGED_ENERGY) else charge


def repeated(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Return how many rows at the beginning of *after* are the last ones of *before*.

    Where both have clock times, these tell, with voltage and current; else a test time that goes on does. Where that
    starts over, rows of the same cycle, as far apart, with the same voltage and current to the last digit are the same
    where enough of them differ from each other, or where a counter, which rises in them, shows the same too: rows of
    rest look alike. 0 where there are none, or nothing else in *after*.
    """
    for time in (UNIX_TIME, TIME):
        columns = (time, VOLTAGE, CURRENT)
        if not all(c in t.columns for c in columns for t in (before, after)):
            continue
        many = _same_times(before.select(columns), after.select(columns), time)
        if time == UNIX_TIME or many:
            return many
    if all(c in t.columns for c in (TIME, VOLTAGE, CURRENT, CYCLE) for t in (before, after)):
        return _same_rows(before, after)
    return 0


def _same_times(before: pl.DataFrame, after: pl.DataFrame, time: str) -> int:
    first, clock = after[time][0], before[time]
    if first is None or clock[-1] is None or first > clock[-1]:
        return 0
    for row in np.flatnonzero(clock.to_numpy() == first).tolist():
        many = before.height - row
        # every test time begins at zero: only a later one is that of a row
        told = time == UNIX_TIME or (row > 0 and first > 0.0)
        if told and many < after.height and before.slice(row).equals(after.head(many)):
            return many
    return 0


def _same_rows(before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Count repeated rows whose test time starts over: the longest end of *before* with which *after* begins."""
    cycle = before[CYCLE].to_numpy()
    own = np.flatnonzero(cycle == after[CYCLE][0])
    if not own.size:
        return 0
    most = min(before.height - int(own[0]), after.height - 1)
    columns = (VOLTAGE, CURRENT, CYCLE)
    both = pl.concat([before.select(columns).tail(most), after.select(columns).head(most)])
    rows = both.select(pl.struct(columns).rank("dense")).to_series().to_list()
    end, begin = rows[:most], rows[most:]
    lengths = _borders(begin)
    many = 0
    for row in end:  # Knuth, Morris and Pratt, SIAM J. Comput. 6, 323 (1977)
        while many and (many == most or begin[many] != row):
            many = lengths[many - 1]
        many += begin[many] == row if many < most else 0
    for _ in range(_TRIES):
        if many < _ROWS:
            return 0
        apart = [np.diff(t[TIME].to_numpy()) for t in (before.tail(many), after.head(many))]
        if np.allclose(apart[0], apart[1], rtol=0.0, atol=_SAME_TIME_S) and (
            len(set(begin[:many])) >= _TELLING or _shown_again(before, after, many)
        ):
            return many
        many = lengths[many - 1]
    return 0


def _borders(rows: list[int]) -> list[int]:
    """Return, for each row, how many rows up to it are those that the list begins with, itself apart."""
    lengths, many = [0] * len(rows), 0
    for at in range(1, len(rows)):
        while many and rows[at] != rows[many]:
            many = lengths[many - 1]
        many += rows[at] == rows[many]
        lengths[at] = many
    return lengths


def _shown_again(before: pl.DataFrame, after: pl.DataFrame, many: int) -> bool:
    """Tell whether a counter at the beginning of *after* shows what it had shown *many* rows before the end.

    It must rise in these rows: what stands still shows the same in each of them.
    """
    until = before.head(before.height - many + 1)
    for column in _OTHER:
        if column not in before.columns or column not in after.columns:
            continue
        shown = _total(after.head(many), column)
        if 0.0 < shown[0] < shown[-1]:
            near = _SAME_COUNT * (shown[-1] - shown[0])
            if any(abs(there - shown[0]) <= near for there in _explaining(until, after, column)[0]):
                return True
    return False


def _largest_gain(total: pl.Series) -> float:
    """Return the largest gain of a total from a row to the next."""
    values = total.to_numpy()
    return float(np.diff(values).max()) if len(values) > 1 else 0.0


def _total(table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    return table[column].fill_null(strategy="forward").fill_null(0.0).to_numpy()


def _reached(table: pl.DataFrame, total: NDArray[np.float64]) -> list[float]:
    """Return what a counter, shape (n,), may show at the end: 0, since the beginning, since a late step or cycle."""
    reached = [0.0, abs(float(total[-1]))]
    for number, borders in ((STEP, _STEPS), (CYCLE, 1)):
        if number not in table.columns:
            continue
        values = table[number].fill_null(strategy="forward").fill_null(0).to_numpy()
        ends = np.flatnonzero(values[1:] != values[:-1])[-borders:]
        reached += np.abs(total[-1] - total[ends]).tolist()
    return reached
