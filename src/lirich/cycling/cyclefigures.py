"""Figures of single cycles: of those that stand for the test, with the conditions and doubts of each."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lirich.cycling.doubts import doubted
from lirich.cycling.halfcycle import Direction
from lirich.cycling.likeness import Key
from lirich.cycling.record import efficiency_convention, efficiency_doubt, record, with_conditions
from lirich.cycling.series import Series, cycle_conditions
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.tracks import NOT_ORDINARY
from lirich.model import Cell, Value

ANODE_ENERGY = "Of the half-cell, not of the material: charge that the lithiation loses raises it"
"""Note of the energy efficiency of an anode material against Li."""

_OF_CYCLE: tuple[tuple[str, Direction | None, bool], ...] = (
    # quantity, direction, needs a complete cycle
    ("charge_capacity_mah", "charge", False),
    ("discharge_capacity_mah", "discharge", False),
    ("charge_specific_capacity_mah_g", "charge", False),
    ("discharge_specific_capacity_mah_g", "discharge", False),
    ("charge_energy_mwh", "charge", False),
    ("discharge_energy_mwh", "discharge", False),
    ("charge_specific_energy_wh_kg", "charge", False),
    ("discharge_specific_energy_wh_kg", "discharge", False),
    ("coulombic_efficiency", None, True),
    ("energy_efficiency", None, True),
    ("mean_charge_voltage_v", "charge", False),
    ("mean_discharge_voltage_v", "discharge", False),
    ("median_charge_voltage_v", "charge", False),
    ("median_discharge_voltage_v", "discharge", False),
    ("mid_voltage_v", None, True),
    ("voltage_gap_v", None, True),
    ("low_voltage_capacity_mah_g", "discharge", False),
    ("low_voltage_share", "discharge", False),
    ("interrupt_resistance_ohm", None, False),
    ("end_resistance_ohm", None, False),
    ("corrected_charge_voltage_v", "charge", False),
    ("corrected_discharge_voltage_v", "discharge", False),
)
BY_INTERRUPTS = ("interrupt_", "corrected_", "end_resistance_")
"""How quantities begin that are read at interrupts of the current."""


def cycle_values(
    cycles: pl.DataFrame, keys: Sequence[Key], series: Series | None, cell: Cell, settings: CyclingSettings
) -> list[Value]:
    """Return figures of the cycles that stand for the test: the first, the reference, the last like it.

    Of up to five cycles it is all. A value whose cycle stands under other conditions than the ageing cycles is flagged
    ``unlike-<condition>``.
    """
    numbers = cycles["cycle"].to_list()
    wanted = {1} if series is None else {1, series.reference, first_settled(cycles, series), series.last}
    if cycles.height <= 5:
        wanted = set(numbers)
    wanted -= {0}
    values: list[Value] = []
    for row, key in zip(cycles.iter_rows(named=True), keys, strict=True):
        if row["cycle"] not in wanted:
            continue
        flags = _flags(row["complete"], key, keys, numbers, series, settings)
        of_cycle = []
        for name, direction, whole in _OF_CYCLE:
            value = row.get(name)
            if value is None or (whole and not row["complete"]) or not _has(row, direction):
                continue
            if name == "low_voltage_capacity_mah_g" and row["cycle"] == 1 and _first_given(cell, row):
                continue  # comes with the figures of the first cycle
            conditions = cycle_conditions(cycles, row["cycle"], cell, direction)
            if name.startswith("low_voltage"):
                conditions = with_conditions(conditions, threshold_v=settings.low_voltage_threshold_v)
            note = ""
            if name == "coulombic_efficiency":
                conditions = with_conditions(conditions, method=efficiency_convention(cell))
            elif name == "energy_efficiency":
                # the cell gives energy on discharge whatever it is made of; turned over, η_E of an anode passes 100 %
                conditions = with_conditions(conditions, method="discharge/charge")
                note = ANODE_ENERGY if cell.electrode == "anode" else ""
            if name.startswith(BY_INTERRUPTS):
                conditions = with_conditions(
                    conditions, method="current interrupts", other={"interrupt_time_s": settings.interrupt_time_s}
                )
            doubts = (*flags, *(efficiency_doubt(cell) if name == "coulombic_efficiency" else ()))
            of_cycle.append(
                record(
                    name,
                    value,
                    cell,
                    conditions=conditions,
                    code="lirich.cycling.cycles.cycle_table",
                    flags=doubts,
                    note=note,
                )
            )
        values += doubted(of_cycle, cycles, row["cycle"], cell)
    return values


def first_settled(cycles: pl.DataFrame, series: Series) -> int:
    """Return the first cycle of *series* whose charge began where a cycle of the series ended; else the reference."""
    settled = cycles.filter(pl.col("settled") & ~pl.col("follows_unlike"))["cycle"].to_list()
    return int(settled[0]) if settled else series.reference


def _first_given(cell: Cell, row: dict[str, object]) -> bool:
    ordinary = row["cycle_number"] == 1 and row["segment"] not in NOT_ORDINARY
    return ordinary and cell.active_mass_mg is not None


def _has(row: dict[str, object], direction: Direction | None) -> bool:
    if direction is None:
        return True
    return row[f"mean_{direction}_voltage_v"] is not None


def _flags(
    complete: bool,
    key: Key,
    keys: Sequence[Key],
    numbers: Sequence[int],
    series: Series | None,
    settings: CyclingSettings,
) -> tuple[str, ...]:
    if not complete:
        return ("incomplete-cycle",)
    if series is None:
        return ()
    reference = keys[numbers.index(series.reference)]
    return tuple("unlike-" + name.replace(" ", "-") for name in key.unlike(reference, settings))
