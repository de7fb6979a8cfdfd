"""The lithium-rich cathode at its states of charge, as compositions with an energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lirich.errors import CompositionError
from lirich.model import Composition
from lirich.model.composition import REDOX_CHARGE

SLOPE_V = 4.05
"""Mean potential of the first charge up to 4.5 V, in which Ni and Co are oxidised, and"""
PLATEAU_V = 4.55
"""of the plateau of the activation above it: typical of the first charge of Li1.2Mn0.54Ni0.13Co0.13O2 (form of the
curve: Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815, doi:10.1149/1.1480014). From memory: ± 0.1 V."""
FULLY_CHARGED_LI = 0.2
"""Lithium per formula left at the end of the first charge to 4.8 V (some 315 of 377 mAh/g taken out)."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A cathode at a state of charge.

    ``charging_energy_ev`` is the energy per formula that the charge has put in above the lowest mixture of phases of
    the *discharged* composition (∫V dx of the lithium taken out, lithium as metal); ``None`` takes the cathode as the
    lowest mixture of its component phases at its own composition, oxygen given off where that is lowest.
    """

    state: str
    amounts: Mapping[str, float]
    discharged: Mapping[str, float]
    charging_energy_ev: float | None


def states_of_charge(formula: str) -> tuple[Charged, ...]:
    """Return the discharged cathode, and at 4.5 V and fully charged by both routes: as mixture and as charged.

    At 4.5 V the transition metals have given what `lirich.model.composition.REDOX_CHARGE` says of them; fully charged,
    `FULLY_CHARGED_LI` is left. Raises `CompositionError` where there is no lithium or no charge to take out.
    """
    composition = Composition.parse(formula)
    amounts = dict(composition.amounts)
    lithium = composition.amount("Li")
    slope = min(lithium, sum(REDOX_CHARGE.get(e, 0.0) * n for e, n in amounts.items()))
    if lithium <= FULLY_CHARGED_LI or slope <= 0:
        raise CompositionError(
            f"{formula} cannot be charged by the bookkeeping of lirich",
            expected="a layered oxide with lithium and Ni, Co, Fe or Cr",
        )
    at_45 = {**amounts, "Li": lithium - slope}
    full_taken = max(lithium - FULLY_CHARGED_LI, slope)
    full = {**amounts, "Li": lithium - full_taken}
    at_45_ev = slope * SLOPE_V
    full_ev = at_45_ev + (full_taken - slope) * PLATEAU_V
    return (
        Charged("discharged", amounts, amounts, None),
        Charged("4.5 V, mixture", at_45, amounts, None),
        Charged("4.5 V, as charged", at_45, amounts, at_45_ev),
        Charged("fully charged, mixture", full, amounts, None),
        Charged("fully charged, as charged", full, amounts, full_ev),
    )
