"""What sources say of one fact, and findings where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from lirich.errors import quoted
from lirich.model import Finding, Scalar, Severity
from lirich.workbench.intake.celltables import BY_HAND, agree, written
from lirich.workbench.intake.fact_sources import table_folder

FACT_CODES = ("metadata-differs", "fact-withdrawn", "column-like-a-field")
"""The codes of the findings about facts: they are of the last time that the facts were entered."""


class Said(NamedTuple):
    """What somebody says of a fact: the value, who says so in words, and the source that is kept."""

    value: Scalar
    shown: str
    kept_as: str


def differing(cell: str, key: str, name: str, used: Said, others: Iterable[Said]) -> list[Finding]:
    """Say which of *others* differ from what is *used* for the fact *name* of *key*, the cell or its sample."""
    return [_differs(cell, key, name, used, other) for other in others if not agree(used.value, other.value)]


def _differs(cell: str, key: str, name: str, used: Said, other: Said) -> Finding:
    value = written(used.value)
    if used.kept_as == BY_HAND:
        message = (
            f"{name} of {key} is {value}, as set by you; {other.shown} says {written(other.value)}; {value} is used"
        )
        advice = f"Correct {other.shown}; or, to follow it, lirich cells {quoted(cell)} --unset {quoted(name)}"
    else:
        first, second = sources_apart(used, other)
        message = f"{name} of {key} is {value} in {first} and {written(other.value)} in {second}; {value} is used"
        advice = f"Correct one of them, or say which holds: lirich cells {quoted(cell)} --set {quoted(f'{name}=…')}"
    return Finding(code="metadata-differs", severity=Severity.WARNING, message=message, advice=advice, where=cell)


def sources_apart(used: Said, other: Said) -> tuple[str, str]:
    """Return the two in words; of tables in two folders with as much of their paths as tells them apart."""
    paths = [PurePosixPath(table_folder(each.kept_as)).parts for each in (used, other)]
    if paths[0] == paths[1] or not all(table_folder(each.kept_as) for each in (used, other)):
        return used.shown, other.shown
    count = next(n for n in range(1, 1 + max(map(len, paths))) if paths[0][-n:] != paths[1][-n:])
    return str(PurePosixPath(*paths[0][-count:], used.shown)), str(PurePosixPath(*paths[1][-count:], other.shown))


def about(finding: Finding, name: str) -> bool:
    """Tell whether a finding about facts is about the fact *name*."""
    said = finding.message
    return finding.code in FACT_CODES and (said.startswith(f"{name} of ") or f" mean {name}?" in said)
