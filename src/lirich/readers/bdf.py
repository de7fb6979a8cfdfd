"""The Battery Data Format: csv and Parquet, read and written.

Names and units: Battery Data Alliance (LF Energy), *Battery Data Format*, ontology 1.3.0,
https://w3id.org/battery-data-alliance/ontology/battery-data-format. Both spellings of a header are read: the
preferred label (``Test Time / s``) and the machine-readable name (``test_time_second``); a label with another unit
than the format's (``Test Time / h``) is converted and said. `write_bdf` writes a standard table so that reading it
gives the same table, bit for bit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from lirich import __version__
from lirich.errors import DamagedFileError, InputError
from lirich.model import Finding, Origin, Scalar, Severity
from lirich.model import table as std
from lirich.readers import delimited, loading
from lirich.readers import headers as h
from lirich.readers.accumulate import Borders, never_resetting
from lirich.readers.base import (
    ColumnMatch,
    Reading,
    Recognition,
    curve_finding,
    require_time_axis,
    standard_table,
)
from lirich.readers.origin import parquet_facts, parquet_remark
from lirich.readers.rows import drop_unreadable

Labels = Literal["machine", "preferred"]

PREFERRED_LABELS: dict[str, str] = {
    std.TIME: "Test Time / s",
    std.VOLTAGE: "Voltage / V",
    std.CURRENT: "Current / A",
    std.UNIX_TIME: "Unix Time / s",
    std.CYCLE: "Cycle Count / 1",
    std.STEP: "Step Count / 1",
    std.TEMPERATURE: "Ambient Temperature / degC",
    std.STEP_INDEX: "Step ID",
    std.STEP_TYPE: "Step Type",
    std.CELL_TEMPERATURE: "Temperature T1 / degC",
    std.CHARGED: "Charging Capacity / Ah",
    std.DISCHARGED: "Discharging Capacity / Ah",
    std.CHARGED_ENERGY: "Charging Energy / Wh",
    std.DISCHARGED_ENERGY: "Discharging Energy / Wh",
    std.RESISTANCE: "Internal Resistance / ohm",
    **{name: f"Temperature T{n} / degC" for n, name in enumerate(std.OTHER_TEMPERATURES, 2)},
    std.POWER: "Power / W",
    std.AMBIENT_PRESSURE: "Ambient Pressure / Pa",
    std.APPLIED_PRESSURE: "Applied Pressure / Pa",
}
"""Column of the standard table → preferred label of the format."""

MACHINE_NAMES: dict[str, str] = {column: column for column in PREFERRED_LABELS} | {std.STEP_INDEX: "step_id"}
"""Column of the standard table → machine-readable name of the format."""

_READ: dict[str, str] = {name: column for column, name in MACHINE_NAMES.items()} | {
    # Names of earlier editions, and of counters that the standard table has in another scope.
    "step_index": std.STEP_INDEX,
    "surface_temperature_celsius": std.CELL_TEMPERATURE,
    "temperature_celsius": std.CELL_TEMPERATURE,
    "dc_internal_resistance_ohm": std.RESISTANCE,
    "charge_capacity_ah": std.CHARGED,
    "discharge_capacity_ah": std.DISCHARGED,
    **{
        f"{scope}_{column}": column
        for scope in ("cycle", "step", "schedule")
        for column in (std.CHARGED, std.DISCHARGED, std.CHARGED_ENERGY, std.DISCHARGED_ENERGY)
    },
}
_BASES = {re.sub(r"[^a-z0-9]+", "_", label.split(" / ")[0].lower()): c for c, label in PREFERRED_LABELS.items()} | {
    "charge_capacity": std.CHARGED,
    "discharge_capacity": std.DISCHARGED,
    "step_index": std.STEP_INDEX,
    "surface_temperature": std.CELL_TEMPERATURE,
    **{f"surface_temperature_t{n}": name for n, name in enumerate((std.CELL_TEMPERATURE, *std.OTHER_TEMPERATURES), 1)},
}
_COUNTERS = (std.CHARGED, std.DISCHARGED, std.CHARGED_ENERGY, std.DISCHARGED_ENERGY)
_SUFFIXES = (".bdf", ".bdf.csv", ".bdf.gz", ".bdf.csv.gz", ".bdf.parquet")


@lru_cache(maxsize=2048)
def match_bdf_header(index: int, text: str) -> h.HeaderMatch | None:
    """Recognise a header of the format; ``None`` for any other."""
    text = text.strip().strip('"')
    column = _READ.get(text)
    if column is not None:
        return h.HeaderMatch(index, text, column, _unit_of(column), 1.0)
    base, slash, unit = text.partition(" / ")
    column = _BASES.get(re.sub(r"[^a-z0-9]+", "_", base.strip().lower()))
    if column is None:
        return None
    match = h.HeaderMatch(index, text, column, unit.strip() if slash else "", 1.0)
    if match.dimension in ("count", "text"):
        return match
    factor = h.unit_factor(unit, match.dimension) if slash else None
    return None if factor is None else h.HeaderMatch(index, text, column, unit.strip(), factor)


def _unit_of(column: str) -> str:
    label = PREFERRED_LABELS[column]
    return label.split(" / ")[1] if " / " in label else ""


def _match_all(headers: Sequence[str]) -> dict[str, h.HeaderMatch]:
    matches: dict[str, h.HeaderMatch] = {}
    for index, text in enumerate(headers):
        match = match_bdf_header(index, text)
        if match is None:
            continue
        known = matches.get(match.role)
        # The name that the format gives wins over one of another scope or edition.
        if known is None or (match.text == MACHINE_NAMES[match.role] != known.text):
            matches[match.role] = match
    return matches


@lru_cache(maxsize=512)
def _score(cells: tuple[str, ...]) -> int:
    matches = _match_all(cells)
    if std.VOLTAGE not in matches or not {std.CURRENT, std.CHARGED} & set(matches):
        return 0
    return len(matches)


class BdfReader:
    """Battery Data Format (.bdf.csv, .bdf.parquet)."""

    name = "bdf"
    version = __version__
    description = "Battery Data Format csv or Parquet"
    extensions = (".bdf", ".bdf.csv", ".bdf.parquet", ".csv", ".parquet", ".gz")

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Know the file by its headers; a Parquet file's stand at its end, and are looked up there."""
        named = path.name.lower().endswith(_SUFFIXES)
        if head.startswith(b"PAR1"):
            try:
                names = tuple(pl.read_parquet_schema(path))
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
                return Recognition(0.5, "a damaged Parquet file named .bdf") if named else None
            known = _score(names)
        elif head.startswith(b"\x1f\x8b"):
            try:
                unpacked = delimited.unpack_head(head)
            except DamagedFileError:
                return None
            layout = delimited.find_layout(unpacked, _score)
            known = _score(layout.headers) if layout else 0
        else:
            plain = head[: delimited.START_BYTES].replace(b"\0", b"")
            if b"voltage_volt" not in plain and b"oltage /" not in plain:
                return None
            layout = delimited.find_layout(head, _score)
            known = _score(layout.headers) if layout else 0
        if known >= 3:
            return Recognition(0.99 if named else 0.97, f"{known} headers of the Battery Data Format")
        return Recognition(0.6, "few headers of the Battery Data Format") if known and named else None

    def read(self, path: Path) -> Reading:
        """Turn the file into a standard table. Raises `DamagedFileError` or `MissingColumnError`."""
        data = delimited.read_bytes(path)
        if data.startswith(b"PAR1"):
            if not data.endswith(b"PAR1"):
                raise DamagedFileError(f"{path.name} is a Parquet file that is cut short", advice="Copy it again")
            return self._read_parquet(path)
        data, layout = delimited.text_table(path, _score, data)
        matches = _match_all(layout.headers)
        body, findings = loading.body_of(data, layout, path)
        texts = [m.index for m in matches.values() if m.dimension == "text"]
        numbers = [m.index for m in matches.values() if m.dimension != "text"]
        whole = [m.index for m in matches.values() if m.dimension == "count"]
        loaded = loading.load(body, layout, numbers=numbers, texts=texts, integers=whole, path=path)
        series = {role: loaded.frame.get_column(f"c{m.index}") for role, m in matches.items()}
        unreadable = {r: loaded.unreadable[m.index] for r, m in matches.items() if m.index in loaded.unreadable}
        needed = {std.TIME, std.VOLTAGE, std.CURRENT, *_COUNTERS}
        series, lost = drop_unreadable(path, series, unreadable, needed, loaded.line)
        twice = h.duplicate_columns(path, layout.headers, (match.text for match in matches.values()))
        return self._finish(path, series, matches, list(layout.headers), [*findings, *twice, *lost])

    def _read_parquet(self, path: Path) -> Reading:
        try:
            names = list(pl.read_parquet_schema(path))
            matches = _match_all(names)
            frame = pl.read_parquet(path, columns=[m.text for m in matches.values()], memory_map=False)
            facts = parquet_facts(path)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise DamagedFileError(
                f"{path.name} is not a readable Parquet file: {str(error)[:200]}", advice="Copy or export it again"
            ) from error
        series: dict[str, pl.Series] = {}
        for role, match in matches.items():
            column = frame.get_column(match.text)
            expected = pl.String if match.dimension == "text" else column.dtype
            if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Null)):
                raise DamagedFileError(f"Column {match.text!r} of {path.name} is {column.dtype}", expected="numbers")
            if match.dimension != "text" and column.dtype == pl.String:
                column, bad = loading.to_number(column)
                if bad.any():
                    raise DamagedFileError(f"Column {match.text!r} of {path.name} holds text", expected="numbers")
                expected = column.dtype
            series[role] = column.cast(expected)
        return self._finish(path, series, matches, names, [], facts)

    def _finish(
        self,
        path: Path,
        series: Mapping[str, pl.Series],
        matches: dict[str, h.HeaderMatch],
        headers: list[str],
        findings: list[Finding],
        facts: Mapping[str, Scalar] | None = None,
    ) -> Reading:
        columns: dict[str, pl.Series] = {}
        notes: dict[str, str] = {}
        for role, values in series.items():
            match = matches[role]
            if match.dimension == "count" and values.dtype.is_float():
                odd = (((values.round(0) != values) | (values.abs() >= 2.0**63)) & values.is_finite()).fill_null(
                    value=False
                )
                if odd.any():
                    findings.append(
                        _warn(
                            "count-not-whole",
                            f"{match.text!r} holds {int(odd.sum())} numbers that are not whole; it was left out",
                        )
                    )
                    continue
                values = values.set((~values.is_finite()).fill_null(value=False), None)
            columns[role] = values if match.factor == 1.0 else values.cast(pl.Float64) * match.factor
        height = max((s.len() for s in columns.values()), default=0)
        if height == 0:
            raise DamagedFileError(f"{path.name} has a header and no data", expected="at least one recorded point")
        zero = np.zeros(height, dtype=np.int64)
        numbers = (_whole(columns[r]).to_numpy() if r in columns else zero for r in (std.STEP, std.CYCLE))
        borders = Borders.of(*numbers)
        for role in _COUNTERS:
            if role not in columns:
                continue
            counter = columns[role].cast(pl.Float64).to_numpy()
            scoped = not matches[role].text.lower().startswith(("charg", "discharg"))
            if scoped or bool((counter[1:] < counter[:-1]).any()):
                values_, note = never_resetting(counter, borders)
                if note:
                    notes[role] = f"{note}; made continuous"
                    columns[role] = pl.Series(values_)
        holes = {matches[r].text: columns[r].null_count() for r in _COUNTERS if r in columns}
        holes = {text: count for text, count in holes.items() if 0 < count < 0.5 * columns[std.VOLTAGE].len()}
        if holes:
            cells = ", ".join(f"{count} in {text!r}" for text, count in holes.items())
            findings.append(_warn("missing-numbers", f"{path.name} has cells without a number: {cells}"))
        table = standard_table(pl.DataFrame({c: s.alias(c) for c, s in columns.items()}), path=path)
        for role in (std.TIME, std.VOLTAGE, std.CURRENT):
            if role in table.columns and table.get_column(role).null_count() == table.height:
                raise DamagedFileError(f"Column {matches[role].text!r} of {path.name} holds no number")
        curve = curve_finding(table)
        if curve is not None:
            if curve.severity is not Severity.INFO:  # a curve that lirich wrote has neither time nor current
                require_time_axis(table, path=path, vendor="the Battery Data Format")
            findings.append(curve)
        used = {m.index for r, m in matches.items() if r in columns}
        return Reading(
            table=table,
            reader=self.name,
            reader_version=self.version,
            confidence=0.99 if path.name.lower().endswith(_SUFFIXES) else 0.97,
            reason=f"{len(matches)} headers of the Battery Data Format",
            recognised=tuple(
                ColumnMatch(matches[c].text, c, matches[c].unit, matches[c].factor, notes.get(c, ""))
                for c in table.columns
            ),
            unrecognised=tuple(text for i, text in enumerate(headers) if i not in used and text),
            metadata=dict(facts or {}),
            findings=tuple(findings),
        )


def _whole(series: pl.Series) -> pl.Series:
    """Return a count in which a missing number is 0."""
    series = series.cast(pl.Int64)
    return series.fill_null(0) if series.null_count() else series


def _warn(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, message=message)


def write_bdf(
    table: pl.DataFrame, path: Path | str, *, labels: Labels = "machine", origin: Origin = Origin.MEASURED
) -> Path:
    """Write a standard table as Battery Data Format; reading it gives the same table.

    Parameters
    ----------
    table:
        A standard table, shape ``(n, k)``, in the units of `lirich.model.table.COLUMNS`.
    path:
        Where to; the suffix says what: ``.parquet``, or csv for anything else. The file appears whole or not at all.
    labels:
        ``machine`` for ``test_time_second``, ``preferred`` for ``Test Time / s``.
    origin:
        Where the points come from. A Parquet file says it in its metadata where they are not measured; csv has no place
        for it.

    Raises `lirich.errors.InputError` where the table has other columns than a standard table.
    """
    path = Path(path)
    other = [name for name in table.columns if name not in std.COLUMNS]
    if other:
        raise InputError(
            f"A table with the columns {', '.join(other)} is no standard table", expected=", ".join(std.COLUMNS)
        )
    names = MACHINE_NAMES if labels == "machine" else PREFERRED_LABELS
    renamed = table.rename({name: names[name] for name in table.columns})
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.suffix == ".parquet":
            renamed.write_parquet(partial, compression="zstd", metadata=parquet_remark(origin))
        else:
            renamed.write_csv(partial, line_terminator="\n", quote_style="necessary", null_value="")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


READERS = (BdfReader(),)
