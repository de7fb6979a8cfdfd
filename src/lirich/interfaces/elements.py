"""What an element costs, how much of it there is, how critical and how dangerous it is: for gates, not for bills.

Sources of ``elements.csv``, one per column:

* price: the table "Prices of chemical elements" of Wikipedia as copied into a public repository (seen), which takes it
  from the U.S. Geological Survey's Mineral Commodity Summaries, Shanghai Metals Market, the London Metal Exchange and
  others; year and form of each price are in the table. Per kilogram of the element, in the cheapest traded form. Prices
  of lithium, cobalt and rare earths move by factors within years: read orders of magnitude.
* abundance: mg per kg of the continental crust, CRC Handbook of Chemistry and Physics, 85th ed., section 14 (seen in
  two independent copies).
* critical: annexes I (strategic) and II (critical) of Regulation (EU) 2024/1252 (lists seen); an element counts where
  its raw material is listed, whatever the grade.
* hazard: health hazards of the common compound that is named, after Annex VI of Regulation (EC) 1272/2008 or the usual
  notification, simplified and written from memory. A coating may be harmless where its oxide is not (borates in a
  glass).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from lirich.errors import UnknownNameError
from lirich.model import Composition

Toxicity = Literal["low", "moderate", "high"]
Supply = Literal["", "critical", "strategic"]

_RANK: Mapping[str, int] = {"low": 0, "moderate": 1, "high": 2}
_HIGH = ("Carc. 1", "Muta. 1", "Repr. 1", "Acute Tox. 1", "Acute Tox. 2")
_MODERATE = ("Carc. 2", "Muta. 2", "Repr. 2", "Acute Tox. 3", "Acute Tox. 4", "STOT RE")


@dataclass(frozen=True, slots=True)
class ElementFacts:
    """What is known of an element; see the module for sources. ``hazard`` is empty where none is stated."""

    element: str
    price_usd_per_kg: float
    price_year: int
    price_of: str
    crust_ppm: float
    critical: Supply
    hazard: str
    hazard_of: str

    @property
    def toxicity(self) -> Toxicity:
        """Class by the worst statement of ``hazard``.

        *high*: carcinogen, mutagen or toxic to reproduction of category 1, or acutely toxic of category 1 or 2;
        *moderate*: category 2 of the former, acutely toxic of category 3 or 4, or damage to organs on repeated
        exposure; otherwise *low*. A convention of lirich.
        """
        if any(word in self.hazard for word in _HIGH):
            return "high"
        return "moderate" if any(word in self.hazard for word in _MODERATE) else "low"


@dataclass(frozen=True, slots=True)
class FormulaFacts:
    """What its elements say of a formula.

    ``cost_usd_per_kg`` is that of the elements in it, the least that it can cost; no synthesis is in it.
    ``cost_shares`` are the parts of the elements. ``scarcest_ppm`` is the abundance of ``scarcest``. ``toxicity`` is
    the worst of the elements in ``toxic``; ``critical`` are those whose supply is critical or strategic.
    """

    formula: str
    cost_usd_per_kg: float
    cost_shares: Mapping[str, float]
    oldest_price_year: int
    scarcest: str
    scarcest_ppm: float
    toxicity: Toxicity
    toxic: tuple[str, ...]
    critical: tuple[str, ...]


@lru_cache(maxsize=1)
def element_table() -> Mapping[str, ElementFacts]:
    """Return all elements of the table by symbol."""
    text = files("lirich.interfaces").joinpath("elements.csv").read_text(encoding="utf-8")
    return {row["element"]: _facts(row) for row in csv.DictReader(text.splitlines())}


def element_facts(element: str) -> ElementFacts:
    """Return what is known of an element. Raises `lirich.errors.UnknownNameError` for one that is not in the table."""
    table = element_table()
    if element not in table:
        raise UnknownNameError.of("element of the price table", element, table)
    return table[element]


def formula_facts(formula: str) -> FormulaFacts:
    """Return cost, scarcest element, toxicity and critical elements of a formula.

    Raises `lirich.errors.CompositionError` for what is no formula, `lirich.errors.UnknownNameError` for an element that
    is not in the table: no price is guessed.
    """
    composition = Composition.parse(formula)
    known = {element: element_facts(element) for element in composition.amounts}
    masses = mass_fractions(composition)
    costs = {element: masses[element] * facts.price_usd_per_kg for element, facts in known.items()}
    cost = sum(costs.values())
    scarcest = min(known.values(), key=lambda f: f.crust_ppm)
    toxicity = worst_toxicity(known.values())
    return FormulaFacts(
        formula=formula,
        cost_usd_per_kg=cost,
        cost_shares={element: part / cost for element, part in costs.items()},
        oldest_price_year=min(f.price_year for f in known.values()),
        scarcest=scarcest.element,
        scarcest_ppm=scarcest.crust_ppm,
        toxicity=toxicity,
        toxic=tuple(sorted(e for e, f in known.items() if f.toxicity == toxicity and toxicity != "low")),
        critical=tuple(sorted(e for e, f in known.items() if f.critical)),
    )


def mass_fractions(composition: Composition) -> dict[str, float]:
    """Return the mass fraction of each element; they sum to 1."""
    masses = {e: n * Composition.parse(e).molar_mass_g_mol for e, n in composition.amounts.items()}
    total = sum(masses.values())
    return {e: m / total for e, m in masses.items()}


def worst_toxicity(facts: Iterable[ElementFacts]) -> Toxicity:
    """Return the worst class of some elements, *low* for none."""
    classes: list[Toxicity] = [f.toxicity for f in facts]
    return max(classes, key=lambda c: _RANK[c], default="low")


def _facts(row: Mapping[str, str]) -> ElementFacts:
    supply: Supply = "strategic" if row["critical"] == "strategic" else "critical" if row["critical"] else ""
    return ElementFacts(
        element=row["element"],
        price_usd_per_kg=float(row["price_usd_per_kg"]),
        price_year=int(row["price_year"]),
        price_of=row["price_of"],
        crust_ppm=float(row["crust_ppm"]),
        critical=supply,
        hazard=row["hazard"],
        hazard_of=row["hazard_of"],
    )
