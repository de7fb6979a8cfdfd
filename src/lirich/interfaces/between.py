"""One coating between its neighbours: what it does alone, with the cathode, with the electrolyte, with a second layer.

The descriptors are those of the published screenings of coatings: distance to the hull, window, reaction with cathode
and electrolyte (Aykol et al., Nat. Commun. 7 (2016) 13779, doi:10.1038/ncomms13779; Xiao et al., Joule 3 (2019) 1252,
doi:10.1016/j.joule.2019.02.006; Cheng, Fong & Persson, J. Mater. Chem. A 10 (2022), doi:10.1039/D2TA06051E).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lirich.errors import NotEnoughDataError, UnknownNameError
from lirich.interfaces.cathode import Charged, states_of_charge
from lirich.interfaces.coatings import coating_crystals, match_coatings
from lirich.interfaces.contact import Contact, Decomposition, decomposition, reaction
from lirich.interfaces.coverage import missing_across
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.knowledge import SAME, Measurement, distance, measurements
from lirich.interfaces.matching import MAX_AREA_A2, MAX_STRAIN
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import DRAWS, Window, window

Neighbour = Literal["cathode", "electrolyte", "layer", "anode", "water"]


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact of a coating: with which neighbour, by name, and what the table lacks of it (`missing_across`)."""

    neighbour: Neighbour
    name: str
    contact: Contact
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A coating by itself and at each of its contacts; ``alone`` is its decomposition at the voltage."""

    formula: str
    window: Window
    alone: Decomposition
    touches: tuple[Touch, ...]


def between(
    table: EnergyTable,
    coating: str,
    cathode: str,
    electrolytes: Sequence[str],
    voltage: float,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Between:
    """Return what *coating* does between *cathode* and each of the *electrolytes*, closed and at *voltage*.

    The cathode is taken discharged, at 4.5 V and fully charged, as the lowest mixture of phases of its composition:
    what a charged cathode would gain by itself is no part of a contact, so that the computed compound has the same
    energies. Raises `CompositionError` for a formula that cannot be read, elements that the table lacks, a compound too
    far above the hull, and a coating that is one of its neighbours.
    """
    alone = window(table, coating, draws=draws, seed=seed)
    touches = []
    for state in states_of_charge(cathode):
        if state.charging_energy_ev is None:
            touches += _touches(table, coating, state, "cathode", _state(state), voltage, draws, seed)
    for electrolyte in electrolytes:
        touches += _touches(table, coating, electrolyte, "electrolyte", reduced(electrolyte), voltage, draws, seed)
    return Between(
        alone.formula,
        alone,
        decomposition(table, coating, voltage, draws=draws, seed=seed),
        tuple(touches),
    )


def inner_touches(
    table: EnergyTable, inside: str, outside: str, voltage: float, *, draws: int = DRAWS, seed: int = 0
) -> tuple[Touch, ...]:
    """Return the contact of two layers of a coating, closed and at *voltage*. Raises as `between` does."""
    return tuple(_touches(table, inside, outside, "layer", reduced(outside), voltage, draws, seed))


def bare_touches(
    table: EnergyTable, cathode: str, electrolyte: str, voltage: float, *, draws: int = DRAWS, seed: int = 0
) -> tuple[Touch, ...]:
    """Return the contacts of an *electrolyte* with the cathode without any coating: what a coating is to improve on."""
    touches = []
    for state in states_of_charge(cathode):
        if state.charging_energy_ev is None:
            touches += _touches(table, electrolyte, state, "cathode", _state(state), voltage, draws, seed)
    return tuple(touches)


def closed_touch(
    table: EnergyTable, solid: str, other: str, neighbour: Neighbour, *, draws: int = DRAWS, seed: int = 0
) -> Touch:
    """Return the closed contact of a *solid* with lithium metal, another anode, or water. Raises as `between` does."""
    missing = missing_across(table, amounts_of(solid), amounts_of(other))
    return Touch(neighbour, reduced(other), reaction(table, solid, other, draws=draws, seed=seed), missing)


def _state(cathode: Charged) -> str:
    """Return the state of charge: mixture and compound react with the same energy, and the mixture is computed."""
    return cathode.state.removesuffix(", mixture")


def _touches(
    table: EnergyTable,
    coating: str,
    side: str | Charged,
    neighbour: Neighbour,
    name: str,
    voltage: float,
    draws: int,
    seed: int,
) -> list[Touch]:
    missing = missing_across(table, amounts_of(coating), amounts_of(side) if isinstance(side, str) else side.discharged)
    return [
        Touch(neighbour, name, reaction(table, coating, side, voltage=at, draws=draws, seed=seed), missing)
        for at in (None, voltage)
    ]


@dataclass(frozen=True, slots=True)
class Strain:
    """The von Mises strain (1 is 100 %) of the smallest coincidence cell of a coating's best known phase on a facet."""

    phase: str
    strain: float
    area_a2: float
    source: str


@lru_cache(maxsize=1024)
def strain_on(formula: str, facet: str) -> Strain:
    """Return how a coating fits on a facet of the cathode.

    Raises `UnknownNameError` where no crystal of *formula* is carried, `NotEnoughDataError` where no cell fits within
    `lirich.interfaces.matching.MAX_STRAIN` and ``MAX_AREA_A2``.
    """
    wanted = reduced(formula)
    known = [c for c in coating_crystals() if reduced(c.formula) == wanted]
    if not known:
        raise UnknownNameError(f"no crystal of {wanted} is carried")
    best = match_coatings(facet, crystals=known)[0]
    if not best.matches:
        raise NotEnoughDataError(
            f"no coincidence cell of {best.coating} within {MAX_AREA_A2:g} Å² and a strain of {MAX_STRAIN:.0%}"
        )
    crystal = next(c for c in known if c.name == best.coating)
    return Strain(crystal.phase, best.smallest.strain, best.smallest.area_a2, crystal.source)


def conductivity_of(formula: str) -> tuple[Measurement, ...]:
    """Return the measurements of *formula* in OBELiX, none where there is none."""
    amounts = amounts_of(formula)
    total = sum(amounts.values())
    shares = {e: n / total for e, n in amounts.items()}
    return tuple(m for m in measurements() if distance(m.fractions, shares) <= SAME)
