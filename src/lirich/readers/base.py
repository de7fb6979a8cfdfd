"""What a reader is: it recognises a file, turns it into a standard table, and says what it understood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl

from lirich.errors import MissingColumnError
from lirich.model import Finding, Scalar, Severity
from lirich.model.format import format_count
from lirich.model.notebook import InNotebook, Listed, html_table
from lirich.model.table import CHARGED, COLUMNS, CURRENT, DISCHARGED, TIME, VOLTAGE

HEAD_BYTES = 65_536
"""How much of a file a reader sees before it says whether it knows it."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """How sure a reader is that a file is its own (0 to 1), and why."""

    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """A column of the file that became a column of the standard table."""

    source: str
    column: str
    unit: str
    factor: float = 1.0
    note: str = ""


def matched_columns(columns: Iterable[ColumnMatch]) -> str:
    """Return as HTML which columns of a file became which of the table."""
    rows = [(m.source, m.column, f"× {m.factor:g}" if m.factor != 1 else "", m.note) for m in columns]
    return html_table(("column of the file", "standard column", "factor", "note"), rows)


@dataclass(frozen=True, slots=True, repr=False)
class Reading(InNotebook):
    """What came out of one file.

    ``table`` has only columns of `lirich.model.table.COLUMNS`, in that order and type, charge positive; of an impedance
    test those of `lirich.model.spectra.SPECTRUM_COLUMNS`.
    ``unrecognised`` names the columns of the file that were left out. ``metadata`` holds what the file says
    of the cell: keys that are fields of `lirich.model.Cell` or `lirich.model.Sample` mean those fields, all
    others are kept as the vendor names them. ``split_by_sign`` names the columns of ``table`` that were one
    counter for both directions, split by the sign of the current alone: no witness of that sign, they go with it.
    """

    table: pl.DataFrame
    reader: str
    reader_version: str
    confidence: float
    reason: str = ""
    recognised: tuple[ColumnMatch, ...] = ()
    unrecognised: tuple[str, ...] = ()
    metadata: dict[str, Scalar] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    repairs: tuple[str, ...] = ()
    split_by_sign: frozenset[str] = frozenset()

    def told(self) -> dict[str, str]:
        """Return in words what was read, by what, and what the file says."""
        own = {
            "rows": format_count(self.table.height),
            "reader": f"{self.reader}, {self.confidence:.0%} sure" + (f": {self.reason}" if self.reason else ""),
            "repairs": ", ".join(self.repairs),
            "left out": ", ".join(self.unrecognised),
        }
        return {**own, **{name: str(said) for name, said in self.metadata.items() if name not in own}}

    def _repr_html_(self) -> str:
        findings = Listed(self.findings)._repr_html_() if self.findings else ""
        return InNotebook._repr_html_(self) + matched_columns(self.recognised) + findings

    def __str__(self) -> str:
        read = f"{format_count(self.table.height)} rows of {', '.join(self.table.columns)}; reader {self.reader}"
        return "\n".join([f"{read}, {self.confidence:.0%} sure", *map(str, self.findings)])

    __repr__ = __str__

    def with_findings(self, *findings: Finding) -> Reading:
        """Return the same reading with more findings."""
        return replace(self, findings=(*self.findings, *findings))

    def of_file(self, name: str) -> Reading:
        """Return the same reading, its findings at the file *name* where they name no other place."""
        placed = tuple(f if f.where else f.model_copy(update={"where": name}) for f in self.findings)
        return replace(self, findings=placed)


@runtime_checkable
class Reader(Protocol):
    """The contract of the door ``lirich.readers``; `lirich.testing.check_reader` tests it.

    ``sniff`` looks at the name and the first `HEAD_BYTES` bytes only, never raises, and returns ``None`` when the
    file is not its own. ``read`` returns a `Reading` or raises a `lirich.errors.ReadError` (or
    `lirich.errors.OptionalDependencyError`); never anything else, whatever the bytes are.
    """

    name: str
    version: str
    description: str
    extensions: tuple[str, ...]

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Say how sure the reader is that the file is its own."""
        ...

    def read(self, path: Path) -> Reading:
        """Turn the file into a standard table."""
        ...


CURVE_CODE = "curve-without-time"


def curve_finding(table: pl.DataFrame) -> Finding | None:
    """Return what a reader must say of a table that is a voltage–capacity curve; ``None`` for a test with a time axis.

    A curve that has a time or a current has lost the other one: that is a warning.
    """
    there = [name for name in (TIME, CURRENT) if name in table.columns]
    if len(there) == 2:
        return None
    lacking = " and ".join(name for name in (TIME, CURRENT) if name not in there)
    return Finding(
        code=CURVE_CODE,
        severity=Severity.WARNING if there else Severity.INFO,
        message=f"There is no {lacking}: it was read as a curve of voltage against capacity, without rests, rates and "
        "resistances",
        advice=f"If the file has a column for {lacking}, name it in a mapping file" if there else "",
    )


def require_time_axis(table: pl.DataFrame, *, path: Path, vendor: str) -> None:
    """Refuse a cycler's file without time or current. Raises `MissingColumnError`.

    A curve without time is only what a plain table or a mapping file says it is; in a cycler's file a column was lost.
    """
    missing = [name for name in (TIME, CURRENT) if name not in table.columns]
    if missing:
        raise MissingColumnError(
            f"{path.name} has no column for {', '.join(missing)} (found: {', '.join(table.columns) or 'nothing'})",
            expected=f"voltage with time and current in a file of {vendor}",
            advice="Export it with these columns, or write a mapping file beside it (see the how-to on tables of your "
            "own)",
        )


def standard_table(table: pl.DataFrame, *, path: Path) -> pl.DataFrame:
    """Return *table* with the columns, order and types of the standard table; other columns are dropped.

    Raises `MissingColumnError` where neither time with current nor both capacities are there, or no voltage.
    """
    names = set(table.columns)
    curve = {CHARGED, DISCHARGED} <= names
    missing = [c for c in (VOLTAGE, *(() if curve else (TIME, CURRENT))) if c not in names]
    if missing:
        raise MissingColumnError(
            f"{path.name} has no column for {', '.join(missing)} (found: {', '.join(table.columns) or 'nothing'})",
            expected="voltage with time and current, or voltage with charged and discharged capacity",
            advice="Write a mapping file beside it (see the how-to on tables of your own)",
        )
    ordered = {name: dtype for name, (dtype, _, _) in COLUMNS.items() if name in names}
    columns = [table.get_column(name) for name in ordered]
    if all(column.dtype == dtype for column, dtype in zip(columns, ordered.values(), strict=True)):
        return pl.DataFrame(columns)
    return table.select(pl.col(name).cast(dtype, strict=False) for name, dtype in ordered.items())
