"""The columns of a file on their way to the standard table, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lirich.model import Finding, Scalar, Severity
from lirich.readers.headers import HeaderMatch


@dataclass(slots=True)
class Columns:
    """What a reader found in a file.

    ``series`` and ``matches`` are keyed by role (`lirich.readers.headers`); number columns are Float64 in the unit
    of the file, others text. ``unreadable`` marks the cells of a role that hold something that is no number.
    ``line`` gives the line of the file of a row. ``positive_current`` says what a positive current is (``charge``,
    ``discharge``, ``unsigned``); where it says nothing, the names of the steps tell.
    """

    path: Path
    series: dict[str, pl.Series]
    matches: dict[str, HeaderMatch]
    line: Callable[[int], int]
    unreadable: dict[str, pl.Series] = field(default_factory=dict)
    clock_gives_time_unit: bool = False
    positive_current: str = ""


@dataclass(slots=True)
class Draft:
    """A standard table that is being made: ``raw`` is what a file has, by role, and ``out`` what the table gets.

    ``notes`` are what is said of a role, ``written_as_clock`` the times that were texts such as ``01:02:03``.
    ``direction_named`` tells whether names of steps say which rows charge; ``split_by_sign`` which
    columns of ``out`` come from one counter that was split for want of them by the sign of the current.
    """

    source: Columns
    raw: dict[str, pl.Series]
    matches: dict[str, HeaderMatch]
    out: dict[str, pl.Series] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    metadata: dict[str, Scalar] = field(default_factory=dict)
    written_as_clock: set[str] = field(default_factory=set)
    direction_named: bool = False
    split_by_sign: frozenset[str] = frozenset()

    @classmethod
    def of(cls, columns: Columns) -> Draft:
        """Begin with what a reader found; *columns* keep their series."""
        return cls(columns, dict(columns.series), columns.matches)

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    def say(self, role: str, note: str) -> None:
        """Note something of a role."""
        if note:
            self.notes.setdefault(role, []).append(note)

    def find(self, code: str, message: str, severity: Severity = Severity.WARNING, *, advice: str = "") -> None:
        """Keep a finding."""
        self.findings.append(Finding(code=code, severity=severity, message=message, advice=advice))

    def match_as(self, role: str, source: str, unit: str) -> None:
        """Say that *role* was made from the column of *source*."""
        match = self.matches[source]
        for note in self.notes.get(source, []):
            self.say(role, note)
        self.matches = {**self.matches, role: HeaderMatch(match.index, match.text, role, unit, 1.0)}
