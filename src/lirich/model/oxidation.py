"""Whether the charges of an oxide's formula can balance: a digit that was lost or doubled mostly shows there."""

from __future__ import annotations

import re

from lirich.errors import CompositionError
from lirich.model.asmade import ANION_CHARGE, ROUNDED, STATES
from lirich.model.composition import TRANSITION_METALS, Composition

RARE = {"Mn": 7.0, "Fe": 6.0, "Ru": 8.0}
"""States above those, of oxides without vacant sites, such as Mn⁵⁺ of Li3MnO4 (Greenwood & Earnshaw, as above)."""

AS_MADE = {"Mn": (3.0, 4.0), "Co": (3.0, 3.0), "Ni": (2.0, 3.0), "Fe": (2.0, 3.0), "Ti": (4.0, 4.0), "V": (3.0, 5.0)}
"""The states in most cathodes as they are made; what a formula was likely meant to be balances with these."""

TOLERANCE = 0.05
"""Share of the anions' charge by which a formula may miss: real oxides lack some oxygen or lithium."""


def unbalanced(composition: Composition) -> str:
    """Return in words why the charges of an oxide of a transition metal cannot balance; empty where they can.

    Sites that are vacant (fewer cations than anions) may have held Li⁺, as in a cathode that is charged. Nothing is
    said of what is no such oxide, or has an element that may be an anion too.
    """
    judged = set(composition.amounts) <= {*STATES, *ANION_CHARGE} and composition.amount("O") > 0
    if not judged or set(composition.amounts).isdisjoint(TRANSITION_METALS):
        return ""
    need, low, high = _charges(composition, STATES)
    anions = sum(composition.amount(el) for el in ANION_CHARGE)
    cations = sum(n for el, n in composition.amounts.items() if el in STATES)
    rare = sum(n * RARE.get(el, STATES[el][1]) for el, n in composition.amounts.items() if el in STATES)
    if low > need * (1.0 + TOLERANCE):
        return f"its metals have a charge of {low:.4g} at least, and its anions of {need:.4g}"
    most = high + max(0.0, anions - cations)
    if max(most, rare if cations >= anions * (1.0 - TOLERANCE) else 0.0) < need * (1.0 - TOLERANCE):
        return f"its metals have a charge of {high:.4g} at most, and its anions of {need:.4g}"
    return ""


def likely_meant(composition: Composition) -> str | None:
    """Return the formula that *composition*, whose charges do not balance, was likely meant to be, if there is one.

    One number of it is another: that of oxygen a whole one, or one ten times or a tenth. Of several that balance with
    the usual states, the one is taken whose cations are as many as its anions, as in a layered oxide.
    """
    found: list[tuple[float, str]] = []
    for part in re.finditer(r"([A-Z][a-z]?)([0-9.]*)(?![a-z])", composition.formula):
        element, number = part[1], float(part[2] or 1) if part[2].count(".") < 2 else 1.0
        whole = [float(n) for n in range(2, 13)] if element == "O" else []
        for other in (*whole, 10.0 * number, 0.1 * number):
            shown = "" if other == 1 else f"{other:.6g}"
            formula = composition.formula[: part.start(2)] + shown + composition.formula[part.end(2) :]
            try:
                meant = Composition.parse(formula)
            except CompositionError:
                continue
            need, low, high = _charges(meant, {**STATES, **AS_MADE})
            if low <= need * (1.0 + ROUNDED) and high >= need * (1.0 - ROUNDED):
                cations = sum(n for el, n in meant.amounts.items() if el in STATES)
                anions = sum(meant.amount(el) for el in ANION_CHARGE)
                found.append((abs(cations / anions - 1.0), formula))
    return min(found)[1] if found else None


def _charges(composition: Composition, states: dict[str, tuple[float, float]]) -> tuple[float, float, float]:
    """Return the charge of the anions, and the least and the most that the cations can have, per formula unit."""
    need = sum(n * ANION_CHARGE.get(el, 0.0) for el, n in composition.amounts.items())
    low = sum(n * states[el][0] for el, n in composition.amounts.items() if el in states)
    high = sum(n * states[el][1] for el, n in composition.amounts.items() if el in states)
    return need, low, high
