"""Any table, through a small TOML file beside it that says what its columns are.

For ``curve.csv`` the mapping is ``curve.csv.lirich.toml``; a ``lirich-mapping.toml`` in the folder is used for every
table of the folder that has all the columns it names. Example, cycler data with a unit in another place::

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

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from lirich import __version__
from lirich.errors import DamagedFileError, MappingError, UnknownNameError
from lirich.model import Cell, Finding, Sample, Scalar
from lirich.model import table as std
from lirich.readers import delimited, workbook
from lirich.readers import headers as h
from lirich.readers.assemble import Columns, assemble
from lirich.readers.base import Reading, Recognition

SUFFIX = ".lirich.toml"
FOLDER_NAME = "lirich-mapping.toml"
_MAX_SIZE = 1_000_000

ROLES: dict[str, str] = {
    "time": std.TIME,
    "step_time": h.STEP_TIME,
    "clock": h.CLOCK,
    "unix_time": std.UNIX_TIME,
    "voltage": std.VOLTAGE,
    "current": std.CURRENT,
    "cycle": std.CYCLE,
    "step": std.STEP,
    "step_index": std.STEP_INDEX,
    "state": std.STEP_TYPE,
    "direction": std.STEP_TYPE,
    "capacity": h.CAPACITY,
    "charge_capacity": std.CHARGED,
    "discharge_capacity": std.DISCHARGED,
    "energy": h.ENERGY,
    "charge_energy": std.CHARGED_ENERGY,
    "discharge_energy": std.DISCHARGED_ENERGY,
    "ambient_temperature": std.TEMPERATURE,
    "temperature": std.CELL_TEMPERATURE,
    "resistance": std.RESISTANCE,
    **{column: column for column in std.COLUMNS},
}
"""What a mapping may call a column → what it is."""

_KEYS = {
    "name", "normalised_to_mg", "positive_current", "columns", "states", "cell", "sample", "separator", "decimal",
    "encoding", "header_row", "sheet",
}  # fmt: skip
_STATES = {"charge": 1, "discharge": -1, "rest": 0}
_PER_GRAM = {
    # Factor to Ah, A or Wh per milligram of active mass: 1 mAh/g = 1e-6 Ah/mg.
    "charge": {"mah/g": 1e-6, "ah/kg": 1e-6, "ah/g": 1e-3, "uah/g": 1e-9},
    "current": {"ma/g": 1e-6, "a/kg": 1e-6, "a/g": 1e-3, "ua/g": 1e-9},
    "energy": {"mwh/g": 1e-6, "wh/kg": 1e-6, "wh/g": 1e-3},
}


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """What the mapping says of one column: the key that says it, the header or position, and the unit."""

    key: str
    role: str
    column: str | int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class TableMapping:
    """A checked mapping file."""

    path: Path
    columns: tuple[MappedColumn, ...]
    normalised_to_mg: float | None = None
    positive_current: str = "charge"
    states: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    sheet: str | None = None
    name: str = ""


def mapping_path(path: Path) -> Path | None:
    """Return the mapping file that belongs to *path*, its own before the folder's; ``None`` where there is none."""
    own = path.with_name(path.name + SUFFIX)
    folder = path.with_name(FOLDER_NAME)
    if path.name == FOLDER_NAME or path.name.endswith(SUFFIX):
        return None
    for candidate in (own, folder):
        try:
            if candidate.is_file():
                return candidate
        except OSError:
            continue
    return None


def load_mapping(path: Path) -> TableMapping:
    """Read and check a mapping file. Raises `MappingError` that names the key that is wrong."""
    try:
        if path.stat().st_size > _MAX_SIZE:
            raise MappingError(f"{path.name} has more than {_MAX_SIZE} bytes", expected="a small TOML file")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(f"{path} cannot be opened: {error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path.name} is not TOML: {error}", advice="See the how-to on your own tables") from error
    except RecursionError as error:
        raise MappingError(f"{path.name} is nested too deeply", expected="a small TOML file") from error
    return _Checker(path, data).mapping()


class _Checker:
    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data

    def fail(self, key: str, found: str, expected: str = "", advice: str = "") -> MappingError:
        return MappingError(f"{self.path.name}: {key} {found}", expected=expected, advice=advice)

    def known(self, kind: str, key: str, names: Sequence[str] | set[str]) -> None:
        if key not in names:
            near = UnknownNameError.of(kind, key, names)
            raise MappingError(f"{self.path.name}: {near.found}", advice=near.advice)

    def mapping(self) -> TableMapping:
        for key in self.data:
            self.known("key", key, _KEYS)
        mass = self._number("normalised_to_mg")
        positive = self._text("positive_current", ("charge", "discharge", "unsigned")) or "charge"
        decimal = self._text("decimal", (".", ","))
        separator = self._text("separator")
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\n\r'):
            raise self.fail("separator", f"is {separator!r}", "one ASCII character")
        encoding = self._text("encoding")
        if encoding is not None:
            try:
                "".encode(encoding)
            except (LookupError, ValueError) as error:
                raise self.fail("encoding", f"{encoding!r} is not known", "utf-8, latin-1, …") from error
        header_row = self.data.get("header_row")
        if header_row is not None and (type(header_row) is not int or not 0 <= header_row <= 10_000):
            raise self.fail("header_row", f"is {header_row!r}", "a line number from 1, or 0 for no header")
        columns = self._columns(mass)
        if positive == "unsigned" and not any(c.role == std.STEP_TYPE for c in columns):
            raise self.fail("positive_current", "is 'unsigned' without a column state", "columns.state")
        return TableMapping(
            path=self.path,
            columns=columns,
            normalised_to_mg=mass,
            positive_current=positive,
            states=self._states(),
            facts=self._facts(),
            separator=separator,
            decimal=decimal,
            encoding=encoding,
            header_row=header_row,
            sheet=self._text("sheet"),
            name=self._text("name") or "",
        )

    def _number(self, key: str) -> float | None:
        value = self.data.get(key)
        if value is None:
            return None
        if type(value) not in (int, float) or not math.isfinite(value) or value <= 0 or value > 1e12:
            raise self.fail(key, f"is {str(value)[:40]}", "a positive number")
        return float(value)

    def _text(self, key: str, choices: tuple[str, ...] = ()) -> str | None:
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or (choices and value not in choices):
            raise self.fail(key, f"is {str(value)[:40]!r}", " or ".join(map(repr, choices)) or "a text")
        return value

    def _columns(self, mass: float | None) -> tuple[MappedColumn, ...]:
        section = self.data.get("columns")
        if not isinstance(section, dict) or not section:
            raise self.fail("[columns]", "is missing or empty", "at least voltage with time and current, or capacity")
        found: dict[str, MappedColumn] = {}
        for key, entry in section.items():
            self.known("column", key, list(ROLES))
            place = f"columns.{key}"
            column, unit = entry, ""
            if isinstance(entry, dict):
                for name in entry:
                    if name not in ("column", "unit"):
                        raise self.fail(f"{place}.{name}", "is not known", "column and unit")
                column, unit = entry.get("column"), entry.get("unit", "")
            if type(column) is int:
                if not 1 <= column <= 100_000:
                    raise self.fail(place, f"is {column}", "the position of a column, from 1")
            elif not isinstance(column, str) or not column.strip():
                raise self.fail(place, f"is {str(column)[:40]!r}", "a header, or { column = header, unit = unit }")
            if not isinstance(unit, str):
                raise self.fail(f"{place}.unit", f"is {str(unit)[:40]!r}", "a text such as 'mA'")
            role = ROLES[key]
            if role in found:
                raise self.fail(place, f"means the same as columns.{found[role].key}", "one of them")
            found[role] = MappedColumn(key, role, column.strip() if isinstance(column, str) else column, unit.strip())
            if unit.strip():
                self.factor(found[role], unit, mass)
        self._enough(found)
        return tuple(found.values())

    def _enough(self, found: Mapping[str, MappedColumn]) -> None:
        if std.VOLTAGE not in found:
            raise self.fail("columns.voltage", "is missing", "the voltage")
        timed = std.CURRENT in found and {std.TIME, h.CLOCK, h.STEP_TIME, std.UNIX_TIME} & set(found)
        curve = {std.CHARGED, std.DISCHARGED} <= set(found) or {h.CAPACITY, std.STEP_TYPE} <= set(found)
        if not timed and not curve:
            missing = "direction" if h.CAPACITY in found else "current" if std.TIME in found else "time"
            raise self.fail(
                f"columns.{missing}",
                "is missing",
                "time and current, or capacity and direction, or charge_capacity and discharge_capacity",
            )

    def factor(self, column: MappedColumn, unit: str, mass: float | None) -> float:
        """Return the factor from *unit* to the standard unit."""
        dimension = h.HeaderMatch(0, "", column.role, "", 1.0).dimension
        place = f"columns.{column.key}.unit"
        if dimension in ("count", "text", "clock"):
            raise self.fail(place, f"is {unit!r}, but {column.key} has no unit", "no unit")
        per_gram = _PER_GRAM.get(dimension, {}).get(h.unit_key(unit))
        if per_gram is not None:
            if mass is None:
                raise self.fail(
                    "normalised_to_mg", f"is missing, but {place} is {unit!r}", "the active mass in mg", "Add it on top"
                )
            return per_gram * mass
        factor = h.unit_factor(unit, dimension)
        if factor is None:
            known = ", ".join([*h.UNITS[dimension], *_PER_GRAM.get(dimension, {})][:16])
            raise self.fail(place, f"is {unit[:40]!r}, which is no unit of {dimension}", known)
        return factor

    def _states(self) -> dict[str, int]:
        section = self.data.get("states", {})
        if not isinstance(section, dict):
            raise self.fail("[states]", "is not a section", "charge, discharge, rest")
        found: dict[str, int] = {}
        for key, words in section.items():
            self.known("state", key, list(_STATES))
            words = [words] if isinstance(words, str | int) else words
            if not isinstance(words, list) or not all(isinstance(word, str | int) for word in words):
                raise self.fail(f"states.{key}", "is not a list of words", 'for example ["ox"]')
            for word in words:
                if str(word) in found and found[str(word)] != _STATES[key]:
                    raise self.fail(f"states.{key}", f"claims {str(word)!r}, which another state has")
                found[str(word)] = _STATES[key]
        return found

    def _facts(self) -> dict[str, Scalar]:
        facts: dict[str, Scalar] = {}
        for section, model in (("cell", Cell), ("sample", Sample)):
            entries = self.data.get(section, {})
            if not isinstance(entries, dict):
                raise self.fail(f"[{section}]", "is not a section", f"facts of the {section}")
            for key, value in entries.items():
                if key not in model.model_fields or key in ("key", "recipe", "extra"):
                    self.known(f"{section} fact", key, set(model.model_fields) - {"key", "recipe", "extra"})
                if not isinstance(value, bool | int | float | str):
                    raise self.fail(f"{section}.{key}", "is not a number or text")
                facts[key] = value
            try:
                model(key="x", **entries)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                raise self.fail(f"{section}.{where}", f"is wrong: {first['msg']}") from error
        return facts


class MappedReader:
    """Tables described by a mapping file beside them."""

    name = "mapped"
    version = __version__
    description = f"table with a mapping file ({SUFFIX} beside it, or {FOLDER_NAME})"
    extensions = (".csv", ".txt", ".tsv", ".dat", ".xlsx")

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """Sure where the file has a mapping of its own; with the folder's, where all columns it names are there."""
        mapping_file = mapping_path(path)
        if mapping_file is None:
            return None
        if mapping_file.name != FOLDER_NAME:
            return Recognition(1.0, f"its mapping file {mapping_file.name}")
        if delimited.encoding_of(head) is None and not workbook.is_workbook(head):
            return None
        try:
            mapping = load_mapping(mapping_file)
        except MappingError as error:
            return Recognition(1.0, f"the folder's mapping file, which is wrong: {error.found}")
        if workbook.is_workbook(head):
            return Recognition(1.0, f"the folder's mapping file {FOLDER_NAME}") if mapping.sheet else None
        layout = _text_layout(head, mapping)
        if layout is None or any(_index(layout.headers, c.column) is None for c in mapping.columns):
            return None
        return Recognition(1.0, f"the folder's mapping file {FOLDER_NAME} names its columns")

    def read(self, path: Path) -> Reading:
        """Read the table as the mapping says. Raises `MappingError` or another `ReadError`."""
        mapping_file = mapping_path(path)
        if mapping_file is None:
            raise MappingError(
                f"{path.name} has no mapping file", expected=f"{path.name}{SUFFIX} or {FOLDER_NAME} beside it"
            )
        mapping = load_mapping(mapping_file)
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
            findings=(*findings, *assembled.findings),
        )

    def _text(
        self, path: Path, data: bytes, mapping: TableMapping
    ) -> tuple[delimited.Layout, dict[str, h.HeaderMatch], delimited.Loaded, list[Finding]]:
        layout = _text_layout(data[: delimited.SEARCH_BYTES], mapping)
        if layout is None:
            raise MappingError(
                f"{path.name} has no header row with the columns that {mapping.path.name} names "
                f"({', '.join(str(c.column) for c in mapping.columns)})",
                advice="Compare the names with the file, or give header_row",
            )
        matches = _matches(layout.headers, mapping, path)
        layout = replace(layout, width=max(layout.width, *(m.index + 1 for m in matches.values())))
        body, first_line, findings = delimited.body_of(data, layout, path)
        sample = body[:4000].decode("utf-8", "replace").split("\n")
        cells = delimited.split_line(sample[0], layout.separator)
        texts = [
            m.index
            for m in matches.values()
            if m.dimension in ("text", "clock")
            or (m.dimension == "time" and m.index < len(cells) and ":" in cells[m.index])
        ]
        numbers = [m.index for m in matches.values() if m.index not in texts]
        loaded = delimited.load(body, layout, numbers=numbers, texts=texts, first_line=first_line, path=path)
        return layout, matches, loaded, findings

    def _workbook(
        self, path: Path, mapping: TableMapping
    ) -> tuple[delimited.Layout, dict[str, h.HeaderMatch], delimited.Loaded]:
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
        loaded = delimited.Loaded(frame.slice(layout.header_line + 1), layout.header_line + 2)
        return layout, matches, delimited.convert(loaded, matches.values(), decimal_comma=mapping.decimal == ",")


def _named(cells: Sequence[str], mapping: TableMapping) -> int:
    found = sum(_index(cells, column.column) is not None for column in mapping.columns)
    return found if found == len(mapping.columns) else 0


def _text_layout(head: bytes, mapping: TableMapping) -> delimited.Layout | None:
    return delimited.find_layout(
        head,
        lambda cells: _named(cells, mapping),
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
    checker = _Checker(mapping.path, {})
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
            factor = checker.factor(column, unit, mapping.normalised_to_mg)
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
