"""How fast the layer between cathode and solid electrolyte grows and what it resists: the part that is guessed.

Thermodynamics says what drives the layer (eV per atom of what touches, and per volt beyond an oxidation limit). Two
numbers turn that into ohms, and no phase diagram has them: the growth constant, and the conductivity of the products.
Both are in the library (``Interphase growth in time``, ``Interphase conductivity``); what is known bounds the two
together.

* **Bare.** With the library's numbers the layer between single crystals and Li6PS5Cl resists 0.4 Ω m² (4 kΩ cm²) of
  contact after 100 cycles at C/3. A planar interface of LiCoO2 with Li3PS4 resists 2800 times what it does with 10 nm
  of Li3PO4 between (Nishio et al., ACS Appl. Mater. Interfaces 14 (2022), abstract); with Li3PO4 alone such interfaces
  have 7.6 to 11 Ω cm² (Kawasoko et al., ACS Appl. Mater. Interfaces 10 (2018), doi:10.1021/acsami.8b08506; Nakayama et
  al., Nano Lett. (2021), abstracts): so 20 to 30 kΩ cm², as soon as they touch, on one facet. In composites the arc of
  uncoated cathodes is tens to hundreds of Ω cm² of cell at some 40 cm² of contact per cm² (Koerver et al., Chem. Mater.
  29 (2017) 5574, doi:10.1021/acs.chemmater.7b00931, and others, from memory): 0.4 to 10 kΩ cm². `RESISTING` spans both:
  a tenth, and 30 times, with which the first cycles come to what the planar interface has.
* **Behind a coating** no current of electrons feeds a reaction, and what is left needs anions and metals to change
  places; LiNbO3 and Li6PS5Cl should react as strongly as some bare pairs do, and hardly do at room temperature. Li3PO4
  should be oxidised from 4.2 V on, and its interface stays at 11 Ω cm² up to 5.2 V (Nakayama et al. 2021). `BEHIND` is
  the factor on the growth: 0.03, so that the resistance under LiNbO3 grows a tenth as fast as bare, as the usual
  comparisons of coated and uncoated cells have it (a third to a thirtieth, from memory); 0.003 to 0.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lirich.errors import SettingsError

Scenario = Literal["low", "central", "high"]
SCENARIOS: tuple[Scenario, ...] = ("low", "central", "high")
"""Of what the layer resists: all that is uncertain on the side of little, as it stands, and on the side of much.
Bounds of what is believed, no interval of any probability."""
RESISTING: Mapping[Scenario, float] = {"low": 0.1, "central": 1.0, "high": 30.0}
"""Factor on the resistance of a layer of one thickness: guess, see the module."""
BEHIND: Mapping[Scenario, float] = {"low": 0.003, "central": 0.03, "high": 0.3}
"""Factor on the growth behind a coating: guess, see the module."""
NO_LIMIT_V = 10.0
"""V against Li: the oxidation limit of what has no lithium to lose."""
THICKEST_NM = 500.0
"""A film of half a micrometre around crystals of one: whoever gives more means another unit."""

ENERGY = "Interface reaction energy [eV.atom-1]"
SLOPE = "Interphase energy above the oxidation limit [eV.atom-1.V-1]"
LIMIT = "Oxidation limit of the solid electrolyte [V]"
CONDUCTIVITY = "Interphase conductivity [S.m-1]"
COATING, COATING_CONDUCTIVITY = "Coating thickness [m]", "Coating conductivity [S.m-1]"
NOTHING: Mapping[str, float] = {ENERGY: 0.0, SLOPE: 0.0, COATING: 0.0}
"""Changes to a solid-state set under which nothing grows and nothing is between."""


@dataclass(frozen=True, slots=True)
class Driving:
    """What drives a layer.

    ``energies`` are those of the contacts, eV/atom, one bare or two behind a coating; ``limit_v`` is the oxidation
    limit of what touches the cathode, V against Li (``None`` for none), ``slope`` the energy that each volt beyond
    adds, eV/atom.
    """

    energies: tuple[float, ...]
    limit_v: float | None
    slope: float


@dataclass(frozen=True, slots=True)
class Film:
    """A coating as it was laid down: thickness, nm, and ionic conductivity, S/m."""

    thickness_nm: float
    conductivity_s_m: float

    def __post_init__(self) -> None:
        if not 0.0 < self.thickness_nm <= THICKEST_NM:
            raise SettingsError(
                f"A coating of {self.thickness_nm:g} nm", expected=f"more than 0 and at most {THICKEST_NM:g} nm"
            )
        if not (self.conductivity_s_m > 0.0 and math.isfinite(self.conductivity_s_m)):
            raise SettingsError(f"A coating of {self.conductivity_s_m:g} S/m", expected="more than 0")

    @property
    def resistance_ohm_m2(self) -> float:
        """Thickness over conductivity, Ω m² of what it covers."""
        return self.thickness_nm * 1e-9 / self.conductivity_s_m


def changes_of(
    driving: Driving, scenario: Scenario, conductivity_s_m: float, film: Film | None = None
) -> dict[str, float]:
    """Return the changes to a solid-state parameter set for what drives the layer, bare or under a *film*.

    *conductivity_s_m* is the set's own of the interphase. Two layers that each grow as the root of time are one that is
    driven by (√e₁ + √e₂)²: δ₁ + δ₂ = √(2Kt)(√e₁ + √e₂). Raises `SettingsError` for an energy below 0.
    """
    if min((*driving.energies, driving.slope), default=0.0) < 0:
        raise SettingsError(f"Energies {driving}", expected="what is set free, 0 or more")
    factor = 1.0 if film is None else BEHIND[scenario]
    changes = {
        ENERGY: factor * sum(math.sqrt(energy) for energy in driving.energies) ** 2,
        SLOPE: 0.0 if driving.limit_v is None else factor * driving.slope,
        LIMIT: NO_LIMIT_V if driving.limit_v is None else driving.limit_v,
        CONDUCTIVITY: conductivity_s_m / RESISTING[scenario],
        COATING: 0.0,
    }
    if film is not None:
        changes |= {COATING: 1e-9 * film.thickness_nm, COATING_CONDUCTIVITY: film.conductivity_s_m}
    return changes
