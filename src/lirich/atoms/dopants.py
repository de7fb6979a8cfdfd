"""Dopants on the sites of a host: neutral cells to compute, each with its compensation by name.

A dopant is put on every distinct place that it may take; the charge that it leaves is taken up by each allowed
compensation; the compensating ions stand where the Ewald energy is lowest. What cannot be made neutral is no variant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from pymatgen.core.structure import Structure

from lirich.atoms.arrangement import EMPTY, Arrangement
from lirich.atoms.compensation import Change, ChangeKind, Compensation, Ion, compensations, ion
from lirich.atoms.ordering import SAME_DIGITS
from lirich.errors import NotNeutralError, StructureError
from lirich.model import Frozen

Place = Literal["Li", "TM", "O", "tetrahedral"]


class Dopant(Frozen):
    """An ion that is put into a host, and where.

    ``replaces`` names the element that makes room; empty stands for the most frequent one of that layer which is no
    lithium in the metal layer. ``tetrahedral`` places are empty in the host.
    """

    element: str
    charge: int
    place: Place = "TM"
    replaces: str = ""
    count: int = Field(default=1, ge=1)

    @property
    def words(self) -> str:
        """Say it as people do: ``W⁶⁺ on TM``, ``2 × Al³⁺ on TM``."""
        times = f"{self.count} × " if self.count > 1 else ""
        return f"{times}{ion(self.element, self.charge)} on {self.place}"


@dataclass(frozen=True)
class Variant:
    """A neutral cell with its dopants: what is computed.

    ``dopant_sites`` are indices into `structure`; ``share_percent`` is the dopants' share of the host's metals without
    lithium (of the anions for a dopant on O).
    """

    arrangement: Arrangement
    dopants: tuple[Dopant, ...]
    compensation: Compensation
    share_percent: float

    @property
    def structure(self) -> Structure:
        """The crystal, with formal charges, layers, roles and places as site properties."""
        return self.arrangement.structure()

    @property
    def dopant_sites(self) -> list[int]:
        """Where the dopants stand in `structure`."""
        return [i for i, role in enumerate(self.structure.site_properties["role"]) if role == "dopant"]

    @property
    def words(self) -> str:
        """Name of the variant: its dopants and how their charge is taken up."""
        return f"{' + '.join(d.words for d in self.dopants)}; {self.compensation.words}"


def count_for(host: Arrangement, dopant: Dopant, percent: float) -> int:
    """Return how many dopants of a cell come nearest to *percent* of the host's metals (anions for O), 1 at least."""
    return max(1, round(percent / 100 * _reference_count(host, dopant.place)))


def _reference_count(host: Arrangement, place: Place) -> int:
    layers = zip(host.elements, host.places.layers, strict=True)
    if place == "O":
        return sum(layer == "O" for _, layer in layers)
    return sum(layer in ("Li", "TM") and element not in ("Li", EMPTY) for element, layer in layers)


def variants(
    host: Arrangement,
    dopants: Sequence[Dopant],
    first_places: Sequence[int],
    *,
    kinds: Sequence[ChangeKind] = ("redox", "li-vacancy", "exchange"),
    at_most: int = 3,
) -> list[Variant]:
    """Return the neutral cells of these dopants, lowest Ewald energy first for each compensation.

    Parameters
    ----------
    host:
        The neutral host with its places.
    dopants:
        All dopants of one cell: one, a pair, or a set.
    first_places:
        Distinct places that the first dopant is tried on (`lirich.atoms.sites`); those that it may not take are passed
        over. The others stand where the Ewald energy of the neutral cell is lowest.
    kinds, at_most:
        See `lirich.atoms.compensation.compensations`.

    Raises
    ------
    NotNeutralError
        If no placement can be made neutral.
    StructureError
        If the host has no such place for one of the dopants.
    """
    found: list[Variant] = []
    refused: NotNeutralError | None = None
    placed = False
    for first in first_places:
        filled = _place_all(host, dopants, first)
        if filled is None:
            continue
        placed = True
        try:
            ways = compensations(
                filled.charge,
                _ions(filled, "TM"),
                kinds=kinds,
                lithium=len(filled.holding("Li", layer="Li")),
                oxygen=len(filled.holding("O", layer="O")),
                at_most=at_most,
            )
        except NotNeutralError as error:
            refused = error
            continue
        share = 100 * sum(d.count for d in dopants) / _reference_count(host, dopants[0].place)
        found += [Variant(_compensated(filled, way), tuple(dopants), way, share) for way in ways]
    if not placed:
        raise StructureError(
            f"No place in the host for {' + '.join(d.words for d in dopants)}",
            expected="the layer and the element that make room",
            advice="Name another site or another element to replace",
        )
    if not found:
        assert refused is not None
        raise refused
    return sorted(found, key=lambda v: (v.compensation.words, round(v.arrangement.ewald_ev, SAME_DIGITS)))


def _place_all(host: Arrangement, dopants: Sequence[Dopant], first: int) -> Arrangement | None:
    """Put the first dopant on *first* and the others on the places of the lowest Ewald energy, one after another."""
    filled = host
    for number, dopant in enumerate(dopants):
        for copy in range(dopant.count):
            allowed = _allowed(filled, dopant, host)
            if number == 0 and copy == 0:
                if first not in allowed:
                    return None
                chosen = first
            elif not allowed:
                return None
            else:
                chosen = filled.best(allowed, dopant.charge)
            filled = filled.put({chosen: (dopant.element, dopant.charge)}, "dopant")
    return filled


def _allowed(filled: Arrangement, dopant: Dopant, host: Arrangement) -> list[int]:
    """Return the places that a dopant may take: of an element in two states those of the one that *host* has more of.

    So a dopant always makes room of the same charge (Mn⁴⁺, and not the Mn³⁺ that rounding left in the host), as long as
    there is any.
    """
    if dopant.place == "tetrahedral":
        return filled.holding(EMPTY, layer="tetrahedral")
    element = dopant.replaces or _usual(filled, dopant.place)
    states = Counter(host.charges[i] for i in host.holding(element, layer=dopant.place))
    there = filled.holding(element, layer=dopant.place)
    usual = max(states, key=lambda charge: (states[charge], charge), default=0)
    return [i for i in there if filled.charges[i] == usual] or there


def _usual(filled: Arrangement, place: Place) -> str:
    """Return the element that usually makes room: the most frequent of that layer, lithium of the metal layer apart."""
    counts = Counter(
        element
        for element, layer, role in zip(filled.elements, filled.places.layers, filled.roles, strict=True)
        if layer == place and role == "host" and not (place == "TM" and element == "Li")
    )
    return min(counts, key=lambda element: (-counts[element], element), default=EMPTY)


def _ions(filled: Arrangement, layer: str) -> Mapping[Ion, int]:
    return Counter(
        (element, charge)
        for element, charge, where, role in zip(
            filled.elements, filled.charges, filled.places.layers, filled.roles, strict=True
        )
        if where == layer and role == "host"
    )


def _compensated(filled: Arrangement, way: Compensation) -> Arrangement:
    """Make the changes where the Ewald energy is lowest: each in turn, then each again with the others in place."""
    chosen: list[int] = []
    for change in way.changes:
        chosen.append(_best_place(filled, way.changes[: len(chosen)], chosen, change))
    for _ in range(len(chosen)):
        before = list(chosen)
        for number, change in enumerate(way.changes):
            others = way.changes[:number] + way.changes[number + 1 :]
            chosen[number] = _best_place(filled, others, chosen[:number] + chosen[number + 1 :], change)
        if chosen == before:
            break
    return _apply(filled, way.changes, chosen)


def _best_place(filled: Arrangement, others: Sequence[Change], taken: Sequence[int], change: Change) -> int:
    changed = _apply(filled, others, taken)
    layer = {"li-vacancy": "Li", "o-vacancy": "O"}.get(change.kind, "TM")
    return changed.best(changed.holding(change.element, change.before, layer), change.after)


def _apply(filled: Arrangement, changes: Sequence[Change], places: Sequence[int]) -> Arrangement:
    ions = {place: (change.element_after, change.after) for place, change in zip(places, changes, strict=True)}
    return filled.put(ions, "compensation")
