"""Crystals of coatings: published lattices in ``coatings.csv``, each with its source and how far it has been checked.

Matching needs the lattice and its centring; positions are carried where they are known, so that an interface can be
built. ``checked`` is honest: ``memory`` is a number written down from memory of the cited paper and held against the
handbook's density only (``tests/test_interfaces_matching.py``).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lirich.errors import InputError, OptionalDependencyError, UnknownNameError
from lirich.interfaces.matching import MAX_AREA_A2, MAX_STRAIN, CoatingMatch, match, rank_matches
from lirich.interfaces.planes import UnitCell
from lirich.model import Composition

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

_DALTON_PER_A3 = 1.66053906660
"""g/cm³ of 1 u/Å³ (CODATA 2018)."""


@dataclass(frozen=True, slots=True)
class CoatingCrystal:
    """A published crystal: formula and phase, space group, conventional cell, formula units in it, positions if known.

    ``positions`` has one line per orbit, element and fractional coordinates, in the setting of pymatgen (of Fd-3m the
    first origin); it is empty where only the lattice is carried.
    """

    formula: str
    phase: str
    group: str
    cell: UnitCell
    units: float
    positions: tuple[tuple[str, float, float, float], ...]
    source: str
    checked: str

    @property
    def name(self) -> str:
        """Formula and phase: ``TiO2 (rutile)``."""
        return f"{self.formula} ({self.phase})"

    @property
    def density_g_cm3(self) -> float:
        """Density of the perfect crystal, g/cm³."""
        return self.units * Composition.parse(self.formula).molar_mass_g_mol / self.cell.volume_a3 * _DALTON_PER_A3

    def structure(self) -> Structure:
        """Return the conventional cell with its atoms.

        Raises `lirich.errors.InputError` where only the lattice is carried, `lirich.errors.OptionalDependencyError`
        without pymatgen.
        """
        if not self.positions:
            raise InputError(
                f"Of {self.name} the lattice is carried, not the positions",
                advice="Read a CIF of it with lirich.atoms.text.read_structure",
            )
        try:
            from pymatgen.core.lattice import Lattice
            from pymatgen.core.structure import Structure
        except ImportError as error:
            raise OptionalDependencyError.of("A crystal with its atoms", "atoms") from error
        cell = self.cell
        lattice = Lattice.from_parameters(cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
        elements = [p[0] for p in self.positions]
        return Structure.from_spacegroup(self.group, lattice, elements, [p[1:] for p in self.positions])


@lru_cache(maxsize=1)
def coating_crystals() -> tuple[CoatingCrystal, ...]:
    """Return all crystals that are carried, in the order of the table."""
    text = files("lirich.interfaces").joinpath("coatings.csv").read_text(encoding="utf-8")
    return tuple(_crystal(row) for row in csv.DictReader(text.splitlines()))


def coating_crystal(formula: str, phase: str = "") -> CoatingCrystal:
    """Return the crystal of that formula (in any order of the elements), of the first phase listed unless one is named.

    Raises `lirich.errors.UnknownNameError` where it is not carried, `lirich.errors.CompositionError` for what is no
    formula.
    """
    wanted = _reduced(formula)
    found = [c for c in coating_crystals() if _reduced(c.formula) == wanted and phase in ("", c.phase)]
    if not found:
        named = f"{formula} ({phase})" if phase else formula
        raise UnknownNameError.of("crystal of a coating", named, {c.name for c in coating_crystals()})
    return found[0]


def match_coatings(
    facet: str = "003",
    cathode: UnitCell | None = None,
    *,
    crystals: Sequence[CoatingCrystal] | None = None,
    max_area_a2: float = MAX_AREA_A2,
    max_strain: float = MAX_STRAIN,
) -> list[CoatingMatch]:
    """Match crystals (all that are carried, unless some are given) with a facet, best first; see `matching.match`."""
    some = coating_crystals() if crystals is None else crystals
    return rank_matches(
        match(c.name, c.cell, facet, cathode, max_area_a2=max_area_a2, max_strain=max_strain) for c in some
    )


def _crystal(row: dict[str, str]) -> CoatingCrystal:
    a, b, c, alpha, beta, gamma = (float(row[k]) for k in ("a", "b", "c", "alpha", "beta", "gamma"))
    orbits = [p.split() for p in row["positions"].split(";") if p.strip()]
    return CoatingCrystal(
        formula=row["formula"],
        phase=row["phase"],
        group=row["group"],
        cell=UnitCell(a, b, c, alpha, beta, gamma, centring=row["group"][0]),
        units=float(row["z"]),
        positions=tuple((e, float(x), float(y), float(z)) for e, x, y, z in orbits),
        source=row["source"],
        checked=row["checked"],
    )


@lru_cache(maxsize=512)
def _reduced(formula: str) -> frozenset[tuple[str, float]]:
    amounts = Composition.parse(formula).amounts
    total = sum(amounts.values())
    return frozenset((element, round(n / total, 4)) for element, n in amounts.items())
