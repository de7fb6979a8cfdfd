"""Phases with their energies: the table that every answer of this room rests on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lirich.errors import CompositionError, InputError
from lirich.interfaces.formulas import overfull, reduced, simplest

ENTRY_SD_EV_ATOM = 0.024
"""Spread of computed against measured reaction energies between oxides, taken for entries that say nothing else:
Hautier, Ong, Jain, Moore & Ceder, Phys. Rev. B 85 (2012) 155208, doi:10.1103/PhysRevB.85.155208."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A compound: reduced formula, its atoms, formation energy from the elements, standard deviation, where it is from.

    Energies in eV per atom. ``scheme`` says how the energy was put on the scale of the table.
    """

    formula: str
    amounts: tuple[tuple[str, float], ...]
    formation_energy_ev_atom: float
    sd_ev_atom: float
    scheme: str
    source: str

    @property
    def atoms(self) -> float:
        """Atoms per formula."""
        return sum(n for _, n in self.amounts)


@dataclass(frozen=True)
class System:
    """The phases of one chemical system, its elements first: ``columns`` (elements, phases), energies per formula."""

    elements: tuple[str, ...]
    phases: tuple[Phase, ...]
    columns: NDArray[np.float64]
    energies_ev: NDArray[np.float64]
    sds_ev: NDArray[np.float64]
    places: NDArray[np.intp]
    """Where each phase stands in the table, −1 for an element."""


@dataclass(frozen=True)
class EnergyTable:
    """A set of phases, one per formula, and the chemical systems cut from it, kept once they are made."""

    name: str
    phases: tuple[Phase, ...]

    @cached_property
    def by_formula(self) -> dict[str, Phase]:
        """The phases by their reduced formulas."""
        return {p.formula: p for p in self.phases}

    @cached_property
    def elements(self) -> frozenset[str]:
        """Every element that occurs in a compound of the table."""
        return frozenset(e for s in self._by_elements for e in s)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {p.formula: i for i, p in enumerate(self.phases)}

    @cached_property
    def _by_elements(self) -> dict[frozenset[str], list[Phase]]:
        found: dict[frozenset[str], list[Phase]] = {}
        for phase in self.phases:
            found.setdefault(frozenset(e for e, _ in phase.amounts), []).append(phase)
        return found

    def normals(self, draws: int, seed: int) -> NDArray[np.float64]:
        """Return the draws of standard normals, shape (draws, phases): draw k is the same world for every question."""
        if (draws, seed) not in self._normals:
            self._normals[draws, seed] = np.random.default_rng(seed).standard_normal((draws, len(self.phases)))
        return self._normals[draws, seed]

    @cached_property
    def _normals(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        return {}

    @cached_property
    def hulls(self) -> dict[tuple[object, ...], NDArray[np.float64]]:
        """Energies of compositions on the hull that were asked for before (`lirich.interfaces.windows.hull_of`)."""
        return {}

    @cached_property
    def _systems(self) -> dict[frozenset[str], System]:
        return {}

    def compounds(self, elements: Iterable[str]) -> tuple[Phase, ...]:
        """Return the compounds made of exactly these *elements*."""
        return tuple(self._by_elements.get(frozenset(elements), ()))

    def system(self, elements: Iterable[str]) -> System:
        """Return the elements and every compound of them. Raises `CompositionError` for one that the table lacks."""
        wanted = frozenset(elements)
        if unknown := sorted(wanted - self.elements):
            raise CompositionError(
                f"The table of energies {self.name!r} has no compound of {', '.join(unknown)}",
                expected="elements of the table: " + " ".join(sorted(self.elements)),
                advice="Give energies of your own: a file of pymatgen entries, or the Materials Project with a key",
            )
        if wanted not in self._systems:
            found = [p for key, phases in self._by_elements.items() if key <= wanted for p in phases]
            self._systems[wanted] = _cut(tuple(sorted(wanted)), found, self._places)
        return self._systems[wanted]

    def formation_energy_ev(self, formula: str) -> float | None:
        """Return the formation energy per atom of a *formula* that the table has, else ``None``."""
        phase = self.by_formula.get(reduced(formula))
        return None if phase is None else phase.formation_energy_ev_atom


def _cut(elements: tuple[str, ...], compounds: list[Phase], of_table: dict[str, int]) -> System:
    pure = [Phase(e, ((e, 1.0),), 0.0, 0.0, "element", "reference state") for e in elements]
    phases = (*pure, *sorted(compounds, key=lambda p: p.formula))
    places = {e: i for i, e in enumerate(elements)}
    columns = np.zeros((len(elements), len(phases)))
    for j, phase in enumerate(phases):
        for element, n in phase.amounts:
            columns[places[element], j] = n
    atoms = columns.sum(axis=0)
    return System(
        elements,
        phases,
        columns,
        np.array([p.formation_energy_ev_atom for p in phases]) * atoms,
        np.array([p.sd_ev_atom for p in phases]) * atoms,
        np.array([-1 if j < len(elements) else of_table[p.formula] for j, p in enumerate(phases)]),
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """An energy as a computation gives it: eV of the whole *amounts*, corrections included."""

    amounts: tuple[tuple[str, float], ...]
    energy_ev: float
    source: str


def table_of_entries(entries: Iterable[Entry], name: str, sd_ev_atom: float = ENTRY_SD_EV_ATOM) -> EnergyTable:
    """Return the table of *entries*: the lowest of each formula.

    Formation energies are taken against the lowest entry of each element, which must be among the entries. Perchlorates
    and other compounds beyond the highest oxidation states of their cations are left out: they are spurious products.
    Raises `InputError` where an element has no entry.
    """
    lowest: dict[tuple[tuple[str, float], ...], tuple[float, Entry]] = {}
    for entry in entries:
        total = sum(n for _, n in entry.amounts)
        key = tuple(sorted((e, round(n / total, 6)) for e, n in entry.amounts))
        per_atom = entry.energy_ev / total
        if key not in lowest or per_atom < lowest[key][0]:
            lowest[key] = (per_atom, entry)
    pure = {entry.amounts[0][0]: e for e, entry in lowest.values() if len(entry.amounts) == 1}
    missing = sorted({e for key in lowest for e, _ in key} - set(pure))
    if missing:
        raise InputError(
            f"The entries have no energy of the element(s) {', '.join(missing)}",
            expected="one entry at least of each element, on the same scale",
            advice="Add the elements to the file",
        )
    phases: dict[str, Phase] = {}
    for energy, entry in lowest.values():
        if len(entry.amounts) == 1:
            continue
        formula, amounts = simplest(dict(entry.amounts))
        if overfull(formula, amounts):
            continue
        formation = energy - sum(pure[e] * n for e, n in amounts.items()) / sum(amounts.values())
        if formula not in phases or formation < phases[formula].formation_energy_ev_atom:
            phases[formula] = Phase(
                formula, tuple(amounts.items()), formation, sd_ev_atom, "as given", entry.source
            )  # fmt: skip
    return EnergyTable(name, tuple(phases[formula] for formula in sorted(phases)))


def table_of_json(text: str, name: str) -> EnergyTable:
    """Return the table of a JSON list of pymatgen entries (``ComputedEntry``, ``ComputedStructureEntry``, ``PDEntry``).

    Composition, energy and correction are read and nothing else, so that no class that a file names is ever made.
    Raises `InputError` on anything else.
    """
    expected = "a JSON list of pymatgen ComputedEntry or PDEntry, as monty writes it"
    try:
        listed = json.loads(text)
        if not isinstance(listed, list) or not listed:
            raise InputError(f"{name} holds no list of entries", expected=expected)
        entries = [
            Entry(
                tuple((str(e), float(n)) for e, n in row["composition"].items() if float(n) > 0),
                float(row["energy"]) + float(row.get("correction") or 0.0),
                str(row.get("entry_id") or name),
            )
            for row in listed
        ]
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{name} holds something else than entries: {error!r}", expected=expected) from error
    if not all(entry.amounts for entry in entries):
        raise InputError(f"{name} has entries without atoms", expected=expected)
    return table_of_entries(entries, name)
