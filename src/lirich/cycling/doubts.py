"""Doubts of the values of a cycle that need the charge that belongs to its discharge, where that is not there."""

from __future__ import annotations

from collections.abc import Sequence

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
    another rate or window ended.
    """
    row = cycles.row(by_predicate=pl.col("cycle") == cycle, named=True)
    efficiency = row["coulombic_efficiency"]
    doubt, of = "", frozenset[str]()
    if cycle == 1 and first_charge_partial(efficiency, cell):
        doubt, of = "first-charge-partial", _OF_A_WHOLE_CHARGE
    elif cell.electrode is None and efficiency is None and row["complete"]:
        doubt, of = "electrode-unknown", _AGAINST_THE_CHARGE
    elif row["follows_unlike"]:
        doubt, of = FOLLOWS_UNLIKE, _AGAINST_THE_CHARGE | (frozenset() if cell.electrode == "anode" else _OF_THE_CHARGE)
    return [v.model_copy(update={"flags": (*v.flags, doubt)}) if v.quantity in of else v for v in values]
