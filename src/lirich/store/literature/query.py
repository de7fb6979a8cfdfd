"""Questions to the literature records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType

from lirich.errors import UnknownNameError
from lirich.model import Value
from lirich.quantities import QUANTITIES
from lirich.quantities import quantity as known_quantity
from lirich.store.literature.records import MORPHOLOGIES, load
from lirich.store.literature.references import Reference, references
from lirich.store.literature.references import reference as known_reference

FILED_ELSEWHERE = MappingProxyType({"initial_coulombic_efficiency": "coulombic_efficiency"})
"""Quantities of which some facts are filed under another one, since their source does not say all: see `about`."""


def about(values: Iterable[Value], quantity: str) -> list[Value]:
    """Return those of *values* that are about *quantity*, also those that are filed under another name.

    Of an initial Coulombic efficiency these are Coulombic efficiencies of the first cycle, and of a cycle that the
    source does not state (flag ``cycle-not-stated``): the number beside an initial capacity is probably the first's.
    """
    elsewhere = FILED_ELSEWHERE.get(quantity)
    return [
        v for v in values if v.quantity == quantity or (v.quantity == elsewhere and v.conditions.cycle in (None, 1))
    ]


def filed_elsewhere(values: Iterable[Value], quantity: str) -> str:
    """Say in a sentence how many of the *values* of a query for *quantity* are filed under another name, and why."""
    other = [v for v in values if v.quantity != quantity]
    if not other:
        return ""
    silent = sum("cycle-not-stated" in v.flags for v in other)
    why = f" ({silent} of a cycle that the source does not state)" if silent else ""
    are = "published value is" if len(other) == 1 else "published values are"
    return f"{len(other)} {are} filed under {QUANTITIES[FILED_ELSEWHERE[quantity]].name}{why}"


def query(
    values: Iterable[Value] | None = None,
    *,
    quantity: str | None = None,
    morphology: str | None = None,
    sample: str | None = None,
    reference: int | str | None = None,
    flag: str | None = None,
    text: str | None = None,
) -> list[Value]:
    """Return those of *values* (``None``: the carried records) that meet every condition given, in their order.

    Parameters
    ----------
    quantity:
        Key of the vocabulary; also what is filed under another name is found (`about`). Raises `UnknownNameError` on
        another.
    morphology:
        ``SC``, ``PC`` or ``PC-dense``; ``PC`` includes the dense polycrystals. Raises `UnknownNameError` on another.
    sample:
        Part of the sample's name, upper or lower case.
    reference:
        A number of the review's list, or part of the citation (a DOI, an author, a journal). Raises
        `UnknownNameError` on a number that the review has not, and on a text that no citation has.
    flag:
        One of the values' flags, as ``conflict``.
    text:
        Words that must all occur in sample, quantity, phrase, note, conditions or source, upper or lower case.
    """
    if quantity is not None:
        known_quantity(quantity)
    if morphology is not None and morphology not in MORPHOLOGIES:
        raise UnknownNameError.of("morphology", morphology, MORPHOLOGIES)
    found = load() if values is None else list(values)
    if reference is not None:
        _known_reference(str(reference).strip(), found)
    return [
        v
        for v in (found if quantity is None else about(found, quantity))
        if (morphology is None or _of_morphology(v, morphology))
        and (sample is None or sample.casefold() in v.subject.key.casefold())
        and (reference is None or _of_reference(v, str(reference).strip()))
        and (flag is None or flag in v.flags)
        and (text is None or _mentions(v, text))
    ]


def _known_reference(text: str, values: Sequence[Value]) -> None:
    if text.isdecimal():
        known_reference(int(text))
    elif not any(_of_reference(v, text) for v in values) and not any(_cites(r, text) for r in references()):
        raise UnknownNameError(
            f"No source has {text!r}", advice="lirich literature --references lists the references of the review"
        )


def _cites(reference: Reference, text: str) -> bool:
    return text.casefold() in f"{reference.raw} {reference.short} {reference.doi_or_url or ''}".casefold()


def morphology_of(value: Value) -> str | None:
    """Return the morphology that a literature value states: ``SC``, ``PC``, ``PC-dense`` or ``None``."""
    stated = value.conditions.other.get("morphology")
    return None if stated is None else str(stated)


def _of_morphology(value: Value, morphology: str) -> bool:
    stated = morphology_of(value)
    return stated == morphology or (morphology == "PC" and stated == "PC-dense")


def _of_reference(value: Value, reference: str) -> bool:
    if reference.isdecimal():
        return reference in str(value.provenance.parameters.get("reference_numbers", "")).split()
    return reference.casefold() in value.provenance.source.casefold()


def _mentions(value: Value, text: str) -> bool:
    what = QUANTITIES[value.quantity]
    stated = [str(x) for x in value.provenance.parameters.values()]
    places = (value.subject.key, what.key, what.name, value.note, value.provenance.source, *value.flags, *stated)
    everything = " ".join(places).casefold()
    return all(word in everything for word in text.casefold().split())
