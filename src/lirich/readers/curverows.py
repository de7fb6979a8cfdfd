"""The rows of a curve without a time axis: left out where they stand twice, turned where they are listed backwards.

A test with time says by its clock that a row came before another one. Of a curve (a figure that was read off) only the
capacity says so, and it starts over with every half-cycle.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.counts import changes
from lirich.readers.draft import Draft

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ADDED_UP = 1.05
"""What a half-cycle gains beyond this many times the range of its capacity column was added up over a new start; the
falls that a digitised line has by its reading error (0.3 of 280 mAh/g in that of Kim et al.) are a hundredth of it."""


_BEGINS = 0.02
"""A half-cycle begins above 0 where its first row has more than this part of what follows; reading errors are less."""

_TELLING = 8
"""So many rows of a block differ from each other, or it is no copy: the last digits of a rest or a plateau alternate,
and two or three rows are met again by chance. *Choice*, as for the rows that two files share (readers/seam.py)."""

_ONCE = 0.25
"""A block is looked for where this part of its rows stands once in it. *Choice*: at most √(8 n) distances of rows are
then looked at, of n rows."""

_LOST = 1e-3
"""Part of all capacity that may come in rows without a direction: rounding."""


def is_curve(draft: Draft) -> bool:
    """Tell whether a table has no time axis: neither time nor what it is made from, or no current."""
    return std.TIME not in draft.out or std.CURRENT not in draft.raw


def leave_out_repeated(draft: Draft) -> None:
    """Leave out blocks of rows that repeat the block right before them in every column, and say so."""
    shown = [draft.raw[role] for role in (std.CHARGED, std.DISCHARGED, h.CAPACITY) if role in draft.raw]
    if not shown:
        return
    again = repeated_blocks(_same([*draft.raw.values(), *draft.out.values()]), _same(shown))
    if std.CYCLE not in draft.raw:
        again &= ~_may_be_cycles(draft, again)
    if not again.any():
        return
    first = int(np.argmax(again)) + 1
    draft.find(
        "rows-repeated",
        f"{int(again.sum())} of {len(again)} rows, from row {first} of the data on, repeat the rows right before them, "
        "number by number: they were left out",
        advice="Look at the file there; it may have been copied together",
    )
    _take(draft, np.flatnonzero(~again))


def _may_be_cycles(draft: Draft, again: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the rows *again* that begin where a capacity starts at 0: without numbers, two cycles may be the same."""
    starts = np.zeros(len(again), dtype=np.bool_)
    for role in (std.CHARGED, std.DISCHARGED, h.CAPACITY):
        if role in draft.raw:
            size = np.nan_to_num(np.abs(draft.raw[role].to_numpy()))
            starts[1:] |= (size[1:] < size[:-1]) & (size[1:] <= _BEGINS * size.max())
    first = again & ~np.append(False, again[:-1])
    run = np.cumsum(first)
    kept = np.isin(run, run[first & starts])
    return np.asarray(again & kept)


def _same(columns: list[pl.Series]) -> Integers:
    """Return a number per row, shape (n,), that is equal where rows are equal in all *columns*."""
    table = pl.DataFrame([column.alias(str(i)) for i, column in enumerate(columns)])
    return np.asarray(table.select(pl.struct(pl.all()).rank("dense").cast(pl.Int64)).to_series().to_numpy())


def repeated_blocks(codes: Integers, capacity: Integers) -> NDArray[np.bool_]:
    """Return the rows, shape (n,), that belong to a repetition of the block right before it.

    *codes* are equal where rows are, *capacity* where their capacities are; both have the shape (n,). A block has eight
    or more rows that differ, and its capacity moves: it would have to fall for the same rows to come again. Without
    that it is the last digits of a rest or a plateau that repeat, and they stay.
    """
    again = np.zeros(len(codes), dtype=np.bool_)
    rows = np.arange(len(codes))
    order = np.lexsort((rows, codes))
    follows = codes[order][1:] == codes[order][:-1]
    lags, pairs = np.unique((order[1:] - order[:-1])[follows], return_counts=True)
    for lag in lags[(lags >= _TELLING) & (pairs >= _ONCE * lags)].tolist():
        edges = np.flatnonzero(np.diff(np.concatenate(([False], codes[lag:] == codes[:-lag], [False])).astype(np.int8)))
        first, stop = edges[::2], edges[1::2]
        whole = (stop - first) // lag * lag
        for start, many in zip(first[whole > 0].tolist(), whole[whole > 0].tolist(), strict=True):
            block = slice(start, start + lag)
            if len(np.unique(codes[block])) >= _TELLING and np.ptp(capacity[block]) > 0:
                again[start + lag : start + lag + many] = True
    return again


def turn_backward(draft: Draft, direction: NDArray[np.int8] | None) -> None:
    """Turn the half-cycles of one capacity column that are listed from their end, and say so.

    That is where voltage and capacity both run against *direction* (1, −1 or 0 per row, shape (n,)). Where the capacity
    alone falls, the axis of the figure goes back; where the voltage alone does, the direction is wrong.
    """
    if direction is None or h.CAPACITY not in draft.raw or std.VOLTAGE not in draft.raw:
        return
    voltage, capacity = draft.raw[std.VOLTAGE].to_numpy(), np.abs(draft.raw[h.CAPACITY].to_numpy())
    order, turned = np.arange(len(direction)), 0
    start = _stretches(draft, direction)
    for first, stop in zip(start.tolist(), [*start[1:].tolist(), len(direction)], strict=True):
        rows = np.arange(first, stop)[np.isfinite(voltage[first:stop]) & np.isfinite(capacity[first:stop])]
        if not direction[first] or len(rows) < 3:
            continue
        moved = direction[first] * float(voltage[rows[-1]] - voltage[rows[0]])
        if moved < 0 and capacity[rows[-1]] < capacity[rows[0]]:
            order[first:stop] = order[first:stop][::-1]
            turned += 1
    if turned:
        draft.find(
            "rows-turned",
            f"{turned} half-cycle{' is' if turned == 1 else 's are'} listed from end to beginning; rows were turned",
            Severity.INFO,
        )
        _take(draft, order)


def settle_counters(draft: Draft, direction: NDArray[np.int8] | None) -> None:
    """Leave the capacities empty where the file has none, and say what the file's column does not explain.

    That is a capacity that starts over within one half-cycle (or cycle) of the file, one that begins above 0, and one
    that comes in rows without a *direction* (1, −1 or 0 per row, shape (n,); ``None`` where nothing names it).
    """
    if not {std.CHARGED, std.DISCHARGED} <= set(draft.out):
        return
    if std.CYCLE in draft.raw and (
        std.CYCLE not in draft.out or draft.out[std.CYCLE].null_count() == len(draft.out[std.CYCLE])
    ):
        draft.find(
            "cycle-numbers-missing", f"{draft.matches[std.CYCLE].text!r} holds no number of a cycle: cycles are counted"
        )
    _say_added_up(draft)
    both = [draft.raw[role].to_numpy() for role in (std.CHARGED, std.DISCHARGED) if role in draft.raw]
    if both:
        empty = np.logical_and.reduce([~np.isfinite(column) for column in both])
    elif direction is not None:
        shown = np.abs(draft.raw[h.CAPACITY].to_numpy())
        empty = ~np.isfinite(shown) & (direction != 0)
        if not empty.any():
            _say_beginnings(draft, shown, direction)
        _say_undirected(draft, shown, direction)
    for role in (std.CHARGED, std.DISCHARGED):
        if empty.any():
            draft.out[role] = pl.Series(np.where(empty, np.nan, draft.out[role].to_numpy()), nan_to_null=True)


def _say_added_up(draft: Draft) -> None:
    names = [name for name in (std.CYCLE, std.STEP) if name in draft.out]
    if not names:
        return
    start = np.append(0, np.flatnonzero(np.logical_or.reduce([changes(draft.out[name]) for name in names])))
    found: list[int] = []
    for role in (std.CHARGED, std.DISCHARGED):
        shown, total = draft.raw.get(role, draft.raw.get(h.CAPACITY)), draft.out[role].to_numpy()
        if shown is None:
            continue
        sizes = np.fmax.reduceat(np.nan_to_num(np.abs(shown.to_numpy())), start)
        gained = total[np.append(start[1:], len(total)) - 1] - total[start]
        found += start[gained > _ADDED_UP * sizes].tolist()
    if found:
        draft.find(
            "capacity-starts-over",
            f"The capacity starts over within one half-cycle ({_where(draft, found)}) and was added up: more than the "
            "file shows of any",
            advice="Several curves under one number, or rows that stand twice? Give each cycle a number of its own",
        )


def _say_beginnings(draft: Draft, shown: Floats, direction: NDArray[np.int8]) -> None:
    """Say which half-cycles begin above 0 and do not go on from the one before: cut, or of an axis with an offset."""
    start = _stretches(draft, direction)
    stop = np.append(start[1:], len(shown))
    end = shown[stop - 1]
    fell = np.append(True, shown[start[1:]] < 0.5 * end[:-1])
    high = (shown[start] > _BEGINS * (end - shown[start])) & (end > shown[start]) & fell & (direction[start] != 0)
    if high.any():
        draft.find(
            "capacity-not-from-zero",
            f"The capacity does not begin at 0 ({_where(draft, start[high].tolist())}): what stands in the first row "
            "is counted as passed before it, but for the first row of the file",
            advice="Is the beginning of the curves cut off, or does the axis have an offset? Let each one begin at 0",
        )


def _say_undirected(draft: Draft, shown: Floats, direction: NDArray[np.int8]) -> None:
    moved = np.abs(np.diff(np.where(np.isfinite(shown), shown, 0.0)))
    lost = (direction[1:] == 0) & (moved > 0)
    if float(moved[lost].sum()) > _LOST * float(moved.sum()):
        draft.find(
            "direction-missing",
            f"{int(lost.sum())} rows, from row {int(np.argmax(lost)) + 2} of the data on, are named neither charge nor "
            "discharge, and their capacity changes: it is counted to neither",
            advice="Fill in the direction of these rows",
        )


def _where(draft: Draft, rows: list[int]) -> str:
    cycles = draft.out.get(std.CYCLE)
    if cycles is None:
        return "row " + ", ".join(str(row + 1) for row in sorted(rows)[:10])
    return "cycle " + ", ".join(dict.fromkeys(str(cycles[row]) for row in sorted(rows)[:10]))


def _stretches(draft: Draft, direction: NDArray[np.int8]) -> Integers:
    """Return the first rows of the stretches of one cycle and direction."""
    new = np.append(False, direction[1:] != direction[:-1])
    if std.CYCLE in draft.out:
        new |= changes(draft.out[std.CYCLE])
    return np.append(0, np.flatnonzero(new))


def _take(draft: Draft, rows: Integers) -> None:
    draft.raw = {role: series.gather(rows) for role, series in draft.raw.items()}
    draft.out = {role: series.gather(rows) for role, series in draft.out.items()}
