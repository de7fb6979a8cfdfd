"""Facets of a layered oxide: hexagonal R-3m indices carried to the cell at hand, and the cell turned into the facet.

The hexagonal lattice is found from the cations of the TM layers themselves, so that the indices mean the same in LiMO2,
in the monoclinic Li2MnO3 and in any supercell of them, ideal or relaxed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.lattice import reduced_plane
from lirich.atoms.layers import METAL_REACH_A, layers_of
from lirich.errors import StructureError, UnknownNameError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

FACETS: Mapping[str, tuple[int, int, int]] = {
    "003": (0, 0, 3),
    "104": (1, 0, 4),
    "010": (0, 1, 0),
    "110": (1, 1, 0),
    "012": (0, 1, 2),
}
"""The facets of layered oxides by their hexagonal indices, in the obverse setting of R-3m (Kramer & Ceder, Chem. Mater.
21, 3799 (2009), doi:10.1021/cm9008943, and (010), the side of plates, the same as (100))."""
SAME_INDEX = 0.05
"""How far a relaxed supercell lets an index be from a whole number."""


@dataclass(frozen=True, slots=True)
class Hexagonal:
    """The hexagonal cell of a layered oxide: rows a1, a2 and c, Å, shape (3, 3), obverse setting."""

    vectors: Array

    def normals(self, facet: str) -> Array:
        """Return the reciprocal vectors of *facet* and of the planes that the three-fold axis makes of it, 1/Å.

        Shape (3, 3). Raises `lirich.errors.UnknownNameError` for another facet.
        """
        if facet not in FACETS:
            raise UnknownNameError.of("facet", facet, FACETS)
        h, k, m = FACETS[facet]
        alike = np.array([(h, k, m), (k, -h - k, m), (-h - k, h, m)], dtype=float)
        return np.asarray(alike @ np.linalg.inv(self.vectors).T)


def hexagonal(structure: Structure) -> Hexagonal:
    """Return the hexagonal cell of R-3m that the cations of a layered oxide stand on.

    Raises `lirich.errors.StructureError` where the structure has no layers, or is not stacked like R-3m.
    """
    layers = layers_of(structure)
    normal, c = layers.normal, 3.0 * layers.spacing_a
    metal = np.flatnonzero(layers.names == "TM")
    centres, others, images, _ = structure.get_neighbor_list(max(METAL_REACH_A, 1.4 * layers.spacing_a))
    kept = np.isin(centres, metal) & np.isin(others, metal)
    steps = (
        structure.frac_coords[others[kept]] + images[kept] - structure.frac_coords[centres[kept]]
    ) @ structure.lattice.matrix
    rise = steps @ normal
    flat = steps - rise[:, None] * normal
    lengths = np.linalg.norm(flat, axis=1)
    beside = (np.abs(rise) < 0.8) & (lengths > 0.1) & (lengths < METAL_REACH_A)
    if not beside.any():
        raise StructureError(f"The metals of {structure.composition.reduced_formula} have no neighbours in their layer")
    first = flat[beside][0] / lengths[beside][0]
    second = np.cross(normal, first)
    # The mean direction of six-fold neighbours, as the sixth part of the mean of six times their angles.
    turns = np.arctan2(flat[beside] @ second, flat[beside] @ first)
    angle = float(np.angle(np.exp(6j * turns).mean())) / 6.0
    a = float(lengths[beside].mean())
    up = (np.abs(rise - layers.spacing_a) < 0.8) & (lengths < a)
    for extra in range(6):
        along = angle + extra * math.pi / 3.0
        a1 = a * (math.cos(along) * first + math.sin(along) * second)
        a2 = a * (math.cos(along + 2 * math.pi / 3) * first + math.sin(along + 2 * math.pi / 3) * second)
        shift = (2.0 * a1 + a2) / 3.0
        if up.any() and float(np.linalg.norm(flat[up] - shift, axis=1).min()) < 0.25 * a:
            return Hexagonal(np.array([a1, a2, c * normal]))
    raise StructureError(
        f"The layers of {structure.composition.reduced_formula} are not stacked as in R-3m",
        expected="O3 stacking, as in LiCoO2 and Li2MnO3",
    )


def indices(structure: Structure, facet: str) -> list[tuple[int, int, int]]:
    """Return the Miller indices of *facet* in the cell of *structure*: of each plane that is alike in R-3m.

    Planes that the three-fold axis makes of each other are alike in LiMO2, and not in an ordered cell, which has lost
    the axis. Those with the largest spacing, whose slabs have the smallest faces, come first.

    Raises `lirich.errors.StructureError` where the cell has no lattice plane along one of them,
    `lirich.errors.UnknownNameError` for a facet that `FACETS` has not.
    """
    lattice = hexagonal(structure)
    found: list[tuple[int, int, int]] = []
    for normal in lattice.normals(facet):
        along = 3.0 * structure.lattice.matrix @ normal
        whole = np.rint(along).astype(int)
        if np.abs(along - whole).max() > 3.0 * SAME_INDEX or not whole.any():
            raise StructureError(
                f"({facet}) is no lattice plane of this cell of {structure.composition.reduced_formula}",
                expected="a supercell of the layered lattice",
            )
        divisor = int(np.gcd.reduce(whole))
        h, k, m = (int(x) // divisor for x in whole)
        if (h, k, m) not in found:
            found.append((h, k, m))
    return sorted(found, key=lambda miller: -round(float(structure.lattice.d_hkl(miller)), 3))


def turned(structure: Structure, miller: tuple[int, int, int]) -> Structure:
    """Return the same crystal in a cell whose a and b lie in the plane *miller* and whose volume is the same.

    a, b and c are right-handed and as short as can be; sites keep their properties and their order.
    """
    rows = np.eye(3, dtype=np.int64)
    values = np.array(miller, dtype=np.int64)
    while np.count_nonzero(values) > 1:
        small = min(np.flatnonzero(values), key=lambda i: abs(values[i]))
        for i in np.flatnonzero(values):
            if i != small:
                times = values[i] // values[small]
                rows[i] -= times * rows[small]
                values[i] -= times * values[small]
    out = int(np.flatnonzero(values)[0])
    plane = reduced_plane(np.delete(rows, out, axis=0), structure.lattice.matrix)
    up = rows[out] * int(np.sign(values[out]))
    matrix = structure.lattice.matrix
    # What c lacks of being perpendicular is taken off in whole steps of a and b.
    slant = np.linalg.lstsq((plane @ matrix).T, up @ matrix, rcond=None)[0]
    up = up - np.rint(slant).astype(np.int64) @ plane
    cell = np.vstack([plane, up])
    if np.linalg.det(cell @ matrix) < 0:
        cell[0] = -cell[0]
    lattice = cell @ matrix
    return Structure(
        lattice,
        structure.species,
        structure.cart_coords @ np.linalg.inv(lattice),
        to_unit_cell=True,
        site_properties=structure.site_properties,
    )
