"""Files whose cell nobody stated: which of them continue each other, by their names, clock times and cycle numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path

from lirich.model import Finding, Severity, Test
from lirich.readers.joinplan import OVERLAP_S
from lirich.workbench.intake.celltables import file_stem

_COUNTER = re.compile(r"(?i)[ _.\-]*(?:part|cont|pt)?[ _.\-]*\d{1,3}$")


def continuations(tests: Sequence[tuple[Path, Test]]) -> dict[Path, str]:
    """Find files of one cell among files whose cell nobody stated: ``name_1``, ``name_2`` … that continue.

    Files belong together only if their names differ in a trailing counter alone *and* each starts after the one
    before ended *and* its cycle count goes on where that stopped: two cells ``SC-1`` and ``SC-2``, which both
    start at cycle 1, stay two cells. Returns the common name per file.
    """
    by_name: dict[tuple[Path, str], list[tuple[Path, Test]]] = {}
    for path, test in tests:
        base = without_counter(path)
        if base is not None:
            by_name.setdefault((path.parent.resolve(), base), []).append((path, test))
    names: dict[Path, str] = {}
    for (_, base), members in by_name.items():
        ordered = sorted((test for _, test in members), key=lambda test: test.start_unix_second or 0.0)
        if len(ordered) > 1 and all(_continues(a, b) for a, b in pairwise(ordered)):
            names.update({path: base for path, _ in members})
    return names


def without_counter(path: Path) -> str | None:
    """Return the name of a file without its ending and the counter at its end; ``None`` where it has none."""
    stem = file_stem(path)
    base = _COUNTER.sub("", stem)
    return base if base and base != stem else None


def _continues(before: Test, after: Test) -> bool:
    return before.end_unix_second is not None and after.start_unix_second is not None and _follows(before, after)


def goes_on(test: Test, others: Sequence[Test]) -> bool:
    """Tell whether a test of cycling goes on from one of *others*, or one from it; so it does where there is none.

    Cycle numbers go on, and so do clock times where both have them. A test of impedance stands for itself.
    """
    cycling = [other for other in others if other.kind == test.kind == "cycling" and other.key != test.key]
    return not cycling or any(_follows(other, test) or _follows(test, other) for other in cycling)


def _follows(before: Test, after: Test) -> bool:
    if before.last_cycle_count is None or after.first_cycle_count is None:
        return False
    return (
        (after.start_unix_second or inf) >= (before.end_unix_second or -inf) - OVERLAP_S
        and after.first_cycle_count > 1
        and after.first_cycle_count in (before.last_cycle_count, before.last_cycle_count + 1)
    )


def joined(names: Mapping[Path, str]) -> list[Finding]:
    """Say aloud which files were taken for one cell."""
    groups: dict[str, list[str]] = {}
    for path, name in names.items():
        groups.setdefault(name, []).append(path.name)
    return [
        Finding(
            code="files-joined",
            severity=Severity.INFO,
            message=f"{', '.join(sorted(files))} continue each other in time and cycle count: one cell {name!r}",
            advice="If they are different cells, name them in a cells.csv",
            where=name,
        )
        for name, files in groups.items()
    ]
