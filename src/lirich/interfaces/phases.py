"""Phases with their energies: the table that every answer of this room rests on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lirich.errors import CompositionError, InputError
from lirich.interfaces.formulas import amounts_of, beyond_highest_states, reduced

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
    def _by_elements(self) -> dict[frozenset[str], list[Phase]]:
        found: dict[frozenset[str], list[Phase]] = {}
        for phase in self.phases:
            found.setdefault(frozenset(e for e, _ in phase.amounts), []).append(phase)
        return found

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
            self._systems[wanted] = _cut(
                tuple(sorted(wanted)),
                [p for key, phases in self._by_elements.items() if key <= wanted for p in phases],
            )
        return self._systems[wanted]

    def formation_energy_ev(self, formula: str) -> float | None:
        """Return the formation energy per atom of a *formula* that the table has, else ``None``."""
        phase = self.by_formula.get(reduced(formula))
        return None if phase is None else phase.formation_energy_ev_atom


def _cut(elements: tuple[str, ...], compounds: list[Phase]) -> System:
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
    )


def table_of_entries(entries: Iterable[object], name: str, sd_ev_atom: float = ENTRY_SD_EV_ATOM) -> EnergyTable:
    """Return the table of pymatgen entries (``ComputedEntry``, ``PDEntry``): the lowest of each formula.

    Formation energies are taken against the lowest entry of each element, which must be among the entries. Perchlorates
    and other compounds beyond the highest oxidation states of their cations are left out: they are spurious products.
    Raises `InputError` where an element has no entry.
    """
    lowest: dict[str, tuple[float, str]] = {}
    pure: dict[str, float] = {}
    for entry in entries:
        composition, energy = entry.composition, float(entry.energy_per_atom)  # type: ignore[attr-defined]
        if len(composition) == 1:
            element = composition.elements[0].symbol
            pure[element] = min(energy, pure.get(element, np.inf))
        else:
            key = reduced(composition.formula.replace(" ", ""))
            if energy < lowest.get(key, (np.inf, ""))[0]:
                lowest[key] = (energy, str(getattr(entry, "entry_id", None) or name))
    missing = sorted({e for f in lowest for e in amounts_of(f)} - set(pure))
    if missing:
        raise InputError(
            f"The entries have no energy of the element(s) {', '.join(missing)}",
            expected="one entry at least of each element, on the same scale",
            advice="Add the elements to the file",
        )
    phases = []
    for formula, (energy, source) in lowest.items():
        amounts = amounts_of(formula)
        if beyond_highest_states(formula):
            continue
        reference = sum(pure[e] * n for e, n in amounts.items()) / sum(amounts.values())
        phases.append(Phase(formula, tuple(amounts.items()), energy - reference, sd_ev_atom, "as given", source))
    return EnergyTable(name, tuple(sorted(phases, key=lambda p: p.formula)))


def table_of_json(text: str, name: str) -> EnergyTable:
    """Return the table of a JSON list of pymatgen entries. Raises `InputError` on anything else."""
    from monty.json import MontyDecoder

    try:
        entries = MontyDecoder().process_decoded(json.loads(text))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise InputError(
            f"{name} is no list of entries: {error}",
            expected="a JSON list of pymatgen ComputedEntry or PDEntry, as monty writes it",
        ) from error
    if not isinstance(entries, list) or not entries or not all(hasattr(e, "energy_per_atom") for e in entries):
        raise InputError(
            f"{name} holds something else than entries", expected="a JSON list of pymatgen ComputedEntry or PDEntry"
        )
    return table_of_entries(entries, name)
