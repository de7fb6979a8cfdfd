"""The verb *export*: everything out again, in formats that anyone reads."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from lirich.errors import InputError
from lirich.model import Cell, Finding, Operator, Sample, Severity, Value, canonical_json
from lirich.model.format import USUAL_LEVEL
from lirich.model.spreadsheet import write_csv
from lirich.model.table import has_time_axis
from lirich.quantities import QUANTITIES
from lirich.workbench.columns import column_table
from lirich.workbench.intake.fact_sources import portable_source
from lirich.workbench.userfiles import make_folder

if TYPE_CHECKING:
    from lirich.workbench.views import CellView
    from lirich.workbench.workspace import Workspace

FORMATS = ("csv", "parquet")

CURVES = 24
"""So many cycles of a run have their curves in the export, as many as a report draws; every point is in the points."""

_LONGEST_NAME = 200  # bytes; file systems take 255, endings included

_VALUE_SCHEMA: dict[str, type[pl.DataType]] = {
    "subject_kind": pl.String,
    "subject": pl.String,
    "quantity": pl.String,
    "operator": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "interval_method": pl.String,
    "origin": pl.String,
    "conditions": pl.String,
    "flags": pl.String,
    "note": pl.String,
    "source": pl.String,
    "files": pl.String,
    "code": pl.String,
    "version": pl.String,
    "parameters": pl.String,
}


def value_table(values: Iterable[Value]) -> pl.DataFrame:
    """Return values as a flat table, one row each; conditions and parameters are JSON, lists are joined by ``;``."""
    return document_table(v.model_dump(mode="json", exclude_defaults=True) for v in values)


def document_table(documents: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Return the table of `value_table` from values as JSON objects, such as `Store.value_documents` gives."""
    return pl.DataFrame([_value_row(document) for document in documents], schema=_VALUE_SCHEMA)


def _value_row(document: dict[str, Any]) -> dict[str, Any]:
    interval = document.get("interval") or {}
    provenance = document.get("provenance", {})
    return {
        "subject_kind": document["subject"]["kind"],
        "subject": document["subject"]["key"],
        "quantity": document["quantity"],
        "operator": document.get("operator", str(Operator.EQUAL)),
        "value": document["value"],
        "unit": QUANTITIES[document["quantity"]].unit,
        "low": interval.get("low"),
        "high": interval.get("high"),
        "level": interval.get("level", USUAL_LEVEL) if interval else None,
        "interval_method": interval.get("method"),
        "origin": document["origin"],
        "conditions": canonical_json(document.get("conditions", {})),
        "flags": ";".join(document.get("flags", ())),
        "note": document.get("note", ""),
        "source": provenance.get("source", ""),
        "files": ";".join(provenance.get("files", ())),
        "code": provenance.get("code", ""),
        "version": provenance.get("version", ""),
        "parameters": canonical_json(provenance.get("parameters", {})),
    }


def export(
    workspace: Workspace, folder: Path, *, cells: str | Sequence[str] | None = None, form: str = "csv"
) -> list[Path]:
    """Write a folder that stands on its own and return its files.

    ``values.csv`` (every value with conditions, interval, origin, provenance; without a choice of *cells* also those of
    the literature and of other sources), ``cells.csv`` (which `add` reads again), per cell ``cycles``, ``steps``, the
    ``peaks`` of dQ/dV, ``profiles`` (voltage over capacity) and ``dqdv`` of up to `CURVES` cycles, the ``pulses`` of a
    GITT and the points as Battery Data Format (``NAME.bdf.csv``; those of a curve without time, which it does not know,
    with the same column names as ``NAME.curve.csv``), the impedance (``NAME.eis1.bdf.csv``, ``NAME.spectra.csv``),
    ``columns.csv`` (unit and meaning of each column), and ``provenance.json``, without folders of this machine. With
    *form* ``parquet`` all tables are Parquet. Each table has the origin of its numbers; of points ``cells.csv`` says
    it, and in Parquet the metadata of the file too. In csv, texts that a spreadsheet would take for formulas are marked
    (`lirich.model.spreadsheet`). Raises `InputError` on another form, or where the folder is not empty.
    """
    from lirich.readers.bdf import write_bdf
    from lirich.readers.bdf_impedance import write_bdf_impedance

    if form not in FORMATS:
        raise InputError(f"Unknown format {form!r}", expected=" or ".join(FORMATS))
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not an empty folder", advice="Name a new one: nothing is overwritten")
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}", advice="Name another folder") from error
    keys = workspace.store.named(cells)
    make_folder(folder)
    written: list[Path] = []

    columns: dict[str, None] = {}
    recorded: dict[str, None] = {}

    def write(table: pl.DataFrame, name: str) -> None:
        columns.update(dict.fromkeys(table.columns))
        path = folder / f"{name}.{form}"
        if form == "csv":
            write_csv(table, path)
        else:
            table.write_parquet(path)
        written.append(path)

    def write_own(view: CellView, table: pl.DataFrame, name: str) -> None:
        write(_of(view, table), name)

    def said_by(thing: Cell | Sample) -> dict[str, Any]:
        sources = {name: portable_source(source, workspace.root) for name, source in thing.sources.items()}
        return {**thing.model_dump(mode="json"), "sources": sources}

    values: list[Value] = []
    provenance: dict[str, Any] = {}
    cell_rows: list[dict[str, Any]] = []
    taken: set[str] = set()
    for key in keys:
        view = workspace.cells[key]
        provenance[key] = {
            "facts": said_by(view.facts),
            "sample": said_by(view.sample) if view.sample else None,
            "tests": [t.model_dump(mode="json") for t in view.tests],
            "corrections": workspace.store.corrections(key),
            "analyses": [a.model_dump(mode="json", exclude={"values"}) for a in (*view.analyses, *view.impedance)],
        }
        names, points = [], []
        for analysis in view.analyses:
            run = view.run(analysis.run)
            name = _file_name(key if len(view.analyses) == 1 else f"{key}.run{analysis.run + 1}", taken)
            names.append(name)
            values += run.values
            tables = {"cycles": run.cycles, "steps": run.steps, "peaks": run.peaks, **_curves_of(run)}
            for what, of_run in tables.items():
                if what in ("cycles", "steps") or not of_run.is_empty():
                    write_own(view, of_run, f"{name}.{what}")
            if any(v.quantity == "lithium_diffusivity_m2_s" and v.conditions.segment == "gitt" for v in run.values):
                write_own(view, run.gitt_pulses(), f"{name}.pulses")
            table = run.table()
            points.append(f"{name}.bdf" if has_time_axis(table) else f"{name}.curve")
            written.append(write_bdf(table, folder / f"{points[-1]}.{form}", origin=view.origin))
            recorded.update(dict.fromkeys(table.columns))
        for analysis in view.impedance:
            values += analysis.values
        for number, table in enumerate(view.spectrum_tables().values(), start=1):
            points.append(f"{_file_name(f'{key}.eis{number}', taken)}.bdf")
            written.append(write_bdf_impedance(table, folder / f"{points[-1]}.{form}", origin=view.origin))
            recorded.update(dict.fromkeys(table.columns))
        if view.impedance:
            write_own(view, view.spectra, f"{_file_name(key, taken) if not view.analyses else names[0]}.spectra")
        cell_rows.append(_cell_row(view, points))
    if cells is None:
        for source in workspace.store.sources():
            values += workspace.store.values(source=source)
    write(value_table(values), "values")
    facts = pl.DataFrame(cell_rows, infer_schema_length=None)
    write(column_table([*columns, *facts.columns], recorded), "columns")
    write_csv(facts, folder / "cells.csv")
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=1, ensure_ascii=False), encoding="utf-8")
    return [*written, folder / "cells.csv", folder / "provenance.json"]


def _curves_of(run: CellView) -> dict[str, pl.DataFrame]:
    """Return the curves of some cycles, the first and the last among them: voltage over capacity, and dQ/dV."""
    from lirich.plots.thinning import choose_cycles

    shown = choose_cycles(run.cycles["cycle"].to_list(), CURVES) if run.cycles.height else []
    if not shown:
        return {}
    # not by the name of a standard column: these are for figures, the points are in a file of their own
    curves = {"profiles": run.voltage_curves(shown), "dqdv": run.result.dqdv_curves(shown)}
    return {name: curve.rename({"voltage_volt": "voltage_v"}) for name, curve in curves.items()}


def _of(view: CellView, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with the origin of its numbers in a last column."""
    return table.with_columns(pl.Series("origin", [view.origin.value] * table.height, dtype=pl.String))


def _file_name(wanted: str, taken: set[str]) -> str:
    """Return *wanted* as a name that every file system has room for, and that no other file here has."""
    plain = re.sub(r'[<>:"|?*\x7f-\x9f]', "_", wanted).encode()[:_LONGEST_NAME].decode(errors="ignore")
    name, number = plain, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain}~{number}"
    taken.add(name.casefold())
    return name


def _cell_row(view: CellView, points: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"cell": view.key, "file": "|".join(f"{glob.escape(name)}.*" for name in points)}
    for thing, skip in (
        (view.facts, {"key", "extra", "sources"}),
        (view.sample, {"key", "extra", "recipe", "sources"}),
    ):
        if thing is not None:
            row.update({k: v for k, v in thing.model_dump(mode="json", exclude=skip).items() if v is not None})
            row.update(thing.extra)
    return row


def left_out(workspace: Workspace, cells: str | Sequence[str] | None = None) -> list[Finding]:
    """Return a finding for each cell of which `export` writes facts alone, since it is not analysed."""
    views = [workspace.cells[key] for key in workspace.store.named(cells)]
    return [
        Finding(
            code="not-exported",
            severity=Severity.WARNING,
            message=f"Of {view.key} the facts alone are written: it is not analysed",
            advice="lirich analyse, then export into another folder",
            where=view.key,
        )
        for view in views
        if not view.analyses and not view.impedance
    ]
