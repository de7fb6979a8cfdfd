"""Slabs of the facets of layered oxides: stoichiometric, neutral and without a dipole, with their termination said.

A slab is a whole number of the crystal's own periods, cut below one of its planes of ions; so it has the composition of
the bulk. Where planes are charged, (003) and (012), the dipole of the cut is undone by carrying part of the ions of the
lowest plane to the top, half of them where the planes around it are alike: the reconstruction of Tasker's type 3
surfaces (Tasker, J. Phys. C 12, 4977 (1979), doi:10.1088/0022-3719/12/22/036). Formal charges say how many.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import ANION_RADIUS_A, anion_counts
from lirich.atoms.facets import indices, turned
from lirich.atoms.lattice import reduced_plane
from lirich.atoms.ordering import annealed, ewald_matrix
from lirich.atoms.oxidation import formal_charges, symbols_of
from lirich.errors import StructureError

Array = NDArray[np.float64]

PLANE_GAP_A = 0.4
"""Ions whose heights differ by less belong to one plane: planes of cations and of oxygen lie 1.0 Å or more apart in
(003), (012), (104) and (110), the like planes of (010) 0.8 Å; the roughness of relaxed cells is 0.2 Å."""
POLAR_E_A = 0.02
"""A dipole per area above this, e Å/Å², counts as one that was not undone: an ion of charge 1 on the wrong face of a
slab of 12 Å makes 0.2 for 60 Å². Below it is what the roughness of relaxed planes makes of whole charges."""
MOST_ATOMS = 400
MOST_FACES = 4
"""How often a face may repeat until whole ions can be shared out between the two faces."""
EPSILON0_E_V_A = 8.8541878128e-12 / 1.602176634e-19 * 1e-10
"""Permittivity of vacuum, e/(V Å) (CODATA 2018)."""


@dataclass(frozen=True, slots=True)
class Slab:
    """A slab, both of whose faces are *facet*. Its sites carry ``charge`` and what the bulk's carried.

    ``miller`` are the indices in the cell of the bulk; ``bulk_cells`` is how many of it the slab has atoms of;
    ``area_a2`` is that of one face; ``broken`` counts bonds to anions that the two faces have lost, by cation;
    ``dipole_e_a`` is the formal dipole along the normal before relaxation, e Å.
    """

    structure: Structure
    facet: str
    miller: tuple[int, int, int]
    termination: str
    carried: Mapping[str, int]
    bulk_cells: int
    thickness_a: float
    vacuum_a: float
    area_a2: float
    broken: Mapping[str, int]
    dipole_e_a: float

    @property
    def polar(self) -> bool:
        """Whether a dipole is left that formal charges of whole ions could not undo."""
        return abs(self.dipole_e_a) > POLAR_E_A * self.area_a2

    @property
    def step_v(self) -> float:
        """The step of the potential across the vacuum that the formal dipole makes, V."""
        return self.dipole_e_a / (EPSILON0_E_V_A * self.area_a2)

    @property
    def words(self) -> str:
        """The slab in words."""
        lost = ", ".join(f"{n} {el}-anion" for el, n in self.broken.items() if n)
        dipole = (
            f"a formal dipole of {self.dipole_e_a:.2f} e Å, a step of {self.step_v:.2f} V"
            if abs(self.dipole_e_a) > 1e-3 * self.area_a2
            else "no formal dipole"
        )
        return (
            f"({self.facet}) of {self.structure.composition.reduced_formula}, {self.termination}; "
            f"{len(self.structure)} atoms, {self.thickness_a:.1f} Å thick, {self.area_a2:.1f} Å² a face; "
            f"broken bonds: {lost or 'none'}; {dipole}"
        )


def slabs(
    bulk: Structure, facet: str, *, thickness_a: float = 12.0, vacuum_a: float = 15.0, alike: int = 0, seed: int = 0
) -> list[Slab]:
    """Return the slabs of *facet*, one for each kind of plane that it can be cut below, the best first.

    *bulk* is a layered oxide, ideal or relaxed; *facet* one of `lirich.atoms.facets.FACETS`, *alike* which of the
    planes that R-3m makes alike (`lirich.atoms.facets.indices`). Slabs are as many periods as make *thickness_a*, with
    a vacuum of *vacuum_a* over them. Where a face has too few ions to be shared out, it is repeated up to four times.

    Those without a dipole are returned, of the smallest rest first, then of the fewest broken bonds to metals, then to
    lithium; where there is none, all are, of the smallest dipole first. Of cuts alike in termination and bonds one is
    returned. Which ions of a plane are carried, and where they stand, is that of the lowest Ewald energy found by
    annealing with *seed*; each ion stands on a place of its own element.

    Raises
    ------
    lirich.errors.StructureError
        No layers, no planes, or a slab of more than 400 atoms.
    lirich.errors.UnknownNameError
        Another facet.
    lirich.errors.NotNeutralError
        No formal charges are neutral.
    """
    planes = indices(bulk, facet)
    miller = planes[alike % len(planes)]
    charged = bulk.copy()
    charged.add_site_property("charge", formal_charges(bulk))
    cell = turned(charged, miller)
    for faces in range(1, MOST_FACES + 1):
        found = _slabs_of(_wider(cell, faces), faces, facet, miller, thickness_a, vacuum_a, seed)
        sound = {_worth(slab): slab for slab in reversed(found) if not slab.polar}
        if sound:
            return [sound[worth] for worth in sorted(sound)]
        if faces == 1:
            polar = found
    return sorted(polar, key=lambda slab: abs(slab.dipole_e_a))


def _slabs_of(
    cell: Structure,
    faces: int,
    facet: str,
    miller: tuple[int, int, int],
    thickness_a: float,
    vacuum_a: float,
    seed: int,
) -> list[Slab]:
    """Return the slabs of a cell whose a and b lie in the facet, one for each of its planes."""
    a, b, c = cell.lattice.matrix
    normal = np.cross(a, b)
    area = float(np.linalg.norm(normal))
    normal = normal / area
    period = float(c @ normal)
    repeats = max(1, math.ceil(thickness_a / period - 1e-6))
    if repeats * len(cell) > MOST_ATOMS:
        raise StructureError(
            f"A slab of ({facet}) would have {repeats * len(cell)} atoms",
            expected=f"at most {MOST_ATOMS}",
            advice="Take a smaller cell of the bulk, or a thinner slab",
        )
    symbols = symbols_of(cell)
    bonds = _bonds(cell)
    found = []
    for members, start in _planes(cell.cart_coords @ normal, period):
        structure, carried, dipole = _cut(cell, normal, members, start, repeats, vacuum_a, seed)
        if sum(carried.values()) == len(members):
            continue  # the same as a cut above this plane
        left = _bonds(structure)
        heights = structure.cart_coords @ normal
        plane = Counter(symbols[i] for i in members)
        found.append(
            Slab(
                structure=structure,
                facet=facet,
                miller=miller,
                termination=_named(plane, carried),
                carried=carried,
                bulk_cells=repeats * faces,
                thickness_a=float(np.ptp(heights)),
                vacuum_a=vacuum_a,
                area_a2=area,
                broken={element: repeats * n - left[element] for element, n in bonds.items()},
                dipole_e_a=dipole,
            )
        )
    return found


def _cut(
    cell: Structure, normal: Array, members: Sequence[int], start: float, repeats: int, vacuum_a: float, seed: int
) -> tuple[Structure, dict[str, int], float]:
    """Return the slab cut below the plane of *members*, what was carried to its top, and the dipole left, e Å."""
    a, b, c = cell.lattice.matrix
    period = float(c @ normal)
    lift = np.floor((cell.cart_coords @ normal - start) / period + 1e-9)
    base = cell.cart_coords - lift[:, None] * c
    charges = np.array(cell.site_properties["charge"], dtype=float)
    # A plane of charge Q at the top instead of the bottom changes the dipole by Q times the thickness of all periods.
    wanted = -float(charges @ (base @ normal)) / period
    symbols = symbols_of(cell)
    kinds = Counter((symbols[i], float(charges[i])) for i in members)
    moving = _to_carry(kinds, wanted)
    inner = [(i, k) for k in range(repeats) for i in range(len(cell)) if k > 0 or i not in members]
    places = inner + [(i, 0) for i in members] + [(i, repeats) for i in members]
    positions = np.array([base[i] + k * c for i, k in places])
    left = Counter(moving)
    filled: list[float] = [charges[i] for i, _ in inner]
    above: list[float] = []
    for i in members:
        kind = (symbols[i], float(charges[i]))
        goes = left[kind] > 0
        left[kind] -= goes
        filled.append(0.0 if goes else charges[i])
        above.append(charges[i] if goes else 0.0)
    filled += above
    groups = [
        [place for place in range(first, first + len(members)) if symbols[places[place][0]] == element]
        for first in (len(inner), len(inner) + len(members))
        for element in sorted({symbols[i] for i in members})
    ]
    if any(len({filled[place] for place in group}) > 1 for group in groups):
        tall = Lattice(np.array([a, b, (repeats * period + vacuum_a) * normal]))
        sites = Structure(tall, ["H"] * len(places), positions, coords_are_cartesian=True)
        order = annealed(ewald_matrix(sites), filled, groups, np.random.default_rng(seed))
        filled = [filled[k] for k in order]
    kept = [place for place, q in enumerate(filled) if q != 0.0]
    heights = positions[kept] @ normal
    dipole = float(np.array(filled)[kept] @ heights)
    positions += (0.5 * vacuum_a - heights.min()) * normal
    lattice = Lattice(np.array([a, b, (np.ptp(heights) + vacuum_a) * normal]))
    properties = {
        name: [filled[place] if name == "charge" else values[places[place][0]] for place in kept]
        for name, values in cell.site_properties.items()
    }
    structure = Structure(
        lattice,
        [symbols[places[place][0]] for place in kept],
        positions[kept],
        coords_are_cartesian=True,
        to_unit_cell=True,
        site_properties=properties,
    )
    carried: Counter[str] = Counter()
    for (element, _), n in moving.items():
        carried[element] += n
    return structure, {element: n for element, n in carried.items() if n}, dipole


def _to_carry(kinds: Mapping[tuple[str, float], int], wanted: float) -> dict[tuple[str, float], int]:
    """Return how many ions of each kind bring the charge nearest to *wanted*, each kind by the same share if it can.

    Ions of the sign of *wanted* only: to carry both signs from a mixed plane would be to cut elsewhere.
    """
    names = [(element, q) for element, q in kinds if q * wanted > 0.0]
    total = sum(q * kinds[element, q] for element, q in names)
    share = wanted / total if names else 0.0

    def off(counts: tuple[int, ...]) -> tuple[float, float]:
        charge = sum(q * n for (_, q), n in zip(names, counts, strict=True))
        uneven = sum((n - share * kinds[kind]) ** 2 for kind, n in zip(names, counts, strict=True))
        return round(abs(charge - wanted), 6), round(uneven, 6)

    best = min(itertools.product(*(range(kinds[kind] + 1) for kind in names)), key=off)
    return dict(zip(names, best, strict=True))


def _planes(heights: Array, period: float) -> list[tuple[list[int], float]]:
    """Return the planes of a cell along its normal: the ions of each, and the height just below them."""
    around = heights % period
    order = np.argsort(around, kind="stable")
    gaps = np.diff(np.append(around[order], around[order[0]] + period))
    start = (int(gaps.argmax()) + 1) % len(order)
    if gaps.max() < PLANE_GAP_A:
        return []
    turn = np.roll(order, -start)
    along = (around[turn] - around[turn[0]]) % period
    ends = [0, *(np.flatnonzero(np.diff(along) > PLANE_GAP_A) + 1).tolist(), len(turn)]
    return [
        (sorted(int(i) for i in turn[first:last]), float(around[turn[first]]) - 0.5 * PLANE_GAP_A)
        for first, last in itertools.pairwise(ends)
    ]


def _wider(cell: Structure, faces: int) -> Structure:
    """Return the cell with a face of *faces* times the area, as even as can be."""
    choices = [
        reduced_plane(np.array([[p, s, 0], [0, faces // p, 0]], dtype=np.int64), cell.lattice.matrix)
        for p in range(1, faces + 1)
        if faces % p == 0
        for s in range(p)
    ]
    best = min(choices, key=lambda rows: round(float(((rows @ cell.lattice.matrix) ** 2).sum()), 6))
    matrix = np.vstack([best, [0, 0, 1]])
    if np.linalg.det(matrix) < 0:
        matrix[0] = -matrix[0]
    return cell.make_supercell(matrix, in_place=False)


def _bonds(structure: Structure) -> Counter[str]:
    """Return how many bonds to anions the cations of each element have."""
    found: Counter[str] = Counter()
    for element, n in zip(symbols_of(structure), anion_counts(structure), strict=True):
        if element not in ANION_RADIUS_A:
            found[element] += n
    return found


def _named(plane: Mapping[str, int], carried: Mapping[str, int]) -> str:
    formula = "".join(f"{el}{n if n > 1 else ''}" for el, n in sorted(plane.items()))
    if not carried:
        return f"cut below a plane of {formula}"
    words = ", ".join(f"{n} of {plane[el]} {el}" for el, n in carried.items())
    return f"cut below a plane of {formula}, {words} carried to the other face"


def _worth(slab: Slab) -> tuple[int, int, int, int, str]:
    lithium = slab.broken.get("Li", 0)
    charge = round(10.0 * abs(slab.dipole_e_a) / (POLAR_E_A * slab.area_a2))
    return charge, sum(slab.broken.values()) - lithium, lithium, sum(slab.carried.values()), slab.termination
