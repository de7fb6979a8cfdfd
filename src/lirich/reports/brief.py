"""What is printed of a cell that is folded on the screen: one page with its main figures and values."""

from __future__ import annotations

from collections.abc import Sequence

from lirich.plots import Figure
from lirich.reports.data import CellReport
from lirich.reports.diagnosis import first_value
from lirich.reports.sections import ValueRow, value_row

MOST_FIGURES = 6
_FIRST_TO_GO = ("Protocol", "dQ/dV peaks over cycles", "Hysteresis", "Low-voltage share of the discharge")
"""Titles of figures that others tell enough of, where there are more than fit."""

VALUES = (
    "discharge_specific_capacity_mah_g",
    "initial_coulombic_efficiency",
    "irreversible_capacity_mah_g",
    "slope_capacity_mah_g",
    "plateau_capacity_mah_g",
    "capacity_retention",
    "capacity_fade_percent_per_cycle",
    "median_coulombic_efficiency",
    "voltage_decay_mv_per_cycle",
    "structural_voltage_decay_mv_per_cycle",
    "polarisation_voltage_decay_mv_per_cycle",
    "low_voltage_share_growth_percent_per_cycle",
    "lithium_diffusivity_m2_s",
)
"""Quantities whose value for the cell (`lirich.reports.diagnosis.first_value`) is on the page."""


def main_figures(figures: Sequence[Figure]) -> list[bool]:
    """Tell of each of a cell's *figures* whether it is printed of a folded cell; at most `MOST_FIGURES` are."""
    kept = list(range(len(figures)))
    for title in _FIRST_TO_GO:
        if len(kept) > MOST_FIGURES:
            kept = [i for i in kept if figures[i].title != title]
    return [i in kept[:MOST_FIGURES] for i in range(len(figures))]


def main_values(cell: CellReport) -> list[ValueRow]:
    """Return the rows of the values that are printed of a folded cell."""
    found = (first_value(cell.values, key) for key in VALUES)
    return [value_row(value) for value in found if value is not None]
