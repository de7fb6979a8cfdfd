"""The graph of a crystal that CHGNet reads: bonds within 6 Å, and the angles between bonds within 3 Å.

Each bond stands once. Its two directions, which CHGNet's messages go along, follow from it; so do the forces and the
stress, since the energy depends on the bond vectors alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lirich.atoms.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Graph:
    """Bonds and angles.

    ``first``, ``second``: the atoms of each bond, shape (bonds,); ``vectors``: from the second (in its image) to the
    first, Å, shape (bonds, 3). The first ``short`` bonds are those that make angles. An angle stands at ``corner``,
    shape (angles,), between the bonds ``arm`` and ``other``; ``sign`` is -1 where one of the two bonds points to the
    corner and the other away from it.
    """

    first: Ints
    second: Ints
    vectors: Floats
    short: int
    corner: Ints
    arm: Ints
    other: Ints
    sign: NDArray[np.float32]


def graph_of(fractional: Floats, lattice: Floats, reach: float, angle_reach: float) -> Graph:
    """Return the graph of the atoms at *fractional*, shape (atoms, 3), in *lattice*, Å, rows being its vectors."""
    wrapped = fractional - np.floor(fractional)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    images = np.floor(reach / heights + 1.0).astype(np.int64)
    room = 64 * len(fractional)
    while True:
        first = np.empty(room, np.int32)
        second = np.empty(room, np.int32)
        vectors = np.empty((room, 3))
        count = _bonds(wrapped @ lattice, lattice, images, reach, first, second, vectors)
        if count <= room:
            break
        room = count
    first, second, vectors = first[:count], second[:count], vectors[:count]
    near = (vectors**2).sum(axis=1) < angle_reach**2
    order = np.argsort(~near, kind="stable")
    first, second, vectors, short = first[order], second[order], vectors[order], int(near.sum())
    return Graph(first, second, vectors, short, *_angles(len(fractional), first[:short], second[:short]))


@compiled()
def _bonds(positions, lattice, images, reach, first, second, vectors):
    """Fill in the bonds and return how many there are, which may be more than there is room for."""
    count = 0
    atoms = positions.shape[0]
    square = reach * reach
    for a in range(-images[0], images[0] + 1):
        for b in range(-images[1], images[1] + 1):
            for c in range(-images[2], images[2] + 1):
                half = a > 0 or (a == 0 and (b > 0 or (b == 0 and c > 0)))
                sx = a * lattice[0, 0] + b * lattice[1, 0] + c * lattice[2, 0]
                sy = a * lattice[0, 1] + b * lattice[1, 1] + c * lattice[2, 1]
                sz = a * lattice[0, 2] + b * lattice[1, 2] + c * lattice[2, 2]
                for i in range(atoms):
                    for j in range(i if half else i + 1, atoms):
                        x = positions[i, 0] - positions[j, 0] - sx
                        y = positions[i, 1] - positions[j, 1] - sy
                        z = positions[i, 2] - positions[j, 2] - sz
                        if x * x + y * y + z * z <= square:
                            if count < first.shape[0]:
                                first[count] = i
                                second[count] = j
                                vectors[count, 0] = x
                                vectors[count, 1] = y
                                vectors[count, 2] = z
                            count += 1
    return count


@compiled()
def _angles(atoms, first, second):
    """Return corner, arm, other and sign of each unordered pair of bonds that share a corner."""
    bonds = first.shape[0]
    start = np.zeros(atoms + 1, np.int64)
    for b in range(bonds):
        start[first[b] + 1] += 1
        start[second[b] + 1] += 1
    total = 0
    for i in range(atoms):
        k = start[i + 1]
        total += k * (k - 1) // 2
        start[i + 1] += start[i]
    fill = start[:-1].copy()
    bond = np.empty(2 * bonds, np.int32)
    away = np.empty(2 * bonds, np.float32)
    for b in range(bonds):
        bond[fill[first[b]]] = b
        away[fill[first[b]]] = 1.0
        fill[first[b]] += 1
        bond[fill[second[b]]] = b
        away[fill[second[b]]] = -1.0
        fill[second[b]] += 1
    corner = np.empty(total, np.int32)
    arm = np.empty(total, np.int32)
    other = np.empty(total, np.int32)
    sign = np.empty(total, np.float32)
    n = 0
    for i in range(atoms):
        for p in range(start[i], start[i + 1]):
            for q in range(p + 1, start[i + 1]):
                corner[n] = i
                arm[n] = bond[p]
                other[n] = bond[q]
                sign[n] = away[p] * away[q]
                n += 1
    return corner, arm, other, sign
