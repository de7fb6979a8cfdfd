"""Compounds of a table by class, elements and distance to the hull: where candidates of a screening come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import LITHIUM, hull_of

CompoundClass = Literal[
    "oxide", "phosphate", "borate", "silicate", "sulfate", "oxyhalide", "fluoride", "chloride", "bromide", "iodide",
    "halide", "sulfide", "nitride", "other",
]  # fmt: skip
HALOGENS = frozenset({"F", "Cl", "Br", "I"})
_ANIONS = frozenset({"O", "S", "N", "H", "C", "Se", "Te", "As", *HALOGENS})
_HALIDES: dict[str, CompoundClass] = {"F": "fluoride", "Cl": "chloride", "Br": "bromide", "I": "iodide"}
_OXOANIONS: tuple[tuple[str, CompoundClass], ...] = (("P", "phosphate"), ("B", "borate"), ("Si", "silicate"))


def compound_class(formula: str) -> CompoundClass:
    """Return the class of a compound by its elements.

    With oxygen alone it is named by the first of P, B and Si in it (*phosphate*, *borate*, *silicate*), with oxygen and
    sulfur (at least four O to an S) a *sulfate*, with oxygen and halogens an *oxyhalide*. One halogen alone names a
    *fluoride* …, several are a *halide*. Hydrogen, carbon, selenium, tellurium and arsenic make it *other*. Raises
    `lirich.errors.CompositionError` for what is no formula.
    """
    return _class_of(amounts_of(formula))


def _class_of(amounts: Mapping[str, float]) -> CompoundClass:
    anions = set(amounts) & _ANIONS
    halogens = anions & HALOGENS
    if len(amounts) < 2 or not anions or anions & {"H", "C", "Se", "Te", "As"}:
        return "other"
    if anions == {"O"}:
        return next((name for element, name in _OXOANIONS if element in amounts), "oxide")
    if anions == {"O", "S"}:
        return "sulfate" if amounts["O"] >= 4 * amounts["S"] else "other"
    if anions == halogens:
        return _HALIDES[next(iter(halogens))] if len(halogens) == 1 else "halide"
    if anions == {"O", *halogens}:
        return "oxyhalide"
    if anions == {"S"}:
        return "sulfide"
    return "nitride" if anions == {"N"} else "other"


def compounds_of(
    table: EnergyTable,
    classes: Collection[str],
    *,
    elements: Collection[str] = (),
    without: Collection[str] = (),
    lithium: bool | None = None,
    above_hull_ev_atom: float = 0.05,
) -> tuple[str, ...]:
    """Return the formulas of a table that are of these *classes*, in the order of the alphabet.

    Parameters
    ----------
    elements:
        All elements must be among these; any element where none is given.
    without:
        Elements that must not occur.
    lithium:
        With lithium (``True``), without (``False``), or either (``None``).
    above_hull_ev_atom:
        Largest distance to the hull, eV/atom.
    """
    allowed, banned = frozenset(elements), frozenset(without)
    found = []
    for phase in table.phases:
        of_phase = {e for e, _ in phase.amounts}
        if len(of_phase) < 2 or of_phase & banned or (allowed and not of_phase <= allowed):
            continue
        if lithium is not None and (LITHIUM in of_phase) != lithium:
            continue
        if _class_of(dict(phase.amounts)) not in classes:
            continue
        below = hull_of(table, dict(phase.amounts), 0, 0)[0] / phase.atoms
        if phase.formation_energy_ev_atom - below <= above_hull_ev_atom:
            found.append(phase.formula)
    return tuple(sorted(found))
