"""What the elements of a dopant that is proposed cost, and how dangerous they are: shown beside it, never judged."""

from __future__ import annotations

from lirich.errors import UnknownNameError
from lirich.interfaces.elements import ElementFacts, element_facts


def facts_of(element: str) -> ElementFacts | None:
    """Return what the table of elements knows, ``None`` of an element that is not in it."""
    try:
        return element_facts(element)
    except UnknownNameError:
        return None


def toxicity_words(element: str) -> str:
    """Return the class of toxicity and the compound that it is that of: ``high (CdO)``; ``unknown`` without either."""
    facts = facts_of(element)
    if facts is None or not facts.hazard_of:
        return "unknown"
    return f"{facts.toxicity} ({facts.hazard_of})"


def price_words(element: str) -> str:
    """Return the price of the element, USD/kg to two digits; ``unknown`` where none is known."""
    facts = facts_of(element)
    return "unknown" if facts is None else f"{float(f'{facts.price_usd_per_kg:.2g}'):,g}"


def element_words(element: str) -> str:
    """Say both: ``toxicity high (CdO), 2.7 USD/kg``."""
    return f"toxicity {toxicity_words(element)}, {price_words(element)} USD/kg"
