"""The verb *screen* for additives: a table of molecules, judged by a study. Nothing is computed but the judgement."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from lirich.errors import InputError, MissingColumnError, UnknownNameError
from lirich.model import Finding
from lirich.screening.additives import AdditiveStudy, Column, Row, candidates_of
from lirich.screening.asked import Clustering
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.gates import Gate
from lirich.screening.judgement import judge
from lirich.workbench.fieldsfile import read_fields
from lirich.workbench.refusals import refused
from lirich.workbench.screening.answer import ScreenAnswer, Told
from lirich.workbench.screening.groups import groups_of
from lirich.workbench.userfiles import need_text

if TYPE_CHECKING:
    import polars as pl

_ADVICE = "docs/how-to/screen-additives.md shows a study"
SUFFIXES = (".csv", ".xlsx", ".parquet")


@dataclass(frozen=True)
class AdditiveTable:
    """The rows of a table and the SHA-256 of its file."""

    rows: tuple[Row, ...]
    sha256: str


def read_additives(path: Path) -> tuple[AdditiveStudy, AdditiveTable]:
    """Read a study and the table that it names, which lies beside it.

    Raises `InputError` and `SettingsError` with what is wrong where, `MissingColumnError` for a column that the table
    does not have.
    """
    study = make_additives(read_fields(path, "a study of additives"))
    return study, read_table(path.parent / study.table, study)


def make_additives(data: Any) -> AdditiveStudy:
    """Return a study from plain data. Raises `SettingsError`."""
    try:
        return AdditiveStudy.model_validate(data)
    except ValidationError as error:
        raise refused("study", error, _fields, advice=_ADVICE) from error


def _fields(place: tuple[str, ...]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {"columns": Column, "gates": Gate, "clusters": Clustering}
    return list((kinds.get(place[0], AdditiveStudy) if place else AdditiveStudy).model_fields)


def read_table(path: Path, study: AdditiveStudy) -> AdditiveTable:
    """Read a CSV, XLSX or Parquet file with the columns that a study names.

    Raises `InputError` for a file that is no table, `MissingColumnError` with the columns that it lacks.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is no table that lirich reads", expected=" or ".join(SUFFIXES))
    need_text(path)
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", expected="the table that the study names"
        ) from error
    frame = _frame(path, study.sheet)
    asked = {study.names: "the names"}
    for key, column in study.columns.items():
        asked |= {name: key for name in (column.column, column.uncertainty, column.source_column) if name}
    asked |= dict.fromkeys(study.notes, "a note")
    lacking = [f"{name!r} ({of})" for name, of in asked.items() if name not in frame.columns]
    if lacking:
        raise MissingColumnError(
            f"{path.name} has no column {', '.join(lacking)}",
            expected="the columns that the study names; the table has " + ", ".join(map(repr, frame.columns)),
            advice="Name the column as it stands in the header, or leave the quantity out of the study",
        )
    if not frame.height:
        raise InputError(f"{path.name} has no rows", expected="one row for each molecule")
    return AdditiveTable(tuple(frame.select(list(asked)).iter_rows(named=True)), sha256)


def _frame(path: Path, sheet: str) -> pl.DataFrame:
    import polars as pl

    from lirich.model.spreadsheet import read_csv

    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        if path.suffix.lower() == ".csv":
            return read_csv(path, infer_schema=False)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path.name} cannot be read as a table: {str(error).splitlines()[0]}") from error
    return _of_workbook(path, sheet)


def _of_workbook(path: Path, sheet: str) -> pl.DataFrame:
    from lirich.readers.workbook import read_sheet, sheet_names

    names = sheet_names(path)
    if sheet and sheet not in names:
        raise UnknownNameError.of("sheet", sheet, names)
    raw = read_sheet(path, sheet or names[0])
    if not raw.height:
        return raw
    headers = ["" if cell is None else str(cell).strip() for cell in raw.row(0)]
    named = [(old, new) for old, new in zip(raw.columns, headers, strict=True) if new]
    twice = sorted({new for _, new in named if headers.count(new) > 1})
    if twice:
        raise InputError(f"{path.name} has the column {', '.join(twice)} more than once", expected="each header once")
    return raw.slice(1).select([old for old, _ in named]).rename(dict(named))


def screen_additives(study: AdditiveStudy, table: AdditiveTable) -> ScreenAnswer:
    """Judge the molecules of a table by a study; the reference is no candidate.

    Raises `InputError` where the table does not fit: a name that stands twice or is missing.
    """
    everyone = candidates_of(study, table.rows)
    molecules = tuple(c for c in everyone if c.name != study.reference)
    reference = next((c.figures for c in everyone if c.name == study.reference), {})
    judgement = judge(molecules, study, {**_middle(molecules, study), **reference})
    sources = {str(row[study.names]).strip(): row for row in table.rows}

    def told(name: str, key: str) -> Told:
        column = study.columns[key]
        of_row = sources[name].get(column.source_column) if column.source_column else None
        return Told(
            origin=column.origin,
            source=str(of_row).strip() if of_row is not None else column.source,
            interval=f"{column.uncertainty_is} in the column {column.uncertainty}" if column.uncertainty else "",
            conditions=column.conditions,
        )

    return ScreenAnswer(
        kind="additives",
        study=study,
        judgement=judgement,
        groups=groups_of(judgement, study.clusters, study.seed),
        findings=_findings(study, reference, judgement.no_ranking),
        told=told,
        files=(table.sha256,),
    )


def _middle(molecules: Sequence[Candidate], study: AdditiveStudy) -> dict[str, Estimate]:
    """Return the median of each weighted quantity: what a score is measured from where no molecule is named for it.

    0 eV or 0 °C is no molecule, and whatever lies far from it would seem to carry every score.
    """
    known = {key: [c.figures[key].value for c in molecules if key in c.figures] for key in study.weights}
    return {key: Estimate(value=float(np.median(values))) for key, values in known.items() if values}


def _findings(study: AdditiveStudy, reference: Mapping[str, object], no_ranking: str) -> tuple[Finding, ...]:
    found = []
    bare = [key for key in study.weights if not study.columns[key].uncertainty]
    if bare:
        found.append(
            Finding(
                code="no-uncertainty",
                message=f"No uncertainty is given for {', '.join(bare)}: ranks look surer than they are",
                advice="Name a column with the uncertainty of each",
            )
        )
    lacking = [key for key in study.weights if study.reference and key not in reference]
    if lacking:
        found.append(
            Finding(
                code="reference-incomplete",
                message=f"The reference {study.reference} has no {', '.join(lacking)}: the median of the others is "
                "taken, which moves all scores alike and no rank",
            )
        )
    mixed = sorted({column.origin.value for key, column in study.columns.items() if key in study.weights})
    if len(mixed) > 1:
        found.append(
            Finding(
                code="origins-mixed",
                severity="info",
                message=f"The score joins values of unlike origin: {', '.join(mixed)}",
            )
        )
    if no_ranking:
        found.append(Finding(code="no-ranking", message=no_ranking))
    return tuple(found)
