"""Energy above the hull of competing phases, and what it costs to dissolve a dopant.

The competing phases are relaxed with the same potential as the cell. The lowest mixture of them that has the cell's
composition is a linear programme: the convex hull at one composition (Ong et al., Chem. Mater. 20 (2008) 1798,
doi:10.1021/cm702327g). Oxygen is half an O₂ on the scale of the potential (`lirich.atoms.descriptors.oxygen`). All at
0 K, without the entropy of mixing, which favours a dopant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pymatgen.core.composition import Composition
from scipy.optimize import linprog

from lirich.atoms.descriptors.competitors import competitors_of
from lirich.atoms.descriptors.computed import Computed, doubts_of, ended
from lirich.atoms.descriptors.oxygen import oxygen_reference
from lirich.atoms.plan import Plan
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job
from lirich.errors import CalculatorError

ABOVE_HULL = "energy_above_hull_mev_atom"
SOLUTION = "dopant_solution_energy_ev"
NEGLIGIBLE = 1e-4
"""Formula units below this are rounding of the linear programme."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """The lowest mixture of competing phases: formula units of each, and its energy, eV."""

    units: Mapping[str, float]
    energy_ev: float

    @property
    def words(self) -> str:
        """The mixture, e.g. ``9 Li2MnO3 + 3 NiO``."""
        return " + ".join(_term(n, name) for name, n in self.units.items())


@dataclass(frozen=True, slots=True)
class Competing:
    """Energies per formula unit, eV, by formula; ``lost`` are the crystals that have none, and why."""

    energies_ev: Mapping[str, float]
    lost: Mapping[str, str]

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is to be said of a hull without the lost ones: it lies too high, if any of them would be part of it."""
        return tuple(f"{name} gave no energy and does not compete: {why}" for name, why in self.lost.items())


def competing_energies(elements: set[str], settings: RelaxationSettings) -> Plan[Competing]:
    """Return the energy per formula unit, eV, of each competing crystal of these *elements*, and of O₂.

    One that does not relax is left out and named, and O₂ where the potential has none; a hull with fewer phases lies
    higher, never lower.
    """
    oxygen = yield from oxygen_reference(settings)
    free = settings.model_copy(update={"cell": "free", "moments": False})
    crystals = {name: host.structure() for name, host in sorted(competitors_of(elements).items())}
    outcomes = yield [relaxation_job(crystal, free, name) for name, crystal in crystals.items()]
    energies = {} if oxygen.ev is None else {"O2": 2.0 * oxygen.ev}
    lost = {}
    for (name, crystal), outcome in zip(crystals.items(), outcomes, strict=True):
        end, why = ended(outcome)
        if end is None:
            lost[name] = why
        else:
            energies[name] = end.energy_ev / (len(crystal) / Composition(name).num_atoms)
    return Competing(energies, lost)


def lowest_mixture(composition: Mapping[str, float], energies: Mapping[str, float]) -> Mixture:
    """Return the mixture of phases of the lowest energy that has the *composition*, atoms by element.

    *energies* are those of formula units, eV, by formula. Raises `lirich.errors.CalculatorError` where the phases have
    no such mixture.
    """
    elements = sorted(composition)
    names = sorted(energies)
    amounts = np.array([[Composition(name)[el] for name in names] for el in elements])
    wanted = np.array([composition[el] for el in elements])
    costs = np.array([energies[name] for name in names])
    usable = [k for k, name in enumerate(names) if {str(el) for el in Composition(name)} <= set(elements)]
    found = linprog(costs[usable], A_eq=amounts[:, usable], b_eq=wanted, method="highs")
    if not found.success:
        formula = " ".join(f"{el}{n:g}" for el, n in composition.items())
        raise CalculatorError(
            f"No mixture of {', '.join(names[k] for k in usable)} has the composition {formula}",
            advice="lirich.atoms.descriptors.competitors has no phases for one of its elements",
        )
    units = {names[k]: float(n) for k, n in zip(usable, found.x, strict=True) if n > NEGLIGIBLE}
    return Mixture(units, float(found.fun))


def hull_figures(
    cell: Relaxation, settings: RelaxationSettings, *, host: Relaxation | None = None, dopants: int = 0
) -> Plan[list[Computed]]:
    """Return the energy above the hull, meV per atom, and with a *host* the solution energy, eV per dopant.

    The solution energy is that of the reaction host + (what the doped cell falls apart into) → doped cell + (what the
    host falls apart into), printed balanced: the dopant's price over that of the host's own distance to the hull. A
    cell below the hull has a negative energy: the list of competing phases then lacks what it could become, or the
    potential holds the cell stable. A competing phase that gave no energy is a doubt about both. Raises what
    `lowest_mixture` does.
    """
    crystal = cell.crystal
    amounts = _amounts(cell)
    competing = yield from competing_energies(set(amounts), settings)
    energies = competing.energies_ev
    try:
        mixture = lowest_mixture(amounts, energies)
    except CalculatorError as error:
        if not competing.lost:
            raise
        raise CalculatorError(error.found, advice="; ".join(competing.doubts)) from error
    doubts = (*doubts_of(cell), *competing.doubts)
    above = cell.energy_ev - mixture.energy_ev
    figures = [
        Computed(
            quantity=ABOVE_HULL,
            value=1000.0 * above / len(crystal),
            where=f"over {mixture.words}",
            doubts=doubts,
            steps=cell.steps,
        )
    ]
    if host is not None and dopants:
        bare = lowest_mixture(_amounts(host), energies)
        figures.append(
            Computed(
                quantity=SOLUTION,
                value=(above - (host.energy_ev - bare.energy_ev)) / dopants,
                where=_reaction(host, mixture, cell, bare),
                doubts=(*doubts, *(f"host: {words}" for words in doubts_of(host))),
                steps=cell.steps + host.steps,
            )
        )
    return figures


def _amounts(cell: Relaxation) -> dict[str, float]:
    return {str(element): float(n) for element, n in cell.crystal.composition.items()}


def _reaction(host: Relaxation, doped_mixture: Mixture, doped: Relaxation, host_mixture: Mixture) -> str:
    """Return the reaction with what stands on both sides taken away."""
    names = sorted({*doped_mixture.units, *host_mixture.units})
    net = {name: doped_mixture.units.get(name, 0.0) - host_mixture.units.get(name, 0.0) for name in names}
    left = [_term(n, name) for name, n in net.items() if n > NEGLIGIBLE]
    right = [_term(-n, name) for name, n in net.items() if n < -NEGLIGIBLE]
    formulas = [each.crystal.formula.replace(" ", "") for each in (host, doped)]
    return f"{' + '.join([formulas[0], *left])} → {' + '.join([formulas[1], *right])}"


def _term(number: float, name: str) -> str:
    return name if abs(number - 1.0) < NEGLIGIBLE else f"{number:.4g} {name}"
