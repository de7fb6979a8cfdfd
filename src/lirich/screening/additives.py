"""A study of additives of a liquid electrolyte: a table of molecules that the user brings, and what its columns mean.

Nothing is assumed of a table: every quantity has a column that the study names, with its unit and its origin. A cell
that holds no number is a missing figure with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from lirich.errors import InputError, LirichError, UnitError, UnknownNameError
from lirich.model import Frozen, Origin, Scalar
from lirich.quantities import QUANTITIES, convert
from lirich.screening.asked import Asked, Clustering
from lirich.screening.candidate import Z_OF_LEVEL, Candidate, Estimate
from lirich.screening.ranking import Better
from lirich.screening.written import need_known

NO_UNIT = "1"
_BOUND = re.compile(r"^\s*[<>≤≥~≈]")


class Column(Frozen):
    """What a column of the table holds.

    ``uncertainty`` names a column of the same unit; ``uncertainty_is`` says whether that is a standard deviation or the
    half width of a 90 % interval. ``better`` is the direction that is an improvement where it depends on the use: an
    additive that is to be oxidised first has a high HOMO, one that is to last has a low one. ``source_column`` names a
    column with the source of each row, ``source`` is that of all others. ``conditions`` go along with every value.
    """

    column: str = Field(min_length=1)
    unit: str
    origin: Origin
    source: str = ""
    source_column: str = ""
    uncertainty: str = ""
    uncertainty_is: Literal["standard deviation", "half width"] = "standard deviation"
    better: Better | None = None
    conditions: Mapping[str, Scalar] = {}

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.origin is Origin.LITERATURE and not (self.source or self.source_column):
            raise ValueError(f"{self.column} is from the literature: give source or source_column")
        return self


class AdditiveStudy(Asked):
    """A study of additives.

    ``table`` is a CSV, XLSX or Parquet file beside the study, ``sheet`` one of its sheets, ``names`` the column with
    the names of the molecules. ``columns`` say where each quantity stands. ``reference`` is the molecule that is to be
    improved on: it is in the table, scores 0 and is no candidate. ``notes`` are columns of text that go along.
    """

    directed_by = "better: higher or lower"

    name: str = "additives"
    table: str = Field(min_length=1)
    sheet: str = ""
    names: str = Field(min_length=1)
    columns: Mapping[str, Column] = Field(min_length=1)
    reference: str = ""
    notes: tuple[str, ...] = ()
    clusters: Clustering | None = None

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: Mapping[str, Column]) -> Mapping[str, Column]:
        need_known("quantity", columns, QUANTITIES)
        for key, column in columns.items():
            known = QUANTITIES[key]
            if not column.unit and known.unit != NO_UNIT:
                raise ValueError(f"{column.column}: say its unit, which is to become {known.unit} of {known.name}")
            try:
                convert(1.0, column.unit or NO_UNIT, key)
            except UnitError as error:
                raise ValueError(str(error)) from error
        return columns

    @model_validator(mode="after")
    def _directed(self) -> Self:
        asked = (*self.wanted, *(self.clusters.descriptors if self.clusters else ()))
        lacking = [key for key in dict.fromkeys(asked) if key not in self.columns]
        if lacking:
            raise ValueError(
                f"no column is named for {', '.join(lacking)}: add each to columns with column, unit and origin"
            )
        self._need_directions()
        return self

    @property
    def directions(self) -> Mapping[str, Better]:
        """The direction that is better, of the columns that say it."""
        return {key: column.better for key, column in self.columns.items() if column.better is not None}


Row = Mapping[str, object]
"""A row of the table: cells by column."""


def candidates_of(study: AdditiveStudy, rows: Sequence[Row]) -> tuple[Candidate, ...]:
    """Return the molecules of a table with their figures in the units of the vocabulary, the reference among them.

    Raises `InputError` where a row has no name, a name stands twice, or the reference is not there.
    """
    found = tuple(_candidate(study, row, number) for number, row in enumerate(rows, start=1))
    names = [c.name for c in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{study.table} has {', '.join(twice)} more than once",
            expected="one row of each molecule",
            advice="Make one row of several results: their mean, and their spread as the uncertainty",
        )
    if study.reference and study.reference not in names:
        raise UnknownNameError.of("molecule", study.reference, names)
    return found


def _candidate(study: AdditiveStudy, row: Row, number: int) -> Candidate:
    name = str(row[study.names]).strip() if row[study.names] is not None else ""
    if not name:
        raise InputError(f"Row {number} of {study.table} has no name", expected=f"a name in the column {study.names}")
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    for key, column in study.columns.items():
        try:
            figures[key] = _estimate(key, column, row)
        except LirichError as error:
            missing[key] = error.found
    notes = tuple(str(row[column]).strip() for column in study.notes if row[column] is not None)
    return Candidate(name=name, figures=figures, missing=missing, notes=tuple(note for note in notes if note))


def _estimate(key: str, column: Column, row: Row) -> Estimate:
    unit = column.unit or NO_UNIT
    value = _number(row[column.column], column.column)
    here = convert(value, unit, key)
    if QUANTITIES[key].decades and here <= 0:
        raise InputError(f"{column.column} is {value:g}, which {QUANTITIES[key].name} cannot be")
    if not column.uncertainty or row[column.uncertainty] is None:
        return Estimate(value=here)
    half = _number(row[column.uncertainty], column.uncertainty)
    if half < 0:
        raise InputError(f"{column.uncertainty} is negative: {half:g}")
    half *= Z_OF_LEVEL if column.uncertainty_is == "standard deviation" else 1.0
    low, high = sorted((convert(value - half, unit, key), convert(value + half, unit, key)))
    if QUANTITIES[key].decades and low <= 0:
        return Estimate(value=here, doubts=("its interval reaches zero and is left out",))
    return Estimate(value=here, low=low, high=high)


def _number(cell: object, column: str) -> float:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise InputError(f"no value in the column {column}")
    if isinstance(cell, str) and _BOUND.match(cell):
        raise InputError(f"{column} has {cell.strip()!r}, which is a bound and no value")
    try:
        value = float(str(cell)) if not isinstance(cell, bool) else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{column} has {str(cell).strip()!r}, which is no number")
    return value
