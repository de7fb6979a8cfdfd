"""From what the interfaces say of a solid to figures: limits, contacts, elements, conductivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lirich.errors import UnknownNameError
from lirich.interfaces.between import Touch
from lirich.interfaces.coverage import HIDDEN_EV_ATOM, Coverage
from lirich.interfaces.elements import formula_facts
from lirich.interfaces.knowledge import Measurement, median_s_cm, repeat_spread
from lirich.interfaces.windows import Limit, Window
from lirich.screening.candidate import Z_OF_LEVEL, Estimate
from lirich.screening.coatings_judged import worst
from lirich.screening.solids_found import COST, HULL, OXIDATION, REDUCTION, SCARCEST, TOXICITY, Contacted

TOXICITIES: Mapping[str, float] = {"low": 0.0, "moderate": 1.0, "high": 2.0}


def of_window(found: Window) -> tuple[dict[str, Estimate], dict[str, str]]:
    """Return distance to the hull and limits, and why one of them is missing."""
    figures: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    if found.above_hull_ev_atom is None:
        missing[HULL] = "not in the table of energies"
    else:
        low, high = found.above_hull_interval or (None, None)
        figures[HULL] = millis(found.above_hull_ev_atom, low, high)
    for key, limit in ((REDUCTION, found.reduction), (OXIDATION, found.oxidation)):
        if limit.voltage is None:
            missing[key] = ("withheld: " if limit.withheld else "") + limit.reason
        else:
            figures[key] = _limit(limit, limit.voltage, found.coverage)
    return figures, missing


def _limit(limit: Limit, voltage: float, coverage: Coverage) -> Estimate:
    doubts = (coverage.reason(),) if coverage.grade == "B" else ()
    low = None if limit.low is None else min(limit.low, voltage)
    high = None if limit.high is None else max(limit.high, voltage)
    return Estimate(value=voltage, low=low, high=high, doubts=doubts)


def millis(value: float, low: float | None, high: float | None, doubts: tuple[str, ...] = ()) -> Estimate:
    """Return an energy of eV as an estimate in meV, without the rounding errors of a programme."""

    def meant(energy: float) -> float:
        return round(1000 * energy, 6) + 0.0

    if low is None or high is None:
        return Estimate(value=meant(value), doubts=doubts)
    return Estimate(value=meant(value), low=meant(min(low, value)), high=meant(max(high, value)), doubts=doubts)


def contacted(touch: Touch) -> Contacted:
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
        energy=millis(contact.energy_ev_atom, low, contact.high, doubts),
        products=dict(contact.products),
        share=contact.share_a,
        grade=contact.coverage.grade,
    )


def of_contacts(contacts: Sequence[Contacted]) -> dict[str, Estimate]:
    """Return the worst contact of each quantity."""
    keys = dict.fromkeys(c.quantity for c in contacts if c.quantity)
    return {key: worst([c.energy for c in contacts if c.quantity == key], min) for key in keys}


def of_elements(formula: str) -> tuple[dict[str, Estimate], dict[str, str]]:
    """Return cost, abundance and toxicity of the elements, or why they are missing."""
    try:
        facts = formula_facts(formula)
    except UnknownNameError as error:
        return {}, dict.fromkeys((COST, SCARCEST, TOXICITY), str(error))
    values = {COST: facts.cost_usd_per_kg, SCARCEST: facts.scarcest_ppm, TOXICITY: TOXICITIES[facts.toxicity]}
    return {key: Estimate(value=value) for key, value in values.items()}, {}


def of_conductivity(measured: Sequence[Measurement]) -> Estimate | None:
    """Return the median conductivity with the interval of a median of so many measurements; ``None`` without one.

    The interval rests on the spread of repeated measurements of one formula (`repeat_spread`), so that one measurement
    has one too: log10 σ ± 1.64 · s/√n.
    """
    if not measured:
        return None
    count, bounded = len(measured), sum(m.bound == "<" for m in measured)
    middle = median_s_cm(measured)
    factor = 10 ** (Z_OF_LEVEL * repeat_spread()[0] / count**0.5)
    doubts = []
    if bounded:
        doubts.append(f"{bounded} of {count} measurement(s) gave only an upper limit, which stands for the value")
    if count == 1:
        doubts.append("one measurement; its interval is that of repeated measurements of other formulas")
    return Estimate(value=middle, low=middle / factor, high=middle * factor, count=count, doubts=tuple(doubts))


def conductivity_words(measured: Sequence[Measurement]) -> str:
    """Say how many measurements there are and their range."""
    values = [m.conductivity_s_cm for m in measured]
    spread = f"{min(values):.1e} … {max(values):.1e} S/cm" if len(values) > 1 else "one measurement"
    return f"conductivity by OBELiX: {spread}" + (f" in {len(values)} measurements" if len(values) > 1 else "")
