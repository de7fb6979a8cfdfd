"""Empty places between the anions of a layered oxide: where an interstitial dopant sits and a metal migrates to."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import ANION_RADIUS_A
from lirich.atoms.layers import METAL_REACH_A, counted, layer_labels, layers_of
from lirich.atoms.oxidation import symbols_of

Array = NDArray[np.float64]

ANION_REACH_A = 3.5
"""Anions that share an edge of an octahedron are 2.5-3.2 Å apart (3.4 across the slab of a charged crystal), those
opposite each other in it about 4.1."""
OCCUPIED_A = 1.0
"""An empty place has no cation within this distance, Å: about half the way to the next place (1.7 Å)."""
FACE_REACH_A = 2.2
"""Cations whose octahedra share a face with an empty tetrahedron are about 1.7 Å from its middle, the next 3.3 Å."""


@dataclass(frozen=True, slots=True)
class Interstice:
    """Alike empty places between anions: fractional coordinates of each, the first standing for all."""

    frac_coords: tuple[tuple[float, float, float], ...]
    kind: Literal["tetrahedral", "octahedral"]
    layer: str
    name: str
    anions: tuple[int, ...]
    nearest_cation_a: float


def interstices(
    structure: Structure, kind: Literal["tetrahedral", "octahedral"] = "tetrahedral", *, layer: str | None = None
) -> list[Interstice]:
    """Return the empty tetrahedra or octahedra of anions of a layered oxide, alike ones together.

    A tetrahedron is four anions that are all neighbours (within `ANION_REACH_A`), an octahedron two anions beyond that
    with four common neighbours in a ring; the place is the mean of the corners. It is empty if no cation is within
    `OCCUPIED_A` of it. Alike are places of a layer with the same cations around them (those whose polyhedra share
    a face with a tetrahedral place, an edge with an octahedral one).

    Raises as `lirich.atoms.layers.layers_of`.
    """
    symbols = symbols_of(structure)
    layers = layers_of(structure)
    labels = layer_labels(symbols, layers)
    anions = [i for i, s in enumerate(symbols) if s in ANION_RADIUS_A]
    cations = [i for i, s in enumerate(symbols) if s not in ANION_RADIUS_A]
    corners = _tetrahedra(structure, anions) if kind == "tetrahedral" else _octahedra(structure, anions)
    lattice = structure.lattice
    groups: dict[tuple[str, tuple[tuple[str, int], ...]], list[tuple[Array, tuple[int, ...], float]]] = {}
    reach = FACE_REACH_A if kind == "tetrahedral" else METAL_REACH_A
    for place, around in corners:
        frac = lattice.get_fractional_coords(place) % 1.0
        near = structure.get_sites_in_sphere(place, reach)
        distances = lattice.get_all_distances([frac], structure.frac_coords[cations])[0]
        nearest = float(distances.min())
        if nearest < OCCUPIED_A:
            continue
        where: str = layers.at(place)
        if layer is not None and where != layer:
            continue
        counts = Counter(labels[s.index] for s in near if s.index in cations)
        groups.setdefault((where, tuple(sorted(counts.items()))), []).append((frac, around, nearest))
    found = []
    for (where, around_it), places in groups.items():
        shares = "faces shared with" if kind == "tetrahedral" else "edges shared with"
        words = counted(dict(around_it))
        found.append(
            Interstice(
                frac_coords=tuple(tuple(float(x) for x in f) for f, _, _ in places),  # type: ignore[misc]
                kind=kind,
                layer=where,
                name=f"{kind}, {where} layer" + (f": {shares} {words}" if words else ""),
                anions=places[0][1],
                nearest_cation_a=min(n for _, _, n in places),
            )
        )
    return sorted(found, key=lambda f: (f.layer, -len(f.frac_coords), f.name))


def _anion_graph(
    structure: Structure, anions: Sequence[int], reach: float
) -> tuple[Array, list[tuple[int, int, Array]]]:
    """Return positions of the anions and, for each pair within *reach*, both and the vector."""
    positions = structure.cart_coords[list(anions)]
    lattice = structure.lattice
    part = Structure(lattice, ["O"] * len(anions), structure.frac_coords[list(anions)])
    centres, others, images, _ = part.get_neighbor_list(reach)
    steps = (part.frac_coords[others] + images - part.frac_coords[centres]) @ lattice.matrix
    return positions, [(int(i), int(j), v) for i, j, v in zip(centres, others, steps, strict=True)]


def _tetrahedra(structure: Structure, anions: Sequence[int]) -> list[tuple[Array, tuple[int, ...]]]:
    """Return centre (Cartesian, Å) and corners of each set of four anions that are all neighbours, each once."""
    positions, pairs = _anion_graph(structure, anions, ANION_REACH_A)
    around: list[list[tuple[int, Array]]] = [[] for _ in anions]
    for i, j, step in pairs:
        around[i].append((j, step))
    found: dict[tuple[float, ...], tuple[Array, tuple[int, ...]]] = {}
    for i, near in enumerate(around):
        steps = np.array([s for _, s in near])
        distances = np.linalg.norm(steps[:, None] - steps[None], axis=2)
        linked = distances < ANION_REACH_A
        for a, b, c in itertools.combinations(range(len(near)), 3):
            if linked[a, b] and linked[a, c] and linked[b, c]:
                place = positions[i] + (steps[a] + steps[b] + steps[c]) / 4.0
                corners = (anions[i], *(anions[near[k][0]] for k in (a, b, c)))
                found.setdefault(_key(structure, place), (place, corners))
    return list(found.values())


def _octahedra(structure: Structure, anions: Sequence[int]) -> list[tuple[Array, tuple[int, ...]]]:
    """Return centre (Cartesian, Å) and corners of each octahedron of anions, each once."""
    positions, pairs = _anion_graph(structure, anions, 4.8)
    around: list[list[tuple[int, Array]]] = [[] for _ in anions]
    for i, j, step in pairs:
        around[i].append((j, step))
    found: dict[tuple[float, ...], tuple[Array, tuple[int, ...]]] = {}
    for i, near in enumerate(around):
        for _, across in near:
            if np.linalg.norm(across) < ANION_REACH_A:
                continue
            ring = [
                (j, s)
                for j, s in near
                if np.linalg.norm(s) < ANION_REACH_A and np.linalg.norm(s - across) < ANION_REACH_A
            ]
            if len(ring) < 4:
                continue
            opposite = next(j for j, s in near if s is across)
            place = positions[i] + (across + sum(s for _, s in ring)) / (2.0 + len(ring))
            corners = (anions[i], anions[opposite], *(anions[j] for j, _ in ring))
            found.setdefault(_key(structure, place), (place, corners))
    return list(found.values())


def _key(structure: Structure, place: Array) -> tuple[float, ...]:
    """Return what tells one place of the cell from another: its fractional coordinates to about 0.05 Å."""
    frac = structure.lattice.get_fractional_coords(place)
    grid = np.array(structure.lattice.abc) * 10.0
    return tuple(float(x) for x in np.rint((frac % 1.0) * grid) % np.rint(grid))
