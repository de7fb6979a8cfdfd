"""The crystals of the benchmarks of the atoms room: a Li-rich cell of 60 atoms, and defects of it."""

from __future__ import annotations

import numpy as np
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure


def host() -> Structure:
    """Li18Mn9Ni3O30: R-3m LiMO2 (a 2.87, c 14.26 Å), fifteen formula units, the metals of its layer drawn by a seed."""
    cell = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.87, 14.26), ["Li", "Mn", "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.2585]]
    ).get_primitive_structure()
    cell.make_supercell([[1, 2, 0], [3, -1, -1], [-3, 2, -1]])
    metals = [i for i, site in enumerate(cell) if site.specie.symbol == "Mn"]
    np.random.default_rng(0).shuffle(metals)
    for i in metals[:3]:
        cell.replace(i, "Li")
    for i in metals[3:6]:
        cell.replace(i, "Ni")
    return cell.get_sorted_structure()


def without(base: Structure, *atoms: int) -> Structure:
    copy = base.copy()
    copy.remove_sites(atoms)
    return copy


def migrated(cell: Structure, of: dict[str, list[int]]) -> Structure:
    """Return the cell with its first Mn on the place of a lithium about 2.9 Å away."""
    moved = cell.copy()
    nearest = min(of["Li"], key=lambda i: abs(cell.get_distance(i, of["Mn"][0]) - 2.9))
    moved.replace(of["Mn"][0], "Mn", coords=cell[nearest].frac_coords)
    moved.remove_sites([nearest])
    return moved


def defects(cell: Structure) -> dict[str, Structure]:
    """Return the cells to relax, by name."""
    of = {e: [i for i, site in enumerate(cell) if site.specie.symbol == e] for e in ("Li", "Mn", "O")}
    made = {}

    made["O vacancy 1"] = without(cell, of["O"][0])
    made["W on Mn"] = cell.copy()
    made["W on Mn"].replace(of["Mn"][1], "W")
    made["Mn in the Li layer"] = migrated(cell, of)
    made["Li vacancy"] = without(cell, of["Li"][2])
    made["W on Mn, O vacancy"] = without(made["W on Mn"], of["O"][5])
    made["half charged"] = without(cell, *of["Li"][::2])
    made["Al on Mn"] = cell.copy()
    made["Al on Mn"].replace(of["Mn"][3], "Al")
    made["O vacancy 2"] = without(cell, of["O"][11])
    return made
