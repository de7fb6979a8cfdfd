"""Which files of a cell are one test, and in which order: from what they say of their time and cycles.

A cycler that is stopped, or a file that grows too long, leaves a test in pieces: the second file starts its
clock at zero and goes on counting cycles, or starts that at one too. `lirich.readers.join` strings them together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from lirich.model import Finding, Severity
from lirich.model.spectra import is_spectrum
from lirich.model.table import CYCLE, TIME, UNIX_TIME, has_time_axis

OVERLAP_S = 60.0
"""Clock times of two files may overlap by this much, s, without a row that both have: file ends are written late."""

LONG_GAP_S = 86_400.0
"""A pause of more than a day between two files is worth a warning: self-discharge and relaxation go on."""


@dataclass(frozen=True, slots=True)
class TableSummary:
    """What `plan_join` needs to know of one table; ``key`` is the caller's name for it."""

    key: str
    start_unix_second: float | None = None
    end_unix_second: float | None = None
    first_cycle_count: int | None = None
    last_cycle_count: int | None = None
    start_time_second: float | None = None
    duration_second: float | None = None
    timeless: bool = False


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """Files that are one test: keys in time order, the pause before each after the first in s (``None``: unknown)."""

    keys: tuple[str, ...]
    gaps: tuple[float | None, ...]
    reason: str
    findings: tuple[Finding, ...] = ()


def summarise(key: str, table: pl.DataFrame) -> TableSummary:
    """Return the summary of a standard table, or of a table of impedance."""
    if not has_time_axis(table) and not is_spectrum(table):
        return TableSummary(key, timeless=True)

    def end(column: str, which: str) -> float | None:
        if column not in table.columns:
            return None
        value = getattr(table[column], which)()
        return float(value) if isinstance(value, int | float) and value == value else None

    first, last = end(CYCLE, "min"), end(CYCLE, "max")
    start, stop = end(TIME, "min"), end(TIME, "max")
    return TableSummary(
        key=key,
        start_unix_second=end(UNIX_TIME, "min"),
        end_unix_second=end(UNIX_TIME, "max"),
        first_cycle_count=None if first is None else int(first),
        last_cycle_count=None if last is None else int(last),
        start_time_second=start,
        duration_second=None if start is None or stop is None else stop - start,
    )


Shared = Callable[[str, str], int]
"""How many rows at the beginning of a table, the second, the first one ends with; both by their keys."""


def plan_join(summaries: Sequence[TableSummary], *, shared: Shared | None = None) -> list[JoinGroup]:
    """Return which tables of one cell follow on each other, the groups in time order.

    All are joined by clock time if every one has it and none overlap, but in rows that both have (*shared*, which is
    asked where clocks overlap; without it no such rows are known); else by cycle numbers that go on, or by
    test times that go on, from one to the next. What cannot be ordered stays alone, and a finding says so:
    the order is never guessed.
    """
    timed = [s for s in summaries if not s.timeless]
    alone = [
        JoinGroup((s.key,), (), "a curve without a time axis stands alone", _stands_alone(summaries))
        for s in summaries
        if s.timeless
    ]
    if len(timed) <= 1:
        return [*(JoinGroup((s.key,), (), "the only file") for s in timed), *alone]
    if all(s.start_unix_second is not None and s.end_unix_second is not None for s in timed):
        return [*_by_clock(timed, shared), *alone]
    for start, end, what in (
        ("first_cycle_count", "last_cycle_count", "cycle numbers go on from file to file"),
        ("start_time_second", "end_time", "test times go on from file to file"),
    ):
        group = _by_continuation(timed, start, end, what)
        if group is not None:
            return [group, *alone]
    unordered = Finding(
        code="join-order-unknown",
        severity=Severity.WARNING,
        message=f"{len(timed)} files of this cell have neither clock times nor cycle numbers that go on: "
        "they are taken as separate tests",
        advice="If they are one test, export them again with clock times or with cycle numbers that go on",
    )
    return [JoinGroup((s.key,), (), "its place among the others is unknown", (unordered,)) for s in timed] + alone


def _stands_alone(summaries: Sequence[TableSummary]) -> tuple[Finding, ...]:
    if len(summaries) < 2:
        return ()
    curves = [s.key for s in summaries if s.timeless]
    others = "" if len(curves) == len(summaries) else " and the files with time"
    finding = Finding(
        code="join-without-time",
        severity=Severity.WARNING,
        message=f"Without time nothing tells how {', '.join(curves)}{others} follow on each other: each curve is "
        "a test of its own",
        advice="Put the curves of one cell in one table that numbers their cycles, and remove the files that it holds",
    )
    return (finding,)


def _by_clock(timed: Sequence[TableSummary], shared: Shared | None) -> list[JoinGroup]:
    ordered = sorted(timed, key=lambda s: (s.start_unix_second or 0.0, s.end_unix_second or 0.0))
    gaps = [(b.start_unix_second or 0.0) - (a.end_unix_second or 0.0) for a, b in itertools.pairwise(ordered)]
    clash = [
        f"{a.key} and {b.key} overlap by {-gap:.0f} s"
        for a, b, gap in zip(ordered, ordered[1:], gaps, strict=False)
        if gap < -OVERLAP_S and not (shared is not None and shared(a.key, b.key))
    ]
    if clash:
        finding = Finding(
            code="join-overlap",
            severity=Severity.WARNING,
            message=f"Files of this cell cannot be one test: {'; '.join(clash)}",
            advice="Two copies or two channels? Remove one, or give the files to different cells",
        )
        return [JoinGroup((s.key,), (), "its clock times overlap with another file's", (finding,)) for s in ordered]
    findings = _gap_findings(ordered, gaps)
    return [
        JoinGroup(
            tuple(s.key for s in ordered),
            tuple(max(g, 0.0) for g in gaps),
            "clock times follow on each other",
            (*findings, *_cycle_findings(ordered, gaps)),
        )
    ]


def _gap_findings(ordered: Sequence[TableSummary], gaps: Sequence[float | None], how: str = "") -> tuple[Finding, ...]:
    """Say how long each known pause was, s, and *how* that is known where it is not by the clock."""
    return tuple(
        Finding(
            code="join-gap",
            severity=Severity.WARNING if gap > LONG_GAP_S else Severity.INFO,
            message=f"{_span(gap)} between {a.key} and {b.key}{how}",
        )
        for a, b, gap in zip(ordered, ordered[1:], gaps, strict=False)
        if gap is not None
    )


def _span(gap_s: float) -> str:
    if gap_s < 60.0:
        return "No pause"
    return f"A pause of {gap_s / 60:.0f} min" if gap_s < 3600.0 else f"A pause of {gap_s / 3600:.1f} h"


def _cycle_findings(ordered: Sequence[TableSummary], gaps: Sequence[float]) -> tuple[Finding, ...]:
    again = [
        b.key
        for (a, b), gap in zip(itertools.pairwise(ordered), gaps, strict=True)
        if a.last_cycle_count is not None
        and b.first_cycle_count is not None
        and gap >= -OVERLAP_S  # rows that both have are of the same cycles
        and not a.last_cycle_count <= b.first_cycle_count <= a.last_cycle_count + 1
    ]
    if not again:
        return ()
    return (
        Finding(
            code="join-cycle-count-restarts",
            severity=Severity.INFO,
            message=f"The cycler's cycle number starts over in {', '.join(again)}; it is kept as it was written",
        ),
    )


def _by_continuation(timed: Sequence[TableSummary], start: str, end: str, what: str) -> JoinGroup | None:
    """Return one group if the files follow on each other in one way only."""

    def first(s: TableSummary) -> float | None:
        value: float | None = getattr(s, start)
        return value

    def last(s: TableSummary) -> float | None:
        if end != "end_time":
            value: float | None = getattr(s, end)
            return value
        if s.start_time_second is None or s.duration_second is None:
            return None
        return s.start_time_second + s.duration_second

    if any(first(s) is None or last(s) is None for s in timed):
        return None
    ordered = sorted(timed, key=lambda s: (first(s) or 0.0, last(s) or 0.0))
    for a, b in itertools.pairwise(ordered):
        before, after = last(a) or 0.0, first(b) or 0.0
        if after < before:
            return None
        if end != "end_time" and (after > before + 1 or (first(a) == first(b) and last(a) == last(b))):
            return None
    gaps = tuple(_time_between(a, b) for a, b in itertools.pairwise(ordered))
    findings = _gap_findings(ordered, gaps, f": they are joined because {what}")
    if None in gaps:
        unknown = Finding(
            code="join-gap-unknown",
            severity=Severity.WARNING,
            message=f"{len(ordered)} files are joined because {what}; how long the pauses between them were is unknown",
        )
        findings = (*findings, unknown)
    return JoinGroup(tuple(s.key for s in ordered), gaps, what, findings)


def _time_between(a: TableSummary, b: TableSummary) -> float | None:
    """Return the pause by test times that go on, s; ``None`` where they start over, or are not there."""
    if a.start_time_second is None or a.duration_second is None or b.start_time_second is None:
        return None
    gap = b.start_time_second - a.start_time_second - a.duration_second
    return gap if gap >= 0.0 else None
