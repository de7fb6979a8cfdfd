"""The job of a screening of electrolytes: from a formula to numbers, a pure function of JSON-able parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lirich.errors import CompositionError, LirichError
from lirich.interfaces.between import bare_touches, closed_touch
from lirich.interfaces.contact import decomposition
from lirich.interfaces.coverage import charge_excess
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.windows import Window, window
from lirich.model import Composition
from lirich.screening.candidate import Estimate
from lirich.screening.electrolytes import COMPUTED, GRADES
from lirich.screening.solids_found import ALONE, HULL, OXIDATION, REDUCTION, WATER, Contacted, Layer
from lirich.workbench.solids.interface import kept_reference
from lirich.workbench.solids.properties import contacted, millis, of_contacts, of_window

WATER_FORMULA = "H2O"
ROUNDING, NEARLY_NEUTRAL = 1e-4, 0.03
"""e per atom: below the first a formula is neutral, above the second an ion is in another state than its highest. A
convention of lirich; LLTO as printed is off by up to 0.01."""


def electrolyte_job(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one electrolyte: its window, its decomposition at the voltage, its contacts.

    ``energies`` names the table; ``cathode``, ``anode`` (empty for none), ``voltage``, ``least_grade``,
    ``assume_on_hull``, ``draws`` and ``seed`` are those of the study. A formula that fails is a result that says why.
    """
    formula = str(parameters["formula"])
    try:
        return _solid(formula, parameters).model_dump(mode="json")
    except LirichError as error:
        return Layer(formula=formula, failure=str(error).rstrip(".")).model_dump(mode="json")


def _solid(formula: str, p: Mapping[str, Any]) -> Layer:
    table = kept_reference(str(p["energies"]))
    draws, seed, voltage = int(p["draws"]), int(p["seed"]), float(p["voltage"])
    found = window(table, formula, draws=draws, seed=seed)
    becomes = {"reduced": found.reduction.products, "oxidised": found.oxidation.products}
    figures, missing = of_window(found)
    if HULL in missing:
        missing[HULL] = absent(formula)
        if unbalanced := _unbalanced(formula):
            missing |= {key: unbalanced for key in (REDUCTION, OXIDATION) if figures.pop(key, None) is not None}
    withheld = _withheld(formula, found, str(p["least_grade"]), bool(p["assume_on_hull"]))
    contacts: tuple[Contacted, ...] = ()
    if withheld:
        figures, missing = {}, {**dict.fromkeys(COMPUTED, withheld), HULL: missing.get(HULL, withheld)}
    else:
        alone = decomposition(table, formula, voltage, draws=draws, seed=seed)
        figures[ALONE] = millis(alone.energy_ev_atom, alone.low, alone.high)
        becomes["at the voltage"] = alone.products
        touches = [*bare_touches(table, p["cathode"], formula, voltage, draws=draws, seed=seed)]
        if p["anode"]:
            touches.append(closed_touch(table, formula, p["anode"], "anode", draws=draws, seed=seed))
        if "H" in table.elements:
            touches.append(closed_touch(table, formula, WATER_FORMULA, "water", draws=draws, seed=seed))
        else:
            missing[WATER] = "the table of energies has no hydrogen"
        contacts = tuple(contacted(touch) for touch in touches)
        figures |= of_contacts(contacts)
        figures = {key: _doubted(figure, _doubts(found)) for key, figure in figures.items()}
    return Layer(
        formula=formula,
        figures=figures,
        missing=missing,
        contacts=contacts,
        becomes={key: dict(products) for key, products in becomes.items() if products},
        grade=found.coverage.grade,
        coverage=found.coverage.reason(),
        notes=found.notes,
    )


def _unbalanced(formula: str) -> str:
    """Say that a printed formula is nearly, but not, neutral: the limits would be those of the remainder."""
    excess = charge_excess(formula)
    if excess is None or not ROUNDING < abs(excess) < NEARLY_NEUTRAL:
        return ""
    return f"withheld: the formula as printed is {excess:+.3f} e per atom from neutral; its limits are those of that"


def _withheld(formula: str, found: Window, least_grade: str, assume_on_hull: bool) -> str:
    grade = found.coverage.grade
    if GRADES.index(grade) > GRADES.index(least_grade):
        return f"coverage {grade}: {found.coverage.reason()}"
    if found.above_hull_ev_atom is None and not assume_on_hull:
        return absent(formula)
    return ""


def _doubts(found: Window) -> tuple[str, ...]:
    doubts = []
    if found.above_hull_ev_atom is None:
        doubts.append("the table lacks the compound, which is taken to lie on the hull of what it has")
    if found.coverage.thin:
        doubts.append(f"coverage {found.coverage.grade}: {found.coverage.reason()}")
    return tuple(doubts)


def _doubted(figure: Estimate, doubts: tuple[str, ...]) -> Estimate:
    return figure.model_copy(update={"doubts": tuple(dict.fromkeys((*figure.doubts, *doubts)))})


def absent(formula: str) -> str:
    """Say why a table of crystals has no energy of *formula*: shared sites, or simply not computed."""
    amounts = Composition.parse(formula).amounts
    if any(abs(n - round(n)) > 1e-6 for n in amounts.values()):
        return "not in the table of energies, which holds ordered crystals: its occupancies are fractional (disordered)"
    return "not in the table of energies"


def check_neighbour(energies: str, formula: str) -> None:
    """Raise `CompositionError` for a cathode or an anode with elements that the table lacks."""
    table = kept_reference(energies)
    unknown = sorted(set(amounts_of(formula)) - table.elements)
    if unknown:
        raise CompositionError(
            f"The table of energies has no compound of {', '.join(unknown)} in {formula}",
            expected="elements of the table: " + " ".join(sorted(table.elements)),
        )
