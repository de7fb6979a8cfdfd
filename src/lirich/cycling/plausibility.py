"""Capacities that no lithium-rich oxide can have: a wrong mass is the commonest error, and spoils every figure."""

from __future__ import annotations

import polars as pl

from lirich.model import Cell, Composition, Finding, Sample, Severity

RICHEST = "Li2MnO3"
"""The lithium-richest end member of the Li-rich layered oxides: all its lithium is 459 mAh/g, the most that any
cathode of the family can give. Used where the composition is not known."""

MARGIN = 1.05
"""Above the theoretical capacity by more than 5 %, what balances and mass fractions of electrodes are uncertain by."""


def implausible_capacity(cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Finding]:
    """Return a finding where a cathode delivers more per gram than all of its lithium.

    *cycles* is a cycle table. Nothing is said of anodes, of full cells, and without an active mass.
    """
    column = "discharge_specific_capacity_mah_g"
    if cell.electrode != "cathode" or column not in cycles.columns:
        return []
    highest = cycles[column].max()
    formula = sample.composition if sample is not None and sample.composition else RICHEST
    limit = Composition.parse(formula).theoretical_capacity_mah_g
    if not isinstance(highest, float) or limit <= 0 or highest <= MARGIN * limit:
        return []
    return [
        Finding(
            code="implausible-specific-capacity",
            severity=Severity.WARNING,
            message=f"A discharge of {highest:.0f} mAh/g is more than all lithium of {formula} ({limit:.0f} mAh/g)",
            advice=f"Check active_mass_mg (given: {cell.active_mass_mg:g} mg) and the unit of the current",
            where=cell.key,
        )
    ]
