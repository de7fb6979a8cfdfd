"""Electrochemical stability windows against lithium.

Oxidation: of all ways to take lithium out of the target, the one at the lowest voltage. Per Li⁺ and electron

    V_ox = min (Σ nᵢ Eᵢ − t E_target)   with   Σ nᵢ cᵢ + Li = t c_target,   n, t ≥ 0,

and V_red = −min of the same with one Li put in. Both are linear programmes, the same limits as the steps of zero
evolution of the element profile in pymatgen (Ong, Wang, Kang & Ceder, Chem. Mater. 20 (2008) 1798,
doi:10.1021/cm702327g; Zhu, He & Mo, ACS Appl. Mater. Interfaces 7 (2015) 23685, doi:10.1021/acsami.5b07517).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lirich.errors import CompositionError
from lirich.interfaces.coverage import Coverage, coverage_of, unbalanced
from lirich.interfaces.formulas import amounts_of, reduced
from lirich.interfaces.phases import EnergyTable, System
from lirich.interfaces.simplex import Optimum, minimise

Array = NDArray[np.float64]

LITHIUM = "Li"
METASTABLE_EV_ATOM = 0.2
"""eV/atom above the hull beyond which a compound is refused: most metastable crystals that have been made lie well
below (Sun et al., Sci. Adv. 2 (2016) e1600225, doi:10.1126/sciadv.1600225)."""
DIATOMIC = frozenset({"H", "N", "O", "F", "Cl", "Br", "I"})
"""Elements whose reference state is a molecule of two atoms."""
DRAWS = 200
"""Draws of the energies for an error bar; the sampling error of a standard deviation is then 5 %."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One end of a window, V against Li/Li⁺, with its standard deviation and 90 % interval from the energies.

    ``voltage`` is ``None`` where there is no such limit or it is withheld; ``reason`` then says why. ``products`` are
    formula units per formula of the target at the limit; ``lithium`` is what the target takes up (+) or gives (−).
    """

    voltage: float | None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    products: Mapping[str, float] | None = None
    lithium: float = 0.0
    withheld: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The stability window of a compound, with the hull below it, what the table knows, and what was assumed.

    ``above_hull_ev_atom`` is ``None`` where the table does not have the compound: it is then taken to be on the hull of
    what the table has, which is right for a metastable one and too narrow for a stable one. ``above_hull_interval`` are
    the ends of its 90 % interval.
    """

    formula: str
    reduction: Limit
    oxidation: Limit
    above_hull_ev_atom: float | None
    above_hull_interval: tuple[float, float] | None
    decomposition: Mapping[str, float]
    coverage: Coverage
    schemes: Mapping[str, str]
    notes: tuple[str, ...]


def hull(system: System, target: Array, costs: Array) -> Optimum:
    """Return the lowest mixture of phases of the composition *target* (atoms, shape (elements,)) for each draw."""
    return minimise(system.columns, target, costs, list(range(len(system.elements))))


def decomposition(table: EnergyTable, amounts: Mapping[str, float]) -> dict[str, float]:
    """Return the lowest mixture of the phases of *table* with the composition *amounts*: units by formula.

    Raises `lirich.errors.CompositionError` where the table lacks an element.
    """
    system = table.system(e for e, n in amounts.items() if n > 0)
    found = hull(system, vector_of(system, amounts), system.energies_ev[None, :]).of_first()
    return {system.phases[column].formula: units for column, units in sorted(found.items())}


def vector_of(system: System, amounts: Mapping[str, float]) -> Array:
    """Return the *amounts* in the order of the elements of the system."""
    return np.array([amounts.get(e, 0.0) for e in system.elements])


def hull_of(table: EnergyTable, amounts: Mapping[str, float], draws: int, seed: int) -> Array:
    """Return the energy of the lowest mixture of a composition for each draw, shape (1 + draws,); kept in the table."""
    key = (frozenset(amounts.items()), draws, seed)
    if key not in table.hulls:
        system = table.system(e for e, n in amounts.items() if n > 0)
        table.hulls[key] = hull(system, vector_of(system, amounts), drawn(table, system, draws, seed)).value
    return table.hulls[key]


def drawn(table: EnergyTable, system: System, draws: int, seed: int) -> Array:
    """Return the energies per formula, shape (1 + draws, phases): as they stand first, then with errors drawn."""
    errors = (table.normals(draws, seed)[:, system.places] if draws else np.zeros((0, 1))) * system.sds_ev
    return np.vstack([system.energies_ev, system.energies_ev + errors])


def window(table: EnergyTable, formula: str, *, draws: int = DRAWS, seed: int = 0) -> Window:
    """Return the stability window of *formula* against lithium; *draws* of the energies give the error bars.

    Raises `CompositionError` on a formula that cannot be read, an element that the table lacks, or a compound more than
    `METASTABLE_EV_ATOM` above the hull.
    """
    name, amounts = reduced(formula), amounts_of(formula)
    system = table.system({*amounts, LITHIUM})
    target = vector_of(system, amounts)
    costs = drawn(table, system, draws, seed)
    own = next((j for j, p in enumerate(system.phases) if p.formula == name), None)
    others = _without(system, own)
    cost_of_others = costs if own is None else np.delete(costs, own, axis=1)
    below = hull(others, target, cost_of_others)
    atoms = float(target.sum())
    energy = below.value if own is None or own < len(system.elements) else np.minimum(costs[:, own], below.value)
    above, above_interval = None, None
    if own is not None:
        distances = np.maximum(costs[:, own] - below.value, 0.0) / atoms
        above = float(distances[0])
        _, low, high = bar_of(distances)
        above_interval = None if low is None or high is None else (low, high)
    if above is not None and above > METASTABLE_EV_ATOM:
        raise CompositionError(
            f"{name} lies {1000 * above:.0f} meV/atom above the hull of the table {table.name!r}",
            expected=f"at most {1000 * METASTABLE_EV_ATOM:.0f} meV/atom: nothing beyond it has been made",
            advice="It would fall apart by itself: " + _listed(products_of(others, below, 1.0)),
        )
    coverage = coverage_of(table, frozenset(system.elements), amounts)
    reduction, oxidation = (_limit(others, target, cost_of_others, energy, sign, coverage) for sign in (1, -1))
    named = {*(reduction.products or {}), *(oxidation.products or {}), name}
    schemes = {p.formula: p.scheme for p in system.phases if p.formula in named and p.scheme != "element"}
    computed = sorted(f for f, scheme in schemes.items() if scheme.startswith("CHGNet"))
    return Window(
        name,
        reduction,
        oxidation,
        above,
        above_interval,
        products_of(others, below, 1.0),
        coverage.resting_on(computed),
        schemes,
        _notes(table, name, above, computed, coverage),
    )


def _limit(system: System, target: Array, costs: Array, energy: Array, sign: int, coverage: Coverage) -> Limit:
    """Return the limit of lithium put in (*sign* +1) or taken out (−1)."""
    lithium = system.elements.index(LITHIUM)
    if sign < 0 and target[lithium] == 0:
        return Limit(None, reason="there is no lithium to take out")
    columns = np.hstack([system.columns, -target[:, None]])
    right = np.zeros(len(system.elements))
    right[lithium] = sign
    start = list(range(len(system.elements)))
    if sign < 0:
        start[lithium] = len(system.phases)
    best = minimise(columns, right, np.hstack([costs, -energy[:, None]]), start)
    voltages = -sign * best.value + 0.0
    found = best.of_first()
    share = found.get(len(system.phases), 0.0)
    products = products_of(system, best, share) if share else {}
    if coverage.thin:
        return Limit(None, products=products, withheld=True, reason=coverage.reason())
    bar = bar_of(voltages)
    return Limit(float(voltages[0]), *bar, products=products, lithium=sign / share if share else 0.0)


def bar_of(values: Array) -> tuple[float | None, float | None, float | None]:
    """Return the standard deviation and the 90 % interval of the draws, ``None`` where there are none."""
    if len(values) < 2:
        return None, None, None
    low, high = np.quantile(values[1:], (0.05, 0.95))
    return float(np.std(values[1:])), float(min(low, values[0])), float(max(high, values[0]))


def products_of(system: System, best: Optimum, per: float) -> dict[str, float]:
    """Return formula units of each phase of the first draw, divided by *per*; gases as molecules."""
    found = {}
    for j, n in sorted(best.of_first().items()):
        if j < len(system.phases):
            formula = system.phases[j].formula
            found.update({f"{formula}2": n / per / 2} if formula in DIATOMIC else {formula: n / per})
    return found


def _without(system: System, own: int | None) -> System:
    if own is None or own < len(system.elements):
        return system
    return replace(
        system,
        phases=tuple(p for j, p in enumerate(system.phases) if j != own),
        columns=np.delete(system.columns, own, axis=1),
        energies_ev=np.delete(system.energies_ev, own),
        sds_ev=np.delete(system.sds_ev, own),
        places=np.delete(system.places, own),
    )


def _listed(products: Mapping[str, float]) -> str:
    return " + ".join(f"{n:.3g} {f}" for f, n in products.items())


def _notes(
    table: EnergyTable, name: str, above: float | None, computed: list[str], coverage: Coverage
) -> tuple[str, ...]:
    notes = []
    if above is None:
        notes.append(f"{name} is not in the table {table.name!r}: it is taken to lie on the hull of what is")
        if doubt := unbalanced(table, name):
            notes.append(doubt)
    elif above > 0:
        notes.append(f"{name} lies {1000 * above:.0f} meV/atom above the hull; its window is that of a compound on it")
    if computed:
        notes.append(f"energies by a machine-learned potential: {', '.join(computed)}")
    if coverage.thin:
        notes.append(f"limits withheld: {coverage.reason()}")
    return tuple(notes)
