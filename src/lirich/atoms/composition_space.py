"""A space of compositions between corners, its points that a cell holds exactly, and features of a composition.

The usual corners are those of the Li-rich layered oxides: Li2MnO3 (as Li4/3Mn2/3O2), LiNi0.5Mn0.5O2 and LiCoO2, the
mixtures of which keep Ni2+, Co3+ and Mn4+ (Lu & Dahn, J. Electrochem. Soc. 149, A815 (2002), doi:10.1149/1.1480014).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from lirich.atoms.oxidation import balanced, ionic_radius_a
from lirich.errors import CompositionError
from lirich.model import Composition
from lirich.model.composition import ANIONS

Array = NDArray[np.float64]

LI_RICH = ("Li2MnO3", "LiNi0.5Mn0.5O2", "LiCoO2")
"""The corners of the Li-rich layered oxides."""
ATOMS = 48
"""The smallest cell that is whole numbers of a layered cell (12 atoms) and of a spinel cell (16 atoms)."""
NEAR = 1e-6
MIXED = 0.01
"""Atoms per two anions by which a formula, rounded as people write them, may miss its mixture."""

COMPOSITION_FEATURES: Mapping[str, str] = {
    "metal_radius_a": "mean ionic radius of the cations other than lithium, Å",
    "metal_radius_spread_a": "standard deviation of their radii, Å",
    "metal_charge": "mean charge of the cations other than lithium, e",
    "metal_charge_spread": "standard deviation of their charges, e",
    "lithium_per_metal": "lithium over the other cations",
    "manganese_share": "share of Mn in the cations other than lithium",
    "nickel_share": "share of Ni in them",
    "cobalt_share": "share of Co in them",
}
"""What the phase preference is learned from; radii are Shannon's in six-fold coordination."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mixture of the corners: its ``shares``, which sum to 1, and the composition per two anions."""

    shares: tuple[float, ...]
    composition: Composition


@dataclass(frozen=True, slots=True)
class CompositionSpace:
    """All mixtures of *corners*, formulas of as many cations as anions; shares count two anions of each corner."""

    corners: tuple[str, ...] = LI_RICH

    def at(self, shares: Sequence[float]) -> Point:
        """Return the mixture of these *shares*, one for each corner.

        Raises `lirich.errors.CompositionError` where they are not shares, or a corner is no such oxide.
        """
        if len(shares) != len(self.corners) or min(shares) < -NEAR or abs(sum(shares) - 1.0) > NEAR:
            raise CompositionError(
                f"Shares {tuple(shares)} of {len(self.corners)} corners", expected="one for each, from 0, summing to 1"
            )
        amounts: dict[str, float] = {}
        for share, corner in zip(shares, self.corners, strict=True):
            for element, n in _per_two_anions(corner).items():
                amounts[element] = amounts.get(element, 0.0) + share * n
        kept = {element: n for element, n in amounts.items() if n > NEAR and element not in ANIONS}
        kept |= {element: n for element, n in amounts.items() if n > NEAR and element in ANIONS}
        formula = "".join(f"{element}{'' if abs(n - 1.0) < NEAR else f'{n:.4g}'}" for element, n in kept.items())
        return Point(tuple(float(s) for s in shares), Composition(formula=formula, amounts=kept))

    def holding(self, formula: str) -> Point:
        """Return the mixture that is *formula*, to 0.01 atoms per two anions, under that name.

        Its shares are the non-negative ones of the least squares. Raises `lirich.errors.CompositionError` where it does
        not lie between the corners.
        """
        wanted = _per_two_anions(formula)
        columns = [_per_two_anions(corner) for corner in self.corners]
        elements = list(dict.fromkeys(el for each in (wanted, *columns) for el in each))
        matrix = np.array([[column.get(el, 0.0) for column in columns] for el in elements])
        shares, _ = nnls(matrix, np.array([wanted.get(el, 0.0) for el in elements]))
        off = {el: wanted.get(el, 0.0) - float(row @ shares) for el, row in zip(elements, matrix, strict=True)}
        far = max(off, key=lambda el: abs(off[el]))
        if abs(off[far]) > MIXED:
            raise CompositionError(
                f"{formula} lies not between {', '.join(self.corners)}: {abs(off[far]):.2g} {far} "
                f"too {'much' if off[far] > 0 else 'little'} at the nearest mixture",
                expected="a mixture of the corners",
            )
        mixed = self.at(shares / shares.sum())
        return Point(mixed.shares, mixed.composition.model_copy(update={"formula": formula}))

    def grid(self, steps: int) -> list[Point]:
        """Return the mixtures whose shares are whole numbers of 1/*steps*."""
        found = [
            self.at([k / steps for k in counts])
            for counts in itertools.product(range(steps + 1), repeat=len(self.corners))
            if sum(counts) == steps
        ]
        return found[::-1]

    def points(self, atoms: int = ATOMS) -> list[Point]:
        """Return the mixtures that a cell of so many atoms holds without rounding.

        Of those whose shares are whole numbers of the cell's units of two anions.
        """
        units = atoms // 4
        return [
            point
            for point in self.grid(units)
            if all(abs(units * n - round(units * n)) < NEAR for n in point.composition.amounts.values())
        ]


def spread_out(points: Sequence[Point], number: int, *, known: Sequence[Point] = ()) -> list[Point]:
    """Return *number* of *points* that lie far from each other and from *known* ones.

    The corner nearest to the first comes first, then always the point whose nearest chosen one is farthest (Gonzalez,
    Theor. Comput. Sci. 38, 293 (1985), doi:10.1016/0304-3975(85)90224-5), by shares.
    """
    places = np.array([p.shares for p in points]).reshape(len(points), -1)
    if len(points) == 0:
        return []
    if known:
        start = np.array([p.shares for p in known])
        nearest = np.linalg.norm(places[:, None] - start[None], axis=2).min(axis=1)
    else:
        nearest = places[:, 0] + np.sqrt(2.0)
    chosen: list[Point] = []
    while len(chosen) < min(number, len(points)):
        best = int(nearest.round(9).argmax())
        if chosen and nearest[best] < NEAR:
            break
        away = np.linalg.norm(places - places[best], axis=1)
        nearest = away if not (chosen or known) else np.minimum(nearest, away)
        chosen.append(points[best])
    return chosen


def composition_features(composition: Composition) -> Array:
    """Return the features of a composition, shape (features,), in the order of `COMPOSITION_FEATURES`.

    States are those of `lirich.atoms.oxidation.balanced`. Raises `lirich.errors.NotNeutralError` where it has none,
    `lirich.errors.CompositionError` without a metal, `lirich.errors.UnknownNameError` without a radius.
    """
    states = balanced(composition.amounts).states
    ions = [
        (element, charge, n)
        for element, counts in states.items()
        if element not in ANIONS and element != "Li"
        for charge, n in counts.items()
    ]
    if not ions:
        raise CompositionError(f"{composition.formula} has no metal but lithium", expected="a lithium metal oxide")
    weights = np.array([n for *_, n in ions])
    radii = np.array([ionic_radius_a(element, charge) for element, charge, _ in ions])
    charges = np.array([float(charge) for _, charge, _ in ions])
    total = float(weights.sum())
    share = {el: sum(n for element, _, n in ions if element == el) / total for el in ("Mn", "Ni", "Co")}
    return np.array(
        [
            *_mean_and_spread(radii, weights),
            *_mean_and_spread(charges, weights),
            composition.amount("Li") / total,
            *share.values(),
        ]
    )


def _mean_and_spread(values: Array, weights: Array) -> tuple[float, float]:
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _per_two_anions(formula: str) -> dict[str, float]:
    amounts = Composition.parse(formula).amounts
    anions = sum(n for element, n in amounts.items() if element in ANIONS)
    cations = sum(amounts.values()) - anions
    if anions == 0 or abs(cations / anions - 1.0) > NEAR:
        raise CompositionError(
            f"{formula} has {cations:.3g} cations to {anions:.3g} anions",
            expected="as many of both, as in LiMO2 and Li2MnO3",
        )
    return {element: 2.0 * n / anions for element, n in amounts.items()}
