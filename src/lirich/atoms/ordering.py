"""Orderings of layered oxides: where Li, Mn, Ni, Co stand, by the electrostatic energy of formal charges.

The cell is a supercell of the C2/m cell of Li2MnO3 (12 atoms) on an ideal layered lattice. The Ewald energy of charges
q is E = qᵀ M q with a matrix M of the lattice alone, made once; a swap of two ions then costs O(N), and simulated
annealing (Kirkpatrick et al., Science 220, 671 (1983), doi:10.1126/science.220.4598.671) finds the orderings of low
energy. Formal charges overstate the differences: the energies rank orderings, and the potential ranks the best again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.ewald import EwaldSummation
from pymatgen.core.periodic_table import Species
from pymatgen.core.structure import Structure

from lirich.atoms.hosts import layered_metric
from lirich.atoms.lattice import ATOMS_OF_CELL, layered_template
from lirich.atoms.oxidation import balanced
from lirich.errors import CompositionError
from lirich.model import Composition
from lirich.model.composition import ANIONS

Array = NDArray[np.float64]
How = Literal["annealed", "one swap from the lowest"]

IN_LI_LAYER = ("Li", "Na", "K", "Mg", "Ca", "Zn", "Ni")
"""Who fills the Li layer where lithium does not suffice, first the monovalent, then Mg2+ and Zn2+, then Ni2+, whose
radius (0.69 Å) is nearest to that of Li+ (0.76 Å): the known exchange of layered oxides (Shannon, see
`lirich.atoms.oxidation`)."""
SAME_EV = 1e-4
"""Orderings whose energies and site potentials differ by less, eV, are the same."""
SAME_DIGITS = 6
"""Ewald energies, eV, are compared to so many decimals: what symmetry makes equal differs in the thirteenth digit from
one processor to the next, and the choice must not. Of equal ones the annealed one counts, and the first."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """An ordered cell. Its sites carry ``charge`` (formal, e) and ``layer`` (``Li``, ``TM`` or ``O``).

    ``ewald_ev`` is the electrostatic energy of the cell, eV; ``how`` says whether it was annealed; ``rank`` counts from
    0, the lowest; ``deviation`` is what the whole numbers of the cell differ by from what was asked, atoms per two
    anions; ``changes`` says which metals left their usual state for neutrality.
    """

    structure: Structure
    ewald_ev: float
    seed: int
    how: How
    rank: int
    deviation: Mapping[str, float]
    changes: tuple[str, ...]

    @property
    def words(self) -> str:
        """The cell, and what it deviates by, in words."""
        off = [f"{el} {d:+.3f}" for el, d in self.deviation.items() if abs(d) >= 5e-4]
        rounded = f"rounded to the cell, per two anions: {', '.join(off)}" if off else "exactly the composition asked"
        states = f"; {', '.join(self.changes)}" if self.changes else ""
        return f"{self.structure.formula}, {rounded}{states}"


def ordered(
    formula: str | Composition, *, atoms: int = 60, seeds: int | Sequence[int] = 3, sweeps: int = 250
) -> list[Ordering]:
    """Return the orderings of a layered oxide, lowest Ewald energy first, equal ones once.

    *atoms* is the size of the cell, rounded to a multiple of 12; amounts are rounded to it (`Ordering.deviation`).
    *seeds* says from how many random starts, or from which, the annealing runs, and how many distinct orderings are
    wanted: where the annealings agree, those one swap of two ions away follow, so that the list is the lowest ordering
    and what lies over it. *sweeps* is how many swaps per site an annealing tries. Lithium fills the Li layer first;
    exchange between the layers is not tried.

    Raises
    ------
    lirich.errors.CompositionError
        Not two cations to two anions (within 2 %), or no cell of that size has the elements asked for.
    lirich.errors.NotNeutralError
        No states of the metals make the cell neutral.
    """
    composition = Composition.parse(formula) if isinstance(formula, str) else formula
    cells = max(1, round(atoms / ATOMS_OF_CELL))
    counts, deviation = whole_numbers(composition, 3 * cells)
    charges = balanced(counts)
    ions = [(el, q) for el, states in charges.states.items() for q, n in states.items() for _ in range(round(n))]
    li_layer, tm_layer, anions = _shared_out(ions, 3 * cells)
    template = layered_template(cells, layered_metric(_tally(tm_layer)))
    matrix = ewald_matrix(template)
    groups = [np.flatnonzero(np.array(template.site_properties["layer"]) == name) for name in ("Li", "TM", "O")]
    runs = range(seeds) if isinstance(seeds, int) else seeds
    found: list[_Found] = []
    for seed in runs:
        rng = np.random.default_rng(seed)
        placed: list[tuple[str, int]] = [("", 0)] * len(template)
        for group, these in zip(groups, (li_layer, tm_layer, anions), strict=True):
            for site, which in zip(group, rng.permutation(len(these)), strict=True):
                placed[site] = these[which]
        order = annealed(matrix, [q for _, q in placed], groups, rng, sweeps=sweeps)
        found.append(_Found.of(matrix, [placed[i] for i in order], seed, "annealed"))
    found.sort(key=lambda f: round(f.energy, SAME_DIGITS))
    kept: list[_Found] = []
    for new in sorted(
        [*found, *_swapped(matrix, found[0], groups)], key=lambda f: (round(f.energy, SAME_DIGITS), f.how)
    ):
        if len(kept) == len(runs):
            break
        if not any(new.same(other) for other in kept):
            kept.append(new)
    return [
        Ordering(_with_ions(template, f.placed), f.energy, f.seed, f.how, rank, deviation, charges.changes)
        for rank, f in enumerate(kept)
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the ions stand, the energy, and the potential at each ion, by which equal orderings are known."""

    energy: float
    seed: int
    how: How
    placed: list[tuple[str, int]]
    potential: Array

    @classmethod
    def of(cls, matrix: Array, placed: list[tuple[str, int]], seed: int, how: How) -> _Found:
        q = np.array([charge for _, charge in placed], dtype=float)
        return cls(float(q @ matrix @ q), seed, how, placed, 2.0 * matrix @ q)

    def same(self, other: _Found) -> bool:
        if abs(self.energy - other.energy) > SAME_EV:
            return False
        mine, theirs = self._sorted(), other._sorted()
        return all(a == b and abs(u - v) < SAME_EV for (a, u), (b, v) in zip(mine, theirs, strict=True))

    def _sorted(self) -> list[tuple[tuple[str, int], float]]:
        return sorted(zip(self.placed, self.potential.tolist(), strict=True))


def _swapped(matrix: Array, lowest: _Found, groups: Sequence[NDArray[np.int64]]) -> list[_Found]:
    """Return what one swap of unlike ions makes of *lowest*, of each energy one."""
    seen: dict[float, _Found] = {}
    for group in groups:
        for a, i in enumerate(group):
            for j in group[a + 1 :]:
                if lowest.placed[i] != lowest.placed[j]:
                    placed = list(lowest.placed)
                    placed[i], placed[j] = placed[j], placed[i]
                    new = _Found.of(matrix, placed, lowest.seed, "one swap from the lowest")
                    seen.setdefault(round(new.energy, 3), new)
    return list(seen.values())


def whole_numbers(composition: Composition, units: int) -> tuple[dict[str, int], dict[str, float]]:
    """Return the atoms of each element in *units* of two anions, and the deviation from *composition* per unit.

    Whole numbers by the largest remainder, cations to two and anions to two per unit; an element never vanishes.
    Raises `lirich.errors.CompositionError` where cations and anions are unlike in number, or an element has no atom.
    """
    anions = {el: n for el, n in composition.amounts.items() if el in ANIONS}
    cations = {el: n for el, n in composition.amounts.items() if el not in ANIONS}
    total = sum(anions.values())
    if not anions or not cations or abs(sum(cations.values()) / total - 1.0) > 0.02:
        raise CompositionError(
            f"{composition.formula} has {sum(cations.values()):.3g} cations to {total:.3g} anions",
            expected="as many cations as anions (within 2 %), as in LiMO2 and Li2MnO3",
            advice="Order the discharged oxide and take lithium out with lirich.atoms.delithiate",
        )
    counts: dict[str, int] = {}
    for group in (cations, anions):
        exact = {el: 2.0 * units * n / sum(group.values()) for el, n in group.items()}
        rounded = {el: math.floor(x + 1e-9) for el, x in exact.items()}
        short = 2 * units - sum(rounded.values())
        for el in sorted(exact, key=lambda e: rounded[e] - exact[e])[:short]:
            rounded[el] += 1
        counts |= rounded
    lost = [el for el, n in counts.items() if n == 0]
    if lost:
        raise CompositionError(
            f"A cell of {units} formula units has no whole atom of {', '.join(lost)} in {composition.formula}",
            advice="Ask for a larger cell",
        )
    asked = {el: 2.0 * n / total for el, n in composition.amounts.items()}
    return counts, {el: counts[el] / units - asked[el] for el in counts}


def ewald_matrix(structure: Structure) -> Array:
    """Return M, shape (atoms, atoms), eV: the Ewald energy of charges q on these sites is qᵀ M q where Σq = 0.

    Made with charges of one by pymatgen's ``EwaldSummation`` (Toukmaji & Board, Comput. Phys. Commun. 95, 73 (1996),
    doi:10.1016/0010-4655(96)00016-1); what is constant in it cancels in a neutral cell.
    """
    unit = Structure(structure.lattice, [Species("H", 1)] * len(structure), structure.frac_coords)
    matrix: Array = np.array(EwaldSummation(unit).total_energy_matrix, dtype=np.float64)  # type: ignore[no-untyped-call]
    return np.asarray(0.5 * (matrix + matrix.T), dtype=np.float64)


def annealed(
    matrix: Array,
    charges: Sequence[float],
    groups: Sequence[Sequence[int] | NDArray[np.int64]],
    rng: np.random.Generator,
    *,
    sweeps: int = 250,
    hot_ev: float = 3.0,
    cold_ev: float = 0.02,
) -> list[int]:
    """Return the order in which ions stand on the sites after annealing: site ``i`` holds ion ``order[i]``.

    *matrix* is that of `ewald_matrix`, eV; *charges*, shape (atoms,), those of the ions at the start. Two ions of
    unlike charge swap within one of the *groups* of sites with the probability of Metropolis; the temperature falls
    from *hot_ev* to *cold_ev* by the same factor each step; a last pass takes every swap that lowers the energy.
    *sweeps* is the number of tried swaps per site.
    """
    q = np.array(charges, dtype=float)
    order = list(range(len(q)))
    free = [list(map(int, g)) for g in groups if len({float(q[i]) for i in g}) > 1]
    if not free:
        return order
    weights = np.array([len(g) for g in free], dtype=float)
    tries = int(sweeps * weights.sum())
    potential = 2.0 * matrix @ q
    diagonal = np.diag(matrix)
    columns = [np.ascontiguousarray(2.0 * matrix[:, i]) for i in range(len(q))]
    which = rng.choice(len(free), size=tries, p=weights / weights.sum())
    picks, chances = rng.random((tries, 2)), rng.random(tries)
    cooling = (cold_ev / hot_ev) ** (1.0 / tries)
    kt = hot_ev

    def cost(i: int, j: int) -> float:
        step = q[j] - q[i]
        return float(
            step * (potential[i] - potential[j]) + step * step * (diagonal[i] + diagonal[j] - 2 * matrix[i, j])
        )

    def swap(i: int, j: int) -> None:
        step = q[j] - q[i]
        potential[:] += step * (columns[i] - columns[j])
        q[i], q[j] = q[j], q[i]
        order[i], order[j] = order[j], order[i]

    for attempt in range(tries):
        group = free[which[attempt]]
        i, j = group[int(picks[attempt, 0] * len(group))], group[int(picks[attempt, 1] * len(group))]
        kt *= cooling
        if q[i] == q[j]:
            continue
        change = cost(i, j)
        if change <= 0.0 or chances[attempt] < math.exp(-change / kt):
            swap(i, j)
    lowered = True
    while lowered:
        lowered = False
        for group in free:
            for a, i in enumerate(group):
                for j in group[a + 1 :]:
                    if q[i] != q[j] and cost(i, j) < -1e-9:
                        swap(i, j)
                        lowered = True
    return order


def _shared_out(
    ions: list[tuple[str, int]], sites: int
) -> tuple[list[tuple[str, int]], list[tuple[str, int]], list[tuple[str, int]]]:
    """Return the ions of the Li layer, the TM layer and the anions, *sites* to a layer."""
    anions = [ion for ion in ions if ion[1] < 0]
    cations = [ion for ion in ions if ion[1] > 0]
    rank = {el: i for i, el in enumerate(IN_LI_LAYER)}
    cations.sort(key=lambda ion: (rank.get(ion[0], len(rank)), ion[1]))
    return cations[:sites], cations[sites:], anions


def _tally(ions: Sequence[tuple[str, int]]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for element, _ in ions:
        counts[element] = counts.get(element, 0.0) + 1.0
    return counts


def _with_ions(template: Structure, placed: Sequence[tuple[str, int]]) -> Structure:
    order = sorted(range(len(placed)), key=lambda i: _SORT.get(placed[i][0], 10))
    return Structure(
        template.lattice,
        [placed[i][0] for i in order],
        template.frac_coords[order],
        to_unit_cell=True,
        site_properties={
            "charge": [float(placed[i][1]) for i in order],
            "layer": [template.site_properties["layer"][i] for i in order],
        },
    )


_SORT = {"Li": 0, "Mn": 1, "Ni": 2, "Co": 3, "O": 20, "F": 21}
