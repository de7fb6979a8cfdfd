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

    ``steps`` are those of the relaxations that gave the number, together, as
    `lirich.atoms.descriptors.computed.Computed` counts them; ``None`` where nothing was relaxed for it, and in older
    results, which do not tell. ``atom`` is the atom that is taken out or goes elsewhere, by its index in the relaxed
    cell of that state of charge (`Relaxed`).
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
    steps: int | None = None
    atom: int | None = None

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


Rows = tuple[tuple[float, float, float], ...]


class Relaxed(Frozen):
    """A cell after it was relaxed: the atoms of the cell as built, in their order, without those that left.

    ``removed`` are the atoms that left, by their index in the cell as built; ``lattice_a`` has rows of Å, ``positions``
    are fractional. ``gives`` names the numbers that are of this cell, ``doubts`` what is not as it was built. Elements,
    layers and roles are those of the cell as built. ``moments_mub`` are magnetic moments, µB, where the potential tells
    them.
    """

    lithium_removed: float = 0.0
    removed: tuple[int, ...] = ()
    lattice_a: Rows
    positions: Rows
    energy_ev: float
    steps: int
    gives: str = ""
    doubts: tuple[str, ...] = ()
    moments_mub: tuple[float, ...] = ()
    calculator: str = ""


class Effort(Frozen):
    """How the relaxations of a cell and of its variants ended, without those of the undoped cell beside it.

    ``steps`` lists the steps of each relaxation that came to an end, the longest last, ``force_calls`` counts the calls
    of the potential, of all their starts and of bands. ``relaxations`` are all of them, ``bands`` paths between two
    ends. Of both ``not_converged`` ran out of steps and ``failed`` ended in an error; of relaxations ``not_as_built``
    converged to another state than the one that was built.
    """

    relaxations: int = 0
    bands: int = 0
    steps: tuple[int, ...] = ()
    force_calls: int = 0
    not_converged: int = 0
    not_as_built: int = 0
    failed: int = 0


class CellNumbers(Frozen):
    """What one cell gave: its numbers, the relaxed cells that they are of, what it took, what is to be said of it."""

    readings: tuple[Reading, ...] = ()
    relaxed: tuple[Relaxed, ...] = ()
    effort: Effort = Effort()
    notes: tuple[str, ...] = ()


class Crystal(Frozen):
    """A cell as it was built: rows of ``lattice_a`` (Å), fractional positions; element, layer, role of each atom."""

    lattice_a: Rows
    positions: Rows
    elements: tuple[str, ...]
    layers: tuple[str, ...]
    roles: tuple[str, ...]


class Built(Frozen):
    """One cell of a candidate: on which ordering of the host, with which dopants, made neutral how.

    ``crystal`` is the cell as built, ``relaxed`` what became of it by state of charge (and calculator), ``efforts``
    what that took, by calculator. Older results have the cell as built alone.
    """

    ordering: int
    formula: str
    compensation: str = "none needed"
    share_percent: float = 0.0
    crystal: Crystal | None = None
    relaxed: tuple[Relaxed, ...] = ()
    efforts: Mapping[str, Effort] = {}
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
