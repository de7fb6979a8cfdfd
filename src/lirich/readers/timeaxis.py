"""When a row was recorded: the time since the start of the test and the time of the clock."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.model import Severity
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.clock import elapsed_seconds, wall_clock
from lirich.readers.draft import Draft


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
    if time is None and clock is not None and clock.null_count() == 0:
        time = clock - clock[0]
        draft.find(
            "time-from-clock",
            "The file has no time since the start of the test; it was taken from the "
            f"clock column {draft.matches[h.CLOCK].text!r}",
            Severity.INFO,
        )
        draft.match_as(std.TIME, h.CLOCK, "s")
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
