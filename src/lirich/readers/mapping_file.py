"""The mapping file beside a table: read, checked key by key, and turned into `TableMapping`.

The format is described in `lirich.readers.mapped`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lirich.errors import MappingError, UnknownNameError
from lirich.model import Cell, Sample, Scalar
from lirich.model import table as std
from lirich.readers import headers as h

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
        if not path.is_file() and path.exists() and not path.is_dir():  # a pipe would wait for ever
            raise MappingError(f"{path} is no regular file", expected="a small TOML file")
        if path.stat().st_size > _MAX_SIZE:
            raise MappingError(f"{path.name} has more than {_MAX_SIZE} bytes", expected="a small TOML file")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MappingError(
            f"{path} cannot be opened: {error.strerror or error}", advice="Check the path of the mapping file"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path.name} is not TOML: {error}", advice="See the how-to on your own tables") from error
    except RecursionError as error:
        raise MappingError(f"{path.name} is nested too deeply", expected="a small TOML file") from error
    return _Checker(path, data).mapping()


def unit_factor(path: Path, column: MappedColumn, mass: float | None) -> float:
    """Return the factor from the unit of *column* to the standard one; capacities per gram need the *mass* in mg.

    Raises `MappingError`.
    """
    dimension, unit = h.DIMENSION[column.role], column.unit
    place = f"{path.name}: columns.{column.key}.unit"
    if dimension in ("count", "text", "clock"):
        raise MappingError(f"{place} is {unit[:40]!r}, but {column.key} has no unit")
    per_gram = _PER_GRAM.get(dimension, {}).get(h.unit_key(unit))
    if per_gram is not None:
        if mass is None:
            raise MappingError(
                f"{path.name}: normalised_to_mg is missing, but columns.{column.key}.unit is {unit!r}",
                expected="the active mass in mg",
                advice="Add it on top of the file",
            )
        return per_gram * mass
    factor = h.unit_factor(unit, dimension)
    if factor is None:
        known = ", ".join([*h.UNITS[dimension], *_PER_GRAM.get(dimension, {})][:16])
        raise MappingError(f"{place} is {unit[:40]!r}, which is no unit of {dimension}", expected=known)
    return factor


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
                unit_factor(self.path, found[role], mass)
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
                if key not in model.model_fields or key in ("key", "recipe", "extra", "sources"):
                    self.known(f"{section} fact", key, set(model.model_fields) - {"key", "recipe", "extra", "sources"})
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
