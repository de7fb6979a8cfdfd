"""The table of all cells at a glance: one row per cell, and the conditions that its numbers stand under."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from lirich.model import Severity, Value
from lirich.model.flags import Marks
from lirich.model.format import condition_name, format_conditions, format_number, format_value
from lirich.model.shown import shared_conditions
from lirich.plots import whole_cycles
from lirich.quantities import QUANTITIES
from lirich.reports.data import CellReport, ReportData
from lirich.reports.diagnosis import first_value
from lirich.reports.sections import anchor, asks, counted

OVERVIEW = (
    "discharge_specific_capacity_mah_g",
    "initial_coulombic_efficiency",
    "capacity_retention",
    "voltage_decay_mv_per_cycle",
    "structural_share_of_voltage_decay",
    "low_voltage_share_growth_percent_per_cycle",
)
"""The columns of the overview table."""

SHORT = {
    "discharge_specific_capacity_mah_g": "Discharge capacity",
    "initial_coulombic_efficiency": "Initial CE",
    "capacity_retention": "Capacity retention",
    "voltage_decay_mv_per_cycle": "Voltage decay",
    "structural_share_of_voltage_decay": "of it structural",
    "low_voltage_share_growth_percent_per_cycle": "Growth of low-V share",
}
"""Heads of the overview table."""

_TIED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One cell in the overview."""

    anchor: str
    cell: CellReport
    texts: tuple[str, ...]
    conditions: tuple[str, ...]
    cycles: int
    spark: str
    warnings: int
    errors: int
    missing: int


def overview(data: ReportData, marks: Marks) -> list[OverviewRow]:
    """Return one row per cell; a value in doubt has one of the *marks*."""
    rows = []
    own = overview_conditions(data)[1]
    for i, cell in enumerate(data.cells):
        texts = []
        for key in OVERVIEW:
            value = _glanced(cell, key)
            texts.append(
                _from_table(cell, key) if value is None else _overviewed(value) + marks.of(value.flags, where=cell.name)
            )
        rows.append(
            OverviewRow(
                anchor=anchor(i),
                cell=cell,
                texts=tuple(texts),
                conditions=own[i],
                cycles=counted(cell.cycles),
                spark=sparkline(cell.cycles),
                warnings=sum(f.severity is Severity.WARNING and not asks(f) for f in cell.findings),
                missing=sum(asks(f) for f in cell.findings),
                errors=sum(f.severity is Severity.ERROR for f in cell.findings),
            )
        )
    return rows


def overview_conditions(data: ReportData) -> tuple[list[tuple[str, str]], list[tuple[str, ...]]]:
    """Return under which conditions the values of most cells stand, by column, and per cell what its values say else.

    What is so in every column stands first, under an empty name.
    """
    common: dict[str, list[str]] = {}
    columns: list[list[str]] = []
    for key in OVERVIEW:
        values = [_glanced(cell, key) for cell in data.cells]
        shared, apart = shared_conditions([v.conditions for v in values if v is not None])
        rest = iter([format_conditions(c.model_copy(update={"other": {}})) for c in apart])
        told = [_of_table(cell, key) if v is None else next(rest) for cell, v in zip(data.cells, values, strict=True)]
        counts = Counter(text for text, v in zip(told, values, strict=True) if text or v is not None)
        usual, n = counts.most_common(1)[0] if counts else ("", 0)
        parts = [text for text in (format_conditions(shared),) if text]
        if (
            2 * n > counts.total()
        ):  # what most cells share, such as the cycle, stands below the table and not in each row
            parts += [usual] if usual else []
            told = [_beyond(text, usual) for text in told]
        columns.append(told)
        if parts:
            common[SHORT[key]] = " · ".join(parts).split(" · ")
    whole = [part for part in next(iter(common.values()), []) if all(part in parts for parts in common.values())]
    lines = [("", " · ".join(whole))] if whole and len(common) > 1 else []
    for name, parts in common.items():
        own = [part for part in parts if part not in whole or len(common) == 1]
        lines += [(name, " · ".join(own))] if own else []
    return lines, list(zip(*columns, strict=True))


def _beyond(text: str, usual: str) -> str:
    """Return the conditions in *text* that are not in *usual*, both joined by dots."""
    return " · ".join(part for part in text.split(" · ") if part not in usual.split(" · "))


def without_share(data: ReportData) -> list[str]:
    """Return the cells of whose voltage decay no share is structural, since one of the two parts is negative."""
    parts = ("structural_voltage_decay_mv_per_cycle", "polarisation_voltage_decay_mv_per_cycle")
    found = []
    for cell in data.cells:
        known = [v.value for key in parts if (v := first_value(cell.values, key)) is not None]
        share = first_value(cell.values, "structural_share_of_voltage_decay")
        if share is None and len(known) == len(parts) and min(known) < 0:
            found.append(cell.name)
    return found


def _glanced(cell: CellReport, key: str) -> Value | None:
    value = first_value(cell.values, key)
    if value is not None and value.conditions.cycle is not None and key == "capacity_retention":
        return None if value.conditions.cycle == value.conditions.reference_cycle else value
    return value


def _overviewed(value: Value) -> str:
    """Write a value so that it breaks before its interval alone."""
    number, bracket, interval = format_value(value, unit=False).partition(" (")
    return number.replace(" ", _TIED) + bracket + interval.replace(" ", _TIED)


def unlike_columns(data: ReportData) -> dict[str, tuple[str, ...]]:
    """Name for each overview column the conditions in which the cells differ, so that nobody reads a ranking."""
    unlike: dict[str, tuple[str, ...]] = {}
    for key in OVERVIEW:
        values = [v for c in data.cells if (v := first_value(c.values, key)) is not None]
        names = {name for v in values[1:] for name in v.conditions.unlike(values[0].conditions)}
        if names:
            unlike[key] = tuple(sorted(condition_name(n) for n in names))
    return unlike


def _from_table(cell: CellReport, key: str) -> str:
    first = _first_of_table(cell, key)
    return "–" if first is None else format_number(first[1], decimals=1)


def _of_table(cell: CellReport, key: str) -> str:
    first = _first_of_table(cell, key)
    return "" if first is None else f"cycle {first[0]}"


def _first_of_table(cell: CellReport, key: str) -> tuple[int, float] | None:
    """Return cycle and value of the first whole cycle that has the quantity *key* of a cycle."""
    if (
        key == "capacity_retention"
        or cell.cycles is None
        or key not in cell.cycles.columns
        or QUANTITIES[key].scope != "cycle"
    ):
        return None
    table = whole_cycles(cell.cycles.sort("cycle")).drop_nulls(key)
    return None if table.is_empty() else (table["cycle"][0], table[key][0])


def sparkline(cycles: pl.DataFrame | None, *, width: int = 110, height: int = 26) -> str:
    """Return the points of an SVG polyline: discharge capacity over cycles from 0 to its maximum."""
    if cycles is None:
        return ""
    for key in ("discharge_specific_capacity_mah_g", "discharge_capacity_mah"):
        if key in cycles.columns and cycles[key].is_not_null().sum() > 1:
            table = whole_cycles(cycles.sort("cycle").filter(pl.col(key).is_not_null() & pl.col(key).is_finite()))
            if table.height < 2:
                return ""
            table = table.gather_every(max(1, table.height // 80))
            x, y = table["cycle"].to_list(), table[key].to_list()
            top, span = max(y) or 1.0, (x[-1] - x[0]) or 1
            return " ".join(
                f"{1 + (width - 2) * (a - x[0]) / span:.1f},{height - 2 - (height - 4) * max(b, 0) / top:.1f}"
                for a, b in zip(x, y, strict=True)
            )
    return ""
