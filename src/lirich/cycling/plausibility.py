"""Capacities that no material can have: a wrong mass is the commonest error, and spoils every figure per gram."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lirich.model import Cell, Composition, Finding, Sample, Severity, Value
from lirich.quantities import QUANTITIES

IMPLAUSIBLE = "implausible-capacity"
"""Flag of values per gram that the material cannot give; neither compared nor ranked (`lirich.model.flags`)."""

RICHEST = "Li2MnO3"
"""The lithium-richest end member of the Li-rich layered oxides: all its lithium is 459 mAh/g, the most that any
cathode of the family can give. Used where the composition is not known."""

RICHEST_HOST_MAH_G = 4199.0
"""What no electrode passes: silicon as Li22Si5, 4.4 · 26801 mAh/mol over 28.0855 g/mol (Obrovac & Chevrier, Chem. Rev.
114 (2014) 11444, doi:10.1021/cr500207g). The limit where the working electrode is not a cathode, or is not given."""

MARGIN = 1.05
"""Above the theoretical capacity by more than 5 %, what balances and mass fractions of electrodes are uncertain by."""

_OF_MATERIAL = frozenset({"theoretical_capacity_mah_g", "formal_tm_capacity_mah_g"})  # by the composition alone
_PER_GRAM = ("mAh/g", "Wh/kg")


def capacity_limit(cell: Cell, sample: Sample | None) -> tuple[str, float]:
    """Return the most that the active material of *cell* can store, mAh/g, and what it is all the lithium of.

    That of the composition where the working electrode is a cathode, or is not given but a composition is; that of
    `RICHEST` for a cathode without one; `RICHEST_HOST_MAH_G` for all others.
    """
    formula = sample.composition if sample is not None else None
    if cell.electrode == "cathode" or (cell.electrode is None and formula):
        limit = Composition.parse(formula or RICHEST).theoretical_capacity_mah_g
        if limit > 0:
            return formula or RICHEST, limit
    return "Li22Si5", RICHEST_HOST_MAH_G


def implausible_capacity(cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Finding]:
    """Return a finding where an electrode delivers more per gram than all of its lithium.

    *cycles* is a cycle table. Nothing is said without an active mass.
    """
    highest = _highest(cycles)
    formula, limit = capacity_limit(cell, sample)
    if highest is None or highest <= MARGIN * limit:
        return []
    return [
        Finding(
            code="implausible-specific-capacity",
            severity=Severity.WARNING,
            message=f"A discharge of {highest:.0f} mAh/g is more than all lithium of {formula} ({limit:.0f} mAh/g); no "
            "figure per gram is compared or ranked",
            advice=f"Check active_mass_mg (given: {cell.active_mass_mg:g} mg) and the unit of the current",
            where=cell.key,
        )
    ]


def flag_implausible(values: Sequence[Value], cycles: pl.DataFrame, cell: Cell, sample: Sample | None) -> list[Value]:
    """Return *values* with the flag ``implausible-capacity`` where the material cannot give what they say.

    A discharge above the limit (`capacity_limit`, `MARGIN`) says that the mass or the unit of the current is wrong:
    every figure per gram is then flagged. A single capacity above it is flagged by itself.
    """
    _, limit = capacity_limit(cell, sample)
    highest = _highest(cycles)
    wrong_mass = highest is not None and highest > MARGIN * limit
    found = []
    for value in values:
        unit = QUANTITIES[value.quantity].unit
        doubted = unit.startswith(_PER_GRAM) and value.quantity not in _OF_MATERIAL
        if doubted and (wrong_mass or (unit == "mAh/g" and value.value > MARGIN * limit)):
            value = value.model_copy(update={"flags": (*value.flags, IMPLAUSIBLE)})
        found.append(value)
    return found


def _highest(cycles: pl.DataFrame) -> float | None:
    column = "discharge_specific_capacity_mah_g"
    highest = cycles[column].max() if column in cycles.columns else None
    return highest if isinstance(highest, float) else None
