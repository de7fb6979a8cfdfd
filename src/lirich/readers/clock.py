"""Times as cyclers write them: elapsed (``2d 03:04:5.06``) and of the clock (``23-Nov-23 3:56:08 PM``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lirich.readers.clocktext import date_and_clock, days_and_clock, hours_minutes_seconds

_ELAPSED = r"^\s*(?:(\d+)\s*(?:d(?:ays?)?[ ,]*|-))?(\d+):(\d{1,2}):(\d{1,2}(?:[.,]\d*)?)\s*$"
_ELAPSED_MS = r"^\s*(?:(\d+)\s*(?:d(?:ays?)?[ ,]*|-))?(\d+):(\d{1,2}):(\d{1,2}[.,:]\d+)\s*$"
_DAYS_COLON = r"^\s*(\d+):(\d{1,2}):(\d{1,2}):(\d{1,2}(?:[.,]\d*)?)\s*$"

_EXCEL_EPOCH_DAYS = 25569
"""Days from 1899-12-30, day 0 of Excel and Access, to 1970-01-01 (ECMA-376 part 1, 18.17.4.1)."""

_FEW_CLOCKS = 50_000
"""With more rows than this Polars' own parser, which has the threads of all processors, is as quick."""

_PROBES = 60
"""Rows that decide between two orders of day and month."""


def elapsed_seconds(text: pl.Series, clock_unit: str = "") -> pl.Series:
    """Turn elapsed times into seconds; null where a text is not one.

    Understands plain numbers, ``h:m:s``, ``h:m:s.f``, ``Nd h:m:s.f``, ``N-h:m:s``, ``h:m:s:ms`` where
    *clock_unit* ends in ``ms``, ``d:h:m:s`` otherwise, and full dates (counted from the first one).
    """
    if text.dtype.is_numeric():
        return text.cast(pl.Float64)
    text = text.cast(pl.String)
    sample = text.drop_nulls() if text.null_count() else text
    first = sample[0].strip() if sample.len() else ""
    colons = first.count(":")
    if colons == 0:
        return text.str.strip_chars().cast(pl.Float64, strict=False)
    if colons == 2 and _is_date(first):
        absolute, _ = wall_clock(text, None)
        if first.startswith(("1899-12-3", "1900-01-0")):
            return _excel_duration(absolute)
        start = absolute.drop_nulls()
        return absolute - (start[0] if start.len() else 0.0)
    if colons == 2:  # regular expressions are several times slower
        mark = "d" if "d" in first else "-" if "-" in first else ""
        alike = hours_minutes_seconds(text) if not mark else days_and_clock(text) if mark == "d" else None
        if alike is not None:
            return alike
        fast = _split(text, mark)
        if fast.null_count() == text.null_count() and not bool((fast < 0).any()):
            return fast
    if clock_unit.replace(" ", "").endswith("ms"):
        pattern = _ELAPSED_MS if colons == 3 else _ELAPSED
    else:
        pattern = _DAYS_COLON if colons == 3 else _ELAPSED
    parts = text.str.extract_groups(pattern).struct.unnest()
    days, hours, minutes, seconds = (parts.to_series(i) for i in range(4))
    number = seconds.str.replace(",", ".", literal=True).str.replace(":", ".", literal=True)
    return (
        days.fill_null("0").cast(pl.Float64, strict=False) * 86400.0
        + hours.cast(pl.Float64, strict=False) * 3600.0
        + minutes.cast(pl.Float64, strict=False) * 60.0
        + number.cast(pl.Float64, strict=False)
    )


def _excel_duration(stamp: pl.Series) -> pl.Series:
    """Return the seconds of durations that a workbook shows as dates of its first days.

    Day 0 is 1899-12-31, and 1899-12-30 from day 61 on: the calendar of workbooks has a 29 February 1900 (ECMA-376
    part 1, 18.17.4.1).
    """
    days = stamp / 86400.0 + _EXCEL_EPOCH_DAYS
    late = days >= 61.0
    return ((days - 1.0) * 86400.0).set(late.fill_null(value=False), None).fill_null(days * 86400.0)


def _split(text: pl.Series, mark: str) -> pl.Series:
    """Read ``h:m:s``, after days and *mark* where there is one; null for what is written otherwise."""
    split = text.alias("text").to_frame().select(pl.col("text").str.splitn(":", 3)).to_series()
    hour, minute, second = split.struct.unnest().get_columns()
    # Hours change once in an hour: each run of equal ones is read once.
    runs = hour.rle().struct.unnest()
    front = pl.col("value").str
    if mark:
        days, hours = (front.split_exact(mark, 1).struct.field(f"field_{i}").str.strip_chars() for i in range(2))
        hours_in_runs = days.cast(pl.Float64, strict=False) * 24.0 + hours.cast(pl.Float64, strict=False)
    else:
        hours_in_runs = front.strip_chars().cast(pl.Float64, strict=False)
    lengths, whole = runs.select(pl.col("len"), hours_in_runs * 3600.0)
    minutes, seconds = (part.cast(pl.Float64, strict=False).to_numpy() for part in (minute, second))
    total = np.repeat(whole.to_numpy(), lengths.to_numpy()) + minutes * 60.0 + seconds
    return pl.Series(text.name, total, nan_to_null=True)


def _is_date(text: str) -> bool:
    day = text.split()[0] if text.split() else ""
    return day.count("-") == 2 or day.count("/") == 2 or day.count(".") == 2 or "T" in day


@dataclass(frozen=True, slots=True)
class _Format:
    pattern: str
    name: str


_HOURS = ("%H:%M:%S%.f", "%I:%M:%S%.f %p", "%H:%M", "%I:%M %p")
_DATES = {
    "-": ("%Y-%m-%d", "%d-%b-%y", "%d-%b-%Y", "%d-%m-%Y", "%m-%d-%Y"),
    "/": ("%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y"),
    ".": ("%d.%m.%Y", "%Y.%m.%d", "%d.%m.%y"),
}


def wall_clock(text: pl.Series, elapsed: np.ndarray | None) -> tuple[pl.Series, str]:
    """Turn clock times into seconds since 1970-01-01, and say how they were read.

    A clock without time zone is taken as UTC. Of two orders of day and month the one wins that reads more rows,
    then the one whose span is nearer to that of *elapsed* (s, shape ``(n,)``); where that does not decide,
    month comes first and the note says ``ambiguous``. Numbers are Excel's days, Unix seconds or milliseconds, or
    Arbin's 100 ns ticks, by their size. All null where nothing fits.
    """
    if text.dtype.is_temporal():
        micro = text.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64)
        # Polars multiplies by the reciprocal of a constant divisor, which loses the last digit.
        return pl.Series(text.name, micro.to_numpy() / 1e6, nan_to_null=True), "local clock taken as UTC"
    if text.dtype.is_numeric():
        return _numeric_clock(text.cast(pl.Float64))
    text = text.cast(pl.String)
    sample = text.drop_nulls() if text.null_count() else text
    if sample.len() and not sample[0].strip():
        sample = sample.filter(sample.str.strip_chars() != "")
    if sample.len() == 0:
        return pl.Series(text.name, [None] * text.len(), dtype=pl.Float64), ""
    first = sample[0].strip()
    formats = _formats(first)
    if not formats and pl.Series([first]).cast(pl.Float64, strict=False)[0] is not None:
        return _numeric_clock(text.str.strip_chars().cast(pl.Float64, strict=False))
    ambiguous = False
    if "T" in first.split()[0]:
        text = text.str.strip_chars().str.replace("T", " ", literal=True).str.strip_chars_end("Z")
        first = first.replace("T", " ").rstrip("Z")
    if len(formats) > 1:
        formats, ambiguous = _choose(text, first, formats, elapsed)
    seconds = _to_unix(text, formats[0].pattern) if formats else None
    if seconds is None or (seconds.null_count() > text.null_count() and not _reads(formats[0], first)):
        return pl.Series(text.name, [None] * text.len(), dtype=pl.Float64), ""
    note = f"{formats[0].name}; local clock taken as UTC"
    if ambiguous:
        note += "; ambiguous order of day and month, month first assumed"
    return seconds, note


def _reads(form: _Format, text: str) -> bool:
    return _to_unix(pl.Series([text]), form.pattern)[0] is not None


def _choose(
    text: pl.Series, first: str, formats: list[_Format], elapsed: np.ndarray | None
) -> tuple[list[_Format], bool]:
    """Return the format that fits, in a list, empty where none reads the *first* text; and whether another fits too."""
    probe = text if text.len() <= 4 * _PROBES else text[np.linspace(0, text.len() - 1, _PROBES).astype(np.int64)]
    probe = pl.concat([pl.Series(probe.name, [first]), probe])
    parsed = [(f, p.slice(1)) for f in formats if (p := _to_unix(probe, f.pattern))[0] is not None]
    if len(parsed) <= 1:
        return [f for f, _ in parsed], False
    fewest = min(p.null_count() for _, p in parsed)
    parsed = [(c, p) for c, p in parsed if p.null_count() == fewest]
    if len(parsed) > 1 and elapsed is not None and np.isfinite(elapsed).any():
        span = float(np.nanmax(elapsed) - np.nanmin(elapsed))
        misses = [abs(_span(p) - span) for _, p in parsed]
        order = np.argsort(misses, kind="stable")
        if misses[order[1]] - misses[order[0]] > 3600.0:
            parsed = [parsed[order[0]]]
    return [parsed[0][0]], _differ(parsed)


def _formats(first: str) -> list[_Format]:
    """Return the formats that look like the *first* text."""
    day, _, hour = first.replace("T", " ").partition(" ")
    separator = next((s for s in "-/." if day.count(s) == 2), "")
    if not separator or not hour:
        return []
    upper = hour.upper().strip()
    twelve = upper.endswith(("AM", "PM"))
    seconds = upper.count(":") >= 2
    hours = (_HOURS[1] if twelve else _HOURS[0]) if seconds else (_HOURS[3] if twelve else _HOURS[2])
    year_first = len(day.split(separator)[0]) == 4
    long_year = year_first or len(day.split(separator)[2]) == 4
    return [
        _Format(f"{pattern} {hours}", pattern)
        for pattern in _DATES[separator]
        if pattern.startswith("%Y") == year_first
        and ("%Y" in pattern) == long_year
        and ("%b" in pattern) == any(c.isalpha() for c in day)
    ]


def _to_unix(text: pl.Series, pattern: str) -> pl.Series:
    alike = date_and_clock(text, pattern) if text.len() <= _FEW_CLOCKS else None
    if alike is not None:
        return alike
    # Fractions of a second cost Polars its quick way, and few clocks have them; fewer have blanks around them.
    whole = pattern.replace("%.f", "")
    stamp = _parse(text, whole)
    if stamp.null_count() > text.null_count() and whole != pattern:
        stamp = _parse(text, pattern)
    if stamp.null_count() > text.null_count():
        stamp = _parse(text.str.strip_chars(), pattern)
    return stamp


def _parse(text: pl.Series, pattern: str) -> pl.Series:
    # Hardly a time stands twice: a cache of them costs more than it saves.
    stamp = pl.col("text").str.to_datetime(pattern, time_unit="us", strict=False, cache=False)
    micro = text.alias("text").to_frame().select(stamp.dt.timestamp("us").cast(pl.Float64)).to_series()
    # Polars multiplies by the reciprocal of a constant divisor, which loses the last digit.
    return pl.Series(text.name, micro.to_numpy() / 1e6, nan_to_null=True)


def _span(seconds: pl.Series) -> float:
    low, high = seconds.min(), seconds.max()
    return float(high) - float(low) if isinstance(low, float) and isinstance(high, float) else 0.0


def _differ(parsed: list[tuple[_Format, pl.Series]]) -> bool:
    return any(not p.equals(parsed[0][1]) for _, p in parsed[1:])


def _numeric_clock(number: pl.Series) -> tuple[pl.Series, str]:
    middle = number.median()
    if not isinstance(middle, float):
        return number, ""
    if 20_000 < middle < 100_000:
        return (number - _EXCEL_EPOCH_DAYS) * 86400.0, "days since 1899-12-30; local clock taken as UTC"
    for scale, name in ((1.0, "Unix seconds"), (1e3, "Unix milliseconds"), (1e6, "Unix µs"), (1e7, "100 ns ticks")):
        if 3e8 < middle / scale < 5e9:
            return number / scale, name
    return pl.Series(number.name, [None] * number.len(), dtype=pl.Float64), ""
