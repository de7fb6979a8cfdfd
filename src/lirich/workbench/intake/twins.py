"""The same points in two files: an export that was added again, or one test written in two formats."""

from __future__ import annotations

from collections.abc import Sequence

from lirich.errors import quoted
from lirich.model import Finding, Severity, Test


def twin_findings(tests: Sequence[Test]) -> list[Finding]:
    """Return a finding for each of *tests* whose points are those of one before it, file by file.

    Its table is the same to the last bit (`Test.curve` is the hash of that), whatever bytes its file has.
    """
    first: dict[str, Test] = {}
    found = []
    for test in tests:
        other = first.setdefault(test.curve, test)
        if other.raw.sha256 == test.raw.sha256:
            continue
        whose = "" if other.cell == test.cell else f" of the cell {other.cell}"
        found.append(
            Finding(
                code="same-points",
                severity=Severity.WARNING,
                message=f"{test.raw.name} has the same points as {other.raw.name}{whose}: one test counts twice",
                advice=f"lirich cells {quoted(test.cell)} --remove-file {test.raw.sha256[:12]}, unless they are two",
                where=test.cell,
            )
        )
    return found
