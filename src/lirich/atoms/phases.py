"""The same composition as layered oxide, spinel and rock salt: what a layered cell may turn into.

Spinel-type here is the lithiated spinel (Fd-3m, LT-LiCoO2 type: Gummow et al., Mater. Res. Bull. 28, 1177 (1993),
doi:10.1016/0025-5408(93)90157-9, not checked; "Structure, diffraction and energetic stability of the spinel form of
LiCoO2", MRS Proceedings): the cations of every layered oxide LiMO2 fill the octahedra of the same close-packed
oxygen, Li on 16c and metals on 16d. Rock salt is the same lattice with all cations mixed at random. Energies per atom
compare where the compositions are equal; the rock salt's always is, the spinel's where a small cell can hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from lirich.atoms.hosts import host, layered_metric
from lirich.atoms.lattice import even_supercell
from lirich.atoms.ordering import annealed, ewald_matrix
from lirich.atoms.oxidation import formal_charges, symbols_of
from lirich.atoms.spacegroup import crystal_of_group
from lirich.errors import StructureError

Phase = Literal["spinel", "rock salt"]

LI4MN5O12_A = 8.1616
"""Lattice constant of Li4Mn5O12, Å: Takada et al., J. Solid State Chem. 115, 420 (1995), Rietveld, Fd-3m. Lithium is on
8a and on a sixth of 16d, with Mn (Takada et al., "Structure refinement of Li4Mn5O12 with neutron and X-ray powder
diffraction data", J. Solid State Chem. (1997)); oxygen stands where it does in LiMn2O4 of `lirich.atoms.hosts`."""
_Ion = tuple[str, float]

MOST_CELLS = 6
"""Primitive cells of a spinel at most: 96 atoms, as large as a layered cell of the screening."""


def as_phase(layered: Structure, phase: Phase, *, seed: int = 0, sweeps: int = 200) -> Structure:
    """Return the atoms of a *layered* cell (as many cations as anions) in another order of the same oxygen lattice.

    ``spinel``: primitive cells of 16 atoms, as few (1 to 6) as hold the composition in whole numbers, else as many as
    come nearest to it: compare ``composition``. Metals fill 16d, lithium that is left over joins them, at the lowest
    Ewald energy; oxygen takes up what rounding leaves of charge. ``rock salt``: the cations of *layered* in random
    places of its own cell.

    Sites carry ``charge`` and, for rock salt, keep their ``layer``. Raises `lirich.errors.StructureError` where cations
    and anions are unlike in number.
    """
    symbols = symbols_of(layered)
    charges = formal_charges(layered)
    anions = [i for i, q in enumerate(charges) if q < 0]
    cations = [i for i, q in enumerate(charges) if q > 0]
    if len(anions) != len(cations):
        raise StructureError(
            f"{layered.formula} has {len(cations)} cations to {len(anions)} anions", expected="as many of both"
        )
    if phase == "rock salt":
        return _mixed(layered, symbols, charges, cations, seed)
    return _spinel(symbols, charges, cations, seed, sweeps)


def li4mn5o12(*, seed: int = 0, sweeps: int = 200) -> Structure:
    """Return Li4Mn5O12, the spinel of coatings: three primitive cells of LiMn2O4, 42 atoms, no manganese below 4+.

    On 16d, which lithium and manganese share at random, they stand at the lowest Ewald energy found. Sites carry
    ``charge``.
    """
    cell = host("LiMn2O4").structure()
    cell.scale_lattice(cell.volume * (LI4MN5O12_A / host("LiMn2O4").lattice[0]) ** 3)
    cell.make_supercell(even_supercell(cell.lattice.matrix, 3))
    shared = [i for i, s in enumerate(symbols_of(cell)) if s == "Mn"]
    charges = [{"Li": 1.0, "Mn": 4.0, "O": -2.0}[s] for s in symbols_of(cell)]
    rng = np.random.default_rng(seed)
    for site in rng.permutation(shared)[: len(shared) // 6]:
        charges[site] = 1.0
    order = annealed(ewald_matrix(cell), charges, [shared], rng, sweeps=sweeps)
    charges = [charges[i] for i in order]
    names = ["O" if q < 0 else "Li" if q == 1.0 else "Mn" for q in charges]
    return Structure(cell.lattice, names, cell.frac_coords, site_properties={"charge": charges}).get_sorted_structure(
        key=lambda site: site.specie.X
    )


def _mixed(
    layered: Structure, symbols: Sequence[str], charges: Sequence[float], cations: Sequence[int], seed: int
) -> Structure:
    order = np.random.default_rng(seed).permutation(len(cations))
    names, values = list(symbols), list(charges)
    for site, k in zip(cations, order, strict=True):
        names[site], values[site] = symbols[cations[k]], charges[cations[k]]
    properties: dict[str, list[object]] = {"charge": list(values)}
    if "layer" in layered.site_properties:
        properties["layer"] = list(layered.site_properties["layer"])
    return Structure(layered.lattice, names, layered.frac_coords, site_properties=properties)


def _spinel(
    symbols: Sequence[str], charges: Sequence[float], cations: Sequence[int], seed: int, sweeps: int
) -> Structure:
    ions = sorted(((symbols[i], charges[i]) for i in cations), key=lambda ion: (ion[0] != "Li", ion[1], ion[0]))
    kinds = list(dict.fromkeys(ions))
    cells, counts = min(
        ((n, _rounded(ions, kinds, 8 * n)) for n in range(1, MOST_CELLS + 1)),
        key=lambda try_: (round(_off(ions, kinds, try_[1]), 9), try_[0]),
    )
    filled = [kind for kind, n in zip(kinds, counts, strict=True) for _ in range(n)]
    metals = {s: float(symbols.count(s)) for s in dict.fromkeys(symbols) if s not in ("Li", "O", "F")}
    a = 2.0 * np.sqrt(2.0) * layered_metric(metals).a_a
    cell = crystal_of_group(
        "Fd-3m", Lattice.cubic(a), ["Li", "Mn", "O"], [[0.125] * 3, [0.625] * 3, [0.375] * 3]
    ).get_primitive_structure()  # with 8a at the origin, 16c lies at 1/8, 16d at 5/8, O on 32e at 3/8
    cell.make_supercell(even_supercell(cell.lattice.matrix, cells))
    lithium = [i for i, s in enumerate(cell) if s.specie.symbol == "Li"]
    metal = [i for i, s in enumerate(cell) if s.specie.symbol == "Mn"]
    oxygen = [i for i, s in enumerate(cell) if s.specie.symbol == "O"]
    rng = np.random.default_rng(seed)
    placed: list[tuple[str, float]] = [("O", -2.0)] * len(cell)
    for group, these in ((lithium, filled[: 4 * cells]), (metal, filled[4 * cells :])):
        for site, k in zip(group, rng.permutation(4 * cells), strict=True):
            placed[site] = these[k]
    mean = sum(q for _, q in filled) / len(oxygen)
    for site in oxygen:
        placed[site] = ("O", -mean)
    order = annealed(ewald_matrix(cell), [q for _, q in placed], [lithium, metal], rng, sweeps=sweeps)
    placed = [placed[i] for i in order]
    return Structure(
        cell.lattice,
        [name for name, _ in placed],
        cell.frac_coords,
        site_properties={"charge": [q for _, q in placed]},
    ).get_sorted_structure(key=lambda site: site.specie.X)


def _rounded(ions: Sequence[_Ion], kinds: Sequence[_Ion], places: int) -> list[int]:
    """Return how many of each kind fill *places*, by the largest remainder."""
    exact = [places * ions.count(kind) / len(ions) for kind in kinds]
    counts = [int(x + 1e-9) for x in exact]
    for k in sorted(range(len(kinds)), key=lambda k: counts[k] - exact[k])[: places - sum(counts)]:
        counts[k] += 1
    return counts


def _off(ions: Sequence[_Ion], kinds: Sequence[_Ion], counts: Sequence[int]) -> float:
    """Return the largest difference between the share of a kind in *counts* and in *ions*."""
    total = sum(counts)
    return max(abs(n / total - ions.count(kind) / len(ions)) for kind, n in zip(kinds, counts, strict=True))
