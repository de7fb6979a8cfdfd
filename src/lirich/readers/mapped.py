"""Any table, through a small TOML file that says what its columns are: one that is given, or that lies beside it.

Beside ``curve.csv`` that is ``curve.csv.lirich.toml``; a ``lirich-mapping.toml`` in the folder is used for every table
of the folder that has all the columns it names. Example, cycler data with a unit in another place::

    name = "our own potentiostat"     # optional, free text
    positive_current = "discharge"    # optional: "charge" (default), "discharge", or "unsigned"

    [columns]                         # what = "header", or { column = "header", unit = "…" }
    time = { column = "t", unit = "min" }
    voltage = "E"                     # without a unit: that of the header ("E(mV)"), else s, V, A, Ah
    current = { column = "I", unit = "uA" }
    cycle = 4                         # a number is the position of the column, from 1

    [states]                          # optional: what the words in the column `state` mean
    charge = ["ox"]
    discharge = ["red"]
    rest = ["ocv"]

    [cell]                            # optional: facts of the cell and, in [sample], of the material
    electrode = "cathode"

Voltage–capacity curves without time, digitised from a figure, in mAh per gram::

    normalised_to_mg = 1.0            # the active mass (mg) that the capacities are multiplied by

    [columns]
    cycle = "cycle"
    direction = "direction"           # the words charge and discharge
    voltage = { column = "voltage_V", unit = "V" }
    capacity = { column = "capacity_mAh_g", unit = "mAh/g" }

Columns: ``time step_time clock unix_time voltage current cycle step step_index state`` (or ``direction``)
``capacity charge_capacity discharge_capacity energy charge_energy discharge_energy ambient_temperature
temperature resistance``, and the names of the standard table. ``capacity`` and ``energy`` are for both directions in
one column; counters may reset. Also: ``separator``, ``decimal``, ``encoding``, ``header_row`` (from 1; 0 for a table
without header) and ``sheet``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from lirich import __version__
from lirich.errors import DamagedFileError, MappingError, UnknownNameError
from lirich.model import Finding, Scalar
from lirich.model import table as std
from lirich.readers import delimited, loading, workbook
from lirich.readers import headers as h
from lirich.readers.assemble import assemble
from lirich.readers.base import Reading, Recognition, curve_finding
from lirich.readers.draft import Columns
from lirich.readers.mapping_file import (
    FOLDER_NAME,
    ROLES,
    SUFFIX,
    TableMapping,
    load_mapping,
    mapping_path,
    unit_factor,
)


class MappedReader:
    """Tables described by a mapping file beside them."""

    name = "mapped"
    version = __version__
    description = f"table with a mapping file ({SUFFIX} beside it, or {FOLDER_NAME})"
    extensions: tuple[str, ...] = (".csv", ".txt", ".tsv", ".dat", ".xlsx")

    def __init__(self, given: Path | None = None, called: str = "") -> None:
        """Go by the mapping file *given*, *called* so in what is said; by default by the one beside each file."""
        self._given = given
        self._called = called or (given.name if given is not None else "")

    def by(self, mapping: Path, called: str = "") -> MappedReader:
        """Return a reader that goes by this mapping file, *called* so in what is said."""
        return MappedReader(mapping, called)

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Sure where the file has a mapping of its own; with another, where all columns it names are there."""
        mapping_file = self._given or mapping_path(path)
        if mapping_file is None:
            return None
        if self._given is None and mapping_file.name != FOLDER_NAME:
            return Recognition(1.0, f"its mapping file {mapping_file.name}")
        whose = f"the folder's mapping file {FOLDER_NAME}" if self._given is None else f"the mapping {self._called}"
        if delimited.encoding_of(head) is None and not workbook.is_workbook(head):
            return None
        try:
            mapping = load_mapping(mapping_file)
        except MappingError as error:
            return Recognition(1.0, f"{whose}, which is wrong: {error.found}")
        if workbook.is_workbook(head):
            return Recognition(1.0, whose) if mapping.sheet else None
        layout = _text_layout(head, mapping)
        if layout is None or any(_index(layout.headers, c.column) is None for c in mapping.columns):
            return None
        return Recognition(1.0, f"{whose} names its columns")

    def read(self, path: Path) -> Reading:
        """Read the table as the mapping says. Raises `MappingError` or another `ReadError`."""
        mapping_file = self._given or mapping_path(path)
        if mapping_file is None:
            raise MappingError(
                f"{path.name} has no mapping file", expected=f"{path.name}{SUFFIX} or {FOLDER_NAME} beside it"
            )
        mapping = load_mapping(mapping_file)
        if self._called:
            mapping = replace(mapping, path=Path(self._called))  # a kept copy has a hash for a name
        data = delimited.read_bytes(path)
        findings: list[Finding] = []
        if workbook.is_workbook(data[:8192]):
            layout, matches, loaded = self._workbook(path, mapping)
        else:
            layout, matches, loaded, findings = self._text(path, data, mapping)
        series = {role: loaded.frame.get_column(f"c{m.index}") for role, m in matches.items()}
        if std.STEP_TYPE in series:
            series[std.STEP_TYPE] = _states(series[std.STEP_TYPE], mapping, path)
        assembled = assemble(
            Columns(
                path=path,
                series=series,
                matches=matches,
                line=loaded.line,
                unreadable={r: loaded.unreadable[m.index] for r, m in matches.items() if m.index in loaded.unreadable},
                positive_current=mapping.positive_current,
            )
        )
        curve = curve_finding(assembled.table)
        used = {m.index for m in matches.values()}
        metadata: dict[str, Scalar] = {**assembled.metadata, **mapping.facts}
        if mapping.normalised_to_mg is not None:
            metadata["active_mass_mg"] = mapping.normalised_to_mg
        if mapping.name:
            metadata["mapping"] = mapping.name
        return Reading(
            table=assembled.table,
            reader=self.name,
            reader_version=self.version,
            confidence=1.0,
            reason=f"its columns are named by {mapping.path.name}",
            recognised=assembled.recognised,
            unrecognised=tuple(t for i, t in enumerate(layout.headers) if i not in used and t),
            metadata=metadata,
            findings=(*findings, *assembled.findings, *((curve,) if curve else ())),
            split_by_sign=assembled.split_by_sign,
        )

    def _text(
        self, path: Path, data: bytes, mapping: TableMapping
    ) -> tuple[delimited.Layout, dict[str, h.HeaderMatch], loading.Loaded, list[Finding]]:
        head = data[: delimited.SEARCH_BYTES]
        layout = _text_layout(head, mapping) or _text_layout(head, mapping, some=True)
        if layout is None:
            raise MappingError(
                f"{path.name} has no header row with the columns that {mapping.path.name} names "
                f"({', '.join(str(c.column) for c in mapping.columns)})",
                advice="Compare the names with the file, or give header_row",
            )
        matches = _matches(layout.headers, mapping, path)
        layout = replace(layout, width=max(layout.width, *(m.index + 1 for m in matches.values())))
        body, findings = loading.body_of(data, layout, path)
        sample = body.head(4000).decode("utf-8", "replace").split("\n")
        cells = delimited.split_line(sample[0], layout.separator)
        texts = [
            m.index
            for m in matches.values()
            if m.dimension in ("text", "clock")
            or (m.dimension == "time" and m.index < len(cells) and ":" in cells[m.index])
        ]
        numbers = [m.index for m in matches.values() if m.index not in texts]
        loaded = loading.load(body, layout, numbers=numbers, texts=texts, path=path)
        return layout, matches, loaded, findings

    def _workbook(
        self, path: Path, mapping: TableMapping
    ) -> tuple[delimited.Layout, dict[str, h.HeaderMatch], loading.Loaded]:
        sheets = workbook.sheet_names(path)
        if mapping.sheet is not None and mapping.sheet not in sheets:
            raise MappingError(
                f"{mapping.path.name}: sheet {mapping.sheet!r} is not in {path.name}", expected=", ".join(sheets)
            )
        if not sheets:
            raise DamagedFileError(f"{path.name} has no sheets")
        frame = workbook.read_sheet(path, mapping.sheet or sheets[0])
        layout = workbook.sheet_layout(frame, lambda cells: _named(cells, mapping))
        if layout is None:
            raise MappingError(
                f"Sheet {mapping.sheet or sheets[0]!r} of {path.name} has no row with the columns that "
                f"{mapping.path.name} names",
                advice="Compare the names with the file, or give the sheet",
            )
        matches = _matches(layout.headers, mapping, path)
        loaded = loading.Loaded(frame.slice(layout.header_line + 1), layout.header_line + 2)
        return layout, matches, loading.convert(loaded, matches.values(), decimal_comma=mapping.decimal == ",")


def _named(cells: Sequence[str], mapping: TableMapping, *, some: bool = False) -> int:
    found = sum(_index(cells, column.column) is not None for column in mapping.columns)
    return found if some or found == len(mapping.columns) else 0


def _text_layout(head: bytes, mapping: TableMapping, *, some: bool = False) -> delimited.Layout | None:
    return delimited.find_layout(
        head,
        lambda cells: _named(cells, mapping, some=some),
        separator=mapping.separator,
        encoding=mapping.encoding,
        header_row=mapping.header_row,
        decimal=mapping.decimal,
    )


def _index(headers: Sequence[str], column: str | int) -> int | None:
    if isinstance(column, int):
        return column - 1 if column <= len(headers) else None
    wanted = column.casefold()
    for index, text in enumerate(headers):
        if text.strip().strip('"').casefold() == wanted:
            return index
    return None


def _matches(headers: Sequence[str], mapping: TableMapping, path: Path) -> dict[str, h.HeaderMatch]:
    matches: dict[str, h.HeaderMatch] = {}
    for column in mapping.columns:
        index = _index(headers, column.column)
        if index is None:
            near = UnknownNameError.of("column", str(column.column), [t for t in headers if t])
            raise MappingError(
                f"{mapping.path.name}: columns.{column.key} is {column.column!r}, which {path.name} does not have",
                advice=near.advice,
            )
        text = headers[index] if index < len(headers) else ""
        unit, factor, clock_unit = column.unit, 1.0, ""
        if unit:
            factor = unit_factor(mapping.path, column, mapping.normalised_to_mg)
        else:
            stated = h.stated_unit(text, column.role)
            if stated is not None:
                unit, factor, clock_unit = stated.unit, stated.factor, stated.clock_unit
        text = text or f"column {index + 1}"
        matches[column.role] = h.HeaderMatch(index, text, column.role, unit, factor, clock_unit)
    return matches


def _states(words: pl.Series, mapping: TableMapping, path: Path) -> pl.Series:
    """Replace the words that the mapping explains by charge, discharge and rest."""
    if not mapping.states:
        return words
    names = {1: "charge", -1: "discharge", 0: "rest"}
    known = {word: names[value] for word, value in mapping.states.items()}
    clean = words.cast(pl.String).str.strip_chars()
    if not clean.is_in(list(known)).any():
        raise MappingError(
            f"{mapping.path.name}: none of the words in [states] stands in {path.name} (it has "
            f"{', '.join(repr(w) for w in clean.drop_nulls().unique(maintain_order=True).head(6).to_list())})"
        )
    return clean.replace(known)


READERS = (MappedReader(),)
__all__ = ["FOLDER_NAME", "READERS", "ROLES", "SUFFIX", "MappedReader", "TableMapping", "load_mapping", "mapping_path"]
