"""Tests that go on over several files of the same cell become one table.

A cycler that is stopped, or a file that grows too long, leaves a test in pieces: the second file starts its
clock at zero and goes on counting cycles, or starts that at one too. `plan_join` finds the order from what
the files say of their time and cycles, `join_tables` strings the tables together. The cyclers' own cycle
numbers are kept as they were written.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lirich.errors import NotComparableError
from lirich.model import Finding, Severity
from lirich.model.spectra import is_spectrum
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    COLUMNS,
    CYCLE,
    DISCHARGED,
    DISCHARGED_ENERGY,
    STEP,
    TIME,
    UNIX_TIME,
    VOLTAGE,
    has_time_axis,
)
from lirich.readers.partscale import scale_between
from lirich.readers.seam import gained, goes_on, repeated

TOTALS = (CHARGED, DISCHARGED, CHARGED_ENERGY, DISCHARGED_ENERGY)

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


@dataclass(frozen=True, slots=True)
class _Seam:
    """What lies between a table and the one before: the pause, s (``None``: unknown), and what the totals gained.

    ``carried``: totals that begin with more than is explained. ``step``: the number, in the second table, of the step
    that the first one ends in, where that goes on.
    """

    pause_s: float | None
    gains: Mapping[str, float]
    carried: tuple[str, ...] = ()
    step: int | None = None


def _known(whole: pl.DataFrame, many: int, counters: Sequence[str]) -> _Seam:
    """Return the seam behind *many* rows that the table before has too: the table itself says what follows on them."""

    def change(column: str) -> float:
        two = whole[column].slice(many - 1, 2).fill_null(strategy="forward")
        return max(0.0, float(two[1]) - float(two[0])) if two.null_count() == 0 else 0.0

    step = whole[STEP][many - 1] if STEP in whole.columns else None
    pause = change(TIME) if TIME in whole.columns else _clock_gap(whole.slice(many - 1, 1), whole.slice(many))
    return _Seam(pause, {c: change(c) for c in counters}, step=step)


def _found(before: pl.DataFrame, table: pl.DataFrame, gap: float | None, counters: Sequence[str]) -> _Seam:
    """Return the seam of two tables as they were read; *gap*: the pause, s, where it is known."""
    pause = gap if gap is not None else _clock_gap(before, table)
    inside = goes_on(before, table, pause)
    totals = {c: gained(before, table, c, pause or 0.0, one_step=inside) for c in counters}
    return _Seam(
        pause,
        {c: gain for c, (gain, _) in totals.items()},
        tuple(c for c, (_, explained) in totals.items() if not explained),
        table[STEP][0] if inside and STEP in table.columns else None,
    )


def join_tables(
    tables: Sequence[pl.DataFrame],
    gaps: Sequence[float | None] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[pl.DataFrame, tuple[Finding, ...]]:
    """String standard tables together, in the order given.

    Test time goes on from file to file after the pause before it (``gaps``, s, one fewer than the tables;
    ``None`` or an unknown one: from clock times if both tables have them, else no time passes, and a finding
    says so). Rows that the file before ends with are taken once. Findings call the files by *names*. Capacities and
    energies go on from where they were (`lirich.readers.seam`), running step numbers too; cycle numbers stay as the
    cycler wrote them. A column that not all tables have is empty where it is not there; a total that not all have is
    left out.

    Raises `NotComparableError` if tables with and without a time axis are mixed, and ``ValueError`` if the
    number of gaps does not fit.
    """
    if not tables:
        raise ValueError("join_tables needs at least one table")
    if len({has_time_axis(t) for t in tables}) > 1:
        raise NotComparableError(
            "Tables with and without a time axis cannot be one test",
            expected="files of one kind",
            advice="Add them as separate tests",
        )
    given = list(gaps) if gaps is not None else [None] * (len(tables) - 1)
    if len(given) != len(tables) - 1:
        raise ValueError(f"{len(tables)} tables need {len(tables) - 1} gaps, not {len(given)}")
    common = [c for c in COLUMNS if any(c in t.columns for t in tables)]
    left_out = [c for c in TOTALS if c in common and not all(_has(t, c) for t in tables)]
    findings: list[Finding] = []
    if left_out:
        findings.append(
            Finding(
                code="join-total-left-out",
                severity=Severity.INFO,
                message=f"Not every file has {', '.join(left_out)}: left out, charge is integrated from the current",
            )
        )
    shown = list(names) if names is not None else [f"file {number + 1}" for number in range(len(tables))]
    pieces, raw = [tables[0]], tables[0]
    for number, (whole, gap) in enumerate(zip(tables[1:], given, strict=True), start=1):
        before, here = pieces[-1], shown[number]
        many = repeated(raw, whole)
        if many:
            findings.append(
                Finding(
                    code="join-rows-repeated",
                    severity=Severity.INFO,
                    message=f"{_upper(here)} begins with the last {many} rows of {shown[number - 1]}: they are taken "
                    "once",
                )
            )
        counters = [c for c in TOTALS if c in common and c not in left_out]
        seam = _known(whole, many, counters) if many else _found(raw, whole, gap, counters)
        table = whole.slice(many)
        if seam.pause_s is None and has_time_axis(table):
            findings.append(
                Finding(
                    code="join-gap-unknown",
                    severity=Severity.WARNING,
                    message=f"The pause before {here} is unknown: the joined test time leaves it out",
                )
            )
        findings += _edge_findings(before, table, shown[number - 1], here)
        findings += _scale_findings(raw, table, shown[number - 1], here)
        if seam.carried:
            findings.append(
                Finding(
                    code="join-counter-carried",
                    severity=Severity.WARNING,
                    message=f"{', '.join(seam.carried)} of {here} begin with more than {shown[number - 1]} explains: "
                    "that is left out",
                    advice="Is a file between them missing?",
                )
            )
        pieces.append(_shifted(before, table, seam))
        raw = whole
    joined = pl.concat([p.drop(left_out, strict=False) for p in pieces], how="diagonal")
    return joined.select(c for c in common if c not in left_out), tuple(findings)


def _has(table: pl.DataFrame, column: str) -> bool:
    return column in table.columns and table[column].null_count() < table.height


def _clock_gap(before: pl.DataFrame, after: pl.DataFrame) -> float | None:
    if UNIX_TIME not in before.columns or UNIX_TIME not in after.columns:
        return None
    stop, start = before[UNIX_TIME].drop_nulls(), after[UNIX_TIME].drop_nulls()
    if stop.is_empty() or start.is_empty():
        return None
    return max(0.0, float(start[0]) - float(stop[-1]))


def _shifted(before: pl.DataFrame, table: pl.DataFrame, seam: _Seam) -> pl.DataFrame:
    """Let *table* go on from *before*."""
    changes = []
    if TIME in table.columns:
        offset = float(before[TIME][-1]) + (seam.pause_s or 0.0) - float(table[TIME][0])
        changes.append(pl.col(TIME) + offset)
    for column, gain in seam.gains.items():
        total, own = before[column].drop_nulls(), table[column].drop_nulls()
        if not total.is_empty() and not own.is_empty():
            changes.append(pl.col(column) + (float(total[-1]) + gain - float(own[0])))
    if STEP in table.columns and STEP in before.columns:
        last, first, end = before[STEP].max(), table[STEP].min(), before[STEP][-1]
        if isinstance(last, int) and isinstance(first, int):
            if seam.step is not None and end == last:
                changes.append(pl.col(STEP) + (last - seam.step))
            elif first <= last:
                changes.append(pl.col(STEP) + (last - first + 1))
    return table.with_columns(changes)


def _upper(name: str) -> str:
    return name.replace("file ", "File ", 1) if name.startswith("file ") else name


def _edge_findings(before: pl.DataFrame, table: pl.DataFrame, earlier: str, later: str) -> list[Finding]:
    jump = abs(float(table[VOLTAGE][0]) - float(before[VOLTAGE][-1]))
    if jump <= 0.3:
        return []
    return [
        Finding(
            code="join-voltage-jump",
            severity=Severity.WARNING,
            message=f"The voltage jumps by {jump:.2f} V from {earlier} to {later}: is it the same cell?",
        )
    ]


def _scale_findings(before: pl.DataFrame, table: pl.DataFrame, earlier: str, later: str) -> list[Finding]:
    scale = scale_between(before, table)
    if scale is None:
        return []
    long, short = (later, earlier) if scale > 1 else (earlier, later)
    factor = max(scale, 1 / scale)
    less = f"time-{factor:.0f}x"
    more = {1000.0: "time-in-kiloseconds", 3600.0: "time-in-hours"}[factor]
    return [
        Finding(
            code="join-time-scale",
            severity=Severity.WARNING,
            message=f"The times of {earlier} and {later} seem to be in different units: those of {long} run "
            f"{factor:.0f} times as fast as those of {short}",
            advice=f"Add one of them again: {long} with --repair {less}! or {short} with --repair {more}!",
        )
    ]
