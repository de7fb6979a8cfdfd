"""Doubts of the values of a cycle that need the charge that belongs to its discharge, where that is not there."""

from __future__ import annotations

from collections.abc import Sequence, Set

import polars as pl

from lirich.cycling.series import first_charge_partial
from lirich.model import Cell, Value

_AGAINST_THE_CHARGE = frozenset(
    {
        "initial_coulombic_efficiency",
        "irreversible_capacity_mah_g",
        "coulombic_efficiency",
        "energy_efficiency",
        "hysteresis_at_soc_v",
        "hysteresis_loop_energy_mwh",
        "hysteresis_loop_energy_wh_kg",
        "mid_voltage_v",
        "voltage_gap_v",
    }
)
"""What lays the discharge of a cycle against its charge."""

_OF_THE_CHARGE = frozenset(
    {
        "charge_specific_capacity_mah_g",
        "charge_capacity_mah",
        "charge_specific_energy_wh_kg",
        "charge_energy_mwh",
        "mean_charge_voltage_v",
        "median_charge_voltage_v",
        "corrected_charge_voltage_v",
    }
)
"""What depends on where the charge began."""

_OF_THE_DISCHARGE = frozenset(
    {
        "discharge_specific_capacity_mah_g",
        "discharge_capacity_mah",
        "discharge_specific_energy_wh_kg",
        "discharge_energy_mwh",
        "mean_discharge_voltage_v",
        "median_discharge_voltage_v",
        "corrected_discharge_voltage_v",
        "low_voltage_capacity_mah_g",
        "low_voltage_share",
    }
)
"""What depends on where the discharge began."""

_OF_A_WHOLE_CHARGE = _AGAINST_THE_CHARGE | frozenset(
    {
        "slope_capacity_mah_g",
        "plateau_capacity_mah_g",
        "formal_oxygen_capacity_mah_g",
        "high_voltage_capacity_mah_g",
    }
)
"""What needs the whole first charge, alone or against the discharge, and means nothing where it is a part."""

FOLLOWS_UNLIKE = "follows-unlike"
"""Flag of what depends on a charge that began where a cycle at another rate or window ended."""


def doubted(values: Sequence[Value], cycles: pl.DataFrame, cycle: int, cell: Cell) -> list[Value]:
    """Flag what needs the whole charge that belongs to the discharge of *cycle*, where it is not there.

    ``first-charge-partial``: the first charge was of a cell that was partly charged. ``electrode-unknown``: nobody said
    whether the charge before or after a discharge belongs to it. ``follows-unlike``: the charge began where a cycle at
    another rate or window ended; of a discharge that opens its cycle, where a cut charge ended (no ``like_group``).
    """
    row = cycles.row(by_predicate=pl.col("cycle") == cycle, named=True)
    efficiency = row["coulombic_efficiency"]
    doubts: list[tuple[str, frozenset[str]]] = []
    if cycle == 1 and first_charge_partial(efficiency, cell):
        doubts.append(("first-charge-partial", _OF_A_WHOLE_CHARGE))
    elif cell.electrode is None and efficiency is None and row["complete"]:
        doubts.append(("electrode-unknown", _AGAINST_THE_CHARGE))
    elif row["follows_unlike"]:
        of_charge = frozenset[str]() if cell.electrode == "anode" else _OF_THE_CHARGE
        doubts.append((FOLLOWS_UNLIKE, _AGAINST_THE_CHARGE | of_charge))
    if row["complete"] and row["like_group"] is None:
        doubts.append((FOLLOWS_UNLIKE, _OF_THE_DISCHARGE))
    return [_flagged(v, *(doubt for doubt, of in doubts if v.quantity in of)) for v in values]


def of_parts(values: Sequence[Value], parts: Set[str]) -> list[Value]:
    """Return first-cycle *values* where the half-cycles *parts* are of a part: without what lays one against the other.

    What is of such a half-cycle alone is flagged ``incomplete-cycle``.
    """
    if not parts:
        return list(values)
    kept = [v for v in values if v.quantity not in _AGAINST_THE_CHARGE]
    return [_flagged(v, "incomplete-cycle") if v.conditions.direction in parts else v for v in kept]


def _flagged(value: Value, *flags: str) -> Value:
    return value.model_copy(update={"flags": (*value.flags, *flags)}) if flags else value
