"""The lithium-rich cathode at its states of charge, as compositions with an energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lirich.errors import CompositionError
from lirich.interfaces.charged import ComputedCharge, computed_charges
from lirich.model import Composition

SLOPE_V = 4.05
"""Mean potential of the first charge up to 4.5 V, in which Ni and Co are oxidised, and"""
PLATEAU_V = 4.55
"""of the plateau of the activation above it: typical of the first charge of Li1.2Mn0.54Ni0.13Co0.13O2 (form of the
curve: Lu & Dahn, J. Electrochem. Soc. 149 (2002) A815, doi:10.1149/1.1480014). From memory: ± 0.1 V."""
FULLY_CHARGED_LI = 0.2
"""Lithium per formula left at the end of the first charge to 4.8 V (some 315 of 377 mAh/g taken out)."""


POTENTIAL_SD_V = 0.1
"""Standard deviation of both potentials, as above."""
NEAR_LI = 0.04
"""Lithium per formula: a computed state within it of one of the two is that state (half an atom of a cell of 60)."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A cathode at a state of charge.

    ``charging_energy_ev`` is the energy per formula that the charge has put in above the lowest mixture of phases of
    the *discharged* composition (∫V dx of the lithium taken out, lithium as metal); ``None`` takes the cathode as the
    lowest mixture of its component phases at its own composition, oxygen given off where that is lowest.
    ``charging_sd_ev`` is the standard deviation of the charging energy.
    """

    state: str
    amounts: Mapping[str, float]
    discharged: Mapping[str, float]
    charging_energy_ev: float | None
    charging_sd_ev: float = 0.0
    source: str = ""


def lithium_left(formula: str) -> tuple[float, float]:
    """Return the lithium per formula that is left at 4.5 V, and fully charged.

    At 4.5 V the transition metals have given the electrons that `lirich.model.asmade` books on them; fully charged,
    `FULLY_CHARGED_LI` is left. Raises `CompositionError` where there is no lithium or no charge to take out.
    """
    composition = Composition.parse(formula)
    lithium = composition.amount("Li")
    slope = composition.as_made.electrons
    if lithium <= FULLY_CHARGED_LI or slope <= 0:
        raise CompositionError(
            f"{formula} cannot be charged by the bookkeeping of lirich",
            expected="an oxide with lithium and Ni, Co, Fe, Cr or Mn³⁺",
        )
    return lithium - slope, min(FULLY_CHARGED_LI, lithium - slope)


def states_of_charge(formula: str, computed: Sequence[ComputedCharge] | None = None) -> tuple[Charged, ...]:
    """Return the discharged cathode, and at 4.5 V and fully charged by up to three routes.

    As a mixture of component phases; as charged, with the energy that typical potentials put in (`SLOPE_V` and
    `PLATEAU_V`, ± `POTENTIAL_SD_V`); and as computed compounds where *computed* (by default those that come with
    lirich) has that cathode. Raises `CompositionError` where there is no lithium or no charge to take out.
    """
    at_45_li, full_li = lithium_left(formula)
    amounts = dict(Composition.parse(formula).amounts)
    slope, plateau = amounts["Li"] - at_45_li, at_45_li - full_li
    at_45, full = {**amounts, "Li": at_45_li}, {**amounts, "Li": full_li}
    at_45_ev = slope * SLOPE_V
    full_ev = at_45_ev + plateau * PLATEAU_V
    known = [c for c in (computed_charges() if computed is None else computed) if c.of(formula)]
    return (
        Charged("discharged", amounts, amounts, None),
        Charged("4.5 V, mixture", at_45, amounts, None),
        Charged("4.5 V, as charged", at_45, amounts, at_45_ev, POTENTIAL_SD_V * slope),
        Charged("fully charged, mixture", full, amounts, None),
        Charged("fully charged, as charged", full, amounts, full_ev, POTENTIAL_SD_V * (slope + plateau)),
        *(
            Charged(
                f"{_name(one.lithium_left, at_45_li, full_li)}, computed",
                {**amounts, "Li": one.lithium_left},
                amounts,
                one.charging_energy_ev,
                one.sd_ev,
                one.source,
            )
            for one in sorted(known, key=lambda one: -one.lithium_left)
        ),
    )


def _name(left: float, at_45: float, full: float) -> str:
    if abs(left - at_45) < NEAR_LI:
        return "4.5 V"
    return "fully charged" if abs(left - full) < NEAR_LI else f"{left:.2g} Li left"
