"""Contact reactions: what two solids do where they touch, closed or at a fixed lithium potential.

Of all mixtures x of A and B, the one that gains most, per atom of the mixture:

    ΔE = min over x, n of  Σ nᵢ Eᵢ − a E_A − b E_B   with   Σ nᵢ cᵢ = a c_A + b c_B,   a + b = 1 atom

(Richards, Miara, Wang, Kim & Ceder, Chem. Mater. 28 (2016) 266, doi:10.1021/acs.chemmater.5b04082). At a fixed
voltage V lithium comes and goes at µ = −V, and what A and B would do each alone is taken off, else every coating would
seem to react by the delithiation of the cathode (Xiao, Miara, Wang & Ceder, Joule 3 (2019) 1252,
doi:10.1016/j.joule.2019.02.006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lirich.errors import CompositionError
from lirich.interfaces.cathode import Charged
from lirich.interfaces.coverage import Coverage, coverage_of, unbalanced
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.phases import EnergyTable, Phase, System
from lirich.interfaces.simplex import minimise
from lirich.interfaces.windows import DRAWS, LITHIUM, Array, bar_of, drawn, hull, hull_of, products_of, vector_of

INERT_EV_ATOM = 1e-4
"""eV/atom: a smaller gain is none."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The reaction of two solids: eV per atom of the two, negative where it runs by itself.

    ``share_a`` is the share of the atoms that come from the first. ``products`` are formula units per atom of the
    reactants. ``energy_ev_atom`` is the gain by mixing. ``lithium`` is what is taken up (+) or given (−) per atom at a
    fixed voltage. ``no_mixing_ev_atom`` is what the two would gain apart from each other (a charged cathode that gives
    off oxygen, delithiation at a voltage); it is not part of ``energy_ev_atom``. ``no_mixing_sd`` is its standard
    deviation, of the table's energies and of what the charge puts in.
    """

    a: str
    b: str
    voltage: float | None
    energy_ev_atom: float
    sd: float | None
    low: float | None
    high: float | None
    share_a: float | None
    products: Mapping[str, float]
    lithium: float
    no_mixing_ev_atom: float
    no_mixing_sd: float | None
    coverage: Coverage
    notes: tuple[str, ...]

    @property
    def reacts(self) -> bool:
        """Whether there is a driving force at all."""
        return self.energy_ev_atom < -INERT_EV_ATOM


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two solids, per atom of it: its atoms, its energy as it stands and alone at equilibrium (draws,)."""

    name: str
    vector: Array
    energy: Array
    alone: Array


def reaction(
    table: EnergyTable,
    a: str | Charged,
    b: str | Charged,
    *,
    voltage: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Contact:
    """Return the contact reaction of *a* and *b* (formulas, or a cathode at a state of charge).

    *voltage* is V against Li/Li⁺, ``None`` for a closed contact; lithium metal itself is the formula ``Li``. Raises
    `CompositionError` on formulas that cannot be read, elements that the table lacks, twice the same solid, and on
    lithium metal at a fixed voltage.
    """
    meeting = meet(table, a, b, voltage, draws, seed)
    system, (open_system, open_costs), (first, second) = meeting.system, meeting.opened, meeting.sides
    pair = meeting.pair
    rows = len(open_system.elements)
    columns = np.vstack([np.hstack([open_system.columns, -pair]), [*np.zeros(len(open_system.phases)), 1.0, 1.0]])
    own = -np.column_stack([first.alone, second.alone])
    start = [*range(rows), len(open_system.phases)]
    best = minimise(columns, np.array([*np.zeros(rows), 1.0]), np.hstack([open_costs, own]), start)
    found = best.of_first()
    share = found.get(len(open_system.phases), 0.0)
    energy = float(min(best.value[0], 0.0))
    inert = energy > -INERT_EV_ATOM
    products = {} if inert else products_of(open_system, best, 1.0)
    lithium = 0.0
    if voltage is not None and not inert:
        place = system.elements.index(LITHIUM)
        made = sum(n * dict(p.amounts).get(LITHIUM, 0.0) for p, n in _phases(open_system, found))
        lithium = made - share * first.vector[place] - (1 - share) * second.vector[place]
    named = {*products, *(reduced(side) for side in (a, b) if isinstance(side, str))}
    computed = sorted(p.formula for p in system.phases if p.formula in named and p.scheme.startswith("CHGNet"))
    coverage = coverage_of(table, frozenset(system.elements)).resting_on(computed)
    no_mixing = [float(side.alone[0] - side.energy[0]) for side in (first, second)]
    apart = share * (first.alone - first.energy) + (1 - share) * (second.alone - second.energy)
    return Contact(
        first.name,
        second.name,
        voltage,
        energy,
        *bar_of(np.minimum(best.value, 0.0)),
        None if inert else share,
        products,
        float(lithium),
        float(apart[0]),
        bar_of(apart)[0],
        coverage,
        (
            *(doubt for side in (a, b) if isinstance(side, str) and (doubt := unbalanced(table, side))),
            *_notes(coverage, computed, no_mixing, (first, second)),
        ),
    )


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What a solid alone would gain at a fixed lithium potential, eV per atom of it (0 where it is stable)."""

    energy_ev_atom: float
    sd: float | None
    low: float | None
    high: float | None
    products: Mapping[str, float]


def decomposition(
    table: EnergyTable, formula: str, voltage: float, *, draws: int = DRAWS, seed: int = 0
) -> Decomposition:
    """Return how far *formula*, put on the hull, lies above the lowest mixture of phases open to lithium at *voltage*.

    Within the window of the solid this is 0. ``products`` are formula units per formula. Raises as `reaction` does.
    """
    gains = -gain_alone(table, formula, voltage, draws=draws, seed=seed) + 0.0
    products: dict[str, float] = {}
    if gains[0] <= -INERT_EV_ATOM:
        amounts = amounts_of(formula)
        system = table.system({*amounts, LITHIUM})
        opened, costs = _grand(system, drawn(table, system, 0, seed), voltage)
        products = products_of(opened, hull(opened, vector_of(opened, amounts), costs), 1.0)
    return Decomposition(float(gains[0]), *bar_of(gains), products)


def gain_alone(table: EnergyTable, formula: str, voltage: float, *, draws: int = DRAWS, seed: int = 0) -> Array:
    """Return what a solid gains by itself where lithium is free at *voltage*, eV per atom of it, shape (1 + draws,).

    That is the energy of its oxidation (or reduction), 0 inside its window: the lowest mixture of phases with lithium
    given off at µ = −V. As it stands first, then with errors drawn. Raises `CompositionError` as `reaction` does.
    """
    system = table.system({*amounts_of(formula), LITHIUM})
    opened = _grand(system, drawn(table, system, draws, seed), voltage)
    side = _side(formula, system, _own(table, formula, draws, seed), opened, voltage)
    return np.maximum(side.energy - side.alone, 0.0)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two solids in their chemical system, and that system with its energies as it is open to lithium or closed."""

    system: System
    opened: tuple[System, Array]
    sides: tuple[Side, Side]

    @property
    def pair(self) -> Array:
        """The atoms of both in the open system, shape (elements, 2)."""
        kept = [self.system.elements.index(e) for e in self.opened[0].elements]
        return np.column_stack([side.vector[kept] for side in self.sides])


def meet(
    table: EnergyTable, a: str | Charged, b: str | Charged, voltage: float | None, draws: int, seed: int
) -> Meeting:
    """Return two solids in the chemical system that they make together. Raises as `reaction` does."""
    amounts = {**_amounts(a), **_amounts(b)}
    system = table.system({*amounts, LITHIUM})
    costs = drawn(table, system, draws, seed)
    opened = (system, costs) if voltage is None else _grand(system, costs, voltage)
    first, second = (_side(side, system, _own(table, side, draws, seed), opened, voltage) for side in (a, b))
    if np.allclose(first.vector, second.vector):
        raise CompositionError(f"{first.name} touches {second.name}", expected="two different solids")
    return Meeting(system, opened, (first, second))


def _amounts(side: str | Charged) -> dict[str, float]:
    if isinstance(side, str):
        return amounts_of(side)
    return {e: n for e, n in {**side.discharged, **side.amounts}.items() if n > 0}


def _own(table: EnergyTable, side: str | Charged, draws: int, seed: int) -> tuple[Array, Array]:
    """Return the energy of a side on the hull and as it stands, eV of its amounts for each draw."""
    if isinstance(side, str):
        on_hull = hull_of(table, amounts_of(side), draws, seed)
        return on_hull, on_hull
    on_hull = hull_of(table, side.amounts, draws, seed)
    if side.charging_energy_ev is None:
        return on_hull, on_hull
    # a stream of its own: the draws of the table's energies are not shifted by it
    off = side.charging_sd_ev * np.random.default_rng([seed, 1]).standard_normal(len(on_hull))
    off[0] = 0.0
    return on_hull, hull_of(table, side.discharged, draws, seed) + side.charging_energy_ev + off


def _side(
    side: str | Charged,
    system: System,
    own: tuple[Array, Array],
    opened: tuple[System, Array],
    voltage: float | None,
) -> Side:
    name = reduced(side) if isinstance(side, str) else side.state
    target = vector_of(system, amounts_of(side) if isinstance(side, str) else side.amounts)
    atoms = target.sum()
    on_hull, energy = (e / atoms for e in own)
    if voltage is None:
        return Side(name, target / atoms, energy, on_hull)
    lithium = target[system.elements.index(LITHIUM)]
    kept = np.array([n for e, n in zip(system.elements, target, strict=True) if e != LITHIUM])
    if not kept.any():
        raise CompositionError("Lithium metal is at 0 V", expected="a closed contact, or two solids at a fixed voltage")
    alone = hull(opened[0], kept, opened[1]).value / atoms
    return Side(name, target / atoms, energy + voltage * lithium / atoms, alone)


def _grand(system: System, costs: Array, voltage: float) -> tuple[System, Array]:
    """Return the system open to lithium at µ = −V: no row and no phase of lithium, E + V·N(Li) for the energies."""
    place = system.elements.index(LITHIUM)
    phases = np.array([j for j in range(len(system.phases)) if j != place])
    rows = np.array([i for i in range(len(system.elements)) if i != place])
    opened = System(
        tuple(system.elements[i] for i in rows),
        tuple(system.phases[j] for j in phases),
        system.columns[np.ix_(rows, phases)],
        system.energies_ev[phases],
        system.sds_ev[phases],
        system.places[phases],
    )
    return opened, costs[:, phases] + voltage * system.columns[place, phases]


def _phases(system: System, found: Mapping[int, float]) -> list[tuple[Phase, float]]:
    return [(system.phases[j], n) for j, n in found.items() if j < len(system.phases)]


def _notes(
    coverage: Coverage,
    computed: list[str],
    no_mixing: list[float],
    sides: tuple[Side, Side],
) -> tuple[str, ...]:
    notes = []
    if computed:
        notes.append(f"energies by a machine-learned potential: {', '.join(computed)}")
    if coverage.thin:
        notes.append(f"the driving force is a lower bound: {coverage.reason()}")
    for gain, side in zip(no_mixing, sides, strict=True):
        if gain < -INERT_EV_ATOM:
            notes.append(f"{side.name} alone would gain {-1000 * gain:.0f} meV per atom of it, which is not counted")
    return tuple(notes)
