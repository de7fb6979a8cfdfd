"""When a row was recorded: the time since the start of the test and the time of the clock."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich.model import Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.clock import elapsed_seconds, wall_clock
from lirich.readers.draft import Draft

Times = NDArray[np.float64]

_TICKS = (60.0, 1.0)
"""s; what a clock that is coarser than the time in a step counts: whole minutes or whole seconds."""
_JITTER = 0.25
"""Part of a tick by which the clock of a computer and the timer of a cycler may disagree from row to row."""
_MOST_JUMPS = 0.01
"""Where the two disagree in a larger part of the rows (another unit, a coarse column), the clock alone counts."""
_MOST_EMPTY = 0.01
"""Part of the cells of a clock that may be empty, and are filled by the time in the step."""
_AHEAD = 1024
"""Rows that are looked at first for a change; twice as many each time, so that a long step is not gone over again."""


def read_elapsed(draft: Draft) -> None:
    """Turn elapsed times that are texts into seconds, in ``raw``."""
    for role in (std.TIME, h.STEP_TIME):
        series = draft.raw.get(role)
        if series is None:
            continue
        if series.dtype == pl.String:
            seconds = elapsed_seconds(series, draft.matches[role].clock_unit)
            draft.written_as_clock.add(role)
            if seconds.null_count():
                draft.source.unreadable[role] = seconds.is_null() & series.is_not_null() & (series != "")
            draft.raw[role] = seconds


def time_axis(draft: Draft) -> None:
    """Take the time since the start of the test: from its column, the clock, or the times in each step."""
    time = draft.raw.get(std.TIME)
    clock = _clock(draft, time)
    whole = None if time is not None or clock is None else _without_gaps(draft, clock)
    if whole is not None:
        time = _time_from_clock(draft, whole)
    elif time is None and h.STEP_TIME in draft.raw:
        time = _time_from_steps(draft, draft.raw[h.STEP_TIME])
    if time is None:
        return
    if clock is not None and draft.source.clock_gives_time_unit and not draft.matches[std.TIME].unit:
        time = _unit_from_clock(draft, time, clock)
    draft.out[std.TIME] = time


def _clock(draft: Draft, time: pl.Series | None) -> pl.Series | None:
    if std.UNIX_TIME in draft.raw:
        draft.out[std.UNIX_TIME] = draft.raw[std.UNIX_TIME]
        return draft.raw[std.UNIX_TIME]
    text = draft.raw.get(h.CLOCK)
    if text is None:
        return None
    seconds, note = wall_clock(text, None if time is None else time.to_numpy())
    if seconds.null_count() == seconds.len():
        if text.drop_nulls().filter(text.drop_nulls() != "").len() if text.dtype == pl.String else True:
            draft.find(
                "clock-not-understood",
                f"The clock column {draft.matches[h.CLOCK].text!r} "
                f"({str(text.drop_nulls().head(1).to_list())[1:-1]}) was not understood and left out",
            )
        del draft.raw[h.CLOCK]
        return None
    if "ambiguous" in note:
        draft.find(
            "ambiguous-date",
            f"Day and month in {draft.matches[h.CLOCK].text!r} cannot be told apart; the month was taken to come first",
            advice="Compare the start of the test with your notes",
        )
    draft.out[std.UNIX_TIME] = seconds
    draft.say(h.CLOCK, note)
    return seconds


def _without_gaps(draft: Draft, clock: pl.Series) -> pl.Series | None:
    """Return the clock with its few empty cells filled by the time in the step since the row before, or to the next.

    ``None`` where many are empty, or the time in the step does not tell.
    """
    if not clock.null_count():
        return clock
    step_time = draft.raw.get(h.STEP_TIME)
    if step_time is None or step_time.null_count() or clock.null_count() > _MOST_EMPTY * clock.len():
        return None
    seconds, passed = clock.to_numpy().copy(), step_time.to_numpy()
    empty = np.flatnonzero(np.isnan(seconds))
    for rows, beside in ((empty, -1), (empty[::-1], 1)):
        for row in rows.tolist():
            other = row + beside
            if 0 <= other < len(seconds) and np.isnan(seconds[row]) and (passed[row] - passed[other]) * beside <= 0:
                seconds[row] = seconds[other] + passed[row] - passed[other]
    if np.isnan(seconds).any():
        return None
    draft.find(
        "clock-filled",
        f"Of the clock column {draft.matches[h.CLOCK].text!r} {len(empty)} of {len(seconds)} cells are empty: these "
        "rows have the clock of the row beside and the time in the step",
    )
    return pl.Series(seconds)


def _time_from_clock(draft: Draft, clock: pl.Series) -> pl.Series:
    source = std.UNIX_TIME if std.UNIX_TIME in draft.raw else h.CLOCK
    step_time = draft.raw.get(h.STEP_TIME)
    finer = None
    if step_time is not None and step_time.null_count() == 0:
        finer = refined(clock.to_numpy(), step_time.to_numpy())
    beside = "" if finer is None else f", within a step from {draft.matches[h.STEP_TIME].text!r}, which is finer"
    draft.find(
        "time-from-clock",
        "The file has no time since the start of the test; it was taken from the "
        f"clock column {draft.matches[source].text!r}{beside}",
        Severity.INFO,
    )
    draft.match_as(std.TIME, source, "s")
    draft.say(std.TIME, beside.removeprefix(", "))
    return clock - clock[0] if finer is None else pl.Series(finer)


def refined(clock: Times, step_time: Times) -> Times | None:
    """Return the time since the first row (s, shape (n,)) by a coarse *clock* and a finer time in each step.

    Both are in s, of shape (n,). In a stretch of rows whose step time runs on, the clock says to within a tick when
    it began; of what it leaves open that is taken which lets the stretch follow the one before without a pause.
    Pauses, drift and a clock that was set remain as the clock has them, to a tick and what `_JITTER` allows.
    ``None`` where the step time is no finer than the clock, or does not pass as the clock does.
    """
    tick = next((tick for tick in _TICKS if _whole(clock, tick, but=_MOST_EMPTY) and not _whole(step_time, tick)), None)
    if tick is None:
        return None
    began = clock - clock[0] - step_time
    most = tick * (1 + _JITTER)
    restarts = np.diff(step_time) < 0
    starts = np.append(0, np.flatnonzero(restarts | (np.abs(np.diff(began)) >= most)) + 1)
    starts = _without_drift(began, starts, most)
    new_step = restarts[starts[1:] - 1]
    if np.count_nonzero(~new_step) > _most_jumps(clock.size):
        return None
    low, high = np.maximum.reduceat(began, starts), np.minimum.reduceat(began, starts) + tick
    low, high = np.minimum(low, (low + high) / 2), np.maximum(high, (low + high) / 2)
    passed = np.append(0.0, np.cumsum(np.where(new_step, step_time[starts[1:] - 1], 0.0)))
    low, high = low - passed, high - passed
    floor, ceiling = np.maximum.accumulate(low), np.minimum.accumulate(high)
    agree = int(np.argmin(floor <= ceiling)) or len(starts)
    waited = float(floor[agree - 1] + ceiling[agree - 1]) / 2
    pauses = [waited := min(max(waited, a), b) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    time = np.repeat(passed + pauses, np.diff(starts, append=clock.size)) + step_time
    time -= time[0]
    return np.maximum.accumulate(time) if bool((np.diff(clock) >= 0).all()) else time


def _most_jumps(rows: int) -> float:
    return 1 + _MOST_JUMPS * rows


def _whole(seconds: Times, tick: float, *, but: float = 0.0) -> bool:
    """Tell whether all *seconds* are whole ticks, *but* for that part of them."""
    ticks = seconds / tick
    return int(np.count_nonzero(ticks != np.floor(ticks))) <= but * len(seconds)


def _without_drift(began: Times, starts: NDArray[np.int64], most: float) -> NDArray[np.int64]:
    """Let a new stretch start where *began* (s, shape (n,)) has changed by *most* within one."""
    spread = np.maximum.reduceat(began, starts) - np.minimum.reduceat(began, starts)
    ends = np.append(starts[1:], began.size)
    more: list[int] = []
    for wide in np.flatnonzero(spread >= most):
        start: int | None = int(starts[wide])
        while start is not None and len(more) <= _most_jumps(began.size):
            start = _changed(began, start, int(ends[wide]), most)
            more += [] if start is None else [start]
    return np.sort(np.append(starts, more)).astype(np.int64) if more else starts


def _changed(began: Times, start: int, end: int, most: float) -> int | None:
    """Return the first row of ``start:end`` that lies *most* (s) from one before it, looking ever farther ahead."""
    for rows in (_AHEAD << n for n in range(64)):
        piece = began[start : min(start + rows, end)]
        apart = np.maximum.accumulate(piece) - np.minimum.accumulate(piece) >= most
        if apart.any():
            return start + int(np.argmax(apart))
        if start + rows >= end:
            break
    return None


def _time_from_steps(draft: Draft, step_time: pl.Series) -> pl.Series:
    values = step_time.fill_null(strategy="forward").fill_null(0.0).to_numpy()
    falls = np.flatnonzero(np.diff(values) < 0) + 1
    offset = np.zeros(values.size)
    offset[falls] = values[falls - 1]
    draft.find(
        "time-from-step-time",
        "The file has only the time in each step; the times of the steps were "
        "added up, pauses between steps are not in it",
    )
    draft.match_as(std.TIME, h.STEP_TIME, "s")
    return pl.Series(values + np.cumsum(offset))


def _unit_from_clock(draft: Draft, time: pl.Series, clock: pl.Series) -> pl.Series:
    if std.TIME in draft.written_as_clock:
        return time
    run, passed = _span(time), _span(clock)
    for factor, name in ((60.0, "min"), (3600.0, "h"), (1e-3, "ms")):
        if run > 0 and abs(passed / (run * factor) - 1) < 0.02 and passed > 10:
            draft.find(
                "time-unit-from-clock",
                f"The column {draft.matches[std.TIME].text!r} states no unit; the "
                f"clock column shows that it is in {name}",
                Severity.INFO,
            )
            draft.notes[std.TIME] = [f"unit not stated, {name} by the clock column"]
            return time * factor
    return time


def _span(series: pl.Series) -> float:
    low, high = series.min(), series.max()
    return float(high) - float(low) if isinstance(low, int | float) and isinstance(high, int | float) else 0.0
