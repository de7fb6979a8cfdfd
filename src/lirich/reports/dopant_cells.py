"""The cells of a screening of dopants as a gallery: each ordering of each candidate, as built and relaxed, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lirich.model.format import format_number
from lirich.plots.cell_svg import DrawnCell, cell_svg, dopants_svg, mark_svg
from lirich.screening.states import state_words

if TYPE_CHECKING:
    from lirich.screening.screened import Built, Crystal, Reading, Relaxed, Screened, Tried

Array = NDArray[np.float64]

LAYER_WORDS = {"Li": "the lithium layer", "TM": "the metal layer", "tetrahedral": "tetrahedra"}
MOVED_FROM_A = 0.05
"""Displacements below this, Å, are told as none: positions are kept to 0.0001 of the cell, forces to 0.05 eV/Å."""
VACANCY, MIGRATION, HOP = "oxygen_vacancy_formation_energy", "metal_migration_energy", "lithium_hop_barrier"


@dataclass(frozen=True, slots=True)
class State:
    """A cell in one state: its title, its drawing, what is said of it line by line, and the doubts about it."""

    title: str
    drawing: Markup
    said: tuple[str, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One cell of a candidate: its ordering, formula and compensation, and its states."""

    title: str
    formula: str
    neutral_by: str
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The cells of a candidate; ``states`` is how many drawings there are, ``dopants`` the mark of each dopant."""

    name: str
    cards: tuple[Card, ...]
    states: int
    words: str
    dopants: tuple[tuple[str, Markup], ...] = ()


def shelves(screened: Screened) -> tuple[Shelf, ...]:
    """Return the gallery: the undoped cells, then those of each candidate."""
    found = []
    for tried in (screened.host, *screened.tried):
        cards = tuple(_card(tried, n) for n, cell in enumerate(tried.cells) if cell.crystal is not None)
        if cards:
            count = sum(len(card.states) for card in cards)
            words = f"{len(cards)} cell{'s' if len(cards) > 1 else ''}, {count} state{'s' if count > 1 else ''}"
            marks = tuple((element, Markup(mark)) for element, mark in dopants_svg(_dopants(tried)).items())
            found.append(Shelf(tried.name, cards, count, words, marks))
    return tuple(found)


def _dopants(tried: Tried) -> list[str]:
    """Return the elements of the dopants that any of the cells of a candidate holds."""
    crystals = [cell.crystal for cell in tried.cells if cell.crystal is not None]
    return [e for c in crystals for e, role in zip(c.elements, c.roles, strict=True) if role == "dopant"]


def drawn_words(found: Sequence[Shelf]) -> str:
    """Return how many cells and how many states of them a gallery holds."""
    cells, states = sum(len(shelf.cards) for shelf in found), sum(shelf.states for shelf in found)
    return f"{cells} cells in {states} states: the undoped and each candidate, ordering by ordering."


def crystal_key(screened: Screened) -> list[dict[str, object]]:
    """Return the marks of the drawings and what they mean, of the elements that the undoped cells hold."""
    elements = {e for cell in screened.host.cells if cell.crystal is not None for e in cell.crystal.elements}
    key: list[dict[str, object]] = [
        {"mark": Markup(mark_svg(e, layer)), "words": f"{e}, {LAYER_WORDS[layer]}" if layer in LAYER_WORDS else e}
        for e, layer in _kinds_of(sorted(elements))
    ]
    others: tuple[tuple[str, str], ...] = (
        (dopants_svg(["dopant"])["dopant"], "a dopant; where there are several, the key above their cells names each"),
        ('<g class="gone"><circle r="4"/></g>', "place of lithium that left"),
        ('<path class="trail" d="M-6 3L5-3"/>', "way from where the atom was"),
        (
            '<g class="ring"><circle r="6"/></g>',
            "for a number: oxygen taken out, metal sent away, or lithium that hops",
        ),
    )
    key += [{"mark": Markup(mark), "words": words} for mark, words in others]
    return key


def _kinds_of(elements: Sequence[str]) -> list[tuple[str, str]]:
    """Return element and layer of each mark in the key: lithium in both layers, anions, then the metals."""
    anions = [e for e in elements if e in ("O", "F")]
    metals = [e for e in elements if e not in ("Li", *anions)]
    return [("Li", "Li"), ("Li", "TM"), *((e, "TM") for e in metals), *((e, "O") for e in anions)]


def _card(tried: Tried, number: int) -> Card:
    cell = tried.cells[number]
    assert cell.crystal is not None
    ordering = f"Ordering {cell.ordering + 1}"
    whole = _Whole.of(cell.crystal)
    name = f"{tried.name}, {ordering.lower()}"
    built = State(
        "As built",
        Markup(cell_svg(whole.drawn(), f"{name}, as built: {whole.counts}")),
        (f"{len(cell.crystal.elements)} atoms, {whole.volume:.0f} Å³", *whole.guests),
    )
    several = len({each.calculator for each in cell.relaxed}) > 1
    rich: dict[str, tuple[Array, Array]] = {}
    states = [built]
    for each in cell.relaxed:
        places = whole.relaxed(each)
        lattice = np.array(each.lattice_a)
        left = [i for i in range(len(whole.elements)) if i not in set(each.removed)]
        if each.removed and each.calculator in rich:
            before, before_lattice = rich[each.calculator]
        else:
            before, before_lattice = whole.positions, whole.lattice
        if not each.removed:
            rich[each.calculator] = (places, lattice)
        readings = [r for r in tried.readings if r.cell == number and _is_of(r, each)]
        states.append(_state(name, whole, each, left, places, (before, before_lattice), readings, several=several))
    return Card(ordering, cell.formula, _neutral(cell), tuple(states))


def _neutral(cell: Built) -> str:
    return "" if cell.compensation == "none needed" else f"made neutral by {cell.compensation}"


def _is_of(reading: Reading, cell: Relaxed) -> bool:
    """Whether a number of one atom is of this relaxed cell, so that its atom is one of the cell's."""
    return (
        reading.atom is not None
        and reading.lithium_removed == cell.lithium_removed
        and reading.calculator == cell.calculator
        and ("migration" in cell.gives or not cell.removed)
    )


def _state(
    name: str,
    whole: _Whole,
    cell: Relaxed,
    left: Sequence[int],
    places: Array,
    before: tuple[Array, Array],
    readings: Sequence[Reading],
    *,
    several: bool,
) -> State:
    """Return a relaxed state; *places* are the fractional positions of the atoms that stayed, near where they were."""
    lattice = np.array(cell.lattice_a)
    start, start_lattice = before
    shift = (places - start[left]) @ lattice
    shift -= shift.mean(axis=0)
    lengths = np.linalg.norm(shift, axis=1)
    elements = [whole.elements[i] for i in left]
    layers = [whole.layers[i] for i in left]
    at = places @ lattice
    drawn = DrawnCell(
        at,
        lattice,
        elements,
        layers,
        dopants=frozenset(k for k, i in enumerate(left) if whole.roles[i] == "dopant"),
        came_from=at - shift,
        gone=start[list(cell.removed)] @ lattice,
        gone_of=[whole.layers[i] for i in cell.removed],
        ringed=frozenset(r.atom for r in readings if r.atom is not None and r.value is not None and r.atom < len(left)),
    )
    out = Counter(whole.layers[i] for i in cell.removed)
    had = Counter(layer for element, layer in zip(whole.elements, whole.layers, strict=True) if element == "Li")
    energy = format_number(cell.energy_ev, decimals=2)
    said = [f"{len(left)} atoms, {energy} eV after {cell.steps} step{'s' if cell.steps != 1 else ''}"]
    if out:
        where = ", ".join(f"{n} of {had[la]} in {LAYER_WORDS.get(la, la)}" for la, n in sorted(out.items()))
        said.append(f"Li that left: {where}")
    since = "the discharged cell" if cell.removed else "as built"
    growth = 100.0 * (abs(np.linalg.det(lattice)) / abs(np.linalg.det(start_lattice)) - 1.0)
    said.append(f"Volume {'+' if growth > 0 else ''}{format_number(growth, decimals=1)} % against {since}")
    said.append(f"Moved since {since}: {_moved(elements, lengths)}")
    said += _at_atoms(elements, readings)
    title = f"{state_words(cell.lithium_removed).capitalize()}, relaxed"
    if cell.removed and "migration" not in cell.gives:
        title += ": the lowest"
    elif cell.removed and "voltage" not in cell.gives:
        title += ": as the undoped"
    if several:
        title += f" with {cell.calculator}"
    if cell.removed:
        said.append(f"Of this cell is what was asked of: {cell.gives}")
    return State(
        title, Markup(cell_svg(drawn, f"{name}, {title.lower()}. {'. '.join(said)}.")), tuple(said), cell.doubts
    )


def _moved(elements: Sequence[str], lengths: Array) -> str:
    """Return how far the farthest atom of each element went, the farthest element first."""
    most: dict[str, float] = {}
    for element, length in zip(elements, lengths, strict=True):
        most[element] = max(most.get(element, 0.0), float(length))
    told = sorted(((d, e) for e, d in most.items() if d >= MOVED_FROM_A), key=lambda item: (-item[0], item[1]))
    return ", ".join(f"{e} up to {d:.2f} Å" for d, e in told) or f"nothing by more than {MOVED_FROM_A} Å"


def _at_atoms(elements: Sequence[str], readings: Sequence[Reading]) -> list[str]:
    """Return what was done at single atoms, with the numbers: oxygen out, metals sent away, lithium that hops."""
    said: dict[tuple[str, int], list[str]] = {}
    for r in readings:
        if r.atom is None or r.value is None or "_change_" in r.quantity or r.atom >= len(elements):
            continue
        if r.quantity.startswith(VACANCY):
            kind = f"oxygen taken out {_beside(r)}".strip()
        elif r.quantity.startswith(MIGRATION):
            kind = f"{elements[r.atom]} sent to the lithium layer"
        elif r.quantity.startswith(HOP):
            kind = f"Li that hops into a vacancy {_beside(r)}".strip()
        else:
            continue
        said.setdefault((kind, r.atom), []).append(f"{r.value:.2f} eV" + (f" ({r.place})" if r.place else ""))
    return [f"Ringed: {kind}, {' and '.join(values)}" for (kind, _), values in said.items()]


def _beside(reading: Reading) -> str:
    return {"near": "next to the dopant", "far": "far from the dopant"}.get(reading.region, "")


@dataclass(frozen=True, slots=True)
class _Whole:
    """A cell as built, its atoms in one cell: fractional positions in [0, 1), lattice rows in Å."""

    positions: Array
    lattice: Array
    elements: tuple[str, ...]
    layers: tuple[str, ...]
    roles: tuple[str, ...]

    @classmethod
    def of(cls, crystal: Crystal) -> _Whole:
        at = np.array(crystal.positions) % 1.0
        at[at > 0.99] -= 1.0  # an atom on the edge is drawn once, on the same edge as its kin
        return cls(at, np.array(crystal.lattice_a), crystal.elements, crystal.layers, crystal.roles)

    @property
    def volume(self) -> float:
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def counts(self) -> str:
        return ", ".join(f"{n} {element}" for element, n in Counter(self.elements).items())

    @property
    def guests(self) -> tuple[str, ...]:
        """Where the dopants stand, in words."""
        there = Counter(
            (e, la) for e, la, role in zip(self.elements, self.layers, self.roles, strict=True) if role == "dopant"
        )
        words = [
            f"{n} {e} {'on a place of oxygen' if la == 'O' else f'in {LAYER_WORDS.get(la, la)}'}"
            for (e, la), n in there.items()
        ]
        return (f"Dopants: {', '.join(words)}",) if words else ()

    def drawn(self) -> DrawnCell:
        dopants = frozenset(i for i, role in enumerate(self.roles) if role == "dopant")
        return DrawnCell(self.positions @ self.lattice, self.lattice, self.elements, self.layers, dopants)

    def relaxed(self, cell: Relaxed) -> Array:
        """Return the fractional positions of a relaxed cell, each atom by the place that it had as built."""
        left = [i for i in range(len(self.elements)) if i not in set(cell.removed)]
        shift = np.array(cell.positions) - self.positions[left]
        shift -= np.round(shift)
        first = shift - np.median(shift, axis=0)
        shift = first - np.round(first)
        placed: Array = self.positions[left] + shift - shift.mean(axis=0)
        return placed
