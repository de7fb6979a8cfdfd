"""A cell in a notebook: what it is judged by, and the rest folded."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lirich.model import Value
from lirich.model.notebook import html_lines
from lirich.model.shown import Values
from lirich.quantities import QUANTITIES

HEADLINE = (
    "discharge_specific_capacity_mah_g",
    "initial_coulombic_efficiency",
    "median_coulombic_efficiency",
    "capacity_retention",
    "discharge_specific_energy_wh_kg",
    "mean_discharge_voltage_v",
    "voltage_decay_mv_per_cycle",
    "structural_voltage_decay_mv_per_cycle",
    "polarisation_voltage_decay_mv_per_cycle",
    "capacity_fade_percent_per_cycle",
    "low_voltage_share_growth_percent_per_cycle",
)
"""What stands first, in this order: of a figure of one cycle the first cycle and those of the ageing that were kept."""


def cell_html(head: str, values: Sequence[Value]) -> str:
    """Return the *values* of a cell under the text *head*: the headline, and the other figures of the test folded.

    Pulses and what else is of one cycle are in the values themselves, which is said.
    """
    first = [v for key in HEADLINE for v in values if v.quantity == key and not _of_itself(v)]
    of_test = [v for v in values if QUANTITIES[v.quantity].scope == "cell" and not _of_a_pulse(v)]
    more = [v for v in of_test if v.quantity not in HEADLINE]
    told = f"<h4>{html.escape(head)}</h4>"
    if first:
        told += Values(first)._repr_html_()
    if more:
        told += f"<details{'' if first else ' open'}><summary>{len(more)} more</summary>"
        told += f"{Values(more)._repr_html_()}</details>"
    left = len(values) - len(first) - len(more)
    return told + html_lines([f"{left} more values are in .values and .cycles"] if left else [])


def _of_itself(value: Value) -> bool:
    """Tell whether a value says nothing: the retention of a cycle against itself."""
    at = value.conditions
    return value.quantity == "capacity_retention" and at.cycle is not None and at.cycle == at.reference_cycle


def _of_a_pulse(value: Value) -> bool:
    """Tell whether a value is of a single pulse: there are hundreds, and their median is a value too."""
    return value.conditions.soc_percent is not None and "soc_basis" in value.conditions.other
