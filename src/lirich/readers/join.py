"""Tests that go on over several files of the same cell become one table.

`lirich.readers.joinplan` finds which files they are and their order, `join_tables` strings the tables together. The
cyclers' own cycle numbers are kept as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lirich.errors import NotComparableError
from lirich.model import Finding, Severity
from lirich.model.table import (
    CHARGED,
    CHARGED_ENERGY,
    COLUMNS,
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
