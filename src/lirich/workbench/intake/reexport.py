"""A running test that is exported again: the longer file holds all rows of the shorter one, and stands for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lirich.errors import CorruptStoreError, quoted
from lirich.model import Finding, RawFile, Severity, Test
from lirich.model.table import CHARGED, CURRENT, DISCHARGED, TIME, VOLTAGE
from lirich.store.documents import natural
from lirich.workbench.intake.removing import SHOWN_DIGITS

if TYPE_CHECKING:
    from lirich.store import Store
    from lirich.store.things import Things

SAME_START_S = 1.0
SAME_TIME_S = 1.0
SAME_VOLTAGE_V = 1e-3
SAME_CURRENT = 1e-3
"""Two exports of one row differ by the digits that they were written with: whole seconds, mV, and a thousandth of the
largest current are the coarsest of the formats that lirich reads."""

SAME_NUMBER = 1e-9
"""Without clock times that agree in one cell, numbers must be the same: repeats of one programme can come within a
mV, and two channels may have been started at once."""

FILE_TIME_S = 2.0
"""File systems keep the time of a file to 2 s or finer: FAT is the coarsest (Microsoft, FAT32 File System
Specification, 2000)."""

LATER_ROW, WRITTEN_LATER, UNDECIDED = "its last row is later", "its file was written later", "nothing tells"
"""By what one of two exports with as many rows is known to be the newer one."""


@dataclass(frozen=True, slots=True)
class Exports:
    """What a test is to the others of its cell: ``whole`` has all of its rows, and it has all of those of ``parts``.

    ``newer_by`` says, by the key of another one with as many rows and another last one, how the newer one was known.
    """

    whole: Test | None = None
    parts: tuple[Test, ...] = ()
    newer_by: Mapping[str, str] = field(default_factory=dict)


def exports_of(store: Store, test: Test, others: Sequence[Test]) -> Exports:
    """Find which of the *others* are exports of the same test as *test*, at an earlier or a later time.

    *test* says which cell it is to be of. Both begin at the same time, and the rows of the shorter one are the first
    rows of the longer one: its last one apart, which may have been cut or not yet have ended. Of two with as many rows
    `_longer` says which stands for both. Two files with the very same points are left to
    `lirich.workbench.intake.twins`.
    """
    parts: list[Test] = []
    newer_by: dict[str, str] = {}
    for other in others:
        if other.curve == test.curve or not _may_be_one(test, other):
            continue
        longer, shorter = (test, other) if test.rows > other.rows else (other, test)
        try:
            if not _begins_with(store, longer, shorter):
                continue
            if test.rows == other.rows:
                longer, by = _longer(store, test, other)
                newer_by |= {other.key: by} if by else {}
        except CorruptStoreError:  # its curve is gone: `lirich doctor` says so
            continue
        if longer is other:
            return Exports(whole=other, newer_by=newer_by)
        parts.append(other)
    return Exports(parts=tuple(parts), newer_by=newer_by)


def _may_be_one(a: Test, b: Test) -> bool:
    if a.kind != "cycling" or b.kind != "cycling":
        return False
    if a.duration_second is None or b.duration_second is None:  # of a curve without time nothing but all numbers tells
        return a.duration_second is None and b.duration_second is None and a.cell == b.cell
    starts = (a.start_unix_second, b.start_unix_second)
    if starts[0] is not None and starts[1] is not None and abs(starts[0] - starts[1]) > SAME_START_S:
        return False
    begins = (a.start_time_second, b.start_time_second)
    return begins[0] is not None and begins[1] is not None and abs(begins[0] - begins[1]) <= SAME_TIME_S


def _begins_with(store: Store, longer: Test, shorter: Test) -> bool:
    """Tell whether the rows of *shorter*, the last one apart, are the first ones of *longer*, within rounding.

    Without clock times in both, and for tests of two cells, it is within that of the computer, and rows without current
    are no evidence: two tests may begin with the same rest.
    """
    rows = shorter.rows - 1
    if rows < 1:
        return False
    a, b = (_points(store, test).head(rows) for test in (longer, shorter))
    largest = _largest_current(b)
    if largest <= 0 and not _clocked(longer, shorter):
        return False
    return all(_alike(a[name], b[name], limit) for name, limit in _limits(longer, shorter, largest).items())


def _longer(store: Store, test: Test, other: Test) -> tuple[Test, str]:
    """Return which of two exports with as many rows stands for both; where the last rows differ, how it is known.

    The one whose last row is later, else the one with more columns. Where the last rows then agree, it is the *other*
    one, which is there; where they do not, what was decided once stays, else the file that was written later counts,
    else the one added last; of two in one *add* the last by name.
    """
    a, b = _points(store, test), _points(store, other)
    limits = _limits(test, other, _largest_current(b))
    differ = [name for name, limit in limits.items() if not _alike(a[name].tail(1), b[name].tail(1), limit)]
    if TIME in differ:
        return (test if a[TIME][-1] > b[TIME][-1] else other), LATER_ROW
    more = _columns(store, test) - _columns(store, other)
    if more or not differ:
        return (test if more > 0 else other), ""
    if test.raw.sha256 in {file.sha256 for file in other.replaces}:
        return other, ""
    written = (test.written_unix_second, other.written_unix_second)
    if written[0] is not None and written[1] is not None and abs(written[0] - written[1]) > FILE_TIME_S:
        return (test if written[0] > written[1] else other), WRITTEN_LATER
    return max(test, other, key=lambda t: (t.added_unix_second or 0.0, natural(t.raw.name), t.raw.sha256)), UNDECIDED


def _points(store: Store, test: Test) -> pl.DataFrame:
    """Return the columns by which exports are compared: of a curve without time, voltage and capacities."""
    axes = [CHARGED, DISCHARGED] if test.duration_second is None else [TIME, CURRENT]
    return store.read_curve(test.curve, columns=[VOLTAGE, *axes])


def _largest_current(points: pl.DataFrame) -> float:
    """Return the largest current, A; of a curve without time, what its capacities gain, Ah: 0 is no evidence either."""
    if CURRENT in points.columns:
        return float(np.abs(points[CURRENT].to_numpy()).max())
    return sum(float(np.ptp(points[name].to_numpy())) for name in (CHARGED, DISCHARGED))


def _clocked(a: Test, b: Test) -> bool:
    """Tell whether two tests of one cell have clock times that can tell them apart."""
    return a.cell == b.cell and a.start_unix_second is not None and b.start_unix_second is not None


def _limits(a: Test, b: Test, largest: float) -> dict[str, float]:
    """Return by how much numbers of one row may differ in two exports; *largest* is the largest current, A."""
    if a.duration_second is None:
        return dict.fromkeys((VOLTAGE, CHARGED, DISCHARGED), 0.0)
    limits = {TIME: SAME_TIME_S, VOLTAGE: SAME_VOLTAGE_V, CURRENT: SAME_CURRENT * largest}
    return limits if _clocked(a, b) else dict.fromkeys(limits, 0.0)


def _alike(a: pl.Series, b: pl.Series, limit: float) -> bool:
    return bool(np.allclose(a.to_numpy(), b.to_numpy(), rtol=SAME_NUMBER, atol=limit))


def _columns(store: Store, test: Test) -> int:
    return len(store.read_curve(test.curve).columns)


def standing_for(test: Test, shorter: Sequence[Test]) -> Test:
    """Return *test* with the raw files of *shorter* among those that it stands for."""
    files: dict[str, RawFile] = {file.sha256: file for file in test.replaces}
    for other in shorter:
        files.update((file.sha256, file) for file in (other.raw, *other.replaces))
    files.pop(test.raw.sha256, None)
    return test.model_copy(update={"replaces": tuple(files[digest] for digest in sorted(files))})


def enter_exports(things: Things, test: Test, exports: Exports, readings: Sequence[Test]) -> tuple[Test, Test | None]:
    """Enter *test* in place of its parts, or count it to the test that has all of its rows.

    *readings* are earlier ones of the same file, which are removed already. Returns the test, and the whole one where
    there is one.
    """
    if exports.whole is not None:
        kept = standing_for(exports.whole, [test, *readings])
        if kept != exports.whole:
            things.replace_test(kept)
        return test, kept
    for part in exports.parts:
        things.remove_test(part.key)
    test = standing_for(test, [*readings, *exports.parts])
    things.put_test(test)
    return test, None


def told(test: Test, exports: Exports, carried: str = "") -> list[Finding]:
    """Say which tests *test*, which is new, replaces, or which one has all of its rows.

    *carried* is what goes along from the cell of a test that is replaced, in words.
    """
    if exports.whole is not None:
        return [_told(test, exports.whole, test, exports.newer_by.get(exports.whole.key))]
    found = []
    for part in exports.parts:
        said = _told(test, test, part, exports.newer_by.get(part.key))
        if part.cell != test.cell:
            moved = f"{said.message}; the test was moved from {part.cell} to {test.cell}"
            said = said.model_copy(update={"message": moved + (f", {carried}" if carried else "")})
        found.append(said)
    return found


def _told(new: Test, whole: Test, part: Test, by: str | None) -> Finding:
    """Say which of the *new* test and another one is the *whole*, which a *part*; *by* something, else by the rows."""
    other = part if new is whole else whole
    if by is None and new is whole:
        message = f"{new.raw.name} ({new.rows} rows) begins with all {part.rows} rows of {named(part)} and replaces "
        message += "it; the older file is kept"
    elif by is None:
        message = f"{named(whole)} ({whole.rows} rows) begins with all {new.rows} rows of {new.raw.name}: an older "
        message += "export or a copy of the same test, which is kept and not counted"
    else:
        message = f"{new.raw.name} and {named(other)} are exports of one test with {new.rows} rows each and another "
        message += "last one: "
        message += (
            f"nothing tells which is the newer one. {whole.raw.name} counts, which was added last"
            + (" (of two added at once: the last by name)" if new.added_unix_second == other.added_unix_second else "")
            if by == UNDECIDED
            else f"{whole.raw.name} is the newer one ({by}) and counts"
        )
        message += "; the other file is kept"
    code = "export-order-unknown" if by == UNDECIDED else "export-replaced" if new is whole else "export-older"
    digits = whole.raw.sha256[:SHOWN_DIGITS]
    remove = f"If the other one is newer: lirich cells {quoted(whole.cell)} --remove-file {digits}, "
    return Finding(
        code=code,
        severity=Severity.WARNING if by == UNDECIDED else Severity.INFO,
        message=message,
        advice=remove + f"then add {part.raw.name} again" if by == UNDECIDED else "",
        where=whole.cell,
    )


def apart(store: Store, cell: str, tests: Sequence[Test]) -> list[Finding]:
    """Say which tests of a cell cannot be one: they ran at the same time, or have no time, or no known order."""
    from lirich.workbench.analyse import plan_runs

    if len(tests) < 2:
        return []
    codes = ("join-overlap", "join-order-unknown", "join-without-time")
    found = [f for group in plan_runs(store, tests) for f in group.findings if f.code in codes]
    return [f.model_copy(update={"where": cell}) for f in dict.fromkeys(found)]


def named(test: Test) -> str:
    """Return the name of a test's file with the time at which it was added."""
    if test.added_unix_second is None:
        return f"{test.raw.name} ({test.raw.sha256[:12]}…)"
    return f"{test.raw.name} (added {datetime.fromtimestamp(test.added_unix_second, UTC):%Y-%m-%d %H:%M:%S} UTC)"


def told_apart(tests: Sequence[Test]) -> dict[str, str]:
    """Return a name for each test by its key: that of its file, with more where several files have the same name."""
    shown = {test.key: test.raw.name for test in tests}
    for more in (named, lambda test: f"{named(test)}, {test.raw.sha256[:12]}…"):
        names = list(shown.values())
        shown.update((test.key, more(test)) for test in tests if names.count(shown[test.key]) > 1)
    return shown
