"""A crystal as balls and springs: a first guess of the second derivatives, which lets a relaxation take true steps.

The stiffness of a bond between cation and anion grows with its valence. On the 60-atom Li-rich oxide that it was
set on, a BFGS run needs a quarter to a third of the evaluations that it needs from a multiple of the unit matrix.
On another host, LiNiO2 less an oxygen (47 atoms, to 0.05 eV/Å), it took 15, against 28 from 70 eV/Å² (the usual
guess of ASE) and 13 from 10 eV/Å²: half of the usual guess, and no better than a lucky one. It decides the way to
a minimum, not what is one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from lirich.atoms.endstates import ANION_RADIUS_A

Array = NDArray[np.float64]

REACH_A = 4.5
STIFFNESS = 7.0
"""eV/Å² per unit of bond valence, along the bond: rounded from the second derivatives of CHGNet 0.3.0 in Li18Mn9Ni3O30,
own calculation: Mn-O (valence 0.67) 4-5, Ni-O (0.33) 1.6, Li-O (0.17) 0.4 eV/Å²."""
ACROSS = 0.3
"""The same across the bond, as a share of that along it: 0.4-0.5 for Mn-O and Ni-O there, less for long bonds."""
VALENCE_LENGTH_A = 0.37
"""How fast the valence of a bond falls with its length: Brown & Altermatt, Acta Cryst. B 41, 244 (1985),
doi:10.1107/S0108768185002063."""
SHELL = 6
"""Bonds that share the charge of a cation."""
FLOOR = 0.7
"""eV/Å² that each atom is held with besides, so that nothing is loose."""
BULK_EV_A3 = 0.3
"""Stiffness of the cell besides the springs, eV/Å³ (50 GPa)."""


def spring_hessian(structure: Structure, *, strain: bool = False) -> Array:
    """Return the guess of the second derivatives by the Cartesian coordinates, eV/Å², shape (3 atoms, 3 atoms).

    With *strain* six more rows and columns follow: the components xx, yy, zz, yz, xz, xy of a symmetric strain (each of
    the last three shared by two elements), eV per unit strain. Positive definite.
    """
    count = len(structure)
    size = 3 * count + (6 if strain else 0)
    hessian = np.diag(
        np.concatenate([np.full(3 * count, FLOOR), np.full(size - 3 * count, BULK_EV_A3 * structure.volume)])
    )
    first, second, image, distance = structure.get_neighbor_list(REACH_A)
    once = [k for k in range(len(first)) if _once(int(first[k]), int(second[k]), image[k])]
    symbols = [site.specie.symbol for site in structure]
    places, lattice = structure.frac_coords, structure.lattice.matrix  # made anew each time that they are asked for
    for k in once:
        i, j = int(first[k]), int(second[k])
        stiffness = bond_stiffness(symbols[i], symbols[j], float(distance[k]))
        if stiffness < 1e-3:
            continue
        vector = (places[j] + image[k] - places[i]) @ lattice
        along = vector / distance[k]
        block = stiffness * (ACROSS * np.eye(3) + (1 - ACROSS) * np.outer(along, along))
        stretch = np.zeros((3, size))
        stretch[:, 3 * j : 3 * j + 3] += np.eye(3)
        stretch[:, 3 * i : 3 * i + 3] -= np.eye(3)
        columns = [*range(3 * i, 3 * i + 3), *range(3 * j, 3 * j + 3)] if i != j else [*range(3 * i, 3 * i + 3)]
        if strain:
            x, y, z = vector
            stretch[:, 3 * count :] = [
                [x, 0, 0, 0, z / 2, y / 2],
                [0, y, 0, z / 2, 0, x / 2],
                [0, 0, z, y / 2, x / 2, 0],
            ]
            columns += range(3 * count, size)
        part = stretch[:, columns]
        hessian[np.ix_(columns, columns)] += part.T @ block @ part
    return hessian


def bond_stiffness(first: str, second: str, distance_a: float) -> float:
    """Return the stiffness of a bond between two elements, eV/Å²: 0 but between a cation and an anion."""
    if (first in ANION_RADIUS_A) == (second in ANION_RADIUS_A):
        return 0.0
    anion, cation = (first, second) if first in ANION_RADIUS_A else (second, first)
    charge, radius = _cation(cation)
    valence = charge / SHELL * np.exp(-(distance_a - radius - ANION_RADIUS_A[anion]) / VALENCE_LENGTH_A)
    return STIFFNESS * min(float(valence), 2.0)


@lru_cache
def _cation(symbol: str) -> tuple[float, float]:
    """Return the usual charge of a cation and its crystal radius, Å (Shannon, through pymatgen)."""
    element = Element(symbol)
    charges = sorted(c for c in element.common_oxidation_states if c > 0) or [1]
    charge = min(charges[len(charges) // 2], 6)
    radius = element.ionic_radii.get(charge) or element.average_ionic_radius or element.atomic_radius or 1.0
    return float(charge), float(radius)


def _once(i: int, j: int, image: Array) -> bool:
    return i < j or (i == j and tuple(image) > (0, 0, 0))
