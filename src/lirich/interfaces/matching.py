"""Lattice matching: how well a coating fits on a facet of the cathode.

Zur & McGill, J. Appl. Phys. 55 (1984) 378, doi:10.1063/1.333084: superlattices of both planes of nearly equal area are
listed, and those that agree in lengths and angle are coincidence cells. Here every pair is compared by metric tensors:
the coating is deformed onto the facet; C = G_c⁻¹·G_f has the squared principal stretches λ² as eigenvalues, E = (λ² −
1)/2 are the principal Green–Lagrange strains in the plane, and none is assumed across it. The strain that is ranked is
von Mises', √(2/3·Σ(Eᵢ − Ē)²), as pymatgen's ``SubstrateAnalyzer`` has it. All of it falls on the coating, which is
thin.

A match says that the lattices can go on through the interface. It says nothing of the atoms that meet there: which
ones, how strongly bound, whether the plane is charged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lirich.errors import InputError, NotEnoughDataError, UnknownNameError
from lirich.interfaces.planes import Array, Integers, Miller, UnitCell, area_a2, distinct_planes, plane_lattice, reduced

LAYERED_A_A = 2.85
"""Lattice parameter a of the R-3m cell of Li-rich oxides, Å: project reference sheet on interfaces; between LiCoO2
(2.816, doi:10.1107/S0108270184002833) and LiNiO2 (2.878, doi:10.1016/0167-2738(95)00005-Q)."""
LAYERED_C_A = 14.22
"""Lattice parameter c, Å: three times the (003) spacing of 0.474 nm of Yang et al., EES Batteries 2 (2026) 377,
doi:10.1039/d5eb00167f, section 3 (record 42 of the carried literature)."""

FACETS: Mapping[str, Miller] = {"003": (0, 0, 3), "104": (1, 0, 4), "010": (0, 1, 0), "110": (1, 1, 0)}
"""Facets of a layered oxide crystal in hexagonal R-3m indices: the basal plane, which lithium does not cross, and three
that it does."""

MAX_AREA_A2 = 200.0
"""Largest coincidence cell, Å²: that of the reference sheet's recipe."""
MAX_STRAIN = 0.05
"""Largest von Mises strain of a match. The mismatched but known-to-grow pairs of the reference sheet reach 0.028."""


@dataclass(frozen=True, slots=True)
class Match:
    """A coincidence cell of a plane of the coating and a facet.

    ``coating_cells`` and ``facet_cells`` are the multiples of either plane's own cell, ``area_a2`` that of the
    coincidence cell on the facet. ``strain`` is von Mises', ``principal`` are the two Green–Lagrange strains in the
    plane, ``along`` the relative changes of length of the two edges of the coating's cell (+ is stretched),
    ``angle_degrees`` the change of the angle between them. ``coating_transformation`` and ``facet_transformation``
    (rows are the edges) make the coincidence cell from the reduced cells of the planes.
    """

    coating_plane: Miller
    coating_cells: int
    facet_cells: int
    area_a2: float
    strain: float
    principal: tuple[float, float]
    along: tuple[float, float]
    angle_degrees: float
    coating_transformation: tuple[tuple[int, int], tuple[int, int]]
    facet_transformation: tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CoatingMatch:
    """All that a coating offers on a facet.

    ``matches`` is the front of area against strain, the smallest cell first: each later one is larger and less
    strained. Large cells match anything, so that the smallest is what two coatings are compared by.
    """

    coating: str
    facet: str
    matches: tuple[Match, ...]
    limits: str

    @property
    def smallest(self) -> Match:
        """The smallest coincidence cell. Raises `lirich.errors.NotEnoughDataError` where there is none."""
        if not self.matches:
            raise NotEnoughDataError(
                f"{self.coating} has no coincidence cell on ({self.facet})",
                expected=f"one within {self.limits}",
                advice="It would grow without a common lattice, if at all; or allow more area or strain",
            )
        return self.matches[0]


def layered_cell(a_a: float = LAYERED_A_A, c_a: float = LAYERED_C_A) -> UnitCell:
    """Return the R-3m cell of a layered cathode; lengths in Å, as measured at the state of charge that is meant.

    Raises `lirich.errors.InputError` for lengths that no layered oxide has.
    """
    if not (2.5 < a_a < 3.3 and 12.0 < c_a < 18.0):
        raise InputError(
            f"A layered oxide with a = {a_a:g} Å and c = {c_a:g} Å",
            expected="a of 2.5 to 3.3 Å and c of 12 to 18 Å",
            advice="Give both in Å, on hexagonal axes",
        )
    return UnitCell(a_a, a_a, c_a, gamma=120.0, centring="R")


def match(
    coating: str,
    cell: UnitCell,
    facet: str = "003",
    cathode: UnitCell | None = None,
    *,
    max_area_a2: float = MAX_AREA_A2,
    max_strain: float = MAX_STRAIN,
    max_index: int = 2,
) -> CoatingMatch:
    """Match the planes of a coating's cell with a facet of the cathode.

    Parameters
    ----------
    coating, cell:
        Name of the coating, and its conventional cell.
    facet:
        One of `FACETS`.
    cathode:
        Its cell (`layered_cell`); the default one where it is not given.
    max_area_a2, max_strain:
        Largest coincidence cell, Å², and largest von Mises strain.
    max_index:
        Largest Miller index of the coating's planes.

    Raises
    ------
    lirich.errors.UnknownNameError
        For a facet that is not in `FACETS`.
    lirich.errors.InputError
        For limits out of range, or where already one cell of the facet is larger than *max_area_a2*.
    """
    if facet not in FACETS:
        raise UnknownNameError.of("facet", facet, FACETS)
    if not 0.0 < max_strain <= 0.2:
        raise InputError(f"A largest strain of {max_strain:g}", expected="more than 0, at most 0.2; 5 % is 0.05")
    if not 0.0 < max_area_a2 <= 2000.0:
        raise InputError(f"A largest area of {max_area_a2:g} Å²", expected="more than 0, at most 2000 Å²")
    ground = plane_lattice(cathode or layered_cell(), FACETS[facet])
    if area_a2(ground) > max_area_a2:
        raise InputError(
            f"One cell of ({facet}) has {area_a2(ground):.0f} Å²", expected=f"at most {max_area_a2:g} Å², as asked for"
        )
    found = [
        m
        for plane, lattice in distinct_planes(cell, max_index).items()
        for m in _matches(plane, lattice, ground, max_area_a2, max_strain)
    ]
    limits = f"{max_area_a2:g} Å², a von Mises strain of {max_strain:.1%} and indices up to {max_index}"
    return CoatingMatch(coating, facet, _front(found), limits)


def rank_matches(matches: Iterable[CoatingMatch]) -> list[CoatingMatch]:
    """Sort coatings on one facet by the strain of the smallest coincidence cell; those without any are last."""
    return sorted(matches, key=lambda m: (not m.matches, m.matches[0].strain if m.matches else 0.0, m.coating))


def strains(stretch_trace: Array, stretch_determinant: Array) -> tuple[Array, Array, Array]:
    """Return von Mises' and the two principal Green–Lagrange strains from trace and determinant of C = G_c⁻¹·G_f."""
    half = stretch_trace / 2.0
    root = np.sqrt(np.maximum(half**2 - stretch_determinant, 0.0))
    large, small = (half + root - 1.0) / 2.0, (half - root - 1.0) / 2.0
    mises = np.sqrt(np.maximum(2.0 / 3.0 * (large**2 + small**2 - (large + small) ** 2 / 3.0), 0.0))
    return mises, large, small


_BASES: Integers = np.array(
    [[[a, b], [c, d]] for a, b, c, d in product((0, 1, -1), repeat=4) if a * d - b * c in (1, -1) and (a, b) > (0, -1)],
    dtype=np.int64,
)
"""Other bases of one lattice, near its reduced one: two lattices may be nearly alike and their reduced cells not. Of a
basis and its opposite one is enough."""


def _matches(plane: Miller, coating: Array, facet: Array, max_area: float, max_strain: float) -> list[Match]:
    # Von Mises ≥ 2/3 of the mean strain in the plane, so that areas cannot differ by more than this.
    most = 1.0 + 3.0 * max_strain
    least = max(1.0 - 3.0 * max_strain, 0.1)
    found: list[Match] = []
    own, other = area_a2(coating), area_a2(facet)
    best = max_strain
    for there in range(1, int(max_area / other) + 1):
        for here in range(max(1, int(there * other / own / most)), int(there * other / own / least) + 2):
            if not least <= (there * other) / (here * own) <= most:
                continue
            one = _best(coating, here, facet, there, best)
            if one is not None:
                strain, indices = one
                found.append(_described(plane, coating, here, facet, there, strain, indices))
                best = strain
    return found


Indices = tuple[Integers, Integers]


def _best(coating: Array, here: int, facet: Array, there: int, below: float) -> tuple[float, Indices] | None:
    """Return the least strained pair of superlattices of these multiples and their matrices, if it is below *below*."""
    ours, our_matrices = _superlattices(_key(coating), here)
    theirs, their_matrices = _superlattices(_key(facet), there)
    turned = _BASES[None] @ theirs[:, None] @ _BASES.transpose(0, 2, 1)[None]
    inverse = np.linalg.inv(ours)
    of_ours = np.stack([inverse[:, 0, 0], 2.0 * inverse[:, 0, 1], inverse[:, 1, 1]], axis=1)
    of_theirs = np.stack([turned[:, :, 0, 0], turned[:, :, 0, 1], turned[:, :, 1, 1]], axis=0)
    trace = np.tensordot(of_ours, of_theirs, axes=1)
    # All pairs here have one determinant of C; at a given one von Mises' strain grows with the trace (above ½).
    f, k, u = np.unravel_index(int(np.argmin(trace)), trace.shape)
    determinant = np.linalg.det(theirs[k]) / np.linalg.det(ours[f])
    mises = float(strains(trace[f, k, u], determinant)[0])
    # A larger cell that repeats a smaller one is as strained as that one: it must be better by more than rounding.
    if mises > below - 1e-9:
        return None
    return mises, (our_matrices[f], _BASES[u] @ their_matrices[k])


def _described(
    plane: Miller, coating: Array, here: int, facet: Array, there: int, strain: float, indices: Indices
) -> Match:
    ours = indices[0] @ coating @ indices[0].T
    theirs = indices[1] @ facet @ indices[1].T
    ratio = np.linalg.inv(ours) @ theirs
    _, large, small = strains(np.array(np.trace(ratio)), np.array(np.linalg.det(ratio)))
    along = np.sqrt(np.diag(theirs) / np.diag(ours)) - 1.0
    return Match(
        coating_plane=plane,
        coating_cells=here,
        facet_cells=there,
        area_a2=there * area_a2(facet),
        strain=strain,
        principal=(float(large), float(small)),
        along=(float(along[0]), float(along[1])),
        angle_degrees=_angle(theirs) - _angle(ours),
        coating_transformation=_rows(indices[0]),
        facet_transformation=_rows(indices[1]),
    )


def _rows(matrix: Integers) -> tuple[tuple[int, int], tuple[int, int]]:
    (a, b), (c, d) = matrix.tolist()
    return (a, b), (c, d)


def _angle(metric: NDArray[np.float64]) -> float:
    return float(np.degrees(np.arccos(metric[0, 1] / np.sqrt(metric[0, 0] * metric[1, 1]))))


def _key(metric: Array) -> tuple[float, float, float]:
    return float(metric[0, 0]), float(metric[0, 1]), float(metric[1, 1])


@lru_cache(maxsize=4096)
def _superlattices(metric: tuple[float, float, float], multiple: int) -> tuple[Array, Integers]:
    """Return the distinct superlattices of that multiple, reduced, and the matrices that make them.

    Every superlattice has one matrix [[i, j], [0, n/i]] with 0 ≤ j < n/i (Hermite's normal form).
    """
    g = np.array([[metric[0], metric[1]], [metric[1], metric[2]]])
    matrices = np.array(
        [
            [[i, j], [0, multiple // i]]
            for i in range(1, multiple + 1)
            if multiple % i == 0
            for j in range(multiple // i)
        ],
        dtype=np.int64,
    )
    small, turn = reduced(matrices @ g @ matrices.transpose(0, 2, 1))
    _, first = np.unique(np.round(small.reshape(-1, 4), 5), axis=0, return_index=True)
    return small[first], (turn @ matrices)[first]


def _front(found: list[Match]) -> tuple[Match, ...]:
    front: list[Match] = []
    for one in sorted(found, key=lambda m: (round(m.area_a2, 6), m.strain, m.coating_plane)):
        if not front or one.strain < front[-1].strain - 1e-9:
            front.append(one)
    return tuple(front)
