"""Two-dimensional lattices of crystal planes: from a unit cell and its centring to the cell of the plane.

A plane (hkl) of a lattice holds a lattice of its own, spanned by the shortest lattice vectors that lie in it. It
depends on the metric and the centring only, not on the atoms. A lattice is described here by its metric tensor
G = [[a·a, a·b], [a·b, b·b]], shape (2, 2), Å², which knows lengths, angle and area and no orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError, StructureError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Miller = tuple[int, int, int]

_CENTRINGS: dict[str, list[list[float]]] = {
    "P": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "A": [[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]],
    "C": [[0.5, -0.5, 0], [0.5, 0.5, 0], [0, 0, 1]],
    "I": [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]],
    "F": [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
    "R": [[2 / 3, 1 / 3, 1 / 3], [-1 / 3, 1 / 3, 1 / 3], [-1 / 3, -2 / 3, 1 / 3]],
}
"""Primitive vectors in units of the conventional ones, by the first letter of the space group; R on hexagonal axes in
the obverse setting (International Tables for Crystallography A, table 1.5.1.1)."""


@dataclass(frozen=True, slots=True)
class UnitCell:
    """A conventional unit cell: lengths in Å, angles in degrees, and the letter of its centring.

    Raises `lirich.errors.StructureError` where these are no cell.
    """

    a: float
    b: float
    c: float
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0
    centring: str = "P"

    def __post_init__(self) -> None:
        if self.centring not in _CENTRINGS:
            raise StructureError(f"There is no centring {self.centring!r}", expected="one of P, A, C, I, F, R")
        lengths, angles = (self.a, self.b, self.c), (self.alpha, self.beta, self.gamma)
        if not all(np.isfinite(x) and 1.0 < x < 200.0 for x in lengths):
            raise StructureError(f"Edges of {lengths} Å", expected="lengths between 1 and 200 Å")
        if not all(np.isfinite(x) and 10.0 < x < 170.0 for x in angles):
            raise StructureError(f"Angles of {angles} degrees", expected="angles between 10 and 170 degrees")
        cosines = np.cos(np.radians(angles))
        if 1.0 - (cosines**2).sum() + 2.0 * cosines.prod() <= 1e-6:
            raise StructureError(f"Angles of {angles} degrees leave no volume", expected="three edges that span a cell")
        if self.centring == "R" and not np.allclose((self.a, *angles), (self.b, 90.0, 90.0, 120.0), atol=1e-3):
            raise StructureError(
                "A cell of centring R that is not hexagonal", expected="hexagonal axes: a = b, γ = 120°"
            )

    def vectors(self) -> Array:
        """Return the conventional vectors as rows, shape (3, 3), Å: a along x, b in the xy plane."""
        ca, cb, cg = np.cos(np.radians((self.alpha, self.beta, self.gamma)))
        sg = np.sqrt(1.0 - cg * cg)
        y = (ca - cb * cg) / sg
        z = np.sqrt(max(1.0 - cb * cb - y * y, 0.0))
        edges = np.array([self.a, self.b, self.c])
        return np.asarray(np.array([[1.0, 0.0, 0.0], [cg, sg, 0.0], [cb, y, z]]) * edges[:, None])

    def primitive(self) -> Array:
        """Return primitive vectors as rows, shape (3, 3), Å."""
        return np.asarray(np.array(_CENTRINGS[self.centring]) @ self.vectors())

    @property
    def volume_a3(self) -> float:
        """Volume of the conventional cell, Å³."""
        return float(abs(np.linalg.det(self.vectors())))


def plane_lattice(cell: UnitCell, miller: Miller) -> Array:
    """Return the metric of the plane's lattice, reduced, shape (2, 2), Å².

    *miller* is in the conventional axes; common factors do not matter, (003) is (001). With the indices h in a
    primitive basis, coprime, the lattice vectors of the plane are the integer solutions of h·u = 0; area = V/d.

    Raises `lirich.errors.InputError` for (0, 0, 0) or indices that are not whole.
    """
    h = _primitive_indices(cell, miller)
    vectors = _in_plane(h) @ cell.primitive()
    metric, _ = reduced((vectors @ vectors.T)[None])
    return np.asarray(metric[0])


def distinct_planes(cell: UnitCell, max_index: int) -> dict[Miller, Array]:
    """Return the planes with indices up to *max_index* that have unlike lattices, each with its metric.

    Planes that symmetry relates have the same lattice and spacing and appear once, with the indices that look
    simplest; so do planes that symmetry does not relate and whose lattices agree: for the match they are the same.

    Raises `lirich.errors.InputError` for *max_index* outside 1…4.
    """
    if not 1 <= max_index <= 4:
        raise InputError(f"Planes with indices up to {max_index}", expected="a largest index of 1 to 4")
    span = range(-max_index, max_index + 1)
    every = [(h, k, m) for h in span for k in span for m in span if gcd(h, k, m) == 1]
    every.sort(key=lambda m: (sum(map(abs, m)), sum(i < 0 for i in m), [-i for i in m]))
    found: dict[tuple[float, ...], tuple[Miller, Array]] = {}
    for miller in every:
        metric = plane_lattice(cell, miller)
        key = tuple(np.round(metric[[0, 0, 1], [0, 1, 1]], 4) + 0.0)
        found.setdefault(key, (miller, metric))
    return dict(found.values())


def area_a2(metric: Array) -> float:
    """Return the area of the cell of a plane lattice, Å²."""
    return float(np.sqrt(np.linalg.det(metric)))


def reduced(metrics: Array) -> tuple[Array, Integers]:
    """Reduce plane lattices (Gauss): |a| ≤ |b|, and 0 ≤ a·b ≤ a²/2.

    Shape (k, 2, 2) in; out the reduced metrics and the integer matrices T, shapes (k, 2, 2), with G' = T G Tᵀ.
    """
    g = np.array(metrics, dtype=float)
    t = np.tile(np.eye(2, dtype=np.int64), (len(g), 1, 1))
    for _ in range(200):
        swap = g[:, 0, 0] > g[:, 1, 1] * (1.0 + 1e-12)
        g[swap] = g[swap][:, ::-1, ::-1]
        t[swap] = t[swap][:, ::-1]
        steps = np.rint(g[:, 0, 1] / g[:, 0, 0] * (1.0 - 1e-12)).astype(np.int64)
        if not steps.any():
            break
        shear = np.tile(np.eye(2, dtype=np.int64), (len(g), 1, 1))
        shear[:, 1, 0] = -steps
        g, t = shear @ g @ shear.transpose(0, 2, 1), shear @ t
    sign = np.where(g[:, 0, 1] < 0, -1, 1)
    g[:, 0, 1] *= sign
    g[:, 1, 0] = g[:, 0, 1]
    t[:, 1] *= sign[:, None]
    return g, t


def _primitive_indices(cell: UnitCell, miller: Miller) -> Miller:
    whole = [int(i) for i in miller]
    if len(whole) != 3 or any(i != j for i, j in zip(whole, miller, strict=True)) or not any(whole):
        raise InputError(f"{tuple(miller)} are no Miller indices", expected="three whole numbers, not all zero")
    six = np.rint(6.0 * np.array(_CENTRINGS[cell.centring]) @ np.array(whole)).astype(int)
    h, k, m = (int(i) for i in six // gcd(*map(int, six)))
    return h, k, m


def _in_plane(h: Miller) -> Integers:
    """Return two integer vectors that span all solutions of h·u = 0, for coprime h."""
    i, j, k = h
    g, p, q = _bezout(i, j)
    if g == 0:
        return np.array([[1, 0, 0], [0, 1, 0]])
    return np.array([[j // g, -i // g, 0], [-p * k, -q * k, g]])


def _bezout(i: int, j: int) -> tuple[int, int, int]:
    """Return g = gcd(i, j) ≥ 0 and p, q with p·i + q·j = g."""
    p, q, old_p, old_q = 0, 1, 1, 0
    while j:
        n = i // j
        i, j = j, i - n * j
        p, q, old_p, old_q = old_p - n * p, old_q - n * q, p, q
    return (i, old_p, old_q) if i >= 0 else (-i, -old_p, -old_q)
