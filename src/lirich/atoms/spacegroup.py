"""Crystals from a space group, each group made once.

pymatgen compares all operations of a group with each other when it makes one, which for the 192 of Fm-3m takes most
of a second, and remembers a group only as long as somebody holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.symmetry.groups import SpaceGroup

_hold = cache(SpaceGroup)


def crystal_of_group(
    symbol: str, lattice: Lattice, elements: Sequence[str], places: Sequence[Sequence[float]]
) -> Structure:
    """Return the conventional cell with one orbit of each element, from fractional coordinates of shape (n, 3).

    Raises `ValueError` for a symbol that is none, and where the lattice is not one of the group.
    """
    _hold(symbol)
    return Structure.from_spacegroup(symbol, lattice, elements, places)
