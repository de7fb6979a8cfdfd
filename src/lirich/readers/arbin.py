"""Arbin's exports (csv, xlsx) and its databases (.res)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lirich import __version__
from lirich.errors import DamagedFileError, MissingColumnError
from lirich.model import Finding, Scalar
from lirich.model import table as std
from lirich.readers import headers as h
from lirich.readers.access import MAGIC, AccessFile, TableDefinition
from lirich.readers.assemble import assemble
from lirich.readers.base import Reading, Recognition
from lirich.readers.delimited import read_bytes
from lirich.readers.draft import Columns
from lirich.readers.tabular import Heading, TabularReader

_OWN = {
    "datapoint", "testtime", "steptime", "stepindex", "cycleindex", "dvdt", "internalresistance", "testid", "datetime",
}  # fmt: skip


class ArbinTextReader(TabularReader):
    """Arbin MITS exports (.csv, .xlsx)."""

    name = "arbin-text"
    description = "Arbin csv or xlsx export"
    extensions = (".csv", ".txt", ".xlsx")
    aliases: ClassVar[dict[str, h.Alias]] = {"step": (std.STEP_INDEX, "")}

    def confidence(self, heading: Heading) -> tuple[float, str]:
        """Arbin's headers: Test_Time, Step_Index, Cycle_Index with Charge_Capacity."""
        names = heading.names
        own = names & _OWN
        if {"stepindex", "cycleindex", "testtime"} <= names and "chargecapacity" in names and "stepname" not in names:
            return (0.95 if len(own) >= 5 else 0.8), f"Arbin's headers {', '.join(sorted(own)[:4])}"
        return 0.0, ""

    def sheet_confidence(self, sheets: Sequence[str]) -> tuple[float, str]:
        """Sheets ``Global_Info`` and ``Channel_…``."""
        channels = self.pick_sheets(sheets)
        if channels and any(s.lower().startswith("global_info") for s in sheets):
            return 0.97, f"sheets Global_Info and {channels[0]}"
        return (0.8, f"a sheet {channels[0]}") if channels else (0.0, "")

    def pick_sheets(self, sheets: Sequence[str]) -> list[str]:
        """The sheets of records; not the statistics, charts and impedance beside them."""
        found = [s for s in sheets if s.lower().startswith(("channel_", "channel-")) and "chart" not in s.lower()]
        return [s for s in found if "stat" not in s.lower()] or found


class ArbinResReader:
    """Arbin MITS databases (.res)."""

    name = "arbin-res"
    version = __version__
    description = "Arbin .res database"
    extensions = (".res",)

    def sniff(self, path: Path, head: bytes) -> Recognition | None:
        """An Access database; sure of it when it is called .res."""
        if not head.startswith(MAGIC):
            return None
        named = path.suffix.lower() == ".res"
        return Recognition(0.95 if named else 0.5, "an Access database" + (" named .res" if named else ""))

    def read(self, path: Path) -> Reading:
        """Read the records of the (largest) test. Raises `DamagedFileError` or `MissingColumnError`."""
        database = AccessFile(read_bytes(path), path)
        table = database.find("Data_Point", "Test_Time", "Current", "Voltage")
        if table is None:
            raise MissingColumnError(
                f"{path.name} is an Access database without a table of Data_Point, Test_Time, Current and Voltage",
                expected="an Arbin .res file",
            )
        places = database.row_places(table)
        findings = _completeness(path, len(places), table.rows)
        places, other = _one_test(database, table, places, path)
        findings += other
        order = np.argsort(database.numbers(table, "Data_Point", places), kind="stable")
        places = places[order]
        series: dict[str, pl.Series] = {}
        matches: dict[str, h.HeaderMatch] = {}
        for index, (name, (role, unit)) in enumerate(_RES_COLUMNS.items()):
            if name in table.columns:
                series[role] = pl.Series(database.numbers(table, name, places))
                matches[role] = h.HeaderMatch(index, name, role, unit, 1.0)
        temperature = _auxiliary_temperature(database, table, places)
        if temperature is not None:
            series[std.CELL_TEMPERATURE] = pl.Series(temperature)
            matches[std.CELL_TEMPERATURE] = h.HeaderMatch(99, "Auxiliary_Table.X", std.CELL_TEMPERATURE, "degC", 1.0)
        points = database.numbers(table, "Data_Point", places)
        assembled = assemble(Columns(path, series, matches, line=lambda row: int(np.nan_to_num(points[row]))))
        return Reading(
            table=assembled.table,
            reader=self.name,
            reader_version=self.version,
            confidence=0.95,
            reason="an Access database with Arbin's tables",
            recognised=assembled.recognised,
            unrecognised=tuple(name for name in table.columns if name not in (*_RES_COLUMNS, "Test_ID", "Data_Point")),
            metadata=_facts(database),
            findings=(*findings, *assembled.findings),
        )


_RES_COLUMNS: dict[str, tuple[str, str]] = {
    "Test_Time": (std.TIME, "s"),
    "DateTime": (h.CLOCK, ""),
    "Step_Index": (std.STEP_INDEX, ""),
    "Cycle_Index": (std.CYCLE, ""),
    "Current": (std.CURRENT, "A"),
    "Voltage": (std.VOLTAGE, "V"),
    "Charge_Capacity": (std.CHARGED, "Ah"),
    "Discharge_Capacity": (std.DISCHARGED, "Ah"),
    "Charge_Energy": (std.CHARGED_ENERGY, "Wh"),
    "Discharge_Energy": (std.DISCHARGED_ENERGY, "Wh"),
    "Internal_Resistance": (std.RESISTANCE, "ohm"),
}
_TEMPERATURE_TYPE = 1.0
"""Data_Type of a temperature in Auxiliary_Table (its Unit in Aux_Global_Data_Table is C)."""


def _completeness(path: Path, found: int, promised: int) -> list[Finding]:
    if found == 0:
        raise DamagedFileError(f"{path.name} holds no records", expected=f"{promised} by its own account")
    if found >= promised:
        return []
    message = f"{path.name} says that it has {promised} records, and {found} of them are there"
    if found < 0.99 * promised:
        raise DamagedFileError(message, advice="Copy the file again")
    return [Finding(code="rows-missing", message=message, advice="Copy the file again, or export it as csv")]


def _one_test(
    database: AccessFile, table: TableDefinition, places: NDArray[np.int64], path: Path
) -> tuple[NDArray[np.int64], list[Finding]]:
    if "Test_ID" not in table.columns:
        return places, []
    tests = database.numbers(table, "Test_ID", places)
    names, counts = np.unique(tests[np.isfinite(tests)], return_counts=True)
    if names.size <= 1:
        return places, []
    chosen = names[np.argmax(counts)]
    finding = Finding(
        code="several-tests",
        message=f"{path.name} holds {names.size} tests; the largest, Test_ID {chosen:g}, was read",
        advice="Export the others as csv",
    )
    return places[tests == chosen], [finding]


def _auxiliary_temperature(
    database: AccessFile, table: TableDefinition, places: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return the first auxiliary temperature for the records at *places*, °C; ``None`` where there is none."""
    auxiliary = database.find("Data_Point", "Auxiliary_Index", "Data_Type", "X")
    if auxiliary is None:
        return None
    rows = database.row_places(auxiliary)
    if not len(rows):
        return None
    point, channel, kind, value = (
        database.numbers(auxiliary, name, rows) for name in ("Data_Point", "Auxiliary_Index", "Data_Type", "X")
    )
    warm = (kind == _TEMPERATURE_TYPE) & np.isfinite(point)
    if not warm.any():
        return None
    first = warm & (channel == np.nanmin(channel[warm]))
    by_point = dict(zip(point[first].tolist(), value[first].tolist(), strict=True))
    return np.array([by_point.get(p, np.nan) for p in database.numbers(table, "Data_Point", places).tolist()])


def _facts(database: AccessFile) -> dict[str, Scalar]:
    table = database.find("Test_ID", "Test_Name")
    places = database.row_places(table) if table is not None else np.empty((0, 2), dtype=np.int64)
    if table is None or not len(places):
        return {}
    texts = {name: database.text(table, name, places[0]).strip() for name in table.columns}
    return {name: text[:500] for name, text in texts.items() if text}


READERS = (ArbinTextReader(), ArbinResReader())
