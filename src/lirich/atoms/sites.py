"""Sites of an oxide: which are alike, by symmetry or by neighbourhood, each with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import spglib
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import ANION_RADIUS_A, anion_counts
from lirich.atoms.layers import METAL_REACH_A, Layers, counted, layer_labels, layers_of
from lirich.atoms.oxidation import symbols_of
from lirich.errors import StructureError

BOND_A = 2.6
"""Cation and anion are bonded within this distance, Å: Li-O reaches 2.3, Mn3+-O 2.3; the second shell begins at 3.2."""


@dataclass(frozen=True, slots=True)
class Site:
    """Alike sites of a structure.

    ``index`` is the one that stands for all ``members``; ``orbits`` is how many sets of sites that are equal by
    symmetry are among them; ``coordination`` counts bonded ions of the other sign by name; ``near_dopant`` says that
    a dopant is bonded (of anions) or shares an edge (of cations).
    """

    index: int
    members: tuple[int, ...]
    element: str
    layer: str
    name: str
    coordination: dict[str, int]
    orbits: int
    near_dopant: bool


def coordination(structure: Structure, index: int) -> int:
    """Return how many anions a cation has in its first shell (see `lirich.atoms.endstates.anion_counts`)."""
    return anion_counts(structure)[index]


def distinct_sites(
    structure: Structure,
    element: str | None = None,
    *,
    layer: str | None = None,
    by: Literal["neighbourhood", "symmetry"] = "neighbourhood",
    dopants: Sequence[int] | None = None,
    symprec: float = 0.05,
) -> list[Site]:
    """Return the distinct sites of *element* in *layer*, those next to a dopant first, then the most frequent.

    By ``neighbourhood``, sites with the same bonded ions (named with their layer; of cations also the cations that
    share an edge) and the same nearness to a dopant are alike, whatever lies beyond: in an ordered cell without
    symmetry that is what is left to be alike. By ``symmetry``, only sites that spglib maps onto each other within
    *symprec*, Å. *dopants* are indices of atoms; if ``None``, those with the site property ``role`` of ``dopant``.
    """
    symbols = symbols_of(structure)
    layers = _layers_or_none(structure)
    labels = layer_labels(symbols, layers)
    roles = structure.site_properties.get("role")
    special = set(dopants) if dopants is not None else {i for i, r in enumerate(roles or ()) if r == "dopant"}
    bonded, edged = _neighbours(structure, symbols)
    orbit = _orbits(structure, symbols, symprec)
    wanted = [
        i
        for i, s in enumerate(symbols)
        if (element is None or s == element) and (layer is None or (layers is not None and layers.names[i] == layer))
    ]
    groups: dict[object, list[int]] = {}
    described = {}
    for i in wanted:
        own = symbols[i] in ANION_RADIUS_A
        around = bonded[i] if own else edged[i]
        near = sorted(symbols[j] for j in around if j in special and j != i)
        counts = Counter(labels[j] for j in around)
        described[i] = (_site_name(labels[i], counts, near), dict(Counter(labels[j] for j in bonded[i])), bool(near))
        anions = tuple(sorted(Counter(labels[j] for j in bonded[i]).items()))
        key = (labels[i], tuple(sorted(counts.items())), anions, tuple(near), i in special)
        groups.setdefault(orbit[i] if by == "symmetry" else key, []).append(i)
    found = [
        Site(
            index=members[0],
            members=tuple(members),
            element=symbols[members[0]],
            layer=str(layers.names[members[0]]) if layers is not None else "",
            name=described[members[0]][0],
            coordination=described[members[0]][1],
            orbits=len({orbit[i] for i in members}),
            near_dopant=described[members[0]][2],
        )
        for members in groups.values()
    ]
    found.sort(key=lambda s: (not s.near_dopant, -len(s.members), s.name, s.index))
    return _uniquely_named(found)


def _layers_or_none(structure: Structure) -> Layers | None:
    try:
        return layers_of(structure)
    except StructureError:
        return None


def _neighbours(structure: Structure, symbols: Sequence[str]) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each atom the bonded ions of the other sign, and those of its own sign that share an edge with it."""
    anion = [s in ANION_RADIUS_A for s in symbols]
    bonded: list[list[int]] = [[] for _ in symbols]
    edged: list[list[int]] = [[] for _ in symbols]
    centres, others, _, distances = structure.get_neighbor_list(METAL_REACH_A)
    for i, j, d in zip(centres.tolist(), others.tolist(), distances.tolist(), strict=True):
        if anion[i] != anion[j]:
            if d < BOND_A:
                bonded[i].append(j)
        else:
            edged[i].append(j)
    return bonded, edged


def _orbits(structure: Structure, symbols: Sequence[str], symprec: float) -> list[int]:
    numbers = [site.specie.Z for site in structure]
    found = spglib.get_symmetry_dataset(
        (structure.lattice.matrix.tolist(), structure.frac_coords.tolist(), numbers), symprec=symprec
    )
    return list(range(len(symbols))) if found is None else [int(i) for i in found.equivalent_atoms]


def _site_name(label: str, counts: Counter[str], near: Sequence[str]) -> str:
    beside = f", next to {' and '.join(near)}" if near else ""
    return f"{label}: {counted(counts)}{beside}"


def _uniquely_named(sites: list[Site]) -> list[Site]:
    """Number the sites that share a name: those of unlike symmetry or coordination."""
    twice = Counter(s.name for s in sites)
    used: Counter[str] = Counter()
    named = []
    for site in sites:
        name = site.name
        if twice[name] > 1:
            used[name] += 1
            name = f"{name} ({used[name]})"
        named.append(
            Site(
                site.index,
                site.members,
                site.element,
                site.layer,
                name,
                site.coordination,
                site.orbits,
                site.near_dopant,
            )
        )
    return named
