"""The jobs of a screening of coatings: from formulas to numbers, pure functions of JSON-able parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import geometric_mean
from typing import Any

from lirich.errors import LirichError, NotEnoughDataError, UnknownNameError
from lirich.interfaces.between import (
    Touch,
    bare_touches,
    between,
    conductivity_of,
    inner_touches,
    strain_on,
)  # fmt: skip
from lirich.interfaces.contact import decomposition
from lirich.interfaces.coverage import HIDDEN_EV_ATOM, Coverage
from lirich.interfaces.elements import formula_facts
from lirich.interfaces.embedded import NAME
from lirich.interfaces.formulas import amounts_of
from lirich.interfaces.phases import EnergyTable
from lirich.interfaces.windows import LITHIUM, Limit, Window, window
from lirich.screening.candidate import Estimate
from lirich.screening.coatings_found import (
    ALONE,
    CONDUCTIVITY,
    COST,
    HULL,
    LITHIUM_SHARE,
    OXIDATION,
    REDUCTION,
    SCARCEST,
    STRAIN,
    TOXICITY,
    Contacted,
    Joined,
    Layer,
)  # fmt: skip
from lirich.screening.coatings_judged import worst
from lirich.workbench.interface import MATERIALS_PROJECT, reference

TOXICITIES = {"low": 0.0, "moderate": 1.0, "high": 2.0}


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
    table = _table(p, formula)
    voltage, draws, seed = float(p["voltage"]), int(p["draws"]), int(p["seed"])
    found = between(table, formula, p["cathode"], p["electrolytes"], voltage, draws=draws, seed=seed)
    figures, missing = _of_window(found.window)
    becomes = {
        "reduced": dict(found.window.reduction.products or {}),
        "oxidised": dict(found.window.oxidation.products or {}),
        "at the voltage": dict(found.alone.products),
    }
    alone = _millis(found.alone.energy_ev_atom, found.alone.low, found.alone.high)
    if found.window.coverage.thin:
        missing[ALONE] = found.window.coverage.reason()
    else:
        figures[ALONE] = alone
    contacts = tuple(_contacted(touch) for touch in found.touches)
    figures |= _of_contacts(contacts)
    amounts = amounts_of(formula)
    figures[LITHIUM_SHARE] = Estimate(value=100 * amounts.get(LITHIUM, 0.0) / sum(amounts.values()))
    _of_elements(formula, figures, missing)
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
    table = _table(p, inside, outside)
    touches = inner_touches(
        table, inside, outside, float(p["voltage"]), draws=int(p["draws"]), seed=int(p["seed"])
    )  # fmt: skip
    return Joined(inside=inside, outside=outside, contacts=tuple(_contacted(touch) for touch in touches))


def _bare(p: Mapping[str, Any]) -> Layer:
    """Return an electrolyte on the bare cathode."""
    formula = str(p["formula"])
    table = _table(p, formula)
    voltage, draws, seed = float(p["voltage"]), int(p["draws"]), int(p["seed"])
    figures, missing = _of_window(window(table, formula, draws=draws, seed=seed))
    alone = decomposition(table, formula, voltage, draws=draws, seed=seed)
    touches = bare_touches(table, p["cathode"], formula, voltage, draws=draws, seed=seed)
    contacts = tuple(_contacted(touch) for touch in touches)
    figures |= {ALONE: _millis(alone.energy_ev_atom, alone.low, alone.high), **_of_contacts(contacts)}
    becomes = {"at the voltage": dict(alone.products)} if alone.products else {}
    return Layer(formula=formula, figures=figures, missing=missing, contacts=contacts, becomes=becomes)


@lru_cache(maxsize=4)
def _whole(energies: str) -> EnergyTable:
    return reference(energies)


def _table(p: Mapping[str, Any], *formulas: str) -> EnergyTable:
    """Return the table that a job asks: kept in the process, but for the Materials Project, asked for each system."""
    energies = str(p.get("energies", NAME))
    if energies != MATERIALS_PROJECT:
        return _whole(energies)
    named = (*formulas, str(p["cathode"]), *(str(e) for e in p["electrolytes"]))
    return reference(energies, {LITHIUM, *(e for formula in named for e in amounts_of(formula))})


def _of_window(found: Window) -> tuple[dict[str, Estimate], dict[str, str]]:
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    if found.above_hull_ev_atom is None:
        missing[HULL] = "not in the table of energies"
    else:
        low, high = found.above_hull_interval or (None, None)
        figures[HULL] = _millis(found.above_hull_ev_atom, low, high)
    for key, limit in ((REDUCTION, found.reduction), (OXIDATION, found.oxidation)):
        if limit.voltage is None:
            missing[key] = ("withheld: " if limit.withheld else "") + limit.reason
        else:
            figures[key] = _limit(limit, found.coverage)
    return figures, missing


def _limit(limit: Limit, coverage: Coverage) -> Estimate:
    assert limit.voltage is not None
    doubts = (coverage.reason(),) if coverage.grade == "B" else ()
    low = None if limit.low is None else min(limit.low, limit.voltage)
    high = None if limit.high is None else max(limit.high, limit.voltage)
    return Estimate(value=limit.voltage, low=low, high=high, doubts=doubts)


def _millis(value: float, low: float | None, high: float | None, doubts: tuple[str, ...] = ()) -> Estimate:
    """Return an energy of eV as an estimate in meV, without the rounding errors of a programme."""

    def meant(energy: float) -> float:
        return round(1000 * energy, 6) + 0.0

    if low is None or high is None:
        return Estimate(value=meant(value), doubts=doubts)
    return Estimate(value=meant(value), low=meant(min(low, value)), high=meant(max(high, value)), doubts=doubts)


def _contacted(touch: Touch) -> Contacted:
    """Return a contact; what the table lacks may drive it further, by as much as the lower end is lowered."""
    contact = touch.contact
    doubts: tuple[str, ...] = ()
    low = contact.low
    if touch.missing:
        neighbour = "the cathode" if touch.neighbour == "cathode" else touch.name
        doubts = (
            f"with {neighbour} up to {1000 * HIDDEN_EV_ATOM:.0f} meV/atom more may be hidden: "
            f"the table knows no compound of {', '.join(touch.missing)}",
        )
        low = None if low is None else low - HIDDEN_EV_ATOM
    return Contacted(
        neighbour=touch.neighbour,
        name=touch.name,
        voltage=contact.voltage,
        energy=_millis(contact.energy_ev_atom, low, contact.high, doubts),
        products=dict(contact.products),
        share=contact.share_a,
        grade=contact.coverage.grade,
    )


def _of_contacts(contacts: Sequence[Contacted]) -> dict[str, Estimate]:
    """Return the worst contact of each quantity."""
    keys = dict.fromkeys(c.quantity for c in contacts if c.quantity)
    return {key: worst([c.energy for c in contacts if c.quantity == key], min) for key in keys}


def _of_elements(formula: str, figures: dict[str, Estimate], missing: dict[str, str]) -> None:
    try:
        facts = formula_facts(formula)
    except UnknownNameError as error:
        missing.update(dict.fromkeys((COST, SCARCEST, TOXICITY), str(error)))
        return
    for key, value in (
        (COST, facts.cost_usd_per_kg),
        (SCARCEST, facts.scarcest_ppm),
        (TOXICITY, TOXICITIES[facts.toxicity]),
    ):
        figures[key] = Estimate(value=value)


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
    if measured:
        values = [m.conductivity_s_cm for m in measured]
        figures[CONDUCTIVITY] = Estimate(value=geometric_mean(values), count=len(values))
        spread = f"{min(values):.1e} … {max(values):.1e} S/cm" if len(values) > 1 else "one measurement"
        notes.append(f"conductivity by OBELiX: {spread}")
    else:
        missing[CONDUCTIVITY] = "not measured in OBELiX"
    return tuple(notes)
