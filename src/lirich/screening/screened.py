"""What a screening computed, before any judgement: cells, numbers and failures, exact through JSON.

Gates and weights judge it afterwards (`lirich.screening.judged`): another weight needs no new computation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from lirich.model import Frozen
from lirich.screening.study import DopingStudy

PER_METAL = ("metal_migration_energy_ev", "metal_migration_energy_change_ev", "metal_migration_barrier_ev")
"""Quantities that a cell has one of for each kind of metal that may leave: metals are never mixed in one figure."""
_WAY = re.compile(r"(?P<metal>[A-Z][a-z]?) in an? (?P<place>tetrahedron|octahedron) of the Li layer\b")
"""How `lirich.atoms.descriptors.migration.ways_out` names a way; a test holds the two together."""


class Reading(Frozen):
    """One computed number of one cell.

    ``value`` is in the unit of the quantity, ``None`` where there is none, and ``why`` then says what became of it.
    ``cell`` is the number of the cell among those of its candidate, ``where`` the site or path, ``region`` whether that
    is next to a dopant or far from one, ``lithium_removed`` the share of the lithium that is taken out. ``doubts`` are
    about a number that is there.
    """

    quantity: str
    value: float | None
    cell: int = 0
    where: str = ""
    region: Literal["", "near", "far"] = ""
    lithium_removed: float = 0.0
    calculator: str = ""
    doubts: tuple[str, ...] = ()
    why: str = ""

    @property
    def metal(self) -> str:
        """The metal that leaves, as the way says it (``Mn in an octahedron of the Li layer``); else empty."""
        way = _WAY.match(self.where) if self.quantity in PER_METAL else None
        return "" if way is None else way["metal"]

    @property
    def place(self) -> str:
        """Where the metal goes in the lithium layer: ``tetrahedron`` or ``octahedron``; else empty."""
        way = _WAY.match(self.where) if self.quantity in PER_METAL else None
        return "" if way is None else way["place"]


class CellNumbers(Frozen):
    """What one cell gave: its numbers, and what is to be said of it."""

    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()


class Crystal(Frozen):
    """A cell as it was built: rows of ``lattice_a`` (Å), fractional positions; element, layer, role of each atom."""

    lattice_a: tuple[tuple[float, float, float], ...]
    positions: tuple[tuple[float, float, float], ...]
    elements: tuple[str, ...]
    layers: tuple[str, ...]
    roles: tuple[str, ...]


class Built(Frozen):
    """One cell of a candidate: on which ordering of the host, with which dopants, made neutral how."""

    ordering: int
    formula: str
    compensation: str = "none needed"
    share_percent: float = 0.0
    crystal: Crystal | None = None
    notes: tuple[str, ...] = ()


class Tried(Frozen):
    """A candidate that was tried: its cells and what they gave; ``failures`` are whole cells that gave nothing.

    ``doping`` is its number among the `lirich.screening.study.DopingStudy.dopings` of its study, ``None`` where each of
    them is one candidate, in their order (and of the undoped).
    """

    name: str
    doping: int | None = None
    elements: tuple[str, ...] = ()
    dopants: tuple[str, ...] = ()
    cells: tuple[Built, ...] = ()
    readings: tuple[Reading, ...] = ()
    failures: tuple[str, ...] = ()


class Screened(Frozen):
    """All that a study computed. ``versions`` says which potential each calculator was, ``seconds`` how long it took.

    ``jobs`` counts the calculations, ``same`` those of them that two candidates shared.
    """

    study: DopingStudy
    host: Tried
    tried: tuple[Tried, ...]
    versions: Mapping[str, str] = {}
    lirich: str = ""
    jobs: int = 0
    same: int = 0
    seconds: float = 0.0
