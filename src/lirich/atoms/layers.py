"""Layers of a layered oxide: which atom lies in which.

Layers are found by geometry, so that they outlive delithiation, migration and a turned cell. The normal is the
direction in which the metals have the fewest neighbours of their own layer; the planes of anions perpendicular to it
bound slabs; a slab that holds metals is a TM layer, its neighbours are Li layers. In a small cell a dopant in the
lithium layer ties the layers together: there the metals without the scarcest elements say the direction, if they all
lie in TM layers then.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import ANION_RADIUS_A
from lirich.atoms.oxidation import symbols_of
from lirich.errors import StructureError

Array = NDArray[np.float64]
LayerName = Literal["Li", "TM", "O"]

METAL_REACH_A = 3.4
"""Cations that share an edge of their octahedra are 2.8-3.1 Å apart in layered oxides, those beyond 4.0 Å or more."""
MOST_METALS = 0.8
"""Share of the metals that must say where the layers are. Of fewer, some lie in planes by chance: three of five metals,
in a cell of rock salt of 24 atoms."""
ALKALI = frozenset({"Li", "Na", "K"})


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of a structure: ``names``, shape (atoms,), the unit ``normal``, shape (3,), and slabs along it.

    ``spacing_a`` is the mean distance of neighbouring TM layers, Å.
    """

    names: NDArray[np.str_]
    normal: Array
    spacing_a: float
    period_a: float
    bounds_a: tuple[float, ...]
    slabs: tuple[LayerName, ...]

    def at(self, position: Array) -> LayerName:
        """Return the layer whose slab holds a Cartesian *position*, shape (3,), Å."""
        return self.slabs[_slab(float(position @ self.normal) % self.period_a, self.bounds_a)]


def layers_of(structure: Structure) -> Layers:
    """Return the layers of a layered oxide.

    Raises `lirich.errors.StructureError` where there are none: no anions, or metals with neighbours on all sides as in
    rock salt and spinel.
    """
    symbols = symbols_of(structure)
    anions = np.array([s in ANION_RADIUS_A for s in symbols])
    metals = np.array([s not in ANION_RADIUS_A and s not in ALKALI for s in symbols])
    if not anions.any() or not metals.any():
        raise StructureError(f"{structure.composition.reduced_formula} has no layers of metal and oxygen")
    across, asked = _across(structure, metals)
    miller = _plane_normal(structure, across)
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic
    vector = reciprocal.get_cartesian_coords(miller)
    period = 1.0 / float(np.linalg.norm(vector))
    normal = vector * period
    heights = (structure.cart_coords @ normal) % period
    bounds = _planes(heights[anions], period)
    names: NDArray[np.str_] = np.full(len(structure), "O", dtype="<U2")
    inside = {i: _slab(heights[i], bounds) for i in np.flatnonzero(~anions)}
    filled = Counter(inside[i] for i in np.flatnonzero(metals))
    most = max(filled.values())
    slabs: list[LayerName] = ["TM" if filled[k] > 0.5 * most else "Li" for k in range(len(bounds))]
    if "Li" not in slabs or any(slabs[k] == slabs[k - 1] for k in range(len(slabs))):
        raise StructureError(
            f"The slabs between the anions of {structure.composition.reduced_formula} do not take turns: "
            f"{', '.join(slabs)}",
            expected="a layered oxide: layers of metal and of lithium, by turns",
        )
    if asked.sum() < metals.sum() and any(slabs[inside[i]] == "Li" for i in np.flatnonzero(asked)):
        raise _on_all_sides(structure)
    for i, slab in inside.items():
        names[i] = slabs[slab]
    return Layers(names, normal, period / slabs.count("TM"), period, bounds, tuple(slabs))


def layer_of(structure: Structure) -> NDArray[np.str_]:
    """Return the layer of each atom, shape (atoms,): ``Li``, ``TM`` or ``O`` (any anion). Raises as `layers_of`."""
    return layers_of(structure).names


def layer_labels(symbols: Sequence[str], layers: Layers | None) -> list[str]:
    """Return each atom's name: its element, with the layer where it is not at home there (``Li(TM)``, ``Mn(Li)``)."""
    if layers is None:
        return list(symbols)
    home = ["O" if s in ANION_RADIUS_A else "Li" if s in ALKALI else "TM" for s in symbols]
    return [s if h == n else f"{s}({n})" for s, h, n in zip(symbols, home, layers.names, strict=True)]


def counted(counts: Mapping[str, int]) -> str:
    """Return ``2 Li + 1 Li(TM) + 3 Mn``: lithium first, the others by name."""
    first = {"Li": 0, "Li(TM)": 1}
    return " + ".join(f"{counts[k]} {k}" for k in sorted(counts, key=lambda k: (first.get(k, 2), k)))


def _plane_normal(structure: Structure, across: Array) -> tuple[int, int, int]:
    """Return the Miller indices of the layers: those of the cell's planes that lie best *across* that unit vector."""
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic
    shortest, chosen = np.inf, (0, 0, 0)
    span = range(-6, 7)
    for miller in itertools.product(span, span, span):
        if miller[::-1] <= (0, 0, 0):
            continue  # the negative of another plane
        vector = reciprocal.get_cartesian_coords(miller)
        length = float(np.linalg.norm(vector))
        # Of the planes within 14° the one of the longest period: planes of high index come nearer by chance.
        if length < shortest - 1e-9 and abs(float(vector @ across)) > 0.97 * length:
            shortest, chosen = length, miller
    if chosen == (0, 0, 0):
        raise StructureError(f"No lattice plane of {structure.composition.reduced_formula} lies along its metals")
    return chosen


def _across(structure: Structure, metals: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_]]:
    """Return the unit vector, shape (3,), along which *metals* have the fewest neighbours, and those that say so.

    Where they have neighbours on all sides, the scarcest elements are left out, as long as `MOST_METALS` remain.
    """
    symbols = np.array(symbols_of(structure))
    centres, others, images, distances = structure.get_neighbor_list(METAL_REACH_A)
    bonds = metals[centres] & metals[others] & (distances > 0.1)
    if bonds.sum() < 4:
        raise StructureError(
            f"The metals of {structure.composition.reduced_formula} have no neighbours",
            expected="edge-sharing octahedra, as in layered oxides",
        )
    scarcest = [element for element, _ in sorted(Counter(symbols[metals]).items(), key=lambda pair: (pair[1], pair[0]))]
    for number in range(len(scarcest)):
        asked = metals & ~np.isin(symbols, scarcest[:number])
        kept = bonds & asked[centres] & asked[others]
        if asked.sum() < MOST_METALS * metals.sum() or kept.sum() < 4:
            break
        steps = (
            structure.frac_coords[others[kept]] + images[kept] - structure.frac_coords[centres[kept]]
        ) @ structure.lattice.matrix
        values, vectors = np.linalg.eigh(steps.T @ steps / len(steps))
        if values[0] <= 0.5 * values[1]:
            return vectors[:, 0], asked
    raise _on_all_sides(structure)


def _on_all_sides(structure: Structure) -> StructureError:
    formula = structure.composition.reduced_formula
    return StructureError(f"{formula} is not layered: its metals have neighbours on all sides")


def _planes(heights: Array, period: float) -> tuple[float, ...]:
    """Return the mean heights of the planes that *heights*, on a circle of *period*, gather in."""
    order = np.sort(heights)
    gaps = np.diff(np.append(order, order[0] + period))
    start = int(gaps.argmax()) + 1
    turned = np.concatenate([order[start:], order[:start] + period])
    groups: list[list[float]] = [[float(turned[0])]]
    for height in turned[1:]:
        if height - groups[-1][-1] > 0.8:  # planes are 2.1-2.7 Å apart, their roughness is below 0.5 Å
            groups.append([])
        groups[-1].append(float(height))
    return tuple(sorted(float(np.mean(g)) % period for g in groups))


def _slab(height: float, bounds: Sequence[float]) -> int:
    """Return which slab holds *height*: slab ``k`` lies over plane ``k``, the last closes the circle."""
    return (int(np.searchsorted(bounds, height)) - 1) % len(bounds)
