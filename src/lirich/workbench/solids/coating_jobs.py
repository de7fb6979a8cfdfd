"""The jobs of a screening of coatings: from formulas to numbers, pure functions of JSON-able parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lirich.errors import LirichError, NotEnoughDataError, UnknownNameError
from lirich.interfaces.between import (
    bare_touches,
    between,
    conductivity_of,
    inner_touches,
    strain_on,
)  # fmt: skip
from lirich.interfaces.contact import decomposition
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.windows import LITHIUM, window
from lirich.screening.candidate import Estimate
from lirich.screening.solids_found import ALONE, CONDUCTIVITY, LITHIUM_SHARE, STRAIN, Joined, Layer
from lirich.workbench.solids.interface import kept_reference
from lirich.workbench.solids.properties import (
    conductivity_words,
    contacted,
    millis,
    of_conductivity,
    of_contacts,
    of_elements,
    of_window,
)


def coating_job(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run the job of that ``kind``: ``layer``, ``joined`` or ``bare``; a formula that fails is a result that says so.

    ``energies`` names the table, ``cathode``, ``electrolytes``, ``voltage``, ``facet``, ``draws`` and ``seed`` are
    those of the study, ``formula`` (and ``outside``) the solids.
    """
    kind, formula = parameters["kind"], str(parameters["formula"])
    try:
        if kind == "joined":
            return _joined(parameters).model_dump(mode="json")
        made = _layer(parameters) if kind == "layer" else _bare(parameters)
    except LirichError as error:
        if kind == "joined":
            failed = Joined(inside=formula, outside=str(parameters["outside"]), failure=str(error))
            return failed.model_dump(mode="json")
        made = Layer(formula=formula, failure=str(error))
    return made.model_dump(mode="json")


def _layer(p: Mapping[str, Any]) -> Layer:
    formula = str(p["formula"])
    table = kept_reference(str(p["energies"]))
    voltage, draws, seed = float(p["voltage"]), int(p["draws"]), int(p["seed"])
    found = between(table, formula, p["cathode"], p["electrolytes"], voltage, draws=draws, seed=seed)
    figures, missing = of_window(found.window)
    becomes = {
        "reduced": dict(found.window.reduction.products or {}),
        "oxidised": dict(found.window.oxidation.products or {}),
        "at the voltage": dict(found.alone.products),
    }
    alone = millis(found.alone.energy_ev_atom, found.alone.low, found.alone.high)
    if found.window.coverage.thin:
        missing[ALONE] = found.window.coverage.reason()
    else:
        figures[ALONE] = alone
    contacts = tuple(contacted(touch) for touch in found.touches)
    figures |= of_contacts(contacts)
    amounts = amounts_of(formula)
    figures[LITHIUM_SHARE] = Estimate(value=100 * amounts.get(LITHIUM, 0.0) / sum(amounts.values()))
    of, lacking = of_elements(formula)
    figures, missing = {**figures, **of}, {**missing, **lacking}
    notes = _of_crystal(formula, str(p["facet"]), figures, missing)
    return Layer(
        formula=found.formula,
        figures=figures,
        missing=missing,
        contacts=contacts,
        becomes={key: products for key, products in becomes.items() if products},
        grade=found.window.coverage.grade,
        coverage=found.window.coverage.reason(),
        notes=(*found.window.notes, *notes),
    )


def _joined(p: Mapping[str, Any]) -> Joined:
    inside, outside = str(p["formula"]), str(p["outside"])
    table = kept_reference(str(p["energies"]))
    touches = inner_touches(
        table, inside, outside, float(p["voltage"]), draws=int(p["draws"]), seed=int(p["seed"])
    )  # fmt: skip
    return Joined(inside=inside, outside=outside, contacts=tuple(contacted(touch) for touch in touches))


def _bare(p: Mapping[str, Any]) -> Layer:
    """Return an electrolyte on the bare cathode."""
    formula = str(p["formula"])
    table = kept_reference(str(p["energies"]))
    voltage, draws, seed = float(p["voltage"]), int(p["draws"]), int(p["seed"])
    figures, missing = of_window(window(table, formula, draws=draws, seed=seed))
    alone = decomposition(table, formula, voltage, draws=draws, seed=seed)
    touches = bare_touches(table, p["cathode"], formula, voltage, draws=draws, seed=seed)
    contacts = tuple(contacted(touch) for touch in touches)
    figures |= {ALONE: millis(alone.energy_ev_atom, alone.low, alone.high), **of_contacts(contacts)}
    becomes = {"at the voltage": dict(alone.products)} if alone.products else {}
    return Layer(formula=formula, figures=figures, missing=missing, contacts=contacts, becomes=becomes)


def _of_crystal(formula: str, facet: str, figures: dict[str, Estimate], missing: dict[str, str]) -> tuple[str, ...]:
    """Add strain and conductivity where they are known; return what is to be said of them."""
    notes = []
    try:
        strain = strain_on(formula, facet)
        figures[STRAIN] = Estimate(value=100 * strain.strain)
        notes.append(f"strain of {strain.phase} on ({facet}), cell of {strain.area_a2:.0f} Å² ({strain.source})")
    except (UnknownNameError, NotEnoughDataError) as error:
        missing[STRAIN] = str(error).rstrip(".")
    measured = conductivity_of(formula)
    sigma = of_conductivity(measured)
    if sigma is not None:
        figures[CONDUCTIVITY] = sigma
        notes.append(conductivity_words(measured))
    else:
        missing[CONDUCTIVITY] = "not measured in OBELiX"
    return tuple(notes)
