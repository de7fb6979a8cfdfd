"""A running test that is exported again: the longer file holds all rows of the shorter one, and stands for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from lirich.errors import CorruptStoreError
from lirich.model import Finding, RawFile, Severity, Test
from lirich.model.table import CURRENT, TIME, VOLTAGE

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
"""Without clock times that agree, numbers must be the same: repeats of one programme can come within a mV."""


@dataclass(frozen=True, slots=True)
class Exports:
    """What a test is to the others of its cell: ``whole`` has all of its rows, and it has all of those of ``parts``."""

    whole: Test | None = None
    parts: tuple[Test, ...] = ()


def exports_of(store: Store, test: Test, others: Sequence[Test]) -> Exports:
    """Find which of the *others* are exports of the same test as *test*, at an earlier or a later time.

    Both begin at the same time, and the rows of the shorter one are the first rows of the longer one: its last one
    apart, which may have been cut or not yet have ended. Of two with as many rows the one that has more columns is the
    longer one, then the one that is there already. Two files with the very same points are left to
    `lirich.workbench.twins`.
    """
    parts: list[Test] = []
    for other in others:
        if other.curve == test.curve or not _may_be_one(test, other):
            continue
        longer, shorter = (test, other) if test.rows > other.rows else (other, test)
        try:
            if not _begins_with(store, longer, shorter):
                continue
        except CorruptStoreError:  # its curve is gone: `lirich doctor` says so
            continue
        if test.rows == other.rows and _columns(store, test) > _columns(store, other):
            longer = test
        if longer is other:
            return Exports(whole=other)
        parts.append(other)
    return Exports(parts=tuple(parts))


def _may_be_one(a: Test, b: Test) -> bool:
    if a.kind != "cycling" or b.kind != "cycling" or a.duration_second is None or b.duration_second is None:
        return False
    starts = (a.start_unix_second, b.start_unix_second)
    if starts[0] is not None and starts[1] is not None and abs(starts[0] - starts[1]) > SAME_START_S:
        return False
    begins = (a.start_time_second, b.start_time_second)
    return begins[0] is not None and begins[1] is not None and abs(begins[0] - begins[1]) <= SAME_TIME_S


def _begins_with(store: Store, longer: Test, shorter: Test) -> bool:
    """Tell whether the rows of *shorter*, the last one apart, are the first ones of *longer*, within rounding.

    Without clock times in both it is within that of the computer, and rows without current are no evidence: two tests
    may begin with the same rest.
    """
    rows = shorter.rows - 1
    if rows < 1:
        return False
    names = [TIME, VOLTAGE, CURRENT]
    a, b = (store.read_curve(test.curve, columns=names).head(rows) for test in (longer, shorter))
    largest = float(np.abs(b[CURRENT].to_numpy()).max())
    clocked = longer.start_unix_second is not None and shorter.start_unix_second is not None
    if largest <= 0 and not clocked:
        return False
    limits = {TIME: SAME_TIME_S, VOLTAGE: SAME_VOLTAGE_V, CURRENT: SAME_CURRENT * largest}
    return all(_alike(a[name], b[name], limits[name] if clocked else 0.0) for name in names)


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


def replaced(test: Test, older: Test) -> Finding:
    """Say that *test*, which is new, replaces *older*."""
    return Finding(
        code="export-replaced",
        severity=Severity.INFO,
        message=f"{test.raw.name} ({test.rows} rows) begins with all {older.rows} rows of {named(older)} and replaces "
        "it; the older file is kept",
        where=test.cell,
    )


def left_out(test: Test, whole: Test) -> Finding:
    """Say that all rows of *test* are in *whole*, which is there."""
    return Finding(
        code="export-older",
        severity=Severity.INFO,
        message=f"{named(whole)} ({whole.rows} rows) begins with all {test.rows} rows of {test.raw.name}: an older "
        "export or a copy of the same test, which is kept and not counted",
        where=whole.cell,
    )


def overlaps(cell: str, tests: Sequence[Test]) -> list[Finding]:
    """Say which tests of a cell ran at the same time, and so cannot be one: each is a run for itself."""
    from lirich.workbench.analyse import plan_runs

    if len(tests) < 2:
        return []
    found = [f for group in plan_runs(tests) for f in group.findings if f.code == "join-overlap"]
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
