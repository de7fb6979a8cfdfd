"""The ideal layered lattice of an Li2MnO3-type oxide, and the most even supercells of a size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.hosts import LayeredMetric

Array = NDArray[np.float64]

ATOMS_OF_CELL = 12
"""Atoms of the primitive cell of Li2MnO3: three cation sites of each layer and six of oxygen."""


def layered_template(cells: int, metric: LayeredMetric) -> Structure:
    """Return the ideal layered lattice of *cells* primitive cells of Li2MnO3, with Mn, Li and O in its layers.

    a and b lie in the plane; the cell is the one whose nearest periodic images are farthest, and the most even among
    those. Sites carry ``layer``.
    """
    a, h = metric.a_a, metric.spacing_a
    # a/2 ± b/2 and c of the monoclinic cell; ideally a = √3 a_hex, b = 3 a_hex, c cos β = −a/3
    primitive = np.array(
        [[math.sqrt(3) / 2 * a, -1.5 * a, 0.0], [math.sqrt(3) / 2 * a, 1.5 * a, 0.0], [-a / math.sqrt(3), 0.0, h]]
    )
    row = [np.array([0.0, y * a, 0.0]) for y in (-1.0, 0.0, 1.0)]
    # The hollows of a plane of cations lie a/(2√3) beside its rows, between two cations; O3 stacking is A c B a C b.
    hollow, between = np.array([a / (2.0 * math.sqrt(3)), 0.0, 0.0]), np.array([0.0, 0.5 * a, 0.0])
    rise, midway = np.array([0.0, 0.0, metric.oxygen_height_a]), np.array([0.0, 0.0, 0.5 * h])
    planes = (np.zeros(3), between - hollow + midway, between + hollow + rise, between - hollow - rise)
    coordinates = [plane + place for plane in planes for place in row]
    species = ["Mn"] * 3 + ["Li"] * 3 + ["O"] * 6
    layers = ["TM"] * 3 + ["Li"] * 3 + ["O"] * 6
    structure = Structure(
        Lattice(primitive), species, coordinates, coords_are_cartesian=True, site_properties={"layer": layers}
    )
    return structure.make_supercell(even_supercell(primitive, cells), in_place=False)


def even_supercell(primitive: Array, cells: int) -> NDArray[np.int64]:
    """Return the matrix, shape (3, 3), of the supercell of *cells* whose nearest images are farthest.

    The first two rows stay in the plane of the first two vectors. All sublattices are tried in Hermite normal form.
    """
    steps = range(-2, 3)
    span = np.array([(i, j, k) for i in steps for j in steps for k in steps if (i, j, k) != (0, 0, 0)])
    best: tuple[float, float] = (0.0, 0.0)
    chosen = np.eye(3, dtype=np.int64)
    for layers in (d for d in range(1, cells + 1) if cells % d == 0):
        area = cells // layers
        for p in (d for d in range(1, area + 1) if area % d == 0):
            q = area // p
            for s in range(q):
                flat = reduced_plane(np.array([[p, s, 0], [0, q, 0]], dtype=np.int64), primitive)
                near = _NEAR @ flat
                for u in range(p):
                    for v in range(q):
                        top = np.array([u, v, layers], dtype=np.int64)
                        tops = top + near
                        shortest = int(np.linalg.norm(tops @ primitive, axis=1).round(6).argmin())
                        matrix = np.vstack([flat, tops[shortest]])
                        vectors = matrix @ primitive
                        lengths = np.linalg.norm(span @ vectors, axis=1)
                        score = (round(float(lengths.min()), 6), -round(float((vectors**2).sum()), 6))
                        if score > best:
                            best, chosen = score, matrix
    return chosen


_NEAR = np.array([(i, j) for i in range(-4, 5) for j in range(-4, 5)], dtype=np.int64)


def reduced_plane(rows: NDArray[np.int64], primitive: Array) -> NDArray[np.int64]:
    """Return two rows of the same plane lattice that are as short as can be (Gauss' reduction)."""
    first, second = rows[0], rows[1]
    while True:
        if np.linalg.norm(first @ primitive) > np.linalg.norm(second @ primitive):
            first, second = second, first
        a, b = first @ primitive, second @ primitive
        times = round(float(a @ b / (a @ a)) - 1e-9)
        if times == 0:
            return np.vstack([first, second])
        second = second - times * first
